package vclock

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// String returns the clock for people: {p1:1, p2:3}, sorted by name and then by
// incarnation. Epochs are left out, and so is the incarnation unless the same name
// occurs twice in this clock: {p1#17:1, p1#42:2}. Names that are empty, contain a space or one
// of {}:,#"\, or are not plainly printable are quoted as by [strconv.Quote].
// Use [Clock.MarshalText] for a form that can be read back. O(n log n).
func (c Clock) String() string {
	es := c.sorted()
	return string(appendText(nil, es, false, func(i int) bool {
		name := es[i].key.Name
		return i > 0 && es[i-1].key.Name == name || i+1 < len(es) && es[i+1].key.Name == name
	}))
}

// MarshalText returns the clock as [Clock.String] does, except that no
// incarnation other than 0 is left out, so that [Clock.UnmarshalText] gives
// back the same clock: {p1#17:1, p2:3}. An epoch follows the count: {p1:3:7}.
// Equal clocks have equal texts. The error is always nil. O(n log n).
func (c Clock) MarshalText() ([]byte, error) {
	return appendText(nil, c.sorted(), true, func(int) bool { return true }), nil
}

// UnmarshalText replaces c by the clock that text describes, in the form that
// [Clock.MarshalText] writes. People may have edited it: entries may come in
// any order, with spaces around them. An origin that occurs twice, a count of
// zero, an entry that is older than the newest one's horizon, and anything after
// the closing brace are errors. The error says at which
// byte it was found and what is allowed there; c is then unchanged.
// O(n log n); memory is proportional to the text.
func (c *Clock) UnmarshalText(text []byte) error {
	r := textReader{text: string(text)}
	es, err := r.clock()
	if err != nil {
		return fmt.Errorf("vclock: text form: at byte %d: %w", r.at, err)
	}
	d, err := fromDecoded(es)
	if err != nil {
		return fmt.Errorf("vclock: text form: %w", err)
	}
	*c = d
	return nil
}

var errEpoch = errors.New("epoch out of range, want 1 to 4294967295 (an entry without one has none)")

var errZeroCount = errors.New("count is 0, want 1 to 18446744073709551615 (an absent origin has count 0)")

// fromDecoded is fromEntries for entries that may hold an origin twice. Of
// several such origins it blames the least, because the order of hashes differs
// from one process to the next.
func fromDecoded(es []entry) (Clock, error) {
	c := fromEntries(es)
	var twice *key
	for i := 1; i < len(es); i++ {
		k := es[i].key
		if compareKeys(es[i-1].key, k) == 0 && (twice == nil || k.Origin.Compare(twice.Origin) < 0) {
			twice = k
		}
	}
	if twice != nil {
		return Clock{}, fmt.Errorf("origin %s occurs twice, want one entry for each", brief(twice.Origin))
	}
	return c, c.checkEpochs()
}

// checkEpochs reports the least origin whose entry the clock should not have (E2).
func (c Clock) checkEpochs() error {
	if floor(c.epoch) == 0 {
		return nil
	}
	for _, e := range c.sorted() {
		if e.key.isBefore(floor(c.epoch)) {
			return fmt.Errorf("origin %s has epoch %d, want %d to %d or none, as the newest is %d",
				brief(e.key.Origin), e.key.epoch, floor(c.epoch), c.epoch, c.epoch)
		}
	}
	return nil
}

// brief names o in an error. Names from outside can be of any length.
func brief(o Origin) string {
	return fmt.Sprintf("%.60q#%d", o.Name, o.Incarnation)
}

// appendText appends es, which are sorted, with their epochs or without. distinct
// tells where an incarnation other than 0 has to be shown.
func appendText(b []byte, es []entry, epochs bool, distinct func(i int) bool) []byte {
	b = append(b, '{')
	for i, e := range es {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendName(b, e.key.Name)
		if inc := e.key.Incarnation; inc != 0 && distinct(i) {
			b = strconv.AppendUint(append(b, '#'), inc, 10)
		}
		b = strconv.AppendUint(append(b, ':'), e.n, 10)
		if epochs && e.key.epoch != 0 {
			b = strconv.AppendUint(append(b, ':'), uint64(e.key.epoch), 10)
		}
	}
	return append(b, '}')
}

