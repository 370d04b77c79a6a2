package secure

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/internal/transport"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

func TestLinkCarriesBytesBothWays(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			a, b := network.pair(t)
			u := withRing(t, k1)
			c, s := link(t, u, u, a, b)
			for _, way := range []struct{ from, to *Conn }{{c, s}, {s, c}} {
				sent := bytes.Repeat([]byte("gossip"), 20_000)
				go way.from.Write(sent)
				got := make([]byte, len(sent))
				if _, err := io.ReadFull(way.to, got); err != nil || !bytes.Equal(got, sent) {
					t.Fatalf("read %v; same bytes: %v", err, bytes.Equal(got, sent))
				}
				if way.to.PeerKey() != k1.ID() {
					t.Errorf("peer key %v, want %v", way.to.PeerKey(), k1.ID())
				}
			}
			state := c.ConnectionState()
			if state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "gossip/1" || state.DidResume {
				t.Errorf("TLS %x, %q, resumed: %v", state.Version, state.NegotiatedProtocol, state.DidResume)
			}
		})
	}
}

// TestCloseWrite: what was written before arrives, then the end; the other way
// goes on.
func TestCloseWrite(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			a, b := network.pair(t)
			u := withRing(t, k1)
			c, s := link(t, u, u, a, b)
			go func() {
				c.Write([]byte("last words"))
				c.CloseWrite()
			}()
			if got, err := io.ReadAll(s); err != nil || string(got) != "last words" {
				t.Fatalf("read %q, %v", got, err)
			}
			go func() {
				s.Write([]byte("heard"))
				s.CloseWrite()
			}()
			if got, err := io.ReadAll(c); err != nil || string(got) != "heard" {
				t.Fatalf("read %q, %v", got, err)
			}
			if _, err := c.Write([]byte("more")); err == nil {
				t.Error("wrote after CloseWrite")
			}
		})
	}
}

// TestCloseDoesNotWait for a peer that reads nothing: on a pipe, which holds no
// byte, whoever wants to say goodbye would wait for five seconds.
func TestCloseDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		u := withRing(t, k1)
		c, s := link(t, u, u, a, b)
		began := time.Now()
		if err := c.Close(); err != nil || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the peer reads %v", err)
		}
	})
}

// TestWhoShares goes through the states of two rings during a change of keys.
func TestWhoShares(t *testing.T) {
	for _, test := range []struct {
		name                 string
		client, server       *Upgrader
		clientErr, serverErr error
	}{
		{"one key", withRing(t, k1), withRing(t, k1), nil, nil},
		{"added here, not there", withRing(t, k1, k2), withRing(t, k1), nil, nil},
		{"used here, added there", withRing(t, k2, k1), withRing(t, k1, k2), nil, nil},
		{"used there, added here", withRing(t, k1, k2), withRing(t, k2, k1), nil, nil},
		{"removed here, used there", withRing(t, k2), withRing(t, k2, k1), nil, nil},
		{"nothing shared", withRing(t, k1), withRing(t, k2), ErrRefused, ErrUnknownKey},
		{"used here, not added there", withRing(t, k2, k1), withRing(t, k1), ErrRefused, ErrUnknownKey},
		{"used there, not added here", withRing(t, k1), withRing(t, k2, k1), ErrUnknownKey, nil},
		{"another cluster",
			upgrader(t, Config{Cluster: "a", Ring: ringOf(t, k1)}),
			upgrader(t, Config{Cluster: "b", Ring: ringOf(t, k1)}), ErrRefused, ErrProof},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := inMemory(t)
			e := shake(t, test.client, test.server, a, b)
			if !errors.Is(e.clientErr, test.clientErr) || !errors.Is(e.serverErr, test.serverErr) {
				t.Errorf("client: %v, want %v; server: %v, want %v", e.clientErr, test.clientErr, e.serverErr, test.serverErr)
			}
			if test.clientErr != nil && e.client != nil || test.serverErr != nil && e.server != nil {
				t.Error("a link besides an error")
			}
		})
	}
}

