package core

import (
	"context"
	"slices"
	"sync"
	"time"
)

// shared answers the same question, asked again within a short time or while it
// is being read, from one read: fifty viewers of a dashboard must not spend the
// few calls a second that a cloud allows. Only answers that are complete and small are
// shared; whoever joins one that turns out otherwise reads for himself.
type shared[T Record] struct {
	mu      sync.Mutex
	answers map[string]*sharedAnswer[T]
}

type sharedAnswer[T Record] struct {
	over    chan struct{} // closed when it is known what becomes of it
	fate    fate          // of shared.mu
	at      time.Time     // when it was read
	report  Report
	records []T
	before  []Cursor // the place before each record
}

// fate is what becomes of an answer for those who ask the same.
type fate int

const (
	undecided fate = iota // being read
	good                  // fit to be shared
	large                 // too large for that: everybody reads for himself
	unshared              // nobody gets it but who read it: the next may try
)

// What is kept is small: a large answer is asked for once a day, not by many at once.
const (
	maxSharedRecords = 2000
	maxSharedAnswers = 64
)

// sharedPatience is how long, in all, others wait because whoever reads for them does
// not take the records. They wait for the cloud, and not for somebody's connection.
const sharedPatience = 250 * time.Millisecond

func (s *shared[T]) ask(ctx context.Context, question string, keepFor time.Duration, fingerprint []byte,
	read func(func(T, Cursor) bool) (Report, error), keep func(T) bool) (Report, error) {
	for {
		answer, mine := s.find(question)
		if mine {
			return s.answer(question, answer, keepFor, read, keep)
		}
		select {
		case <-answer.over:
		case <-ctx.Done():
			return Report{}, AsError(ctx.Err())
		}
		switch s.fateOf(answer) {
		case large:
			return read(func(record T, _ Cursor) bool { return keep(record) })
		case good:
			tracesOf(ctx).shared(time.Since(answer.at))
			return answer.again(fingerprint, keep), nil
		}
	}
}

// find gives the answer to a question; mine says that it is the caller's to read.
func (s *shared[T]) find(question string) (answer *sharedAnswer[T], mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if answer := s.answers[question]; answer != nil {
		return answer, false
	}
	answer = &sharedAnswer[T]{over: make(chan struct{})}
	if s.answers == nil {
		s.answers = make(map[string]*sharedAnswer[T])
	}
	if len(s.answers) < maxSharedAnswers {
		s.answers[question] = answer
	}
	return answer, true
}

// answer reads, and leaves the answer for those who ask the same.
func (s *shared[T]) answer(question string, a *sharedAnswer[T], keepFor time.Duration, read func(func(T, Cursor) bool) (Report, error), keep func(T) bool) (report Report, err error) {
	patience := sharedPatience
	slow := time.AfterFunc(patience, func() { s.settle(question, a, unshared, keepFor) })
	slow.Stop()
	defer func() {
		slow.Stop()
		fate := unshared
		if err == nil && report.Complete && report.Next == nil { // not after a panic either: report is empty then
			fate = good
		}
		a.report, a.at = report, time.Now()
		if s.settle(question, a, fate, keepFor) != good {
			a.records, a.before = nil, nil
		}
	}()
	return read(func(record T, before Cursor) bool {
		if len(a.records) == maxSharedRecords {
			s.settle(question, a, large, keepFor)
			return keep(record)
		}
		a.records, a.before = append(a.records, record), append(a.before, before)
		began := time.Now()
		slow.Reset(patience)
		kept := keep(record)
		slow.Stop()
		patience -= time.Since(began)
		return kept
	})
}

// settle decides an answer's fate, once, lets those go who wait for it, and gives it.
func (s *shared[T]) settle(question string, a *sharedAnswer[T], to fate, keepFor time.Duration) fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.fate != undecided {
		return a.fate
	}
	a.fate = to
	if to != unshared {
		time.AfterFunc(keepFor, func() { s.forget(question, a) })
	} else if s.answers[question] == a {
		delete(s.answers, question)
	}
	close(a.over)
	return to
}

func (s *shared[T]) fateOf(a *sharedAnswer[T]) fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	return a.fate
}

func (s *shared[T]) forget(question string, a *sharedAnswer[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers[question] == a {
		delete(s.answers, question)
	}
}

// again hands on the records of an answer, as far as there is room.
func (a *sharedAnswer[T]) again(fingerprint []byte, keep func(T) bool) Report {
	report := a.report
	report.MissingIDs = slices.Clone(report.MissingIDs)
	report.Warnings = slices.Clone(report.Warnings)
	report.RequestIDs = slices.Clone(report.RequestIDs)
	for i, record := range a.records {
		if !keep(record) {
			report.Count, report.MissingIDs = i, []string{} // those missing are told at the end
			report.stop(StoppedSize, a.before[i], fingerprint)
			break
		}
	}
	return report
}
