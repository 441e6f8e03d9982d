package app

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"partnerlens/internal/api"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// Resources returns the paths that answer from what runs of functions have stored, or that
// ask the vendor what no query has. The HTTP
// API and the command line share them.
func Resources(w *Watcher, functions ...*core.Function) []api.Resource {
	w.prepare()
	resources := []api.Resource{openAlerts(w, functions)}
	for _, f := range functions {
		resources = append(resources, customerHistory(w, f))
		if i := slices.IndexFunc(Functions, func(entry *Function) bool { return entry.Name == f.Name && entry.Partner != nil }); i >= 0 {
			resources = append(resources, partnerResource(w, Functions[i], f))
		}
	}
	for i := range resources {
		resources[i].Zone = w.Env.datesZone
	}
	return resources
}

// readableStore opens the store for a Resource. Without one there are no runs to read.
func (w *Watcher) readableStore() (store.Store, error) {
	where := w.Env(StoreSetting)
	if where == "" {
		return nil, &core.Error{Code: core.CodeNotFound, Param: StoreSetting, Detail: "not set: no runs are kept, and there is nothing to answer from; set it to the store that the watch writes to"}
	}
	s, err := w.open(where)
	return s, storeError(err)
}

// storeError returns an error of the store for callers: where the store is, and what it
// says of its key, is for the operator. A store that denies access is reported as
// unavailable: denied means that a vendor denies the reseller.
func storeError(err error) error {
	failure := core.AsError(err)
	if failure == nil || failure.Code != core.CodeDenied && failure.Code != core.CodeThrottled && failure.Code != core.CodeMisconfigured {
		return err
	}
	shown := *failure
	shown.Inside, shown.Err = true, failure
	if shown.Code != core.CodeMisconfigured {
		shown.Code = core.CodeUnavailable
	}
	return &shown
}

// staleAfter is the age from which a run is stale: no run was made when one was due.
func (w *Watcher) staleAfter() time.Duration {
	if p, _ := w.plan(); p.every == watch.EveryHour { // a wrong setting is reported by the watch
		return 3 * time.Hour
	}
	return 26 * time.Hour
}

// accountRuns are the runs of one account that a query may see.
type accountRuns struct {
	function   *core.Function
	account    string
	configured bool // false: nothing is, and the account is the function's default
}

// visibleRuns returns the accounts that a query may see, of the functions that accept
// accepts. named is the account that it names; "" or AllAccounts: all.
func (w *Watcher) visibleRuns(ctx context.Context, q api.ResourceQuery, functions []*core.Function, accept func(function string) bool, named string) (visible []accountRuns, err error) {
	var configured []string
	for _, f := range functions {
		if !accept(f.Name) || !q.Sees(f.Name, "") {
			continue
		}
		names, err := f.Accounts(ctx)
		if err != nil {
			return nil, err
		}
		runs := accountRuns{function: f, configured: true}
		if i := slices.IndexFunc(Functions, func(entry *Function) bool { return entry.Name == f.Name }); i >= 0 && len(names) == 1 {
			if runs.configured, err = (&Accounts{Resolver: w.resolver, Vendor: Functions[i].Vendor}).Any(ctx); err != nil {
				return nil, err
			}
		}
		for _, name := range names {
			if !q.Sees(f.Name, name) {
				continue
			}
			if !slices.Contains(configured, name) {
				configured = append(configured, name)
			}
			if runs.account = name; named == "" || named == core.AllAccounts || named == name {
				visible = append(visible, runs)
			}
		}
	}
	switch {
	case len(visible) > 0:
		return visible, nil
	case named != "" && named != core.AllAccounts && q.Sees("", named):
		return nil, core.Invalid("account", "unknown; configured: %s", cmp.Or(strings.Join(configured, ", "), "none"))
	}
	return nil, &core.Error{Code: core.CodeForbidden, Param: "account", Detail: "this key may not ask for it; it may ask for: " + cmp.Or(strings.Join(configured, ", "), "none")}
}

// single returns the value of a parameter that may be given once; "" if it is not given.
func single(p core.Params, name string) (string, error) {
	values, given := p[name]
	switch {
	case !given:
		return "", nil
	case len(values) != 1:
		return "", core.Invalid(name, "given %d times; give it once", len(values))
	case values[0] == "":
		return "", core.Invalid(name, "empty; give a value or leave it out")
	}
	return values[0], nil
}

// among returns the values of a parameter that may be given several times, or as a list
// with commas; each must be one of known. nil if it is not given.
func among(p core.Params, name string, known ...string) (values []string, err error) {
	given, there := p[name]
	if !there {
		return nil, nil
	}
	for _, list := range given {
		for value := range strings.SplitSeq(list, ",") {
			if !slices.Contains(known, value) {
				return nil, core.Invalid(name, "unknown; use %s", strings.Join(known, ", "))
			}
			values = append(values, value)
		}
	}
	if len(values) == 0 {
		return nil, core.Invalid(name, "empty; use %s, or leave it out", strings.Join(known, ", "))
	}
	return values, nil
}
