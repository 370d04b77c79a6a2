package deploy

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
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

// beginning is the one instruction that begins like this, without its word.
func beginning(word, begin string) string {
	lines := slices.DeleteFunc(instructions(word), func(line string) bool { return !strings.HasPrefix(line, begin) })
	if len(lines) != 1 {
		panic(fmt.Sprintf("the Dockerfile has %d lines that begin with %s %s", len(lines), word, begin))
	}
	return lines[0]
}

// buildAsTheDockerfile does what the RUN that builds does, with its variables, and nothing
// else of the workspace.
func buildAsTheDockerfile(out string) error {
	command := beginning("RUN", "go build ")
	if !strings.Contains(command, " /out/gossip ") {
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
	if from := beginning("FROM", "golang:"); !strings.HasPrefix(from, "golang:"+toolchain[1]+"-") {
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
