package cli

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"partnerlens/pkg/core"
)

type healthCmd struct {
	URL    string        `arg:"" optional:"" default:"http://127.0.0.1:8080/healthz" help:"The server's /healthz."`
	Within time.Duration `default:"3s" help:"Time limit."`
}

// Run requests /healthz and prints nothing if the answer is 200. A container built from
// scratch has no other HTTP client.
func (c *healthCmd) Run(ctx context.Context) error {
	where, err := url.Parse(c.URL)
	if err != nil || where.Host == "" || where.Scheme != "http" && where.Scheme != "https" {
		return core.Invalid("URL", "write it as http://127.0.0.1:8080/healthz")
	}
	ctx, cancel := context.WithTimeout(ctx, c.Within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where.String(), nil)
	if err != nil {
		return core.Invalid("URL", "not a URL to request: %s", err)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		return &core.Error{Code: core.CodeUnavailable, Detail: "the server does not answer", Err: err}
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	if answer.StatusCode != http.StatusOK {
		return &core.Error{Code: core.CodeUnavailable, Detail: "the server answers " + answer.Status}
	}
	return nil
}
