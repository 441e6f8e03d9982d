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

	"partnerlens/pkg/core"
)

// Store reads one whole secret of a scheme, in one attempt. It returns a
// *core.Error, and soon once ctx is done.
type Store func(ctx context.Context, ref Reference) (core.Secret, error)

// Options are what a Cache is built with. They are copied.
type Options struct {
	Getenv  func(name string) string // for env:, and for the platform's own settings; required
	KeepFor time.Duration            // how long a secret is used before it is read again; 0: 5 min
	Stores  map[string]Store         // by scheme; nil: all there are
	Logger  *slog.Logger             // is told of stores that fail while there is a value to go on with; nil: nobody is

	// StaleFor is for secrets that say who may come in, which nobody checks after us.
	// Beyond KeepFor callers wait for the store, and only where that has failed is the
	// old value used, so much longer at most. 0 is for keys that their cloud
	// checks: callers wait a moment, and the old value is used as long as there is no other.
	StaleFor time.Duration
}

// DefaultKeepFor is as long as AWS's own extension keeps a secret.
const DefaultKeepFor = 5 * time.Minute

const (
	fetchTimeout = 5 * time.Second        // of a fetch that somebody waits for
	patience     = 500 * time.Millisecond // with a fetch, where there is a value to go on with: a function may have three seconds in all
	restAfter    = 10 * time.Second       // without asking a store that has just failed, where there is a value to go on with
	renewEvery   = time.Second            // at most, a secret is fetched again because a cloud refused it
)

// Cache resolves settings, and keeps what the stores answered. Safe for
// concurrent use.
type Cache struct {
	opts   Options
	stores map[string]Store

	mu   sync.Mutex
	kept map[Reference]*kept // by whole secret
}

// kept is one whole secret.
type kept struct {
	secret   core.Secret
	has      bool
	fetched  time.Time // when the fetch that brought it began
	renewed  time.Time // when the last fetch began that was made because a cloud refused it
	failed   time.Time // when the last fetch failed with a key of our own; zero where it did not
	watched  bool      // somebody waited for that one from its beginning to its end
	err      error     // of the last that failed
	fetching map[asker]*fetch
}

// fetch is one on its way.
type fetch struct {
	begun   time.Time
	refused bool          // because a cloud refused what there was
	over    chan struct{} // closed when it is
	err     error         // once it is over
}

// asker is with whose key a store is asked. The zero asker is this function; any other
// is whoever sent a request's key: his failures are his alone.
type asker [sha256.Size]byte

// now is the time of the clock on the wall: the other one may stand still while a
// platform keeps a function frozen, and secrets grow old nevertheless.
func now() time.Time { return time.Now().Round(0) }

// NewCache gives a Cache. Nothing is fetched yet.
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
	return &Cache{opts: opts, stores: stores, kept: make(map[Reference]*kept)}
}

// Resolve gives settings with their references replaced by what they name. All
// that refer to one secret get members of one version of it. The error names every
// setting that could not be resolved, by the name that it has in settings.
func (k *Cache) Resolve(ctx context.Context, settings map[string]string) (map[string]string, error) {
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
	return &core.Error{Op: "secrets", Code: code, Detail: strings.Join(f.texts, "; "), Err: f.first.Err, Inside: true}
}

// fetched is what came of one secret.
type fetched struct {
	secret core.Secret
	err    error
}

// fetch gives the secrets that refs refer to, side by side.
func (k *Cache) fetch(ctx context.Context, refs map[string]Reference) map[Reference]fetched {
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
		k.mu.Lock()
		entry := k.kept[ref]
		if entry == nil {
			entry = &kept{fetching: make(map[asker]*fetch)}
			k.kept[ref] = entry
		}
		age := came.Sub(entry.fetched)
		fresh := entry.has && age < k.opts.KeepFor
		resting := came.Sub(entry.failed) < restAfter && (fresh || k.opts.StaleFor == 0 || entry.watched)
		// The last quarter of its time is for fetching it anew while nobody waits.
		if !entry.has || age > k.opts.KeepFor*3/4 && !resting {
			k.begin(ctx, ref, store, entry)
		}
		under := entry.fetching[askerOf(ctx, ref)]
		if fresh || entry.has && under == nil {
			defer k.mu.Unlock()
			return k.stale(entry)
		}
		var enough <-chan time.Time
		if entry.has && k.opts.StaleFor == 0 {
			enough = time.After(patience)
		}
		k.mu.Unlock()

		select {
		case <-under.over:
		case <-enough:
		case <-ctx.Done():
		}
		if secret, err, settled := k.after(ctx, ref, entry, under, came); settled {
			return secret, err
		}
	}
}

