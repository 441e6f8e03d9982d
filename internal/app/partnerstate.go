package app

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/tencent"
)

// The vendor's limits, in calls a second (pages of the actions, read November 2026;
// siblings have that of QueryCustomersCredit where they state none).
const (
	siblingLimit  = 5
	vouchersLimit = 20
)

// PartnerState reads what the vendor says of an account's partner. It returns what could be read.
//
// The lists are read side by side, within ctx. A list that the key may not read is nil,
// without a warning. One that cannot be read, or is not proven complete, is nil with a
// warning.
func (c Composed) PartnerState(ctx context.Context, account string) (core.PartnerState, []core.Warning) {
	if c.siblings == nil {
		return core.PartnerState{}, nil
	}
	return c.siblings.state(ctx, account)
}

// siblings read what Tencent Cloud says of a partner beside its customers' credit.
type siblings struct {
	accounts *Accounts
	now      func() time.Time
	readers  PerAccount[*siblingReaders]

	partner, resellers, direct Pacers // one for each API: the vendor counts them separately
	vouchers                   PerAccount[*core.Pacer]
}

func newSiblings(accounts *Accounts, now func() time.Time) *siblings {
	if now == nil {
		now = time.Now
	}
	return &siblings{
		accounts: accounts, now: now,
		partner: Pacers{Limit: siblingLimit}, resellers: Pacers{Limit: siblingLimit}, direct: Pacers{Limit: siblingLimit},
	}
}

// siblingReaders are the lists of one account.
type siblingReaders struct {
	partner   siblingReader[*tencent.Item[core.PartnerCredit]]
	resellers siblingReader[*tencent.Item[core.ResellerCredit]]
	direct    siblingReader[*core.Member]
	vouchers  siblingReader[*tencent.Item[tencent.Voucher]]
	cache     *voucherCache // of answers
}

type siblingReader[T core.Record] struct {
	action string
	source named[tencent.SiblingQuery, T]
	reader *core.Reader[tencent.SiblingQuery, T]
}

// try makes one call.
func (s siblingReader[T]) try(ctx context.Context) error {
	_, err := s.source.FetchPage(ctx, tencent.SiblingQuery{}, core.Cursor{})
	return err
}

// of returns the Readers of an account.
func (s *siblings) of(ctx context.Context, account string) (*siblingReaders, error) {
	settings, err := s.accounts.Settings(ctx, account)
	if err != nil {
		return nil, err
	}
	return s.readers.While(settings, func(settings Settings) (*siblingReaders, error) {
		if _, err := tencentKey(settings); err != nil {
			return nil, err
		}
		source, err := creditSource(settings, credentials[tencent.Key]{s.accounts, account, tencentKey})
		if err != nil {
			return nil, err
		}
		var pacers [4]*core.Pacer
		for i, of := range []func(Settings) (*core.Pacer, error){s.partner.Of, s.resellers.Of, s.direct.Of, s.vouchersPacer} {
			if pacers[i], err = of(settings); err != nil {
				return nil, err
			}
		}
		return &siblingReaders{
			partner:   newSibling(source.PartnerCredit(), settings, pacers[0], s.now),
			resellers: newSibling(source.Resellers(), settings, pacers[1], s.now),
			direct:    newSibling(source.DirectCustomers(), settings, pacers[2], s.now),
			vouchers:  newSibling(source.Vouchers(), settings, pacers[3], s.now),
			cache:     &voucherCache{turn: make(chan struct{}, 1)},
		}, nil
	})
}

func newSibling[T core.Record](source tencent.Sibling[T], settings Settings, pacer *core.Pacer, now func() time.Time) siblingReader[T] {
	of := named[tencent.SiblingQuery, T]{source, settings}
	return siblingReader[T]{source.Action, of, core.NewReader(of, &core.ReaderOptions[tencent.SiblingQuery]{
		Schema: core.Schema("credit"), Provider: tencent.Provider, Account: settings.Account, Pacer: pacer, Now: now,
	})}
}

// vouchersPacer returns the Pacer of the vouchers, whose limit is higher than that of
// the other APIs: an account's rate holds only where it is lower, or 0.
func (s *siblings) vouchersPacer(settings Settings) (*core.Pacer, error) {
	return s.vouchers.While(settings.only(FieldRate), func(settings Settings) (*core.Pacer, error) {
		rate, err := vouchersRate(settings)
		return core.NewPacer(rate), err
	})
}

