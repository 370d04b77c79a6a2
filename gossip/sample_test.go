package gossip

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// streams are the two kinds, for what holds of both.
var streams = []struct {
	name string
	of   func(*Node, context.Context) iter.Seq[Peer]
}{
	{"samples", (*Node).Samples},
	{"fresh samples", (*Node).FreshSamples},
}

// waiting is how many streams of a node wait for a peer.
func waiting(n *Node) (count int) {
	n.do(func() { count = len(n.samplers) })
	return count
}

// star starts nodes in memory that all know each other, the first of them the
// contact of the others.
func star(t *testing.T, ctx context.Context, size int) (nodes []*Node, config func() Config) {
	t.Helper()
	_, config = inMemory(t)
	for i := range size {
		cfg := config().with(fmt.Sprintf("n%d", i))
		if i > 0 {
			cfg.Join = []string{nodes[0].Self().Addr}
		}
		nodes = append(nodes, start(t, cfg))
	}
	for _, n := range nodes {
		for len(n.View()) < size-1 {
			if ctx.Err() != nil {
				t.Fatalf("%s knows %d of %d others", n.Self().ID, len(n.View()), size-1)
			}
			time.Sleep(time.Second) // of the bubble's time, which costs none
		}
	}
	return nodes, config
}

func closeAll(nodes ...*Node) {
	for _, n := range nodes {
		n.Close()
	}
}

// TestStreamWaitsForTheFirstPeer, however long that takes, and the loop sleeps
// meanwhile.
func TestStreamWaitsForTheFirstPeer(t *testing.T) {
	for _, stream := range streams {
		t.Run(stream.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, config := inMemory(t)
				a := start(t, config().with("a"))
				var first Peer
				var when time.Time
				done := make(chan struct{})
				go func() {
					defer close(done)
					for p := range stream.of(a, t.Context()) {
						first, when = p, time.Now()
						return
					}
				}()
				synctest.Wait()
				time.Sleep(3 * time.Hour)
				if waiting(a) != 1 {
					t.Errorf("%d streams wait, want 1", waiting(a))
				}
				joining := config().with("b")
				joining.Join = []string{a.Self().Addr}
				came := time.Now()
				b := start(t, joining)
				<-done
				if first.ID != "b" || first.Addr != b.Self().Addr {
					t.Errorf("the first sample is %+v, want b", first)
				}
				if d := when.Sub(came); d > time.Second {
					t.Errorf("it came %v after the peer", d)
				}
				if waiting(a) != 0 {
					t.Errorf("%d streams still wait", waiting(a))
				}
				closeAll(a, b)
			})
		})
	}
}

// TestStreamEndsWhileItWaits: with the context and with the node, and leaves
// nothing behind (the bubble would not end with a goroutine in it).
func TestStreamEndsWhileItWaits(t *testing.T) {
	for _, stream := range streams {
		for _, tc := range []struct {
			name string
			end  func(cancel func(), n *Node)
		}{
			{"context", func(cancel func(), n *Node) { cancel() }},
			{"close", func(cancel func(), n *Node) { n.Close() }},
			{"leave", func(cancel func(), n *Node) { n.Leave(context.Background()) }},
		} {
			t.Run(stream.name+"/"+tc.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					_, config := inMemory(t)
					n := start(t, config().with("alone"))
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					done := make(chan struct{})
					go func() {
						defer close(done)
						for p := range stream.of(n, ctx) {
							t.Errorf("a node alone was given %v", p)
						}
					}()
					synctest.Wait()
					tc.end(cancel, n)
					<-done
					if ctx.Err() != nil && waiting(n) != 0 {
						t.Error("the loop still keeps a stream that has ended")
					}
					for p := range stream.of(n, ctx) {
						t.Errorf("after the end: %v", p)
					}
					n.Close()
				})
			})
		}
	}
}

// TestSamplesGoRound: everybody in the view once, then everybody once more, and
// nobody twice in a row (TOCS 2007, section 2: an implementation may return each
// element of the view once before it repeats any).
func TestSamplesGoRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := within(t, time.Hour)
		nodes, _ := star(t, ctx, 6)
		for _, n := range nodes {
			var last string
			count := make(map[string]int)
			drawn := 0
			for p := range n.Samples(ctx) {
				if p.ID == last {
					t.Errorf("%s: %s twice in a row", n.Self().ID, p.ID)
				}
				last = p.ID
				count[p.ID]++
				drawn++
				if round := (drawn + 4) / 5; count[p.ID] > round {
					t.Errorf("%s: %s was sampled %d times by draw %d", n.Self().ID, p.ID, count[p.ID], drawn)
				}
				if drawn == 5*20 {
					break
				}
			}
		}
		closeAll(nodes...)
	})
}

