package watch

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"partnerlens/internal/alert"
	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// Partner is what a run has of the account's partner. A nil member was not read.
type Partner struct {
	Pool      *core.PartnerCredit `json:"pool"`
	Resellers *int                `json:"resellers"` // their number; resellers.json has them
	Vouchers  *int                `json:"vouchers"`  // the number of customers with a voucher that they may still use
	Warnings  []core.Warning      `json:"warnings"`  // why the rest was not read; they are among the manifest's, too

	alert.Conditions // as the run leaves them; empty if it evaluated no alerts
}

// partnerRead is the result of Job.Partner. It is stored, so that a run's objects follow
// from stored objects alone.
type partnerRead struct {
	State    core.PartnerState `json:"state"`
	Warnings []core.Warning    `json:"warnings"`
	read     bool
}

// partnerTime is the longest that a run waits for Job.Partner.
const partnerTime = time.Minute

// readPartner calls Job.Partner, for at most partnerTime and a third of the time that is
// left, and stores its result. If this call has read the list and little time is left, it
// leaves the partner to the next call. readBefore is whether an earlier call has read the list.
func (r *invocation) readPartner(ctx context.Context, readBefore bool) error {
	if r.Partner == nil || r.checkpoint.Partner != "" {
		return nil
	}
	limit := partnerTime
	if deadline, ok := ctx.Deadline(); ok {
		if !readBefore && time.Until(deadline) < timeToDeliver {
			return core.AsError(context.DeadlineExceeded)
		}
		limit = min(limit, (time.Until(deadline)-timeToStop)/3)
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var partner partnerRead
	partner.State, partner.Warnings = r.Partner(bounded)
	if ctx.Err() != nil { // the next call asks again
		return core.AsError(ctx.Err())
	}
	name := "progress/partner-" + rand.Text() + ".json.gz"
	err := r.store.Put(ctx, r.objectName(name), func(w io.Writer) error {
		return pack(w, func(w io.Writer) error {
			// What was not read stays nil.
			if err := json.MarshalWrite(w, partner, json.FormatNilSliceAsNull(true), json.FormatNilMapAsNull(true)); err != nil {
				return &core.Error{Code: core.CodeInternal, Err: err}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	r.checkpoint.Partner = name
	return r.save(ctx)
}

// loadPartner returns what readPartner stored; the zero partnerRead if nothing was read.
func (r *invocation) loadPartner(ctx context.Context) (partner partnerRead, err error) {
	if r.checkpoint.Partner == "" {
		return partner, nil
	}
	name := r.objectName(r.checkpoint.Partner)
	body, err := open(ctx, r.store, name)
	if core.CodeOf(err) == core.CodeNotFound {
		err = damaged(name, "it is missing")
	}
	if err != nil {
		return partner, err
	}
	defer body.close()
	unpacked, err := gzip.NewReader(bufio.NewReader(body))
	if err == nil {
		err = json.UnmarshalRead(unpacked, &partner)
	}
	if err != nil {
		return partnerRead{}, broken(name, err)
	}
	partner.read = true
	return partner, nil
}

// summary is the manifest's part of what was read.
func (p *partnerRead) summary() *Partner {
	if !p.read {
		return nil
	}
	summary := &Partner{Pool: p.State.Pool, Warnings: p.Warnings}
	if p.State.Resellers != nil {
		summary.Resellers = new(len(p.State.Resellers))
	}
	if p.State.Vouchers != nil {
		summary.Vouchers = new(len(p.State.Vouchers))
	}
	return summary
}

// direct are the ids of the direct customers.
func (p *partnerRead) direct() map[string]bool {
	ids := make(map[string]bool, len(p.State.Direct))
	for _, id := range p.State.Direct {
		ids[id] = true
	}
	return ids
}

// ReadPartner returns the manifest of the newest accepted run of a function's account, and
// the resellers that it has. A damaged object is an error.
func ReadPartner(ctx context.Context, s store.Store, function, account string, now time.Time) (m Manifest, resellers []core.ResellerCredit, err error) {
	p := place{function, account}
	if m, _, err = newestAccepted(ctx, s, p, now); err != nil {
		return m, nil, err
	}
	object, has := m.object(resellersName)
	if !has {
		return m, nil, nil
	}
	name := p.objectName(m.Run, object.Name)
	body, err := openChecked(ctx, s, name, object)
	if err != nil {
		return m, nil, err
	}
	defer body.close()
	var list struct {
		Resellers []core.ResellerCredit `json:"resellers"`
	}
	readErr := json.UnmarshalRead(body, &list)
	if err := body.finish(); err != nil { // the reason why it cannot be read, if it is damaged
		return m, nil, err
	}
	if readErr != nil {
		return m, nil, damaged(name, "it is not the JSON that was stored")
	}
	return m, list.Resellers, nil
}

// pool is the partner's own credit; nil if it was not read.
func (m *Manifest) pool() *core.PartnerCredit {
	if m.Partner == nil {
		return nil
	}
	return m.Partner.Pool
}

// evaluatePartner writes resellers.json, and the alerts about the partner and its resellers.
func (c *comparison) evaluatePartner() error {
	if out := c.out[resellersName]; out != nil {
		out.add([]byte(`{"schema":"partnerlens.resellers/v1","resellers":[`))
		for i, reseller := range c.partner.Resellers {
			text, err := core.AppendJSON([]byte{'\n'}, reseller)
			if err != nil {
				return err
			}
			if i > 0 {
				out.add([]byte{','})
			}
			out.row(text)
		}
		out.add([]byte("\n]}\n"))
	}
	if c.m.Partner == nil || c.m.State == Held || c.run.Alerts.NoRules {
		return nil
	}
	var prev alert.Conditions
	if c.reference != nil && c.reference.Partner != nil {
		prev = c.reference.Partner.Conditions
	}
	e, next := c.run.Alerts.Rules.EvaluatePartner(c.context, c.partner, prev)
	c.m.Partner.Conditions = next
	return c.write(e)
}

// details returns what is known of a customer beside its record in the list.
func (c *comparison) details(record core.Record) (details core.Details) {
	if c.run.Details != nil {
		details = c.run.Details(record)
	}
	if c.partner.Vouchers != nil {
		details.Vouchers = c.partner.VouchersOf(record.ID())
	}
	return details
}

// maxUnlisted is how many ids a warning names.
const maxUnlisted = 5

// witness returns a warning if the list is proven to be every customer and lacks some that
// the vendor's list of direct customers has.
func (c *comparison) witness() []core.Warning {
	if !c.m.Proven || len(c.unlisted) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(c.unlisted))
	return []core.Warning{{
		Code: core.WarnWitness, CustomerID: ids[0], Count: len(ids),
		Message: fmt.Sprintf("the vendor's list of direct customers, read after the list of all customers, has %d that the list lacks, the first: %s", len(ids), strings.Join(ids[:min(len(ids), maxUnlisted)], ", ")),
	}}
}
