package huawei

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	bss "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/bss/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/bss/v2/model"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

// Provider is the vendor's name in records and reports.
const Provider = "huaweicloud"

// DefaultEndpoint is the China site's; the international one lacks the API.
const DefaultEndpoint = "https://bss.myhuaweicloud.com"

const (
	operation = "huawei.ListSubCustomerNewTag"
	tagsPath  = "/v2/partners/sub-customers/new-customers-tags/batch-query"
)

const (
	// The page of the API says 200; the vendor's own tools say that more than
	// 100 are refused (both read November 2026). Once refused, a Source reads
	// pages of 100.
	maxPageSize     = 200
	DefaultPageSize = 100
)

// MostClockSkew is how far a caller's clock may be off (API Request Signing
// Guide, read November 2026).
const MostClockSkew = 15 * time.Minute

// The settings, as errors name them.
const (
	settingAK            = "PARTNERLENS_HUAWEI_AK"
	settingSK            = "PARTNERLENS_HUAWEI_SK"
	settingSecurityToken = "PARTNERLENS_HUAWEI_SECURITY_TOKEN"
	settingAuthToken     = "PARTNERLENS_HUAWEI_AUTH_TOKEN"
	settingDomainID      = "PARTNERLENS_HUAWEI_DOMAIN_ID"
	settingEndpoint      = "PARTNERLENS_HUAWEI_ENDPOINT"
)

// Config is the configuration of a Source. New copies it.
type Config struct {
	Credentials transport.Credentials[Key] // required
	DomainID    string                     // the account's id; may be empty

	Endpoint string // https://host[:port], or http:// on this machine; "": DefaultEndpoint
	PageSize int    // customers a page, at most 200; 0: 100

	Transport transport.Options
}

// Source reads pages of new-customer tags from Huawei Cloud.
type Source struct {
	config    Config
	endpoint  *url.URL
	transport *transport.Transport
	largest   atomic.Int32 // the largest page that may be asked for
	doubts    doubts
}

var _ core.Source[core.TagQuery, *core.CustomerTag] = (*Source)(nil)

// New returns a Source. It makes no call; its error is CodeMisconfigured and names
// the setting to change. A Source holds connections: use one for many pages.
func New(config Config) (*Source, error) {
	if config.Endpoint == "" {
		config.Endpoint = DefaultEndpoint
	}
	if config.PageSize == 0 {
		config.PageSize = DefaultPageSize
	}
	endpoint, err := transport.Endpoint(settingEndpoint, config.Endpoint)
	if err != nil {
		return nil, err
	}
	if config.DomainID != "" {
		if err := transport.Key(settingDomainID, core.NewSecret(config.DomainID)); err != nil {
			return nil, err
		}
	}
	if config.PageSize < 1 || config.PageSize > maxPageSize {
		return nil, &core.Error{Code: core.CodeMisconfigured, Detail: fmt.Sprintf("the page size must be from 1 to %d", maxPageSize)}
	}
	s := &Source{config: config, endpoint: endpoint, transport: transport.New(config.Transport)}
	s.largest.Store(maxPageSize)
	return s, nil
}

// CloseIdleConnections closes the connections that are idle. Later calls dial again.
func (s *Source) CloseIdleConnections() { s.transport.CloseIdleConnections() }

// ClockSkew is Transport.ClockSkew of the Source's connections.
func (s *Source) ClockSkew() (time.Duration, bool) { return s.transport.ClockSkew() }

// FetchPage reads the page that begins at a row. It implements core.Source, with
// two things to remember: if the vendor refuses a page of more than 100, FetchPage
// fails as unavailable and later pages have at most 100 rows; and a page without a
// list must come twice (see doubts).
func (s *Source) FetchPage(ctx context.Context, query core.TagQuery, at core.Cursor) (core.Page[*core.CustomerTag], error) {
	var none core.Page[*core.CustomerTag]
	if err := check(query); err != nil {
		return none, err
	}
	if at.Size > maxPageSize || at.Offset > math.MaxInt32 {
		return none, core.Invalid("cursor", "beyond what the vendor can be asked for; start again without it")
	}
	size := min(cmp.Or(at.Size, s.config.PageSize), int(s.largest.Load()))
	answer, err := post(ctx, s, operation, tagsPath, func(client *bss.BssClient) error {
		_, err := client.ListSubCustomerNewTag(params(query, at.Offset, size))
		return err
	}, func(a transport.Answer) (page, error) {
		answer, err := decodePage(a, query.ResellerID)
		if size > DefaultPageSize && a.Status == http.StatusBadRequest && core.CodeOf(err) == core.CodeInvalid {
			s.largest.Store(DefaultPageSize)
			e := core.AsError(err)
			e.Code, e.Detail = core.CodeUnavailable, fmt.Sprintf("a page of %d customers was refused; pages are of %d from now on", size, DefaultPageSize)
		}
		return answer, err
	})
	if err == nil {
		err = s.doubts.check(query, at, answer)
	}
	if err != nil {
		return none, err
	}
	answer.Next = next(query, at.Offset+len(answer.Items), len(answer.Items), size)
	return answer.Page, nil
}

// check refuses a query that the API would read as another one: to the API, an
// empty list of ids means all customers. The scopes of a Reader have no such query.
func check(query core.TagQuery) error {
	var mistake string
	switch {
	case query.ResellerID == core.AllResellers:
		mistake = "all resellers asked for at once"
	case query.CustomerIDs != nil && len(query.CustomerIDs) == 0, slices.Contains(query.CustomerIDs, ""):
		mistake = "an empty list of ids, or an empty id, which would read as everyone"
	case len(query.CustomerIDs) > core.MaxIDsPerQuery:
		mistake = "more ids than the vendor takes in one query"
	default:
		return nil
	}
	return &core.Error{Code: core.CodeInternal, Err: fmt.Errorf("a query that core.TagScopes would have split: %s", mistake)}
}

// next returns the cursor after a page; offset is the row after it. Without ids only
// an empty page is the end, since the API has no count and any page may be short.
// With ids there are no more customers than ids.
func next(query core.TagQuery, offset, rows, size int) *core.Cursor {
	if rows == 0 || query.CustomerIDs != nil && offset >= len(query.CustomerIDs) {
		return nil
	}
	return &core.Cursor{Offset: offset, Size: size}
}

// params are the action's parameters (ListSubCustomerNewTag, read November 2026).
func params(query core.TagQuery, offset, size int) *model.ListSubCustomerNewTagRequest {
	from, limit := int32(offset), int32(size)
	body := &model.ListSubCustomerNewTagReq{Offset: &from, Limit: &limit}
	if query.CustomerIDs != nil {
		body.CustomerIds = &query.CustomerIDs
	}
	if query.ResellerID != "" {
		body.IndirectPartnerId = &query.ResellerID
	}
	return &model.ListSubCustomerNewTagRequest{Body: body}
}
