package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

const (
	maxTries      = 4
	tryTimeout    = 10 * time.Second
	firstBackoff  = time.Second // doubled after each try
	maxRetryAfter = time.Minute // a channel that asks to wait longer is not tried again
	maxAnswer     = 64 << 10    // bytes of an answer that are read
)

// sender sends a Digest to one channel.
type sender struct {
	id        string
	channel   *Channel // resolved
	selection selection
	message   message
	getenv    func(string) string
}

// deliver makes one delivery. Its result counts the tries of earlier calls, too.
func deliver(ctx context.Context, client *http.Client, channel *Channel, due Delivery, d *Digest, opts DeliverOptions) (result Delivery) {
	result = due
	result.Type = channel.Type
	defer func() {
		if recover() != nil { // the fault is of this message
			result = result.failed(internal())
		}
		result.At = now()
	}()
	s := &sender{id: due.ID, selection: d.selectFor(channel), getenv: opts.Getenv}
	s.message = s.selection.message(channel.Language)
	for tries := 1; ; tries++ {
		if ctx.Err() != nil {
			return result.failed(fromContext(ctx))
		}
		result.Tries++
		var o outcome
		if s.channel, o = resolveChannel(ctx, channel, opts.Resolve); o.ok {
			if !opts.Pace.wait(ctx, s.channel) {
				return result.failed(fromContext(ctx))
			}
			o = s.try(ctx, client)
		}
		if o.ok {
			result.State, result.Code, result.Detail = Delivered, "", ""
			return result
		}
		wait := max(backoff(tries), o.after)
		switch {
		case !o.retry || tries == maxTries:
			return result.failed(o)
		case o.after > maxRetryAfter:
			o.detail += ", and asks to wait longer than a run can"
			return result.failed(o)
		case endsWithin(ctx, wait):
			o.detail += ", and there was no time to try again"
			return result.failed(o)
		case !sleep(ctx, wait):
			return result.failed(o)
		}
	}
}

func (d Delivery) failed(o outcome) Delivery {
	d.State, d.Code, d.Detail, d.Reach = Failed, o.code, o.detail, o.reach
	if o.permanent {
		d.State = Refused
	}
	return d
}

// backoff is the wait after so many tries: doubled each time, a quarter more or less, so
// that channels of one host do not retry at the same time.
func backoff(tries int) time.Duration {
	wait := firstBackoff << (tries - 1)
	return wait*3/4 + rand.N(wait/2)
}

// resolveChannel returns the channel with its references resolved, ready to be sent to.
func resolveChannel(ctx context.Context, channel *Channel, resolve Resolver) (*Channel, outcome) {
	texts, err := channel.texts(), error(nil)
	if resolve != nil {
		texts, err = resolve(ctx, texts)
	}
	if err == nil {
		channel, err = channel.with(texts)
	}
	switch failure := core.AsError(err); {
	case err == nil:
		return channel, outcome{ok: true}
	case failure.Code.Retryable():
		return nil, retryable(failure.Code, "%s", failure.Public())
	default:
		return nil, unusable(failure.Code, "%s", failure.Public())
	}
}

