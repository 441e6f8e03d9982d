package core

import (
	"context"
	"slices"
	"sync"
	"time"
)

// shared answers identical queries that arrive within a short time, or while the first
// of them is being read, from one read: fifty viewers of a dashboard must not spend the
// few calls a second that a vendor allows. Only complete and small answers are shared;
// if an answer turns out not to be, each query that waits for it reads for itself.
type shared[T Record] struct {
	mu      sync.Mutex
	answers map[string]*sharedAnswer[T]
}

type sharedAnswer[T Record] struct {
	decided chan struct{} // closed once fate is set
	fate    fate
	at      time.Time // when it was read
	report  Report
	records []T
	before  []Cursor // the place before each record
}

// fate is the use of an answer for identical queries.
type fate int

const (
	undecided fate = iota // being read
	good                  // fit to be shared
	large                 // too large to be shared: each query reads for itself
	unshared              // failed, incomplete or slow: the next query may try
)

// Large answers are not kept: they are read once a day, not by many callers at once.
const (
	maxSharedRecords = 2000
	maxSharedAnswers = 64
)

// sharedPatience is how long, in all, other queries wait while the keep of the query
// that reads blocks: they wait for the vendor, not for another caller's connection.
const sharedPatience = 250 * time.Millisecond

func (s *shared[T]) ask(ctx context.Context, question string, keepFor time.Duration, fingerprint []byte,
	read func(func(T, Cursor) bool) (Report, error), keep func(T) bool) (Report, error) {
	for {
		answer, mine := s.find(question)
		if mine {
			return s.answer(question, answer, keepFor, read, keep)
		}
		select {
		case <-answer.decided:
		case <-ctx.Done():
			return Report{}, AsError(ctx.Err())
		}
		switch answer.fate {
		case large:
			return read(func(record T, _ Cursor) bool { return keep(record) })
		case good:
			tracesOf(ctx).shared(time.Since(answer.at))
			return answer.again(fingerprint, keep), nil
		}
	}
}

// find returns the answer to a question; mine reports that the caller must read it.
func (s *shared[T]) find(question string) (answer *sharedAnswer[T], mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer := s.answers[question]; answer != nil {
		return answer, false
	}
	answer = &sharedAnswer[T]{decided: make(chan struct{})}
	if s.answers == nil {
		s.answers = make(map[string]*sharedAnswer[T])
	}
	if len(s.answers) < maxSharedAnswers {
		s.answers[question] = answer
	}
	return answer, true
}

// answer reads, and leaves the answer for identical queries.
func (s *shared[T]) answer(question string, a *sharedAnswer[T], keepFor time.Duration, read func(func(T, Cursor) bool) (Report, error), keep func(T) bool) (report Report, err error) {
	patience := sharedPatience
	slow := time.AfterFunc(patience, func() { s.decide(question, a, unshared, keepFor) })
	slow.Stop()
	defer func() {
		slow.Stop()
		fate := unshared
		if err == nil && report.Complete && report.Next == nil { // not after a panic either: report is empty then
			fate = good
		}
		a.report, a.at = report, time.Now()
		if s.decide(question, a, fate, keepFor) != good {
			a.records, a.before = nil, nil
		}
	}()
	return read(func(record T, before Cursor) bool {
		if len(a.records) == maxSharedRecords {
			s.decide(question, a, large, keepFor)
			return keep(record)
		}
		a.records, a.before = append(a.records, record), append(a.before, before)
		start := time.Now()
		slow.Reset(patience)
		kept := keep(record)
		slow.Stop()
		patience -= time.Since(start)
		return kept
	})
}

// decide decides the fate of an answer once, releases the queries that wait for it, and
// returns it.
func (s *shared[T]) decide(question string, a *sharedAnswer[T], to fate, keepFor time.Duration) fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.fate != undecided {
		return a.fate
	}
	a.fate = to
	if to == unshared {
		s.forget(question, a)
	} else {
		time.AfterFunc(keepFor, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.forget(question, a)
		})
	}
	close(a.decided)
	return to
}

// forget removes an answer. s.mu is held.
func (s *shared[T]) forget(question string, a *sharedAnswer[T]) {
	if s.answers[question] == a {
		delete(s.answers, question)
	}
}

// again passes on the records of an answer, as far as there is room.
func (a *sharedAnswer[T]) again(fingerprint []byte, keep func(T) bool) Report {
	report := a.report
	report.MissingIDs = slices.Clone(report.MissingIDs)
	report.Warnings = slices.Clone(report.Warnings)
	report.RequestIDs = slices.Clone(report.RequestIDs)
	for i, record := range a.records {
		if !keep(record) {
			report.Count, report.MissingIDs = i, []string{} // missing ids are reported at the end
			report.stop(StoppedSize, a.before[i], fingerprint)
			break
		}
	}
	return report
}
