package snapshot

import (
	"context"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/internal/snapshot/store"
	"partnerlens/pkg/core"
)

// ManifestSchema is the schema that manifests carry.
const ManifestSchema = "partnerlens.run/v1"

// Manifest says what a run is. It is written last: before it, there is no run.
type Manifest struct {
	Schema     string         `json:"schema"`
	Function   string         `json:"function"`
	Account    string         `json:"account"`
	Run        string         `json:"run"`
	Provider   string         `json:"provider"`
	Version    string         `json:"version"` // of the program
	Query      core.Params    `json:"query"`   // what the cloud was asked, beside everyone
	AsOf       time.Time      `json:"as_of"`   // when reading began
	FinishedAt time.Time      `json:"finished_at"`
	Complete   bool           `json:"complete"` // proven to be every customer
	Warnings   []core.Warning `json:"warnings"` // why not; of a complete run, what could not be read
	Notify     bool           `json:"notify"`   // there is a warning that the run before did not have: channels hear of it even where nothing else is new
	TagEnds    *core.TagEnds  `json:"tag_ends,omitempty"`
	Count      int            `json:"count"`
	Total      *int           `json:"total"` // by the cloud's count; null where it tells none
	ByStatus   map[string]int `json:"by_status"`
	Previous   *string        `json:"previous"` // the complete run that this one is compared with; null for the first
	Changes    ChangeCounts   `json:"changes"`
	Alerts     map[string]int `json:"alerts"` // by kind
	Objects    []Object       `json:"objects"`
	Deliveries jsontext.Value `json:"deliveries"` // who was told, and who could not be
	RequestIDs []string       `json:"request_ids"`
	Thresholds map[string]any `json:"thresholds"` // that statuses and alerts were judged by
	Takes      int            `json:"takes"`      // how often reading began anew
	Pieces     int            `json:"pieces"`     // invocations that worked on it
	ReadMS     int64          `json:"read_ms"`
	FinishMS   int64          `json:"finish_ms"`
}

// ChangeCounts count the lines of changes.ndjson.
type ChangeCounts struct {
	New     int `json:"new"`
	Gone    int `json:"gone"`
	Changed int `json:"changed"`
}

// Object is one of a run's objects.
type Object struct {
	Name   string `json:"name"` // within the run's folder
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Rows   int    `json:"rows"`
}

// latest is latest.json.
type latest struct {
	Run      string    `json:"run"`
	AsOf     time.Time `json:"as_of"`
	Manifest string    `json:"manifest"`
}

// maxSmall is far more than a manifest or a checkpoint takes.
const maxSmall = 16 << 20

// getJSON reads a small object; false where there is none. One that cannot be
// read is as good as none: it is written anew.
func getJSON(ctx context.Context, s store.Store, name string, into any) (bool, error) {
	body, err := s.Get(ctx, name)
	if core.CodeOf(err) == core.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, maxSmall))
	if err != nil {
		return false, core.AsError(err)
	}
	return json.Unmarshal(text, into) == nil, nil
}

func putJSON(ctx context.Context, s store.Store, name string, v any) error {
	text, err := core.AppendJSON(nil, v)
	if err != nil {
		return err
	}
	return s.Put(ctx, name, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}
