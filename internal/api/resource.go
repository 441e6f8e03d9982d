package api

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"partnerlens/pkg/core"
	"partnerlens/pkg/sheet"
)

// A Resource is a path below /v1 that is not a query of a Function: it answers from what is
// stored. The composition root gives its functions.
type Resource struct {
	Path     string   // below /v1/, as "alerts" or "credit/{customer_id}/history"
	Function string   // that the caller must be allowed to query; "": Ask checks ResourceQuery.Sees
	Params   []string // all parameters

	// List is the member of the answer that has its rows; it makes the answer available as
	// NDJSON and CSV, too. "": the answer is JSON only.
	List    string
	Columns []core.Column         // of the rows
	Zone    func() *time.Location // of the local dates in CSV; nil: core.VendorZone

	// Ask checks a query without reading anything. read, which is called for GET and not for
	// HEAD, returns the answer.
	Ask func(ctx context.Context, q ResourceQuery) (read func(ctx context.Context) (Document, error), err error)
}

// ResourceQuery is a query of a Resource, and the rights of its caller.
type ResourceQuery struct {
	Params     core.Params // only names of the Resource's Params
	CustomerID string      // of the path; "" without one
	Rights     core.Rights
	Sees       func(function, account string) bool
}

// Document is the answer of a Resource.
type Document struct {
	Body any // of a Resource without a List: the answer

	// Of a Resource with a List. Complete, Stopped, Warnings and Total are as in a Report.
	Schema   string
	Complete bool
	Stopped  *core.Stop
	Warnings []core.Warning
	Total    int // rows that match, with those that are left out
	More     any // an object: the further members; nil: none
	Rows     []Row
}

// Row is a row of a Document's list. As JSON it is an object.
type Row interface {
	Row() []string // its cells in the order of the columns
}

// formats returns the formats of the resource's answer.
func (res *Resource) formats() []format {
	if res.List == "" {
		return formats[:1]
	}
	return formats
}

// repeated are the parameters of resources that may be given several times.
var repeated = []string{"function", "kind", "owner", "severity"}

// resource answers a Resource.
func (h *handler) resource(w http.ResponseWriter, r *http.Request, c *call, res *Resource) error {
	c.resource = res
	if i := slices.IndexFunc(h.Functions, func(f *core.Function) bool { return f.Name == res.Function }); i >= 0 {
		c.function = h.Functions[i]
		if err := c.caller.mayQuery(res.Function); err != nil {
			return err
		}
	}
	params, err := paramsFromQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	c.params = params
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !slices.Contains(res.Params, name) {
			return core.Invalid(printable(name), "not a parameter of this path; known are %s", strings.Join(res.Params, ", "))
		}
	}
	release, err := h.answers.take(c.caller)
	if err != nil {
		return err
	}
	defer release()
	w.Header().Add("Vary", "Accept")
	chosen, media, err := negotiate(r.Header, res.formats())
	if err != nil {
		return err
	}
	rights := c.caller.rights()
	read, err := res.Ask(r.Context(), ResourceQuery{Params: params, CustomerID: r.PathValue("customer_id"), Rights: rights, Sees: c.caller.sees})
	if err != nil {
		return c.caller.forbidden(redacted(err, rights))
	}
	c.accepted, c.masked = true, !slices.Equal(params["pii"], []string{"full"})
	var body []byte
	if r.Method != http.MethodHead {
		doc, err := read(core.WithTrace(r.Context(), h.Trace))
		if err != nil {
			return redacted(err, rights)
		}
		if h.LastValues != nil && h.LastValues(r) && slices.ContainsFunc(repeated, func(name string) bool { return params[name] != nil }) {
			doc.Warnings = append(doc.Warnings, core.Warning{Code: warnLastValues, Message: "the load balancer passes on only the last value of a parameter that is repeated, so that others may be lost; separate values by commas, or switch on lambda.multi_value_headers.enabled for its target group"})
		}
		if doc, body, err = res.body(w, doc, chosen.media, strings.EqualFold(media["profile"], "excel")); err != nil {
			return err
		}
		h.describe(w, c, res, doc, chosen)
	}
	w.Header().Set("Cache-Control", "no-store") // customers' data
	c.status = http.StatusOK
	writeWhole(w, r, chosen.contentType, body)
	return nil
}

// describe notes an answer for the audit line, and for a client that reads CSV.
func (h *handler) describe(w http.ResponseWriter, c *call, res *Resource, doc Document, chosen format) {
	if res.List == "" {
		return
	}
	c.report = &core.Report{Complete: doc.Complete, Stopped: doc.Stopped}
	if len(c.params["account"]) == 1 {
		c.report.Account = loggedValue(c.params["account"])
	}
	c.customers = len(doc.Rows)
	if strings.Contains(res.Path, "{customer_id}") {
		c.customers = min(c.customers, 1)
	}
	if chosen.trailers == "" {
		return
	}
	w.Header().Set(trailerComplete, strconv.FormatBool(doc.Complete))
	if doc.Stopped != nil {
		w.Header().Set(trailerStopped, string(*doc.Stopped))
	}
}

