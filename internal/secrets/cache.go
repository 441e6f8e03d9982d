package secrets

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"partnerlens/pkg/core"
)

// Store reads one whole secret of a scheme, in one attempt. It returns a
// *core.Error, and soon once ctx is done.
type Store func(ctx context.Context, ref Reference) (core.Secret, error)

// Options configure a Cache. They are copied.
type Options struct {
	Getenv  func(name string) string // for env:, and for the platform's own settings; required
	KeepFor time.Duration            // how long a secret is used before it is read again; 0: 5 min
	Stores  map[string]Store         // by scheme; nil: all
	Logger  *slog.Logger             // reports stores that fail while there is a value to go on with; nil: none

	// StaleFor is for secrets that authenticate callers, which nothing checks after
	// us. Beyond KeepFor callers wait for the store, and only where the store fails the
	// old value is used, for at most StaleFor longer. 0 is for keys that their cloud
	// checks: callers wait a moment, and the old value is used until there is another.
	StaleFor time.Duration
}

// DefaultKeepFor is as long as AWS's own extension keeps a secret.
const DefaultKeepFor = 5 * time.Minute

const (
	fetchTimeout = 5 * time.Second
	patience     = 500 * time.Millisecond // with a fetch, where there is a value to go on with: a function may have three seconds in all
	restAfter    = 10 * time.Second       // between fetches from a store that fails, where there is a value to go on with
	renewEvery   = time.Second            // between fetches of a secret that a cloud refuses
)

// Cache resolves settings, and keeps the secrets that stores return. Safe for
// concurrent use.
type Cache struct {
	opts    Options
	stores  map[string]Store
	fetches singleflight.Group // by whole secret and principal

	mu      sync.Mutex
	entries map[Reference]*entry // by whole secret
}

// entry is one whole secret.
type entry struct {
	secret  core.Secret // of the newest fetch
	has     bool
	fetched time.Time // when that fetch began
	renewed time.Time // when the last fetch ended that a refusal caused
	failed  time.Time // when the last fetch failed with a key of our own; zero: it succeeded
	watched bool      // a caller waited for that failure from the beginning of the fetch to its end
	err     error     // of the last failure
}

// fetched is how a fetch went, beside its error.
type fetched struct {
	secret  core.Secret
	began   time.Time
	refused bool // a refusal caused it
}

// principal is the key that a store is called with. The zero principal is this
// function; any other is the key that came with a request, whose failures concern that
// request alone.
type principal [sha256.Size]byte

// now returns the time of the wall clock: the monotonic clock may stand still while a
// platform keeps a function frozen, and secrets age nevertheless.
func now() time.Time { return time.Now().Round(0) }

// NewCache returns a Cache. It fetches nothing yet.
func NewCache(opts Options) *Cache {
	if opts.KeepFor <= 0 {
		opts.KeepFor = DefaultKeepFor
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	stores := opts.Stores
	if stores == nil {
		stores = Stores(opts.Getenv)
	}
	return &Cache{opts: opts, stores: stores, entries: make(map[Reference]*entry)}
}

// Resolve returns settings with their references replaced by the secrets. All that refer
// to one secret get members of one version of it. The error names every setting that
// could not be resolved, by its name in settings.
func (k *Cache) Resolve(ctx context.Context, settings map[string]string) (map[string]string, error) {
	refs, err := references(settings)
	if err != nil || len(refs) == 0 {
		return settings, err
	}
	type result struct {
		secret core.Secret
		err    error
	}
	var mu sync.Mutex
	results := make(map[Reference]result)
	forEachSecret(refs, func(ref Reference) {
		secret, err := k.get(ctx, ref)
		mu.Lock()
		defer mu.Unlock()
		results[ref] = result{secret, err}
	})
	resolved := maps.Clone(settings)
	var failures failures
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		ref := refs[name]
		whole := results[ref.secret()]
		err := whole.err
		if err == nil {
			resolved[name], err = ref.member(whole.secret)
		}
		if err == nil && resolved[name] == "" {
			err = broken("the secret is empty")
		}
		if err != nil {
			failures.add(name, ref, err)
		}
	}
	if err := failures.err(); err != nil {
		return nil, err
	}
	return resolved, nil
}

