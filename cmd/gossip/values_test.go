package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "17": 17, "17B": 17, "1KiB": 1 << 10, "64MiB": 64 << 20, "3 GiB": 3 << 30} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q is %d (%v), want %d", text, got, err, want)
		}
		if again, err := parseSize(formatSize(want)); err != nil || again != want {
			t.Errorf("%d is written %q and read as %d (%v)", want, formatSize(want), again, err)
		}
	}
	for _, text := range []string{"", "B", "-1", "1kB", "1.5MiB", "9999999999GiB", "99999999999999999999"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q is %d, want an error", text, got)
		}
	}
}

func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", time.Minute: "1m", 10 * time.Minute: "10m", time.Hour: "1h",
		90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s",
	} {
		if got := shortDuration(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func TestReadLines(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for text, want := range map[string][]string{
		"":                       nil,
		"\n":                     {""},
		"a\nbc\n":                {"a", "bc"},
		"a\nbc":                  {"a", "bc"},
		"a\r\nb\rc\n\r\n":        {"a", "b\rc", ""},
		"12345\n123456\n1\n":     {"12345", "too long", "1"},
		"12345\r\n123456\r\n1":   {"12345", "too long", "1"},
		long + "\na\n" + long:    {"too long", "a", "too long"},
		"a\n\n" + long + "\n\nb": {"a", "", "too long", "", "b"},
	} {
		var got []string
		err := readLines(iotest.HalfReader(strings.NewReader(text)), 5, func(number int, line []byte, err error) error {
			if number != len(got)+1 {
				t.Errorf("line %d has the number %d", len(got)+1, number)
			}
			if err != nil {
				line = []byte("too long")
			}
			got = append(got, string(line))
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%.30q gives %q (%v), want %q", text, got, err, want)
		}
	}
	err := readLines(iotest.ErrReader(iotest.ErrTimeout), 5, func(int, []byte, error) error { return nil })
	if err != iotest.ErrTimeout {
		t.Errorf("got %v, want the reader's error", err)
	}
}

func TestPrintable(t *testing.T) {
	for payload, want := range map[string]string{
		"":             "",
		"häufig 世界\t.": "häufig 世界\t.",
		"two\nlines":   `"two\nlines"`,
		"\x1b[2Jgone":  `"\x1b[2Jgone"`,
		"\xff":         `"\xff"`,
		"rtl \u202e x": `"rtl \u202e x"`,
	} {
		if got := printable([]byte(payload)); got != want {
			t.Errorf("%q is printed as %s, want %s", payload, got, want)
		}
	}
}

func TestLongClocksAreShortened(t *testing.T) {
	var c vclock.Clock
	for i := range 32 {
		c = c.Increment(fmt.Sprintf("n%02d", i))
	}
	if got, want := shorten(c, "n31", 40), "{n00:1, n01:1, n02:1, n31:1, +28 more}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	small := vclock.FromMap(map[string]uint64{"a": 1, "b": 2})
	if got := shorten(small, "a", 40); got != "{a:1, b:2}" {
		t.Errorf("got %s", got)
	}
	a, b := differing(small, vclock.FromMap(map[string]uint64{"a": 1, "c": 3}))
	if a != "{b:2, c:0}" || b != "{b:0, c:3}" {
		t.Errorf("got %s and %s", a, b)
	}
}
