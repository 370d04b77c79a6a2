package broadcast

import (
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

// Whatever is delivered whenever: the bounds of bytes and age hold, positions
// count on, and what was dropped is remembered by its newest.
func TestLogKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := LogConfig{Bytes: 1500, Age: 10 * time.Second}
		l, seen := NewLog(cfg), newSeen()
		now, end := time.Minute, uint64(0)
		since := map[peer.Dot]time.Duration{} // delivered when
		var all []*Message
		born := map[peer.Dot]time.Duration{}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				h := peer.Handle(rapid.Uint32Range(1, 3).Draw(t, "origin"))
				m := &Message{
					Dot:     peer.Dot{Origin: h, Seq: seen.Highest(h) + 1},
					Payload: make([]byte, rapid.SampledFrom([]int{0, 100, 400, 3000}).Draw(t, "size")),
					Born:    now - time.Duration(rapid.IntRange(0, 15).Draw(t, "age"))*time.Second,
				}
				seen.Mark(m.Dot, 0)
				l.Append(now, m, 0)
				all, end, since[m.Dot], born[m.Dot] = append(all, m), end+1, now, m.Born
			},
			"wait": func(t *rapid.T) {
				now += time.Duration(rapid.IntRange(0, 5).Draw(t, "seconds")) * time.Second
				l.Expire(now)
			},
			"to the deadline": func(t *rapid.T) {
				if d := l.Deadline(); d != Never {
					now, end = d, l.End()
					n := l.Len()
					if l.Expire(now); l.Len() == n {
						t.Fatalf("nothing expires at the deadline, %v", d)
					}
				}
			},
			"": func(t *rapid.T) {
				if l.End() != end || l.Begin()+uint64(l.Len()) != end {
					t.Fatalf("positions %d to %d with %d entries, %d were appended", l.Begin(), l.End(), l.Len(), end)
				}
				if l.Deadline() <= now {
					t.Fatalf("the deadline %v has passed at %v", l.Deadline(), now)
				}
				if l.Bytes() > cfg.Bytes && l.Len() > 1 {
					t.Fatalf("%d bytes in %d messages", l.Bytes(), l.Len())
				}
				sum := 0
				gone := map[peer.Handle]uint64{}
				for pos, m := range all {
					held := uint64(pos) >= l.Begin()
					if (l.Get(m.Dot) == m) != held {
						t.Fatalf("%v at %d: found %v with the log beginning at %d", m.Dot, pos, l.Get(m.Dot), l.Begin())
					}
					if held {
						sum += m.Size()
						if now >= since[m.Dot]+cfg.Age {
							t.Fatalf("%v was delivered at %v and is kept at %v", m.Dot, since[m.Dot], now)
						}
					} else {
						gone[m.Dot.Origin] = max(gone[m.Dot.Origin], m.Dot.Seq)
					}
				}
				if sum != l.Bytes() {
					t.Fatalf("%d bytes are counted, %d are held", l.Bytes(), sum)
				}
				for h := peer.Handle(1); h <= 3; h++ {
					seq, when := l.Evicted(h)
					if seq != gone[h] || when != born[peer.Dot{Origin: h, Seq: seq}] {
						t.Fatalf("Evicted(%d) = %d, %v, want %d", h, seq, when, gone[h])
					}
				}
				if n := l.Evictions.ByAge + l.Evictions.ByBytes; n != l.Begin() {
					t.Fatalf("%d evictions are counted, %d messages are gone", n, l.Begin())
				}
			},
		})
	})
}

// Full tells beforehand exactly what Append would do: push out something at or
// after the position, be it by one message or, for a large one, by several.
// A log of a few messages has room for a few, and finds all as its first block grows.
func TestALogBeginsSmall(t *testing.T) {
	l := NewLog(LogConfig{Bytes: 1 << 20, Age: time.Hour})
	for seq := uint64(1); seq <= 3*blockLen; seq++ {
		l.Append(0, &Message{Dot: peer.Dot{Origin: 1, Seq: seq}}, seq)
		if room := len(l.blocks) * blockLen; l.Len() <= firstLen && cap(l.blocks[0]) > firstLen || l.Len() <= room-blockLen {
			t.Fatalf("%d blocks, the first of %d, for %d messages", len(l.blocks), cap(l.blocks[0]), l.Len())
		}
		for s := uint64(1); s <= seq; s++ {
			if m := l.Get(peer.Dot{Origin: 1, Seq: s}); m == nil || m.Dot.Seq != s || l.at(s-1).known != s {
				t.Fatalf("of %d messages, that with number %d is %v", seq, s, m)
			}
		}
	}
}

func TestFullForetellsAppend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := NewLog(LogConfig{Bytes: 1500, Age: time.Hour})
		size := rapid.SampledFrom([]int{0, 100, 400, 1000, 3000})
		n := rapid.IntRange(0, 12).Draw(t, "messages")
		for i := range n {
			l.Append(0, &Message{Dot: peer.Dot{Origin: 1, Seq: uint64(i + 1)}, Payload: make([]byte, size.Draw(t, "size"))}, 0)
		}
		m := &Message{Dot: peer.Dot{Origin: 1, Seq: uint64(n + 1)}, Payload: make([]byte, size.Draw(t, "last"))}
		unsent := l.Begin() + uint64(rapid.IntRange(0, l.Len()).Draw(t, "unsent"))
		full := l.Full(m.Size(), unsent)
		l.Append(0, m, 0)
		if lost := l.Begin() > unsent; full != lost {
			t.Fatalf("Full = %v, then the log begins at %d and %d was not sent", full, l.Begin(), unsent)
		}
	})
}

// Nothing that is held can be forgotten by the driver's address book.
func TestLogNamesWhoItsMessagesName(t *testing.T) {
	l := NewLog(LogConfig{Bytes: 1 << 20, Age: time.Hour})
	l.Append(0, &Message{Dot: peer.Dot{Origin: 1, Seq: 2}, Deps: []peer.Dot{{Origin: 2, Seq: 3}, {Origin: 1, Seq: 1}}}, 0)
	var named []peer.Handle
	l.Handles(func(h peer.Handle) { named = append(named, h) })
	slices.Sort(named)
	if named = slices.Compact(named); !slices.Equal(named, []peer.Handle{1, 2}) {
		t.Errorf("named %v", named)
	}
	l.Forsake(3, 7, time.Second)
	l.Forsake(3, 5, time.Minute) // older news
	if seq, born := l.Evicted(3); seq != 7 || born != time.Second {
		t.Errorf("Evicted = %d, %v, want what was given up last", seq, born)
	}
}
