package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// The checks of the daily watch.
const (
	checkStore    = "store"
	checkSchedule = "schedule"
	checkAlerts   = "alerts"
	checkLog      = "log"
	checkRuns     = "runs"
)

// CheckWatch checks the settings, the store and the channels of the daily watch, and
// reports what the newest runs warn of. It writes one object to the store and deletes it.
// functions are those that have accounts.
func CheckWatch(ctx context.Context, env Environment, functions []Composed) (checks []Check) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	env = env.orOwn()
	add := func(name string, state CheckState, says string) { checks = append(checks, Check{name, state, says}) }
	fail := func(name string, err error) { add(name, CheckFailed, core.AsError(err).Public()) }

	w := &Watcher{Env: env}
	w.prepare()
	p, mistakes := w.plan()
	schedule := true // its settings can be used
	for _, err := range mistakes {
		switch {
		case core.AsError(err).Param != StoreSetting:
			fail(checkSchedule, err)
			schedule = false
		case p.where == "":
			add(checkStore, CheckLook, StoreSetting+" is not set: a function keeps no runs; partnerlens watch keeps them in the folder partnerlens-runs")
		default:
			fail(checkStore, err)
		}
	}
	if schedule {
		add(checkSchedule, CheckOK, "the settings of the schedule can be read")
	}
	if p.store != nil {
		switch doubt, err := probeStore(ctx, p.store, functions); {
		case err != nil:
			fail(checkStore, err)
		case doubt != "":
			add(checkStore, CheckLook, doubt)
		default:
			add(checkStore, CheckOK, "can be written, read, listed and deleted from")
		}
	}
	checks = append(checks, w.checkAlerts(ctx, functions)...)
	checks = append(checks, w.checkOwners(ctx, cmp.Or(p.zone, core.VendorZone))...)
	if _, known := logLevels[env(LogLevelSetting)]; !known {
		fail(checkLog, &core.Error{Code: core.CodeMisconfigured, Param: LogLevelSetting, Detail: "unknown; write debug, info, warn or error"})
	}
	if p.store != nil {
		checks = append(checks, checkNewest(ctx, p.store, functions)...)
	}
	return checks
}

