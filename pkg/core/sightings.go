package core

import (
	"hash/fnv"
	"hash/maphash"
)

// sightings records which keys a read has met, and in which of its operations.
// It holds hashes: the ids of a million customers as strings would take the
// memory that a function has. Two keys share a hash once in 10^7 reads of a
// million customers; the seed differs from read to read.
type sightings struct {
	seed maphash.Seed
	keys map[uint64]sighting
}

// sighting is what is known of one key.
type sighting struct {
	rank        uint32 // position in the ranking pass, from 1; 0: not met in it
	first, last uint8  // the first and the last operation that met the key
	met         met
}

// met is a set of the lists that showed a key.
type met uint8

const (
	metListed    met = 1 << iota // the list that is read: the record was handed on
	metWitnessed                 // the witness
)

func newSightings() *sightings {
	return &sightings{seed: maphash.MakeSeed(), keys: make(map[uint64]sighting)}
}

// meet records that an operation met a key in a list, and returns what was
// known of it before.
func (s *sightings) meet(key string, op uint8, in met) (before sighting) {
	hash := maphash.String(s.seed, key)
	before, known := s.keys[hash]
	now := before
	if !known {
		now.first = op
	}
	now.last = op
	now.met |= in
	s.keys[hash] = now
	return before
}

// get returns what is known of a key; the zero sighting for one never met.
func (s *sightings) get(key string) sighting { return s.keys[maphash.String(s.seed, key)] }

func (s *sightings) setRank(key string, rank uint32) {
	hash := maphash.String(s.seed, key)
	k := s.keys[hash]
	k.rank = rank
	s.keys[hash] = k
}

// present counts the keys of a list that were met both up to an operation and
// after it: those customers were there when it ended.
func (s *sightings) present(of met, op uint8) (n int) {
	for _, k := range s.keys {
		if k.met&of != 0 && k.first <= op && op < k.last {
			n++
		}
	}
	return n
}

// unwitnessed counts the keys that only the list has shown.
func (s *sightings) unwitnessed() (n int) {
	for _, k := range s.keys {
		if k.met == metListed {
			n++
		}
	}
	return n
}

// adopt takes the keys that an operation met, and no others, as handed on.
func (s *sightings) adopt(op uint8) {
	for hash, k := range s.keys {
		if k.last == op {
			k.first, k.met = 1, k.met|metListed
		} else { // it was taken for one of an earlier answer, and is none
			k.met &^= metListed
		}
		s.keys[hash] = k
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
