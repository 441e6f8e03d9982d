package huawei

import (
	"context"
	"sync"
	"time"

	"partnerlens/pkg/core"
)

// ResellerList is the cloud resellers below an account. Safe for concurrent use.
type ResellerList struct {
	reader *core.Reader[ResellerQuery, *core.Member]
	ids    []string

	mu   sync.Mutex
	last []*core.Member
	at   time.Time // when last was read
}

// NewResellerList returns the list that a Reader over Resellers reads. core.AllResellers
// stands for ids or, if they are nil, for all resellers of the list.
func NewResellerList(reader *core.Reader[ResellerQuery, *core.Member], ids []string) *ResellerList {
	return &ResellerList{reader: reader, ids: ids}
}

// Scopes splits a query into queries of the API, as a core.Reader's Scopes does. If it
// reads the list of resellers, it fails unless the list is proven complete: the customers
// of a missing reseller would be missing silently.
func (l *ResellerList) Scopes(ctx context.Context, query core.TagQuery) ([]core.Scope[core.TagQuery], error) {
	if query.ResellerID != core.AllResellers || l.ids != nil {
		return core.TagScopes(query, l.ids), nil
	}
	resellers, report, err := l.read(ctx, nil)
	if err != nil {
		return nil, err
	}
	if !report.Complete {
		return nil, unproven(report)
	}
	ids := make([]string, len(resellers))
	for i, reseller := range resellers {
		ids[i] = reseller.MemberID
	}
	return core.TagScopes(query, ids), nil
}

// namesFor is how long the names of resellers are reused.
const namesFor = 10 * time.Minute

// Named returns the resellers with their names if the query asks for customers of
// resellers, as a core.Reader's Resellers does. It reads the list unless Scopes or Named
// has read it just before. With an error it returns those that it could read.
func (l *ResellerList) Named(ctx context.Context, query core.TagQuery) ([]*core.Member, error) {
	if query.ResellerID == "" {
		return nil, nil
	}
	l.mu.Lock()
	last, at := l.last, l.at
	l.mu.Unlock()
	if !at.IsZero() && time.Since(at) < namesFor {
		return last, nil
	}
	resellers, report, err := l.read(ctx, &core.ReadOptions{Unproven: true})
	if err == nil && report.Stopped != nil {
		err = unproven(report)
	}
	return resellers, err
}

func (l *ResellerList) read(ctx context.Context, opts *core.ReadOptions) (all []*core.Member, report core.Report, err error) {
	report, err = l.reader.Read(ctx, ResellerQuery{}, opts, func(r *core.Member) bool {
		all = append(all, r)
		return true
	})
	if err == nil && report.Stopped == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.last, l.at = all, time.Now()
	}
	return all, report, err
}

// unproven is the error for a list of resellers that is not proven complete. Its
// code is the reason that stopped the read, if any, which may be temporary.
func unproven(report core.Report) *core.Error {
	e := &core.Error{Code: core.CodeIncomplete, Param: "reseller_id", Detail: "the list of resellers could not be read completely"}
	if len(report.Warnings) == 0 {
		return e
	}
	last := report.Warnings[len(report.Warnings)-1]
	e.Detail += ": " + last.Message
	if report.Stopped != nil && *report.Stopped != core.StoppedLimit {
		e.Code = core.Code(last.Code)
	}
	return e
}
