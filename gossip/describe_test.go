package gossip

import (
	"context"
	"errors"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/internal/guard"
	"github.com/Ishan27gOrg/gossipProtocol/internal/seal"
	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// TestDescribe: in every mode, over sockets, any node tells any other what it sees, and
// nobody gets to know anybody by asking.
func TestDescribe(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			ctx := within(t, 30*time.Second)
			protect := m.config(t)
			var nodes []*Node
			for i := range 8 {
				cfg := Config{ID: fmt.Sprint("n", i), Links: 3}
				if i > 0 {
					cfg.Join = []string{nodes[0].Self().Addr}
				}
				protect(&cfg)
				nodes = append(nodes, start(t, cfg))
			}
			for _, n := range nodes {
				if err := n.Ready(ctx); err != nil {
					t.Fatal(err)
				}
			}
			for _, n := range nodes {
				for _, to := range nodes {
					until(t, ctx, n.Self().ID+" sees what "+to.Self().ID+" sees", func() bool {
						d, err := n.Describe(ctx, to.Self())
						if err != nil || d.Self != to.Self() || d.Truncated {
							t.Fatalf("%+v, %v", d, err)
						}
						return slices.Equal(linksOf(d.Links), linksOf(to.LinkStates())) && maps.Equal(agesOf(d.View), agesOf(to.View()))
					})
				}
			}
			for _, n := range nodes {
				if s := n.Stats(); s.StrayAnswers+s.BadPackets+s.BadSignatures+s.Unsigned > 0 || s.Described < uint64(len(nodes)-1) {
					t.Errorf("%s: %d stray answers, %d bad packets, %d bad signatures, %d unsigned, %d questions answered",
						n.Self().ID, s.StrayAnswers, s.BadPackets, s.BadSignatures, s.Unsigned, s.Described)
				}
			}
		})
	}
}

// linksOf is what a description says of links.
func linksOf(states []LinkState) (list []string) {
	for _, s := range states {
		list = append(list, fmt.Sprint(s.ID, s.Incarnation, s.Addr, s.Outbound, s.Tree, s.Linked))
	}
	slices.Sort(list)
	return list
}

// agesOf is a view without the ages, which go on while it is asked for.
func agesOf(view []Peer) map[string]bool {
	list := map[string]bool{}
	for _, p := range view {
		list[fmt.Sprint(p.ID, p.Incarnation, p.Addr)] = p.Linked
	}
	return list
}

// TestWhoIsNotDescribed: the error says what was tried.
func TestWhoIsNotDescribed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		a := start(t, config().with("a"))
		shy := config().with("shy")
		shy.Undescribed = true
		b := start(t, shy)
		nobody := Peer{ID: "nobody", Addr: "10.9.9.9:7946"}
		for _, tt := range []struct {
			why  string
			wait time.Duration
			who  Peer
			is   error
			says []string
			took time.Duration
		}{
			{"nobody is there", time.Minute, nobody, ErrNoAnswer, []string{`"nobody" at 10.9.9.9:7946`, "2 times in 2s", "Config.Undescribed", "release"}, 2 * time.Second},
			{"it is told not to", time.Minute, b.Self(), ErrNoAnswer, []string{`"shy"`, "Config.Undescribed"}, 2 * time.Second},
			{"no time", 1500 * time.Millisecond, nobody, nil, []string{"asked 2 of 2 times", "enough of this"}, 1500 * time.Millisecond},
			{"no address", time.Minute, Peer{ID: "x", Addr: "here"}, nil, []string{`describe "x"`, "here"}, 0},
		} {
			began := time.Now()
			short, cancel := context.WithTimeoutCause(ctx, tt.wait, errors.New("enough of this"))
			_, err := a.Describe(short, tt.who)
			cancel()
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%s: %v, want %v", tt.why, err, tt.is)
				continue
			}
			for _, part := range tt.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %q does not say %q", tt.why, err, part)
				}
			}
			if took := time.Since(began); took != tt.took {
				t.Errorf("%s: after %v, want %v", tt.why, took, tt.took)
			}
		}
		if s := b.Stats(); s.Undescribed != 2 || s.Described != 0 {
			t.Errorf("%d questions were refused, %d answered, want 2 and 0", s.Undescribed, s.Described)
		}
		if d, err := b.Describe(ctx, a.Self()); err != nil || d.Self != a.Self() {
			t.Errorf("who does not answer may ask: %+v, %v", d, err)
		}
		if d, err := b.Describe(ctx, b.Self()); err != nil || d.Self != b.Self() {
			t.Errorf("of itself: %+v, %v", d, err)
		}
		a.do(func() {
			if len(a.questions) > 0 || a.requests.Stats().Waiting > 0 {
				t.Errorf("%d questions, %d requests are left", len(a.questions), a.requests.Stats().Waiting)
			}
		})
		done := make(chan error)
		go func() {
			_, err := a.Describe(ctx, nobody)
			done <- err
		}()
		synctest.Wait()
		a.Close()
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("closed meanwhile: %v", err)
		}
		if _, err := a.Describe(ctx, nobody); !errors.Is(err, ErrClosed) {
			t.Errorf("closed before: %v", err)
		}
		b.Close()
	})
}

