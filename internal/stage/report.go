package stage

import (
	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
)

// Report is what came of a scenario.
type Report struct {
	Nodes      int `json:"nodes"`     // that ever were; a restarted node is a new one
	Survivors  int `json:"survivors"` // up at the end
	Messages   int `json:"messages"`
	Deliveries int `json:"deliveries"` // each origin's own included
	// Oracle is what became of the promises: P4 is about Expected and Delivered,
	// of the survivors.
	Oracle *oracle.Report `json:"oracle"`
	// Unheard are reports that were lost before the application could read them, and
	// messages that it did not read in time: without all of them the oracle knows
	// too little.
	Unheard int `json:"unheard"`
	// Gaps are messages reported as gone, over all nodes.
	Gaps uint64 `json:"gaps"`
	// SettledMS is how long after the last step it took until all survivors had
	// the same.
	SettledMS float64 `json:"settled_ms"`
	// Datagrams were sent while there were faults, and Lost of them were lost on
	// purpose.
	Datagrams uint64 `json:"datagrams"`
	Lost      uint64 `json:"lost"`
}

// Kept reports whether every promise was kept.
func (r *Report) Kept() bool { return r.Oracle.OK() && r.Unheard == 0 }

// report judges the journals, once all nodes are closed and all readers done.
func (p *player) report() *Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := &Report{Nodes: len(p.members), Messages: len(p.sent), Unheard: p.dropped}
	r.Datagrams, r.Lost = p.datagrams, p.lost
	journals := p.journals()
	for i, m := range p.members {
		j := &journals[i]
		j.Log, j.Links, j.Held = j.Log[:m.log], j.Links[:m.links], p.held(m)
		if j.Up {
			r.Survivors++
		}
		r.Deliveries += len(j.Log)
		r.Unheard += int(m.node.Stats().EventsDropped)
		for _, g := range j.Gaps {
			r.Gaps += g.To - g.From + 1
		}
	}
	p.owing(journals)
	r.Oracle = oracle.Rules{Order: p.s.Order, MaxLinks: maxLinks}.Check(p.sent, journals)
	return r
}

// owing tells the oracle what each node is owed, by the age of each message when all
// was settled.
func (p *player) owing(journals []oracle.Journal) {
	all := make(map[oracle.ID]bool)
	for _, id := range oracle.Owe(p.sent, journals) {
		all[id] = true
	}
	for i, m := range p.members {
		j := &journals[i]
		for _, id := range p.sent {
			switch s := p.standing(m, id, p.at); {
			case s == foregone:
				j.Foregone = append(j.Foregone, id)
			case !j.Up || !all[id]:
			case s == lapsed:
				j.Lapsed = append(j.Lapsed, id)
			default:
				j.Owed = append(j.Owed, id)
			}
		}
	}
}

// held is the most that a node was seen to hold, beside its bounds.
func (p *player) held(m *member) []oracle.Holding {
	return []oracle.Holding{
		{What: "peers in its view", Is: m.most.View, Most: p.s.View},
		{What: "links", Is: m.most.Links, Most: maxLinks},
		{What: "bytes in its log", Is: m.most.LogBytes, Most: maxLog},
		{What: "bytes in its backlog", Is: m.most.BacklogBytes, Most: maxBacklog},
	}
}
