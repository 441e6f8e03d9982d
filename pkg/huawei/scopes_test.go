package huawei_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"partnerlens/pkg/core"
	"partnerlens/pkg/huawei"
	"partnerlens/pkg/transport"
)

// An account with more resellers than a page holds must be walked too: its
// list of resellers has to be proven before anything is read. A count that is
// only the page's own proves nothing.
func TestScopesOverManyPagesOfResellers(t *testing.T) {
	t.Parallel()
	for _, world := range []struct {
		resellers int
		counted   bool // else the page's own
	}{{0, true}, {1, true}, {99, true}, {100, true}, {101, true}, {250, true}, {99, false}, {100, false}, {101, false}, {250, false}} {
		t.Run(fmt.Sprintf("%+v", world), func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var asked struct{ Offset, Limit int }
				if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
					t.Error(err)
				}
				list := []map[string]string{}
				for i := asked.Offset; i < min(asked.Offset+asked.Limit, world.resellers); i++ {
					list = append(list, map[string]string{"indirect_partner_id": fmt.Sprintf("reseller-%03d", i)})
				}
				count := len(list)
				if world.counted {
					count = world.resellers
				}
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(map[string]any{"count": count, "indirect_partners": list})
			}))
			t.Cleanup(server.Close)
			source, err := huawei.New(huawei.Config{Credentials: transport.Static(huawei.Key{AK: "SIMULATORID", SK: core.NewSecret("simulator-secret")}), Endpoint: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(source.CloseIdleConnections)
			scopes := huawei.NewResellerList(core.NewReader(source.Resellers(), &core.ReaderOptions[huawei.ResellerQuery]{Attempts: 1}), nil).Scopes
			got, err := scopes(t.Context(), core.TagQuery{ResellerID: core.AllResellers})
			if !world.counted && world.resellers > 99 {
				if core.CodeOf(err) != core.CodeIncomplete {
					t.Errorf("%d scopes, %v, want that they are not all", len(got), err)
				}
			} else if err != nil || len(got) != world.resellers+1 { // own customers first
				t.Errorf("%d scopes, %v, want %d", len(got), err, world.resellers+1)
			}
		})
	}
}
