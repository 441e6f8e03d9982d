package alert

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"html"
	"io"
	"log"
	"math/big"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"partnerlens/pkg/core"
)

// mailServer is an SMTP server on this machine.
type mailServer struct {
	*smtp.Server
	address string
	pool    *x509.CertPool

	noTLS     bool  // no STARTTLS
	sender    error // of MAIL
	data      error // of DATA
	recipient func(to string) error

	mu        sync.Mutex
	mails     []mailbox
	passwords int // how often one was sent
}

// mailbox is an e-mail that the server accepted.
type mailbox struct {
	from   string
	to     []string
	text   string
	secure bool
	user   string
}

func (s *mailServer) got() []mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

type mailSession struct {
	server *mailServer
	conn   *smtp.Conn
	mailbox
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.passwords++
		if s.user = user; user != "user@example.com" || password != "planted-password" {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return s.server.sender
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.server.recipient != nil {
		if err := s.server.recipient(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.data != nil {
		return s.server.data
	}
	_, s.secure = s.conn.TLSConnectionState()
	s.text = string(text)
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, s.mailbox)
	return nil
}

func (s *mailSession) Reset()        { s.from, s.to = "", nil }
func (s *mailSession) Logout() error { return nil }

// certificate is for this machine, and the pool of its issuer.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	text, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(text)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{text}, PrivateKey: key}, pool
}

// serve starts the server; implicit is TLS from the first byte.
func (s *mailServer) serve(t *testing.T, implicit bool) *mailServer {
	t.Helper()
	s.Server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &mailSession{server: s, conn: c}, nil }))
	s.Domain, s.AllowInsecureAuth, s.ErrorLog = "localhost", true, log.New(io.Discard, "", 0)
	certificate, pool := certificate(t)
	s.pool = pool
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	switch {
	case implicit:
		listener = tls.NewListener(listener, config)
	case !s.noTLS:
		s.TLSConfig = config
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return s
}

// mailChannel is a channel to an address, with a user.
func mailChannel(scheme, address string) Channel {
	return Channel{Name: "ops", Type: Email, URL: core.NewSecret(scheme + "://user%40example.com@" + address), Secret: core.NewSecret("planted-password"), Language: English, MinSeverity: Info,
		From: "partnerlens <alerts@example.com>", To: []string{"alice@example.com", "Bob 王 <bob@example.com>"}}
}

func (s *mailServer) options() DeliverOptions {
	return DeliverOptions{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.pool}}}
}

// once is a context in which there is time for a single attempt.
func once(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), reserve+700*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestEmailIsEncrypted(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		scheme  string
		query   string
		server  *mailServer
		state   DeliveryState
		code    core.Code
		detail  string
		trusted bool
	}{
		{"STARTTLS", "smtp", "", &mailServer{}, Delivered, "", "", true},
		{"STARTTLS required", "smtp", "?starttls=required", &mailServer{}, Delivered, "", "", true},
		{"TLS", "smtps", "", &mailServer{}, Delivered, "", "", true},
		{"no STARTTLS", "smtp", "", &mailServer{noTLS: true}, Failed, core.CodeMisconfigured, "no STARTTLS", true},
		{"another issuer", "smtp", "", &mailServer{}, Failed, core.CodeMisconfigured, "certificate", false},
		{"another issuer, TLS", "smtps", "", &mailServer{}, Failed, core.CodeMisconfigured, "certificate", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := test.server.serve(t, test.scheme == "smtps")
			opts := server.options()
			if !test.trusted {
				opts = DeliverOptions{}
			}
			d := deliverTo(t, t.Context(), mailChannel(test.scheme, server.address+test.query), digestOf(3), opts)
			if d.State != test.state || d.Code != test.code || !strings.Contains(d.Detail, test.detail) || d.Tries != 1 {
				t.Errorf("%+v", d)
			}
			mails := server.got()
			if (len(mails) == 1) != (test.state == Delivered) || len(mails) == 1 && (!mails[0].secure || mails[0].user != "user@example.com") {
				t.Errorf("%+v", mails)
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			if test.state != Delivered && server.passwords > 0 {
				t.Error("the password was sent")
			}
		})
	}
	t.Run("plain text to this machine", func(t *testing.T) {
		t.Parallel()
		server := (&mailServer{noTLS: true}).serve(t, false)
		d := deliverTo(t, t.Context(), mailChannel("smtp", server.address+"?starttls=off"), digestOf(3), server.options())
		if mails := server.got(); d.State != Delivered || len(mails) != 1 || mails[0].secure {
			t.Errorf("%+v, %+v", d, mails)
		}
	})
	t.Run("smtps to a server that begins in plain text", func(t *testing.T) {
		t.Parallel()
		server := (&mailServer{}).serve(t, false)
		if d := deliverTo(t, t.Context(), mailChannel("smtps", server.address), digestOf(3), server.options()); d.State != Failed || d.Code != core.CodeMisconfigured || !strings.Contains(d.Detail, "does not begin with TLS") {
			t.Errorf("%+v", d)
		}
	})
}

