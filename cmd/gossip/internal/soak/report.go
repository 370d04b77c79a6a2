package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Report is what a run came to.
type Report struct {
	Agents, Lives         int
	Took                  time.Duration
	Unconfirmed           int // ends in good order before a neighbour had confirmed everything
	Kills, Stops, NewKeys int
	Accepted              int // messages that were answered
	Unanswered            int // that were delivered although nobody had an answer
	Twice                 int // said under two ids, since the first was lost with its answer
	Deliveries            int // each message counted once at each agent
	Again, Redelivered    int // to readers: restored, and others, which is a fault
	Unresumed             int // times that a reader had to begin before its last message
	Lost, Unequal         int // accepted and not delivered; delivered at some agents only
	Gaps                  float64
	Drops                 map[string]float64
	Growth                []Growth
	Judged                bool // the run was long enough for slopes
	Faults                []string
	MoreOfFaults          int
}

// Growth is how one quantity changed at the agents that were never ended.
type Growth struct {
	Name               string
	PerHour, PlusMinus float64
	Mean, First, Last  float64
	Bound              float64
	Samples            int
}

// warmUp is for which part of a run what agents hold may grow: a node forgets lives that
// have been silent for two horizons, so that from then on as many go as come.
const warmUp = 2*horizon + time.Minute

// leastJudged is the shortest run, after the warm-up, of which slopes are judged.
const leastJudged = 8 * time.Minute

// forbidden are the drops that nobody should see, whatever happens to agents and keys:
// what was understood and thrown away, what the store did not take, and what is against
// the protocol. A bad_frame is not among them: a connection that ends before it is a
// link, since its other end was killed, counts as one. Nor is skipped_for_slow_link: what
// leaves the log after a minute may not have passed a link that has just come up, and is
// not wanted there any more.
var forbidden = []string{
	"bad_packet", "forged", "replayed", "unsealed", "bad_signature", "forged_message", "conflict", "stray_frame",
	"backlog", "event", "unstored", "unrestored", "no_room", "forgotten_held", "of_tomorrow", "stale",
	"slow_link", "barred", "unknown_kind", "other_cluster", "bad_descriptor",
}

func (r *run) report() Report {
	j, w := r.judge, r.watch
	p := Report{
		Agents: len(r.members), Took: time.Since(r.began).Round(time.Second), Kills: w.kills, Stops: w.stops, NewKeys: w.rotations,
		Accepted: len(j.accepted), Drops: make(map[string]float64),
	}
	for _, m := range r.members {
		p.Lives += m.lives
		p.Unconfirmed += m.unconfirmed
	}
	for _, d := range j.diaries {
		p.Deliveries += len(d.seen)
		p.Again += d.again
		p.Redelivered += d.redelivered
		p.Unresumed += d.unknown
	}
	for id := range j.known {
		if _, accepted := j.accepted[id]; !accepted {
			p.Unanswered++
		}
	}
	for id, payload := range j.accepted {
		if got, known := j.known[id]; known && got != payload {
			j.blame("%s is %q, and was sent as %q", id, got, payload)
		}
	}
	for _, ids := range j.ids {
		p.Twice += len(ids) - 1
	}
	j.missing(func(d *diary, id string, accepted bool) {
		if accepted {
			p.Lost++
		} else {
			p.Unequal++
		}
		j.blame("%s has not delivered %s (accepted: %v)", d.member.name, id, accepted)
	})
	r.count(&p)
	p.Growth = r.growth()
	p.Judged = r.For >= warmUp+leastJudged
	for _, g := range p.Growth {
		if g.Samples == 0 {
			j.blame("%s: no agent told how much it has", g.Name)
		}
		if p.Judged && g.PerHour > g.Bound {
			j.blame("%s: it grows by %.1f ± %.1f an hour, more than %.0f", g.Name, g.PerHour, g.PlusMinus, g.Bound)
		}
	}
	p.Faults, p.MoreOfFaults = j.faults, j.more
	return p
}

