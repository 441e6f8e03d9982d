package alert

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/mail"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"partnerlens/pkg/core"
	"partnerlens/pkg/settings"
	"partnerlens/pkg/transport"
)

const (
	maxMailboxes = 50
	maxMailbox   = 254         // bytes of an address (RFC 3696, erratum 1690)
	mailTimeout  = time.Minute // servers slow down clients that they do not know
	quitTimeout  = 5 * time.Second

	// Exchange Online accepts 30 messages a minute of a mailbox ("Exchange Online limits",
	// Sending limits, learn.microsoft.com, read November 2026), and few connections at once.
	mailEvery = time.Minute / 28
)

// server is a mail server, as the url of a channel names it:
//
//	smtps://user@host:465               TLS from the first byte
//	smtp://user@host:587                STARTTLS, without which nothing is sent
//	smtp://localhost:25?starttls=off    plain text, which only loopback addresses may get
type server struct {
	host       string
	port       int
	tls, plain bool
	user       string
}

// parseServer parses the url of a channel for e-mail. Its errors quote nothing.
func parseServer(text string) (s server, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Opaque != "" || u.Path != "" && u.Path != "/" || u.Fragment != "" ||
		strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return s, errors.New("not a mail server; write smtp://user@host:587, which requires STARTTLS, or smtps://user@host:465")
	}
	s = server{host: u.Hostname(), port: 587, tls: u.Scheme == "smtps", user: u.User.Username()}
	if s.tls {
		s.port = 465
	}
	if u.Port() != "" {
		if s.port, err = strconv.Atoi(u.Port()); err != nil || s.port < 1 || s.port > 65535 {
			return s, errors.New("the port is not a number from 1 to 65535")
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	mode := query.Get("starttls")
	s.plain = mode == "off"
	_, password := u.User.Password()
	switch {
	case password:
		return s, errors.New("has a password; write it as secret")
	case strings.ContainsFunc(s.user, func(r rune) bool { return r < ' ' || r == 0x7F }):
		return s, errors.New("the user has a control character")
	case err != nil, len(query) > 1, len(query) == 1 && (len(query["starttls"]) != 1 || s.tls || mode != "off" && mode != "required"):
		return s, errors.New("after the question mark there is only starttls=required or starttls=off, and only for smtp://")
	case s.plain && !transport.IsLoopback(s.host):
		return s, errors.New("starttls=off is only for a server on this machine itself")
	}
	return s, nil
}

// parseMailbox parses an e-mail address, with or without a name.
func parseMailbox(text string) (*mail.Address, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7F }) {
		return nil, errors.New("a control character")
	}
	box, err := mail.ParseAddress(text)
	if err != nil {
		return nil, err
	}
	if len(box.Address) > maxMailbox || strings.ContainsFunc(box.Address, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>()[],;:\\", r) }) {
		return nil, errors.New("not an address in ASCII")
	}
	return box, nil
}

// validateEmail checks the members that concern e-mail.
func (c *Channel) validateEmail(p *settings.Problems) {
	if c.Type != Email {
		if c.From != "" {
			p.Add("from", "only for %s", Email)
		}
		if c.To != nil {
			p.Add("to", "only for %s", Email)
		}
		return
	}
	if _, err := parseMailbox(c.From); err != nil {
		p.Add("from", "missing, or not an e-mail address, as alerts@example.com")
	}
	if n := len(c.To); n < 1 || n > maxMailboxes {
		p.Add("to", "not a list of 1 to %d e-mail addresses", maxMailboxes)
	}
	var seen []string
	for _, text := range c.To {
		box, err := parseMailbox(text)
		switch {
		case err != nil:
			p.Add("to", "one is not an e-mail address, as alice@example.com")
		case slices.Contains(seen, box.Address):
			p.Add("to", "one is there twice")
		default:
			seen = append(seen, box.Address)
		}
	}
}