func TestEmailReplies(t *testing.T) {
	t.Parallel()
	reply := func(code int) error { return &smtp.SMTPError{Code: code, Message: "answered-body"} }
	bob := func(code int) func(string) error {
		return func(to string) error {
			if to == "bob@example.com" {
				return reply(code)
			}
			return nil
		}
	}
	for _, test := range []struct {
		name     string
		server   *mailServer
		password string
		state    DeliveryState
		code     core.Code
		reach    Reach
		detail   string
		mails    int
	}{
		{"a wrong password", &mailServer{}, "another", Failed, core.CodeDenied, ReachChannel, "user or the password (SMTP 535)", 0},
		{"the sender is refused", &mailServer{sender: reply(550)}, "", Failed, core.CodeDenied, ReachChannel, "check from (SMTP 550)", 0},
		{"a login is required", &mailServer{sender: reply(530)}, "", Failed, core.CodeDenied, ReachChannel, "user or the password (SMTP 530)", 0},
		{"a login is required of recipients", &mailServer{recipient: bob(530)}, "", Failed, core.CodeDenied, ReachChannel, "user or the password (SMTP 530)", 0},
		{"too large", &mailServer{sender: reply(552)}, "", Refused, core.CodeUpstream, ReachMessage, "SMTP 552", 0},
		{"busy", &mailServer{sender: reply(421)}, "", Failed, core.CodeUnavailable, ReachChannel, "SMTP 421", 0},
		{"the content is refused", &mailServer{data: reply(554)}, "", Refused, core.CodeUpstream, ReachMessage, "the message (SMTP 554)", 0},
		{"the content is refused for now", &mailServer{data: reply(451)}, "", Failed, core.CodeUnavailable, ReachChannel, "SMTP 451", 0},
		{"one recipient is unknown", &mailServer{recipient: bob(550)}, "", Refused, core.CodeUpstream, ReachMessage, "1 of 2 recipients do not have the message: the server refuses them (SMTP 550)", 1},
		{"one recipient is greylisted", &mailServer{recipient: bob(450)}, "", Failed, core.CodeUnavailable, ReachChannel, "1 of 2 recipients do not have the message", 1},
		{"all recipients are unknown", &mailServer{recipient: func(string) error { return reply(550) }}, "", Refused, core.CodeUpstream, ReachMessage, "2 of 2 recipients", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := test.server.serve(t, false)
			c := mailChannel("smtp", server.address)
			if test.password != "" {
				c.Secret = core.NewSecret(test.password)
			}
			d := deliverTo(t, once(t), c, digestOf(3), server.options())
			if d.State != test.state || d.Code != test.code || d.Reach != test.reach || !strings.Contains(d.Detail, test.detail) || d.Tries != 1 {
				t.Errorf("%+v", d)
			}
			if mails := server.got(); len(mails) != test.mails {
				t.Errorf("%+v", mails)
			}
			if strings.Contains(d.Progress, "example") {
				t.Errorf("the progress shows an address: %s", d.Progress)
			}
		})
	}
}

