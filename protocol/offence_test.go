package protocol

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/broadcast"
	"github.com/Ishan27gOrg/gossipProtocol/peer"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// victim is a node that has made two messages, with a link (number 1) to a peer, b,
// that says what it likes.
func victim(t *testing.T) *member {
	t.Helper()
	l := newLab(t)
	l.start(nil)
	a := l.nodes[0]
	a.out.Reset()
	a.Connected(l.now, 1, 2, false, &a.out)
	a.HandleFrame(l.now, 1, &broadcast.Frame{Kind: broadcast.Neighbor, Token: 1}, &a.out)
	a.HandleFrame(l.now, 1, &broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{}}}, &a.out)
	for range 2 {
		if _, err := a.Broadcast(l.now, []byte("x"), &a.out); err != nil {
			t.Fatal(err)
		}
	}
	a.out.Reset()
	if !a.links.Linked(2) {
		t.Fatal("no link")
	}
	return a
}

// hear has a frame come on link 1 and returns the misdeeds that it amounts to.
func (n *member) hear(f broadcast.Frame) (what []Misdeed) {
	n.out.Reset()
	n.HandleFrame(n.l.now, 1, &f, &n.out)
	for _, o := range n.out.Offences {
		if o.Link != 1 || o.Peer != 2 {
			n.l.fail("accused is %d on %d", o.Peer, o.Link)
		}
		what = append(what, o.What)
	}
	return what
}

func TestOffences(t *testing.T) {
	dot := func(h peer.Handle, seq uint64) peer.Dot { return peer.Dot{Origin: h, Seq: seq} }
	data := func(d peer.Dot, deps ...peer.Dot) broadcast.Frame {
		return broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: d, Deps: deps, Born: time.Hour}}
	}
	clocked := func(c vclock.Clock) broadcast.Frame {
		f := data(dot(2, 1))
		f.Message.Clock, f.WithClock = c, true
		return f
	}
	ihave := func(d peer.Dot) broadcast.Frame {
		return broadcast.Frame{Kind: broadcast.IHave, Announced: []broadcast.Announcement{{Dot: d}}}
	}
	gone := func(d peer.Dot, upTo uint64) broadcast.Frame {
		return broadcast.Frame{Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{{Dot: d, UpTo: upTo}}}
	}
	digest := func(e broadcast.DigestEntry) broadcast.Frame {
		return broadcast.Frame{Kind: broadcast.Digest, Opening: true, Digest: []broadcast.DigestPart{{Entries: []broadcast.DigestEntry{e}}}}
	}
	a, b := directory{}.Name(1), directory{}.Name(2)
	crowd := vclock.Clock{}.With(b, 1)
	for i := range 1 << 16 {
		crowd = crowd.With(peer.ID{Name: fmt.Sprint("n", i)}, 1)
	}
	const beyond = peer.MaxSeq + 1
	var absurd, forged tally
	for _, tt := range []struct {
		why  string
		f    broadcast.Frame
		want Misdeed
	}{
		{"a message", data(dot(2, 1)), 0},
		{"after both of a's", data(dot(2, 1), dot(1, 2)), 0},
		{"one that comes back", data(dot(1, 2)), 0},
		{"with its clock", clocked(vclock.Clock{}.With(a, 2).With(b, 1)), 0},
		{"announced", ihave(dot(3, peer.MaxSeq)), 0},
		{"wanted, by who was deceived", broadcast.Frame{Kind: broadcast.Want, Wants: []broadcast.WantEntry{{Dot: dot(1, 9)}}}, 0},
		{"gone", gone(dot(3, 1), peer.MaxSeq), 0},
		{"all had", digest(broadcast.DigestEntry{Origin: 1, Contiguous: 2}), 0},

		{"a message beyond all", data(dot(2, beyond)), AbsurdNumber},
		{"after one beyond all", data(dot(2, 1), dot(3, beyond)), AbsurdNumber},
		{"after nothing", data(dot(2, 1), dot(3, 0)), AbsurdNumber},
		{"announced beyond all", ihave(dot(3, beyond)), AbsurdNumber},
		{"gone beyond all", gone(dot(3, 1), beyond), AbsurdNumber},
		{"had beyond all", digest(broadcast.DigestEntry{Origin: 3, Contiguous: beyond}), AbsurdNumber},
		{"in its own past", data(dot(2, 1), dot(2, 1)), DependsOnItself},
		{"after its successor", data(dot(2, 1), dot(2, 2)), DependsOnItself},
		{"a clock of another message", clocked(vclock.Clock{}.With(b, 2)), WrongClock},
		{"a clock of too many", clocked(crowd), WrongClock},

		{"a's third message, which it has not made", data(dot(1, 3)), ForgedDot},
		{"after a's third message", data(dot(2, 1), dot(1, 3)), ForgedPast},
		{"a clock that counts it", clocked(vclock.Clock{}.With(a, 3).With(b, 1)), ForgedPast},
		{"an announcement of it", ihave(dot(1, 3)), ForgedClaim},
		{"its being gone", gone(dot(1, 1), 3), ForgedClaim},
		{"its having been had", digest(broadcast.DigestEntry{Origin: 1, Contiguous: 3}), ForgedClaim},
		{"its having been had alone", digest(broadcast.DigestEntry{Origin: 1, Spans: []broadcast.Span{{From: 3, To: 3}}}), ForgedClaim},
	} {
		n := victim(t)
		got := n.hear(tt.f)
		if tt.want == 0 && len(got) > 0 || tt.want != 0 && (len(got) != 1 || got[0] != tt.want) {
			t.Errorf("%s: %v, want %v", tt.why, got, tt.want)
		}
		if linked := n.links.Linked(2); linked == tt.want.Proven() {
			t.Errorf("%s: linked %v", tt.why, linked)
		}
		if len(n.out.Deliveries) > 0 && tt.want != 0 {
			t.Errorf("%s: delivered", tt.why)
		}
		switch {
		case tt.want == AbsurdNumber:
			absurd.count(n)
		case tt.want != 0 && !tt.want.Proven():
			forged.count(n)
		}
		if m, err := n.Broadcast(n.l.now, nil, &n.out); err != nil || m.Dot.Seq != 3 {
			t.Errorf("%s: a's next message is %v, %v", tt.why, m, err)
		}
	}
	t.Logf("messages that this node has not made: %+v", forged)
	t.Logf("numbers beyond all: %+v", absurd)
	if want := (tally{frames: 7, links: 7, sent: 2}); forged != want { // a digest is answered
		t.Errorf("forgeries: %+v, want %+v", forged, want)
	}
	if want := (tally{frames: 6}); absurd != want {
		t.Errorf("numbers beyond all: %+v, want %+v", absurd, want)
	}
}

