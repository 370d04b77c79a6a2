package identity

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	p := Generate().Public()
	for _, tt := range []struct {
		label, want string // in the error
	}{
		{"a", ""},
		{"übung 日本", ""},
		{strings.Repeat("n", MaxLabel), ""},
		{"", "empty"},
		{strings.Repeat("n", MaxLabel+1), "85 bytes"},
		{"a~b", "~"},
		{"a\nb", "printable"},
		{"\u202ea", "printable"},
		{"a\xff", "UTF-8"},
	} {
		name, err := Name(tt.label, p)
		if tt.want != "" {
			if err == nil || name != "" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q: %q, %v", tt.label, name, err)
			}
			continue
		}
		label, q, ok := Split(name)
		if err != nil || !ok || label != tt.label || q != p || len(name) > 128 {
			t.Errorf("%q became %q, and that %q %v %v; %v", tt.label, name, label, q, ok, err)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	p := Generate().Public().String()
	for why, name := range map[string]string{
		"nothing":            "",
		"a plain name":       "node-1",
		"a key alone":        p,
		"no label":           "~" + p,
		"another mark":       "a-" + p,
		"two marks":          "a~b~" + p,
		"a key cut off":      "a~" + p[:42],
		"bits left over":     "a~" + strings.Repeat("A", 42) + "B",
		"padding":            "a~" + p[:42] + "=",
		"a line end":         "a~" + p[:42] + "\n",
		"a label too long":   strings.Repeat("n", MaxLabel+1) + "~" + p,
		"something after it": "a~" + p + " ",
	} {
		if label, _, ok := Split(name); ok || label != "" {
			t.Errorf("%s: %q passes", why, name)
		}
	}
}

// FuzzSplit: a name has one form.
func FuzzSplit(f *testing.F) {
	p := fromSeed(make([]byte, 32)).Public().String()
	for _, name := range []string{"a~" + p, p, "", "~" + p, "a~b~" + p} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		label, p, ok := Split(name)
		if !ok {
			return
		}
		if again := label + mark + p.String(); again != name {
			t.Fatalf("%q has another form, %q", name, again)
		}
		if CheckLabel(label) == nil {
			if again, err := Name(label, p); err != nil || again != name {
				t.Fatalf("%q, %v", again, err)
			}
		}
	})
}
