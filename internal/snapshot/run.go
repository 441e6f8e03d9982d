package snapshot

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"maps"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/snapshot/store"
	"partnerlens/pkg/core"
)

// Job is one run to bring to its end.
type Job struct {
	Function   *core.Function
	Account    string
	Run        string         // as RunID gives it
	Params     core.Params    // beside account and pii: what the cloud is asked
	Thresholds map[string]any // for the manifest
	Version    string         // of the program
	Table      Table          // writes customers.csv
	Zone       *time.Location // in which the day begins; nil: core.VendorZone

	// Settle gives a record as it is to be kept; nil: as it came. It must not change
	// the one that it is given. Thresholds must tell two of them apart.
	Settle func(core.Record) core.Record

	PartSize int              // records held in memory while reading; 0: 20,000
	Now      func() time.Time // nil: time.Now
}

// Table writes a spreadsheet: it gives what to begin with, and what to add a
// record by.
type Table func() (opening []byte, row func(b []byte, record core.Record) []byte)

// Watch knows what is worth telling.
type Watch interface {
	// Judge compares one customer with the run before. before is nil for a new
	// customer, after for one who is gone; was is what the run before left to
	// remember, nil where it left nothing. It must give the same for the same, since a
	// run that was interrupted is judged again.
	Judge(before, after core.Record, was jsontext.Value) (alerts []jsontext.Value, kinds []string, is jsontext.Value, err error)
	// Tell tells who is to be told, and gives what came of it for the manifest.
	// It is called once everything but the manifest is stored. It never fails a run.
	Tell(ctx context.Context, m Manifest) jsontext.Value
	// Untold says whether somebody is still to be told of a run, by what its manifest
	// says came of telling.
	Untold(m Manifest) bool
	// Retell tells of a run, whose alerts these are, those who could not be told, and
	// nobody else. It gives what came of telling by now: the same as the manifest says
	// where nothing was tried. Its error is that of the alerts.
	Retell(ctx context.Context, m Manifest, alerts iter.Seq2[jsontext.Value, error]) (jsontext.Value, error)
}

// Begin gives the Watch for a run: what it is called, as of when, and whether it
// is the first, which tells nobody of thousands.
type Begin func(m Manifest) Watch

// State says where a run stands when Run returns.
type State string

// The states.
const (
	Done       State = "done"       // just now
	Already    State = "already"    // before: nothing was asked or written
	GoingOn    State = "going_on"   // time ran out; the next call goes on
	Incomplete State = "incomplete" // the list could not be proven whole; the next call reads anew
)

// Outcome is what came of one call of Run.
type Outcome struct {
	State    State
	Manifest Manifest // what is known so far, where the run is GoingOn
}

const (
	defaultPartSize = 20000
	// timeToStop is kept for storing the last part and the checkpoint.
	timeToStop = 10 * time.Second
	// timeToTell is what telling wants: two tries of a channel, and the reserve.
	timeToTell = 25 * time.Second
	// takesAtOnce is how often one call reads anew what could not be proven.
	takesAtOnce = 2
)

