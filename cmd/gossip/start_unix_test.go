//go:build unix

package main

import (
	"bytes"
	"context"
	"iter"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// readStore is a store that is asked for its records, and keeps nothing.
type readStore struct {
	reading func() iter.Seq2[gossip.Record, error]
}

func (s readStore) Append(gossip.Record) error               { return nil }
func (s readStore) Sync(context.Context) error               { return nil }
func (s readStore) Forget([]gossip.MessageID)                {}
func (s readStore) Records() iter.Seq2[gossip.Record, error] { return s.reading() }

func runStored(ctx context.Context, s gossip.Store) (stderr string, err error) {
	var out, errs bytes.Buffer
	cfg := gossip.Config{
		ID: "a", Listen: "127.0.0.1:0", Store: s, Plain: true, BacklogBytes: 1 << 20, LogBytes: 1 << 20, MaxPayload: 1 << 10,
		Logger: slog.New(slog.NewTextHandler(&errs, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	err = runAgent(ctx, console{strings.NewReader(""), &out, &errs}, cfg, agentOptions{quiet: true, keep: 1 << 20}, door{}, reloader{node: &nodeFlags{}, cfg: &cfg})
	return errs.String(), err
}

// An agent that is interrupted while it reads a long log ends, and that is no failure.
func TestInterruptWhileRestoring(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	store := readStore{func() iter.Seq2[gossip.Record, error] {
		return func(yield func(gossip.Record, error) bool) {
			interrupt()
			time.Sleep(100 * time.Millisecond) // a long log
			if yield(gossip.Record{ID: gossip.MessageID{Origin: "a", Incarnation: 1, Seq: 1}}, nil) {
				t.Error("it goes on reading")
			}
		}
	}}
	if stderr, err := runStored(ctx, store); err != nil {
		t.Errorf("the agent ended with %v: %s", err, stderr)
	}
}

// A SIGHUP that comes while an agent reads its log is one to reload, not the end of it.
func TestHangupWhileRestoring(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	store := readStore{func() iter.Seq2[gossip.Record, error] {
		return func(func(gossip.Record, error) bool) {
			if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
				t.Error(err)
			}
			time.AfterFunc(300*time.Millisecond, interrupt)
		}
	}}
	if stderr, err := runStored(ctx, store); err != nil {
		t.Errorf("the agent ended with %v: %s", err, stderr)
	}
}
