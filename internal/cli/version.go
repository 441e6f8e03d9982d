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
	_, err := fmt.Fprint(std.out, versionText(app.Version, app.Commit, buildInfo()))
	return err
}

func buildInfo() *debug.BuildInfo {
	info, _ := debug.ReadBuildInfo()
	return cmp.Or(info, new(debug.BuildInfo))
}

// versionOf returns the version of a build. A released binary has it as a stamp, a binary made by
// go build or go install in info, and the stamp "dev".
func versionOf(stamp string, info *debug.BuildInfo) string {
	if stamp == "dev" && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return stamp
}

// versionText describes a build.
func versionText(stamp, commit string, info *debug.BuildInfo) string {
	at, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.time":
			at = " of " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " (modified)"
		}
	}
	return fmt.Sprintf("partnerlens %s\ncommit %s%s%s\n%s %s/%s\n", versionOf(stamp, info), cmp.Or(commit, "unknown"), at, modified, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
