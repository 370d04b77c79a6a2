package gossip

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/guard"
	"github.com/Ishan27gOrg/gossipProtocol/internal/seal"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// packetIn is a datagram as it was before it was sealed; its buffer goes back to
// packetBuffers.
type packetIn struct {
	b     *[wire.MaxDatagram]byte
	n     int
	from  netip.AddrPort
	nonce []byte // nothing else was ever sealed with it; nil in the clear
}

var packetBuffers = sync.Pool{New: func() any { return new([wire.MaxDatagram]byte) }}

// refused counts datagrams that never get as far as the loop.
type refused struct{ unsealed, otherKeys, forged atomic.Uint64 }

// readPackets puts datagrams into the loop. While that is busy it waits, and
// the system drops what does not fit in the socket's buffer. After one that it had to wait
// for, another goroutine waits for the next one, as in read; and has no buffer before there
// is something to be read, where the transport can tell.
func (n *Node) readPackets() {
	patient, ok := n.tr.(interface{ Await() (waited bool) })
	for {
		waited := ok && patient.Await()
		if !n.readPacket() {
			return
		}
		if waited {
			n.wg.Go(n.readPackets)
			return
		}
	}
}

// readPacket waits for a datagram; false if there will be none.
func (n *Node) readPacket() bool {
	b := packetBuffers.Get().(*[wire.MaxDatagram]byte)
	size, from, err := n.tr.ReadFrom(b[:])
	if err != nil {
		if n.ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
			n.log.Error("no longer reading datagrams", "error", err)
		}
		return false
	}
	return n.hand(&packetIn{b: b, n: size, from: from})
}

// hand gives a datagram to the loop; false if the node closes first.
func (n *Node) hand(in *packetIn) bool {
	if !n.unseal(in) {
		packetBuffers.Put(in.b)
		return true
	}
	select {
	case n.packets <- in:
		return true
	case <-n.ctx.Done():
		return false
	}
}

// unseal opens a datagram if there is a keyring. What was not sealed with one of its
// keys is dropped here, where a flood of it costs the loop nothing.
func (n *Node) unseal(in *packetIn) bool {
	if n.sealer == nil {
		if seal.IsSealed(in.b[:in.n]) {
			n.refused.otherKeys.Add(1)
			return false
		}
		return true
	}
	b := packetBuffers.Get().(*[wire.MaxDatagram]byte)
	opened, err := n.sealer.Open(b[:0], in.b[:in.n])
	if err != nil || opened.Answer != wire.IsAnswer(opened.Plain) {
		packetBuffers.Put(b)
		switch {
		case errors.Is(err, seal.ErrNotSealed):
			n.refused.unsealed.Add(1)
		case errors.Is(err, seal.ErrUnknownKey):
			n.refused.otherKeys.Add(1)
		default:
			n.refused.forged.Add(1)
		}
		return false
	}
	packetBuffers.Put(in.b)
	in.b, in.n, in.nonce = b, len(opened.Plain), opened.Nonce[:]
	return true
}

// tokenOf and tokenNumber translate between what tokens are and how they travel.
func tokenOf(number uint64) (t guard.Token) {
	binary.BigEndian.PutUint64(t[:], number)
	return t
}

func tokenNumber(t guard.Token) uint64 { return binary.BigEndian.Uint64(t[:]) }

// request is one that waits for an answer, or for a token to be sent with.
type request struct {
	packet   peersampling.Packet
	to       netip.AddrPort
	question *question // in place of packet; else nil
}

// maxRequests is more than a node has under way: an exchange, and probes of join
// addresses, of peers that it has lost and of those that it suspects; and more than the
// peers whose tokens it is worth keeping for the while that they are good for.
const maxRequests = 1024

// patience is how long an answer may take: longer than anybody waits for one.
func patience() time.Duration {
	return 4 * peersampling.DefaultServiceConfig(DefaultPolicy()).Answer
}

func (n *Node) handlePacket(in *packetIn) {
	defer packetBuffers.Put(in.b)
	n.stats.PacketsReceived++
	n.stats.PacketBytesReceived += uint64(in.n)
	b := in.b[:in.n]
	switch {
	case wire.IsKnock(b):
		n.handleKnock(b, in.from)
		return
	case wire.IsDescription(b):
		n.handleDescription(b, in)
		return
	}
	if !n.isDue(b, in) {
		return
	}
	p, err := wire.DecodePacket(b, n.cluster, in.from, n.scratch.view, n.packetBook())
	crowded := n.isCrowdedOut(func() { p, err = wire.DecodePacket(b, n.cluster, in.from, n.scratch.view, n.packetBook()) })
	n.chargeProofs(in.from)
	if crowded {
		return
	}
	if err != nil {
		n.countBad(err, &n.stats.BadPackets)
		return
	}
	n.scratch.view = p.View
	n.stats.BadDescriptors += uint64(p.Skipped)
	if p.Peer == peer.None {
		if n.proofs == nil || n.proofs.believed {
			n.metNamesake(n.namesakes.last)
		}
		return
	}
	n.hearOfKeys(p.Keys)
	n.replyTo = in.from
	n.machine.HandlePacket(n.now(), p, &n.out)
	n.carryOut()
}

// packetBook is the address book as datagrams see it.
func (n *Node) packetBook() wire.Book {
	if n.proofs == nil {
		return n.book
	}
	n.proofs.begin()
	return n.proofs
}

