// Package repotest tests the repository itself: which way imports run, and that
// docs, templates and build scripts agree with the code. Its tests run at the root
// of the repository.
package repotest

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	m.Run()
}
