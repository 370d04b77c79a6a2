package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

const (
	// calm is what nothing goes wrong in but what is made to.
	calm = `
nodes 12
latency 10ms
jitter 10ms
at 8s talk 40 every 100ms answers 20
end 20s
`
	// outlasted has a partition that outlasts the logs.
	outlasted = `
nodes 12
retention 20s
at 8s talk 10 every 100ms
at 10s partition 0.5 for 70s
at 10s talk 60 every 1s
at 90s talk 10 every 100ms
end 2m
`
)

// deliveries has what every machine delivers changed.
func deliveries(change func([]*broadcast.Message) []*broadcast.Message) func(*World) {
	return func(w *World) {
		w.spoil = func(n *Node) { n.out.Deliveries = change(n.out.Deliveries) }
	}
}

// Each promise is broken on purpose, and the oracle objects to that one, and to no other
// but those that it cannot be broken without, one of which may be the first.
func TestABrokenPromiseIsTold(t *testing.T) {
	for _, test := range []struct {
		promise  int
		how      string
		scenario string
		setup    func(*World)
		also     []int
	}{
		{1, "everything is delivered twice", calm, deliveries(func(d []*broadcast.Message) []*broadcast.Message { return append(d, d...) }), nil},
		{1, "a node starts again and remembers nothing, not even that it has been there before", calm, reborn, []int{2, 3, 4, 10, 11}},
		{2, "the first node's first message comes after its second", calm + "origins 1", swapFirstTwo, nil},
		{2, "nothing is held back", calm, deliverOnArrival, nil},
		{3, "clocks count one more", calm, deliveries(func(d []*broadcast.Message) []*broadcast.Message {
			for i, m := range d {
				wrong := *m
				wrong.Clock = m.Clock.Increment("nobody")
				d[i] = &wrong
			}
			return d
		}), nil},
		// Unordered, or what follows a lost message is wrong too.
		{4, "the third message of everybody is lost", calm + "order unordered", loseThird, nil},
		{4, "the third message of everybody is lost, and said to be gone", calm + "order unordered", func(w *World) {
			loseThird(w)
			lose := w.spoil
			w.spoil = func(n *Node) {
				lost := slices.Clone(n.out.Deliveries)
				lose(n)
				for _, m := range lost {
					if !slices.Contains(n.out.Deliveries, m) {
						n.out.Events = append(n.out.Events, gap(m.Dot))
					}
				}
			}
		}, nil},
		{4, "links lose payloads, and nobody asks for one, grafts or repairs", calm + "origins 2", forgetful, nil},
		{5, "a link too many", calm, func(w *World) { w.spoil = func(n *Node) { n.cfg.Links.Max = 1 } }, nil},
		{6, "nobody tells of gaps", outlasted, func(w *World) {
			w.spoil = func(n *Node) {
				n.out.Events = slices.DeleteFunc(n.out.Events, func(e protocol.Event) bool { return e.Kind == protocol.MessageGap })
			}
		}, nil},
		{6, "what was delivered is said to be gone", outlasted, falseGaps(30*time.Second, func(m *broadcast.Message) peer.Dot { return m.Dot }), nil},
		{6, "what was never sent is said to be gone", outlasted, falseGaps(0, func(m *broadcast.Message) peer.Dot {
			return peer.Dot{Origin: m.Dot.Origin, Seq: m.Dot.Seq + 1000}
		}), nil},
		{7, "a log that is allowed less than it takes", calm, func(w *World) { w.spoil = func(n *Node) { n.cfg.Log.Bytes = 500 } }, nil},
		{7, "a hold-back that is allowed nothing", calm, func(w *World) {
			w.spoil = func(n *Node) { n.cfg.HoldBytes = 0 }
			w.tamper = loseData(7)
		}, nil},
		{7, "every payload is sent thirty times, whatever the window", calm, func(w *World) {
			w.Configure = changed(w.Configure, func(c *protocol.Config) { c.Relay.Window = 1000 })
			w.spoil = repeatData(30)
		}, nil},
		{8, "no link leads from odd nodes to even ones, and repairs carry all", calm, func(w *World) {
			w.tamper = func(from, to *Node, f *broadcast.Frame) bool {
				return from.Handle%2 == to.Handle%2 || f.Kind != broadcast.Neighbor || f.Repair
			}
		}, nil},
		{9, "a payload is sent again, for ever", calm, func(w *World) {
			var last broadcast.Send
			w.spoil = func(n *Node) {
				for _, s := range n.out.Links.Sends {
					if n.Handle == 3 && s.Frame.Kind == broadcast.Data {
						last = s
					}
					if n.Handle == 3 && isSign(s.Frame.Kind) && last.Frame.Message != nil {
						n.out.Links.Sends = append(n.out.Links.Sends, broadcast.Send{Link: s.Link, Frame: last.Frame})
						break
					}
				}
			}
		}, nil},
		{9, "links are grafted for ever", calm, func(w *World) {
			w.spoil = func(n *Node) {
				for _, s := range n.out.Links.Sends {
					if isSign(s.Frame.Kind) {
						n.out.Links.Sends = append(n.out.Links.Sends, broadcast.Send{Link: s.Link, Frame: broadcast.Frame{Kind: broadcast.Graft}})
					}
				}
			}
		}, nil},
		{9, "links are pinged without rest", calm, func(w *World) {
			w.Configure = changed(w.Configure, func(c *protocol.Config) { c.Links.Heartbeat = 100 * time.Millisecond })
		}, nil},
		{11, "a message depends on itself, once, on one link", calm, func(w *World) {
			done := false
			w.tamper = func(from, _ *Node, f *broadcast.Frame) bool {
				if f.Kind == broadcast.Data && from.Handle == f.Message.Dot.Origin && !done {
					done = true
					m := *f.Message
					m.Deps = []peer.Dot{m.Dot}
					f.Message = &m
				}
				return true
			}
		}, nil},
		// Clocks do not count then what is lost with it.
		{12, "disks lose a message", stored, spoilDisks(loseFifth), []int{3, 10}},
		{12, "disks exchange two messages", stored + "order unordered\n", spoilDisks(swapFirst), nil},
	} {
		s, err := ParseScenario(test.scenario)
		if err != nil {
			t.Fatal(err)
		}
		r := run(s, test.setup)
		first := func(promise int) bool { return strings.Contains(r.Violations[0], fmt.Sprintf("P%d: ", promise)) }
		if r.Kept() || r.Broken[test.promise-1] == 0 || !first(test.promise) && !slices.ContainsFunc(test.also, first) {
			t.Errorf("%s: broken %v: %q", test.how, r.Broken, r.Violations)
		}
		for i, n := range r.Broken {
			if n > 0 && i+1 != test.promise && !slices.Contains(test.also, i+1) {
				t.Errorf("%s: P%d is said to be broken %d times: %q", test.how, i+1, n, r.Violations)
			}
		}
	}
	for _, scenario := range []string{calm, outlasted} {
		s, err := ParseScenario(scenario)
		if err != nil {
			t.Fatal(err)
		}
		if r := Run(s); !r.Kept() || scenario == outlasted && r.Gaps == 0 {
			t.Errorf("without sabotage: %+v", r)
		}
	}
}