// TestRotationOnALiveLink: a link made under the old key shows the new one.
func TestRotationOnALiveLink(t *testing.T) {
	ring, far := ringOf(t, k1, k2), ringOf(t, k1)
	a, b := inMemory(t)
	c, s := link(t, upgrader(t, Config{Ring: ring}), upgrader(t, Config{Ring: far}), a, b)

	if err := ring.Use(k2.ID()); err != nil {
		t.Fatal(err)
	}
	proof := c.AppendProof([]byte("frame"))[len("frame"):]
	if err := s.CheckProof(proof); !errors.Is(err, ErrUnknownKey) || s.PeerKey() != k1.ID() {
		t.Fatalf("before the far end has the key: %v, peer key %v", err, s.PeerKey())
	}
	if err := far.Add(k2); err != nil {
		t.Fatal(err)
	}
	if err := s.CheckProof(proof); err != nil || s.PeerKey() != k2.ID() {
		t.Fatalf("afterwards: %v, peer key %v", err, s.PeerKey())
	}
	if err := far.Use(k2.ID()); err != nil {
		t.Fatal(err)
	}
	if err := c.CheckProof(s.AppendProof(nil)); err != nil || c.PeerKey() != k2.ID() {
		t.Fatalf("the other way: %v, peer key %v", err, c.PeerKey())
	}
}

// TestProofIsGoodOnceOnly: not with a bit changed, not of another length, not
// back to its maker, not on another link between the same two.
func TestProofIsGoodOnceOnly(t *testing.T) {
	u := withRing(t, k1)
	a, b := inMemory(t)
	c, s := link(t, u, u, a, b)
	a, b = inMemory(t)
	_, other := link(t, u, u, a, b)

	proof := c.AppendProof(nil)
	if err := s.CheckProof(proof); err != nil || len(proof) != ProofSize {
		t.Fatalf("%d bytes: %v", len(proof), err)
	}
	for bit := range 8 * ProofSize {
		bad := bytes.Clone(proof)
		bad[bit/8] ^= 1 << (bit % 8)
		if s.CheckProof(bad) == nil {
			t.Errorf("accepted with bit %d changed", bit)
		}
	}
	for _, bad := range [][]byte{nil, proof[:ProofSize-1], append(bytes.Clone(proof), 0)} {
		if err := s.CheckProof(bad); !errors.Is(err, ErrProof) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
	if err := c.CheckProof(proof); !errors.Is(err, ErrProof) {
		t.Errorf("its own proof: %v", err)
	}
	if err := other.CheckProof(proof); !errors.Is(err, ErrProof) {
		t.Errorf("on another link: %v", err)
	}
	if s.PeerKey() != k1.ID() {
		t.Errorf("bad proofs changed the peer's key to %v", s.PeerKey())
	}
}

// TestRoundTrips: a link costs two round trips, and the acceptor is done half a
// one before the dialler. With certificates alone the dialler is done after one.
func TestRoundTrips(t *testing.T) {
	const oneWay = 40 * time.Millisecond
	for _, test := range []struct {
		name           string
		certificates   bool
		client, server time.Duration
	}{
		{"ring", false, 4 * oneWay, 3 * oneWay},
		{"certificates", true, 2 * oneWay, 3 * oneWay},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := withRing(t, k1)
				if test.certificates {
					u = upgrader(t, Config{Certificates: newPKI(t).node(t, "a")})
				}
				a, b := inMemoryWith(t, transport.Faults{Latency: oneWay})
				began := time.Now()
				served := make(chan time.Duration, 1)
				go func() {
					if _, err := u.Server(t.Context(), b); err != nil {
						t.Error(err)
					}
					served <- time.Since(began)
				}()
				if _, err := u.Client(t.Context(), a); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took != test.client {
					t.Errorf("the dialler took %v, want %v", took, test.client)
				}
				if took := <-served; took != test.server {
					t.Errorf("the acceptor took %v, want %v", took, test.server)
				}
				a.Close()
				b.Close()
			})
		})
	}
}

// FuzzProof: of all there is, one proof is right.
func FuzzProof(f *testing.F) {
	u := withRing(f, k1, k2)
	a, b := inMemory(f)
	c, s := link(f, u, u, a, b)
	proof := c.AppendProof(nil)
	f.Add(proof[:4])
	f.Add(append(proof[:4:4], make([]byte, ProofSize-4)...))
	f.Add(s.AppendProof(nil)) // of an earlier link, when it comes out of the corpus
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := s.CheckProof(b); (err == nil) != bytes.Equal(b, proof) {
			t.Fatalf("%x: %v", b, err)
		}
	})
}

