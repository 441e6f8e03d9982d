package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"partnerlens/internal/api"
	"partnerlens/pkg/core"
	"partnerlens/pkg/tencent"
)

// Checkup is the result of one cheap call for an account.
type Checkup struct {
	Account string    `json:"account"`
	Vendor  string    `json:"vendor"`
	OK      bool      `json:"ok"`
	Checks  []Check   `json:"checks"`
	Code    core.Code `json:"code,omitempty"` // of the failure; empty if there is none
}

// Check is one of the things examined.
type Check struct {
	Name  string     `json:"name"`
	State CheckState `json:"state"`
	Says  string     `json:"says"` // the finding, and what to do about it
}

// CheckState is the result of a check.
type CheckState string

// The states.
const (
	CheckOK         CheckState = "ok"
	CheckLook       CheckState = "look" // works, but needs attention
	CheckFailed     CheckState = "failed"
	CheckNotReached CheckState = "not reached" // because an earlier check failed
)

// The checks, each depending on those before it.
const (
	checkSettings   = "settings"
	checkReach      = "endpoint"
	checkClock      = "clock"
	checkKey        = "key"
	checkPermission = "permission"
	checkPages      = "pages"
	checkValues     = "values"
	checkPartner    = "partner" // where the vendor says something of the partner itself
)

var checkNames = []string{checkSettings, checkReach, checkClock, checkKey, checkPermission, checkPages, checkValues}

// Probe is the one call that a Checkup makes.
type Probe struct {
	Endpoint  string
	MostSkew  time.Duration // between the clocks, beyond which the vendor refuses signatures
	PageSize  int           // customers asked for
	Limit     int           // calls a second; 0: not known
	Fetch     func(ctx context.Context) (Seen, error)
	ClockSkew func() (time.Duration, bool)
}

// Seen describes the page of a Probe.
type Seen struct {
	Customers int
	Total     *int // by the vendor's count; nil if it gives none
	Notes     core.RecordNotes
}

// ProbeOf describes a page, with its records evaluated by an account's rules.
func ProbeOf[T core.Record](page core.Page[T], account string, rules core.Rules) Seen {
	seen := Seen{Customers: len(page.Items), Total: page.Total}
	for _, record := range page.Items {
		record.Evaluate(account, time.Now(), rules)
		seen.Notes.Add(record)
	}
	return seen
}

// checkTimeout is the time limit of the call.
const checkTimeout = 20 * time.Second

// Checkup examines one account with the call that probe returns for its settings.
func (a *Accounts) Checkup(ctx context.Context, name string, probe func(Settings) (Probe, error)) Checkup {
	c := &Checkup{Account: name, Vendor: a.Vendor.Name}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	settings, err := a.Settings(ctx, name)
	if err != nil {
		return c.failed(checkSettings, err)
	}
	p, err := probe(settings)
	if err != nil {
		return c.failed(checkSettings, settings.renamed(err))
	}
	switch rate, err := rateOf(settings, p.Limit); {
	case err != nil:
		return c.failed(checkSettings, settings.renamed(err))
	case p.Limit > 0 && rate > p.Limit:
		c.add(checkSettings, CheckLook, fmt.Sprintf("%s is %d calls a second, over the vendor's limit of %d: calls are refused until the pace has come down; unset it to work at the limit", settings.Name(FieldRate), rate, p.Limit))
	default:
		c.add(checkSettings, CheckOK, "complete")
	}

	start := time.Now()
	seen, err := p.Fetch(ctx)
	took := time.Since(start).Round(time.Millisecond)
	skew, known := p.ClockSkew()
	err = settings.renamed(err)
	failure := core.AsError(err)
	answered := err == nil || failure.Code == core.CodeDenied || failure.Code == core.CodeThrottled || failure.VendorCode != "" && failure.Code != core.CodeUnavailable
	if !answered {
		return c.failed(checkReach, withHint(failure, "the address is "+p.Endpoint))
	}
	c.add(checkReach, CheckOK, fmt.Sprintf("%s answered in %s", p.Endpoint, took))

	direction := "behind"
	if skew < 0 {
		direction = "ahead of"
	}
	switch {
	case !known:
		c.add(checkClock, CheckLook, "the answer has no time of the vendor's clock")
	case skew.Abs() > p.MostSkew:
		return c.failed(checkClock, &core.Error{Code: core.CodeDenied, Detail: fmt.Sprintf(
			"this machine's clock is %s %s the vendor's, which accepts at most %s; have the machine's administrator set the clock (NTP)", skew.Abs().Round(time.Minute), direction, p.MostSkew)})
	case skew.Abs() > p.MostSkew/3:
		c.add(checkClock, CheckLook, fmt.Sprintf("%s %s the vendor's; beyond %s it refuses every call: have the clock set", skew.Abs().Round(time.Minute), direction, p.MostSkew))
	default:
		c.add(checkClock, CheckOK, "agrees with the vendor's")
	}
	switch {
	case err == nil && seen.Customers == 0 && seen.Total != nil && *seen.Total > 0:
		c.add(checkKey, CheckOK, "accepted")
		return c.failed(checkPermission, &core.Error{Code: core.CodeUpstream, Detail: fmt.Sprintf(
			"the vendor counts %d customers and shows none of them; ask its support whether the key's user may see customers", *seen.Total)})
	case err == nil:
	case failure.Code == core.CodeThrottled:
		c.add(checkKey, CheckOK, "accepted")
		return c.failed(checkPermission, withHint(failure, "another program uses up this key's calls; find it, or give the account a smaller rate"))
	case failure.StaleKey || strings.HasPrefix(failure.VendorCode, "AuthFailure.") && !strings.Contains(failure.VendorCode, "Unauthorized"):
		return c.failed(checkKey, failure)
	default:
		c.add(checkKey, CheckOK, "accepted")
		return c.failed(checkPermission, failure)
	}
	c.add(checkKey, CheckOK, "accepted")
	c.add(checkPermission, CheckOK, "may read customers")
	c.addPages(seen.Customers, seen.Total, p.PageSize)
	if text := notesText(seen.Notes); text != "" {
		c.add(checkValues, CheckLook, text)
	} else {
		c.add(checkValues, CheckOK, "all of them could be read")
	}
	c.OK = true
	return *c
}

