package huawei

import (
	"encoding/json"
	"net/http"
	"testing"

	"partnerlens/pkg/core/sourcetest"
	"partnerlens/pkg/transport/transporttest"
)

// resellerCloud lists as many resellers as the world has customers: more than
// the simulator has.
func resellerCloud(tb testing.TB, world sourcetest.World) (url string) {
	tb.Helper()
	return transporttest.ServeWorld(tb, world, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Offset, Limit int }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Limit != maxMemberPage || r.URL.Path != "/v2/partners/indirect-partners/query" {
			tb.Errorf("%s asks for %+v, %v", r.URL.Path, asked, err)
		}
		list := []map[string]string{}
		for i := asked.Offset; i < min(asked.Offset+asked.Limit, world.Customers); i++ {
			list = append(list, map[string]string{"indirect_partner_id": resellerID(i), "mobile_phone": "0086-000-00000000"})
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"count": world.Customers, "indirect_partners": list})
	}), vendorFailure)
}
