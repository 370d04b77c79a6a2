package gossip

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/protocol"
)

// Store is where a node keeps what it delivers, so that its next life goes on from there
// and no message that Broadcast accepted is lost with the process. The node calls Append
// and Forget from one goroutine, in an order that counts: what is on the disk after a
// crash must be what the first so many of these calls have left, and at least all of
// those before the last Sync that returned nil. It need not be on the disk before that.
type Store interface {
	// Append keeps a record. The node's loop calls it, so it must not wait for a disk; if
	// it has no room to queue the record it returns an error. Data is the store's.
	Append(r Record) error
	// Sync returns when everything that was appended before the call is on the disk, or
	// why it is not, or once ctx has ended. It is called in another goroutine, for as
	// many broadcasts together as are waiting, some seconds after what nobody waits for,
	// and after the node has left.
	Sync(ctx context.Context) error
	// Forget lets go of records, in its turn after what was appended before. It must not
	// wait for a disk either. The slice is the store's.
	Forget(ids []MessageID)
	// Records yields what is kept, in the order in which it was appended. Start calls
	// it, once, before anything else; an error ends Start. Data is read only until the
	// next record is asked for.
	Records() iter.Seq2[Record, error]
}

// Record is what a Store keeps: a message, or a mark or note that the node makes for
// itself, whose ID has no Origin.
type Record struct {
	// ID is unique among the records of a store.
	ID MessageID
	// Own tells the messages that this node has broadcast, in this life or another.
	Own bool
	// At is when the message was broadcast or the mark made, by this node's clock on the
	// wall. Ages go on from there while the node is down.
	At time.Time
	// Data is all that the node needs: docs/protocol.md, "Records". It ends with a sum.
	Data []byte
}

// ErrNotKept is in what Broadcast returns when the message was sent but is not known to be
// in the Store: others may get it, under the MessageID that comes with the error, and
// after a crash this node may not have it any more.
var ErrNotKept = errors.New("gossip: the message may have got out, but is not known to be in the Store")

// keeping is a node's dealings with its Store. But for promised it is the loop's own.
type keeping struct {
	store Store
	// waiting are the broadcasts whose messages are not known to be on the disk, in the
	// order in which they were appended; promised counts all there have been.
	waiting  []*sending
	promised atomic.Uint64
	wake     chan struct{} // for the goroutine that has the store write
	unsynced atomic.Bool   // something was appended since it did
	failed   error         // why this node's own message of this step is not there
	// torn is why the store lacks something; nil if it does not. Then it is given nothing
	// before a mark, without which what comes might depend on that.
	torn     error
	mendAt   time.Duration // when to try again
	warnings warnings
}

func newKeeping(store Store) *keeping {
	if store == nil {
		return nil
	}
	return &keeping{store: store, wake: make(chan struct{}, 1), warnings: newWarnings()}
}

// keep gives the store what the machine wants written down, before the application gets
// any of it.
func (n *Node) keep(now time.Duration) {
	k := n.keeping
	if len(n.out.Journal) > 0 {
		k.unsynced.Store(true)
	}
	for i := range n.out.Journal {
		e := &n.out.Journal[i]
		n.keepEntry(now, e)
		if e.Message != nil && e.Message.Dot.Origin == n.book.self {
			k.failed = k.torn
		}
	}
	for i := range n.out.Forgotten {
		k.store.Forget(n.namesOf(&n.out.Forgotten[i]))
	}
}

func (n *Node) keepEntry(now time.Duration, e *protocol.Entry) {
	k := n.keeping
	if e.Message == nil && !e.Past.Note {
		k.torn = nil
	}
	if k.torn == nil {
		if err := k.store.Append(n.record(now, e)); err != nil {
			n.storeFailed("append", err)
		}
	}
	if k.torn == nil {
		n.stats.Stored++
	} else {
		n.stats.Unstored++
	}
}

// storeFailed counts and tells of it.
func (n *Node) storeFailed(what string, err error) {
	n.stats.StoreErrors++
	n.keeping.torn = err
	n.warn(&n.keeping.warnings, "the store has failed", "call", what, "error", err)
}

func (n *Node) record(now time.Duration, e *protocol.Entry) Record {
	wall := time.Now()
	if e.Message == nil {
		past := wire.Past{Cluster: n.cfg.Cluster, Order: n.cfg.Order, Horizon: n.cfg.Horizon, Past: *e.Past}
		return Record{ID: n.markID(e.Mark), At: wall, Data: wire.AppendPast(nil, &past, n.book)}
	}
	m := e.Message
	id := n.messageID(m.Dot)
	return Record{
		ID: id, Own: id.Origin == n.self.ID.Name, At: wall.Add(m.Born - now),
		Data: wire.AppendKept(make([]byte, 0, keptRoom+len(wire.EncodeMessage(m, n.book))), now, m, e.WithClock, n.book),
	}
}

// keptRoom is for what precedes a message in its record, and follows it.
const keptRoom = 32

