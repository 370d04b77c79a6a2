package vclock

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// codec is one of the three encodings, so that what they have in common is
// tested once.
type codec struct {
	name      string
	marshal   func(Clock) ([]byte, error)
	unmarshal func(*Clock, []byte) error
}

var codecs = []codec{
	{"text", Clock.MarshalText, (*Clock).UnmarshalText},
	{"JSON", func(c Clock) ([]byte, error) { return json.Marshal(c) }, func(c *Clock, b []byte) error { return json.Unmarshal(b, c) }},
	{"JSON itself", Clock.MarshalJSON, (*Clock).UnmarshalJSON},
	{"binary", Clock.MarshalBinary, (*Clock).UnmarshalBinary},
}

// drawAwkward returns a clock with names that no encoding likes.
func drawAwkward(t *rapid.T) Clock {
	name := rapid.OneOf(
		rapid.String(),
		rapid.StringMatching(`[a-c#%:{}," \\]{0,4}`),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 4), func(b []byte) string { return string(b) }),
	)
	var c Clock
	for range rapid.IntRange(0, 30).Draw(t, "size") {
		o := Origin{Name: name.Draw(t, "name")}
		if rapid.Bool().Draw(t, "has lives") {
			o.Incarnation = rapid.Uint64().Draw(t, "incarnation")
		}
		c = c.With(o, rapid.Uint64().Draw(t, "count"))
	}
	return c
}

func TestRoundTrips(t *testing.T) {
	for _, codec := range codecs {
		t.Run(codec.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				c := drawAwkward(t)
				data, err := codec.marshal(c)
				if err != nil {
					t.Fatal(err)
				}
				d := Clock{}.Increment("what was there before")
				if err := codec.unmarshal(&d, data); err != nil {
					t.Fatalf("%q: %v", data, err)
				}
				checkShape(t, d)
				if !d.Equal(c) {
					t.Fatalf("%v came back as %v", c, d)
				}
				if again, _ := codec.marshal(d); !bytes.Equal(again, data) {
					t.Fatalf("equal clocks, but %q and %q", data, again)
				}
			})
		})
	}
}

func TestAppendBinaryAppends(t *testing.T) {
	c := many(3)
	whole, _ := c.MarshalBinary()
	got, err := c.AppendBinary([]byte("before"))
	if err != nil || string(got) != "before"+string(whole) {
		t.Errorf("got %q, %v", got, err)
	}
}

// The bytes on disk and on the wire are a promise.
func TestForms(t *testing.T) {
	c := clock(t, "{p1#17:1, p1#42:300, p2:3}")
	for _, tt := range []struct{ codec, want string }{
		{"text", "{p1#17:1, p1#42:300, p2:3}"},
		{"JSON", `{"p1#17":1,"p1#42":300,"p2":3}`},
		{"binary", "\x01\x03" + "\x02p1\x11\x01" + "\x02p1\x2a\xac\x02" + "\x02p2\x00\x03"},
	} {
		for _, codec := range codecs {
			if got, _ := codec.marshal(c); codec.name == tt.codec && string(got) != tt.want {
				t.Errorf("%s: got %q, want %q", codec.name, got, tt.want)
			}
		}
	}
}

func TestDecodersAcceptWhatPeopleWrite(t *testing.T) {
	want := clock(t, "{p1#17:1, p2:3}")
	for _, tt := range []struct{ codec, in string }{
		{"text", " { p2:3 ,\n\tp1#17:1 } "},
		{"text", `{"p2":3,"\x701"#17:1}`},
		{"text", `{p2#0:03,p1#17:1}`},
		{"JSON", ` { "p2" : 3 , "p1#17" : 1 } `},
		{"JSON", `{"%70%32#0":3,"\u00701#17":1}`},
	} {
		var c Clock
		if err := decode(tt.codec, &c, tt.in); err != nil || !c.Equal(want) {
			t.Errorf("%s %s: got %v, %v", tt.codec, tt.in, c, err)
		}
	}
}

func decode(name string, c *Clock, in string) error {
	for _, codec := range codecs {
		if codec.name == name {
			return codec.unmarshal(c, []byte(in))
		}
	}
	panic(name)
}

