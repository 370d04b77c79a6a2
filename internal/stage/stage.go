// Package stage plays a sim.Scenario with real nodes: those of package gossip, with
// their goroutines, clocks and connections, in a network in memory or on sockets of
// the loopback interface.
//
//	            sim.Scenario
//	     ┌───────────┴───────────┐
//	  sim.Run                stage.Play
//	machines,            nodes, over Memory
//	virtual time         or Loopback, in real time
//
// Package oracle judges what came of it, from what the nodes' applications were
// given and told alone, by the promises P1 to P9 that package sim numbers.
//
// All nodes share a keyring, so that what is judged is what runs where it matters:
// sealed datagrams, and links with TLS.
//
// A scenario's times are real time here. In a testing/synctest bubble, with nodes
// in Memory, they cost nothing.
package stage

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
	"github.com/Ishan27gOrg/gossipProtocol/sim"
)

const (
	// patience is how long after the faults everything that is owed may take, as in
	// package sim.
	patience = 2 * time.Minute
	// restPackets is how many datagrams a node may send in a second of rest, on
	// average, as in package sim.
	restPackets = 3
	// mostWatches is how often what is sent is watched until it is that little: views
	// and links that look for who is gone find their rest in time, as in package sim.
	mostWatches = 12
)

// lookEvery is how often it is looked at what everybody holds. A guess.
const lookEvery = time.Second

// Play carries out a scenario in two phases, as sim.Run does. First come its steps.
// Then all faults end and nobody talks any more, and within two minutes of that P4,
// P6 and P8 must hold, and P9 when it has been quiet for a while. The error is an *UnsupportedError if the
// network cannot do what the scenario wants, or tells what kept the scenario from
// being played, such as the end of ctx; broken promises are in the report.
func Play(ctx context.Context, s sim.Scenario, on Network) (*Report, error) {
	return play(ctx, s, on, sabotage{})
}

func play(ctx context.Context, s sim.Scenario, on Network, broken sabotage) (*Report, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	if err := unsupported(&s, on); err != nil {
		return nil, err
	}
	p := newPlayer(s, on)
	p.sabotage = broken
	defer p.end() // whatever happens: no node outlives the play
	if err := p.run(ctx); err != nil {
		return nil, stopped(ctx, err)
	}
	last := time.Now()
	settled, err := p.heal(ctx)
	took := time.Since(last)
	if settled && err == nil {
		err = p.rest(ctx)
	}
	if err != nil {
		return nil, stopped(ctx, err)
	}
	p.mark()
	p.end() // readers have taken down all that they were told, then
	r := p.report()
	r.SettledMS = float64(took) / float64(time.Millisecond)
	return r, nil
}

// stopped tells why a play went no further. Nodes end with its context, and may say that they
// are closed before anybody notices why.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("stage: %w", err)
}

// player carries out one scenario. One goroutine, that of Play, runs it; each node
// has two that read what it is given and told.
type player struct {
	*ledger
	s        sim.Scenario
	on       Network
	rng      *rand.Rand
	keys     *keyring.Ring
	cuts     []*cut
	loss     []float64 // of the Lose steps under way
	sabotage sabotage
	ended    sync.Once

	datagrams, lost uint64 // while there were faults
}

// cue is something to be done at its time.
type cue struct {
	at time.Duration
	do func(context.Context) error
}

func newPlayer(s sim.Scenario, on Network) *player {
	random := func(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(s.Seed, stream)) }
	keys, err := keyring.New(keyring.NewKey())
	if err != nil {
		panic(err) // of one new key
	}
	return &player{ledger: newLedger(random(1), s), s: s, on: on, rng: random(2), keys: keys}
}

