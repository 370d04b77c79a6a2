package peersampling

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

// network is a few Services in virtual time. Handles below addresses are
// identities; the handle addresses+h is the address of whoever is h, as a node
// knows it that has been told where to join but not who is there.
type network struct {
	fail    func(format string, args ...any)
	now     time.Duration
	members []*member
	flying  []flying
	rng     *rand.Rand
	loss    float64
	cut     func(a, b *member) bool
}

const addresses = peer.Handle(1000)

type member struct {
	h    peer.Handle
	s    *Service
	down bool
	sent []sent // to be looked at by stories
}

type sent struct {
	at time.Duration
	Packet
}

type flying struct {
	at   time.Duration
	to   *member
	what Packet
}

const latency = 10 * time.Millisecond

func newNetwork(fail func(string, ...any), seed uint64) *network {
	return &network{fail: fail, rng: rand.New(rand.NewPCG(seed, 0))}
}

func (n *network) start(cfg ServiceConfig) *member {
	h := peer.Handle(len(n.members) + 1)
	s, err := NewService(cfg, h, rand.NewPCG(n.rng.Uint64(), 0))
	if err != nil {
		panic(err)
	}
	m := &member{h: h, s: s}
	n.members = append(n.members, m)
	return m
}

func (n *network) at(h peer.Handle) *member {
	if h > addresses {
		h -= addresses
	}
	if h == peer.None || int(h) > len(n.members) {
		return nil
	}
	return n.members[h-1]
}

func (n *network) join(m, contact *member) { m.s.Join(n.now, addresses+contact.h) }

// carry sends packets on their way.
func (n *network) carry(m *member, out []Packet) {
	for _, p := range out {
		m.sent = append(m.sent, sent{n.now, p})
		to := n.at(p.Peer)
		if to == nil || n.rng.Float64() < n.loss || n.cut != nil && n.cut(m, to) {
			continue
		}
		p.Peer, p.View = m.h, slices.Clone(p.View)
		n.flying = append(n.flying, flying{n.now + latency, to, p})
	}
}

func (n *network) tick(m *member) {
	n.carry(m, m.s.Tick(n.now, 0, nil))
	if d := m.s.Deadline(); d <= n.now {
		n.fail("%d: the deadline is %v after a tick at %v", m.h, d, n.now)
		m.down = true
	}
	n.check(m)
}

func (n *network) check(m *member) {
	s := m.s
	if broken := invariants(s.View(), m.h, s.cfg.Policy.C); broken != "" {
		n.fail("%d: %s: %v", m.h, broken, s.View())
	}
	for _, d := range s.View() {
		if d.Peer > addresses {
			n.fail("%d has an address in its view: %v", m.h, s.View())
		}
	}
	if len(s.lost) > s.cfg.Lost || len(s.seeds) > s.cfg.Seeds || len(s.suspects) > maxSuspects || len(s.quarantine) > maxQuarantined || len(s.probes) > s.maxProbes() {
		n.fail("%d remembers %d lost, %d seeds, %d suspects, %d in quarantine", m.h, len(s.lost), len(s.seeds), len(s.suspects), len(s.quarantine))
	}
}

func (n *network) run(d time.Duration) {
	for until := n.now + d; ; {
		next := until
		for _, m := range n.members {
			if !m.down {
				next = min(next, m.s.Deadline())
			}
		}
		for _, f := range n.flying {
			next = min(next, f.at)
		}
		n.now = max(n.now, next)
		arrived := slices.DeleteFunc(slices.Clone(n.flying), func(f flying) bool { return f.at > n.now })
		n.flying = slices.DeleteFunc(n.flying, func(f flying) bool { return f.at <= n.now })
		for _, f := range arrived {
			if !f.to.down {
				n.carry(f.to, f.to.s.Handle(n.now, f.what, 0, nil))
				n.check(f.to)
			}
		}
		for _, m := range n.members {
			if !m.down && m.s.Deadline() <= n.now {
				n.tick(m)
			}
		}
		if n.now >= until {
			return
		}
	}
}

func quietNetwork(t *testing.T) *network {
	t.Helper()
	return newNetwork(func(format string, args ...any) { t.Helper(); t.Errorf(format, args...) }, 1)
}

func pushPull(c int) ServiceConfig { return DefaultServiceConfig(Healer(c)) }

