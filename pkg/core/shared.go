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
	over    chan struct{} // closed when the read is
	good    bool          // fit to be shared; not before over
	at      time.Time     // when it was read
	report  Report
	records []T
	before  []Cursor // the place before each record
}

// What is kept is small: a large answer is asked for once a day, not by many at once.
const (
	maxSharedRecords = 2000
	maxSharedAnswers = 64
)

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
		if answer.good {
			if trace := traceOf(ctx); trace.Shared != nil {
				trace.Shared(time.Since(answer.at))
			}
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
	fits := true
	defer func() {
		a.good = fits && err == nil && report.Complete && report.Next == nil // not after a panic either: report is empty then
		if a.good {
			a.report, a.at = report, time.Now()
			time.AfterFunc(keepFor, func() { s.forget(question, a) })
		} else {
			a.records, a.before = nil, nil
			s.forget(question, a)
		}
		close(a.over)
	}()
	return read(func(record T, before Cursor) bool {
		if fits = fits && len(a.records) < maxSharedRecords; fits {
			a.records, a.before = append(a.records, record), append(a.before, before)
		}
		if !keep(record) {
			fits = false
			return false
		}
		return true
	})
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