// changed is what a machine is configured with, and then another thing.
func changed(first, then func(*protocol.Config)) func(*protocol.Config) {
	return func(c *protocol.Config) {
		first(c)
		then(c)
	}
}

func gap(d peer.Dot) protocol.Event {
	return protocol.Event{Kind: protocol.MessageGap, Peer: d.Origin, Gap: causal.Gap{Origin: d.Origin, From: d.Seq, To: d.Seq}}
}

// reborn lets each node but the first start anew under its name and incarnation.
func reborn(w *World) {
	for i := 1; i < 12; i++ {
		w.at(10*time.Second, func() {
			old := w.nodes[i]
			w.Crash(old)
			n := &Node{Handle: old.Handle, ID: old.ID, Up: true, ends: make(map[broadcast.LinkID]*end), alarm: broadcast.Never}
			w.nodes[i] = n
			w.launch(n)
			w.Join(n, w.nodes[0])
		})
	}
}

// deliverOnArrival has machines hold nothing back. They cannot work clocks out
// then, and are given the true ones.
func deliverOnArrival(w *World) {
	w.tamper = loseData(7)
	w.Configure = changed(w.Configure, func(c *protocol.Config) { c.Order = causal.Unordered })
	w.spoil = func(n *Node) {
		for _, m := range n.out.Deliveries {
			m.Clock = vclock.Clock{}
			for h, count := range w.Oracle.sent[w.Oracle.index[m.Dot]].past {
				if count > 0 {
					m.Clock = m.Clock.With(w.node(peer.Handle(h)).ID, count)
				}
			}
		}
	}
}

func swapFirstTwo(w *World) {
	held := make(map[*Node]*broadcast.Message)
	w.spoil = func(n *Node) {
		if d := n.out.Deliveries; len(d) == 1 && held[n] == nil && n.Handle > 1 && d[0].Dot == (peer.Dot{Origin: 1, Seq: 1}) {
			held[n], n.out.Deliveries = d[0], nil
		} else if len(d) > 0 && d[len(d)-1].Dot.Origin == 1 && held[n] != nil {
			n.out.Deliveries = append(d, held[n])
			delete(held, n)
		}
	}
}

func loseThird(w *World) {
	deliveries(func(d []*broadcast.Message) []*broadcast.Message {
		return slices.DeleteFunc(d, func(m *broadcast.Message) bool { return m.Hops > 0 && m.Dot.Seq == 3 })
	})(w)
}

// forgetful has links lose a payload now and then, and nobody able to mend it.
func forgetful(w *World) {
	lose := loseData(7)
	w.tamper = func(from, to *Node, f *broadcast.Frame) bool {
		switch f.Kind {
		case broadcast.Want, broadcast.Graft:
			return false
		case broadcast.Neighbor:
			return !f.Repair
		}
		return lose(from, to, f)
	}
}

// loseData has one payload in so many lost.
func loseData(in int) func(from, to *Node, f *broadcast.Frame) bool {
	sent := 0
	return func(_, _ *Node, f *broadcast.Frame) bool {
		if f.Kind == broadcast.Data {
			sent++
		}
		return f.Kind != broadcast.Data || sent%in != 0
	}
}

// falseGaps has node 5 report something for each message, some time after it has
// delivered it.
func falseGaps(later time.Duration, of func(*broadcast.Message) peer.Dot) func(*World) {
	return func(w *World) {
		var due []func(*Node)
		w.spoil = func(n *Node) {
			if n.Handle != 5 {
				return
			}
			for _, m := range n.out.Deliveries {
				w.after(later, func() {
					due = append(due, func(n *Node) { n.out.Events = append(n.out.Events, gap(of(m))) })
				})
			}
			for _, report := range due {
				report(n)
			}
			due = nil
		}
	}
}

func repeatData(times int) func(*Node) {
	return func(n *Node) {
		for _, s := range slices.Clone(n.out.Links.Sends) {
			for i := 1; i < times && s.Frame.Kind == broadcast.Data; i++ {
				n.out.Links.Sends = append(n.out.Links.Sends, s)
			}
		}
	}
}

// isSign tells the frames that a node at rest sends.
func isSign(k broadcast.FrameKind) bool { return k == broadcast.Ping || k == broadcast.Pong }
