package soak

import (
	"math"
	"time"
)

// slope is how fast something grows, in an hour, and how sure that is: twice the
// standard error either way.
type slope struct {
	perHour, plusMinus float64
	mean               float64
	first, last        float64 // means of the first and the last tenth
	samples            int
}

// fit fits a line by least squares to what was measured at some times. Neighbouring
// samples are alike, so there are fewer of them in truth than were taken: as many as
// their correlation says, for a process that remembers its last value.
func fit(at []time.Duration, values []float64) slope {
	n := len(at)
	s := slope{samples: n}
	if n == 0 {
		return s
	}
	tenth := max(1, n/10)
	s.mean, s.first, s.last = mean(values), mean(values[:tenth]), mean(values[n-tenth:])
	if n < 3 {
		s.plusMinus = math.Inf(1)
		return s
	}
	hours := make([]float64, n)
	for i, t := range at {
		hours[i] = t.Hours()
	}
	middle := mean(hours)
	var xx, xy float64
	for i := range n {
		xx += (hours[i] - middle) * (hours[i] - middle)
		xy += (hours[i] - middle) * (values[i] - s.mean)
	}
	s.perHour = xy / xx
	var rr, lag float64
	var before float64
	for i := range n {
		residual := values[i] - s.mean - s.perHour*(hours[i]-middle)
		rr += residual * residual
		if i > 0 {
			lag += residual * before
		}
		before = residual
	}
	inflated := 1.0
	if rr > 0 {
		r := min(max(lag/rr, 0), 0.95)
		inflated = (1 + r) / (1 - r)
	}
	s.plusMinus = 2 * math.Sqrt(rr/float64(n-2)/xx*inflated)
	return s
}

// pool is the slope of several that are alike. It is as sure as they are, or as they
// agree, whichever is less.
func pool(all []slope) slope {
	var s slope
	k := float64(len(all))
	if k == 0 {
		s.plusMinus = math.Inf(1)
		return s
	}
	var own float64
	for _, x := range all {
		s.perHour += x.perHour / k
		s.mean += x.mean / k
		s.first += x.first / k
		s.last += x.last / k
		s.samples += x.samples
		own += x.plusMinus * x.plusMinus
	}
	s.plusMinus = math.Sqrt(own) / k
	if k > 1 {
		var spread float64
		for _, x := range all {
			spread += (x.perHour - s.perHour) * (x.perHour - s.perHour)
		}
		s.plusMinus = max(s.plusMinus, 2*math.Sqrt(spread/(k-1)/k))
	}
	return s
}

func mean(values []float64) (m float64) {
	for _, v := range values {
		m += v / float64(len(values))
	}
	return m
}
