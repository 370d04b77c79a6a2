package vclock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MarshalJSON returns the clock as an object from origins to counts, sorted by
// name and then by incarnation: {"p1#17":1,"p2":3}. A key is the name, followed
// by "#" and the incarnation unless that is 0. In the name, "#" is written %23,
// "%" is written %25, and each byte that is not UTF-8 is written as % and two
// hexadecimal digits. Equal clocks have equal JSON. The error is always nil
// unless encoding/json fails. O(n log n).
//
// Epochs are left out, so that programs in any language find numbers. Clocks that
// are read back from JSON compare with each other as counts do: rightly, unless the
// later one had forgotten what the earlier one counts. [Clock.MarshalText] and
// [Clock.MarshalBinary] leave nothing out.
//
// Counts are JSON numbers in full 64-bit precision. Readers that take them for
// floating-point numbers, as JavaScript does, lose precision above 2^53.
func (c Clock) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, e := range c.sorted() {
		if i > 0 {
			b = append(b, ',')
		}
		key, err := json.Marshal(jsonKey(e.key.Origin))
		if err != nil {
			return nil, fmt.Errorf("vclock: JSON form: origin %s: %w", brief(e.key.Origin), err)
		}
		b = strconv.AppendUint(append(append(b, key...), ':'), e.n, 10)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON replaces c by the clock that data describes, in the form that
// [Clock.MarshalJSON] writes; keys may come in any order. An origin that occurs
// twice, and a count that is not a whole number from 1 to 2^64-1, are errors,
// which say what was found and what is allowed; c is then unchanged. By
// convention null is not an error and leaves c unchanged, too. O(n log n);
// memory is proportional to data.
func (c *Clock) UnmarshalJSON(data []byte) error {
	if string(bytes.TrimSpace(data)) == "null" {
		return nil
	}
	d, err := readJSON(data)
	if err != nil {
		return fmt.Errorf("vclock: JSON form: %w", err)
	}
	*c = d
	return nil
}

// readJSON goes token by token because decoding into a map would silently take
// the last of two equal keys.
func readJSON(data []byte) (Clock, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil {
		return Clock{}, noEOF(err)
	} else if t != json.Delim('{') {
		return Clock{}, fmt.Errorf("found %.20q, want an object", fmt.Sprint(t))
	}
	var es []entry
	for dec.More() {
		e, err := readJSONEntry(dec)
		if err != nil {
			return Clock{}, err
		}
		es = append(es, e)
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return Clock{}, noEOF(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return Clock{}, errors.New("data after the object, want none")
	}
	return fromDecoded(es)
}

func readJSONEntry(dec *json.Decoder) (e entry, err error) {
	t, err := dec.Token()
	if err != nil {
		return e, noEOF(err)
	}
	key, ok := t.(string)
	if !ok {
		return e, fmt.Errorf("found %.20q, want a key", fmt.Sprint(t))
	}
	o, err := parseJSONKey(key)
	if err != nil {
		return e, fmt.Errorf("key %.60q: %w", key, err)
	}
	n, err := readJSONCount(dec)
	if err != nil {
		return e, fmt.Errorf("key %.60q: %w", key, err)
	}
	return newEntry(o, n, 0), nil
}

func readJSONCount(dec *json.Decoder) (uint64, error) {
	t, err := dec.Token()
	if err != nil {
		return 0, noEOF(err)
	}
	digits, ok := t.(json.Number)
	if !ok {
		return 0, fmt.Errorf("found %.20q, want a number", fmt.Sprint(t))
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("count %.30q, want a whole number from 1 to 18446744073709551615", string(digits))
	}
	if n == 0 {
		return 0, errZeroCount
	}
	return n, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// jsonKey escapes what would be taken for the separator and what a JSON string
// cannot hold; everything else is left to encoding/json.
func jsonKey(o Origin) string {
	var b strings.Builder
	for i, r := range o.Name {
		_, size := utf8.DecodeRuneInString(o.Name[i:])
		if r == '#' || r == '%' || r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, "%%%02X", o.Name[i])
			continue
		}
		b.WriteRune(r)
	}
	if o.Incarnation != 0 {
		b.WriteByte('#')
		b.WriteString(strconv.FormatUint(o.Incarnation, 10))
	}
	return b.String()
}

func parseJSONKey(key string) (o Origin, err error) {
	name, inc, found := strings.Cut(key, "#")
	if o.Name, err = unescape(name); err != nil {
		return o, err
	}
	if !found {
		return o, nil
	}
	if o.Incarnation, err = strconv.ParseUint(inc, 10, 64); err != nil {
		return o, fmt.Errorf("incarnation %.30q, want a decimal number up to 18446744073709551615 "+
			`(a "#" within the name is written %%23)`, inc)
	}
	return o, nil
}

func unescape(name string) (string, error) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(name, "%")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		if len(after) < 2 {
			return "", errBadEscape
		}
		c, err := strconv.ParseUint(after[:2], 16, 8)
		if err != nil {
			return "", errBadEscape
		}
		b.WriteByte(byte(c))
		name = after[2:]
	}
}

var errBadEscape = errors.New(`"%" without two hexadecimal digits after it (a "%" within the name is written %25)`)
