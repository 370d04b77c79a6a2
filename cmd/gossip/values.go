package main

import (
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Flag values that know their range. pflag puts the flag's name and what was
// given in front of their errors.

// intValue is an integer from least to most.
type intValue struct {
	p           *int
	least, most int
}

func (v intValue) String() string { return strconv.Itoa(*v.p) }
func (v intValue) Type() string   { return "N" }

func (v intValue) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < v.least || n > v.most {
		return fmt.Errorf("allowed: %d to %d", v.least, v.most)
	}
	*v.p = n
	return nil
}

// seedValue is any 64-bit number.
type seedValue struct{ p *uint64 }

func (v seedValue) String() string { return strconv.FormatUint(*v.p, 10) }
func (v seedValue) Type() string   { return "N" }

func (v seedValue) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return fmt.Errorf("allowed: 0 to %d", uint64(math.MaxUint64))
	}
	*v.p = n
	return nil
}

// addressValue is a "host:port" to listen on.
type addressValue struct{ p *string }

func (v addressValue) String() string { return *v.p }
func (v addressValue) Type() string   { return "HOST:PORT" }

func (v addressValue) Set(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("allowed: HOST:PORT with a port of 0 to 65535, as in 127.0.0.1:7946, [::1]:7946 or :0")
	}
	*v.p = text
	return nil
}

// sizeValue is a number of bytes from least to most.
type sizeValue struct {
	p           *int
	least, most int
}

func (v sizeValue) String() string { return formatSize(*v.p) }
func (v sizeValue) Type() string   { return "SIZE" }

func (v sizeValue) Set(text string) error {
	n, err := parseSize(text)
	if err != nil || n < v.least || n > v.most {
		return fmt.Errorf("allowed: %s to %s, as a number of bytes or of KiB, MiB or GiB",
			formatSize(v.least), formatSize(v.most))
	}
	*v.p = n
	return nil
}

var sizeUnits = []struct {
	name  string
	bytes int
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

func parseSize(text string) (int, error) {
	unit := 1
	for _, u := range sizeUnits {
		if number, found := strings.CutSuffix(text, u.name); found {
			text, unit = strings.TrimSpace(number), u.bytes
			break
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, err
	}
	if n < 0 || n > math.MaxInt/unit {
		return 0, errors.New("out of range")
	}
	return n * unit, nil
}

func formatSize(n int) string {
	for _, u := range sizeUnits {
		if n >= u.bytes && n%u.bytes == 0 {
			return strconv.Itoa(n/u.bytes) + u.name
		}
	}
	return strconv.Itoa(n)
}

// durationValue is a time from least to most.
type durationValue struct {
	p           *time.Duration
	least, most time.Duration
}

func (v durationValue) String() string { return shortDuration(*v.p) }
func (v durationValue) Type() string   { return "TIME" }

func (v durationValue) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d < v.least || d > v.most {
		return fmt.Errorf("allowed: %s to %s, with its unit, as in 90s or 1h30m",
			shortDuration(v.least), shortDuration(v.most))
	}
	*v.p = d
	return nil
}

// shortDuration leaves the zeros out of "1h0m0s".
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// choiceValue is one of some words.
type choiceValue struct {
	p     *string
	words []string
}

func (v choiceValue) String() string { return *v.p }
func (v choiceValue) Type() string   { return "WORD" }

func (v choiceValue) Set(text string) error {
	if !slices.Contains(v.words, text) {
		return fmt.Errorf("allowed: %s", strings.Join(v.words, ", "))
	}
	*v.p = text
	return nil
}

// nameValue is text that is not empty.
type nameValue struct{ p *string }

func (v nameValue) String() string { return *v.p }
func (v nameValue) Type() string   { return "NAME" }

func (v nameValue) Set(text string) error {
	if text == "" {
		return errors.New("allowed: 1 to 128 bytes of printable text")
	}
	*v.p = text
	return nil
}