// tally is what came of frames that are no good: links that are still there, frames
// sent, and messages that were delivered, or are held back or waited for.
type tally struct{ frames, links, sent, delivered, held int }

func (t *tally) count(n *member) {
	t.frames++
	t.links += n.links.Len()
	t.sent += len(n.out.Links.Sends)
	t.delivered += len(n.out.Deliveries)
	t.held += n.Gauges().HeldMessages + n.Gauges().Expected
}

// Frames without a meaning are ignored while they may have crossed with something;
// a heap of them is an offence.
func TestFramesOutOfPlace(t *testing.T) {
	n := victim(t)
	times := 0
	for n.hear(broadcast.Frame{Kind: broadcast.SyncDone}) == nil {
		if times++; times > 1000 {
			t.Fatal("no end")
		}
	}
	if times < 30 || n.links.Linked(2) {
		t.Errorf("cut off after %d", times)
	}
	n = victim(t)
	for range 1000 {
		n.l.now += time.Second
		if what := n.hear(broadcast.Frame{Kind: broadcast.SyncDone}); what != nil {
			t.Fatalf("one in a second: %v", what)
		}
	}
}

// Who announces what it then says that it never had is cut off soon; a single mistake
// is none, nor is it to say nothing, for that may be a slow peer, if it is not too often.
func TestVainAnnouncements(t *testing.T) {
	for _, silent := range []bool{false, true} {
		n := victim(t)
		announced := 0
		for round := 0; n.links.Linked(2) && round < 20; round++ {
			f := broadcast.Frame{Kind: broadcast.IHave}
			for range 200 {
				announced++
				f.Announced = append(f.Announced, broadcast.Announcement{Dot: peer.Dot{Origin: 3, Seq: uint64(announced)}})
			}
			if round == 0 {
				f.Announced = f.Announced[:1]
			}
			n.hear(f)
			for range 40 { // seconds
				n.l.now += time.Second
				n.hear(broadcast.Frame{Kind: broadcast.Ping})
				n.Tick(n.l.now, &n.out)
				for _, s := range n.out.Links.Sends {
					for _, w := range s.Frame.Wants {
						if !silent {
							n.Machine.HandleFrame(n.l.now, 1, &broadcast.Frame{Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{{Dot: w.Dot}}}, new(Outbox))
						}
					}
				}
			}
			if round == 0 && n.Counters().Offences > 0 {
				t.Error("one is an offence")
			}
		}
		t.Logf("silent %v: %d announced in vain, the link is still there: %v", silent, announced, n.links.Linked(2))
		if n.links.Linked(2) != silent { // so few a minute may be a slow peer's
			t.Errorf("silent %v: linked %v after %d lies", silent, n.links.Linked(2), announced)
		}
	}
}