// html renders a message. Every text is the content of an element, where it needs no more
// than html.EscapeString. A template would do the same, and link 10 MB more: it calls methods
// by their names, so that the linker keeps every method of every SDK.
func (m message) html() string {
	var b strings.Builder
	element := func(name string, lines ...item) {
		for _, line := range lines {
			b.WriteString("<" + name + ">" + line.marked(`<a href="%[2]s">%[1]s</a>`, html.EscapeString) + "</" + name + ">\n")
		}
	}
	b.WriteString("<!DOCTYPE html>\n<html lang=\"" + m.language + "\">\n<head><meta charset=\"utf-8\"></head>\n<body style=\"font-family: sans-serif\">\n")
	element("h3", itemsOf(m.title)...)
	element("p", itemsOf(m.head...)...)
	element("div", itemsOf(m.kinds...)...)
	element("p", m.items...)
	element("p", m.last(len(m.items))...)
	b.WriteString("</body>\n</html>\n")
	return b.String()
}

// compose builds the e-mail. Its Message-ID follows from the delivery, so that a repeated
// one can be recognized.
func (s *sender) compose(from *mail.Address, to []*mail.Address) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(from)
	m.ToMailAddress(to...)
	m.Subject(s.message.title)
	m.SetDate()
	_, domain, _ := strings.Cut(from.Address, "@")
	m.SetMessageIDWithValue(s.id + "@" + domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetBodyString(gomail.TypeTextPlain, strings.Join(s.message.lines(len(s.message.items)), "\n")+"\n")
	m.AddAlternativeString(gomail.TypeTextHTML, s.message.html())
	if len(s.selection.rows) == 0 {
		return m, nil
	}
	name := strings.Map(func(r rune) rune {
		if !strings.ContainsRune(nameLetters, r) {
			return -1
		}
		return r
	}, "open-"+s.selection.Function+"-"+s.selection.Account)
	return m, m.AttachReader(name+".csv", bytes.NewReader(s.selection.openCSV(s.message.writer)), gomail.WithFileContentType("text/csv; charset=utf-8"))
}

// mail makes one attempt at the recipients that have neither accepted nor refused the
// message yet. whole is the context of all attempts.
func (s *sender) mail(whole context.Context, opts DeliverOptions) outcome {
	ctx, cancel := context.WithTimeout(whole, mailTimeout)
	defer cancel()
	from, err := parseMailbox(s.channel.From)
	var to []*mail.Address
	for _, text := range s.channel.To {
		box, wrong := parseMailbox(text)
		err = cmp.Or(err, wrong)
		to = append(to, box)
	}
	if err != nil {
		return broken.of(core.CodeInternal, "internal error")
	}
	message, err := s.compose(from, to)
	if err != nil {
		return broken.of(core.CodeInternal, "internal error")
	}
	client, err := s.dialServer(ctx, from, opts.Transport)
	if err != nil {
		return fromServer(whole, ctx, err, loginReplies)
	}
	if err := client.Mail("<" + from.Address + ">"); err != nil {
		return fromServer(whole, ctx, err, senderReplies)
	}
	var accepted []string
	later := outcome{}
	for _, box := range to {
		if s.has(s.mailed, box.Address) || s.has(s.refused, box.Address) {
			continue
		}
		err := client.Rcpt("<" + box.Address + ">")
		o := fromServer(whole, ctx, err, recipientReplies)
		switch {
		case err == nil:
			accepted = append(accepted, s.markOf(box.Address))
		case o.class == permanent:
			s.refused = append(s.refused, s.markOf(box.Address))
			s.refusal = o
		case o.class == unusable || !isReply(err):
			return o
		default:
			later = o
		}
	}
	if accepted != nil {
		if err := transmit(client, message); err != nil {
			return fromServer(whole, ctx, err, contentReplies)
		}
		s.mailed = append(s.mailed, accepted...)
		_ = client.UpdateDeadline(quitTimeout) // the server has the message
		_ = client.Quit()
	}
	return s.mailOutcome(later, len(to))
}

// mailOutcome is the outcome for all recipients. later is that of those to try again.
func (s *sender) mailOutcome(later outcome, recipients int) outcome {
	switch {
	case later.class != delivered:
		later.detail = fmt.Sprintf("%d of %d recipients do not have the message: %s", recipients-len(s.mailed), recipients, later.detail)
		return later
	case len(s.refused) > 0:
		o := s.refusal
		o.detail = fmt.Sprintf("%d of %d recipients do not have the message: %s", len(s.refused), recipients, o.detail)
		return o
	}
	return outcome{class: delivered}
}

// markOf is the mark of a recipient in a Delivery's Progress, which has no address.
func (s *sender) markOf(address string) string { return hashID("recipient", s.id, address)[:8] }

