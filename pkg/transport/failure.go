package transport

import (
	"net/http"
	"strings"

	"partnerlens/pkg/core"
)

// Failure is one row of a vendor's table of errors: what a code means to us, and
// every code below it ("InternalError", "InternalError.DbError").
type Failure struct {
	Prefix   string
	Code     core.Code
	Param    string // the parameter or setting to change
	Detail   string // what to do, in our words
	StaleKey bool   // a key that was changed meanwhile fails like this

	UnknownID bool // an id that is another account's fails like this
}

// Failures are a vendor's table.
type Failures []Failure

// find gives the row for a code, the longest of those that fit; nil where there
// is none.
func (table Failures) find(code string) *Failure {
	var found *Failure
	for i := range table {
		row := &table[i]
		rest, fits := strings.CutPrefix(code, row.Prefix)
		if fits && (rest == "" || rest[0] == '.') && (found == nil || len(row.Prefix) > len(found.Prefix)) {
			found = row
		}
	}
	return found
}

// Error gives the error for an answer that tells a vendor's code. A code that is
// not in the table says less than the status. The vendor's message is not asked
// for: it can quote a customer's data.
func (table Failures) Error(status int, code string) *core.Error {
	e := &core.Error{Code: core.CodeUpstream}
	if row := table.find(code); row != nil {
		e.Code, e.Param, e.Detail, e.StaleKey, e.UnknownID = row.Code, row.Param, row.Detail, row.StaleKey, row.UnknownID
	} else if status != http.StatusOK {
		e = StatusError(status)
	}
	e.VendorCode = Word(code)
	return e
}

// maxWord is longer than any code or request id of either vendor.
const maxWord = 64

// Word makes a code or a request id from outside fit for an error and a log:
// its letters, digits and -._: only, and not too many.
func Word(text string) string {
	text = text[:min(len(text), 4*maxWord)]
	word := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune("-._:", r):
			return r
		}
		return -1
	}, text)
	return word[:min(len(word), maxWord)]
}
