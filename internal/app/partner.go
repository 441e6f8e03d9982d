package app

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"partnerlens/internal/api"
	"partnerlens/internal/watch"
	"partnerlens/pkg/core"
)

// PartnerSchema is the schema of the answer about an account's partner.
const PartnerSchema = "partnerlens.partner/v1"

// PartnerPath is its path below /v1/.
const PartnerPath = "partner"

// Partner is the answer. A null member of pool, resellers and vouchers was not read: the key
// may not read it, or a warning says why.
type Partner struct {
	Schema     string                 `json:"schema"`
	Provider   string                 `json:"provider"`
	Account    string                 `json:"account"`
	Run        *string                `json:"run"` // that it is of; null: the vendor was asked now
	AsOf       time.Time              `json:"as_of"`
	AgeSeconds int64                  `json:"age_seconds"`
	Pool       *core.PartnerCredit    `json:"pool"`
	Resellers  *[]core.ResellerCredit `json:"resellers"`
	Vouchers   *int                   `json:"vouchers"` // the number of customers with a voucher that they may still use
	Warnings   []core.Warning         `json:"warnings"`
}

// partnerResource is the Resource about the partner of a function's accounts. It answers
// from the newest run that has it, or asks the vendor.
func partnerResource(w *Watcher, entry *Function, f *core.Function) api.Resource {
	siblings := entry.Partner(&Accounts{Resolver: w.resolver, Vendor: entry.Vendor}, w.Now)
	return api.Resource{
		Path: PartnerPath, Function: f.Name, Columns: partnerColumns,
		Params: []string{"account", "live", "pii"},
		Ask: func(ctx context.Context, q api.ResourceQuery) (func(context.Context) (api.Document, error), error) {
			live, err := single(q.Params, "live")
			if err != nil {
				return nil, err
			}
			if live != "" && live != "true" && live != "false" {
				return nil, core.Invalid("live", "unknown; use true or false")
			}
			params := core.Params{}
			for _, name := range []string{"account", "pii"} {
				if values, given := q.Params[name]; given {
					params[name] = values
				}
			}
			question, err := f.Ask(params)
			if err != nil {
				return nil, err
			}
			if question, err = question.Within(q.Rights); err != nil {
				return nil, err
			}
			account, err := accountOf(ctx, f, question, q)
			if err != nil {
				return nil, err
			}
			return func(ctx context.Context) (api.Document, error) {
				answer := Partner{Schema: PartnerSchema, Provider: entry.Vendor.Name, Account: account, Warnings: []core.Warning{}}
				read, err := false, error(nil)
				if live != "true" && w.Enabled() {
					read, err = answer.fromRun(ctx, w, f.Name)
				}
				if err == nil && !read {
					err = answer.ask(ctx, w, siblings)
				}
				return answer.document(question.Masked()), err
			}, nil
		},
	}
}

// fromRun fills in the answer from the newest accepted run; false if there is none, or it
// was made by a version that did not read the partner.
func (p *Partner) fromRun(ctx context.Context, w *Watcher, function string) (bool, error) {
	s, err := w.readableStore()
	if err != nil {
		return false, err
	}
	m, resellers, err := watch.ReadPartner(ctx, s, function, p.Account, w.Now())
	if core.CodeOf(err) == core.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, storeError(err)
	}
	if m.Partner == nil {
		return false, nil
	}
	p.Run, p.AsOf, p.Pool, p.Vouchers = &m.Run, m.AsOf, m.Partner.Pool, m.Partner.Vouchers
	age := max(0, w.Now().Sub(m.AsOf))
	p.AgeSeconds = int64(age / time.Second)
	if m.Partner.Resellers != nil {
		p.Resellers = &resellers
	}
	p.Warnings = append(p.Warnings, m.Partner.Warnings...)
	if age > w.staleAfter() {
		p.Warnings = append(p.Warnings, core.Warning{Code: warnStaleRun, Message: "no run since " + m.AsOf.Format(time.RFC3339) + "; look at partnerlens watch or its schedule, or ask the vendor with live=true"})
	}
	return true, nil
}

