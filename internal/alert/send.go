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
	"strings"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/transport"
)

const (
	maxTries      = 4
	tryTimeout    = 10 * time.Second
	firstBackoff  = time.Second // doubled after each try
	maxRetryAfter = time.Minute // a channel that asks to wait longer is not tried again
	maxAnswer     = 64 << 10    // bytes of an answer that are read
)

// sender sends a Digest to one channel, or one of its alerts.
type sender struct {
	id        string
	channel   *Channel // resolved
	selection selection
	message   message
	getenv    func(string) string
	tries     int

	// Of an e-mail: the marks of the recipients that accepted it, and of those that refused it
	// during this call, the last with refusal.
	mailed, refused []string
	refusal         outcome
}

// deliver makes one delivery. Its result counts the tries of earlier calls, too.
func deliver(ctx context.Context, client *http.Client, channel *Channel, due Delivery, d *Digest, opts DeliverOptions) (result Delivery) {
	result = due
	result.Type = channel.Type
	var s *sender
	defer func() {
		if recover() != nil { // the fault is of this message
			result = result.failed(broken.of(core.CodeInternal, "internal error"))
		}
		result.At = now()
	}()
	s = &sender{id: due.ID, selection: d.selectFor(channel.scopeOf(due, opts.Planned)), getenv: opts.Getenv}
	channel = channel.of(due.Owner)
	split := channel.Split == SplitCustomer && !d.First // the opening list is one digest
	if split && d.Held != nil {                         // planned before the channel was split
		result.State, result.Code, result.Detail, result.Progress = Skipped, "", nothing, ""
		return result
	}
	var o outcome
	if split {
		o = s.events(ctx, client, channel, &result, opts)
	} else {
		s.message = s.selection.message(channel.Language)
		s.mailed = strings.Fields(due.Progress)
		o = s.send(ctx, client, channel, opts)
		result.Progress = strings.Join(s.mailed, " ")
	}
	result.Tries += s.tries
	if o.class == delivered {
		result.State, result.Code, result.Detail, result.Progress = Delivered, "", "", ""
		return result
	}
	return result.failed(o)
}

// send tries until the message is accepted, or another try is of no use.
func (s *sender) send(ctx context.Context, client *http.Client, channel *Channel, opts DeliverOptions) outcome {
	for tries := 1; ; tries++ {
		if ctx.Err() != nil {
			return fromContext(ctx)
		}
		s.tries++
		o := s.try(ctx, client, channel, opts)
		wait := max(backoff(tries), o.after)
		switch {
		case o.class < retryable || tries == maxTries:
		case o.after > maxRetryAfter:
			o.detail += ", and asks to wait longer than a run can"
		case core.Sleep(ctx, wait) == nil:
			continue
		default:
			o.detail += ", and there was no time to try again"
		}
		return o
	}
}

