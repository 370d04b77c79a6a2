package gossip

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/identity"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
)

// mode is a way in which nodes may protect what they say.
type mode struct {
	name string
	// config returns a function that protects a node's config; all nodes of a network
	// are given the same one.
	config func(t testing.TB) func(cfg *Config)
}

var modes = []mode{
	{"plain", func(testing.TB) func(*Config) { return func(*Config) {} }},
	{"keyring", func(t testing.TB) func(*Config) {
		ring := newRing(t)
		return func(cfg *Config) { cfg.Keyring = ring }
	}},
	{"mutual TLS", func(t testing.TB) func(*Config) {
		files := newAuthority(t).issue(t, "node")
		return func(cfg *Config) { cfg.TLS = files }
	}},
	{"keyring and mutual TLS", func(t testing.TB) func(*Config) {
		ring, files := newRing(t), newAuthority(t).issue(t, "node")
		return func(cfg *Config) { cfg.Keyring, cfg.TLS = ring, files }
	}},
	{"signatures", func(t testing.TB) func(*Config) {
		ring := newRing(t)
		return func(cfg *Config) { cfg.Keyring, cfg.Identity = ring, identity.Generate() }
	}},
}

func newRing(t testing.TB, more ...keyring.Key) *keyring.Ring {
	t.Helper()
	ring, err := keyring.New(keyring.NewKey(), more...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// authority is a certification authority of a user's own.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir(), key: newECKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der := sign(t, template, template, a.key, a.key)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = writePEM(t, filepath.Join(a.dir, "ca.pem"), "CERTIFICATE", der)
	return a
}

// issue makes a certificate and returns it with the authority's.
func (a *authority) issue(t testing.TB, name string) Certificates {
	t.Helper()
	key := newECKey(t)
	der := sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, a.cert, key, a.key)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files, err := CertificateFiles(
		writePEM(t, filepath.Join(a.dir, name+".pem"), "CERTIFICATE", der),
		writePEM(t, filepath.Join(a.dir, name+".key"), "PRIVATE KEY", private), a.file)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func newECKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t testing.TB, file, kind string, der []byte) string {
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestEveryMode: what is promised is promised in every mode.
func TestEveryMode(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			ctx := within(t, time.Minute)
			protect := m.config(t)
			net := newNetwork(t)
			for range 12 {
				cfg := Config{}
				protect(&cfg)
				net.add(cfg)
			}
			net.ready(ctx)
			net.chatter(ctx, net.members, 100)
			mustBeRight(t, net.settled(ctx, 100))
			for range 3 {
				net.chatter(ctx, net.members[:8], 50)
				net.members[len(net.members)-1].kill()
				cfg := Config{}
				protect(&cfg)
				net.add(cfg)
			}
			net.ready(ctx)
			mustBeRight(t, net.settled(ctx, 150))
			for _, m := range net.up() {
				if s := m.Stats(); s.BadSignatures+s.Unsigned+s.Unproved+s.Outdated+s.Revoked > 0 {
					t.Errorf("%s blames honest nodes: %d bad signatures, %d missing, %d claims unproved, %d addresses outdated, %d revoked",
						m.Self().ID, s.BadSignatures, s.Unsigned, s.Unproved, s.Outdated, s.Revoked)
				}
			}
		})
	}
}

// TestModesDoNotMix: nodes that protect themselves in different ways do not talk.
func TestModesDoNotMix(t *testing.T) {
	for _, a := range modes {
		for _, b := range modes {
			if a.name < b.name {
				continue // each pair once; and each with itself, under other keys
			}
			t.Run(a.name+" and "+b.name, func(t *testing.T) {
				t.Parallel()
				if a.name == "plain" && b.name == "plain" {
					t.Skip("they do talk")
				}
				ctx := within(t, 20*time.Second)
				mine, theirs := Config{ID: "a"}, Config{ID: "b"}
				a.config(t)(&mine)
				b.config(t)(&theirs)
				first := start(t, mine)
				theirs.Join = []string{first.Self().Addr}
				second := start(t, theirs)
				// It has been tried often enough once something was refused a few times.
				for refusals(first)+refusals(second) < 5 {
					select {
					case <-time.After(10 * time.Millisecond):
					case <-ctx.Done():
						t.Fatalf("nothing was refused: %+v %+v", first.Stats(), second.Stats())
					}
				}
				if len(first.Links())+len(second.Links()) > 0 {
					t.Error("there is a link")
				}
			})
		}
	}
}

func refusals(n *Node) uint64 {
	s := n.Stats()
	return s.Unsealed + s.OtherKeys + s.Forged + s.BadPackets + s.BadFrames + s.StrayAnswers
}

// BenchmarkModes is what protection costs: CPU time of the whole process, all nodes
// of it, for each delivery.
func BenchmarkModes(b *testing.B) {
	for _, m := range modes {
		for _, size := range []int{64, 256, 1024, 16 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", m.name, size), func(b *testing.B) { benchmarkMode(b, m, size) })
		}
	}
}

func benchmarkMode(b *testing.B, m mode, size int) {
	const nodes = 16
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	protect := m.config(b)
	var all []*Node
	for i := range nodes {
		cfg := Config{ID: fmt.Sprint("n", i)}
		protect(&cfg)
		if i > 0 {
			cfg.Join = []string{all[0].Self().Addr}
		}
		all = append(all, start(b, cfg))
	}
	for _, n := range all {
		if err := n.Ready(ctx); err != nil {
			b.Fatal(err)
		}
	}
	round := func(messages int) {
		done := make(chan bool, nodes)
		for _, n := range all {
			go func() {
				for range messages {
					select {
					case <-n.Messages():
					case <-ctx.Done():
						done <- false
						return
					}
				}
				done <- true
			}()
		}
		payload := make([]byte, size)
		for i := range messages {
			if _, err := all[i%8].Broadcast(ctx, payload); err != nil {
				b.Fatal(err)
			}
		}
		for range nodes {
			if !<-done {
				b.Fatal("not everything was delivered")
			}
		}
	}
	round(200) // so that the tree has formed
	b.ResetTimer()
	before := cpuTime()
	round(b.N)
	used := cpuTime() - before
	b.StopTimer()
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N*nodes), "cpu-ns/delivery")
	b.ReportMetric(float64(b.N*nodes)/used.Seconds(), "deliveries/cpu-s")
}
