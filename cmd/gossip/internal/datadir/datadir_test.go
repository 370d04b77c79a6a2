package datadir

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writeInto); dir != "" {
		writeUntilKilled(dir)
	}
	// bbolt leaves it behind when it panics at what is damaged, where a process would end.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("go.etcd.io/bbolt.(*DB).freepages.func2"))
}

var then = time.Date(2026, 11, 26, 17, 0, 0, 0, time.UTC)

func open(t testing.TB, dir, id string, now time.Time) *Dir {
	t.Helper()
	d, err := Open(dir, id, now)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func record(seq uint64) gossip.Record {
	return gossip.Record{
		ID: gossip.MessageID{Origin: "a", Incarnation: 1 << 63, Seq: seq}, Own: seq%2 == 0,
		At: then.Add(time.Duration(seq)), Data: fmt.Append(nil, "record ", seq),
	}
}

// seqs returns the sequence numbers of what is kept, and checks the rest of it.
func seqs(t testing.TB, d *Dir) (all []uint64) {
	t.Helper()
	for r, err := range d.Records() {
		if err != nil {
			t.Fatal(err)
		}
		want := record(r.ID.Seq)
		if r.ID != want.ID || r.Own != want.Own || !r.At.Equal(want.At) || string(r.Data) != string(want.Data) {
			t.Fatalf("read %+v, wrote %+v", r, want)
		}
		all = append(all, r.ID.Seq)
	}
	return all
}

func appendAll(t testing.TB, d *Dir, all ...uint64) {
	t.Helper()
	for _, seq := range all {
		if err := d.Append(record(seq)); err != nil {
			t.Fatal(err)
		}
	}
}

// A node is in its next life who it was, in a later incarnation, whatever the clock
// says, and has what it kept and whom it knew.
func TestLives(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	first := open(t, dir, "", then)
	id, incarnation := first.ID(), first.Incarnation()
	if !strings.HasPrefix(id, "node-") {
		t.Errorf("a new node is called %q", id)
	}
	if addresses, err := first.Peers(); err != nil || addresses != nil {
		t.Errorf("a new node knows %q, %v", addresses, err)
	}
	appendAll(t, first, 1, 2, 3)
	first.Forget([]gossip.MessageID{record(2).ID, record(99).ID})
	if err := first.SetPeers([]string{"10.0.0.1:7946"}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(first.Close(), first.Store.close()); err != nil {
		t.Fatal(err)
	}
	if err := first.Append(record(4)); !errors.Is(err, errClosed) {
		t.Errorf("what is closed took a record: %v", err)
	}
	if err := first.Sync(t.Context()); err != nil {
		t.Errorf("what is closed has nothing to write: %v", err)
	}
	for i, now := range []time.Time{then.Add(time.Hour), then.Add(-time.Hour), then} {
		next := open(t, dir, []string{"", id, ""}[i], now)
		if next.ID() != id || next.Incarnation() <= incarnation {
			t.Errorf("life %d is %q, incarnation %d after %d", i+2, next.ID(), next.Incarnation(), incarnation)
		}
		incarnation = next.Incarnation()
		if addresses, err := next.Peers(); err != nil || !slices.Equal(addresses, []string{"10.0.0.1:7946"}) {
			t.Errorf("life %d knows %q, %v", i+2, addresses, err)
		}
		if got := seqs(t, next); !slices.Equal(got, []uint64{1, 3}) {
			t.Errorf("life %d has %v, want 1 and 3", i+2, got)
		}
		if err := next.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, fileName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

// Nobody else's directory is taken.
func TestWhoseDirectory(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, "a", then)
	begun := time.Now()
	if _, err := Open(dir, "a", then); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fileName) {
		t.Errorf("opened twice: %v", err)
	} else if waited := time.Since(begun); waited < lockPatience/2 {
		t.Errorf("it did not wait for the other to end: %v", waited)
	}
	d.Close()
	if _, err := Open(dir, "b", then); err == nil || !strings.Contains(err.Error(), `of the node "a", and this one is to be "b"`) {
		t.Errorf("opened as another: %v", err)
	}
	if _, err := Open(filepath.Join(dir, fileName), "", then); err == nil {
		t.Error("a file was taken for a directory")
	}
}

// What is read is what was appended and not forgotten, in order, over any number of
// lives.
func TestWhatIsKept(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		d := open(t, dir, "a", then)
		defer func() { d.Close() }()
		var kept []uint64
		next := uint64(1)
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(*rapid.T) {
				appendAll(t, d, next)
				kept = append(kept, next)
				next++
			},
			"forget": func(rt *rapid.T) {
				n := rapid.IntRange(0, len(kept)).Draw(rt, "n")
				var ids []gossip.MessageID
				for _, seq := range kept[:n] {
					ids = append(ids, record(seq).ID)
				}
				d.Forget(ids)
				kept = kept[n:]
			},
			"sync": func(rt *rapid.T) {
				if err := d.Sync(t.Context()); err != nil {
					rt.Fatal(err)
				}
				if got := seqs(t, d); !slices.Equal(got, kept) {
					rt.Fatalf("kept %v, want %v", got, kept)
				}
			},
			"restart": func(rt *rapid.T) {
				if err := d.Close(); err != nil {
					rt.Fatal(err)
				}
				d = open(t, dir, "a", then)
				if got := seqs(t, d); !slices.Equal(got, kept) {
					rt.Fatalf("after a restart %v, want %v", got, kept)
				}
			},
		})
	})
}

