package secure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pki is a CA for one test.
type pki struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newPKI(t testing.TB) *pki {
	t.Helper()
	key := newECKey(t)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "CA of " + t.Name()},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	return &pki{sign(t, template, template, key, key), key}
}

func newECKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// issue makes a certificate that is good for both ends for an hour, but for
// what change does to it.
func (p *pki) issue(t testing.TB, name string, change func(*x509.Certificate)) *tls.Certificate {
	t.Helper()
	key := newECKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name, name + ".example"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	cert := sign(t, template, p.cert, key, p.key)
	return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// given is Certificates that a test hands out.
type given struct {
	cert  *tls.Certificate
	roots *x509.CertPool
}

func (g given) Certificate() (*tls.Certificate, error) { return g.cert, nil }
func (g given) Roots() (*x509.CertPool, error)         { return g.roots, nil }

func (p *pki) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.cert)
	return pool
}

func (p *pki) node(t testing.TB, name string) Certificates {
	return given{p.issue(t, name, nil), p.roots()}
}

// refused makes a link of two, at least one of which must not want it: the one
// that is to say why says so, and no byte of the application gets through.
func refused(t *testing.T, client, server *Upgrader, clientSays, serverSays string) {
	t.Helper()
	a, b := inMemory(t)
	e := shake(t, client, server, a, b)
	if e.clientErr == nil {
		// A dialler's handshake is over before the acceptor has judged it.
		_, e.clientErr = e.client.Read(make([]byte, 1))
	}
	for _, end := range []struct {
		name, want string
		err        error
	}{{"client", clientSays, e.clientErr}, {"server", serverSays, e.serverErr}} {
		if end.err == nil || !strings.Contains(end.err.Error(), end.want) {
			t.Errorf("%s: %v, want one that says %q", end.name, end.err, end.want)
		}
	}
}

func TestMutualTLS(t *testing.T) {
	for _, network := range networks {
		t.Run(network.name, func(t *testing.T) {
			pki := newPKI(t)
			a, b := network.pair(t)
			c, s := link(t,
				upgrader(t, Config{Certificates: pki.node(t, "a")}),
				upgrader(t, Config{Certificates: pki.node(t, "b")}), a, b)
			go c.Write([]byte("x"))
			if _, err := io.ReadFull(s, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if names := c.PeerNames(); !slices.Equal(names, []string{"b", "b.example"}) {
				t.Errorf("the dialler sees %q", names)
			}
			if names := s.PeerNames(); !slices.Equal(names, []string{"a", "a.example"}) {
				t.Errorf("the acceptor sees %q", names)
			}
		})
	}
}

// TestBadCertificates: each is shown once by the dialler, once by the acceptor.
func TestBadCertificates(t *testing.T) {
	ours, theirs := newPKI(t), newPKI(t)
	good := upgrader(t, Config{Certificates: ours.node(t, "good")})
	with := func(p *pki, change func(*x509.Certificate)) *Upgrader {
		return upgrader(t, Config{Certificates: given{p.issue(t, "bad", change), ours.roots()}})
	}
	usage := func(u x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{u} }
	}
	for _, test := range []struct {
		name                  string
		bad                   *Upgrader
		dialling, accepting   string // what the good end says of it
		mayDial, mayBeDialled bool
	}{
		{name: "expired", bad: with(ours, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }),
			dialling: "expired", accepting: "expired"},
		{name: "not valid yet", bad: with(ours, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }),
			dialling: "not yet valid", accepting: "not yet valid"},
		{name: "another CA", bad: with(theirs, nil),
			dialling: "unknown authority", accepting: "unknown authority"},
		{name: "for servers only", bad: with(ours, usage(x509.ExtKeyUsageServerAuth)),
			dialling: "incompatible key usage", mayBeDialled: true},
		{name: "for clients only", bad: with(ours, usage(x509.ExtKeyUsageClientAuth)),
			accepting: "incompatible key usage", mayDial: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !test.mayDial {
				refused(t, test.bad, good, "bad certificate", test.dialling)
			}
			if !test.mayBeDialled {
				refused(t, good, test.bad, test.accepting, "bad certificate")
			}
			// Else the tests above might fail for any reason.
			if test.mayDial {
				a, b := inMemory(t)
				link(t, test.bad, good, a, b)
			}
			if test.mayBeDialled {
				a, b := inMemory(t)
				link(t, good, test.bad, a, b)
			}
		})
	}
}