// A recipient who has the message does not get it again: not by a further try, and not by a
// further call.
func TestEmailReachesEachRecipientOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	refusals := 0
	refuse := 1
	server := (&mailServer{recipient: func(to string) error {
		mu.Lock()
		defer mu.Unlock()
		if to == "bob@example.com" && refusals < refuse {
			refusals++
			return &smtp.SMTPError{Code: 450, Message: "later"}
		}
		return nil
	}}).serve(t, false)
	c := mailChannel("smtp", server.address)
	if d := deliverTo(t, t.Context(), c, digestOf(3), server.options()); d.State != Delivered || d.Tries != 2 || d.Progress != "" {
		t.Errorf("%+v", d)
	}
	if mails := server.got(); len(mails) != 2 || !slices.Equal(mails[0].to, []string{"alice@example.com"}) || !slices.Equal(mails[1].to, []string{"bob@example.com"}) {
		t.Errorf("%+v", mails)
	}
	mu.Lock()
	refuse = 2
	mu.Unlock()
	d := deliverTo(t, once(t), c, digestOf(3), server.options())
	if d.State != Failed || d.Progress == "" {
		t.Fatalf("%+v", d)
	}
	opts := server.options()
	opts.Due = []Delivery{d}
	if d = (&Config{Channels: []Channel{c}}).Deliver(t.Context(), digestOf(3), opts)[0]; d.State != Delivered || d.Progress != "" {
		t.Errorf("%+v", d)
	}
	mails := server.got()
	if len(mails) != 4 || !slices.Equal(mails[2].to, []string{"alice@example.com"}) || !slices.Equal(mails[3].to, []string{"bob@example.com"}) {
		t.Errorf("%+v", mails)
	}
	for _, m := range mails {
		if parseMail(t, m.text).header.Get("Message-ID") != "<"+d.ID+"@example.com>" {
			t.Errorf("%q", m.text[:500])
		}
	}
}

// A recipient who is refused is not tried again within a call, while another one is.
func TestEmailRefusalIsFinal(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := make(map[string]int)
	server := (&mailServer{recipient: func(to string) error {
		mu.Lock()
		defer mu.Unlock()
		asked[to]++
		switch {
		case to == "alice@example.com":
			return &smtp.SMTPError{Code: 550, Message: "no such user"}
		case asked[to] == 1:
			return &smtp.SMTPError{Code: 450, Message: "later"}
		}
		return nil
	}}).serve(t, false)
	d := deliverTo(t, t.Context(), mailChannel("smtp", server.address), digestOf(3), server.options())
	mails := len(server.got())
	mu.Lock()
	defer mu.Unlock()
	if d.State != Refused || d.Tries != 2 || !strings.Contains(d.Detail, "1 of 2 recipients do not have the message") || asked["alice@example.com"] != 1 || mails != 1 {
		t.Errorf("%+v, %v", d, asked)
	}
}

// A server that hangs at any step holds a call no longer than its context.
func TestEmailServerHangs(t *testing.T) {
	t.Parallel()
	for name, greeting := range map[string]string{"no greeting": "", "no answer to EHLO": "220 localhost\r\n", "not SMTP": "SSH-2.0-OpenSSH\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			all.Go(func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					all.Go(func() {
						_, _ = io.WriteString(conn, greeting)
						_, _ = io.Copy(io.Discard, conn) // until the client hangs up
						_ = conn.Close()
					})
				}
			})
			start := time.Now()
			d := deliverTo(t, once(t), mailChannel("smtp", listener.Addr().String()), digestOf(3), DeliverOptions{})
			if d.State != Failed || d.Code == "" || d.Code == core.CodeInternal {
				t.Errorf("%+v", d)
			}
			if took := time.Since(start); took > reserve {
				t.Errorf("it took %s", took)
			}
			_ = listener.Close()
			all.Wait() // the connections are closed
		})
	}
}

// parsedMail is an e-mail as a client reads it.
type parsedMail struct {
	header                             mail.Header
	subject, plain, html, table, named string
}

