package tencent

import (
	"net/http"
	"testing"

	tchttp "github.com/tencentcloud/tencentcloud-sdk-go/tencentcloud/common/http"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
	"partnerlens/pkg/transport/transporttest"
)

// allReads are what the calls of this package may send.
var allReads = map[string]func(*http.Request) bool{
	action: reads(action, version), partnerAction: reads(partnerAction, version), resellersAction: reads(resellersAction, version),
	directAction: reads(directAction, version), vouchersAction: reads(vouchersAction, version),
	secretsAction: reads(secretsAction, secretsVersion),
}

// The SDK can call every action of every service. The transport sends only those that
// read, and each call only its own.
func TestNoActionThatWritesIsSent(t *testing.T) {
	t.Parallel()
	url := transporttest.Handle(t, func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was sent", r.Header.Get("X-TC-Action"))
	})
	endpoint, err := transport.Endpoint("", url)
	if err != nil {
		t.Fatal(err)
	}
	w := transport.New(transport.Options{})
	for _, other := range []struct{ service, version, action string }{
		{service, version, "ModifyClientRemark"},
		{service, version, "AllocateCustomerCredit"},
		{service, "2021-01-01", action},
		{service, version, "CreateCustomerVoucher"},
		{service, version, partnerAction + "V2"},
		{"cam", "2019-01-16", "CreateAccessKey"},
		{secretsService, secretsVersion, "PutSecretValue"},
	} {
		for _, allowed := range allReads {
			err := w.Do(t.Context(), transport.Call{
				HandOn: "{}", Reads: allowed,
				Send: func(rt http.RoundTripper) error {
					req := &request{BaseRequest: new(tchttp.BaseRequest)}
					req.Init().WithApiInfo(other.service, other.version, other.action)
					return client(rt, endpoint, "ap-singapore", Key{ID: "SIMULATORID", Secret: core.NewSecret("simulator-secret")}).
						Send(req, &response{new(tchttp.BaseResponse)})
				},
				Decode: func(transport.Answer) error { return nil },
			})
			if core.CodeOf(err) != core.CodeInternal {
				t.Errorf("%s: %v", other.action, err)
			}
		}
	}
}
