package core

import "time"

// ExpireReading is the meaning of the month in which a tag expires (expire_time).
// The API's page leaves it open; the vendor's SDK calls it the month in which the
// tag becomes invalid (huaweicloud-sdk-go-v3, NewCustomerTagItem, read November
// 2026).
type ExpireReading string

// The readings.
const (
	LastValid    ExpireReading = "last_valid"    // the tag holds until the month ends
	FirstInvalid ExpireReading = "first_invalid" // the tag holds until the month begins
)

// ParseExpireReading parses one of the readings.
func ParseExpireReading(text string) (ExpireReading, error) {
	switch r := ExpireReading(text); r {
	case LastValid, FirstInvalid:
		return r, nil
	}
	return "", Invalid("", "unknown; write %s where a tag holds until the month of expire_time ends, or %s where it holds until that month begins", LastValid, FirstInvalid)
}

// end returns the first instant at which a tag with the month no longer holds.
func (r ExpireReading) end(m Month) time.Time {
	if r == FirstInvalid {
		return m.Start(VendorZone)
	}
	return m.End(VendorZone)
}

// ExpireTimeMember is the vendor's member for the month in which a tag expires.
const ExpireTimeMember = "expire_time"

// TagEnds counts tags that ended between two runs, to find out which reading the
// vendor's data shows. A run continues the counts of the run that it is compared
// with.
type TagEnds struct {
	LastValid    int `json:"last_valid"`    // customers whose tag turned from Y to N as the month after expire_time began
	FirstInvalid int `json:"first_invalid"` // customers whose tag turned from Y to N as the month of expire_time began
	New          int `json:"new"`           // of both, those of this run
	Unturned     int `json:"unturned"`      // in this run, customers whose tag is Y though the month of expire_time is over
}

// turnedWithin is how long after a tag's end a change of its value still counts as
// due to that end.
const turnedWithin = 3 * 24 * time.Hour

// Next returns the counts with which the next run starts; nil for nil.
func (e *TagEnds) Next() *TagEnds {
	if e == nil {
		return nil
	}
	return &TagEnds{LastValid: e.LastValid, FirstInvalid: e.FirstInvalid}
}

// Note adds one customer: prev when the run before began, and current now. It
// returns e, or new counts for nil, and ignores any record but a CustomerTag.
//
// A customer can lose a tag for other reasons than its month. So a loss counts
// only within three days of a moment at which one reading ends the tag and the
// other does not. Between two runs a month apart both do.
func (e *TagEnds) Note(prev, current Record, before, now time.Time) *TagEnds {
	tag, ok := current.(*CustomerTag)
	if !ok {
		return e
	}
	if e == nil {
		e = new(TagEnds)
	}
	if m := tag.ExpireMonth; m != nil && tag.Tag.Value == tagYes && !now.Before(LastValid.end(*m).Add(turnedWithin)) {
		e.Unturned++
	}
	old, ok := prev.(*CustomerTag)
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

// Shows returns the reading that all counts agree with; "" if there is none.
func (e *TagEnds) Shows() ExpireReading {
	switch {
	case e == nil || (e.LastValid > 0) == (e.FirstInvalid > 0):
		return ""
	case e.LastValid > 0:
		return LastValid
	}
	return FirstInvalid
}
