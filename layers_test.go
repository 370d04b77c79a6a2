package gossipProtocol_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/Ishan27gOrg/gossipProtocol"

// pure are the packages that a driver steps. What they may not import is what
// would let real time, real chance or the outside world in.
var pure = []string{"peer", "vclock", "peersampling", "broadcast", "causal", "protocol", "sim/overlay"}

// examples are programs that use the library and are no part of it.
var examples = []string{"examples/cache", "examples/chat", "examples/flags", "examples/logmerge", "examples/presence"}

// forbidden says which packages may not import what, and why. A pattern that
// ends in "/..." is a prefix.
var forbidden = []struct {
	packages []string
	imports  []string
	except   []string
	why      string
}{
	{pure, []string{"net", "os", "syscall", "io/fs"}, nil,
		"protocol code reads no socket and no file: the driver does, so that a simulator can be the driver"},
	{pure, []string{"sync", "sync/...", "context"}, nil,
		"one goroutine owns a machine, so there is nothing to lock and nothing to cancel"},
	{pure, []string{"log", "log/slog"}, nil,
		"what happened goes out as values and counters; the driver decides what is worth a line"},
	{pure, []string{"crypto/rand", "math/rand"}, nil,
		"randomness comes in as a *rand.PCG, 16 bytes that a seed decides"},
	{pure, []string{module + "/gossip", module + "/sim", module + "/internal/...", module}, nil,
		"dependencies point downwards"},
	{[]string{"broadcast"}, []string{module + "/peersampling", module + "/causal", module + "/protocol"}, nil,
		"links and relay know neither where peers come from nor when a message may be delivered; protocol joins them"},
	{[]string{"peersampling"}, []string{module + "/vclock", module + "/broadcast", module + "/causal", module + "/protocol"}, nil,
		"the sampling service is useful alone and knows nothing of broadcasts"},
	{[]string{"causal"}, []string{module + "/peersampling", module + "/protocol"}, nil,
		"order is about messages, not about peers"},
	{[]string{"vclock"}, []string{module + "/..."}, []string{module + "/peer"},
		"vector clocks are useful alone; only the noun for an origin is shared"},
	{[]string{"peer"}, []string{module + "/..."}, nil,
		"the nouns that everybody shares depend on nobody"},
	{[]string{"gossip"}, []string{module + "/sim", module}, nil,
		"the runtime and the simulator are siblings, and the facade is on top"},
	{[]string{"sim"}, []string{module + "/gossip", module + "/internal/transport", "net", module}, nil,
		"the simulator drives the machine itself, not the runtime; internal/wire it may use, to let through only what bytes can say and to count them"},
	{[]string{"sim/overlay"}, []string{module + "/..."}, []string{module + "/peer", module + "/peersampling"},
		"overlays are simulated with the engine that nodes run and nothing else"},
	{[]string{"internal/wire"}, []string{module + "/gossip", module + "/sim", "net", "os", "log/slog"}, nil,
		"encoding is bytes to values and back; only address types come from outside"},
	{[]string{"internal/transport"}, []string{module + "/..."}, nil,
		"sockets carry bytes and know no protocol"},
	{[]string{"keyring", "identity"}, []string{module + "/..."}, []string{module + "/internal/secretfile", module + "/internal/changes"},
		"keys are handed to whoever needs them, and know nobody"},
	{[]string{"internal/changes"}, []string{module + "/..."}, nil,
		"who tells that something has changed does not know what"},
	{[]string{"internal/secretfile"}, []string{module + "/...", "log", "log/slog"}, nil,
		"what reads secrets knows nobody and writes no log"},
	{[]string{"internal/seal", "internal/secure"}, []string{module + "/...", "log/slog"}, []string{module + "/keyring", module + "/internal/secretfile"},
		"they protect bytes whatever these mean, and what holds secrets writes no log"},
	{[]string{"internal/guard"}, []string{module + "/...", "net", "os", "syscall", "context", "log", "log/slog", "crypto/rand", "math/rand", "math/rand/v2"}, nil,
		"who gets in is decided by addresses, times and counters that the caller hands in; only Doors has a lock"},
	{[]string{"internal/stage"}, []string{module + "/protocol", module + "/causal", module + "/broadcast", module + "/internal/wire", module + "/sim/overlay", "net", "os", module}, nil,
		"what plays scenarios with real nodes sees of them what an application sees, and of the network its transports"},
	{[]string{"delegate"}, []string{module + "/..."}, []string{module + "/gossip"},
		"an adapter for programs of another style has nothing that applications have not"},
	{[]string{"internal/oracle"}, []string{module + "/..."}, []string{module + "/vclock", module + "/causal"},
		"a judge knows what was promised (the order, the clock) and nothing of how it is kept"},
	{[]string{"internal/netns"}, []string{module + "/protocol", module + "/causal", module + "/broadcast", module + "/peersampling", module + "/internal/wire", module + "/internal/transport", module + "/internal/stage", module + "/sim", module + "/sim/overlay", module}, nil,
		"what runs nodes as processes sees of them what an application sees, and of the network what Linux tells"},
	{[]string{"gossip", "sim", "sim/overlay", "internal/oracle", "internal/transport", "internal/wire", "."}, []string{module + "/internal/stage", module + "/internal/netns"}, nil,
		"only tests and the command play scenarios with real nodes"},
	{examples, []string{module + "/...", "testing", "go.uber.org/...", "pgregory.net/..."}, []string{module + "/gossip", module + "/keyring", module + "/vclock"},
		"an example is copied into other modules, which can import only what is published"},
	{[]string{"."}, []string{module + "/protocol", module + "/broadcast", module + "/causal", module + "/internal/..."}, nil,
		"the published interface is a thin facade over package gossip"},
}

