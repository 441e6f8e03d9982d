package cli

import (
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
	_, err := fmt.Fprint(std.out, versionText(app.Version, info))
	return err
}

// versionText describes a build. A released binary has its version in stamp and no commit,
// a binary made by go build or go install has both in info, and the stamp "dev".
func versionText(stamp string, info *debug.BuildInfo) string {
	if stamp == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		stamp = info.Main.Version
	}
	commit, modified := "unknown", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " (modified)"
		}
	}
	return fmt.Sprintf("partnerlens %s\ncommit %s%s\n%s %s/%s\n", stamp, commit, modified, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
