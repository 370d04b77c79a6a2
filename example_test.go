package gossipProtocol_test

import (
	"fmt"

	"github.com/Ishan27gOrg/gossipProtocol"
	"github.com/Ishan27gOrg/gossipProtocol/gossip"
	"github.com/Ishan27gOrg/gossipProtocol/vclock"
)

// Two nodes in one process. Port 0 takes any free one; Control tells which.
func ExampleConfig() {
	alice, toAlice := gossipProtocol.Config("localhost", "0", "alice")
	bob, toBob := gossipProtocol.Config("localhost", "0", "bob")
	defer alice.(gossipProtocol.Control).Close()
	defer bob.(gossipProtocol.Control).Close()

	bob.Join(gossipProtocol.Peer{
		UdpAddress:        alice.(gossipProtocol.Control).Node().Self().Addr,
		ProcessIdentifier: "alice",
	})

	alice.SendGossip("some data")
	question := <-toBob
	fmt.Println(question.GossipMessage.Data, question.VectorClock)

	bob.SendGossip("an answer")
	<-toAlice // alice's own message, which nodes receive too
	answer := <-toAlice
	fmt.Println(answer.GossipMessage.Data, answer.VectorClock)
	fmt.Println(question.VectorClock.Compare(answer.VectorClock) == vclock.Before)
	// Output:
	// some data {alice:1}
	// an answer {alice:1, bob:1}
	// true
}

// Options reach what the published interface leaves at its defaults.
func ExampleOption() {
	g, _ := gossipProtocol.Config("localhost", "0", "alice", func(c *gossip.Config) {
		c.Cluster = "blue"
		c.MaxPayload = 64 << 10
	})
	defer g.(gossipProtocol.Control).Close()
	fmt.Println(g.(gossipProtocol.Control).Err())
	// Output: <nil>
}
