package tencent

import (
	"context"
	"net/http"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"

	"partnerlens/pkg/core"
)

const (
	service   = "intlpartnersmgt"
	version   = "2022-09-28"
	action    = "QueryCustomersCredit"
	operation = "tencent." + action
)

// request is the action's parameters (QueryCustomersCredit, Input Parameters,
// read November 2026). The typed SDK of the service is not used: its answers
// hold money as floats.
type request struct {
	*tchttp.BaseRequest
	Page       *int    `json:"Page,omitempty"` // from 1
	PageSize   *int    `json:"PageSize,omitempty"`
	FilterType *string `json:"FilterType,omitempty"`
	Filter     *string `json:"Filter,omitempty"`
	Order      *string `json:"Order,omitempty"` // by AssociationTime; the API's own default is desc
}

// response is what the SDK gets to see of an answer: nothing.
type response struct {
	*tchttp.BaseResponse
}

// filterTypes are the API's words for the fields that can be searched.
var filterTypes = map[core.FilterType]string{
	core.FilterCustomerID: "ClientUin",
	core.FilterName:       "Name",
	core.FilterRemark:     "Remark",
	core.FilterEmail:      "Email",
}

// sender gives the function that makes the SDK send one call. The SDK's client
// lives as long as the call, since it keeps the key in plain text; making one costs
// a hundredth of a page.
func (s *Source) sender(ctx context.Context, query core.CreditQuery, number, size int) func(http.RoundTripper) error {
	return func(rt http.RoundTripper) error {
		req := &request{BaseRequest: new(tchttp.BaseRequest), Page: &number, PageSize: &size}
		req.Init().WithApiInfo(service, version, action)
		req.SetContext(ctx)
		if query.FilterType != "" {
			field := filterTypes[query.FilterType]
			req.FilterType, req.Filter = &field, &query.Filter
		}
		if query.Order != "" {
			order := string(query.Order)
			req.Order = &order
		}
		settings := profile.NewClientProfile()
		settings.Language = "en-US"
		settings.HttpProfile.Scheme = s.endpoint.Scheme
		settings.HttpProfile.Endpoint = s.endpoint.Host
		settings.HttpProfile.ReqTimeout = 0 // the wire bounds a call
		// The SDK's own retries are off unless asked for: they sleep without
		// regard to the context, and retrying is the Reader's.
		key := common.NewTokenCredential(s.config.SecretID, s.config.SecretKey.Reveal(), s.config.Token.Reveal())
		client := common.NewCommonClient(key, "", settings).WithHttpTransport(rt)
		return client.Send(req, &response{new(tchttp.BaseResponse)})
	}
}
