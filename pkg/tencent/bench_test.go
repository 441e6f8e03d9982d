//go:build unix

package tencent

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport/transporttest"
)

// BenchmarkPage weighs a page of 100 customers against a floor: net/http, the
// TC3 signature by hand, and encoding/json into a plain struct.
func BenchmarkPage(b *testing.B) {
	url := transporttest.ServeRaw(b, true, transporttest.Raw(samplePage(b, 100)))
	source := newSource(b, Config{Endpoint: url})
	floor := &floor{&http.Client{Transport: &http.Transport{}}, url}
	defer floor.client.CloseIdleConnections()
	transporttest.Weigh(b, func() {
		page, err := source.FetchPage(context.Background(), core.CreditQuery{}, core.Cursor{})
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
	Response struct {
		Total     int
		RequestId string //lint:ignore ST1003 the vendor's spelling
		Data      []struct {
			ClientUin                                                                 int64
			Name, Type, Mobile, Email, Arrears, AssociationTime, RecentExpiry, Remark string
			Credit, RemainingCredit                                                   float64
			IdentifyType, Force                                                       int
		}
	}
}

func (f *floor) page(tb testing.TB) int {
	payload, err := json.Marshal(map[string]any{"Page": 1, "PageSize": 100})
	if err != nil {
		tb.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, f.url+"/", bytes.NewReader(payload))
	if err != nil {
		tb.Fatal(err)
	}
	now := time.Now()
	date := now.UTC().Format(time.DateOnly)
	sum := func(text string) string { h := sha256.Sum256([]byte(text)); return hex.EncodeToString(h[:]) }
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	canonical := "POST\n/\n\ncontent-type:application/json\nhost:" + req.URL.Host + "\n\ncontent-type;host\n" + sum(string(payload))
	scope := date + "/intlpartnersmgt/tc3_request"
	toSign := "TC3-HMAC-SHA256\n" + strconv.FormatInt(now.Unix(), 10) + "\n" + scope + "\n" + sum(canonical)
	key := mac(mac(mac([]byte("TC3simulator-secret"), date), "intlpartnersmgt"), "tc3_request")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-TC-Action", "QueryCustomersCredit")
	req.Header.Set("X-TC-Version", "2022-09-28")
	req.Header.Set("X-TC-Timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("Authorization", "TC3-HMAC-SHA256 Credential=SIMULATORID/"+scope+", SignedHeaders=content-type;host, Signature="+hex.EncodeToString(mac(key, toSign)))
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
	return len(answer.Response.Data)
}
