package watch

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/go-json-experiment/json"

	"partnerlens/pkg/core"
)

// names are what the vendor's lists of customers and resellers have shown beside the list
// that is read, as a checkpoint holds them. Like the customers they are stored in parts.
type names struct {
	Parts     []string          `json:"parts"`
	Resellers map[string]string `json:"resellers"`         // names, by id
	Warning   *core.Warning     `json:"warning,omitempty"` // why some could not be read
}

// profileLine is one line of a part of the names.
type profileLine struct {
	Key     string        `json:"key"`
	Profile *core.Profile `json:"profile"`
}

// nameReader takes in the members that a read shows.
type nameReader struct {
	run   *invocation
	ctx   context.Context
	parts partWriter
	err   error // the first; what comes after it is not kept
}

// take takes in one member, and stores a part when there is one.
func (n *nameReader) take(m *core.Member) {
	if n.err != nil || m.Profile == nil {
		return
	}
	if m.Reseller {
		if name := m.Name(); name != nil {
			if n.run.checkpoint.Names.Resellers == nil {
				n.run.checkpoint.Names.Resellers = make(map[string]string)
			}
			n.run.checkpoint.Names.Resellers[m.MemberID] = *name
		}
		return
	}
	text, err := core.AppendJSON(nil, profileLine{m.Key(), m.Profile})
	if n.err = err; err != nil {
		return
	}
	n.parts.lines = append(n.parts.lines, line{key: m.Key(), text: append(text, '\n')})
	if n.parts.full() {
		n.err = n.store()
	}
}

// store stores what waits as a part. The checkpoint names it when it is saved next: until
// then the read does not go on behind the customers that the names are of.
func (n *nameReader) store() error {
	if n.err != nil {
		return n.err
	}
	return n.parts.store(n.ctx)
}

// noteNames keeps the warning that names could not be read: of an attempt in several
// invocations, any may have it.
func (r *invocation) noteNames(report core.Report) {
	i := slices.IndexFunc(report.Warnings, func(w core.Warning) bool { return w.Code == core.WarnNames })
	if i >= 0 {
		r.checkpoint.Names.Warning = &report.Warnings[i]
	}
}

// profiles yields the profiles that were read, each customer's once, as the later part has
// it, in the order of their keys.
func (r *invocation) profiles(ctx context.Context) lines {
	return r.mergedParts(ctx, r.checkpoint.Names.Parts, func(l *line) error {
		var p profileLine
		err := json.Unmarshal(l.text, &p)
		l.key = p.Key
		return err
	})
}

// nameJoiner joins names to the customers of a run, which come in the order of their keys.
type nameJoiner struct {
	run  *invocation
	next func() (line, error, bool)
	stop func()
	head line // the next profile
	more bool
}

func (r *invocation) joinNames(ctx context.Context) *nameJoiner {
	j := &nameJoiner{run: r, more: true}
	j.next, j.stop = iter.Pull2(r.profiles(ctx))
	return j
}

// profile returns the profile of a customer; nil if it was not read in this run.
func (j *nameJoiner) profile(key string) (*core.Profile, error) {
	for j.more && j.head.key < key {
		var err error
		if j.head, err, j.more = j.next(); err != nil {
			return nil, err
		}
	}
	if !j.more || j.head.key != key {
		return nil, nil
	}
	var p profileLine
	if json.Unmarshal(j.head.text, &p) != nil {
		return nil, damaged("a part of the names", "a line of it is not what was stored")
	}
	return p.Profile, nil
}

// join returns the customer's record with its names: those that this run has read, or else
// those of the previous complete run, so that a list that fails for a day loses nothing.
func (j *nameJoiner) join(key string, prev, current core.Record) (core.Record, error) {
	profile, err := j.profile(key)
	if err != nil {
		return nil, err
	}
	details := core.Details{Profile: profile}
	if name, there := j.run.checkpoint.Names.Resellers[resellerOf(key)]; there {
		details.ResellerName = &name
	}
	if known, ok := prev.(interface{ Details() core.Details }); ok {
		was := known.Details()
		details.Profile, details.ResellerName = cmp.Or(details.Profile, was.Profile), cmp.Or(details.ResellerName, was.ResellerName)
	}
	if details == (core.Details{}) {
		return current, nil
	}
	return current.With(details), nil
}
