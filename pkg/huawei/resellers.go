package huawei

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	bss "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/bss/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/bss/v2/model"

	"partnerlens/pkg/core"
	"partnerlens/pkg/wire"
)

// ResellerQuery asks for every cloud reseller below the account.
type ResellerQuery struct{}

// AskedIDs is nil: resellers are not asked for by id.
func (ResellerQuery) AskedIDs() []string { return nil }

// Reseller is one cloud reseller (indirect partner), by id alone: what else the
// API tells of one is personal, and is not read.
type Reseller struct {
	ResellerID string `json:"reseller_id"`
}

// ID is the reseller's id.
func (r *Reseller) ID() string { return r.ResellerID }

// Key is the reseller's id.
func (r *Reseller) Key() string { return r.ResellerID }

// Settle does nothing: an id follows from nothing.
func (r *Reseller) Settle(string, time.Time, core.Rules) {}

// StatusText is empty: a reseller has no status.
func (r *Reseller) StatusText() string { return "" }

// Masked is the reseller: an id is nobody's name.
func (r *Reseller) Masked() core.Record { return r }

// Cells are the id.
func (r *Reseller) Cells() []string { return []string{r.ResellerID} }

// Resellers asks Huawei Cloud for pages of resellers, over a Source's
// connections and with its key.
type Resellers struct{ source *Source }

var _ core.Source[ResellerQuery, *Reseller] = Resellers{}

// Resellers gives the Source of the account's resellers.
func (s *Source) Resellers() Resellers { return Resellers{s} }

// maxResellerPage is ListIndirectPartners' bound.
const maxResellerPage = 100

const resellersPath = "/v2/partners/indirect-partners/query"

// FetchPage asks for the page that begins at a row. It keeps core.Source's rules.
func (r Resellers) FetchPage(ctx context.Context, _ ResellerQuery, at core.Cursor) (core.Page[*Reseller], error) {
	if at.Offset > math.MaxInt32 {
		return core.Page[*Reseller]{}, core.Invalid("cursor", "beyond what the cloud can be asked for; start again without it")
	}
	offset, limit := int32(at.Offset), int32(maxResellerPage)
	var answer resellerPage
	err := r.source.wire.Do(ctx, wire.Call{
		Op:              "huawei.ListIndirectPartners",
		RequestIDHeader: "X-Request-Id",
		HandOn:          `{}`,
		Reads:           reads(http.MethodPost, resellersPath),
		Send: r.source.sender(func(client *bss.BssClient) error {
			_, err := client.ListIndirectPartners(&model.ListIndirectPartnersRequest{
				Body: &model.QueryIndirectPartnersReq{Offset: &offset, Limit: &limit},
			})
			return err
		}),
		Decode: func(a wire.Answer) (err error) {
			answer, err = decodeResellers(a)
			return err
		},
	})
	if err != nil {
		return core.Page[*Reseller]{}, err
	}
	page := core.Page[*Reseller]{Items: answer.resellers, Total: &answer.count, RequestID: answer.requestID}
	// A full page is gone on from whatever is counted: a count may be the page's own.
	if after := at.Offset + len(answer.resellers); len(answer.resellers) == maxResellerPage || len(answer.resellers) > 0 && after < answer.count {
		page.Next = &core.Cursor{Offset: after}
	}
	return page, nil
}

// resellerPage is one page as the API answers it.
type resellerPage struct {
	resellers []*Reseller
	count     int
	requestID string
}

// decodeResellers reads an answer as decodePage does. Here the count, which is
// there "only on success", tells an empty list from no answer.
func decodeResellers(a wire.Answer) (resellerPage, error) {
	var (
		failure told
		count   wire.Value
		answer  = resellerPage{requestID: a.RequestID}
		bad     error // what is wrong with a row
	)
	body := wire.NewBody(a.Body)
	body.Object(func(name string) {
		switch {
		case name == "count":
			count = body.Value()
		case name == "indirect_partners":
			answer.resellers, bad = readResellers(body)
		case failure.member(body, name):
		}
	})
	err := failure.error(body, a)
	switch {
	case err == nil && bad != nil:
		err = bad
	case err == nil:
		answer.count, err = strconv.Atoi(count.Text())
		if err != nil || answer.count < 0 {
			err = wire.Malformed("it does not say how many resellers there are (count)", nil)
		}
	}
	if err != nil {
		return resellerPage{}, err
	}
	return answer, nil
}

// readResellers reads indirect_partners. Its error is a *core.Error.
func readResellers(body *wire.Body) (resellers []*Reseller, err error) {
	isList := body.Array(func() {
		var partnerID wire.Value
		body.Object(func(member string) {
			if member == "indirect_partner_id" {
				partnerID = body.Value()
			}
		})
		id, ok := partnerID.ID()
		if !ok && err == nil {
			err = wire.Malformed(fmt.Sprintf("row %d: its indirect_partner_id is not an id", len(resellers)+1), nil)
		}
		resellers = append(resellers, &Reseller{id})
	})
	if !isList {
		err = wire.Malformed("indirect_partners is no list", nil)
	}
	return resellers, err
}

// Passes gives the Passes of a core.Reader over a Source: it splits a query into
// what the cloud can be asked. Only for core.AllResellers does it call the cloud,
// for the list of resellers; and only a list that is proven whole will do, since
// the customers of one left out would be missing without a word.
func Passes(resellers *core.Reader[ResellerQuery, *Reseller]) func(context.Context, core.TagQuery) ([]core.Pass[core.TagQuery], error) {
	return func(ctx context.Context, query core.TagQuery) ([]core.Pass[core.TagQuery], error) {
		if query.ResellerID != core.AllResellers {
			return core.TagPasses(query, nil), nil
		}
		var ids []string
		report, err := resellers.Read(ctx, ResellerQuery{}, nil, func(r *Reseller) bool {
			ids = append(ids, r.ResellerID)
			return true
		})
		if err != nil {
			return nil, err
		}
		if !report.Complete {
			return nil, unproven(report)
		}
		return core.TagPasses(query, ids), nil
	}
}

// unproven is the error for a list of resellers that is not whole: what stopped
// it, where something did, since that may be over at the next try.
func unproven(report core.Report) *core.Error {
	e := &core.Error{Code: core.CodeIncomplete, Param: "reseller_id", Detail: "the list of resellers could not be read whole"}
	if len(report.Warnings) == 0 {
		return e
	}
	last := report.Warnings[len(report.Warnings)-1]
	e.Detail += ": " + last.Message
	if report.Stopped != nil && *report.Stopped != core.StoppedLimit {
		e.Code = core.Code(last.Code)
	}
	return e
}