// TestManInTheMiddle: Mallory takes the dialler's connection, makes one of his
// own to the acceptor, and passes on all that is said inside. He has no key.
func TestManInTheMiddle(t *testing.T) {
	u := withRing(t, k1)
	dialled, toMallory := inMemory(t)
	fromMallory, accepted := inMemory(t)
	made, err := makeUp()
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{
		Certificates:       []tls.Certificate{*made.cert},
		NextProtos:         []string{protocol},
		InsecureSkipVerify: true,
	}
	near, far := tls.Server(toMallory, cfg), tls.Client(fromMallory, cfg)
	relayed := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(far, near)
		relayed <- n
		far.Close()
	}()
	go func() {
		io.Copy(near, far)
		near.Close()
	}()

	serverErr := make(chan error, 1)
	go func() {
		_, err := u.Server(within(t, 10*time.Second), accepted)
		serverErr <- err
	}()
	_, clientErr := u.Client(within(t, 10*time.Second), dialled)
	if err := <-serverErr; !errors.Is(err, ErrProof) {
		t.Errorf("the acceptor: %v, want %v", err, ErrProof)
	}
	if !errors.Is(clientErr, ErrRefused) {
		t.Errorf("the dialler: %v, want %v", clientErr, ErrRefused)
	}
	toMallory.Close() // what the two ends think of as a link, if this fails
	fromMallory.Close()
	// So it was not for want of a proof, nor of the two sessions.
	if n := <-relayed; n != ProofSize {
		t.Errorf("Mallory passed on %d bytes, want the %d of a proof", n, ProofSize)
	}
}

// TestRelayOfBytes is what the test above would be if the proof were not bound
// to the session: whoever passes on TLS as it is gets a link through, and learns
// nothing.
func TestRelayOfBytes(t *testing.T) {
	u := withRing(t, k1)
	dialled, toMallory := inMemory(t)
	fromMallory, accepted := inMemory(t)
	var seen bytes.Buffer
	done := make(chan struct{}, 2)
	go func() { io.Copy(io.MultiWriter(fromMallory, &seen), toMallory); done <- struct{}{} }()
	go func() { io.Copy(toMallory, fromMallory); done <- struct{}{} }()
	c, s := link(t, u, u, dialled, accepted)
	go c.Write([]byte("a secret between friends"))
	got := make([]byte, len("a secret between friends"))
	if _, err := io.ReadFull(s, got); err != nil {
		t.Fatal(err)
	}
	for _, conn := range []net.Conn{dialled, accepted, toMallory, fromMallory} {
		conn.Close()
	}
	<-done
	<-done
	if seen.Len() == 0 || bytes.Contains(seen.Bytes(), got) {
		t.Errorf("of %d bytes that passed, the secret was one", seen.Len())
	}
}

// TestReflection: Mallory is whom the dialler found, and sends it its own proof.
func TestReflection(t *testing.T) {
	dialled, toMallory := inMemory(t)
	made, err := makeUp()
	if err != nil {
		t.Fatal(err)
	}
	mallory := tls.Server(toMallory, &tls.Config{Certificates: []tls.Certificate{*made.cert}, NextProtos: []string{protocol}})
	echoed := make(chan error, 1)
	go func() {
		var proof [ProofSize]byte
		io.ReadFull(mallory, proof[:])
		_, err := mallory.Write(proof[:])
		echoed <- err
	}()
	_, err = withRing(t, k1).Client(within(t, 10*time.Second), dialled)
	if !errors.Is(err, ErrProof) {
		t.Errorf("got %v, want %v", err, ErrProof)
	}
	if err := <-echoed; err != nil {
		t.Errorf("the proof was not sent back: %v", err)
	}
	toMallory.Close()
}

// TestAcceptorSpeaksLast: who has no key hears no proof, whatever he says.
func TestAcceptorSpeaksLast(t *testing.T) {
	toMallory, accepted := inMemory(t)
	mallory := tls.Client(toMallory, &tls.Config{NextProtos: []string{protocol}, InsecureSkipVerify: true})
	heard := make(chan int, 1)
	go func() {
		mallory.Write(make([]byte, ProofSize))
		b, _ := io.ReadAll(mallory)
		heard <- len(b)
	}()
	if _, err := withRing(t, k1).Server(within(t, 10*time.Second), accepted); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("got %v, want %v", err, ErrUnknownKey)
	}
	if n := <-heard; n != 0 {
		t.Errorf("Mallory heard %d bytes", n)
	}
	toMallory.Close()
}

