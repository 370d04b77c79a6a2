package stage

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// ledger is what is known of the nodes and their messages.
type ledger struct {
	members []*member // the player's; all others have their own of them
	readers sync.WaitGroup
	origins int // how many members may talk; 0 is all

	mu       sync.Mutex
	rng      *rand.Rand
	answers  []int // still to be given, by talk
	sent     []oracle.ID
	sentAt   map[oracle.ID]time.Time
	speakers int // broadcasts that have begun and not ended
	dropped  int // messages that an application did not read in time
	// Once the faults have ended: what the survivors are owed, and how many
	// deliveries of that they lack.
	healed  time.Time
	owed    map[oracle.ID]bool
	missing int
	settled chan struct{} // closed when none is missing
	at      time.Time     // when that was, or when it was given up

	retention time.Duration // as configured
}

func newLedger(rng *rand.Rand, s sim.Scenario) *ledger {
	l := &ledger{rng: rng, origins: s.Origins, sentAt: make(map[oracle.ID]time.Time), retention: s.Retention}
	for _, step := range s.Steps {
		if step.Kind == sim.Talk {
			l.answers = append(l.answers, step.Answers)
		}
	}
	return l
}

func (l *ledger) joined(m *member) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.place, m.joined = len(l.members), time.Now()
	l.members = append(l.members, m)
}

// left notes that nodes are about to crash: they are owed nothing.
func (l *ledger) left(members []*member) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range members {
		m.journal.Up = false
	}
}

func (l *ledger) up() (alive []*member) {
	for _, m := range l.members {
		if m.journal.Up {
			alive = append(alive, m)
		}
	}
	return alive
}

// speaking announces a broadcast, so that nobody finds all settled before it.
func (l *ledger) speaking() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.speakers++
}

// spoke notes what came of it. A message counts as sent when its broadcast began.
func (l *ledger) spoke(m *member, id oracle.ID, begun time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.speakers--
	if ok {
		l.sent = append(l.sent, id)
		l.sentAt[id] = begun
		if m.journal.Up {
			l.owe(id)
		}
	}
	l.maybeSettled()
}

// delivered takes down a delivery, and reports whether it is to be answered: to
// each message about one node answers, for as long as answers are left.
func (l *ledger) delivered(m *member, d oracle.Delivery, payload []byte) (answer bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.journal.Log = append(m.journal.Log, d)
	if m.journal.Up {
		l.owe(d.ID)
	}
	l.hasNow(m, d.ID)
	l.maybeSettled()
	talk, ok := talkOf(payload)
	own := d.ID.Origin == m.journal.Node
	if !ok || own || !m.journal.Up || l.answers[talk] == 0 || l.rng.IntN(len(l.members)) > 0 || l.origins > 0 && m.place >= l.origins {
		return false
	}
	l.answers[talk]--
	l.speakers++
	return true
}

// hasNow notes that a member has a message, or knows that it will not have it.
func (l *ledger) hasNow(m *member, id oracle.ID) {
	if l.owed[id] && l.lacks(m, id) {
		l.missing--
	}
	m.has[id] = true
}

// lacks reports whether a member is to get a message yet, or to report it as gone.
func (l *ledger) lacks(m *member, id oracle.ID) bool {
	return m.journal.Up && !m.has[id] && l.standing(m, id, l.healed) != foregone
}

// standing is what a member owes of a message that others have.
type standing int

const (
	owed     standing = iota // it must have it
	lapsed                   // or must have reported that it is gone
	foregone                 // or need not have been told
)

// standing judges by the time since the broadcast: within the retention every log
// must have a message that it was given, unless it is full.
func (l *ledger) standing(m *member, id oracle.ID, now time.Time) standing {
	at, known := l.sentAt[id]
	switch {
	case !known || now.Sub(at) <= l.retention:
		return owed
	case at.Before(m.joined):
		return foregone
	}
	return lapsed
}

// told takes down an event.
func (l *ledger) told(m *member, e gossip.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := vclock.Origin{Name: e.Peer.ID, Incarnation: e.Peer.Incarnation}
	switch e.Kind {
	case gossip.LinkUp, gossip.LinkDown:
		m.journal.Links = append(m.journal.Links, oracle.LinkChange{Peer: from, Up: e.Kind == gossip.LinkUp})
	case gossip.Gap:
		m.journal.Gaps = append(m.journal.Gaps, oracle.Gap{Origin: from, From: e.From, To: e.To})
		for seq := e.From; seq <= e.To; seq++ {
			l.hasNow(m, oracle.ID{Origin: from, Seq: seq})
		}
	case gossip.Overflow:
		l.dropped++
	}
	l.maybeSettled()
}

// looked takes down what a node was seen to hold.
func (l *ledger) looked(m *member, s gossip.Stats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.most.View = max(m.most.View, s.View)
	m.most.Links = max(m.most.Links, s.Links)
	m.most.LogBytes = max(m.most.LogBytes, s.LogBytes)
	m.most.BacklogBytes = max(m.most.BacklogBytes, s.BacklogBytes)
}

// settle lets nobody answer any more. What it returns is closed once all members
// that are up have what any of them has, and what any of them has sent, and their
// links make one network.
func (l *ledger) settle() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.answers)
	l.healed, l.owed, l.settled = time.Now(), make(map[oracle.ID]bool), make(chan struct{})
	for _, m := range l.members {
		for _, d := range m.journal.Log {
			if m.journal.Up {
				l.owe(d.ID)
			}
		}
	}
	for _, id := range l.sent {
		for _, m := range l.members {
			if m.journal.Up && m.journal.Node == id.Origin {
				l.owe(id)
			}
		}
	}
	l.maybeSettled()
	return l.settled
}

// atRest takes down what a member has sent of late.
func (l *ledger) atRest(m *member, sent oracle.Holding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m.journal.Rest = append(m.journal.Rest, sent)
}

// owe notes that all members that are up are to have a message.
func (l *ledger) owe(id oracle.ID) {
	if l.owed == nil || l.owed[id] {
		return
	}
	l.owed[id] = true
	for _, m := range l.members {
		if l.lacks(m, id) {
			l.missing++
		}
	}
}

func (l *ledger) maybeSettled() {
	if l.settled == nil || !l.at.IsZero() || l.missing > 0 || l.speakers > 0 || oracle.Parts(l.journals()) > 1 {
		return
	}
	l.at = time.Now()
	close(l.settled)
}

// mark closes the journals: what comes from then on does not count.
func (l *ledger) mark() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() {
		l.at = time.Now()
	}
	for _, m := range l.members {
		m.log, m.links = len(m.journal.Log), len(m.journal.Links)
	}
}

func (l *ledger) journals() (journals []oracle.Journal) {
	for _, m := range l.members {
		journals = append(journals, m.journal)
	}
	return journals
}
