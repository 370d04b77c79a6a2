// Package gossipProtocol is the published interface: gossip to a whole network
// from nodes that each know a small, always-changing part of it, with vector
// clocks that order what arrives.
//
//	g, receive := gossipProtocol.Config("localhost", "8001", "p1")
//	g.Join(gossipProtocol.Peer{UdpAddress: "localhost:8002", ProcessIdentifier: "p2"})
//	g.SendGossip("some data")
//	for packet := range receive {
//		fmt.Println(packet.GossipMessage.Data, packet.VectorClock)
//	}
//
// It is a thin facade over package gossip, which new programs should use: it
// returns errors, takes contexts and can be configured. What this interface
// cannot return is logged, and can be had by asserting for Control.
//
// Every message reaches every node exactly once, its sender included, after
// everything that happened before it. Nodes may start in any order: a peer that
// is not there yet is tried until it comes, and is then sent what it missed, as
// far as the logs go back (64 MiB, one hour).
package gossipProtocol
