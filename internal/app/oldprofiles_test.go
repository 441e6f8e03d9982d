package app

import (
	"context"
	"strconv"
	"testing"
	"time"

	"partnerlens/pkg/core"
)

// oneMember is a list of one customer.
type oneMember struct{}

func (oneMember) FetchPage(context.Context, core.TagQuery, core.Cursor) (core.Page[*core.Member], error) {
	return core.Page[*core.Member]{Items: []*core.Member{{MemberID: "a", Profile: new(core.Profile)}}, Total: new(1)}, nil
}

// A list that is too old to be used takes no room from another one.
func TestOldProfilesMakeRoom(t *testing.T) {
	t.Parallel()
	old := &profileList{profiles: make(map[string]*core.Profile), read: time.Now().Add(-profilesFor)}
	for i := range maxProfiles {
		old.profiles[strconv.Itoa(i)] = nil
	}
	p := &profiles{
		customers: core.NewReader(oneMember{}, &core.ReaderOptions[core.TagQuery]{}),
		lists:     map[string]*profileList{"r1": old},
	}
	p.count.Store(int64(len(old.profiles)))
	l := p.list("")
	if err := p.readOn(t.Context(), "", l, 0); err != nil {
		t.Fatal(err)
	}
	if profile, known := l.get("a"); profile == nil || !known || p.count.Load() != 1 {
		t.Errorf("%v, %t, %d in memory", profile, known, p.count.Load())
	}
}
