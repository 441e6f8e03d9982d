package transport

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const (
	aTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	aSpan  = "00f067aa0ba902b7"
)

func TestSpanFrom(t *testing.T) {
	t.Parallel()
	good := "00-" + aTrace + "-" + aSpan + "-01"
	for _, test := range []struct {
		name   string
		parent []string
		flags  string // handed on; "": not accepted
	}{
		{"sampled", []string{good}, "01"},
		{"not sampled", []string{"00-" + aTrace + "-" + aSpan + "-00"}, "00"},
		{"random", []string{"00-" + aTrace + "-" + aSpan + "-03"}, "03"},
		{"flags that are not defined", []string{"00-" + aTrace + "-" + aSpan + "-ff"}, "03"},
		{"absent", nil, ""},
		{"empty", []string{""}, ""},
		{"twice", []string{good, good}, ""},
		{"a list", []string{good + "," + good}, ""},
		{"the version that never is", []string{"ff-" + aTrace + "-" + aSpan + "-01"}, ""},
		{"a later version", []string{"01-" + aTrace + "-" + aSpan + "-01"}, ""},
		{"more after it", []string{good + "-00"}, ""},
		{"a space before it", []string{" " + good}, ""},
		{"short", []string{good[:54]}, ""},
		{"no trace", []string{"00-" + strings.Repeat("0", 32) + "-" + aSpan + "-01"}, ""},
		{"no span", []string{"00-" + aTrace + "-" + strings.Repeat("0", 16) + "-01"}, ""},
		{"capital letters in the trace", []string{"00-" + strings.ToUpper(aTrace) + "-" + aSpan + "-01"}, ""},
		{"capital letters in the span", []string{"00-" + aTrace + "-00F067AA0BA902B7-01"}, ""},
		{"not hexadecimal", []string{"00-" + strings.Repeat("g", 32) + "-" + aSpan + "-01"}, ""},
		{"flags that are not hexadecimal", []string{"00-" + aTrace + "-" + aSpan + "-0x"}, ""},
		{"flags in capital letters", []string{"00-" + aTrace + "-" + aSpan + "-0A"}, ""},
		{"other dashes", []string{"00_" + aTrace + "_" + aSpan + "_01"}, ""},
		{"a line break", []string{"00-" + aTrace + "-" + aSpan + "-\n1"}, ""},
	} {
		header := http.Header{}
		for _, value := range test.parent {
			header.Add("traceparent", value)
		}
		header.Set("tracestate", "a=1")
		s, ok := SpanFrom(header)
		if ok != (test.flags != "") {
			t.Errorf("%s: SpanFrom = %+v, %t", test.name, s, ok)
			continue
		}
		if !ok {
			continue
		}
		if s.TraceID != aTrace || s.Parent != aSpan || s.ID == aSpan || !isID(s.ID) || len(s.ID) != 16 {
			t.Errorf("%s: %+v", test.name, s)
		}
		before := http.Header{"X": {"y"}}
		first, second := s.Put(before), s.Put(before)
		got := first.Get("Traceparent")
		if len(before) != 1 || first.Get("X") != "y" || first.Get("Tracestate") != "a=1" {
			t.Errorf("%s: sent on %v, of %v", test.name, first, before)
		}
		if len(got) != 55 || !strings.HasPrefix(got, "00-"+aTrace+"-") || !strings.HasSuffix(got, "-"+test.flags) || strings.Contains(got, s.ID) || strings.Contains(got, aSpan) || got == second.Get("Traceparent") {
			t.Errorf("%s: sent on %q and %q", test.name, got, second.Get("Traceparent"))
		}
		if next, ok := SpanFrom(first); !ok || next.TraceID != aTrace {
			t.Errorf("%s: what is sent on cannot be read", test.name)
		}
	}
}

func TestTracestate(t *testing.T) {
	t.Parallel()
	long := "a=" + strings.Repeat("x", 256)
	many := strings.TrimSuffix(strings.Repeat("?=1,", 33), ",")
	for i := range 33 {
		many = strings.Replace(many, "?", "k"+string(rune('a'+i%26))+string(rune('a'+i/26)), 1)
	}
	for _, test := range []struct {
		name  string
		state []string
		want  string
	}{
		{"one", []string{"rojo=00f067aa0ba902b7"}, "rojo=00f067aa0ba902b7"},
		{"several headers", []string{"a=1,b=2", "c=3"}, "a=1,b=2,c=3"},
		{"spaces and nothing between", []string{"a=1 ,\tb=2,,"}, "a=1,b=2"},
		{"a tenant", []string{"0t/*@sys=x y!"}, "0t/*@sys=x y!"},
		{"a long value", []string{long}, long},
		{"a longer one", []string{long + "x"}, ""},
		{"too long", []string{long + ",b=" + strings.Repeat("x", 256)}, ""},
		{"too many", []string{many}, ""},
		{"twice the same key", []string{"a=1,a=2"}, ""},
		{"a capital key", []string{"A=1"}, ""},
		{"no value", []string{"a="}, ""},
		{"no equals sign", []string{"a"}, ""},
		{"two equals signs", []string{"a=b=c"}, ""},
		{"a control character", []string{"a=b\x01"}, ""},
		{"not ASCII", []string{"a=é"}, ""},
		{"no tenant", []string{"@sys=1"}, ""},
		{"a system that begins with a digit", []string{"t@1=1"}, ""},
		{"a long system", []string{"t@sixteenletterss=1"}, ""},
		{"no key", []string{"=1"}, ""},
	} {
		s, ok := SpanFrom(http.Header{"Traceparent": {"00-" + aTrace + "-" + aSpan + "-00"}, "Tracestate": test.state})
		if !ok || s.state != test.want {
			t.Errorf("%s: tracestate %q, %t, want %q", test.name, s.state, ok, test.want)
		}
	}
}

func TestNewSpan(t *testing.T) {
	t.Parallel()
	a, b := NewSpan(), NewSpan()
	if len(a.TraceID) != 32 || !isID(a.TraceID) || !isID(a.ID) || a.Parent != "" || a.TraceID == b.TraceID || a.ID == b.ID {
		t.Errorf("%+v, %+v", a, b)
	}
	if got := a.Put(nil).Get("Traceparent"); !strings.HasSuffix(got, "-02") || !strings.Contains(got, a.TraceID) {
		t.Errorf("sent on %q", got)
	}
	ctx := WithSpan(t.Context(), a)
	if got, ok := SpanOf(ctx); !ok || got != a {
		t.Errorf("SpanOf = %+v, %t", got, ok)
	}
	if _, ok := SpanOf(t.Context()); ok {
		t.Error("a span from nowhere")
	}
}

func FuzzSpanFrom(f *testing.F) {
	f.Add("00-"+aTrace+"-"+aSpan+"-01", "a=1,t@b=2")
	f.Fuzz(func(t *testing.T, parent, state string) {
		s, ok := SpanFrom(http.Header{"Traceparent": {parent}, "Tracestate": {state}})
		if !ok {
			return
		}
		sent := s.Put(nil)
		again, ok := SpanFrom(sent)
		if !ok || again.TraceID != s.TraceID || again.state != s.state {
			t.Errorf("%q, %q is sent on as %v", parent, state, sent)
		}
		for _, values := range sent {
			if strings.ContainsFunc(values[0], func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("sent on %q", values[0])
			}
		}
	})
}

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
	w := newTransport(t, Options{})
	span := NewSpan()
	for _, ctx := range []context.Context{t.Context(), WithSpan(t.Context(), span), WithSpan(t.Context(), span)} {
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
