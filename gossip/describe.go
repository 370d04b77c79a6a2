package gossip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/seal"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
)

// Description is what a node tells of itself to whoever asks: its own word, of which nothing
// is checked but who says it.
type Description struct {
	// Self is who has answered, at the address that it says it is at.
	Self Peer
	// Links are its links: of each who is there, Outbound and Tree.
	Links []LinkState
	// View is its partial view, freshest first.
	View []Peer
	// Truncated: the answer, which is a datagram, had no room for all of it.
	Truncated bool
}

// ErrNoAnswer: a node that was asked has not answered.
var ErrNoAnswer = errors.New("no answer")

// ErrTooManyQuestions: as many nodes are being asked as may be at one time, 64.
var ErrTooManyQuestions = errors.New("gossip: too many questions are under way")

const (
	// maxQuestions is how many descriptions are asked for at one time. A guess: enough to
	// look at a thousand nodes in a few seconds, and little to hold.
	maxQuestions = 64
	// maxTries is how often a node is asked, and tryFor for how long it may take to answer
	// each time: two round trips, as an exchange may (section 3 of docs/protocol.md).
	maxTries = 2
	tryFor   = time.Second
	// descriptionWeight is how many requests a description counts for beside itself, by who
	// asks for it: with a view of 30 it takes six to eight times as long as an answer to a
	// probe. An address has then 25 a second.
	descriptionWeight = 7
)

// question is a description that is asked for.
type question struct {
	to     netip.AddrPort
	nonce  uint64
	answer chan wire.Description // room for one
}

// Describe asks the node at p.Addr what it sees: its links, and as much of its view as fits
// in a datagram. It may be asked of any node of the cluster, whether or not this one has a
// link with it; who answers is Self of what is returned, which may be another than p where
// somebody else has the address now. A question is as large as its answer may be.
//
// It waits for at most two seconds, in which it asks twice. Errors: ErrNoAnswer, if nobody
// answers (who is there may be of a release that knows no such question, or be told not to
// answer it, by Config.Undescribed), the context's cause, ErrTooManyQuestions, ErrClosed.
func (n *Node) Describe(ctx context.Context, p Peer) (Description, error) {
	to, err := netip.ParseAddrPort(p.Addr)
	if err != nil {
		return Description{}, fmt.Errorf("gossip: describe %q at %q: %w", p.ID, p.Addr, err)
	}
	if p.ID != "" && !n.signer.belongs(p.ID) {
		return Description{}, fmt.Errorf("gossip: describe %q at %v: %w", p.ID, to, errRevoked)
	}
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	q := &question{to: to, answer: make(chan wire.Description, 1)}
	n.do(func() { err = n.begins(q) })
	if err != nil {
		return Description{}, fmt.Errorf("gossip: describe %q at %v: %w", p.ID, to, err)
	}
	defer n.do(func() { n.forgetQuestion(q) })
	d, err := n.await(ctx, q)
	if err != nil {
		return Description{}, fmt.Errorf("gossip: describe %q at %v: %w", p.ID, to, err)
	}
	return described(&d), nil
}

// await asks, and asks again.
func (n *Node) await(ctx context.Context, q *question) (d wire.Description, err error) {
	timer := time.NewTimer(tryFor)
	defer timer.Stop()
	for tries := 1; ; tries++ {
		select {
		case d = <-q.answer:
			return d, nil
		case <-ctx.Done():
			return d, fmt.Errorf("asked %d of %d times: %w", tries, maxTries, context.Cause(ctx))
		case <-n.ctx.Done():
			return d, ErrClosed
		case <-timer.C:
		}
		if tries == maxTries {
			return d, fmt.Errorf("%w: asked %d times in %v; nobody may be there, or a release that knows no such question, or one that is told not to answer it (Config.Undescribed)",
				ErrNoAnswer, tries, time.Duration(tries)*tryFor)
		}
		timer.Reset(tryFor)
		n.do(func() { n.askQuestion(q) })
	}
}

// begins takes a question in, and asks it. Nobody has to ask himself over the network.
func (n *Node) begins(q *question) error {
	switch {
	case n.ctx.Err() != nil:
		return ErrClosed
	case q.to == n.self.Addr:
		q.answer <- n.describe()
		return nil
	case len(n.questions) >= maxQuestions:
		return ErrTooManyQuestions
	case n.questions == nil:
		n.questions = make(map[uint64]*question)
	}
	q.nonce = n.nonce()
	n.questions[q.nonce] = q
	n.askQuestion(q)
	return nil
}

// forgetQuestion ends the wait for an answer.
func (n *Node) forgetQuestion(q *question) {
	if n.questions[q.nonce] == q {
		delete(n.questions, q.nonce)
		n.requests.Done(q.nonce)
	}
}

// askQuestion sends a question, or first asks for the token that it needs.
func (n *Node) askQuestion(q *question) {
	if n.questions[q.nonce] != q || n.ctx.Err() != nil {
		return
	}
	now := n.now()
	n.requests.Put(now, q.nonce, q.to, request{to: q.to, question: q})
	if token, ok := n.requests.TokenFor(now, q.to); ok {
		n.writeQuestion(q, tokenNumber(token))
	} else {
		n.knock(wire.Knock{Nonce: q.nonce}, q.to)
	}
}

