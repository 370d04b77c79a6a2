package deploy

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// instructions are the lines of the Dockerfile that begin with a word, without it.
func instructions(word string) (lines []string) {
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		panic(err) // it is beside this file
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, word+" "); found {
			lines = append(lines, strings.TrimSpace(rest))
		}
	}
	return lines
}

// buildAsTheDockerfile does what its first RUN does, with its variables, and nothing else
// of the workspace.
func buildAsTheDockerfile(out string) error {
	command := instructions("RUN")[0]
	if !strings.HasPrefix(command, "go build ") || !strings.Contains(command, " /out/gossip ") {
		return fmt.Errorf("the Dockerfile builds by %q", command)
	}
	cmd := exec.Command("sh", "-c", strings.ReplaceAll(command, "/out/gossip", out))
	cmd.Dir = filepath.Join("..", "cmd", "gossip")
	cmd.Env = append(os.Environ(), "VERSION=v1.2.3-test")
	for _, variable := range strings.Fields(instructions("ENV")[0]) {
		if !strings.HasPrefix(variable, "GOTOOLCHAIN=") { // the image's Go is the right one
			cmd.Env = append(cmd.Env, variable)
		}
	}
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, text)
	}
	return nil
}

// The image's Go is the one that the modules name.
func TestDockerfileNamesTheToolchain(t *testing.T) {
	toolchain := regexp.MustCompile(`(?m)^toolchain go(.*)$`).FindStringSubmatch(readFile(t, "../cmd/gossip/go.mod"))
	if from := instructions("FROM")[0]; !strings.HasPrefix(from, "golang:"+toolchain[1]+"-") {
		t.Errorf("the image is built from %s, the modules want %s", from, toolchain[1])
	}
}

// An image from scratch has no library to link to.
func TestTheBinaryIsStatic(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no ELF here")
	}
	f, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it asks for a dynamic linker")
		}
	}
	if libraries, err := f.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("it asks for %q, %v", libraries, err)
	}
	if text := readFile(t, binary); strings.Contains(text, "/cmd/gossip/agent.go") && strings.Contains(text, mustGetwd(t)) {
		t.Error("it names the directory that it was built in: where is -trimpath?")
	}
}

func mustGetwd(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(dir)
}

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