func appendName(b []byte, name string) []byte {
	if name == "" || plainPrefix(name) < len(name) {
		return strconv.AppendQuote(b, name)
	}
	return append(b, name...)
}

// plainPrefix returns the length of the longest prefix of s that may stand
// without quotes.
func plainPrefix(s string) int {
	for i, r := range s {
		if !unicode.IsPrint(r) || strings.ContainsRune(` {}:,#"\`, r) {
			return i
		}
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)) {
			return i // a byte that is not UTF-8
		}
	}
	return len(s)
}

// textReader reads
//
//	clock = "{" [ entry { "," entry } ] "}"
//	entry = name [ "#" incarnation ] ":" count [ ":" epoch ]
//	name  = plain runes | Go string literal in double quotes
//
// with spaces around an entry and around the whole. at is where an error is.
type textReader struct {
	text string
	at   int
}

func (r *textReader) clock() ([]entry, error) {
	r.spaces()
	if !r.take('{') {
		return nil, r.want(`"{"`)
	}
	es, err := r.entries()
	if err != nil {
		return nil, err
	}
	r.spaces()
	if r.at < len(r.text) {
		return nil, r.want("nothing after the closing brace")
	}
	return es, nil
}

func (r *textReader) entries() (es []entry, err error) {
	r.spaces()
	if r.take('}') {
		return nil, nil
	}
	for {
		e, err := r.entry()
		if err != nil {
			return nil, err
		}
		es = append(es, e)
		r.spaces()
		switch {
		case r.take('}'):
			return es, nil
		case !r.take(','):
			return nil, r.want(`"," or "}"`)
		}
		r.spaces()
	}
}

func (r *textReader) entry() (e entry, err error) {
	var o Origin
	if o.Name, err = r.name(); err != nil {
		return e, err
	}
	if r.take('#') {
		if o.Incarnation, err = r.number("an incarnation"); err != nil {
			return e, err
		}
	}
	if !r.take(':') {
		return e, r.want(`":" and a count`)
	}
	start := r.at
	n, err := r.number("a count")
	if err == nil && n == 0 {
		r.at = start
		err = errZeroCount
	}
	if err != nil {
		return e, err
	}
	epoch := uint64(0)
	if r.take(':') {
		start := r.at
		if epoch, err = r.number("an epoch"); err != nil {
			return e, err
		}
		if epoch == 0 || epoch > math.MaxUint32 {
			r.at = start
			return e, errEpoch
		}
	}
	return newEntry(o, n, uint32(epoch)), nil
}

func (r *textReader) name() (string, error) {
	rest := r.text[r.at:]
	if !strings.HasPrefix(rest, `"`) {
		n := plainPrefix(rest)
		if n == 0 {
			return "", r.want("a name")
		}
		r.at += n
		return strings.Clone(rest[:n]), nil // the clock must not keep the whole text alive
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return "", r.want("a name in double quotes, escaped as in Go")
	}
	name, err := strconv.Unquote(quoted)
	if err != nil {
		return "", r.want("a name in double quotes, escaped as in Go")
	}
	r.at += len(quoted)
	return strings.Clone(name), nil
}

func (r *textReader) number(what string) (uint64, error) {
	end := r.at
	for end < len(r.text) && '0' <= r.text[end] && r.text[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(r.text[r.at:end], 10, 64)
	if err != nil {
		return 0, r.want(what + ", a decimal number up to 18446744073709551615")
	}
	r.at = end
	return n, nil
}

func (r *textReader) spaces() {
	rest := r.text[r.at:]
	r.at += len(rest) - len(strings.TrimLeft(rest, " \t\r\n"))
}

func (r *textReader) take(c byte) bool {
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

// want says what is allowed here and quotes a little of what is there.
func (r *textReader) want(what string) error {
	if r.at == len(r.text) {
		return fmt.Errorf("text ends, want %s", what)
	}
	return fmt.Errorf("found %.12q, want %s", r.text[r.at:], what)
}
