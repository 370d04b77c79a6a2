package gossip

import "sync"

// mostEvents wait to be read: a guess.
const mostEvents = 128

// fewEvents is for how many more there is room at a time before anybody has asked.
const fewEvents = 4

// events keeps what happens for whoever wants to know. The room of a channel is there from
// the start, and would be a good part of what an idle node needs; so there is none before
// somebody asks for it, and few events until then.
type events struct {
	mu    sync.Mutex
	early []Event // before anybody has asked
	out   chan Event
}

// channel returns the channel, with what has happened before.
func (e *events) channel() <-chan Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.out == nil {
		e.out = make(chan Event, mostEvents)
		for _, x := range e.early {
			e.out <- x
		}
		e.early = nil
	}
	return e.out
}

// add reports whether there was room for one more.
func (e *events) add(x Event) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.out == nil && len(e.early) < mostEvents {
		if n := len(e.early); n == cap(e.early) { // append would take twice as much
			e.early = append(make([]Event, 0, n+fewEvents), e.early...)
		}
		e.early = append(e.early, x)
		return true
	}
	select {
	case e.out <- x:
		return true
	default: // full, or nil
		return false
	}
}
