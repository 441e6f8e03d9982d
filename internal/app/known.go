package app

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// known compares answers about all customers with the newest complete run in the store: a
// list that lacks many of the run's customers may be an empty answer with success, or the
// list of another account's key. If the store cannot be read, answers are not compared.
type known struct {
	watcher *Watcher

	mu   sync.Mutex
	runs map[[2]string]knownRun // by function and account
}

type knownRun struct {
	read   time.Time
	newest watch.Latest
	there  bool
}

const (
	knownFor    = time.Minute // how long the newest run is cached
	knownWithin = 2 * time.Second
)

// review is a function's core.Review.
func (k *known) review(function string) func(context.Context, string, core.Params) *core.Review {
	return func(ctx context.Context, account string, params core.Params) *core.Review {
		query := maps.Clone(params)
		for _, name := range []string{"account", "pii", "order"} { // which do not change the list
			delete(query, name)
		}
		if _, others := query["reseller_id"]; len(query) > 1 || len(query) == 1 && !others {
			return nil // not about all customers
		}
		newest, there := k.newest(ctx, function, account)
		if !there || newest.Count == 0 || len(newest.Sample) == 0 || !maps.EqualFunc(query, newest.Query, slices.Equal) {
			return nil
		}
		sample := make(map[string]bool, len(newest.Sample))
		for _, hash := range newest.Sample {
			sample[hash] = true
		}
		return &core.Review{
			See: func(record core.Record) { delete(sample, watch.Sampled(record.Key())) },
			End: func(report core.Report) []core.Warning {
				missing := max(newest.Count-report.Count, newest.Count*len(sample)/len(newest.Sample))
				p, _ := k.watcher.plan() // the defaults where a setting is wrong, which the watch reports
				if report.Stopped != nil || !watch.TooMany(missing, newest.Count, cmp.Or(p.percent, watch.DefaultHoldPercent), cmp.Or(p.count, watch.DefaultHoldCount)) {
					return nil
				}
				return []core.Warning{{Code: core.WarnShrunken, Message: fmt.Sprintf(
					"about %d of the %d customers of the run %s are missing from this list; is it the list of the same account?", missing, newest.Count, newest.Run)}}
			},
		}
	}
}

func (k *known) newest(ctx context.Context, function, account string) (watch.Latest, bool) {
	if !k.watcher.Enabled() {
		return watch.Latest{}, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	key := [2]string{function, account}
	run, ok := k.runs[key]
	if now := k.watcher.Now(); !ok || now.Sub(run.read) >= knownFor {
		ctx, cancel := context.WithTimeout(ctx, knownWithin)
		defer cancel()
		s, err := k.watcher.open(k.watcher.Env(StoreSetting))
		if err == nil {
			run.newest, run.there, err = watch.NewestComplete(ctx, s, function, account)
		}
		if err != nil {
			k.watcher.Logger.WarnContext(ctx, "the newest run cannot be read; the answer is not compared with it", "account", account, "error", core.AsError(err).Error())
			run.there = false
		}
		run.read = now
		if k.runs == nil {
			k.runs = make(map[[2]string]knownRun)
		}
		k.runs[key] = run
	}
	return run.newest, run.there
}
