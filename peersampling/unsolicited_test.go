package peersampling

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// state is all that an answer could change.
func (s *Service) state() string {
	x := fmt.Sprint(s.view, s.pending, s.seeds, s.lost, s.quarantine, s.suspects, s.rejoined, s.grown, s.next, s.period, s.probes, s.Deadline())
	if s.brahms != nil {
		x += fmt.Sprint(s.brahms.samples, s.brahms.pulled, s.brahms.pushed, s.brahms.asked)
	}
	return x
}

// An answer that nobody asked for changes nothing, whatever nonce it has, and though
// it comes from somebody who is lost, suspected, in quarantine or just being asked.
// One that was asked for counts, and not a second time.
func TestAnswersAreAskedFor(t *testing.T) {
	for _, cfg := range []ServiceConfig{pushPull(8), byRounds(8)} {
		n := quietNetwork(t)
		a := n.start(cfg)
		for h := peer.Handle(2); h <= 5; h++ {
			a.s.insert(h, true)
		}
		a.s.Join(0, addresses+9)
		a.s.Suspect(0, 2)
		a.s.drop(0, 3)
		a.s.next = 0
		sent := a.s.Tick(0, 0, nil)
		forged := func(kind PacketKind, from peer.Handle, nonce uint64) {
			t.Helper()
			before, counted := a.s.state(), a.s.Stats.Unsolicited
			a.s.Handle(0, Packet{Kind: kind, Peer: from, Nonce: nonce, View: viewOf(77, 78)}, 0, nil)
			if after := a.s.state(); after != before || a.s.Stats.Unsolicited != counted+1 {
				t.Errorf("%v of %d changes\n%s to\n%s, and %d are counted", kind, from, before, after, a.s.Stats.Unsolicited-counted)
			}
		}
		for from := peer.Handle(2); from <= 6; from++ {
			for _, nonce := range []uint64{0, 1, uint64(2) << 32, uint64(3) << 32, uint64(addresses+9) << 32} {
				forged(ProbeReply, from, nonce)
				forged(ExchangeReply, from, nonce)
			}
		}
		answered := 0
		for _, p := range sent {
			kind := ProbeReply
			if p.Kind == ExchangeRequest {
				if kind = ExchangeReply; cfg.Policy.Samplers > 0 && len(p.View) > 0 {
					continue // a push
				}
			}
			forged(ProbeReply+ExchangeReply-kind, p.Peer, p.Nonce) // the other kind
			if p.Peer > addresses {
				p.Peer -= addresses
			}
			before := a.s.state()
			a.s.Handle(0, Packet{Kind: kind, Peer: p.Peer, Nonce: p.Nonce}, 0, nil)
			if answered++; a.s.state() == before {
				t.Errorf("the answer to %+v changes nothing", p)
			}
			forged(kind, p.Peer, p.Nonce)
		}
		if answered < 3 {
			t.Errorf("only %d answers", answered)
		}
	}
}

// The memory of probes is bounded, forgets the oldest, and an answer that comes very
// late is none.
func TestProbesAreForgotten(t *testing.T) {
	n := quietNetwork(t)
	s := n.start(pushPull(8)).s
	var first Packet
	for i := range 3 * s.maxProbes() {
		out := s.probe(0, peer.Handle(i+2), nil)
		if i == 0 {
			first = out[0]
		}
	}
	if len(s.probes) != s.maxProbes() {
		t.Errorf("%d are remembered, the bound is %d", len(s.probes), s.maxProbes())
	}
	last := s.probes[len(s.probes)-1]
	reply := func(nonce uint64) Packet { return Packet{Kind: ProbeReply, Peer: 2, Nonce: nonce} }
	in := probesKept * s.cfg.Answer
	if s.Expects(0, reply(first.Nonce)) || !s.Expects(in, reply(last.nonce)) || s.Expects(in+time.Nanosecond, reply(last.nonce)) {
		t.Error("the wrong ones are forgotten")
	}
	nonces := map[uint64]bool{}
	for _, x := range s.probes {
		nonces[x.nonce>>32] = true
	}
	if len(nonces) < len(s.probes)-1 {
		t.Error("nonces can be guessed")
	}
	if slices.ContainsFunc(s.probes, func(x probe) bool { return x.nonce>>32 == uint64(x.asked) }) {
		t.Error("nonces tell whom they are for")
	}
}

// Every request of every policy, probes and retries included, shows a number that the
// driver has drawn, and none of the source that this node decides by.
func TestNoncesAreTheDrivers(t *testing.T) {
	for _, cfg := range []ServiceConfig{pushPull(8), DefaultServiceConfig(Cyclon(8)), byRounds(8)} {
		n := quietNetwork(t)
		n.loss = 0.2 // so that there is somebody to ask again
		drawn := make(map[uint64]int)
		cfg.Nonce = func() uint64 { drawn[uint64(len(drawn)+1)] = 0; return uint64(len(drawn)) }
		for range 5 {
			m := n.start(cfg)
			n.join(m, n.members[0])
		}
		n.run(5 * time.Minute)
		requests := 0
		for _, m := range n.members {
			for _, p := range m.sent {
				if p.Kind == ExchangeRequest || p.Kind == ProbeRequest {
					requests++
					if _, known := drawn[p.Nonce]; !known {
						t.Fatalf("%v: a request shows %d, which the driver has not drawn", cfg.Policy, p.Nonce)
					}
					drawn[p.Nonce]++
				}
			}
			if m.s.Stats.Answered == 0 {
				t.Errorf("%v: nobody has answered %d", cfg.Policy, m.h)
			}
		}
		for nonce, times := range drawn {
			if times == 0 || times > 2 {
				t.Errorf("%v: %d was drawn for %d requests", cfg.Policy, nonce, times)
			}
		}
		if requests < 100 {
			t.Errorf("%v: only %d requests", cfg.Policy, requests)
		}
	}
}
