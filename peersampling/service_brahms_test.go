package peersampling

import (
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"pgregory.net/rapid"
)

func byRounds(c int) ServiceConfig { return DefaultServiceConfig(Brahms(c)) }

// sampled returns who is in the sample list, each once.
func (m *member) sampled() (some []peer.Handle) { return m.s.AppendSample(nil, 1000) }

// What goes over the wire: pushes of the own descriptor, which nobody answers,
// and empty requests, padded, which are answered by the view, in no more room
// than the request had.
func TestPushesAndPulls(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(byRounds(8)) // αl1 = βl1 = 3
	for h := peer.Handle(2); h <= 9; h++ {
		a.s.insert(h, true)
	}
	pushes, pulls := 0, 0
	for _, p := range a.s.Tick(0, 77, nil) {
		if p.Kind != ExchangeRequest {
			continue // the probe of a sample
		}
		if p.Digest != 77 || !knows(a.s.View(), p.Peer) || p.Peer == a.h {
			t.Errorf("sent %+v", p)
		}
		switch {
		case slices.Equal(p.View, viewOf(a.h)) && !p.Wide:
			pushes++
		case len(p.View) == 0 && p.Wide:
			pulls++
		default:
			t.Errorf("neither a push nor a pull: %+v", p)
		}
	}
	if pushes != 3 || pulls != 3 {
		t.Errorf("%d pushes, %d pulls; want 3 each", pushes, pulls)
	}
	if out := a.s.Handle(0, Packet{Kind: ExchangeRequest, Peer: 7, View: viewOf(7)}, 0, nil); len(out) != 0 {
		t.Errorf("a push is answered: %v", out)
	}
	out := a.s.Handle(0, Packet{Kind: ExchangeRequest, Peer: 7, Nonce: 5, Room: 1200}, 77, nil)
	if len(out) != 1 || out[0].Kind != ExchangeReply || out[0].Peer != 7 || out[0].Nonce != 5 || out[0].Room != 1200 || out[0].Digest != 77 {
		t.Fatalf("a pull is answered by %v", out)
	}
	sameSet(t, "the answer, but for who has asked", out[0].View, viewOf(slices.DeleteFunc(peersOf(a.s.View()), func(p peer.Handle) bool { return p == 7 })...))
}

// The same answer is not the same: what does not fit is cut off the end.
func TestAnswersAreInRandomOrder(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(byRounds(8))
	for h := peer.Handle(2); h <= 9; h++ {
		a.s.insert(h, true)
	}
	firsts := map[peer.Handle]int{}
	const rounds = 4000
	for range rounds {
		firsts[a.s.Handle(0, Packet{Kind: ExchangeRequest, Peer: 20}, 0, nil)[0].View[0].Peer]++
	}
	for h := peer.Handle(2); h <= 9; h++ {
		expectCount(t, firsts[h], rounds, 1.0/8)
	}
}

// answered has a service begin a round and answers all of its pulls.
func answered(t *testing.T, a *member, now time.Duration, with []peer.Handle) {
	t.Helper()
	pulls := 0
	for _, p := range a.s.Tick(now, 0, nil) {
		if p.Kind == ExchangeRequest && len(p.View) == 0 {
			pulls++
			a.s.Handle(now, Packet{Kind: ExchangeReply, Peer: p.Peer, Nonce: p.Nonce, View: viewOf(with...)}, 0, nil)
		}
	}
	if pulls == 0 {
		t.Fatalf("no round at %v: the next is at %v", now, a.s.Deadline())
	}
}

