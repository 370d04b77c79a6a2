package soak

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// brief reports whether the run is too short for the pauses of a long one.
func (r *run) brief() bool { return r.For < 2*time.Minute }

// churn ends agents and starts them again, a third of them in good order, at most a
// quarter of all at a time.
func (r *run) churn(ctx, timed context.Context) {
	least, most, down := 2*time.Second, 10*time.Second, 15*time.Second
	if r.brief() {
		least, most, down = 500*time.Millisecond, 2*time.Second, 2*time.Second
	}
	places := make(chan struct{}, max(1, r.Agents/4))
	var restarts sync.WaitGroup
	defer restarts.Wait()
	busy := make(map[*member]bool)
	var mu sync.Mutex
	for pause(timed, r.between(least, most)) {
		m := r.members[r.intN(len(r.members))]
		mu.Lock()
		free := !m.steady && !busy[m]
		busy[m] = busy[m] || free
		mu.Unlock()
		if !free {
			continue
		}
		places <- struct{}{}
		kill, away := r.intN(3) > 0, r.between(0, down)
		restarts.Go(func() {
			defer func() {
				mu.Lock()
				busy[m] = false
				mu.Unlock()
				<-places
			}()
			r.restart(ctx, timed, m, kill, away)
		})
	}
}

func (r *run) restart(ctx, timed context.Context, m *member, kill bool, away time.Duration) {
	r.watch.sample(ctx, m)
	if kill {
		m.kill()
	} else if err := m.leave(); err != nil {
		r.judge.blame("%s: on SIGTERM: %v", m.name, err)
	}
	r.watch.ended(m, kill)
	pause(timed, away)
	began := time.Now()
	if err := m.start(ctx); err != nil {
		if ctx.Err() == nil {
			r.judge.blame("%v", err)
		}
		return
	}
	r.logf("%s was %s, and is back after %.1fs and %.1fs of starting", m.name,
		map[bool]string{true: "killed", false: "stopped"}[kill], away.Seconds(), time.Since(began).Seconds())
}

// fleetKeys are the keys of all agents, the one that is used first.
type fleetKeys struct {
	mu   sync.Mutex
	keys []keyring.Key
}

func newFleetKeys() *fleetKeys { return &fleetKeys{keys: []keyring.Key{keyring.NewKey()}} }

func (f *fleetKeys) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	for _, k := range f.keys {
		fmt.Fprintln(&b, k.Text())
	}
	return b.String()
}

func (f *fleetKeys) set(keys ...keyring.Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys = keys
}

// roundPatience bounds how long a round of new keys takes to be taken by all.
const roundPatience = time.Minute

// rotate changes the keys again and again, in the three rounds that package keyring
// tells of, each of which ends before the next begins.
func (r *run) rotate(ctx, timed context.Context) {
	every := time.Minute
	if r.brief() {
		every = 5 * time.Second
	}
	for pause(timed, every) {
		old, fresh := r.keys.keys[0], keyring.NewKey()
		for _, round := range []struct {
			keys []keyring.Key
			done func(known map[string]api.Key) bool
		}{
			{[]keyring.Key{old, fresh}, func(k map[string]api.Key) bool { return k[fresh.ID().String()].Here }},
			{[]keyring.Key{fresh, old}, func(k map[string]api.Key) bool { return k[fresh.ID().String()].Primary }},
			{[]keyring.Key{fresh}, func(k map[string]api.Key) bool { return !k[old.ID().String()].Here }},
		} {
			r.keys.set(round.keys...)
			if err := r.round(ctx, round.done); err != nil {
				if ctx.Err() == nil {
					r.judge.blame("new keys: %v", err)
				}
				return
			}
		}
		r.watch.rotated()
		r.logf("all use a new key, and the old one is gone")
	}
}

// round hands keys to all agents, and waits until those that are up have taken them.
// Others take them when they start.
func (r *run) round(ctx context.Context, done func(map[string]api.Key) bool) error {
	ctx, cancel := context.WithTimeout(ctx, roundPatience)
	defer cancel()
	for _, m := range r.members {
		if err := m.setKeys(r.keys.text()); err != nil {
			return err
		}
	}
	for _, m := range r.members {
		for m.pid() != 0 {
			keys, err := m.client.Keys(ctx)
			known := make(map[string]api.Key, len(keys))
			for _, k := range keys {
				known[k.ID] = k
			}
			if err == nil && done(known) {
				break
			}
			if !pause(ctx, 50*time.Millisecond) {
				return fmt.Errorf("%s has not taken its keys after %v: %v", m.name, roundPatience, err)
			}
		}
	}
	return nil
}
