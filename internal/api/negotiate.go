package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"partnerlens/pkg/core"
)

// negotiate returns the format that the Accept header prefers (RFC 9110, 12.5.1), with the
// parameters of its media type: of the formats with the highest q the one named first,
// else the first of available.
//
// It ignores elements that are not valid, since some clients send them by default (Java's
// HttpURLConnection: "text/html, *; q=.2, */*; q=.2"). github.com/elnormous/contenttype
// rejects these, and parameters such as charset=utf-8, and reads only one Accept line.
func negotiate(header http.Header, available []format) (format, map[string]string, error) {
	lines := header.Values("Accept")
	if strings.Trim(strings.Join(lines, ""), ", \t") == "" {
		return available[0], nil, nil
	}
	ranges := acceptRanges(strings.Join(lines, ","))
	var best struct {
		format
		acceptRange
	}
	for _, f := range available {
		// The most specific range decides, even if another has a higher q.
		var match acceptRange
		for _, r := range ranges {
			if r.matches(f) && r.specificity() > match.specificity() {
				match = r
			}
		}
		if match.q > best.q || match.q == best.q && match.q > 0 && match.order < best.order {
			best.format, best.acceptRange = f, match
		}
	}
	if best.q == 0 {
		return format{}, nil, &core.Error{
			Code:   core.CodeNotAcceptable,
			Detail: detailFormats(available),
		}
	}
	return best.format, best.params, nil
}

func detailFormats(available []format) string {
	if len(available) == 1 {
		return "the format is " + available[0].media + "; name it in Accept"
	}
	return "the formats are application/json, application/x-ndjson and text/csv; name one of them in Accept"
}

// acceptRange is one element of an Accept header. The zero acceptRange matches nothing.
type acceptRange struct {
	media  string // "text/csv", "text/*", "*/*"
	params map[string]string
	q      float64
	order  int
}

func acceptRanges(header string) []acceptRange {
	var ranges []acceptRange
	for _, element := range splitUnquoted(header, ',') {
		media, params, err := mime.ParseMediaType(element)
		if err != nil {
			continue
		}
		if media == "*" {
			media = "*/*"
		}
		r := acceptRange{media: media, params: params, q: 1, order: len(ranges)}
		if text, given := params["q"]; given {
			q, err := strconv.ParseFloat(text, 64)
			if err != nil || !(q >= 0 && q <= 1) {
				continue
			}
			r.q = q
			delete(params, "q")
		}
		ranges = append(ranges, r)
	}
	return ranges
}

// splitUnquoted splits s at each sep outside a quoted string.
func splitUnquoted(s string, sep byte) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts, start = append(parts, s[start:i]), i+1
		}
	}
	return append(parts, s[start:])
}

// matches reports whether a format is within the range. It ignores parameters that no
// format has.
func (r acceptRange) matches(f format) bool {
	kind, _, _ := strings.Cut(f.media, "/")
	if r.media != "*/*" && r.media != kind+"/*" && r.media != f.media {
		return false
	}
	if charset, given := r.params["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	return r.params["header"] == "" || r.params["header"] == "present"
}

func (r acceptRange) specificity() int {
	switch {
	case r.media == "":
		return 0
	case r.media == "*/*":
		return 1
	case strings.HasSuffix(r.media, "/*"):
		return 2
	}
	return 3 + len(r.params)
}
