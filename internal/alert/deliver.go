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
	"slices"
	"strconv"
	"strings"
	"time"

	"partnerlens/pkg/core"
)

// DeliverOptions are how a Digest is delivered. The zero DeliverOptions will do
// for all channels but SNS.
type DeliverOptions struct {
	Reserve   time.Duration            // how long before ctx's deadline to be done with; 0: DefaultReserve
	Getenv    func(name string) string // for SNS: the platform's AWS key and endpoint; nil: none
	Transport http.RoundTripper        // nil: an own one, with the proxy from the environment

	// Resolve gives what the texts of a channel name, which may be references; nil:
	// they are as they are.
	Resolve func(ctx context.Context, texts map[string]string) (map[string]string, error)
	Pace    *Pace // shared by all who send; nil: nobody else does

	Due  []Delivery     // of those that Plan gives, the ones to make, under their ids; nil: all that Plan gives
	Done func(Delivery) // is called as each delivery ends, one after the other; nil: none
}

// Delivery is how one channel fared. It holds no address and nothing of what
// the channel answered: it may be stored and shown.
type Delivery struct {
	Channel string        `json:"channel"`
	Type    ChannelType   `json:"type"`
	ID      string        `json:"id"` // the same for the same attempt at a run and the same channel, whenever it is sent
	State   DeliveryState `json:"state"`
	Tries   int           `json:"tries"`
	Code    core.Code     `json:"code,omitempty"`   // of what failed
	Detail  string        `json:"detail,omitempty"` // why it failed, or was skipped
	At      time.Time     `json:"at"`               // UTC, whole seconds

	Reach Reach `json:"-"` // of a failure
}

// Due says whether the next call has to make the delivery.
func (d Delivery) Due() bool { return d.State == Pending || d.State == Failed }

// Undelivered says whether the channel lacks the message, for now or for good.
func (d Delivery) Undelivered() bool { return d.Due() || d.State == Refused }

// DeliveryState says how a Delivery ended.
type DeliveryState string

// The states.
const (
	Pending   DeliveryState = "pending" // recorded, and not tried yet
	Delivered DeliveryState = "delivered"
	Failed    DeliveryState = "failed"  // the next call tries again
	Refused   DeliveryState = "refused" // the channel refuses this message for good; watch --redeliver tries again
	Skipped   DeliveryState = "skipped" // there was nothing to tell this channel
)

// Reach is what else a failed delivery concerns.
type Reach int

// The reaches.
const (
	ReachMessage Reach = iota // this message alone: the next one may be sent
	ReachServer               // a fault of the receiver's, at this message or at every one
	ReachChannel              // every message: the channel cannot be reached, or its address or its key is no good
)

// DefaultReserve leaves a run time to write down how it went.
const DefaultReserve = 5 * time.Second

const (
	maxTries     = 4
	tryTimeout   = 10 * time.Second
	firstBackoff = time.Second // then twice as long each time
	maxAskedWait = time.Minute // a channel that asks to wait longer is not waited for
	maxAnswer    = 64 << 10    // bytes of an answer that are read
)

// Plan gives the deliveries that are due of a Digest: one for each channel that hears
// of its account, Pending, or Skipped where there is nothing to tell the channel. A
// Setting that cannot be used as a whole (Err) is a delivery of its own, Failed, to
// the channel "": once the Setting is right, Expand gives the channels' own.
func (c *Config) Plan(d *Digest) []Delivery {
	all := []Delivery{}
	for i := range c.Channels {
		if channel := &c.Channels[i]; d.sample || channel.hears(d.Account) {
			all = append(all, c.plan(d, channel))
		}
	}
	if c.Err != nil {
		failure := core.AsError(c.Err)
		all = append(all, Delivery{State: Failed, Code: failure.Code, Detail: failure.Public(), At: now(), Reach: ReachChannel})
	}
	return all
}

func (c *Config) plan(d *Digest, channel *Channel) Delivery {
	due := Delivery{Channel: channel.Name, Type: channel.Type, ID: DeliveryID(d.Summary, channel.Name), State: Pending, At: now()}
	if d.Held == nil && !d.First && !c.Quiet && d.viewFor(channel).total == 0 && !(d.Notes.Notify && channel.wantsNotes()) {
		due.State, due.Detail = Skipped, "nothing to tell"
	}
	return due
}