// count counts what a member sent of a kind to a peer since a time.
func (m *member) count(kind PacketKind, to peer.Handle, since time.Duration) (n int) {
	for _, p := range m.sent {
		if p.Kind == kind && p.Peer == to && p.at >= since {
			n++
		}
	}
	return n
}

// Under every policy, a node that is told one address becomes known and comes
// to know others; also where nodes only push, so that nobody would ever send it
// anything, or only pull, so that nobody would ever hear of it.
func TestJoiningByAddress(t *testing.T) {
	policies := append(all27(8), Blind(8), Healer(8), Swapper(8), Cyclon(8), Lpbcast(8), Brahms(8))
	for _, propagation := range []Propagation{Push, Pull} {
		p := Healer(8)
		p.Propagation = propagation
		policies = append(policies, p)
	}
	for _, p := range policies {
		t.Run(p.String(), func(t *testing.T) {
			n := quietNetwork(t)
			for i := range 6 {
				m := n.start(DefaultServiceConfig(p))
				if i > 0 {
					n.join(m, n.members[0])
				}
			}
			n.run(time.Minute)
			known := map[peer.Handle]bool{}
			for _, m := range n.members {
				for _, d := range m.s.View() {
					known[d.Peer] = true
				}
				if len(m.s.View()) == 0 {
					t.Errorf("%d knows nobody", m.h)
				}
			}
			if len(known) < len(n.members) {
				t.Errorf("only %v are known to anybody", known)
			}
		})
	}
}

// The contact may come up later than who wants to join; it is asked often at
// first, and then every Probe for as long as it takes.
func TestTheContactComesLater(t *testing.T) {
	n := quietNetwork(t)
	a, b := n.start(pushPull(4)), n.start(pushPull(4))
	b.down = true
	n.join(a, b)
	n.run(10 * time.Minute)
	if probes := a.count(ProbeRequest, addresses+b.h, n.now-time.Minute); probes < 8 || probes > 16 {
		t.Errorf("%d probes in the last minute, want one each five seconds or so", probes)
	}
	b.down = false
	n.run(8 * time.Second)
	if !knows(a.s.View(), b.h) || !knows(b.s.View(), a.h) {
		t.Errorf("views %v and %v", a.s.View(), b.s.View())
	}
	since := n.now
	n.run(10 * time.Minute)
	if probes := a.count(ProbeRequest, addresses+b.h, since); probes < 15 || probes > 30 {
		t.Errorf("%d probes in ten minutes, want one each half minute or so", probes)
	}
}

// A peer that does not answer is asked twice, then dropped, and stale news of
// it is ignored for a while. It is looked for, and its return is reported if it
// was lost for long.
func TestAPeerThatDoesNotAnswer(t *testing.T) {
	for _, test := range []struct {
		why      string
		away     time.Duration // after it was dropped
		rejoined bool
	}{
		{"a hiccup", 5 * time.Second, false},
		{"the sign of a partition that has healed", time.Minute, true},
	} {
		t.Run(test.why, func(t *testing.T) {
			n := quietNetwork(t)
			a, b := n.start(pushPull(4)), n.start(pushPull(4))
			n.join(b, a)
			n.run(5 * time.Second)
			gone := n.now
			b.down = true
			for len(a.s.View()) > 0 && n.now < gone+time.Minute {
				n.run(100 * time.Millisecond)
			}
			if asked := a.count(ExchangeRequest, b.h, gone); asked != 2 || a.s.Stats.TimedOut != 1 {
				t.Errorf("asked %d times, %d timed out; want twice, then dropped", asked, a.s.Stats.TimedOut)
			}
			dropped := n.now
			n.carry(a, a.s.Handle(n.now, Packet{Kind: ExchangeRequest, Peer: 7, View: desc(7, 0, uint32(b.h), 0)}, 0, nil))
			if knows(a.s.View(), b.h) || !knows(a.s.View(), 7) {
				t.Errorf("the view is %v: stale news of a peer in quarantine was believed", a.s.View())
			}
			n.run(test.away)
			if a.count(ProbeRequest, b.h, dropped) == 0 && test.rejoined {
				t.Error("nobody looked for the lost peer")
			}
			b.down = false
			n.join(b, a) // says hello again
			for len(a.s.lost) > 0 && slices.ContainsFunc(a.s.lost, func(x lost) bool { return x.peer == b.h }) && n.now < dropped+5*time.Minute {
				n.run(50 * time.Millisecond)
			}
			if !knows(a.s.View(), b.h) {
				t.Errorf("it speaks for itself, and is not in the view %v", a.s.View())
			}
			if got := slices.Contains(a.s.TakeRejoined(nil), b.h); got != test.rejoined {
				t.Errorf("reported as rejoined: %v, want %v", got, test.rejoined)
			}
			if len(a.s.TakeRejoined(nil)) != 0 {
				t.Error("reported twice")
			}
		})
	}
}

