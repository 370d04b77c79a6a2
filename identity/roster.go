package identity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/Ishan27gOrg/gossipProtocol/internal/changes"
	"github.com/Ishan27gOrg/gossipProtocol/internal/secretfile"
)

// MaxEntries bounds each of a roster's two lists: far more than a network has nodes,
// and some MiB. A guess.
const MaxEntries = 1 << 16

// maxRoster bounds a roster's file: both lists full of the longest names.
const maxRoster = 2 * MaxEntries * 136

// ErrFull refuses an entry more than MaxEntries. The roster is then as it was.
var ErrFull = fmt.Errorf("identity: the roster has %d entries, which is the most", MaxEntries)

// Roster says who belongs: everybody who is not revoked, or only those who are
// allowed and not revoked. It is safe for concurrent use. The zero Roster has
// everybody.
type Roster struct {
	mu sync.RWMutex
	lists
	changes changes.Feed
}

// lists are what a roster's file says.
type lists struct {
	allowed map[Public]struct{} // nil: everybody
	revoked map[Public]struct{}
}

// NewRoster makes a roster of everybody, from which single nodes may be revoked.
func NewRoster() *Roster { return new(Roster) }

// NewAllowlist makes a roster of those given and nobody else.
func NewAllowlist(allowed ...Public) (*Roster, error) {
	r := &Roster{lists: lists{allowed: make(map[Public]struct{})}}
	for _, p := range allowed {
		if err := r.Allow(p); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Has reports whether somebody belongs.
func (r *Roster) Has(p Public) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.has(p)
}

func (l *lists) has(p Public) bool {
	if _, revoked := l.revoked[p]; revoked {
		return false
	}
	_, allowed := l.allowed[p]
	return allowed || l.allowed == nil
}

// Allow takes somebody in, or in again. On a roster of everybody it only undoes Revoke.
func (r *Roster) Allow(p Public) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	had := r.has(p)
	if err := r.allow(p); err != nil {
		return err
	}
	delete(r.revoked, p)
	if !had {
		r.changes.Tell()
	}
	return nil
}

func (l *lists) allow(p Public) error {
	if l.allowed != nil {
		return add(&l.allowed, p)
	}
	return nil
}

// Revoke shuts somebody out.
func (r *Roster) Revoke(p Public) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	had := r.has(p)
	if err := add(&r.revoked, p); err != nil {
		return err
	}
	if had {
		r.changes.Tell()
	}
	return nil
}

// add puts somebody on a list, making it if there is none.
func add(list *map[Public]struct{}, p Public) error {
	if _, there := (*list)[p]; there {
		return nil
	}
	if len(*list) >= MaxEntries {
		return ErrFull
	}
	if *list == nil {
		*list = make(map[Public]struct{})
	}
	(*list)[p] = struct{}{}
	return nil
}

// Allowed and Revoked list who is, in order. everybody tells that there is no list of
// who is allowed.
func (r *Roster) Allowed() (list []Public, everybody bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return sorted(r.allowed), r.allowed == nil
}

// Revoked is described with Allowed.
func (r *Roster) Revoked() []Public {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return sorted(r.revoked)
}

func sorted(set map[Public]struct{}) []Public {
	list := make([]Public, 0, len(set))
	for p := range set {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Public) int { return bytes.Compare(a[:], b[:]) })
	return list
}

// Changes answers a channel that holds a value once the roster has changed since it
// was last received from. It is never closed; stop ends it.
func (r *Roster) Changes() (changed <-chan struct{}, stop func()) { return r.changes.Subscribe() }

// ReadRoster reads a roster, an entry a line: the public key or the full name of who
// is allowed, the same with a '-' in front of who is revoked, or a '*' for everybody.
// Blank lines, and what follows a '#' at the beginning of a line or after a blank, are
// comments. A roster that allows nobody is refused: it is most likely a file that was
// cut, and must neither shut everybody out nor let everybody in.
func ReadRoster(in io.Reader) (*Roster, error) {
	l, err := readLists(in)
	if err != nil {
		return nil, fmt.Errorf("identity: roster: %w", err)
	}
	return &Roster{lists: l}, nil
}

// LoadRoster reads a file as [ReadRoster] does. There are no secrets in it; but it must
// not be one that everybody on the machine may write.
func LoadRoster(file string) (*Roster, error) {
	l, err := loadLists(file)
	if err != nil {
		return nil, fmt.Errorf("identity: roster: %w", err)
	}
	return &Roster{lists: l}, nil
}

// Reload makes the roster what a file says. If that cannot be had, the roster is as
// it was.
func (r *Roster) Reload(file string) error {
	l, err := loadLists(file)
	if err != nil {
		return fmt.Errorf("identity: the roster is not reloaded: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lists = l
	r.changes.Tell()
	return nil
}

func loadLists(file string) (lists, error) {
	text, err := secretfile.ReadTrusted(file, maxRoster)
	if err != nil {
		return lists{}, err
	}
	l, err := parseLists(text)
	if err != nil {
		return lists{}, fmt.Errorf("%s: %w", file, err)
	}
	return l, nil
}

func readLists(in io.Reader) (lists, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxRoster+1))
	if err != nil {
		return lists{}, err
	}
	if len(text) > maxRoster {
		return lists{}, fmt.Errorf("more than %d bytes", maxRoster)
	}
	return parseLists(text)
}

func parseLists(text []byte) (lists, error) {
	l := lists{allowed: make(map[Public]struct{})}
	everybody, number := false, 0
	for line := range strings.Lines(string(text)) {
		number++
		if line = withoutComment(line); line == "" {
			continue
		}
		if line == "*" {
			everybody = true
			continue
		}
		if err := l.read(line); err != nil {
			return lists{}, fmt.Errorf("line %d: %w", number, err)
		}
	}
	switch {
	case everybody:
		l.allowed = nil
	case len(l.allowed) == 0:
		return lists{}, errors.New("it allows nobody; a line \"*\" allows everybody who is not revoked")
	}
	return l, nil
}

// withoutComment leaves the '#' in a label alone.
func withoutComment(line string) string {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			line = line[:i]
			break
		}
	}
	return strings.TrimSpace(line)
}

// read takes a line. A key may begin with a '-' itself, so its length tells it from one
// that is revoked. A name whose label does so is taken for a revoked one, which is the
// safe way to be wrong; its key alone says what is meant.
func (l *lists) read(line string) error {
	if p, ok := decode(line); ok {
		return l.allow(p)
	}
	who, revoke := strings.CutPrefix(line, "-")
	who = strings.TrimSpace(who)
	p, ok := decode(who)
	if !ok {
		_, p, ok = Split(who)
	}
	switch {
	case !ok:
		return notPublic(who, "neither a public key (43 characters of base64url) nor a name that ends in \"~\" and one")
	case revoke:
		return add(&l.revoked, p)
	}
	return l.allow(p)
}
