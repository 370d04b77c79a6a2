package gossip

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// TestEverybodyKnowsHowFarAChangeOfKeysIs: within a minute each of 50 nodes hears that
// somebody lacks a key, that nobody does any more, and that nobody uses the old one.
func TestEverybodyKnowsHowFarAChangeOfKeysIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, config := inMemory(t)
		ctx := within(t, 5*time.Hour)
		old, young := keyring.NewKey(), keyring.NewKey()
		var nodes []*Node
		var rings []*keyring.Ring
		for i := range 50 {
			cfg := config().with(fmt.Sprint("n", i))
			cfg.Keyring = newRingOf(t, old)
			if i > 0 {
				cfg.Join = []string{nodes[0].Self().Addr}
			}
			nodes, rings = append(nodes, start(t, cfg)), append(rings, cfg.Keyring)
		}
		for _, n := range nodes {
			if err := n.Ready(ctx); err != nil {
				t.Fatal(err)
			}
		}
		use := func(n *Node, k keyring.Key) KeyUse {
			for _, u := range n.Keys() {
				if u.ID == k.ID() {
					return u
				}
			}
			return KeyUse{}
		}
		within := func(what string, ok func(n *Node) bool) {
			t.Helper()
			begin := time.Now()
			for _, n := range nodes {
				for !ok(n) {
					if time.Since(begin) > 2*time.Hour {
						t.Fatalf("%s: not known to %s after two hours: %+v", what, n.Self().ID, n.Keys())
					}
					time.Sleep(time.Second)
				}
			}
			took := time.Since(begin)
			t.Logf("%s: everybody knows after %v", what, took)
		}
		for i, ring := range rings {
			if i != 17 {
				if err := ring.Add(young); err != nil {
					t.Fatal(err)
				}
			}
		}
		within("one lacks the new key", func(n *Node) bool {
			return n == nodes[17] || use(n, young).LackedBy == "n17" && use(n, young).Lacked < time.Minute
		})
		if err := rings[17].Add(young); err != nil {
			t.Fatal(err)
		}
		within("nobody lacks it", func(n *Node) bool { return use(n, young).LackedBy == "" || use(n, young).Lacked > 2*time.Minute })
		for i, ring := range rings {
			if i == 33 {
				continue
			}
			if err := ring.Use(young.ID()); err != nil {
				t.Fatal(err)
			}
		}
		within("one uses the old key", func(n *Node) bool {
			return n == nodes[33] || use(n, old).UsedBy == "n33" && use(n, old).Used < time.Minute
		})
		if err := rings[33].Use(young.ID()); err != nil {
			t.Fatal(err)
		}
		within("nobody uses it", func(n *Node) bool { return use(n, old).UsedBy == "" || use(n, old).Used > 2*time.Minute })
		for _, ring := range rings {
			if err := ring.Remove(old.ID()); err != nil {
				t.Fatal(err)
			}
		}
		within("it is forgotten", func(n *Node) bool { return use(n, old).ID == 0 && len(n.Keys()) == 1 })
		for _, n := range nodes {
			n.Close()
		}
	})
}

// TestNewsOfKeysAreBounded: who makes up keys pushes out other made-up keys only.
func TestNewsOfKeysAreBounded(t *testing.T) {
	ring := newRing(t, keyring.NewKey(), keyring.NewKey())
	v := keyView{}
	for i := range 100 {
		var made []wire.KeyNews
		for j := range wire.MaxKeyNews {
			made = append(made, wire.KeyNews{ID: uint32(1 + 20*i + j), Held: wire.Sighting{Age: uint32(j), By: "mallory"}})
		}
		v.hear(time.Hour, made, ring, "a")
		news := v.news(time.Hour, ring, "a")
		if len(v) > wire.MaxKeyNews || len(news) > wire.MaxKeyNews {
			t.Fatalf("%d keys are remembered, %d told of", len(v), len(news))
		}
	}
	for _, id := range ring.IDs() {
		if v[id] == nil {
			t.Errorf("this node's own key %v was pushed out", id)
		}
	}
}
