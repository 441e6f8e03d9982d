package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/app"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// watchProgress shows how far the runs of a function's accounts are.
type watchProgress struct {
	mu       sync.Mutex
	progress *progress
	stderr   io.Writer

	function string // whose runs are made
	accounts []accountProgress
}

// accountProgress is how far one account's run is.
type accountProgress struct {
	watch.Progress
	account string
	start   time.Time // when the call had read first
	first   int       // customers
}

// update is a Watcher's Progress.
func (w *watchProgress) update(function, account string, p watch.Progress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.function != function {
		w.function, w.accounts = function, nil
	}
	i := slices.IndexFunc(w.accounts, func(a accountProgress) bool { return a.account == account })
	if i < 0 {
		i = len(w.accounts)
		w.accounts = append(w.accounts, accountProgress{account: account, start: time.Now(), first: p.Count})
	}
	w.accounts[i].Progress = p
	w.progress.show(w.line(time.Now()))
}

// Write writes a line of the log.
func (w *watchProgress) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress.clear()
	return w.stderr.Write(p)
}

func (w *watchProgress) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress.clear()
}

// line describes the accounts on one line: how many runs have ended, and how far the others are.
func (w *watchProgress) line(now time.Time) string {
	var texts []string
	for _, a := range w.accounts {
		if a.Step != watch.StepEnded {
			texts = append(texts, a.text(now))
		}
	}
	text := w.function + " "
	if ended := len(w.accounts) - len(texts); ended > 0 {
		text += fmt.Sprintf("(%d of %d accounts ended) ", ended, len(w.accounts))
	}
	return text + strings.Join(texts, " | ")
}

// text describes an account: 1200 of 10000 customers, 95/s, 1m33s left.
func (a accountProgress) text(now time.Time) string {
	of := ""
	if a.Total != nil && a.Step == watch.StepReading {
		of = fmt.Sprintf(" of %d", *a.Total)
	}
	text := fmt.Sprintf("%s %d%s customers", a.account, a.Count, of)
	if a.Step != watch.StepReading {
		return text + ", " + string(a.Step)
	}
	took := now.Sub(a.start)
	if took < time.Second || a.Count <= a.first {
		return text
	}
	rate := float64(a.Count-a.first) / took.Seconds()
	text += fmt.Sprintf(", %.3g/s", rate)
	if a.Total != nil && *a.Total > a.Count {
		left := time.Duration(float64(*a.Total-a.Count) / rate * float64(time.Second))
		text += ", " + left.Round(time.Second).String() + " left"
	}
	return text
}

// runSummary describes runs for a person.
type runSummary struct {
	out         io.Writer
	store       string // its URL
	interrupted bool   // a signal ended the call
	force       bool   // the call had --force
	stored      bool   // the runs are stored ones: there was no call
}

// watched describes what a call for a run did, account by account.
func (s runSummary) watched(watched app.Watched) {
	if watched.Accounts == nil {
		_, _ = fmt.Fprintf(s.out, "%s: NOT STARTED: interrupted\n", watched.Function)
	}
	for _, a := range watched.Accounts {
		_, _ = fmt.Fprintf(s.out, "%s %s%s: %s\n", watched.Function, a.Account, strings.TrimSuffix(" "+watched.Run, " "), s.headline(watched.Run, a))
		if a.State != watch.GoingOn && a.State != watch.Incomplete {
			s.details(&a.Details)
		}
		if a.State != watch.Incomplete { // its headline has the reason
			for _, warning := range a.Warnings {
				s.item("warning", warning.Code+": "+warningText(warning))
			}
		}
		for _, d := range a.Undelivered {
			_, _ = fmt.Fprintf(s.out, "  NOT DELIVERED: %s\n", escape(undeliveredLine(d)))
		}
	}
}

// item writes one line about a run.
func (s runSummary) item(name, text string) {
	_, _ = fmt.Fprintf(s.out, "  %-10s %s\n", name, text)
}

