package broadcast

import (
	"container/heap"
	"slices"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/peer"
)

// MaxSpans bounds how fragmented the memory of one origin may become outside
// FIFO and causal order. A message that would add one more span is refused and
// comes again by reconciliation once a hole below it has been filled.
const MaxSpans = 256

// Span is the closed interval of sequence numbers [From, To].
type Span struct{ From, To uint64 }

// Seen is a version vector: for each origin the number of messages had without
// a hole, and spans beyond the first hole (which only Unordered delivery
// makes). The zero value is not usable; call NewSeen.
type Seen struct {
	origins map[peer.Handle]*progress
	recent  [16]*progress // of these, those last asked for, by handle
	tree    group         // of all of them
	most    int           // origins in a leaf of the tree
	silent  silence
	spans   int // of all origins
	hashOf  func(peer.Handle) uint64
	max     int
}

// progress is what is known of one origin.
type progress struct {
	origin peer.Handle
	contig uint64
	spans  []Span        // sorted, disjoint, not adjacent, all beyond contig+1
	hash   uint64        // of the origin's identity
	place  uint64        // in the tree
	born   time.Duration // of the newest message had
	due    time.Duration // born, or what it once was: its place in silence

	evidence Evidence // where origins sign what they say
}

// mostInLeaf is as many entries as take about what the sums of a fork do on the
// wire.
const mostInLeaf = 16

// NewSeen returns an empty version vector for at most maxOrigins origins.
// hashOf gives an identity's hash, equal on all nodes.
func NewSeen(maxOrigins int, hashOf func(peer.Handle) uint64) *Seen {
	return &Seen{origins: make(map[peer.Handle]*progress), most: mostInLeaf, hashOf: hashOf, max: maxOrigins}
}

// of returns what is known of an origin, or nil.
func (s *Seen) of(origin peer.Handle) *progress {
	place := &s.recent[int(origin)%len(s.recent)]
	if p := *place; p != nil && p.origin == origin {
		return p
	}
	p := s.origins[origin]
	if p != nil {
		*place = p
	}
	return p
}

// Has reports whether the message was had, or given up as a gap. O(1) outside
// Unordered delivery.
func (s *Seen) Has(d peer.Dot) bool {
	p := s.of(d.Origin)
	if p == nil {
		return false
	}
	return d.Seq <= p.contig || inSpans(p.spans, d.Seq)
}

// Born is when the newest message had of an origin was broadcast; false if the
// origin is not known.
func (s *Seen) Born(origin peer.Handle) (time.Duration, bool) {
	if p := s.of(origin); p != nil {
		return p.born, true
	}
	return 0, false
}

// place is where in the tree an origin is that some message was had of.
func (s *Seen) place(origin peer.Handle) uint64 {
	if p := s.of(origin); p != nil {
		return p.place
	}
	return 0
}

// Contiguous is the highest n such that messages 1 to n of the origin were had.
func (s *Seen) Contiguous(origin peer.Handle) uint64 {
	if p := s.of(origin); p != nil {
		return p.contig
	}
	return 0
}

// HasBefore reports whether any earlier message of the origin was had.
func (s *Seen) HasBefore(d peer.Dot) bool {
	p := s.of(d.Origin)
	return p != nil && (p.contig > 0 || len(p.spans) > 0 && p.spans[0].From < d.Seq)
}

// Highest is the highest sequence number had of the origin.
func (s *Seen) Highest(origin peer.Handle) uint64 {
	if p := s.of(origin); p != nil {
		return p.highest()
	}
	return 0
}

func (p *progress) highest() uint64 {
	if n := len(p.spans); n > 0 {
		return p.spans[n-1].To
	}
	return p.contig
}

// Room reports whether a message of the origin could be marked: a new origin
// needs a free place, a new span as well.
func (s *Seen) Room(d peer.Dot) bool {
	p := s.of(d.Origin)
	switch {
	case d.Seq > peer.MaxSeq:
		return false
	case p == nil && d.Seq == 1:
		return len(s.origins) < s.max
	case p == nil:
		return len(s.origins) < s.max && s.spans < s.maxSpans()
	}
	return d.Seq == p.contig+1 || len(p.spans) < MaxSpans && s.spans < s.maxSpans() || p.touches(d.Seq)
}

