package main

import (
	"context"
	"fmt"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// conversation is what the demo's nodes say: somebody asks, and somebody who
// has heard it answers, so that the answer depends on the question.
type conversation struct {
	*demo
	left       int                 // messages that may still be sent
	answers    map[*spread]*member // who is to answer what
	asked      int
	firstReply gossip.MessageID
	err        error
}

// questions have an answer each, and answers are thanked for.
var questions = [...][2]string{
	{"is anyone out there?", "I am, %s"},
	{"who saw the comet?", "I did, %s"},
	{"what time is it?", "later, %s"},
	{"tea or coffee?", "tea, %s"},
	{"did the build pass?", "it did, %s"},
	{"who broke the build?", "not me, %s"},
	{"lunch at noon?", "gladly, %s"},
	{"all well over there?", "all well, %s"},
	{"is it raining?", "not here, %s"},
	{"who has the key?", "I have, %s"},
	{"shall we dance?", "let us, %s"},
}

const thanks = "thanks, %s"

// hold lets the nodes exchange some messages and waits until they are
// everywhere.
func (c *conversation) hold(ctx context.Context, messages int) error {
	c.left, c.answers = messages, make(map[*spread]*member)
	c.onArrival = func(at *member, s *spread) {
		if c.answers[s] == at {
			delete(c.answers, s)
			c.answer(ctx, at, s)
		}
		c.report.show(c.progress())
	}
	c.onComplete = func(s *spread) {
		c.report.show(c.spreadEvent(s))
		c.ask(ctx)
	}
	defer func() { c.onArrival, c.onComplete = nil, nil }()
	c.ask(ctx)
	err := c.await(ctx, "waiting for messages to reach every node", func() bool {
		return c.err != nil || c.pending == 0 && c.left == 0
	})
	if c.err != nil {
		return c.err
	}
	return err
}

// ask keeps some messages under way.
func (c *conversation) ask(ctx context.Context) {
	for c.err == nil && c.left > 0 && c.pending < inFlight {
		from := c.anyone()
		c.say(ctx, from, questions[c.asked%len(questions)][0], none)
		c.asked++
	}
}

func (c *conversation) answer(ctx context.Context, from *member, s *spread) {
	if c.err != nil {
		return
	}
	c.left++ // it was set aside
	c.say(ctx, from, fmt.Sprintf(answerTo(s.text), s.id.Origin), s.place)
	if c.firstReply == (gossip.MessageID{}) && c.err == nil {
		c.firstReply = c.sent[len(c.sent)-1]
	}
}

func answerTo(text string) string {
	for _, q := range questions {
		if q[0] == text {
			return q[1]
		}
	}
	return thanks
}

// say broadcasts, and decides whether somebody will answer: always at first,
// later three times in four, but nobody answers a thank-you.
func (c *conversation) say(ctx context.Context, from *member, text string, replyTo int) {
	if c.err = c.broadcast(ctx, from, text, replyTo); c.err != nil {
		return
	}
	c.left--
	s := c.spreads[c.sent[len(c.sent)-1]]
	if c.left > 0 && c.depth(s) < 2 && (s.place == 0 || c.rng.IntN(4) > 0) {
		c.left--
		c.answers[s] = c.replier(s)
	}
}

// replier draws who answers: anyone else to a question, the one who asked to an
// answer.
func (c *conversation) replier(s *spread) *member {
	if s.replyTo != none {
		if asker := c.memberOf(c.sent[s.replyTo]); !asker.dead {
			return asker
		}
	}
	for {
		if m := c.anyone(); m.name != s.id.Origin {
			return m
		}
	}
}

// depth is how many messages a message answers in turn.
func (c *conversation) depth(s *spread) int {
	depth := 0
	for ; s.replyTo != none; s = c.spreads[c.sent[s.replyTo]] {
		depth++
	}
	return depth
}

func (c *conversation) anyone() *member {
	alive := c.alive()
	return alive[c.rng.IntN(len(alive))]
}

func (c *conversation) progress() progressEvent {
	e := progressEvent{Sent: len(c.sent), Pending: c.pending}
	if s := c.oldestPending(); s != nil {
		e.ID, e.Have, e.Nodes = s.id.String(), s.have, s.of
	}
	return e
}

func (c *conversation) spreadEvent(s *spread) spreadEvent {
	e := spreadEvent{
		ID: s.id.String(), Origin: s.id.Origin, Text: s.text,
		Have: s.have, Nodes: s.of, Hops: s.hops, LastMS: ms(s.last.Sub(s.begun)),
	}
	if s.replyTo != none {
		e.InReplyTo = c.sent[s.replyTo].String()
	}
	return e
}
