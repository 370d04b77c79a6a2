package netns

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Ledger is what is known of the nodes and their messages, from their journals.
type Ledger struct {
	mu      sync.Mutex
	changed chan struct{} // something has; room for one
	lives   []*Life
	sums    map[oracle.ID]uint32 // of the payloads, as they were sent
	owed    map[oracle.ID]bool   // what those that are up have sent or delivered
	wrong   []string             // what is amiss beside the promises
	spoke   map[oracle.ID]time.Time
	arrived []arrival
}

// arrival is a delivery to another than the origin.
type arrival struct {
	id   oracle.ID
	to   *Life
	at   time.Time
	size int
}

// Life is what is known of one process of a node.
type Life struct {
	number  int // among all
	name    string
	journal oracle.Journal
	began   time.Time
	started bool
	said    map[oracle.ID]bool // true once the broadcast has returned
	has     map[oracle.ID]bool // or knows that it will not have it

	asked, done   int // requests to say something
	due, answered int // messages whose answer was the node's turn
	stats         gossip.Stats
	view          []gossip.Peer
	looks         int // at stats and view
	ended         bool
}

func newLedger() *Ledger {
	return &Ledger{changed: make(chan struct{}, 1), sums: make(map[oracle.ID]uint32), owed: make(map[oracle.ID]bool), spoke: make(map[oracle.ID]time.Time)}
}

func (l *Ledger) began(name string) *Life {
	l.mu.Lock()
	defer l.mu.Unlock()
	life := &Life{number: len(l.lives), name: name, began: time.Now(), said: make(map[oracle.ID]bool), has: make(map[oracle.ID]bool)}
	life.journal.Up = true
	l.lives = append(l.lives, life)
	return life
}

// ended notes that a node is about to be killed: it is owed nothing any more, nor
// is what only it has owed to others.
func (l *Ledger) ended(life *Life) {
	l.mu.Lock()
	defer l.mu.Unlock()
	life.ended, life.journal.Up = true, false
	clear(l.owed)
	for _, other := range l.up() {
		for id, is := range other.said {
			if is {
				l.owed[id] = true
			}
		}
		for _, d := range other.journal.Log {
			l.owed[d.ID] = true
		}
	}
}

func (l *Ledger) asked(life *Life) {
	l.mu.Lock()
	defer l.mu.Unlock()
	life.asked++
}

func (l *Ledger) up() (alive []*Life) {
	for _, life := range l.lives {
		if life.journal.Up {
			alive = append(alive, life)
		}
	}
	return alive
}

// follow takes down a node's journal to its end.
func (l *Ledger) follow(life *Life, journal io.Reader) {
	lines := bufio.NewReader(journal)
	for {
		line, err := lines.ReadBytes('\n')
		var e entry
		if err == nil {
			err = json.Unmarshal(line, &e)
		}
		l.mu.Lock()
		if err == nil {
			err = l.take(life, &e)
		}
		if err != nil {
			if !life.ended {
				l.wrong = append(l.wrong, fmt.Sprintf("%s's journal ended: %v", life.name, err))
			}
			life.journal.Up = false
		}
		l.mu.Unlock()
		l.poke()
		if err != nil {
			return
		}
	}
}

func (l *Ledger) poke() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// take takes down one entry.
func (l *Ledger) take(life *Life, e *entry) error {
	j := &life.journal
	switch e.Kind {
	case started:
		j.Node, life.started = e.origin(), true
	case saying:
		id := oracle.ID{Origin: j.Node, Seq: e.Seq}
		life.said[id], l.spoke[id] = false, e.At
	case sent:
		life.said[e.id()] = true
		l.payload(life, e)
		l.owe(life, e.id())
		if e.Answer {
			life.answered++
		} else {
			life.done++
		}
	case delivered:
		d := oracle.Delivery{ID: e.id()}
		if err := d.Clock.UnmarshalText([]byte(e.Clock)); err != nil {
			return err
		}
		l.delivered(life, d, e)
	case told:
		return l.told(life, e)
	case counted:
		life.stats, life.view, life.looks = *e.Stats, e.View, life.looks+1
	case failed:
		return errors.New(e.Error)
	default:
		return fmt.Errorf("there is no kind %q of entries", e.Kind)
	}
	return nil
}

