package gossip

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// network is a number of nodes whose messages are read and judged.
type network struct {
	t       testing.TB
	members []*member
	wg      sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each delivery
	replies int           // still to be sent on receiving something
	sending int           // replies, right now
}

// member is one node and the journal of what it delivered.
type member struct {
	*Node
	net *network

	mu      sync.Mutex
	journal oracle.Journal
	killed  bool
}

func newNetwork(t testing.TB) *network {
	net := &network{t: t, changed: make(chan struct{})}
	t.Cleanup(func() {
		net.closeAll()
		net.wg.Wait()
	})
	return net
}

// add starts a node that joins through the first.
func (net *network) add(cfg Config) *member {
	net.t.Helper()
	cfg.ID = fmt.Sprintf("n%d", len(net.members))
	cfg.Logger = quiet
	if len(net.members) > 0 {
		cfg.Join = append(cfg.Join, net.members[0].Self().Addr)
	}
	n, err := Start(context.Background(), cfg)
	if err != nil {
		net.t.Fatal(err)
	}
	m := &member{Node: n, net: net, journal: oracle.Journal{Node: vclock.Origin{Name: n.Self().ID, Incarnation: n.Self().Incarnation}}}
	net.members = append(net.members, m)
	net.wg.Go(m.read)
	return m
}

func (net *network) grow(count int, cfg Config) {
	for range count {
		net.add(cfg)
	}
}

func (net *network) ready(ctx context.Context) {
	net.t.Helper()
	for _, m := range net.up() {
		if err := m.Ready(ctx); err != nil {
			net.t.Fatal(err)
		}
	}
}

// up lists the members that were not killed.
func (net *network) up() (up []*member) {
	for _, m := range net.members {
		if !m.killed {
			up = append(up, m)
		}
	}
	return up
}

// closeAll closes every node, all at once.
func (net *network) closeAll() {
	var wg sync.WaitGroup
	for _, m := range net.members {
		wg.Go(func() { m.Close() })
	}
	wg.Wait()
}

// read journals what the node delivers and answers some of it.
func (m *member) read() {
	for msg := range m.Messages() {
		m.mu.Lock()
		m.journal.Log = append(m.journal.Log, oracle.Delivery{
			ID:    oracle.ID{Origin: vclock.Origin{Name: msg.ID.Origin, Incarnation: msg.ID.Incarnation}, Seq: msg.ID.Seq},
			Clock: msg.Clock,
		})
		m.mu.Unlock()
		if m.net.mayReply() {
			m.Broadcast(context.Background(), []byte("reply to "+msg.ID.String()))
			m.net.mu.Lock()
			m.net.sending--
			m.net.mu.Unlock()
		}
		m.net.mu.Lock()
		close(m.net.changed)
		m.net.changed = make(chan struct{})
		m.net.mu.Unlock()
	}
}

// mayReply takes one of the replies that are left, now and then.
func (net *network) mayReply() bool {
	net.mu.Lock()
	defer net.mu.Unlock()
	if net.replies == 0 || rand.IntN(4) != 0 {
		return false
	}
	net.replies--
	net.sending++
	return true
}

// chatter broadcasts count messages from random members that are up, half of
// them as replies.
func (net *network) chatter(ctx context.Context, members []*member, count int) {
	net.t.Helper()
	net.mu.Lock()
	net.replies += count / 2
	net.mu.Unlock()
	for range count - count/2 {
		if _, err := members[rand.IntN(len(members))].Broadcast(ctx, make([]byte, 64)); err != nil {
			net.t.Fatal(err)
		}
	}
}

// judge holds what all members delivered against what any survivor has: each
// owes all of that.
func (net *network) judge() *oracle.Report {
	var all, survivors []oracle.Journal
	for _, m := range net.members {
		m.mu.Lock()
		j := m.journal
		j.Log = slices.Clone(j.Log)
		m.mu.Unlock()
		all = append(all, j)
		if !m.killed {
			survivors = append(survivors, j)
		}
	}
	owed := oracle.Union(survivors)
	for i := range all {
		if !net.members[i].killed {
			all[i].Owed = owed
		}
	}
	return oracle.Check(oracle.Union(all), all)
}

