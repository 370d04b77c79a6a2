package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
)

// child is the command in a process of its own, which can be killed.
type child struct {
	t         *testing.T
	cmd       *exec.Cmd
	addr, url string
}

// spawn starts an agent in a process of its own, and returns once it serves.
func spawn(t *testing.T, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.CommandContext(t.Context(), os.Args[0], append([]string{"agent", "--quiet"}, args...)...)}
	c.cmd.Env = append(os.Environ(), asCommand+"=1")
	// The command forgets such variables, as it does those of who runs the tests.
	c.cmd.Args = append(c.cmd.Args, "--http", "127.0.0.1:0")
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	lines := bufio.NewScanner(stderr)
	for c.url == "" && lines.Scan() {
		if line := lines.Text(); strings.Contains(line, "HTTP API and window at ") {
			_, c.url, _ = strings.Cut(line, " at ")
		} else if f := strings.Fields(line); len(f) >= 3 && f[1] == "at" {
			c.addr = f[2]
		} else if !strings.Contains(line, "no keyring") {
			t.Log("an agent said: ", line)
		}
	}
	if c.url == "" {
		t.Fatal("the agent does not serve")
	}
	go func() { // what it logs must not stop it
		for lines.Scan() {
		}
	}()
	return c
}

// kill ends it as a crash does.
func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

func (c *child) client() *api.Client {
	c.t.Helper()
	client, err := api.NewClient(c.url, "")
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Close)
	return client
}

// An agent with a data directory is killed in the midst of traffic, several times. What
// it had accepted is delivered everywhere exactly once, in order, also what nobody had
// got from it before it was killed.
func TestAgentIsKilled(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	witness := spawn(t, "--id", "witness", "--keep", "64MiB")
	dir := filepath.Join(t.TempDir(), "data")
	accepted := make(map[string]string) // ids, and what they were sent for
	keys := make(map[string]string)     // and under which keys
	for life := range 3 {
		join := []string{"--join", witness.addr}
		if life == 1 {
			join = nil // alone: what it accepts now nobody else has
		}
		a := spawn(t, append([]string{"--data-dir", dir}, join...)...)
		sending, stop := context.WithCancel(ctx)
		var mu sync.Mutex
		var senders sync.WaitGroup
		enough := make(chan struct{})
		for s := range 4 {
			client := a.client()
			senders.Go(func() {
				for i := 0; ; i++ {
					text := fmt.Sprintf("life %d, sender %d, message %d", life, s, i)
					key := api.NewKey()
					id, err := client.Send(sending, []byte(text), key)
					if err != nil {
						return // it was killed
					}
					mu.Lock()
					accepted[id.ID], keys[id.ID] = text, key
					if len(accepted) == 60*(life+1) {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		select {
		case <-enough:
		case <-ctx.Done():
			t.Fatal("the agent does not accept enough")
		}
		a.kill()
		stop()
		senders.Wait()
	}
	a := spawn(t, "--data-dir", dir, "--join", witness.addr)
	retries := 0
	for id, key := range keys { // whoever got no answer asks again
		again, err := a.client().Send(ctx, []byte(accepted[id]), key)
		if err != nil || again.ID != id {
			t.Fatalf("sent again under its key, %s became %s, %v", id, again.ID, err)
		}
		if retries++; retries == 10 {
			break
		}
	}
	for name, c := range map[string]*api.Client{"witness": witness.client(), "the one that was killed": a.client()} {
		seen := make(map[string]bool)
		seqs := make(map[uint64]uint64) // of each life
		missing := len(accepted)
		for e, err := range c.Messages(ctx, api.Stream{Latest: 1 << 30}) {
			if err != nil {
				t.Fatal(err)
			}
			if e.ID == "" || seen[e.ID] {
				t.Fatalf("%s: %q was delivered twice, or something is missed", name, e.ID)
			}
			seen[e.ID] = true
			if e.Seq != seqs[e.Incarnation]+1 {
				t.Errorf("%s: message %d of a life comes after %d", name, e.Seq, seqs[e.Incarnation])
			}
			seqs[e.Incarnation] = e.Seq
			if text, was := accepted[e.ID]; was {
				if string(e.Bytes()) != text {
					t.Errorf("%s: %s is %q, want %q", name, e.ID, e.Bytes(), text)
				}
				if missing--; missing == 0 {
					break
				}
			}
		}
		if missing > 0 {
			t.Fatalf("%s: %d of %d messages that were accepted are missing", name, missing, len(accepted))
		}
	}
}
