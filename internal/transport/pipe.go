package transport

import (
	"errors"
	"io"
	"slices"
	"time"
)

// pipe is one direction of a stream: what was sent and not yet read, in order.
//
// 1. Segments arrive in the order in which they were sent.
// 2. Those held are the last ones, and nothing else is under way then.
// 3. Nothing follows a reset, and nothing but a reset follows io.EOF.
type pipe struct {
	segments       []segment
	size           int  // bytes in them
	unacknowledged int  // bytes read that the writer, cut off, cannot know of
	cut            bool // nothing arrives
}

// segment is a run of bytes that arrive together, or an ending.
type segment struct {
	due  time.Time
	held bool // by a cut: it arrives when that heals
	data []byte
	end  error // io.EOF, or the error number of a reset
}

func (g segment) arrived(now time.Time) bool { return !g.held && !g.due.After(now) }
func (g segment) reset() bool                { return g.end != nil && !errors.Is(g.end, io.EOF) }

func (g segment) travelsWith(next segment) bool {
	bytes := g.end == nil && next.end == nil
	return bytes && g.held == next.held && (g.held || g.due.Equal(next.due))
}

// put appends bytes or an ending that is to arrive at due, or as soon after it
// as what was sent before has arrived.
func (p *pipe) put(data []byte, end error, due time.Time) {
	next := segment{due: due, held: p.cut, end: end}
	if last := p.last(); last != nil {
		if last.reset() {
			return
		}
		next.due = later(due, last.due)
		if last.travelsWith(next) {
			// Many small writes would otherwise cost far more than their bytes.
			last.data = append(last.data, data...)
			p.size += len(data)
			return
		}
	}
	next.data = slices.Clone(data)
	p.segments = append(p.segments, next)
	p.size += len(data)
}

// take moves bytes that have arrived into b. An ending is answered once the
// bytes before it are taken, and ever after.
func (p *pipe) take(b []byte, now time.Time) (n int, err error) {
	for len(p.segments) > 0 && n < len(b) {
		first := &p.segments[0]
		if !first.arrived(now) {
			break
		}
		if first.end != nil {
			if n == 0 {
				err = first.end
			}
			break
		}
		k := copy(b[n:], first.data)
		n += k
		first.data = first.data[k:]
		if len(first.data) == 0 {
			p.segments[0] = segment{} // lets go of its bytes
			p.segments = p.segments[1:]
		}
	}
	p.size -= n
	return n, err
}

func (p *pipe) last() *segment {
	if len(p.segments) == 0 {
		return nil
	}
	return &p.segments[len(p.segments)-1]
}

// firstDue is when there will be something to take; zero when only a change of
// the pipe can bring it.
func (p *pipe) firstDue() time.Time {
	if len(p.segments) == 0 || p.segments[0].held {
		return time.Time{}
	}
	return p.segments[0].due
}

func (p *pipe) lastDue() time.Time {
	if last := p.last(); last != nil {
		return last.due
	}
	return time.Time{}
}

// resetBy answers the error of a reset that has arrived. It is known to writers
// even while bytes before it wait to be read.
func (p *pipe) resetBy(now time.Time) error {
	if last := p.last(); last != nil && last.reset() && last.arrived(now) {
		return last.end
	}
	return nil
}

// resetDue is when a reset under way arrives; zero when there is none.
func (p *pipe) resetDue() time.Time {
	if last := p.last(); last != nil && last.reset() && !last.held {
		return last.due
	}
	return time.Time{}
}

// hold stops what is under way. What has arrived can still be read.
func (p *pipe) hold(now time.Time) {
	for i := range p.segments {
		if g := &p.segments[i]; !g.arrived(now) {
			g.held = true
		}
	}
}

// release lets what was held arrive at due.
func (p *pipe) release(due time.Time) {
	for i := range p.segments {
		if g := &p.segments[i]; g.held {
			g.held, g.due = false, due
		}
	}
}

// dropUnarrived forgets what is still under way: its sender is gone and sends
// nothing again.
func (p *pipe) dropUnarrived(now time.Time) {
	for last := p.last(); last != nil && !last.arrived(now); last = p.last() {
		p.size -= len(last.data)
		p.segments = p.segments[:len(p.segments)-1]
	}
}
