// Package datadir keeps what an agent needs to go on after its process has ended, in
// whatever way: who it is, which of its lives this is, whom it knew, and what it has
// delivered. All of it is in one file, a bbolt database, which one process can have at
// a time.
package datadir

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	boltErrors "go.etcd.io/bbolt/errors"
)

// fileName is the database's in its directory.
const fileName = "node.db"

// version is that of what is in the database.
const version = 1

// lockPatience is how long another process may take to let go of the database: one that
// was told to end a moment ago.
const lockPatience = 3 * time.Second

var (
	nodeBucket    = []byte("node")
	recordsBucket = []byte("records") // by place, in the order of their delivery
	placesBucket  = []byte("places")  // of records, by their ids
	lifeKey       = []byte("life")
	peersKey      = []byte("peers")
)

// life is what is known of the node.
type life struct {
	Version     int    `json:"version"`
	ID          string `json:"id"`
	Incarnation uint64 `json:"incarnation"`
}

// Dir is a data directory that is open.
type Dir struct {
	file string
	db   *bolt.DB
	life life
	*Store
}

// ErrInUse: another process has the directory open.
var ErrInUse = errors.New("is in use: another process has it open")

// DamagedError says that the file is not what this package has written.
type DamagedError struct {
	File string
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s is damaged: %v. A copy of it may be put in its place; or it may be moved away: the node then begins anew, and gets from the network what that still has, but messages of its own that nobody had got are lost, as is who it was unless --id says so", e.File, e.Err)
}

// Unwrap returns the cause.
func (e *DamagedError) Unwrap() error { return e.Err }

// Open opens a directory, which is made if it is not there, and begins another life of
// the node that it is of. id is the node's name, or empty for that of its last life, or
// a new one. Errors are those of the file system, a *DamagedError, ErrInUse, and that
// the directory is another node's.
func Open(dir, id string, now time.Time) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, fileName)
	d := &Dir{file: file}
	err := guarded(file, func() error { return d.open() })
	if err != nil {
		return nil, err
	}
	if err := d.begin(id, now); err != nil {
		d.db.Close()
		return nil, err
	}
	d.Store = newStore(d.db, file)
	return d, nil
}

func (d *Dir) open() (err error) {
	d.db, err = bolt.Open(d.file, 0o600, &bolt.Options{
		Timeout: lockPatience,
		// The list of free pages is worked out anew at each start instead of being
		// written with each batch.
		NoFreelistSync: true, FreelistType: bolt.FreelistMapType,
	})
	switch {
	case errors.Is(err, boltErrors.ErrTimeout):
		return fmt.Errorf("%s %w", d.file, ErrInUse)
	case errors.Is(err, boltErrors.ErrInvalid), errors.Is(err, boltErrors.ErrChecksum), errors.Is(err, boltErrors.ErrVersionMismatch):
		return &DamagedError{d.file, err}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return err
	case err != nil:
		return fmt.Errorf("%s: %w", d.file, err)
	}
	return d.check()
}

// check reads the whole tree, so that what is damaged is found now and not in the midst
// of work.
func (d *Dir) check() error {
	err := d.db.View(func(tx *bolt.Tx) error {
		info, err := os.Stat(d.file)
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return &DamagedError{d.file, fmt.Errorf("it has %d bytes of %d", info.Size(), tx.Size())}
		}
		return tx.ForEach(func(_ []byte, b *bolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error { return nil })
		})
	})
	if err != nil {
		d.db.Close()
	}
	return err
}

// guarded calls f, which reads a file that may be damaged in ways that its library
// panics at.
func guarded(file string, f func() error) (err error) {
	// A page that is not there is a fault, since the file is mapped into memory.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = &DamagedError{file, fmt.Errorf("%v", p)}
		}
	}()
	return f()
}

// begin writes down which life this is before it begins.
func (d *Dir) begin(id string, now time.Time) error {
	return d.db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{nodeBucket, recordsBucket, placesBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		b := tx.Bucket(nodeBucket)
		if text := b.Get(lifeKey); text != nil {
			if err := json.Unmarshal(text, &d.life); err != nil {
				return &DamagedError{d.file, err}
			}
		}
		switch {
		case d.life.Version > version:
			return fmt.Errorf("%s is of a later version of this program: %d, and this one reads %d", d.file, d.life.Version, version)
		case id == "":
			id = d.life.ID
		case d.life.ID != "" && d.life.ID != id:
			return fmt.Errorf("%s is of the node %q, and this one is to be %q: each node has a directory of its own", d.file, d.life.ID, id)
		}
		if id == "" {
			id = fmt.Sprintf("node-%08x", rand.Uint32())
		}
		// Greater than all before, even if the clock on the wall was set back. Otherwise it
		// is what a node without a data directory takes, so that one may be added.
		d.life = life{version, id, max(fromClock(now), d.life.Incarnation+1)}
		return put(b, lifeKey, d.life)
	})
}

// fromClock is milliseconds since 1970, and 22 bits by chance.
func fromClock(now time.Time) uint64 { return uint64(now.UnixMilli())<<22 | rand.Uint64N(1<<22) }

func put(b *bolt.Bucket, key []byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put(key, text)
}

// ID returns the node's name.
func (d *Dir) ID() string { return d.life.ID }

// Incarnation returns which of the node's lives this is.
func (d *Dir) Incarnation() uint64 { return d.life.Incarnation }

// String returns the file that all of it is in.
func (d *Dir) String() string { return d.file }

// Peers returns the addresses that SetPeers was given last.
func (d *Dir) Peers() (addresses []string, err error) {
	err = d.db.View(func(tx *bolt.Tx) error {
		text := tx.Bucket(nodeBucket).Get(peersKey)
		if text == nil {
			return nil
		}
		return json.Unmarshal(text, &addresses)
	})
	return addresses, err
}

// SetPeers writes down addresses to find the network at in the next life.
func (d *Dir) SetPeers(addresses []string) error {
	return d.db.Update(func(tx *bolt.Tx) error { return put(tx.Bucket(nodeBucket), peersKey, addresses) })
}

// Close writes what is left to write and lets go of the directory.
func (d *Dir) Close() error {
	err := d.Store.close()
	return errors.Join(err, d.db.Close())
}

func placeKey(place uint64) []byte { return binary.BigEndian.AppendUint64(nil, place) }