// TestQuestionsAreBounded: so many at one time, and no more is held of them.
func TestQuestionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, time.Hour)
		a := start(t, config().with("a"))
		var refused, silent atomic.Int64
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				_, err := a.Describe(ctx, Peer{Addr: fmt.Sprintf("10.9.9.%d:1", i+1)})
				switch {
				case errors.Is(err, ErrTooManyQuestions):
					refused.Add(1)
				case errors.Is(err, ErrNoAnswer):
					silent.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if refused.Load() != 36 || silent.Load() != 64 {
			t.Errorf("of 100 at once %d are refused and %d not answered, want 36 and 64", refused.Load(), silent.Load())
		}
		a.Close()
	})
}

// TestADescriptionSaysWhereItIsFrom: who listens on all interfaces does not know where he is,
// and the asker does; also if he asks himself.
func TestADescriptionSaysWhereItIsFrom(t *testing.T) {
	ctx := within(t, 10*time.Second)
	a := start(t, Config{ID: "a", Listen: "0.0.0.0:0", Plain: true})
	b := start(t, Config{ID: "b"})
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), netip.MustParseAddrPort(a.Self().Addr).Port())
	want := Peer{ID: "a", Incarnation: a.Self().Incarnation, Addr: at.String()}
	for _, n := range []*Node{a, b} {
		if d, err := n.Describe(ctx, Peer{Addr: at.String()}); err != nil || d.Self != want {
			t.Errorf("%s is told %+v, %v, want %+v", n.Self().ID, d.Self, err, want)
		}
	}
}

// loser loses the first datagrams of each kind that are sent, so many of each.
type loser struct {
	transport.Transport
	each int
	mu   sync.Mutex
	lost map[byte]int
}

func (l *loser) WriteTo(b []byte, to netip.AddrPort) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost[b[2]] < l.each {
		l.lost[b[2]]++
		return nil
	}
	return l.Transport.WriteTo(b, to)
}

// TestAQuestionIsAskedTwice, with a token that the first one has earned.
func TestAQuestionIsAskedTwice(t *testing.T) {
	for _, lost := range []string{"the first KNOCK", "the first question", "the first answer"} {
		t.Run(lost, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, config := inMemory(t)
				ctx := within(t, time.Hour)
				losing := func(cfg Config, kinds ...byte) Config {
					listen := cfg.listen
					cfg.listen = func(address string) (transport.Transport, error) {
						tr, err := listen(address)
						l := &loser{Transport: tr, each: 1, lost: map[byte]int{}}
						for kind := range byte(255) {
							if !slices.Contains(kinds, kind) {
								l.lost[kind] = 1
							}
						}
						return l, err
					}
					return cfg
				}
				var asker, answerer Config
				switch lost {
				case "the first KNOCK":
					asker, answerer = losing(config().with("a"), 5), config().with("b")
				case "the first question":
					asker, answerer = losing(config().with("a"), 7), config().with("b")
				default:
					asker, answerer = config().with("a"), losing(config().with("b"), 8)
				}
				a, b := start(t, asker), start(t, answerer)
				began := time.Now()
				d, err := a.Describe(ctx, b.Self())
				if took := time.Since(began); err != nil || d.Self != b.Self() || took != tryFor {
					t.Errorf("%+v, %v after %v", d, err, took)
				}
				a.Close()
				b.Close()
			})
		})
	}
}

// crowded is a node whose view is full of nodes with long names, and who describes itself
// in as many bytes as there are.
func crowded(t *testing.T, cfg Config) (*Node, *tap) {
	t.Helper()
	cfg, tap := tapped(cfg)
	n := start(t, cfg)
	n.do(func() {
		for i := range 30 {
			id := peer.ID{Name: fmt.Sprintf("%0*d", wire.MaxName-44, i), Incarnation: uint64(i)}
			if cfg.Identity != nil {
				id.Name, _ = identity.Name(id.Name, identity.Generate().Public())
			}
			h := n.book.meet(id, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, 1, byte(i + 1)}), 1))
			n.machine.Join(n.now(), h, &n.out)
			n.machine.HandlePacket(n.now(), probeFrom(h), &n.out)
			n.out.Reset()
		}
	})
	if got := len(n.View()); got < 20 {
		t.Fatalf("a view of %d", got)
	}
	return n, tap
}

