package core

import (
	"context"
	"slices"
)

// Review watches one account's answer to a question.
type Review struct {
	See func(Record)           // is called for each record that is handed on
	End func(Report) []Warning // returns what the Report's reader should know, too
}

// Reviewed returns the function with a review of its answers. review is called for each
// account of a question, before it is read, with the question's parameters; nil is no
// Review.
func (f *Function) Reviewed(review func(ctx context.Context, account string, params Params) *Review) *Function {
	reviewed := *f
	reviewed.ask = func(p Params) (*Question, error) {
		q, err := f.ask(p)
		if err != nil {
			return nil, err
		}
		read := q.read
		q.read = func(ctx context.Context, account string, opts ReadOptions, keep func(Record) bool) (Report, error) {
			r := review(ctx, account, p)
			if r == nil {
				return read(ctx, account, opts, keep)
			}
			report, err := read(ctx, account, opts, func(record Record) bool {
				if !keep(record) {
					return false
				}
				r.See(record)
				return true
			})
			if err == nil {
				report.Warnings = slices.Clone(report.Warnings) // it may be shared
				for _, w := range r.End(report) {
					report.addWarning(w)
				}
			}
			return report, err
		}
		return q, nil
	}
	return &reviewed
}