func parseMail(t *testing.T, text string) (p parsedMail) {
	t.Helper()
	for line := range strings.Lines(text) {
		if len(strings.TrimSuffix(line, "\r\n")) > 998 || !strings.HasSuffix(line, "\r\n") {
			t.Errorf("a line of %d bytes: %.60q", len(line), line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	p.header = m.Header
	if p.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Error(err)
	}
	var walk func(contentType string, header map[string][]string, body io.Reader)
	walk = func(contentType string, header map[string][]string, body io.Reader) {
		kind, params, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(kind, "multipart/") {
			parts := multipart.NewReader(body, params["boundary"])
			for {
				part, err := parts.NextPart()
				if errors.Is(err, io.EOF) {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				walk(part.Header.Get("Content-Type"), part.Header, part)
			}
		}
		content, err := io.ReadAll(body) // quoted-printable is decoded
		if err != nil {
			t.Fatal(err)
		}
		switch kind {
		case "text/plain":
			p.plain = string(content)
		case "text/html":
			p.html = string(content)
		case "text/csv":
			_, params, err := mime.ParseMediaType(http.Header(header).Get("Content-Disposition"))
			if err != nil {
				t.Error(err)
			}
			p.named, p.table = params["filename"], decodeBase64(t, string(content))
		}
	}
	walk(m.Header.Get("Content-Type"), m.Header, m.Body)
	return p
}

func decodeBase64(t *testing.T, text string) string {
	t.Helper()
	decoded, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(decoded)
}

var tags = regexp.MustCompile(`<[^<>]*>`)

// What a client shows is what the digest says, whatever customers and owners are called.
func TestEmailContent(t *testing.T) {
	t.Parallel()
	server := (&mailServer{}).serve(t, false)
	evil := append(slices.Clone(hostile), "x\r\nBcc: evil@example.com\r\n\r\nbody", "=cmd|' /C calc'!A0", "\u202Egpj.exe", strings.Repeat("界", 2000), "<script>alert(1)</script>")
	d := NewDigest(Summary{Function: "credit", Account: "main", Run: "r\r\nBcc: evil@example.com", AsOf: runStart, Total: 5, Location: "s3://bucket/&lt;b>"})
	for i, name := range evil {
		a := alertNumber(i)
		a.Name, a.Owner = name, name
		d.Add(a)
		d.AddOpen(a)
	}
	for _, language := range []string{English, Chinese} {
		for _, owner := range append([]string{""}, evil...) {
			owner = CleanOwner(owner)
			c := mailChannel("smtp", server.address)
			c.Language, c.Split = language, SplitOwner
			c.OwnerChannels = map[string]core.Secret{"someone": core.NewSecret("someone@example.com")}
			if owner != "" {
				c.OwnerChannels[owner] = core.NewSecret("carol@example.com")
			}
			due := Delivery{Channel: "ops", Owner: owner, ID: "id", State: Pending}
			opts := server.options()
			opts.Due = []Delivery{due}
			if got := (&Config{Channels: []Channel{c}}).Deliver(t.Context(), d, opts)[0]; got.State != Delivered {
				t.Fatalf("%q: %+v", owner, got)
			}
			mails := server.got()
			last := mails[len(mails)-1]
			p := parseMail(t, last.text)
			m := d.selectFor(c.scopeOf(due, nil)).message(language)
			if want := strings.Join(m.lines(len(m.items)), "\r\n") + "\r\n"; p.plain != want {
				t.Errorf("%q\ngot  %q\nwant %q", owner, p.plain, want)
			}
			if p.subject != m.title || strings.ContainsAny(p.subject, "\r\n\u202E") {
				t.Errorf("the subject is %q, want %q", p.subject, m.title)
			}
			to := []string{"alice@example.com", "bob@example.com"}
			if owner != "" {
				to = []string{"carol@example.com"}
			}
			if list, err := p.header.AddressList("To"); err != nil || len(list) != len(to) || !slices.Equal(last.to, to) {
				t.Errorf("%v, %v, %q", list, err, last.to)
			}
			allowed := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
			for name, values := range p.header {
				if !slices.Contains(allowed, name) || len(values) != 1 {
					t.Errorf("a header %s: %q", name, values)
				}
			}
			if p.header.Get("Auto-Submitted") != "auto-generated" || p.header.Get("Message-ID") != "<id@example.com>" {
				t.Errorf("%v", p.header)
			}
			if strings.Contains(p.html, "<script") || strings.Contains(p.html, "<b>") || strings.Contains(p.html, "<at") || strings.Contains(p.html, "<a ") || !utf8.ValidString(p.html) || strings.ContainsAny(p.html, "\u202E\x00") {
				t.Errorf("%s", p.html)
			}
			_, body, _ := strings.Cut(p.html, "sans-serif\">\r\n")
			if got := html.UnescapeString(tags.ReplaceAllString(body, "")); strings.TrimSpace(got) != strings.TrimSpace(p.plain) {
				t.Errorf("as HTML %q, as text %q", got, p.plain)
			}
			rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(p.table, "\ufeff"))).ReadAll()
			if err != nil || p.named != "open-credit-main.csv" || !strings.HasPrefix(p.table, "\ufeffkind,") || len(rows) != 1+m.openCount(d, owner) {
				t.Errorf("%v, %q, %d rows", err, p.named, len(rows))
			}
			for _, row := range rows {
				for _, cell := range row {
					if cell != "" && strings.ContainsAny(cell[:1], "+-@") && !strings.HasPrefix(cell, `="`) && strings.Trim(cell, "-0123456789.") != "" || strings.HasPrefix(cell, "=cmd") {
						t.Errorf("a formula: %q", cell)
					}
				}
			}
		}
	}
}

// openCount is how many open conditions of an owner were added; of all but the owners
// apart for "".
func (message) openCount(d *Digest, owner string) (n int) {
	for name, p := range d.parts {
		if owner == "" || name == owner {
			n += len(p.rows)
		}
	}
	return n
}

// The attachment is bounded, and says what it lacks.
func TestOpenTableIsBounded(t *testing.T) {
	t.Parallel()
	d := NewDigest(Summary{Function: "credit", Account: "main", Location: "s3://bucket/"})
	for i := range maxRows + 5 {
		d.AddOpen(Alert{Kind: CreditLow, CustomerID: fmt.Sprint(i)})
	}
	rows, err := csv.NewReader(strings.NewReader(string(d.selectFor(whole).openCSV(writer{language: English})))).ReadAll()
	if last := rows[len(rows)-1][0]; err != nil || len(rows) != maxRows+2 || last != "… and 5 more, see s3://bucket/" {
		t.Errorf("%v, %d rows, %q", err, len(rows), last)
	}
}

// However many owners get mail, one mailbox sends at most 30 messages a minute.
func TestEmailPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, pace, start := mailChannel("smtp", "smtp.example.com"), new(Pace), time.Now()
		for range 31 {
			if !pace.wait(t.Context(), &c) {
				t.Fatal("the context is not over")
			}
		}
		if took := time.Since(start); took < time.Minute {
			t.Errorf("31 messages within %s", took)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if pace.wait(short, &c) {
			t.Error("a wait beyond the deadline")
		}
	})
}

