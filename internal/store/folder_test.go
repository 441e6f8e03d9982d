package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"partnerlens/pkg/core"
)

func openAt(t *testing.T, dir string) *folder {
	t.Helper()
	s, err := Open("file://"+dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*folder)
}

func write(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// What killed processes left is not seen, and goes when it is old; what is being
// written does not.
func TestFolderClearsOutWhatIsOld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openAt(t, dir)
	left := filepath.Join(dir, drafts)
	for name, age := range map[string]time.Duration{"old": staleAfter + time.Minute, "new": time.Minute} {
		path := filepath.Join(left, name)
		if err := os.WriteFile(path, []byte("half of it"), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	s := openAt(t, dir)
	if entries, err := os.ReadDir(left); err != nil || len(entries) != 1 || entries[0].Name() != "new" {
		t.Errorf("left %v, %v", entries, err)
	}
	for object, err := range s.List(t.Context(), "") {
		t.Errorf("lists %v, %v", object, err)
	}
	if err := s.Put(t.Context(), "a/b", write("x")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.PutNew(t.Context(), "c", []byte("y")), s.Delete(t.Context(), "a/b")); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(left); len(entries) != 1 {
		t.Errorf("drafts stay behind: %v", entries)
	}
	if _, err := os.Stat(filepath.Join(dir, "a")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder stays behind: %v", err)
	}
}

func TestFolderIsForItsUserAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made")
	s := openAt(t, dir)
	if err := s.Put(t.Context(), "a/b", write("x")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "a"): 0o700, filepath.Join(dir, "a", "b"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
}

// Links do not lead outside, and other files in the folder are no objects.
func TestFolderStaysInside(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	s := openAt(t, dir)
	if err := os.WriteFile(filepath.Join(outside, "planted"), []byte("planted"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink(outside, filepath.Join(dir, "link")), os.WriteFile(filepath.Join(dir, "a note~"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if from, err := s.Get(t.Context(), "link/planted"); err == nil {
		t.Errorf("Get follows a link outside: %v", from)
	}
	if err := s.Put(t.Context(), "link/new", write("x")); err == nil {
		t.Error("Put follows a link outside")
	}
	s.Delete(t.Context(), "link/planted")
	if entries, _ := os.ReadDir(outside); len(entries) != 1 || entries[0].Name() != "planted" {
		t.Errorf("outside there is %v", entries)
	}
	for object, err := range s.List(t.Context(), "") {
		t.Errorf("lists %v, %v", object, err)
	}
}

func TestFolderErrors(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("other errors there")
	}
	dir := t.TempDir()
	s := openAt(t, dir)
	ctx := t.Context()
	if err := errors.Join(s.Put(ctx, "a/b", write("x")), s.Put(ctx, "long", write(strings.Repeat("x", 200_000)))); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"an object below another": s.Put(ctx, "a/b/c", write("x")),
		"an object for a folder":  s.Put(ctx, "a", write("x")),
	} {
		if core.CodeOf(err) != core.CodeInternal || !strings.Contains(err.Error(), "folder") {
			t.Errorf("%s: %v", what, err)
		}
	}
	// One that is cut short while it is read.
	from, err := s.Get(ctx, "long")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if err := os.Truncate(filepath.Join(dir, "long"), 100_000); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, from); n != 100_000 || core.CodeOf(err) != core.CodeUnavailable || !strings.Contains(err.Error(), "long: it broke off") {
		t.Errorf("cut short: %d bytes, %v", n, err)
	}
	if _, err := Open("file://"+dir+"/long/x", Options{Setting: "THE_SETTING"}); core.CodeOf(err) != core.CodeMisconfigured || core.AsError(err).Param != "THE_SETTING" {
		t.Errorf("a folder that cannot be made: %v", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(ctx, "a/b", write("x")); core.CodeOf(err) != core.CodeMisconfigured {
		t.Errorf("a folder that is gone: %v", err)
	}
}

// A writer that outlives its Put writes nothing.
func TestWriterEndsWithPut(t *testing.T) {
	t.Parallel()
	var retained io.Writer
	var to strings.Builder
	err := writeTo(t.Context(), "Put", &to, func(w io.Writer) error {
		retained = w
		_, err := io.WriteString(w, "x")
		return err
	})
	if _, late := retained.Write([]byte("y")); err != nil || late == nil || to.String() != "x" {
		t.Errorf("%v, then %v: %q", err, late, to.String())
	}
}