func vouchersRate(settings Settings) (int, error) {
	rate, err := rateOf(settings, vouchersLimit)
	return min(rate, vouchersLimit), err
}

// read passes the rows of a list to keep. Its error is for a list that cannot be read,
// or is not proven complete; its warnings are about values of rows.
func (s siblingReader[T]) read(ctx context.Context, query tencent.SiblingQuery, keep func(T)) (warnings []core.Warning, err error) {
	report, err := s.reader.Read(s.reader.CallsOnly(ctx), query, nil, func(row T) bool {
		keep(row)
		return true
	})
	if err != nil {
		return nil, err
	}
	incomplete := &core.Error{Code: core.CodeIncomplete, Detail: "the list could not be proven complete"}
	for _, w := range report.Warnings {
		if !w.AboutRecords() {
			incomplete.Detail += "; " + w.Message
			if report.Stopped != nil {
				incomplete.Code = core.Code(w.Code)
			}
			continue
		}
		warnings = append(warnings, core.Warning{
			Code: w.Code, Field: s.action + "." + w.Field, Count: w.Count,
			Message: fmt.Sprintf("%s: in %d rows %s holds something else than the vendor documents, and is not read", s.action, w.Count, w.Field),
		})
	}
	if !report.Complete {
		return nil, incomplete
	}
	return warnings, nil
}

// state is PartnerState.
func (s *siblings) state(ctx context.Context, account string) (state core.PartnerState, warnings []core.Warning) {
	readers, err := s.of(ctx, account)
	if err != nil {
		return state, []core.Warning{partnerWarning("the partner's state", err)}
	}
	var all sync.WaitGroup
	var notes [4][]core.Warning
	side := func(i int, action string, read func() ([]core.Warning, error)) {
		all.Go(func() {
			warnings, err := read()
			if notes[i] = warnings; err != nil && !tencent.NotPermitted(err) {
				notes[i] = []core.Warning{partnerWarning(action, err)}
			}
		})
	}
	side(0, readers.partner.action, func() ([]core.Warning, error) {
		pools, warnings, err := listOf(ctx, readers.partner, func(p *tencent.Item[core.PartnerCredit]) core.PartnerCredit { return p.Value })
		for i := range pools { // there is one
			state.Pool = &pools[i]
		}
		return warnings, err
	})
	side(1, readers.resellers.action, func() (warnings []core.Warning, err error) {
		state.Resellers, warnings, err = listOf(ctx, readers.resellers, func(r *tencent.Item[core.ResellerCredit]) core.ResellerCredit { return r.Value })
		return warnings, err
	})
	side(2, readers.direct.action, func() (warnings []core.Warning, err error) {
		state.Direct, warnings, err = listOf(ctx, readers.direct, (*core.Member).ID)
		return warnings, err
	})
	side(3, readers.vouchers.action, func() ([]core.Warning, error) {
		sums, warnings, err := s.sums(ctx, readers, "")
		if err == nil {
			state.Vouchers, state.VouchersUnread = sums.Known, sums.Unread
		}
		return warnings, err
	})
	all.Wait()
	return state, slices.Concat(notes[:]...)
}

// listOf reads a whole list; nil with an error.
func listOf[T core.Record, V any](ctx context.Context, reader siblingReader[T], value func(T) V) ([]V, []core.Warning, error) {
	list := []V{}
	warnings, err := reader.read(ctx, tencent.SiblingQuery{}, func(row T) { list = append(list, value(row)) })
	if err != nil {
		return nil, nil, err
	}
	return list, warnings, nil
}

// sums adds up the vouchers of a customer; "": of all customers.
func (s *siblings) sums(ctx context.Context, readers *siblingReaders, customer string) (*tencent.VoucherSums, []core.Warning, error) {
	sums := tencent.NewVoucherSums(s.now())
	warnings, err := readers.vouchers.read(ctx, tencent.SiblingQuery{CustomerID: customer}, sums.Add)
	if failure := core.AsError(err); failure != nil && (customer == "" || !failure.UnknownID) {
		return nil, nil, err
	}
	return sums, warnings, nil
}

// partnerWarning is the warning for a list that could not be read.
func partnerWarning(what string, err error) core.Warning {
	failure := core.AsError(err)
	return core.Warning{Code: core.WarnPartnerUnavailable, Message: fmt.Sprintf("%s could not be read (%s): %s", what, failure.Code, failure.Public())}
}
