package keyring

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// The keys of these tests are told apart by their first byte.
func key(b byte) Key { return Key{b} }

func ring(t testing.TB, primary Key, accepted ...Key) *Ring {
	t.Helper()
	r, err := New(primary, accepted...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestNewRefuses(t *testing.T) {
	var many []Key
	for i := range MaxKeys {
		many = append(many, key(byte(i+1)))
	}
	if _, err := New(many[0], many[1:]...); err != nil {
		t.Errorf("%d keys: %v", MaxKeys, err)
	}
	for _, test := range []struct {
		name string
		keys []Key
		want string
	}{
		{"too many", append(many, key(100)), "17 keys; at most 16"},
		{"one twice", []Key{key(1), key(2), key(2)}, key(2).ID().String() + " is there twice"},
		{"the primary twice", []Key{key(1), key(1)}, "twice"},
		{"zeros", []Key{key(1), {}}, "all zeros"},
		{"zeros first", []Key{{}}, "all zeros"},
	} {
		if r, err := New(test.keys[0], test.keys[1:]...); err == nil || r != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want one that says %q", test.name, err, test.want)
		}
	}
}

// model is a ring that is easy to believe.
type model struct {
	primary Key
	keys    map[ID]Key
}

func (m *model) ids() []ID {
	ids := []ID{m.primary.ID()}
	for id := range m.keys {
		if id != ids[0] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids[1:])
	return ids
}

// TestRingFollowsItsModel through any changes: what it holds, in which order,
// which changes it refuses and why, and that it tells of those that were some.
func TestRingFollowsItsModel(t *testing.T) {
	var universe []Key // more than fit
	for i := range MaxKeys + 4 {
		universe = append(universe, key(byte(i+1)))
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func() Key { return rapid.SampledFrom(universe).Draw(t, "key") }
		first := draw()
		m := &model{primary: first, keys: map[ID]Key{first.ID(): first}}
		r, err := New(first)
		if err != nil {
			t.Fatal(err)
		}
		changed, stop := r.Changes()
		defer stop()
		before, version := fmt.Sprint(m.ids()), r.Version()
		expect := func(err, want error, id ID) {
			if !errors.Is(err, want) || want != nil && !strings.Contains(err.Error(), id.String()) {
				t.Fatalf("got %v, want %v about %v", err, want, id)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				k := draw()
				var want error
				if _, there := m.keys[k.ID()]; !there && len(m.keys) == MaxKeys {
					want = ErrFull
				} else {
					m.keys[k.ID()] = k
				}
				expect(r.Add(k), want, k.ID())
			},
			"use": func(t *rapid.T) {
				k := draw()
				want := ErrUnknown
				if _, there := m.keys[k.ID()]; there {
					want, m.primary = nil, k
				}
				expect(r.Use(k.ID()), want, k.ID())
			},
			"remove": func(t *rapid.T) {
				k := draw()
				_, there := m.keys[k.ID()]
				var want error
				switch {
				case !there:
					want = ErrUnknown
				case k == m.primary:
					want = ErrPrimary
				default:
					delete(m.keys, k.ID())
				}
				expect(r.Remove(k.ID()), want, k.ID())
			},
			"replace": func(t *rapid.T) {
				keys := rapid.SliceOfNDistinct(rapid.SampledFrom(universe), 1, MaxKeys, rapid.ID[Key]).Draw(t, "keys")
				other, err := New(keys[0], keys[1:]...)
				if err != nil {
					t.Fatal(err)
				}
				r.Replace(other)
				*m = model{primary: keys[0], keys: map[ID]Key{}}
				for _, k := range keys {
					m.keys[k.ID()] = k
				}
				// The two share nothing afterwards.
				if err := other.Add(key(200)); err == nil && r.Has(key(200).ID()) {
					t.Fatal("a change of the other ring shows")
				}
			},
			"": func(t *rapid.T) {
				want := m.ids()
				if got := r.IDs(); !slices.Equal(got, want) || r.Primary() != want[0] {
					t.Fatalf("holds %v, primary %v, want %v", got, r.Primary(), want)
				}
				for i, k := range r.Keys() {
					if k.ID() != want[i] {
						t.Fatalf("key %d is %v, want %v", i, k, want[i])
					}
				}
				for _, k := range universe {
					held, there := m.keys[k.ID()]
					if got, ok := r.Key(k.ID()); ok != there || got != held || r.Has(k.ID()) != there {
						t.Fatalf("%v: held %v, want %v", k, ok, there)
					}
				}
				now := fmt.Sprint(want)
				if (r.Version() != version) != (now != before) {
					t.Fatalf("version %d after %d, keys %s after %s", r.Version(), version, now, before)
				}
				select {
				case <-changed:
					if now == before {
						t.Fatal("told of a change that was none")
					}
				default:
					if now != before {
						t.Fatal("did not tell of a change")
					}
				}
				before, version = now, r.Version()
			},
		})
	})
}

