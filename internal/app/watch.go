package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"partnerlens/internal/alert"
	"partnerlens/internal/metrics"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// The settings of the daily watch.
const (
	StoreSetting      = "PARTNERLENS_STORE"
	WatchEverySetting = "PARTNERLENS_WATCH_EVERY"
	WatchZoneSetting  = "PARTNERLENS_WATCH_ZONE"
	RetainSetting     = "PARTNERLENS_RETAIN_DAYS"
	LanguageSetting   = "PARTNERLENS_LANG"

	AttemptsSetting    = "PARTNERLENS_ATTEMPTS"
	HoldPercentSetting = "PARTNERLENS_HOLD_PERCENT"
	HoldCountSetting   = "PARTNERLENS_HOLD_COUNT"
)

// mostRetained is a hundred years: the day of the oldest run must be one of the calendar.
const mostRetained = 36_500

// WatchSchema is the schema of a Watched's JSON.
const WatchSchema = "partnerlens.watch/v1"

// Watcher makes the runs of a function's accounts.
type Watcher struct {
	Env    Environment  // nil: the process's own
	Logger *slog.Logger // nil: nothing is logged
	Now    func() time.Time
	Digest func(*alert.Digest) // is called with each run's digest before it is delivered; may be nil

	// Progress is called while a run is made, by several goroutines; nil: it is not.
	Progress func(function, account string, p watch.Progress)

	Metrics *metrics.Set // nil: nothing is counted

	once     sync.Once
	resolver *Resolver
	meter    *meter
	pace     alert.Pace
	store    cached[core.Secret, store.Store] // by its URL
	owners   *ownersTable
}

// WatchRequest selects runs.
type WatchRequest struct {
	Account string    // "", "all": every account of the function
	Run     string    // "": the run of At, or for WatchRedeliver every run
	At      time.Time // when the run was scheduled; zero: now
	Mode    WatchMode
}

// WatchMode changes how runs are made.
type WatchMode string

// The modes.
const (
	WatchAccept    WatchMode = "accept"    // accept a list however far it shrank
	WatchForce     WatchMode = "force"     // make a run again if it has ended
	WatchRedeliver WatchMode = "redeliver" // make no run; deliver what channels lack
)

// Watched is the result of a WatchRequest.
type Watched struct {
	Schema   string       `json:"schema"`
	Function string       `json:"function"`
	Run      string       `json:"run"`
	Complete bool         `json:"complete"` // every account's run has ended and is proven
	Accounts []WatchedRun `json:"accounts"`
}

// WatchedRun is the result of one account's run.
type WatchedRun struct {
	Account  string             `json:"account"`
	State    watch.State        `json:"state"` // of package watch, or "failed"
	Count    int                `json:"count"`
	Alerts   map[string]int     `json:"alerts"`
	Manifest string             `json:"manifest"`
	Warnings []core.Warning     `json:"warnings"`
	Error    *core.AccountError `json:"error"`

	// Undelivered are the deliveries that channels lack; see watch.Outcome.
	Undelivered []alert.Delivery `json:"undelivered"`

	Details watch.Manifest `json:"-"`
	err     error
}

const stateFailed watch.State = "failed"

// attempted reports whether the run got as far as its deliveries, so that Undelivered holds.
func (r WatchedRun) attempted() bool {
	return r.err == nil && r.State != watch.GoingOn && r.State != watch.Incomplete
}

// Undelivered returns the code of the first delivery that a channel lacks; "" if there is
// none.
func (w Watched) Undelivered() core.Code {
	for _, a := range w.Accounts {
		for _, d := range a.Undelivered {
			return cmp.Or(d.Code, core.CodeUnavailable)
		}
	}
	return ""
}

func (w *Watcher) prepare() {
	w.once.Do(func() {
		w.Env = w.Env.orOwn()
		if w.Logger == nil {
			w.Logger = slog.New(slog.DiscardHandler)
		}
		if w.Now == nil {
			w.Now = time.Now
		}
		w.resolver = NewResolver(w.Env, w.Logger)
		w.meter = newMeter(w.Metrics, w.Logger)
		w.owners = newOwnersTable(w.Env, w.resolver, w.open, w.Now)
	})
}

// Enabled reports whether a store is configured.
func (w *Watcher) Enabled() bool { w.prepare(); return w.Env(StoreSetting) != "" }

// Store opens the store of the runs.
func (w *Watcher) Store() (store.Store, error) { w.prepare(); return w.readableStore() }

