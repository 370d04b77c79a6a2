package overlay

import "runtime"

// coresOf is how many cores a Config.Cores stands for.
func coresOf(cores int) int {
	if cores == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return cores
}

// workersFor is how many workers some tasks are worth.
func (g *graph) workersFor(tasks int) int { return max(1, min(tasks, coresOf(g.cores))) }

// parallel runs all tasks on some goroutines, each with a worker of its own, and
// waits for them. Which task meets which worker is always the same, and must not
// matter all the same.
func parallel(workers, tasks int, newWorker func(worker int) func(task int)) {
	done := make(chan struct{})
	for w := range workers {
		go func() {
			do := newWorker(w)
			for task := w; task < tasks; task += workers {
				do(task)
			}
			done <- struct{}{}
		}()
	}
	for range workers {
		<-done
	}
}
