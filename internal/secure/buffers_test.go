package secure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"testing"

	"pgregory.net/rapid"
)

// recordCounter is a connection that counts what is written to it, one record
// a Write.
type recordCounter struct {
	net.Conn
	writes int
}

func (c *recordCounter) Write(b []byte) (int, error) {
	c.writes++
	return c.Conn.Write(b)
}

// TestWriteBuffers: whatever the sizes, the same bytes arrive, in no more
// records than they need.
func TestWriteBuffers(t *testing.T) {
	u := withRing(t, k1)
	a, b := inMemory(t)
	counted := &recordCounter{Conn: a}
	c, s := link(t, u, u, counted, b)
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.OneOf(
			rapid.IntRange(0, 200),
			rapid.IntRange(maxRecord-200, maxRecord+200),
			rapid.IntRange(0, 3*maxRecord+200),
		), 0, 12).Draw(t, "sizes")
		random := rand.NewChaCha8([32]byte{byte(len(sizes))})
		var bufs net.Buffers
		var want []byte
		for _, n := range sizes {
			b := make([]byte, n)
			random.Read(b)
			bufs = append(bufs, b)
			want = append(want, b...)
		}
		counted.writes = 0
		done := make(chan []byte, 1)
		go func() {
			got := make([]byte, len(want))
			io.ReadFull(s, got)
			done <- got
		}()
		n, err := c.WriteBuffers(&bufs)
		if err != nil || n != int64(len(want)) || len(bufs) != 0 {
			t.Fatalf("wrote %d of %d bytes, %d buffers left: %v", n, len(want), len(bufs), err)
		}
		if got := <-done; !bytes.Equal(got, want) {
			t.Fatal("other bytes arrived")
		}
		if most := (len(want) + maxRecord - 1) / maxRecord; counted.writes > most {
			t.Fatalf("%d records for %d bytes, want %d", counted.writes, len(want), most)
		}
	})
}

func TestWriteBuffersFails(t *testing.T) {
	u := withRing(t, k1)
	a, b := inMemory(t)
	c, _ := link(t, u, u, a, b)
	a.Close()
	for _, size := range []int{1, maxRecord, 3 * maxRecord} {
		bufs := net.Buffers{make([]byte, size)}
		if n, err := c.WriteBuffers(&bufs); n != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("%d bytes: wrote %d, %v", size, n, err)
		}
	}
}

// BenchmarkWrite sends batches of frames over loopback, in the clear as the
// runtime does without keys, with plain net.Buffers over TLS, and with
// WriteBuffers. cpu-ns/op is of both ends.
func BenchmarkWrite(b *testing.B) {
	for _, batch := range []struct{ frames, size int }{{64, 100}, {64, 1200}, {4, 64 << 10}} {
		for _, mode := range []string{"clear", "Buffers", "WriteBuffers"} {
			b.Run(fmt.Sprintf("%dx%d/%s", batch.frames, batch.size, mode), func(b *testing.B) {
				from, to := overTCP(b)
				write := func(bufs *net.Buffers) error { _, err := bufs.WriteTo(from); return err }
				if mode != "clear" {
					u := withRing(b, k1)
					c, s := link(b, u, u, from, to)
					to = s
					write = func(bufs *net.Buffers) error { _, err := bufs.WriteTo(c); return err }
					if mode == "WriteBuffers" {
						write = func(bufs *net.Buffers) error { _, err := c.WriteBuffers(bufs); return err }
					}
					from = c
				}
				frames := make([][]byte, batch.frames)
				for i := range frames {
					frames[i] = make([]byte, batch.size)
				}
				total := int64(batch.frames * batch.size)
				b.SetBytes(total)
				b.ReportAllocs()
				done := make(chan error, 1)
				go func() {
					_, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{to}, make([]byte, 64<<10))
					done <- err
				}()
				bufs := make(net.Buffers, len(frames))
				before := cpuTime(b)
				for b.Loop() {
					copy(bufs, frames)
					batch := bufs
					if err := write(&batch); err != nil {
						b.Fatal(err)
					}
				}
				from.Close()
				if err := <-done; err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
				to.Close()
			})
		}
	}
}

// BenchmarkHandshake makes links in memory; cpu-ns/op is of both ends.
func BenchmarkHandshake(b *testing.B) {
	pki := newPKI(b)
	for _, mode := range []struct {
		name string
		cfg  Config
	}{
		{"ring", Config{Ring: ringOf(b, k1)}},
		{"certificates", Config{Certificates: pki.node(b, "a")}},
		{"both", Config{Ring: ringOf(b, k1), Certificates: pki.node(b, "a")}},
	} {
		b.Run(mode.name, func(b *testing.B) {
			u := upgrader(b, mode.cfg)
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				near, far := net.Pipe()
				done := make(chan error, 1)
				go func() {
					_, err := u.Server(context.Background(), far)
					done <- err
				}()
				_, err := u.Client(context.Background(), near)
				if err := errors.Join(err, <-done); err != nil {
					b.Fatal(err)
				}
				near.Close()
				far.Close()
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

func BenchmarkProof(b *testing.B) {
	u := withRing(b, k1)
	near, far := inMemory(b)
	c, s := link(b, u, u, near, far)
	proof := c.AppendProof(nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.CheckProof(proof); err != nil {
			b.Fatal(err)
		}
	}
}