// TestDescriptionsAreNoLargerThanQuestions: of a node that has far more to tell than fits,
// asked by whoever has shown where he is, in as many bytes as he likes.
func TestDescriptionsAreNoLargerThanQuestions(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			cfg := Config{ID: "a"}
			m.config(t)(&cfg)
			n, tap := crowded(t, cfg)
			asker := newAsker(t, n)
			worst, answered, refused := 0.0, 0, 0
			for room := 100; room <= 1200; room += 25 {
				asker.from = netip.AddrPortFrom(victim.Addr(), uint16(room))
				b := asker.ask(n, room, true)
				tap.inject(t, n, b, asker.from)
				sent := tap.sentTo(asker.from)
				if len(sent) == 0 {
					refused++
					continue
				}
				answered++
				worst = max(worst, float64(len(sent[0].b))/float64(len(b)))
				d, err := wire.DecodeDescription(asker.open(sent[0].b), n.cluster, netip.AddrPort{})
				if err != nil || !d.Truncated || room >= 600 && len(d.View) == 0 {
					t.Errorf("in %d bytes: %+v, %v", room, d, err)
				}
			}
			t.Logf("%d questions of 100 to 1,200 bytes: %d were too short, %d answered, at most with %.2f times their bytes", refused+answered, refused, answered, worst)
			if worst > 1 || answered < 30 || refused < 2 {
				t.Errorf("%d answered, %d refused, at most %.2f times the bytes", answered, refused, worst)
			}
		})
	}
}

// asker asks a node by hand.
type asker struct {
	sealer *seal.Sealer
	person *person
	name   string
	from   netip.AddrPort
	nonce  uint64
}

func newAsker(t testing.TB, n *Node) *asker {
	a := &asker{name: "stranger", from: victim}
	if n.sealer != nil {
		a.sealer = seal.New(n.cfg.Keyring, n.cfg.Cluster)
	}
	if n.signer != nil {
		p := newPerson(t, "stranger", n.cfg.Cluster)
		a.person, a.name = &p, p.id.Name
	}
	return a
}

// ask is a question of so many bytes, on the wire.
func (a *asker) ask(n *Node, room int, withToken bool) []byte {
	a.nonce++
	q := wire.Question{From: wire.Identity{ID: peer.ID{Name: a.name, Incarnation: 1}, Addr: a.from}, Nonce: a.nonce, Room: room}
	if a.person != nil {
		q.Proof = a.person.proveAddress(q.From, uint64(time.Now().Unix()))
	}
	if withToken {
		n.do(func() { q.Token = tokenNumber(n.addresses.Token(n.now(), a.from)) })
	}
	if a.sealer != nil {
		q.Room -= seal.Overhead
	}
	b := wire.AppendQuestion(nil, n.cluster, &q)
	if a.sealer != nil {
		b = a.sealer.Seal(nil, b, false)
	}
	return b
}

func (a *asker) open(b []byte) []byte {
	if a.sealer == nil {
		return b
	}
	o, err := a.sealer.Open(nil, b)
	if err != nil {
		return nil
	}
	return o.Plain
}

// TestAFloodOfQuestions: one address is answered as often as guard.Rates have it pay for
// it, and the node gets to know nobody. Who has no token gets one, of a fiftieth of the
// bytes.
func TestAFloodOfQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in which no time passes during the flood
		_, config := inMemory(t)
		cfg, tap := tapped(config().with("a"))
		n := start(t, cfg)
		const count = 2500
		a := newAsker(t, n)
		a.from = netip.AddrPortFrom(victim.Addr(), 7)
		for range count {
			tap.inject(t, n, a.ask(n, 1200, true), a.from)
		}
		answers, s := len(tap.sentTo(a.from)), n.Stats()
		t.Logf("of %d questions of one address at one moment %d were answered; %d identities are known", count, answers, s.Identities)
		if answers != 400/(1+descriptionWeight) || s.Described != uint64(answers) || s.Throttled != uint64(count-answers) || s.Identities != 1 {
			t.Errorf("%d answers to %d questions; %d described, %d throttled, %d identities", answers, count, s.Described, s.Throttled, s.Identities)
		}
		time.Sleep(10 * time.Second)
		tap.inject(t, n, a.ask(n, 1200, true), a.from)
		if got := len(tap.sentTo(a.from)); got != answers+1 {
			t.Errorf("%d answers after a while, want one more than %d", got, answers)
		}
		a.from = netip.AddrPortFrom(victim.Addr(), 8)
		question := a.ask(n, 1200, false)
		tap.inject(t, n, question, a.from)
		if sent := tap.sentTo(a.from); len(sent) != 1 || !wire.IsKnock(sent[0].b) || 50*len(sent[0].b) > len(question) {
			t.Errorf("who has no token is sent %d datagrams", len(sent))
		}
		n.Close()
	})
}

