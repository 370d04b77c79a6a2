//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestThreeAgents does what the README has a newcomer do: three agents are started by
// the script behind "make agents", and a message that is sent to the first is printed by
// all three, each of which has told where it is.
func TestThreeAgents(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("the script is one for bash")
	}
	cmd := exec.Command("../../scripts/agents.sh")
	cmd.Env = append(os.Environ(), "GOSSIP_HTTP=127.0.0.1:0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed := make(chan string)
	go func() {
		defer close(printed)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			printed <- lines.Text()
		}
	}()
	defer func() { // as an interrupt at the terminal does: the script and all it started
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
			t.Error(err)
		}
		for range printed {
		}
		_ = cmd.Wait() // how it ends after an interrupt is the shell's to choose
	}()

	at, urls, delivered := map[string]bool{}, map[string]string{}, map[string]bool{}
	sent := false
	for len(delivered) < 3 {
		var line string
		var ok bool
		select {
		case line, ok = <-printed:
		case <-time.After(10 * patience): // the script builds the command first
		}
		if !ok {
			t.Fatalf("the script ended or says no more; at %v, HTTP at %v, delivered by %v", at, urls, delivered)
		}
		name, said, _ := strings.Cut(line, ": ")
		if url, ok := strings.CutPrefix(said, "HTTP API and window at "); ok {
			urls[name] = url
		} else if strings.HasPrefix(said, name+" at ") {
			at[name] = true
		} else if strings.Contains(said, "hello from here") {
			delivered[name] = true
		} else {
			t.Log(line)
		}
		if len(at) == 3 && len(urls) == 3 && !sent {
			sent = true
			if status, _, stderr := call(t, "", "send", "--api", urls["a"], "hello from here"); status != 0 {
				t.Fatal(stderr)
			}
		}
	}
}
