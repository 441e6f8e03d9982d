package transport

import (
	"net/http"
	"strings"

	"partnerlens/pkg/core"
)

// Failure is one row of a vendor's table of errors: the meaning of a code and of
// every code below it ("InternalError", "InternalError.DbError").
type Failure struct {
	Prefix   string
	Code     core.Code
	Param    string // the parameter or setting to change
	Detail   string // what to do
	StaleKey bool   // a key that has been replaced fails like this

	UnknownID bool // an id of another account fails like this
}

// Failures are a vendor's table.
type Failures []Failure

// find returns the row with the longest prefix of a code; nil if there is none.
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

// Error returns the error for an answer with a vendor's code. For a code that is
// not in the table it goes by the status. It does not use the vendor's message,
// which can quote a customer's data.
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

// Word makes a vendor's code or request id safe for an error and a log: it keeps
// letters, digits and -._: only, and at most maxWord of them.
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
