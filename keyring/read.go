package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/Ishan27gOrg/gossipProtocol/internal/secretfile"
)

// maxInput bounds what is read: MaxKeys keys with ample comments. A guess.
const maxInput = 64 << 10

// Read reads a key a line; the first is the primary. Blank lines, and what
// follows a '#', are comments.
func Read(r io.Reader) (*Ring, error) {
	ring, err := read(r)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return ring, nil
}

func read(r io.Reader) (*Ring, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxInput {
		return nil, fmt.Errorf("more than %d bytes, for at most %d keys", maxInput, MaxKeys)
	}
	var keys []Key
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		k, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		keys = append(keys, k)
	}
	return newRing(keys)
}

// Load reads a file as [Read] does. It refuses one that everybody on the machine
// may read or write. (Its group may: that is how secrets are handed to
// containers.)
func Load(file string) (*Ring, error) {
	r, err := load(file)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return r, nil
}

// errKeyForName keeps a key out of errors about files and variables, which are logged.
var errKeyForName = errors.New("a key stands where the name of a file or a variable belongs; whoever may have seen it there has it")

func isKey(text string) bool {
	_, err := decode(strings.TrimSpace(text))
	return err == nil
}

func load(file string) (*Ring, error) {
	if isKey(file) {
		if _, err := os.Lstat(file); err != nil { // a path may look like a key
			return nil, errKeyForName
		}
	}
	text, err := secretfile.Read(file, maxInput)
	if err != nil {
		return nil, err
	}
	r, err := read(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Open is [Load], or for "env:NAME" [FromEnv]: what a program takes as one setting.
func Open(source string) (*Ring, error) {
	if name, ok := strings.CutPrefix(source, "env:"); ok {
		return FromEnv(name)
	}
	return Load(source)
}

// FromEnv reads keys from an environment variable, separated by spaces, commas
// or line ends; the first is the primary.
func FromEnv(name string) (*Ring, error) {
	if isKey(name) {
		return nil, fmt.Errorf("keyring: %w", errKeyForName)
	}
	text, ok := os.LookupEnv(name)
	if !ok {
		return nil, fmt.Errorf("keyring: $%s is not set", name)
	}
	if len(text) > maxInput {
		return nil, fmt.Errorf("keyring: $%s has more than %d bytes, for at most %d keys", name, maxInput, MaxKeys)
	}
	var keys []Key
	for i, field := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,\t\r\n", r) }) {
		k, err := parse(field)
		if err != nil {
			return nil, fmt.Errorf("keyring: $%s: key %d: %w", name, i+1, err)
		}
		keys = append(keys, k)
	}
	r, err := newRing(keys)
	if err != nil {
		return nil, fmt.Errorf("keyring: $%s: %w", name, err)
	}
	return r, nil
}

// Reload makes the ring what a file says. If that cannot be had, the ring is as
// it was.
func (r *Ring) Reload(file string) error {
	other, err := load(file)
	if err != nil {
		return fmt.Errorf("keyring: not reloaded: %w", err)
	}
	r.Replace(other)
	return nil
}
