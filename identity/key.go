package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/Ishan27gOrg/gossipProtocol/internal/secretfile"
)

// Public is the half of a key that everybody may know.
type Public [ed25519.PublicKeySize]byte

// String is the form that is in names, which [ParsePublic] reads.
func (p Public) String() string { return encoding.EncodeToString(p[:]) }

// ParsePublic reads what [Public.String] writes.
func ParsePublic(text string) (Public, error) {
	p, ok := decode(text)
	if !ok {
		return p, fmt.Errorf("identity: %w", notPublic(text, "no public key, which is 43 characters of base64url"))
	}
	return p, nil
}

// notPublic refuses what does not stand for a public key, and does not show it: it may
// be a secret in the wrong place, and errors go into logs.
func notPublic(text, wanted string) error {
	if strings.HasPrefix(text, prefix) {
		return errors.New("a private key stands where a public one belongs; whoever may have seen it there has it")
	}
	return fmt.Errorf("these %d characters are %s", len(text), wanted)
}

// Verify reports whether the key's owner has signed the message.
func (p Public) Verify(message, signature []byte) bool {
	return len(signature) == SignatureSize && ed25519.Verify(p[:], message, signature)
}

// SignatureSize is the length of a signature.
const SignatureSize = ed25519.SignatureSize

// encoding is strict, so that a key has one form.
var encoding = base64.RawURLEncoding.Strict()

const textSize = 43

func decode(text string) (p Public, ok bool) {
	if len(text) != textSize || strings.ContainsAny(text, "\r\n") { // which package base64 passes over
		return p, false
	}
	var b [len(p)]byte
	if _, err := encoding.Decode(b[:], []byte(text)); err != nil {
		return p, false
	}
	return b, true
}

// Key is a node's own key, with which it signs. It prints as its public half,
// whatever the verb, and refuses to be marshalled; [Key.Text] is the one way to its
// secret as text. The zero Key signs nothing; make one with [Generate], [Parse] or
// [Load].
type Key struct {
	public Public
	// private is behind a function, which package fmt and reflection cannot look into.
	private func() ed25519.PrivateKey
}

// Generate makes a key of the system's randomness.
func Generate() *Key {
	var seed [ed25519.SeedSize]byte
	rand.Read(seed[:]) // never fails: the program ends if the system has none
	return fromSeed(seed[:])
}

func fromSeed(seed []byte) *Key {
	private := ed25519.NewKeyFromSeed(seed)
	k := &Key{private: func() ed25519.PrivateKey { return private }}
	copy(k.public[:], private[ed25519.SeedSize:])
	return k
}

// prefix keeps identities and the keys of a keyring, which are as long, apart: the
// one in the place of the other would be told to everybody.
const prefix = "ed25519:"

const allowed = "an identity is \"" + prefix + "\" and 43 characters of base64url"

// Text is the secret as [Parse] and [Load] take it. It belongs in a file that only
// its owner may read.
func (k *Key) Text() string { return prefix + encoding.EncodeToString(k.private().Seed()) }

// Parse reads what [Key.Text] writes. Errors do not show the text.
func Parse(text string) (*Key, error) {
	k, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return k, nil
}

func parse(text string) (*Key, error) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok {
		return nil, fmt.Errorf("%d characters that do not begin as they should: %s", len(text), allowed)
	}
	seed, ok := decode(rest)
	if !ok {
		return nil, fmt.Errorf("what follows %q is no key, or was cut or mistyped: %s", prefix, allowed)
	}
	return fromSeed(seed[:]), nil
}

// maxFile bounds the file of a key: the key, with ample comments. A guess.
const maxFile = 4 << 10

// Load reads a file with one key in it; blank lines, and those that begin with a
// '#', are comments. It refuses a file that everybody on the machine may read or
// write.
func Load(file string) (*Key, error) {
	k, err := load(file)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return k, nil
}

func load(file string) (k *Key, err error) {
	if _, err := parse(strings.TrimSpace(file)); err == nil {
		// Which keeps it out of an error that is logged.
		return nil, errors.New("a key stands where the name of a file belongs; whoever may have seen it there has it")
	}
	text, err := secretfile.Read(file, maxFile)
	if err != nil {
		return nil, err
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if k != nil {
			return nil, fmt.Errorf("%s: line %d: a second key; a node has one", file, number)
		}
		if k, err = parse(line); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", file, number, err)
		}
	}
	if k == nil {
		return nil, fmt.Errorf("%s: there is no key in it: %s", file, allowed)
	}
	return k, nil
}

// Public is the half that others know.
func (k *Key) Public() Public { return k.public }

// Sign signs a message. What is signed should begin with words that say what it is
// for, so that it cannot pass for something else.
func (k *Key) Sign(message []byte) []byte { return ed25519.Sign(k.private(), message) }

// IsZero reports whether this is the zero Key, which cannot sign.
func (k *Key) IsZero() bool { return k.private == nil }

// String names the key without telling it.
func (k *Key) String() string { return "identity " + k.public.String() }

// GoString is what %#v would show.
func (k *Key) GoString() string { return k.String() }

// Format keeps every verb from showing more than String.
func (k *Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue is what package slog shows.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText refuses, so that a key in a struct does not end up in somebody's JSON.
func (k *Key) MarshalText() ([]byte, error) {
	return nil, errors.New("identity: a key is not marshalled by accident; its method Text tells it")
}