func (d Delivery) failed(o outcome) Delivery {
	d.State, d.Code, d.Detail, d.Reach = Failed, o.code, o.detail, o.class.reach()
	if o.class == permanent {
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
func resolveChannel(ctx context.Context, channel *Channel, resolve Resolver) (*Channel, error) {
	texts, err := channel.texts(), error(nil)
	if resolve != nil {
		texts, err = resolve(ctx, texts)
	}
	if err != nil {
		return nil, err
	}
	return channel.with(texts)
}

// try makes one attempt, with the current address and a new signature. whole is the context
// of all attempts.
func (s *sender) try(whole context.Context, client *http.Client, channel *Channel, opts DeliverOptions) outcome {
	var err error
	if s.channel, err = resolveChannel(whole, channel, opts.Resolve); err != nil {
		return fromError(err)
	}
	if !opts.Pace.wait(whole, s.channel) {
		return fromContext(whole)
	}
	if s.channel.Type == Email {
		return s.mail(whole, opts)
	}
	ctx, cancel := context.WithTimeout(whole, tryTimeout)
	defer cancel()
	req, err := s.request(ctx, time.Now())
	if err != nil {
		return fromError(err)
	}
	req.Header.Set("User-Agent", "partnerlens")
	resp, err := client.Do(req)
	if err != nil {
		return fromTransport(whole, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close() // all that matters is read
	if err != nil {
		return fromTransport(whole, err)
	}
	o := s.read(resp.StatusCode, body)
	if o.class >= retryable {
		o.after = max(o.after, retryAfter(resp.Header))
	}
	return o
}

// request builds the channel's request.
func (s *sender) request(ctx context.Context, now time.Time) (*http.Request, error) {
	switch s.channel.Type {
	case Webhook:
		return s.webhook(ctx, now)
	case SNS:
		return s.sns(ctx)
	}
	return chats[s.channel.Type].request(ctx, s.channel, s.message, now)
}

// read returns what the channel's answer means.
func (s *sender) read(status int, body []byte) outcome {
	switch s.channel.Type {
	case Webhook:
		return fromStatus(status)
	case SNS:
		return readSNS(status, body)
	}
	return chats[s.channel.Type].read(status, body)
}

// post is a request with a JSON body.
func post(ctx context.Context, address string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	return req, nil
}

// class is what a try means for the message and for the channel.
type class int

const (
	delivered   class = iota
	permanent         // the channel never accepts the message
	broken            // a fault in this program: the next call tries again, perhaps with another version
	unusable          // the channel accepts no message until its operator changes something, such as an address or a key
	retryable         // the channel may accept the message in a moment
	afterMinute       // retryable; the vendor counts messages by the minute: an earlier try fails, and counts
	serverFault       // retryable; the receiver has a fault of its own, which may be due to this message
)

func (c class) reach() Reach {
	switch c {
	case unusable, retryable, afterMinute:
		return ReachChannel
	case serverFault:
		return ReachServer
	}
	return ReachMessage
}

// of returns the outcome of a class.
func (c class) of(code core.Code, format string, args ...any) outcome {
	o := outcome{class: c, code: code, detail: fmt.Sprintf(format, args...)}
	if c == afterMinute {
		o.after = maxRetryAfter
	}
	return o
}

// outcome is the result of one try. Its detail is text of this package, never the channel's.
type outcome struct {
	class  class
	after  time.Duration // how long the channel asks to wait
	code   core.Code
	detail string
}

// fromError is the outcome of a message that cannot be sent. The text of an error that is
// not a core.Error may hold the address and is left out.
func fromError(err error) outcome {
	switch failure := core.AsError(err); {
	case failure.Code == core.CodeInternal:
		return broken.of(core.CodeInternal, "internal error")
	case failure.Code.Retryable():
		return retryable.of(failure.Code, "%s", failure.Public())
	default:
		return unusable.of(failure.Code, "%s", failure.Public())
	}
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
		return unusable.of(core.CodeMisconfigured, "its certificate cannot be verified")
	case errors.As(err, &slow) && slow.Timeout():
		return retryable.of(core.CodeUnavailable, "no answer within %s", tryTimeout)
	}
	return retryable.of(core.CodeUnavailable, "it cannot be reached")
}

// fromContext is the outcome of a context that ended, or ends before anything can be sent.
func fromContext(ctx context.Context) outcome {
	if errors.Is(ctx.Err(), context.Canceled) {
		return unusable.of(core.CodeCanceled, "the run was canceled")
	}
	return unusable.of(core.CodeDeadline, "time ran out")
}

// fromStatus is the outcome of an HTTP status. A status about the message (too large, in
// another form) concerns this message; one about the address, the key or the moment
// concerns all.
func fromStatus(status int) outcome {
	switch {
	case status >= 200 && status < 300:
		return outcome{class: delivered}
	case status >= 300 && status < 400:
		return unusable.of(core.CodeMisconfigured, "it redirects elsewhere (HTTP %d), which is not followed; configure the address that it redirects to", status)
	}
	switch status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusProxyAuthRequired:
		return unusable.of(core.CodeDenied, "it denies access (HTTP %d)", status)
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusMisdirectedRequest:
		return unusable.of(core.CodeMisconfigured, "there is nothing at the address (HTTP %d)", status)
	case http.StatusRequestTimeout, http.StatusTooEarly:
		return retryable.of(core.CodeUnavailable, "it was too slow (HTTP %d)", status)
	case http.StatusTooManyRequests:
		return retryable.of(core.CodeThrottled, "it accepts no more messages for now (HTTP %d)", status)
	}
	if status >= 500 {
		return serverFault.of(core.CodeUnavailable, "it has a fault of its own (HTTP %d)", status)
	}
	return permanent.of(core.CodeUpstream, "it does not accept the message (HTTP %d)", status)
}

// retryAfter is how long an answer asks to wait, by Retry-After or Feishu's own header.
func retryAfter(h http.Header) time.Duration {
	for _, name := range []string{"Retry-After", "X-Ogw-Ratelimit-Reset"} {
		if wait := transport.RetryAfter(h.Get(name), time.Now()); wait > 0 {
			return wait
		}
	}
	return 0
}