// After the quarantine, others' news of a peer counts again.
func TestQuarantineEnds(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(pushPull(4))
	news := Packet{Kind: ExchangeRequest, Peer: 7, View: desc(7, 0, 8, 0)}
	a.s.Failed(0, 8)
	a.s.Handle(a.s.cfg.Quarantine-1, news, 0, nil)
	if knows(a.s.View(), 8) {
		t.Error("8 came back while in quarantine")
	}
	a.s.Learn(a.s.cfg.Quarantine-1, desc(8, 0))
	if knows(a.s.View(), 8) {
		t.Error("8 was recommended while in quarantine, and taken")
	}
	a.s.Handle(a.s.cfg.Quarantine, Packet{Kind: ExchangeRequest, Peer: 7, View: desc(7, 0, 8, 0)}, 0, nil)
	if !knows(a.s.View(), 8) {
		t.Error("8 is ignored after the quarantine")
	}
}

// Somebody else answers: most likely the same node after a restart. It takes
// the place of the old one, which is not believed to be there any more.
func TestAnotherIdentityAtTheSameAddress(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(pushPull(4))
	a.s.Learn(0, desc(7, 0))
	out := a.s.Tick(time.Second, 0, nil)
	if len(out) != 1 || out[0].Kind != ExchangeRequest || out[0].Peer != 7 {
		t.Fatalf("sent %v, want a request to 7", out)
	}
	reply := Packet{Kind: ExchangeReply, Peer: 8, Nonce: out[0].Nonce, View: desc(8, 0, 7, 3)}
	a.s.Handle(time.Second, reply, 0, nil)
	sameSet(t, "8 instead of 7", a.s.View(), desc(8, 1))
	a.s.Handle(time.Second, reply, 0, nil)
	sameSet(t, "the same reply again changes nothing", a.s.View(), desc(8, 1))
}

// The same for a lost peer: who answers in its place is a sign of life from
// there, and the old identity need not be looked for any more.
func TestAnotherIdentityInPlaceOfALostOne(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(pushPull(2))
	a.s.Learn(0, desc(2, 0, 3, 0)) // full
	a.s.Failed(0, 7)
	now := a.s.cfg.RejoinAfter + a.s.cfg.Probe
	var probe Packet
	for _, p := range a.s.Tick(now, 0, nil) {
		if p.Kind == ProbeRequest && p.Peer == 7 {
			probe = p
		}
	}
	a.s.Handle(now, Packet{Kind: ProbeReply, Peer: 8, Nonce: probe.Nonce}, 0, nil)
	if !knows(a.s.View(), 8) {
		t.Errorf("8 answered from where 7 was, and is not in the view %v", a.s.View())
	}
	if got := a.s.TakeRejoined(nil); !slices.Equal(got, []peer.Handle{8}) {
		t.Errorf("rejoined: %v, want 8", got)
	}
	if len(a.s.lost) != 0 {
		t.Errorf("still looking for %v", a.s.lost)
	}
}

// Exchanges are frequent while the view grows and slow down when nothing
// changes; news makes them frequent again.
func TestTheIntervalAdapts(t *testing.T) {
	n := quietNetwork(t)
	a, b := n.start(pushPull(4)), n.start(pushPull(4))
	n.join(b, a)
	n.run(2 * time.Minute)
	cfg := a.s.cfg
	var times []time.Duration
	for _, p := range b.sent {
		if p.Kind == ExchangeRequest {
			times = append(times, p.at)
		}
	}
	if first := times[1] - times[0]; first > cfg.MinInterval {
		t.Errorf("the first interval is %v", first)
	}
	last := times[len(times)-1] - times[len(times)-2]
	if last < cfg.MaxInterval*8/10 || last > cfg.MaxInterval*12/10+2*latency {
		t.Errorf("the last interval is %v, want about %v", last, cfg.MaxInterval)
	}
	b.s.Hasten(n.now)
	if d := b.s.Deadline() - n.now; d > cfg.MinInterval*12/10 {
		t.Errorf("after news the next exchange is in %v", d)
	}
	at := b.s.Deadline()
	b.s.Hasten(n.now + 100*time.Millisecond)
	if b.s.Deadline() > at {
		t.Error("more news put the exchange off")
	}
}