func (l *Ledger) delivered(life *Life, d oracle.Delivery, e *entry) {
	life.journal.Log = append(life.journal.Log, d)
	life.has[d.ID] = true
	l.owe(life, d.ID)
	if d.ID.Origin != life.journal.Node {
		l.arrived = append(l.arrived, arrival{d.ID, life, e.At, e.Size})
	}
	if e.Talk == nil {
		l.wrong = append(l.wrong, fmt.Sprintf("%s delivered %v with a payload that nobody said", life.name, d.ID))
	} else if e.Talk.Answers > 0 && e.Talk.Next == life.name {
		life.due++
	}
	l.payload(life, e)
}

// payload sees that all have the same one, its origin among them.
func (l *Ledger) payload(life *Life, e *entry) {
	if sum, known := l.sums[e.id()]; known && sum != e.Sum {
		l.wrong = append(l.wrong, fmt.Sprintf("%s has %v with another payload than others", life.name, e.id()))
	}
	l.sums[e.id()] = e.Sum
}

func (l *Ledger) told(life *Life, e *entry) error {
	j := &life.journal
	switch e.Event {
	case gossip.LinkUp.String(), gossip.LinkDown.String():
		j.Links = append(j.Links, oracle.LinkChange{Peer: e.origin(), Up: e.Event == gossip.LinkUp.String()})
	case gossip.Gap.String():
		j.Gaps = append(j.Gaps, oracle.Gap{Origin: e.origin(), From: e.From, To: e.To})
		for seq := e.From; seq <= e.To; seq++ {
			life.has[oracle.ID{Origin: e.origin(), Seq: seq}] = true
		}
	default:
		return fmt.Errorf("%s: %s %d to %d", e.Event, e.Origin, e.From, e.To)
	}
	return nil
}

func (l *Ledger) owe(life *Life, id oracle.ID) {
	if life.journal.Up {
		l.owed[id] = true
	}
}

// Await waits until something is so. The error tells how things stand instead.
func (l *Ledger) Await(ctx context.Context, what string, so func() bool) error {
	for {
		l.mu.Lock()
		is, wrong := so(), strings.Join(l.wrong, "\n")
		l.mu.Unlock()
		switch {
		case is:
			return nil
		case wrong != "":
			return fmt.Errorf("while waiting for %s: %s", what, wrong)
		}
		select {
		case <-l.changed:
		case <-ctx.Done():
			return fmt.Errorf("while waiting for %s: %w\n%s", what, context.Cause(ctx), l.standing())
		}
	}
}

// Settled waits until all nodes that are up have what any of them has sent or
// delivered, nobody is to say something yet, and their links make one network.
func (l *Ledger) Settled(ctx context.Context) error {
	return l.Await(ctx, "all to have all", l.settled)
}

func (l *Ledger) settled() bool {
	for _, life := range l.up() {
		if !life.started || life.done < life.asked || life.answered < life.due || l.lacks(life) > 0 {
			return false
		}
	}
	return oracle.Parts(l.journals()) == 1
}

// Together waits until the links of those that are up make one network.
func (l *Ledger) Together(ctx context.Context) error {
	return l.Await(ctx, "links that make one network", func() bool {
		for _, life := range l.up() {
			if !life.started {
				return false
			}
		}
		return oracle.Parts(l.journals()) == 1
	})
}

// Have waits until each of some hosts' nodes has all that any of them has sent or
// delivered.
func (l *Ledger) Have(ctx context.Context, hosts []*Host) error {
	return l.Await(ctx, "some to have what they have", func() bool {
		theirs := make(map[oracle.ID]bool)
		for _, h := range hosts {
			for id := range h.Node.said {
				theirs[id] = true
			}
			for id := range h.Node.has {
				theirs[id] = true
			}
		}
		for _, h := range hosts {
			if h.Node.done < h.Node.asked || len(h.Node.has) < len(theirs) {
				return false
			}
		}
		return true
	})
}

