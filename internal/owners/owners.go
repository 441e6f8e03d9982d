// Package owners reads the partner's own table of customers: who looks after each of them,
// and which of them are muted. The table is CSV, and people edit it with spreadsheets.
package owners

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"partnerlens/pkg/core"
)

// Setting names the setting that says where the table is. Errors and warnings name it.
const Setting = "PARTNERLENS_OWNERS"

// MaxSize is the size of the largest table in bytes: more than a million lines.
const MaxSize = 64 << 20

// maxText is the length of the longest owner and crm_id in bytes.
const maxText = 200

// The columns. Those after the second need not be there, and note and mute_reason are for
// people.
const (
	columnID = iota
	columnOwner
	columnCRMID
	columnMuteUntil
	columnNote
	columnMuteReason
)

var columns = []string{"customer_id", "owner", "crm_id", "mute_until", "note", "mute_reason"}

// Entry is what the table says of a customer.
type Entry struct {
	owner, crmID string
	muteDay      int32 // the last day, in days since 1970; 0: not muted
	line         int32
}

// Details returns the owner and the customer's id in the partner's own system.
func (e *Entry) Details() (d core.Details) {
	if e.owner != "" {
		d.Owner = &e.owner
	}
	if e.crmID != "" {
		d.CRMID = &e.crmID
	}
	return d
}

// MutedUntil returns the end of the customer's mute, which is the end of its last day in the
// zone; zero if there is none.
func (e *Entry) MutedUntil(zone *time.Location) time.Time {
	if e.muteDay == 0 {
		return time.Time{}
	}
	return time.Date(1970, 1, 1+int(e.muteDay)+1, 0, 0, 0, 0, zone)
}

// Table is a table of customers. It does not change.
type Table struct {
	entries []Entry
	byID    map[string]int32 // index in entries
	faults  map[fault][]int  // lines, or for faultColumn the columns' numbers

	owners map[string]string // each owner once, while the table is read
}

// Find returns the entry of a customer, nil if it has none.
func (t *Table) Find(id string) *Entry {
	if i, ok := t.byID[id]; ok {
		return &t.entries[i]
	}
	return nil
}

// Len returns the number of customers.
func (t *Table) Len() int { return len(t.entries) }

// Muted returns the number of customers that are muted at a time.
func (t *Table) Muted(at time.Time, zone *time.Location) (n int) {
	for i := range t.entries {
		if at.Before(t.entries[i].MutedUntil(zone)) {
			n++
		}
	}
	return n
}

func unusable(format string, args ...any) error {
	return &core.Error{Op: "owners", Code: core.CodeMisconfigured, Param: Setting, Detail: fmt.Sprintf(format, args...)}
}

// Parse reads a table. A line with a mistake is left out or used in part, which Warnings
// reports; the error is of a table that cannot be used. Neither has a text of the table.
func Parse(text []byte) (*Table, error) {
	text, comma, err := decode(text)
	if err != nil {
		return nil, err
	}
	in := csv.NewReader(bytes.NewReader(text))
	in.Comma, in.FieldsPerRecord, in.ReuseRecord = comma, -1, true
	header, err := in.Read()
	if err != nil {
		return nil, unusable("its first line cannot be read; write customer_id,owner")
	}
	size := bytes.Count(text, []byte("\n"))
	t := &Table{entries: make([]Entry, 0, size), byID: make(map[string]int32, size), faults: make(map[fault][]int), owners: make(map[string]string)}
	defer func() { t.owners = nil }()
	places, err := t.header(header)
	if err != nil {
		return nil, err
	}
	for {
		record, err := in.Read()
		var failure *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return t, nil
		case errors.As(err, &failure) && failure.StartLine < failure.Line: // all lines between are lost
			return nil, unusable("the quote that opens in line %d is not closed; close it", failure.StartLine)
		case err != nil:
			t.note(faultLine, failure.Line)
			continue
		}
		line, _ := in.FieldPos(0)
		t.add(line, func(column int) string {
			if place := places[column]; place >= 0 && place < len(record) {
				return record[place]
			}
			return ""
		})
	}
}

