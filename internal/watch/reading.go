package watch

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// The schemas of open.json and alerts.json.
const (
	openSchema   = "partnerlens.open/v1"
	alertsSchema = "partnerlens.alerts/v1"
)

// The codes of warnings about runs that are newer than the one whose conditions are read.
const (
	WarnRunHeld        = "run_held"
	WarnRunUnevaluated = "run_not_evaluated"
)

// ErrNoRun is the cause of the error of an account without any accepted run.
var ErrNoRun = errors.New("no run")

// OpenConditions are the open conditions of a function's account.
type OpenConditions struct {
	Manifest Manifest       // of the run that they are of
	Warnings []core.Warning // about newer runs that have none
	Alerts   []alert.Alert  // those that were kept, as the run has them
}

// ReadOpen reads the open conditions of the newest accepted run of a function's account,
// and keeps those that keep accepts. A run whose alerts were not evaluated continues from
// an earlier one, whose conditions are read instead. If no run has open conditions, the
// error is of CodeNotFound and has the reason. A damaged object is an error: an older list
// would show as open what is not.
func ReadOpen(ctx context.Context, s store.Store, function, account string, now time.Time, keep func(alert.Alert) bool) (open OpenConditions, err error) {
	p := place{function, account}
	m, held, err := newestAccepted(ctx, s, p, now)
	if err != nil {
		return open, err
	}
	if held != "" {
		open.Warnings = append(open.Warnings, core.Warning{Code: WarnRunHeld, Message: "the run " + held + " is held, since its list shrank too much; the conditions are those before it"})
	}
	for visited := map[string]bool{}; ; {
		object, has := m.object(openName)
		if has {
			open.Manifest = m
			open.Alerts, err = readAlerts(ctx, s, p.objectName(m.Run, object.Name), object, openSchema, keep)
			return open, err
		}
		if _, evaluated := m.object(stateName); evaluated || m.PreviousState == nil || visited[*m.PreviousState] {
			return open, noOpenConditions(&m, evaluated)
		}
		visited[*m.PreviousState] = true
		open.Warnings = append(open.Warnings, core.Warning{Code: WarnRunUnevaluated, Message: "the run " + m.Run + " evaluated no alerts; the conditions are those before it"})
		if m, err = finishedRun(ctx, s, p, *m.PreviousState); err != nil {
			return open, err
		}
	}
}

func noOpenConditions(m *Manifest, evaluated bool) error {
	why := "evaluated no alerts, since their setting could not be used"
	if evaluated {
		why = fmt.Sprintf("was made by version %s, which did not store open conditions; the next run does", cmp.Or(m.Version, "unknown"))
	}
	return &core.Error{Op: "watch.ReadOpen", Code: core.CodeNotFound, Detail: "the run " + m.Run + " " + why}
}

// newestAccepted returns the manifest of the newest accepted run, and the name of the
// newest run if that one is held.
func newestAccepted(ctx context.Context, s store.Store, p place, now time.Time) (newest Manifest, held string, err error) {
	ids, err := newestRuns(ctx, s, p, now)
	if err != nil {
		return newest, "", err
	}
	zone := core.VendorZone // of manifests that do not have the period
	var heldAt time.Time
	for i, id := range ids {
		if newest.accepted() && dateOf(id) != dateOf(ids[i-1]) && dateOf(id) != dateOf(newest.Run) {
			break // names of other dates sort by time
		}
		m, err := finishedRun(ctx, s, p, id)
		if err != nil {
			return newest, "", err
		}
		at := m.effectiveTime(zone)
		switch {
		case m.effectiveState() == Held && at.After(heldAt):
			held, heldAt = m.Run, at
		case m.accepted() && (newest.Run == "" || at.After(newest.effectiveTime(zone))):
			newest = m
		}
	}
	if newest.Run == "" {
		return newest, "", &core.Error{Op: "watch.ReadOpen", Code: core.CodeNotFound, Detail: "no run of the account has been completed yet", Err: ErrNoRun}
	}
	if !heldAt.After(newest.effectiveTime(zone)) {
		held = ""
	}
	return newest, held, nil
}

// listDays is the number of days up to which newestRuns lists each day by itself.
const listDays = 40