// Every error says what was found and what is allowed, and leaves the clock as
// it was.
func TestDecodersRefuse(t *testing.T) {
	huge := strings.Repeat("\xff", 9) + "\x01"
	tests := []struct{ codec, in, want string }{
		{"text", "", `at byte 0: text ends, want "{"`},
		{"text", "p1:1", `found "p1:1", want "{"`},
		{"text", "{", "at byte 1: text ends, want a name"},
		{"text", "{p1:1", `text ends, want "," or "}"`},
		{"text", "{p1:1,}", `found "}", want a name`},
		{"text", "{p1 :1}", `at byte 3: found " :1}", want ":" and a count`},
		{"text", "{p1:}", "want a count, a decimal number up to 18446744073709551615"},
		{"text", "{p1:-1}", "want a count, a decimal number"},
		{"text", "{p1:18446744073709551616}", "want a count, a decimal number up to 18446744073709551615"},
		{"text", "{p1#:1}", "want an incarnation, a decimal number"},
		{"text", "{p1:0}", "at byte 4: count is 0, want 1 to"},
		{"text", "{p1:1, p1:2}", `origin "p1"#0 occurs twice`},
		{"text", "{b:1, a#1:1, a#1:2, b:2}", `origin "a"#1 occurs twice`},
		{"text", "{p1:1} x", `at byte 7: found "x", want nothing after the closing brace`},
		{"text", `{"p1:1}`, "want a name in double quotes"},
		{"text", "{\xff:1}", "want a name"},

		{"JSON itself", "", "unexpected EOF"},
		{"JSON itself", "[1]", `found "[", want an object`},
		{"JSON itself", `"x"`, `found "x", want an object`},
		{"JSON itself", `{"p1":1`, "unexpected EOF"},
		{"JSON itself", `{"p1"`, "unexpected EOF"},
		{"JSON itself", `{"p1":1 "p2":2}`, "invalid character"},
		{"JSON itself", `{"p1":1} {}`, "data after the object, want none"},
		{"JSON", `{"p1":0}`, `key "p1": count is 0`},
		{"JSON", `{"p1":-1}`, `count "-1", want a whole number`},
		{"JSON", `{"p1":1.5}`, `count "1.5", want a whole number`},
		{"JSON", `{"p1":18446744073709551616}`, "want a whole number from 1 to 18446744073709551615"},
		{"JSON", `{"p1":"1"}`, `key "p1": found "1", want a number`},
		{"JSON", `{"p1":null}`, "want a number"},
		{"JSON", `{"p1":{}}`, `found "{", want a number`},
		{"JSON", `{"p1":1,"p1":2}`, `origin "p1"#0 occurs twice`},
		{"JSON", `{"p1#7":1,"%701#7":2}`, `origin "p1"#7 occurs twice`},
		{"JSON", `{"a#b":1}`, `incarnation "b", want a decimal number`},
		{"JSON", `{"a#1#2":1}`, `incarnation "1#2", want a decimal number`},
		{"JSON", `{"100%":1}`, `"%" without two hexadecimal digits`},
		{"JSON", `{"%zz":1}`, `"%" without two hexadecimal digits`},

		{"text", "{p1:1:}", "want an epoch, a decimal number"},
		{"text", "{p1:1:0}", "at byte 6: epoch out of range, want 1 to 4294967295"},
		{"text", "{p1:1:4294967296}", "epoch out of range, want 1 to 4294967295"},
		{"text", "{p1:1:9, p2:1:18}", `origin "p1"#0 has epoch 9, want 10 to 18 or none, as the newest is 18`},

		{"binary", "", "no data, want at least version byte 1 or 2"},
		{"binary", "\x03\x00", "version 3, want 1 or 2"},
		{"binary", "\x02", "epoch: data ends within a number"},
		{"binary", "\x02\x00\x00", "epoch: epoch out of range"},
		{"binary", "\x02\xff\xff\xff\xff\x10\x00", "epoch: epoch out of range"},
		{"binary", "\x02\x07\x00", "epoch 7, but that of the newest entry is 0"},
		{"binary", "\x02\x07\x01\x02p1\x00\x01\x02", "epoch 7, but that of the newest entry is 6"},
		{"binary", "\x02\x07\x01\x02p1\x00\x01\x08", "epoch: 7 before the clock's, want at most 6"},
		{"binary", "\x02\x14\x01\x02p1\x00\x01\x0a", "epoch: 9 before the clock's, want at most 8"},
		{"binary", "\x01", "number of entries: data ends within a number"},
		{"binary", "\x01\x01", "announces 1 entries, but the remaining 0 bytes hold at most 0"},
		{"binary", "\x01" + huge + "aaaaaa", "entries, but the remaining 6 bytes hold at most 2"},
		{"binary", "\x01\x80\x00", "number of entries: varint longer than necessary"},
		{"binary", "\x01\x00\x00", "1 bytes after the last entry, want none"},
		{"binary", "\x01\x01\x05p1\x00\x01", "entry 0 at byte 2: name: length 5, but only 4 bytes remain"},
		{"binary", "\x01\x01" + huge + "p", "name: length 18446744073709551615, but only 1 bytes remain"},
		{"binary", "\x01\x01" + strings.Repeat("\xff", 10) + "\x01", "name: varint above 64 bits"},
		{"binary", "\x01\x01\x02p1\x80", "incarnation: data ends within a number"},
		{"binary", "\x01\x01\x02p1\x00", "count: data ends within a number"},
		{"binary", "\x01\x01\x02p1\x00\x00", "entry 0 at byte 2: count is 0, want 1 to"},
		{"binary", "\x01\x01\x02p1\x00\x81\x00", "count: varint longer than necessary"},
		{"binary", "\x01\x02\x02p2\x00\x01\x02p1\x00\x01", `entry 1 at byte 7: origin "p1"#0 comes after "p2"#0, want strictly`},
		{"binary", "\x01\x02\x02p1\x00\x01\x02p1\x00\x01", `origin "p1"#0 comes after "p1"#0, want strictly`},
		{"binary", "\x01\x02\x02p1\x09\x01\x02p1\x08\x01", `origin "p1"#8 comes after "p1"#9, want strictly`},
	}
	for _, tt := range tests {
		before := many(3)
		c := before
		err := decode(tt.codec, &c, tt.in)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "vclock: ") {
			t.Errorf("%s %q: got %v, want an error with %q", tt.codec, tt.in, err, tt.want)
		}
		if c.root != before.root {
			t.Errorf("%s %q: the clock has changed to %v", tt.codec, tt.in, c)
		}
	}
}

