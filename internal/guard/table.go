package guard

// table is a map with a limit. When it is full, whoever was used the longest time ago
// makes room, and is counted. It grows with what it holds, and not beyond its limit.
type table[K comparable, V any] struct {
	limit   int
	index   map[K]int32
	slots   []slot[K, V] // the first is the ring's beginning and end
	free    int32        // the first of those that are, linked by next; 0 is none
	evicted uint64
}

// slot is in a ring from the newest, which the first one's next is, to the oldest.
type slot[K comparable, V any] struct {
	key        K
	value      V
	prev, next int32
}

func newTable[K comparable, V any](limit int) *table[K, V] {
	return &table[K, V]{limit: max(1, limit), index: make(map[K]int32), slots: make([]slot[K, V], 1)}
}

func (t *table[K, V]) len() int { return len(t.index) }

// get returns what is kept under a key, or nil. It is valid until the next put.
func (t *table[K, V]) get(k K) *V {
	i := t.index[k]
	if i == 0 {
		return nil
	}
	return &t.slots[i].value
}

// use is get for somebody who thereby becomes the newest.
func (t *table[K, V]) use(k K) *V {
	i := t.index[k]
	if i == 0 {
		return nil
	}
	t.unlink(i)
	t.link(i)
	return &t.slots[i].value
}

// put keeps a value under a key, as the newest.
func (t *table[K, V]) put(k K, v V) *V {
	if had := t.use(k); had != nil {
		*had = v
		return had
	}
	if len(t.index) >= t.limit {
		t.remove(t.slots[t.slots[0].prev].key)
		t.evicted++
	}
	i := t.free
	if i != 0 {
		t.free = t.slots[i].next
	} else {
		i = int32(len(t.slots))
		t.slots = append(t.slots, slot[K, V]{})
	}
	t.slots[i] = slot[K, V]{key: k, value: v}
	t.index[k] = i
	t.link(i)
	return &t.slots[i].value
}

func (t *table[K, V]) remove(k K) {
	i := t.index[k]
	if i == 0 {
		return
	}
	delete(t.index, k)
	t.unlink(i)
	t.slots[i] = slot[K, V]{next: t.free}
	t.free = i
	if len(t.index) == 0 && cap(t.slots) > fewSlots {
		t.slots, t.free = make([]slot[K, V], 1), 0
	}
}

// fewSlots is how many an empty table keeps.
const fewSlots = 2

// oldest returns what is next to make room, or nil.
func (t *table[K, V]) oldest() (K, *V) {
	i := t.slots[0].prev
	if i == 0 {
		var none K
		return none, nil
	}
	return t.slots[i].key, &t.slots[i].value
}

// makeRoom drops what is least by a measure, if the table is full: for where an
// attacker could push out what matters with what does not.
func (t *table[K, V]) makeRoom(measure func(*V) int64) {
	if len(t.index) < t.limit {
		return
	}
	least := t.slots[0].prev
	for i := t.slots[least].prev; i != 0; i = t.slots[i].prev {
		if measure(&t.slots[i].value) < measure(&t.slots[least].value) {
			least = i
		}
	}
	t.remove(t.slots[least].key)
	t.evicted++
}

func (t *table[K, V]) link(i int32) {
	first := t.slots[0].next
	t.slots[i].prev, t.slots[i].next = 0, first
	t.slots[first].prev = i
	t.slots[0].next = i
}

func (t *table[K, V]) unlink(i int32) {
	s := &t.slots[i]
	t.slots[s.prev].next, t.slots[s.next].prev = s.next, s.prev
}
