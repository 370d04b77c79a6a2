package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tool returns the path of a program, or skips the test. With GOSSIP_TOOLS=need, as CI
// has it where it can install them, one that is missing fails it.
func tool(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("GOSSIP_TOOLS") == "need" {
		t.Fatalf("%v: it is in the Debian package %s", err, pkg)
	}
	t.Skipf("%v: it is in the Debian package %s", err, pkg)
	panic("unreachable")
}

func body(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Prometheus's own checker finds nothing to say of what an agent serves.
func TestMetricsAreAsPrometheusWantsThem(t *testing.T) {
	promtool := tool(t, "promtool", "prometheus")
	a := launch(t, nil, "agent", "--quiet")
	a.address()
	check := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	check.Stdin = strings.NewReader(body(t, a.api()+"metrics"))
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// A Prometheus that is pointed at two agents has their links.
func TestScrapedByPrometheus(t *testing.T) {
	prometheus := tool(t, "prometheus", "prometheus")
	a := launch(t, nil, "agent", "--id", "a", "--quiet")
	addr := a.address()
	b := launch(t, nil, "agent", "--id", "b", "--quiet", "--join", addr)
	b.address()
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	target := func(p *process) string { return strings.Trim(strings.TrimPrefix(p.api(), "http:"), "/") }
	writeFile(t, config, fmt.Sprintf(`
scrape_configs:
  - job_name: gossip
    scrape_interval: 200ms
    scrape_timeout: 200ms
    static_configs:
      - targets: [%q, %q]
`, target(a), target(b)))
	listen := freePort(t)
	server := exec.CommandContext(t.Context(), prometheus, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+listen)
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	server.WaitDelay = 10 * time.Second
	logged, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer logged.Close()
	server.Stderr = logged
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { server.Cancel(); server.Wait() }()
	query := "http://" + listen + "/api/v1/query?query=" + url.QueryEscape(`sum(gossip_links) + count(gossip_agent_info{id=~"a|b"})`)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if answer := tryBody(query); strings.Contains(answer, `,"4"]`) {
			return // a link at each end, and two agents
		}
		select {
		case <-time.After(50 * time.Millisecond): // Prometheus makes no event of it
		case <-ctx.Done():
			text, _ := os.ReadFile(logged.Name())
			t.Fatalf("Prometheus has %s, want 4; it logged\n%s", tryBody(query), text)
		}
	}
}

func tryBody(url string) string {
	defer http.DefaultClient.CloseIdleConnections()
	r, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	return string(text)
}

// freePort returns an address that was free a moment ago, for a program that cannot say
// which one it took.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
