package overlay

import (
	"fmt"
	"math/rand/v2"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// Attack makes some nodes misbehave: they act together to fill the views of the
// others, the honest nodes, with themselves. The zero Attack is none.
//
// An attacker knows who is honest and who is not, and every descriptor that it
// sends is a fresh one (age 0) of an attacker: first of itself, then of random
// others, as many as an honest message holds. It ignores what it receives, so
// it keeps no view: its own is empty from the start of the attack on. Before
// that it is as honest as the others.
//
// With a peer sampling policy that goes by exchanges it begins an exchange with
// a random honest node once a cycle, as everybody does (Hub), or Rate times
// (Flood), and answers those that others begin.
//
// With Brahms it pushes itself to random honest nodes, as often in a round as
// an honest node may (Hub) or Rate times as often (Flood), and answers whoever
// pulls from it.
type Attack struct {
	// Fraction is the share of the nodes that attack: the nearest whole number
	// of Nodes, but never all; 0 or more and less than 1. The seed decides
	// which, and it is never the first node, which all others join through in
	// a Growing and a Star overlay. Who replaces an attacker (churn) is one.
	Fraction float64

	// Kind is how.
	Kind AttackKind

	// Rate is how many times more often than an honest node an attacker of a
	// Flood begins, 1 to MaxRate. In a Hub it is 0.
	Rate int

	// From is the cycle in which the attack begins. 0 means 1, the first.
	From int
}

// AttackKind is how attackers misbehave.
type AttackKind uint8

// The kinds.
const (
	// Hub attackers speak no more often than others, so that counting what
	// they send tells nothing (the hub attack on Cyclon of Jesi, Montresor and
	// van Steen, "Secure peer sampling", Computer Networks 54(12), 2010).
	Hub AttackKind = iota
	// Flood attackers speak Rate times as often.
	Flood
)

// MaxRate bounds Attack.Rate. A guess: with more, an attack of one node in a
// hundred is ten times the traffic of all others together.
const MaxRate = 1000

var attackNames = [...]string{Hub: "hub", Flood: "flood"}

// String returns the word that ParseAttackKind takes.
func (k AttackKind) String() string {
	if int(k) < len(attackNames) {
		return attackNames[k]
	}
	return fmt.Sprintf("AttackKind(%d)", uint8(k))
}

// ParseAttackKind reads "hub" or "flood".
func ParseAttackKind(word string) (AttackKind, error) {
	for i, name := range attackNames {
		if word == name {
			return AttackKind(i), nil
		}
	}
	return 0, fmt.Errorf("overlay: unknown attack %q, allowed: hub, flood", word)
}

func (a Attack) validate() error {
	switch {
	case !(a.Fraction >= 0 && a.Fraction < 1): // so that NaN is wrong too
		return bad("Attack.Fraction", a.Fraction, "0 or more and less than 1")
	case a.Kind > Flood:
		return bad("Attack.Kind", a.Kind, "hub or flood")
	case a.Kind == Hub && a.Rate != 0:
		return bad("Attack.Rate", a.Rate, "0 in a hub attack")
	case a.Kind == Flood && (a.Rate < 1 || a.Rate > MaxRate):
		return bad("Attack.Rate", a.Rate, fmt.Sprintf("1 to %d in a flood", MaxRate))
	case a.From < 0:
		return bad("Attack.From", a.From, "1 or more, or 0 for the first cycle")
	}
	return nil
}

// rate is how often an attacker begins for each time that an honest node does.
func (a Attack) rate() int { return max(1, a.Rate) }

// attack is the state of an Attack. A node attacks if its slot is marked, so
// that whoever takes the place of an attacker is one.
type attack struct {
	marked   []bool        // by slot; nil if there is no attack in the run
	hostile  []bool        // the same once the attack has begun, nil before
	villains []peer.Handle // attackers that live, in this cycle
	honest   []peer.Handle // the others
}

// newAttack marks the attackers. It draws from a generator of its own: the same
// run without the attack begins alike.
func newAttack(cfg Config) attack {
	n := min(nearest(cfg.Attack.Fraction, cfg.Nodes), cfg.Nodes-1)
	if n == 0 {
		return attack{}
	}
	a := attack{marked: make([]bool, cfg.Nodes+1)}
	rng := rand.New(rand.NewPCG(cfg.Seed, streamAttack))
	for s, left := 2, n; left > 0; s++ { // each of the slots from 2 on that are left with equal chance
		if rng.IntN(cfg.Nodes+1-s) < left {
			a.marked[s] = true
			left--
		}
	}
	return a
}

// isHostile reports whether the node in the slot attacks.
func (a *attack) isHostile(slot uint32) bool { return a.hostile != nil && a.hostile[slot] }

// muster looks who is there in this cycle. When the attack begins, attackers
// forget whom they knew.
func (o *Overlay) muster() {
	a := &o.attack
	if a.marked == nil || o.cycle < o.cfg.Attack.From {
		return
	}
	a.hostile = a.marked
	a.villains, a.honest = a.villains[:0], a.honest[:0]
	for s := uint32(1); s < o.end(); s++ {
		switch h := o.name(s); {
		case h == peer.None:
		case a.hostile[s]:
			o.records[int(s)*o.stride].Age = 0
			a.villains = append(a.villains, h)
		default:
			a.honest = append(a.honest, h)
		}
	}
}

// victim returns a random honest node, None if there is none.
func (a *attack) victim(rng *rand.PCG) peer.Handle {
	if len(a.honest) == 0 {
		return peer.None
	}
	return a.honest[below(rng, len(a.honest))]
}

// below returns a number in [0, n), n being positive and less than 2^32. It is
// biased by less than one in 2^32.
func below(rng *rand.PCG, n int) int {
	return int(rng.Uint64() >> 32 * uint64(n) >> 32)
}

// forger makes what attackers send. Each worker has one.
type forger struct {
	villains []peer.Handle // in the order of attack.villains between calls
	swapped  []int
}

// forge appends to buf[:0] fresh descriptors of up to n attackers: of self and
// of random others, no one twice.
//
// It shuffles the head of the list of attackers and then takes that back, so
// that what it draws hangs on nothing but rng.
func (f *forger) forge(buf []peer.Descriptor, n int, self peer.Handle, rng *rand.PCG) []peer.Descriptor {
	buf = append(buf[:0], peer.Descriptor{Peer: self})
	all := f.villains
	f.swapped = f.swapped[:0]
	for i := 0; i < len(all) && len(buf) < n; i++ {
		j := i + below(rng, len(all)-i)
		f.swapped = append(f.swapped, j)
		all[i], all[j] = all[j], all[i]
		if all[i] != self {
			buf = append(buf, peer.Descriptor{Peer: all[i]})
		}
	}
	for i := len(f.swapped) - 1; i >= 0; i-- {
		j := f.swapped[i]
		all[i], all[j] = all[j], all[i]
	}
	return buf
}

// Attacker reports whether a node lives and attacks, or will when the attack
// begins.
func (o *Overlay) Attacker(h peer.Handle) bool {
	return o.attack.marked != nil && o.Alive(h) && o.attack.marked[o.slot[h]]
}

// AttackerShare tells how far an attack has come: the share of live attackers
// among all entries of the views of honest live nodes, and how many of these
// nodes are isolated, knowing attackers and no honest node that lives. Entries
// of dead nodes count as entries. Without an attack both are 0.
func (o *Overlay) AttackerShare() (share float64, isolated int) {
	return o.shareIn(func(s uint32) []peer.Descriptor { return o.view(s) })
}

// shareIn measures lists that nodes have, by slot.
func (o *Overlay) shareIn(listOf func(slot uint32) []peer.Descriptor) (share float64, isolated int) {
	marked := o.attack.marked
	if marked == nil {
		return 0, 0
	}
	entries, villains := 0, 0
	for s := uint32(1); s < o.end(); s++ {
		if o.name(s) == peer.None || marked[s] {
			continue
		}
		bad, good := 0, 0
		for _, d := range listOf(s) {
			switch known := o.slot[d.Peer]; {
			case d.Peer == peer.None:
				continue
			case marked[known]:
				bad++
			case known != 0:
				good++
			}
			entries++
		}
		villains += bad
		if bad > 0 && good == 0 {
			isolated++
		}
	}
	if entries == 0 {
		return 0, 0
	}
	return float64(villains) / float64(entries), isolated
}