// settled waits until every member that was not cut has delivered as many
// messages as the others, and the same, and no replies are left, then judges.
func (net *network) settled(ctx context.Context, atLeast int) *oracle.Report {
	net.t.Helper()
	for {
		net.mu.Lock()
		changed, left := net.changed, net.replies+net.sending
		net.mu.Unlock()
		if fewest, most, all := net.counts(); left == 0 && fewest == most && most == all && all >= atLeast {
			return net.judge()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			r := net.judge()
			fewest, most, _ := net.counts()
			net.t.Errorf("not settled: %v: %d replies unsent, nodes have %d to %d messages, at least %d expected", context.Cause(ctx), left, fewest, most, atLeast)
			return r
		}
	}
}

func (net *network) counts() (fewest, most, all int) {
	fewest = int(^uint(0) >> 1)
	var up []oracle.Journal
	for _, m := range net.members {
		m.mu.Lock()
		if !m.killed {
			up = append(up, m.journal)
			fewest, most = min(fewest, len(m.journal.Log)), max(most, len(m.journal.Log))
		}
		m.mu.Unlock()
	}
	return fewest, most, len(oracle.Union(up))
}

// kill closes a member abruptly.
func (m *member) kill() {
	m.mu.Lock()
	m.killed = true
	m.mu.Unlock()
	m.Close()
}

func mustBeRight(t testing.TB, r *oracle.Report) {
	t.Helper()
	if !r.OK() {
		t.Errorf("%d of %d deliveries, %d duplicates, %d causal violations, %d wrong clocks", r.Delivered, r.Expected, r.Duplicates, r.CausalViolations, r.WrongClocks)
		for _, d := range r.Problems {
			t.Log(d)
		}
	}
}

// TestHundredNodesTwoThousandMessages: through one contact, over real sockets,
// with replies, so that messages depend on one another.
func TestHundredNodesTwoThousandMessages(t *testing.T) {
	ctx := within(t, 4*time.Minute) // a loaded machine under the race detector
	net := newNetwork(t)
	nodes, messages := 100, 2000
	if testing.Short() || underRace {
		nodes, messages = 30, 400
	}
	net.grow(nodes, Config{})
	net.ready(ctx)
	net.chatter(ctx, net.members, messages)
	r := net.settled(ctx, messages)
	mustBeRight(t, r)
	if r.Delivered != nodes*messages {
		t.Errorf("%d deliveries, want %d", r.Delivered, nodes*messages)
	}
}

// TestChurnWhileTalking: ten nodes die and ten new ones join while messages
// flow. Whatever survivors sent, all survivors and newcomers have.
func TestChurnWhileTalking(t *testing.T) {
	ctx := within(t, 4*time.Minute) // a loaded machine under the race detector
	net := newNetwork(t)
	nodes, each := 100, 100
	if testing.Short() || underRace {
		nodes, each = 30, 20
	}
	net.grow(nodes, Config{})
	net.ready(ctx)
	survivors := slices.Clone(net.members[:nodes-10])
	for _, doomed := range net.members[nodes-10 : nodes] {
		net.chatter(ctx, survivors, each)
		doomed.kill()
		net.add(Config{})
		net.chatter(ctx, survivors, each)
	}
	net.ready(ctx)
	// The dead may have taken some of the replies with them, but nothing else.
	mustBeRight(t, net.settled(ctx, 10*each))
}

// TestThreeHundredNodesJoinThroughOneContact within a second of each other.
func TestThreeHundredNodesJoinThroughOneContact(t *testing.T) {
	ctx := within(t, 30*time.Second)
	net := newNetwork(t)
	begin := time.Now()
	net.grow(300, Config{})
	started := time.Since(begin)
	net.ready(ctx)
	t.Logf("300 nodes started within %v, all ready after %v", started, time.Since(begin))
	if started > time.Second {
		t.Logf("the machine took more than a second to start them")
	}
}