// try makes one attempt, with a new signature. whole is the context of all attempts.
func (s *sender) try(whole context.Context, client *http.Client) outcome {
	ctx, cancel := context.WithTimeout(whole, tryTimeout)
	defer cancel()
	req, err := s.request(ctx, time.Now())
	if err != nil {
		failure := core.AsError(err)
		if failure.Code == core.CodeInternal { // its text may hold the address
			return internal()
		}
		return unusable(failure.Code, "%s", failure.Public())
	}
	req.Header.Set("User-Agent", "partnerlens")
	resp, err := client.Do(req)
	if err != nil {
		return fromTransport(whole, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fromTransport(whole, err)
	}
	o := s.read(resp.StatusCode, body)
	if o.retry {
		o.after = max(o.after, retryAfter(resp.Header))
	}
	return o
}

// request builds the channel's request.
func (s *sender) request(ctx context.Context, now time.Time) (*http.Request, error) {
	if chat := s.channel.Type.chat(); chat != nil {
		return chat.request(ctx, s.channel, s.message, now)
	}
	if s.channel.Type == SNS {
		return s.sns(ctx)
	}
	return s.webhook(ctx, now)
}

// read returns what the channel's answer means.
func (s *sender) read(status int, body []byte) outcome {
	if chat := s.channel.Type.chat(); chat != nil {
		return chat.read(status, body)
	}
	if s.channel.Type == SNS {
		if o, ok := readSNS(status, body); ok {
			return o
		}
	}
	return fromStatus(status)
}

// post is a request with a JSON body.
func post(ctx context.Context, address string, body []byte) (*http.Request, error) {
	u, err := parseAddress(address)
	if err != nil {
		return nil, &core.Error{Code: core.CodeMisconfigured, Detail: "the channel's address cannot be used"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	return req, nil
}

// outcome is the result of one try. Its detail is text of this package, never the channel's.
type outcome struct {
	ok        bool
	retry     bool // the channel may accept the same message in a moment
	permanent bool // the channel never accepts the same message
	reach     Reach
	after     time.Duration // how long the channel asks to wait
	code      core.Code
	detail    string
}

// permanent is the outcome of a message that the channel refuses for good.
func permanent(code core.Code, format string, args ...any) outcome {
	return outcome{permanent: true, code: code, detail: fmt.Sprintf(format, args...)}
}

// internal is the outcome of a fault in this program. The next call tries again, perhaps
// with another version.
func internal() outcome { return outcome{code: core.CodeInternal, detail: "internal error"} }

// unusable is the outcome if the channel accepts no message until its operator changes
// something, such as an address or a key.
func unusable(code core.Code, format string, args ...any) outcome {
	return outcome{reach: ReachChannel, code: code, detail: fmt.Sprintf(format, args...)}
}

// retryable is the outcome if the channel accepts no message for the moment.
func retryable(code core.Code, format string, args ...any) outcome {
	o := unusable(code, format, args...)
	o.retry = true
	return o
}

// afterMinute is the outcome if the vendor counts messages by the minute: an earlier try
// fails, and counts.
func afterMinute(code core.Code, format string, args ...any) outcome {
	o := retryable(code, format, args...)
	o.after = maxRetryAfter
	return o
}

// serverFault is the outcome of a fault of the receiver's own, which may be due to this
// message.
func serverFault(code core.Code, format string, args ...any) outcome {
	o := retryable(code, format, args...)
	o.reach = ReachServer
	return o
}

// fromTransport is the outcome of a request without an answer. The error's text holds the
// address and is left out. ctx is that of all tries.
func fromTransport(ctx context.Context, err error) outcome {
	var slow net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case ctx.Err() != nil:
		return fromContext(ctx)
	case errors.As(err, &certificate):
		return unusable(core.CodeMisconfigured, "its certificate cannot be verified")
	case errors.As(err, &slow) && slow.Timeout():
		return retryable(core.CodeUnavailable, "no answer within %s", tryTimeout)
	}
	return retryable(core.CodeUnavailable, "it cannot be reached")
}

// fromContext is the outcome of a context that ended, or ends before anything can be sent.
func fromContext(ctx context.Context) outcome {
	if errors.Is(ctx.Err(), context.Canceled) {
		return unusable(core.CodeCanceled, "the run was canceled")
	}
	return unusable(core.CodeDeadline, "time ran out")
}

// fromStatus is the outcome of an HTTP status. A status about the message (too large, in
// another form) concerns this message; one about the address, the key or the moment
// concerns all.
func fromStatus(status int) outcome {
	switch {
	case status >= 200 && status < 300:
		return outcome{ok: true}
	case status >= 300 && status < 400:
		return unusable(core.CodeMisconfigured, "it redirects elsewhere (HTTP %d), which is not followed; configure the address that it redirects to", status)
	}
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusProxyAuthRequired:
		return unusable(core.CodeDenied, "it denies access (HTTP %d)", status)
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusMisdirectedRequest:
		return unusable(core.CodeMisconfigured, "there is nothing at the address (HTTP %d)", status)
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return retryable(core.CodeUnavailable, "it was too slow (HTTP %d)", status)
	case http.StatusTooManyRequests:
		return retryable(core.CodeThrottled, "it accepts no more messages for now (HTTP %d)", status)
	}
	if status >= 500 {
		return serverFault(core.CodeUnavailable, "it has a fault of its own (HTTP %d)", status)
	}
	return permanent(core.CodeUpstream, "it does not accept the message (HTTP %d)", status)
}

// retryAfter is how long an answer asks to wait, by Retry-After or Feishu's own header.
func retryAfter(h http.Header) time.Duration {
	for _, name := range []string{"Retry-After", "X-Ogw-Ratelimit-Reset"} {
		text := strings.TrimSpace(h.Get(name))
		if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
			return time.Duration(seconds) * time.Second
		}
		if at, err := http.ParseTime(text); err == nil {
			return max(0, time.Until(at))
		}
	}
	return 0
}
