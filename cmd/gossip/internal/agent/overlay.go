package agent

import (
	"context"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/survey"
)

// What a survey is limited to besides survey.DefaultLimits.
const (
	// watched is how long a survey goes on after somebody has looked at it.
	watched = 30 * time.Second
	// patience is how long a node may take to answer.
	patience = 2 * time.Second
	// redraw is the least time between two pictures.
	redraw = time.Second
)

// surveyor asks around while somebody looks at what comes of it.
type surveyor struct {
	describe func(context.Context, survey.Node) (survey.Description, error)
	limits   survey.Limits
	self     func() (survey.Node, survey.Description)
	began    time.Time

	mu      sync.Mutex
	latest  api.Overlay
	changed chan struct{} // closed when there is another
	looked  time.Time
	running bool
	closed  bool
	ended   sync.WaitGroup
	cancel  context.CancelFunc
	ctx     context.Context
}

func newSurveyor(limits survey.Limits, self func() (survey.Node, survey.Description), describe func(context.Context, survey.Node) (survey.Description, error)) *surveyor {
	s := &surveyor{limits: limits, self: self, describe: describe, began: time.Now(), changed: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.latest = s.begin(0).Overlay(0, time.Now().UTC())
	return s
}

// begin returns a survey that knows what this node knows.
func (s *surveyor) begin(now time.Duration) *survey.Survey {
	self, d := s.self()
	v := survey.New(self, s.limits)
	v.Tell(now, self.ID, d)
	return v
}

// look returns the latest picture and what is closed when there is another, and has
// the survey go on.
func (s *surveyor) look() (api.Overlay, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = time.Now()
	if !s.running && !s.closed {
		s.running = true
		s.ended.Go(s.run)
	}
	return s.latest, s.changed
}

func (s *surveyor) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.ended.Wait()
}

// unwatched ends the run if nobody has looked for a while. Streams look whenever they
// are told of a picture, and every now and then.
func (s *surveyor) unwatched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.looked) < watched {
		return false
	}
	s.running = false
	return true
}

type answer struct {
	id  string
	d   survey.Description
	err error
}

func (s *surveyor) run() {
	var (
		asking  sync.WaitGroup
		v       = s.begin(s.now())
		answers = make(chan answer)
		drawn   = never
		timer   = time.NewTimer(0)
	)
	defer asking.Wait()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	defer timer.Stop()
	for !s.unwatched() {
		now := s.now()
		if drawn+redraw <= now {
			self, d := s.self()
			v.Tell(now, self.ID, d)
			s.draw(v, now)
			drawn = now
		}
		n, found, again := v.Next(now)
		if found {
			asking.Go(func() { s.ask(ctx, n, answers) })
			continue
		}
		timer.Reset(min(again, drawn+redraw) - now)
		select {
		case a := <-answers:
			if a.err != nil {
				v.Failed(a.id)
			} else {
				v.Tell(s.now(), a.id, a.d)
			}
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
}

const never = -time.Duration(1 << 62)

func (s *surveyor) now() time.Duration { return time.Since(s.began) }

func (s *surveyor) ask(ctx context.Context, n survey.Node, answers chan<- answer) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d, err := s.describe(asking, n)
	select {
	case answers <- answer{n.ID, d, err}:
	case <-ctx.Done():
	}
}

// draw makes a new picture if there is news, or the ages of the last one are old.
func (s *surveyor) draw(v *survey.Survey, now time.Duration) {
	changed := v.Changed()
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := time.Now(); changed || at.Sub(s.latest.At) >= 5*redraw {
		s.latest = v.Overlay(now, at.UTC())
		close(s.changed)
		s.changed = make(chan struct{})
	}
}
