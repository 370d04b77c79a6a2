package api

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/Ishan27gOrg/gossipProtocol/cmd/gossip/internal/hub"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Self tells who answers.
type Self struct {
	ID          string `json:"id" doc:"the node's name"`
	Incarnation uint64 `json:"incarnation,string" doc:"tells the lives of a node apart; a string, since it has 64 bits"`
	Addr        string `json:"addr" doc:"where other nodes reach it"`
	Cluster     string `json:"cluster" doc:"the network's name"`
	Order       string `json:"order" enum:"causal,fifo,unordered"`
	Version     string `json:"version"`
	UptimeMS    int64  `json:"uptime_ms"`
	MaxPayload  int    `json:"max_payload" doc:"the longest payload that may be broadcast, in bytes"`
	Network     string `json:"network" enum:"agent,demo,sim" doc:"agent: one node, which knows its neighbourhood; demo and sim: a whole network, all of whose nodes are seen"`
}

// Peer is another node as this one knows it.
type Peer struct {
	ID          string `json:"id"`
	Incarnation uint64 `json:"incarnation,string"`
	Addr        string `json:"addr,omitempty"`
	Age         int    `json:"age" doc:"how old the news of it is, in exchanges of the peer sampling service, or in hops under a policy of 2004"`
	Linked      bool   `json:"linked"`
}

// PeerOf is a peer as the API tells of it.
func PeerOf(p gossip.Peer) Peer { return Peer{p.ID, p.Incarnation, p.Addr, p.Age, p.Linked} }

// Link is a link of this node.
type Link struct {
	ID          string  `json:"id"`
	Incarnation uint64  `json:"incarnation,string"`
	Addr        string  `json:"addr,omitempty"`
	Outbound    bool    `json:"outbound" doc:"this node made the connection"`
	Tree        bool    `json:"tree" doc:"messages are sent on it at once, not only announced"`
	SinceMS     int64   `json:"since_ms" doc:"for how long it has been up"`
	RTTMS       float64 `json:"rtt_ms,omitempty" doc:"round trip of the last ping; absent if there was none"`
	QueuedBytes int     `json:"queued_bytes"`
}

// LinkOf is a link as the API tells of it.
func LinkOf(l gossip.LinkState) Link {
	return Link{
		l.ID, l.Incarnation, l.Addr, l.Outbound, l.Tree, l.Since.Milliseconds(), float64(l.RTT.Microseconds()) / 1000, l.QueuedBytes,
	}
}

// View is the body of GET /v1/view.
type View struct {
	Peers []Peer `json:"peers"`
}

// Links is the body of GET /v1/links.
type Links struct {
	Links []Link `json:"links"`
}

// Clock is the body of GET /v1/clock.
type Clock struct {
	Clock Counts `json:"clock" doc:"the number of messages delivered of each origin, by origin#incarnation"`
}

// Counts is a vector clock as JSON writes it.
type Counts struct{ vclock.Clock }

// Schema tells what it looks like.
func (Counts) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: huma.TypeInteger, Format: "int64"},
		Examples: []any{map[string]int{"a#1764177060": 3}},
	}
}

// Key is what is known of one key of the cluster.
type Key struct {
	ID       string `json:"id"`
	Here     bool   `json:"here" doc:"it is in this node's keyring"`
	Primary  bool   `json:"primary" doc:"it is what this node seals with"`
	HeldMS   int64  `json:"held_ms" doc:"how long ago another node was known to have it"`
	HeldBy   string `json:"held_by,omitempty"`
	UsedMS   int64  `json:"used_ms" doc:"how long ago another node was known to use it"`
	UsedBy   string `json:"used_by,omitempty"`
	LackedMS int64  `json:"lacked_ms" doc:"how long ago another node was known not to have it"`
	LackedBy string `json:"lacked_by,omitempty"`
}

// Keys is the body of GET /v1/keys.
type Keys struct {
	Keys []Key `json:"keys"`
}

// KeyOf is a key as the API tells of it.
func KeyOf(k gossip.KeyUse) Key {
	return Key{
		k.ID.String(), k.Here, k.Primary, k.Held.Milliseconds(), k.HeldBy,
		k.Used.Milliseconds(), k.UsedBy, k.Lacked.Milliseconds(), k.LackedBy,
	}
}

// MessageID names a message for ever.
type MessageID struct {
	ID          string `json:"id" doc:"origin/incarnation/seq, with the origin escaped as in a URL's path"`
	Origin      string `json:"origin"`
	Incarnation uint64 `json:"incarnation,string"`
	Seq         uint64 `json:"seq"`
}

// IDOf is an id as the API tells of it.
func IDOf(id gossip.MessageID) MessageID {
	return MessageID{FormatID(id), id.Origin, id.Incarnation, id.Seq}
}

// FormatID writes an id as "origin/incarnation/seq".
func FormatID(id gossip.MessageID) string {
	return fmt.Sprintf("%s/%d/%d", url.PathEscape(id.Origin), id.Incarnation, id.Seq)
}

