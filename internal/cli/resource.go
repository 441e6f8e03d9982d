package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"partnerlens/internal/api"
	"partnerlens/internal/app"
	"partnerlens/pkg/core"
)

// storeFlags are the flags of commands that answer from the stored runs.
type storeFlags struct {
	Store string `placeholder:"URL" help:"Store of the runs: file:///folder or s3://bucket/prefix?region=…; by default PARTNERLENS_STORE, or the folder partnerlens-runs in the current one."`
}

// read reads one of the API's paths that answer from the stored runs, and writes the answer.
// all adds the account to a table. summary describes the answer on stderr.
func (f *storeFlags) read(ctx context.Context, std streams, path string, q api.ResourceQuery, format string, shown tableFlags, all bool, summary func(api.Document) string) error {
	if err := shown.refuse(format); err != nil {
		return err
	}
	env, err := storeEnvironment(f.Store, std.env)
	if err != nil {
		return err
	}
	watcher := &app.Watcher{Env: env, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))} // the answer has every failure
	var functions []*core.Function
	for _, f := range app.ComposeAll(env, nil) {
		functions = append(functions, f.Function)
	}
	resources := app.Resources(watcher, functions...)
	res := &resources[slices.IndexFunc(resources, func(r api.Resource) bool { return r.Path == path })]
	q.Rights = core.Rights{Personal: true, Inside: true}
	q.Sees = func(string, string) bool { return true }
	read, err := res.Ask(ctx, q)
	if err != nil {
		return err
	}
	table, err := newTable(std, res.Columns, shown, all)
	if err != nil {
		return err
	}
	doc, err := read(ctx)
	if err != nil {
		return err
	}
	for _, row := range doc.Rows {
		table.add(row)
	}
	if err := writeDocument(std, res, doc, table, format); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(visibleOn(std.err, false), summary(doc)+warningsText(doc.Warnings))
	switch {
	case doc.Complete, doc.Stopped != nil && *doc.Stopped == core.StoppedLimit:
		return nil
	case doc.Stopped != nil && *doc.Stopped == core.StoppedDeadline:
		return exitWith(core.CodeDeadline)
	}
	return exitWith(core.CodeIncomplete)
}

// writeDocument writes a document, or its rows as a table.
func writeDocument(std streams, res *api.Resource, doc api.Document, table *table, format string) error {
	switch format {
	case "table":
		return table.show(std)
	case "json":
		return writeJSON(std.out, func(w io.Writer) error { return api.WriteDocument(w, res, doc, format) })
	}
	return api.WriteDocument(visibleOn(std.out, format != "csv"), res, doc, format)
}

func warningsText(warnings []core.Warning) (text string) {
	for _, w := range warnings {
		text += "\nwarning: " + w.Code + ": " + warningText(w)
	}
	return text
}

// ageText is an age in the largest unit that is not zero.
func ageText(age time.Duration) string {
	switch {
	case age >= 48*time.Hour:
		return fmt.Sprintf("%d days old", int(age.Hours())/24)
	case age >= 2*time.Hour:
		return fmt.Sprintf("%d hours old", int(age.Hours()))
	}
	return fmt.Sprintf("%d minutes old", int(age.Minutes()))
}