// The limited push on a network: those who flood are sampled like others, but
// neither they nor what was pulled in that round get into the view.
func TestAFloodBlocksARound(t *testing.T) {
	for _, test := range []struct {
		why     string
		pushers int
		repeats int
		renewed bool
	}{
		{"no more than may", 9, 1, true},
		{"one too many", 10, 1, false},
		{"one that pushes a thousand times", 1, 1000, true},
		{"nobody", 0, 0, false},
	} {
		t.Run(test.why, func(t *testing.T) {
			n := quietNetwork(t)
			a := n.start(byRounds(20))
			a.h = 900
			for h := peer.Handle(2); h <= 21; h++ {
				a.s.insert(h, true)
			}
			answered(t, a, 0, handles(101, 120))
			for i := range test.pushers * test.repeats {
				p := peer.Handle(201 + i%test.pushers)
				if out := a.s.Handle(0, Packet{Kind: ExchangeRequest, Peer: p, View: viewOf(p)}, 0, nil); len(out) != 0 {
					t.Fatalf("answered %v", out)
				}
			}
			a.s.Tick(a.s.next, 0, nil)
			pushed, pulled := 0, 0
			for _, d := range a.s.View() {
				switch {
				case d.Peer > 200:
					pushed++
				case d.Peer > 100:
					pulled++
				}
			}
			// Samples let in up to 2 in any case (γl1).
			if test.renewed && (pushed < test.pushers || pulled < 9) || !test.renewed && pushed+pulled > 2 {
				t.Errorf("%d of the pushers and %d of those pulled are in the view %v", pushed, pulled, a.s.View())
			}
			all := peersOf(a.s.brahms.samples)
			if test.pushers > 8 && !slices.ContainsFunc(all, func(p peer.Handle) bool { return p > 200 }) {
				t.Errorf("nobody who pushed was sampled: %v", all)
			}
		})
	}
}

// Answers count once, and only those to pulls of this round.
func TestLateAnswersAreIgnored(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(byRounds(8))
	a.s.insert(2, true)
	nonce := uint64(0)
	for _, p := range a.s.Tick(0, 0, nil) {
		if p.Kind == ExchangeRequest && p.Wide {
			nonce = p.Nonce
		}
	}
	answer := func(nonce uint64, p peer.Handle) {
		a.s.Handle(0, Packet{Kind: ExchangeReply, Peer: 2, Nonce: nonce, View: viewOf(p)}, 0, nil)
	}
	answer(nonce+1, 11)
	answer(nonce, 12)
	answer(nonce, 13)
	a.s.Tick(a.s.next, 0, nil)
	answer(nonce, 14)
	if got := a.sampled(); !slices.Contains(got, 12) || slices.ContainsFunc(got, func(p peer.Handle) bool { return p != 2 && p != 12 }) {
		t.Errorf("samples %v, want 2 and 12", got)
	}
}

// Two nodes know each other and go on knowing each other, although neither tells
// the other of anybody; one alone is quiet.
func TestTwoNodes(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(byRounds(30))
	n.run(time.Minute)
	if len(a.sent) != 0 || a.s.Deadline() != never {
		t.Errorf("alone: sent %v, deadline %v", a.sent, a.s.Deadline())
	}
	b := n.start(byRounds(30))
	n.join(b, a)
	n.run(5 * time.Second)
	for range 20 {
		if !slices.Equal(peersOf(a.s.View()), []peer.Handle{b.h}) || !slices.Equal(peersOf(b.s.View()), []peer.Handle{a.h}) {
			t.Fatalf("at %v: views %v and %v", n.now, a.s.View(), b.s.View())
		}
		if !slices.Equal(a.sampled(), []peer.Handle{b.h}) {
			t.Fatalf("at %v: samples %v", n.now, a.sampled())
		}
		n.run(10 * time.Second)
	}
}