// TestSamplesOfTwoNodes: the only other node again and again, without a wait.
func TestSamplesOfTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := within(t, time.Hour)
		nodes, _ := star(t, ctx, 2)
		begin, drawn := time.Now(), 0
		for p := range nodes[0].Samples(ctx) {
			if drawn++; p.ID != "n1" {
				t.Fatalf("sample %d is %v", drawn, p)
			}
			if drawn == 1000 {
				break
			}
		}
		if d := time.Since(begin); drawn != 1000 || d > 0 {
			t.Errorf("%d samples took %v", drawn, d)
		}
		closeAll(nodes...)
	})
}

// TestFreshSamplesAreNews: everybody once, then whoever comes.
func TestFreshSamplesAreNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := within(t, 24*time.Hour)
		nodes, config := star(t, ctx, 4)
		fresh := make(chan Peer, 10)
		go func() {
			defer close(fresh)
			for p := range nodes[0].FreshSamples(ctx) {
				fresh <- p
			}
		}()
		time.Sleep(time.Hour) // exchanges go on, and bring nothing new
		if len(fresh) != 3 || waiting(nodes[0]) != 1 {
			t.Errorf("after an hour: %d samples and %d streams that wait, want 3 and 1", len(fresh), waiting(nodes[0]))
		}
		joining := config().with("late")
		joining.Join = []string{nodes[1].Self().Addr}
		nodes = append(nodes, start(t, joining))
		time.Sleep(time.Hour)
		closeAll(nodes...)
		var got []string
		for p := range fresh {
			got = append(got, p.ID)
		}
		slices.Sort(got[:min(3, len(got))])
		if want := []string{"n1", "n2", "n3", "late"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestFreshSamplesOfAReturnedPeer: who left the view and came back is news.
func TestFreshSamplesOfAReturnedPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := within(t, 24*time.Hour)
		memory, config := inMemory(t)
		a := start(t, config().with("a"))
		joining := config().with("b")
		joining.Join = []string{a.Self().Addr}
		b := start(t, joining)
		next, stop := iter.Pull(a.FreshSamples(ctx))
		defer stop()
		if p, _ := next(); p.ID != "b" {
			t.Fatalf("the first sample is %v, want b", p)
		}
		memory.Cut(func(from, to netip.AddrPort) bool { return true })
		time.AfterFunc(time.Hour, memory.Heal)
		cut := time.Now()
		if p, _ := next(); p.ID != "b" || time.Since(cut) < time.Hour {
			t.Errorf("the second sample is %v after %v, want b after an hour", p, time.Since(cut))
		}
		closeAll(a, b)
	})
}

// TestStreamsMayCallEverything: no call from inside the loop over a stream can
// deadlock, Close among them, and two streams do not mix.
func TestStreamsMayCallEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := within(t, time.Hour)
		nodes, _ := star(t, ctx, 4)
		n := nodes[0]
		stream := n.Samples(ctx)
		drawn := 0
		for range stream {
			n.View()
			n.Sample(2)
			n.Stats()
			seen := make(map[string]bool)
			for p := range stream { // anew, so a round of its own
				if seen[p.ID] = true; len(seen) == 3 {
					break
				}
			}
			if drawn++; drawn == 10 {
				n.Close()
			}
		}
		if drawn != 10 {
			t.Errorf("%d samples, but the node was closed after 10", drawn)
		}
		closeAll(nodes...)
	})
}

// TestManyStreamsAtOnceWithClose, from any number of goroutines.
func TestManyStreamsAtOnceWithClose(t *testing.T) {
	for range 20 {
		a := start(t, Config{ID: "a"})
		b := start(t, Config{ID: "b", Join: []string{a.Self().Addr}})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				count := 0
				for range streams[i%2].of(b, ctx) {
					if count++; count == 50 && i == 0 {
						b.Close()
					}
					if i == 1 {
						cancel()
					}
				}
			})
		}
		wg.Wait()
		cancel()
		closeAll(a, b)
	}
}

func BenchmarkSamples(bench *testing.B) {
	for _, size := range []int{2, 31} {
		bench.Run(fmt.Sprintf("view of %d", size-1), func(bench *testing.B) {
			ctx := within(bench, time.Minute)
			contact := start(bench, Config{ExchangeMin: 10 * time.Millisecond})
			for range size - 1 {
				start(bench, Config{ExchangeMin: 10 * time.Millisecond, Join: []string{contact.Self().Addr}})
			}
			seen := make(map[string]bool)
			for p := range contact.FreshSamples(ctx) {
				if seen[p.ID] = true; len(seen) == size-1 {
					break
				}
			}
			next, stop := iter.Pull(contact.Samples(ctx))
			defer stop()
			bench.ReportAllocs()
			for bench.Loop() {
				next()
			}
		})
	}
}
