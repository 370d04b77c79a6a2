package discovery

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// fileSource reads a file, and again whenever it has changed.
type fileSource struct{ text, path string }

// maxFile bounds a file of addresses, in bytes.
const maxFile = 1 << 20

// settle is how long a file has to be left alone before it is read: who writes it may
// do so in several steps.
const settle = 100 * time.Millisecond

// hurry is how long it may not be left alone: what is written may be another file of
// the directory.
const hurry = time.Second

// reread is how often a file is read in any case: not every file system tells of
// changes.
const reread = time.Minute

func (s *fileSource) String() string { return s.text }

func (s *fileSource) Watch(ctx context.Context, found func([]string), failed func(error)) {
	read := func() {
		if addresses, err := readAddresses(s.path); err != nil {
			failed(err)
		} else {
			found(addresses)
		}
	}
	var (
		changes <-chan fsnotify.Event
		lost    <-chan error
	)
	if w, err := fsnotify.NewWatcher(); err != nil {
		failed(err)
	} else {
		defer w.Close()
		// The directory, since a file that is replaced is another one; as are those that
		// Kubernetes mounts, whose links lead to another directory then.
		if err := w.Add(filepath.Dir(s.path)); err != nil {
			failed(err)
		}
		changes, lost = w.Events, w.Errors
	}
	read()
	timer := time.NewTimer(reread)
	defer timer.Stop()
	var since time.Time // the first change that was not read
	changed := func() {
		if since.IsZero() {
			since = time.Now()
		}
		timer.Reset(min(settle, time.Until(since.Add(hurry))))
	}
	for {
		select {
		case _, open := <-changes:
			if !open {
				changes = nil
				continue
			}
			changed()
		case err, open := <-lost: // unread it would hold up what comes
			if !open {
				lost = nil
				continue
			}
			failed(err)
			changed()
		case <-timer.C:
			since = time.Time{}
			read()
			timer.Reset(reread)
		case <-ctx.Done():
			return
		}
	}
}

// readAddresses reads a file with an address a line. Empty lines and what comes after
// a # do not count.
func readAddresses(path string) (addresses []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewScanner(io.LimitReader(f, maxFile+1))
	size := 0
	for number := 1; in.Scan(); number++ {
		if size += len(in.Bytes()) + 1; size > maxFile {
			return nil, fmt.Errorf("%s: more than %d bytes", path, maxFile)
		}
		line, _, _ := strings.Cut(in.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if host, port, err := net.SplitHostPort(line); err != nil || host == "" || port == "" {
			return nil, fmt.Errorf("%s: line %d: %.80q, allowed: HOST:PORT", path, number, line)
		}
		addresses = append(addresses, line)
	}
	return addresses, in.Err()
}