// run does everything that is to happen, each thing at its time.
func (p *player) run(ctx context.Context) error {
	if err := p.setFaults(); err != nil {
		return err
	}
	cues := p.cues()
	slices.SortStableFunc(cues, func(a, b cue) int { return cmp.Compare(a.at, b.at) })
	begin := time.Now()
	for _, c := range cues {
		if err := sleepUntil(ctx, begin.Add(c.at)); err != nil {
			return err
		}
		if err := c.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// look sees what everybody holds.
func (p *player) look(context.Context) error {
	for _, m := range p.up() {
		p.looked(m, m.node.Stats())
	}
	return nil
}

func sleepUntil(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// cues are the scenario's steps, one by one, and its end.
func (p *player) cues() (cues []cue) {
	at := func(t time.Duration, do func(context.Context) error) { cues = append(cues, cue{t, do}) }
	for i := range p.s.Nodes {
		at(p.s.Arrive*time.Duration(i)/time.Duration(p.s.Nodes), p.newcomer)
	}
	talks := 0
	for _, s := range p.s.Steps {
		switch s.Kind {
		case sim.Talk:
			payload := makePayload(talks, s.Size)
			talks++
			for i := range s.Count {
				at(s.At+time.Duration(i)*s.Every, func(ctx context.Context) error { return p.say(ctx, p.speaker(), payload) })
			}
		case sim.Crash:
			at(s.At, func(context.Context) error { p.crash(s.Count); return nil })
		case sim.Kill:
			at(s.At, func(context.Context) error { p.crash(int(s.Share * float64(len(p.up())))); return nil })
		case sim.Restart:
			at(s.At, func(ctx context.Context) error { return times(ctx, s.Count, p.restart) })
		case sim.Join:
			at(s.At, func(ctx context.Context) error { return times(ctx, s.Count, p.newcomer) })
		case sim.Churn:
			for i := range s.Count {
				at(s.At+time.Duration(i)*s.Every, func(ctx context.Context) error { p.crash(1); return p.newcomer(ctx) })
			}
		case sim.Partition:
			c := &cut{salt: p.rng.Uint64(), share: s.Share}
			at(s.At, func(context.Context) error { p.cuts = append(p.cuts, c); p.setCuts(); return nil })
			at(s.At+s.For, func(context.Context) error { p.cuts = without(p.cuts, c); p.setCuts(); return nil })
		case sim.Lose:
			at(s.At, func(context.Context) error { p.loss = append(p.loss, s.Share); return p.setFaults() })
			at(s.At+s.For, func(context.Context) error { p.loss = without(p.loss, s.Share); return p.setFaults() })
		}
	}
	end := p.s.End
	for _, c := range cues {
		end = max(end, c.at)
	}
	for t := time.Duration(0); t < end; t += lookEvery {
		at(t, p.look)
	}
	at(end, p.look)
	return cues
}

// makePayload makes the payload of a talk's messages and their answers: its number,
// and then as much as it takes.
func makePayload(talk, size int) []byte {
	number := strconv.Itoa(talk)
	return []byte(number + strings.Repeat(" ", max(size-len(number), 0)))
}

// talkOf tells which talk a payload belongs to.
func talkOf(payload []byte) (talk int, ok bool) {
	talk, err := strconv.Atoi(string(bytes.TrimRight(payload, " ")))
	return talk, err == nil
}

func times(ctx context.Context, count int, do func(context.Context) error) error {
	for range count {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// without takes one x out of a list.
func without[T comparable](list []T, x T) []T {
	if i := slices.Index(list, x); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

func (p *player) setFaults() error {
	return p.on.setFaults(transport.Faults{
		Loss: slices.Max(append(p.loss, p.s.Loss)), Duplicate: p.s.Duplicate,
		Latency: p.s.Latency, Spread: p.s.Spread, Jitter: p.s.Jitter,
	})
}

// cut is a partition: which side a node is on depends on its address and the salt.
type cut struct {
	salt  uint64
	share float64
}

func (c *cut) side(a netip.AddrPort) bool {
	x := c.salt
	for _, b := range a.Addr().As16() {
		x = (x ^ uint64(b)) * 0x9e3779b97f4a7c15
	}
	x = (x ^ uint64(a.Port())) * 0x9e3779b97f4a7c15
	x = (x ^ x>>32) * 0xd6e8feb86659fd93
	return float64(x>>11)/(1<<53) < c.share
}

func (p *player) setCuts() {
	if p.sabotage.noHeal && len(p.cuts) == 0 {
		return
	}
	cuts := slices.Clone(p.cuts) // the network looks at them at any time
	p.on.cut(func(from, to netip.AddrPort) bool {
		return slices.ContainsFunc(cuts, func(c *cut) bool { return c.side(from) != c.side(to) })
	})
}

// newcomer starts a node under a new name.
func (p *player) newcomer(ctx context.Context) error {
	return p.start(ctx, fmt.Sprint("n", len(p.members)), p.on.home())
}

// crash ends so many nodes at once, but leaves three, among them the first.
func (p *player) crash(count int) {
	alive := p.up()
	p.rng.Shuffle(len(alive)-1, func(i, j int) { alive[i+1], alive[j+1] = alive[j+1], alive[i+1] })
	p.stop(alive[max(min(3, len(alive)), len(alive)-count):])
}

// restart starts a node under the name of one that is up, and crashes that, or of
// one that once was.
func (p *player) restart(ctx context.Context) error {
	if len(p.members) < 2 {
		return nil
	}
	was := p.members[1+p.rng.IntN(len(p.members)-1)]
	for _, m := range p.up() {
		if m.name == was.name {
			p.stop([]*member{m})
		}
	}
	return p.start(ctx, was.name, p.on.again(was.addr))
}

// stop crashes nodes: they say nothing to anyone.
func (p *player) stop(doomed []*member) {
	p.left(doomed)
	var dying sync.WaitGroup
	for _, m := range doomed {
		p.on.crash(m.addr)
		dying.Go(m.close)
	}
	dying.Wait()
}

// speaker draws who is to talk.
func (p *player) speaker() *member {
	alive := p.up()
	if p.s.Origins > 0 {
		alive = alive[:min(p.s.Origins, len(alive))]
	}
	return alive[p.rng.IntN(len(alive))]
}

// heal ends the faults and waits until nothing is owed any more, or for as long as
// is promised.
func (p *player) heal(ctx context.Context) (settled bool, err error) {
	p.datagrams, p.lost = p.on.datagrams()
	p.cuts, p.loss = nil, nil
	p.setCuts()
	if err := p.on.setFaults(transport.Faults{Latency: p.s.Latency, Spread: p.s.Spread, Jitter: p.s.Jitter}); err != nil {
		return false, err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.settle():
		return true, nil
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// rest lets nobody talk for a while, and then watches what is sent all the same.
func (p *player) rest(ctx context.Context) error {
	settling, watched := p.on.rest()
	if err := sleepUntil(ctx, time.Now().Add(settling)); err != nil {
		return err
	}
	for watches := 1; ; watches++ {
		datagrams, err := p.watch(ctx, watched)
		if err != nil {
			return err
		}
		if datagrams.Is <= datagrams.Most || watches == mostWatches {
			p.atRest(p.members[0], datagrams)
			return nil
		}
	}
}

// watch takes down what moved messages meanwhile, and returns the datagrams.
func (p *player) watch(ctx context.Context, watched time.Duration) (datagrams oracle.Holding, err error) {
	before := make(map[*member]gossip.Stats)
	for _, m := range p.up() {
		before[m] = m.node.Stats()
	}
	if p.sabotage.restless {
		if err := p.say(ctx, p.speaker(), []byte("hush")); err != nil {
			return datagrams, err
		}
	}
	if err := sleepUntil(ctx, time.Now().Add(watched)); err != nil {
		return datagrams, err
	}
	moved := func(s gossip.Stats) int { return int(s.Sent + s.Announced + s.WantsServed + s.WantsGone) }
	datagrams = oracle.Holding{
		What: "datagrams at rest, with all others",
		Most: int(restPackets * watched.Seconds() * float64(len(before))),
	}
	for m, was := range before {
		is := m.node.Stats()
		datagrams.Is += int(is.PacketsSent - was.PacketsSent)
		p.atRest(m, oracle.Holding{What: "messages, announcements and answers at rest", Is: moved(is) - moved(was)})
	}
	return datagrams, nil
}

// end closes all nodes and waits for whoever reads them.
func (p *player) end() {
	p.ended.Do(func() {
		var closing sync.WaitGroup
		for _, m := range p.members {
			closing.Go(m.close)
		}
		closing.Wait()
		p.readers.Wait()
	})
}
