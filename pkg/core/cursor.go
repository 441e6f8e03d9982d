package core

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// Cursor is a place in the answer to one query. Callers see it as an opaque
// text, the Report's "next"; a Source reads only Offset and Size. The zero
// Cursor is the beginning.
type Cursor struct {
	Offset int `json:"o,omitzero"` // rows of the query before the page, from 0
	Size   int `json:"s,omitzero"` // page size; 0: the Source's own

	Scope  string `json:"p,omitzero"` // name of the Scope; "" is the first
	Skip   int    `json:"k,omitzero"` // rows of the page that were handed on; among ids, pairs of a query and an id
	Anchor string `json:"a,omitzero"` // key of the last of them

	// State of the proof of completeness.
	Began    int64  `json:"b,omitzero"` // when the read began or a little before, in seconds since 1970
	Unique   int    `json:"u,omitzero"` // customers of the scope handed on or passed over by status
	Old      int    `json:"n,omitzero"` // of those, the ones that came before the read began
	Sum      uint64 `json:"h,omitzero"` // of their keys, see keySum
	Total    *int   `json:"t,omitzero"` // the scope's first total
	Disorder bool   `json:"x,omitzero"` // rows of the scope were out of order
	Doubt    bool   `json:"d,omitzero"` // an earlier scope could not be proven complete
	Late     bool   `json:"l,omitzero"` // customers of the scope were handed on after its first pass; see list.late
}

const (
	cursorVersion  = 2
	cursorSumBytes = 9
	maxCursorText  = 1024 // bytes of text; longer is refused before it is decoded
	// beganPrecision is the precision of Began, in seconds: the same question
	// asked twice in a row returns the same bytes.
	beganPrecision = 15 * 60
)

// encode returns the text of the cursor for a query's fingerprint.
func (c Cursor) encode(fingerprint []byte) string {
	c.Began -= c.Began % beganPrecision
	body, err := json.Marshal(c)
	if err != nil {
		panic("partnerlens: a cursor did not marshal: " + err.Error()) // ints, strings and a bool
	}
	return sealCursor(fingerprint, body)
}

// decodeCursor reads the text that encode returned for the same fingerprint.
func decodeCursor(text string, fingerprint []byte, now time.Time) (Cursor, error) {
	body, err := openCursor(text, fingerprint, maxCursorText)
	if err != nil {
		return Cursor{}, err
	}
	var c Cursor
	if err := json.Unmarshal(body, &c, json.RejectUnknownMembers(true)); err != nil || !c.possible(now) {
		return Cursor{}, errImpossible()
	}
	return c, nil
}

// sealCursor returns a version byte, a checksum and the body as text. The
// checksum is no signature. It detects a cursor of another query and one edited
// by hand; a forged one reaches nothing that its bearer may not read anyway,
// since account and query come from the request.
func sealCursor(fingerprint, body []byte) string {
	text := append([]byte{cursorVersion}, cursorSum(fingerprint, body)...)
	return base64.RawURLEncoding.EncodeToString(append(text, body...))
}

// openCursor returns the body of a sealed cursor of at most so many bytes.
func openCursor(text string, fingerprint []byte, most int) ([]byte, error) {
	if len(text) > most {
		return nil, Invalid("cursor", "longer than any cursor; pass on the \"next\" of the answer before, unchanged")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < 1+cursorSumBytes {
		return nil, Invalid("cursor", "not a cursor; pass on the \"next\" of the answer before, unchanged")
	}
	if raw[0] != cursorVersion {
		return nil, Invalid("cursor", "from another version of partnerlens; start again without it")
	}
	sum, body := raw[1:1+cursorSumBytes], raw[1+cursorSumBytes:]
	if subtle.ConstantTimeCompare(sum, cursorSum(fingerprint, body)) != 1 {
		return nil, Invalid("cursor", "from another query, or changed; ask the same question as before and pass on its \"next\" unchanged")
	}
	return body, nil
}

func cursorSum(fingerprint, body []byte) []byte {
	sum := sha256.Sum256(slices.Concat([]byte{cursorVersion}, fingerprint, body))
	return sum[:cursorSumBytes]
}

func errImpossible() *Error {
	return Invalid("cursor", "does not hold together; start again without it")
}

// Bounds of what a read can have put into a cursor.
const (
	maxCursorRows = 10_000_000
	minPageSize   = 10 // no vendor's pages are smaller
	maxPageSize   = 1000
	maxKey        = 2*maxID + 1
	maxClockSkew  = 15 * time.Minute // between two clocks: as old as a vendor lets a signature be
)

// possible reports whether a read can have produced the cursor. Any other could
// make an answer claim more than was read, or cost more calls than a read may.
func (c Cursor) possible(now time.Time) bool {
	for _, rows := range []int{c.Offset, c.Skip, c.Unique, c.Old} {
		if rows < 0 || rows > maxCursorRows {
			return false
		}
	}
	switch {
	case c.Size != 0 && (c.Size < minPageSize || c.Size > maxPageSize),
		c.Total != nil && (*c.Total < 0 || *c.Total > maxCursorRows),
		c.Began <= 0 || c.Began > now.Add(maxClockSkew).Unix(),
		len(c.Anchor) > maxKey:
		return false
	case c.Anchor == "" && c.Late: // the scope's pages were empty at first
		return c.Offset == 0 && c.Size == 0 && c.Skip == 0 && c.Unique > 0 && c.Old <= c.Unique
	case c.Anchor == "": // at the beginning of a scope, or among ids
		return c.Offset == 0 && c.Size == 0 && c.Unique == 0 && c.Old == 0 && c.Sum == 0 && c.Total == nil && !c.Disorder
	}
	return c.Skip > 0 && c.Skip <= maxPageSize && c.Unique > 0 && c.Old <= c.Unique
}