// TestOnlyOurTLS: neither an older version nor another protocol.
func TestOnlyOurTLS(t *testing.T) {
	for _, test := range []struct {
		name string
		cfg  *tls.Config
		want string // else it might be refused for want of a proof
	}{
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12, NextProtos: []string{protocol}}, "unsupported versions"},
		{"no ALPN", &tls.Config{}, "does not speak gossip/1"},
		{"HTTP", &tls.Config{NextProtos: []string{"h2", "http/1.1"}}, "unsupported application protocols"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := inMemory(t)
			test.cfg.InsecureSkipVerify = true
			done := make(chan struct{})
			go func() {
				defer close(done)
				c := tls.Client(a, test.cfg)
				c.Handshake()
				io.Copy(io.Discard, c)
			}()
			_, err := withRing(t, k1).Server(within(t, 10*time.Second), b)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want one that says %q", err, test.want)
			}
			<-done
			a.Close()
		})
	}
}

// ticketCounter is a session cache that counts what it is given.
type ticketCounter struct{ tickets int }

func (c *ticketCounter) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (c *ticketCounter) Put(string, *tls.ClientSessionState)        { c.tickets++ }

// TestNoTickets: what could be resumed would outlive the session's keys.
func TestNoTickets(t *testing.T) {
	pki := newPKI(t)
	server := upgrader(t, Config{Certificates: pki.node(t, "a")})
	a, b := inMemory(t)
	done := make(chan error, 1)
	go func() {
		s, err := server.Server(t.Context(), b)
		if err == nil {
			_, err = s.Write([]byte("after any tickets"))
			s.Close()
		}
		done <- err
	}()
	counter := new(ticketCounter)
	c := tls.Client(a, &tls.Config{
		Certificates:       []tls.Certificate{*pki.issue(t, "b", nil)},
		RootCAs:            pki.roots(),
		ServerName:         "a",
		NextProtos:         []string{protocol},
		ClientSessionCache: counter,
	})
	got, err := io.ReadAll(c)
	if err := errors.Join(err, <-done); err != nil || string(got) != "after any tickets" {
		t.Errorf("read %q, %v", got, err)
	}
	if counter.tickets != 0 {
		t.Errorf("%d tickets", counter.tickets)
	}
	a.Close()
}

// TestServerGivesUp: whatever a peer leaves undone, the end of ctx ends it, and
// nothing is left running (TestMain looks). In a bubble, so that "never" is
// exact: time only passes once everybody waits.
func TestServerGivesUp(t *testing.T) {
	hello := clientHello(t)
	for _, test := range []struct {
		name string
		peer func(c net.Conn)
	}{
		{"silence", func(net.Conn) {}},
		{"half a record", func(c net.Conn) { c.Write(hello[:len(hello)/2]) }},
		{"half a handshake", func(c net.Conn) { c.Write(hello) }},
		{"no proof", func(c net.Conn) {
			tls.Client(c, &tls.Config{NextProtos: []string{protocol}, InsecureSkipVerify: true}).Handshake()
		}},
		{"half a proof", func(c net.Conn) {
			tls.Client(c, &tls.Config{NextProtos: []string{protocol}, InsecureSkipVerify: true}).Write(make([]byte, ProofSize/2))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, network := range networks[1:] { // real sockets cannot be waited for in a bubble
					a, b := network.pair(t)
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					go func() {
						test.peer(a)
						io.Copy(io.Discard, a)
					}()
					began := time.Now()
					_, err := withRing(t, k1).Server(ctx, b)
					if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 5*time.Second {
						t.Errorf("%s: %v after %v", network.name, err, time.Since(began))
					}
					if _, err := b.Write([]byte{0}); err == nil {
						t.Errorf("%s: the connection is open", network.name)
					}
					cancel()
					a.Close()
				}
			})
		})
	}
}

// TestClientGivesUp is the same for an acceptor that says nothing.
func TestClientGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := inMemory(t)
		defer b.Close()
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		why := errors.New("the node closes")
		time.AfterFunc(time.Second, func() { cancel(why) })
		if _, err := withRing(t, k1).Client(ctx, a); !errors.Is(err, why) {
			t.Errorf("got %v, want %v", err, why)
		}
	})
}