// Run brings a run to its end, or as far as time allows. Call it again, at any
// time, until the state is Done or Already. The error is for what kept it from going
// on at all; calling again is right then, too.
func Run(ctx context.Context, s store.Store, job Job, begin Begin) (Outcome, error) {
	if job.Now == nil {
		job.Now = time.Now
	}
	if err := checkRunID(job.Run); err != nil {
		return Outcome{}, err
	}
	if job.Zone == nil {
		job.Zone = core.VendorZone
	}
	if tomorrow := RunID(job.Now().In(job.Zone).AddDate(0, 0, 1), EveryDay, job.Zone); job.Run[:len(tomorrow)] > tomorrow {
		return Outcome{}, core.Invalid("run", "after tomorrow, which is %s; until then it would be newer than every run, and nobody would be told of those", tomorrow)
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= timeToStop {
		return Outcome{}, &core.Error{Op: "snapshot.Run", Code: core.CodeMisconfigured, Param: "timeout",
			Detail: fmt.Sprintf("the time limit is too short for a run, which needs more than %s; set the function's timeout to 900 s", timeToStop)}
	}
	if job.PartSize <= 0 {
		job.PartSize = defaultPartSize
	}
	r := &run{Job: job, store: s, place: place{job.Function.Name, job.Account}, began: time.Now()}
	outcome, err := r.run(ctx, begin)
	switch {
	case core.CodeOf(err) == core.CodeDeadline: // what is stored is stored; the next call goes on
		return Outcome{GoingOn, r.manifest()}, nil
	case err != nil:
		return outcome, core.AsError(err)
	}
	return outcome, nil
}

// run is a Job under way.
type run struct {
	Job
	store store.Store
	place place
	began time.Time
	at    checkpoint

	before *string // the run that this one is compared with; nil: none, or not known yet
}

// checkpoint is how far reading has come. Parts never change: the checkpoint
// alone says which of them count.
type checkpoint struct {
	AsOf       time.Time      `json:"as_of"`
	Takes      int            `json:"takes"`
	Pieces     int            `json:"pieces"`
	Parts      []string       `json:"parts"`
	Count      int            `json:"count"`
	Cursor     string         `json:"cursor"`
	Provider   string         `json:"provider"`
	Total      *int           `json:"total"`
	RequestIDs []string       `json:"request_ids"`
	ReadMS     int64          `json:"read_ms"`
	Thresholds map[string]any `json:"thresholds"`
	Version    string         `json:"version"`
	Query      core.Params    `json:"query"`
	By         string         `json:"by"` // who wrote it: no two are alike

	Warnings []core.Warning `json:"warnings,omitempty"` // of the complete read; those about records follow from the records
}

func (r *run) object(name string) string { return r.place.object(r.Run, name) }

func (r *run) run(ctx context.Context, begin Begin) (Outcome, error) {
	if already, err := r.already(ctx); err != nil || already != nil {
		if err == nil {
			err = r.tellAgain(ctx, begin, already)
		}
		return deref(already), err
	}
	claimed, err := getJSON(ctx, r.store, r.object(claimName), &r.at)
	if err != nil {
		return Outcome{}, err
	}
	if claimed && !r.judgedAlike() {
		if err := r.store.Delete(ctx, r.object(claimName)); err != nil {
			return Outcome{}, err
		}
		claimed, r.at = false, checkpoint{}
	}
	if !claimed {
		there, err := getJSON(ctx, r.store, r.object(checkpointName), &r.at)
		if err != nil {
			return Outcome{}, err
		}
		if !there || !r.judgedAlike() {
			r.anew()
		}
		r.at.Pieces++
		outcome, err := r.read(ctx)
		if err != nil || outcome != nil {
			return deref(outcome), err
		}
		if err := r.claim(ctx); err != nil {
			return Outcome{}, err
		}
	}
	end, err := r.turn(ctx)
	if err != nil {
		return Outcome{}, err
	}
	defer end()
	// Somebody else may have finished and tidied up while we read, or waited.
	if already, err := r.already(ctx); err != nil || already != nil {
		return deref(already), err
	}
	if r.before, err = r.previous(ctx); err != nil {
		return Outcome{}, err
	}
	outcome, err := r.finish(ctx, begin, claimed)
	if core.CodeOf(err) == core.CodeNotFound { // tidied up by somebody whose turn was taken from him, and who was done first?
		if already, err := r.already(ctx); err != nil || already != nil {
			return deref(already), err
		}
	}
	return outcome, err
}

// already gives the Outcome where the run is complete, whoever made it so; nil: it
// is not.
func (r *run) already(ctx context.Context) (*Outcome, error) {
	var m Manifest
	if there, err := getJSON(ctx, r.store, r.object(manifestName), &m); err != nil || !there || !m.Complete {
		return nil, err
	}
	return &Outcome{Already, m}, r.tidy(ctx, m) // whoever wrote it may have got no further
}

func deref(o *Outcome) Outcome {
	if o == nil {
		return Outcome{}
	}
	return *o
}

// judgedAlike says whether what was read before was judged as this call judges. If
// not, it does not count: one run is of one set of settings, and its manifest says which.
func (r *run) judgedAlike() bool {
	was, err := core.AppendJSON(nil, r.at.Thresholds)
	is, other := core.AppendJSON(nil, r.Thresholds)
	return err == nil && other == nil && bytes.Equal(was, is)
}

// anew begins a take: what was read before does not count.
func (r *run) anew() {
	r.at = checkpoint{
		AsOf: r.Now().UTC().Truncate(time.Second), Takes: r.at.Takes + 1, Pieces: r.at.Pieces,
		Parts: []string{}, RequestIDs: []string{}, Thresholds: r.Thresholds, Version: r.Version, Query: core.Params{},
	}
	maps.Copy(r.at.Query, r.Params)
}

// claim makes what was read the run's. Where somebody else was first, what he
// read is taken over.
func (r *run) claim(ctx context.Context) error {
	r.at.By = rand.Text()
	text, err := core.AppendJSON(nil, r.at)
	if err != nil {
		return err
	}
	if err := r.store.PutNew(ctx, r.object(claimName), text); err != nil && !errors.Is(err, store.ErrExists) {
		return err
	}
	// What is there counts, whoever wrote it: a store may have let the later one win.
	var claimed checkpoint
	there, err := getJSON(ctx, r.store, r.object(claimName), &claimed)
	if err == nil && !there { // or is there and cannot be read, which is nobody's
		if err = putJSON(ctx, r.store, r.object(claimName), r.at); err == nil {
			there, err = getJSON(ctx, r.store, r.object(claimName), &claimed)
		}
	}
	if err != nil {
		return err
	}
	if !there {
		return &core.Error{Op: "snapshot.claim", Code: core.CodeUnavailable, Detail: "the store does not show what was just stored; try again"}
	}
	r.at = claimed
	return nil
}

// manifest is what is known of the run so far.
func (r *run) manifest() Manifest {
	return Manifest{
		Schema: ManifestSchema, Function: r.Function.Name, Account: r.Account, Run: r.Run,
		Provider: r.at.Provider, Version: r.at.Version, Query: r.at.Query, AsOf: r.at.AsOf, Count: r.at.Count, Total: r.at.Total,
		Previous: r.before, RequestIDs: r.at.RequestIDs, Thresholds: r.at.Thresholds,
		Takes: r.at.Takes, Pieces: r.at.Pieces, ReadMS: r.at.ReadMS,
		Warnings: append([]core.Warning{}, r.at.Warnings...), ByStatus: map[string]int{}, Alerts: map[string]int{}, Objects: []Object{},
		Deliveries: jsontext.Value("[]"),
	}
}

// incomplete ends a take that could not be proven whole: the manifest says why,
// holds no customer, and stands until a later take is complete.
func (r *run) incomplete(ctx context.Context, report core.Report) (Outcome, error) {
	m := r.manifest()
	m.Warnings, m.FinishedAt = report.Warnings, r.Now().UTC().Truncate(time.Second)
	if err := r.store.Delete(ctx, r.object(checkpointName)); err != nil {
		return Outcome{}, err
	}
	text, err := core.AppendJSON(nil, m)
	if err != nil {
		return Outcome{}, err
	}
	// Never over a manifest that is there: it may be of somebody who was luckier.
	if err := r.store.PutNew(ctx, r.object(manifestName), append(text, '\n')); !errors.Is(err, store.ErrExists) {
		return Outcome{Incomplete, m}, err
	}
	if already, err := r.already(ctx); err != nil || already != nil {
		return deref(already), err
	}
	return Outcome{Incomplete, m}, nil
}
