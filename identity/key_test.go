package identity

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTheKeyOfRFC8032: a key made elsewhere is the same key here (section 7.1, TEST 2).
func TestTheKeyOfRFC8032(t *testing.T) {
	seed, _ := hex.DecodeString("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
	k, err := Parse(prefix + base64.RawURLEncoding.EncodeToString(seed))
	if err != nil {
		t.Fatal(err)
	}
	public := k.Public()
	if got := hex.EncodeToString(public[:]); got != "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c" {
		t.Errorf("public key %s", got)
	}
	if got := hex.EncodeToString(k.Sign([]byte{0x72})); got != "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" {
		t.Errorf("signature %s", got)
	}
}

func TestSignatures(t *testing.T) {
	k, other := Generate(), Generate()
	s := k.Sign([]byte("hello"))
	if !k.Public().Verify([]byte("hello"), s) {
		t.Error("a right signature is refused")
	}
	if k.Public().Verify([]byte("hallo"), s) || other.Public().Verify([]byte("hello"), s) ||
		k.Public().Verify([]byte("hello"), s[:63]) || k.Public().Verify([]byte("hello"), nil) {
		t.Error("a wrong signature passes")
	}
}

func TestParseRefuses(t *testing.T) {
	good := Generate().Text()
	for why, text := range map[string]string{
		"nothing":                   "",
		"the key of a keyring":      base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"no prefix":                 good[len(prefix):],
		"another prefix":            "rsa" + good,
		"too short":                 good[:len(good)-1],
		"too long":                  good + "A",
		"padding":                   good + "=",
		"a line end inside":         good[:len(good)-1] + "\n",
		"bits left over":            prefix + strings.Repeat("A", 42) + "B",
		"the other base64 alphabet": prefix + strings.Repeat("+", 42) + "A",
	} {
		k, err := Parse(text)
		if err == nil || k != nil {
			t.Errorf("%s: passes", why)
		} else if len(text) > 20 && strings.Contains(err.Error(), text[10:20]) {
			t.Errorf("%s: %v shows the text", why, err)
		}
	}
}

func TestLoad(t *testing.T) {
	k := Generate()
	file := filepath.Join(t.TempDir(), "identity")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		os.Remove(file)
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("# of db-1\n\n"+k.Text()+"\n", 0o600)
	if got, err := Load(file); err != nil || got.Public() != k.Public() {
		t.Errorf("%v, %v", got, err)
	}
	for _, tt := range []struct {
		why, text string
		mode      os.FileMode
		want      string
	}{
		{"others may read it", k.Text(), 0o644, "others may read"},
		{"nothing in it", "# nothing\n", 0o600, "no key"},
		{"two keys", k.Text() + "\n" + k.Text(), 0o600, "line 2: a second key"},
		{"no key", "\nhello", 0o600, "line 2: 5 characters"},
		{"too long", strings.Repeat("#\n", maxFile), 0o600, "more than"},
	} {
		write(tt.text, tt.mode)
		if got, err := Load(file); err == nil || got != nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), k.Text()[10:20]) {
			t.Errorf("%s: %v", tt.why, err)
		}
	}
}

func TestAKeyForAFileDoesNotShow(t *testing.T) {
	k := Generate()
	if _, err := Load(k.Text()); err == nil || strings.Contains(err.Error(), k.Text()[len(prefix):][:10]) {
		t.Errorf("%v", err)
	}
}

// TestKeysDoNotShow: whatever the verb, and however deep.
func TestKeysDoNotShow(t *testing.T) {
	k, err := Parse(prefix + encoding.EncodeToString([]byte("the bytes of this key are text!!")))
	if err != nil {
		t.Fatal(err)
	}
	type config struct {
		Key  *Key
		Val  Key
		key  *Key
		val  Key
		Keys []*Key
		Any  any
	}
	cfg := config{k, *k, k, *k, []*Key{k}, *k}
	check := func(what, text string) {
		t.Helper()
		for _, secret := range []string{"the bytes", k.Text()[len(prefix):][:12], "746865206279", "116 104 101 32", "0x74, 0x68", "74 68 65 20"} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
				t.Errorf("%s shows the key: %s", what, text)
			}
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%o", "%b", "%c", "%U", "%t", "%10v"} {
		for _, v := range []any{k, *k, cfg, &cfg, []Key{*k}} {
			check(verb, fmt.Sprintf(verb, v))
		}
	}
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "key", k, "cfg", cfg)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "key", k)
	check("slog", out.String())
	if !strings.Contains(out.String(), k.Public().String()) {
		t.Errorf("slog does not name the key: %s", out.String())
	}
	if b, err := json.Marshal(k); err == nil {
		t.Errorf("JSON took a key: %s", b)
	}
}

// FuzzParse: what is read is what is written, and no error shows what was given.
func FuzzParse(f *testing.F) {
	good := fromSeed(bytes.Repeat([]byte{0xfb}, 32)).Text()
	for _, text := range []string{good, "", prefix, good[:20], good + "=", good[len(prefix):]} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := Parse(text)
		switch {
		case err == nil && k.Text() != text:
			t.Fatalf("%q is read, and written as another text", text)
		case err != nil && len(text) > 30 && strings.Contains(err.Error(), text):
			t.Fatalf("%v shows the text", err)
		}
	})
}
