package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/alert"
	"partnerlens/internal/api"
	"partnerlens/internal/metrics"
	"partnerlens/internal/snapshot"
	"partnerlens/internal/snapshot/store"
	"partnerlens/pkg/core"
)

// The settings of the daily watch.
const (
	StoreSetting      = "PARTNERLENS_STORE"
	WatchEverySetting = "PARTNERLENS_WATCH_EVERY"
	WatchZoneSetting  = "PARTNERLENS_WATCH_ZONE"
	RetainSetting     = "PARTNERLENS_RETAIN_DAYS"
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
	Run     string    // "": the run of At
	At      time.Time // when it was scheduled; zero: now
}

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
	State    snapshot.State     `json:"state"` // "failed" beside those of the package
	Count    int                `json:"count"`
	Alerts   map[string]int     `json:"alerts"`
	Manifest string             `json:"manifest"`
	Error    *core.AccountError `json:"error"`

	Told snapshot.Manifest `json:"-"`
	err  error
}

const stateFailed snapshot.State = "failed"

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
	every    snapshot.Every
	zone     *time.Location
	retain   int // days; 0: for ever
	accounts int // that are watched side by side
	alerts   *alert.Config
}

func (w *Watcher) plan() (p plan, err error) {
	wrong := func(setting, detail string) error {
		return &core.Error{Code: core.CodeMisconfigured, Param: setting, Detail: detail}
	}
	switch p.every = snapshot.Every(cmp.Or(w.Env(WatchEverySetting), string(snapshot.EveryDay))); p.every {
	case snapshot.EveryDay, snapshot.EveryHour:
	default:
		return p, wrong(WatchEverySetting, "unknown; write day or hour")
	}
	p.zone = core.VendorZone
	if text := w.Env(WatchZoneSetting); text != "" {
		if p.zone, err = watchZone(text); err != nil {
			return p, wrong(WatchZoneSetting, "not an offset from UTC, as +08:00, nor the name of a zone that this machine knows, as Europe/Berlin; function platforms often know none")
		}
	}
	if text := w.Env(RetainSetting); text != "" {
		if p.retain, err = strconv.Atoi(text); err != nil || p.retain < 1 {
			return p, wrong(RetainSetting, "not a number of days from 1 up; leave it out to keep runs for ever")
		}
	}
	p.where = w.Env(StoreSetting)
	if p.where == "" {
		return p, wrong(StoreSetting, "not set; write file:///folder, or s3://bucket/prefix?region=… for a bucket")
	}
	p.store, err = w.open(p.where)
	return p, err
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

// alerts reads the setting for whom to tell. What its references name is read
// only once there is something to tell.
func (w *Watcher) alerts(ctx context.Context) (*alert.Config, error) {
	text, err := w.resolver.Setting(ctx, alert.Setting)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return new(alert.Config), nil
	}
	return alert.ParseConfig([]byte(text))
}