func (s *sender) has(marks []string, address string) bool {
	return slices.Contains(marks, s.markOf(address))
}

func transmit(client *smtp.Client, message *gomail.Msg) error {
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := message.WriteTo(w); err != nil {
		return err // without the end of the message, the server drops it
	}
	return w.Close()
}

// dialServer connects, encrypts and logs in. The connection ends with ctx. The password is sent only within TLS, or to this machine itself.
func (s *sender) dialServer(ctx context.Context, from *mail.Address, rt http.RoundTripper) (*smtp.Client, error) {
	to, err := parseServer(s.channel.URL.Reveal())
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if t, ok := rt.(*http.Transport); ok && t.TLSClientConfig != nil {
		config = t.TLSClientConfig.Clone()
	}
	config.ServerName, config.NextProtos = to.host, nil
	dial := func(dialing context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(dialing, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		if to.tls {
			secure := tls.Client(conn, config)
			return secure, secure.HandshakeContext(dialing)
		}
		return conn, nil
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	startTLS := gomail.TLSMandatory
	if to.tls || to.plain {
		startTLS = gomail.NoTLS
	}
	options := []gomail.Option{
		gomail.WithPort(to.port), gomail.WithTimeout(mailTimeout), gomail.WithHELO(domain), gomail.WithoutSMTPUTF8(),
		gomail.WithTLSConfig(config), gomail.WithTLSPolicy(startTLS), gomail.WithDialContextFunc(dial),
	}
	if to.user != "" {
		options = append(options, gomail.WithUsername(to.user), gomail.WithPassword(s.channel.Secret.Reveal()),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5))
	}
	dialer, err := gomail.NewClient(to.host, options...)
	if err != nil {
		return nil, err
	}
	return dialer.DialToSMTPClientWithContext(ctx)
}

// replies are the outcomes of a server's permanent replies at one step.
type replies struct {
	class  class
	code   core.Code
	detail string
}

var (
	loginReplies     = replies{unusable, core.CodeDenied, "the server does not accept the user or the password"}
	senderReplies    = replies{unusable, core.CodeDenied, "the server does not accept the sender; check from"}
	recipientReplies = replies{permanent, core.CodeUpstream, "the server refuses them"}
	contentReplies   = replies{permanent, core.CodeUpstream, "the server does not accept the message"}
)

func isReply(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply)
}

// fromServer is the outcome of an error at a step (RFC 5321, section 4.2; RFC 4954, section
// 6). The server's text is left out. ctx is that of the attempt, whole that of all.
func fromServer(whole, ctx context.Context, err error, step replies) outcome {
	var reply *textproto.Error
	var header tls.RecordHeaderError
	var network net.Error
	switch {
	case err == nil:
		return outcome{class: delivered}
	case errors.As(err, &reply):
		return fromReply(reply.Code, step)
	case whole.Err() == nil && ctx.Err() != nil:
		return retryable.of(core.CodeUnavailable, "no answer within %s", mailTimeout)
	case errors.As(err, &header):
		return unusable.of(core.CodeMisconfigured, "the server does not begin with TLS; write smtp:// instead of smtps:// if it has STARTTLS")
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		return unusable.of(core.CodeMisconfigured, "the server has no STARTTLS, so neither the password nor the message is sent")
	case errors.Is(err, gomail.ErrNoSupportedAuthDiscovered), strings.Contains(err.Error(), "does not support SMTP AUTH"):
		return unusable.of(core.CodeMisconfigured, "the server has no way to log in that is known here; check the port")
	case errors.As(err, &network) && network.Timeout():
		return retryable.of(core.CodeUnavailable, "no answer within %s", mailTimeout)
	}
	return fromTransport(whole, err)
}

func fromReply(code int, step replies) outcome {
	switch {
	case code >= 530 && code < 540:
		step = loginReplies
	case code == 552 && step == senderReplies: // the announced size
		step = contentReplies
	case code == 554 && step == loginReplies: // instead of a greeting
		step.detail = "the server refuses the connection"
	case code < 400 || code >= 600:
		return serverFault.of(core.CodeUnavailable, "the answer is none of SMTP")
	}
	if code < 500 {
		return retryable.of(core.CodeUnavailable, "the server does not accept it for now (SMTP %d)", code)
	}
	return step.class.of(step.code, "%s (SMTP %d)", step.detail, code)
}