func TestParseServer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]server{
		"smtp://smtp.example.com":                         {host: "smtp.example.com", port: 587},
		"smtps://smtp.example.com/":                       {host: "smtp.example.com", port: 465, tls: true},
		"smtp://a%40example.com@smtp.example.com:2525":    {host: "smtp.example.com", port: 2525, user: "a@example.com"},
		"smtp://a@example.com@smtp.example.com":           {host: "smtp.example.com", port: 587, user: "a@example.com"},
		"smtp://[::1]:25?starttls=off":                    {host: "::1", port: 25, plain: true},
		"smtp://localhost:25?starttls=off":                {host: "localhost", port: 25, plain: true},
		"smtp://smtp.example.com?starttls=required":       {host: "smtp.example.com", port: 587},
		"smtp://smtp.example.com?starttls=off":            {},
		"smtp://127.0.0.1.evil.example?starttls=off":      {},
		"smtps://localhost?starttls=off":                  {},
		"smtp://localhost?starttls=maybe":                 {},
		"smtp://localhost?starttls=off&starttls=required": {},
		"smtp://localhost?tls=off":                        {},
		"smtp://user:planted@smtp.example.com":            {},
		"smtp://us%0d%0aer@smtp.example.com":              {},
		"smtp://smtp.example.com:0":                       {},
		"smtp://smtp.example.com:99999":                   {},
		"smtp://smtp.example.com/path":                    {},
		"smtp:smtp.example.com":                           {},
		"https://smtp.example.com":                        {},
		"smtp://":                                         {},
		"":                                                {},
		"smtp://smtp.example.com\r\n":                     {},
	} {
		got, err := parseServer(text)
		if err == nil && got != want || (err == nil) != (want != server{}) {
			t.Errorf("parseServer(%q) = %+v, %v", text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "planted") {
			t.Errorf("%q is quoted: %v", text, err)
		}
	}
	c := mailChannel("smtp", "smtp.example.com")
	c.Secret = core.Secret{}
	if _, err := c.with(c.texts()); err == nil || !strings.Contains(err.Error(), "password") {
		t.Error(err)
	}
}

func FuzzParseServer(f *testing.F) {
	for _, seed := range []string{"smtp://user@host:587?starttls=required", "smtps://h", "smtp://localhost?starttls=off", "smtp://a%0a@h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseServer(text)
		if err == nil && (s.host == "" || s.port < 1 || s.port > 65535 || s.plain && s.tls || strings.ContainsAny(s.user+s.host, "\r\n")) {
			t.Fatalf("%q: %+v", text, s)
		}
		if box, err := parseMailbox(text); err == nil && strings.ContainsAny(box.Address+box.Name, "\r\n") {
			t.Fatalf("%q: %+v", text, box)
		}
	})
}
