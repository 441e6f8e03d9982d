package cli

import (
	"context"
	"fmt"
	"net"
	"strings"

	"partnerlens/internal/app"
	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
)

type demoCmd struct {
	Customers int `default:"200" help:"Number of customers of each simulated cloud."`
	Rows      int `default:"15" help:"Number of rows in each table, the most urgent first."`
}

// Run shows both queries.
func (c *demoCmd) Run(ctx context.Context, std streams) error {
	_, env, stop, err := startDemo(ctx, std.env, simulator.Options{Customers: c.Customers})
	if err != nil {
		return err
	}
	defer stop()
	for _, f := range app.ComposeAll(env, nil) {
		if err := c.show(ctx, std, f); err != nil {
			return err
		}
	}
	_, _ = fmt.Fprint(std.out, `Both answers came over signed HTTP from simulated clouds. Where to look next:

  go run ./cmd/partnerlens serve --demo    the same over HTTP:
    curl 'http://127.0.0.1:8080/v1/credit?status=forced,overdrawn'
    curl -H 'Accept: text/csv' 'http://127.0.0.1:8080/v1/tags?reseller_id=all'
  go run ./cmd/partnerlens --help          every command
  README.md                                your own keys, Lambda and SCF
`)
	return nil
}

func (c *demoCmd) show(ctx context.Context, std streams, f app.Composed) error {
	params := core.Params{"pii": {"full"}} // the customers are fictional
	presetTable(f.Entry, params)
	question, err := f.Function.Ask(params)
	if err != nil {
		return err
	}
	table, err := newTable(std, f.Function.Columns, tableFlags{}, false)
	if err != nil {
		return err
	}
	if table.order, err = newOrder(f.Entry, f.Function.Columns, byUrgency, false); err != nil {
		return err
	}
	counts := make(map[string]int)
	report, err := question.Read(ctx, func(record core.Record) bool {
		table.add(record)
		counts[record.StatusText()]++
		return true
	})
	if err != nil {
		return err
	}
	var byStatus []string
	for _, status := range f.Entry.Urgent {
		if counts[status] > 0 {
			byStatus = append(byStatus, fmt.Sprintf("%d %s", counts[status], status))
		}
	}
	_, _ = fmt.Fprintf(std.out, "%s\n\n", f.Entry.Title)
	lacking, err := table.write(std.out, c.Rows)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(std.out, "\n%s%s: %s\n\n", lackingText(lacking, "partnerlens "+f.Entry.Name+" --wide shows all columns"), summary(report, false), strings.Join(byStatus, ", "))
	return nil
}

// startDemo runs the simulator on loopback and returns an environment that points the
// functions at it.
func startDemo(ctx context.Context, own app.Environment, opts simulator.Options) (*simulator.Simulator, app.Environment, func(), error) {
	sim, err := simulator.New(opts)
	if err != nil {
		return nil, nil, nil, core.Invalid("", "%s", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, nil, &core.Error{Code: core.CodeInternal, Err: fmt.Errorf("listening on loopback: %w", err)}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = simulator.Serve(ctx, ln, sim) // returns when ctx is done
	}()
	settings := map[string]string{ // the simulator has no limit
		"PARTNERLENS_TENCENT_RATE": "0",
		"PARTNERLENS_HUAWEI_RATE":  "0",
	}
	for _, setting := range simulator.Env("http://" + ln.Addr().String()) {
		name, value, _ := strings.Cut(setting, "=")
		settings[name] = value
	}
	env := func(name string) string {
		if value, ok := settings[name]; ok {
			return value
		}
		if name == app.AccountsSetting || strings.Contains(name, "TENCENT") || strings.Contains(name, "HUAWEI") {
			return "" // the user's own accounts are never read
		}
		return own(name)
	}
	return sim, env, func() { cancel(); <-done }, nil
}