// TestAFloodOfAnnouncements: somebody announces 10^5 messages that do not exist, as fast
// as he can. Of them so many are expected as there may be, those are asked for, and then
// he is cut off: at once if he says that he never had them, and if he says nothing once a few
// hundred have been waited for in vain, of which some are asked for at a time.
func TestAFloodOfAnnouncements(t *testing.T) {
	for _, tt := range []struct {
		silent bool
		late   time.Duration // how late the first of them comes, the only one that does
		within time.Duration
		times  int // that each is asked for
	}{
		{false, 0, time.Second, 1},
		{false, 3 * time.Second, time.Second, 1},
		{true, 0, 3 * time.Minute, 3},
		{true, 3 * time.Second, 4 * time.Minute, 3},
	} {
		n := victim(t)
		sent := make(map[broadcast.FrameKind]int)
		most, wants := 0, 0
		look := func() (gone []broadcast.GoneEntry) {
			most = max(most, n.Gauges().Expected)
			for _, s := range n.out.Links.Sends {
				sent[s.Frame.Kind]++
				for _, w := range s.Frame.Wants {
					gone = append(gone, broadcast.GoneEntry{Dot: w.Dot})
				}
			}
			wants += len(gone)
			return gone
		}
		heap := heapNow()
		const flood, atOnce = 100_000, 250
		for first := 0; first < flood; first += atOnce {
			f := broadcast.Frame{Kind: broadcast.IHave}
			for i := range atOnce {
				f.Announced = append(f.Announced, broadcast.Announcement{Dot: peer.Dot{Origin: 3, Seq: uint64(first + i + 1)}})
			}
			n.hear(f)
			look()
		}
		heap = heapNow() - heap
		if tt.late > 0 {
			n.l.now += tt.late
			n.hear(broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: peer.Dot{Origin: 3, Seq: 1}, Born: n.l.now}})
			look()
		}
		began := n.l.now
		for n.links.Linked(2) && n.l.now < began+time.Hour {
			n.l.now = max(n.l.now, min(n.Deadline(), n.l.now+time.Second))
			n.out.Reset()
			n.Tick(n.l.now, &n.out)
			gone := look()
			n.hear(broadcast.Frame{Kind: broadcast.Ping})
			for !tt.silent && len(gone) > 0 && n.links.Linked(2) {
				n.hear(broadcast.Frame{Kind: broadcast.Gone, Gone: gone})
				gone = look()
			}
		}
		took := n.l.now - began
		t.Logf("silent %v, late by %v: %d announced, %d expected, %.1f MiB of heap; %d GRAFT, %d DIGEST, and %d WANT that ask for %d; cut off after %v",
			tt.silent, tt.late, flood, most, float64(heap)/(1<<20), sent[broadcast.Graft], sent[broadcast.Digest], sent[broadcast.Want], wants, took)
		if n.links.Linked(2) || took > tt.within {
			t.Errorf("silent %v: linked %v after %v", tt.silent, n.links.Linked(2), took)
		}
		if bound := 1 << 14; most != bound || wants > bound*tt.times || sent[broadcast.Graft]+sent[broadcast.Digest] > 1 {
			t.Errorf("silent %v: %d are expected, %d asked for, %v sent", tt.silent, most, wants, sent)
		}
		if heap > 8<<20 {
			t.Errorf("silent %v: %d bytes are held", tt.silent, heap)
		}
	}
}

func heapNow() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// The names of misdeeds are words.
func TestMisdeedsHaveNames(t *testing.T) {
	for w := AbsurdNumber; w <= ForgedClaim; w++ {
		if w.String() == "?" || w.Proven() != (w < ForgedDot) {
			t.Errorf("%d is %v", w, w)
		}
	}
	if Misdeed(0).Proven() || Misdeed(99).String() != "?" {
		t.Error("what is no misdeed is one")
	}
}

// Where as many origins are known as may be, what is gone of one more is no gap, so that
// the log does not come to know more of them; nor does it take somebody else for it, to
// whom the driver gives its handle later.
func TestAGapOfNobodyIsNone(t *testing.T) {
	n := victim(t)
	full := peer.Handle(2)
	for ; n.seen.Len() < n.cfg.Origins; full++ {
		n.seen.Mark(peer.Dot{Origin: full, Seq: 1}, time.Hour)
	}
	unknown := peer.Dot{Origin: full + 1, Seq: 5}
	n.hear(broadcast.Frame{Kind: broadcast.Data, Message: &broadcast.Message{Dot: peer.Dot{Origin: 2, Seq: 2}, Deps: []peer.Dot{unknown}, Born: time.Hour}})
	n.hear(broadcast.Frame{Kind: broadcast.Gone, Gone: []broadcast.GoneEntry{{Dot: unknown, UpTo: 5}}})
	if got := n.Counters().Gaps; got != 0 {
		t.Fatalf("%d gaps are told of, want none", got)
	}
	if seq, _ := n.log.Evicted(unknown.Origin); seq != 0 {
		t.Errorf("the log has had %d messages of an origin that nobody remembers", seq)
	}
}
