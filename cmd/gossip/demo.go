package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/internal/oracle"
	"github.com/Ishan27gOrg/gossipProtocol/peersampling"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

const (
	// demoExchangeMin and demoExchangeMax make the nodes of the demo ten times
	// as eager to exchange views as gossip.Config's defaults: a person watches.
	demoExchangeMin = 100 * time.Millisecond
	demoExchangeMax = time.Second
	// demoView is much less than 32 nodes, so that views are partial ones, and
	// enough to keep those connected: ln 32 is 3.5.
	demoView = 10
	// inFlight is how many messages are under way at once: enough for some to
	// be concurrent, few enough to be watched.
	inFlight = 3
	// concurrentTries bounds how often two nodes try to speak before hearing of
	// each other. A try takes milliseconds and seldom fails.
	concurrentTries = 25
	// overlayPatience is how long the demo waits for views to fill, and to forget
	// the dead. Healer takes a fifth of it.
	overlayPatience = 6 * time.Second
	// logLines is how much is shown of one node's deliveries.
	logLines = 8
)

// demoOptions is what the flags say.
type demoOptions struct {
	nodes, messages, links int
	seed                   uint64
	json, watch            bool
	timeout                time.Duration
	sampling               peersampling.Policy
}

func newDemo(con console) *cobra.Command {
	o := demoOptions{nodes: 32, messages: 24, links: 5, timeout: 20 * time.Second}
	var policy policyFlags
	g := newGroup("Demo flags")
	addIntVar(g, &o.nodes, "nodes", 3, 500, "nodes to start, 3 to 500")
	addIntVar(g, &o.messages, "messages", 4, 2000, "messages before a node is killed, 4 to 2000; a quarter as many follow")
	g.Var(seedValue{&o.seed}, "seed", "number, 0 to 18446744073709551615, to draw who speaks and who answers from; the network's own timing is not drawn (default a random one, which is shown)")
	g.Lookup("seed").DefValue = ""
	addIntVar(g, &o.links, "links", 1, 32, "stable links that each node keeps, 1 to 32")
	g.Var(durationValue{&o.timeout, time.Second, time.Hour}, "timeout", "time within which all must have happened, 1s to 1h")
	g.BoolVar(&o.json, "json", false, "print an object a line, each with its type; the last is the summary")

	g.BoolVar(&o.watch, "watch", false, "prove nothing, but keep a network going that talks, dies and is replaced, and serve the window to look at it, until interrupted")
	var web httpFlags

	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Start a whole network in one process and prove what it promises",
		Long: `demo starts real nodes on free ports of the loopback interface, in one process.
All but one are told only the address of that one. Then it shows

  1. how they find each other: views and links,
  2. messages that answer each other, how far and how fast each one spread,
  3. deliveries in causal order with their vector clocks, and two messages that
     are concurrent,
  4. the node that all joined through killed, and how the others forget it,
  5. the proof: every node's deliveries against what was sent. The judge knows
     the true happened-before relation, and trusts no clock.

The nodes exchange views every 0.1 s to 1 s, ten times as often as by default.
Colours are left out if the output is no terminal or NO_COLOR is set.
The exit status is 1 if any promise was broken or the time was up.`,
		Example: `  gossip demo
  gossip demo --nodes 100 --messages 500
  gossip demo --policy newscast --view 15
  gossip demo --seed 7 --json | tail -1
  gossip demo --watch --nodes 200`,
		Args: noArgs,
	}
	addFlags(cmd, g, web.group(), policy.group(demoView))
	cmd.RunE = verb(func(ctx context.Context, _ []string) error {
		o.sampling = policy.policy(cmd.Flags())
		if !cmd.Flags().Changed("seed") {
			o.seed = uint64(rand.Uint32())
		}
		if o.watch {
			if err := web.checkNeeded("--watch"); err != nil {
				return err
			}
			d, err := web.door(ctx, cmd)
			if err != nil {
				return err
			}
			return watchDemo(ctx, con, o, d)
		}
		return runDemo(ctx, o, newReporter(con.out, o.json))
	})
	return cmd
}