// ask fills in the answer from the vendor. It is an error if nothing can be read for
// another reason than the key's rights.
func (p *Partner) ask(ctx context.Context, w *Watcher, siblings *siblings) error {
	if _, err := siblings.of(ctx, p.Account); err != nil { // a setting
		return err
	}
	p.AsOf = w.Now().UTC().Truncate(time.Second)
	state, warnings := siblings.state(ctx, p.Account)
	nothing := state.Pool == nil && state.Resellers == nil && state.Vouchers == nil && state.Direct == nil
	switch {
	case nothing && ctx.Err() != nil:
		return core.AsError(ctx.Err())
	case nothing && len(warnings) > 0:
		return &core.Error{Op: "app.partner", Code: core.CodeUnavailable, Detail: warnings[0].Message}
	case nothing:
		warnings = []core.Warning{{Code: core.WarnPartnerUnavailable, Message: "the key may read nothing of the partner; partnerlens doctor says which permissions it lacks"}}
	}
	p.Pool = state.Pool
	if state.Resellers != nil {
		p.Resellers = &state.Resellers
	}
	if state.Vouchers != nil {
		p.Vouchers = new(len(state.Vouchers))
	}
	p.Warnings = append(p.Warnings, warnings...)
	return nil
}

// document is the answer as JSON, and as the rows of a table.
func (p *Partner) document(masked bool) api.Document {
	doc := api.Document{Complete: true, Warnings: p.Warnings}
	if p.Pool != nil {
		doc.Rows = append(doc.Rows, partnerRow{"partner", "", "", nil, p.Pool.Total, p.Pool.Remaining, nil, p.Pool.Currency})
	}
	if p.Resellers != nil {
		all := slices.Clone(*p.Resellers)
		for i, reseller := range all {
			if masked {
				all[i] = reseller.Masked()
			}
			doc.Rows = append(doc.Rows, partnerRow{"reseller", reseller.ResellerID, all[i].Name, reseller.Customers, reseller.Allocated, reseller.Remaining, reseller.VoucherRemaining, reseller.Currency})
		}
		p.Resellers = &all
	}
	doc.Body = *p
	return doc
}

// partnerRow is a row of the table: the partner, or a reseller.
type partnerRow struct {
	of, id, name                string
	customers                   *int
	granted, remaining, voucher *core.Money
	currency                    string
}

// partnerColumns are the columns of partnerRow's Row.
var partnerColumns = []core.Column{
	{Name: "of", Brief: true}, {Name: "reseller_id", Brief: true}, {Name: "name", Brief: true}, {Name: "customers", Kind: core.ColumnNumber, Whole: true, Brief: true},
	{Name: "granted", Kind: core.ColumnNumber, Brief: true}, {Name: "remaining", Kind: core.ColumnNumber, Brief: true},
	{Name: "vouchers_remaining", Kind: core.ColumnNumber, Brief: true}, {Name: "currency", Brief: true},
}

// Row implements api.Row.
func (r partnerRow) Row() []string {
	amount := func(m *core.Money) string {
		if m == nil {
			return ""
		}
		return m.String()
	}
	customers := ""
	if r.customers != nil {
		customers = strconv.Itoa(*r.customers)
	}
	return []string{r.of, r.id, r.name, customers, amount(r.granted), amount(r.remaining), amount(r.voucher), r.currency}
}

// Summary says in a line of what time the answer is.
func (p Partner) Summary() string {
	vouchers := ""
	if p.Vouchers != nil {
		vouchers = fmt.Sprintf("; %d customers have vouchers that they may still use", *p.Vouchers)
	}
	if p.Run == nil {
		return p.Account + ": asked of the vendor now" + vouchers
	}
	return fmt.Sprintf("%s: of the run %s, read %s%s", p.Account, *p.Run, p.AsOf.Format(time.RFC3339), vouchers)
}