// TestNothingIsUnpacked: no few bytes from the network become many, since no package of
// the library knows how to decompress anything.
func TestNothingIsUnpacked(t *testing.T) {
	looked := map[string]bool{}
	for _, rule := range forbidden {
		for _, pkg := range rule.packages {
			if looked[pkg] || slices.Contains(examples, pkg) {
				continue
			}
			looked[pkg] = true
			for imported, file := range importsOf(t, pkg) {
				if matches([]string{"compress/...", "archive/...", "image/gif", "image/png", "net/http"}, imported) {
					t.Errorf("%s imports %s, which decompresses", file, imported)
				}
			}
		}
	}
	t.Logf("%d packages, none of which imports what decompresses", len(looked))
}

// time is not in the table: its Duration is a plain number that every layer
// uses. Reading the clock is what pure packages may not do.
var clocks = []string{"time.Now(", "time.Since(", "time.After(", "time.Sleep(", "time.NewTimer(", "time.NewTicker(", "time.AfterFunc("}

func TestLayers(t *testing.T) {
	for _, rule := range forbidden {
		for _, pkg := range rule.packages {
			for imported, file := range importsOf(t, pkg) {
				if matches(rule.imports, imported) && !slices.Contains(rule.except, imported) {
					t.Errorf("%s imports %s: %s", file, imported, rule.why)
				}
			}
		}
	}
}

func TestPurePackagesAskNoClock(t *testing.T) {
	for _, pkg := range append([]string{"internal/guard"}, pure...) {
		for _, file := range sources(t, pkg) {
			text := read(t, file)
			for _, call := range clocks {
				if strings.Contains(text, call) {
					t.Errorf("%s calls %s…): time comes in as an argument", file, call)
				}
			}
		}
	}
}

func matches(patterns []string, imported string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if prefix, ok := strings.CutSuffix(p, "/..."); ok {
			return imported == prefix || strings.HasPrefix(imported, prefix+"/")
		}
		return imported == p
	})
}

// importsOf maps what a package imports, outside its tests, to a file that does.
func importsOf(t *testing.T, pkg string) map[string]string {
	t.Helper()
	imports := make(map[string]string)
	for _, file := range sources(t, pkg) {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			imports[name] = file
		}
	}
	return imports
}

func sources(t *testing.T, pkg string) []string {
	t.Helper()
	files, err := filepath.Glob(path.Join(pkg, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
	if len(files) == 0 {
		t.Fatalf("%s has no Go files: a rule names a package that is gone", pkg)
	}
	return files
}

// libraryRequires is all that a program takes on with the library. What is heavy
// belongs to the command, or to another module of its own.
var libraryRequires = []string{
	"golang.org/x/crypto",                      // XChaCha20-Poly1305, whose nonces may be random; the standard library has none
	"golang.org/x/sys",                         // what that asks of the processor
	"golang.org/x/time",                        // token buckets, which are easily got wrong by a rounding
	"go.uber.org/goleak", "pgregory.net/rapid", // for tests only
}

func TestTheLibraryRequiresLittle(t *testing.T) {
	found := 0
	for line := range strings.Lines(read(t, "go.mod")) {
		f := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(f) < 2 || !strings.Contains(f[0], ".") || !strings.HasPrefix(f[1], "v") {
			continue
		}
		found++
		if !slices.Contains(libraryRequires, f[0]) {
			t.Errorf("go.mod requires %s: can it live in the module of the command?", f[0])
		}
	}
	if found != len(libraryRequires) {
		t.Errorf("found %d requirements in go.mod, want %v", found, libraryRequires)
	}
}

// isModule reports whether the directory is a module of its own, outside the
// layers of the library.
func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// TestEveryPackageHasRules: a new package must be given its place.
func TestEveryPackageHasRules(t *testing.T) {
	known := map[string]bool{}
	for _, rule := range forbidden {
		for _, pkg := range rule.packages {
			known[pkg] = true
		}
	}
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || isModule(p)):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go"):
			return nil
		}
		if pkg := filepath.ToSlash(filepath.Dir(p)); !known[pkg] {
			t.Errorf("package %s has no place in the layers: add it to the table", pkg)
			known[pkg] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