// demo is one run.
type demo struct {
	demoOptions
	*network
	report reporter
	rng    *rand.Rand
	begun  time.Time

	talk  conversation
	proof summaryEvent
}

// runDemo goes through the phases and judges what happened, even if not all of
// it did.
func runDemo(ctx context.Context, o demoOptions, report reporter) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("the time, %v, was up (--timeout)", o.timeout))
	defer cancel()
	d := &demo{
		demoOptions: o, network: newNetwork(o), report: report, begun: time.Now(),
		rng: rand.New(rand.NewPCG(o.seed, 0)),
	}
	d.talk.demo = d
	defer d.end()
	phases := []func(context.Context) error{d.meet, d.converse, d.compare, d.crash}
	var err error
	for _, phase := range phases {
		if err = phase(ctx); err != nil {
			break
		}
	}
	if misuse := (*gossip.ConfigError)(nil); errors.As(err, &misuse) {
		return err
	}
	return d.judge(err)
}

// meet starts the nodes and waits until they know each other.
func (d *demo) meet(ctx context.Context) error {
	if err := d.start(ctx); err != nil {
		return err
	}
	d.report.show(startEvent{
		Nodes: d.nodes, Messages: d.messages, Seed: d.seed,
		Policy: d.sampling.String(), ViewSize: d.sampling.C, Links: d.links,
		Contact: d.members[0].addr,
	})
	patience, cancel := d.patience(ctx)
	defer cancel()
	var now overlayEvent
	err := d.poll(ctx, func() bool {
		now = d.measure()
		now.ElapsedMS = ms(time.Since(d.begun))
		// How full the views get is the policy's business.
		full := now.ViewMin >= (now.ViewFull+1)/2 || patience.Err() != nil
		now.Settled = now.Ready == d.nodes && full
		d.report.show(now)
		return now.Settled
	})
	if err == nil {
		err = context.Cause(ctx) // they were faster than the interruption
	}
	if err != nil {
		return fmt.Errorf("waiting for the nodes to find each other: %d of %d have a link: %w", now.Ready, d.nodes, err)
	}
	return nil
}

// patience is the time for what is worth seeing and is not promised:
// overlayPatience, but at most half of what is left.
func (d *demo) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	end, _ := ctx.Deadline()
	return context.WithTimeout(ctx, min(overlayPatience, time.Until(end)/2))
}

// converse lets messages answer each other, all but two of those before the
// crash.
func (d *demo) converse(ctx context.Context) error {
	d.report.show(phaseEvent{Phase: "messages"})
	return d.talk.hold(ctx, d.messages-2)
}

// compare shows what one node delivered, a message and its answer, and two
// messages that are concurrent.
func (d *demo) compare(ctx context.Context) error {
	d.report.show(phaseEvent{Phase: "order"})
	reply := d.talk.firstReply
	listener := d.memberOf(reply)
	shown := min(logLines, len(listener.log))
	for i, m := range listener.log[:shown] {
		d.report.show(deliveryEvent{
			Node: listener.name, Place: i + 1, ID: m.ID.String(), Text: string(m.Payload), Clock: m.Clock,
			More: moreAfter(i, shown, len(listener.log)),
		})
	}
	question := d.sent[d.spreads[reply].replyTo]
	if err := d.showRelation(question, reply, vclock.Before); err != nil {
		return err
	}
	return d.speakAtOnce(ctx)
}

func moreAfter(i, shown, all int) int {
	if i < shown-1 {
		return 0
	}
	return all - shown
}