// TestQuestionsThatAreRefused get no answer, and leave nothing but a count.
func TestQuestionsThatAreRefused(t *testing.T) {
	ring := newRing(t)
	cfg, tap := tapped(Config{ID: "a", Keyring: ring, Identity: identity.Generate(), Roster: identity.NewRoster()})
	n := start(t, cfg)
	port, refused := uint16(1000), 0
	// The tap gives the node an empty datagram behind each, which may count as well.
	check := func(why string, b []byte, from netip.AddrPort, count func(Stats) uint64) {
		t.Helper()
		before := n.Stats()
		refused++
		tap.inject(t, n, b, from)
		if got := tap.sentTo(from); len(got) > 0 || count(n.Stats()) <= count(before) || n.Stats().Described != before.Described {
			t.Errorf("%s: %d datagrams are sent back, %d counted", why, len(got), count(n.Stats())-count(before))
		}
	}
	fresh := func() *asker {
		port++
		a := newAsker(t, n)
		a.from = netip.AddrPortFrom(victim.Addr(), port)
		return a
	}
	a := fresh()
	a.person, a.name = nil, "stranger"
	check("no identity", a.ask(n, 1200, true), a.from, func(s Stats) uint64 { return s.Unsigned })
	a = fresh()
	a.person = nil // but the name of one
	check("no signature", a.ask(n, 1200, true), a.from, func(s Stats) uint64 { return s.Unsigned })
	a = fresh()
	other := newPerson(t, "other", "")
	a.person = &other
	check("another's signature", a.ask(n, 1200, true), a.from, func(s Stats) uint64 { return s.BadSignatures })
	a = fresh()
	revoke(t, n, *a.person)
	check("revoked", a.ask(n, 1200, true), a.from, func(s Stats) uint64 { return s.Revoked })
	a = fresh()
	a.sealer = seal.New(ring, "another cluster")
	check("sealed for another cluster", a.ask(n, 1200, true), a.from, func(s Stats) uint64 { return s.Forged })
	a = fresh()
	a.sealer = nil
	check("in the clear", a.ask(n, 1153, true), a.from, func(s Stats) uint64 { return s.Unsealed })
	a = fresh()
	b := a.ask(n, 1200, true)
	tap.inject(t, n, b, a.from)
	answers := len(tap.sentTo(a.from))
	tap.inject(t, n, b, a.from)
	if got := len(tap.sentTo(a.from)); answers != 1 || got != 1 || n.Stats().Replayed != 1 {
		t.Errorf("a question that was recorded is answered %d times, %d replays are counted", got, n.Stats().Replayed)
	}
	plain, plainTap := tapped(Config{ID: "b"})
	n, tap = start(t, plain), plainTap
	a = fresh()
	q := wire.Question{From: wire.Identity{ID: peer.ID{Name: "x"}, Addr: a.from}, Room: 1200}
	check("of another cluster", wire.AppendQuestion(nil, wire.ClusterTag("another"), &q), a.from, func(s Stats) uint64 { return s.OtherClusters })
	check("too short", a.ask(n, 100, true), a.from, func(s Stats) uint64 { return s.BadPackets })
	if got := n.Stats().Identities; got != 1 {
		t.Errorf("%d identities are known", got)
	}
	t.Logf("%d kinds of questions get no answer", refused+1) // and the replay
}