// forEachSecret calls do for each whole secret that references name, concurrently.
func forEachSecret(refs map[string]Reference, do func(Reference)) {
	wholes := make(map[Reference]bool)
	for _, ref := range refs {
		wholes[ref.secret()] = true
	}
	var running sync.WaitGroup
	for whole := range wholes {
		running.Go(func() { do(whole) })
	}
	running.Wait()
}

// references returns the references among settings. The error names all that are
// malformed.
func references(settings map[string]string) (map[string]Reference, error) {
	refs := make(map[string]Reference)
	var failures failures
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		ref, is, err := Parse(settings[name])
		switch {
		case err != nil:
			failures.add(name, Reference{Scheme: ref.Scheme}, err)
		case is:
			refs[name] = ref
		}
	}
	return refs, failures.err()
}

// failures are the failures of several settings, reported together.
type failures struct {
	first *core.Error
	texts []string
}

func (f *failures) add(setting string, ref Reference, err error) {
	failure := *core.AsError(err)
	if f.first == nil {
		f.first = &failure
	}
	text := setting + ": "
	if ref.Name != "" {
		text += ref.String() + ": "
	}
	failure.Param = ""
	if text += failure.Public(); !slices.Contains(f.texts, text) {
		f.texts = append(f.texts, text)
	}
}

func (f *failures) err() error {
	if f.first == nil {
		return nil
	}
	code := f.first.Code
	if code == core.CodeInvalid { // of settings, not of a caller's question
		code = core.CodeMisconfigured
	}
	return &core.Error{Op: "secrets", Code: code, Detail: strings.Join(f.texts, "; "), Err: f.first.Err, Inside: true}
}

// get returns one secret: as it is cached, or fetched where that is too old. Local
// secrets are not cached.
func (k *Cache) get(ctx context.Context, ref Reference) (core.Secret, error) {
	store := k.stores[ref.Scheme]
	if store == nil {
		return core.Secret{}, broken("this program cannot read %s", ref.Scheme)
	}
	if ref.Scheme == schemeEnv || ref.Scheme == schemeFile {
		return store(ctx, ref)
	}
	came := now()
	for {
		e := k.entry(ref)
		age := came.Sub(e.fetched)
		fresh := e.has && age < k.opts.KeepFor
		resting := came.Sub(e.failed) < restAfter && (fresh || k.opts.StaleFor == 0 || e.watched)
		// In the last quarter of its time a secret is fetched while no caller waits.
		due := !e.has || age > k.opts.KeepFor*3/4 && !resting
		var fetch <-chan singleflight.Result
		if due {
			fetch = k.fetch(ctx, ref, false)
		}
		if fresh || !due {
			return k.stale(e)
		}
		var enough <-chan time.Time
		if e.has && k.opts.StaleFor == 0 {
			enough = time.After(patience)
		}
		select {
		case result := <-fetch:
			if secret, err, settled := k.after(ctx, ref, result, came); settled {
				return secret, err
			}
		case <-enough:
			return k.entry(ref).secret, nil
		case <-ctx.Done():
			if enough != nil {
				return e.secret, nil
			}
			return core.Secret{}, core.AsError(ctx.Err())
		}
	}
}

// after returns what a caller gets of a fetch that it waited for. A fetch that began
// before the caller came and failed settles nothing: a freeze ends the fetches that
// began before it.
func (k *Cache) after(ctx context.Context, ref Reference, result singleflight.Result, came time.Time) (secret core.Secret, err error, settled bool) {
	fetch := result.Val.(fetched)
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.entries[ref]
	switch {
	case e.has && k.opts.StaleFor == 0: // the old one may well be good still
		return e.secret, nil, true
	case result.Err == nil && came.Sub(fetch.began) < k.opts.KeepFor:
		return fetch.secret, nil, true
	case fetch.began.Before(came):
		return core.Secret{}, nil, false
	case !e.has, principalOf(ctx, ref) != principal{}, storeAnswered(result.Err):
		return core.Secret{}, result.Err, true
	}
	e.watched = true
	secret, err = k.stale(*e)
	return secret, err, true
}