// headline says what became of an account's run.
func (s runSummary) headline(run string, a app.WatchedRun) string {
	m, state := &a.Details, a.State
	if s.interrupted && a.Error != nil && a.Error.Code == core.CodeCanceled { // before it began
		state = watch.GoingOn
	}
	switch state {
	case watch.GoingOn:
		why, next := ": time ran out", "the next call resumes"
		if s.interrupted {
			why = ": interrupted"
		} else if s.stored {
			why = ""
		}
		if s.force {
			next = "the next call with --force resumes"
		}
		of := ""
		if m.Total != nil {
			of = fmt.Sprintf(" of %d", *m.Total)
		}
		return fmt.Sprintf("NOT FINISHED%s after %d%s customers; %s", why, a.Count, of, next)
	case watch.Incomplete:
		text := "NOT COMPLETE"
		for _, warning := range m.Warnings {
			text += ": " + escape(warning.Message)
		}
		return text + "; the next call reads again"
	case watch.Held:
		return fmt.Sprintf("HELD, %d customers: %d of %d known customers are missing; nothing was compared or reported. If the list is right: partnerlens watch --accept --run %s", a.Count, m.Held.Missing, m.Held.Known, run)
	case watch.Redelivered:
		return fmt.Sprintf("redelivered, %s lacking", count(len(a.Undelivered), "message"))
	case watch.Already:
		return "done before, " + listText(m)
	case watch.Done, watch.Unproven:
		return listText(m)
	}
	text := "FAILED"
	if a.Error != nil {
		if text += ": " + escape(a.Error.Message); a.Error.Code == core.CodeInternal && a.Error.Cause != nil {
			text += ": " + escape(a.Error.Cause.Error())
		}
	}
	return text
}

// listText describes the list of a run: how many customers, and whether they are all.
func listText(m *watch.Manifest) string {
	text := fmt.Sprintf("%d customers, complete", m.Count)
	if !m.Proven {
		text = fmt.Sprintf("%d customers, NOT PROVEN COMPLETE", m.Count)
		if m.Total != nil {
			text += fmt.Sprintf(" (the vendor counts %d)", *m.Total)
		}
	}
	if m.ReadLate {
		text += ", read late on " + m.AsOf.Format(time.RFC3339)
	}
	return text
}

// details describes what a run found, and where it is.
func (s runSummary) details(m *watch.Manifest) {
	switch {
	case m.Run == "" || m.State == watch.Held || m.State == watch.Incomplete:
	case m.Previous != nil:
		s.item("changes", fmt.Sprintf("since %s %d new, %d gone, %d changed", *m.Previous, m.Changes.New, m.Changes.Gone, m.Changes.Changed))
	case m.PreviousState == nil:
		s.item("changes", "the first run, so there is nothing to compare with")
	}
	if m.Open != nil {
		s.item("alerts", kindsText(m.Alerts))
		s.item("open", kindsText(m.Open))
	}
	var delivered []string
	for _, d := range m.Deliveries {
		switch d.State {
		case alert.Delivered:
			delivered = append(delivered, fmt.Sprintf("%s (%s)", d.Name(), d.Type))
		case alert.Skipped:
			delivered = append(delivered, fmt.Sprintf("%s (%s): %s", d.Name(), d.Type, d.Detail))
		}
	}
	switch {
	case delivered != nil:
		s.item("delivered", escape(strings.Join(delivered, ", ")))
	case m.Open != nil && len(m.Deliveries) == 0:
		s.item("delivered", "no channel is configured")
	}
	if len(m.Objects) > 0 {
		where, _, _ := strings.Cut(s.store, "?")
		s.item("files", fmt.Sprintf("%s/runs/%s/%s/%s/", strings.TrimSuffix(where, "/"), m.Function, m.Account, m.Run))
	}
}

// kindsText lists numbers by kind, the worst first.
func kindsText(numbers map[string]int) string {
	if len(numbers) == 0 {
		return "none"
	}
	rank := func(kind string) int { return slices.Index(alert.Kinds(), alert.Kind(kind)) }
	var texts []string
	for _, kind := range slices.SortedFunc(maps.Keys(numbers), func(a, b string) int { return cmp.Or(cmp.Compare(uint(rank(a)), uint(rank(b))), cmp.Compare(a, b)) }) {
		texts = append(texts, fmt.Sprintf("%d %s", numbers[kind], kind))
	}
	return strings.Join(texts, ", ")
}

// undeliveredLine describes a message that a channel did not accept, and what happens next.
func undeliveredLine(d alert.Delivery) string {
	if d.Channel == "" {
		return d.Detail + "; it is delivered once the setting is right"
	}
	what := "the next call tries again"
	if d.State == alert.Refused {
		what = "partnerlens watch --redeliver tries again"
	}
	return fmt.Sprintf("%s (%s): %s; %s", d.Name(), d.Type, d.Detail, what)
}
