package secrets

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"partnerlens/pkg/core"
)

// Store reads one whole secret of a scheme, in one attempt. It returns a
// *core.Error, and soon once ctx is done.
type Store func(ctx context.Context, ref Reference) (core.Secret, error)

// Options are what a Keeper is built with. They are copied.
type Options struct {
	Getenv  func(name string) string // for env:, and for the platform's own settings; required
	KeepFor time.Duration            // how long a secret is used before it is read again; 0: 5 min
	Stores  map[string]Store         // by scheme; nil: all there are
	Logger  *slog.Logger             // is told of stores that fail while there is a value to go on with; nil: nobody is
}

// DefaultKeepFor is as long as AWS's own extension keeps a secret.
const DefaultKeepFor = 5 * time.Minute

const (
	fetchTimeout = 5 * time.Second        // of a fetch that somebody waits for
	patience     = 500 * time.Millisecond // with a fetch, where there is a value to go on with: a function may have three seconds in all
	restAfter    = 10 * time.Second       // without asking a store that has just failed, where there is a value to go on with
	renewEvery   = time.Second            // at most, a secret is fetched again because a cloud refused it
)

// Keeper resolves settings, and keeps what the stores answered. Safe for
// concurrent use.
type Keeper struct {
	opts   Options
	stores map[string]Store

	mu   sync.Mutex
	kept map[Reference]*kept // by whole secret
}

// kept is one whole secret.
type kept struct {
	secret   core.Secret
	has      bool
	fetched  time.Time
	renewed  time.Time     // when it was last fetched because a cloud refused it
	failed   time.Time     // when the last fetch failed; zero where it did not
	fetching chan struct{} // closed when the fetch under way is over; nil: none is
	err      error         // of that fetch
}

// NewKeeper gives a Keeper. Nothing is fetched yet.
func NewKeeper(opts Options) *Keeper {
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
	return &Keeper{opts: opts, stores: stores, kept: make(map[Reference]*kept)}
}

// Resolve gives settings with their references replaced by what they name. All
// that refer to one secret get members of one version of it. The error names every
// setting that could not be resolved, by the name that it has in settings.
func (k *Keeper) Resolve(ctx context.Context, settings map[string]string) (map[string]string, error) {
	refs, err := references(settings)
	if err != nil {
		return nil, err
	}
	if len(refs) == 0 {
		return settings, nil
	}
	wholes := k.fetch(ctx, refs)
	resolved := maps.Clone(settings)
	var failures failures
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		ref := refs[name]
		whole := wholes[ref.secret()]
		if whole.err != nil {
			failures.add(name, ref, whole.err)
			continue
		}
		value, err := ref.member(whole.secret)
		if err == nil && value == "" {
			err = broken("the secret is empty")
		}
		if err != nil {
			failures.add(name, ref, err)
			continue
		}
		resolved[name] = value
	}
	if err := failures.err(); err != nil {
		return nil, err
	}
	return resolved, nil
}

// references gives those among settings, and all that are wrongly written.
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

// failures are what is wrong with several settings, told at once.
type failures struct {
	first *core.Error
	names []string
	texts []string
}

func (f *failures) add(setting string, ref Reference, err error) {
	failure := *core.AsError(err)
	if f.first == nil {
		f.first = &failure
	}
	f.names = append(f.names, setting)
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
	return &core.Error{Op: "secrets", Code: code, Detail: strings.Join(f.texts, "; "), Err: f.first.Err}
}

// fetched is what came of one secret.
type fetched struct {
	secret core.Secret
	err    error
}

// fetch gives the secrets that refs refer to, side by side.
func (k *Keeper) fetch(ctx context.Context, refs map[string]Reference) map[Reference]fetched {
	results := make(map[Reference]fetched)
	var mu sync.Mutex
	var under sync.WaitGroup
	for _, ref := range refs {
		whole := ref.secret()
		mu.Lock()
		_, begun := results[whole]
		if !begun {
			results[whole] = fetched{}
		}
		mu.Unlock()
		if begun {
			continue
		}
		under.Go(func() {
			secret, err := k.get(ctx, whole)
			mu.Lock()
			defer mu.Unlock()
			results[whole] = fetched{secret, err}
		})
	}
	under.Wait()
	return results
}

