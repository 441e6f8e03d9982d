package tencent

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common"
	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"
	"github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/profile"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

const (
	service = "intlpartnersmgt"
	version = "2022-09-28"
	action  = "QueryCustomersCredit"
)

// request has the parameters of all actions (Input Parameters of each, read November
// 2026); those that are nil are not sent. The typed SDK of the service is not used:
// its answers hold money as floats.
type request struct {
	*tchttp.BaseRequest
	Page          *int    `json:"Page,omitempty"` // from 1
	PageSize      *int    `json:"PageSize,omitempty"`
	FilterType    *string `json:"FilterType,omitempty"`
	Filter        *string `json:"Filter,omitempty"`
	Order         *string `json:"Order,omitempty"` // by AssociationTime; the API's own default is desc
	CustomerUin   *uint64 `json:"CustomerUin,omitempty"`
	VoucherStatus *string `json:"VoucherStatus,omitempty"`
}

// response is the SDK's view of an answer, which is empty.
type response struct {
	*tchttp.BaseResponse
}

// filterTypes are the API's names of the fields that can be searched.
var filterTypes = map[core.FilterType]string{
	core.FilterCustomerID: "ClientUin",
	core.FilterName:       "Name",
	core.FilterRemark:     "Remark",
	core.FilterEmail:      "Email",
}

// requestOf returns the request of a query, without its page.
func requestOf(query core.CreditQuery) (req request) {
	if query.FilterType != "" {
		field := filterTypes[query.FilterType]
		req.FilterType, req.Filter = &field, &query.Filter
	}
	if query.Order != "" {
		order := string(query.Order)
		req.Order = &order
	}
	return req
}

// send calls an action, in one attempt.
func send[A any](ctx context.Context, s *Source, action string, req request, decode func(transport.Answer) (A, error)) (answer A, err error) {
	err = transport.WithKey(ctx, s.config.Credentials, func(key Key) error {
		req.BaseRequest = new(tchttp.BaseRequest)
		req.Init().WithApiInfo(service, version, action)
		answer, err = transport.Fetch(ctx, s.transport, call(ctx, s.endpoint, "", key, &req), decode)
		return err
	})
	return answer, err
}

// call is one call of a request's action. The SDK's client lasts as long as the call,
// since it holds the key in plain text; creating one costs a hundredth of a page.
func call(ctx context.Context, endpoint *url.URL, region string, key Key, req tchttp.Request) transport.Call {
	return transport.Call{
		Op:              "tencent." + req.GetAction(),
		RequestIDHeader: "X-TC-RequestId",
		HandOn:          `{"Response":{"RequestId":""}}`,
		Reads:           reads(req.GetAction(), req.GetVersion()),
		Send: func(rt http.RoundTripper) error {
			req.SetContext(ctx)
			return client(rt, endpoint, region, key).Send(req, &response{new(tchttp.BaseResponse)})
		},
	}
}

// Key is an API key of Tencent Cloud, lasting or temporary.
type Key struct {
	ID     string
	Secret core.Secret
	Token  core.Secret // of a temporary key; empty for a lasting one
}

// Check returns an error that names the setting to change.
func (k Key) Check() error {
	if err := transport.Key(settingSecretID, core.NewSecret(k.ID)); err != nil {
		return err
	}
	if err := transport.Key(settingSecretKey, k.Secret); err != nil || k.Token.Empty() {
		return err
	}
	return transport.Key(settingToken, k.Token)
}

// Equal reports whether both are the same key.
func (k Key) Equal(other Key) bool {
	return k.ID == other.ID && k.Secret.Equal(other.Secret) && k.Token.Equal(other.Token)
}

// client is the SDK's client for one call.
func client(rt http.RoundTripper, endpoint *url.URL, region string, key Key) *common.Client {
	settings := profile.NewClientProfile()
	settings.Language = "en-US"
	settings.HttpProfile.Scheme = endpoint.Scheme
	settings.HttpProfile.Endpoint = endpoint.Host
	settings.HttpProfile.ReqTimeout = 0 // the transport limits a call
	// The SDK's retries stay off, as they are by default: they sleep without regard
	// to the context, and the Reader retries.
	credential := common.NewTokenCredential(key.ID, key.Secret.Reveal(), key.Token.Reveal())
	return common.NewCommonClient(credential, region, settings).WithHttpTransport(rt)
}

// reads returns a function that reports whether a request is for one action.
func reads(action, version string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		for name, values := range r.Header { // the SDK does not write names as net/http does
			switch {
			case strings.EqualFold(name, "X-TC-Action") && (len(values) != 1 || values[0] != action),
				strings.EqualFold(name, "X-TC-Version") && (len(values) != 1 || values[0] != version):
				return false
			}
		}
		return r.Method == http.MethodPost && r.URL.Path == "/" && r.URL.RawQuery == ""
	}
}