// Watch brings the runs of a request as far as time allows. The error is for
// what concerns them all, or tells of each account that failed; what was done is
// given beside it.
func (w *Watcher) Watch(ctx context.Context, f Composed, request WatchRequest) (Watched, error) {
	w.prepare()
	done := Watched{Schema: WatchSchema, Function: f.Function.Name, Run: request.Run, Complete: true, Accounts: []WatchedRun{}}
	p, names, err := w.begin(ctx, f, request, &done.Run)
	if err != nil {
		for _, name := range names { // what watches the log must see that no run was made
			w.ended(ctx, f, p, done.Run, WatchedRun{Account: name, State: stateFailed, Alerts: map[string]int{}, err: err})
		}
		return done, err
	}
	p.accounts = len(names)
	done.Accounts = make([]WatchedRun, len(names))
	var under sync.WaitGroup
	for i, name := range names {
		under.Go(func() { done.Accounts[i] = w.one(ctx, f, p, name, done.Run) })
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
	if *run == "" {
		*run = snapshot.RunID(request.At, p.every, p.zone)
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
		done.Complete = done.Complete && (a.State == snapshot.Done || a.State == snapshot.Already)
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
func (w *Watcher) one(ctx context.Context, f Composed, p plan, account, run string) (done WatchedRun) {
	done = WatchedRun{Account: account, State: stateFailed, Alerts: map[string]int{}}
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
	params := core.Params{}
	if settings.Get(FieldResellers) != "" {
		params["reseller_id"] = []string{core.AllResellers}
	}
	job := snapshot.Job{
		Function: f.Function, Account: account, Run: run, Params: params, Thresholds: p.thresholds(settings), Version: Version,
		Table:    func() ([]byte, func([]byte, core.Record) []byte) { return api.Table(f.Function.Columns) },
		Now:      w.Now,
		Zone:     p.zone,
		Settle:   p.alerts.Rules.Settled,
		PartSize: max(2_000, 20_000/p.accounts), // what is held in memory while reading is shared by all accounts
	}
	down := make(map[string]bool)
	outcome, err := snapshot.Run(ctx, p.store, job, func(m snapshot.Manifest) snapshot.Watch {
		return w.judge(p, m, settings, down)
	})
	done.err, done.Told = err, outcome.Manifest
	done.State, done.Count, done.Manifest = outcome.State, outcome.Manifest.Count, "runs/"+f.Function.Name+"/"+account+"/"+run+"/manifest.json"
	if outcome.Manifest.Alerts != nil {
		done.Alerts = outcome.Manifest.Alerts
	}
	if err == nil && p.retain > 0 && outcome.State == snapshot.Done {
		if _, err := snapshot.Retain(ctx, p.store, f.Function.Name, account, p.retain, run, w.Now()); err != nil {
			w.Logger.WarnContext(ctx, "old runs could not be deleted; the next run tries again", "account", account, "error", core.AsError(err).Error())
		}
	}
	return done
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
	switch {
	case done.err != nil:
		level = slog.LevelError
		args = append(args, "code", core.CodeOf(done.err), "error", core.AsError(done.err).Error())
	case done.State == snapshot.Incomplete:
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
	m, complete, err := snapshot.Latest(ctx, p.store, f.Function.Name, account)
	switch {
	case err != nil:
		return began, since
	case complete:
		return m.AsOf, m.AsOf
	}
	since, _ = snapshot.FirstTried(ctx, p.store, f.Function.Name, account)
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

// judge is a snapshot.Watch by the rules of a plan.
type judge struct {
	watcher *Watcher
	plan    plan
	moment  alert.Moment
	digest  *alert.Digest
	down    map[string]bool // channels that failed during this call: they are not tried again
}

func (w *Watcher) judge(p plan, m snapshot.Manifest, s Settings, down map[string]bool) snapshot.Watch {
	low, _ := Parse(s, FieldLow, core.Threshold{}, core.ParseThreshold) // was read before, or there would be no run
	first := m.Previous == nil
	where, _, _ := strings.Cut(p.where, "?")
	var since time.Time
	if !first {
		since = snapshot.Begins(*m.Previous, p.zone)
	}
	return &judge{
		watcher: w, plan: p, down: down,
		moment: alert.Moment{Function: m.Function, Account: m.Account, Run: m.Run, AsOf: m.AsOf, Since: since, First: first, Low: low},
		digest: alert.NewDigest(alert.Summary{
			Function: m.Function, Account: m.Account, Run: m.Run, AsOf: m.AsOf, First: first, Zone: p.zone,
			Location: strings.TrimSuffix(where, "/") + "/runs/" + m.Function + "/" + m.Account + "/" + m.Run + "/",
		}),
	}
}

// Judge is snapshot.Watch's.
func (j *judge) Judge(before, after core.Record, was jsontext.Value) (alerts []jsontext.Value, kinds []string, is jsontext.Value, err error) {
	var state alert.State
	if was != nil {
		if json.Unmarshal(was, &state) != nil {
			state = alert.State{} // another version's: what was is taken as told
		}
	}
	told, next := j.plan.alerts.Rules.Judge(j.moment, before, after, state)
	for _, a := range told {
		text, err := core.AppendJSON(nil, a)
		if err != nil {
			return nil, nil, nil, err
		}
		alerts, kinds = append(alerts, text), append(kinds, string(a.Kind))
		j.digest.Add(a)
	}
	if !next.Empty() {
		if is, err = core.AppendJSON(nil, next); err != nil {
			return nil, nil, nil, err
		}
	}
	return alerts, kinds, is, nil
}

// Tell is snapshot.Watch's.
func (j *judge) Tell(ctx context.Context, m snapshot.Manifest) jsontext.Value {
	j.digest.Total, j.digest.Statuses, j.digest.Notes = m.Count, m.ByStatus, notesOf(m)
	if j.watcher.Digest != nil {
		j.watcher.Digest(j.digest)
	}
	return deliveriesText(j.deliver(ctx, nil))
}

// Untold is snapshot.Watch's. A channel that is not configured any more is told
// nothing.
func (j *judge) Untold(m snapshot.Manifest) bool {
	return slices.ContainsFunc(deliveriesOf(m), j.untold)
}

func (j *judge) untold(d alert.Delivery) bool {
	return d.State == alert.Failed && j.plan.alerts.Hears(d.Channel, j.moment.Account)
}

// Retell is snapshot.Watch's.
func (j *judge) Retell(ctx context.Context, m snapshot.Manifest, alerts iter.Seq2[jsontext.Value, error]) (jsontext.Value, error) {
	all := deliveriesOf(m)
	var only []string
	for _, d := range all {
		if j.untold(d) && !j.down[d.Channel] {
			only = append(only, d.Channel)
		}
	}
	if only == nil {
		return m.Deliveries, nil
	}
	j.digest.Total, j.digest.Statuses, j.digest.Notes = m.Count, m.ByStatus, notesOf(m)
	for text, err := range alerts {
		if err != nil {
			return nil, err
		}
		var a alert.Alert
		if json.Unmarshal(text, &a) == nil { // or another version's, which cannot be told
			j.digest.Add(a)
		}
	}
	for _, d := range j.deliver(ctx, only) {
		i := slices.IndexFunc(all, func(o alert.Delivery) bool { return o.Channel == d.Channel })
		d.Tries += all[i].Tries
		all[i] = d
	}
	return deliveriesText(all), nil
}

// notesOf are what a manifest says of the list itself.
func notesOf(m snapshot.Manifest) alert.Notes {
	reading, _ := m.Thresholds[FieldExpireMonth].(string)
	return alert.Notes{Warnings: m.Warnings, Notify: m.Notify, TagEnds: m.TagEnds, ExpireMonth: core.ExpireReading(reading)}
}

// deliver tells the digest to the channels, or to some of them.
func (j *judge) deliver(ctx context.Context, only []string) []alert.Delivery {
	deliveries := j.watcher.deliver(ctx, j.plan.alerts, j.digest, alert.DeliverOptions{Only: only, Down: func(channel string) bool { return j.down[channel] }})
	for _, d := range deliveries {
		if d.State != alert.Skipped {
			j.watcher.meter.told(j.moment.Function, j.moment.Account, string(d.Type), d.State == alert.Delivered)
		}
		if d.State == alert.Failed {
			j.down[d.Channel] = true
		}
	}
	return deliveries
}

func deliveriesText(deliveries []alert.Delivery) jsontext.Value {
	text, err := core.AppendJSON(nil, deliveries)
	if err != nil {
		return jsontext.Value("[]")
	}
	return text
}

// deliveriesOf are those of a manifest; none where another version wrote them.
func deliveriesOf(m snapshot.Manifest) (all []alert.Delivery) {
	if json.Unmarshal(m.Deliveries, &all) != nil {
		return nil
	}
	return all
}

// deliver tells channels, each as if there were no other.
func (w *Watcher) deliver(ctx context.Context, config *alert.Config, digest *alert.Digest, opts alert.DeliverOptions) []alert.Delivery {
	opts.Getenv, opts.Resolve, opts.Pace = w.Env, w.resolver.resolve, &w.pace
	deliveries := config.Deliver(ctx, digest, opts)
	for _, d := range deliveries {
		if d.State == alert.Failed {
			w.Logger.ErrorContext(ctx, "a channel could not be told", "channel", d.Channel, "type", d.Type, "run", digest.Run, "tries", d.Tries, "code", d.Code, "detail", d.Detail)
		}
	}
	return deliveries
}

// TellSample tells every configured channel a sample.
func (w *Watcher) TellSample(ctx context.Context) ([]alert.Delivery, error) {
	w.prepare()
	config, err := w.alerts(ctx)
	if err != nil {
		return nil, err
	}
	if len(config.Channels) == 0 {
		return nil, &core.Error{Code: core.CodeMisconfigured, Param: alert.Setting, Detail: "names no channel"}
	}
	language := config.Channels[0].Language
	return w.deliver(ctx, config, alert.Sample(language, w.Now()), alert.DeliverOptions{}), nil
}