// after gives what came of waiting for a fetch. It settles nothing where that began
// before the caller came and failed: what was begun before a freeze dies of it.
func (k *Cache) after(ctx context.Context, ref Reference, entry *kept, under *fetch, came time.Time) (secret core.Secret, err error, settled bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	mine := askerOf(ctx, ref)
	switch {
	case entry.has && k.opts.StaleFor == 0: // the new one; or the old one, which may well be good still
		return entry.secret, nil, true
	case entry.fetching[mine] == under:
		return core.Secret{}, core.AsError(ctx.Err()), true
	case under.err == nil && came.Sub(under.begun) < k.opts.KeepFor:
		return entry.secret, nil, true
	case under.begun.Before(came):
		return core.Secret{}, nil, false
	case !entry.has, mine != asker{}, storeAnswered(under.err):
		return core.Secret{}, under.err, true
	}
	entry.watched = true
	secret, err = k.stale(entry)
	return secret, err, true
}

// storeAnswered says whether a failure is what the store has to say, as that there is
// no such secret any more, and not that it cannot be asked.
func storeAnswered(err error) bool {
	code := core.CodeOf(err)
	return code == core.CodeMisconfigured || code == core.CodeDenied
}

// stale gives what is kept, unless it is too old for anything. k.mu is held.
func (k *Cache) stale(entry *kept) (core.Secret, error) {
	if k.opts.StaleFor > 0 && now().Sub(entry.fetched) > k.opts.KeepFor+k.opts.StaleFor {
		return core.Secret{}, entry.err
	}
	return entry.secret, nil
}

// begin fetches a secret unless the same asker does. The fetch outlives the caller, who
// may be one of many that wait for it. k.mu is held.
func (k *Cache) begin(ctx context.Context, ref Reference, store Store, entry *kept) {
	mine := askerOf(ctx, ref)
	if entry.fetching[mine] != nil {
		return
	}
	under := &fetch{begun: now(), refused: isRefused(ctx), over: make(chan struct{})}
	entry.fetching[mine] = under
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	go func() {
		defer cancel()
		secret, err := ask(ctx, store, ref)
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(entry.fetching, mine)
		under.err = err
		switch {
		case err == nil && under.begun.Before(entry.fetched): // another asker's was faster
		case err == nil:
			entry.secret, entry.has, entry.fetched, entry.failed = secret, true, under.begun, time.Time{}
		case mine == asker{}:
			entry.failed, entry.watched, entry.err = now(), false, err
			if entry.has {
				k.opts.Logger.Warn("a secret could not be read again",
					"secret", ref.String(), "age_s", int(now().Sub(entry.fetched).Seconds()), "error", core.AsError(err).Error())
			}
		}
		close(under.over)
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

// Renew fetches again, now, what the settings refer to: for where a cloud refuses a key
// that was good until then. That it fails shows in the value that Resolve gives, which
// stays.
func (k *Cache) Renew(ctx context.Context, settings map[string]string) {
	refs, err := references(settings)
	if err != nil {
		return
	}
	wholes := make(map[Reference]bool)
	for _, ref := range refs {
		wholes[ref.secret()] = true
	}
	var under sync.WaitGroup
	for whole := range wholes {
		under.Go(func() { k.renew(ctx, whole) })
	}
	under.Wait()
}

// renew is Renew for one secret. A fetch that is under way may have been answered
// before the key changed, or by what is kept on the way: it is waited for, and not
// relied on unless it was made because a cloud refused the key.
func (k *Cache) renew(ctx context.Context, ref Reference) {
	for relied := false; !relied; {
		k.mu.Lock()
		entry := k.kept[ref]
		if entry == nil {
			k.mu.Unlock()
			return
		}
		under := entry.fetching[askerOf(ctx, ref)]
		if under == nil {
			if now().Sub(entry.renewed) < renewEvery {
				k.mu.Unlock()
				return
			}
			ctx := context.WithValue(ctx, refused{}, true)
			k.begin(ctx, ref, k.stores[ref.Scheme], entry)
			under = entry.fetching[askerOf(ctx, ref)]
			entry.renewed = under.begun
		}
		relied = under.refused
		k.mu.Unlock()
		select {
		case <-under.over:
		case <-ctx.Done():
			return
		}
	}
}

// refused marks a fetch that is made because a cloud refused the key: nothing
// that is kept on the way will do.
type refused struct{}

func isRefused(ctx context.Context) bool { return ctx.Value(refused{}) != nil }
