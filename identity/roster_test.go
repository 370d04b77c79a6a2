package identity

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// person is a public key that is told from others by a number, and text that stands for it.
func person(n uint32) (p Public) {
	binary.BigEndian.PutUint32(p[:], n)
	p[31] = 1
	return p
}

func TestARosterOfEverybody(t *testing.T) {
	r := NewRoster()
	a, b := person(1), person(2)
	changed, stop := r.Changes()
	defer stop()
	told := func() bool {
		select {
		case <-changed:
			return true
		default:
			return false
		}
	}
	if !r.Has(a) || r.Allow(a) != nil || told() {
		t.Error("everybody belongs, so nothing has changed")
	}
	if r.Revoke(a) != nil || r.Has(a) || !r.Has(b) || !told() {
		t.Error("a is not revoked, or b is, or nobody was told")
	}
	if r.Revoke(a) != nil || told() {
		t.Error("a change that is none was told of")
	}
	if r.Allow(a) != nil || !r.Has(a) || !told() {
		t.Error("a is not allowed again")
	}
}

func TestAnAllowlist(t *testing.T) {
	a, b := person(1), person(2)
	r, err := NewAllowlist(a)
	if err != nil || !r.Has(a) || r.Has(b) {
		t.Fatalf("%v %v %v", err, r.Has(a), r.Has(b))
	}
	if r.Allow(b) != nil || !r.Has(b) || r.Revoke(b) != nil || r.Has(b) || !r.Has(a) {
		t.Error("b was not allowed, or not revoked after that")
	}
	if list, everybody := r.Allowed(); everybody || !slices.Equal(list, []Public{a, b}) || !slices.Equal(r.Revoked(), []Public{b}) {
		t.Errorf("%v %v %v", list, everybody, r.Revoked())
	}
	if none, err := NewAllowlist(); err != nil || none.Has(a) {
		t.Error("nobody is allowed, and a belongs")
	}
}