// TestGarbage gets an error at once, and at most an alert for an answer. A node
// without keys is such garbage, so the error says so.
func TestGarbage(t *testing.T) {
	for _, test := range []struct {
		name  string
		bytes []byte
		notUs bool
	}{
		{"a hello in the clear", []byte("\x00\x00\x00\x20g\x01 and what follows of it"), true},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), true},
		{"a record of nonsense", append([]byte{22, 3, 1, 0, 64}, bytes.Repeat([]byte{0xee}, 64)...), false},
		{"a record longer than any", []byte{22, 3, 1, 0xff, 0xff, 1}, true},
		{"a message longer than any", []byte{22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff}, false},
		{"the end", nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b := inMemory(t)
			go func() {
				a.Write(test.bytes)
				a.(interface{ CloseWrite() error }).CloseWrite()
			}()
			_, err := withRing(t, k1).Server(within(t, 10*time.Second), b)
			if err == nil || errors.Is(err, ErrNotTLS) != test.notUs {
				t.Errorf("got %v", err)
			}
			if answer, _ := io.ReadAll(a); len(answer) > 7 {
				t.Errorf("answered with %d bytes", len(answer))
			}
			a.Close()
		})
	}
}

// clientHello is the first thing a dialler says.
func clientHello(t *testing.T) []byte {
	a, b := inMemory(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		withRing(t, k1).Client(ctx, a)
	}()
	hello := make([]byte, 16<<10)
	n, err := b.Read(hello)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-done
	b.Close()
	return hello[:n]
}

func TestExport(t *testing.T) {
	u := withRing(t, k1)
	a, b := inMemory(t)
	c, s := link(t, u, u, a, b)
	a, b = inMemory(t)
	other, _ := link(t, u, u, a, b)
	export := func(c *Conn, label string) string {
		b, err := c.Export(label, 32)
		if err != nil || len(b) != 32 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		return string(b)
	}
	if export(c, "one") != export(s, "one") {
		t.Error("the two ends disagree")
	}
	if export(c, "one") == export(c, "two") || export(c, "one") == export(other, "one") {
		t.Error("the same bytes for another label or link")
	}
}

// TestNoSecretIsPrinted: whoever logs what he has of this package tells nothing.
func TestNoSecretIsPrinted(t *testing.T) {
	var key keyring.Key
	copy(key[:], "the bytes of this key are text!!")
	cfg := Config{Cluster: "test", Ring: ringOf(t, key)}
	u := upgrader(t, cfg)
	a, b := inMemory(t)
	c, _ := link(t, u, u, a, b)
	proof := c.AppendProof(nil)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		// vet knows that some verbs do not fit; that is what they are here for.
		for _, v := range []any{cfg, &cfg, u, *u} {
			text := fmt.Sprintf(verb, v)
			for _, secret := range []string{string(key[:]), key.Text(), fmt.Sprintf("%x", key[:]), "116 104 101 32 98", "0x74, 0x68, 0x65, 0x20"} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T tells the key", verb, v)
				}
			}
		}
	}
	proof[10] ^= 1
	if err := c.CheckProof(proof); err == nil || strings.Contains(err.Error(), fmt.Sprintf("%x", proof[4:])) {
		t.Errorf("error %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	// Without roots of its own, package x509 would believe the system's.
	noRoots := given{cert: newPKI(t).issue(t, "a", nil)}
	for _, cfg := range []Config{{}, {Cluster: "test"}, {Ring: new(keyring.Ring)}, {Certificates: madeUp{}}, {Certificates: noRoots}} {
		if u, err := New(cfg); err == nil || u != nil {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// TestWithoutARing: there are no proofs, and CheckProof says so.
func TestWithoutARing(t *testing.T) {
	pki := newPKI(t)
	u := upgrader(t, Config{Certificates: pki.node(t, "a")})
	a, b := inMemory(t)
	c, s := link(t, u, u, a, b)
	if c.PeerKey() != 0 || len(c.AppendProof(nil)) != 0 {
		t.Errorf("peer key %v, a proof of %d bytes", c.PeerKey(), len(c.AppendProof(nil)))
	}
	if err := s.CheckProof(make([]byte, ProofSize)); !errors.Is(err, ErrNoRing) {
		t.Errorf("got %v, want %v", err, ErrNoRing)
	}
}
