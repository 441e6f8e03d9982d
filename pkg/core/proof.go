package core

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A proof shows that a list was read completely. The vendors promise no order
// among rows that tie, so rows may trade places between two pages, and customers
// come and leave while the pages are read. Three arguments prove a list; see
// docs/adr/0003.
//
//  1. A page is read at one moment. A list is complete if its only page has as
//     many rows as its total.
//  2. A customer that was read, and was associated before the read began, was
//     there when the read began. If the vendor's first count is the number of
//     those customers, there was no other. The first count is wrong if a later
//     one is higher by more than the newcomers that were read.
//  3. A customer that was met before and after a moment was there at that
//     moment. If the vendor's count at that moment is the number of those
//     customers, there was no other.
//
// The count is the list's own total or, if it has none, that of a second list of
// the same customers, the witness. Without either, a list counts as complete once
// two more passes, with other page boundaries, find no further customer and no
// row out of order.

const (
	// maxOperations bounds the operations of a read. A pass over a list whose
	// rows all tie finds two thirds of the customers that those before missed.
	maxOperations = 12
	// maxWitnessPasses bounds the passes over the witness.
	maxWitnessPasses = 4
)

// proveCounted repeats the pass over a list with a total until the list is proven
// complete, or until passes bring no progress. It returns false if the read
// stopped.
func (l *list[Q, T]) proveCounted() (finished bool, err error) {
	quiet, gap := -1, math.MaxInt // the first pass shows no progress
	for !l.isComplete() {
		enough := 1
		if l.moved || l.disorder {
			enough = 2
		}
		if quiet++; l.fresh > 0 || l.gap < gap {
			quiet, gap = 0, min(gap, l.gap)
		}
		switch {
		case l.empty:
			l.notComplete(WarnTotalMismatch, fmt.Sprintf("the vendor counts %d customers and lists none", l.total))
			return true, nil
		case quiet >= enough || l.op >= maxOperations:
			l.notComplete(WarnTotalMismatch, fmt.Sprintf("%d customers were read, the vendor counts %d", l.rows, l.total))
			return true, nil
		}
		start := Cursor{Size: l.nextSize()}
		l.nextOperation()
		if finished, err := l.countedPass(start, nil, 0); err != nil || !finished {
			return false, err
		}
		if l.partial && !l.adopt() {
			l.notComplete(WarnEarlierDoubt, notTheSame)
			return true, nil
		}
	}
	return true, nil
}

// nextSize returns the page size of the next pass. It differs from those before,
// so that the page boundaries do, and does not divide the total, so that the last
// page shows where the list ends.
func (l *list[Q, T]) nextSize() int {
	eighths := 7 - (l.passes-1)%3
	size := max(2, max(l.longest, l.from.Size)*eighths/8)
	if uneven := unevenly(l.total, size+1); uneven > 0 {
		return uneven
	}
	for l.total > 0 && l.total%size == 0 && size < l.longest {
		size++
	}
	return size
}