// storeAnswered reports whether a failure is the store's answer, as that there is no
// such secret any more, and not that the store cannot be reached.
func storeAnswered(err error) bool {
	code := core.CodeOf(err)
	return code == core.CodeMisconfigured || code == core.CodeDenied
}

// stale returns the secret of an entry, unless it is too old for anything.
func (k *Cache) stale(e entry) (core.Secret, error) {
	if k.opts.StaleFor > 0 && now().Sub(e.fetched) > k.opts.KeepFor+k.opts.StaleFor {
		return core.Secret{}, e.err
	}
	return e.secret, nil
}

// entry returns a copy of an entry.
func (k *Cache) entry(ref Reference) entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.entries[ref]; e != nil {
		return *e
	}
	return entry{}
}

// fetch reads a secret, or joins the fetch that the same principal has under way. The
// fetch outlives the caller, since others may wait for it. The result's value is a
// fetched.
func (k *Cache) fetch(ctx context.Context, ref Reference, refused bool) <-chan singleflight.Result {
	from := principalOf(ctx, ref)
	return k.fetches.DoChan(ref.String()+"\n"+string(from[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		f := fetched{began: now(), refused: refused}
		var err error
		f.secret, err = ask(ctx, k.stores[ref.Scheme], ref)
		k.keep(ref, from, f, err)
		return f, err
	})
}

// keep notes how a fetch went.
func (k *Cache) keep(ref Reference, from principal, f fetched, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.entries[ref]
	if e == nil {
		e = new(entry)
		k.entries[ref] = e
	}
	if f.refused {
		e.renewed = now()
	}
	switch {
	case err == nil && f.began.Before(e.fetched): // another principal's was faster
	case err == nil:
		e.secret, e.has, e.fetched, e.failed = f.secret, true, f.began, time.Time{}
	case from == principal{}:
		e.failed, e.watched, e.err = now(), false, err
		if e.has {
			k.opts.Logger.Warn("a secret could not be read again",
				"secret", ref.String(), "age_s", int(now().Sub(e.fetched).Seconds()), "error", core.AsError(err).Error())
		}
	}
}

// ask reads from a store once. A panic of a vendor's SDK ends neither the process nor
// the callers that wait.
func ask(ctx context.Context, store Store, ref Reference) (secret core.Secret, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &core.Error{Op: "secrets", Code: core.CodeInternal, Err: fmt.Errorf("reading a secret panicked: %T", value)}
		}
	}()
	secret, err = store(ctx, ref)
	if err == nil && secret.Empty() {
		err = broken("the secret is empty")
	}
	return secret, err
}

// Renew fetches again the secrets that settings refer to, for a cloud that refuses a
// key. Where that fails, Resolve returns the old value.
func (k *Cache) Renew(ctx context.Context, settings map[string]string) {
	if refs, err := references(settings); err == nil {
		forEachSecret(refs, func(ref Reference) { k.renew(ctx, ref) })
	}
}

// renew is Renew for one secret. A fetch under way that no refusal caused may have been
// answered before the key changed, or from a cache on the way: renew waits for it and
// fetches again.
func (k *Cache) renew(ctx context.Context, ref Reference) {
	ctx = context.WithValue(ctx, refused{}, true)
	for {
		if e := k.entry(ref); !e.has || now().Sub(e.renewed) < renewEvery {
			return
		}
		select {
		case result := <-k.fetch(ctx, ref, true):
			if result.Val.(fetched).refused {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// refused marks a context in which no cache on the way may answer, since a cloud
// refuses the key.
type refused struct{}

func isRefused(ctx context.Context) bool { return ctx.Value(refused{}) != nil }
