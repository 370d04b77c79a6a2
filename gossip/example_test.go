package gossip_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Start, join, broadcast, range over the messages, close.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	alice, err := gossip.Start(ctx, gossip.Config{ID: "alice"})
	if err != nil {
		log.Fatal(err)
	}
	defer alice.Close()
	bob, err := gossip.Start(ctx, gossip.Config{ID: "bob", Join: []string{alice.Self().Addr}})
	if err != nil {
		log.Fatal(err)
	}
	defer bob.Close()

	if err := bob.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := bob.Broadcast(ctx, []byte("hello")); err != nil {
		log.Fatal(err)
	}
	for m := range alice.Messages() {
		fmt.Println(m.ID, string(m.Payload), m.Clock)
		break
	}
	// Output: bob:1 hello {bob:1}
}

// Clocks tell whether one message happened before another, or whether neither
// could know of the other.
func ExampleMessage_clock() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	alice, _ := gossip.Start(ctx, gossip.Config{ID: "alice"})
	bob, _ := gossip.Start(ctx, gossip.Config{ID: "bob"})
	defer alice.Close()
	defer bob.Close()

	// Before they know of each other.
	alice.Broadcast(ctx, []byte("a question"))
	bob.Broadcast(ctx, []byte("small talk"))
	<-bob.Messages() // his own

	bob.Join(ctx, alice.Self().Addr)
	question := <-bob.Messages()
	bob.Broadcast(ctx, []byte("an answer"))
	answer := <-bob.Messages()
	fmt.Println(answer.Clock)
	fmt.Println("the question happened before the answer:", question.Clock.Compare(answer.Clock) == vclock.Before)

	<-alice.Messages()
	smallTalk := <-alice.Messages()
	fmt.Println("question and small talk are concurrent:", question.Clock.Compare(smallTalk.Clock) == vclock.Concurrent)
	// Output:
	// {alice:1, bob:2}
	// the question happened before the answer: true
	// question and small talk are concurrent: true
}

// Headers travel with the payload, and are there before anybody looks into it.
func ExampleNode_BroadcastWith() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	alice, _ := gossip.Start(ctx, gossip.Config{ID: "alice"})
	defer alice.Close()
	bob, _ := gossip.Start(ctx, gossip.Config{ID: "bob", Join: []string{alice.Self().Addr}})
	defer bob.Close()

	bob.BroadcastWith(ctx, []byte(`{"price": 7}`), gossip.BroadcastOptions{
		Headers: gossip.Headers{"content-type": "application/json"},
	})
	m := <-alice.Messages()
	fmt.Println(m.ID, "by way of", m.Via, "is", m.Headers["content-type"])
	// Output: bob:1 by way of bob is application/json
}

// Any node can be asked what it sees of the network.
func ExampleNode_Describe() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	alice, _ := gossip.Start(ctx, gossip.Config{ID: "alice"})
	defer alice.Close()
	bob, _ := gossip.Start(ctx, gossip.Config{ID: "bob", Join: []string{alice.Self().Addr}})
	defer bob.Close()
	bob.Ready(ctx)
	alice.Ready(ctx)

	d, err := bob.Describe(ctx, alice.Self())
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range d.Links {
		fmt.Printf("%s has a link with %s; in the tree: %v\n", d.Self.ID, l.ID, l.Tree)
	}
	// Output: alice has a link with bob; in the tree: true
}

// The peer sampling service can be used alone: a random sample of the network,
// without a list of its members anywhere.
func ExampleNode_Sample() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	contact, _ := gossip.Start(ctx, gossip.Config{ID: "contact"})
	defer contact.Close()
	node, _ := gossip.Start(ctx, gossip.Config{ID: "node", Join: []string{contact.Self().Addr}})
	defer node.Close()
	if err := node.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	for _, p := range contact.Sample(3) {
		fmt.Println(p.ID)
	}
	// Output: node
}

// The stream waits for the first peer by itself, so that nobody has to ask
// whether the node is ready. Each peer is drawn when the loop comes round.
func ExampleNode_Samples() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	contact, _ := gossip.Start(ctx, gossip.Config{ID: "contact"})
	defer contact.Close()
	node, _ := gossip.Start(ctx, gossip.Config{ID: "node", Join: []string{contact.Self().Addr}})
	defer node.Close()

	probes := 0
	for p := range contact.Samples(ctx) {
		fmt.Println("probing", p.ID)
		if probes++; probes == 3 {
			break
		}
	}
	// Output:
	// probing node
	// probing node
	// probing node
}

// Fresh samples are news: a peer comes once for as long as it stays in the view.
func ExampleNode_FreshSamples() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	contact, _ := gossip.Start(ctx, gossip.Config{ID: "contact"})
	defer contact.Close()
	for _, id := range []string{"alice", "bob", "carol"} {
		node, _ := gossip.Start(ctx, gossip.Config{ID: id, Join: []string{contact.Self().Addr}})
		defer node.Close()
	}

	met := 0
	for p := range contact.FreshSamples(ctx) {
		fmt.Println("met", p.ID)
		if met++; met == 3 {
			break
		}
	}
	// Unordered output:
	// met alice
	// met bob
	// met carol
}

// A mistake in the configuration names the field and what is allowed.
func ExampleConfigError() {
	_, err := gossip.Start(context.Background(), gossip.Config{Links: 100})
	fmt.Println(err)
	// Output: gossip: Config.Links: 100 is not in the range of 1 to 32
}
