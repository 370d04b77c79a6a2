package gossip

import (
	"net/netip"

	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// book is a node's address book: it gives every identity and every join address
// that the node hears of a handle, and takes it back when the machine no longer
// names it. Only the node's own goroutine uses it.
type book struct {
	self    peer.Handle
	entries []bookEntry // by handle; entry 0 is peer.None's
	byID    index
	byAddr  map[netip.AddrPort]peer.Handle // join addresses, whoever is there
	recent  [64]peer.Handle                // those that messages named last, by incarnation
	free    []peer.Handle
	sweepAt int // how many entries make a sweep worth it
	most    int // how many there may be
	// full says that somebody was not taken in since it was last asked: what is being
	// decoded must not be used.
	full bool

	// namesake is told of another node with this node's name.
	namesake func(id peer.ID, addr netip.AddrPort)
	// belongs reports whether somebody may be in a view and have a link.
	belongs func(name string) bool
	// signed: an address counts only with a proof (provenBook).
	signed bool
}

type bookEntry struct {
	id    peer.ID
	addr  netip.AddrPort
	proof *addressProof // of the address, in a signed network; nil if none has come
}

// addressProof is elsewhere, as entries of a network without identities have none.
type addressProof [wire.AddressProof]byte

// minSweep is how many identities are kept without asking who needs them: two views'
// worth.
const minSweep = 64

func newBook(self peer.ID, addr netip.AddrPort, most int) *book {
	b := &book{
		entries: make([]bookEntry, 1),
		byID:    newIndex(),
		byAddr:  make(map[netip.AddrPort]peer.Handle),
		sweepAt: minSweep,
		most:    most,
		belongs: func(string) bool { return true },
	}
	b.self = b.add(bookEntry{id: self, addr: addr})
	b.byID.put(b.entries, b.self)
	return b
}

func (b *book) add(e bookEntry) peer.Handle {
	if n := len(b.free); n > 0 {
		h := b.free[n-1]
		b.free = b.free[:n-1]
		b.entries[h] = e
		return h
	}
	if n := len(b.entries); n == cap(b.entries) { // append would take twice as much
		longer := make([]bookEntry, n, n+max(16, n/4))
		copy(longer, b.entries)
		b.entries = longer
	}
	b.entries = append(b.entries, e)
	return peer.Handle(len(b.entries) - 1)
}

// find returns the handle of somebody who is known, or peer.None.
func (b *book) find(name []byte, incarnation uint64) peer.Handle {
	return b.byID.find(b.entries, name, incarnation)
}

// Lookup is part of wire.Book.
func (b *book) Lookup(h peer.Handle) (peer.ID, netip.AddrPort) {
	e := &b.entries[h]
	return e.id, e.addr
}

// Intern is part of wire.Book. It returns peer.None for an address of another node
// with this node's name, or of one that does not belong, or that is not proven where
// it has to be: none of them must enter a view.
func (b *book) Intern(name []byte, incarnation uint64, addr netip.AddrPort) peer.Handle {
	if addr.IsValid() {
		if b.signed {
			return peer.None
		}
		return b.intern(name, incarnation, addr)
	}
	// Messages name the same few again and again.
	recent := &b.recent[(incarnation^uint64(len(name)))%uint64(len(b.recent))]
	if id := &b.entries[*recent].id; id.Incarnation == incarnation && id.Name == string(name) && *recent != peer.None {
		return *recent
	}
	h := b.intern(name, incarnation, addr)
	*recent = h
	return h
}

// meet is Intern for an address that its owner has told this node itself, or proven.
func (b *book) meet(id peer.ID, addr netip.AddrPort) peer.Handle {
	return b.intern([]byte(id.Name), id.Incarnation, addr)
}

func (b *book) intern(name []byte, incarnation uint64, addr netip.AddrPort) peer.Handle {
	self := &b.entries[b.self]
	if addr.IsValid() && incarnation != self.id.Incarnation && string(name) == self.id.Name {
		if addr != self.addr { // else it is an earlier life of this very node
			b.namesake(peer.ID{Name: string(name), Incarnation: incarnation}, addr)
		}
		return peer.None
	}
	h := b.find(name, incarnation)
	id := b.entries[h].id
	if h == peer.None {
		id = peer.ID{Name: string(name), Incarnation: incarnation}
	}
	if id.Name == "" || addr.IsValid() && !b.belongs(id.Name) {
		return peer.None
	}
	if h != peer.None {
		if e := &b.entries[h]; addr.IsValid() && h != b.self && e.addr != addr {
			e.addr, e.proof = addr, nil
		}
		return h
	}
	if b.len() >= b.most {
		b.full = true
		return peer.None
	}
	h = b.add(bookEntry{id: id, addr: addr})
	b.byID.put(b.entries, h)
	return h
}

// meetLife returns the handle of another life of this node, or peer.None.
func (b *book) meetLife(incarnation uint64) peer.Handle {
	return b.intern([]byte(b.entries[b.self].id.Name), incarnation, netip.AddrPort{})
}

// address returns the handle of a join address; peer.None if the book is full.
func (b *book) address(addr netip.AddrPort) peer.Handle {
	if h, ok := b.byAddr[addr]; ok {
		return h
	}
	if b.len() >= b.most {
		return peer.None
	}
	h := b.add(bookEntry{addr: addr})
	b.byAddr[addr] = h
	return h
}

// Name is part of protocol.Directory.
func (b *book) Name(h peer.Handle) vclock.Origin { return b.entries[h].id }

// Handle is part of protocol.Directory.
func (b *book) Handle(o vclock.Origin) peer.Handle {
	return b.Intern([]byte(o.Name), o.Incarnation, netip.AddrPort{})
}

// len is how many there are.
func (b *book) len() int { return b.byID.count + len(b.byAddr) }

// takeFull reports whether the book was full for something that was decoded just now.
func (b *book) takeFull() bool {
	full := b.full
	b.full = false
	return full
}

// sweepDue reports whether the book has grown enough for a sweep.
func (b *book) sweepDue() bool { return b.len() > b.sweepAt }

// sweep frees every handle that each does not call mark with.
func (b *book) sweep(each func(mark func(peer.Handle))) {
	used := make([]bool, len(b.entries))
	each(func(h peer.Handle) { used[h] = true })
	used[b.self] = true
	b.free = b.free[:0]
	for i := len(b.entries) - 1; i > 0; i-- {
		e := &b.entries[i]
		if used[i] {
			continue
		}
		if e.id.Name == "" {
			delete(b.byAddr, e.addr)
		}
		*e = bookEntry{}
		b.free = append(b.free, peer.Handle(i))
	}
	b.byID.rebuild(b.entries)
	b.sweepAt = min(max(minSweep, b.len()*3/2), (b.len()+b.most)/2)
}