// plan is the settings of all runs.
type plan struct {
	store    store.Store
	where    string
	every    watch.Every
	zone     *time.Location
	language string // of workbooks
	retain   int    // days; 0: for ever
	attempts int    // as in watch.Job, like the next two
	percent  int
	count    int
	accounts int // the number of accounts whose runs are made at the same time
	alerts   *alert.Config
	owners   *runOwners // nil: there is no table
	public   string     // the base of links in digests
}

// plan reads the settings. It returns a mistake for each setting that cannot be used.
func (w *Watcher) plan() (p plan, mistakes []error) {
	wrong := func(setting, detail string) {
		mistakes = append(mistakes, &core.Error{Code: core.CodeMisconfigured, Param: setting, Detail: detail})
	}
	switch p.every = watch.Every(cmp.Or(w.Env(WatchEverySetting), string(watch.EveryDay))); p.every {
	case watch.EveryDay, watch.EveryHour:
	default:
		wrong(WatchEverySetting, "unknown; write day or hour")
	}
	var err error
	if p.zone, err = w.Env.Zone(); err != nil {
		mistakes = append(mistakes, err)
	}
	switch p.language = w.Env(LanguageSetting); p.language {
	case "", sheet.English, sheet.Chinese:
	default:
		wrong(LanguageSetting, "unknown; write en or zh")
	}
	if p.public, err = ParsePublicURL(w.Env(PublicURLSetting)); err != nil {
		mistakes = append(mistakes, err)
	}
	for _, setting := range []struct {
		name string
		into *int
		most int
		want string
	}{
		{RetainSetting, &p.retain, mostRetained, "not a number of days from 1 to 36500; leave it out to keep runs for ever"},
		{AttemptsSetting, &p.attempts, 20, "not a number of attempts from 1 to 20; leave it out for 3"},
		{HoldPercentSetting, &p.percent, 100, "not a percentage from 1 to 100, without the sign; leave it out for 20"},
		{HoldCountSetting, &p.count, math.MaxInt, "not a number of customers from 1 up; leave it out for 10"},
	} {
		text := w.Env(setting.name)
		if text == "" {
			continue
		}
		if n, err := strconv.Atoi(text); err != nil || n < 1 || n > setting.most {
			wrong(setting.name, setting.want)
		} else {
			*setting.into = n
		}
	}
	if p.where = w.Env(StoreSetting); p.where == "" {
		wrong(StoreSetting, "not set; write file:///folder, or s3://bucket/prefix?region=… for a bucket")
		return p, mistakes
	}
	if p.store, err = w.open(p.where); err != nil {
		mistakes = append(mistakes, err)
	}
	return p, mistakes
}

// Zone returns the zone in which the watch's days begin, and in which spreadsheets have
// dates; core.VendorZone with an error if the setting cannot be used.
func (env Environment) Zone() (*time.Location, error) {
	text := env.orOwn()(WatchZoneSetting)
	if text == "" {
		return core.VendorZone, nil
	}
	zone, err := watchZone(text)
	if err != nil {
		return core.VendorZone, &core.Error{Code: core.CodeMisconfigured, Param: WatchZoneSetting,
			Detail: "not an offset from UTC, as +08:00, nor the name of a zone that this machine knows, as Europe/Berlin; function platforms often know none"}
	}
	return zone, nil
}

// datesZone is Zone for answers, which a wrong setting does not prevent: the watch and doctor report it.
func (env Environment) datesZone() *time.Location {
	zone, _ := env.Zone()
	return zone
}

// watchZone parses an offset from UTC or the name of a zone. Names are looked up in the
// machine's files: embedding them would add half a megabyte to every artefact.
func watchZone(text string) (*time.Location, error) {
	if zone, err := ParseZone(text); err == nil || text == "Local" {
		return zone, err
	}
	return time.LoadLocation(text)
}

// open reuses the store, which holds connections, while its URL stays the same.
func (w *Watcher) open(where string) (store.Store, error) {
	return w.store.of(core.NewSecret(where), func() (store.Store, error) {
		return store.Open(where, store.Options{Getenv: w.Env, Setting: StoreSetting})
	})
}

// alerts reads the alerts' setting. References in it are resolved only when there is
// something to deliver. A mistake in it is the Config's Err: the list is read and stored
// all the same. The error is of a setting that is not available now.
func (w *Watcher) alerts(ctx context.Context) (*alert.Config, error) {
	text, err := w.resolver.Setting(ctx, alert.Setting)
	if err != nil {
		failure := core.AsError(err)
		if failure.Code.Retryable() || failure.Code == core.CodeDeadline || failure.Code == core.CodeCanceled {
			return nil, err
		}
		return &alert.Config{Err: failure, NoRules: true}, nil
	}
	config, _ := alert.ParseConfig([]byte(text))
	return config, nil
}

