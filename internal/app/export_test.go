package app

import (
	"context"

	"partnerlens/internal/alert"
	"partnerlens/pkg/core"
)

// Options are what Run runs.
var Options = options

// VouchersRate returns the calls a second with which the vouchers of the default account
// are read.
func VouchersRate(c Composed, ctx context.Context) (int, error) {
	settings, err := c.Accounts.Settings(ctx, core.DefaultAccount)
	if err != nil {
		return 0, err
	}
	return vouchersRate(settings)
}

// VouchersOnly reads the vouchers of the default account, and no other list.
func VouchersOnly(c Composed, ctx context.Context) (int, error) {
	readers, err := c.siblings.of(ctx, core.DefaultAccount)
	if err != nil {
		return 0, err
	}
	sums, _, err := c.siblings.sums(ctx, readers, "")
	return len(sums.Known), err
}

// KeepsOwner reports whether a query for the open conditions of one owner keeps those of
// another.
func KeepsOwner(asked, owner string) bool {
	f, err := parseOpenFilter(core.Params{"owner": {asked}}, nil)
	return err == nil && f.keep(alert.Alert{Owner: owner})
}
