package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/api"
	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// jsonHelp documents what printer prints.
const jsonHelp = `With --json each line is an object with a type:
  started  id, addr
  message  id, origin, incarnation (a string: it has 64 bits), seq, clock, hops,
           age_ms, at, and payload if that is UTF-8, otherwise payload_base64
  missed   missed: so many messages came faster than they could be printed;
           unknown: nobody can tell how many, as the agent does not know the
           last one any more
  event    event (link up, link down, gap, conflict, overflow), peer, addr,
           and from and to, sequence numbers, of a gap or an overflow
The keys of clock are "origin#incarnation".`

// printer prints messages and events, as text or as JSON.
type printer struct {
	w, info io.Writer
	json    *jsonLines // nil for text
	err     error      // the first in writing
}

func newPrinter(con console, asJSON bool) *printer {
	p := &printer{w: con.out, info: con.err}
	if asJSON {
		p.json = &jsonLines{w: con.out}
	}
	return p
}

type (
	startedLine struct {
		ID   string `json:"id"`
		Addr string `json:"addr"`
	}
	// messageLine is a message as the API tells of it, but for its id, which is
	// the short one for people.
	messageLine struct {
		ID string `json:"id"`
		api.Message
	}
	eventLine struct {
		Event string `json:"event"`
		Peer  string `json:"peer"`
		Addr  string `json:"addr,omitempty"`
		From  uint64 `json:"from,omitempty"`
		To    uint64 `json:"to,omitempty"`
	}
	sentLine struct {
		ID          string `json:"id"`
		Origin      string `json:"origin"`
		Incarnation uint64 `json:"incarnation,string"` // as in messageLine, to match the two
		Seq         uint64 `json:"seq"`
	}
)

// started tells who the node is, to the person as well.
func (p *printer) started(self gossip.Peer, join []string) {
	joining := ""
	if len(join) > 0 {
		joining = " joins " + strings.Join(join, ", ")
	}
	fmt.Fprintf(p.info, "%s at %s%s\n", self.ID, self.Addr, joining)
	if p.json != nil {
		p.object("started", startedLine{self.ID, self.Addr})
	}
}

func (p *printer) message(m gossip.Message) {
	if p.json == nil {
		p.line("%v  %v  %s", m.ID, m.Clock, printable(m.Payload))
		return
	}
	p.object("message", messageLine{ID: m.ID.String(), Message: api.MessageOf(hub.Entry{Message: m, At: time.Now()})})
}

// received prints a message that an agent has delivered.
func (p *printer) received(m *api.Message) {
	id := gossip.MessageID{Origin: m.Origin, Incarnation: m.Incarnation, Seq: m.Seq}
	if p.json == nil {
		p.line("%v  %v  %s", id, m.Clock, printable(m.Bytes()))
		return
	}
	p.object("message", messageLine{ID: id.String(), Message: *m})
}

func (p *printer) event(e gossip.Event) {
	if p.json == nil {
		p.line("# %v", e)
		return
	}
	p.object("event", eventLine{e.Kind.String(), e.Peer.ID, e.Peer.Addr, e.From, e.To})
}

// missed tells of messages that are not printed, since they came faster than they
// could be, or that an agent does not know where to go on.
func (p *printer) missed(m api.Missed) {
	switch {
	case m == api.Missed{}:
	case p.json != nil:
		p.object("missed", m)
	case m.Unknown:
		p.line("# missed: perhaps some messages here, as the agent does not know any more which was printed last")
	default:
		p.line("# missed: %d messages came faster than they could be printed", m.Missed)
	}
}

func (p *printer) sent(id gossip.MessageID) {
	if p.json == nil {
		p.line("%v", id)
		return
	}
	p.object("sent", sentLine{id.String(), id.Origin, id.Incarnation, id.Seq})
}

func (p *printer) line(format string, args ...any) {
	if _, err := fmt.Fprintf(p.w, format+"\n", args...); err != nil && p.err == nil {
		p.err = err
	}
}

func (p *printer) object(kind string, v any) {
	p.json.print(kind, v)
	if p.err == nil {
		p.err = p.json.err
	}
}

// printable returns a payload as it is if it is one line of text, else quoted:
// others decide what is in it, and a terminal obeys control characters.
func printable(payload []byte) string {
	text := string(payload)
	odd := func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) }
	if utf8.Valid(payload) && !strings.ContainsFunc(text, odd) {
		return text
	}
	return strconv.Quote(text)
}