// Nothing happens, so all policies come to one exchange in MaxInterval. Cyclon's
// view lacks a descriptor while it waits for a reply; to get it back is no news.
func TestAllPoliciesSlowDown(t *testing.T) {
	for _, p := range []Policy{Healer(8), Swapper(8), Cyclon(8), Newscast(8), Lpbcast(8)} {
		t.Run(p.String(), func(t *testing.T) {
			n := quietNetwork(t)
			for i := range 20 {
				m := n.start(DefaultServiceConfig(p))
				if i > 0 {
					n.join(m, n.members[0])
				}
			}
			exchanges := func() (sum uint64) {
				for _, m := range n.members {
					sum += m.s.Stats.Initiated
				}
				return sum
			}
			n.run(3 * time.Minute)
			before := exchanges()
			n.run(2 * time.Minute)
			perMinute := float64(exchanges()-before) / 2 / float64(len(n.members))
			if perMinute < 2.5 || perMinute > 4 {
				t.Errorf("%.1f exchanges a minute, want about 3", perMinute)
			}
		})
	}
}

// A suspect is probed twice and dropped if it keeps silent; an answer clears it.
func TestSuspects(t *testing.T) {
	for _, alive := range []bool{true, false} {
		n := quietNetwork(t)
		a, b := n.start(pushPull(4)), n.start(pushPull(4))
		n.join(b, a)
		n.run(30 * time.Second)
		since := n.now
		b.down = !alive
		a.s.Suspect(n.now, b.h)
		a.s.Suspect(n.now, b.h)
		a.s.Suspect(n.now, a.h)
		n.run(2*a.s.cfg.Answer + 1)
		if want := map[bool]int{true: 1, false: 2}[alive]; a.count(ProbeRequest, b.h, since) < want {
			t.Errorf("alive %v: probed %d times, want %d", alive, a.count(ProbeRequest, b.h, since), want)
		}
		if knows(a.s.View(), b.h) != alive || len(a.s.suspects) != 0 {
			t.Errorf("alive %v: the view is %v, suspects are %v", alive, a.s.View(), a.s.suspects)
		}
	}
}

// getPeer() of TOCS 2007, section 2: uniform, here without repetition.
func TestSampleIsUniform(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(pushPull(8))
	a.s.Learn(0, desc(2, 0, 3, 0, 4, 0, 5, 0, 6, 0))
	const rounds = 20_000
	chosen := map[peer.Handle]int{}
	for range rounds {
		sample := a.s.AppendSample([]peer.Handle{99}, 2)
		if len(sample) != 3 || sample[0] != 99 || sample[1] == sample[2] {
			t.Fatalf("sample %v, want two different peers after what was there", sample)
		}
		chosen[sample[1]]++
		chosen[sample[2]]++
	}
	for p := peer.Handle(2); p <= 6; p++ {
		expectCount(t, chosen[p], rounds, 2.0/5)
	}
	for k, want := range map[int]int{-1: 0, 0: 0, 5: 5, 100: 5} {
		if got := a.s.AppendSample(nil, k); len(got) != want {
			t.Errorf("a sample of %d has %d", k, len(got))
		}
	}
}

