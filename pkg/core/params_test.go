package core

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAskRefuses(t *testing.T) {
	t.Parallel()
	credit, tags := CreditFunction(nil, nil), TagFunction(nil, nil)
	long := strings.Repeat("7", 65)
	tests := []struct {
		name     string
		function *Function
		json     string
		param    string // named by the error
		says     string // part of what to change
	}{
		{"unknown filter type", credit, `{"filter_type":"uin","filter":"1"}`, "filter_type", "customer_id, name, remark or email"},
		{"filter without a type", credit, `{"filter":"x"}`, "filter_type", "missing"},
		{"type without a filter", credit, `{"filter_type":"name"}`, "filter", "empty"},
		{"filter empty", credit, `{"filter_type":"name","filter":""}`, "filter", "empty"},
		{"filter too long", credit, `{"filter_type":"name","filter":"` + strings.Repeat("名", 257) + `"}`, "filter", "256"},
		{"id too long", credit, `{"filter_type":"customer_id","filter":"` + long + `"}`, "filter", "64"},
		{"id no number", credit, `{"filter_type":"customer_id","filter":"abc"}`, "filter", "digits"},
		{"unknown order", credit, `{"order":"up"}`, "order", "asc or desc"},
		{"negative limit", credit, `{"limit":-1}`, "limit", "from 1"},
		{"limit 0", credit, `{"limit":0}`, "limit", "from 1"},
		{"limit a text", credit, `{"limit":"many"}`, "limit", "whole number"},
		{"limit a fraction", credit, `{"limit":1.5}`, "limit", "whole number"},
		{"limit null", credit, `{"limit":null}`, "limit", "empty"},
		{"limit too large for a number", credit, `{"limit":99999999999999999999}`, "limit", "whole number"},
		{"unknown status", credit, `{"status":"qualified"}`, "status", "overdrawn"},
		{"status empty list", credit, `{"status":[]}`, "status", "empty"},
		{"unknown parameter", credit, `{"filtr":"x"}`, "filtr", "known are filter_type"},
		{"a parameter of the other function", credit, `{"customer_ids":["1"]}`, "customer_ids", "unknown"},
		{"true where a text belongs", tags, `{"reseller_id":true}`, "reseller_id", "must be a text"},
		{"a nested value", credit, `{"filter":{"a":1}}`, "filter", "must be a text"},
		{"cursor empty", credit, `{"cursor":""}`, "cursor", "empty"},
		{"ids an empty list", tags, `{"customer_ids":[]}`, "customer_ids", "empty"},
		{"ids null", tags, `{"customer_ids":null}`, "customer_ids", "empty"},
		{"an empty id", tags, `{"customer_ids":["a",""]}`, "customer_ids", "empty"},
		{"an id of 65", tags, `{"customer_ids":["` + long + `"]}`, "customer_ids", "64"},
		{"an id with a space", tags, `{"customer_ids":["a b"]}`, "customer_ids", "space"},
		{"ids in one text", tags, `{"customer_id":"a,b"}`, "customer_id", "by itself"},
		{"ids twice over", tags, `{"customer_ids":["a"],"customer_id":"b"}`, "customer_ids", "one of the two"},
		{"reseller empty", tags, `{"reseller_id":""}`, "reseller_id", "empty"},
		{"ids as floats", tags, `{"customer_ids":[2e11]}`, "customer_ids", "quotation marks"},
		{"not an object", tags, `["a"]`, "", "JSON object"},
		{"null", tags, `null`, "", "JSON object"},
		{"a name twice", tags, `{"limit":1,"limit":2}`, "", "each name once"},
		{"not JSON", tags, `{`, "", "JSON object"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			params, err := ParamsFromJSON([]byte(test.json))
			if err == nil {
				_, err = test.function.Ask(params)
			}
			e := AsError(err)
			if e == nil {
				t.Fatalf("Ask(%s) was taken", test.json)
			}
			if e.Code != CodeInvalid || e.Param != test.param || !strings.Contains(e.Public(), test.says) {
				t.Errorf("Ask(%s) = %s, param %q, %q, want param %q saying %q", test.json, e.Code, e.Param, e.Public(), test.param, test.says)
			}
		})
	}
}

