// Package soak runs many agents as processes for a long time, gives them no rest, and
// judges what they did: agents are killed and come back, others end in good order and
// come back, keys change, and clients send messages to all of them meanwhile. What an
// agent accepted must be delivered everywhere, once and in order, and what an agent
// holds of memory, goroutines and descriptors must not grow.
package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options say what is run.
type Options struct {
	Command []string // the gossip command
	Env     []string // more of its environment
	Dir     string   // an empty directory for all that is written
	Agents  int
	For     time.Duration // for which there is load and trouble
	Rate    float64       // messages a second, of all clients together
	Seed    uint64        // decides who is ended when, but not what comes of it
	Log     io.Writer     // gets a line for each thing that happens
	Samples io.Writer     // gets what agents hold, as CSV; nil: nobody does
}

// The bounds of what a run may ask for: guesses at what one machine can do.
const (
	MaxAgents = 64
	MaxTime   = 12 * time.Hour
	MaxRate   = 500.0
)

// Validate reports the first thing that is not allowed.
func (o *Options) Validate() error {
	switch {
	case len(o.Command) == 0 || o.Dir == "":
		return errors.New("soak: there must be a command and a directory")
	case o.Agents < 4 || o.Agents > MaxAgents:
		return fmt.Errorf("soak: %d agents, allowed are 4 to %d", o.Agents, MaxAgents)
	case o.For < time.Second || o.For > MaxTime:
		return fmt.Errorf("soak: for %v, allowed are 1s to %v", o.For, MaxTime)
	case !(o.Rate > 0 && o.Rate <= MaxRate):
		return fmt.Errorf("soak: %v messages a second, allowed are more than 0 and up to %v", o.Rate, MaxRate)
	}
	return nil
}

// What agents are told to keep. All of it must come to its bound, and messages and
// lives must be forgotten, long before the end: or growth could not be told from what
// is not full yet.
const (
	retention = time.Minute     // well above the longest time that an agent is down
	horizon   = 4 * time.Minute // the least that is allowed with it
	kept      = "2MiB"          // for readers
)

// A quarter of the agents are never ended: of them the slopes are taken.
const steadyShare = 4

// settled bounds how long after the load everything may take to be everywhere.
const settled = 2 * time.Minute

// run is one run under way.
type run struct {
	Options
	began   time.Time
	members []*member
	keys    *fleetKeys
	judge   *judge
	watch   *watch

	mu  sync.Mutex // of rng
	rng *rand.Rand
}

// Run runs agents as the options say. The error is of a run that could not be carried
// out; what the agents did wrong is in the report.
func Run(ctx context.Context, o Options) (Report, error) {
	if err := o.Validate(); err != nil {
		return Report{}, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &run{Options: o, began: time.Now(), rng: rand.New(rand.NewPCG(o.Seed, 0x50a1)), judge: newJudge()}
	r.watch = newWatch(r)
	if err := r.muster(); err != nil {
		return Report{}, err
	}
	defer r.endAll()
	r.watch.heading()
	for _, m := range r.members {
		if err := m.start(ctx); err != nil {
			return Report{}, err
		}
	}
	r.logf("%d agents are up", len(r.members))
	following, unfollow := context.WithCancel(ctx)
	defer unfollow()
	var followers sync.WaitGroup
	for i, m := range r.members {
		followers.Go(func() { r.judge.follow(following, m, r.judge.diaries[i]) })
	}
	if err := r.judge.allFollow(ctx); err != nil {
		return Report{}, err
	}
	r.stress(ctx)
	if ctx.Err() == nil {
		r.settle(ctx)
	}
	r.watch.sampleAll(ctx)
	for _, m := range r.members {
		if err := m.leave(); err != nil {
			r.judge.blame("%s: at the end: %v", m.name, err)
		}
	}
	unfollow()
	followers.Wait()
	if ctx.Err() != nil {
		return Report{}, context.Cause(ctx)
	}
	return r.report(), nil
}

// muster makes what agents need before they start.
func (r *run) muster() error {
	r.keys = newFleetKeys()
	seeds := make([]string, 0, 3)
	for i := range r.Agents {
		addr, err := r.freeAddress()
		if err != nil {
			return err
		}
		m := &member{
			run: r, name: fmt.Sprintf("agent-%02d", i), steady: i < max(1, r.Agents/steadyShare),
			addr: addr, join: seeds, dir: filepath.Join(r.Dir, fmt.Sprint(i)),
		}
		if len(seeds) < cap(seeds) {
			seeds = append(seeds, addr)
		}
		if err := m.prepare(); err != nil {
			return err
		}
		r.members = append(r.members, m)
		r.judge.diaries = append(r.judge.diaries, newDiary(m))
	}
	return nil
}

// freeAddress finds one that stays free while its agent is down: below the ports that
// the system gives to whoever asks for any.
func (r *run) freeAddress() (string, error) {
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+r.intN(20_000))
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		p, err := net.ListenPacket("udp", addr)
		l.Close()
		if err != nil {
			continue
		}
		p.Close()
		return addr, nil
	}
	return "", errors.New("soak: no port of 127.0.0.1 is free")
}

// stress has clients send, agents end and keys change, until the time is over and
// everybody is back.
func (r *run) stress(ctx context.Context) {
	timed, cancel := context.WithTimeout(ctx, r.For)
	defer cancel()
	var all sync.WaitGroup
	r.load(ctx, timed, &all)
	all.Go(func() { r.churn(ctx, timed) })
	all.Go(func() { r.rotate(ctx, timed) })
	all.Go(func() { r.watch.runUntil(timed) })
	all.Wait()
}

// settle waits until everything is everywhere, and then whether more comes.
func (r *run) settle(ctx context.Context) {
	r.logf("the load is over: %d messages were accepted", r.judge.acceptedCount())
	ctx, cancel := context.WithTimeout(ctx, settled)
	defer cancel()
	for !r.judge.complete() {
		if !pause(ctx, 100*time.Millisecond) {
			return // the judge tells what is missing
		}
	}
	r.logf("everything is everywhere")
	pause(ctx, time.Second)
}

// endAll ends what still runs.
func (r *run) endAll() {
	for _, m := range r.members {
		m.kill()
	}
}

func (r *run) logf(format string, args ...any) {
	if r.Log != nil {
		fmt.Fprintf(r.Log, "%7.1fs  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
	}
}

func (r *run) intN(n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.IntN(n)
}

// between draws a time.
func (r *run) between(least, most time.Duration) time.Duration {
	return least + time.Duration(r.intN(int(most-least)+1))
}

// pause waits, and reports false if ctx ended before.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// writeSecret puts a file in place whole, for this user alone.
func writeSecret(name, text string) error {
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
