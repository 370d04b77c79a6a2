package gossip

import (
	"cmp"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// KeyUse is what the network has let this node know of one key: enough to tell whether
// a change of keys has got everywhere, without a list of all nodes. News of it travels
// with the exchanges of the peer sampling service, while there is more than one key
// about, and each piece of it is replaced by whatever is newer. So if anybody uses a
// key, or lacks it, everybody hears of somebody who does within some exchanges, and
// again and again for as long as it is so.
type KeyUse struct {
	ID keyring.ID
	// Here tells whether the key is in this node's keyring, Primary whether it is what
	// this node seals with.
	Here, Primary bool
	// Used is how long ago another node last said that it seals with the key, and UsedBy
	// which one; empty if none has.
	Used   time.Duration
	UsedBy string
	// Held is how long ago another node last said that it has the key, and HeldBy which one;
	// empty if none has.
	Held   time.Duration
	HeldBy string
	// Lacked is how long ago another node last said that it does not have the key, and LackedBy
	// which one; empty if none has.
	Lacked   time.Duration
	LackedBy string
}

// Keys returns what others have let this node know of the keys in the cluster, those in
// its keyring first, then by
// id; nothing without a keyring. News of a key that is not in the keyring is forgotten
// an hour after somebody was last known to have it. Names are cut to 32 bytes.
//
// Before a node's Use of a new key, its LackedBy should be empty, or Lacked long past;
// before Remove of an old one, its Used should be. Two minutes are long with the default
// ExchangeMax of 20 s and up to some thousands of nodes.
func (n *Node) Keys() (keys []KeyUse) {
	if n.cfg.Keyring == nil {
		return nil
	}
	n.do(func() {
		now := n.now()
		for _, k := range n.keys.heard(now, n.cfg.Keyring) {
			u := KeyUse{ID: keyring.ID(k.ID), Here: n.cfg.Keyring.Has(keyring.ID(k.ID)), Primary: n.cfg.Keyring.Primary() == keyring.ID(k.ID)}
			u.Used, u.UsedBy = time.Duration(k.Used.Age)*time.Second, k.Used.By
			u.Held, u.HeldBy = time.Duration(k.Held.Age)*time.Second, k.Held.By
			u.Lacked, u.LackedBy = time.Duration(k.Lacked.Age)*time.Second, k.Lacked.By
			keys = append(keys, u)
		}
	})
	slices.SortFunc(keys, func(a, b KeyUse) int {
		switch {
		case a.Primary != b.Primary:
			return cmp.Compare(btoi(b.Primary), btoi(a.Primary))
		case a.Here != b.Here:
			return cmp.Compare(btoi(b.Here), btoi(a.Here))
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return keys
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// keyView is what was heard of keys, by when it was so on this node's clock.
type keyView map[keyring.ID]*keySightings

type keySightings struct{ held, used, lacked keySighting }

type keySighting struct {
	at time.Duration
	by string
}

// keyMemory is how long a key that this node does not have is remembered.
const keyMemory = time.Hour

// note takes what is said of a key if it is newer than what is known.
func (s *keySighting) note(at time.Duration, by string) {
	if by != "" && (s.by == "" || at > s.at) {
		s.at, s.by = at, by
	}
}

// hear takes news that came with an exchange. Of more keys than can be told of, those
// that were held the longest ago are forgotten.
func (v keyView) hear(now time.Duration, news []wire.KeyNews, ring *keyring.Ring, self string) {
	self = wire.CutName(self)
	for _, k := range news {
		s := v.of(keyring.ID(k.ID))
		s.held.hear(now, k.Held, self)
		s.used.hear(now, k.Used, self)
		s.lacked.hear(now, k.Lacked, self)
	}
	v.prune(ring)
}

// hear notes what is said of another node than this one.
func (s *keySighting) hear(now time.Duration, told wire.Sighting, self string) {
	if told.By != self {
		s.note(now-time.Duration(told.Age)*time.Second, told.By)
	}
}

func (v keyView) of(id keyring.ID) *keySightings {
	if v[id] == nil {
		v[id] = &keySightings{}
	}
	return v[id]
}

// heard is what others have said of all keys, this node's own ones included.
func (v keyView) heard(now time.Duration, ring *keyring.Ring) (news []wire.KeyNews) {
	for _, id := range ring.IDs() {
		v.of(id)
	}
	for id, s := range v {
		if !ring.Has(id) && (s.held.by == "" || now-s.held.at > keyMemory) {
			delete(v, id)
		}
	}
	v.prune(ring)
	for id, s := range v {
		news = append(news, wire.KeyNews{ID: uint32(id), Held: s.held.told(now), Used: s.used.told(now), Lacked: s.lacked.told(now)})
	}
	slices.SortFunc(news, func(a, b wire.KeyNews) int { return cmp.Compare(a.ID, b.ID) })
	return news
}

// news is what there is to tell others: what was heard, and what this node says of
// itself, which is newer than anything.
func (v keyView) news(now time.Duration, ring *keyring.Ring, self string) []wire.KeyNews {
	mine := wire.Sighting{By: wire.CutName(self)}
	news := v.heard(now, ring)
	for i := range news {
		k := &news[i]
		switch id := keyring.ID(k.ID); {
		case !ring.Has(id):
			k.Lacked = mine
		case id == ring.Primary():
			k.Held, k.Used = mine, mine
		default:
			k.Held = mine
		}
	}
	return news
}

// prune keeps no more keys than can be told of: this node's own, and of the others
// those that somebody was last known to have.
func (v keyView) prune(ring *keyring.Ring) {
	for len(v) > wire.MaxKeyNews {
		var oldest keyring.ID
		for id, s := range v {
			if !ring.Has(id) && (oldest == 0 || s.held.at < v[oldest].held.at) {
				oldest = id
			}
		}
		delete(v, oldest)
	}
}

func (s *keySighting) told(now time.Duration) wire.Sighting {
	if s.by == "" {
		return wire.Sighting{}
	}
	return wire.Sighting{Age: uint32(min(max(0, now-s.at)/time.Second, 1<<31)), By: s.by}
}

// keyNews is what goes along with an exchange: nothing while there is one key only, and
// everybody has it as far as is known.
func (n *Node) keyNews() []byte {
	if n.cfg.Keyring == nil {
		return nil
	}
	news := n.keys.news(n.now(), n.cfg.Keyring, n.self.ID.Name)
	if len(news) < 2 {
		return nil
	}
	return wire.AppendKeyNews(nil, news)
}

// hearOfKeys takes what came along with an exchange.
func (n *Node) hearOfKeys(b []byte) {
	if len(b) == 0 || n.cfg.Keyring == nil {
		return
	}
	news, err := wire.DecodeKeyNews(b)
	if err != nil {
		n.stats.BadPackets++
		return
	}
	n.keys.hear(n.now(), news, n.cfg.Keyring, n.self.ID.Name)
}
