package main

import (
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Every payload starts with the run's number and the message's.
const headerSize = 16

// longestPayload is the longest payload in bytes that anything is measured with.
const longestPayload = 1 << 20

// messageID is the number of the message that a payload is of.
func messageID(payload []byte) uint64 { return binary.BigEndian.Uint64(payload[8:headerSize]) }

func putMessageID(payload []byte, number uint64) { binary.BigEndian.PutUint64(payload[8:], number) }

// A ledger numbers the messages of a run and books who has had which. What is
// delivered twice counts once.
type ledger struct {
	run       uint64
	nodes     int
	words     int // of 64 bits, for as many nodes
	start     time.Time
	alive     atomic.Pointer[[]bool] // nil: all
	want      atomic.Int32           // deliveries of a message that is everywhere
	timed     bool                   // keep the time of each delivery
	delivered atomic.Int64
	next      atomic.Uint64
	chunks    [1 << 18]atomic.Pointer[chunk]
	making    sync.Mutex
	visitor   atomic.Pointer[visitor]
	filler    []byte // random, so that nothing can be compressed
}

const perChunk = 256

// chunk is what is known of so many messages.
type chunk struct {
	entries [perChunk]entry
	seen    []atomic.Uint64 // a bit for each node, per message
	times   []time.Duration // a delay for each node, per message, if timed
}

type entry struct {
	// from is one more than the origin. It is set last and read first, by whom the
	// message has got to over a socket, so that the rest may be read.
	from   atomic.Int32
	got    atomic.Int32
	sent   time.Duration // since the ledger's start
	last   atomic.Int64  // when the last node had it, since the ledger's start
	window *window       // that it takes a place of, if any
	closed atomic.Bool   // it is everywhere, or nobody waits for it any more
}

const entrySize = int(unsafe.Sizeof(entry{}))

// visitor waits for a node that is not one of the ledger's to get a message that is
// not older than from.
type visitor struct {
	node int
	from uint64
	once sync.Once
	got  chan struct{}
}

func newLedger(nodes int) *ledger {
	l := &ledger{
		run:    rand.Uint64(),
		nodes:  nodes,
		words:  (nodes + 63) / 64,
		start:  time.Now(),
		filler: make([]byte, 2*longestPayload),
	}
	l.want.Store(int32(nodes - 1))
	random := rand.NewPCG(1, 2)
	for i := 0; i < len(l.filler); i += 8 {
		binary.BigEndian.PutUint64(l.filler[i:], random.Uint64())
	}
	return l
}

// survivors has only these nodes count from now on.
func (l *ledger) survivors(alive []bool) {
	want := int32(-1)
	for _, a := range alive {
		if a {
			want++
		}
	}
	l.alive.Store(&alive)
	l.want.Store(want)
}

// newPayload is a buffer to be filled by write.
func (l *ledger) newPayload(size int) []byte {
	b := make([]byte, max(size, headerSize))
	from := rand.IntN(len(l.filler) - len(b) + 1)
	copy(b, l.filler[from:])
	binary.BigEndian.PutUint64(b, l.run)
	return b
}

// write numbers a message of the origin, and has the payload say so.
func (l *ledger) write(payload []byte, origin int, w *window) uint64 {
	number := l.next.Add(1) - 1
	e := l.entryToMake(number)
	e.window, e.sent = w, time.Since(l.start)
	e.from.Store(int32(origin) + 1)
	putMessageID(payload, number)
	return number
}

func (l *ledger) entryToMake(number uint64) *entry {
	if e := l.entry(number); e != nil {
		return e
	}
	l.making.Lock()
	defer l.making.Unlock()
	if e := l.entry(number); e != nil {
		return e
	}
	c := &chunk{seen: make([]atomic.Uint64, perChunk*l.words)}
	if l.timed {
		c.times = make([]time.Duration, perChunk*l.nodes)
	}
	l.chunks[number/perChunk].Store(c)
	return &c.entries[number%perChunk]
}

func (l *ledger) entry(number uint64) *entry {
	if c := l.chunks[number/perChunk].Load(); c != nil {
		return &c.entries[number%perChunk]
	}
	return nil
}

// deliver is the Deliver of a cluster that the ledger is for.
func (l *ledger) deliver(node int, payload []byte) {
	if len(payload) < headerSize || binary.BigEndian.Uint64(payload) != l.run {
		return
	}
	number := messageID(payload)
	if node >= l.nodes {
		if v := l.visitor.Load(); v != nil && v.node == node && number >= v.from {
			v.once.Do(func() { close(v.got) })
		}
		return
	}
	if alive := l.alive.Load(); alive != nil && !(*alive)[node] {
		return
	}
	c := l.chunks[number/perChunk].Load()
	i := int(number % perChunk)
	e := &c.entries[i]
	if int(e.from.Load()) == node+1 {
		return
	}
	bit := uint64(1) << (node % 64)
	if c.seen[i*l.words+node/64].Or(bit)&bit != 0 {
		return
	}
	if l.timed {
		now := time.Since(l.start)
		c.times[i*l.nodes+node] = now - e.sent
		for last := e.last.Load(); last < int64(now) && !e.last.CompareAndSwap(last, int64(now)); last = e.last.Load() {
		}
	}
	l.delivered.Add(1)
	if e.got.Add(1) == l.want.Load() {
		e.close()
	}
}

// close gives the message's place in its window to another one, once.
func (e *entry) close() {
	if e.window != nil && e.closed.CompareAndSwap(false, true) {
		e.window.leave()
	}
}

// everywhere tells whether all nodes that count have had the message.
func (l *ledger) everywhere(number uint64) bool { return l.entry(number).got.Load() >= l.want.Load() }

// delays are the times that deliveries of these messages took, of all nodes.
func (l *ledger) delays(from, to uint64) (delays []time.Duration) {
	for number := from; number < to; number++ {
		c := l.chunks[number/perChunk].Load()
		i := int(number % perChunk)
		for node := range l.nodes {
			if c.seen[i*l.words+node/64].Load()&(1<<(node%64)) != 0 {
				delays = append(delays, c.times[i*l.nodes+node])
			}
		}
	}
	return delays
}

// lasts are, of those of the messages that are everywhere, the times until they were.
func (l *ledger) lasts(from, to uint64) (lasts []time.Duration) {
	for number := from; number < to; number++ {
		if e := l.entry(number); l.everywhere(number) {
			lasts = append(lasts, time.Duration(e.last.Load())-e.sent)
		}
	}
	return lasts
}

// ratio is how many of the deliveries that these messages call for there were.
func (l *ledger) ratio(from, to uint64) float64 {
	got := 0
	for number := from; number < to; number++ {
		got += int(l.entry(number).got.Load())
	}
	return float64(got) / float64(max(1, int(to-from)*int(l.want.Load())))
}

// drain waits until these messages are everywhere, or nothing has been delivered for
// the patience.
func (l *ledger) drain(from, to uint64, patience time.Duration) {
	was, since := l.delivered.Load(), time.Now()
	for number := from; number < to; {
		if l.everywhere(number) {
			number++
			continue
		}
		time.Sleep(time.Millisecond)
		if is := l.delivered.Load(); is != was {
			was, since = is, time.Now()
		} else if time.Since(since) > patience {
			return
		}
	}
}

// A window lets so many messages of one origin be under way.
type window struct {
	places int64
	taken  atomic.Int64
	free   chan struct{}
	under  []*entry // oldest first; the sender's
	tick   *time.Timer
}

func newWindow(places int) *window {
	return &window{places: int64(places), free: make(chan struct{}, 1), tick: time.NewTimer(time.Hour)}
}

func (w *window) leave() {
	w.taken.Add(-1)
	select {
	case w.free <- struct{}{}:
	default:
	}
}

// enter waits for a place, which a message that takes longer than the patience gives
// up. It reports false if the sender is to stop.
func (w *window) enter(l *ledger, patience time.Duration, stop <-chan struct{}) bool {
	for w.taken.Load() >= w.places {
		w.tick.Reset(patience / 20)
		select {
		case <-w.free:
		case <-w.tick.C:
			w.giveUp(time.Since(l.start) - patience)
		case <-stop:
			return false
		}
	}
	select {
	case <-stop:
		return false
	default:
		w.taken.Add(1)
		return true
	}
}

// giveUp closes what was sent before a time.
func (w *window) giveUp(before time.Duration) {
	for len(w.under) > 0 && (w.under[0].closed.Load() || w.under[0].sent < before) {
		w.under[0].close()
		w.under = w.under[1:]
	}
}

// sent books what took a place.
func (w *window) sent(e *entry) {
	if len(w.under) > 2*int(w.places) {
		w.giveUp(0)
	}
	w.under = append(w.under, e)
}

// size is about how many bytes the ledger takes for so many messages.
func (l *ledger) size(messages uint64) uint64 {
	return messages * uint64(entrySize+8*l.words)
}
