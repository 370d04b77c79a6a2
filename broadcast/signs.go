package broadcast

import "time"

// signs are the signs of life on one connection. Every frame is one, either way. Where
// there are none an end asks with PING and is answered with PONG, so that one exchange
// serves both; and each end asks and gives up by its own config, so that they need not
// agree. Where nothing but that is said it asks less and less often.
//
// Who has nothing to say to somebody who talks says PONG unasked, for a ping would wait
// in the queue behind all that talk: a peer that reads slowly is not dead.
type signs struct {
	heard   time.Duration
	awaited time.Duration // since when something was said and nothing heard, or Never
	owed    time.Duration // the other way round
	asked   time.Duration // the ping that nothing was heard after, or Never
	calm    int           // how many signs were heard since anything else was said or heard
	patient bool          // leaves it to the other end to ask
}

// quiet is how many heartbeats there are at most between two pings. A guess: with 18 s
// an idle node with 5 links sends less than a packet in two seconds for them, and less in
// all than the leanest of its peers (docs/benchmarks.md).
const quiet = 6

func newSigns(now time.Duration, outbound bool) signs {
	return signs{heard: now, awaited: Never, owed: Never, asked: Never, patient: !outbound}
}

func (k FrameKind) isSign() bool { return k == Ping || k == Pong }

func (s *signs) hear(now time.Duration, kind FrameKind) {
	s.heard, s.awaited, s.asked = now, Never, Never
	if kind.isSign() {
		s.calm = min(s.calm+1, quiet)
		return
	}
	s.owed, s.calm = min(s.owed, now), 0
}

func (s *signs) say(now time.Duration, kind FrameKind) {
	s.owed = Never
	if !kind.isSign() {
		s.awaited, s.calm = min(s.awaited, now), 0
	}
}

func (s *signs) tick(now time.Duration, cfg LinksConfig, id LinkID, out *Outbox) {
	switch {
	case now >= s.askAt(cfg):
		s.asked = now
		out.send(id, Frame{Kind: Ping})
	case now >= s.payAt(cfg):
		out.send(id, Frame{Kind: Pong})
	}
}

func (s *signs) askAt(cfg LinksConfig) time.Duration {
	if s.asked != Never {
		return Never
	}
	wait := min(cfg.Heartbeat<<s.calm, quiet*cfg.Heartbeat)
	if s.patient {
		wait += wait / quiet // for if both ask at once, it takes four packets and not three
	}
	at := s.heard + wait
	if s.awaited != Never {
		at = min(at, s.awaited+cfg.Heartbeat)
	}
	return at
}

// payAt is early enough for a peer of the same config not to ask.
func (s *signs) payAt(cfg LinksConfig) time.Duration {
	if s.owed == Never {
		return Never
	}
	return s.owed + cfg.Heartbeat*9/10
}

// limit is when the peer is taken for gone.
func (s *signs) limit(cfg LinksConfig) time.Duration {
	if s.asked == Never {
		return Never
	}
	return s.asked + cfg.Timeout - cfg.Heartbeat
}

func (s *signs) deadline(cfg LinksConfig) time.Duration {
	return min(s.askAt(cfg), s.payAt(cfg))
}
