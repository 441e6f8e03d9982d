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
//  2. A customer that was read and that came before the read began was there
//     when it began. If the vendor's first count equals the number of those,
//     no other customer was there. A later count that is higher by more than the
//     newcomers that were read shows that the first one was wrong.
//  3. A customer that was met both before and after a moment was there at that
//     moment. If the vendor's count at that moment equals the number of those,
//     no other customer was there.
//
// The count of 2 and 3 may be the list's own total or that of a second list of the
// same customers, the witness. A list with neither is believed once two more
// passes, with other page boundaries, have found no further customer and no
// row out of order.

const (
	// maxOperations is how many operations a read may take. A pass over a list
	// whose rows all tie finds two thirds of what those before missed.
	maxOperations = 12
	// maxWitnessPasses is how often the witness is read.
	maxWitnessPasses = 4
)

// proveCounted repeats the pass over a counted list until it is proven whole,
// or until passes bring no progress. false where the read stopped.
func (l *list[Q, T]) proveCounted() (ended bool, err error) {
	quiet, gap := -1, math.MaxInt // the first pass shows no progress
	for !l.isWhole() {
		enough := 1
		if l.moved || l.disorder {
			enough = 2
		}
		if quiet++; l.fresh > 0 || l.gap < gap {
			quiet, gap = 0, min(gap, l.gap)
		}
		switch {
		case l.empty:
			l.notWhole(WarnTotalMismatch, fmt.Sprintf("the cloud counts %d customers and lists none", l.total))
			return true, nil
		case quiet >= enough || l.op >= maxOperations:
			l.notWhole(WarnTotalMismatch, fmt.Sprintf("%d customers were read, the cloud counts %d", l.rows, l.total))
			return true, nil
		}
		start := Cursor{Size: l.nextSize()}
		l.nextOperation()
		if ended, err := l.countedPass(start, nil, 0); err != nil || !ended {
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

// isWhole reports whether a counted list is proven whole.
func (l *list[Q, T]) isWhole() bool {
	switch {
	case l.onePage && l.op == 1 && l.counts[0] == l.rows:
		return true
	case l.shown && l.old == l.total && l.most-l.total <= l.rows-l.old && !(l.partial && (l.unsorted || l.lost)):
		return true
	case l.partial:
		return false
	}
	return l.allPresent(metListed)
}

// allPresent reports whether at some moment between two operations there were
// as many customers as those of a list that were met before and after it.
func (l *list[Q, T]) allPresent(of met) bool {
	l.gap = math.MaxInt
	for op := 1; op < int(l.op); op++ {
		count := l.counts[op] // when the next one began
		if count == unknownCount {
			continue
		}
		present := l.seen.present(of, uint8(op))
		if count == present {
			return true
		}
		l.gap = min(l.gap, max(count-present, present-count))
	}
	return false
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
		unnamed := l.seen.unwitnessed()
		if whole && unnamed == 0 {
			return true, nil
		}
		switch {
		case l.witness.refused || l.partial:
		case whole:
			l.report.warn(WarnWitness, fmt.Sprintf("%d customers were read that the cloud's list of the account's customers does not name, of %d that it counts", unnamed, l.witness.total))
		default:
			l.report.warn(WarnWitness, fmt.Sprintf("the cloud's list of the account's customers named %d while it counted %d, in %d passes, and proves nothing", len(l.witness.ids), l.witness.total, l.witness.passes))
		}
	}
	return l.proveByRepetition()
}

// proveByRepetition repeats the pass until two in a row find no further
// customer. Rows that traded places leave a doubt: nothing shows that those
// passes did not miss the same customer. false where the read stopped.
func (l *list[Q, T]) proveByRepetition() (ended bool, err error) {
	for quiet := 0; quiet < 2 && l.rows > 0; { // "no customers" came twice
		if l.op >= maxOperations || l.lost && !l.partial {
			l.notWhole(WarnMovedTooFast, "customers came and went faster than their pages could be read; some may have been passed over")
			return true, nil
		}
		start := Cursor{Size: l.nextSize()}
		l.nextOperation()
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
		l.notWhole(WarnOrderUnstable, orderUnstable)
	}
	return true, nil
}

const (
	notTheSame    = "the customers of this answer and of those before are not the ones that the whole list holds now; read it in one answer"
	orderUnstable = "the cloud lists customers in an order that changes from page to page; some may have been passed over"
)

// adopt makes the customers that the operation under way met those that this
// read has handed on, its earlier answers included, if both are the same set.
func (l *list[Q, T]) adopt() bool {
	if l.met != l.rows || l.metSum != l.sum {
		return false
	}
	l.seen.adopt(l.op)
	l.partial, l.lost, l.unsorted = false, false, false
	return true
}

// notWhole notes that the list was not proven whole, and why.
func (l *list[Q, T]) notWhole(code, message string) {
	switch {
	case l.partial && l.lost:
		code, message = WarnPlaceLost, "the customer after whom the earlier answer stopped is gone; some may come again or be passed over"
	case !l.partial && !l.moved && l.disorder:
		code, message = WarnOrderUnstable, orderUnstable
	}
	l.unproven(code, message)
}