// check examines, with one call each, which of the lists about the partner the account's
// key may read. They are optional: a list that it may not read is no fault.
func (s *siblings) check(ctx context.Context, account string) Check {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	readers, err := s.of(ctx, account)
	if err != nil {
		return Check{checkPartner, CheckLook, core.AsError(err).Public()}
	}
	lists := [...]struct {
		name, lost string
		try        func(context.Context) error
		err        error
	}{
		{name: "partner credit", lost: "no partner_low alert, no pool in GET /v1/partner", try: readers.partner.try},
		{name: "resellers", lost: "no reseller_low alert", try: readers.resellers.try},
		{name: "direct customers", lost: "no second witness of the list of customers", try: readers.direct.try},
		{name: "vouchers", lost: "no vouchers beside credit, no voucher_expiring alert", try: readers.vouchers.try},
	}
	var all sync.WaitGroup
	for i := range lists {
		all.Go(func() { lists[i].err = lists[i].try(ctx) })
	}
	all.Wait()
	state := CheckOK
	var says []string
	for _, list := range lists {
		switch {
		case list.err == nil:
			says = append(says, list.name+": permitted")
		case tencent.NotPermitted(list.err):
			says = append(says, list.name+": not permitted; "+list.lost)
		default:
			state = CheckLook
			says = append(says, list.name+": "+core.AsError(list.err).Public()+"; "+list.lost)
		}
	}
	return Check{checkPartner, state, strings.Join(says, ". ")}
}

func (c *Checkup) addPages(customers int, total *int, size int) {
	switch {
	case total != nil && customers < size && customers < *total:
		c.add(checkPages, CheckLook, fmt.Sprintf("the vendor returns %d customers a page instead of %d: reading all %d takes %d calls", customers, size, *total, (*total+customers-1)/max(customers, 1)))
	case total != nil && *total == 0, total == nil && customers == 0:
		c.add(checkPages, CheckLook, "the account has no customers; is it the right one?")
	case total != nil:
		c.add(checkPages, CheckOK, fmt.Sprintf("%d customers in all, up to %d at a time", *total, size))
	default:
		c.add(checkPages, CheckOK, fmt.Sprintf("%d customers at once of the %d asked for", customers, size))
	}
}

func (c *Checkup) add(name string, state CheckState, says string) {
	c.Checks = append(c.Checks, Check{name, state, says})
}

// failed ends a checkup: what depends on the check was not reached.
func (c *Checkup) failed(name string, err error) Checkup {
	failure := core.AsError(err)
	c.Code = failure.Code
	c.add(name, CheckFailed, failure.Public())
	for _, later := range checkNames[slices.Index(checkNames, name)+1:] {
		c.add(later, CheckNotReached, "")
	}
	return *c
}

func withHint(failure *core.Error, hint string) *core.Error {
	with := *failure
	if with.Detail == "" {
		with.Detail = strings.ToLower(with.Code.Title())
	}
	with.Detail += "; " + hint
	return &with
}

// Unreadable is the Checkup of accounts whose setting cannot be read.
func (a *Accounts) Unreadable(err error) Checkup {
	return (&Checkup{Account: core.AllAccounts, Vendor: a.Vendor.Name}).failed(checkSettings, err)
}

// Any reports whether any account is configured.
func (a *Accounts) Any(ctx context.Context) (bool, error) {
	all, err := a.configured(ctx)
	return len(all) > 0, err
}

// CheckAuth checks the settings of authentication over HTTP. accounts are the configured
// accounts.
func CheckAuth(ctx context.Context, env Environment, accounts []string) Check {
	const name = "auth"
	env = env.orOwn()
	failed := func(err error) Check { return Check{name, CheckFailed, core.AsError(err).Public()} }
	if err := checkPlatformAuth(env); err != nil {
		return failed(err)
	}
	if _, err := api.ParseBasePath(env(api.BasePathSetting)); err != nil {
		return failed(err)
	}
	text, err := NewResolver(env, nil).Setting(ctx, api.KeysSetting)
	if err == nil && text == "" {
		return Check{name, CheckLook, api.KeysSetting + " is not set: over HTTP only programs on this machine, with masked data, and callers that the platform authenticates get answers"}
	}
	if err != nil {
		return failed(err)
	}
	keys, err := api.ParseKeys([]byte(text), FunctionNames()...)
	if err != nil {
		return failed(err)
	}
	if doubts := keys.Doubts(time.Now(), accounts); doubts != nil {
		return Check{name, CheckLook, strings.Join(doubts, "; ")}
	}
	return Check{name, CheckOK, "keys are configured"}
}
