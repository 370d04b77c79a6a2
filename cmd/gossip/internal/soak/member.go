package soak

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// startPatience is how long an agent may take until it serves, and to end when it is
// asked to: its own bound for that is three seconds, and the machine may be busy.
const startPatience = 30 * time.Second

// member is an agent, through all its lives.
type member struct {
	run    *run
	name   string
	steady bool // it is never ended
	addr   string
	join   []string
	dir    string
	client *api.Client

	mu      sync.Mutex // held while it starts or ends, and while its keys change
	process *process   // nil: it is down
	lives   int

	unconfirmed int // times that it left so
}

// process is one life.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
	err   error         // then, how
	// alone: it has said that no neighbour had confirmed everything when it left.
	alone bool
}

func (m *member) prepare() (err error) {
	if err := os.MkdirAll(m.dir, 0o700); err != nil {
		return err
	}
	if err := writeSecret(m.keyFile(), m.run.keys.text()); err != nil {
		return err
	}
	m.client, err = api.NewClient("unix:"+m.socket(), "")
	return err
}

func (m *member) keyFile() string { return filepath.Join(m.dir, "keyring") }
func (m *member) socket() string  { return filepath.Join(m.dir, "s") }
func (m *member) data() string    { return filepath.Join(m.dir, "data") }

// start begins a life, and returns once the agent serves.
func (m *member) start(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	args := append(append([]string{}, m.run.Command[1:]...), "agent", "--quiet",
		"--id", m.name, "--listen", m.addr, "--http", "unix:"+m.socket(),
		"--data-dir", m.data(), "--keyring", m.keyFile(),
		"--retention", retention.String(), "--horizon", horizon.String(), "--keep", kept,
		// So it ends when this process does, however that ends.
		"--stdin", "--exit-on-eof")
	if len(m.join) > 0 {
		args = append(args, "--join", strings.Join(m.join, ","))
	}
	p := &process{cmd: exec.Command(m.run.Command[0], args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), m.run.Env...)
	if _, err := p.cmd.StdinPipe(); err != nil {
		return err
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	serves := make(chan struct{})
	go m.watchOver(p, stderr, serves)
	select {
	case <-serves:
		m.process = p
		m.lives++
		return nil
	case <-p.ended:
		return fmt.Errorf("%s did not start: %v; %s tells more", m.name, p.err, m.logFile())
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-time.After(startPatience):
		err = fmt.Errorf("%s does not serve after %v", m.name, startPatience)
	}
	p.cmd.Process.Kill()
	<-p.ended
	return err
}

func (m *member) logFile() string { return filepath.Join(m.dir, "stderr") }

// watchOver reads what a process says, and waits for its end.
func (m *member) watchOver(p *process, stderr io.Reader, serves chan<- struct{}) {
	out, err := os.OpenFile(m.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		m.run.judge.blame("%s: what it says is not kept: %v", m.name, err)
		out = nil
	}
	defer out.Close()
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		line := lines.Text()
		if strings.Contains(line, "HTTP API and window at ") && serves != nil {
			close(serves)
			serves = nil
		}
		p.alone = p.alone || strings.Contains(line, unconfirmed)
		if out != nil {
			fmt.Fprintln(out, line)
		}
	}
	io.Copy(io.Discard, stderr) // a line that is too long must not stop it
	p.err = p.cmd.Wait()
	close(p.ended)
}

// take has the process be ended by the caller: nobody else takes its end for a fault.
func (m *member) take() *process {
	p := m.process
	m.process = nil
	return p
}

// kill ends it as a crash does. It reports whether it was up.
func (m *member) kill() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.take()
	if p == nil {
		return false
	}
	m.fellBefore(p)
	p.cmd.Process.Kill()
	<-p.ended
	return true
}

// unconfirmed is what an agent says that has left before a neighbour had everything, and
// has it on its disk.
var unconfirmed = gossip.ErrUnconfirmed.Error()

// leave has it end in good order, as a service manager does.
func (m *member) leave() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.take()
	if p == nil {
		return errors.New("it was not up")
	}
	m.fellBefore(p)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.ended:
		if p.alone {
			m.unconfirmed++
		}
		return p.err
	case <-time.After(startPatience):
		p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("it did not end within %v of SIGTERM", startPatience)
	}
}

// fellBefore blames a process that has ended before it was to.
func (m *member) fellBefore(p *process) {
	select {
	case <-p.ended:
		m.run.judge.blame("%s ended by itself: %v; %s tells more", m.name, p.err, m.logFile())
	default:
	}
}

// pid is that of its process, or 0.
func (m *member) pid() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process == nil {
		return 0
	}
	return m.process.cmd.Process.Pid
}

// setKeys writes its keyring, and has it read that again if it is up.
func (m *member) setKeys(text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := writeSecret(m.keyFile(), text); err != nil {
		return err
	}
	if m.process == nil {
		return nil
	}
	return m.process.cmd.Process.Signal(syscall.SIGHUP)
}