// Lacking counts over all nodes that are up what they are owed and have not.
func (l *Ledger) Lacking() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, life := range l.up() {
		n += l.lacks(life)
	}
	return n
}

func (l *Ledger) lacks(life *Life) (n int) {
	for id := range l.owed {
		if !life.has[id] {
			n++
		}
	}
	return n
}

func (l *Ledger) journals() (journals []oracle.Journal) {
	for _, life := range l.lives {
		journals = append(journals, life.journal)
	}
	return journals
}

// standing is for whoever has waited in vain.
func (l *Ledger) standing() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%d networks, %d messages", oracle.Parts(l.journals()), len(l.owed))
	for _, life := range l.up() {
		links := make(map[vclock.Origin]bool)
		for _, c := range life.journal.Links {
			if c.Up {
				links[c.Peer] = true
			} else {
				delete(links, c.Peer)
			}
		}
		var names []string
		for o := range links {
			names = append(names, o.Name)
		}
		fmt.Fprintf(&b, "\n%s lacks %d, said %d of %d, answered %d of %d, links %v",
			life.name, l.lacks(life), life.done, life.asked, life.answered, life.due, names)
	}
	return b.String()
}

// Outcome is what came of it all.
type Outcome struct {
	*oracle.Report
	Messages, Deliveries, Gaps int
	PayloadBytes               int             // delivered, but not to their origins
	Took                       []time.Duration // those to nodes that were there, in order
	Stats                      gossip.Stats    // of those that are up; see sum
	Wrong                      []string
}

// Kept reports whether every promise was kept, and nothing else is amiss.
func (o *Outcome) Kept() bool { return o.OK() && len(o.Wrong) == 0 }

