package core

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"github.com/go-json-experiment/json"
)

// Cursor is a place in the answer to one query. Outside it is an opaque text,
// the Report's "next"; a Source reads only Offset and Size. The zero Cursor is
// the beginning.
type Cursor struct {
	Offset int `json:"o,omitzero"` // rows of the query before the page, from 0
	Size   int `json:"s,omitzero"` // page size in force; 0: the Source's own

	Scope  string `json:"p,omitzero"` // name of the Scope; "" is the first
	Skip   int    `json:"k,omitzero"` // rows from there on that were taken in already
	Anchor string `json:"a,omitzero"` // key of the last of them

	// What the proof of completeness needs of the read so far.
	Began    int64  `json:"b,omitzero"` // when it began or a little before, in seconds since 1970
	Unique   int    `json:"u,omitzero"` // customers of the scope handed on or passed over by status
	Old      int    `json:"n,omitzero"` // of those, the ones that came before the read began
	Sum      uint64 `json:"h,omitzero"` // of their keys, see keySum
	Total    *int   `json:"t,omitzero"` // the scope's first total
	Disorder bool   `json:"x,omitzero"` // rows of the scope were out of order
	Doubt    bool   `json:"d,omitzero"` // an earlier scope could not be proven whole
	Late     bool   `json:"l,omitzero"` // customers of the scope were handed on after its first pass; see list.late
}

const (
	cursorVersion  = 2
	cursorSumBytes = 9
	maxCursorText  = 1024 // bytes of text; longer is refused before it is decoded
	// cursorMoment is how exactly a cursor knows when its read began, in
	// seconds: the same question asked twice in a row gets the same bytes.
	cursorMoment = 15 * 60
)

// placed is the cursor as it leaves the read.
func (c Cursor) placed() Cursor {
	c.Began -= c.Began % cursorMoment
	return c
}

// encode gives the text for a query's fingerprint: a version byte, a checksum
// and the place. The checksum is no signature: it catches a cursor of another
// query and one edited by hand, and a forged one reaches nothing that its
// bearer may not read anyway, since account and query come from the request.
func (c Cursor) encode(fingerprint []byte) string {
	body, err := json.Marshal(c)
	if err != nil {
		panic("partnerlens: a cursor did not marshal: " + err.Error()) // ints, strings and a bool
	}
	text := append([]byte{cursorVersion}, cursorSum(fingerprint, body)...)
	return base64.RawURLEncoding.EncodeToString(append(text, body...))
}

func cursorSum(fingerprint, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte{cursorVersion})
	h.Write(fingerprint)
	h.Write(body)
	return h.Sum(nil)[:cursorSumBytes]
}

// decodeCursor reads what encode wrote for the same fingerprint.
func decodeCursor(text string, fingerprint []byte, now time.Time) (Cursor, error) {
	var c Cursor
	if len(text) > maxCursorText {
		return c, Invalid("cursor", "longer than any cursor; pass on the \"next\" of the answer before, unchanged")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < 1+cursorSumBytes {
		return c, Invalid("cursor", "not a cursor; pass on the \"next\" of the answer before, unchanged")
	}
	if raw[0] != cursorVersion {
		return c, Invalid("cursor", "from another version of partnerlens; start again without it")
	}
	sum, body := raw[1:1+cursorSumBytes], raw[1+cursorSumBytes:]
	if subtle.ConstantTimeCompare(sum, cursorSum(fingerprint, body)) != 1 {
		return c, Invalid("cursor", "from another query, or changed; ask the same question as before and pass on its \"next\" unchanged")
	}
	if err := json.Unmarshal(body, &c, json.RejectUnknownMembers(true)); err != nil || !c.possible(now) {
		return Cursor{}, errImpossible()
	}
	return c, nil
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

// possible reports whether a read can have produced the cursor. What it cannot
// have produced could make an answer claim more than was read, or cost more
// calls than any.
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
