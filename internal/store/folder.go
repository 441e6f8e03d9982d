package store

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"partnerlens/pkg/core"
)

// drafts is the folder in which objects are written before they are renamed. It is inside
// the store's folder, so that a rename suffices; no object can have its name; and Open
// finds in it what killed processes left.
const drafts = ".~drafts"

// staleAfter is far longer than writing an object takes.
const staleAfter = 24 * time.Hour

// folder is a Store in a folder. os.Root follows no link out of it.
type folder struct{ root *os.Root }

func openFolder(dir, setting string) (Store, error) {
	root, err := makeRoot(dir)
	if err != nil {
		why := err
		if number, ok := errors.AsType[syscall.Errno](err); ok {
			why = number
		}
		return nil, &core.Error{Op: "store.Open", Code: core.CodeMisconfigured, Param: setting, Detail: fmt.Sprintf("the folder %s cannot be made or used: %v", dir, why), Err: err}
	}
	f := &folder{root}
	f.sweep()
	return f, nil
}

func makeRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if err := root.MkdirAll(drafts, 0o700); err != nil {
		_ = root.Close() // the other error matters
		return nil, err
	}
	return root, nil
}

// sweep removes old drafts of killed processes. A draft that cannot be removed only takes
// space.
func (f *folder) sweep() {
	entries, _ := fs.ReadDir(f.root.FS(), drafts)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = f.root.Remove(path.Join(drafts, entry.Name()))
		}
	}
}

func (f *folder) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := check(ctx, "Get", name); err != nil {
		return nil, err
	}
	file, info, err := f.open(name)
	if err != nil {
		return nil, err
	}
	return &body{ctx: ctx, name: name, from: file, size: info.Size(), fail: diskError, rest: func(at int64) (io.ReadCloser, error) {
		return f.rest(name, info, at)
	}}, nil
}

func (f *folder) open(name string) (file *os.File, info fs.FileInfo, err error) {
	if file, err = f.root.Open(name); err == nil {
		if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() {
			err = fs.ErrNotExist
		}
		if err != nil {
			_ = file.Close()
		}
	}
	if err != nil {
		return nil, nil, failure("Get", name, diskError(err))
	}
	return file, info, nil
}

// rest opens a file at a byte, if it is still the file of info.
func (f *folder) rest(name string, info fs.FileInfo, at int64) (io.ReadCloser, error) {
	file, same, err := f.open(name)
	if err != nil {
		return nil, err
	}
	if !os.SameFile(info, same) || same.Size() != info.Size() {
		_ = file.Close()
		return nil, replaced(name)
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(file, at, info.Size()-at), file}, nil
}

func (f *folder) Put(ctx context.Context, name string, write func(w io.Writer) error) error {
	return f.put(ctx, "Put", name, write, f.root.Rename)
}

func (f *folder) PutNew(ctx context.Context, name string, body []byte) error {
	err := f.put(ctx, "PutNew", name, func(w io.Writer) error {
		_, err := w.Write(body)
		return err
	}, f.root.Link) // fails if the name exists, unlike Rename
	if errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	return err
}

// put writes a draft, syncs it, and publishes it under its name: after a crash there is the
// old object or the whole new one.
func (f *folder) put(ctx context.Context, op, name string, write func(w io.Writer) error, publish func(draft, name string) error) error {
	if err := check(ctx, op, name); err != nil {
		return err
	}
	wrong := func(err error) error {
		e := diskError(err)
		switch {
		case errors.Is(err, syscall.ENOTDIR):
			e.Code, e.Detail = core.CodeInternal, "a folder of the name is another object"
		case e.Code == core.CodeNotFound:
			e.Code, e.Detail = core.CodeMisconfigured, "the store's folder was removed while it was in use"
		}
		return failure(op, name, e)
	}
	unnamed := path.Join(drafts, rand.Text())
	file, err := f.root.OpenFile(unnamed, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return wrong(err)
	}
	defer func() {
		_ = file.Close()           // unless it is closed
		_ = f.root.Remove(unnamed) // unless it is renamed
	}()
	buffer := bufio.NewWriterSize(draft{file, wrong}, 64<<10)
	if err := writeTo(ctx, op, buffer, write); err != nil {
		return err
	}
	if err := buffer.Flush(); err != nil {
		return err
	}
	if err := errors.Join(file.Sync(), file.Close()); err != nil {
		return wrong(err)
	}
	if err := over(ctx, op); err != nil {
		return err
	}
	for range 100 {
		made := f.root.MkdirAll(path.Dir(name), 0o700)
		if err = made; err == nil {
			err = publish(unnamed, name)
		}
		// A concurrent Delete may remove the folder while it is empty.
		if !errors.Is(err, fs.ErrNotExist) && (made == nil || !errors.Is(made, fs.ErrExist)) {
			break
		}
	}
	if err == nil {
		err = f.sync(path.Dir(name))
	}
	if err != nil {
		return wrong(err)
	}
	return nil
}

