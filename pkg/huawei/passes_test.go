package huawei_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
)

// An account with more resellers than a page holds must be walked too: its
// list of resellers has to be proven before anything is read.
func TestPassesOverManyPagesOfResellers(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 99, 100, 101, 250} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var asked struct{ Offset, Limit int }
				if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
					t.Error(err)
				}
				list := []map[string]string{}
				for i := asked.Offset; i < min(asked.Offset+asked.Limit, n); i++ {
					list = append(list, map[string]string{"indirect_partner_id": fmt.Sprintf("reseller-%03d", i)})
				}
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(map[string]any{"count": n, "indirect_partners": list})
			}))
			t.Cleanup(server.Close)
			source, err := huawei.New(huawei.Config{AK: "SIMULATORID", SK: core.NewSecret("simulator-secret"), Endpoint: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(source.CloseIdleConnections)
			passes := huawei.Passes(core.NewReader(source.Resellers(), &core.ReaderOptions[huawei.ResellerQuery]{Tries: 1}))
			got, err := passes(t.Context(), core.TagQuery{ResellerID: core.AllResellers})
			if err != nil || len(got) != n+1 { // own customers first
				t.Errorf("%d passes, %v, want %d", len(got), err, n+1)
			}
		})
	}
}