// Watch makes the runs of a request, as far as time allows. The error is of all of them,
// or names each account that failed; the Watched holds either way.
func (w *Watcher) Watch(ctx context.Context, f Composed, request WatchRequest) (Watched, error) {
	w.prepare()
	result := Watched{Schema: WatchSchema, Function: f.Function.Name, Run: request.Run, Complete: true, Accounts: []WatchedRun{}}
	p, names, err := w.start(ctx, f, request, &result.Run)
	if err != nil {
		result.Complete = false
		for _, name := range names { // alarms on the log must see that no run was made
			w.log(ctx, f, p, result.Run, WatchedRun{Account: name, State: stateFailed, Alerts: map[string]int{}, err: err})
		}
		return result, err
	}
	p.accounts = len(names)
	result.Accounts = make([]WatchedRun, len(names))
	var running sync.WaitGroup
	for i, name := range names {
		running.Go(func() { result.Accounts[i] = w.one(ctx, f, p, name, result.Run, request.Mode) })
	}
	running.Wait()
	return result, result.sum()
}

// start reads the settings and the names of the accounts to make runs of. If there is an
// error, names are those it concerns.
func (w *Watcher) start(ctx context.Context, f Composed, request WatchRequest, run *string) (p plan, names []string, err error) {
	all := []string{core.AllAccounts}
	p, mistakes := w.plan()
	if len(mistakes) > 0 {
		return p, all, mistakes[0]
	}
	if request.At.IsZero() {
		request.At = w.Now()
	}
	if *run == "" && request.Mode != WatchRedeliver {
		*run = watch.RunID(request.At, p.every, p.zone)
	}
	if names, err = f.Function.Accounts(ctx); err != nil {
		return p, all, err
	}
	if request.Account != "" && request.Account != core.AllAccounts {
		if !slices.Contains(names, request.Account) {
			return p, all, core.Invalid("account", "unknown; configured: %s", strings.Join(names, ", "))
		}
		names = []string{request.Account}
	}
	if p.alerts, err = w.alerts(ctx); err == nil && request.Mode != WatchRedeliver {
		p.owners = w.owners.forRun(ctx, p.zone, len(names), request.Account == "" || request.Account == core.AllAccounts)
	}
	return p, names, err
}

// sum sets Complete, and returns one error for all accounts that failed.
func (w *Watched) sum() error {
	var failure *core.Error
	var reasons []string
	for _, a := range w.Accounts {
		w.Complete = w.Complete && slices.Contains([]watch.State{watch.Done, watch.Already, watch.Redelivered}, a.State)
		if a.err != nil {
			failure = core.AsError(a.err)
			reasons = append(reasons, a.Account+": "+failure.Public())
		}
	}
	if failure == nil {
		return nil
	}
	return &core.Error{Op: "app.Watch", Code: failure.Code, Detail: strings.Join(reasons, "; "), Err: errors.Unwrap(failure)}
}