func TestNullLeavesTheClock(t *testing.T) {
	c := many(3)
	if err := json.Unmarshal([]byte("null"), &c); err != nil || !c.Equal(many(3)) {
		t.Errorf("got %v, %v", c, err)
	}
}

// Structs with clocks in them go through encoding/json by value and by pointer.
func TestJSONInAStruct(t *testing.T) {
	type message struct {
		Clock Clock  `json:"clock"`
		Maybe *Clock `json:"maybe,omitempty"`
		None  Clock  `json:"none,omitzero"`
	}
	data, err := json.Marshal(message{Clock: clock(t, "{a#1:2}")})
	if want := `{"clock":{"a#1":2}}`; err != nil || string(data) != want {
		t.Errorf("got %s, %v, want %s", data, err, want)
	}
}

// A small input must not make a decoder allocate much, whatever it announces.
func TestDecodersDoNotOverallocate(t *testing.T) {
	inputs := map[string][]byte{
		"binary": append(binary.AppendUvarint([]byte{withoutEpochs}, math.MaxUint64), "xxxxxxxxx"...),
		"text":   []byte(`{"` + strings.Repeat("a", 100)),
		"JSON":   []byte(strings.Repeat("[", 100)),
	}
	for name, in := range inputs {
		if used := allocated(func() { var c Clock; _ = decode(name, &c, string(in)) }); used > 16<<10 {
			t.Errorf("%s: %d bytes allocated for %d of input", name, used, len(in))
		}
	}
	// What is announced and there: the smallest entries are the dearest.
	c := Clock{}
	for i := range uint64(100) {
		c = c.With(id("", i), 1)
	}
	in, _ := c.MarshalBinary()
	if used := allocated(func() { _ = c.UnmarshalBinary(in) }); used > uint64(40*len(in)) {
		t.Errorf("%d bytes allocated for %d of input", used, len(in))
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Decoded clocks must not keep the input alive, nor notice when it is reused.
func TestDecodersCopy(t *testing.T) {
	for _, codec := range codecs {
		data, _ := codec.marshal(many(20))
		var c Clock
		if err := codec.unmarshal(&c, data); err != nil {
			t.Fatal(err)
		}
		clear(data)
		if !c.Equal(many(20)) {
			t.Errorf("%s: the clock changed with its input", codec.name)
		}
	}
}

func FuzzUnmarshalBinary(f *testing.F) {
	for _, c := range fuzzSeeds() {
		data, _ := c.MarshalBinary()
		f.Add(data)
		f.Add(data[:len(data)-1])
		f.Add(append(data, 0))
	}
	f.Add([]byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte("\x01\x02\x02p1\x09\x01\x02p1\x08\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzDecoder(t, codecs[3], data, true)
	})
}

func FuzzUnmarshalText(f *testing.F) {
	for _, c := range fuzzSeeds() {
		data, _ := c.MarshalText()
		f.Add(data)
	}
	f.Add([]byte(` { "a\xff"#0:1 , b:02 } `))
	f.Add([]byte(`{a:1, a:1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzDecoder(t, codecs[0], data, false)
	})
}

func FuzzUnmarshalJSON(f *testing.F) {
	for _, c := range fuzzSeeds() {
		data, _ := c.MarshalJSON()
		f.Add(data)
	}
	f.Add([]byte(` { "a%ff#0" : 1 , "b\ud800" : 2 } `))
	f.Add([]byte(`{"a":1,"a":1e3}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzDecoder(t, codecs[2], data, false)
	})
}

func fuzzSeeds() []Clock {
	return []Clock{
		{},
		Clock{}.Increment("p1"),
		Clock{}.With(id("p1", 17), 1).With(id("p1", math.MaxUint64), math.MaxUint64),
		Clock{}.Increment("").Increment("a#b%c\xff\u2028 :"),
		many(20),
	}
}

// mostPerByte bounds what decoders allocate for a byte that came. The smallest entries
// are the dearest: three bytes of the binary form become an entry and its key.
// encoding/json adds its tokens.
var mostPerByte = map[string]int{"binary": 40, "text": 80, "JSON itself": 200}

// checkMemory fails if a decoder allocates by what is announced. The counter is the
// whole process's, so the least of some tries is what counts.
func checkMemory(t *testing.T, from codec, data []byte) {
	most := uint64(mostPerByte[from.name]*len(data) + 64<<10)
	used := uint64(math.MaxUint64)
	for try := 0; try < 5 && used > most; try++ {
		used = min(used, allocated(func() { var c Clock; _ = from.unmarshal(&c, data) }))
	}
	if used > most {
		t.Fatalf("%s: %d bytes allocated for %d of input", from.name, used, len(data))
	}
}

// fuzzDecoder checks that whatever is accepted is a sound clock that comes back
// from every encoding, and that what is refused changes nothing.
func fuzzDecoder(t *testing.T, from codec, data []byte, canonical bool) {
	before := Clock{}.Increment("before")
	c := before
	checkMemory(t, from, data)
	if err := from.unmarshal(&c, data); err != nil {
		if !strings.HasPrefix(err.Error(), "vclock: ") || len(err.Error()) > 1000 {
			t.Fatalf("refused with %v", err)
		}
		if c.root != before.root {
			t.Fatalf("refused with %v, but the clock is now %v", err, c)
		}
		return
	}
	checkShape(t, c)
	if again, _ := from.marshal(c); canonical && !bytes.Equal(again, data) {
		t.Fatalf("%q was accepted, but is written %q", data, again)
	}
	for _, codec := range codecs {
		encoded, err := codec.marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var d Clock
		if err := codec.unmarshal(&d, encoded); err != nil || !d.Equal(c) {
			t.Fatalf("%s: %v came back as %v, %v", codec.name, c, d, err)
		}
	}
}
