package alert

import (
	"context"
	"net/http"
	"slices"
	"time"

	"partnerlens/pkg/core"
)

// DeliverOptions are how a Digest is delivered. The zero DeliverOptions work for all channels
// but SNS.
type DeliverOptions struct {
	Getenv    func(name string) string // for SNS: the platform's AWS key and endpoint; nil: none
	Transport http.RoundTripper        // nil: one like http.DefaultTransport
	Resolve   Resolver                 // of the references in a channel's texts; nil: texts are used as they are
	Pace      *Pace                    // shared by all callers; nil: there are no others

	Due     []Delivery     // of those that Plan returns, the ones to make, with their ids; nil: all
	Planned []Delivery     // all that are planned for the run; nil: Due
	Done    func(Delivery) // is called after each delivery, one at a time; nil: not called
}

// Resolver returns the values of texts that may be references, by the same names.
type Resolver = func(ctx context.Context, texts map[string]string) (map[string]string, error)

// Delivery is the state of a Digest's delivery to one channel, or to one owner of it. It has no address and nothing
// of the channel's answer, so it may be stored and shown.
type Delivery struct {
	Channel string        `json:"channel"`
	Owner   string        `json:"owner,omitempty"` // "": the channel's own digest
	Type    ChannelType   `json:"type"`
	ID      string        `json:"id"` // the same for the same attempt at a run, channel and owner, however often it is sent
	State   DeliveryState `json:"state"`
	Tries   int           `json:"tries"`
	Code    core.Code     `json:"code,omitempty"`   // of the failure
	Detail  string        `json:"detail,omitempty"` // why it failed, or was skipped
	At      time.Time     `json:"at"`               // UTC, whole seconds

	// Progress of a delivery that is not Delivered: the recipients of an e-mail, or the events
	// of SplitCustomer, that need not be sent again.
	Progress string `json:"progress,omitempty"`

	Reach Reach `json:"-"` // of a failure
}

// Target is what a Delivery goes to.
type Target struct{ Channel, Owner string }

// Target returns what the delivery goes to.
func (d Delivery) Target() Target { return Target{d.Channel, d.Owner} }

// Name names what the delivery goes to, for people.
func (d Delivery) Name() string {
	if d.Owner == "" {
		return d.Channel
	}
	return d.Channel + ", " + d.Owner
}

// Due reports whether the next call has to make the delivery.
func (d Delivery) Due() bool { return d.State == Pending || d.State == Failed }

// Undelivered reports whether the channel lacks the message, for now or for good.
func (d Delivery) Undelivered() bool { return d.Due() || d.State == Refused }

// DeliveryState is the state of a Delivery.
type DeliveryState string

// The states.
const (
	Pending   DeliveryState = "pending" // recorded, and not tried yet
	Delivered DeliveryState = "delivered"
	Failed    DeliveryState = "failed"  // the next call tries again
	Refused   DeliveryState = "refused" // the channel refuses this message for good; watch --redeliver tries again
	Skipped   DeliveryState = "skipped" // there is nothing for this channel
)

// nothing is the detail of a Skipped delivery.
const nothing = "nothing to report"

// Reach is what a failed delivery affects.
type Reach int

// The reaches.
const (
	ReachMessage Reach = iota // this message alone: the next one may be sent
	ReachServer               // this message or all: the receiver has a fault of its own
	ReachChannel              // all messages: the channel cannot be reached, or its address or key is wrong
)

// reserve is time for the run to record its result.
const reserve = 5 * time.Second