func TestARosterIsBounded(t *testing.T) {
	r, err := NewAllowlist()
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint32(MaxEntries) {
		if err := errors.Join(r.Allow(person(i)), r.Revoke(person(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Allow(person(MaxEntries)); !errors.Is(err, ErrFull) || r.Has(person(MaxEntries)) {
		t.Errorf("one more allowed: %v", err)
	}
	if err := r.Revoke(person(MaxEntries)); !errors.Is(err, ErrFull) {
		t.Errorf("one more revoked: %v", err)
	}
	if err := r.Revoke(person(1)); err != nil {
		t.Errorf("one that is there: %v", err)
	}
}

func TestReadRoster(t *testing.T) {
	a, b := person(1), Generate().Public()
	dash := Public{0xf8}
	if dash.String()[0] != '-' {
		t.Fatalf("%s does not begin with a '-'", dash)
	}
	for _, tt := range []struct {
		why, text  string
		has, lacks []Public
	}{
		{"keys and names", a.String() + "\n  db~" + b.String() + " # the other\n", []Public{a, b}, []Public{dash}},
		{"everybody but", "*\n-" + a.String() + "\n- x~" + b.String(), []Public{dash}, []Public{a, b}},
		{"revoked wins", a.String() + "\n-" + a.String() + "\n" + b.String(), []Public{b}, []Public{a}},
		{"a key that begins with a dash", dash.String(), []Public{dash}, []Public{a}},
		{"and is revoked", "*\n-" + dash.String(), []Public{a}, []Public{dash}},
		{"a label with a number sign", "#1\n\tdb#1~" + a.String(), []Public{a}, []Public{b}},
		{"other line ends", a.String() + "\r\n" + b.String() + "\r\n", []Public{a, b}, []Public{dash}},
	} {
		r, err := ReadRoster(strings.NewReader(tt.text))
		if err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		for _, p := range tt.has {
			if !r.Has(p) {
				t.Errorf("%s: %v does not belong", tt.why, p)
			}
		}
		for _, p := range tt.lacks {
			if r.Has(p) {
				t.Errorf("%s: %v belongs", tt.why, p)
			}
		}
	}
	for why, text := range map[string]string{
		"nothing":          "",
		"comments":         "# nobody\n\n",
		"only a revoked":   "-" + a.String(),
		"no key":           a.String() + "\nhello\n",
		"a dash":           "*\n-",
		"a private key":    "*\n" + Generate().Text(),
		"two dashes":       "*\n--" + a.String(),
		"longer than ever": strings.Repeat("#\n", maxRoster),
	} {
		if r, err := ReadRoster(strings.NewReader(text)); err == nil || r != nil {
			t.Errorf("%s: passes", why)
		}
	}
	// A file of secrets in the place of the roster: errors go into logs.
	for why, secret := range map[string]string{
		"an identity":          Generate().Text(),
		"one cut at its front": Generate().Text()[1:],
		"a keyring's key":      "7MhTpZQbmvXvc2V0vMlVFQZ1sVqQ2xK9kq0mB3Xr5yA=",
	} {
		_, asPublic := ParsePublic(secret)
		_, asRoster := ReadRoster(strings.NewReader("*\n-" + secret + "\n"))
		for _, err := range []error{asPublic, asRoster} {
			if err == nil || strings.Contains(err.Error(), secret[10:20]) {
				t.Errorf("%s: %v", why, err)
			}
		}
	}
}

func TestReload(t *testing.T) {
	a, b := person(1), person(2)
	file := filepath.Join(t.TempDir(), "roster")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(a.String())
	r, err := LoadRoster(file)
	if err != nil || !r.Has(a) || r.Has(b) {
		t.Fatalf("%v", err)
	}
	changed, stop := r.Changes()
	defer stop()
	write("*\n-" + a.String())
	if err := r.Reload(file); err != nil || r.Has(a) || !r.Has(b) {
		t.Errorf("%v %v %v", err, r.Has(a), r.Has(b))
	}
	<-changed
	write("")
	if err := r.Reload(file); err == nil || r.Has(a) || !r.Has(b) {
		t.Errorf("an empty file changes the roster: %v", err)
	}
	write("*")
	if err := os.Chmod(file, 0o646); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(file); err == nil || !strings.Contains(err.Error(), "others may write") || r.Has(a) {
		t.Errorf("a file that anybody may have written changes the roster: %v", err)
	}
	if _, err := LoadRoster(file); err == nil {
		t.Error("a file that anybody may have written is taken")
	}
}

// TestRostersAreShared is for the race detector.
func TestRostersAreShared(t *testing.T) {
	r := NewRoster()
	changed, stop := r.Changes()
	defer stop()
	var wg sync.WaitGroup
	for i := range uint32(4) {
		wg.Go(func() {
			for range 100 {
				r.Revoke(person(i))
				r.Has(person(i + 1))
				r.Allow(person(i))
				r.Revoked()
			}
		})
	}
	wg.Wait()
	<-changed
	if len(r.Revoked()) > 0 {
		t.Errorf("%v", r.Revoked())
	}
}

// FuzzReadRoster: a roster that is read has what its lines say: whoever is in it is
// allowed by name or by '*', and whoever is revoked is not in it.
func FuzzReadRoster(f *testing.F) {
	a := person(1).String()
	for _, text := range []string{a, "*", "*\n-" + a, "x~" + a + " # y", "-", "", "#", a + "\n- " + a} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ReadRoster(strings.NewReader(text))
		if err != nil {
			return
		}
		allowed, everybody := r.Allowed()
		if !everybody && len(allowed) == 0 {
			t.Fatal("nobody belongs")
		}
		for _, p := range allowed {
			if !strings.Contains(text, p.String()) {
				t.Fatalf("%v is in no line", p)
			}
		}
		for _, p := range r.Revoked() {
			if r.Has(p) || !strings.Contains(text, p.String()) {
				t.Fatalf("%v is revoked and belongs, or is in no line", p)
			}
		}
	})
}