// isComplete reports whether a list with a total is proven complete.
func (l *list[Q, T]) isComplete() bool {
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

// allPresent reports whether, at some moment between two operations, the vendor
// counted as many customers as were met both before and after it. of is the list
// that showed them.
func (l *list[Q, T]) allPresent(of met) bool {
	l.gap = math.MaxInt
	for op := 1; op < int(l.op); op++ {
		count := l.counts[op] // when the next operation began
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

// proveUncounted proves a list without a total by its witness. If the witness
// lacks some of the customers, or proves nothing, it repeats the pass. It returns
// false if the read stopped.
func (l *list[Q, T]) proveUncounted() (finished bool, err error) {
	if l.reader.opts.Witness != nil {
		whole, finished, err := l.proveByWitness()
		if err != nil || !finished {
			return false, err
		}
		unnamed := l.seen.unwitnessed()
		if whole && unnamed == 0 {
			l.warnUntagged()
			return true, nil
		}
		var mismatch string
		switch {
		case l.witness.refused != nil || l.partial:
			return l.proveByRepetition()
		case whole:
			mismatch = fmt.Sprintf("%d customers were read that the vendor's list of the account's customers does not name, of %d that it counts", unnamed, l.witness.total)
		default:
			mismatch = fmt.Sprintf("the vendor's list of the account's customers named %d while it counted %d, in %d passes, and proves nothing", len(l.witness.ids), l.witness.total, l.witness.passes)
		}
		at := len(l.report.Warnings)
		l.mismatched = true
		finished, err = l.proveByRepetition() // which shows the ids of those customers again
		l.report.insertWarning(at, Warning{Code: WarnWitness, Message: mismatch + l.oneSided(unnamed)})
		return finished, err
	}
	return l.proveByRepetition()
}

// maxOneSided is how many ids a warning names of each list.
const maxOneSided = 5

// noteOneSided records the id of a row that the witness has not named.
func (l *list[Q, T]) noteOneSided(record T, before sighting) {
	if l.mismatched && before.met == metListed && len(l.onlyListed) < maxOneSided && !slices.Contains(l.onlyListed, record.ID()) {
		l.onlyListed = append(l.onlyListed, record.ID())
	}
}

// oneSided names customers that only one of the two lists has. unnamed is how many the
// witness has not named.
func (l *list[Q, T]) oneSided(unnamed int) (text string) {
	if len(l.onlyListed) > 0 {
		text += "; only in the list that was read: " + someIDs(l.onlyListed, unnamed)
	}
	if only, count := l.onlyWitnessed(); count > 0 {
		text += "; only in the list of the account's customers: " + someIDs(only, count)
	}
	return text
}

// onlyWitnessed returns the first few ids that the witness names and the list lacks, by
// its pages and by id, and how many there are.
func (l *list[Q, T]) onlyWitnessed() (first []string, count int) {
	query, ok := any(l.query).(byIDs[Q])
	if !ok {
		return nil, 0
	}
	for _, id := range l.witness.ids {
		if l.seen.get(query.KeyOf(id)).met&metListed == 0 {
			if count++; len(first) < maxOneSided {
				first = append(first, id)
			}
		}
	}
	return first, count
}

// warnUntagged warns of customers that the witness names and the list lacks. Such a
// customer may have left meanwhile: the witness must still name it. The list is proven
// either way, and a failure of these few calls is none of the read.
func (l *list[Q, T]) warnUntagged() {
	first, count := l.onlyWitnessed()
	query, ok := any(l.query).(byIDs[Q])
	if !ok || count == 0 {
		return
	}
	var still []string
	for _, id := range first {
		report, err := l.reader.opts.Witness.Read(l.reader.CallsOnly(l.ctx), query.ForIDs([]string{id}), nil, func(*Member) bool { return true })
		if err == nil && report.Count > 0 {
			still = append(still, id)
		}
	}
	if len(still) > 0 {
		l.report.warn(WarnWitness, fmt.Sprintf("of %d customers that the vendor's list of the account's customers counts, the list that was read lacks some, even by id; only in the list of the account's customers: %s",
			l.witness.total, someIDs(still, count-len(first)+len(still))))
	}
}

// someIDs returns the first of all ids.
func someIDs(first []string, all int) string {
	text := strings.Join(first, ", ")
	if all > len(first) {
		text += fmt.Sprintf(" and %d more", all-len(first))
	}
	return text
}

// proveByRepetition repeats the pass until two in a row find no further customer.
// If rows traded places the list stays unproven, since those passes may all have
// missed the same customer. It returns false if the read stopped.
func (l *list[Q, T]) proveByRepetition() (finished bool, err error) {
	for quiet := 0; quiet < 2 && l.rows > 0; { // an empty list was read twice
		if l.op >= maxOperations || l.lost && !l.partial {
			l.notComplete(WarnMovedTooFast, "customers came and went faster than their pages could be read; some may have been passed over")
			return true, nil
		}
		start := Cursor{Size: l.nextSize()}
		l.nextOperation()
		if finished, err := l.uncountedPass(start, nil, 0); err != nil || !finished {
			return false, err
		}
		if l.partial && !l.adopt() {
			l.notComplete(WarnEarlierDoubt, notTheSame)
			return true, nil
		}
		if quiet++; l.fresh > 0 {
			quiet = 0
		}
	}
	if l.disorder {
		l.notComplete(WarnOrderUnstable, orderUnstable)
	}
	return true, nil
}

const (
	notTheSame    = "the customers of this answer and of those before are not the ones that the whole list holds now; read it in one answer"
	orderUnstable = "the vendor lists customers in an order that changes from page to page; some may have been passed over"
)

// adopt replaces the customers of earlier answers, which are known only by their
// number and the sum of their keys, by those that the current operation met, if
// number and sum are the same.
func (l *list[Q, T]) adopt() bool {
	if l.met != l.rows || l.metSum != l.sum {
		return false
	}
	l.seen.adopt(l.op)
	l.partial, l.lost, l.unsorted = false, false, false
	return true
}

// notComplete records why the list is not proven complete.
func (l *list[Q, T]) notComplete(code, message string) {
	switch {
	case l.partial && l.lost:
		code, message = WarnPlaceLost, "the customer after which the earlier answer stopped is gone; some may come again or be passed over"
	case !l.partial && !l.moved && l.disorder:
		code, message = WarnOrderUnstable, orderUnstable
	}
	l.noteUnproven(code, message)
}