// probeStore writes, reads, lists and deletes an object in the folder of each function's
// runs. It returns what is doubtful about the store; "" if nothing is.
func probeStore(ctx context.Context, s store.Store, functions []Composed) (doubt string, err error) {
	for _, f := range functions {
		names, err := f.Function.Accounts(ctx)
		if err != nil {
			names = []string{core.DefaultAccount} // the checkup of the account reports it
		}
		name, text := "runs/"+f.Function.Name+"/"+names[0]+"/doctor-"+rand.Text(), rand.Text()
		err = s.Put(ctx, name, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
		if err == nil {
			doubt, err = probeObject(ctx, s, name, text)
		}
		within := checkTimeout
		if err != nil { // it may have been written all the same
			within = time.Second
		}
		deleting, cancel := context.WithTimeout(ctx, within)
		deleted := s.Delete(deleting, name)
		if cancel(); err == nil {
			err = deleted
		}
		if err != nil {
			return "", err
		}
	}
	return doubt, nil
}

// probeObject examines an object that was stored.
func probeObject(ctx context.Context, s store.Store, name, text string) (doubt string, err error) {
	switch err := s.PutNew(ctx, name, []byte("another")); {
	case err == nil:
		return "", &core.Error{Code: core.CodeUnavailable, Detail: "the store overwrites an object that it was to keep: two runs at the same time could overwrite each other"}
	case !errors.Is(err, store.ErrExists):
		return "", err
	}
	if err := readBack(ctx, s, name, text); err != nil {
		return "", err
	}
	for object, err := range s.List(ctx, name) {
		if err != nil {
			return "", err
		}
		if object.Name == name {
			return "", nil
		}
	}
	return "does not list an object that was just stored; if doctor says so again in a minute, runs cannot be found: allow the key to list the bucket", nil
}

func readBack(ctx context.Context, s store.Store, name, want string) error {
	body, err := s.Get(ctx, name)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	text, err := io.ReadAll(body)
	if err == nil && string(text) != want {
		err = &core.Error{Code: core.CodeUnavailable, Detail: "the store returns something else than was stored"}
	}
	return err
}

// checkAlerts checks the alerts' setting and its channels, without sending anything.
func (w *Watcher) checkAlerts(ctx context.Context, functions []Composed) (checks []Check) {
	config, err := w.alerts(ctx)
	if err != nil {
		return []Check{{checkAlerts, CheckFailed, core.AsError(err).Public()}}
	}
	if config.Err != nil {
		return []Check{{checkAlerts, CheckFailed, core.AsError(config.Err).Public()}}
	}
	if len(config.Channels) == 0 {
		return []Check{{checkAlerts, CheckLook, alert.Setting + " names no channel: what is found stays in the runs' files"}}
	}
	for _, err := range config.Check(ctx, w.resolver.resolve) {
		checks = append(checks, Check{checkAlerts, CheckFailed, core.AsError(err).Public()})
	}
	var accounts []string
	for _, f := range functions {
		if names, err := f.Function.Accounts(ctx); err == nil {
			accounts = append(accounts, names...)
		}
	}
	for _, c := range config.Channels {
		for _, name := range c.Accounts {
			if !slices.Contains(accounts, name) {
				checks = append(checks, Check{checkAlerts, CheckLook, fmt.Sprintf("%s is limited to the account %s, which is not configured here", c.Name, name)})
			}
		}
	}
	if checks == nil {
		checks = append(checks, Check{checkAlerts, CheckOK, fmt.Sprintf("%d channels have addresses that can be used; partnerlens alert test sends each a sample", len(config.Channels))})
	}
	return checks
}

// checkNewest reports what is unusual about the newest runs of each account.
func checkNewest(ctx context.Context, s store.Store, functions []Composed) (checks []Check) {
	for _, f := range functions {
		names, err := f.Function.Accounts(ctx)
		if err != nil {
			continue
		}
		for _, name := range names {
			if newest, there, err := watch.NewestRun(ctx, s, f.Function.Name, name); err == nil && there {
				if says := unfinished(newest); says != "" {
					checks = append(checks, Check{checkRuns, CheckLook, fmt.Sprintf("%s %s %s: %s", f.Function.Name, name, newest.Run, says)})
				}
			}
			m, complete, err := watch.NewestManifest(ctx, s, f.Function.Name, name)
			if err != nil || !complete {
				continue
			}
			of := fmt.Sprintf("%s %s %s: ", f.Function.Name, name, m.Run)
			for _, warning := range m.Warnings {
				checks = append(checks, Check{checkRuns, CheckLook, of + warning.Message + firstOf(warning)})
			}
			if says := refusalsText(m.Calls); says != "" {
				checks = append(checks, Check{checkRuns, CheckLook, of + says})
			}
			notes := m.Notes()
			if text, agrees := alert.TagEndsText(notes.TagEnds, notes.ExpireMonth); text != "" {
				state := CheckOK
				if !agrees {
					state = CheckLook
				}
				checks = append(checks, Check{checkRuns, state, of + text})
			}
		}
	}
	return checks
}

// unfinished describes why a run is not complete; "" if it is.
func unfinished(m watch.Manifest) string {
	switch {
	case m.State == watch.Held && m.Held != nil:
		return fmt.Sprintf("held: its list lacks %d of %d known customers; if the list is right, partnerlens watch --accept --run %s", m.Held.Missing, m.Held.Known, m.Run)
	case m.State == watch.Unproven:
		return "not proven to be every customer; the next run reads anew"
	case !m.Complete:
		return "not complete; the next call reads anew"
	}
	return ""
}

// refusalsText describes the refusals of a run if they are more than a few; "" if
// they are not.
func refusalsText(c watch.Calls) string {
	switch shared := c.Refused - c.RefusedLate; {
	case shared > 5 && shared*25 > c.Made:
		return fmt.Sprintf("%d of %d calls were refused, and %d a second were left at the end: another program uses the key; find it, or set the account's rate to a share, as 60%%", c.Refused, c.Made, c.PerSecond)
	case c.RefusedLate > 5 && c.RefusedLate*25 > c.Made:
		return fmt.Sprintf("%d of %d calls were refused because earlier calls had arrived late: the network's delays vary much; the pace follows them", c.RefusedLate, c.Made)
	}
	return ""
}

// firstOf is a text with the customer of a warning, if it has one.
func firstOf(w core.Warning) string {
	if w.CustomerID == "" {
		return ""
	}
	return "; the first is " + w.CustomerID
}

// notesText describes the values of a page that could not be read; "" if there are none.
func notesText(notes core.RecordNotes) string {
	var texts []string
	for _, w := range notes.WholeWarnings() {
		texts = append(texts, w.Message+firstOf(w))
	}
	return strings.Join(texts, "; ")
}