// ParseID reads what FormatID writes.
func ParseID(text string) (id gossip.MessageID, err error) {
	parts := strings.Split(text, "/")
	if len(parts) == 3 {
		var errs [3]error
		id.Origin, errs[0] = url.PathUnescape(parts[0])
		id.Incarnation, errs[1] = strconv.ParseUint(parts[1], 10, 64)
		id.Seq, errs[2] = strconv.ParseUint(parts[2], 10, 64)
		if errs == [3]error{} && id.Origin != "" && id.Seq > 0 {
			return id, nil
		}
	}
	return gossip.MessageID{}, fmt.Errorf("%.80q is not the id of a message: allowed is origin/incarnation/seq, as in a/1764177060/7", text)
}

// Message is a message as this node delivered it.
type Message struct {
	MessageID
	Payload  *string           `json:"payload,omitempty" doc:"the payload, if it is UTF-8"`
	Base64   []byte            `json:"payload_base64,omitempty" doc:"the payload, if it is not"`
	Clock    Counts            `json:"clock" doc:"how many messages of each origin, by origin#incarnation, happened before this one, itself included"`
	Hops     int               `json:"hops" doc:"links that it crossed to get here"`
	Via      string            `json:"via,omitempty" doc:"the neighbour that brought it; absent of the node's own"`
	Headers  map[string]string `json:"headers,omitempty" doc:"what travels with it: content-type, traceparent, tracestate, idempotency-key as they were sent, and what else its sender has set"`
	AgeMS    float64           `json:"age_ms" doc:"time from its broadcast to its delivery here"`
	Restored bool              `json:"restored,omitempty" doc:"it was in the data directory when the agent started, and may have been delivered before"`
	At       time.Time         `json:"at" doc:"when it was delivered here"`
}

// MessageOf is a message as the API tells of it.
func MessageOf(e hub.Entry) Message {
	m := Message{
		MessageID: IDOf(e.ID), Clock: Counts{e.Clock}, Hops: e.Hops, Via: e.Via, Restored: e.Restored, Headers: e.Headers,
		AgeMS: float64(e.Age.Microseconds()) / 1000, At: e.At.UTC(),
	}
	if utf8.Valid(e.Payload) {
		text := string(e.Payload)
		m.Payload = &text
	} else {
		m.Base64 = e.Payload
	}
	return m
}

// Bytes returns the payload, whichever field it is in.
func (m *Message) Bytes() []byte {
	if m.Payload != nil {
		return []byte(*m.Payload)
	}
	return m.Base64
}

// Delivery is a message that some node has delivered.
type Delivery struct {
	ID   string `json:"id" doc:"the message's"`
	Node string `json:"node" doc:"who delivered it"`
	Via  string `json:"via,omitempty" doc:"which neighbour brought it; absent at its origin"`
	Hops int    `json:"hops" doc:"links that it crossed to get there"`
}

// Event is something that happened to the node.
type Event struct {
	Kind string    `json:"kind" enum:"link up,link down,gap,conflict,overflow"`
	Peer Peer      `json:"peer"`
	From uint64    `json:"from,omitempty" doc:"of a gap or an overflow: the first of the peer's messages that are meant"`
	To   uint64    `json:"to,omitempty" doc:"and the last; of an overflow, how many"`
	At   time.Time `json:"at"`
}

// EventOf is an event as the API tells of it.
func EventOf(e hub.Event) Event {
	return Event{e.Kind.String(), PeerOf(e.Peer), e.From, e.To, e.At.UTC()}
}

// Missed takes the place of entries that are not kept any more.
type Missed struct {
	Missed  uint64 `json:"missed" doc:"how many entries are gone that would have come here"`
	Unknown bool   `json:"unknown,omitempty" doc:"what was asked for is not kept, so it cannot be told how many"`
}

// Overlay is a sample of the network, gathered by asking around within limits.
type Overlay struct {
	At       time.Time     `json:"at"`
	Complete bool          `json:"complete" doc:"everybody who was heard of within the last round has been asked"`
	Asked    int           `json:"asked" doc:"how many nodes have described themselves"`
	Limit    int           `json:"limit" doc:"how many nodes are asked at most"`
	Nodes    []OverlayNode `json:"nodes"`
	Links    []OverlayLink `json:"links"`
	Views    []OverlayView `json:"views"`
}

// OverlayNode is a node of the sample.
type OverlayNode struct {
	ID    string `json:"id"`
	Addr  string `json:"addr,omitempty"`
	Self  bool   `json:"self,omitempty"`
	AgeMS *int64 `json:"age_ms,omitempty" doc:"time since it described itself; absent if others only named it"`
}

// OverlayLink is a link between two nodes of the sample.
type OverlayLink struct {
	A    string `json:"a"`
	B    string `json:"b"`
	Tree bool   `json:"tree" doc:"at least one end sends messages on it at once"`
}

// OverlayView is whom a node of the sample has in its view.
type OverlayView struct {
	From string   `json:"from"`
	To   []string `json:"to"`
}

// LogLevel is the body of /v1/log-level.
type LogLevel struct {
	Level string `json:"level" enum:"debug,info,warn,error"`
}