// draft is a file whose errors are those of the Store.
type draft struct {
	*os.File
	fail func(error) error
}

func (d draft) Write(p []byte) (int, error) {
	n, err := d.File.Write(p)
	if err != nil {
		err = d.fail(err)
	}
	return n, err
}

// sync writes the entries of a folder and of its parents to the disk.
func (f *folder) sync(dir string) error {
	for ; ; dir = path.Dir(dir) {
		open, err := f.root.Open(dir)
		if err == nil {
			err = open.Sync()
			_ = open.Close()
		}
		// A folder that is gone needs no sync, and some file systems cannot sync folders.
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		if dir == "." {
			return nil
		}
	}
}

func (f *folder) Delete(ctx context.Context, name string) error {
	if err := check(ctx, "Delete", name); err != nil {
		return err
	}
	info, err := f.root.Lstat(name)
	if err == nil && info.IsDir() { // Remove would remove an empty one
		return nil
	}
	if err == nil {
		err = f.root.Remove(name)
	}
	if isMissing(err) {
		return nil
	}
	dir := path.Dir(name)
	if err == nil {
		// Remove folders that are empty now: a bucket has none.
		for ; dir != "." && f.root.Remove(dir) == nil; dir = path.Dir(dir) {
		}
		err = f.sync(dir)
	}
	if err != nil {
		return failure("Delete", name, diskError(err))
	}
	return nil
}

func (f *folder) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := checkPrefix(prefix); err != nil {
			yield(Object{}, failure("List", "", err))
			return
		}
		f.list(ctx, ".", prefix, yield)
	}
}

// list yields the objects in a folder, and reports whether to go on. It holds the entries
// of one folder at each depth.
func (f *folder) list(ctx context.Context, dir, prefix string, yield func(Object, error) bool) bool {
	stop := func(err error) bool {
		yield(Object{}, err)
		return false
	}
	if err := over(ctx, "List"); err != nil {
		return stop(err)
	}
	entries, err := fs.ReadDir(f.root.FS(), dir)
	switch {
	case isMissing(err): // deleted meanwhile
		return true
	case err != nil:
		return stop(failure("List", "", diskError(err)))
	}
	// Sort folders as their objects' names, with a slash: a-b, a.b, a/b.
	key := func(entry fs.DirEntry) string {
		if entry.IsDir() {
			return entry.Name() + "/"
		}
		return entry.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(key(a), key(b)) })
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		switch {
		case checkName(name) != nil:
		case entry.IsDir():
			below := name + "/"
			if (strings.HasPrefix(below, prefix) || strings.HasPrefix(prefix, below)) && !f.list(ctx, name, prefix, yield) {
				return false
			}
		case entry.Type().IsRegular() && strings.HasPrefix(name, prefix):
			if err := over(ctx, "List"); err != nil {
				return stop(err)
			}
			info, err := entry.Info()
			switch {
			case isMissing(err):
			case err != nil:
				return stop(failure("List", name, diskError(err)))
			case !yield(Object{Name: name, Size: info.Size(), Modified: info.ModTime()}, nil):
				return false
			}
		}
	}
	return true
}

// isMissing reports whether an error means that there is no object of the name. There is
// none below an object.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// diskError translates an error of the operating system.
func diskError(err error) *core.Error {
	e := &core.Error{Code: core.CodeUnavailable, Detail: "the disk failed", Err: err}
	switch {
	case isMissing(err):
		e.Code, e.Detail = core.CodeNotFound, "there is no such object"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		e.Code, e.Detail = core.CodeMisconfigured, "this user may not do that in the store's folder; change the folder's owner, or use another folder"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		e.Detail = "the disk is full"
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.EOPNOTSUPP):
		e.Code, e.Detail = core.CodeMisconfigured, "the folder's file system has no hard links; use another folder"
	case errors.Is(err, syscall.EISDIR), errors.Is(err, fs.ErrExist):
		e.Code, e.Detail = core.CodeInternal, "the name is the folder of other objects"
	}
	return e
}