// TestCollision: two keys with one ID cannot be on a ring. They are as rare as
// they sound, so the ring is told of one that is not there.
func TestCollision(t *testing.T) {
	r := ring(t, key(1))
	r.state.Store(&state{version: 1, keys: []keyedID{{id: key(1).ID(), key: key(1)}, {id: key(2).ID(), key: key(3)}}})
	if err := r.Add(key(2)); !errors.Is(err, ErrCollision) {
		t.Errorf("got %v, want %v", err, ErrCollision)
	}
}

// TestTheZeroRing has no key, takes one, and cannot empty another ring.
func TestTheZeroRing(t *testing.T) {
	var zero Ring
	if zero.Primary() != 0 || len(zero.IDs()) != 0 || len(zero.Keys()) != 0 || zero.Has(0) {
		t.Errorf("it holds %v", zero.IDs())
	}
	r := ring(t, key(1))
	if r.Replace(&zero); r.Primary() != key(1).ID() {
		t.Errorf("a ring without keys replaced one")
	}
	if err := zero.Add(Key{}); !errors.Is(err, errZero) {
		t.Errorf("add zeros: %v", err)
	}
	if err := zero.Add(key(2)); err != nil || zero.Primary() != key(2).ID() {
		t.Errorf("add: %v, primary %v", err, zero.Primary())
	}
}

// TestChanges: a subscriber who does not look holds nobody up and finds one
// value, and who has stopped finds none.
func TestChanges(t *testing.T) {
	r := ring(t, key(1))
	looks, stop := r.Changes()
	sleeps, stopSleeping := r.Changes()
	defer stopSleeping()
	for b := byte(2); b < 10; b++ {
		if err := r.Add(key(b)); err != nil {
			t.Fatal(err)
		}
		<-looks
	}
	stop()
	stop() // does nothing
	if err := r.Use(key(5).ID()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-looks:
		t.Error("told after stop")
	default:
	}
	<-sleeps
	select {
	case <-sleeps:
		t.Error("told twice")
	default:
	}
	if r.changes.Len() != 1 {
		t.Errorf("%d subscribers are held, want 1", r.changes.Len())
	}
}

// TestConcurrently is for the race detector, and for what must hold of any
// moment: a primary, and no more keys than fit.
func TestConcurrently(t *testing.T) {
	r := ring(t, key(1))
	var wg sync.WaitGroup
	for w := range byte(4) {
		wg.Go(func() {
			for i := range byte(200) {
				k := key(2 + (w+i)%20)
				_, _, _ = r.Add(k), r.Use(k.ID()), r.Remove(key(2+i%20).ID())
				_, stop := r.Changes()
				ids := r.IDs()
				if len(ids) == 0 || len(ids) > MaxKeys || !slices.IsSortedFunc(ids[1:], cmp.Compare[ID]) || len(r.Keys()) == 0 {
					t.Errorf("holds %v", ids)
				}
				stop()
			}
		})
	}
	wg.Wait()
}