// Expand replaces the delivery to the channel "" by those to the channels that have
// none, where the Setting is right by now.
func (c *Config) Expand(d *Digest, all []Delivery) []Delivery {
	unknown := slices.IndexFunc(all, func(due Delivery) bool { return due.Channel == "" })
	if unknown < 0 || c.Err != nil {
		return all
	}
	all = slices.Delete(slices.Clone(all), unknown, unknown+1)
	for _, due := range c.Plan(d) {
		if !slices.ContainsFunc(all, func(o Delivery) bool { return o.Channel == due.Channel }) {
			all = append(all, due)
		}
	}
	return all
}

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// Deliver makes the deliveries that are due of a Digest, side by side, and gives how
// each fared, in the order of opts.Due. It returns before ctx's deadline, less the
// reserve. A channel whose address or secret cannot be had is one that failed, and no
// other is worse for it.
//
// It is at least once: an answer that is lost is asked for by sending again, and
// a run that was killed just after telling tells again. Every message of a webhook and of SNS
// carries its Delivery's id.
func (c *Config) Deliver(ctx context.Context, d *Digest, opts DeliverOptions) []Delivery {
	if opts.Reserve == 0 {
		opts.Reserve = DefaultReserve
	}
	if deadline, ok := ctx.Deadline(); ok {
		early, cancel := context.WithDeadline(ctx, deadline.Add(-opts.Reserve))
		defer cancel()
		ctx = early
	}
	if opts.Getenv == nil {
		opts.Getenv = func(string) string { return "" }
	}
	if opts.Resolve == nil {
		opts.Resolve = func(_ context.Context, texts map[string]string) (map[string]string, error) { return texts, nil }
	}
	if opts.Pace == nil {
		opts.Pace = new(Pace)
	}
	if opts.Transport == nil {
		own := &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: tryTimeout / 2,
			DialContext: (&net.Dialer{Timeout: tryTimeout / 2}).DialContext,
		}
		defer own.CloseIdleConnections()
		opts.Transport = own
	}
	client := &http.Client{
		Transport: opts.Transport,
		// Where an address leads elsewhere, a message of customers must not follow.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	deliveries := slices.Clone(opts.Due)
	if opts.Due == nil {
		deliveries = c.Plan(d)
	}
	type ended struct {
		at int
		Delivery
	}
	results := make(chan ended, len(deliveries))
	under := 0
	for i, due := range deliveries {
		at := slices.IndexFunc(c.Channels, func(channel Channel) bool { return channel.Name == due.Channel })
		if at < 0 || due.State == Skipped {
			continue
		}
		under++
		go func() { results <- ended{i, deliver(ctx, client, &c.Channels[at], due, d, opts)} }()
	}
	for range under {
		result := <-results
		if deliveries[result.at] = result.Delivery; opts.Done != nil {
			opts.Done(result.Delivery)
		}
	}
	return deliveries
}

// Unready gives what keeps channels from being delivered to, as far as can be known
// without sending: an address or a secret that cannot be had or used.
func (c *Config) Unready(ctx context.Context, resolve func(context.Context, map[string]string) (map[string]string, error)) (problems []error) {
	for i := range c.Channels {
		if o := new(parcel).address(ctx, &c.Channels[i], resolve); !o.ok {
			problems = append(problems, &core.Error{Op: "alert", Code: o.code, Detail: o.detail})
		}
	}
	return problems
}

// DeliveryID is the id of what a channel is told of an attempt at a run.
func DeliveryID(s Summary, channel string) string {
	return idOf("delivery", s.Store, s.Function, s.Account, s.Run, s.Attempt, channel)
}

