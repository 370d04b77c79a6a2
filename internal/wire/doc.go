// Package wire turns protocol messages into bytes and back. docs/protocol.md
// draws every one of them; in short:
//
//	datagram   ┌────┬────┬──────┬─────────┬────────┬──────┬────────────┐
//	           │'g' │ ver│ kind │ cluster │ sender │ body │ extensions │
//	           └────┴────┴──────┴─────────┴────────┴──────┴────────────┘
//	             1    1     1        4
//
//	frame      ┌────────┬──────┬──────┐
//	           │ length │ kind │ body │   length counts kind and body
//	           └────────┴──────┴──────┘
//	               4       1
//
//	DATA body  ┌───────┬──────┬─────┬───────┬────────┬─────┬──────┬─────────┐
//	           │ flags │ hops │ age │ clock │ origin │ seq │ deps │ payload │
//	           └───────┴──────┴─────┴───────┴────────┴─────┴──────┴─────────┘
//	                                         └── the same on every link ───┘
//
// In networks whose nodes sign what they say, frames of kinds of their own carry the
// signatures (signed.go), and an extension of datagrams the proofs of addresses
// (prover.go).
//
// Messages with headers are of kinds of their own as well, and have them in front of the
// payload (headers.go).
//
// Encoders append to a buffer that the caller owns. Decoders trust nothing:
// every length is checked against what is there, and against its limit, before
// anything is allocated. What they do not know they skip: whole datagrams and
// frames of unknown kinds (ErrUnknownKind, which a receiver counts and ignores)
// and unknown extensions of datagrams and hellos.
//
// Names and addresses become handles here, through a Book, and nowhere below.
package wire