// decode returns the text as UTF-8 without what spreadsheets put before and around the
// values, and its separator.
func decode(text []byte) (_ []byte, comma rune, err error) {
	const save = "; save it as CSV UTF-8"
	switch {
	case len(text) > MaxSize:
		return nil, 0, unusable("larger than %d bytes; is it the right file?", MaxSize)
	case bytes.HasPrefix(text, []byte("PK\x03\x04")):
		return nil, 0, unusable("a workbook, not CSV" + save)
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")), bytes.IndexByte(text, 0) >= 0:
		return nil, 0, unusable("in UTF-16, or not a text" + save)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) {
		valid := 0
		for r, size := utf8.DecodeRune(text); r != utf8.RuneError || size > 1; r, size = utf8.DecodeRune(text[valid:]) {
			valid += size
		}
		return nil, 0, unusable("not in UTF-8 (perhaps in GBK): line %d%s", 1+bytes.Count(text[:valid], []byte("\n")), save)
	}
	if bytes.IndexByte(text, '\n') < 0 {
		text = bytes.ReplaceAll(text, []byte("\r"), []byte("\n")) // of old spreadsheets on a Mac
	}
	line, rest, _ := bytes.Cut(text, []byte("\n"))
	if line = bytes.TrimRight(line, "\r"); bytes.HasPrefix(line, []byte("sep=")) && len(line) == 5 { // Excel's own
		text = append([]byte("\n"), rest...) // lines keep their numbers
		line, _, _ = bytes.Cut(rest, []byte("\n"))
	}
	comma = ','
	for _, other := range ";\t" {
		if bytes.Count(line, []byte(string(other))) > bytes.Count(line, []byte(string(comma))) {
			comma = other
		}
	}
	// ="200000000001" keeps a spreadsheet from writing 2E+11, and is no CSV unless it is quoted.
	for _, before := range []string{"\n", string(comma)} {
		text = bytes.ReplaceAll(text, []byte(before+`="`), []byte(before+`"`))
	}
	return text, comma, nil
}

// header returns the place of each column, -1 if it is not there.
func (t *Table) header(names []string) (places []int, err error) {
	places = slices.Repeat([]int{-1}, len(columns))
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		column := slices.Index(columns, name)
		switch {
		case column < 0 && name != "":
			t.note(faultColumn, i+1)
		case column >= 0 && places[column] >= 0:
			return nil, unusable("two columns are %s; remove one", name)
		case column >= 0:
			places[column] = i
		}
	}
	if places[columnID] < 0 || places[columnOwner] < 0 {
		return nil, unusable("its first line does not name the columns customer_id and owner; write customer_id,owner, and after them crm_id, note, mute_until, mute_reason if needed")
	}
	return places, nil
}

// add adds a line; value returns the text in a column.
func (t *Table) add(line int, value func(column int) string) {
	id := plainID(value(columnID))
	entry := Entry{owner: t.text(value(columnOwner), line), crmID: t.text(value(columnCRMID), line), line: int32(line)}
	mute := strings.TrimSpace(value(columnMuteUntil))
	switch {
	case id == "" && entry.owner == "" && entry.crmID == "" && mute == "":
		return // spreadsheets write rows of empty cells
	case strings.Contains(id, "E+"), strings.Contains(id, "e+"):
		t.note(faultMangled, line)
		return
	case core.CheckID("", id) != nil:
		t.note(faultID, line)
		return
	}
	if _, twice := t.byID[id]; twice {
		t.note(faultTwice, line)
		return
	}
	if mute != "" {
		last, err := time.Parse("2006-1-2", strings.ReplaceAll(mute, "/", "-"))
		if entry.muteDay = int32(last.Unix() / (24 * 60 * 60)); err != nil || entry.muteDay <= 0 {
			entry.muteDay = 0
			t.note(faultDate, line)
		}
	}
	// The texts are parts of the line's, which they would keep.
	if _, known := t.owners[entry.owner]; !known {
		owner := strings.Clone(entry.owner)
		t.owners[owner] = owner
	}
	entry.owner, entry.crmID = t.owners[entry.owner], strings.Clone(entry.crmID)
	t.byID[strings.Clone(id)] = int32(len(t.entries))
	t.entries = append(t.entries, entry)
}

// plainID is an id without what keeps spreadsheets from writing it as a number.
func plainID(text string) string {
	id := strings.TrimSpace(text)
	id = strings.TrimPrefix(id, "=")
	return strings.TrimSpace(strings.Trim(id, `'"’‘`))
}

// text is an owner or a crm_id on one line; "" if it is too long, which is noted.
func (t *Table) text(value string, line int) string {
	value = strings.TrimSpace(value)
	isOdd := func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.IsSpace(r) && r != ' '
	}
	if strings.ContainsFunc(value, isOdd) || strings.Contains(value, "  ") {
		value = strings.Join(strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || isOdd(r) }), " ")
	}
	if len(value) > maxText {
		t.note(faultLong, line)
		return ""
	}
	return value
}

func (t *Table) note(f fault, line int) { t.faults[f] = append(t.faults[f], line) }