// Plan returns the deliveries of a Digest: one for each channel of its account and each
// owner that has an address there, Pending, or Skipped if there is nothing for it. A
// Setting with an error (Err) is a delivery of its own, Failed, to the channel "": once the
// Setting is right, Expand replaces it by the channels' own.
func (c *Config) Plan(d *Digest) []Delivery {
	all := []Delivery{}
	for i := range c.Channels {
		channel := &c.Channels[i]
		if !d.sample && !channel.covers(d.Account) {
			continue
		}
		first := len(all)
		for _, owner := range channel.recipients() {
			all = append(all, Delivery{Channel: channel.Name, Owner: owner, Type: channel.Type, ID: DeliveryID(d.Summary, channel.Name, owner), State: Pending, At: now()})
		}
		for j := first; j < len(all); j++ {
			if s := d.selectFor(channel.scopeOf(all[j], all[first:])); s.total == 0 && !s.wantedEmpty(c.Quiet) {
				all[j].State, all[j].Detail = Skipped, nothing
			}
		}
	}
	if c.Err != nil {
		failure := core.AsError(c.Err)
		all = append(all, Delivery{State: Failed, Code: failure.Code, Detail: failure.Public(), At: now(), Reach: ReachChannel})
	}
	return all
}

// wantedEmpty reports whether a digest without alerts is delivered. One of a single owner
// has nothing to say of the run, and events of customers are of alerts alone.
func (s selection) wantedEmpty(quiet bool) bool {
	switch {
	case s.channel.Split == SplitCustomer:
		return false
	case s.owner != "":
		return quiet && s.Held == nil
	}
	return s.Held != nil || s.First || quiet || s.Notes.Notify && s.channel.wantsNotes()
}

// Expand replaces the delivery to the channel "" by deliveries to the channels that have
// none, if the Setting is right by now.
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

// DeliveryID is the id of the message to a channel, and to an owner if it is not "", about
// an attempt at a run.
func DeliveryID(s Summary, channel, owner string) string {
	parts := []string{"delivery", s.Store, s.Function, s.Account, s.Run, s.Attempt, channel}
	if owner != "" {
		parts = append(parts, owner)
	}
	return hashID(parts...)
}

// Deliver makes the deliveries of a Digest concurrently and returns them in the order of
// opts.Due. It returns 5 s before ctx's deadline. Channels fail independently.
//
// Delivery is at least once: a lost answer leads to another try, and a run that was killed
// after a delivery and before its record delivers again. Every message of a webhook and of
// SNS carries its Delivery's id.
func (c *Config) Deliver(ctx context.Context, d *Digest, opts DeliverOptions) []Delivery {
	if deadline, ok := ctx.Deadline(); ok {
		early, cancel := context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
		ctx = early
	}
	if opts.Getenv == nil {
		opts.Getenv = func(string) string { return "" }
	}
	if opts.Pace == nil {
		opts.Pace = new(Pace)
	}
	if opts.Transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		defer own.CloseIdleConnections()
		opts.Transport = own
	}
	client := &http.Client{
		Transport: opts.Transport,
		// A redirect must not lead customers' data to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	deliveries := slices.Clone(opts.Due)
	if opts.Due == nil {
		deliveries = c.Plan(d)
	}
	if opts.Planned == nil {
		opts.Planned = slices.Clone(deliveries)
	}
	type finished struct {
		index int
		Delivery
	}
	results := make(chan finished, len(deliveries))
	started := 0
	for i, due := range deliveries {
		at := slices.IndexFunc(c.Channels, func(channel Channel) bool { return channel.Name == due.Channel })
		if at < 0 || due.State == Skipped {
			continue
		}
		started++
		go func() { results <- finished{i, deliver(ctx, client, &c.Channels[at], due, d, opts)} }()
	}
	for range started {
		result := <-results
		if deliveries[result.index] = result.Delivery; opts.Done != nil {
			opts.Done(result.Delivery)
		}
	}
	return deliveries
}

// Check returns the errors of channels whose address or secret cannot be resolved or used.
// It sends nothing.
func (c *Config) Check(ctx context.Context, resolve Resolver) (problems []error) {
	for i := range c.Channels {
		for _, owner := range c.Channels[i].recipients() {
			if _, err := resolveChannel(ctx, c.Channels[i].of(owner), resolve); err != nil {
				failure := core.AsError(err)
				problems = append(problems, &core.Error{Op: "alert", Code: failure.Code, Detail: failure.Public()})
			}
		}
	}
	return problems
}