// An overlay that was cut in two grows together again, however long the cut
// lasted: nodes go on probing their join addresses. Here that is all they have
// left. Views are full, and the memory of lost peers is taken up by a neighbour
// that died meanwhile.
func TestACutLongerThanAllMemoryHealsThroughJoinAddresses(t *testing.T) {
	for seed := range uint64(5) {
		n := newNetwork(t.Errorf, seed)
		cfg := pushPull(4)
		cfg.Lost = 1
		for range 14 {
			m := n.start(cfg)
			for _, contact := range n.members[:min(2, len(n.members)-1)] {
				n.join(m, contact) // the first two, one of each side
			}
		}
		n.run(time.Minute)
		n.cut = func(a, b *member) bool { return a.h%2 != b.h%2 }
		n.run(2 * time.Minute)
		n.members[12].down, n.members[13].down = true, true
		for _, m := range n.members[:12] { // whoever was lost before is forgotten
			m.s.drop(n.now, 13+(m.h+1)%2)
		}
		n.run(3 * time.Minute)
		crossing := func() (count int) {
			for _, m := range n.members[:12] {
				for _, d := range m.s.View() {
					if n.cut != nil && len(m.s.View()) < cfg.Policy.C {
						t.Fatalf("seed %d: the story wants full views, %d has %v", seed, m.h, m.s.View())
					}
					if d.Peer%2 != m.h%2 {
						count++
					}
				}
			}
			return count
		}
		if crossing() != 0 {
			t.Fatalf("seed %d: the sides still know each other", seed)
		}
		n.cut = nil
		n.run(2 * time.Minute)
		if crossing() == 0 {
			t.Errorf("seed %d: the sides know nothing of each other two minutes after the cut was lifted", seed)
		}
		reported := 0
		for _, m := range n.members[:12] {
			for _, h := range m.s.TakeRejoined(nil) {
				if h%2 != m.h%2 {
					reported++
				}
			}
		}
		if reported == 0 {
			t.Errorf("seed %d: nobody was told that the cut has healed, so no link will cross", seed)
		}
	}
}

// In a network that loses one datagram in ten, a join address that misses an
// answer now and then is no sign of a healed partition.
func TestLossIsNotAPartition(t *testing.T) {
	n := quietNetwork(t)
	n.loss = 0.1
	for i := range 6 {
		m := n.start(pushPull(8))
		if i > 0 {
			n.join(m, n.members[0])
		}
	}
	n.run(time.Minute)
	for _, m := range n.members {
		m.s.TakeRejoined(nil)
	}
	n.run(20 * time.Minute)
	rejoined := 0
	for _, m := range n.members {
		rejoined += len(m.s.TakeRejoined(nil))
	}
	if rejoined > 5 {
		t.Errorf("%d rejoined in twenty minutes although nobody was away", rejoined)
	}
}

// Whatever is sent, however it is timed, views keep I1 to I3, memories keep
// their bounds, and the deadline after a tick is in the future.
func TestServiceAgainstAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { serviceAgainstAnything(t, drawPolicy(t)) })
}

func serviceAgainstAnything(t *rapid.T, policy Policy) {
	cfg := DefaultServiceConfig(policy)
	cfg.Lost, cfg.Seeds = rapid.IntRange(1, 3).Draw(t, "lost"), rapid.IntRange(1, 3).Draw(t, "seeds")
	n := newNetwork(t.Fatalf, rapid.Uint64().Draw(t, "seed"))
	m := n.start(cfg)
	handle := func() peer.Handle { return peer.Handle(rapid.Uint32Range(1, 120).Draw(t, "handle")) }
	var nonces []uint64
	t.Repeat(map[string]func(*rapid.T){
		"packet": func(t *rapid.T) {
			p := Packet{
				Kind:  PacketKind(rapid.IntRange(0, 6).Draw(t, "kind")),
				Peer:  peer.Handle(rapid.Uint32Range(0, 120).Draw(t, "from")),
				Nonce: rapid.Uint64().Draw(t, "nonce"),
				View:  drawHostile(t, 100, "view"),
				Room:  rapid.IntRange(0, 1500).Draw(t, "room"),
			}
			if len(nonces) > 0 && rapid.Bool().Draw(t, "known") {
				p.Nonce = rapid.SampledFrom(nonces).Draw(t, "which")
			}
			room := p.Room
			for _, a := range m.s.Handle(n.now, p, 0, nil) {
				if a.Peer != p.Peer || a.Room != room || a.Nonce != p.Nonce || len(a.View) > cfg.Policy.Buffer() {
					t.Fatalf("%v was answered by %v", p, a)
				}
			}
		},
		"join":    func(t *rapid.T) { m.s.Join(n.now, handle()+addresses) },
		"learn":   func(t *rapid.T) { m.s.Learn(n.now, drawHostile(t, 50, "learned")) },
		"suspect": func(t *rapid.T) { m.s.Suspect(n.now, handle()) },
		"failed":  func(t *rapid.T) { m.s.Failed(n.now, handle()) },
		"hasten":  func(t *rapid.T) { m.s.Hasten(n.now) },
		"wait": func(t *rapid.T) {
			n.now += time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "time"))
		},
		"to the deadline": func(t *rapid.T) {
			if d := m.s.Deadline(); d != never {
				n.now = max(n.now, d)
			}
		},
		"tick": func(t *rapid.T) {
			before := len(m.sent)
			n.tick(m)
			for _, p := range m.sent[before:] {
				nonces = append(nonces, p.Nonce)
			}
		},
		"": func(t *rapid.T) { n.check(m) },
	})
	m.s.Handles(func(h peer.Handle) {
		if h == peer.None {
			t.Fatal("nobody is named")
		}
	})
}

