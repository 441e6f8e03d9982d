// Package configfile reads settings from a TOML file. The setting PARTNERLENS_CREDIT_LOW is
// the key credit_low of the file. The settings that are JSON in a variable are tables with
// the same members; their text is decoded as the variable's is.
package configfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"partnerlens/internal/app"
	"partnerlens/pkg/core"
	"partnerlens/pkg/settings"
)

// maxSize is several times the JSON of all accounts and ten thousand thresholds.
const maxSize = 1 << 20

// A File is the settings of a config file; nil has none. It is safe for concurrent use.
type File struct {
	own    app.Environment   // goes before the file
	path   string            // as the user wrote it
	folder string            // with which relative paths in the file begin
	values map[string]string // the settings' texts, by variable; nil: the text is no TOML
	lines  map[string]int    // of keys and tables, by path
	wrong  settings.Problems

	holdsKey bool // it has a key in it, and not only references
	public   bool // other users of the machine can read it
}

// Read reads the file at a path. The variables of own go before the file. The error is of
// a file that cannot be used at all; Err returns the mistakes in any other.
func Read(path string, own app.Environment) (*File, error) {
	file, err := os.Open(path)
	var text []byte
	var info fs.FileInfo
	if err == nil {
		defer func() { _ = file.Close() }()
		if info, err = file.Stat(); err == nil && !info.IsDir() {
			text, err = io.ReadAll(io.LimitReader(file, maxSize+1))
		}
	}
	problem := ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		problem = "there is no such file; --config and " + app.ConfigSetting + " name a config file"
	case errors.Is(err, fs.ErrPermission):
		problem = "the file may not be read by this program's user"
	case err != nil:
		problem = "the file cannot be read"
	case info.IsDir():
		problem = "a folder, not a file; write the config file's own name"
	case len(text) > maxSize:
		problem = fmt.Sprintf("larger than %d bytes; is it the right file?", maxSize)
	}
	if problem != "" {
		return nil, &core.Error{Code: core.CodeMisconfigured, Param: path, Detail: problem}
	}
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, &core.Error{Code: core.CodeInternal, Err: err}
	}
	f := parse(text, folder)
	f.own, f.path = own, path
	if f.values == nil {
		return nil, f.Err()
	}
	f.public = info.Mode().IsRegular() && info.Mode().Perm()&0o044 != 0 && runtime.GOOS != "windows"
	return f, nil
}

// Err returns the mistakes in the file; nil if there are none.
func (f *File) Err() error { return f.wrong.Err(f.path) }

// groups are variables that make one key: a part of a key in the environment does not go
// with the rest of another key in the file.
var groups = [][]string{
	{"PARTNERLENS_TENCENT_SECRET_ID", "PARTNERLENS_TENCENT_SECRET_KEY", "PARTNERLENS_TENCENT_TOKEN"},
	{"PARTNERLENS_HUAWEI_AK", "PARTNERLENS_HUAWEI_SK", "PARTNERLENS_HUAWEI_SECURITY_TOKEN", "PARTNERLENS_HUAWEI_AUTH_TOKEN"},
	{"PARTNERLENS_STORE_ACCESS_KEY", "PARTNERLENS_STORE_SECRET_KEY", "PARTNERLENS_STORE_TOKEN"},
}

// overriding returns the variable that keeps a setting of the file from being used; "" if
// none does.
func (f *File) overriding(name string) string {
	with := []string{name}
	for _, group := range groups {
		if slices.Contains(group, name) {
			with = group
		}
	}
	if i := slices.IndexFunc(with, func(name string) bool { return f.own(name) != "" }); i >= 0 {
		return with[i]
	}
	return ""
}

// Getenv returns the value of a variable, else the file's setting of that name.
func (f *File) Getenv(name string) string {
	if f.values[name] != "" && f.overriding(name) == "" {
		return f.values[name]
	}
	return f.own(name)
}

// Names returns the variables whose settings the file has.
func (f *File) Names() []string {
	if f == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(f.values))
}

// Place returns a text about a setting with the lines of the file that it is of. A text about
// no setting of the file stays as it is.
func (f *File) Place(text string) string {
	setting, rest, _ := strings.Cut(text, ": ")
	if f == nil || f.values[setting] == "" || f.overriding(setting) != "" {
		return text
	}
	key, rest := keyOf(setting), "; "+rest
	for _, path := range slices.Sorted(maps.Keys(f.lines)) {
		if member, within := strings.CutPrefix(path, key+"."); within {
			rest = strings.Replace(rest, "; "+member+": ", fmt.Sprintf("; %s (line %d): ", member, f.lines[path]), 1)
		}
	}
	return fmt.Sprintf("%s (%s line %d): %s", setting, filepath.Base(f.path), f.lines[key], rest[2:])
}

// Checks describes the file: its mistakes, what it sets and what is set elsewhere.
func (f *File) Checks() (checks []app.Check) {
	if f == nil {
		return nil
	}
	add := func(state app.CheckState, says string) {
		checks = append(checks, app.Check{Name: "file", State: state, Says: f.path + ": " + says})
	}
	for _, problem := range f.wrong {
		add(app.CheckFailed, problem.Path+": "+problem.Text)
	}
	var sets, not []string
	for _, setting := range f.Names() {
		if variable := f.overriding(setting); variable != "" {
			not = append(not, keyOf(setting)+" (by "+variable+")")
		} else {
			sets = append(sets, keyOf(setting))
		}
	}
	if sets != nil {
		add(app.CheckOK, "sets "+strings.Join(sets, ", "))
	} else {
		add(app.CheckLook, "sets nothing")
	}
	if not != nil {
		add(app.CheckOK, "overridden by the environment: "+strings.Join(not, ", "))
	}
	if f.public && f.holdsKey {
		add(app.CheckLook, "holds keys, and other users of this machine may read it; chmod 600, or keep the keys in a secret store")
	}
	return checks
}
