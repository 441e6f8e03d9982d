package bench

import (
	"cmp"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"partnerlens/internal/emulator"
)

// BenchmarkStart reports the time from starting the process of an artefact until
// it asks Lambda's Runtime API for its first invocation, against that of a hello
// world: medians of 100 rounds.
func BenchmarkStart(b *testing.B) {
	const rounds, most = 100, 3.0
	folder := b.TempDir()
	mains := map[string]string{
		"hello":  "partnerlens/scripts/bench/testdata/hello",
		"credit": "partnerlens/functions/credit",
		"tags":   "partnerlens/functions/tags",
	}
	names := []string{"hello", "credit", "tags"}
	for _, name := range names {
		build(b, mains[name], filepath.Join(folder, name))
	}
	took := map[string][]time.Duration{}
	for round := range rounds + 3 {
		for i := range names {
			name := names[(i+round)%len(names)] // in every order
			result, err := emulator.Lambda(b.Context(), emulator.Options{
				Binary:      filepath.Join(folder, name),
				Invocations: []emulator.Invocation{{Event: []byte("{}")}},
			})
			if err != nil {
				b.Fatalf("%s: %v", name, err)
			}
			if round >= 3 { // the first rounds read the file from the disk
				took[name] = append(took[name], result.Start)
			}
		}
	}
	for _, name := range names[1:] {
		b.Run(name, func(b *testing.B) { reportRatio(b, median(took[name]), median(took["hello"]), most) })
	}
}

func median[T cmp.Ordered](values []T) T {
	slices.Sort(values)
	return values[len(values)/2]
}
