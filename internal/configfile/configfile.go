// Package configfile reads settings from a TOML file. The setting PARTNERLENS_CREDIT_LOW is
// the key credit_low of the file. The settings that are JSON in a variable are tables with
// the same members; their text is decoded as the variable's is.
package configfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
	"partnerlens/pkg/settings"
)

// unnamed matches the name behind the place of an entry of a list.
var unnamed = regexp.MustCompile(` \([^)]*\)`)

// maxSize is several times the JSON of all accounts and ten thousand thresholds.
const maxSize = 1 << 20

// A File is the settings of a config file. A nil File has none. It is safe for concurrent
// use.
type File struct {
	own    app.Environment   // goes before the file
	path   string            // as the user wrote it
	values map[string]string // the settings' texts, by variable
	lines  map[string]int    // of keys, tables and elements of arrays, by path
	wrong  settings.Problems

	holdsKey bool // it has a key in it, and not only references
	public   bool // other users of the machine can read it
}

// Read reads the file at a path. The variables of own go before the file. The error is of
// a file that cannot be used at all; Err returns the mistakes in any other.
func Read(path string, own app.Environment) (*File, error) {
	fail := func(format string, args ...any) (*File, error) {
		return nil, &core.Error{Code: core.CodeMisconfigured, Param: path, Detail: fmt.Sprintf(format, args...)}
	}
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail("there is no such file; --config and %s name a config file", app.ConfigSetting)
	case errors.Is(err, fs.ErrPermission):
		return fail("the file may not be read by this program's user")
	case err != nil:
		return fail("the file cannot be read")
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		return fail("a folder, not a file; write the config file's own name")
	}
	text, failed := io.ReadAll(io.LimitReader(file, maxSize+1))
	folder, unknown := filepath.Abs(filepath.Dir(path))
	switch {
	case cmp.Or(err, failed, unknown) != nil:
		return fail("the file cannot be read")
	case len(text) > maxSize:
		return fail("larger than %d bytes; is it the right file?", maxSize)
	}
	f := parse(text, folder)
	if f.values == nil {
		return nil, f.wrong.Err(path)
	}
	f.own, f.path = own, path
	f.public = info.Mode().IsRegular() && info.Mode().Perm()&0o044 != 0 && runtime.GOOS != "windows"
	return f, nil
}

// Err returns the mistakes in the file; nil if there are none.
func (f *File) Err() error {
	if f == nil {
		return nil
	}
	return f.wrong.Err(f.path)
}

// groups are variables that make one key: a part of a key in the environment does not go
// with the rest of another key in the file.
var groups = [][]string{
	{"PARTNERLENS_TENCENT_SECRET_ID", "PARTNERLENS_TENCENT_SECRET_KEY", "PARTNERLENS_TENCENT_TOKEN"},
	{"PARTNERLENS_HUAWEI_AK", "PARTNERLENS_HUAWEI_SK", "PARTNERLENS_HUAWEI_SECURITY_TOKEN", "PARTNERLENS_HUAWEI_AUTH_TOKEN"},
	{"PARTNERLENS_STORE_ACCESS_KEY", "PARTNERLENS_STORE_SECRET_KEY", "PARTNERLENS_STORE_TOKEN"},
}

// Getenv returns the value of a variable, else the file's setting of that name.
func (f *File) Getenv(name string) string {
	value := f.own(name)
	if value == "" && f.overriding(name) == "" {
		value = f.values[name]
	}
	return value
}

// overriding returns the variable that keeps a setting of the file from being used; "" if
// none does.
func (f *File) overriding(name string) string {
	with := []string{name}
	for _, group := range groups {
		if slices.Contains(group, name) {
			with = append(with, group...)
		}
	}
	if i := slices.IndexFunc(with, func(other string) bool { return f.own(other) != "" }); i >= 0 {
		return with[i]
	}
	return ""
}

// Names returns the variables whose settings the file has.
func (f *File) Names() []string {
	if f == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(f.values))
}

// Where returns the place of a setting in the file, or of a member of it as a
// settings.Problem names it; "" if the setting is not of the file.
func (f *File) Where(setting, member string) string {
	if f == nil || f.values[setting] == "" || f.overriding(setting) != "" {
		return ""
	}
	path := keyOf(setting) + "." + strings.ReplaceAll(unnamed.ReplaceAllString(member, ""), ": ", ".")
	for f.lines[path] == 0 && path != "" {
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	return fmt.Sprintf("%s line %d", filepath.Base(f.path), f.lines[path])
}

// Locate adds the place of the setting that an error is of.
func (f *File) Locate(err error) error {
	failure := core.AsError(err)
	if failure == nil {
		return err
	}
	setting, member, isMember := strings.Cut(failure.Param, ": ")
	where := f.Where(setting, member)
	if where == "" {
		return err
	}
	located := *failure
	if located.Param = setting + " (" + where + ")"; isMember {
		located.Param += ": " + member
	}
	return &located
}

// Checks describes the file: its mistakes, what it sets and what is set elsewhere.
func (f *File) Checks() (checks []app.Check) {
	if f == nil {
		return nil
	}
	const name = "file"
	add := func(state app.CheckState, format string, args ...any) {
		checks = append(checks, app.Check{Name: name, State: state, Says: f.path + ": " + fmt.Sprintf(format, args...)})
	}
	for _, problem := range f.wrong {
		add(app.CheckFailed, "%s: %s", problem.Path, problem.Text)
	}
	var sets, not []string
	for _, setting := range f.Names() {
		if variable := f.overriding(setting); variable != "" {
			not = append(not, keyOf(setting)+" (by "+variable+")")
		} else {
			sets = append(sets, keyOf(setting))
		}
	}
	switch {
	case f.wrong == nil && len(f.values) == 0:
		add(app.CheckLook, "sets nothing")
	case sets != nil:
		add(app.CheckOK, "sets %s", strings.Join(sets, ", "))
	}
	if not != nil {
		add(app.CheckOK, "overridden by the environment: %s", strings.Join(not, ", "))
	}
	if f.public && f.holdsKey {
		add(app.CheckLook, "holds keys, and other users of this machine may read it; chmod 600, or keep the keys in a secret store")
	}
	return checks
}
