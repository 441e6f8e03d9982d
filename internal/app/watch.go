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
	"partnerlens/internal/api"
	"partnerlens/internal/metrics"
	"partnerlens/internal/store"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// The settings of the daily watch.
const (
	StoreSetting      = "PARTNERLENS_STORE"
	WatchEverySetting = "PARTNERLENS_WATCH_EVERY"
	WatchZoneSetting  = "PARTNERLENS_WATCH_ZONE"
	RetainSetting     = "PARTNERLENS_RETAIN_DAYS"

	AttemptsSetting    = "PARTNERLENS_ATTEMPTS"
	HoldPercentSetting = "PARTNERLENS_HOLD_PERCENT"
	HoldCountSetting   = "PARTNERLENS_HOLD_COUNT"
)

// WatchSchema is the schema of a Watched's JSON.
const WatchSchema = "partnerlens.watch/v1"

// Watcher brings runs to their end: of every account of a function, or of one.
type Watcher struct {
	Env    Environment  // nil: the process's own
	Logger *slog.Logger // nil: nothing is logged
	Now    func() time.Time
	Digest func(*alert.Digest) // is given each run's, as its channels are told it; may be nil

	Metrics *metrics.Set // counts what happens; nil: nothing does

	once     sync.Once
	resolver *Resolver
	meter    *meter
	pace     alert.Pace

	mu    sync.Mutex
	where string
	store store.Store
}

// WatchRequest says which runs.
type WatchRequest struct {
	Account string    // "", "all": every account of the function
	Run     string    // "": the run of At; of WatchRedeliver every run
	At      time.Time // when it was scheduled; zero: now
	Mode    WatchMode
}

// WatchMode says what to do beside bringing runs to their end.
type WatchMode string

// The modes.
const (
	WatchAccept    WatchMode = "accept"    // take a list as true however far it shrank
	WatchForce     WatchMode = "force"     // make a run anew that came to its end
	WatchRedeliver WatchMode = "redeliver" // make no run; deliver what channels lack
)

// Watched is what came of a WatchRequest.
type Watched struct {
	Schema   string       `json:"schema"`
	Function string       `json:"function"`
	Run      string       `json:"run"`
	Complete bool         `json:"complete"` // every account's run is at its end, and proven whole
	Accounts []WatchedRun `json:"accounts"`
}

// WatchedRun is one account's run.
type WatchedRun struct {
	Account  string             `json:"account"`
	State    watch.State        `json:"state"` // "failed" beside those of the package
	Count    int                `json:"count"`
	Alerts   map[string]int     `json:"alerts"`
	Manifest string             `json:"manifest"`
	Warnings []core.Warning     `json:"warnings"`
	Error    *core.AccountError `json:"error"`

	// Undelivered is what channels lack: of this run, and what is pending of others or was
	// refused just now.
	Undelivered []alert.Delivery `json:"undelivered"`

	Told watch.Manifest `json:"-"`
	err  error
}

const stateFailed watch.State = "failed"

// settled says whether it is known what channels lack.
func (r WatchedRun) settled() bool {
	return r.err == nil && r.State != watch.GoingOn && r.State != watch.Incomplete
}

// Lacking is the code of the first delivery that a channel lacks; "" where none lacks
// any.
func (w Watched) Lacking() core.Code {
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
	})
}

// Enabled says whether there is a store to keep runs in.
func (w *Watcher) Enabled() bool { w.prepare(); return w.Env(StoreSetting) != "" }

// plan is what the settings say of all runs.
type plan struct {
	store    store.Store
	where    string
	every    watch.Every
	zone     *time.Location
	retain   int // days; 0: for ever
	attempts int
	percent  int // of the known customers may leave between two runs
	count    int // and so many may in any case
	accounts int // that are watched side by side
	alerts   *alert.Config
}

