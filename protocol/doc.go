// Package protocol joins the pure parts of a node in one visible place: peer
// sampling, links, relay and causal order. It is the only package that knows
// them all.
//
// Machine is a value that a driver steps. Each input comes with the time, what
// the node wants done is appended to an Outbox that the driver owns, and
// Deadline tells the one moment at which Tick is due if nothing else happens.
// Nothing here reads a socket, a clock or a global source of randomness, so the
// same code runs on real sockets (package gossip) and in a simulated world
// (package sim), and a run can be replayed from its seed.
//
//	                  ┌──────────────── Machine ────────────────┐
//	datagrams ───────►│ peersampling.Service   the view         │───► datagrams
//	                  │        │ whom to link to                │
//	connections ─────►│ broadcast.Links        the active view  │───► dials, closes
//	                  │        │ up, down                       │
//	frames ──────────►│ broadcast.Relay ◄──► broadcast.Log      │───► frames
//	                  │        │ messages      ▲ delivered      │
//	payloads ────────►│ causal.Buffer ─────────┴────────────────│───► deliveries
//	                  └─────────────────────────────────────────┘
package protocol