// newestRuns returns the runs from the date of the newest complete one on, the newest
// first; without a complete one, all runs.
func newestRuns(ctx context.Context, s store.Store, p place, now time.Time) (ids []string, err error) {
	latest, there, err := getOrZero[Latest](ctx, s, p.objectName(latestName))
	if err != nil {
		return nil, err
	}
	from, _ := Period(dateOf(latest.Run), time.UTC)
	last := now.UTC().AddDate(0, 0, 1) // tomorrow in the easternmost zone
	if !there || checkRunID(latest.Run) != nil || from.Before(last.AddDate(0, 0, -listDays)) || from.After(last) {
		ids, _, err = runs(ctx, s, p)
	} else {
		for day := from; err == nil && !day.After(last); day = day.AddDate(0, 0, 1) {
			var of []string
			of, _, err = runsNamed(ctx, s, p, day.Format(dayLayout))
			ids = append(ids, of...)
		}
	}
	// List may not have a run that was stored just before; Get has it.
	if there && checkRunID(latest.Run) == nil && !slices.Contains(ids, latest.Run) {
		ids = append(ids, latest.Run)
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids, err
}

// finishedRun reads the manifest of a run.
func finishedRun(ctx context.Context, s store.Store, p place, run string) (m Manifest, err error) {
	name := p.objectName(run, manifestName)
	there, err := getJSON(ctx, s, name, &m)
	if err == nil && !there {
		err = damaged(name, "it is missing")
	}
	if err == nil && m.Run != run {
		err = damaged(name, "it is of another run")
	}
	return m, err
}

// readAlerts reads an object of alerts, checks it against the manifest, and returns the
// alerts that keep accepts, with masked names and without remarks.
func readAlerts(ctx context.Context, s store.Store, name string, want Object, schema string, keep func(alert.Alert) bool) (kept []alert.Alert, err error) {
	body, err := openChecked(ctx, s, name, want)
	if err != nil {
		return nil, err
	}
	defer body.close()
	is, readErr := decodeAlerts(bufio.NewReader(body), func(a alert.Alert) {
		a.FullName, a.Remark = "", "" // for digests alone
		if keep(a) {
			kept = append(kept, a)
		}
	})
	if err := body.finish(); err != nil { // the reason why it cannot be read, if it is damaged
		return nil, err
	}
	switch {
	case readErr != nil:
		return nil, damaged(name, "it is not the JSON that was stored")
	case is != schema:
		return nil, &core.Error{Op: "watch.read", Code: core.CodeUpstream, Detail: name + " has another schema than " + schema + ": it was made by another version"}
	}
	return kept, nil
}

// decodeAlerts reads {"schema":…,"alerts":[…]}, whatever other members there are, and passes
// on each alert.
func decodeAlerts(r io.Reader, each func(alert.Alert)) (schema string, err error) {
	in := jsontext.NewDecoder(r)
	open := func(kind jsontext.Kind) error {
		token, err := in.ReadToken()
		if err == nil && token.Kind() != kind {
			err = errDamaged
		}
		return err
	}
	if err := open('{'); err != nil {
		return "", err
	}
	for in.PeekKind() != '}' {
		var name string
		if err := json.UnmarshalDecode(in, &name); err != nil {
			return "", err
		}
		switch name {
		case "schema":
			err = json.UnmarshalDecode(in, &schema)
		case "alerts":
			if err = open('['); err != nil {
				break
			}
			for err == nil && in.PeekKind() != ']' {
				var a alert.Alert
				if err = json.UnmarshalDecode(in, &a); err == nil {
					each(a)
				}
			}
			if err == nil {
				err = open(']')
			}
		default:
			err = in.SkipValue()
		}
		if err != nil {
			return "", err
		}
	}
	if err := open('}'); err != nil {
		return "", err
	}
	_, err = in.ReadToken()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return schema, err
}

// CompareOpen orders open conditions, the worst first: by kind, then by the balance or, of
// kinds about a date, the days left, then by since when and by the customer.
func CompareOpen(a, b alert.Alert) int {
	balance, days := compareAmounts(a.Remaining, b.Remaining), compareOptional(a.DaysLeft, b.DaysLeft)
	if a.Kind == alert.CreditExpiring || a.Kind == alert.VoucherExpiring || strings.HasPrefix(string(a.Kind), "tag_") {
		balance, days = days, balance
	}
	return cmp.Or(cmp.Compare(rankOf(a.Kind), rankOf(b.Kind)), balance, days, cmp.Compare(a.Since, b.Since),
		cmp.Compare(a.Account, b.Account), cmp.Compare(a.ResellerID, b.ResellerID), cmp.Compare(a.CustomerID, b.CustomerID))
}

// rankOf is the place of a kind in alert.Kinds; a kind of a later version comes last.
func rankOf(kind alert.Kind) int {
	kinds := alert.Kinds()
	if i := slices.Index(kinds, kind); i >= 0 {
		return i
	}
	return len(kinds)
}

func compareAmounts(a, b string) int {
	x, errX := core.ParseMoney(a)
	y, errY := core.ParseMoney(b)
	switch {
	case errX == nil && errY == nil:
		return x.Cmp(y)
	case errX == nil:
		return -1
	case errY == nil:
		return 1
	}
	return 0
}

func compareOptional(a, b *int) int {
	switch {
	case a != nil && b != nil:
		return cmp.Compare(*a, *b)
	case a != nil:
		return -1
	case b != nil:
		return 1
	}
	return 0
}
