package agent

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

func entryOf(seq uint64) hub.Entry {
	return hub.Entry{Message: gossip.Message{ID: gossip.MessageID{Origin: "a", Incarnation: 1, Seq: seq}}}
}

// kept are the numbers of the messages that readers are given.
func kept(log *hub.Messages) (seqs []uint64) {
	for e := range log.Latest(100) {
		seqs = append(seqs, e.ID.Seq)
	}
	return seqs
}

// A reader is given no message before it is on the disk, and what comes during one write
// shares the next. With make soak-agents, seed 2, a reader resumed after a message that
// the agent had not had time to write before it was killed, and that it had got from its
// neighbours again, after one that the reader then was never given.
func TestReadersAreGivenWhatIsOnTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := hub.NewMessages(hub.DefaultLimit)
		writes, written := 0, make(chan error)
		w := newWriter(func(context.Context) error { writes++; return <-written }, log)
		w.add(entryOf(1))
		synctest.Wait()
		w.add(entryOf(2))
		w.add(entryOf(3))
		synctest.Wait()
		if got := kept(log); len(got) > 0 || writes != 1 {
			t.Errorf("while the first is being written readers are given %v, and %d writes have begun; want nothing and one", got, writes)
		}
		written <- nil
		synctest.Wait()
		if got := kept(log); !slices.Equal(got, []uint64{1}) || writes != 2 {
			t.Errorf("once the first is written readers are given %v, and %d writes have begun; want the first and two", got, writes)
		}
		// A disk that fails keeps nothing from readers, who have nobody else to ask.
		written <- errors.New("no room")
		w.close()
		if got := kept(log); !slices.Equal(got, []uint64{1, 2, 3}) || writes != 2 {
			t.Errorf("at the end readers are given %v after %d writes, want all three after two", got, writes)
		}
	})
}

// Without a disk nobody waits.
func TestReadersWaitForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := hub.NewMessages(hub.DefaultLimit)
		w := newWriter(nil, log)
		defer w.close()
		w.add(entryOf(1))
		synctest.Wait()
		if got := kept(log); !slices.Equal(got, []uint64{1}) {
			t.Errorf("readers are given %v, want the message", got)
		}
	})
}
