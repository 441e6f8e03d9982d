package tencent

import (
	"testing"

	"go.uber.org/goleak"

	"partnerlens/pkg/core"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newSource gives a Source with the simulator's key where config has none.
func newSource(tb testing.TB, config Config) *Source {
	tb.Helper()
	if config.SecretID == "" {
		config.SecretID, config.SecretKey = "SIMULATORID", core.NewSecret("simulator-secret")
	}
	source, err := New(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(source.CloseIdleConnections)
	return source
}