// Who knows one contact comes to know as many as a view holds, and all others
// come to know it; a crash of the half is forgotten by views and samples, and
// what no longer names a peer does not keep its handle.
func TestBrahmsOnANetwork(t *testing.T) {
	const size, c = 40, 12
	n := quietNetwork(t)
	n.loss = 0.05
	for i := range size {
		m := n.start(byRounds(c))
		if i > 0 {
			n.join(m, n.members[0])
		}
	}
	n.run(time.Minute)
	inView, inSamples := map[peer.Handle]int{}, map[peer.Handle]int{}
	for _, m := range n.members {
		if len(m.s.View()) < c/2 {
			t.Errorf("%d knows %v", m.h, m.s.View())
		}
		for _, d := range m.s.View() {
			inView[d.Peer]++
		}
		for _, p := range m.sampled() {
			inSamples[p]++
		}
	}
	if len(inView) != size || len(inSamples) < size*9/10 {
		t.Errorf("%d are in views, %d in samples, of %d", len(inView), len(inSamples), size)
	}
	for p, k := range inView {
		if k > 4*c {
			t.Errorf("%d is in %d views", p, k)
		}
	}
	for _, m := range n.members[:size/2] {
		m.down = true
	}
	n.run(5 * time.Minute)
	for _, m := range n.members[size/2:] {
		dead := func(p peer.Handle) bool { return p <= size/2 }
		if slices.ContainsFunc(peersOf(m.s.View()), dead) || slices.ContainsFunc(m.sampled(), dead) {
			t.Errorf("%d has the dead in its view %v or its samples %v", m.h, m.s.View(), m.sampled())
		}
		if len(m.s.View()) < 5 {
			t.Errorf("%d knows %v", m.h, m.s.View())
		}
	}
}

// Failed, departed or unresponsive: a peer leaves the samples with the view.
func TestTheLostAreNotSampled(t *testing.T) {
	for why, lose := range map[string]func(*Service){
		"failed":   func(s *Service) { s.Failed(0, 3) },
		"departed": func(s *Service) { s.Departed(0, 3) },
		"silent": func(s *Service) {
			s.Suspect(0, 3)
			for range 3 {
				s.Tick(s.Deadline(), 0, nil)
			}
		},
	} {
		n := quietNetwork(t)
		a := n.start(byRounds(8))
		for h := peer.Handle(2); h <= 5; h++ {
			a.s.insert(h, true)
		}
		if !slices.Contains(a.sampled(), 3) {
			a.s.brahms.samples[0].Peer = 3 // the story wants it
		}
		a.s.next = time.Hour
		lose(a.s)
		if knows(a.s.View(), 3) || slices.Contains(a.sampled(), 3) {
			t.Errorf("%s: view %v, samples %v", why, a.s.View(), a.sampled())
		}
		news := Packet{Kind: ExchangeReply, Peer: 2, Nonce: 9, View: viewOf(3, 6)}
		a.s.brahms.asked = []asked{{2, 9}}
		a.s.Handle(0, news, 0, nil)
		if slices.Contains(a.sampled(), 3) || slices.Contains(a.s.brahms.pulled, 3) || !slices.Contains(a.s.brahms.pulled, 6) {
			t.Errorf("%s: news of it is taken: %v, %v", why, a.sampled(), a.s.brahms.pulled)
		}
	}
}

// AppendSample draws from the samples: every sampler has the same chance, and
// nobody comes twice.
func TestSampleComesFromTheSamplers(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(byRounds(4))
	a.s.insert(50, true) // in the view; the samplers are what the story says
	copy(a.s.brahms.samples, viewOf(2, 2, 3, peer.None))
	counts := map[peer.Handle]int{}
	const rounds = 10_000
	for range rounds {
		one := a.s.AppendSample([]peer.Handle{99}, 1)
		if len(one) != 2 || one[0] != 99 {
			t.Fatal(one)
		}
		counts[one[1]]++
	}
	expectCount(t, counts[2], rounds, 2.0/3)
	expectCount(t, counts[3], rounds, 1.0/3)
	for k, want := range map[int]int{-1: 0, 0: 0, 2: 2, 100: 2} {
		if got := a.s.AppendSample(nil, k); len(got) != want {
			t.Errorf("a sample of %d is %v", k, got)
		}
	}
}

// Everybody who may be named later is marked.
func TestHandlesOfBrahms(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(byRounds(8))
	b := a.s.brahms
	a.s.insert(2, true)
	copy(b.samples, viewOf(3, peer.None, 4))
	b.pushed, b.pulled, b.asked = []peer.Handle{5}, []peer.Handle{6, 7}, []asked{{8, 1}}
	marked := map[peer.Handle]bool{}
	a.s.Handles(func(h peer.Handle) { marked[h] = true })
	for h := peer.Handle(2); h <= 8; h++ {
		if !marked[h] {
			t.Errorf("%d is not marked", h)
		}
	}
	if marked[peer.None] {
		t.Error("nobody is marked")
	}
}