// TestNoClientCertificate: an acceptor with certificates demands one, of a node
// that has only the cluster's key as well.
func TestNoClientCertificate(t *testing.T) {
	pki := newPKI(t)
	refused(t, withRing(t, k1), upgrader(t, Config{Certificates: pki.node(t, "a")}), "", "certificate")
	refused(t, withRing(t, k1), upgrader(t, Config{Cluster: "test", Ring: ringOf(t, k1), Certificates: pki.node(t, "a")}), "", "certificate")
}

// TestBothAreRequired: the right certificate with the wrong key, and the other
// way round.
func TestBothAreRequired(t *testing.T) {
	ours, theirs := newPKI(t), newPKI(t)
	both := func(p *pki, roots *pki, key byte) *Upgrader {
		return upgrader(t, Config{Ring: ringOf(t, [32]byte{key}), Certificates: given{p.issue(t, "n", nil), roots.roots()}})
	}
	a, b := inMemory(t)
	c, s := link(t, both(ours, ours, 1), both(ours, ours, 1), a, b)
	if c.PeerKey() != k1.ID() || len(s.PeerNames()) == 0 {
		t.Errorf("peer key %v, peer names %q", c.PeerKey(), s.PeerNames())
	}
	refused(t, both(ours, ours, 2), both(ours, ours, 1), ErrRefused.Error(), ErrUnknownKey.Error())
	refused(t, both(theirs, ours, 1), both(ours, ours, 1), "bad certificate", "unknown authority")
	// Certificates alone are not enough for one that wants a proof as well: it
	// waits for it, so this one's words are no proof.
	a, b = inMemory(t)
	go func() {
		u, err := New(Config{Certificates: ours.node(t, "x")})
		if err != nil {
			t.Error(err)
			return
		}
		if c, err := u.Client(t.Context(), a); err == nil {
			c.Write(make([]byte, 2*ProofSize))
			io.Copy(io.Discard, c)
		}
	}()
	if _, err := both(ours, ours, 1).Server(within(t, 10*time.Second), b); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("got %v, want %v", err, ErrUnknownKey)
	}
}

// failing is Certificates that have gone bad since New.
type failing struct {
	Certificates
	err error
}

func (f *failing) Certificate() (*tls.Certificate, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Certificates.Certificate()
}

func TestCertificatesFail(t *testing.T) {
	f := &failing{Certificates: newPKI(t).node(t, "a")}
	u := upgrader(t, Config{Certificates: f})
	f.err = errors.New("the disk is gone")
	a, b := net.Pipe()
	if _, err := u.Server(t.Context(), b); !errors.Is(err, f.err) {
		t.Errorf("got %v, want %v", err, f.err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the connection: %v, want it closed", err)
	}
}

// pemFiles are certificate, key and CA of one node on disk.
type pemFiles struct{ cert, key, ca string }

func newFiles(t *testing.T) pemFiles {
	dir := t.TempDir()
	return pemFiles{filepath.Join(dir, "node.crt"), filepath.Join(dir, "node.key"), filepath.Join(dir, "ca.crt")}
}

func (f pemFiles) write(t *testing.T, cert *tls.Certificate, cas ...*pki) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var bundle []byte
	for _, ca := range cas {
		bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw})...)
	}
	put(t, f.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
	put(t, f.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	put(t, f.ca, bundle)
}

func put(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestFilesAreReloaded tells a CA's replacement on live nodes. In a bubble, so
// that the second in which files are not looked at again costs nothing.
func TestFilesAreReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := newPKI(t), newPKI(t)
		files := newFiles(t)
		files.write(t, first.issue(t, "before", nil), first)
		var troubles []error
		certs, err := Files(files.cert, files.key, files.ca, func(err error) { troubles = append(troubles, err) })
		if err != nil {
			t.Fatal(err)
		}
		node := upgrader(t, Config{Certificates: certs})
		nameSeenBy := func(peer *Upgrader) string {
			t.Helper()
			a, b := inMemory(t)
			c, _ := link(t, peer, node, a, b)
			return c.PeerNames()[0]
		}
		oldPeer := upgrader(t, Config{Certificates: first.node(t, "old")})
		newPeer := upgrader(t, Config{Certificates: second.node(t, "new")})
		if name := nameSeenBy(oldPeer); name != "before" {
			t.Fatalf("shows %q", name)
		}
		refused(t, newPeer, node, "unknown authority", "bad certificate")

		files.write(t, second.issue(t, "after", nil), second)
		if name := nameSeenBy(oldPeer); name != "before" {
			t.Errorf("looked again within a second: shows %q", name)
		}
		time.Sleep(lookEvery)
		if name := nameSeenBy(newPeer); name != "after" {
			t.Errorf("shows %q after a second", name)
		}
		refused(t, oldPeer, node, "unknown authority", "bad certificate")
		if len(troubles) != 0 {
			t.Errorf("troubles: %v", troubles)
		}
	})
}

