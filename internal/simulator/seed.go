package simulator

import (
	"fmt"
	"sync/atomic"
)

// seed decides everything that looks random.
type seed uint64

// Each use of roll has a stream of its own, so that a change of one part of the
// data leaves the others alone.
const (
	streamCredit uint64 = iota + 1
	streamName
	streamUin
	streamTag
	streamID
	streamReseller
	streamRequest
	streamFault
	streamLived
	streamCreditLeavers
	streamTagLeavers
	streamSubCustomer
	streamDisorder
	streamPartner
	streamSubAgent
	streamVoucherOf
	streamVoucher

	// With these two, every life occurs among two hundred customers of seed 1.
	streamLife    = 65
	streamTagLife = 49
)

// roll returns a number that depends on seed, stream and index alone.
func (s seed) roll(stream uint64, index int) uint64 {
	return mix(mix(mix(uint64(s))+stream) + uint64(index))
}

// mix is splitmix64 (Steele, Lea, Flood 2014: "Fast splittable pseudorandom
// number generators"), a bijection of 64 bits.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unmix is the inverse of mix.
func unmix(x uint64) uint64 {
	x = (x ^ x>>31 ^ x>>62) * 0x319642b2d24d8ec3
	x = (x ^ x>>27 ^ x>>54) * 0x96de1b173f119089
	x = x ^ x>>30 ^ x>>60
	return x - 0x9e3779b97f4a7c15
}

// sequence makes request ids, the same ones in every run with one seed.
type sequence struct {
	seed seed
	n    atomic.Int64
}

// next returns 32 hexadecimal digits.
func (q *sequence) next() string {
	n := int(q.n.Add(1))
	return fmt.Sprintf("%016x%016x", q.seed.roll(streamRequest, 2*n), q.seed.roll(streamRequest, 2*n+1))
}

// nextUUID returns an id in the form of a random UUID.
func (q *sequence) nextUUID() string { return asUUID(q.next()) }

// asUUID returns 32 hexadecimal digits or more in the form of a random UUID.
func asUUID(h string) string {
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:32]
}