// get gives one secret: as it is kept, or fetched where that is too old. What is
// at hand is local and is not kept.
func (k *Keeper) get(ctx context.Context, ref Reference) (core.Secret, error) {
	store := k.stores[ref.Scheme]
	if store == nil {
		return core.Secret{}, broken("this program cannot read %s", ref.Scheme)
	}
	if ref.Scheme == schemeEnv || ref.Scheme == schemeFile {
		return store(ctx, ref)
	}
	k.mu.Lock()
	entry := k.kept[ref]
	if entry == nil {
		entry = new(kept)
		k.kept[ref] = entry
	}
	now := time.Now()
	if entry.has {
		age := now.Sub(entry.fetched)
		resting := now.Sub(entry.failed) < restAfter
		// The last quarter of its time is for fetching it anew while nobody waits.
		if age > k.opts.KeepFor*3/4 && !resting {
			k.begin(ctx, ref, store, entry)
		}
		if age < k.opts.KeepFor || entry.fetching == nil {
			defer k.mu.Unlock()
			return entry.secret, nil
		}
	} else {
		k.begin(ctx, ref, store, entry)
	}
	over := entry.fetching
	var enough <-chan time.Time
	if entry.has {
		enough = time.After(patience)
	}
	k.mu.Unlock()

	select {
	case <-over:
	case <-enough:
	case <-ctx.Done():
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case entry.has: // the new one; or the old one, which may well be good still
		return entry.secret, nil
	case ctx.Err() != nil && entry.fetching != nil:
		return core.Secret{}, core.AsError(ctx.Err())
	}
	return core.Secret{}, entry.err
}

// begin fetches a secret unless that is under way. The fetch outlives the caller, who
// may be one of many that wait for it. k.mu is held.
func (k *Keeper) begin(ctx context.Context, ref Reference, store Store, entry *kept) {
	if entry.fetching != nil {
		return
	}
	over := make(chan struct{})
	entry.fetching = over
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	go func() {
		defer cancel()
		secret, err := ask(ctx, store, ref)
		k.mu.Lock()
		defer k.mu.Unlock()
		entry.fetching, entry.err = nil, err
		if err == nil {
			entry.secret, entry.has, entry.fetched, entry.failed = secret, true, time.Now(), time.Time{}
		} else {
			entry.failed = time.Now()
			if entry.has {
				k.opts.Logger.Warn("a secret could not be read again; going on with the one at hand",
					"secret", ref.String(), "age_s", int(time.Since(entry.fetched).Seconds()), "error", core.AsError(err).Error())
			}
		}
		close(over)
	}()
}

// ask asks a store once. A panic of a vendor's SDK must end neither the process nor
// those who wait.
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

// Renew fetches again, now, what the settings refer to, but for what was
// fetched after a moment: for where a cloud refuses a key that was good until then.
// That it fails shows in the value that Resolve gives, which stays.
func (k *Keeper) Renew(ctx context.Context, settings map[string]string, since time.Time) {
	refs, err := references(settings)
	if err != nil {
		return
	}
	k.mu.Lock()
	var waits []chan struct{}
	for _, ref := range refs {
		whole := ref.secret()
		entry := k.kept[whole]
		if entry == nil || entry.fetched.After(since) || entry.fetching == nil && time.Since(entry.renewed) < renewEvery {
			continue
		}
		entry.renewed = time.Now()
		k.begin(context.WithValue(ctx, refused{}, true), whole, k.stores[whole.Scheme], entry)
		waits = append(waits, entry.fetching)
	}
	k.mu.Unlock()
	for _, over := range waits {
		select {
		case <-over:
		case <-ctx.Done():
			return
		}
	}
}

// refused marks a fetch that is made because a cloud refused the key: nothing
// that is kept on the way will do.
type refused struct{}

func isRefused(ctx context.Context) bool { return ctx.Value(refused{}) != nil }
