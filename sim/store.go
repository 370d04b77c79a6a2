package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/causal"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// A node may keep what it delivers in a store, as package gossip does: in the very bytes,
// and written some time after. What has been written when the node crashes is what its
// next life begins with.

// store is a node's disk. It outlives the node.
type store struct {
	writing []operation // not yet on the disk
	busy    bool
	records []record
	bytes   int // of messages, as links count them
	// had is what has ever been on the disk, in this order.
	had []kept
}

// kept is a message by its place in Oracle.sent, and whether the application was given it.
type kept struct {
	sent  int
	given bool
}

// record is one message, or a mark.
type record struct {
	dot  peer.Dot
	mark bool
	at   time.Duration // when the message was broadcast or the mark was made, by the clock on the wall
	data []byte
	size int
	kept kept
}

// operation adds a record, or takes some away.
type operation struct {
	add    record
	forget *protocol.Group
}

// writeTime is what it takes at most until what was written is on the disk: a disk that
// turns, and has other things to do.
const writeTime = 40 * time.Millisecond

// journalize puts what a node wants kept in its store. What is written together gets
// onto the disk together.
func (w *World) journalize(n *Node) {
	given := make(map[peer.Dot]bool, len(n.out.Deliveries))
	for _, m := range n.out.Deliveries {
		given[m.Dot] = true
	}
	for i := range n.out.Journal {
		n.store.writing = append(n.store.writing, operation{add: w.record(n, &n.out.Journal[i], given)})
	}
	for _, g := range n.out.Forgotten {
		n.store.writing = append(n.store.writing, operation{forget: &g})
	}
	w.write(n)
}

func (w *World) record(n *Node, e *protocol.Entry, given map[peer.Dot]bool) record {
	now := w.local(n)
	if e.Message == nil {
		past := wire.Past{Cluster: "sim", Order: n.cfg.Order, Horizon: n.cfg.Horizon, Past: *e.Past}
		return record{dot: e.Mark, mark: true, at: longAgo + w.now, data: wire.AppendPast(nil, &past, book{w})}
	}
	m := e.Message
	i, sent := w.Oracle.index[m.Dot]
	if !sent {
		panic(fmt.Sprintf("sim: %v keeps %v, which nobody has sent", n.ID, m.Dot))
	}
	return record{
		dot: m.Dot, at: longAgo + w.now - (now - m.Born), size: m.SizeOnWire(),
		data: wire.AppendKept(nil, now, m, e.WithClock, book{w}), kept: kept{i, given[m.Dot]},
	}
}

// write begins to write, if there is something and nothing is being written.
func (w *World) write(n *Node) {
	s := n.store
	if s.busy || len(s.writing) == 0 {
		return
	}
	s.busy = true
	together := len(s.writing)
	w.after(time.Duration(w.rng.Int64N(int64(writeTime))), func() {
		if !n.Up {
			return // see pullOut
		}
		s.busy = false
		s.written(together)
		w.Oracle.kept(n)
		w.write(n)
	})
}

// written has the first of what is being written on the disk.
func (s *store) written(count int) {
	for _, op := range s.writing[:count] {
		if op.forget == nil {
			s.records = append(s.records, op.add)
			s.bytes += op.add.size
			if !op.add.mark {
				s.had = append(s.had, op.add.kept)
			}
			continue
		}
		s.records = slices.DeleteFunc(s.records, func(r record) bool {
			gone := r.mark && (r.dot == op.forget.Mark || slices.Contains(op.forget.Notes, r.dot)) || !r.mark && slices.Contains(op.forget.Messages, r.dot)
			if gone {
				s.bytes -= r.size
			}
			return gone
		})
	}
	s.writing = slices.Delete(s.writing, 0, count)
}

// pullOut ends a store with its node: of what was being written some part is on the disk.
func (w *World) pullOut(s *store) {
	s.written(w.rng.IntN(len(s.writing) + 1))
	s.writing, s.busy = nil, false
}

// Resume starts the next life of a node that has crashed, with its store, if it had one.
func (w *World) Resume(old *Node) *Node {
	n := w.newNode(old.ID.Name)
	n.store, old.store = old.store, nil
	w.launch(n)
	return n
}

// restore gives a machine what is in its store.
func (w *World) restore(n *Node) {
	w.Oracle.resumed(n)
	now := w.local(n)
	var decoder wire.Decoder
	for i := range n.store.records {
		r := &n.store.records[i]
		age := longAgo + w.now - r.at
		b, err := wire.Kept(r.data)
		if err == nil && r.mark {
			var past wire.Past
			past, err = wire.DecodePast(b, book{w})
			if err == nil {
				err = n.Machine.Recall(now, now-age, r.dot, &past.Past)
			}
		} else if err == nil {
			err = w.restoreMessage(n, &decoder, b, age)
		}
		if err != nil && (r.mark || !w.Oracle.mayBeGone(r.kept.sent)) {
			w.Oracle.violated(12, "%v cannot restore %v: %v", n.ID, r.dot, err)
		}
	}
	w.Oracle.restored(n, slices.Collect(n.Machine.Restored(now)))
}

func (w *World) restoreMessage(n *Node, decoder *wire.Decoder, b []byte, age time.Duration) error {
	now := w.local(n)
	f, err := decoder.Kept(b, now, book{w})
	if err != nil {
		return err
	}
	m := *f.Message
	m.Deps, m.Born = slices.Clone(m.Deps), min(m.Born, now-age)
	return n.Machine.Restore(now, &m, f.WithClock)
}

// resumed lets the oracle know that a life goes on from an earlier one: what was on the
// disk it has had.
func (o *Oracle) resumed(n *Node) {
	k := &n.known
	for _, had := range n.store.had {
		if !had.given {
			continue
		}
		k.delivered.add(had.sent)
		k.count++
		if s := &o.sent[had.sent]; o.Order == causal.Causal {
			k.past = k.past.merged(s.past)
		} else {
			k.past = k.past.counting(s.dot)
		}
	}
}

// restored checks P12 of what a node begins with.
func (o *Oracle) restored(n *Node, messages []*broadcast.Message) {
	if n.cfg.History == protocol.None {
		if len(messages) > 0 {
			o.violated(12, "%v is given %d messages of its last life, and wants no history", n.ID, len(messages))
		}
		return
	}
	var begins set
	next := 0 // in had
	for _, m := range messages {
		i, sent := o.index[m.Dot]
		at := slices.IndexFunc(n.store.had[next:], func(k kept) bool { return sent && k.sent == i })
		if at < 0 {
			o.violated(12, "%v begins with %v, which it has not kept, or before what came earlier", n.ID, m.Dot)
			return
		}
		next += at + 1
		begins.add(i)
		if o.Order == causal.Causal {
			o.checkClock(n, m, o.sent[i].past)
		}
	}
	for _, had := range n.store.had {
		if !begins.has(had.sent) && !o.mayBeGone(had.sent) {
			o.violated(12, "%v has kept %v, and does not begin with it", n.ID, o.sent[had.sent].dot)
		}
	}
}

// kept checks P7 of a store: it has what the log has, and less than two groups more,
// which are an eighth of a log or as long as their marks.
func (o *Oracle) kept(n *Node) {
	group := max(n.cfg.Log.Bytes/8, 64*n.Machine.Gauges().Origins) + o.largest
	o.within(n, "bytes of messages in its store", n.store.bytes, n.cfg.Log.Bytes+2*group)
}
