// Package identity gives nodes names that nobody else can take: a node has an
// Ed25519 key, and its name ends in the public half of it. So whoever knows a
// node's name can check its signatures, without asking anybody.
//
//	db-1~nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAx0Lhr4
//	└┬─┘ └──────────────────┬──────────────────────┘
//	label              public key, base64url
//
// # Making keys
//
// A key is made by [Generate], or by
//
//	umask 077; gossip keys identity > identity
//
// Each node has its own, in a file that nobody else may read. The label is for
// people: two nodes with one label and two keys are two nodes.
//
// # Who belongs
//
// A [Roster] says whose signatures count: everybody's but for those that are
// revoked, or only those of whom is allowed. It is changed on a live node, and
// each node has its own: revoking a node means to tell all rosters.
//
// # What it does not do
//
// An identity says that two messages come from the same node, not that the node
// is an honest one. A key that is stolen speaks for its node until it is revoked
// everywhere. Anybody can make any number of identities, so where it matters how
// many there are, the roster has to list who is allowed; and one key may go by any
// number of labels, so what matters has to go by the key. Keys lie in the memory
// of the process in the clear, and are not wiped from it.
package identity