// maxSpans bounds the spans of all origins together: one for each, so that they take
// as little as these do; but where there are few origins, what some may have.
func (s *Seen) maxSpans() int { return max(s.max, 4*MaxSpans) }

// Mark remembers the dot of a message that was broadcast at born; false if it was
// there already (invariant B1).
func (s *Seen) Mark(d peer.Dot, born time.Duration) bool {
	if d.Seq == 0 || d.Seq > peer.MaxSeq || s.Has(d) {
		return false
	}
	p := s.progress(d.Origin, born)
	before, spans := p.share(), len(p.spans)
	if d.Seq == p.contig+1 {
		p.contig++
	} else {
		p.addSpan(d.Seq)
	}
	p.absorb()
	s.spans += len(p.spans) - spans
	s.tree.change(p, p.share()-before)
	return true
}

// AppendHoles appends the runs of the origin's messages up to and including seq
// that were not had: what Skip would give up.
func (s *Seen) AppendHoles(dst []Span, origin peer.Handle, seq uint64) []Span {
	var p progress
	if known := s.of(origin); known != nil {
		p = *known
	}
	had := p.contig
	for _, sp := range p.spans {
		if sp.From > seq {
			break
		}
		dst = append(dst, Span{had + 1, sp.From - 1})
		had = sp.To
	}
	if had < seq {
		dst = append(dst, Span{had + 1, seq})
	}
	return dst
}

// Skip gives up everything of the origin up to and including seq, MaxSeq at most, so that what
// follows can be delivered; the newest of it was broadcast at born. Of one more
// origin than there is room for it gives up nothing. It returns how many messages
// that were not had are now counted as had.
func (s *Seen) Skip(origin peer.Handle, seq uint64, born time.Duration) (skipped uint64) {
	seq = min(seq, peer.MaxSeq)
	if seq <= s.Contiguous(origin) || s.of(origin) == nil && len(s.origins) >= s.max {
		return 0
	}
	p := s.progress(origin, born)
	before, spans := p.share(), len(p.spans)
	skipped = seq - p.contig
	for _, sp := range p.spans {
		if sp.From > seq {
			break
		}
		skipped -= min(sp.To, seq) - sp.From + 1
	}
	p.contig = seq
	p.absorb()
	s.spans += len(p.spans) - spans
	s.tree.change(p, p.share()-before)
	return skipped
}

// AppendAll appends what was had of every origin, in the order of the tree, for a later
// life of this node. Age is that of the newest message of each.
func (s *Seen) AppendAll(now time.Duration, dst []DigestEntry) []DigestEntry {
	for _, p := range s.tree.appendTo(nil, Prefix{}) {
		dst = append(dst, DigestEntry{
			Origin: p.origin, Contiguous: p.contig, Spans: slices.Clone(p.spans),
			Gone: p.contig, Age: max(0, now-p.born), Evidence: p.evidence,
		})
	}
	return dst
}

// Recall counts as had what an earlier life of this node had of an origin; the newest
// of it was broadcast at born. False if there is no room for one more origin. What is
// known of the origin already is known better: then only its beginning may be new.
func (s *Seen) Recall(e *DigestEntry, born time.Duration) bool {
	if s.of(e.Origin) != nil || len(e.Spans) == 0 {
		if e.Contiguous > s.Contiguous(e.Origin) {
			s.Skip(e.Origin, e.Contiguous, born)
		}
		return s.Contiguous(e.Origin) >= e.Contiguous
	}
	if len(s.origins) >= s.max || len(e.Spans) > MaxSpans || s.spans+len(e.Spans) > s.maxSpans() {
		return false
	}
	p := s.progress(e.Origin, born)
	before := p.share()
	p.contig = e.Contiguous
	for _, sp := range e.Spans {
		if last := len(p.spans) - 1; last >= 0 && p.spans[last].To+1 == sp.From {
			p.spans[last].To = sp.To
		} else {
			p.spans = append(p.spans, sp)
		}
	}
	p.absorb()
	s.spans += len(p.spans)
	s.tree.change(p, p.share()-before)
	return true
}

// Hash sums up the whole vector in 64 bits: two nodes that had the same
// messages have the same hash. O(1).
func (s *Seen) Hash() uint64 { return s.tree.sum }

// Len is the number of origins.
func (s *Seen) Len() int { return len(s.origins) }