func (w *Watcher) plan() (p plan, err error) {
	wrong := func(setting, detail string) error {
		return &core.Error{Code: core.CodeMisconfigured, Param: setting, Detail: detail}
	}
	switch p.every = watch.Every(cmp.Or(w.Env(WatchEverySetting), string(watch.EveryDay))); p.every {
	case watch.EveryDay, watch.EveryHour:
	default:
		return p, wrong(WatchEverySetting, "unknown; write day or hour")
	}
	p.zone = core.VendorZone
	if text := w.Env(WatchZoneSetting); text != "" {
		if p.zone, err = watchZone(text); err != nil {
			return p, wrong(WatchZoneSetting, "not an offset from UTC, as +08:00, nor the name of a zone that this machine knows, as Europe/Berlin; function platforms often know none")
		}
	}
	for _, setting := range []struct {
		name string
		into *int
		most int
		want string
	}{
		{RetainSetting, &p.retain, math.MaxInt, "not a number of days from 1 up; leave it out to keep runs for ever"},
		{AttemptsSetting, &p.attempts, 20, "not a number of attempts from 1 to 20; leave it out for 3"},
		{HoldPercentSetting, &p.percent, 100, "not a percentage from 1 to 100, without the sign; leave it out for 20"},
		{HoldCountSetting, &p.count, math.MaxInt, "not a number of customers from 1 up; leave it out for 10"},
	} {
		text := w.Env(setting.name)
		if text == "" {
			continue
		}
		if *setting.into, err = strconv.Atoi(text); err != nil || *setting.into < 1 || *setting.into > setting.most {
			return p, wrong(setting.name, setting.want)
		}
	}
	p.where = w.Env(StoreSetting)
	if p.where == "" {
		return p, wrong(StoreSetting, "not set; write file:///folder, or s3://bucket/prefix?region=… for a bucket")
	}
	p.store, err = w.open(p.where)
	return p, err
}

// hold is how many of the known customers may be missing from a list; the defaults where
// a setting is wrong, which the watch reports.
func (w *Watcher) hold() (percent, count int) {
	percent, count = watch.DefaultHoldPercent, watch.DefaultHoldCount
	if n, err := strconv.Atoi(w.Env(HoldPercentSetting)); err == nil && n > 0 {
		percent = n
	}
	if n, err := strconv.Atoi(w.Env(HoldCountSetting)); err == nil && n > 0 {
		count = n
	}
	return percent, count
}

// watchZone reads an offset, or the name of a zone: by the machine's own files, since
// the half megabyte of them would weigh on every artefact.
func watchZone(text string) (*time.Location, error) {
	if zone, err := ParseZone(text); err == nil || text == "Local" {
		return zone, err
	}
	return time.LoadLocation(text)
}

// open keeps the store while its URL stays the same: it holds connections.
func (w *Watcher) open(where string) (store.Store, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.store != nil && w.where == where {
		return w.store, nil
	}
	s, err := store.Open(where, store.Options{Getenv: w.Env, Setting: StoreSetting})
	if err == nil {
		w.store, w.where = s, where
	}
	return s, err
}

// alerts reads the setting of what is evaluated and of the channels. What its
// references name is read only once there is something to deliver. A mistake in it is
// the Config's Err: it keeps no list from being read and stored. The error is of a
// setting that cannot be had for the moment.
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

// Watch brings the runs of a request as far as time allows. The error is for
// what concerns them all, or tells of each account that failed; what was done is
// given beside it.
func (w *Watcher) Watch(ctx context.Context, f Composed, request WatchRequest) (Watched, error) {
	w.prepare()
	done := Watched{Schema: WatchSchema, Function: f.Function.Name, Run: request.Run, Complete: true, Accounts: []WatchedRun{}}
	p, names, err := w.begin(ctx, f, request, &done.Run)
	if err != nil {
		done.Complete = false
		for _, name := range names { // what watches the log must see that no run was made
			w.ended(ctx, f, p, done.Run, WatchedRun{Account: name, State: stateFailed, Alerts: map[string]int{}, err: err})
		}
		return done, err
	}
	p.accounts = len(names)
	done.Accounts = make([]WatchedRun, len(names))
	var under sync.WaitGroup
	for i, name := range names {
		under.Go(func() { done.Accounts[i] = w.one(ctx, f, p, name, done.Run, request.Mode) })
	}
	under.Wait()
	return done, w.sum(&done)
}

