package overlay

import (
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// bare are nodes that follow the listings of the papers: their two threads, with
// the time in between that messages take. Their views are in the records, always.
type bare struct {
	*events
	engine *peersampling.Engine
	alive  func(peer.Handle) bool
	asked  []peer.Handle // by slot: whom the node asked last; None if it has answered
}

func newBare(e *events) *bare {
	engine, err := peersampling.NewEngine(e.o.cfg.Policy)
	if err != nil {
		panic("overlay: " + err.Error()) // New has validated the policy
	}
	return &bare{events: e, engine: engine, alive: e.o.Alive, asked: make([]peer.Handle, e.o.cfg.Nodes+1)}
}

func (b *bare) start(s uint32, first time.Duration) {
	b.asked[s] = peer.None
	b.wakeAt(s, first)
}

func (b *bare) stop(uint32) {}
func (b *bare) show()       {}

// wake is the active thread, up to the sending: "do once in T time units".
func (b *bare) wake(s uint32, at time.Duration) {
	o := b.o
	b.wakeAt(s, at+Period)
	usable := b.alive
	if o.cfg.DropDead {
		usable = nil
		b.drop(s, b.asked[s])
	}
	to, ok := b.engine.SelectPeer(o.view(s), usable, b.random())
	b.asked[s] = to
	if !ok {
		return
	}
	sent, v := b.engine.Request(b.buffer(), o.view(s), o.name(s), to, b.random())
	o.resize(s, v)
	b.send(message{Packet: peersampling.Packet{Kind: peersampling.ExchangeRequest, Peer: o.name(s), View: sent}, to: to})
}

// drop takes a peer out of the view of the node in the slot.
func (b *bare) drop(s uint32, p peer.Handle) {
	v := b.o.view(s)
	n := 0
	for _, d := range v {
		v[n] = d
		if d.Peer != p {
			n++
		}
	}
	b.o.resize(s, v[:n])
}

func (b *bare) take(s uint32, m message) {
	if m.Kind == peersampling.ExchangeRequest {
		b.serve(s, m)
	} else {
		b.finish(s, m)
	}
}

// serve is the passive thread. Under push the reply is empty: it only says that
// there is somebody.
func (b *bare) serve(s uint32, m message) {
	o, self := b.o, b.o.name(s)
	reply, v := b.engine.Reply(b.buffer(), o.view(s), self, m.Peer, b.random())
	v = b.engine.Merge(v, m.View, reply, self, b.random())
	b.engine.Age(v)
	o.resize(s, v)
	b.send(message{Packet: peersampling.Packet{Kind: peersampling.ExchangeReply, Peer: self, View: reply}, to: m.Peer, sent: m.View})
}

// finish is the active thread, from the reply on.
func (b *bare) finish(s uint32, m message) {
	o := b.o
	if b.asked[s] == m.Peer {
		b.asked[s] = peer.None
	}
	v := b.engine.Merge(o.view(s), m.View, m.sent, o.name(s), b.random())
	b.engine.Age(v)
	o.resize(s, v)
	b.recycle(m)
}