// A node that has its view is not let others in past the limit of pushes, by
// whatever else they may send it.
func TestNobodyGetsInUnasked(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(byRounds(20))
	for h := peer.Handle(2); h <= 11; h++ {
		a.s.insert(h, true) // half of a view
	}
	for h := peer.Handle(100); h < 300; h++ {
		a.s.Handle(0, Packet{Kind: ProbeRequest, Peer: h}, 0, nil)
		a.s.Handle(0, Packet{Kind: ProbeReply, Peer: h}, 0, nil)
		a.s.Handle(0, Packet{Kind: ExchangeRequest, Peer: h}, 0, nil)
		a.s.Handle(0, Packet{Kind: ExchangeRequest, Peer: h, View: viewOf(h, h+1, h+2)}, 0, nil)
		a.s.Handle(0, Packet{Kind: ExchangeReply, Peer: h, View: viewOf(h)}, 0, nil)
		a.s.Learn(0, viewOf(h))
		a.s.Met(0, h)
	}
	same(t, "the view", a.s.View(), viewOf(handles(2, 11)...))
	if len(a.s.brahms.pushed) != a.s.brahms.Pushes()+1 {
		t.Errorf("%d pushes are remembered", len(a.s.brahms.pushed))
	}
}

// Whatever is sent, however it is timed: as TestServiceAgainstAnything.
func TestBrahmsAgainstAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Brahms(rapid.IntRange(2, 20).Draw(t, "c"))
		p.Samplers = rapid.IntRange(1, 20).Draw(t, "samplers")
		serviceAgainstAnything(t, p)
	})
}

// Without any input but time a node rests between its rounds, also where half of
// all packets are lost.
func TestBrahmsRestsBetweenRounds(t *testing.T) {
	for _, loss := range []float64{0, 0.5} {
		n := quietNetwork(t)
		n.loss = loss
		for i := range 5 {
			m := n.start(byRounds(4))
			n.join(m, n.members[max(0, i-1)])
		}
		n.run(10 * time.Minute)
		for _, m := range n.members {
			if perSecond := float64(len(m.sent)) / n.now.Seconds(); perSecond > 10 || perSecond < 0.2 {
				t.Errorf("%d sends %.1f packets a second", m.h, perSecond)
			}
		}
	}
}

// A sample that is in no view any more would be sampled for ever, dead or not:
// all samples are probed in their turns, one in a round, and the dead give way.
func TestSamplesAreProbedInTurn(t *testing.T) {
	n := quietNetwork(t)
	a := n.start(byRounds(8))
	for h := peer.Handle(2); h <= 9; h++ {
		a.s.insert(h, true)
	}
	samples := a.s.brahms.samples
	copy(samples, viewOf(handles(70, 77)...))
	now := time.Duration(0)
	for turn := range 16 {
		asked := 70 + peer.Handle(turn%8)
		probed := 0
		for _, p := range a.s.Tick(now, 0, nil) {
			switch {
			case p.Kind == ExchangeRequest && p.Wide: // all who are asked live and have no news
				a.s.Handle(now, Packet{Kind: ExchangeReply, Peer: p.Peer, Nonce: p.Nonce}, 0, nil)
			case p.Kind == ProbeRequest && p.Peer == asked:
				probed++
				a.s.Handle(now, Packet{Kind: ProbeReply, Peer: asked, Nonce: p.Nonce}, 0, nil)
			case p.Kind == ProbeRequest:
				t.Errorf("round %d: probes %d, it is the turn of %d", turn, p.Peer, asked)
			}
		}
		if probed != 1 {
			t.Fatalf("round %d: %d probes of %d", turn, probed, asked)
		}
		now = a.s.next
	}
	a.s.Tick(now, 0, nil) // 70 once more, which is dead now
	for range 2 {
		now += a.s.cfg.Answer
		a.s.next = now + time.Hour
		a.s.Tick(now, 0, nil)
	}
	if samples[0].Peer == 70 || samples[1].Peer != 71 {
		t.Errorf("samples %v, want all but 70", samples)
	}
}
