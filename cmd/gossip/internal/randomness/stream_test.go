package randomness

import (
	"slices"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

func newOverlay(t *testing.T, cfg overlay.Config) *overlay.Overlay {
	t.Helper()
	o, err := overlay.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// small is an overlay that converges within a few cycles.
func small(t *testing.T) *overlay.Overlay {
	return newOverlay(t, overlay.Config{Nodes: 64, Policy: peersampling.Swapper(8), Start: overlay.Random, Seed: 1, Cores: 1})
}

// fails lists the tests that a stream fails.
func fails(t *testing.T, s Stream) (names []string) {
	t.Helper()
	for _, r := range Battery(s) {
		t.Log(r)
		if r.Verdict == Fail {
			names = append(names, r.Name)
		}
	}
	return names
}

// TestLocalRandomness: TOCS 2007, section 5. Views change slowly, so a node meets
// the same peers again soon; far enough apart its samples are as good as an
// ideal source's.
func TestLocalRandomness(t *testing.T) {
	long(t)
	const samples = 4000
	for _, tc := range []struct {
		every  int
		failed []string
	}{
		{1, []string{"repetition"}},
		{20, nil},
	} {
		s, err := FromView(small(t), Source{Node: 7, Samples: samples, Every: tc.every, Skip: 100})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("every %d cycles", tc.every)
		failed := fails(t, s)
		for _, name := range tc.failed {
			if !slices.Contains(failed, name) {
				t.Errorf("every %d cycles: %s finds nothing", tc.every, name)
			}
		}
		if tc.failed == nil && failed != nil {
			t.Errorf("every %d cycles: %v failed", tc.every, failed)
		}
	}
	if failed := fails(t, Ideal(63, samples, 1)); failed != nil {
		t.Errorf("the ideal stream failed %v", failed)
	}
}

// TestStreamsAreDecided by the overlay and the source, and by the source's seed.
func TestStreamsAreDecided(t *testing.T) {
	for name, take := range map[string]func(*overlay.Overlay, Source) (Stream, error){"view": FromView, "contacts": Contacts} {
		t.Run(name, func(t *testing.T) {
			of := func(seed uint64) Stream {
				s, err := take(small(t), Source{Node: 64, Samples: 500, Skip: 10, Seed: seed})
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Validate(); err != nil || len(s.Peers) != 500 || s.Nodes != 63 {
					t.Fatalf("%d samples of %d nodes, %v", len(s.Peers), s.Nodes, err)
				}
				return s
			}
			if !slices.Equal(of(1).Peers, of(1).Peers) {
				t.Error("one seed, two streams")
			}
			if slices.Equal(of(1).Peers, of(2).Peers) {
				t.Error("two seeds, one stream")
			}
		})
	}
}

// TestContactsAreTwoACycle: a node chooses once and is chosen once in the mean.
// Everybody is met, and the world's views stay views.
func TestContactsAreTwoACycle(t *testing.T) {
	o := small(t)
	w, err := newWorld(o, Source{Node: 3})
	if err != nil {
		t.Fatal(err)
	}
	var met []uint32
	const cycles = 2000
	for range cycles {
		before := len(met)
		if met = w.cycle(met); len(met) == before {
			t.Fatal("a node has not had its turn")
		}
	}
	if mean := float64(len(met)) / cycles; mean < 1.9 || mean > 2.1 {
		t.Errorf("%.2f contacts a cycle, want 2", mean)
	}
	if slices.Sort(met); len(slices.Compact(met)) != 63 {
		t.Error("some nodes were never met")
	}
	for h := range o.Live() {
		seen := make(map[peer.Handle]bool)
		for _, d := range w.views[h] {
			if d.Peer == h || seen[d.Peer] || !o.Alive(d.Peer) {
				t.Fatalf("node %d has the view %v", h, w.views[h])
			}
			seen[d.Peer] = true
		}
	}
	if o.Cycle() != 0 {
		t.Error("the overlay itself went on")
	}
}

// TestBadSources are errors that name the field and what is allowed.
func TestBadSources(t *testing.T) {
	stable := overlay.Config{Nodes: 50, Policy: peersampling.Healer(8), Start: overlay.Random}
	churning, dying, growing := stable, stable, stable
	churning.Churn = 0.1
	dying.Kill = []overlay.Kill{{Fraction: 0.5, Cycle: 5}}
	growing.Start, growing.GrowPerCycle = overlay.Growing, 5
	for _, tc := range []struct {
		cfg    overlay.Config
		source Source
		says   string
	}{
		{stable, Source{Node: 51, Samples: 1}, "Source.Node is 51"},
		{stable, Source{Node: 1}, "Source.Samples is 0, allowed: 1 or more"},
		{stable, Source{Node: 1, Samples: 1, Every: -1}, "Source.Every is -1"},
		{stable, Source{Node: 1, Samples: 1, Skip: -1}, "Source.Skip is -1"},
		{churning, Source{Node: 1, Samples: 1}, "churn of 0.1, allowed: 0"},
		{dying, Source{Node: 1, Samples: 100}, ""},
		{growing, Source{Node: 1, Samples: 100}, "Source.Skip"},
	} {
		_, err := FromView(newOverlay(t, tc.cfg), tc.source)
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("got %v, want an error that says %q", err, tc.says)
		}
	}
	if _, err := FromView(newOverlay(t, growing), Source{Node: 1, Samples: 100, Skip: 20}); err != nil {
		t.Errorf("after growth: %v", err)
	}
}