// TestAnswersThatNobodyAskedFor, or that somebody else gives, change nothing.
func TestAnswersThatNobodyAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ring := newRing(t)
		cfg, tap := tapped(config().with("a"))
		cfg.Keyring, cfg.Identity = ring, identity.Generate()
		n := start(t, cfg)
		bob, mallory := newPerson(t, "bob", ""), newPerson(t, "mallory", "")
		sealer := seal.New(ring, "")
		answer := func(nonce uint64, who, by person) {
			self := wire.Identity{ID: who.id, Addr: victim}
			d := wire.Description{Self: self, Nonce: nonce, Proof: by.proveAddress(self, uint64(time.Now().Unix()))}
			tap.inject(t, n, sealer.Seal(nil, wire.AppendDescription(nil, n.cluster, &d, 1000), true), victim)
		}
		answer(1, bob, bob)
		type outcome struct {
			d   Description
			err error
		}
		done := make(chan outcome)
		go func() {
			d, err := n.Describe(t.Context(), Peer{Addr: victim.String()})
			done <- outcome{d, err}
		}()
		synctest.Wait()
		var nonce uint64
		n.do(func() {
			for nonce = range n.questions {
			}
		})
		answer(nonce+1, bob, bob)
		answer(nonce, bob, mallory)
		answer(nonce, bob, bob)
		answer(nonce, bob, bob)
		if got := <-done; got.err != nil || got.d.Self.ID != bob.id.Name {
			t.Errorf("%+v", got)
		}
		if s := n.Stats(); s.StrayAnswers != 3 || s.BadSignatures != 1 || s.Identities != 1 {
			t.Errorf("%d stray answers, %d bad signatures, %d identities, want 3, 1 and 1", s.StrayAnswers, s.BadSignatures, s.Identities)
		}
		n.Close()
	})
}

// FuzzDescriptions has a node take any question or answer, from whoever has shown where he
// is: it sends back no more than it gets, and gets to know nobody.
func FuzzDescriptions(f *testing.F) {
	for _, kind := range []byte{7, 8} {
		f.Add(kind, []byte{}, uint16(1200), false)
		f.Add(kind, []byte{1, 1, 3, 'b', 'o', 'b', 0, 0, 0, 0, 0, 0, 0, 1, 4, 10, 0, 0, 1, 1, 1, 2, 0}, uint16(0), true)
	}
	var nodes []*Node
	var taps []*tap
	for _, key := range []*identity.Key{nil, identity.Generate()} {
		cfg, tap := tapped(Config{ID: "a", Logger: quiet, Identity: key})
		if key != nil {
			cfg.Keyring = newRing(f)
		}
		n, err := Start(f.Context(), cfg)
		if err != nil {
			f.Fatal(err)
		}
		f.Cleanup(func() { n.Close() })
		nodes, taps = append(nodes, n), append(taps, tap)
	}
	f.Fuzz(func(t *testing.T, kind byte, tail []byte, size uint16, signed bool) {
		n, tap := nodes[0], taps[0]
		if signed {
			n, tap = nodes[1], taps[1]
		}
		from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(mathrand.Uint32()), byte(mathrand.Uint32()), 1}), 1+uint16(mathrand.Uint32())%60000)
		var token guard.Token
		n.do(func() {
			token = n.addresses.Token(n.now(), from)
			if n.questions == nil {
				n.questions = make(map[uint64]*question)
			}
			n.questions[1] = &question{nonce: 1, to: from, answer: make(chan wire.Description, 1)}
		})
		q := wire.Question{From: wire.Identity{ID: peer.ID{Name: "x", Incarnation: 1}, Addr: from}, Nonce: 1, Token: tokenNumber(token)}
		if signed {
			who := newPerson(t, "x", "")
			q.From.ID = who.id
			q.Proof = who.proveAddress(q.From, uint64(time.Now().Unix()))
		}
		b := wire.AppendQuestion(nil, n.cluster, &q)
		if b[2] = kind; kind%2 == 0 {
			b = b[:len(b)-10-len(q.Proof)-2*min(1, len(q.Proof))] // an answer's extensions come last
		}
		b = append(b, tail...)
		b = append(b, make([]byte, max(0, int(size)-len(b)))...)
		b = b[:min(len(b), wire.MaxDatagram)]
		room := packetBuffers.Get().(*[wire.MaxDatagram]byte)
		in := packetIn{b: room, n: copy(room[:], b), from: from}
		n.do(func() {
			if wire.IsDescription(b) {
				n.handlePacket(&in)
			}
			delete(n.questions, 1)
		})
		sent := 0
		for _, d := range tap.sentTo(from) {
			if sent += len(d.b); signed {
				sent -= seal.Overhead
			}
		}
		if sent > len(b) {
			t.Fatalf("%d bytes in answer to %d", sent, len(b))
		}
		if s := n.Stats(); s.Identities != 1 || len(n.View()) > 0 {
			t.Fatalf("%d identities are known, %d in the view", s.Identities, len(n.View()))
		}
		tap.mu.Lock()
		tap.sent = nil
		tap.mu.Unlock()
	})
}

// probeFrom is a request that gets its sender into the view.
func probeFrom(h peer.Handle) peersampling.Packet {
	return peersampling.Packet{Kind: peersampling.ExchangeRequest, Peer: h, View: []peer.Descriptor{{Peer: h}}}
}
