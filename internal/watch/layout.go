package watch

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// The names of a run's objects. Those of customers and changes have the run's state
// before their extension where the list is not a proven one; see named.
const (
	customersName  = "customers.ndjson.gz"
	tableName      = "customers.csv"
	changesName    = "changes.ndjson"
	alertsName     = "alerts.json"
	stateName      = "state.ndjson.gz"
	manifestName   = "manifest.json"
	latestName     = "latest.json"
	leaseName      = "lease.json"
	pendingName    = "pending.json"
	checkpointName = "progress/checkpoint.json"

	untoldName = "untold.json" // pendingName of the version before
)

// named is the name of an object of a run of a state: customers.unproven.csv. So a
// reader of customers.csv never takes a list for a proven one that is not.
func named(name string, state State) string {
	isList := name == customersName || name == tableName || name == changesName
	if !isList || state != Unproven && state != Held {
		return name
	}
	base, extension, _ := strings.Cut(name, ".")
	return base + "." + string(state) + "." + extension
}

// Every says how often there is a run.
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

// RunID names the run that a scheduled moment belongs to, in the zone whose
// mornings are meant.
func RunID(at time.Time, every Every, zone *time.Location) string {
	if every == EveryHour {
		return at.In(zone).Format(hourLayout)
	}
	return at.In(zone).Format(dayLayout)
}

var runID = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2})?$`)

// dateOf is the date in a run's name.
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

// Period is the day or the hour that a run is of, in the zone whose mornings are
// meant: from start until before end; zero for what is no run.
func Period(run string, zone *time.Location) (start, end time.Time) {
	if len(run) > len(dayLayout) {
		start, _ = time.ParseInLocation(hourLayout, run, zone)
		return start, start.Add(time.Hour)
	}
	start, _ = time.ParseInLocation(dayLayout, run, zone)
	return start, start.AddDate(0, 0, 1)
}

// place is where the runs of a function's account are.
type place struct{ function, account string }

func (p place) folder() string { return fmt.Sprintf("runs/%s/%s/", p.function, p.account) }

func (p place) object(run, name string) string { return p.folder() + path.Join(run, name) }

func (p place) latest() string { return p.folder() + latestName }

func (p place) lease() string { return p.folder() + leaseName }

func (p place) pending() string { return p.folder() + pendingName }

func (p place) untold() string { return p.folder() + untoldName }
