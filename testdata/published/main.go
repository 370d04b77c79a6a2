package main

import (
	"fmt"

	"github.com/Ishan27gOrg/gossipProtocol"
)



func main() {
	// self
	g, receive := gossipProtocol.Config("localhost", "8001", "p1")
	
	// other peers
	var peers []gossipProtocol.Peer
	peers = append(peers, gossipProtocol.Peer{UdpAddress: "localhost:8002", ProcessIdentifier: "p2"})
	peers = append(peers, gossipProtocol.Peer{UdpAddress: "localhost:8003", ProcessIdentifier: "p3"})
	
	// join and send some data
	g.Join(peers...)
	
	g.SendGossip("some data")
	for{
		gossipPacket := <-receive
		fmt.Println("data - ", gossipPacket.GossipMessage.Data)
		fmt.Println("event clock for this packet - ", gossipPacket.VectorClock)
	}
}
