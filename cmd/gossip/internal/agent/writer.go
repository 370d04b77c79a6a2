package agent

import (
	"context"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
)

// queued is how many messages may wait for the disk besides those that are being
// written. Others wait in the node's backlog, which has a bound of its own. A guess: some
// tenths of a second of what a node can deliver.
const queued = 1024

// writer hands messages on to readers once they are on the disk. A reader resumes after
// the last that it was given. If that could be gone after a crash, and then come from the
// network once more, others might come before it that the reader would never be given.
type writer struct {
	sync    func(context.Context) error
	log     *hub.Messages
	entries chan hub.Entry
	done    chan struct{}
}

// newWriter returns one that hands on at once if sync is nil.
func newWriter(sync func(context.Context) error, log *hub.Messages) *writer {
	w := &writer{sync: sync, log: log, entries: make(chan hub.Entry, queued), done: make(chan struct{})}
	go w.run()
	return w
}

func (w *writer) add(e hub.Entry) { w.entries <- e }

// close returns when everything has been handed on.
func (w *writer) close() {
	close(w.entries)
	<-w.done
}

// run hands on as many at a time as came during the last write.
func (w *writer) run() {
	defer close(w.done)
	var batch []hub.Entry
	for e := range w.entries {
		batch = append(batch[:0], e)
		for range len(w.entries) {
			batch = append(batch, <-w.entries)
		}
		if w.sync != nil {
			// The node tells of what failed. Readers get the messages all the same, as other
			// nodes do.
			w.sync(context.Background())
		}
		for _, e := range batch {
			w.log.Add(e)
		}
		clear(batch)
	}
}