func TestAskRefusesWhatIsNoText(t *testing.T) {
	t.Parallel()
	_, err := CreditFunction(nil, nil).Ask(Params{"filter_type": {"name"}, "filter": {"\xff"}})
	if e := AsError(err); e == nil || e.Code != CodeInvalid || e.Param != "filter" {
		t.Errorf("Ask = %v", err)
	}
}

func TestAskTakes(t *testing.T) {
	t.Parallel()
	p, err := ParamsFromJSON([]byte(`{"customer_ids":["a",200000000000,"a"],"reseller_id":"all","status":["qualified,lapsed"],"limit":"10"}`))
	if err != nil {
		t.Fatal(err)
	}
	q, err := tagQuery(p)
	if err != nil || !slices.Equal(q.CustomerIDs, []string{"a", "200000000000"}) || q.ResellerID != AllResellers {
		t.Errorf("tagQuery = %+v, %v", q, err)
	}
	o, _, err := readOptions(p, TagFunction(nil, nil).Statuses)
	if err != nil || o.Limit != 10 || !slices.Equal(o.Statuses, []string{"qualified", "lapsed"}) {
		t.Errorf("readOptions = %+v, %v", o, err)
	}
	c, err := creditQuery(Params{})
	if err != nil || c.Order != OrderAscending {
		t.Errorf("creditQuery() = %+v, %v: newcomers must come last unless asked otherwise", c, err)
	}
}

func TestUnknownAccount(t *testing.T) {
	t.Parallel()
	f := CreditFunction(func(_ context.Context, account string) (*Reader[CreditQuery, *CustomerCredit], error) {
		return nil, Invalid("account", "%s is unknown", account)
	}, nil)
	q, err := f.Ask(Params{"account": {"north"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Read(t.Context(), nil); CodeOf(err) != CodeInvalid {
		t.Errorf("Read = %v", err)
	}
}

func FuzzParamsFromJSON(f *testing.F) {
	for _, seed := range []string{`{}`, `{"customer_ids":["a",1]}`, `{"limit":1e3}`, `{"a":{"b":[]}}`, `null`, `[`, "{\"\\ud800\":1}", `{"customer_ids":[]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParamsFromJSON(text)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Fatalf("ParamsFromJSON(%q) = %v", text, err)
			}
			return
		}
		for _, function := range []*Function{CreditFunction(nil, nil), TagFunction(nil, nil)} {
			if _, err := function.Ask(p); err != nil && CodeOf(err) != CodeInvalid {
				t.Fatalf("Ask(%q) = %v", text, err)
			}
		}
		if q, err := tagQuery(p); err == nil && q.CustomerIDs == nil && (p.has("customer_id") || p.has("customer_ids")) {
			t.Fatalf("ids were meant by %q, and everyone would be asked for", text)
		}
	})
}

func FuzzCursor(f *testing.F) {
	fingerprint := []byte("fingerprint")
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	f.Add(Cursor{Began: now.Unix(), Offset: 100, Size: 100, Skip: 3, Anchor: "a", Unique: 103, Sum: 1 << 63}.encode(fingerprint))
	f.Add(Cursor{Began: now.Unix(), Scope: "reseller x", Doubt: true}.encode(fingerprint))
	f.Add("AQ")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := decodeCursor(text, fingerprint, now)
		if err != nil {
			if CodeOf(err) != CodeInvalid {
				t.Fatalf("decodeCursor(%q) = %v", text, err)
			}
			return
		}
		if again := c.encode(fingerprint); again != text {
			t.Fatalf("%q was taken as a cursor, and reads %q", text, again)
		}
		if _, err := decodeCursor(text, []byte("another"), now); err == nil {
			t.Fatal("a cursor of another query was taken")
		}
	})
}