// Handles calls mark for every origin, for the driver's address book.
func (s *Seen) Handles(mark func(peer.Handle)) {
	for h := range s.origins { // the order of marks does not show
		mark(h)
	}
}

// progress returns the entry of an origin, making it if there is none; then the
// caller puts something into it, of which the newest was broadcast at born.
func (s *Seen) progress(origin peer.Handle, born time.Duration) *progress {
	p := s.of(origin)
	if p == nil {
		hash := s.hashOf(origin)
		p = &progress{origin: origin, hash: hash, place: mix(hash), born: born, due: born}
		s.origins[origin] = p
		s.tree.add(p, 0, s.most)
		heap.Push(&s.silent, p)
	}
	p.born = max(p.born, born)
	return p
}

// Forget drops the origins whose newest message was broadcast before the time, and
// calls gone for each: their messages then count as not had, and whoever calls this
// must see to it that none of them comes again. O(log n) for each, and for each that
// has been heard of since it last was looked at.
func (s *Seen) Forget(before time.Duration, gone func(peer.Handle)) {
	for len(s.silent) > 0 && s.silent[0].due < before {
		p := s.silent[0]
		if p.born > p.due {
			p.due = p.born
			heap.Fix(&s.silent, 0)
			continue
		}
		heap.Pop(&s.silent)
		s.tree.remove(p, 0, s.most)
		delete(s.origins, p.origin)
		s.recent = [len(s.recent)]*progress{}
		s.spans -= len(p.spans)
		gone(p.origin)
	}
}

// Oldest is a time before which no newest message of an origin was broadcast; Never
// if there are no origins.
func (s *Seen) Oldest() time.Duration {
	if len(s.silent) == 0 {
		return Never
	}
	return s.silent[0].due
}

// silence is a heap of origins, the longest silent first as far as is known: an
// origin that speaks is not moved, so that a message costs nothing here.
type silence []*progress

func (l silence) Len() int           { return len(l) }
func (l silence) Less(i, j int) bool { return l[i].due < l[j].due }
func (l silence) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push and Pop are for package heap.
func (l *silence) Push(x any) { *l = append(*l, x.(*progress)) }

// Pop takes the last one out.
func (l *silence) Pop() any {
	last := len(*l) - 1
	p := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return p
}

// share is what an origin contributes to the sums of the tree: nothing while
// nothing was had of it.
func (p *progress) share() uint64 {
	if p.contig == 0 && len(p.spans) == 0 {
		return 0
	}
	h := mix(p.hash ^ mix(p.contig))
	for _, sp := range p.spans {
		h += mix(p.hash ^ mix(sp.From) ^ mix(^sp.To))
	}
	return h
}

// absorb lets contig swallow spans that it has reached.
func (p *progress) absorb() {
	n := 0
	for n < len(p.spans) && p.spans[n].From <= p.contig+1 {
		p.contig = max(p.contig, p.spans[n].To)
		n++
	}
	p.spans = slices.Delete(p.spans, 0, n)
}

// touches reports whether seq is next to a span, so that it adds none.
func (p *progress) touches(seq uint64) bool {
	return slices.ContainsFunc(p.spans, func(sp Span) bool { return sp.From-1 == seq || sp.To == seq-1 })
}

// addSpan inserts seq, which is in no span, and joins its neighbours.
func (p *progress) addSpan(seq uint64) {
	i, _ := slices.BinarySearchFunc(p.spans, seq, func(sp Span, q uint64) int {
		if sp.From < q {
			return -1
		}
		return 1
	})
	left := i > 0 && p.spans[i-1].To+1 == seq
	right := i < len(p.spans) && p.spans[i].From == seq+1
	switch {
	case left && right:
		p.spans[i-1].To = p.spans[i].To
		p.spans = slices.Delete(p.spans, i, i+1)
	case left:
		p.spans[i-1].To = seq
	case right:
		p.spans[i].From = seq
	default:
		p.spans = slices.Insert(p.spans, i, Span{seq, seq})
	}
}

func inSpans(spans []Span, seq uint64) bool {
	for _, sp := range spans {
		if seq <= sp.To {
			return seq >= sp.From
		}
	}
	return false
}

// mix is the finalizer of splitmix64: a bijection that spreads every bit.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
