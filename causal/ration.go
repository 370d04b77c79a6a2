package causal

import "time"

// In a crowd no more messages are asked for at a time than there are places. Who has more
// to do than he can has what was announced come late, and to be asked for it makes him later:
// each answer is a copy of what is on its way. Where answers come soon there are more places,
// so that what a tree does not bring is had within a few round trips all the same; where they
// are slow there are fewer, and what is asked for shows no more than whether it is to be had. Of long
// messages few come in the time of an answer, and as many copies would be a good part of all.

// leastPlaces and mostPlaces are how many there are; where messages have as much as 2*heavy bytes
// half of leastPlaces will do, and so on, but fewestPlaces at least. An answer within quickAnswer times
// Config.Graft makes a place, and one that takes slowAnswer times that, or does not come before
// another neighbour would be asked, costs half of them, once for all that were asked for
// before. Guesses: 200 ms and 400 ms. To ask another one takes no place.
const (
	leastPlaces  = 8
	fewestPlaces = 2
	mostPlaces   = 256
	quickAnswer  = 4
	slowAnswer   = 8
)

type ration struct {
	places, least, taken int
	cutAt                time.Duration // when there last were too many
}

func newRation() ration { return ration{places: leastPlaces, least: leastPlaces} }

// fit has no more places at the least than messages of this size need.
func (r *ration) fit(size int) {
	const half = 2 * heavy
	least := max(fewestPlaces, (leastPlaces*half+half+size-1)/(half+size))
	if r.places == r.least {
		r.places = least
	}
	r.least, r.places = least, max(r.places, least)
}

// has reports whether there is a place.
func (r *ration) has() bool { return r.taken < r.places }

// take gives a message that is asked for a place.
func (r *ration) take(now time.Duration, a *asking) {
	a.placed, a.askedAt = true, now
	r.taken++
}

// leave frees the place of a message, if it has one, since it was answered or is to be asked
// for again: in its time, or if it is urgent, before that.
func (r *ration) leave(now time.Duration, a *asking, graft time.Duration, answered bool) {
	if !a.placed {
		return
	}
	r.free(a)
	took := now - a.askedAt
	switch isLate := took >= slowAnswer*graft || !answered && !a.urgent; {
	case answered && took <= quickAnswer*graft:
		r.places = min(r.places+1, mostPlaces)
	case isLate && a.askedAt >= r.cutAt:
		r.places, r.cutAt = max(r.places/2, r.least), now
	}
}

func (r *ration) free(a *asking) {
	if a.placed {
		a.placed = false
		r.taken--
	}
}
