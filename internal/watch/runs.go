package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// Damaged is the state of a StoredRun whose manifest cannot be read.
const Damaged State = "damaged"

// StoredRuns returns the manifests of the newest runs of a store, at most limit; 0: all.
// total is how many there are. Function, account and run select some; "": all. A run without a
// manifest is GoingOn, as its checkpoint has it. A manifest that is damaged has a warning.
func StoredRuns(ctx context.Context, s store.Store, function, account, run string, limit int) (all []Manifest, total int, warnings []core.Warning, err error) {
	prefix, _, _ := strings.Cut("runs/"+function+"/"+account+"/", "//") // as far as it is known
	var names [][3]string
	for object, err := range s.List(ctx, strings.TrimSuffix(prefix, "/")+"/") {
		if err != nil {
			return nil, 0, nil, core.AsError(err)
		}
		elem := strings.Split(object.Name, "/")
		if len(elem) < 5 || checkRunID(elem[3]) != nil || account != "" && elem[2] != account || run != "" && elem[3] != run {
			continue
		}
		if name := [3]string(elem[1:4]); len(names) == 0 || names[len(names)-1] != name {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b [3]string) int {
		return cmp.Or(strings.Compare(b[2], a[2]), strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	})
	names = slices.Compact(names)
	total = len(names)
	if limit > 0 {
		names = names[:min(limit, len(names))]
	}
	for _, name := range names {
		m, err := storedRun(ctx, s, place{name[0], name[1]}, name[2])
		if errors.Is(err, errDamaged) {
			warnings = append(warnings, core.Warning{Code: WarnUnreadable, Message: core.AsError(err).Public()})
			m, err = Manifest{State: Damaged}, nil
		}
		if err != nil {
			return nil, 0, nil, core.AsError(err)
		}
		m.Function, m.Account, m.Run = name[0], name[1], name[2]
		all = append(all, m)
	}
	return all, total, warnings, nil
}

func storedRun(ctx context.Context, s store.Store, p place, run string) (m Manifest, err error) {
	there, err := getJSON(ctx, s, p.objectName(run, manifestName), &m)
	switch {
	case err != nil:
		return m, err
	case !there:
		c, _, err := getOrZero[checkpoint](ctx, s, p.objectName(run, checkpointName))
		return Manifest{State: GoingOn, AsOf: c.AsOf, Count: c.Count, Total: c.Total, Attempts: c.Attempts, Calls: c.Calls}, err
	case m.Run != run || m.Account != p.account || m.Function != p.function:
		return m, damaged(p.objectName(run, manifestName), "it is of another run")
	}
	m.State = m.effectiveState()
	m.Proven = m.Proven || m.State == Done // the version before did not say it
	return m, nil
}

// CheckObjects returns an error for each object of a run that is not what the manifest says.
func CheckObjects(ctx context.Context, s store.Store, m *Manifest) (mistakes []error, err error) {
	for _, object := range m.Objects {
		err := verify(ctx, s, place{m.Function, m.Account}.objectName(m.Run, object.Name), object)
		if err != nil && !errors.Is(err, errDamaged) {
			return nil, err
		}
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	return mistakes, nil
}

// Change is a customer that differs between two runs.
type Change = change

// Compare calls each for every customer that differs between the lists of two runs of an
// account, in the order of their keys, with the customer as it was last. It verifies the lists
// first. The warnings say what the comparison cannot show.
func Compare(ctx context.Context, s store.Store, f *core.Function, from, to *Manifest, each func(Change, core.Record) error) (counts ChangeCounts, warnings []core.Warning, err error) {
	r := &invocation{Job: Job{Function: f}, store: s, place: place{to.Function, to.Account}}
	for _, m := range []*Manifest{from, to} {
		object, has := m.object(customersName)
		if !has {
			return counts, nil, &core.Error{Code: core.CodeIncomplete, Param: m.Run, Detail: fmt.Sprintf("the run has no list of customers: it is %s", m.State)}
		}
		if err := verify(ctx, s, r.place.objectName(m.Run, object.Name), object); err != nil {
			return counts, nil, err
		}
	}
	nothing := func(func(line, error) bool) {}
	for l, err := range join(r.linesOf(ctx, to, customersName, r.identifyRecord), r.linesOf(ctx, from, customersName, r.identifyRecord), nothing) {
		if err != nil {
			return counts, nil, core.AsError(err)
		}
		prev, current := l.before.record, l.now.record
		c, is := changeOf(f.Columns, from, to, l, prev, current)
		if !is || prev == nil && !from.Proven {
			continue
		}
		counts.count(c.Change)
		if current == nil {
			current = prev
		}
		if err := each(c, current); err != nil {
			return counts, nil, err
		}
	}
	return counts, compareWarnings(from, to), ctx.Err()
}

func compareWarnings(from, to *Manifest) (warnings []core.Warning) {
	for i, m := range []*Manifest{from, to} {
		if m.State == Held {
			warnings = append(warnings, core.Warning{Code: WarnRunHeld, Message: "the run " + m.Run + " is held: its list shrank too much to be accepted"})
		}
		if !m.Proven {
			warnings = append(warnings, core.Warning{Code: "run_unproven", Message: fmt.Sprintf("the list of %s is not proven complete: a customer that it lacks is not shown as %s", m.Run, [...]string{"new", "gone"}[i])})
		}
	}
	if len(from.Query["reseller_id"]) != len(to.Query["reseller_id"]) || !slices.Equal(from.Resellers, to.Resellers) {
		warnings = append(warnings, core.Warning{Code: WarnScopeChanged, Message: "the runs are of different resellers; customers of those that one run did not ask for are left out"})
	}
	return warnings
}
