package datadir

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/Ishan27gOrg/gossipProtocol/gossip"
)

// A record in the database is the time, in nanoseconds since 1970, a byte that is 1 for
// the node's own, its id, and what the node made of it, which has a checksum.

const own = 1

func encode(r *gossip.Record) []byte {
	b := make([]byte, 0, 8+1+2*binary.MaxVarintLen64+binary.MaxVarintLen16+len(r.ID.Origin)+len(r.Data))
	b = binary.BigEndian.AppendUint64(b, uint64(r.At.UnixNano()))
	if r.Own {
		b = append(b, own)
	} else {
		b = append(b, 0)
	}
	b = appendID(b, r.ID)
	return append(b, r.Data...)
}

var errShort = errors.New("it ends too early")

func decode(b []byte) (r gossip.Record, err error) {
	if len(b) < 9 {
		return r, errShort
	}
	r.At = time.Unix(0, int64(binary.BigEndian.Uint64(b)))
	r.Own = b[8] == own
	if r.ID, b, err = takeID(b[9:]); err != nil {
		return r, err
	}
	r.Data = b
	return r, nil
}

func appendID(b []byte, id gossip.MessageID) []byte {
	b = binary.AppendUvarint(b, id.Incarnation)
	b = binary.AppendUvarint(b, id.Seq)
	b = binary.AppendUvarint(b, uint64(len(id.Origin)))
	return append(b, id.Origin...)
}

func takeID(b []byte) (id gossip.MessageID, rest []byte, err error) {
	var numbers [3]uint64
	for i := range numbers {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return id, nil, errShort
		}
		numbers[i], b = n, b[size:]
	}
	if numbers[2] > uint64(len(b)) {
		return id, nil, errShort
	}
	id = gossip.MessageID{Incarnation: numbers[0], Seq: numbers[1], Origin: string(b[:numbers[2]])}
	return id, b[numbers[2]:], nil
}

// idKey is an id as a key of the database.
func idKey(id gossip.MessageID) []byte { return appendID(nil, id) }
