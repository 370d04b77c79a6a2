package overlay

import (
	"math/rand/v2"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
)

// deployed are nodes that run the service of a real network, each one of its own.
// The records are copies of their views, made when somebody may look.
type deployed struct {
	*events
	cfg     peersampling.ServiceConfig
	members []member // by slot
	out     []peersampling.Packet
	joins   bool
}

type member struct {
	service *peersampling.Service
	first   time.Duration // it does not wake earlier
	due     time.Duration // when it will be woken
}

func newDeployed(e *events) *deployed {
	m := e.o.cfg.Messages
	return &deployed{
		events: e, cfg: m.serviceConfig(e.o.cfg.Policy),
		members: make([]member, e.o.cfg.Nodes+1), joins: m.Nodes == Deployed,
	}
}

// start gives a node what its record holds: peers that it has heard of and an
// address to join by, the first of them. Who has nothing else has heard of
// nobody. A Forgetful node has no such address.
func (d *deployed) start(s uint32, first time.Duration) {
	service, err := peersampling.NewService(d.cfg, d.o.name(s), rand.NewPCG(d.o.source.Uint64(), d.o.source.Uint64()))
	if err != nil {
		panic("overlay: " + err.Error()) // New has validated the policy
	}
	known := d.o.view(s)
	if d.joins && len(known) > 0 {
		service.Join(first, known[0].Peer)
	}
	if !d.joins || len(known) > 1 {
		service.Learn(first, known)
	}
	d.members[s] = member{service: service, first: first, due: never}
	d.arm(s)
}

func (d *deployed) stop(s uint32) { d.members[s] = member{} }

// arm sees to it that the node is woken when it wants to.
func (d *deployed) arm(s uint32) {
	m := &d.members[s]
	if at := max(m.service.Deadline(), m.first); at < m.due {
		m.due = at
		d.wakeAt(s, at)
	}
}

func (d *deployed) wake(s uint32, at time.Duration) {
	m := &d.members[s]
	if at != m.due {
		return // it was woken earlier instead
	}
	m.due = never
	if m.service.Deadline() <= at {
		d.post(s, m.service.Tick(at, 0, d.out[:0]))
	}
	d.arm(s)
}

func (d *deployed) take(s uint32, m message) {
	d.post(s, d.members[s].service.Handle(d.now, m.Packet, 0, d.out[:0]))
	d.recycle(m)
	d.arm(s)
}

// post sends what a node has to say. What it says is copied: the node may still
// need it, and who receives it makes changes to it.
func (d *deployed) post(s uint32, out []peersampling.Packet) {
	for _, p := range out {
		to := p.Peer
		p.Peer = d.o.name(s)
		if len(p.View) > 0 {
			p.View = append(d.buffer(), p.View...)
		}
		d.send(message{Packet: p, to: to})
	}
	d.out = out
}

func (d *deployed) show() {
	o := d.o
	for s := uint32(1); s < o.end(); s++ {
		if o.name(s) != peer.None {
			at := int(s)*o.stride + 1
			o.resize(s, append(o.records[at:at], d.members[s].service.View()...))
		}
	}
}
