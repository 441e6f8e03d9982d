package transport

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"net/http"
	"strings"
)

// Span is this program's place in a distributed trace, by W3C Trace Context
// (Recommendation of 2021, Level 2 of 2024). Log lines carry it, and each call
// of a vendor is a span below it. No span is sent to a collector.
type Span struct {
	TraceID string // of the whole trace: 32 hexadecimal digits
	ID      string // of this program's part: 16
	Parent  string // the caller's span; "" where the trace begins here

	flags byte
	state string // the caller's tracestate, as it came
}

// The headers of Trace Context.
const (
	traceparentHeader = "Traceparent"
	tracestateHeader  = "Tracestate"
)

// The flags that are defined; others must not be passed on.
const (
	flagSampled = 1 << iota
	flagRandom  // the id of the trace is random
)

// NewSpan returns the first span of a new trace. It is not sampled: no collector
// records it.
func NewSpan() Span {
	return Span{TraceID: randomHex(16), ID: randomHex(8), flags: flagRandom}
}

// SpanFrom returns a span below the one that a request's headers name. ok is
// false if they name none in the exact form of version 00; their tracestate is
// ignored then.
func SpanFrom(header http.Header) (s Span, ok bool) {
	values := header.Values(traceparentHeader)
	if len(values) != 1 {
		return Span{}, false
	}
	text := values[0] // 00-TRACE-SPAN-FLAGS
	if len(text) != 55 || text[:3] != "00-" || text[35] != '-' || text[52] != '-' {
		return Span{}, false
	}
	trace, parent, flags := text[3:35], text[36:52], text[53:]
	if !isID(trace) || !isID(parent) || !isLowerHex(flags) {
		return Span{}, false
	}
	bits, _ := hex.DecodeString(flags)
	return Span{
		TraceID: trace, ID: randomHex(8), Parent: parent,
		flags: bits[0] & (flagSampled | flagRandom), state: stateOf(header.Values(tracestateHeader)),
	}, true
}

// Put returns a copy of header that also names a new span below s.
func (s Span) Put(header http.Header) http.Header {
	all := make(http.Header, len(header)+2)
	maps.Copy(all, header)
	all[traceparentHeader] = []string{"00-" + s.TraceID + "-" + randomHex(8) + "-" + hex.EncodeToString([]byte{s.flags})}
	if s.state != "" {
		all[tracestateHeader] = []string{s.state}
	}
	return all
}

type spanKey struct{}

// WithSpan returns a copy of ctx that carries s.
func WithSpan(ctx context.Context, s Span) context.Context {
	return context.WithValue(ctx, spanKey{}, s)
}

// SpanOf returns the span that ctx carries.
func SpanOf(ctx context.Context) (s Span, ok bool) {
	s, ok = ctx.Value(spanKey{}).(Span)
	return s, ok
}

func randomHex(bytes int) string {
	id := make([]byte, bytes)
	for {
		_, _ = rand.Read(id) // never fails
		if text := hex.EncodeToString(id); isID(text) {
			return text
		}
	}
}

// isID reports whether text is lower-case hexadecimal and not all zeros.
func isID(text string) bool {
	return isLowerHex(text) && strings.Trim(text, "0") != ""
}

func isLowerHex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

// Bounds of a tracestate.
const (
	maxStateText    = 512 // what the Recommendation requires to pass on
	maxStateMembers = 32
)

// stateOf joins the values of tracestate; "" if they are malformed or over the
// bounds.
func stateOf(values []string) string {
	text := strings.Join(values, ",")
	if text == "" || len(text) > maxStateText {
		return ""
	}
	seen := make(map[string]bool)
	var members []string
	for member := range strings.SplitSeq(text, ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue // may be empty
		}
		key, value, found := strings.Cut(member, "=")
		if !found || seen[key] || !isStateKey(key) || !isStateValue(value) {
			return ""
		}
		seen[key] = true
		members = append(members, member)
	}
	if len(members) > maxStateMembers {
		return ""
	}
	return strings.Join(members, ",")
}

func isStateKey(key string) bool {
	const letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
	system, at := key, false
	if tenant, rest, found := strings.Cut(key, "@"); found {
		if tenant == "" || len(tenant) > 241 || strings.Trim(tenant[:1], letters+digits) != "" || strings.Trim(tenant, letters+digits+"_-*/") != "" {
			return false
		}
		system, at = rest, true
	}
	first, most := letters+digits, 256
	if at {
		first, most = letters, 14
	}
	return system != "" && len(system) <= most && strings.Trim(system[:1], first) == "" && strings.Trim(system, letters+digits+"_-*/") == ""
}

func isStateValue(value string) bool {
	return value != "" && len(value) <= 256 && !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' || r == '=' || r == ',' })
}
