package core

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"slices"
)

// Cursor is a place in the answer to one query. Outside it is an opaque text,
// the Report's "next"; a Source reads only Offset and Size. The zero Cursor is
// the beginning.
type Cursor struct {
	Offset int `json:"o,omitempty"` // rows of the query before the page, from 0
	Size   int `json:"s,omitempty"` // page size in force; 0: the Source's own

	Pass   string `json:"p,omitempty"` // name of the Pass; "" is the first
	Skip   int    `json:"k,omitempty"` // rows from there on that were taken in already
	Anchor string `json:"a,omitempty"` // key of the last of them

	// What the proof of completeness needs of the read so far.
	Began  int64 `json:"b,omitempty"` // when it began or a little before, in seconds since 1970
	Unique int   `json:"u,omitempty"` // customers of the query told apart
	Total  *int  `json:"t,omitempty"` // the query's first total
	Doubt  bool  `json:"d,omitempty"` // a part of the read could not be proven whole
}

const (
	cursorVersion  = 1
	cursorSumBytes = 9
	maxCursorText  = 1024 // bytes of text; longer is refused before it is decoded
	maxCursorRows  = 1 << 31
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
func decodeCursor(text string, fingerprint []byte) (Cursor, error) {
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
	err = json.Unmarshal(body, &c)
	rows := []int{c.Offset, c.Size, c.Skip, c.Unique}
	if c.Total != nil {
		rows = append(rows, *c.Total)
	}
	if err != nil || slices.Min(rows) < 0 || slices.Max(rows) > maxCursorRows {
		return Cursor{}, Invalid("cursor", "does not hold together; start again without it")
	}
	return c, nil
}
