package snapshot

import (
	"fmt"
	"path"
	"regexp"
	"time"

	"partnerlens/pkg/core"
)

// The names of a run's objects.
const (
	customersName  = "customers.ndjson.gz"
	tableName      = "customers.csv"
	changesName    = "changes.ndjson"
	alertsName     = "alerts.json"
	stateName      = "state.ndjson.gz"
	manifestName   = "manifest.json"
	latestName     = "latest.json"
	turnName       = "turn.json"
	untoldName     = "untold.json"
	checkpointName = "progress/checkpoint.json"
	claimName      = "progress/claim.json"
)

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

// dayOf gives the day that a run belongs to.
func dayOf(run string) (time.Time, error) {
	return time.Parse(dayLayout, run[:min(len(run), len(dayLayout))])
}

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

// Begins gives when the day or the hour of a run begins, in the zone whose mornings are
// meant; zero for what is no run.
func Begins(run string, zone *time.Location) time.Time {
	layout := dayLayout
	if len(run) > len(dayLayout) {
		layout = hourLayout
	}
	at, _ := time.ParseInLocation(layout, run, zone)
	return at
}

// place is where the runs of a function's account are.
type place struct{ function, account string }

func (p place) folder() string { return fmt.Sprintf("runs/%s/%s/", p.function, p.account) }

func (p place) object(run, name string) string { return p.folder() + path.Join(run, name) }

func (p place) latest() string { return p.folder() + latestName }

func (p place) turn() string { return p.folder() + turnName }

func (p place) untold() string { return p.folder() + untoldName }
