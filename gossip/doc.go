// Package gossip runs a node: it joins a network through any node of it, knows
// a small random sample of the others, and broadcasts messages that reach every
// node exactly once, in causal order, each with its exact vector clock.
//
//	node, err := gossip.Start(ctx, gossip.Config{ID: "a", Join: []string{"10.0.0.7:7946"}})
//	if err != nil { … }
//	defer node.Close()
//	if err := node.Ready(ctx); err != nil { … }
//	if _, err := node.Broadcast(ctx, []byte("hello")); err != nil { … }
//	for m := range node.Messages() {
//		fmt.Println(m.ID, string(m.Payload), m.Clock)
//	}
//
// What is promised, and under which faults, is docs/guarantees.md. All methods
// may be called from any number of goroutines, and from inside the loop that
// reads Messages. All that a node holds is charged to one number, Config.Memory
// (TestFlood); what had to be dropped is counted in Stats, and reported on Events if it
// was a message.
//
// # Who says so
//
// With Config.Keyring everybody who has its key belongs, and is believed whatever it
// says. With Config.Identity besides, every node has a key of its own, which its name
// ends in, and signs what it is the source of: that it is at the other end of a link,
// where it can be reached, and its messages with the past that they name. So a node
// that relays can neither forge nor alter these, nor have others believe that an origin
// has said more than it has; Config.Roster shuts single nodes out. What is a relay's own
// word stays that: ages, hops, clocks that are sent along, and that a message can no
// longer be had. How it is done is in docs/protocol.md, section 5.
//
// # What outlives a node
//
// With Config.Store a node writes down what it delivers. Broadcast then returns when the
// message is on the disk, and the next life of the node, which has the same ID and a
// greater incarnation, begins with what was in the log of the last one: it is given to
// the application first, with Message.Restored set, and what nobody had taken yet is
// spread. A store need not know what it keeps; docs/guarantees.md, "With a store", says
// what comes of it.
//
// # How a node runs
//
// One goroutine, the loop, steps a protocol.Machine and does everything that needs it; but
// what comes where nothing else is to be done the reader of its link takes there, under the
// same lock. Two more read datagrams and accept connections, and each connection has a reader,
// and a writer for as long as there is more to write than can be without waiting; a
// node that was given host names has one that resolves them, and one with a Store another
// that waits for its disk. After a pause the loop and
// the readers go on in new goroutines: a stack does not shrink again to what waiting takes.
// They hand bytes to the loop over bounded channels and wait if it is busy, or if
// frames that it has yet to handle take all the room that there is for them,
// which slows the senders down over TCP; the loop itself waits for nobody.
package gossip
