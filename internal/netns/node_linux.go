package netns

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/keyring"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// The processes inside namespaces are this very program, which is told its part by
// the environment. (The command gossip agent has not all that is needed in its
// lines: incarnations of events, and counters.)
const partVariable = "GOSSIP_NETNS_PART"

// Part runs this process' part, if it has one, and reports whether it had. It is
// for the beginning of main.
func Part() (played bool) {
	var err error
	switch part := os.Getenv(partVariable); part {
	case "":
		return false
	case "node":
		err = nodeMain(os.Args[1:])
	case "switch":
		err = switchMain(os.Args[1:])
	default:
		err = fmt.Errorf("there is no part %q", part)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// keysVariable hands the key of this run's networks to their nodes.
const keysVariable = "GOSSIP_NETNS_KEYS"

var key = keyring.NewKey()

// inside is this program in a namespace, with a part. Its end of file on the standard
// input is the end of whoever started it, and its own.
func inside(ns, part string, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns, self}, args...)...)
	// Names are looked up in the namespace's /etc/hosts, by Go itself.
	cmd.Env = append(os.Environ(), partVariable+"="+part, keysVariable+"="+key.Text(), "GODEBUG=netdns=go")
	return cmd
}

// nodeSpec is what a node's process is to be.
type nodeSpec struct {
	ID, Listen string
	Join       []string
	Talkers    []string // who may have to answer
}

// config is the node's, in this one place: what its networks require of it, such as
// a keyring or the word that it may speak in the clear, belongs here.
func (s *nodeSpec) config() (gossip.Config, error) {
	keys, err := keyring.FromEnv(keysVariable)
	return gossip.Config{
		ID: s.ID, Listen: s.Listen, Join: s.Join, Keyring: keys,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}, err
}

// The bounds of each node: package gossip's defaults.
const (
	maxLinks = 5
	maxView  = 30
	maxLog   = 64 << 20
)

// request is what a node's process is told, a JSON object a line.
type request struct {
	Say   *talk `json:",omitempty"`
	Stats bool  `json:",omitempty"`
}

// talk is a message that is to be said, and what is to follow: so many answers, one
// to the other, the first by Next. It stands at the beginning of the payload.
type talk struct {
	Answers int
	Next    string
	Size    int
}

func (t talk) payload() ([]byte, error) {
	b, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	b = append(b, '\n')
	for i := len(b); i < t.Size; i++ {
		b = append(b, byte(i)) // not all alike, so that damage shows
	}
	return b, nil
}

func readTalk(payload []byte) (t talk, err error) {
	line, _, _ := strings.Cut(string(payload), "\n")
	err = json.Unmarshal([]byte(line), &t)
	return t, err
}

// entry is a line of a node's journal.
type entry struct {
	Kind string // one of the kinds below
	At   time.Time
	// Of whom: the node itself, a message's origin, or an event's peer.
	Origin      string        `json:",omitempty"`
	Incarnation uint64        `json:",omitempty"`
	Seq         uint64        `json:",omitempty"`
	Clock       string        `json:",omitempty"`
	Sum         uint32        `json:",omitempty"` // of the payload
	Size        int           `json:",omitempty"`
	Talk        *talk         `json:",omitempty"`
	Answer      bool          `json:",omitempty"` // to a message, not to a request
	Event       string        `json:",omitempty"`
	From, To    uint64        `json:",omitempty"`
	Stats       *gossip.Stats `json:",omitempty"`
	View        []gossip.Peer `json:",omitempty"`
	Error       string        `json:",omitempty"`
}

// The kinds of entries. Saying comes before a broadcast, with the sequence number
// that it will have, and sent after it: of a node that is killed between the two
// nobody could tell otherwise that it had sent something.
const (
	started   = "started"
	saying    = "saying"
	sent      = "sent"
	delivered = "delivered"
	told      = "told"
	counted   = "counted"
	failed    = "failed"
)

func (e *entry) origin() vclock.Origin {
	return vclock.Origin{Name: e.Origin, Incarnation: e.Incarnation}
}
func (e *entry) id() oracle.ID { return oracle.ID{Origin: e.origin(), Seq: e.Seq} }

// journalist is a node's process at work.
type journalist struct {
	spec nodeSpec
	node *gossip.Node

	mu  sync.Mutex // of out
	out *json.Encoder

	speaking sync.Mutex
	said     uint64
}

func nodeMain(args []string) error {
	if len(args) != 1 {
		return errors.New("want a node's specification")
	}
	j := &journalist{out: json.NewEncoder(os.Stdout)}
	if err := json.Unmarshal([]byte(args[0]), &j.spec); err != nil {
		return err
	}
	cfg, err := j.spec.config()
	if err != nil {
		return err
	}
	node, err := gossip.Start(context.Background(), cfg)
	if err != nil {
		return err
	}
	defer node.Close()
	j.node = node
	self := node.Self()
	j.write(entry{Kind: started, Origin: self.ID, Incarnation: self.Incarnation})
	go j.readMessages()
	go j.readEvents()
	return j.obey(json.NewDecoder(bufio.NewReader(os.Stdin)))
}

// write takes an entry down. If nobody reads it the process ends: it is by itself.
func (j *journalist) write(e entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.At = time.Now()
	if err := j.out.Encode(e); err != nil {
		os.Exit(1)
	}
}

func (j *journalist) obey(requests *json.Decoder) error {
	for {
		var r request
		switch err := requests.Decode(&r); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case r.Say != nil:
			j.say(*r.Say, false)
		case r.Stats:
			s := j.node.Stats()
			j.write(entry{Kind: counted, Stats: &s, View: j.node.View()})
		}
	}
}

func (j *journalist) say(t talk, answer bool) {
	j.speaking.Lock()
	defer j.speaking.Unlock()
	j.write(entry{Kind: saying, Seq: j.said + 1})
	payload, err := t.payload()
	if err == nil {
		var id gossip.MessageID
		if id, err = j.node.Broadcast(context.Background(), payload); err == nil {
			j.said = id.Seq
			j.write(entry{Kind: sent, Origin: id.Origin, Incarnation: id.Incarnation, Seq: id.Seq,
				Sum: crc32.ChecksumIEEE(payload), Size: len(payload), Answer: answer})
			return
		}
	}
	j.write(entry{Kind: failed, Error: err.Error()})
}

// readMessages is the node's application: it takes down what it is given, and
// answers if it is its turn.
func (j *journalist) readMessages() {
	for m := range j.node.Messages() {
		clock, err := m.Clock.MarshalText()
		if err != nil {
			j.write(entry{Kind: failed, Error: err.Error()})
		}
		e := entry{Kind: delivered, Origin: m.ID.Origin, Incarnation: m.ID.Incarnation, Seq: m.ID.Seq,
			Clock: string(clock), Sum: crc32.ChecksumIEEE(m.Payload), Size: len(m.Payload)}
		t, err := readTalk(m.Payload)
		if err == nil {
			e.Talk = &t
		}
		j.write(e)
		if err == nil && t.Answers > 0 && t.Next == j.spec.ID {
			next := j.spec.Talkers[(int(m.ID.Seq)*7+t.Answers)%len(j.spec.Talkers)]
			j.say(talk{Answers: t.Answers - 1, Next: next, Size: t.Size}, true)
		}
	}
}

func (j *journalist) readEvents() {
	for {
		select {
		case e := <-j.node.Events():
			j.write(entry{Kind: told, Event: e.Kind.String(), Origin: e.Peer.ID, Incarnation: e.Peer.Incarnation, From: e.From, To: e.To})
		case <-j.node.Done():
			return
		}
	}
}
