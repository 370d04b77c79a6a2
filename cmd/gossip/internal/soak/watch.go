package soak

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The quantities that are watched.
const (
	resident    = "resident memory, MiB"
	heap        = "live heap, MiB"
	goroutines  = "goroutines"
	descriptors = "descriptors"
	file        = "data file, MiB"
)

// quantities has them in the order of the report, with what they may grow by in an hour.
// The bounds are well above what chance makes of a run of twenty minutes, and well below
// what a leak would: of one KiB for each message, 70 MiB an hour at 20 messages a second.
var quantities = []struct {
	name  string
	bound float64
}{{resident, 24}, {heap, 12}, {goroutines, 30}, {descriptors, 30}, {file, 24}}

// sample is what an agent held at some time since the run began.
type sample struct {
	at     time.Duration
	values map[string]float64
}

// life is what was seen of one life of an agent.
type life struct {
	member   *member
	samples  []sample
	counters map[string]float64 // as they were last
}

// watch samples agents.
type watch struct {
	run    *run
	client map[*member]*http.Client

	mu                      sync.Mutex
	now                     map[*member]*life
	past                    []*life
	kills, stops, rotations int
}

func newWatch(r *run) *watch {
	return &watch{run: r, client: make(map[*member]*http.Client), now: make(map[*member]*life)}
}

// runUntil samples all until ctx ends.
func (w *watch) runUntil(ctx context.Context) {
	every := 5 * time.Second
	if w.run.brief() {
		every = time.Second
	}
	for pause(ctx, every) {
		w.sampleAll(ctx)
	}
}

func (w *watch) sampleAll(ctx context.Context) {
	for _, m := range w.run.members {
		w.sample(ctx, m)
	}
}

// sample takes a sample, unless the agent is down.
func (w *watch) sample(ctx context.Context, m *member) {
	pid := m.pid()
	if pid == 0 {
		return
	}
	numbers, err := w.metrics(ctx, m)
	if err != nil {
		return // it is ending
	}
	s := sample{time.Since(w.run.began), map[string]float64{
		// What the collector aims at: twice what was live after the last collection.
		heap:       numbers["go_memstats_next_gc_bytes"] / 2 / (1 << 20),
		goroutines: numbers["go_goroutines"],
	}}
	if fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); err == nil {
		s.values[descriptors] = float64(len(fds))
	}
	if rss, err := residentMemory(pid); err == nil {
		s.values[resident] = rss / (1 << 20)
	}
	if info, err := os.Stat(filepath.Join(m.data(), "node.db")); err == nil {
		s.values[file] = float64(info.Size()) / (1 << 20)
	}
	if m.pid() != pid {
		return // some of it may be of the next life
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.now[m]
	if l == nil {
		l = &life{member: m}
		w.now[m] = l
	}
	l.samples = append(l.samples, s)
	l.counters = numbers
	w.write(m, &s)
}

// heading and write write the samples down.
func (w *watch) heading() {
	if out := w.run.Samples; out != nil {
		fmt.Fprint(out, "seconds,agent")
		for _, q := range quantities {
			fmt.Fprintf(out, ",%q", q.name)
		}
		fmt.Fprintln(out)
	}
}

func (w *watch) write(m *member, s *sample) {
	if out := w.run.Samples; out != nil {
		fmt.Fprintf(out, "%.1f,%s", s.at.Seconds(), m.name)
		for _, q := range quantities {
			fmt.Fprintf(out, ",%g", s.values[q.name])
		}
		fmt.Fprintln(out)
	}
}

// ended notes the end of an agent's life.
func (w *watch) ended(m *member, killed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if l := w.now[m]; l != nil {
		w.past = append(w.past, l)
		delete(w.now, m)
	}
	if killed {
		w.kills++
	} else {
		w.stops++
	}
}

func (w *watch) rotated() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rotations++
}

// lives are all that were seen.
func (w *watch) lives() []*life {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := append([]*life{}, w.past...)
	for _, m := range w.run.members {
		if l := w.now[m]; l != nil {
			all = append(all, l)
		}
	}
	return all
}

// metrics reads what the agent shows Prometheus.
func (w *watch) metrics(ctx context.Context, m *member) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/metrics", nil)
	if err != nil {
		return nil, err
	}
	a, err := w.clientOf(m).Do(q)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", m.name, a.Status)
	}
	return readMetrics(a.Body)
}

// readMetrics reads the numbers of Prometheus's text format, by name and labels.
func readMetrics(r io.Reader) (map[string]float64, error) {
	numbers := make(map[string]float64)
	lines := bufio.NewScanner(io.LimitReader(r, 4<<20))
	for lines.Scan() {
		line := lines.Text()
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		n, err := strconv.ParseFloat(line[i+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		numbers[line[:i]] = n
	}
	return numbers, lines.Err()
}

func (w *watch) clientOf(m *member) *http.Client {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.client[m]
	if c == nil {
		c = &http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", m.socket())
			},
			DisableKeepAlives: true, // or it would count among the agent's descriptors, or not
		}}
		w.client[m] = c
	}
	return c
}

// residentMemory is what Linux says that a process has, in bytes.
func residentMemory(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "VmRSS:" {
			kib, err := strconv.ParseFloat(f[1], 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status: no VmRSS", pid)
}
