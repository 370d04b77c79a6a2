package peersampling

import (
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// brahms is the part of a Service that goes by rounds instead of exchanges. On
// the wire
//
//	a push          is an EXCHANGE that holds its sender's own descriptor
//	a pull          is an EXCHANGE that holds nothing, padded to earn an answer
//	its answer      is an EXCHANGE_REPLY that holds the view, in random order
//
// and a push is not answered. Whoever sends a packet is named in it in any case;
// that is who has pushed, whatever the packet holds. A round ends when the next
// begins, on every node at its own time.
//
// Rounds take equally long everywhere once things are quiet: MaxInterval. The
// limit of pushes presumes that. A node that has hastened, because it is new or
// has lost a link, pushes more often for half a minute and may keep others from
// renewing their views meanwhile, which does them no harm.
type brahms struct {
	*Rounds
	samples []peer.Descriptor
	number  int // of the round
	size    int // of the view when the round began

	pushed []peer.Handle // who has pushed, up to one more than allowed
	pulled []peer.Handle // what answers held
	asked  []asked       // who has not answered yet

	own []peer.Descriptor // the buffer of a push
	one [1]peer.Handle
}

// asked is a pull that waits for its answer.
type asked struct {
	peer  peer.Handle
	nonce uint64
}

func newBrahms(cfg ServiceConfig, self peer.Handle, secret uint64) (*brahms, error) {
	r, err := NewRounds(cfg.Policy, secret, cfg.Identity)
	if err != nil {
		return nil, err
	}
	return &brahms{
		Rounds:  r,
		samples: make([]peer.Descriptor, cfg.Policy.Samplers),
		own:     []peer.Descriptor{{Peer: self}},
	}, nil
}

// hasSamples reports whether any sampler has drawn somebody.
func (b *brahms) hasSamples() bool {
	return slices.ContainsFunc(b.samples, func(x peer.Descriptor) bool { return x.Peer != peer.None })
}

// maybeRound ends a round and begins the next when it is time to. While nobody
// is known there is none.
func (s *Service) maybeRound(now time.Duration, digest uint64, out []Packet) []Packet {
	if s.next > now || !s.knowsSomebody() {
		return out
	}
	b := s.brahms
	s.suspectSilent(now)
	s.view, _ = b.Renew(s.view, s.view, b.samples, b.pushed, b.pulled, s.self, s.rng)
	s.grown = true // some of it is new in nearly every round
	b.pushed, b.pulled = b.pushed[:0], b.pulled[:0]
	// A node that is new to the network is in a hurry.
	s.finish(now, len(s.view) > b.size && b.size < s.room)
	b.size = len(s.view)
	return s.pushAndPull(digest, out)
}

// knowsSomebody reports whether there is anybody to push to, or will be after
// the next round.
func (s *Service) knowsSomebody() bool {
	return len(s.view) > 0 || s.brahms != nil && s.brahms.hasSamples()
}

// suspectSilent has those probed who have not answered a pull, and the sample of
// one sampler, each in its turn: "validation" of Computer Networks 53(13),
// section 3.1.
func (s *Service) suspectSilent(now time.Duration) {
	b := s.brahms
	for _, x := range b.asked {
		s.Stats.TimedOut++
		s.Suspect(now, x.peer)
	}
	b.asked = b.asked[:0]
	if p := b.samples[b.number%len(b.samples)].Peer; p != peer.None {
		s.Suspect(now, p)
	}
	b.number++
}

func (s *Service) pushAndPull(digest uint64, out []Packet) []Packet {
	b := s.brahms
	push, pull := b.Targets(s.view, s.rng)
	for _, p := range push {
		out = append(out, Packet{Kind: ExchangeRequest, Peer: p, Nonce: s.nonce(), View: b.own, Digest: digest})
	}
	for _, p := range pull {
		s.Stats.Initiated++
		x := asked{p, s.nonce()}
		b.asked = append(b.asked, x)
		out = append(out, Packet{Kind: ExchangeRequest, Peer: p, Nonce: x.nonce, Digest: digest, Wide: true})
	}
	return out
}

// servePushOrPull takes a push, or answers a pull with the view.
func (s *Service) servePushOrPull(p Packet, digest uint64, out []Packet) []Packet {
	s.Stats.Served++
	s.insert(p.Peer, false)
	if len(p.View) > 0 {
		s.brahms.push(p.Peer, s.self)
		return out
	}
	reply := slices.Clone(s.view) // it outlives this call
	reply = slices.DeleteFunc(reply, func(d peer.Descriptor) bool { return d.Peer == p.Peer })
	shuffleHead(reply, len(reply), s.rng) // what does not fit is cut off
	return append(out, Packet{
		Kind: ExchangeReply, Peer: p.Peer, Nonce: p.Nonce, View: reply, Digest: digest, Room: p.Room,
	})
}

// push notes who has pushed. The samplers are fed at once, so that a flood need
// not be remembered.
func (b *brahms) push(p, self peer.Handle) {
	b.feed(p, self)
	if len(b.pushed) <= b.Pushes() && !slices.Contains(b.pushed, p) {
		b.pushed = append(b.pushed, p)
	}
}

func (b *brahms) feed(p, self peer.Handle) {
	b.one[0] = p
	b.Feed(b.samples, b.one[:], self)
}

// handleAnswer takes the answer to a pull, the first and only to that one.
func (s *Service) handleAnswer(now time.Duration, p Packet) {
	b := s.brahms
	i := slices.IndexFunc(b.asked, func(x asked) bool { return x.nonce == p.Nonce })
	s.Stats.Answered++
	if to := b.asked[i].peer; to != p.Peer {
		s.succeed(now, to, p.Peer)
	}
	b.asked = slices.Delete(b.asked, i, i+1)
	begin := len(b.pulled)
	for _, d := range p.View[:min(len(p.View), s.cfg.Policy.Buffer())] {
		if d.Peer != peer.None && d.Peer != s.self && !s.isHeld(now, d.Peer) {
			b.pulled = append(b.pulled, d.Peer)
		}
	}
	b.Feed(b.samples, b.pulled[begin:], s.self)
}

// forget is what a peer's death or departure comes to.
func (b *brahms) forget(p peer.Handle) {
	is := func(q peer.Handle) bool { return q == p }
	b.Forget(b.samples, p)
	b.pushed = slices.DeleteFunc(b.pushed, is)
	b.pulled = slices.DeleteFunc(b.pulled, is)
}

// appendSample appends up to k different peers, drawn from the sample list.
func (b *brahms) appendSample(dst []peer.Handle, k int, s *Service) []peer.Handle {
	start := len(dst)
	for from := b.drawn(b.samples); len(from) > 0 && len(dst)-start < k; from = from[1:] {
		if p := drawFirst(from, s.rng); p != peer.None && !slices.Contains(dst[start:], p) {
			dst = append(dst, p)
		}
	}
	return dst
}

// handles calls mark for every peer that is named here.
func (b *brahms) handles(mark func(peer.Handle)) {
	for _, x := range b.samples {
		if x.Peer != peer.None {
			mark(x.Peer)
		}
	}
	for _, p := range b.pushed {
		mark(p)
	}
	for _, p := range b.pulled {
		mark(p)
	}
	for _, x := range b.asked {
		mark(x.peer)
	}
}
