//go:build linux

package deploy

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// The agent runs where there is nothing but it and its data directory, as the user that
// the Dockerfile names, with its variables; and its HEALTHCHECK tells one that serves from
// one that does not.
func TestFromScratch(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may change the root")
	}
	root := t.TempDir()
	run(t, "cp", binary, filepath.Join(root, "gossip"))
	var uid, gid uint32
	if _, err := fmt.Sscanf(instructions("USER")[0], "%d:%d", &uid, &gid); err != nil || uid == 0 {
		t.Fatalf("USER %s: %v", instructions("USER")[0], err)
	}
	run(t, "install", "-d", "-m", "700", "-o", fmt.Sprint(uid), "-g", fmt.Sprint(gid), filepath.Join(root, "data"))
	writeFile(t, filepath.Join(root, "keyring"), run(t, binary, "keys", "new"), 0o400)
	if err := os.Chown(filepath.Join(root, "keyring"), int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	inside := func(env []string, args ...string) *exec.Cmd {
		cmd := exec.Command("/gossip", args...) // it ends as the test asks it to
		cmd.Dir = "/"
		cmd.Env = append(strings.Fields(instructions("ENV")[1]), env...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: uid, Gid: gid}}
		return cmd
	}
	url := serving(t, inside(nil, "agent", "--listen", ":0", "--keyring", "/keyring", "--http", "127.0.0.1:0", "--id", "contained"))

	check := regexp.MustCompile(`CMD \["/gossip", "(.*)"\]`).FindStringSubmatch(instructions("HEALTHCHECK")[0])
	if check == nil {
		t.Fatalf("HEALTHCHECK %s", instructions("HEALTHCHECK")[0])
	}
	args := strings.Split(check[1], `", "`)
	if out, err := inside([]string{"GOSSIP_API=" + url}, args...).CombinedOutput(); err != nil || !strings.Contains(string(out), "links") {
		t.Errorf("gossip %q: %v\n%s", args, err, out)
	}
	if out, err := inside([]string{"GOSSIP_API=127.0.0.1:1"}, args...).CombinedOutput(); err == nil {
		t.Errorf("gossip %q where nobody serves ends well\n%s", args, out)
	}
	if _, err := os.Stat(filepath.Join(root, "data", "node.db")); err != nil {
		t.Errorf("its data directory is not kept: %v", err)
	}
	out, err := inside([]string{"GOSSIP_API=" + url}, "view").CombinedOutput()
	if err != nil {
		t.Errorf("gossip view: %v\n%s", err, out)
	}
}
