package overlay

// job is what a crew does at one time: carry out turns that touch no node in
// common, and choose the peers of others, where the former do not touch them.
type job struct {
	do, choose []turn
}

// crew is the workers of a cycle: the first in the goroutine of the caller, the
// others in their own. All take pieces of a job from one place, so that the
// caller does alone what the others, on a busy machine, do not come to.
type crew struct {
	workers []*worker
	pieces  chan job
	done    chan struct{}
}

// piecesEach is how many pieces there are for each worker. A guess: fewer, and
// all wait for the slowest; more, and they wait for each other to take one.
const piecesEach = 4

func newCrew(workers []*worker) *crew {
	most := piecesEach * len(workers)
	c := &crew{workers: workers, pieces: make(chan job, most), done: make(chan struct{}, most)}
	for _, w := range workers[1:] {
		go func() {
			for {
				j, ok := receive(c.pieces)
				if !ok {
					return
				}
				w.work(j)
				c.done <- struct{}{}
			}
		}()
	}
	return c
}

// dismiss lets the goroutines end.
func (c *crew) dismiss() { close(c.pieces) }

// work does a job and waits until it is done.
func (c *crew) work(j job) {
	if len(c.workers) == 1 || len(j.do) < worthSharing {
		c.workers[0].work(j)
		return
	}
	n := cap(c.pieces)
	for i := range n {
		c.pieces <- job{piece(j.do, i, n), piece(j.choose, i, n)}
	}
	for left := n; left > 0; left-- {
		select {
		case j := <-c.pieces:
			c.workers[0].work(j)
		default:
			receive(c.done)
		}
	}
}

func piece(some []turn, i, of int) []turn {
	return some[len(some)*i/of : len(some)*(i+1)/of]
}

// patience is how often receive looks before it waits: for 50 microseconds or
// so. To be woken takes as long, and what the others do in the meantime is done
// sooner.
const patience = 1 << 14

func receive[T any](from <-chan T) (x T, ok bool) {
	for range patience {
		select {
		case x, ok = <-from:
			return x, ok
		default:
		}
	}
	x, ok = <-from
	return x, ok
}

func (w *worker) work(j job) {
	w.doAll(j.do)
	w.chooseAll(j.choose, w.o.turns.touched, w.o.turns.epoch)
}
