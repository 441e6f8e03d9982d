package huawei

import (
	"fmt"
	"strings"
	"testing"

	"partnerlens/internal/simulator"
	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

func decodeMember(body string) (*core.Member, error) {
	page, err := subCustomers.decode(transport.Answer{Status: 200, RequestID: "id-1", Body: []byte(`{"count":1,"customer_infos":[` + body + `]}`)}, "")
	if err != nil {
		return nil, err
	}
	return page.Items[0], nil
}

func decodeReseller(row string) (*core.Member, error) {
	page, err := resellers.decode(transport.Answer{Status: 200, RequestID: "id-1", Body: []byte(`{"count":1,"indirect_partners":[` + row + `]}`)}, "")
	if err != nil {
		return nil, err
	}
	return page.Items[0], nil
}

// sampleMember is the sample answer of the API's page in its shape, with made-up values.
const sampleMember = `{"customer":"Example Ltd","account_name":"example","customer_id":"5d02","associated_on":"2026-05-06T08:05:01Z",
	"association_type":"1","label":"key","telephone":"0086-000","verified_status":"2","country_code":"0086","customer_type":1,"is_frozen":0,
	"account_managers":[{"account_name":"manager"}],"xaccount_id":"x","customer_level":"V1","email":"a@example.cn"}`

func TestDecodeProfile(t *testing.T) {
	t.Parallel()
	m, err := decodeMember(sampleMember)
	if err != nil {
		t.Fatal(err)
	}
	got, err := core.AppendJSON(nil, m.Profile)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"name":"Example Ltd","account_name":"example","email":"a@example.cn","mobile":"0086-000","label":"key","association":"referral","associated_at":"2026-05-06T08:05:01Z","manager":"manager"}`
	if string(got) != want || m.MemberID != "5d02" || m.Reseller || m.Key() != "5d02" {
		t.Errorf("%+v\n%s\nwant\n%s", m, got, want)
	}
	r, err := decodeReseller(`{"indirect_partner_id":"r1","mobile_phone":"1","email":"r@example.cn","account_name":"acc","name":"Example Reseller","account_manager_id":"id","account_manager_name":"boss"}`)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Reseller || *r.Name() != "Example Reseller" || *r.Profile.Manager != "boss" {
		t.Errorf("%+v %+v", r, r.Profile)
	}
	if r, err = decodeReseller(`{"indirect_partner_id":"r1","account_name":"acc","name":null}`); err != nil || *r.Name() != "acc" {
		t.Errorf("%+v, %v; want the name of its account", r, err)
	}
}

// A value of an odd kind is none, and never fails the page.
func TestDecodeOddProfiles(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ row, want string }{
		{``, `{}`},
		{`,"customer":null,"account_name":null,"telephone":null,"label":null,"association_type":null,"account_managers":null,"email":null`, `{}`},
		{`,"customer":"","account_name":"","telephone":"","label":"","association_type":"","account_managers":[],"email":""`, `{}`},
		{`,"customer":true,"account_name":{},"telephone":[],"label":[1],"association_type":{},"account_managers":{},"email":false`, `{}`},
		{`,"customer":12,"telephone":86123,"association_type":2`, `{"name":"12","mobile":"86123","association":"resale"}`},
		{`,"association_type":"3"`, `{}`},
		{`,"associated_on":"2026-05-06T08:05:01"`, `{}`}, // without a zone
		{`,"account_managers":"manager"`, `{}`},
		{`,"account_managers":{"account_name":"manager"}`, `{}`},
		{`,"account_managers":["a",null,7,[],{"account_name":null},{"account_name":""},{"account_name":["b"]},{"account_name":"c"},{"account_name":"d"}]`, `{"manager":"c"}`},
		{`,"account_managers":[{"account_name":"a","account_name":"b"}]`, `{"manager":"b"}`},
		{`,"account_managers":[{"account_name":"\ud83c"}]`, `{"manager":"` + "\uFFFD" + `"}`},
		{`,"customer":"\ud83c` + "\xff" + `"`, `{"name":"` + "\uFFFD\uFFFD" + `"}`},
	} {
		m, err := decodeMember(`{"customer_id":"a"` + test.row + `}`)
		if err != nil {
			t.Errorf("%s: %v", test.row, err)
			continue
		}
		if got, err := core.AppendJSON(nil, m.Profile); err != nil || string(got) != test.want {
			t.Errorf("%s: %s, %v; want %s", test.row, got, err, test.want)
		}
	}
}

// TestProfilesAreTheSimulators reads the simulator's customers, the awkward ones among them.
func TestProfilesAreTheSimulators(t *testing.T) {
	t.Parallel()
	sim, url := simulate(t, simulator.Options{Customers: 100})
	page, err := newSource(t, Config{Endpoint: url}).SubCustomers().FetchPage(t.Context(), core.TagQuery{}, core.Cursor{})
	if err != nil || len(page.Items) != 100 {
		t.Fatalf("%d members, %v", len(page.Items), err)
	}
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	awkward := 0
	for i, m := range page.Items {
		c, p := sim.SubCustomer(i), m.Profile
		manager := ""
		for _, of := range c.AccountManagers {
			if manager == "" {
				manager = of.AccountName
			}
		}
		association := map[string]core.Association{"1": "referral", "2": "resale"}[c.AssociationType]
		got := []string{m.MemberID, text(p.Name), text(p.AccountName), text(p.Email), text(p.Mobile), text(p.Label), string(p.Association), p.AssociatedAt.Format("2006-01-02T15:04:05Z"), text(p.Manager)}
		want := []string{c.CustomerID, c.Customer, c.AccountName, c.Email, c.Telephone, c.Label, string(association), c.AssociatedOn, manager}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("customer %d (%s):\n%q\nwant\n%q", i, c.Note, got, want)
		}
		if c.Note != "" {
			awkward++
		}
	}
	if awkward < 30 {
		t.Errorf("%d awkward customers, want them all", awkward)
	}
	all := sim.Resellers()
	resellers, err := newSource(t, Config{Endpoint: url}).Resellers().FetchPage(t.Context(), ResellerQuery{}, core.Cursor{})
	if err != nil || len(resellers.Items) != len(all) {
		t.Fatalf("%d resellers, %v", len(resellers.Items), err)
	}
	for i, m := range resellers.Items {
		if *m.Name() != all[i].Name || text(m.Profile.Manager) != all[i].AccountManagerName {
			t.Errorf("reseller %d: %+v, want %+v", i, m.Profile, all[i])
		}
	}
}

// The rows' values may be anything: a page is read, or refused with a code, and what is
// read can be stored.
func FuzzMembers(f *testing.F) {
	f.Add(sampleMember)
	f.Add(`{"customer_id":"a","account_managers":["a",null,{"account_name":{}}],"customer":"\ud83c"}`)
	f.Add(`{"customer_id":1e9}`)
	f.Add(`{"customer_id":"a"},{"customer_id":"b","telephone":-0.5e+10}`)
	f.Fuzz(func(t *testing.T, rows string) {
		page, err := subCustomers.decode(transport.Answer{Status: 200, Body: []byte(`{"count":1,"customer_infos":[` + rows + `]}`)}, "")
		if code := core.CodeOf(err); err != nil && (code == core.CodeInternal || code == "" || len(rows) > 20 && strings.Contains(err.Error(), rows)) {
			t.Fatalf("%v", err)
		}
		for _, m := range page.Items {
			if m.Profile == nil || m.MemberID == "" {
				t.Fatalf("%+v", m)
			}
			if _, err := core.AppendJSON(nil, m.Profile); err != nil {
				t.Fatalf("the profile cannot be stored: %v", err)
			}
		}
	})
}