// Those who wait for the disk at one time wait for one write.
func TestWritesAreShared(t *testing.T) {
	d := open(t, t.TempDir(), "a", then)
	defer d.Close()
	const writers, each = 50, 20
	errs := make(chan error)
	for w := range writers {
		go func() {
			var err error
			for i := range each {
				err = errors.Join(err, d.Append(record(uint64(1+w*each+i))), d.Sync(t.Context()))
			}
			errs <- err
		}()
	}
	for range writers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	size := d.Size()
	if size.Operations != writers*each || size.Batches > writers*each/4 {
		t.Errorf("%d operations in %d batches, want %d in far fewer", size.Operations, size.Batches, writers*each)
	}
	if n := len(seqs(t, d)); n != writers*each {
		t.Errorf("%d records are kept, want %d", n, writers*each)
	}
}

// What nobody waits for is written all the same, soon.
func TestWhatNobodyWaitsFor(t *testing.T) {
	d := open(t, t.TempDir(), "a", then)
	defer d.Close()
	stop := time.After(10 * time.Second)
	for i := uint64(1); ; i++ {
		appendAll(t, d, i)
		d.mu.Lock()
		written, changed := d.written, d.changed
		d.mu.Unlock()
		if written > 0 {
			return
		}
		select { // a steady stream must not put it off
		case <-changed:
		case <-time.After(lazily / 10):
		case <-stop:
			t.Fatal("nothing was written in 10 s")
		}
	}
}

