package core

import "time"

// ExpireReading says how the month in which a tag expires (expire_time) is meant. The
// API's page does not say; the vendor's SDK calls it the month in which the tag becomes
// invalid (huaweicloud-sdk-go-v3, NewCustomerTagItem, read November 2026).
type ExpireReading string

// The readings.
const (
	LastValid    ExpireReading = "last_valid"    // the tag holds until the month ends
	FirstInvalid ExpireReading = "first_invalid" // the tag holds until the month begins
)

// ParseExpireReading reads one of the readings.
func ParseExpireReading(text string) (ExpireReading, error) {
	switch r := ExpireReading(text); r {
	case LastValid, FirstInvalid:
		return r, nil
	}
	return "", Invalid("", "unknown; write %s where a tag holds until the month of expire_time ends, or %s where it holds until that month begins", LastValid, FirstInvalid)
}

// end is the first instant at which a tag with the month no longer holds.
func (r ExpireReading) end(m Month) time.Time {
	if r == FirstInvalid {
		return m.Start(VendorZone)
	}
	return m.End(VendorZone)
}

// ExpireTimeMember is the member that a tag's month comes in. A record that names it
// as unreadable has an end that is not known.
const ExpireTimeMember = "expire_time"

// TagEnds counts what runs have seen of tags that ended: which of the readings the
// cloud's own data shows. A run takes over the counts of the run that it is compared
// with.
type TagEnds struct {
	LastValid    int `json:"last_valid"`    // customers whose tag turned from Y to N as the month after expire_time began
	FirstInvalid int `json:"first_invalid"` // customers whose tag turned from Y to N as the month of expire_time began
	New          int `json:"new"`           // of both, those that this run saw
	Unturned     int `json:"unturned"`      // in this run, customers whose tag is Y although the month of expire_time is over
}

// turnedWithin is how late the cloud may turn a tag, and still be taken to have turned it
// for its end.
const turnedWithin = 3 * 24 * time.Hour

// Next is what a run starts with that is compared with the one that e is of; nil where e
// is.
func (e *TagEnds) Next() *TagEnds {
	if e == nil {
		return nil
	}
	return &TagEnds{LastValid: e.LastValid, FirstInvalid: e.FirstInvalid}
}

// Note takes in one customer: as it was when the run before began, and as it is now. It
// gives e, made where it is nil, and leaves alone what is no CustomerTag.
//
// A customer can lose a tag for other reasons than its month. So a loss counts only where
// it was seen within three days of a moment at which one of the readings ends the tag, and
// the other one does not: between two runs that are a month apart both do.
func (e *TagEnds) Note(was, is Record, before, now time.Time) *TagEnds {
	tag, ok := is.(*CustomerTag)
	if !ok {
		return e
	}
	if e == nil {
		e = new(TagEnds)
	}
	if m := tag.ExpireMonth; m != nil && tag.Tag.Value == tagYes && !now.Before(LastValid.end(*m).Add(turnedWithin)) {
		e.Unturned++
	}
	old, ok := was.(*CustomerTag)
	if !ok || old.Tag.Value != tagYes || tag.Tag.Value != tagNo || old.ExpireMonth == nil || tag.ExpireMonth != nil && *tag.ExpireMonth != *old.ExpireMonth {
		return e
	}
	at := func(r ExpireReading) bool {
		end := r.end(*old.ExpireMonth)
		return !now.Before(end) && before.Before(end.Add(turnedWithin))
	}
	last, first := at(LastValid), at(FirstInvalid)
	switch {
	case last == first:
		return e
	case last:
		e.LastValid++
	default:
		e.FirstInvalid++
	}
	e.New++
	return e
}

// Shows gives the reading that everything counted agrees with; "" where nothing was
// counted, or both were.
func (e *TagEnds) Shows() ExpireReading {
	switch {
	case e == nil || (e.LastValid > 0) == (e.FirstInvalid > 0):
		return ""
	case e.LastValid > 0:
		return LastValid
	}
	return FirstInvalid
}