// TestBadFilesAreNotUsed: the last good ones are, and each trouble is told once.
func TestBadFilesAreNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newPKI(t)
		files := newFiles(t)
		good := ca.issue(t, "good", nil)
		files.write(t, good, ca)
		var troubles []error
		certs, err := Files(files.cert, files.key, files.ca, func(err error) { troubles = append(troubles, err) })
		if err != nil {
			t.Fatal(err)
		}
		shown := func() string {
			t.Helper()
			for range 3 {
				time.Sleep(lookEvery)
				if _, err := certs.Roots(); err != nil {
					t.Fatal(err)
				}
			}
			cert, err := certs.Certificate()
			if err != nil {
				t.Fatal(err)
			}
			return cert.Leaf.Subject.CommonName
		}
		for _, step := range []struct {
			name string
			do   func()
			want string
		}{
			{"half a certificate", func() { put(t, files.cert, []byte("-----BEGIN CERTIFICATE-----\nMIIB")) }, files.cert},
			{"another one's key", func() {
				files.write(t, good, ca)
				other := newFiles(t)
				other.write(t, ca.issue(t, "other", nil), ca)
				b, _ := os.ReadFile(other.key)
				put(t, files.key, b)
			}, "private key does not match"},
			{"no CA", func() { files.write(t, good) }, "no certificate in it"},
			{"another CA", func() { files.write(t, good, newPKI(t)) }, "unknown authority"},
			{"expired", func() {
				files.write(t, ca.issue(t, "x", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), ca)
			}, "expired"},
			{"for servers only", func() {
				files.write(t, ca.issue(t, "x", func(c *x509.Certificate) {
					c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
				}), ca)
			}, "incompatible key usage"},
			{"a key that others may read", func() { files.write(t, good, ca); os.Chmod(files.key, 0o644) }, files.key + ": its mode is 0644"},
			{"authorities that others may write", func() { os.Chmod(files.key, 0o600); os.Chmod(files.ca, 0o666) }, files.ca + ": its mode is 0666"},
			{"endless", func() { os.Chmod(files.ca, 0o600); put(t, files.ca, make([]byte, maxPEM+1)) }, "more than"},
			{"gone", func() { os.Remove(files.key); files.writeCA(t, ca) }, "no such file"},
		} {
			troubles = nil
			step.do()
			if name := shown(); name != "good" {
				t.Errorf("%s: shows %q", step.name, name)
			}
			if len(troubles) != 1 || !strings.Contains(troubles[0].Error(), step.want) {
				t.Errorf("%s: troubles %v, want one that says %q", step.name, troubles, step.want)
			}
			if _, err := Files(files.cert, files.key, files.ca); err == nil || !strings.Contains(err.Error(), step.want) {
				t.Errorf("%s: at the start: %v", step.name, err)
			}
		}
		troubles = nil
		files.write(t, ca.issue(t, "better", nil), ca)
		if name := shown(); name != "better" || len(troubles) != 0 {
			t.Errorf("in the end it shows %q, troubles %v", name, troubles)
		}
	})
}

func (f pemFiles) writeCA(t *testing.T, ca *pki) {
	put(t, f.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}))
}
