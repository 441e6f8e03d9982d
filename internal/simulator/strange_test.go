package simulator

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
)

// On the strange day both vendors list no customers, or as many customers of another
// partner, with success; on the other days they list the own ones.
func TestStrangeDays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault     string
		customers int // on the strange day
	}{{"empty-day", 0}, {"other-account", 60}} {
		s := newSimulator(t, Options{Customers: 60, Faults: []string{test.fault}})
		own := make(map[string]bool)
		for day, want := range []int{60, test.customers, 60} {
			s.SetDay(day)
			ids := listedBy(t, s)
			if day == strangeDay && len(ids) != 2*want || day != strangeDay && len(ids) < 2*50 {
				t.Errorf("%s, day %d: %d customers", test.fault, day, len(ids))
			}
			for id := range ids {
				if day == 0 {
					own[id] = true
				} else if day == strangeDay && own[id] {
					t.Errorf("%s: %s is one of the own customers", test.fault, id)
				}
			}
		}
	}
}

// listedBy returns the ids that both vendors list.
func listedBy(t *testing.T, s *Simulator) map[string]bool {
	t.Helper()
	ids := make(map[string]bool)
	credit, tags := httptest.NewRecorder(), httptest.NewRecorder()
	s.ServeHTTP(credit, call{body: `{"PageSize":100}`}.tencent("http://host"))
	s.ServeHTTP(tags, call{body: `{"limit":200}`}.huawei("http://host"))
	var page struct {
		Response struct {
			Total int
			Data  []struct{ ClientUin json.Number }
		}
	}
	var list struct {
		Tags *[]struct {
			ID string `json:"customer_id"`
		} `json:"new_customer_tags"`
	}
	if err := json.Unmarshal(credit.Body.Bytes(), &page); err != nil || page.Response.Total != len(page.Response.Data) {
		t.Fatalf("%v: %s", err, credit.Body)
	}
	if err := json.Unmarshal(tags.Body.Bytes(), &list); err != nil || list.Tags == nil {
		t.Fatalf("%v: %s", err, tags.Body)
	}
	for _, c := range page.Response.Data {
		ids[c.ClientUin.String()] = true
	}
	for _, c := range *list.Tags {
		ids[c.ID] = true
	}
	return ids
}
