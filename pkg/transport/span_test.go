package transport

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"partnerlens/pkg/core"
)

// A call within a trace says so, each with a span of its own; one without says
// nothing. The SDK's own request stays as it is.
func TestCallsCarryTheTrace(t *testing.T) {
	t.Parallel()
	var got []http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Clone())
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte("{}"))
	}))
	t.Cleanup(server.Close)
	w := newWire(t, Options{})
	span := core.NewSpan()
	for _, ctx := range []context.Context{t.Context(), core.WithSpan(t.Context(), span), core.WithSpan(t.Context(), span)} {
		var sent *http.Request
		err := w.Do(ctx, Call{
			Op: "test.Get", HandOn: `{}`, Reads: every, Decode: func(Answer) error { return nil },
			Send: func(rt http.RoundTripper) (err error) {
				if sent, err = http.NewRequest(http.MethodGet, server.URL, nil); err == nil {
					_, err = rt.RoundTrip(sent)
				}
				return err
			},
		})
		if err != nil || len(sent.Header) != 0 {
			t.Errorf("%v; the request has %v", err, sent.Header)
		}
	}
	if len(got) != 3 || got[0].Get("Traceparent") != "" || !strings.HasPrefix(got[1].Get("Traceparent"), "00-"+span.TraceID+"-") || got[1].Get("Traceparent") == got[2].Get("Traceparent") {
		t.Errorf("the server got %v", got)
	}
}
