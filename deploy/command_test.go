package deploy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is more than anything here takes.
const patience = 30 * time.Second

// binary is the command, built as the Dockerfile says.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "deploy")
	if err == nil {
		binary = filepath.Join(dir, "gossip")
		err = buildAsTheDockerfile(binary)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// tool returns the path of a program, or skips the test. With GOSSIP_TOOLS=need one that
// is missing fails it.
func tool(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("GOSSIP_TOOLS") == "need":
		t.Fatalf("%v: it is in the Debian package %s", err, pkg)
	}
	t.Skipf("%v: it is in the Debian package %s", err, pkg)
	return ""
}

// run returns what a program prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// accepts has the command say what it makes of its arguments: unknown flags and bad
// values are errors.
func accepts(t *testing.T, args []string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append(args, "--print-config")...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("gossip %q, %q: %v\n%s", args, env, err, out)
	}
	return string(out)
}

// serving starts a command that runs an agent, and returns the URL of its API. The agent
// ends with the test, and has to leave in good order.
func serving(t *testing.T, cmd *exec.Cmd) (url string) {
	t.Helper()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	said := make(chan string, 100) // an agent says a few lines
	go func() {
		defer close(ended)
		defer close(said)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			select {
			case said <- lines.Text():
			default:
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("the agent ended with %v", err)
		}
	})
	var all []string
	for line := range said {
		if _, url, found := strings.Cut(line, "HTTP API and window at "); found {
			return url
		}
		all = append(all, line)
	}
	t.Fatalf("the agent does not serve; it said\n%s", strings.Join(all, "\n"))
	return ""
}

// scrape returns what an agent's /metrics has.
func scrape(t *testing.T) string {
	t.Helper()
	url := serving(t, exec.Command(binary, "agent", "--quiet", "--http", "127.0.0.1:0"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