// begin gives what the settings say of all runs, and of which accounts there are to be
// some; with an error, whom it concerns.
func (w *Watcher) begin(ctx context.Context, f Composed, request WatchRequest, run *string) (p plan, names []string, err error) {
	everybody := []string{core.AllAccounts}
	if p, err = w.plan(); err != nil {
		return p, everybody, err
	}
	if request.At.IsZero() {
		request.At = w.Now()
	}
	if *run == "" && request.Mode != WatchRedeliver {
		*run = watch.RunID(request.At, p.every, p.zone)
	}
	if names, err = f.Function.Accounts(ctx); err != nil {
		return p, everybody, err
	}
	if request.Account != "" && request.Account != core.AllAccounts {
		if !slices.Contains(names, request.Account) {
			return p, everybody, core.Invalid("account", "unknown; configured: %s", strings.Join(names, ", "))
		}
		names = []string{request.Account}
	}
	p.alerts, err = w.alerts(ctx)
	return p, names, err
}

// sum says what all accounts' runs come to.
func (w *Watcher) sum(done *Watched) error {
	var failure *core.Error
	var reasons []string
	for _, a := range done.Accounts {
		done.Complete = done.Complete && slices.Contains([]watch.State{watch.Done, watch.Already, watch.Redelivered}, a.State)
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

// one brings one account's run forward.
func (w *Watcher) one(ctx context.Context, f Composed, p plan, account, run string, mode WatchMode) (done WatchedRun) {
	done = WatchedRun{Account: account, State: stateFailed, Alerts: map[string]int{}, Warnings: []core.Warning{}, Undelivered: []alert.Delivery{}}
	defer func() {
		if value := recover(); value != nil {
			// Its text could hold a customer: the type and the place must do.
			w.Logger.ErrorContext(ctx, "panic", "account", account, "type", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
			done.err = &core.Error{Code: core.CodeInternal, Detail: "a mistake of ours; the log has the place"}
		}
		if done.err != nil {
			failure := core.AsError(done.err)
			done.State, done.Error = stateFailed, &core.AccountError{Code: failure.Code, Message: failure.Public()}
		}
		w.ended(ctx, f, p, run, done)
	}()
	ctx = core.WithTrace(ctx, w.meter.running())
	settings, err := f.Accounts.Settings(ctx, account)
	if err != nil {
		done.err = err
		return done
	}
	job, err := w.job(ctx, f, p, settings, run)
	if err != nil {
		done.err = err
		return done
	}
	job.Accept, job.Force = mode == WatchAccept, mode == WatchForce
	bring := watch.Run
	if mode == WatchRedeliver {
		bring = watch.Redeliver
	}
	outcome, err := bring(ctx, p.store, job)
	done.err, done.Told = err, outcome.Manifest
	done.State, done.Count = outcome.State, outcome.Manifest.Count
	if mode != WatchRedeliver {
		done.Manifest = "runs/" + f.Function.Name + "/" + account + "/" + run + "/manifest.json"
	}
	if outcome.Manifest.Alerts != nil {
		done.Alerts = outcome.Manifest.Alerts
	}
	done.Undelivered = append(done.Undelivered, outcome.Undelivered...)
	for _, warning := range append(slices.Clone(outcome.Manifest.Warnings), outcome.Warnings...) {
		if !slices.Contains(done.Warnings, warning) {
			done.Warnings = append(done.Warnings, warning)
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
	return done
}

// job is an account's run as the settings have it.
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
	return watch.Job{
		Function: f.Function, Account: account, Run: run, Params: params, Resellers: slices.Compact(resellers),
		Thresholds: p.thresholds(settings), Version: Version, Location: strings.TrimSuffix(where, "/") + "/",
		Table: api.Table, Now: w.Now, Zone: p.zone,
		PartSize: max(2_000, 20_000/p.accounts), // what is held in memory while reading is shared by all accounts
		Low:      low, Alerts: p.alerts, Evaluator: f.Entry.Alerts, Digest: w.Digest,
		Deliver: alert.DeliverOptions{Getenv: w.Env, Resolve: w.resolver.resolve, Pace: &w.pace},
		Delivered: func(run string, d alert.Delivery) {
			if d.State != alert.Skipped {
				w.meter.delivered(f.Function.Name, account, string(d.Type), d.State == alert.Delivered)
			}
			w.logDelivery(ctx, run, d)
		},
		Attempts: p.attempts, HoldPercent: p.percent, HoldCount: p.count,
	}, nil
}

// logDelivery logs a delivery that failed.
func (w *Watcher) logDelivery(ctx context.Context, run string, d alert.Delivery) {
	if d.Undelivered() {
		w.Logger.ErrorContext(ctx, "a channel could not be told", "channel", d.Channel, "type", d.Type, "run", run, "state", d.State, "tries", d.Tries, "code", d.Code, "detail", d.Detail)
	}
}

// ended logs and counts a call for a run.
func (w *Watcher) ended(ctx context.Context, f Composed, p plan, run string, done WatchedRun) {
	level := slog.LevelInfo
	args := []any{"function_name", f.Function.Name, "account", done.Account, "run", run, "state", done.State, "customers", done.Count,
		"by_status", done.Told.ByStatus, "changes", done.Told.Changes, "alerts", done.Alerts, "upstream_request_ids", tail(done.Told.RequestIDs)}
	newest, since := w.newest(ctx, f, p, done.Account)
	if !since.IsZero() {
		args = append(args, "age_s", int64(max(0, w.Now().Sub(since)).Seconds()))
	}
	if done.settled() {
		args = append(args, "undelivered", len(done.Undelivered))
	}
	switch {
	case done.err != nil:
		level = slog.LevelError
		args = append(args, "code", core.CodeOf(done.err), "error", core.AsError(done.err).Error())
	case done.State == watch.Held:
		level = slog.LevelError
		args = append(args, "known", done.Told.Held.Known, "missing", done.Told.Held.Missing)
	case done.State == watch.Incomplete, done.State == watch.Unproven:
		level = slog.LevelError
		for _, warning := range done.Told.Warnings {
			args = append(args, "why", warning.Code)
		}
	default:
		for _, warning := range done.Told.Warnings {
			args = append(args, "warning", strings.TrimSpace(warning.Code+" "+warning.Field))
		}
	}
	w.Logger.Log(ctx, level, "watched", args...)
	w.meter.run(f.Function.Name, done, newest, w.Now())
}

// newest gives when the newest complete run of an account began, by the store, and
// since when there is none newer: the same, or when the first one was tried. Zero is
// not known.
func (w *Watcher) newest(ctx context.Context, f Composed, p plan, account string) (began, since time.Time) {
	if p.store == nil || account == core.AllAccounts {
		return began, since
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), agesWithin) // a call that ran out of time says so, too
	defer cancel()
	newest, there, err := watch.NewestComplete(ctx, p.store, f.Function.Name, account)
	switch {
	case err != nil:
		return began, since
	case there:
		return newest.AsOf, newest.AsOf
	}
	since, _ = watch.FirstStored(ctx, p.store, f.Function.Name, account)
	return began, since
}

func tail(ids []string) []string { return ids[max(0, len(ids)-20):] }

// thresholds are what a run was judged by, for its manifest. A run goes on only as
// long as they stay the same.
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

// sumOf is the SHA-256 of lines of id=threshold, in the order of the ids: whoever has
// the setting can tell whether it was the one, and ids stay out of manifests.
func sumOf(overrides map[string]core.Threshold) string {
	sum := sha256.New()
	for _, id := range slices.Sorted(maps.Keys(overrides)) {
		fmt.Fprintf(sum, "%s=%s\n", id, overrides[id])
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
	deliveries := config.Deliver(ctx, alert.Sample(config.Channels[0].Language, w.Now()), alert.DeliverOptions{Getenv: w.Env, Resolve: w.resolver.resolve, Pace: &w.pace})
	for _, d := range deliveries {
		w.logDelivery(ctx, "test", d)
	}
	return deliveries, nil
}