// one makes one account's run.
func (w *Watcher) one(ctx context.Context, f Composed, p plan, account, run string, mode WatchMode) (result WatchedRun) {
	result = WatchedRun{Account: account, State: stateFailed, Alerts: map[string]int{}, Warnings: []core.Warning{}, Undelivered: []alert.Delivery{}}
	defer func() {
		if value := recover(); value != nil {
			// Its text could hold a customer's data: log the type and the place.
			w.Logger.ErrorContext(ctx, "panic", "account", account, "type", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
			result.err = &core.Error{Code: core.CodeInternal, Detail: "a mistake of ours; the log has the place"}
		}
		if result.err != nil {
			failure := core.AsError(result.err)
			result.State, result.Error = stateFailed, &core.AccountError{Code: failure.Code, Message: failure.Public(), Cause: failure}
		}
		if w.Progress != nil {
			w.Progress(f.Function.Name, account, watch.Progress{Step: watch.StepEnded, Count: result.Count})
		}
		w.log(ctx, f, p, run, result)
	}()
	ctx = core.WithTrace(ctx, w.meter.running())
	settings, err := f.Accounts.Settings(ctx, account)
	if err != nil {
		result.err = err
		return result
	}
	job, err := w.job(ctx, f, p, settings, run)
	if err != nil {
		result.err = err
		return result
	}
	job.Accept, job.Force = mode == WatchAccept, mode == WatchForce
	work := watch.Run
	if mode == WatchRedeliver {
		work = watch.Redeliver
	}
	outcome, err := work(ctx, p.store, job)
	result.err, result.Details = err, outcome.Manifest
	result.State, result.Count = outcome.State, outcome.Manifest.Count
	if mode != WatchRedeliver {
		result.Manifest = "runs/" + f.Function.Name + "/" + account + "/" + run + "/manifest.json"
	}
	if outcome.Manifest.Alerts != nil {
		result.Alerts = outcome.Manifest.Alerts
	}
	result.Undelivered = append(result.Undelivered, outcome.Undelivered...)
	for _, warning := range append(slices.Clone(outcome.Manifest.Warnings), outcome.Warnings...) {
		if !slices.Contains(result.Warnings, warning) {
			result.Warnings = append(result.Warnings, warning)
		}
	}
	for _, warning := range outcome.Warnings {
		w.Logger.WarnContext(ctx, "run warned", "function_name", f.Function.Name, "account", account, "run", run, "code", warning.Code, "warning", warning.Message)
	}
	if err == nil && p.retain > 0 && outcome.State == watch.Done {
		if _, err := watch.Retain(ctx, p.store, f.Function.Name, account, p.retain, run, w.Now()); err != nil {
			w.Logger.WarnContext(ctx, "old runs could not be deleted; the next run tries again", "account", account, "error", core.AsError(err).Error())
		}
	}
	return result
}

// job makes the Job of an account's run from the settings.
func (w *Watcher) job(ctx context.Context, f Composed, p plan, settings Settings, run string) (watch.Job, error) {
	low, err := Parse(settings, FieldLow, core.Threshold{}, core.ParseThreshold)
	if err != nil {
		return watch.Job{}, err
	}
	resellers, err := Parse(settings, FieldResellers, nil, ParseResellers)
	if err != nil {
		return watch.Job{}, err
	}
	slices.Sort(resellers)
	params := core.Params{}
	if settings.Get(FieldResellers) != "" {
		params["reseller_id"] = []string{core.AllResellers}
	}
	where, _, _ := strings.Cut(p.where, "?")
	account := settings.Account
	job := watch.Job{
		Function: f.Function, Account: account, Run: run, Params: params, Resellers: slices.Compact(resellers),
		Thresholds: p.thresholds(settings), Version: Version, Location: strings.TrimSuffix(where, "/") + "/", Public: p.public,
		Now: w.Now, Zone: p.zone, Language: p.language,
		PartSize: max(2_000, 20_000/p.accounts), // the accounts share the memory
		Low:      low, Alerts: p.alerts, Evaluator: f.Entry.Alerts, Digest: w.Digest,
		Deliver: alert.DeliverOptions{Getenv: w.Env, Resolve: w.resolver.resolve, Pace: &w.pace},
		Delivered: func(run string, d alert.Delivery) {
			if d.State != alert.Skipped {
				w.meter.delivered(f.Function.Name, account, string(d.Type), d.State == alert.Delivered)
			}
			w.logDelivery(ctx, run, d)
		},
		Attempts: p.attempts, HoldPercent: p.percent, HoldCount: p.count,
	}
	if w.Progress != nil {
		job.Progress = func(p watch.Progress) { w.Progress(f.Function.Name, account, p) }
	}
	p.owners.join(&job)
	if f.siblings != nil {
		job.Partner = func(ctx context.Context) (core.PartnerState, []core.Warning) { return f.PartnerState(ctx, account) }
	}
	return job, nil
}

// logDelivery logs a delivery that failed.
func (w *Watcher) logDelivery(ctx context.Context, run string, d alert.Delivery) {
	if d.Undelivered() {
		w.Logger.ErrorContext(ctx, "delivery failed", "channel", d.Channel, "owner", d.Owner, "type", d.Type, "run", run, "state", d.State, "tries", d.Tries, "code", d.Code, "detail", d.Detail)
	}
}

// log logs and counts a call for a run.
func (w *Watcher) log(ctx context.Context, f Composed, p plan, run string, result WatchedRun) {
	level := slog.LevelInfo
	args := []any{"function_name", f.Function.Name, "account", result.Account, "run", run, "state", result.State, "customers", result.Count,
		"by_status", result.Details.ByStatus, "changes", result.Details.Changes, "alerts", result.Alerts, "upstream_request_ids", tail(result.Details.RequestIDs)}
	newest, since := w.newest(ctx, f, p, result.Account)
	if !since.IsZero() {
		args = append(args, "age_s", int64(max(0, w.Now().Sub(since)).Seconds()))
	}
	if result.attempted() {
		args = append(args, "undelivered", len(result.Undelivered))
	}
	switch {
	case result.err != nil:
		level = slog.LevelError
		args = append(args, "code", core.CodeOf(result.err), "error", core.AsError(result.err).Error())
	case result.State == watch.Held:
		level = slog.LevelError
		args = append(args, "known", result.Details.Held.Known, "missing", result.Details.Held.Missing)
	case result.State == watch.Incomplete, result.State == watch.Unproven:
		level = slog.LevelError
		for _, warning := range result.Details.Warnings {
			args = append(args, "why", warning.Code)
		}
	default:
		for _, warning := range result.Details.Warnings {
			args = append(args, "warning", strings.TrimSpace(warning.Code+" "+warning.Field))
		}
	}
	w.Logger.Log(ctx, level, "watched", args...)
	w.meter.run(f.Function.Name, result, newest, w.Now())
}

// newest returns when the newest complete run of an account began, and since when there is
// no newer one: the same, or when the first one was tried. Zero is unknown.
func (w *Watcher) newest(ctx context.Context, f Composed, p plan, account string) (started, since time.Time) {
	if p.store == nil || account == core.AllAccounts {
		return started, since
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), agesWithin) // even after ctx has ended
	defer cancel()
	newest, there, err := watch.NewestComplete(ctx, p.store, f.Function.Name, account)
	switch {
	case err != nil:
		return started, since
	case there:
		return newest.AsOf, newest.AsOf
	}
	since, _ = watch.FirstStored(ctx, p.store, f.Function.Name, account)
	return started, since
}

