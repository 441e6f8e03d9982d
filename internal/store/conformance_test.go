package store_test

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

func TestFolderConforms(t *testing.T) {
	t.Parallel()
	conforms(t, func(t *testing.T) store.Store {
		s, err := store.Open("file://"+t.TempDir()+"/made/on/the/way", store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// testBucket gives the URL of a place of its own in the real server's bucket.
func testBucket(t *testing.T) string {
	t.Helper()
	text := os.Getenv("PARTNERLENS_TEST_S3")
	if text == "" {
		t.Skip("there is no S3 server to test with; run it with one: scripts/s3.sh go test ./internal/store/...")
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	u.Path += "/" + strings.ToLower(cryptorand.Text())
	return u.String()
}

func TestBucketConforms(t *testing.T) {
	t.Parallel()
	testBucket(t)
	conforms(t, func(t *testing.T) store.Store {
		s, err := store.Open(testBucket(t), store.Options{Getenv: os.Getenv})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

// conforms checks that a Store keeps each rule of the interface, in a subtest of its own.
// open returns an empty one.
func conforms(t *testing.T, open func(t *testing.T) store.Store) {
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			if err := rule.check(t.Context(), open(t)); err != nil {
				t.Errorf("%s: %v", rule.text, err)
			}
		})
	}
}

// Breaks gives the error with which one law refuses a Store; nil: it keeps the rule.
func violation(t *testing.T, name string, open func(t *testing.T) store.Store) error {
	for _, rule := range rules {
		if rule.name == name {
			return rule.check(t.Context(), open(t))
		}
	}
	t.Fatalf("there is no rule %q", name)
	return nil
}

var rules = []struct {
	name, text string
	check      func(context.Context, store.Store) error
}{
	{"round-trip", "an object must read back as it was put, whatever its length", roundTrip},
	{"write-once", "write must be called once, and Put must not retain its buffers", writeOnce},
	{"overwrite-is-atomic", "a reader must see the old object or the whole new one", overwriteIsAtomic},
	{"failed-write-stores-nothing", "a write that fails or panics must leave the old object", failedWriteStoresNothing},
	{"ended-context", "an ended context must end every operation with its own code, and nothing be stored", endedContext},
	{"not-found", "a missing object must be CodeNotFound", notFound},
	{"put-new-wins-once", "of concurrent PutNew calls one must succeed, and the others return ErrExists", putNewWinsOnce},
	{"list-in-order", "List must yield every object once, in the order of the names' bytes", listInOrder},
	{"list-many", "List must continue past its first page", listMany},
	{"names-are-refused", "an invalid name must be refused before the operation has any effect", namesAreRefused},
	{"delete-twice", "a deleted object must be gone, and deleting a missing one must be no error", deleteTwice},
	{"side-by-side", "concurrent operations must not affect each other", sideBySide},
}

// size is a little more than two parts of a multipart upload.
const size = 20<<20 + 7

// pattern returns length bytes that depend on the seed alone: a block of noise, repeated,
// each time with its number.
func pattern(seed uint64, length int64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	block := make([]byte, 65_537) // of no size that anything else has
	rand.NewChaCha8(key).Read(block)
	return &noise{block: block, left: length}
}

type noise struct {
	block    []byte
	at, left int64
}

func (n *noise) Read(p []byte) (int, error) {
	if n.left == 0 {
		return 0, io.EOF
	}
	from := n.at % int64(len(n.block))
	if from == 0 {
		binary.LittleEndian.PutUint64(n.block, uint64(n.at))
	}
	m := copy(p[:min(int64(len(p)), n.left)], n.block[from:])
	n.at, n.left = n.at+int64(m), n.left-int64(m)
	return m, nil
}

func put(ctx context.Context, s store.Store, name string, from io.Reader) error {
	return s.Put(ctx, name, func(w io.Writer) error {
		_, err := io.Copy(struct{ io.Writer }{w}, from)
		return err
	})
}

func putText(ctx context.Context, s store.Store, name, text string) error {
	return put(ctx, s, name, strings.NewReader(text))
}

// sum returns the length and hash of what it reads.
func sum(from io.Reader) (string, error) {
	hash := sha256.New()
	n, err := io.Copy(hash, from)
	return fmt.Sprintf("%d bytes %x", n, hash.Sum(nil)[:8]), err
}

func sumOf(ctx context.Context, s store.Store, name string) (string, error) {
	from, err := s.Get(ctx, name)
	if err != nil {
		return "", err
	}
	defer from.Close()
	return sum(from)
}

// holds checks the content of an object.
func holds(ctx context.Context, s store.Store, name string, want io.Reader) error {
	wanted, _ := sum(want)
	got, err := sumOf(ctx, s, name)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if got != wanted {
		return fmt.Errorf("%s is %s, want %s", name, got, wanted)
	}
	return nil
}

func holdsText(ctx context.Context, s store.Store, name, text string) error {
	return holds(ctx, s, name, strings.NewReader(text))
}

func absent(ctx context.Context, s store.Store, name string) error {
	return isCode(core.CodeNotFound, func() error {
		_, err := sumOf(ctx, s, name)
		return err
	})
}

// isCode checks that do fails with a *core.Error of the code.
func isCode(code core.Code, do func() error) error {
	err := do()
	if e, ok := errors.AsType[*core.Error](err); !ok || e.Code != code || e.Op == "" {
		return fmt.Errorf("got %w (%T), want a core.Error of %s with its Op", err, err, code)
	}
	return nil
}

func names(ctx context.Context, s store.Store, prefix string) (all []string, err error) {
	for object, err := range s.List(ctx, prefix) {
		if err != nil {
			return all, err
		}
		all = append(all, object.Name)
	}
	return all, nil
}

func listsOnly(ctx context.Context, s store.Store, prefix string, want ...string) error {
	if got, err := names(ctx, s, prefix); err != nil || !slices.Equal(got, want) {
		return fmt.Errorf("List(%q) = %q, %w, want %q", prefix, got, err, want)
	}
	return nil
}

func roundTrip(ctx context.Context, s store.Store) error {
	for i, length := range []int64{0, 1, 100_000, 8 << 20, 8<<20 + 1, size} {
		name, seed := fmt.Sprintf("runs/2026-11-22/part-%d.jsonl", i), uint64(i)
		if err := put(ctx, s, name, pattern(seed, length)); err != nil {
			return fmt.Errorf("putting %d bytes: %w", length, err)
		}
		if err := holds(ctx, s, name, pattern(seed, length)); err != nil {
			return err
		}
		for object, err := range s.List(ctx, name) {
			if err != nil || object.Size != length || time.Since(object.Modified).Abs() > time.Hour {
				return fmt.Errorf("listed as %+v, %w, want %d bytes of just now", object, err, length)
			}
		}
	}
	// A short object replaces a long one.
	if err := putText(ctx, s, "runs/2026-11-22/part-5.jsonl", "short"); err != nil {
		return err
	}
	return holdsText(ctx, s, "runs/2026-11-22/part-5.jsonl", "short")
}

func writeOnce(ctx context.Context, s store.Store) error {
	calls := 0
	err := s.Put(ctx, "bytes", func(w io.Writer) error {
		calls++
		buffer := make([]byte, 1)
		for i := range 100_000 {
			buffer[0] = byte(i)
			if n, err := w.Write(buffer); n != 1 || err != nil {
				return fmt.Errorf("wrote %d, %w", n, err)
			}
		}
		buffer[0] = 'x'
		return nil
	})
	if err != nil || calls != 1 {
		return fmt.Errorf("%d calls of write, %w", calls, err)
	}
	want := make([]byte, 100_000)
	for i := range want {
		want[i] = byte(i)
	}
	if err := holds(ctx, s, "bytes", bytes.NewReader(want)); err != nil {
		return err
	}
	body := []byte("first")
	if err := s.PutNew(ctx, "new", body); err != nil {
		return err
	}
	copy(body, "scribble")
	return holdsText(ctx, s, "new", "first")
}

func overwriteIsAtomic(ctx context.Context, s store.Store) error {
	// In the middle of a Put, before its last byte, readers see the old object.
	for _, length := range []int64{1000, size} {
		if err := putText(ctx, s, "o", "old"); err != nil {
			return err
		}
		opened, err := s.Get(ctx, "o")
		if err != nil {
			return err
		}
		defer opened.Close()
		err = s.Put(ctx, "o", func(w io.Writer) error {
			from := pattern(1, length)
			if _, err := io.CopyN(w, from, length-1); err != nil {
				return err
			}
			if err := holdsText(ctx, s, "o", "old"); err != nil {
				return fmt.Errorf("while %d bytes are being written: %w", length, err)
			}
			if err := listsOnly(ctx, s, "", "o"); err != nil {
				return fmt.Errorf("while %d bytes are being written: %w", length, err)
			}
			_, err := io.Copy(w, from)
			return err
		})
		if err != nil {
			return err
		}
		if err := holds(ctx, s, "o", pattern(1, length)); err != nil {
			return err
		}
		wanted, _ := sum(strings.NewReader("old"))
		if got, err := sum(opened); err != nil || got != wanted {
			return fmt.Errorf("one that was opened before is %s, %w, want the old one", got, err)
		}
	}
	// Concurrent readers see one of the versions that the writer puts.
	known := map[string]bool{}
	const versions = 20
	length := func(i int) int64 { return 300_000 + 70_000*int64(i) }
	for i := range versions {
		hash, _ := sum(pattern(uint64(i), length(i)))
		known[hash] = true
	}
	if err := put(ctx, s, "o", pattern(0, length(0))); err != nil {
		return err
	}
	group := newGroup()
	written := make(chan struct{})
	group.do(func() error {
		defer close(written)
		for i := range versions {
			if err := put(ctx, s, "o", pattern(uint64(i), length(i))); err != nil {
				return err
			}
		}
		return nil
	})
	for range 3 {
		group.do(func() error {
			for {
				if hash, err := sumOf(ctx, s, "o"); err != nil || !known[hash] {
					return fmt.Errorf("a reader saw %s, %w", hash, err)
				}
				select {
				case <-written:
					return nil
				default:
				}
			}
		})
	}
	return group.wait()
}

var errPlanted = errors.New("the writer's own error")

func failedWriteStoresNothing(ctx context.Context, s store.Store) error {
	if err := putText(ctx, s, "there", "old"); err != nil {
		return err
	}
	for _, length := range []int64{0, 1000, size} {
		for _, name := range []string{"there", "new"} {
			if length == size && name == "new" {
				continue // the same again, at length
			}
			ends := map[string]func() error{
				"returns an error": func() error { return errPlanted },
				"panics":           func() error { panic(errPlanted) },
				"ends its goroutine": func() error {
					runtime.Goexit()
					return nil
				},
			}
			for how, end := range ends {
				var err error
				var panicked any
				returned := false
				finished := make(chan struct{})
				go func() {
					defer close(finished)
					defer func() { panicked = recover() }()
					err = s.Put(ctx, name, func(w io.Writer) error {
						if _, err := io.Copy(w, pattern(1, length)); err != nil {
							return err
						}
						return end()
					})
					returned = true
				}()
				<-finished
				switch {
				case how == "returns an error" && err != errPlanted, //nolint:errorlint // the error itself is returned
					how == "panics" && panicked != any(errPlanted),
					how == "ends its goroutine" && returned:
					return fmt.Errorf("a writer that %s after %d bytes: %w, panic %v", how, length, err, panicked)
				}
				if err := errors.Join(holdsText(ctx, s, "there", "old"), absent(ctx, s, "new"), listsOnly(ctx, s, "", "there")); err != nil {
					return fmt.Errorf("after a writer that %s after %d bytes: %w", how, length, err)
				}
			}
		}
	}
	return nil
}

func endedContext(ctx context.Context, s store.Store) error {
	if err := errors.Join(put(ctx, s, "long", pattern(1, size)), putText(ctx, s, "there", "old")); err != nil {
		return err
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	late, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	for code, ctx := range map[core.Code]context.Context{core.CodeCanceled: gone, core.CodeDeadline: late} {
		for op, do := range map[string]func() error{
			"Get":    func() error { _, err := s.Get(ctx, "there"); return err },
			"Put":    func() error { return putText(ctx, s, "there", "new") },
			"PutNew": func() error { return s.PutNew(ctx, "new", []byte("new")) },
			"List":   func() error { _, err := names(ctx, s, ""); return err },
			"Delete": func() error { return s.Delete(ctx, "there") },
		} {
			if err := isCode(code, do); err != nil {
				return fmt.Errorf("%s with an ended context: %w", op, err)
			}
		}
	}
	for _, length := range []int64{10, size} {
		for _, stubborn := range []bool{false, true} { // write ignores the error and returns nil
			err := isCode(core.CodeCanceled, func() error {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				return s.Put(ctx, "there", func(w io.Writer) error {
					from := pattern(1, length)
					if _, err := io.CopyN(w, from, length/2); err != nil {
						return err
					}
					cancel()
					if _, err := io.Copy(w, from); !stubborn {
						return err
					}
					return nil
				})
			})
			if err != nil {
				return fmt.Errorf("a Put of %d bytes, canceled halfway: %w", length, err)
			}
		}
	}
	err := isCode(core.CodeCanceled, func() error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		from, err := s.Get(ctx, "long")
		if err != nil {
			return err
		}
		defer from.Close()
		if _, err := io.CopyN(io.Discard, from, 1000); err != nil {
			return err
		}
		cancel()
		_, err = io.Copy(io.Discard, from)
		return err
	})
	if err != nil {
		return fmt.Errorf("a Get, canceled while it is read: %w", err)
	}
	listing, cancel := context.WithCancel(ctx)
	defer cancel()
	var pairs []error
	for _, err := range s.List(listing, "") {
		pairs = append(pairs, err)
		cancel()
	}
	if len(pairs) != 2 || pairs[0] != nil || core.CodeOf(pairs[1]) != core.CodeCanceled {
		return fmt.Errorf("a List, canceled at the first of two: %v", pairs)
	}
	return errors.Join(holdsText(ctx, s, "there", "old"), listsOnly(ctx, s, "", "long", "there"))
}

func notFound(ctx context.Context, s store.Store) error {
	if err := putText(ctx, s, "a/b/c", "x"); err != nil {
		return err
	}
	for _, name := range []string{"absent", "a", "a/b", "a/b/d", "a/b/c/d"} {
		if err := absent(ctx, s, name); err != nil {
			return fmt.Errorf("Get(%s): %w", name, err)
		}
	}
	return nil
}

func putNewWinsOnce(ctx context.Context, s store.Store) error {
	if err := errors.Join(s.PutNew(ctx, "new/a", []byte("first")), holdsText(ctx, s, "new/a", "first")); err != nil {
		return err
	}
	for _, body := range []string{"second", "first"} {
		if err := s.PutNew(ctx, "new/a", []byte(body)); !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("where there is one: %w, want ErrExists", err)
		}
	}
	if err := errors.Join(holdsText(ctx, s, "new/a", "first"), s.Delete(ctx, "new/a"), s.PutNew(ctx, "new/a", nil), holdsText(ctx, s, "new/a", "")); err != nil {
		return err
	}
	for race := range 5 {
		const racers = 16
		name := fmt.Sprintf("new/race-%d", race)
		var mu sync.Mutex
		var won []int
		start, group := make(chan struct{}), newGroup()
		for i := range racers {
			group.do(func() error {
				<-start
				body, _ := io.ReadAll(pattern(uint64(i), 50_000))
				switch err := s.PutNew(ctx, name, body); {
				case err == nil:
					mu.Lock()
					won = append(won, i)
					mu.Unlock()
				case !errors.Is(err, store.ErrExists):
					return err
				}
				// The object is visible, and whole, after either result.
				if hash, err := sumOf(ctx, s, name); err != nil || !strings.HasPrefix(hash, "50000 bytes ") {
					return fmt.Errorf("after it was put: %s, %w", hash, err)
				}
				return nil
			})
		}
		close(start)
		if err := group.wait(); err != nil {
			return err
		}
		if len(won) != 1 {
			return fmt.Errorf("of %d at once, %v succeeded", racers, won)
		}
		if err := holds(ctx, s, name, pattern(uint64(won[0]), 50_000)); err != nil {
			return err
		}
	}
	return listsOnly(ctx, s, "new/race", "new/race-0", "new/race-1", "new/race-2", "new/race-3", "new/race-4")
}

func listInOrder(ctx context.Context, s store.Store) error {
	if err := listsOnly(ctx, s, ""); err != nil {
		return err
	}
	// A slash comes after - and ., and before digits, = and letters.
	sorted := []string{".hidden", "B", "a-b", "a-b.c", "a.b", "a/-", "a/b", "a/b-c/x", "a/b.c", "a/c/d/e", "a0", "a=b", "a_b", "ab", "b/a", "b/a.b", "ba"}
	shuffled := slices.Clone(sorted)
	slices.Reverse(shuffled)
	for _, name := range shuffled {
		if err := putText(ctx, s, name, "text of "+name); err != nil {
			return err
		}
	}
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b-", "a/b-c/", "a.", "b", "b/a", "b/a.b", "ba", "c", "a/b-c/x/", "a/c/d", ".", "zz/"} {
		var want []string
		for _, name := range sorted {
			if strings.HasPrefix(name, prefix) {
				want = append(want, name)
			}
		}
		list := s.List(ctx, prefix)
		for range 2 { // ranged over twice
			var got []string
			for object, err := range list {
				if err != nil || object.Size != int64(len("text of "+object.Name)) {
					return fmt.Errorf("List(%q) gives %+v, %w", prefix, object, err)
				}
				got = append(got, object.Name)
			}
			if !slices.Equal(got, want) {
				return fmt.Errorf("List(%q) = %q, want %q", prefix, got, want)
			}
		}
	}
	for range s.List(ctx, "") {
		break // and no more
	}
	if err := s.Delete(ctx, "a/b-c/x"); err != nil {
		return err
	}
	return listsOnly(ctx, s, "a/b", "a/b", "a/b.c")
}

func listMany(ctx context.Context, s store.Store) error {
	const many = 1_100 // a page of S3 holds 1,000
	var want []string
	for i := range many {
		want = append(want, fmt.Sprintf("many/%d/object-%d", i%3, i))
	}
	group := newGroup()
	for worker := range 8 {
		group.do(func() error {
			for i := worker; i < many; i += 8 {
				if err := s.PutNew(ctx, want[i], []byte(want[i])); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.wait(); err != nil {
		return err
	}
	slices.Sort(want)
	got, err := names(ctx, s, "many/")
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%d names, want %d, each once and in order", len(got), many)
	}
	return nil
}

func namesAreRefused(ctx context.Context, s store.Store) error {
	bad := []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "./a", "a/./b", "a b", "a\\b", "a\x00", "a\nb", "a~", "é", "a:b", "a%2fb", "a?b", "a*",
		strings.Repeat("a", 256), strings.Repeat("a/", 300) + "a",
	}
	for _, name := range bad {
		for op, do := range map[string]func() error{
			"Get": func() error { _, err := s.Get(ctx, name); return err },
			"Put": func() error {
				return s.Put(ctx, name, func(io.Writer) error { return errors.New("write was called") })
			},
			"PutNew": func() error { return s.PutNew(ctx, name, []byte("x")) },
			"Delete": func() error { return s.Delete(ctx, name) },
		} {
			if err := isCode(core.CodeInvalid, do); err != nil {
				return fmt.Errorf("%s(%q): %w", op, name, err)
			}
		}
	}
	for _, prefix := range []string{"/", "a//", "../", "a/../", "./a", "a b", "a~", strings.Repeat("a", 256)} {
		if err := isCode(core.CodeInvalid, func() error { _, err := names(ctx, s, prefix); return err }); err != nil {
			return fmt.Errorf("List(%q): %w", prefix, err)
		}
	}
	good := strings.Repeat("a", 255) + "/" + strings.Repeat("b", 255)
	for _, name := range []string{"...", "a..b/-/=/_", good} {
		if err := errors.Join(putText(ctx, s, name, name), holdsText(ctx, s, name, name)); err != nil {
			return err
		}
	}
	return listsOnly(ctx, s, "", "...", "a..b/-/=/_", good)
}

func deleteTwice(ctx context.Context, s store.Store) error {
	if err := errors.Join(putText(ctx, s, "a/b/c", "x"), putText(ctx, s, "a/d", "y")); err != nil {
		return err
	}
	for range 2 {
		if err := s.Delete(ctx, "a/b/c"); err != nil {
			return err
		}
		if err := errors.Join(absent(ctx, s, "a/b/c"), listsOnly(ctx, s, "", "a/d")); err != nil {
			return err
		}
	}
	// Neither a folder nor what is below an object is an object.
	for _, name := range []string{"a", "a/d/e", "absent/at/all"} {
		if err := s.Delete(ctx, name); err != nil {
			return err
		}
	}
	return errors.Join(holdsText(ctx, s, "a/d", "y"), s.Delete(ctx, "a/d"), listsOnly(ctx, s, ""))
}

func sideBySide(ctx context.Context, s store.Store) error {
	group := newGroup()
	const rounds = 6
	for worker := range 16 {
		group.do(func() error {
			mine, seed := fmt.Sprintf("shared/w%d/%d", worker%4, worker), uint64(worker)
			for round := range rounds {
				length := int64(1000 * (round + 1))
				if err := errors.Join(put(ctx, s, mine, pattern(seed, length)), holds(ctx, s, mine, pattern(seed, length))); err != nil {
					return err
				}
				if got, err := names(ctx, s, "shared/"); err != nil || !slices.IsSorted(got) || !slices.Contains(got, mine) {
					return fmt.Errorf("%s is not in the list %q, %w", mine, got, err)
				}
				if err := errors.Join(s.Delete(ctx, mine), absent(ctx, s, mine)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := errors.Join(group.wait(), listsOnly(ctx, s, "")); err != nil {
		return err
	}
	// Several Puts are halfway at the same time.
	const together = 4
	half := make(chan struct{}, together)
	resume := make(chan struct{})
	for i := range together {
		group.do(func() error {
			name, seed := fmt.Sprintf("halves/%d", i), uint64(i)
			err := s.Put(ctx, name, func(w io.Writer) error {
				from := pattern(seed, 200_000)
				if _, err := io.CopyN(w, from, 100_000); err != nil {
					return err
				}
				half <- struct{}{}
				<-resume
				_, err := io.Copy(w, from)
				return err
			})
			return errors.Join(err, holds(ctx, s, name, pattern(seed, 200_000)))
		})
	}
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	for range together {
		select {
		case <-half:
		case <-late.C:
			close(resume)
			return errors.Join(errors.New("one Put waits for another"), group.wait())
		}
	}
	close(resume)
	return group.wait()
}

// group runs functions at the same time and keeps their errors.
type group struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

func newGroup() *group { return &group{} }

func (g *group) do(f func() error) {
	g.wg.Go(func() {
		if err := f(); err != nil {
			g.mu.Lock()
			g.errs = append(g.errs, err)
			g.mu.Unlock()
		}
	})
}

func (g *group) wait() error {
	g.wg.Wait()
	return errors.Join(g.errs...)
}
