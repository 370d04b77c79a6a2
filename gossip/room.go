package gossip

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// room is so many bytes, that several share: who wants some waits until there are so
// many, and those who wait get theirs in the order in which they came. So nobody
// starves, and nobody who has some ever waits for more: there is no deadlock as long
// as whoever has some gives it back without waiting for others to do so.
//
// That is what frames need. Their reader takes all of a frame's length before any of
// it, and cannot be trusted to get to its end: a peer may hold a frame at its last
// byte. So whoever waits looks after those who do not get on, and has the slowest one
// cut off. Small frames have a room of their own, which long ones do not fill.
type room struct {
	mu      sync.Mutex
	size    int
	used    int
	closed  <-chan struct{} // nobody need wait any more
	waiting []*waiter       // the first is next
	filling []*filling      // frames that are being read
}

type waiter struct {
	bytes int
	ready chan struct{}
}

// filling is a frame on its way in.
type filling struct {
	in    *room
	cut   func()    // ends the link
	moved time.Time // when it last grew by a piece
}

const (
	// stallAfter is how long a frame may go without growing by a piece (trusted) while
	// another one waits for its room: 64 KiB a second are then the slowest that a link
	// may be. A guess; a link that brings nothing whole for LinkTimeout, ten times as
	// long, ends in any case.
	stallAfter = time.Second
	// watchEvery is how often who waits looks.
	watchEvery = stallAfter / 4
)

// errNoRoom: nobody can be given so many.
var errNoRoom = errors.New("gossip: more than there is room for")

// take waits for so many bytes.
func (r *room) take(ctx context.Context, bytes int) error {
	if bytes > r.size {
		return errNoRoom
	}
	r.mu.Lock()
	if len(r.waiting) == 0 && r.used+bytes <= r.size {
		r.used += bytes
		r.mu.Unlock()
		return nil
	}
	w := &waiter{bytes, make(chan struct{})}
	r.waiting = append(r.waiting, w)
	r.mu.Unlock()
	return r.wait(ctx, w)
}

// tryTake takes bytes that one can do without: at most half of all, and only if nobody
// waits.
func (r *room) tryTake(bytes int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) > 0 || r.used+bytes > r.size/2 {
		return false
	}
	r.used += bytes
	return true
}

func (r *room) wait(ctx context.Context, w *waiter) error {
	look := time.NewTicker(watchEvery)
	defer look.Stop()
	for {
		select {
		case <-w.ready:
			return nil
		case <-look.C:
			r.cutSlowest(time.Now())
		case <-ctx.Done():
			r.giveUp(w)
			return context.Cause(ctx)
		case <-r.closed:
			r.giveUp(w)
			return ErrClosed
		}
	}
}

// giveUp ends a wait.
func (r *room) giveUp(w *waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.waiting, w); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
	} else {
		r.used -= w.bytes // it was given at that very moment
	}
	r.serve()
}

// give gives bytes back.
func (r *room) give(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used -= bytes
	r.serve()
}

// serve gives those who wait what there is.
func (r *room) serve() {
	for len(r.waiting) > 0 && r.used+r.waiting[0].bytes <= r.size {
		r.used += r.waiting[0].bytes
		close(r.waiting[0].ready)
		r.waiting[0] = nil
		r.waiting = r.waiting[1:]
	}
}

// held is how many bytes are taken.
func (r *room) held() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used
}

// watch has those who wait see to it that whoever has taken bytes fills them.
func (r *room) watch(cut func()) *filling {
	f := &filling{in: r, cut: cut, moved: time.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.filling = append(r.filling, f)
	return f
}

// moves notes that a piece has come.
func (f *filling) moves() {
	f.in.mu.Lock()
	defer f.in.mu.Unlock()
	f.moved = time.Now()
}

// ends notes that all has come, or that nothing more will.
func (f *filling) ends() {
	f.in.mu.Lock()
	defer f.in.mu.Unlock()
	f.in.forget(f)
}

func (r *room) forget(f *filling) {
	if i := slices.Index(r.filling, f); i >= 0 {
		r.filling = slices.Delete(r.filling, i, i+1)
	}
}

// cutSlowest ends who has not got on for the longest time, if that is too long.
func (r *room) cutSlowest(now time.Time) {
	r.mu.Lock()
	var slowest *filling
	for _, f := range r.filling {
		if now.Sub(f.moved) >= stallAfter && (slowest == nil || f.moved.Before(slowest.moved)) {
			slowest = f
		}
	}
	if slowest != nil {
		r.forget(slowest)
	}
	r.mu.Unlock()
	if slowest != nil {
		slowest.cut()
	}
}