func tail(ids []string) []string { return ids[max(0, len(ids)-20):] }

// thresholds are the settings that a run is evaluated by, for its manifest.
func (p plan) thresholds(s Settings) map[string]any {
	rules := p.alerts.Rules
	t := map[string]any{
		"expiry_days":        cmp.Or(rules.ExpiryDays, alert.DefaultExpiryDays),
		"hysteresis_percent": cmp.Or(rules.HysteresisPercent, alert.DefaultHysteresis),
	}
	if rules.Kinds != nil {
		t["kinds"] = rules.Kinds
	}
	if s.vendor == &Tencent {
		t["credit_low"] = cmp.Or(s.Get(FieldLow), core.DefaultLow)
		t["partner_low"], t["reseller_low"] = rules.PartnerLow.String(), rules.ResellerLow.String()
		if zone := s.Get(FieldZone); zone != "" {
			t["zone"] = zone
		}
		if n := len(rules.Overrides); n > 0 {
			t["overrides"] = n
			t["overrides_sha256"] = sumOf(rules.Overrides)
		}
	}
	if s.vendor == &Huawei {
		t[FieldExpireMonth] = cmp.Or(s.Get(FieldExpireMonth), string(core.LastValid))
	}
	return t
}

// sumOf is the SHA-256 of lines of id=threshold, in the order of the ids: it identifies the
// setting and keeps ids out of manifests.
func sumOf(overrides map[string]core.Threshold) string {
	sum := sha256.New()
	for _, id := range slices.Sorted(maps.Keys(overrides)) {
		_, _ = fmt.Fprintf(sum, "%s=%s\n", id, overrides[id])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// SendSample sends a sample to every configured channel.
func (w *Watcher) SendSample(ctx context.Context) ([]alert.Delivery, error) {
	w.prepare()
	config, err := w.alerts(ctx)
	if err != nil {
		return nil, err
	}
	if config.Err != nil {
		return nil, config.Err
	}
	if len(config.Channels) == 0 {
		return nil, &core.Error{Code: core.CodeMisconfigured, Param: alert.Setting, Detail: "names no channel"}
	}
	sample := alert.Sample(config.Channels[0].Language, w.Now())
	if sample.Public, err = ParsePublicURL(w.Env(PublicURLSetting)); err != nil {
		return nil, err
	}
	deliveries := config.Deliver(ctx, sample, alert.DeliverOptions{Getenv: w.Env, Resolve: w.resolver.resolve, Pace: &w.pace})
	for _, d := range deliveries {
		w.logDelivery(ctx, "test", d)
	}
	return deliveries, nil
}
