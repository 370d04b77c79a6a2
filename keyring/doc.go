// Package keyring holds the keys that the nodes of a cluster share: one
// primary, which a node uses, and others that it accepts. A ring is changed on
// a live node, so that a cluster gets new keys without losing a message.
//
// # Making keys
//
// A key is 32 random bytes, [NewKey] or
//
//	head -c 32 /dev/urandom | base64
//
// and never a pass phrase: whoever sees traffic can test guesses. A file has a
// key a line, the primary first, and belongs to those who may read it alone:
//
//	# chmod 600; the first key is the primary
//	3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=
//	00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff  # until Friday
//
// # Changing keys
//
// A node can only be understood by those that accept its primary. So a new key
// goes round the cluster three times, and each round ends before the next one
// begins:
//
//  1. add it everywhere: [Ring.Add], or a last line in the file;
//  2. use it everywhere: [Ring.Use], or the new key's line moved to the top;
//  3. remove the old one everywhere: [Ring.Remove], or its line taken out.
//
// After the first round every node understands both keys, and during the second
// some use the one and some the other: nothing is lost. The third makes the old
// key worthless for whoever stole it, which is why it must not be left out. The
// IDs that nodes show tell how far a round has come; an [ID] is no secret.
//
// # What it does not do
//
// A shared key says that somebody belongs to the cluster, not who it is: each
// who has the key can speak for all. A stolen key is good until it is removed
// everywhere. Keys lie in the memory of the process in the clear, and are not
// wiped from it: the garbage collector may have copied them.
package keyring
