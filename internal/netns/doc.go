// Package netns lets real nodes, a process each, meet real network faults: in
// network namespaces of Linux that it makes and takes away itself. Nothing of the
// machine's own network is touched.
//
//	 host 1           host 2                     host 12     a namespace each:
//	┌────────┐       ┌────────┐                 ┌────────┐   a node, its addresses
//	│  node  │       │  node  │                 │  node  │   and its /etc/hosts
//	│  eth0  │       │  eth0  │      . . .      │  eth0  │   faults: on what leaves
//	└───┬────┘       └───┬────┘                 └───┬────┘
//	┌───┴────────────────┴──────────────────────────┴────┐
//	│ p1               p2         br0             p12     │   and one for the bridge
//	└────────────────────────────────────────────────────┘
//
// Hosts are joined by veth pairs and a bridge, and tc-netem(8) loses, delays,
// duplicates, reorders and damages what they send. Where the kernel has no netem,
// as small virtual machines often have not, the eth0 of every host is a TAP device
// instead, and a process in the bridge's namespace is the switch, which does the
// same to frames (Mangler). Cuts are permanent entries of the hosts' neighbour
// tables: they lead to a sink, which counts what is cut. So one direction can be
// cut without the other, and nobody is told.
//
// A node's process says in JSON lines what its application was given and told, and
// internal/oracle judges these journals by the promises that it judges all real
// nodes by.
//
// The suite is the package's test: make netns.
package netns