// count adds up the counters of all lives.
func (r *run) count(p *Report) {
	var offences float64
	for _, l := range r.watch.lives() {
		for name, n := range l.counters {
			if reason, is := strings.CutPrefix(name, `gossip_dropped_total{reason="`); is && n > 0 {
				p.Drops[strings.TrimSuffix(reason, `"}`)] += n
			}
		}
		p.Gaps += l.counters["gossip_gap_messages_total"]
		offences += l.counters["gossip_offences_total"]
	}
	if offences > 0 {
		r.judge.blame("%v times a peer was taken to misbehave", offences)
	}
	if p.Gaps > 0 {
		r.judge.blame("%v messages were given up as gaps", p.Gaps)
	}
	for _, reason := range forbidden {
		if n := p.Drops[reason]; n > 0 {
			r.judge.blame("%v were dropped as %s", n, reason)
		}
	}
}

// growth fits lines to what the agents that were never ended held after the warm-up.
func (r *run) growth() []Growth {
	after := warmUp
	if r.For < warmUp+leastJudged {
		after = r.For / 3
	}
	var all []Growth
	for _, q := range quantities {
		var slopes []slope
		for _, l := range r.watch.lives() {
			if !l.member.steady {
				continue
			}
			var at []time.Duration
			var values []float64
			for _, s := range l.samples {
				if v, is := s.values[q.name]; is && s.at > after && s.at < r.For {
					at, values = append(at, s.at), append(values, v)
				}
			}
			if len(at) > 0 {
				slopes = append(slopes, fit(at, values))
			}
		}
		s := pool(slopes)
		all = append(all, Growth{q.name, s.perHour, s.plusMinus, s.mean, s.first, s.last, q.bound, s.samples})
	}
	return all
}

// String is the report as text, with tables as Markdown has them.
func (p Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d agents in %d lives, %v: %d kills, %d ends in good order (%d before a neighbour had confirmed everything, as the last one), keys changed %d times\n\n",
		p.Agents, p.Lives, p.Took, p.Kills, p.Stops+p.Agents, p.Unconfirmed, p.NewKeys)
	fmt.Fprintf(&b, "| messages | |\n|---|---:|\n")
	for _, row := range []struct {
		name string
		n    int
	}{
		{"accepted", p.Accepted},
		{"delivered without an answer to their sender", p.Unanswered},
		{"of these, said again under another id", p.Twice},
		{"deliveries, of all agents", p.Deliveries},
		{"accepted and lost, at some agent", p.Lost},
		{"delivered at some agents only", p.Unequal},
		{"given up as gaps", int(p.Gaps)},
		{"read again after a restart, marked as restored", p.Again},
		{"read again and not so marked", p.Redelivered},
		{"streams that could not resume at their last message", p.Unresumed},
	} {
		fmt.Fprintf(&b, "| %s | %d |\n", row.name, row.n)
	}
	fmt.Fprintf(&b, "\n| per agent | at first | at the end | slope, an hour | bound |\n|---|---:|---:|---:|---:|\n")
	for _, g := range p.Growth {
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %+.2f ± %.2f | %.0f |\n", g.Name, g.First, g.Last, g.PerHour, g.PlusMinus, g.Bound)
	}
	if !p.Judged {
		b.WriteString("\nThe run was too short for slopes to be judged.\n")
	}
	b.WriteString("\ndrops, of all lives:")
	for _, reason := range slices.Sorted(maps.Keys(p.Drops)) {
		fmt.Fprintf(&b, " %s %.0f,", reason, p.Drops[reason])
	}
	fmt.Fprintf(&b, "\n\n%d faults\n", len(p.Faults)+p.MoreOfFaults)
	for _, f := range p.Faults {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	return b.String()
}

// Kept reports whether everything was as it must be.
func (p Report) Kept() bool { return len(p.Faults) == 0 }
