package keyring

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
)

// Key is a secret that the nodes of a cluster share. It prints as its [ID],
// whatever the verb, and refuses to be marshalled; [Key.Text] is the one way to
// its secret as text.
//
// Package fmt cannot ask a value in an unexported field how it wants to be
// printed, and does not ask about %p. So hold a *[Ring] in your structs, not a
// Key: what a ring holds is out of its reach.
type Key [32]byte

// NewKey makes a key of the system's randomness.
func NewKey() Key {
	var k Key
	rand.Read(k[:]) // never fails: the program ends if the system has none
	return k
}

const allowed = "a key is 32 bytes, as 43 or 44 characters of base64 or 64 hexadecimal digits"

var errZero = errors.New("the key is all zeros, which is no secret")

// ParseKey reads a key as base64 (standard or URL alphabet, padded or not) or
// as hexadecimal digits. Errors do not show the text.
func ParseKey(text string) (Key, error) {
	k, err := parse(text)
	if err != nil {
		return Key{}, fmt.Errorf("keyring: %w", err)
	}
	return k, nil
}

func parse(text string) (Key, error) {
	k, err := decode(text)
	if err == nil && k.isZero() {
		err = errZero
	}
	if err != nil {
		return Key{}, err
	}
	return k, nil
}

func decode(text string) (k Key, err error) {
	switch len(text) {
	case hex.EncodedLen(len(k)):
		if at := strings.IndexFunc(text, notHex); at >= 0 {
			return k, fmt.Errorf("character %d of 64 is not a hexadecimal digit: %s", at+1, allowed)
		}
		_, err = hex.Decode(k[:], []byte(text))
	case 44:
		if text[43] != '=' {
			return k, fmt.Errorf("44 characters that do not end in the padding \"=\": %s", allowed)
		}
		err = k.decodeBase64(text[:43])
	case 43:
		err = k.decodeBase64(text)
	default:
		return k, fmt.Errorf("%d characters: %s", len(text), allowed)
	}
	return k, err
}

// decodeBase64 looks at each character itself: package base64 passes over line
// ends, and its errors are not ours to vouch for.
func (k *Key) decodeBase64(text string) error {
	if at := strings.IndexFunc(text, notBase64); at >= 0 {
		return fmt.Errorf("character %d of 43 is not base64: %s", at+1, allowed)
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	if _, err := encoding.Strict().Decode(k[:], []byte(text)); err != nil {
		return fmt.Errorf("base64 that mixes both alphabets or has bits left over: was it cut or mistyped? %s", allowed)
	}
	return nil
}

func notHex(r rune) bool {
	return !('0' <= r && r <= '9' || 'a' <= r && r <= 'f' || 'A' <= r && r <= 'F')
}

func notBase64(r rune) bool {
	return !('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("+/-_", r))
}

// Text is the secret as [ParseKey] and [Read] take it. It belongs in files that
// only their owner may read.
func (k Key) Text() string { return base64.StdEncoding.EncodeToString(k[:]) }

// String names the key without telling it.
func (k Key) String() string { return "key " + k.ID().String() }

// GoString is what %#v would show.
func (k Key) GoString() string { return k.String() }

// Format keeps every verb from showing the bytes.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, k.String()) }

// LogValue is what package slog shows.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText refuses, so that a key in a struct does not end up in somebody's
// JSON.
func (k Key) MarshalText() ([]byte, error) {
	return nil, errors.New("keyring: a key is not marshalled by accident; its method Text tells it")
}

func (k Key) isZero() bool       { return subtle.ConstantTimeCompare(k[:], make([]byte, len(k))) == 1 }
func (k Key) equal(o Key) bool   { return subtle.ConstantTimeCompare(k[:], o[:]) == 1 }
func (k Key) entry() (e keyedID) { return keyedID{id: k.ID(), key: k} }

// ID names a key on the wire and to people. It is no secret: it is derived from
// the key by HKDF-SHA256 (RFC 5869), so that it reveals nothing of a key that is
// random. No key has ID 0.
type ID uint32

// ID of the key.
func (k Key) ID() ID {
	b, err := hkdf.Key(sha256.New, k[:], nil, "gossip/1 key id", 4)
	if err != nil {
		panic("keyring: " + err.Error()) // only lengths can be wrong, and these are constant
	}
	// 0 stands for "no key". One key in 2^32 gets another's ID this way, which
	// is as likely as any two keys having one.
	return max(1, ID(binary.BigEndian.Uint32(b)))
}

// String is 8 hexadecimal digits.
func (id ID) String() string { return fmt.Sprintf("%08x", uint32(id)) }

// ParseID reads what [ID.String] wrote.
func ParseID(text string) (ID, error) {
	if len(text) != 8 || strings.ContainsFunc(text, notHex) {
		// Somebody may have given the key where its ID was asked for.
		return 0, fmt.Errorf("keyring: %d characters: the ID of a key is 8 hexadecimal digits, such as %v", len(text), ID(0x1a2b3c4d))
	}
	id, err := strconv.ParseUint(text, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("keyring: the ID of a key: %w", err)
	}
	if id == 0 {
		return 0, errors.New("keyring: no key has the ID 00000000")
	}
	return ID(id), nil
}
