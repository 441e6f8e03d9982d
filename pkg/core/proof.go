package core

import (
	"fmt"
	"math"
)

// What proves that a list was read whole. The vendors promise no order of rows
// that tie, so that rows may trade places between two pages, and customers come
// and go while the pages are read. docs/adr/0003 has the argument.
//
//  1. One page is one moment: a list whose only page holds as many rows as its
//     total counts is whole.
//  2. No customer left: every page told the same total, as many customers were
//     read, the rows came in an order in which newcomers come last, and none
//     of them came since the read began. A customer that left could be hidden
//     in the total only by a newcomer.
//  3. No other customer was there: the customers that were met both before and after
//     a moment were there at that moment. If the vendor's count at that moment
//     equals their number, they were all.
//
// The count of 3 may be the list's own total or that of a second list of the
// same customers, the witness. A list with neither is believed once two more
// passes, with other page boundaries, have found no further customer and no
// row out of order.

const (
	// maxPasses is how many operations a read may take; each pass over a list
	// whose ties are many and unstable finds two thirds of what is missing.
	maxPasses = 12
	// maxWitnessPasses is how often the witness is read.
	maxWitnessPasses = 3
)

// proveCounted repeats the pass over a counted list until it is proven whole,
// or until passes bring no progress. false where the read stopped.
func (l *list[Q, T]) proveCounted() (ended bool, err error) {
	quiet, gap := -1, math.MaxInt // the first pass shows no progress
	for !l.isWhole() {
		enough := 1
		if l.moved || l.disorder || l.unsorted {
			enough = 2
		}
		if quiet++; l.fresh > 0 || l.gap < gap {
			quiet, gap = 0, min(gap, l.gap)
		}
		switch {
		case l.empty:
			l.notWhole(WarnTotalMismatch, fmt.Sprintf("the cloud counts %d customers and lists none", l.total))
			return true, nil
		case quiet >= enough || l.op >= maxPasses:
			l.notWhole(WarnTotalMismatch, fmt.Sprintf("%d customers were read, the cloud counts %d", l.rows, l.total))
			return true, nil
		}
		query := l.query
		if q, ok := any(query).(stableOrderer[Q]); ok {
			query, _ = q.StableOrder()
		}
		start := Cursor{Size: l.nextSize()}
		l.begin()
		if ended, err := l.countedPass(query, start, nil, 0); err != nil || !ended {
			return false, err
		}
		if l.partial && !l.adopt() {
			l.notWhole(WarnEarlierDoubt, notTheSame)
			return true, nil
		}
	}
	return true, nil
}

// nextSize returns a page size that the passes before did not have, so that
// their page boundaries differ, and by which a total does not divide.
func (l *list[Q, T]) nextSize() int {
	eighths := 7 - (l.passes-1)%3
	size := max(2, max(l.longest, l.from.Size)*eighths/8)
	if uneven := unevenly(l.total, size+1); uneven > 0 {
		return uneven // its last page shows where the list ends
	}
	for l.total > 0 && l.total%size == 0 && size < l.longest {
		size++
	}
	return size
}

// proveUncounted proves a list without a total by its witness. Customers that
// the witness does not name, and all where it proves nothing, take repeating
// the pass. false where the read stopped.
func (l *list[Q, T]) proveUncounted() (ended bool, err error) {
	if l.reader.opts.Witness != nil {
		whole, ended, err := l.proveByWitness()
		if err != nil || !ended {
			return false, err
		}
		unnamed := 0
		l.seen.each(func(k *sighting) {
			if k.met == metListed {
				unnamed++
			}
		})
		if whole && unnamed == 0 {
			return true, nil
		}
		if !l.witness.refused && !l.partial {
			l.report.warn(WarnWitness, fmt.Sprintf("%d customers were read that the cloud's list of the account's customers does not name, of %d that it counts", unnamed, l.witness.count))
		}
	}
	return l.proveByRepetition()
}

// proveByRepetition repeats the pass until two in a row find no further
// customer. Rows that traded places leave a doubt: nothing is there to tell
// that those passes did not miss the same customer. false where the read stopped.
func (l *list[Q, T]) proveByRepetition() (ended bool, err error) {
	for quiet := 0; quiet < 2 && l.rows > 0; { // "no customers" came twice
		if l.op >= maxPasses || l.lost {
			l.notWhole(WarnMovedTooFast, "customers came and went faster than their pages could be read; some may have been passed over")
			return true, nil
		}
		start := Cursor{Size: l.nextSize()}
		l.begin()
		if ended, err := l.uncountedPass(start, nil, 0); err != nil || !ended {
			return false, err
		}
		if l.partial && !l.adopt() {
			l.notWhole(WarnEarlierDoubt, notTheSame)
			return true, nil
		}
		if quiet++; l.fresh > 0 {
			quiet = 0
		}
	}
	if l.disorder {
		l.notWhole(WarnOrderUnstable, "")
	}
	return true, nil
}

const notTheSame = "the customers of this answer and of those before are not the ones that the whole list holds now; read it in one answer"

// adopt makes the customers that the operation under way met those that this
// read has handed on, its earlier answers included, if both are the same set.
func (l *list[Q, T]) adopt() bool {
	if l.met != l.rows || l.metSum != l.sum {
		return false
	}
	l.seen.each(func(k *sighting) {
		if k.last == l.op {
			k.first, k.met = 1, k.met|metListed
		} else { // it was taken for one of an earlier answer, and is none
			*k = sighting{hash: k.hash}
		}
	})
	l.partial, l.lost = false, false
	return true
}

// isWhole reports whether what was read is proven to be the whole list.
func (l *list[Q, T]) isWhole() bool {
	if l.partial && !l.counted {
		return false
	}
	kind := metWitnessed
	if l.counted {
		kind = metListed
		now := l.counts[l.op-1]
		switch {
		case l.onePage && l.op == 1 && now.start == l.rows:
			return !l.moved
		case now.end == l.rows && !l.moved && l.asc && !l.unsorted && !l.newcomer && !l.lost:
			return true
		case l.partial:
			return false
		}
	}
	l.gap = math.MaxInt
	for op := 1; op < int(l.op); op++ {
		present := l.seen.present(uint8(op), kind)
		for _, count := range []int{l.counts[op-1].end, l.counts[op].start} {
			if count == present {
				return true
			}
			if count >= 0 {
				l.gap = min(l.gap, max(count-present, present-count))
			}
		}
	}
	return false
}

// notWhole notes that the list was not proven whole, and why.
func (l *list[Q, T]) notWhole(code, message string) {
	switch {
	case l.partial && l.lost:
		code, message = WarnPlaceLost, "the customer after whom the earlier answer stopped is gone; some may come again or be passed over"
	case !l.partial && !l.moved && (l.unsorted || l.disorder):
		code, message = WarnOrderUnstable, "the cloud lists customers in an order that changes from page to page; some may have been passed over"
	}
	l.unproven(code, message)
}