// A disk that fails is told of, what waits is bounded, and nothing of it is lost once
// the disk works again.
func TestDiskThatFails(t *testing.T) {
	d := open(t, t.TempDir(), "a", then)
	defer d.Close()
	appendAll(t, d, 1)
	if err := d.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	db := d.db
	broken, err := bolt.Open(filepath.Join(t.TempDir(), "broken"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	broken.Close()
	d.Store.db = broken // every transaction fails
	appendAll(t, d, 2)
	if err := d.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "writing to ") {
		t.Errorf("a disk that fails: %v", err)
	}
	long := record(3)
	long.Data = make([]byte, queueLimit/3)
	var full error
	for range 5 {
		full = d.Append(long)
	}
	if full == nil || d.Size().QueuedBytes > queueLimit {
		t.Errorf("%d bytes are queued, %v; want at most %d and an error", d.Size().QueuedBytes, full, queueLimit)
	}
	d.mu.Lock()
	d.Store.db = db
	d.queue = d.queue[:1] // the long ones are no records
	d.queued = d.written + 1
	d.mu.Unlock()
	if err := d.Sync(t.Context()); err != nil {
		t.Errorf("a disk that works again: %v", err)
	}
	if got := seqs(t, d); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("kept %v, want 1 and 2", got)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	appendAll(t, d, 3)
	if err := d.Sync(ctx); err != nil && err.Error() != "enough" {
		t.Errorf("a Sync whose context has ended: %v", err)
	}
}

// A file that is damaged is told from one that is not, at the start, in words.
func TestDamage(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	d := open(t, whole, "a", then)
	for i := range uint64(2000) {
		appendAll(t, d, i+1)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(whole, fileName))
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string]func([]byte) []byte{
		"half of it":     func(b []byte) []byte { return b[:len(b)/2] },
		"a few bytes":    func(b []byte) []byte { return b[:100] },
		"something else": func([]byte) []byte { return []byte(strings.Repeat("not a database\n", 1000)) },
		"no heads":       func(b []byte) []byte { clear(b[:8192]); return b },
		"zeros in it":    func(b []byte) []byte { clear(b[4096*4:]); return b },
		"noise in it": func(b []byte) []byte {
			for i := 4096 * 4; i < len(b); i += 7 {
				b[i] ^= 0xa5
			}
			return b
		},
	}
	for name, f := range damage {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, fileName), f(slices.Clone(text)), 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := Open(dir, "", then)
			if err == nil {
				for _, err = range d.Records() {
					if err != nil {
						break
					}
				}
				d.Close()
			}
			if damaged := (*DamagedError)(nil); !errors.As(err, &damaged) {
				t.Fatalf("got %v, want that it is damaged", err)
			}
			if !strings.Contains(err.Error(), "moved away") {
				t.Errorf("%v does not say what to do", err)
			}
		})
	}
}

// writeInto has this binary write records into a directory until it is killed.
const writeInto = "GOSSIP_TEST_WRITE_INTO"

func writeUntilKilled(dir string) {
	d, err := Open(dir, "a", then)
	if err != nil {
		panic(err)
	}
	next := uint64(1)
	for r, err := range d.Records() {
		if err != nil {
			panic(err)
		}
		next = r.ID.Seq + 1
	}
	for ; ; next++ {
		if err := errors.Join(d.Append(record(next)), d.Sync(context.Background())); err != nil {
			panic(err)
		}
		fmt.Println(next) // from here on it must not be lost
		if next%10 == 0 {
			d.Forget([]gossip.MessageID{record(next - 9).ID})
		}
	}
}

// Killed again and again in the midst of writing, it has everything that it had promised.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	var promised uint64
	for life := range 8 {
		writer := exec.CommandContext(t.Context(), os.Args[0])
		writer.Env = append(os.Environ(), writeInto+"="+dir)
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		writer.Stderr = os.Stderr
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(out)
		for range 20 + 7*life {
			if _, err := fmt.Fscanln(in, &promised); err != nil {
				t.Fatal(err)
			}
		}
		writer.Process.Kill()
		for { // what it had printed before
			var n uint64
			if _, err := fmt.Fscanln(in, &n); err != nil {
				break
			}
			promised = n
		}
		io.Copy(io.Discard, in)
		writer.Wait()
		d := open(t, dir, "a", then)
		got := seqs(t, d)
		d.Close()
		if len(got) == 0 || got[len(got)-1] < promised || got[len(got)-1] > promised+1 {
			t.Fatalf("life %d had promised %d records, and the last is %v", life, promised, got[max(0, len(got)-1):])
		}
		for i := 1; i < len(got); i++ { // of ten the first may be forgotten
			if step := got[i] - got[i-1]; step != 1 && (step != 2 || got[i]%10 != 2) {
				t.Fatalf("after %d comes %d", got[i-1], got[i])
			}
		}
	}
}
