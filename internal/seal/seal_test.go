package seal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// The keys of these tests are told apart by their first byte.
var k1, k2 = keyring.Key{1}, keyring.Key{2}

func ringOf(t testing.TB, primary keyring.Key, accepted ...keyring.Key) *keyring.Ring {
	t.Helper()
	r, err := keyring.New(primary, accepted...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sealer(t testing.TB, primary keyring.Key, accepted ...keyring.Key) *Sealer {
	t.Helper()
	return New(ringOf(t, primary, accepted...), "test")
}

func TestWhatIsSealedOpens(t *testing.T) {
	s := sealer(t, k1)
	for _, size := range []int{0, 1, 64, 1153, 65000} {
		for _, answer := range []bool{false, true} {
			plain := bytes.Repeat([]byte{0xa5}, size)
			sealed := s.Seal([]byte("before"), plain, answer)
			sealed, ok := bytes.CutPrefix(sealed, []byte("before"))
			if !ok || len(sealed) != size+Overhead || !IsSealed(sealed) {
				t.Fatalf("%d bytes became %d; appended: %v; sealed: %v", size, len(sealed), ok, IsSealed(sealed))
			}
			o, err := s.Open([]byte("before"), sealed)
			if err != nil || o.Answer != answer || o.Key != k1.ID() || string(o.Plain) != "before"+string(plain) {
				t.Errorf("%d bytes, answer %v: %v, answer %v, key %v", size, answer, err, o.Answer, o.Key)
			}
			if !bytes.Equal(o.Nonce[:], sealed[headerSize:nonceEnd]) {
				t.Error("another nonce than the datagram's")
			}
		}
	}
}

// TestNoncesDiffer: what comes of equal plain text never is.
func TestNoncesDiffer(t *testing.T) {
	s := sealer(t, k1)
	seen := make(map[string]bool)
	for range 1000 {
		seen[string(s.Seal(nil, []byte("the same"), false))] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d different datagrams of 1000", len(seen))
	}
}

// TestEveryBitCounts: no bit of a datagram can be changed, none of its bytes
// taken away, none added.
func TestEveryBitCounts(t *testing.T) {
	s := sealer(t, k1, k2)
	sealed := s.Seal(nil, []byte("sixteen bytes of it, and then some"), false)
	refuse := func(what string, bad []byte, want error) {
		t.Helper()
		dst := make([]byte, 3, 3+len(sealed))
		o, err := s.Open(dst, bad)
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if o.Plain != nil || o.Key != 0 || o.Nonce != [24]byte{} {
			t.Errorf("%s: returned %v with an error", what, o)
		}
		if left := dst[:cap(dst)]; bytes.ContainsFunc(left, func(r rune) bool { return r != 0 }) {
			t.Errorf("%s: left %q behind", what, left)
		}
	}
	for bit := range 8 * len(sealed) {
		bad := bytes.Clone(sealed)
		bad[bit/8] ^= 1 << (bit % 8)
		want := ErrForged
		switch at := bit / 8; {
		case at < 2, at == 2 && bit%8 != 0: // the lowest bit of the kind is the direction
			want = ErrNotSealed
		case at >= 3 && at < headerSize:
			want = ErrUnknownKey
		}
		refuse(fmt.Sprintf("bit %d changed", bit), bad, want)
	}
	for n := range sealed {
		want := ErrForged
		if n < Overhead {
			want = ErrNotSealed
		}
		refuse(fmt.Sprintf("cut to %d bytes", n), sealed[:n], want)
	}
	refuse("a byte more", append(bytes.Clone(sealed), 0), ErrForged)

	other := bytes.Clone(sealed)
	copy(other[3:], sealer(t, k2).Seal(nil, nil, false)[3:headerSize])
	refuse("under the ID of another key on the ring", other, ErrForged)

	if _, err := s.Open(nil, sealed); err != nil {
		t.Errorf("unchanged: %v", err)
	}
}

// TestWhoCanOpen: neither another cluster nor a node without the key, and an
// answer is not a request.
func TestWhoCanOpen(t *testing.T) {
	s := sealer(t, k1)
	request := s.Seal(nil, []byte("x"), false)
	asAnswer := bytes.Clone(request)
	asAnswer[2] = kindAnswer
	for _, test := range []struct {
		name   string
		opener *Sealer
		sealed []byte
		want   error
	}{
		{"the same cluster and key", sealer(t, k1), request, nil},
		{"one that accepts the key", sealer(t, k2, k1), request, nil},
		{"one without the key", sealer(t, k2), request, ErrUnknownKey},
		{"another cluster", New(ringOf(t, k1), "prod"), request, ErrForged},
		{"a cluster of a longer name", New(ringOf(t, k1), "test2"), request, ErrForged},
		{"sent back as an answer", s, asAnswer, ErrForged},
	} {
		if _, err := test.opener.Open(nil, test.sealed); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// TestFollowsTheRing goes through a change of keys as package keyring tells it.
func TestFollowsTheRing(t *testing.T) {
	a, b := ringOf(t, k1), ringOf(t, k1)
	near, far := New(a, ""), New(b, "")
	goesThrough := func(when string) {
		t.Helper()
		for _, way := range []struct{ from, to *Sealer }{{near, far}, {far, near}} {
			if _, err := way.to.Open(nil, way.from.Seal(nil, []byte("x"), true)); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
	}
	old := near.Seal(nil, []byte("old"), true)
	goesThrough("at first")
	for _, step := range []struct {
		name string
		do   func(*keyring.Ring) error
	}{
		{"add", func(r *keyring.Ring) error { return r.Add(k2) }},
		{"use", func(r *keyring.Ring) error { return r.Use(k2.ID()) }},
		{"remove", func(r *keyring.Ring) error { return r.Remove(k1.ID()) }},
	} {
		if _, err := far.Open(nil, old); err != nil {
			t.Errorf("before %s: %v", step.name, err)
		}
		for i, r := range []*keyring.Ring{a, b} {
			if err := step.do(r); err != nil {
				t.Fatal(err)
			}
			goesThrough(fmt.Sprintf("%s, node %d", step.name, i))
		}
	}
	if _, err := far.Open(nil, old); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("after the key was removed: %v, want %v", err, ErrUnknownKey)
	}
}

// TestConcurrently is for the race detector: many seal and open while the keys
// change, and nothing is lost, as each key is accepted throughout.
func TestConcurrently(t *testing.T) {
	ring := ringOf(t, k1, k2)
	s := New(ring, "")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				if _, err := s.Open(nil, s.Seal(nil, []byte("x"), false)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 100 {
		for _, k := range []keyring.Key{k2, k1} {
			if err := ring.Use(k.ID()); err != nil {
				t.Error(err)
			}
		}
	}
	wg.Wait()
}

func TestIsSealed(t *testing.T) {
	for _, test := range []struct {
		bytes string
		want  bool
	}{
		{"", false}, {"g", false}, {"g\x01", false}, {"g\x01\x80", true}, {"g\x01\x81", true},
		{"g\x01\x01", false}, {"g\x02\x80", false}, {"x\x01\x80", false}, {"g\x01\x82", false},
	} {
		if got := IsSealed([]byte(test.bytes)); got != test.want {
			t.Errorf("%q: %v", test.bytes, got)
		}
	}
}

// TestARingWithoutKeys must not end in datagrams in the clear.
func TestARingWithoutKeys(t *testing.T) {
	for _, ring := range []*keyring.Ring{nil, new(keyring.Ring)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("New took %v", ring)
				}
			}()
			New(ring, "")
		}()
	}
}

var update = flag.Bool("update", false, "write the golden vectors anew: only for a new version of the format")

// TestGolden holds the format to what other versions and languages wrote: the
// vectors say all that goes in, and what comes out.
func TestGolden(t *testing.T) {
	const file = "testdata/golden.txt"
	var key keyring.Key
	var nonce [24]byte
	for i := range key {
		key[i] = byte(i + 1)
	}
	for i := range nonce {
		nonce[i] = byte(0xf0 - i)
	}
	s := New(ringOf(t, key), "golden cluster")
	var got strings.Builder
	fmt.Fprintf(&got, "key %x\nid %v\ncluster golden cluster\nnonce %x\n", key[:], key.ID(), nonce)
	for _, plain := range []string{"", "g\x01\x01 a datagram of some words"} {
		for _, answer := range []bool{false, true} {
			sealed := s.sealWith(&nonce, nil, []byte(plain), answer)
			fmt.Fprintf(&got, "\nanswer %v\nplain %x\nsealed %x\n", answer, plain, sealed)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

// FuzzOpen: nothing opens but what was sealed, and nothing panics.
func FuzzOpen(f *testing.F) {
	var nonce [24]byte
	s := sealer(f, k1, k2)
	genuine := s.sealWith(&nonce, nil, []byte("genuine"), false)
	f.Add(genuine)
	f.Add(genuine[:Overhead-1])
	f.Add(genuine[:Overhead])
	f.Add(append(bytes.Clone(genuine), 0))
	f.Add(s.sealWith(&nonce, nil, nil, true))
	f.Add(sealer(f, k2).sealWith(&nonce, nil, []byte("under another key"), true))
	f.Add([]byte("g\x01\x80"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		o, err := s.Open(nil, b)
		if !bytes.Equal(b, before) {
			t.Fatal("changed its input")
		}
		if err != nil {
			if o.Plain != nil {
				t.Fatal("plain text besides an error")
			}
			return
		}
		// Whoever gets here without the key has broken the cipher, so it is one of
		// the seeds: sealing anew gives the same bytes.
		by := s
		if o.Key == k2.ID() {
			by = sealer(t, k2)
		}
		if again := by.sealWith(&o.Nonce, nil, o.Plain, o.Answer); !bytes.Equal(again, b) {
			t.Fatalf("%s opened, but %s is what it would be", hex.EncodeToString(b), hex.EncodeToString(again))
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	for _, size := range []int{64, 1200} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := sealer(b, k1, k2)
			plain, dst := make([]byte, size), make([]byte, 0, size+Overhead)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				dst = s.Seal(dst[:0], plain, false)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range []int{64, 1200} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := sealer(b, k1, k2)
			sealed, dst := s.Seal(nil, make([]byte, size), false), make([]byte, 0, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Open(dst, sealed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefuse is what a datagram of a flood costs: one that names no key of
// the ring, and one that names a key.
func BenchmarkRefuse(b *testing.B) {
	s := sealer(b, k1, k2)
	for _, test := range []struct {
		name string
		at   int
	}{{"unknown", 3}, {"forged", nonceEnd}} {
		b.Run(test.name, func(b *testing.B) {
			bad, dst := s.Seal(nil, make([]byte, 1200), false), make([]byte, 0, 1200)
			bad[test.at] ^= 1
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Open(dst, bad); err == nil {
					b.Fatal("opened")
				}
			}
		})
	}
}

// TestNothingIsAllocated once the buffers are there.
func TestNothingIsAllocated(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	s := sealer(t, k1)
	plain := make([]byte, 1000)
	sealed, opened := make([]byte, 0, 2000), make([]byte, 0, 2000)
	if n := testing.AllocsPerRun(100, func() {
		sealed = s.Seal(sealed[:0], plain, true)
		if _, err := s.Open(opened, sealed); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
