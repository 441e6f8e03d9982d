package core

import (
	"hash/maphash"
	"math/bits"
)

// keySet remembers which keys it was given, in eight bytes each and a third for
// room: the ids of a million customers as texts, or their hashes in a map, would
// take the memory that a function has. Two keys share a hash once in 10^7 reads of
// a million customers; the seed is another for each read.
//
// It is made of many small tables, which grow one at a time: growing one large
// table would hold it twice.
type keySet struct {
	seed   maphash.Seed
	tables [keyTables]keyTable
	count  int
}

// keyTables is how many tables there are. The lower bits of a hash choose the
// table, the upper ones the slot.
const keyTables = 64

// keyTable is a hash table with linear probing. 0 is an empty slot.
type keyTable struct {
	slots []uint64
	used  int
}

func newKeySet() *keySet { return &keySet{seed: maphash.MakeSeed()} }

// add says whether the key is new.
func (s *keySet) add(key string) bool {
	hash := s.hash(key)
	t := s.table(hash)
	if t.used >= len(t.slots)*7/8 {
		t.grow()
	}
	at := t.find(hash)
	if t.slots[at] == hash {
		return false
	}
	t.slots[at] = hash
	t.used++
	s.count++
	return true
}

func (s *keySet) has(key string) bool {
	hash := s.hash(key)
	t := s.table(hash)
	return len(t.slots) > 0 && t.slots[t.find(hash)] == hash
}

func (s *keySet) hash(key string) uint64 { return max(maphash.String(s.seed, key), 1) }

func (s *keySet) table(hash uint64) *keyTable { return &s.tables[hash%keyTables] }

// find gives the slot that holds a hash, or the empty one where it belongs.
func (t *keyTable) find(hash uint64) int {
	n := uint64(len(t.slots))
	high, _ := bits.Mul64(hash, n) // as evenly spread as hash % n, and cheaper
	for at := high; ; at++ {
		if at == n {
			at = 0
		}
		if t.slots[at] == hash || t.slots[at] == 0 {
			return int(at)
		}
	}
}

func (t *keyTable) grow() {
	old := t.slots
	t.slots = make([]uint64, len(old)+len(old)/8+8)
	for _, hash := range old {
		if hash != 0 {
			t.slots[t.find(hash)] = hash
		}
	}
}
