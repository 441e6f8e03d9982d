package tencent

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// Provider is the vendor's name in records and reports.
const Provider = "tencentcloud"

// DefaultEndpoint is the API's address in today's pages; older ones, and the
// SDK, say intlpartnersmgt.tencentcloudapi.com (Common Params, read November 2026).
const DefaultEndpoint = "https://intlpartnersmgt.intl.tencentcloudapi.com"

const (
	// DefaultPageSize is the largest page of the sibling APIs; the page of this one
	// has no limit. If a server's pages are smaller, a read continues with their size.
	DefaultPageSize = 100
	maxPageSize     = 1000 // a limit against forged cursors
)

// MostClockSkew is how far a caller's clock may be off (Signature, Common
// Errors, AuthFailure.SignatureExpire, read November 2026).
const MostClockSkew = 5 * time.Minute

// The settings, as errors name them.
const (
	settingSecretID  = "PARTNERLENS_TENCENT_SECRET_ID"
	settingSecretKey = "PARTNERLENS_TENCENT_SECRET_KEY"
	settingToken     = "PARTNERLENS_TENCENT_TOKEN"
	settingEndpoint  = "PARTNERLENS_TENCENT_ENDPOINT"
)

// Config is the configuration of a Source. New copies it.
type Config struct {
	Credentials transport.Credentials[Key] // required

	Endpoint string         // https://host[:port], or http:// on this machine; "": DefaultEndpoint
	PageSize int            // customers a page; 0: 100
	Zone     *time.Location // of times, which come without one; nil: core.VendorZone
	Currency string         // of amounts, which come without one; "": USD, as the sibling APIs' pages say

	Transport transport.Options
}

// Source reads pages of customers' credit from Tencent Cloud.
type Source struct {
	config    Config
	endpoint  *url.URL
	transport *transport.Transport
}

var _ core.Source[core.CreditQuery, *core.CustomerCredit] = (*Source)(nil)

// New returns a Source. It makes no call; its error is CodeMisconfigured and names
// the setting to change. A Source holds connections: use one for many pages.
func New(config Config) (*Source, error) {
	if config.Endpoint == "" {
		config.Endpoint = DefaultEndpoint
	}
	if config.PageSize == 0 {
		config.PageSize = DefaultPageSize
	}
	if config.Zone == nil {
		config.Zone = core.VendorZone
	}
	if config.Currency == "" {
		config.Currency = "USD"
	}
	endpoint, err := transport.Endpoint(settingEndpoint, config.Endpoint)
	if err != nil {
		return nil, err
	}
	if config.PageSize < 1 || config.PageSize > maxPageSize {
		return nil, &core.Error{Code: core.CodeMisconfigured, Detail: fmt.Sprintf("the page size must be from 1 to %d", maxPageSize)}
	}
	return &Source{config, endpoint, transport.New(config.Transport)}, nil
}

// CloseIdleConnections closes the connections that are idle. Later calls dial again.
func (s *Source) CloseIdleConnections() { s.transport.CloseIdleConnections() }

// ClockSkew is Transport.ClockSkew of the Source's connections.
func (s *Source) ClockSkew() (time.Duration, bool) { return s.transport.ClockSkew() }

// FetchPage reads the page that begins at a row. It implements core.Source.
//
// The API counts in pages, a Cursor in rows: for a row within a page, as after a
// change of the page size, FetchPage reads that page and leaves out the rows before.
func (s *Source) FetchPage(ctx context.Context, query core.CreditQuery, at core.Cursor) (core.Page[*core.CustomerCredit], error) {
	if at.Size > maxPageSize {
		return page{}, core.Invalid("cursor", "beyond what the vendor can be asked for; start again without it")
	}
	return fetchPage(ctx, s, action, requestOf(query), s.config.PageSize, at, func(a transport.Answer) (page, error) { return decodePage(a, s.config) })
}

// fetchPage reads the page of an action that begins at a row. size is that of a cursor
// that has none.
func fetchPage[T core.Record](ctx context.Context, s *Source, action string, req request, size int, at core.Cursor, decode func(transport.Answer) (core.Page[T], error)) (core.Page[T], error) {
	size = cmp.Or(at.Size, size)
	number := at.Offset/size + 1
	req.Page, req.PageSize = &number, &size
	answer, err := send(ctx, s, action, req, decode)
	if err != nil {
		return core.Page[T]{}, err
	}
	rows := len(answer.Items)
	answer.Next = next(number, size, rows, *answer.Total)
	answer.Items = answer.Items[min(at.Offset%size, rows):]
	return answer, nil
}

// next returns the cursor after a page: its number, from 1, the size that was asked
// for, the rows that it has, and the total.
//
// A first page that is short although there are more rows shows the largest page of
// the server: the read continues with that size. A later one does not, since a page is
// found by number and size: the Reader finds by the total that rows are missing.
func next(number, size, rows, total int) *core.Cursor {
	switch {
	case rows == 0, (number-1)*size+rows >= total:
		return nil
	case number == 1 && rows < size:
		return &core.Cursor{Offset: rows, Size: rows}
	}
	return &core.Cursor{Offset: number * size, Size: size}
}
