package soak

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// judge knows what was accepted, and what each agent has delivered.
type judge struct {
	diaries []*diary

	mu       sync.Mutex
	accepted map[string]string   // ids, and what they were sent with
	known    map[string]string   // all that anybody delivered, and what it says
	ids      map[string][]string // of what was said
	faults   []string
	more     int // faults that are not told one by one
}

// mostFaults is how many faults are told one by one.
const mostFaults = 50

func newJudge() *judge {
	return &judge{accepted: make(map[string]string), known: make(map[string]string), ids: make(map[string][]string)}
}

// diary is what one agent delivered, through all its lives, to a client that resumes
// after what it read last.
type diary struct {
	member *member
	judge  *judge

	mu     sync.Mutex
	seen   map[string]time.Time     // ids, and when they were read first
	counts map[vclock.Origin]uint64 // of each origin's messages
	lastID string

	again, redelivered int // restored ones that were read before, and others
	unknown            int // times that it could not resume where it was
}

func newDiary(m *member) *diary {
	return &diary{member: m, judge: m.run.judge, seen: make(map[string]time.Time), counts: make(map[vclock.Origin]uint64)}
}

// blame notes a fault.
func (j *judge) blame(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.faults) >= mostFaults {
		j.more++
		return
	}
	j.faults = append(j.faults, fmt.Sprintf(format, args...))
}

// accept notes that a message was accepted.
func (j *judge) accept(id, payload string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.accepted[id] = payload
}

func (j *judge) acceptedCount() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.accepted)
}

// met notes that a message was delivered somewhere.
func (j *judge) met(id, payload string) (other string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	was, met := j.known[id]
	if !met {
		j.known[id] = payload
		j.ids[payload] = append(j.ids[payload], id)
		return payload
	}
	return was
}

// follow reads what an agent delivers, through all its lives, until ctx ends.
func (j *judge) follow(ctx context.Context, m *member, d *diary) {
	for ctx.Err() == nil {
		d.read(ctx, m.client)
		pause(ctx, 100*time.Millisecond)
	}
}

// read reads one stream to its end, which comes with the agent's.
func (d *diary) read(ctx context.Context, c *api.Client) {
	stream := api.Stream{After: d.lastID, Latest: 1 << 30}
	here := make(map[string]bool) // read from this stream
	for e, err := range c.Messages(ctx, stream) {
		if err != nil {
			return
		}
		d.mu.Lock()
		d.take(e, here)
		d.mu.Unlock()
	}
}

// take judges an entry of a stream.
func (d *diary) take(e api.Entry, here map[string]bool) {
	name := d.member.name
	if e.ID == "" {
		if e.Unknown {
			d.unknown++
		}
		d.judge.blame("%s: a reader missed %d messages (unknown: %v)", name, e.Missed.Missed, e.Unknown)
		return
	}
	if here[e.ID] {
		d.judge.blame("%s: %s was delivered twice in one life", name, e.ID)
	}
	here[e.ID] = true
	d.lastID = e.ID
	payload := string(e.Bytes())
	if was := d.judge.met(e.ID, payload); was != payload {
		d.judge.blame("%s: %s is %q, and elsewhere %q", name, e.ID, payload, was)
	}
	if at, seen := d.seen[e.ID]; seen {
		if e.Restored {
			d.again++
		} else {
			d.redelivered++
			d.judge.blame("%s: %s was delivered again, %v after it was first", name, e.ID, time.Since(at))
		}
		return
	}
	d.seen[e.ID] = time.Now()
	origin := vclock.Origin{Name: e.Origin, Incarnation: e.Incarnation}
	if e.Seq != d.counts[origin]+1 {
		d.judge.blame("%s: %s comes after %d of its origin's", name, e.ID, d.counts[origin])
	}
	d.counts[origin] = e.Seq
	own := false
	for o, n := range e.Clock.All() {
		if d.counts[o] < n {
			d.judge.blame("%s: %s comes before %d of %v, which happened before it", name, e.ID, n, o)
		}
		own = own || o == origin && n == e.Seq
	}
	if !own {
		d.judge.blame("%s: the clock of %s does not count it: %v", name, e.ID, e.Clock)
	}
}

// allFollow waits until a first stream from each agent is open: an agent tells of its
// readers.
func (j *judge) allFollow(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for _, d := range j.diaries {
		for {
			stats, err := d.member.client.Stats(ctx)
			if err == nil && stats["readers"] > 0 && stats["links"] > 0 {
				break
			}
			if !pause(ctx, 50*time.Millisecond) {
				return fmt.Errorf("soak: %s has no reader or no link after %v: %v", d.member.name, startPatience, err)
			}
		}
	}
	return nil
}

// missing calls f with each message that an agent has not delivered.
func (j *judge) missing(f func(d *diary, id string, accepted bool)) {
	all := j.all()
	for _, d := range j.diaries {
		d.mu.Lock()
		for id, accepted := range all {
			if _, seen := d.seen[id]; !seen {
				f(d, id, accepted)
			}
		}
		d.mu.Unlock()
	}
}

// all is every message, and whether it was accepted.
func (j *judge) all() map[string]bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make(map[string]bool, len(j.known))
	for id := range j.known {
		all[id] = false
	}
	for id := range j.accepted {
		all[id] = true
	}
	return all
}

// complete reports whether everything is everywhere.
func (j *judge) complete() bool {
	n := 0
	j.missing(func(*diary, string, bool) { n++ })
	return n == 0
}