// markID is what a mark of one of this node's lives is called.
func (n *Node) markID(mark peer.Dot) MessageID {
	life, _ := n.book.Lookup(mark.Origin)
	return MessageID{Incarnation: life.Incarnation, Seq: mark.Seq}
}

func (n *Node) namesOf(g *protocol.Group) []MessageID {
	ids := make([]MessageID, 0, 1+len(g.Messages))
	if g.Mark.Seq > 0 {
		ids = append(ids, n.markID(g.Mark))
	}
	for _, note := range g.Notes {
		ids = append(ids, n.markID(note))
	}
	for _, d := range g.Messages {
		ids = append(ids, n.messageID(d))
	}
	return ids
}

// mendEvery is how often a store that has failed is tried again, with a mark, which may be
// long. A guess.
const mendEvery = 100 * time.Millisecond

// mend begins anew where something could not be written.
func (n *Node) mend() {
	k, now := n.keeping, n.now()
	if k.torn == nil || now < k.mendAt || n.ctx.Err() != nil {
		return
	}
	k.mendAt = now + mendEvery
	n.machine.Mark(now, &n.out)
	n.carryOut()
}

// promise has a broadcast wait until its message is on the disk. It has been appended, and
// sent on its way.
func (n *Node) promise(s *sending) {
	k := n.keeping
	if err := k.failed; err != nil {
		k.failed = nil
		s.end(errors.Join(ErrNotKept, err))
		return
	}
	k.waiting = append(k.waiting, s)
	s.promise = k.promised.Add(1)
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// syncEvery is how often the store is asked whether it could write what nobody waits for,
// as a node that broadcasts nothing would not learn of a disk that is full. A guess.
const syncEvery = 5 * time.Second

// syncStore has the store write, for all broadcasts together that wait when it begins.
func (n *Node) syncStore() {
	look := time.NewTicker(syncEvery)
	defer look.Stop()
	for {
		select {
		case <-n.keeping.wake:
		case <-look.C:
			if !n.keeping.unsynced.Load() {
				continue
			}
		case <-n.ctx.Done():
			return
		}
		n.keeping.unsynced.Store(false)
		upTo := n.keeping.promised.Load()
		err := n.keeping.store.Sync(n.ctx)
		if !n.tell(func() { n.synced(upTo, err) }) {
			return
		}
	}
}

// synced ends the broadcasts that have waited for it.
func (n *Node) synced(upTo uint64, err error) {
	k := n.keeping
	if err != nil {
		if n.ctx.Err() == nil {
			n.storeFailed("sync", err)
		}
		err = errors.Join(ErrNotKept, err)
	}
	for len(k.waiting) > 0 && k.waiting[0].promise <= upTo {
		k.waiting[0].end(err)
		k.waiting[0] = nil
		k.waiting = k.waiting[1:]
	}
}

// breakPromise ends the wait of a broadcast; false if it did not wait.
func (n *Node) breakPromise(s *sending, cause error) bool {
	if n.keeping == nil {
		return false
	}
	for i, w := range n.keeping.waiting {
		if w == s {
			n.keeping.waiting = append(n.keeping.waiting[:i:i], n.keeping.waiting[i+1:]...)
			s.end(errors.Join(ErrNotKept, cause))
			return true
		}
	}
	return false
}

// endPromises is for when the node closes.
func (n *Node) endPromises() {
	if n.keeping == nil {
		return
	}
	for _, s := range n.keeping.waiting {
		s.end(errors.Join(ErrNotKept, ErrClosed))
	}
	n.keeping.waiting = nil
}

// keepsPromises reports whether broadcasts wait for the disk.
func (n *Node) keepsPromises() bool { return n.keeping != nil && len(n.keeping.waiting) > 0 }

// restore takes in what the store has of the node's earlier lives, and gives the
// application what of it is in the log.
func (n *Node) restore(ctx context.Context) error {
	r := restoring{Node: n, wall: time.Now()}
	for record, err := range n.keeping.store.Records() {
		if err != nil {
			return fmt.Errorf("the store: %w", err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := r.take(&record); err != nil {
			return fmt.Errorf("the store's record of %s: %w", describe(record.ID), err)
		}
	}
	if r.leftOut > 0 {
		n.stats.Unrestored = r.leftOut
		n.log.Warn("messages in the store are not restored, being older than Config.Horizon or without what they depend on",
			"messages", r.leftOut, "first", r.first, "error", r.why)
	}
	n.giveOutRestored()
	return nil
}

// giveOutRestored gives the application what was restored. Nobody reads yet, so what finds
// no room is not the fault of a slow reader.
func (n *Node) giveOutRestored() {
	now, crowded := n.now(), 0
	for m := range n.machine.Restored(now) {
		x := n.message(now, m, 0)
		x.Restored = true
		crowded += len(n.backlog.push(x, m.ClockBytes))
	}
	if crowded > 0 {
		n.stats.Unrestored += uint64(crowded)
		n.log.Warn("the oldest messages in the store are not given out again, as Config.BacklogBytes has no room for them",
			"messages", crowded)
	}
}

// describe names a record for people.
func describe(id MessageID) string {
	if id.Origin == "" {
		return fmt.Sprintf("mark %d of incarnation %d", id.Seq, id.Incarnation)
	}
	return fmt.Sprintf("message %d of %s, incarnation %d", id.Seq, id.Origin, id.Incarnation)
}

// restoring is a node that reads its store.
type restoring struct {
	*Node
	wall    time.Time
	leftOut uint64
	first   string
	why     error
}

// take takes in a record. The error ends the node's start.
func (r *restoring) take(record *Record) error {
	b, err := wire.Kept(record.Data)
	if err != nil {
		return err
	}
	if err := r.isEarlier(record.ID); err != nil {
		return err
	}
	age := max(0, r.wall.Sub(record.At))
	if wire.IsPast(b) {
		return r.takeMark(record.ID, b, age)
	}
	err = r.takeMessage(record, b, age)
	switch {
	case errors.Is(err, protocol.ErrAhead):
		return fmt.Errorf("it is of %v, and the clock on the wall says %v: set the clock", record.At.UTC(), r.wall.UTC())
	case errors.Is(err, protocol.ErrNotRestored):
		if r.leftOut++; r.leftOut == 1 {
			r.first, r.why = describe(record.ID), err
		}
		return nil
	}
	return err
}

// isEarlier holds a record of one of this node's lives against its own, which must have a
// greater incarnation: or it would send messages that others take for those of that life.
func (r *restoring) isEarlier(id MessageID) error {
	if id.Origin != "" && id.Origin != r.self.ID.Name || id.Incarnation < r.self.ID.Incarnation {
		return nil
	}
	return fmt.Errorf("this node's incarnation, %d, must be greater: the clock on the wall was set back, or Config.Incarnation is not counted up",
		r.self.ID.Incarnation)
}

func (r *restoring) takeMark(id MessageID, b []byte, age time.Duration) error {
	past, err := wire.DecodePast(b, r.book)
	if r.book.full && r.isCrowdedOut(func() { past, err = wire.DecodePast(b, r.book) }) {
		return errNames
	}
	switch {
	case err != nil:
		return err
	case past.Cluster != r.cfg.Cluster:
		return fmt.Errorf("it is of the cluster %q, and this node of %q", past.Cluster, r.cfg.Cluster)
	case past.Order != r.cfg.Order:
		return fmt.Errorf("it is of a node with Order %v, and this one has %v", past.Order, r.cfg.Order)
	case past.Horizon != r.cfg.Horizon.Truncate(time.Millisecond):
		return fmt.Errorf("it is of a node with Horizon %v, and this one has %v", past.Horizon, r.cfg.Horizon)
	}
	for _, e := range past.Had {
		origin, _ := r.book.Lookup(e.Origin)
		if err := r.isEarlier(MessageID{Origin: origin.Name, Incarnation: origin.Incarnation}); err != nil {
			return err
		}
	}
	now := r.now()
	life := r.book.meetLife(id.Incarnation)
	if err := r.machine.Recall(now, now-age, peer.Dot{Origin: life, Seq: id.Seq}, &past.Past); err != nil {
		return fmt.Errorf("%w: set the clock", err)
	}
	return nil
}

func (r *restoring) takeMessage(record *Record, b []byte, age time.Duration) error {
	defer r.decoder.Forget()
	if err := r.checkFrame(b); err != nil {
		return err
	}
	now := r.now()
	r.keeper.owned = false
	f, err := r.decoder.Kept(b, now, r.book)
	if r.book.full && r.isCrowdedOut(func() { f, err = r.decoder.Kept(b, now, r.book) }) {
		return errNames
	}
	switch {
	case err != nil:
		return err
	case payloadLen(f.Message) > r.cfg.MaxPayload:
		return fmt.Errorf("%w: %d bytes, at most %d are allowed (Config.MaxPayload)", ErrPayloadTooLong, payloadLen(f.Message), r.cfg.MaxPayload)
	case r.messageID(f.Message.Dot) != record.ID:
		return fmt.Errorf("it holds message %d of %s", f.Message.Dot.Seq, r.messageID(f.Message.Dot).Origin)
	}
	f.Message.Born = min(f.Message.Born, now-age)
	weigh(f)
	if record.ID.Origin == r.self.ID.Name {
		r.weighOwn(f.Message)
	}
	return r.machine.Restore(now, f.Message, f.WithClock)
}

// weighOwn charges one of this node's own messages as when it was made, so that a log that
// was full of them has room for all of them again.
func (r *restoring) weighOwn(m *broadcast.Message) {
	m.Bulk = 0
	for _, d := range m.Deps {
		m.Bulk += broadcast.DependencyBulk(len(r.book.Name(d.Origin).Name))
	}
	if m.ClockBytes > 0 {
		m.ClockBytes = broadcast.SharedClock(m.Clock.Len())
	}
}
