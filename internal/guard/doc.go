// Package guard decides who gets in and who gets an answer. It is arithmetic and
// bounded tables: time is a duration on the caller's monotonic clock, randomness a
// reader, and nothing here opens a socket or starts a goroutine.
//
//	datagram ──► Addresses.Accept ──► Proven ───► Rates.Proven ───► answered
//	             (token, nonce)  ├──► Unproven ─► Rates.Unproven ─► a token, no more
//	                             └──► Replayed ─► nothing
//	TOKEN ─────► Requests.Learn ────► the request that it is for, to be sent again
//	connection ► Doors.Enter ───────► handshake ──► Penalties.Barred ──► link
//	frame ─────► FrameRate.Take ────► at once, or after a wait; or a flood: cut it off
//
// Addresses makes asking cost what answering does: who has not shown that datagrams
// to his address reach him gets a token in return for his, and nothing is remembered
// of him (return routability, as in RFC 9000, section 8.1, and the cookies of DTLS).
// Rates, Doors and FrameRate bound what anybody gets, Penalties remembers who
// misbehaved.
//
// One goroutine owns each value. Doors alone has a lock, because handshakes end
// elsewhere than they begin.
//
// # Addresses
//
// Everywhere an IPv4 address that is written as IPv6 is the IPv4 one, and zones are
// dropped: fe80::1 is one address, whatever interface it is met on. Where a whole
// block is held to account it is a single IPv4 address or an IPv6 /64, the least that
// a host is given. Nodes on loopback are all the same host, and so are exempt from
// what is counted by block.
//
// # What is not protected
//
//   - Who reads the path between two nodes sees tokens. Without a keyring such a one
//     can use an address that is not his for as long as a token is valid.
//   - A flood from very many addresses uses up what is allowed to all; newcomers then
//     have to ask more often. Those who have a token are not held up.
//   - Who owns many IPv6 /64s is as many blocks, and who is behind the same IPv4
//     address as an attacker shares its allowance.
//   - Without a keyring anybody can claim any name, so a penalty is for a name at an
//     address: it is escaped with another name, until Rates and Doors tell.
//   - DATA frames are not limited here; the window and the memory bound do that.
package guard
