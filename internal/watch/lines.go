package watch

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// line is a stored line of NDJSON, and the key of the customer it is about.
type line struct {
	key    string
	text   []byte
	record core.Record // decoded, of a line of customers
}

// lines are in the order of their keys. An error is the last pair.
type lines = iter.Seq2[line, error]

// readLines reads an object of lines, compressed if its name says so. An object that is missing is errDamaged, as
// is a line that identify cannot read, which sets its key.
func readLines(ctx context.Context, s store.Store, name string, identify func(*line) error) lines {
	return func(yield func(line, error) bool) {
		body, err := open(ctx, s, name)
		if core.CodeOf(err) == core.CodeNotFound {
			err = damaged(name, "it is missing")
		}
		if err != nil {
			yield(line{}, err)
			return
		}
		defer body.close()
		var unpacked io.Reader = body
		if strings.HasSuffix(name, ".gz") {
			if unpacked, err = gzip.NewReader(bufio.NewReader(body)); err != nil {
				yield(line{}, broken(name, err))
				return
			}
		}
		for in := bufio.NewReaderSize(unpacked, 64<<10); ; {
			text, err := in.ReadBytes('\n')
			if errors.Is(err, io.EOF) && len(text) == 0 {
				return
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(line{}, broken(name, err))
				return
			}
			l := line{text: bytes.TrimSuffix(text, []byte{'\n'})}
			if identify(&l) != nil {
				yield(line{}, damaged(name, "a line of it is not what was stored"))
				return
			}
			if !yield(l, nil) {
				return
			}
		}
	}
}

// head is the next line of one of several sources.
type head struct {
	line
	source int
	next   func() (line, error, bool)
}

// advance makes the head the next line of its source; false at the end.
func (h *head) advance() (ok bool, err error) {
	h.line, err, ok = h.next()
	return ok, err
}

// merge yields the lines of all sources in the order of their keys, each with the index of
// its source; of equal keys, the line of the last source comes first.
func merge(sources []lines) iter.Seq2[head, error] {
	return func(yield func(head, error) bool) {
		order := func(a, b *head) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(b.source, a.source)) }
		var heads []*head
		for i, source := range sources {
			next, stop := iter.Pull2(source)
			defer stop()
			h := &head{source: i, next: next}
			ok, err := h.advance()
			if err != nil {
				yield(head{}, err)
				return
			}
			if ok {
				heads = append(heads, h)
			}
		}
		slices.SortFunc(heads, order)
		for len(heads) > 0 {
			first := heads[0]
			if !yield(*first, nil) {
				return
			}
			ok, err := first.advance()
			if err != nil {
				yield(head{}, err)
				return
			}
			if !ok {
				heads = heads[1:]
				continue
			}
			i, _ := slices.BinarySearchFunc(heads[1:], first, order)
			copy(heads, heads[1:i+1])
			heads[i] = first
		}
	}
}

// joined is a key and its line in each of three sources; zero in a source without it.
type joined struct {
	key               string
	now, before, last line
}

// join yields the keys of three sources in order.
func join(now, before, last lines) iter.Seq2[joined, error] {
	return func(yield func(joined, error) bool) {
		var j joined
		for h, err := range merge([]lines{now, before, last}) {
			if err != nil {
				yield(joined{}, err)
				return
			}
			if j.key != h.key {
				if j.key != "" && !yield(j, nil) {
					return
				}
				j = joined{key: h.key}
			}
			*[]*line{&j.now, &j.before, &j.last}[h.source] = h.line
		}
		if j.key != "" {
			yield(j, nil)
		}
	}
}

// parts are the customers that were read, each once: where two parts have the same
// customer, as the later one has it.
func (r *invocation) parts(ctx context.Context) lines {
	return r.mergedParts(ctx, r.checkpoint.Parts, r.identifyRecord)
}

// mergedParts are the lines of parts in the order of their keys, each key once.
func (r *invocation) mergedParts(ctx context.Context, parts []string, identify func(*line) error) lines {
	var sources []lines
	for _, name := range parts {
		sources = append(sources, readLines(ctx, r.store, r.objectName(name), identify))
	}
	return func(yield func(line, error) bool) {
		last := ""
		for h, err := range merge(sources) {
			if h.key == last && err == nil {
				continue
			}
			if last = h.key; !yield(h.line, err) {
				return
			}
		}
	}
}

// linesOf reads an object of an earlier run; a nil run has no lines.
func (r *invocation) linesOf(ctx context.Context, m *Manifest, name string, identify func(*line) error) lines {
	if m == nil {
		return func(func(line, error) bool) {}
	}
	return readLines(ctx, r.store, r.place.objectName(m.Run, named(name, m.effectiveState())), identify)
}

// identifyRecord reads a line of customers.
func (r *invocation) identifyRecord(l *line) (err error) {
	if l.record, err = r.Function.Decode(l.text); err == nil {
		l.key = l.record.Key()
	}
	return err
}

func identifyState(l *line) error {
	var k stateLine
	err := json.Unmarshal(l.text, &k)
	l.key = k.Key
	return err
}
