package main

import (
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/sim/overlay"
)

// FuzzValues holds what is true of every flag's value: what is refused changes
// nothing and is refused with what is allowed, and what is taken prints as what is
// taken again.
func FuzzValues(f *testing.F) {
	for _, text := range []string{
		"", "0", "7", "-1", "010", "0x1f", "18446744073709551615", "18446744073709551616", "1e300", "NaN", "Inf", "-0", "0.999999", "1_000",
		"1KiB", "3 GiB", "9999999999GiB", "B", "90s", "1h30m", "1h0m0.000000001s", "-1s", "2562047h47m16.854775807s",
		"127.0.0.1:7946", "[::1]:0", ":0", ":65536", "a:b:1", "causal", "fifo", "0.5@100,0.9@200", "0.5@1,x", "0.5@0", "@", "NaN@1", "a\nb",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, seed, address, size, duration, word, name, share, periods := 5, uint64(5), ":5", 5, time.Second, "causal", "ann", 0.5, 0.5
		kills := []overlay.Kill{{Fraction: 0.5, Cycle: 5}}
		file, folder := "scenario.txt", "experiments"
		for _, v := range []pflag.Value{
			intValue{&n, 1, 32}, seedValue{&seed}, addressValue{&address}, sizeValue{&size, 1, maxLogBytes},
			durationValue{&duration, time.Second, 1000 * time.Hour}, choiceValue{&word, []string{"causal", "fifo"}},
			nameValue{&name}, shareValue{&share}, periodsValue{&periods}, killsValue{&kills}, fileValue{&file}, folderValue{&folder},
		} {
			before := v.String()
			err := v.Set(text)
			after := v.String()
			switch _, isList := v.(killsValue); {
			case err != nil && after != before:
				t.Fatalf("%T refuses %q and is %s instead of %s", v, text, after, before)
			case err != nil && !strings.HasPrefix(err.Error(), "allowed: "):
				t.Fatalf("%T refuses %q with %v", v, text, err)
			case err != nil:
			case isList:
				kills = nil
				if err := v.Set(after); err != nil || v.String() != after {
					t.Fatalf("%T takes %q as %s, and that as %v, %v", v, text, after, v, err)
				}
			default:
				if err := v.Set(after); err != nil || v.String() != after {
					t.Fatalf("%T takes %q as %s, and that as %v, %v", v, text, after, v, err)
				}
			}
		}
		if err := transport.CheckListen(address); err != nil {
			t.Fatalf("the flag takes %q, and the node refuses it: %v", address, err)
		}
		if n < 1 || n > 32 || size < 1 || size > maxLogBytes || duration < time.Second || duration > 1000*time.Hour || !(share >= 0 && share < 1) || !(periods >= 0 && periods <= 100) {
			t.Fatalf("%q is out of range: %d, %d, %v, %v, %v", text, n, size, duration, share, periods)
		}
	})
}

// FuzzNodeFlags reads command lines of the flags that a node has. Either an error
// tells of a flag, or what they say is a configuration whose policy is valid, or is
// refused by the name of a flag that there is.
func FuzzNodeFlags(f *testing.F) {
	for _, line := range []string{
		"", "--id ann --listen :7946 --join 10.0.0.1:1,10.0.0.2:2 --join [::1]:3", "--policy brahms --view 8", "--healing 3 --swap 99",
		"--view-select head --select tail --propagate push", "--view-select head --healing 1", "--log-bytes 1B", "--retention 1000h --horizon 8s",
		"--join=\"a,b", "--nothing", "-x", "--", "--view", "--view=2 --policy cyclon --swap 1", "--help", "--order=unordered --history none --links 32",
		"--identity x --roster y",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var flags nodeFlags
		cmd := &cobra.Command{}
		addFlags(cmd, flags.groups("retained")...)
		if err := cmd.ParseFlags(strings.Fields(line)); err != nil {
			if text := err.Error(); !strings.Contains(text, "flag") && !strings.Contains(text, "help") && !strings.Contains(text, "shorthand") {
				t.Fatalf("%q is refused with %v", line, err)
			}
			return
		}
		cfg, err := flags.config(cmd, io.Discard)
		if err != nil && !strings.Contains(err.Error(), "--keyring") && !strings.Contains(err.Error(), "--tls-cert") &&
			!strings.Contains(err.Error(), "--identity") && !strings.Contains(err.Error(), "--roster") {
			t.Fatalf("%q: %v names no flag", line, err)
		}
		if err := cfg.Sampling.Validate(); err != nil {
			name, cause := blamePolicyFlag(err)
			if cmd.Flags().Lookup(name) == nil || !strings.Contains(cause.Error(), "allowed: ") {
				t.Fatalf("%q: %v blames --%s: %v", line, err, name, cause)
			}
		}
		if err := flags.check(false); err == nil && cfg.LogBytes < cfg.MaxPayload {
			t.Fatalf("%q: a log of %d bytes for payloads of %d", line, cfg.LogBytes, cfg.MaxPayload)
		}
		if cfg.Order > gossip.Unordered || cfg.History > gossip.None || cfg.Listen == "" {
			t.Fatalf("%q: %+v", line, cfg)
		}
	})
}