// writeQuestion sends one that makes room for as long an answer as there may be.
func (n *Node) writeQuestion(q *question, token uint64) {
	room := packetBuffers.Get().(*[wire.MaxDatagram]byte)
	defer packetBuffers.Put(room)
	asked := wire.Question{From: n.self, Proof: n.ownProof(), Nonce: q.nonce, Token: token, Room: wire.MaxDatagram}
	if n.sealer != nil {
		asked.Room -= seal.Overhead
	}
	n.writeDatagram(wire.AppendQuestion(room[:0], n.cluster, &asked), q.to)
}

// ownProof is that of this node's address, if it has an identity.
func (n *Node) ownProof() []byte {
	if n.proofs == nil {
		return nil
	}
	return n.proofs.Proof(n.book.self)
}

// handleDescription takes a question or an answer. Neither gets anybody into the address
// book, or anything to the machine.
func (n *Node) handleDescription(b []byte, in *packetIn) {
	var err error
	if wire.IsAnswer(b) {
		err = n.handleAnswer(b, in.from)
	} else {
		err = n.handleQuestion(b, in)
	}
	if err != nil && !n.countRefusal(err) {
		n.countBad(err, &n.stats.BadPackets)
	}
}

// handleQuestion answers whoever belongs and has shown where he is, as often as he may ask.
func (n *Node) handleQuestion(b []byte, in *packetIn) error {
	q, err := wire.DecodeQuestion(b, n.cluster, in.from, n.signer != nil)
	if err == nil {
		err = n.signer.refuses(q.From.ID.Name)
	}
	if err != nil {
		return err
	}
	if n.cfg.Undescribed {
		n.stats.Undescribed++
		return nil
	}
	if !n.mayAsk(q.Nonce, q.Token, in) || !n.believes(q.From, q.Proof, in.from) {
		return nil
	}
	n.rates.Charge(n.now(), in.from, descriptionWeight)
	n.stats.Described++
	d := n.describe()
	d.Nonce, d.Proof = q.Nonce, n.ownProof()
	room := packetBuffers.Get().(*[wire.MaxDatagram]byte)
	defer packetBuffers.Put(room)
	n.writeDatagram(wire.AppendDescription(room[:0], n.cluster, &d, q.Room), in.from)
	return nil
}

// handleAnswer gives an answer to whoever waits for it.
func (n *Node) handleAnswer(b []byte, from netip.AddrPort) error {
	d, err := wire.DecodeDescription(b, n.cluster, from)
	if err == nil {
		err = n.signer.refuses(d.Self.ID.Name)
	}
	if err != nil {
		return err
	}
	q := n.questions[d.Nonce]
	if q == nil {
		n.stats.StrayAnswers++
		return nil
	}
	if n.believes(d.Self, d.Proof, from) {
		n.forgetQuestion(q)
		n.stats.BadDescriptors += uint64(d.Skipped)
		d.Proof = nil // which is in the buffer of the datagram
		q.answer <- d
	}
	return nil
}

// believes reports whether a datagram is from somebody who could be where he says, in a
// signed network: as he has signed himself, which is all that there is to know of whom a
// datagram is from. Nobody else has signed anything as this node, which asks itself only
// where it does not know its own address. Elsewhere everybody is believed.
func (n *Node) believes(who wire.Identity, proof []byte, from netip.AddrPort) bool {
	if n.proofs == nil || who.ID == n.self.ID {
		return n.proofs == nil
	}
	n.proofs.begin()
	defer n.chargeProofs(from)
	return n.proofs.believes(who.ID, who.Addr, proof)
}

// describe is what this node sees now.
func (n *Node) describe() wire.Description {
	d := wire.Description{Self: n.self}
	for _, info := range n.machine.AppendLinks(nil) {
		if id, addr := n.book.Lookup(info.Peer); id.Name != "" && addr.IsValid() {
			d.Links = append(d.Links, wire.DescribedLink{Identity: wire.Identity{ID: id, Addr: addr}, Outbound: info.Outbound, Tree: info.Eager})
		}
	}
	for _, x := range n.machine.View() {
		if id, addr := n.book.Lookup(x.Peer); id.Name != "" && addr.IsValid() {
			d.View = append(d.View, wire.DescribedPeer{Identity: wire.Identity{ID: id, Addr: addr}, Age: x.Age})
		}
	}
	slices.SortStableFunc(d.View, func(a, b wire.DescribedPeer) int { return cmp.Compare(a.Age, b.Age) })
	return d
}

// described is what the asker gets.
func described(d *wire.Description) Description {
	out := Description{Self: makePeer(d.Self.ID, d.Self.Addr), Truncated: d.Truncated}
	for _, l := range d.Links {
		s := LinkState{Peer: makePeer(l.ID, l.Addr), Outbound: l.Outbound, Tree: l.Tree}
		s.Linked = true
		out.Links = append(out.Links, s)
	}
	for _, x := range d.View {
		p := makePeer(x.ID, x.Addr)
		p.Age = int(x.Age)
		p.Linked = slices.ContainsFunc(out.Links, func(l LinkState) bool { return l.ID == p.ID && l.Incarnation == p.Incarnation })
		out.View = append(out.View, p)
	}
	return out
}
