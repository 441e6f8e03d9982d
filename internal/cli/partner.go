package cli

import (
	"context"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

type partnerCmd struct {
	Account *string `help:"The account, if several are configured."`
	Live    bool    `help:"Ask the vendor now, whatever runs there are."`
	PII     string  `name:"pii" enum:"full,masked" default:"full" help:"full or masked; masked leaves only the ends of names and remarks."`
	Output  string  `short:"o" enum:"auto,table,json" default:"auto" help:"table or json; auto is a table on a terminal and json in a pipe."`
	tableFlags
	storeFlags
}

// Run shows the partner's own credit and its resellers.
func (c *partnerCmd) Run(ctx context.Context, std streams) error {
	params := core.Params{"pii": {c.PII}}
	set(params, "account", c.Account)
	if c.Live {
		params["live"] = []string{"true"}
	}
	summary := func(doc api.Document) string { return doc.Body.(app.Partner).Summary() }
	return c.read(ctx, std, app.PartnerPath, api.ResourceQuery{Params: params}, formatOf(c.Output, std.out), c.tableFlags, false, summary)
}
