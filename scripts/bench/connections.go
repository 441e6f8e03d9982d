package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
	"partnerlens/pkg/tencent"
	"partnerlens/pkg/transport"
)

const (
	callers        = 16
	callsPerCaller = 25
)

// connections is how many of them many callers of one Source open.
func connections(ctx context.Context) ([]row, error) {
	var rows []row
	for _, cloud := range []struct {
		name  string
		calls func(url string) (call func(context.Context, core.Cursor) error, done func(), err error)
	}{
		{"Tencent", func(url string) (func(context.Context, core.Cursor) error, func(), error) {
			source, err := tencent.New(tencent.Config{Credentials: transport.Static(tencent.Key{ID: simulator.KeyID, Secret: core.NewSecret(simulator.KeySecret)}), Endpoint: url})
			if err != nil {
				return nil, nil, err
			}
			return func(ctx context.Context, at core.Cursor) error {
				_, err := source.FetchPage(ctx, core.CreditQuery{}, at)
				return err
			}, source.CloseIdleConnections, nil
		}},
		{"Huawei", func(url string) (func(context.Context, core.Cursor) error, func(), error) {
			source, err := huawei.New(huawei.Config{Credentials: transport.Static(huawei.Key{AK: simulator.KeyID, SK: core.NewSecret(simulator.KeySecret)}), Endpoint: url})
			if err != nil {
				return nil, nil, err
			}
			return func(ctx context.Context, at core.Cursor) error {
				_, err := source.FetchPage(ctx, core.TagQuery{}, at)
				return err
			}, source.CloseIdleConnections, nil
		}},
	} {
		up, err := newUpstream(simulator.Options{}, delay{back: span{5 * time.Millisecond, 15 * time.Millisecond}})
		if err != nil {
			return nil, err
		}
		defer up.close()
		call, done, err := cloud.calls(up.url)
		if err != nil {
			return nil, err
		}
		defer done()
		if err := callFromMany(ctx, call); err != nil {
			return nil, err
		}
		r := boundRow(fmt.Sprintf("connections, %d callers × %d calls, %s", callers, callsPerCaller, cloud.name), int(up.accepted.Load()), 20, count)
		rows = append(rows, r)
	}
	return rows, nil
}

func callFromMany(ctx context.Context, call func(context.Context, core.Cursor) error) error {
	failures := make(chan error, callers)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for i := range callsPerCaller {
				if err := call(ctx, core.Cursor{Offset: i % 10 * 100}); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(failures)
	return <-failures
}