// FuzzReadLines holds the reader of lines, which keeps no more of a line than it may,
// against one that has them all.
func FuzzReadLines(f *testing.F) {
	for _, text := range []string{"", "\n", "a\nbc\n", "a\r\nb\rc\n\r\n", "12345\n123456\n1", "\r", "\r\n\r", strings.Repeat("x", 5000) + "\ny"} {
		f.Add([]byte(text), uint8(5))
	}
	f.Fuzz(func(t *testing.T, text []byte, most uint8) {
		var want []string
		for line := range bytes.Lines(text) {
			if ended, ok := bytes.CutSuffix(line, []byte("\n")); ok {
				line = bytes.TrimSuffix(ended, []byte("\r"))
			}
			want = append(want, string(line))
		}
		number := 0
		err := readLines(iotest.HalfReader(bytes.NewReader(text)), int(most), func(n int, line []byte, err error) error {
			number++
			if n != number || n > len(want) {
				t.Fatalf("line %d of %d is called %d", number, len(want), n)
			}
			switch expected := want[n-1]; {
			case err != nil && (!errors.As(err, new(lineTooLong)) || len(expected) <= int(most)):
				t.Fatalf("line %d, %q, is refused with %v", n, expected, err)
			case err == nil && (string(line) != expected || len(line) > int(most)):
				t.Fatalf("line %d is %q, want %q", n, line, expected)
			}
			return nil
		})
		if err != nil || number != len(want) {
			t.Fatalf("%d lines of %d, %v", number, len(want), err)
		}
		checkLineMemory(t, text, int(most))
	})
}

// checkLineMemory: what is allocated is the reader's buffer, and for each line no more
// than it may have.
func checkLineMemory(t *testing.T, text []byte, most int) {
	t.Helper()
	bound := uint64(16<<10 + (bytes.Count(text, []byte("\n"))+1)*(2*most+256))
	least := uint64(math.MaxUint64)
	for try := 0; try < 5 && least > bound; try++ {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = readLines(bytes.NewReader(text), most, func(int, []byte, error) error { return nil })
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	if least > bound {
		t.Fatalf("%d bytes allocated for %d that came, in lines of at most %d", least, len(text), most)
	}
}

// FuzzPrintable: whatever somebody broadcasts is one line on a terminal and cannot
// move its cursor, and no two payloads that are quoted look alike.
func FuzzPrintable(f *testing.F) {
	for _, text := range []string{"", "häufig 世界\t.", "two\nlines", "\x1b[2Jgone", "\xff", "rtl \u202e x", `"quoted"`, "\u0085", "\u2028"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		text := printable(payload)
		for _, r := range text {
			if r != '\t' && !strconv.IsPrint(r) {
				t.Fatalf("%q is printed as %q", payload, text)
			}
		}
		if text == string(payload) {
			return
		}
		if again, err := strconv.Unquote(text); err != nil || again != string(payload) {
			t.Fatalf("%q is printed as %s, which means %q, %v", payload, text, again, err)
		}
	})
}
