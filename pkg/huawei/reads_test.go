package huawei

import (
	"net/http"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/global"
	bss "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/bss/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/bss/v2/model"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
	"partnerlens/pkg/transport/transporttest"
)

// The SDK can move money and cancel resources. The transport sends none of those
// calls.
func TestNoCallThatWritesIsSent(t *testing.T) {
	t.Parallel()
	url := transporttest.Handle(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s was sent", r.Method, r.URL.Path) })
	endpoint, err := transport.Endpoint("", url)
	if err != nil {
		t.Fatal(err)
	}
	key, err := global.NewCredentialsBuilder().WithAk("SIMULATORID").WithSk("simulator-secret").WithDomainId("5d").SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	w := transport.New(transport.Options{})
	for name, call := range map[string]func(*bss.BssClient) error{
		"UpdateCustomerAccountAmount": func(c *bss.BssClient) error {
			_, err := c.UpdateCustomerAccountAmount(&model.UpdateCustomerAccountAmountRequest{})
			return err
		},
		"CreateSubCustomer": func(c *bss.BssClient) error {
			_, err := c.CreateSubCustomer(&model.CreateSubCustomerRequest{})
			return err
		},
		"CancelResourcesSubscription": func(c *bss.BssClient) error {
			_, err := c.CancelResourcesSubscription(&model.CancelResourcesSubscriptionRequest{Body: &model.UnsubscribeResourcesReq{ResourceIds: []string{"1"}}})
			return err
		},
	} {
		for _, allowed := range []transport.Call{
			newCall("", http.MethodPost, tagsPath), newCall("", http.MethodPost, resellersPath), newCall("", http.MethodGet, "/v1/p/secrets/s/versions/latest"),
		} {
			allowed.Send = func(rt http.RoundTripper) error { return call(bss.NewBssClient(client(rt, endpoint, key))) }
			allowed.Decode = func(transport.Answer) error { return nil }
			err := w.Do(t.Context(), allowed)
			if core.CodeOf(err) != core.CodeInternal {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