// Judge asks all nodes that are up what they hold, and holds the journals against
// what is promised.
func (l *Lab) Judge(ctx context.Context) (*Outcome, error) {
	if err := l.look(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.judge(), nil
}

// Settling is how long after the last delivery somebody may still ask for something,
// and Watched for how long it is watched then that nobody does: nodes ask again for
// what they lack within 3.2 s.
const (
	Settling = 2 * time.Second
	Watched  = 4 * time.Second
)

// restPackets is how many datagrams a node may send in a second of rest, on average.
// It is 3 in package sim, which waits longer. Here views are still changing after a cut,
// with an exchange each second at every node, which takes up to five where an address has
// to be proven first: 3.6 were seen.
const restPackets = 5

// Join addresses that do not answer are probed ever more rarely: after a quarter of a
// minute every 5 s or so, which is once or twice while they are watched.
const (
	tryingEagerly = 15 * time.Second
	triesWatched  = 2
)

// Rest lets nobody talk for a while, and then watches what is sent all the same. Dead
// is how many join addresses every node has that nobody answers at.
func (l *Lab) Rest(ctx context.Context, dead int) error {
	settling := Settling
	if dead > 0 {
		settling = tryingEagerly
	}
	if err := pause(ctx, settling); err != nil {
		return err
	}
	before, err := l.read(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, Watched); err != nil {
		return err
	}
	after, err := l.read(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	moved := func(s gossip.Stats) int { return int(s.Sent + s.Announced + s.WantsServed + s.WantsGone) }
	var first *Life
	datagrams := 0
	for life, is := range after {
		was := before[life]
		datagrams += int(is.PacketsSent - was.PacketsSent)
		life.journal.Rest = append(life.journal.Rest, oracle.Holding{What: "messages, announcements and answers at rest", Is: moved(is) - moved(was)})
		first = life
	}
	first.journal.Rest = append(first.journal.Rest, oracle.Holding{
		What: "datagrams at rest, with all others", Is: datagrams,
		Most: int((restPackets*Watched.Seconds() + float64(triesWatched*dead)) * float64(len(after))),
	})
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// read looks at all nodes that are up.
func (l *Lab) read(ctx context.Context) (map[*Life]gossip.Stats, error) {
	if err := l.look(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	stats := make(map[*Life]gossip.Stats)
	for _, life := range l.up() {
		stats[life] = life.stats
	}
	return stats, nil
}

// Known looks at the views of all nodes that are up, and answers how many have
// somebody at an address, with the port.
func (l *Lab) Known(ctx context.Context, address string) (n int, err error) {
	if err := l.look(ctx); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, life := range l.up() {
		if slices.ContainsFunc(life.view, func(p gossip.Peer) bool { return p.Addr == address }) {
			n++
		}
	}
	return n, nil
}

// look asks for the counters and views of all nodes that are up.
func (l *Lab) look(ctx context.Context) error {
	looks := make(map[*Life]int)
	for _, h := range l.Hosts {
		if h.run == nil {
			continue
		}
		l.mu.Lock()
		looks[h.Node] = h.Node.looks + 1
		l.mu.Unlock()
		if err := h.tell(request{Stats: true}); err != nil {
			return err
		}
	}
	return l.Await(ctx, "counters", func() bool {
		for life, n := range looks {
			if life.looks < n {
				return false
			}
		}
		return true
	})
}

func (l *Ledger) judge() *Outcome {
	o := &Outcome{Wrong: l.wrong}
	for _, a := range l.arrived {
		o.PayloadBytes += a.size
		if spoke := l.spoke[a.id]; a.to.began.Before(spoke) { // or it came late for that
			o.Took = append(o.Took, a.at.Sub(spoke)) // by the one machine's clock
		}
	}
	slices.Sort(o.Took)
	journals := l.journals()
	spoken := l.spoken(journals)
	owed := oracle.Owe(spoken, journals)
	for i, life := range l.lives {
		j := &journals[i]
		o.Deliveries += len(j.Log)
		for _, g := range j.Gaps {
			o.Gaps += int(g.To - g.From + 1)
		}
		if !j.Up {
			continue
		}
		j.Owed = owed
		s := &life.stats
		j.Held = []oracle.Holding{
			{What: "peers in its view", Is: s.View, Most: maxView},
			{What: "links", Is: s.Links, Most: maxLinks},
			{What: "bytes in its log", Is: s.LogBytes, Most: maxLog},
		}
		if n := s.EventsDropped + s.BacklogDropped; n > 0 {
			o.Wrong = append(o.Wrong, fmt.Sprintf("%s could not tell %d things", life.name, n))
		}
		o.sum(s)
	}
	o.Messages = len(spoken)
	o.Report = oracle.Rules{MaxLinks: maxLinks}.Check(spoken, journals)
	return o
}

// spoken is what was sent: all whose broadcast has returned, and of nodes that were
// killed before that, what somebody has.
func (l *Ledger) spoken(journals []oracle.Journal) (ids []oracle.ID) {
	had := make(map[oracle.ID]bool)
	for _, id := range oracle.Union(journals) {
		had[id] = true
	}
	for _, life := range l.lives {
		for seq := uint64(1); ; seq++ {
			id := oracle.ID{Origin: life.journal.Node, Seq: seq}
			is, tried := life.said[id]
			if !tried {
				break
			}
			if is || had[id] {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// sum adds the counters that a report is made of.
func (o *Outcome) sum(s *gossip.Stats) {
	t := &o.Stats
	t.PacketsSent += s.PacketsSent
	t.PacketBytesSent += s.PacketBytesSent
	t.LinkBytesSent += s.LinkBytesSent
	t.BadPackets += s.BadPackets + s.Forged
	t.BadFrames += s.BadFrames
	t.UnknownKinds += s.UnknownKinds
	t.SendErrors += s.SendErrors
	t.Duplicates += s.Duplicates
	t.Grafted += s.Grafted
	t.Repairs += s.Repairs
	t.LinksLost += s.LinksLost
	t.LinksTimedOut += s.LinksTimedOut
	t.PeersDropped += s.PeersDropped
	t.ExchangesTimedOut += s.ExchangesTimedOut
}
