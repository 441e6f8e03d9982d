package repotest

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What a machine has set for Go and git changes neither what the artefacts are built
// with nor the version in them; where it gets modules from is its own business.
func TestBuildIsTheSameAnywhere(t *testing.T) {
	t.Parallel()
	settings := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(settings, []byte("GOFLAGS=-race\nGOAMD64=v3\nGOEXPERIMENT=fieldtrack\nGOFIPS140=latest\nGOWORK=/nowhere/go.work\nCGO_ENABLED=1\nGOOS=plan9\nGOPROXY=https://proxy.example.com\nGONOSUMDB=example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fixed := func(env ...string) (version string, variables map[string]string) {
		t.Helper()
		// The other variables of `go env` are paths.
		script := exec.Command("bash", "-euc", `. scripts/flags.sh; echo "$version ${flags[*]}"; go env | grep -Ev "^(GOGCCFLAGS|GOPROXY|GONOSUMDB|PKG_CONFIG|GO(CACHE|ENV|MOD|TELEMETRY|TMP).*)="; go env GOPROXY GONOSUMDB`)
		script.Env = append(os.Environ(), env...)
		out, err := script.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		variables = make(map[string]string)
		for _, line := range lines[1 : len(lines)-2] {
			name, value, _ := strings.Cut(line, "=")
			variables[name] = value
		}
		if len(env) > 0 {
			if got := lines[len(lines)-2:]; got[0] != "https://proxy.example.com" || got[1] != "example.com" {
				t.Errorf("modules come from %q; the machine's own setting is lost", got)
			}
		}
		return lines[0], variables
	}
	version, variables := fixed()
	hostileVersion, hostile := fixed("GOENV="+settings, "GOARM64=v9.0", "GO_EXTLINK_ENABLED=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=core.abbrev", "GIT_CONFIG_VALUE_0=40")
	if version != hostileVersion {
		t.Errorf("the version and flags are %q, elsewhere %q", version, hostileVersion)
	}
	if head, err := exec.Command("git", "rev-parse", "HEAD").Output(); err == nil && !strings.Contains(version, "app.Commit="+strings.TrimSpace(string(head))) {
		t.Errorf("the flags %q do not stamp the commit %s", version, head)
	}
	if !maps.Equal(variables, hostile) {
		for name, value := range variables {
			if hostile[name] != value {
				t.Errorf("%s=%s, elsewhere %s", name, value, hostile[name])
			}
		}
	}
	for name, want := range map[string]string{"CGO_ENABLED": "'0'", "GOOS": "'linux'", "GOAMD64": "'v1'", "GOFLAGS": "''", "GOEXPERIMENT": "''"} {
		if variables[name] != want {
			t.Errorf("%s is %s, want %s", name, variables[name], want)
		}
	}
	for _, file := range []string{"scripts/build.sh", "Makefile"} {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), ". scripts/flags.sh") || strings.Contains(string(text), "git describe") || strings.Contains(string(text), "-trimpath") {
			t.Errorf("%s does not build by scripts/flags.sh: %v", file, err)
		}
	}
}

// scripts/build.sh removes its own output and nothing else.
func TestBuildLeavesOtherPeoplesFiles(t *testing.T) {
	t.Parallel()
	stop := t.TempDir() // a go that builds nothing
	if err := os.WriteFile(filepath.Join(stop, "go"), []byte("#!/bin/sh\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		files map[string]string
		says  string // the error if the folder is refused
		gone  string // what the build removes
	}{
		{"another project's", map[string]string{"letters/one": "x", "lambda/theirs": "x"}, "holds other things", ""},
		{"with other sums", map[string]string{"SHA256SUMS": "0  image.iso\n", "image.iso": "x"}, "holds other things", ""},
		{"empty", nil, "", ""},
		{"its own", map[string]string{"SHA256SUMS": "0  lambda/credit/bootstrap\n", "lambda/credit/bootstrap": "x", "notes": "x"}, "", "lambda"},
		{"its own, broken off", map[string]string{"SHA256SUMS": "", "sbom/old": "x", "notes": "x"}, "", "sbom"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for name, text := range test.files {
				path := filepath.Join(folder, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			script := exec.Command("scripts/build.sh", folder)
			script.Env = []string{"PATH=" + stop + ":/usr/local/bin:/usr/bin:/bin"}
			out, err := script.CombinedOutput()
			if err == nil || test.says != "" && (script.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), test.says)) || test.says == "" && strings.Contains(string(out), "holds other") {
				t.Errorf("%v %s", err, out)
			}
			for name := range test.files {
				ours := test.says == "" && (name == "SHA256SUMS" || strings.HasPrefix(name, test.gone+"/"))
				if _, err := os.Stat(filepath.Join(folder, name)); err != nil && !ours {
					t.Errorf("%s is gone", name)
				}
			}
			if test.gone != "" {
				if _, err := os.Stat(filepath.Join(folder, test.gone, "old")); err == nil {
					t.Errorf("%s of the last build is still there", test.gone)
				}
			}
		})
	}
}
