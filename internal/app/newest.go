package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"partnerlens/internal/metrics"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// newestRuns caches the newest complete run of each account, as the store has it: runs are
// made by other processes.
type newestRuns struct {
	watcher *Watcher

	mu   sync.Mutex
	runs map[[2]string]newestRun // by function and account
}

type newestRun struct {
	watch.Latest // the last that was read; zero: there was none
	read         time.Time
	err          error // of the last attempt
}

const (
	newestFor    = time.Minute // how long a run is cached
	newestWithin = 2 * time.Second
	agesWithin   = 5 * time.Second // Prometheus waits 10 seconds for an answer
)

// of returns the newest complete run of an account; a zero Count if there is none. If the
// store fails, it returns the run that was read last and the error, both for a while.
func (n *newestRuns) of(ctx context.Context, function, account string) (watch.Latest, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := [2]string{function, account}
	run := n.runs[key]
	now := n.watcher.Now()
	if now.Sub(run.read) < newestFor {
		return run.Latest, run.err
	}
	ctx, cancel := context.WithTimeout(ctx, newestWithin)
	defer cancel()
	var newest watch.Latest
	var there bool
	s, err := n.watcher.open(n.watcher.Env(StoreSetting))
	if err == nil {
		newest, there, err = watch.NewestComplete(ctx, s, function, account)
	}
	switch {
	case err == nil && there:
		run.Latest = newest
	case err == nil:
		run.Latest = watch.Latest{}
	default:
		n.watcher.Logger.WarnContext(ctx, "the newest run cannot be read; answers are not compared with it, and its last known age is used", "account", account, "error", core.AsError(err).Error())
	}
	run.read, run.err = now, err
	if n.runs == nil {
		n.runs = make(map[[2]string]newestRun)
	}
	n.runs[key] = run
	return run.Latest, err
}

// ages sets the ages of the newest runs of functions' accounts.
func (n *newestRuns) ages(ctx context.Context, m *meter, functions []*core.Function) {
	if !n.watcher.Enabled() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, agesWithin)
	defer cancel()
	for _, f := range functions {
		names, err := f.Accounts(ctx)
		if err != nil {
			m.log.WarnContext(ctx, "the accounts cannot be read; the last known ages of their runs are used", "function_name", f.Name, "error", core.AsError(err).Error())
		}
		for _, name := range names {
			_, _ = n.of(ctx, f.Name, name) // it logs its error
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, run := range n.runs {
		m.age(metrics.Labels{Function: key[0], Account: key[1]}, run.AsOf, n.watcher.Now())
	}
}

// review returns the core.OpenStage of a function, which compares answers about all customers with
// the newest complete run: a list that lacks many of the run's customers may be an empty
// answer with success, or the list of another account's key. If the store cannot be read,
// answers are not compared.
func (n *newestRuns) review(function string) core.OpenStage {
	return func(ctx context.Context, account string, params core.Params) *core.Stage {
		query := maps.Clone(params)
		maps.DeleteFunc(query, func(name string, _ []string) bool { // those that do not change the list
			return name == "account" || name == "pii" || name == "order" || core.IsSwitch(name)
		})
		if _, others := query["reseller_id"]; len(query) > 1 || len(query) == 1 && !others {
			return nil // not about all customers
		}
		if !n.watcher.Enabled() {
			return nil
		}
		newest, err := n.of(ctx, function, account)
		if err != nil || newest.Count == 0 || len(newest.Sample) == 0 || !maps.EqualFunc(query, newest.Query, slices.Equal) {
			return nil
		}
		sample := make(map[string]bool, len(newest.Sample))
		for _, hash := range newest.Sample {
			sample[hash] = true
		}
		return &core.Stage{
			See: func(record core.Record) { delete(sample, watch.Sampled(record.Key())) },
			End: func(report core.Report) []core.Warning {
				missing := max(newest.Count-report.Count, newest.Count*len(sample)/len(newest.Sample))
				p, _ := n.watcher.plan() // the defaults where a setting is wrong, which the watch reports
				if report.Stopped != nil || !watch.TooMany(missing, newest.Count, cmp.Or(p.percent, watch.DefaultHoldPercent), cmp.Or(p.count, watch.DefaultHoldCount)) {
					return nil
				}
				return []core.Warning{{Code: core.WarnShrunken, Message: fmt.Sprintf(
					"about %d of the %d customers of the run %s are missing from this list; is it the list of the same account?", missing, newest.Count, newest.Run)}}
			},
		}
	}
}
