//go:build unix

package huawei

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport/transporttest"
)

// BenchmarkPage weighs a page of 100 customers against a floor: net/http, the
// SDK-HMAC-SHA256 signature by hand, and encoding/json into a plain struct.
func BenchmarkPage(b *testing.B) {
	url := transporttest.ServeRaw(b, true, transporttest.Raw(samplePage(b, 100)))
	source := newSource(b, Config{Endpoint: url})
	floor := &floor{&http.Client{Transport: &http.Transport{}}, url}
	defer floor.client.CloseIdleConnections()
	transporttest.Weigh(b, func() {
		page, err := source.FetchPage(context.Background(), core.TagQuery{}, core.Cursor{})
		if err != nil || len(page.Items) != 100 {
			b.Fatalf("FetchPage = %d customers, %v", len(page.Items), err)
		}
	}, func() {
		if n := floor.page(b); n != 100 {
			b.Fatalf("the floor read %d customers", n)
		}
	})
}

// floor is the least that a plain Go program does for a page.
type floor struct {
	client *http.Client
	url    string
}

type floorPage struct {
	Tags []struct {
		CustomerID string `json:"customer_id"`
		Type       string `json:"customer_tag_type"`
		Tag        string `json:"new_customer_tag"`
		Effective  string `json:"effective_time"`
		Expire     string `json:"expire_time"`
	} `json:"new_customer_tags"`
}

func (f *floor) page(tb testing.TB) int {
	const path = "/v2/partners/sub-customers/new-customers-tags/batch-query"
	payload, err := json.Marshal(map[string]any{"offset": 0, "limit": 100})
	if err != nil {
		tb.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, f.url+path, bytes.NewReader(payload))
	if err != nil {
		tb.Fatal(err)
	}
	date := time.Now().UTC().Format("20060102T150405Z")
	hash := sha256.Sum256(payload)
	canonical := "POST\n" + path + "/\n\nhost:" + req.URL.Host + "\nx-sdk-date:" + date + "\n\nhost;x-sdk-date\n" + hex.EncodeToString(hash[:])
	hash = sha256.Sum256([]byte(canonical))
	mac := hmac.New(sha256.New, []byte("simulator-secret"))
	io.WriteString(mac, "SDK-HMAC-SHA256\n"+date+"\n"+hex.EncodeToString(hash[:]))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Sdk-Date", date)
	req.Header.Set("Authorization", "SDK-HMAC-SHA256 Access=SIMULATORID, SignedHeaders=host;x-sdk-date, Signature="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := f.client.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	var answer floorPage
	if err := json.Unmarshal(text, &answer); err != nil {
		tb.Fatal(err)
	}
	return len(answer.Tags)
}