// redacted returns an error as a caller with these rights may see it.
func redacted(err error, rights core.Rights) error {
	failure := core.AsError(err)
	if rights.Inside || !failure.Inside {
		return failure
	}
	return &core.Error{Op: failure.Op, Code: failure.Code, RetryAfter: failure.RetryAfter, Err: failure,
		Detail: "what is needed cannot be read from where it is kept; the operator's log says why"}
}

// WriteDocument writes a Resource's answer in a format: json, ndjson or csv.
func WriteDocument(w io.Writer, res *Resource, doc Document, format string) error {
	media := map[string]string{"ndjson": "application/x-ndjson", "csv": "text/csv"}[format]
	_, body, err := res.body(nil, doc, media, false)
	if err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

// body returns the body of an answer. If w has a budget, it leaves out the last rows that
// exceed it, and says so in the document that it returns.
func (res *Resource) body(w any, doc Document, media string, excel bool) (Document, []byte, error) {
	if res.List == "" {
		body, err := jsonLine(nil, doc.Body)
		return doc, body, err
	}
	if doc.Warnings == nil {
		doc.Warnings = []core.Warning{}
	}
	rows := make([][]byte, len(doc.Rows))
	style := sheet.Style{Excel: excel}
	if res.Zone != nil {
		style.Zone = res.Zone()
	}
	table := csvTable{sheet.NewCSV(res.Columns, style)}
	for i, row := range doc.Rows {
		var err error
		switch media {
		case "text/csv":
			rows[i] = table.AppendRow(nil, row.Row())
		case "application/x-ndjson":
			rows[i], err = jsonLine(nil, row)
		default:
			rows[i], err = core.AppendJSON(nil, row)
		}
		if err != nil {
			return doc, nil, err
		}
	}
	frame := func(doc Document) (before, between, after []byte, err error) {
		switch media {
		case "text/csv":
			after, err = table.closing(core.Report{Complete: doc.Complete, Stopped: doc.Stopped, Warnings: doc.Warnings})
			return table.opening(), nil, after, err
		case "application/x-ndjson":
			after, err = doc.head()
			return nil, nil, append(after, '\n'), err
		}
		before, err = doc.head()
		before = append(before[:max(0, len(before)-1)], `,"`+res.List+`":[`...)
		return before, []byte(","), []byte("]}\n"), err
	}
	fit, err := fitting(w, rows, func() ([]byte, []byte, error) {
		cut, size := doc, core.StoppedSize
		cut.Complete, cut.Stopped = false, &size
		before, between, after, err := frame(cut)
		return append(before, after...), between, err
	})
	if err != nil {
		return doc, nil, err
	}
	if fit < len(rows) {
		size := core.StoppedSize
		doc.Rows, doc.Complete, doc.Stopped = doc.Rows[:fit], false, &size
	}
	before, between, after, err := frame(doc)
	if err != nil {
		return doc, nil, err
	}
	for i, row := range rows[:fit] {
		if i > 0 {
			before = append(before, between...)
		}
		before = append(before, row...)
	}
	return doc, append(before, after...), nil
}

// fitting returns how many of the first rows fit into w's budget; all of them if it has
// none. frame returns what stands around the rows that are cut, and between two of them.
func fitting(w any, rows [][]byte, frame func() (around, between []byte, err error)) (int, error) {
	budgeted, ok := w.(Budgeted)
	if !ok {
		return len(rows), nil
	}
	around, between, err := frame()
	if err != nil {
		return 0, err
	}
	left := budgeted.Budget() - budgeted.Cost(around)
	fit := 0
	for _, row := range rows {
		if left -= budgeted.Cost(row) + budgeted.Cost(between); left < 0 {
			break
		}
		fit++
	}
	if fit == 0 && (left < 0 || len(rows) > 0) {
		return 0, &core.Error{Code: core.CodeTooLarge, Detail: "the answer does not fit in the largest that this platform takes; ask for less"}
	}
	return fit, nil
}

// head returns the document without its rows, as a JSON object.
func (d *Document) head() ([]byte, error) {
	head, err := core.AppendJSON(nil, struct {
		Schema   string         `json:"schema"`
		Complete bool           `json:"complete"`
		Stopped  *core.Stop     `json:"stopped"`
		Count    int            `json:"count"`
		Total    int            `json:"total"`
		Warnings []core.Warning `json:"warnings"`
	}{d.Schema, d.Complete, d.Stopped, len(d.Rows), d.Total, d.Warnings})
	if err != nil || d.More == nil {
		return head, err
	}
	more, err := core.AppendJSON(nil, d.More)
	if err != nil {
		return nil, err
	}
	return append(append(head[:len(head)-1], ','), more[1:]...), nil
}
