//go:build linux

package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// notHere are settings of the unit that a namespace often may not carry out.
var notHere = []string{"PrivateUsers=yes", "PrivateDevices=yes"}

// The unit as it is, but for notHere, under a systemd of its own: the agent starts with
// its credential, socket and directory, reloads, is started again when it is killed with
// what it had accepted, and stops in good order; with the drop-ins its keys change
// without a restart, and its API wants a token. GOSSIP_SYSTEMD=run, as root: it mounts, if
// only in namespaces of its own.
func TestUnderSystemd(t *testing.T) {
	if os.Getenv("GOSSIP_SYSTEMD") != "run" {
		t.Skip("GOSSIP_SYSTEMD=run is not set")
	}
	if _, err := os.Stat("/lib/systemd/systemd"); err != nil || os.Getuid() != 0 {
		t.Fatalf("systemd (%v) and root are needed", err)
	}
	dir := t.TempDir()
	run(t, "cp", "-r", binary, "systemd", filepath.Join("testdata", "systemd", "probe.sh"), dir)
	here := `StandardError=append:/shared/agent.log\n`
	for _, s := range notHere {
		if !strings.Contains(readFile(t, "systemd/gossip.service"), "\n"+s+"\n") {
			t.Errorf("the unit does not say %s any more", s)
		}
		here += strings.Replace(s, "=yes", "=no", 1) + `\n`
	}
	boot := exec.Command("unshare", "--fork", "--pid", "--mount", "--cgroup", "--uts", "--ipc", "--net", "--mount-proc", "--kill-child",
		"sh", filepath.Join("testdata", "systemd", "boot.sh"), dir, here)
	booted, err := os.Create(filepath.Join(dir, "boot"))
	if err != nil {
		t.Fatal(err)
	}
	defer booted.Close()
	boot.Stdout, boot.Stderr = booted, booted
	if err := boot.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { boot.Process.Kill(); boot.Wait() }() // and with it all that it has started
	log := filepath.Join(dir, "log")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) { // nothing tells of a line
		if text, err := os.ReadFile(log); err == nil && strings.HasSuffix(string(text), "done\n") {
			break
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log)
			agent, _ := os.ReadFile(filepath.Join(dir, "agent.log"))
			t.Fatalf("it does not come to its end:\n%s\n%s\n%s", text, agent, readFile(t, booted.Name()))
		}
	}
	want := `started
/run/gossip/api.sock srwx------ gossip
/var/lib/private/gossip/node.db -rw------- gossip
/run/credentials/gossip.service/keyring -r-------- gossip
CapBnd: 0000000000000000
NoNewPrivs: 1
Seccomp: 2
sent
reloaded
protocol.restored      1
Result=success
started with drop-ins
keyring has changed
refused without a token
Result=success
done
`
	if got := readFile(t, log); got != want {
		t.Errorf("it went like this:\n%s\nand should have like this:\n%s", got, want)
	}
}
