package keyring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestRead(t *testing.T) {
	text := "# the keys of the cluster\r\n\n  " + key(2).Text() + "\t# new\r\n" +
		"\t" + strings.Repeat("ab", 32) + "\n#" + key(9).Text() + "\n" + strings.TrimRight(key(1).Text(), "=")
	r, err := Read(iotest.OneByteReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	var hexed Key
	for i := range hexed {
		hexed[i] = 0xab
	}
	want := ring(t, key(2), key(1), hexed)
	if !slices.Equal(r.Keys(), want.Keys()) {
		t.Errorf("read %v, want %v", r, want)
	}
}

func TestReadRefuses(t *testing.T) {
	var many strings.Builder
	for i := range MaxKeys + 1 {
		fmt.Fprintln(&many, key(byte(i+1)).Text())
	}
	for _, test := range []struct{ name, text, want string }{
		{"nothing", "", "no key"},
		{"comments only", "# nothing\n\n", "no key"},
		{"a bad key", "# one\n\nsecret-secret\n", "line 3: 13 characters"},
		{"two on a line", key(1).Text() + " " + key(2).Text(), "line 1: 89 characters"},
		{"one twice", key(1).Text() + "\n" + key(1).Text(), "twice"},
		{"too many", many.String(), "17 keys"},
		{"endless", strings.Repeat("#\n", maxInput), "more than 65536 bytes"},
	} {
		r, err := Read(strings.NewReader(test.text))
		if err == nil || r != nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want one that says %q", test.name, err, test.want)
		}
	}
	if _, err := Read(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, mode fs.FileMode, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
	return file
}

// TestLoadLooksAtTheMode: the owner and the group may read it, nobody else.
func TestLoadLooksAtTheMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes mean nothing on Windows")
	}
	for _, test := range []struct {
		mode fs.FileMode
		ok   bool
	}{{0o400, true}, {0o600, true}, {0o440, true}, {0o660, true}, {0o601, true}, {0o604, false}, {0o644, false}, {0o602, false}, {0o666, false}} {
		file := write(t, test.mode, key(1).Text())
		_, err := Load(file)
		if (err == nil) != test.ok {
			t.Errorf("mode %#o: %v", test.mode, err)
		}
		if err != nil && (!strings.Contains(err.Error(), fmt.Sprintf("%#o", test.mode)) || !strings.Contains(err.Error(), file)) {
			t.Errorf("mode %#o: %v names not both mode and file", test.mode, err)
		}
	}
}

// TestReload: a file that is no good leaves the ring as it was, and says which.
func TestReload(t *testing.T) {
	r := ring(t, key(1))
	changed, stop := r.Changes()
	defer stop()
	for _, bad := range []string{write(t, 0o600, "nonsense"), write(t, 0o600, ""), filepath.Join(t.TempDir(), "absent")} {
		if err := r.Reload(bad); err == nil || !strings.Contains(err.Error(), bad) || r.Primary() != key(1).ID() {
			t.Errorf("%v; primary %v", err, r.Primary())
		}
	}
	if err := r.Reload(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if len(changed) != 0 {
		t.Error("told of a change")
	}
	if err := r.Reload(write(t, 0o600, key(2).Text()+"\n"+key(1).Text())); err != nil {
		t.Fatal(err)
	}
	<-changed
	if want := []ID{key(2).ID(), key(1).ID()}; !slices.Equal(r.IDs(), want) {
		t.Errorf("holds %v, want %v", r.IDs(), want)
	}
}

func TestFromEnv(t *testing.T) {
	const name = "GOSSIP_TEST_KEYS"
	a, b, c := key(1), key(2), key(3)
	t.Setenv(name, " "+a.Text()+","+b.Text()+"\n"+c.Text()+", ")
	r, err := FromEnv(name)
	if err != nil || !slices.Equal(r.Keys(), ring(t, a, b, c).Keys()) {
		t.Errorf("read %v, %v", r, err)
	}
	for _, test := range []struct{ text, want string }{
		{"", "no key"},
		{a.Text() + " secret-secret", "key 2: 13 characters"},
		{a.Text() + a.Text(), "88 characters"},
		{a.Text() + " " + a.Text(), "twice"},
		{strings.Repeat(" ", maxInput+1), "more than"},
	} {
		t.Setenv(name, test.text)
		_, err := FromEnv(name)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "$"+name) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want one that says %q and $%s", err, test.want, name)
		}
	}
	if err := os.Unsetenv(name); err != nil { // Setenv puts it back
		t.Fatal(err)
	}
	if _, err := FromEnv(name); err == nil || !strings.Contains(err.Error(), "not set") {
		t.Errorf("got %v", err)
	}
}

// TestKeysForNames: who gives the key where its file or variable is asked for finds it
// in no error, as those are logged.
func TestKeysForNames(t *testing.T) {
	for _, text := range []string{key(1).Text(), strings.TrimRight(key(1).Text(), "="), strings.Repeat("ab", 32), " " + key(1).Text() + "\n"} {
		_, file := Load(text)
		_, env := FromEnv(text)
		r := ring(t, key(2))
		for _, err := range []error{file, env, r.Reload(text)} {
			if err == nil || strings.Contains(err.Error(), strings.TrimSpace(text)) || !strings.Contains(err.Error(), "a key stands") {
				t.Errorf("%d characters: %v", len(text), err)
			}
		}
	}
}

// A file whose path could be a key, by its length and letters, is a file.
func TestPathLikeAKey(t *testing.T) {
	dir := t.TempDir()
	// A key is 43 characters, the last of which has two bits more than it needs.
	name := strings.Repeat("x", 42) + "A"
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(key(1).Text()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if !isKey(name) {
		t.Fatalf("%q does not look like a key", name)
	}
	if _, err := Load(name); err != nil {
		t.Error(err)
	}
}

// FuzzRead: a ring that was read reads the same when it is written, and errors
// tell no key.
func FuzzRead(f *testing.F) {
	f.Add(key(1).Text() + "\n" + key(2).Text() + "\n")
	f.Add("# comment\r\n" + strings.Repeat("ab", 32) + " # more")
	f.Add(key(1).Text() + "\n" + key(1).Text())
	f.Add("\n#\n")
	f.Add(strings.Repeat(key(3).Text()[:43]+"\n", 20))
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Read(strings.NewReader(text))
		if err != nil {
			for line := range strings.Lines(text) {
				if line = strings.TrimSpace(line); len(line) > 20 && strings.Contains(err.Error(), line) {
					t.Fatalf("%v shows a line", err)
				}
			}
			return
		}
		var written strings.Builder
		for _, k := range r.Keys() {
			fmt.Fprintln(&written, k.Text())
		}
		again, err := Read(strings.NewReader(written.String()))
		if err != nil || !slices.Equal(again.Keys(), r.Keys()) || r.Primary() == 0 || len(r.Keys()) > MaxKeys {
			t.Fatalf("%v became %v: %v", r, again, err)
		}
	})
}

func TestOpen(t *testing.T) {
	k := NewKey()
	file := filepath.Join(t.TempDir(), "ring")
	if err := os.WriteFile(file, []byte(k.Text()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KEYS_OF_THE_TEST", k.Text())
	for _, source := range []string{file, "env:KEYS_OF_THE_TEST"} {
		r, err := Open(source)
		if err != nil || r.Primary() != k.ID() {
			t.Errorf("%s: %v, %v", source, r, err)
		}
	}
	for _, source := range []string{"", "env:", "env:NOT_SET_AT_ALL", file + "x"} {
		if _, err := Open(source); err == nil {
			t.Errorf("%q is opened", source)
		}
	}
}
