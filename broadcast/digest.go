package broadcast

import (
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// When a link comes up, each end finds out what the other lacks. It is sent a part
// of the other's version vector for the whole of the tree (hashtree.go): entries if
// they are few, else sixteen sums. Where a sum is not its own it asks for the part
// below (REFINE), and so on. So the cost is in proportion to the difference, and not
// to the number of origins. What is compared may change meanwhile, and that does no
// harm: whatever a peer says that it has had, it has had for ever.

// DigestPart is what a node has had of the origins in a prefix: either the sums of
// the sixteen groups that it falls into, or, if Sums is nil, all entries.
type DigestPart struct {
	Prefix
	Sums    []uint64
	Entries []DigestEntry
}

// cost is about how many entries a part is as long as.
func (p *DigestPart) cost() int {
	if p.Sums != nil {
		return forks / 2
	}
	return 1 + len(p.Entries)
}

// DigestEntry says what was had of one origin, and that of it everything up to Gone,
// the newest of which was broadcast Age ago, can no longer be sent.
type DigestEntry struct {
	Origin     peer.Handle
	Contiguous uint64
	Spans      []Span
	Gone       uint64
	Age        time.Duration
	// Evidence that the origin has got so far, where origins sign.
	Evidence Evidence
}

// Covers reports whether the entry includes the sequence number.
func (e *DigestEntry) Covers(seq uint64) bool {
	return seq <= e.Contiguous || inSpans(e.Spans, seq)
}

// maxPartEntries bounds the entries of a part. Only somebody who made names for it
// can have more than a few at one place of the tree.
const maxPartEntries = 1 << 10

// Part describes what was had of the origins in a prefix.
func (s *Seen) Part(p Prefix) DigestPart {
	g := s.tree.find(p)
	if g != nil && g.n > s.most && g.kids != nil && p.Len < MaxPrefix {
		sums := make([]uint64, forks)
		for i, kid := range g.kids {
			if kid != nil {
				sums[i] = kid.sum
			}
		}
		return DigestPart{Prefix: p, Sums: sums}
	}
	part := DigestPart{Prefix: p}
	for _, q := range g.appendTo(nil, p) {
		if len(part.Entries) < maxPartEntries {
			part.Entries = append(part.Entries, DigestEntry{Origin: q.origin, Contiguous: q.contig, Spans: append([]Span(nil), q.spans...), Evidence: q.evidence})
		}
	}
	return part
}

// sendDigest begins, or begins again, to tell a peer what was had.
func (r *Relay) sendDigest(now time.Duration, link LinkID, out *Outbox) {
	r.Stats.Digests++
	out.send(link, Frame{Kind: Digest, Opening: true, Digest: []DigestPart{r.part(now, Prefix{})}})
}

// part is Seen.Part, with what has left the log.
func (r *Relay) part(now time.Duration, p Prefix) DigestPart {
	part := r.seen.Part(p)
	for i := range part.Entries {
		e := &part.Entries[i]
		if seq, born := r.log.Evicted(e.Origin); seq > 0 {
			e.Gone, e.Age = seq, now-born
		}
	}
	return part
}

// HandleRefine answers a peer that has found a difference. More prefixes than the
// limit are ignored; nobody sends them.
func (r *Relay) HandleRefine(now time.Duration, id LinkID, f *Frame, out *Outbox) {
	if r.find(id) == nil {
		return
	}
	cost := 0
	var parts []DigestPart
	for _, p := range f.Refine[:min(len(f.Refine), r.cfg.Wants)] {
		part := r.part(now, p)
		if cost+part.cost() > r.cfg.DigestPart && len(parts) > 0 {
			out.send(id, Frame{Kind: Digest, Digest: parts})
			cost, parts = 0, nil
		}
		cost += part.cost()
		parts = append(parts, part)
	}
	if len(parts) > 0 {
		out.send(id, Frame{Kind: Digest, Digest: parts})
	}
}

// HandleDigest takes parts of what a peer has had. On a link that is in step, a
// further opening sends the cursor back to the start, to skip what that covers.
func (r *Relay) HandleDigest(now time.Duration, id LinkID, f *Frame, out *Outbox) {
	s := r.find(id)
	if s == nil || !f.Opening && !s.opened || f.Opening && s.opened && s.repair {
		return
	}
	if f.Opening {
		r.startOver(s)
	}
	var ask []Prefix
	for i := range f.Digest {
		part := &f.Digest[i]
		if s.lacks.pending[part.Prefix] {
			delete(s.lacks.pending, part.Prefix)
			ask = r.compare(now, s, part, ask)
		}
	}
	r.Stats.Refined += uint64(len(ask))
	for some := range slices.Chunk(ask, r.cfg.Wants) {
		out.send(id, Frame{Kind: Refine, Refine: some})
	}
	if !s.synced && len(s.lacks.pending) == 0 {
		s.synced = true
		r.keepEager(now, out)
	}
}

// startOver prepares for a digest from the root on.
func (r *Relay) startOver(s *stream) {
	if s.opened {
		s.start, s.cursor, s.gathering = r.log.End(), r.log.Begin(), Never
		r.Stats.Rewound++
	}
	s.opened, s.synced = true, false
	s.lacks = newLacks(r.cfg.Lacks)
}

// compare takes a part of a peer's version vector and appends the groups that have
// to be looked into: those of which both have had something, and not the same. A
// repair looks into what the peer alone has had as well, to know what to claim.
func (r *Relay) compare(now time.Duration, s *stream, part *DigestPart, ask []Prefix) []Prefix {
	if part.Sums == nil {
		r.compareEntries(now, s, part)
		return ask
	}
	if part.Len >= MaxPrefix {
		return ask // there is nothing below
	}
	for i, theirs := range part.Sums[:min(len(part.Sums), forks)] {
		p := part.child(i)
		switch ours, n := r.seen.tree.total(p, 0); {
		case ours == theirs:
		case theirs == 0:
			s.lacks.all(p)
		case n == 0 && !(s.repair && len(s.claims)+len(s.lacks.pending) < maxClaims):
		case s.lacks.ask(p):
			ask = append(ask, p)
		}
	}
	return ask
}

// compareEntries notes what the peer lacks of the origins in a prefix.
func (r *Relay) compareEntries(now time.Duration, s *stream, part *DigestPart) {
	s.lacks.all(part.Prefix)
	for _, e := range part.Entries {
		r.claim(now, s, e)
		if p := r.seen.of(e.Origin); p != nil {
			s.lacks.but(&e, e.Contiguous >= p.highest())
		}
	}
}

// maxClaims bounds what one repair may ask for when it ends; the next one asks
// for more.
const maxClaims = 1024

// Claim is the newest message of an origin that a peer has had, if it was not had
// here, or the first that is missing before it. Everything up to Gone, the newest of
// which was broadcast at Born, has left the peer's log.
type Claim struct {
	peer.Dot
	Gone uint64
	Born time.Duration
}

func (r *Relay) claim(now time.Duration, s *stream, e DigestEntry) {
	if s.repair && len(s.claims) < maxClaims && e.Contiguous > r.seen.Contiguous(e.Origin) && e.Contiguous <= peer.MaxSeq {
		d := peer.Dot{Origin: e.Origin, Seq: e.Contiguous}
		if r.seen.Has(d) { // out of order
			d.Seq = r.seen.Contiguous(e.Origin) + 1
		}
		s.claims = append(s.claims, Claim{d, min(e.Gone, e.Contiguous), now - e.Age})
	}
}