// speakAtOnce makes two nodes broadcast before they hear of each other.
func (d *demo) speakAtOnce(ctx context.Context) error {
	for try := 1; ; try++ {
		pair := d.rng.Perm(d.nodes)[:2]
		a, b := d.members[pair[0]], d.members[pair[1]]
		ids, err := d.broadcastTogether(ctx, a, b)
		if err != nil {
			return err
		}
		if err := d.settle(ctx, "waiting for two messages sent at once"); err != nil {
			return err
		}
		order := d.clockOf(ids[0]).Compare(d.clockOf(ids[1]))
		if order == vclock.Concurrent || try == concurrentTries {
			return d.showRelation(ids[0], ids[1], vclock.Concurrent)
		}
		d.report.show(retryEvent{A: ids[0].String(), B: ids[1].String(), Order: order.String()})
	}
}

// showRelation shows how the clocks of two messages compare. It must be as
// wanted.
func (d *demo) showRelation(a, b gossip.MessageID, want vclock.Ordering) error {
	e := relationEvent{A: a.String(), B: b.String(), ClockA: d.clockOf(a), ClockB: d.clockOf(b)}
	order := e.ClockA.Compare(e.ClockB)
	e.Order = order.String()
	d.report.show(e)
	if order != want {
		return fmt.Errorf("the clocks of %v and %v compare as %v, want %v", a, b, order, want)
	}
	return nil
}

// crash kills a node, watches the others forget it, and talks on.
func (d *demo) crash(ctx context.Context) error {
	victim := d.members[0] // the contact: not even that one is special
	before := d.holding(victim)
	d.proof.Messages = len(d.sent)
	d.kill(victim)
	killed := time.Now()
	d.report.show(killEvent{Node: victim.name, Views: before.Views, Links: before.Links, LinksMean: before.LinksMean})

	// What is said meanwhile must arrive as well.
	if err := d.talk.hold(ctx, max(2, d.messages/4)); err != nil {
		return err
	}
	return d.heal(ctx, victim, killed)
}

// heal waits until no view and no link holds the victim. Links must let go of
// it, but when views do is the policy's business (TOCS 2007, section 6.2: blind
// and swapper may keep the dead for long), so that there is no verdict on them.
func (d *demo) heal(ctx context.Context, victim *member, killed time.Time) error {
	patience, cancel := d.patience(ctx)
	defer cancel()
	var now healEvent
	err := d.poll(patience, func() bool {
		now = d.holding(victim)
		now.ElapsedMS = ms(time.Since(killed))
		now.Healed = now.Views == 0 && now.Links == 0
		d.report.show(now)
		return now.Healed
	})
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || now.Links > 0 {
		return fmt.Errorf("waiting for the others to forget %s: %d views and %d links still hold it: %w",
			victim.name, now.Views, now.Links, err)
	}
	now.GivenUp = true
	d.report.show(now)
	return nil
}

// judge checks every delivery and sums up; err is what ended the phases early.
func (d *demo) judge(err error) error {
	s := &d.proof
	s.Report = *oracle.Check(oracleIDs(d.sent), d.journals())
	if err != nil {
		s.Problems = slices.Insert(s.Problems, 0, err.Error())
	}
	s.OK = err == nil && s.Report.OK()
	s.Nodes, s.Survivors = len(d.members), len(d.alive())
	if s.Messages == 0 {
		s.Messages = len(d.sent) // nobody was killed
	}
	s.MessagesAfter = len(d.sent) - s.Messages
	s.NodesComplete, s.SurvivorsComplete = d.complete(s.Messages)
	s.PacketBytes, s.LinkBytes = d.bytesPerNode()
	s.WallMS = ms(time.Since(d.begun))
	d.report.show(*s)
	switch {
	case d.report.err() != nil:
		return d.report.err()
	case err != nil:
		return err
	case !s.OK:
		return fmt.Errorf("promises were broken: %s", s.Problems[0])
	}
	return nil
}

func ms(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// discard is the log of the demo's nodes: what they have to say, it shows.
var discard = slog.New(slog.DiscardHandler)
