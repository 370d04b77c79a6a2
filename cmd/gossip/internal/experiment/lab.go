package experiment

import (
	"context"
	"runtime"
	"sync"

	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

// lab is where one experiment is carried out.
type lab struct {
	Params
	ctx context.Context

	told        Progress
	mu          sync.Mutex // guards done, and one call of told at a time
	done, total int
}

func newLab(ctx context.Context, p Params, told Progress, total int) *lab {
	if told == nil {
		told = func(int, int) {}
	}
	if p.Cores == 0 {
		p.Cores = runtime.GOMAXPROCS(0)
	}
	return &lab{Params: p, ctx: ctx, told: told, total: total}
}

// tick counts a cycle, or what takes about as long.
func (l *lab) tick() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done++
	l.told(min(l.done, l.total), l.total)
}

// config is that of an overlay, but for how it starts and what happens to it.
// Runs go on side by side, so each has one core.
func (l *lab) config(p protocol, run int) overlay.Config {
	return overlay.Config{
		Nodes: l.Nodes, Policy: p.policy(l.View), Start: overlay.Random,
		DropDead: p.drops, Seed: l.Seed + uint64(run), Cores: 1,
	}
}

// step takes an overlay to a cycle and calls each, if there is one, after every
// cycle on the way.
func (l *lab) step(o *overlay.Overlay, to int, each func()) error {
	for o.Cycle() < to {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		o.Step()
		if each != nil {
			each()
		}
		l.tick()
	}
	return l.ctx.Err()
}

// collect does n things that share nothing, on all cores, and returns what they
// return in their order, or the error of the first that failed.
func collect[T any](l *lab, n int, do func(i int) (T, error)) ([]T, error) {
	results, errs := make([]T, n), make([]error, n)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(l.Cores, n) {
		workers.Go(func() {
			for i := range next {
				results[i], errs[i] = do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return results, nil
}
