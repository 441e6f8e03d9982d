package cli

import (
	"runtime"
	"runtime/debug"
	"testing"
)

func TestVersionText(t *testing.T) {
	t.Parallel()
	const revision = "0123456789abcdef0123456789abcdef01234567"
	built := &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: "false"}}}
	for _, test := range []struct {
		name, stamp, commit string
		info                *debug.BuildInfo
		want                string
	}{
		{"released", "v1.2.4", revision, &debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "partnerlens v1.2.4\ncommit " + revision + "\n"},
		{"from a source archive", "unversioned", "", &debug.BuildInfo{}, "partnerlens unversioned\ncommit unknown\n"},
		{"stamped beside a commit", "v1.2.4", "", built, "partnerlens v1.2.4\ncommit " + revision + "\n"},
		{"installed", "dev", "", built, "partnerlens v1.2.3\ncommit " + revision + "\n"},
		{"run from modified source", "dev", "", &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.time", Value: "2026-11-29T04:00:00Z"}, {Key: "vcs.modified", Value: "true"}}}, "partnerlens dev\ncommit " + revision + " of 2026-11-29T04:00:00Z (modified)\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := test.want + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + "\n"
			if got := versionText(test.stamp, test.commit, test.info); got != want {
				t.Errorf("versionText = %q, want %q", got, want)
			}
		})
	}
}
