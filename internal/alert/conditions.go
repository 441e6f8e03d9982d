package alert

import (
	"cmp"
	"maps"
	"slices"

	"partnerlens/pkg/core"
)

// conditions returns the open conditions and since when they are open: of the levels of the
// balance the worst alone.
func (s State) conditions() map[Kind]string {
	open := maps.Clone(s.Open)
	for i := range openLevel(s.Open) { // the milder ones
		delete(open, levels[i])
	}
	return open
}

// condition returns the Alert of an open condition.
func (r *Rules) condition(run RunContext, record core.Record, kind Kind, since string, state *State) Alert {
	if r == nil {
		r = new(Rules)
	}
	a := NewAlert(run, kind, record, "", record.StatusText())
	a.Since = since
	if complete := run.Evaluator.complete; complete != nil {
		complete(r, run, &a, record, state)
	}
	if run.muted() {
		a.MutedUntil = formatTime(run.MutedUntil)
	}
	return a
}

// open returns the open conditions of a customer, worst first.
func (r *Rules) open(run RunContext, record core.Record, state State) (open []Alert) {
	for kind, since := range state.conditions() {
		open = append(open, r.condition(run, record, kind, since, &state))
	}
	slices.SortFunc(open, byKind)
	return open
}

// Open returns the open conditions of a customer, worst first. A condition has the same id
// in every run while it is open.
func (r *Rules) Open(run RunContext, record core.Record, state State) []Alert {
	open := r.open(run, record, state)
	for i, a := range open {
		open[i].ID = hashID("open", run.Store, run.Function, run.Account, string(a.Kind), record.Key(), a.Since)
	}
	return open
}

// Unseen returns the open conditions of a customer that a list lacks which is not proven.
// The record is of an earlier run.
func (r *Rules) Unseen(run RunContext, record core.Record, state State) []Alert {
	open := r.Open(run, record, state)
	for i := range open {
		open[i].Seen, open[i].DaysLeft = new(false), nil
	}
	return open
}

// Forget returns the transitions of a customer whose State is forgotten, because the run
// did not ask for it. The record is of an earlier run.
func (r *Rules) Forget(run RunContext, record core.Record, state State) []Alert {
	silent := r.open(run, record, state)
	for i := range silent {
		silent[i].Reason, silent[i].DaysLeft = ReasonNotAsked, nil
	}
	return silent
}

func byKind(a, b Alert) int { return compareKinds(a.Kind, b.Kind) }

// sift separates the alerts to deliver from those that are only recorded, and updates
// next.Muted.
func (r *Rules) sift(run RunContext, prev State, next *State, alerts []Alert) (deliver, silent []Alert) {
	levelsUnreported := openLevel(prev.Open) >= 0 && !slices.ContainsFunc(levels, func(kind Kind) bool {
		_, open := prev.Open[kind]
		return open && !slices.Contains(prev.Muted, kind)
	})
	next.Muted = slices.DeleteFunc(slices.Clone(prev.Muted), func(kind Kind) bool { _, open := next.Open[kind]; return !open })
	if levelsUnreported { // so is a milder one that is open in their place
		next.muteLevel()
	}
	for _, a := range alerts {
		switch isCondition := next.Open[a.Kind] != ""; {
		case run.First && !isCondition:
			continue // what was there before the first run is no transition
		case run.First, run.FirstVouchers && a.Kind == VoucherExpiring:
			a.Reason = ReasonFirst
			if run.First && run.Opening && run.muted() { // the opening list leaves it out
				next.Muted = append(next.Muted, a.Kind)
			}
		case !r.delivers(a.Kind):
			a.Reason = ReasonKindOff
		case a.Kind == CreditRecovered && levelsUnreported, a.Kind == CreditFreed && slices.Contains(prev.Muted, CreditForced):
			a.Reason = ReasonMuted
		case a.Kind == CreditRecovered || a.Kind == CreditFreed || !run.muted():
			next.Muted = slices.DeleteFunc(next.Muted, func(kind Kind) bool { return kind == a.Kind })
		default:
			a.Reason = ReasonMuted
			if isCondition && !slices.Contains(next.Muted, a.Kind) {
				next.Muted = append(next.Muted, a.Kind)
			}
		}
		if a.Reason == "" {
			deliver = append(deliver, a)
			continue
		}
		if run.muted() {
			a.MutedUntil = formatTime(run.MutedUntil)
		}
		silent = append(silent, a)
	}
	return deliver, silent
}

// muteLevel notes that the level of the balance was not reported.
func (s *State) muteLevel() {
	if i := openLevel(s.Open); i >= 0 && !slices.Contains(s.Muted, levels[i]) {
		s.Muted = append(s.Muted, levels[i])
	}
}

// afterMute returns the alerts of the open conditions that a mute kept back, if the mute is
// over.
func (r *Rules) afterMute(run RunContext, record core.Record, prev State, next *State) (alerts []Alert) {
	if run.muted() || len(next.Muted) == 0 {
		return nil
	}
	for kind, since := range next.conditions() {
		if slices.Contains(next.Muted, kind) && r.delivers(kind) {
			a := r.condition(run, record, kind, since, next)
			a.Previous = prev.Status
			alerts = append(alerts, a)
		}
	}
	next.Muted = nil
	return alerts
}

// unreported returns the transitions from the conditions of prev to those of next that are
// not among alerts, the alerts before they were sifted.
func (r *Rules) unreported(run RunContext, record core.Record, prev, next State, alerts []Alert) (silent []Alert) {
	reports := func(kind Kind) bool { return slices.ContainsFunc(alerts, func(a Alert) bool { return a.Kind == kind }) }
	add := func(kind Kind, since string, reason Reason) {
		a := r.condition(run, record, kind, since, &next)
		a.Reason = reason
		silent = append(silent, a)
	}
	before, after := prev.conditions(), next.conditions()
	for kind, since := range after {
		switch {
		case before[kind] == since || reports(kind):
		case prev.Empty():
			add(kind, since, ReasonFirst)
		case slices.Index(levels, kind) >= 0 && slices.Index(levels, kind) < openLevel(prev.Open):
			add(kind, since, ReasonMilder)
		default:
			add(kind, since, ReasonReported)
		}
	}
	for kind, since := range before {
		_, open := after[kind]
		isLevel := slices.Contains(levels, kind)
		switch {
		case open, isLevel && openLevel(next.Open) >= 0, isLevel && reports(CreditRecovered), kind == CreditForced && reports(CreditFreed):
		default:
			add(kind, since, ReasonEnded)
		}
	}
	slices.SortFunc(silent, func(a, b Alert) int { return cmp.Or(byKind(a, b), cmp.Compare(a.Reason, b.Reason)) })
	return silent
}