// Without any input but time, whatever state a service is in, it does not spin.
func TestServiceRestsBetweenDeadlines(t *testing.T) {
	n := quietNetwork(t)
	n.loss = 0.5
	for i := range 5 {
		m := n.start(pushPull(4))
		n.join(m, n.members[(i+1)%len(n.members)])
	}
	n.run(time.Hour)
	for _, m := range n.members {
		if perSecond := float64(len(m.sent)) / time.Hour.Seconds(); perSecond > 10 {
			t.Errorf("%d sends %.1f packets a second", m.h, perSecond)
		}
	}
}

func TestServiceConfigIsValidated(t *testing.T) {
	if err := pushPull(4).Validate(); err != nil {
		t.Error(err)
	}
	for field, spoil := range map[string]func(*ServiceConfig){
		"Policy.C":    func(c *ServiceConfig) { c.Policy.C = 0 },
		"MinInterval": func(c *ServiceConfig) { c.MinInterval = 0 },
		"MaxInterval": func(c *ServiceConfig) { c.MaxInterval = c.MinInterval - 1 },
		"Answer":      func(c *ServiceConfig) { c.Answer = 0 },
		"Quarantine":  func(c *ServiceConfig) { c.Quarantine = -1 },
		"Probe":       func(c *ServiceConfig) { c.Probe = 0 },
		"RejoinAfter": func(c *ServiceConfig) { c.RejoinAfter = math.MinInt64 },
		"Lost":        func(c *ServiceConfig) { c.Lost = 0 },
		"Seeds":       func(c *ServiceConfig) { c.Seeds = 0 },
	} {
		c := pushPull(4)
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("a bad %s: %v", field, err)
		}
		if _, err := NewService(c, 1, rand.NewPCG(1, 1)); err == nil {
			t.Errorf("a service was made with a bad %s", field)
		}
	}
	if got := fmt.Sprint(ExchangeRequest, ExchangeReply, ProbeRequest, ProbeReply, PacketKind(9)); got != "EXCHANGE EXCHANGE_REPLY PROBE PROBE_REPLY ?" {
		t.Errorf("kinds are named %s", got)
	}
}

// One peer that was taken for dead and comes back is a datagram or two that got lost.
// So many at about the same time as may be the other side of a cut are reported; those
// that were lost at other times do not add to them.
func TestManyLostTogetherAreAPartition(t *testing.T) {
	for _, test := range []struct {
		why      string
		lost     []time.Duration // of 20 that the node knows; when
		rejoined bool
	}{
		{"one", []time.Duration{0}, false},
		{"a few", make([]time.Duration, 4), false},
		{"a quarter", make([]time.Duration, 5), true},
		{"as many, but one after the other", []time.Duration{0, 15 * time.Second, 30 * time.Second, 45 * time.Second, time.Minute}, false},
	} {
		n := quietNetwork(t)
		a := n.start(pushPull(20))
		for p := range uint32(20) {
			a.s.Learn(0, desc(100+p, 0))
		}
		for i, when := range test.lost {
			a.s.Failed(when, peer.Handle(100+i))
		}
		a.s.alive(2*time.Minute, 100)
		if got := len(a.s.TakeRejoined(nil)) > 0; got != test.rejoined {
			t.Errorf("%s: reported %v, want %v", test.why, got, test.rejoined)
		}
		if !knows(a.s.View(), 100) {
			t.Errorf("%s: it is back, and not in the view", test.why)
		}
	}
}
