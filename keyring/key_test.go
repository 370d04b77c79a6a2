package keyring

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var keys = rapid.Custom(func(t *rapid.T) (k Key) {
	copy(k[:], rapid.SliceOfN(rapid.Byte(), len(k), len(k)).Draw(t, "key"))
	k[0] |= 1 // not all zeros
	return k
})

func TestParseKeyReadsEveryForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := keys.Draw(t, "key")
		for _, text := range []string{
			k.Text(),
			base64.StdEncoding.EncodeToString(k[:]), base64.RawStdEncoding.EncodeToString(k[:]),
			base64.URLEncoding.EncodeToString(k[:]), base64.RawURLEncoding.EncodeToString(k[:]),
			hex.EncodeToString(k[:]), strings.ToUpper(hex.EncodeToString(k[:])),
		} {
			if got, err := ParseKey(text); err != nil || got != k {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}

func TestParseKeyRefuses(t *testing.T) {
	good := Key{1, 0xff, 0xff, 0xff}.Text()
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "0 characters"},
		{"a pass phrase", "correct horse battery staple", "28 characters"},
		{"too short", good[:42], "42 characters"},
		{"too long", good + "A", "45 characters"},
		{"without its padding, but a letter", good[:43] + "A", "padding"},
		{"a space inside", " " + good[1:], "character 1 of 43 is not base64"},
		{"a line end inside", good[:42] + "\n", "character 43 of 43 is not base64"},
		{"line ends for letters", strings.Repeat("\n", 43), "character 1 of 43"},
		{"both alphabets", "-/" + good[2:], "mixes"},
		{"bits left over", good[:42] + "B=", "left over"},
		{"not hexadecimal", strings.Repeat("a", 63) + "g", "character 64 of 64 is not a hexadecimal digit"},
		{"accents", strings.Repeat("é", 22), "44 characters"},
		{"zeros", Key{}.Text(), "all zeros"},
		{"zeros in hexadecimal", strings.Repeat("0", 64), "all zeros"},
	} {
		k, err := ParseKey(test.text)
		if err == nil || k != (Key{}) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want one that says %q", test.name, err, test.want)
			continue
		}
		if len(test.text) > 8 && strings.Contains(err.Error(), test.text[:8]) {
			t.Errorf("%s: %v shows the text", test.name, err)
		}
	}
}

// TestKeysDoNotShow: whatever the verb, and however deep, fmt, slog and JSON
// show no byte of a key. (%p is left out: fmt asks no method about it, and go
// vet refuses it for what is no pointer.)
func TestKeysDoNotShow(t *testing.T) {
	var k Key
	copy(k[:], "the bytes of this key are text!!")
	ring, err := New(k)
	if err != nil {
		t.Fatal(err)
	}
	type config struct {
		Key  Key
		Ptr  *Key
		Keys []Key
		Map  map[Key]Key
		Any  any
		Ring *Ring
		ring *Ring
	}
	cfg := config{k, &k, []Key{k}, map[Key]Key{k: k}, k, ring, ring}
	secrets := []string{
		string(k[:8]), k.Text()[:12], hex.EncodeToString(k[:6]), strings.ToUpper(hex.EncodeToString(k[:6])),
		"116 104 101 32", "0x74, 0x68, 0x65", "74 68 65 20", "164 150 145", "1110100 1101000", "U+0074",
	}
	check := func(what, text string) {
		t.Helper()
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s shows the key: %s", what, text)
			}
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%e", "%t", "%z", "%10v", "%-5.3s"} {
		for _, v := range []any{k, &k, []Key{k}, cfg, &cfg, ring, struct{ any }{ring}} {
			check(verb, fmt.Sprintf(verb, v))
		}
	}
	check("Println", fmt.Sprintln(k, &k, cfg))
	check("an error", fmt.Errorf("with %w and %v", errors.New("x"), k).Error())

	var out bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("x", "key", k, "ptr", &k, "keys", []Key{k}, "cfg", cfg, "ring", ring)
	}
	check("slog", out.String())
	if want := k.ID().String(); !strings.Contains(out.String(), "key "+want) {
		t.Errorf("slog does not name the key %s: %s", want, out.String())
	}
	if b, err := json.Marshal(k); err == nil {
		t.Errorf("JSON took a key: %s", b)
	}
	if got, want := fmt.Sprintf("%x", k), "key "+k.ID().String(); got != want {
		t.Errorf("%%x is %q, want %q", got, want)
	}
}

// TestIDs pins how IDs are derived: another version must name keys alike.
func TestIDs(t *testing.T) {
	var k Key
	for i := range k {
		k[i] = byte(i + 1)
	}
	if k.ID() != 0x929aff02 || k.ID().String() != "929aff02" {
		t.Errorf("ID %v", k.ID())
	}
	rapid.Check(t, func(t *rapid.T) {
		id := keys.Draw(t, "key").ID()
		if got, err := ParseID(id.String()); err != nil || got != id || id == 0 {
			t.Fatalf("%v became %v: %v", id, got, err)
		}
	})
	if id, err := ParseID("0000ABcd"); err != nil || id != 0xabcd {
		t.Errorf("got %v, %v", id, err)
	}
	for _, bad := range []string{"", "1", "+1234567", "0x123456", "1234567g", "123456789", "00000000", k.Text()} {
		if id, err := ParseID(bad); err == nil || id != 0 || len(bad) > 8 && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v, %v", bad, id, err)
		}
	}
}

func TestNewKeysDiffer(t *testing.T) {
	seen := make(map[Key]bool)
	for range 100 {
		seen[NewKey()] = true
	}
	if len(seen) != 100 || seen[Key{}] {
		t.Errorf("%d different keys of 100", len(seen))
	}
}

// FuzzParseKey: what is read has one canonical text, and no error shows what was
// given.
func FuzzParseKey(f *testing.F) {
	k := Key{1, 0xfb, 0xff, 0xfe}
	for _, text := range []string{k.Text(), strings.TrimRight(k.Text(), "="), hex.EncodeToString(k[:]),
		base64.URLEncoding.EncodeToString(k[:]), "", strings.Repeat("\n", 43), strings.Repeat("=", 44), strings.Repeat("0", 64)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text)
		if err != nil {
			if k != (Key{}) {
				t.Fatal("a key besides an error")
			}
			if len(text) > 20 && strings.Contains(err.Error(), text) {
				t.Fatalf("%v shows the text", err)
			}
			return
		}
		if again, err := ParseKey(k.Text()); err != nil || again != k {
			t.Fatalf("%q is not read as it is written: %v", text, err)
		}
		std := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		if len(text) != 64 && std != strings.TrimRight(k.Text(), "=") || len(text) == 64 && !strings.EqualFold(text, hex.EncodeToString(k[:])) {
			t.Fatalf("%q stands for %s", text, k.Text())
		}
	})
}
