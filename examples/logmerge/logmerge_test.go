package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDemo plays the example at small scale, on real sockets, and holds the merged log
// also against the clocks: it is a linear extension of happened-before.
func TestDemo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out strings.Builder
	dir := t.TempDir()
	r, err := demo(ctx, &out, dir, 10)
	t.Log(out.String())
	if err != nil {
		t.Fatal(err)
	}
	if r.lines != 40 || r.byClock != 0 {
		t.Errorf("%d lines, %d misplaced; want 40 and none", r.lines, r.byClock)
	}
	if r.byTime == 0 {
		t.Error("the times on the lines, which are wrong by seconds, misplace none: what is measured?")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	logs, err := readFiles(files)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(logs) // whichever way they come
	merged := Merge(logs...)
	for i, later := range merged {
		for _, earlier := range merged[:i] {
			if later.Clock.HappenedBefore(earlier.Clock) {
				t.Errorf("%v\ncomes after\n%v", later, earlier)
			}
		}
	}
	if misplaced(merged, logs) != 0 {
		t.Error("the order of the files matters")
	}
	// What is counted is seen when it is there.
	slices.Reverse(merged)
	if misplaced(merged, logs) == 0 {
		t.Error("a log that runs backwards is not objected to")
	}
}

// TestFilesAreMerged: as the command does it, keeping each line word for word.
func TestFilesAreMerged(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	a := write("a.log", `{"msg":"got it","clock":"{b#1:1}"}`+"\n")
	b := write("b.log", `{"msg":"sending","clock":"{}"}`+"\n"+`{"msg":"sent","clock":"{b#1:1}"}`+"\npanic: no JSON\n")
	var out strings.Builder
	if err := run(&out, []string{a, b}, 0); err != nil {
		t.Fatal(err)
	}
	want := `b: {"msg":"sending","clock":"{}"}
a: {"msg":"got it","clock":"{b#1:1}"}
b: {"msg":"sent","clock":"{b#1:1}"}
b: panic: no JSON
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

func TestWhatCannotBeReadIsToldWhere(t *testing.T) {
	_, err := Read("a", strings.NewReader(`{"clock":"{}"}`+"\n"+`{"clock":"{a:x}"}`))
	if err == nil || !strings.Contains(err.Error(), "a, line 2") {
		t.Errorf("%v; want the line", err)
	}
	if _, err := Read("a", strings.NewReader(strings.Repeat("x", longestLine+1))); err == nil {
		t.Error("a line of any length is taken")
	}
	if err := run(&strings.Builder{}, []string{"not there"}, 1); err == nil {
		t.Error("no error for a file that is not there")
	}
	if err := run(&strings.Builder{}, nil, 0); err == nil {
		t.Error("no orders were taken")
	}
}

// TestTheHandlerKeepsTheClockOnTop: with attributes, and in groups.
func TestTheHandlerKeepsTheClockOnTop(t *testing.T) {
	var out bytes.Buffer
	c := vclock.FromMap(map[string]uint64{"a": 7})
	log := slog.New(Handler{slog.NewJSONHandler(&out, nil), func() vclock.Clock { return c }})
	log.With("k", "v").WithGroup("g").Info("hello", "x", 1)
	lines, err := Read("a", &out)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 1 || !lines[0].Clock.Equal(c) || lines[0].Text != "hello" || lines[0].Time.IsZero() {
		t.Errorf("%+v", lines)
	}
}
