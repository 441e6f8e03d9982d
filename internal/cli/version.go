package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"partnerlens/internal/app"
)

type versionCmd struct{}

// Run prints the version, the commit and the version of Go.
func (versionCmd) Run(std streams) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	_, err := fmt.Fprint(std.out, versionText(app.Version, app.Commit, info))
	return err
}

// versionText describes a build. A released binary has its version and its commit as stamps,
// a binary made by go build or go install has both in info, and the stamp "dev".
func versionText(stamp, commit string, info *debug.BuildInfo) string {
	if stamp == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		stamp = info.Main.Version
	}
	modified := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " (modified)"
		}
	}
	return fmt.Sprintf("partnerlens %s\ncommit %s%s\n%s %s/%s\n", stamp, cmp.Or(commit, "unknown"), modified, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
