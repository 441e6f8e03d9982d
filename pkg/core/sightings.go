package core

import (
	"hash/fnv"
	"hash/maphash"
	"math/bits"
)

// sightings remembers which keys a read has met, and in which of its
// operations, in sixteen bytes a key and an eighth for room: the ids of a
// million customers as strings, or their hashes in a map, would take the
// memory that a function has. Two keys share a hash once in 10^7 reads of a
// million customers; the seed differs from read to read.
//
// It consists of many small tables, which grow one at a time: growing one
// large table would hold it twice.
type sightings struct {
	seed   maphash.Seed
	tables [sightingTables]sightingTable
}

// sighting is what is known of one key. An operation is a pass over a list, or
// a round of queries by id; they are numbered from 1, and no two overlap.
type sighting struct {
	hash        uint64 // of the key; 0: an empty slot
	rank        uint32 // position in the ranking pass over the list, from 1; 0: not met in it
	first, last uint8  // the first and the last operation that met the key
	met         met
}

// met says where a key was met.
type met uint8

const (
	metListed    met = 1 << iota // the list that is read: the record was handed on
	metWitnessed                 // the witness
)

// sightingTables is how many tables there are. The lower bits of a hash choose
// the table, the upper ones the slot.
const sightingTables = 64

// sightingTable is a hash table with linear probing.
type sightingTable struct {
	slots []sighting
	used  int
}

func newSightings() *sightings { return &sightings{seed: maphash.MakeSeed()} }

// meet notes that an operation met a key. It returns what is known of the key
// now, good until the next call, and what was known before.
func (s *sightings) meet(key string, op uint8) (now *sighting, before sighting) {
	hash := s.hash(key)
	t := &s.tables[hash%sightingTables]
	if t.used >= len(t.slots)*7/8 {
		t.grow()
	}
	now = t.find(hash)
	before = *now
	if now.hash == 0 {
		now.hash, now.first = hash, op
		t.used++
	}
	now.last = op
	return now, before
}

// get returns what is known of a key; the zero sighting for one never met.
func (s *sightings) get(key string) sighting {
	hash := s.hash(key)
	t := &s.tables[hash%sightingTables]
	if len(t.slots) == 0 {
		return sighting{}
	}
	return *t.find(hash)
}

// present counts the keys of one list that were met both up to an operation and
// after it: those customers were there when it ended.
func (s *sightings) present(of met, op uint8) int {
	return s.count(func(k *sighting) bool { return k.met&of != 0 && k.first <= op && op < k.last })
}

// count counts the keys that are as wanted.
func (s *sightings) count(wanted func(*sighting) bool) (n int) {
	s.each(func(k *sighting) {
		if wanted(k) {
			n++
		}
	})
	return n
}

func (s *sightings) each(do func(*sighting)) {
	for i := range s.tables {
		slots := s.tables[i].slots
		for j := range slots {
			if slots[j].hash != 0 {
				do(&slots[j])
			}
		}
	}
}

func (s *sightings) hash(key string) uint64 { return max(maphash.String(s.seed, key), 1) }

// find returns the slot of a hash, or the empty one where it belongs.
func (t *sightingTable) find(hash uint64) *sighting {
	n := uint64(len(t.slots))
	high, _ := bits.Mul64(hash, n) // as evenly spread as hash % n, and cheaper
	for at := high; ; at++ {
		if at == n {
			at = 0
		}
		if k := &t.slots[at]; k.hash == hash || k.hash == 0 {
			return k
		}
	}
}

func (t *sightingTable) grow() {
	old := t.slots
	t.slots = make([]sighting, len(old)+len(old)/8+8)
	for _, k := range old {
		if k.hash != 0 {
			*t.find(k.hash) = k
		}
	}
}

// keySum is what a key adds to the sum of a set of keys, which a cursor
// carries: two sets of equal size and sum are the same set, but for one chance
// in 2^64. It is the same in every process.
func keySum(key string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key)) // never fails
	x := h.Sum64()
	x ^= x >> 32 // FNV mixes its last bytes too little for sums
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}
