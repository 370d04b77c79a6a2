package causal

import (
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// How many places there are follows how long answers take.
func TestPlaces(t *testing.T) {
	const quick, between, slow = quickAnswer * testGraft, quickAnswer*testGraft + 1, slowAnswer * testGraft
	for _, test := range []struct {
		why    string
		before int
		took   []time.Duration // of messages that are asked for at the same time; negative if no answer has come
		want   int
	}{
		{"a quick answer makes one", leastPlaces, []time.Duration{quick}, leastPlaces + 1},
		{"each does", leastPlaces, []time.Duration{0, 0, quick}, leastPlaces + 3},
		{"up to a bound", mostPlaces, []time.Duration{0}, mostPlaces},
		{"one that is neither quick nor slow tells nothing", 40, []time.Duration{between}, 40},
		{"a slow one costs half", 40, []time.Duration{slow}, 20},
		{"so does one that does not come, however soon the next is asked", 40, []time.Duration{-quick}, 20},
		{"and those that were asked for with it no more", 40, []time.Duration{slow, slow, slow + 1}, 20},
		{"down to a bound", leastPlaces + 1, []time.Duration{slow}, leastPlaces},
	} {
		r, asked := ration{places: test.before, least: leastPlaces}, make([]asking, len(test.took))
		for i := range asked {
			r.take(time.Hour, &asked[i])
		}
		if r.taken != len(asked) {
			t.Errorf("%s: %d places are taken by %d", test.why, r.taken, len(asked))
		}
		for i, took := range test.took {
			answered := took >= 0
			r.leave(time.Hour+max(took, -took), &asked[i], testGraft, answered)
			r.leave(time.Hour+slow, &asked[i], testGraft, answered) // has none any more
		}
		if r.places != test.want || r.taken != 0 {
			t.Errorf("%s: %d places, %d of them taken, want %d and none", test.why, r.places, r.taken, test.want)
		}
	}
}

// Of long messages fewer are asked for, unless answers come soon.
func TestPlacesForLongMessages(t *testing.T) {
	for _, test := range []struct{ size, want int }{
		{0, leastPlaces}, {256, leastPlaces}, {1 << 10, leastPlaces}, {2 * heavy, leastPlaces / 2}, {64 << 10, fewestPlaces}, {1 << 40, fewestPlaces},
	} {
		r, grown := newRation(), ration{places: 100, least: leastPlaces}
		if r.fit(test.size); r.places != test.want || r.least != test.want {
			t.Errorf("%d bytes: %d places, %d at the least, want %d", test.size, r.places, r.least, test.want)
		}
		if grown.fit(test.size); grown.places != 100 {
			t.Errorf("%d bytes: %d of 100 places are left", test.size, grown.places)
		}
		if r.fit(0); r.places != leastPlaces {
			t.Errorf("after %d bytes: %d places for short ones, want %d", test.size, r.places, leastPlaces)
		}
	}
}

// A long message that was asked for before others turned out to be later than that does not
// show that the tree is broken.
func TestHastyPullsShowNothing(t *testing.T) {
	for _, test := range []struct {
		why     string
		size    int
		late    time.Duration // after their announcement, of those that come by themselves
		grafted bool
	}{
		{"short ones", 100, 4 * patienceOfMany, true},
		{"long ones, not late", 64 << 10, 0, true},
		{"long ones, as late as it was waited for", 64 << 10, patienceOfMany, true},
		{"long ones, far later", 64 << 10, 4 * patienceOfMany, false},
	} {
		var e expected
		for range 10 * sizeMemory {
			e.noteNew(0, test.size)
		}
		e.late[1].Sample(0, test.late)
		if hasty := e.wasHasty(&pulled{waited: patienceOfMany}); hasty == test.grafted {
			t.Errorf("%s: hasty is %v", test.why, hasty)
		}
	}
}

// In a crowd what is late is asked for as there are places: those who wait are asked for as
// soon as others were answered, and are not given up meanwhile.
func TestACrowdIsAskedForByAndBy(t *testing.T) {
	const all = 3 * crowdSize
	w := story(t, Unordered, monologue(all), 0)
	for i := range all {
		w.announce(w.links[0], i)
	}
	w.wait(patienceOfMany)
	asked := []int{len(w.flight)}
	for len(w.flight) > 0 {
		for n := len(w.flight); n > 0; n-- {
			w.answer(0)
		}
		w.wait(1)
		asked = append(asked, len(w.flight))
	}
	if want := []int{8, 16, 32, 64, 72, 0}; !slices.Equal(asked, want) {
		t.Errorf("%v are asked for at a time, want %v", asked, want)
	}
	w.wait(time.Minute)
	w.checkEmpty()

	w = story(t, Unordered, monologue(all), 0)
	for i := range all {
		w.announce(w.links[0], i)
	}
	silent := make(map[uint64]bool)
	for range 2 * testGiveUp / testRetry { // nobody answers
		w.wait(testRetry)
		for _, r := range w.flight {
			silent[r.want.Dot.Seq] = true
		}
		w.flight = nil
	}
	if n, want := len(silent), int(2*leastPlaces*testGiveUp/max(testRetry, patienceOfMany)); n < min(want, all)*3/4 || n > want {
		t.Errorf("%d were asked for, want about %d of %d", n, want, all)
	}
}

// A link that may have been about to bring what is expected is gone: then it does not wait for
// a place, however long it has waited for one; nor does what a message waits for.
func TestWhatIsUrgentNeedsNoPlace(t *testing.T) {
	const all = 8 * crowdSize
	w := story(t, Causal, monologue(all), 0)
	for i := range all {
		w.announce(w.links[0], i)
	}
	for range 3 * testGiveUp / (2 * testRetry) { // nobody answers
		w.wait(testRetry)
		w.flight = nil
	}
	waiting := len(w.buf.wants.crowded)
	if waiting < all/4 {
		t.Fatalf("%d wait for a place, want %d at least", waiting, all/4)
	}
	w.bring(w.links[0], all-1, false) // it waits for the one before it
	w.wait(1)
	w.flight = nil
	for !slices.ContainsFunc(w.flight, func(r request) bool { return r.want.Dot.Seq == all-1 }) && w.now < w.buf.patience(w.now) {
		w.flight = nil
		w.wait(testRetry)
	}
	if !slices.Contains(w.flight, asksFor(w.links[0], X, all-1)) {
		t.Errorf("asked for %v, want what a message waits for", w.flight)
	}
	w.flight = nil
	w.buf.Hasten(w.now)
	w.poll()
	if len(w.flight) < waiting-leastPlaces-1 {
		t.Errorf("%d are asked for, want the %d that have waited", len(w.flight), waiting-leastPlaces-1)
	}
}

// Where all is late, what had to be asked for does not show that the tree is broken, until
// that is over; and then only if it was much of all.
func TestNoTreeIsJudgedWhileAllIsLate(t *testing.T) {
	for _, test := range []struct {
		why    string
		byTree int           // messages that came by themselves meanwhile
		late   time.Duration // for how long all was late
		judged time.Duration // when, after that was pulled
	}{
		{"it was never late", 40 * shareMemory, 0, trial * testGraft},
		{"it was late for a while, and all had to be pulled", 0, mostBusy * testGraft / 2, mostBusy*testGraft/2 + trial*testGraft},
		{"most came by itself", shareMemory / 8, mostBusy * testGraft / 2, mostBusy*testGraft/2 + trial*testGraft},
		{"nearly all", 40 * shareMemory, mostBusy * testGraft / 2, broadcast.Never},
		{"it does not end", 0, time.Hour, (mostBusy + trial) * testGraft},
		{"it does not end, and nearly all came by itself", 40 * shareMemory, time.Hour, broadcast.Never},
	} {
		w := story(t, Unordered, monologue(test.byTree+8), 0, 0)
		tree, other := w.links[0], w.links[1]
		for i := range 8 {
			w.announce(other, i)
		}
		w.now += testGraft
		asks, _ := w.buf.Poll(w.now, []broadcast.LinkID{tree.id, other.id}, nil, nil)
		if len(asks) != 8 {
			t.Fatalf("%s: %d asks, want 8", test.why, len(asks))
		}
		for i := range 8 {
			w.bring(other, i, false)
		}
		for i := range test.byTree {
			w.bring(tree, i+8, false)
		}
		began, judged := w.now, broadcast.Never
		for judged == broadcast.Never && w.buf.Deadline() < broadcast.Never {
			w.now = max(w.now, w.buf.Deadline())
			if grafts := w.buf.AppendGrafts(w.now, w.now < began+test.late, anyLink, nil); len(grafts) > 0 {
				if judged = w.now - began; !slices.Equal(grafts, []broadcast.LinkID{other.id}) {
					t.Errorf("%s: grafted %v, want %v", test.why, grafts, other.id)
				}
			}
		}
		// It is looked at again at the end of each trial.
		if judged > test.judged || judged < test.judged-trial*testGraft {
			t.Errorf("%s: judged after %v, want %v", test.why, judged, test.judged)
		}
	}
}

// What had to be asked for in a crowd has one link grafted, a lazy one, and no other until as much
// had to be asked for again; what had to be by itself has each link grafted that brought it.
func TestOneLinkIsGraftedForACrowd(t *testing.T) {
	for _, test := range []struct {
		crowd crowd
		share int
		want  int // links, of the three that brought something, one of which is eager
	}{{1, wholeShare, 1}, {1, leastShare - 1, 0}, {0, wholeShare, 2}, {0, 0, 2}} {
		w := story(t, Unordered, monologue(1), 0, 0, 0)
		e := &w.buf.wants.expected
		pull := func() {
			for i := range 6 {
				e.addPulled(pulled{dot: peer.Dot{Origin: X, Seq: uint64(i + 2)}, link: w.links[i%3].id, crowd: test.crowd, until: w.now})
			}
		}
		eager := w.links[0].id
		graft := func() []broadcast.LinkID {
			return w.buf.AppendGrafts(w.now, false, func(l broadcast.LinkID) bool { return l != eager }, nil)
		}
		pull()
		e.share = test.share
		if got := graft(); len(got) != test.want || slices.Contains(got, eager) || len(e.pulled) > 0 {
			t.Errorf("crowd %d, share %d: grafted %v, %d are left, want %d of the last two, and none", test.crowd, test.share, got, len(e.pulled), test.want)
		}
		pull()
		if got := graft(); test.crowd == 1 && len(got) > 0 {
			t.Errorf("crowd %d, share %d: then grafted %v, want none", test.crowd, test.share, got)
		}
	}
}

// Of more than can be remembered what is judged last is forgotten.
func TestPulledIsBounded(t *testing.T) {
	var e expected
	at := func(s int) pulled { return pulled{until: time.Duration(s) * time.Second} }
	for i := range maxPulled {
		e.addPulled(at(i + 10))
	}
	e.addPulled(at(1000))
	e.addPulled(at(1))
	latest, soonest := time.Duration(0), time.Hour
	for _, p := range e.pulled {
		latest, soonest = max(latest, p.until), min(soonest, p.until)
	}
	if len(e.pulled) != maxPulled || soonest != time.Second || latest != (maxPulled+8)*time.Second {
		t.Errorf("%d are remembered, of %v to %v; want %d, of 1 s to %d s", len(e.pulled), soonest, latest, maxPulled, maxPulled+8)
	}
}
