package gossip

import (
	"context"
	"errors"
	"fmt"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/internal/wire"
)

// Headers are what travels with a payload for whoever handles the message without looking
// into that: a trace context, a type of content, a key that tells repetitions. A key is 1
// to 64 characters of a to z, 0 to 9 and -; a value is text without control characters, and
// may be empty. All together they take at most 1 KiB, with some two bytes for each. Where
// nodes have identities, headers are signed like the payload.
type Headers map[string]string

// BroadcastOptions is what a broadcast may have beside its payload.
type BroadcastOptions struct {
	// Headers travel with the payload. Nodes of a release that knows none deliver and
	// pass on the message without them; with identities they are cut off from those
	// that do, as soon as there are some. Nil: none.
	Headers Headers
}

// ErrHeaders: headers that must not travel; the error tells which, and why.
var ErrHeaders = wire.ErrHeaders

// BroadcastWith is Broadcast with options. Errors are its errors, and ErrHeaders.
func (n *Node) BroadcastWith(ctx context.Context, payload []byte, o BroadcastOptions) (MessageID, error) {
	if len(o.Headers) == 0 {
		return n.broadcast(ctx, payload, nil)
	}
	headers, err := wire.AppendHeaders(nil, o.Headers)
	if err != nil {
		return MessageID{}, fmt.Errorf("gossip: %w", err)
	}
	return n.broadcast(ctx, payload, headers)
}

// errHeaders ends a link, and has others not begin: what is signed cannot be told without
// its headers.
var errHeaders = errors.New("messages have headers, which the peer's release does not know")

// fit makes of a frame what the peer on a link can read; nil, if nothing.
func (n *Node) fit(l *link, f *broadcast.Frame) *broadcast.Frame {
	switch {
	case f.Kind == broadcast.IHave && !l.spans:
		listed := *f
		listed.Listed = true
		return &listed
	case f.Kind != broadcast.Data || !f.Message.Headed || l.headers:
		return f
	case n.signer != nil:
		n.headed, l.unfit = true, true
		return nil
	}
	bare := *f
	bare.Message = wire.WithoutHeaders(f.Message, n.book)
	return &bare
}

// isUnfit reports whether a link with somebody would end at once: here are messages that
// it cannot read.
func (n *Node) isUnfit(h *wire.Hello) bool {
	return n.headed && h.Capabilities&wire.Headers == 0
}

// The map of headers takes up to twice the room of its entries.
const (
	headersCost = 512
	headerCost  = 80
)

// charge is what headers take in the backlog.
func (h Headers) charge() (bytes int) {
	if len(h) == 0 {
		return 0
	}
	bytes = headersCost
	for key, value := range h { // a sum: the order does not show
		bytes += headerCost + len(key) + len(value)
	}
	return bytes
}
