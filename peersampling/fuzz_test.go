package peersampling

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// FuzzParseWords: a word is read as what prints it, and any other is refused by its
// name and with those that would do.
func FuzzParseWords(f *testing.F) {
	for _, word := range []string{"", "rand", "head", "tail", "age", "push", "pull", "pushpull", "Push", "age ", "Selection(9)", "\x00"} {
		f.Add(word, uint8(len(word)))
	}
	f.Fuzz(func(t *testing.T, word string, n uint8) {
		check := func(printed string, err error) {
			t.Helper()
			if err == nil && printed != word {
				t.Fatalf("%q is read as %q", word, printed)
			}
			if err != nil && !(strings.Contains(err.Error(), strconv.Quote(word)) && strings.Contains(err.Error(), "allowed: ")) {
				t.Fatalf("%q is refused with %v", word, err)
			}
		}
		s, err := ParseSelection(word)
		check(s.String(), err)
		p, err := ParsePropagation(word)
		check(p.String(), err)
		if again, err := ParseSelection(Selection(n).String()); (err == nil) != (n <= uint8(ByAge)) || err == nil && again != Selection(n) {
			t.Fatalf("selection %d prints as %v, which is read as %v, %v", n, Selection(n), again, err)
		}
		if again, err := ParsePropagation(Propagation(n).String()); (err == nil) != (n <= uint8(PushPull)) || err == nil && again != Propagation(n) {
			t.Fatalf("propagation %d prints as %v, which is read as %v, %v", n, Propagation(n), again, err)
		}
	})
}

// FuzzPolicy: a policy is refused by the name of a field, or a node can follow it, and
// whatever its peers send it, its view stays within C and without itself.
func FuzzPolicy(f *testing.F) {
	for _, name := range PresetNames() {
		p, _ := Preset(name, 20)
		f.Add(uint8(p.Peer), uint8(p.Propagation), uint8(p.View), p.C, p.H, p.S, p.Shuffle, p.Samplers, p.LiteralHops, []byte{1, 2, 3, 3, 250})
	}
	f.Add(uint8(3), uint8(3), uint8(4), 0, -1, -1, -1, -1, true, []byte{})
	f.Add(uint8(0), uint8(2), uint8(3), MaxView+1, MaxView, MaxView, MaxView, MaxView, false, []byte{0})
	f.Fuzz(func(t *testing.T, who, way, keep uint8, c, h, s, shuffle, samplers int, literal bool, bytes []byte) {
		p := Policy{
			Peer: Selection(who), Propagation: Propagation(way), View: Selection(keep),
			C: c, H: h, S: s, Shuffle: shuffle, Samplers: samplers, LiteralHops: literal,
		}
		err := p.Validate()
		cfg := DefaultServiceConfig(p)
		cfg.Identity = func(h peer.Handle) uint64 { return uint64(h) * 0x9e3779b97f4a7c15 }
		service, serviceErr := NewService(cfg, self, rand.NewPCG(1, 2))
		if err != nil {
			blame := (*PolicyError)(nil)
			if !errors.As(err, &blame) {
				t.Fatalf("%v is no *PolicyError", err)
			}
			if _, ok := reflect.TypeFor[Policy]().FieldByName(blame.Field); !ok || blame.Allowed == "" {
				t.Fatalf("%v blames the field %q", err, blame.Field)
			}
			if serviceErr == nil {
				t.Fatalf("%+v is not valid, and a service follows it", p)
			}
			return
		}
		if serviceErr != nil {
			t.Fatalf("%+v is valid, but: %v", p, serviceErr)
		}
		view := make([]peer.Descriptor, 0, len(bytes))
		for _, b := range bytes {
			view = append(view, peer.Descriptor{Peer: peer.Handle(b), Age: uint32(b)})
		}
		var asked []Packet
		service.Join(0, 7)
		for i, b := range bytes {
			now := service.Deadline()
			asked = service.Tick(now, uint64(b), asked[:0])
			for _, q := range asked { // each answered, or not
				if b%3 > 0 {
					service.Handle(now, Packet{Kind: q.Kind + 1, Peer: q.Peer, Nonce: q.Nonce, View: view[i:]}, 0, nil)
				}
			}
			service.Handle(now, Packet{Kind: PacketKind(1 + b%4), Peer: peer.Handle(1 + i%100), Nonce: uint64(b), View: view[i:]}, 0, nil)
		}
		seen := map[peer.Handle]bool{}
		for _, d := range service.View() {
			if d.Peer == self || d.Peer == peer.None || seen[d.Peer] {
				t.Fatalf("%v: the view %v holds %d", p, service.View(), d.Peer)
			}
			seen[d.Peer] = true
		}
		if len(seen) > p.C {
			t.Fatalf("%v: a view of %d", p, len(seen))
		}
	})
}
