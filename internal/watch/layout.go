package watch

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// The names of a run's objects. Those of customers and changes carry the run's state if the
// list is not proven; see named.
const (
	customersName  = "customers.ndjson.gz"
	tableName      = "customers.csv"
	workbookName   = "customers.xlsx"
	changesName    = "changes.ndjson"
	alertsName     = "alerts.json"
	openName       = "open.json"
	stateName      = "state.ndjson.gz"
	resellersName  = "resellers.json"
	manifestName   = "manifest.json"
	latestName     = "latest.json"
	leaseName      = "lease.json"
	pendingName    = "pending.json"
	checkpointName = "progress/checkpoint.json"

	oldPendingName = "untold.json" // of the version before, for pendingName
)

// named is the name of an object in a run of a state, as customers.unproven.csv: a reader
// of customers.csv gets proven lists only.
func named(name string, state State) string {
	isList := name == customersName || name == tableName || name == workbookName || name == changesName
	if !isList || state != Unproven && state != Held {
		return name
	}
	base, extension, _ := strings.Cut(name, ".")
	return base + "." + string(state) + "." + extension
}

// Every is the interval of runs.
type Every string

// The intervals.
const (
	EveryDay  Every = "day"
	EveryHour Every = "hour"
)

const (
	dayLayout  = "2006-01-02"
	hourLayout = "2006-01-02T15"
)

// RunID is the name of the run that a scheduled moment belongs to, in a zone.
func RunID(at time.Time, every Every, zone *time.Location) string {
	if every == EveryHour {
		return at.In(zone).Format(hourLayout)
	}
	return at.In(zone).Format(dayLayout)
}

var runID = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2})?$`)

// dateOf returns the date in a run's name.
func dateOf(run string) string { return run[:min(len(run), len(dayLayout))] }

func checkRunID(run string) error {
	_, err := time.Parse(dayLayout, run)
	if len(run) != len(dayLayout) {
		_, err = time.Parse(hourLayout, run)
	}
	if err != nil || !runID.MatchString(run) {
		return core.Invalid("run", "not a run; write a day, as 2026-11-22, or an hour of it, as 2026-11-22T06")
	}
	return nil
}

// Period is the day or the hour of a run in a zone: from start to before end. Both are zero
// if run is not a run's name.
func Period(run string, zone *time.Location) (start, end time.Time) {
	if len(run) > len(dayLayout) {
		start, _ = time.ParseInLocation(hourLayout, run, zone)
		return start, start.Add(time.Hour)
	}
	start, _ = time.ParseInLocation(dayLayout, run, zone)
	return start, start.AddDate(0, 0, 1)
}

// place is the folder of the runs of a function's account.
type place struct{ function, account string }

func (p place) folder() string { return fmt.Sprintf("runs/%s/%s/", p.function, p.account) }

// object is the full name of an object of the account.
func (p place) objectName(elem ...string) string { return p.folder() + path.Join(elem...) }
