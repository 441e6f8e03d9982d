package alert

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"partnerlens/pkg/core"
)

// A webhook gets a CloudEvent 1.0 in structured mode (CloudEvents, JSON Event Format 1.0.2,
// read November 2026). If the channel has a secret, the header
//
//	X-Partnerlens-Signature: t=1795309200,v1=5257a8…
//
// has the second of sending and, in hex, the HMAC-SHA256 with the secret over that number, a
// dot and the bytes of the body. A receiver computes the same before it parses the body,
// compares in constant time, and refuses a t that is more than five minutes off, so that a
// recorded message cannot be replayed. The tries of one delivery have different signatures
// and the same X-Partnerlens-Delivery, which is the event's id, for de-duplication.
const (
	signatureHeader = "X-Partnerlens-Signature"
	deliveryHeader  = "X-Partnerlens-Delivery"
	eventType       = "partnerlens.digest/v1"
)

// event is the envelope of a CloudEvent.
type event struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            string    `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            eventData `json:"data"`
}

// eventData is the Digest as data.
type eventData struct {
	Function  string         `json:"function"`
	Account   string         `json:"account"`
	Run       string         `json:"run"`
	AsOf      string         `json:"as_of"`
	First     bool           `json:"first"`
	Proven    bool           `json:"proven"`    // the list is proven to have every customer
	Counted   *int           `json:"counted"`   // customers by the vendor's count, or null
	ReadLate  bool           `json:"read_late"` // the list was read after the run's day or hour
	Held      *Held          `json:"held"`      // why nothing was compared, or null
	Test      bool           `json:"test"`
	Customers int            `json:"customers"`
	Statuses  map[string]int `json:"statuses"`
	Location  string         `json:"location"`
	Severity  Severity       `json:"severity"` // of the worst alert
	Total     int            `json:"total"`    // of alerts, of which at most 200 follow
	Counts    map[Kind]int   `json:"counts"`
	Alerts    []Alert        `json:"alerts"`   // worst first
	Warnings  []core.Warning `json:"warnings"` // about the list as a whole
	TagEnds   *core.TagEnds  `json:"tag_ends,omitempty"`
}

func (s *sender) webhook(ctx context.Context, now time.Time) (*http.Request, error) {
	v := s.selection
	counts := make(map[Kind]int, len(v.counts))
	for _, c := range v.counts {
		counts[c.kind] = c.n
	}
	// The identities of the store and the attempt make ids unique across deployments, new
	// stores and repeated runs.
	source := "/partnerlens"
	for _, part := range []string{v.Store, v.Function, v.Account, v.Attempt} {
		if part != "" {
			source += "/" + url.PathEscape(part)
		}
	}
	body, err := core.AppendJSON(nil, event{
		SpecVersion: "1.0", ID: s.id, Type: eventType, Subject: v.Run, Time: formatTime(v.AsOf), DataContentType: "application/json",
		Source: source,
		Data: eventData{
			Function: v.Function, Account: v.Account, Run: v.Run, AsOf: formatTime(v.AsOf), First: v.First, Test: v.sample,
			Proven: !v.Unproven, Counted: v.Counted, ReadLate: v.ReadLate, Held: v.Held,
			Customers: v.Total, Statuses: v.Statuses, Location: v.Location, Severity: v.severity(), Total: v.total, Counts: counts, Alerts: v.worst,
			Warnings: v.Notes.Warnings, TagEnds: v.Notes.TagEnds,
		},
	})
	if err != nil {
		return nil, err
	}
	req, err := post(ctx, s.channel.URL.Reveal(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	req.Header.Set(deliveryHeader, s.id)
	if !s.channel.Secret.Empty() {
		t := strconv.FormatInt(now.Unix(), 10)
		mac := hmac.New(sha256.New, []byte(s.channel.Secret.Reveal()))
		mac.Write([]byte(t + "."))
		mac.Write(body)
		req.Header.Set(signatureHeader, "t="+t+",v1="+hex.EncodeToString(mac.Sum(nil)))
	}
	return req, nil
}
