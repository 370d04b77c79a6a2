package peersampling

import (
	"os"
	"runtime"
	"syscall"
	"testing"
)

func cpu() int64 { var r syscall.Rusage; syscall.Getrusage(1, &r); return r.Utime.Nano() }
func TestTmpCPU(t *testing.T) {
	if os.Getenv("CPU") == "" {
		t.Skip()
	}
	runtime.LockOSThread()
	ps := []Policy{Blind(30), Healer(30), Swapper(30), Newscast(30), {Peer: Random, Propagation: PushPull, C: 30}, Cyclon(30)}
	os := []*overlay{}
	best := []int64{}
	for _, p := range ps {
		o := newOverlay(t, p, 10000, 1)
		o.run(30)
		os = append(os, o)
		best = append(best, 1<<60)
	}
	for range 12 {
		for i, o := range os {
			t0 := cpu()
			o.run(4)
			if d := cpu() - t0; d < best[i] {
				best[i] = d
			}
		}
	}
	for i, p := range ps {
		t.Logf("%-35v %d ns cpu/exchange", p, best[i]/40000)
	}
}
