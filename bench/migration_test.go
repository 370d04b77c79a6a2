package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/Ishan27gOrg/gossipProtocol/delegate"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// mover is an application that goes from memberlist to gossip: it has one, or both, or the
// other. What it says begins with an id of its own, by which it takes each thing once,
// whichever way that comes first.
type mover struct {
	name string

	list *memberlist.Memberlist // nil: not in use
	old  memberlist.TransmitLimitedQueue

	node *gossip.Node // nil: not in use
	new  *delegate.Queue

	mu   sync.Mutex
	had  map[string]int // what came, and how often it was taken
	news chan struct{}
}

func (m *mover) NotifyMsg(msg []byte) {
	text := string(msg) // memberlist's slice is its own
	m.mu.Lock()
	if m.had[text] > 0 {
		m.mu.Unlock()
		return
	}
	m.had[text]++
	m.mu.Unlock()
	if m.list != nil {
		m.old.QueueBroadcast(oldWord{word(text)}) // as it spreads only if those who hear it pass it on
	}
	m.news <- struct{}{}
}

func (m *mover) say(t *testing.T, text string) {
	t.Helper()
	m.NotifyMsg([]byte(text)) // which is also how it takes its own, and tells memberlist
	if m.node != nil {
		if err := m.new.QueueBroadcast(newWord{word(text)}); err != nil {
			t.Fatal(err)
		}
	}
}

// The rest of memberlist's Delegate.
func (m *mover) NodeMeta(int) []byte                { return nil }
func (m *mover) LocalState(bool) []byte             { return nil }
func (m *mover) MergeRemoteState([]byte, bool)      {}
func (m *mover) GetBroadcasts(over, n int) [][]byte { return m.old.GetBroadcasts(over, n) }

// word is a broadcast of both packages but for the type of what it invalidates.
type word string

func (w word) Message() []byte { return []byte(w) }
func (w word) Finished()       {}

type oldWord struct{ word }

func (oldWord) Invalidates(memberlist.Broadcast) bool { return false }

type newWord struct{ word }

func (newWord) Invalidates(delegate.Broadcast) bool { return false }

func (m *mover) takeUpMemberlist(t *testing.T, contact *mover) {
	cfg := memberlist.DefaultLANConfig()
	cfg.Name, cfg.BindAddr, cfg.BindPort, cfg.AdvertisePort = m.name, "127.0.0.1", 0, 0
	cfg.LogOutput, cfg.Delegate = io.Discard, m
	m.old = memberlist.TransmitLimitedQueue{RetransmitMult: cfg.RetransmitMult, NumNodes: func() int { return 3 }}
	list, err := memberlist.Create(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.list = list
	if contact != nil {
		at := contact.list.LocalNode()
		if _, err := list.Join([]string{net.JoinHostPort(at.Addr.String(), strconv.Itoa(int(at.Port)))}); err != nil {
			t.Fatal(err)
		}
	}
}

func (m *mover) takeUpGossip(t *testing.T, contact *mover) {
	cfg := gossip.Config{ID: m.name, Logger: slog.New(slog.DiscardHandler)}
	if contact != nil {
		cfg.Join = []string{contact.node.Self().Addr}
	}
	node, err := gossip.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.node, m.new = node, delegate.NewQueue(node, delegate.QueueConfig{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		delegate.Run(context.Background(), node, m)
	}()
	t.Cleanup(func() { m.new.Close(); node.Close(); <-ended })
}

func (m *mover) giveUpMemberlist() {
	m.list.Leave(time.Second)
	m.list.Shutdown()
}

// Three applications move one after the other, and what anybody says meanwhile is taken
// once by each of them: docs/from-memberlist.md, "Side by side".
func TestMovingFromMemberlist(t *testing.T) {
	var all []*mover
	for i := range 3 {
		m := &mover{name: fmt.Sprint("m", i), had: make(map[string]int), news: make(chan struct{}, 100)}
		var contact *mover
		if i > 0 {
			contact = all[0]
		}
		m.takeUpMemberlist(t, contact)
		all = append(all, m)
	}
	down := sync.OnceFunc(func() {
		for _, m := range all {
			m.giveUpMemberlist()
		}
	})
	t.Cleanup(down)
	said := 0
	everybodySays := func(when string) {
		t.Helper()
		for _, m := range all {
			m.say(t, m.name+" "+when)
		}
		said += len(all)
		deadline := time.After(30 * time.Second)
		for _, m := range all {
			for range all {
				select {
				case <-m.news:
				case <-deadline:
					t.Fatalf("%s: %s has %v", when, m.name, m.had)
				}
			}
		}
	}
	everybodySays("with memberlist")
	for i, m := range all {
		var contact *mover
		if i > 0 {
			contact = all[0]
		}
		m.takeUpGossip(t, contact)
		everybodySays(fmt.Sprint("with both at ", i+1))
	}
	for _, m := range all {
		if err := m.node.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	down()
	for _, m := range all {
		m.list = nil
	}
	everybodySays("with gossip")
	for _, m := range all {
		m.mu.Lock()
		for text, n := range m.had {
			if n != 1 {
				t.Errorf("%s has taken %q %d times", m.name, text, n)
			}
		}
		if len(m.had) != said || !strings.Contains(fmt.Sprint(m.had), "with gossip") {
			t.Errorf("%s has %d of %d", m.name, len(m.had), said)
		}
		m.mu.Unlock()
	}
}