// isDue reports whether a datagram is to be heeded: a request whose sender is where
// it says, or an answer to a request of this node's. Whatever is not leaves no trace,
// not even in the address book.
func (n *Node) isDue(b []byte, in *packetIn) bool {
	var who senderName
	p, err := wire.DecodePacket(b, n.cluster, in.from, n.scratch.view, &who)
	if err != nil {
		n.countBad(err, &n.stats.BadPackets)
		return false
	}
	n.scratch.view = p.View
	if err := n.signer.refuses(string(who.name)); err != nil {
		n.countRefusal(err)
		return false
	}
	if wire.IsAnswer(b) {
		if !n.requests.Done(p.Nonce) {
			n.stats.StrayAnswers++
			return false
		}
		return true
	}
	return n.mayAsk(p.Nonce, p.Token, in)
}

// mayAsk reports whether a request may be answered; if not because of its token, the sender
// is given one.
func (n *Node) mayAsk(nonce, token uint64, in *packetIn) bool {
	now := n.now()
	switch n.addresses.Accept(now, in.from, tokenOf(token), in.nonce) {
	case guard.Unproven:
		n.giveToken(nonce, in.from)
		return false
	case guard.Replayed:
		n.stats.Replayed++
		return false
	}
	if !n.rates.Proven(now, in.from) {
		n.stats.Throttled++
		return false
	}
	return true
}

// senderName is a Book for having a look at a datagram: it knows nobody, and notes whom
// it is told of last, which is the sender.
type senderName struct {
	wire.Nobody
	name []byte
}

// Intern is part of wire.Book.
func (s *senderName) Intern(name []byte, _ uint64, _ netip.AddrPort) peer.Handle {
	s.name = name
	return peer.None
}

// handleKnock gives a token to whoever asks for one, or takes one.
func (n *Node) handleKnock(b []byte, from netip.AddrPort) {
	k, err := wire.DecodeKnock(b, n.cluster)
	if err != nil {
		n.countBad(err, &n.stats.BadPackets)
		return
	}
	if !k.Answer {
		n.giveToken(k.Nonce, from)
		return
	}
	r, ok := n.requests.Learn(n.now(), k.Nonce, tokenOf(k.Token))
	if !ok {
		n.stats.StrayAnswers++
		return
	}
	if r.question != nil {
		n.writeQuestion(r.question, k.Token)
		return
	}
	n.machine.Delayed(n.now(), k.Nonce)
	r.packet.Token = k.Token
	n.writePacket(&r.packet, r.to)
}

// giveToken answers whoever has not shown where it is with the means to do so.
func (n *Node) giveToken(nonce uint64, to netip.AddrPort) {
	now := n.now()
	n.stats.Unproven++
	if !n.rates.Unproven(now, to) {
		n.stats.Throttled++
		return
	}
	token := n.addresses.Token(now, to)
	n.knock(wire.Knock{Nonce: nonce, Token: tokenNumber(token), Answer: true}, to)
}

// sendPacket sends an answer to where the request has come from, and a request to
// where its addressee is known to be.
func (n *Node) sendPacket(p *peersampling.Packet) {
	if p.Kind == peersampling.ExchangeReply || p.Kind == peersampling.ProbeReply {
		n.writePacket(p, n.replyTo)
		return
	}
	if id, to := n.book.Lookup(p.Peer); to.IsValid() && (id.Name == "" || n.signer.belongs(id.Name)) {
		n.ask(*p, to)
	}
}

// ask sends a request, or first asks for the token that it needs.
func (n *Node) ask(p peersampling.Packet, to netip.AddrPort) {
	now := n.now()
	p.Room = wire.MaxDatagram
	if n.sealer != nil {
		p.Room -= seal.Overhead
	}
	p.View = slices.Clone(p.View)
	n.requests.Put(now, p.Nonce, to, request{packet: p, to: to})
	token, ok := n.requests.TokenFor(now, to)
	if !ok {
		n.knock(wire.Knock{Nonce: p.Nonce}, to)
		return
	}
	p.Token = tokenNumber(token)
	n.writePacket(&p, to)
}

func (n *Node) writePacket(p *peersampling.Packet, to netip.AddrPort) {
	p.Keys = n.keyNews()
	room := packetBuffers.Get().(*[wire.MaxDatagram]byte)
	defer packetBuffers.Put(room)
	n.writeDatagram(wire.AppendPacket(room[:0], n.cluster, n.self, p, n.packetBook()), to)
}

func (n *Node) knock(k wire.Knock, to netip.AddrPort) {
	room := packetBuffers.Get().(*[wire.MaxDatagram]byte)
	defer packetBuffers.Put(room)
	n.writeDatagram(wire.AppendKnock(room[:0], n.cluster, k), to)
}

// writeDatagram sends a datagram, sealed if there is a keyring.
func (n *Node) writeDatagram(b []byte, to netip.AddrPort) {
	if n.sealer != nil {
		room := packetBuffers.Get().(*[wire.MaxDatagram]byte)
		defer packetBuffers.Put(room)
		b = n.sealer.Seal(room[:0], b, wire.IsAnswer(b))
	}
	n.stats.PacketsSent++
	n.stats.PacketBytesSent += uint64(len(b))
	if err := n.tr.WriteTo(b, to); err != nil {
		n.stats.SendErrors++
		n.log.Debug("datagram not sent", "addr", to, "error", err)
	}
}

// markRequests calls mark for every identity that a request under way names.
func (n *Node) markRequests(mark func(peer.Handle)) {
	for r := range n.requests.All() {
		mark(r.packet.Peer)
		for _, d := range r.packet.View {
			mark(d.Peer)
		}
	}
}
