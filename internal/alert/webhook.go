package alert

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
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
//
// Beside them are the headers of Standard Webhooks 1.0 (standardwebhooks.com, read November
// 2026), which receivers verify with a library: webhook-id, webhook-timestamp, and, with a
// secret, webhook-signature.
const (
	signatureHeader = "X-Partnerlens-Signature"
	deliveryHeader  = "X-Partnerlens-Delivery"
	eventType       = "partnerlens.digest/v1"
)

// webhookKey is the key of a Standard Webhooks signature: the bytes of the secret, or those
// that it has in base64 after whsec_.
func webhookKey(secret string) (string, error) {
	text, encoded := strings.CutPrefix(secret, "whsec_")
	if !encoded {
		return secret, nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(key) == 0 {
		err = errors.New("no key")
	}
	return string(key), err
}

func (s *sender) webhook(ctx context.Context, now time.Time) (*http.Request, error) {
	body, err := core.AppendJSON(nil, s.event())
	if err != nil {
		return nil, err
	}
	req, err := post(ctx, s.channel.URL.Reveal(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	req.Header.Set(deliveryHeader, s.id)
	t := strconv.FormatInt(now.Unix(), 10)
	req.Header.Set("Webhook-Id", s.id)
	req.Header.Set("Webhook-Timestamp", t)
	if secret := s.channel.Secret.Reveal(); secret != "" {
		key, err := webhookKey(secret)
		if err != nil {
			return nil, err
		}
		req.Header.Set(signatureHeader, "t="+t+",v1="+hex.EncodeToString(sign(secret, t+"."+string(body))))
		req.Header.Set("Webhook-Signature", "v1,"+hmacBase64(key, s.id+"."+t+"."+string(body)))
	}
	return req, nil
}

// event is the digest as a CloudEvent. docs/alerts.md describes its data.
func (s *sender) event() map[string]any {
	d := s.selection
	data := map[string]any{
		"function": d.Function, "account": d.Account, "run": d.Run, "as_of": formatTime(d.AsOf), "first": d.First, "test": d.sample,
		"proven": !d.Unproven, "read_late": d.ReadLate, "location": d.Location,
		"severity": d.severity(), "total": d.total, "counts": d.counts, "alerts": d.worst, "open": d.openCounts(), "held": d.Held,
	}
	if d.owner != "" {
		data["owner"] = d.owner
	}
	if d.ofOwners() { // nothing of all customers
		if d.Held != nil {
			data["held"] = map[string]int{"times": d.Held.Times}
		}
	} else {
		data["counted"], data["customers"], data["statuses"], data["warnings"], data["muted"] = d.Counted, d.Total, d.Statuses, d.Notes.Warnings, d.Muted
		if d.Partner != nil {
			data["partner"] = d.Partner
		}
		if d.Notes.TagEnds != nil {
			data["tag_ends"] = d.Notes.TagEnds
		}
	}
	// The identities of the store and the attempt make ids unique across deployments, new
	// stores and repeated runs.
	source := "/partnerlens"
	for _, part := range []string{d.Store, d.Function, d.Account, d.Attempt} {
		if part != "" {
			source += "/" + url.PathEscape(part)
		}
	}
	return map[string]any{
		"specversion": "1.0", "id": s.id, "source": source, "type": eventType, "subject": d.Run, "time": formatTime(d.AsOf),
		"datacontenttype": "application/json", "data": data,
	}
}
