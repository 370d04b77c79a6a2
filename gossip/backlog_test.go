package gossip

import "testing"

// TestBacklogKeepsItsBound: what is charged is what is there, whether it is in the list
// or in the channel, and in the channel is never more than half of the bound.
func TestBacklogKeepsItsBound(t *testing.T) {
	const payload, limit = 1000, 100 * (1000 + messageOverhead)
	for _, clock := range []int{0, 64, limit / 5, limit / 2, limit} {
		b := newBacklog(limit, payload)
		var sent, dropped, read uint64
		take := func(most int) {
			for range most {
				b.offer()
				select {
				case m := <-b.out:
					if m.ID.Seq <= read {
						t.Fatalf("clock %d: %d after %d", clock, m.ID.Seq, read)
					}
					read = m.ID.Seq
				default:
				}
			}
		}
		check := func() {
			t.Helper()
			b.collect()
			charge := payload + messageOverhead + clock
			if b.bytes != b.len()*charge || b.givenBytes != len(b.out)*charge {
				t.Fatalf("clock %d: %d bytes are charged for %d messages, %d for %d in the channel", clock, b.bytes, b.len(), b.givenBytes, len(b.out))
			}
			if b.bytes > limit && b.len() > 2 || b.givenBytes > limit/2 && len(b.out) > 1 {
				t.Fatalf("clock %d: %d bytes, %d in the channel, of %d", clock, b.bytes, b.givenBytes, limit)
			}
		}
		for round := range 50 {
			for range round {
				sent++
				dropped += uint64(len(b.push(Message{ID: MessageID{Seq: sent}, Payload: make([]byte, payload)}, clock)))
				check()
			}
			take(round / 2)
			check()
		}
		take(1000)
		check()
		if b.len() != 0 || read != sent {
			t.Errorf("clock %d: %d are left; the last read is %d of %d", clock, b.len(), read, sent)
		}
		if dropped == 0 {
			t.Errorf("clock %d: nothing was dropped", clock)
		}
	}
}