// deliver makes one delivery. The tries of earlier calls count in its result.
func deliver(ctx context.Context, client *http.Client, channel *Channel, due Delivery, d *Digest, opts DeliverOptions) (done Delivery) {
	done = due
	done.Type = channel.Type
	defer func() {
		if recover() != nil { // whatever it is, it is this message's alone
			done = done.failed(internal())
		}
		done.At = now()
	}()
	v := d.viewFor(channel)
	p := parcel{id: due.ID, view: v, message: v.message(channel.Language), getenv: opts.Getenv}
	for tries := 1; ; tries++ {
		if ctx.Err() != nil {
			return done.failed(fromContext(ctx))
		}
		done.Tries++
		o := p.address(ctx, channel, opts.Resolve)
		if o.ok {
			if !opts.Pace.wait(ctx, p.channel) {
				return done.failed(fromContext(ctx))
			}
			o = p.try(ctx, client)
		}
		if o.ok {
			done.State, done.Code, done.Detail = Delivered, "", ""
			return done
		}
		wait := backoff(tries)
		switch {
		case !o.retry || tries == maxTries:
			return done.failed(o)
		case o.after > maxAskedWait:
			o.detail += ", and asks to wait longer than a run can"
			return done.failed(o)
		}
		wait = max(wait, o.after)
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			o.detail += ", and there was no time to try again"
			return done.failed(o)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return done.failed(o)
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

// backoff is the wait after so many tries: doubled each time, a quarter more or
// less, so that channels of one host do not come back together.
func backoff(tries int) time.Duration {
	wait := firstBackoff << (tries - 1)
	return wait*3/4 + rand.N(wait/2)
}

// outcome is how one try went. Its detail is our own words.
type outcome struct {
	ok        bool
	retry     bool // the same message may be taken in a moment
	permanent bool // the same message is never taken
	reach     Reach
	after     time.Duration // how long the channel asks to wait
	code      core.Code
	detail    string
}

// permanent is the outcome of a message that the channel refuses for good.
func permanent(code core.Code, format string, args ...any) outcome {
	return outcome{permanent: true, code: code, detail: fmt.Sprintf(format, args...)}
}

// internal is the outcome of a mistake of ours. The next call tries again, perhaps with
// another version.
func internal() outcome { return outcome{code: core.CodeInternal, detail: "internal error"} }

// unusable is the outcome where the channel takes no message until its operator
// changes something, as an address or a key.
func unusable(code core.Code, format string, args ...any) outcome {
	return outcome{reach: ReachChannel, code: code, detail: fmt.Sprintf(format, args...)}
}

// retryable is the outcome where the channel takes no message for the moment.
func retryable(code core.Code, format string, args ...any) outcome {
	return outcome{retry: true, reach: ReachChannel, code: code, detail: fmt.Sprintf(format, args...)}
}

// serverFault is the outcome of a fault of the receiver's own. It may be one that just
// this message brings about.
func serverFault(format string, args ...any) outcome {
	o := retryable(core.CodeUnavailable, format, args...)
	o.reach = ReachServer
	return o
}

// parcel is one Digest on its way to one channel.
type parcel struct {
	id      string
	channel *Channel
	view    view
	message message
	getenv  func(string) string
}

// address makes the channel ready to be sent to. What a store of secrets refuses
// for now is asked for again.
func (p *parcel) address(ctx context.Context, channel *Channel, resolve func(context.Context, map[string]string) (map[string]string, error)) outcome {
	resolved, err := resolve(ctx, channel.texts())
	if err == nil {
		p.channel, err = channel.with(resolved)
	}
	switch failure := core.AsError(err); {
	case err == nil:
		return outcome{ok: true}
	case failure.Code.Retryable():
		return retryable(failure.Code, "%s", failure.Public())
	default:
		return unusable(failure.Code, "%s", failure.Public())
	}
}

// try makes one attempt, signed anew.
func (p parcel) try(whole context.Context, client *http.Client) outcome {
	ctx, cancel := context.WithTimeout(whole, tryTimeout)
	defer cancel()
	req, err := p.request(ctx, time.Now())
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
	o, judged := p.judge(resp.StatusCode, body)
	if !judged {
		o = fromStatus(resp.StatusCode)
	}
	if o.retry {
		o.after = max(o.after, askedWait(resp.Header))
	}
	return o
}

// request builds the channel's message.
func (p parcel) request(ctx context.Context, now time.Time) (*http.Request, error) {
	switch p.channel.Type {
	case Slack:
		return p.slack(ctx)
	case Feishu:
		return p.feishu(ctx, now)
	case DingTalk:
		return p.dingtalk(ctx, now)
	case WeCom:
		return p.wecom(ctx)
	case SNS:
		return p.sns(ctx, now)
	}
	return p.webhook(ctx, now)
}

// judge reads an answer where the vendor says more in it than in its status.
func (p parcel) judge(status int, body []byte) (o outcome, judged bool) {
	switch p.channel.Type {
	case Slack:
		return judgeSlack(status, body)
	case Feishu:
		return judgeFeishu(status, body)
	case DingTalk:
		return judgeDingTalk(status, body)
	case WeCom:
		return judgeWeCom(status, body)
	case SNS:
		return judgeSNS(status, body)
	}
	return outcome{}, false
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

func postJSON(ctx context.Context, address string, v any) (*http.Request, error) {
	body, err := core.AppendJSON(nil, v)
	if err != nil {
		return nil, err
	}
	return post(ctx, address, body)
}

// sizeOf is what a value takes as JSON.
func sizeOf(v any) int {
	body, _ := core.AppendJSON(nil, v)
	return len(body)
}

// fromTransport is why there was no answer. The error's own text holds the
// address, and is not told. ctx is that of all tries.
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

// fromContext is what a context that is over, or will be before anything can be
// sent, means.
func fromContext(ctx context.Context) outcome {
	if errors.Is(ctx.Err(), context.Canceled) {
		return unusable(core.CodeCanceled, "the run was called off")
	}
	return unusable(core.CodeDeadline, "time ran out")
}

// fromStatus is what an HTTP status means. What is said of the message (too large, not
// of the receiver's form) concerns this message; what is said of the address, the key
// or the moment concerns every one.
func fromStatus(status int) outcome {
	switch {
	case status >= 200 && status < 300:
		return outcome{ok: true}
	case status >= 300 && status < 400:
		return unusable(core.CodeMisconfigured, "it leads elsewhere (HTTP %d), where it is not followed; configure the address that it leads to", status)
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return unusable(core.CodeDenied, "it refuses the message (HTTP %d)", status)
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, status == http.StatusGone, status == http.StatusMisdirectedRequest:
		return unusable(core.CodeMisconfigured, "there is nothing at the address (HTTP %d)", status)
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly:
		return retryable(core.CodeUnavailable, "it was too slow (HTTP %d)", status)
	case status == http.StatusTooManyRequests:
		return retryable(core.CodeThrottled, "it takes no more messages for now (HTTP %d)", status)
	case status >= 500:
		return serverFault("it has a fault of its own (HTTP %d)", status)
	}
	return permanent(core.CodeUpstream, "it does not accept the message (HTTP %d)", status)
}

// askedWait is how long an answer asks to wait: Retry-After, or Feishu's own.
func askedWait(h http.Header) time.Duration {
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
