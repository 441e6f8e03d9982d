// Package paralleltest raises the number of tests that run side by side in packages whose
// tests mostly wait.
package paralleltest

import (
	"flag"
	"runtime/debug"
	"slices"
	"strconv"
)

// Raise sets how many parallel tests of the package run at once, instead of one for each
// processor. Call it in TestMain. It does nothing if -parallel is set, and under the race
// detector, where all tests compute.
func Raise(tests int) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	build, _ := debug.ReadBuildInfo()
	race := build != nil && slices.Contains(build.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
	if chosen || race {
		return
	}
	if err := flag.Set("test.parallel", strconv.Itoa(tests)); err != nil {
		panic(err)
	}
}
