package watch

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"container/heap"
	"context"
	"io"

	"github.com/go-json-experiment/json"

	"partnerlens/internal/store"
	"partnerlens/pkg/core"
)

// line is one customer as it is stored.
type line struct {
	key  string
	text []byte // a line of NDJSON
}

// maxLine is more than any page of a cloud, and so than any customer of one.
const maxLine = 64 << 20

// sorted are lines of NDJSON in the order of their keys, as they are read.
type sorted interface {
	// next gives the next line; false at the end. The text is good until then.
	next() (line, bool, error)
	close()
}

// object is one gzipped object of lines.
type object struct {
	name string
	body io.ReadCloser
	from *failing
	scan *bufio.Scanner
	key  func([]byte) (string, error)
}

// failing keeps the error of a reader: a bufio.Scanner gives the part of a line that came
// before it as a line.
type failing struct {
	io.Reader
	err error // other than io.EOF
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

func openLines(ctx context.Context, s store.Store, name string, key func([]byte) (string, error)) (*object, error) {
	body, err := open(ctx, s, name)
	if core.CodeOf(err) == core.CodeNotFound {
		return nil, damaged(name, "it is gone")
	}
	if err != nil {
		return nil, err
	}
	unpacked, err := gzip.NewReader(bufio.NewReader(body))
	if err != nil {
		body.Close()
		return nil, broken(name, err)
	}
	from := &failing{Reader: unpacked}
	o := &object{name: name, body: body, from: from, scan: bufio.NewScanner(from), key: key}
	o.scan.Buffer(make([]byte, 0, 64<<10), maxLine)
	return o, nil
}

func (o *object) next() (line, bool, error) {
	if !o.scan.Scan() {
		if err := o.scan.Err(); err != nil {
			return line{}, false, broken(o.name, err)
		}
		return line{}, false, nil
	}
	key, err := o.key(o.scan.Bytes())
	if err != nil && o.from.err != nil {
		return line{}, false, broken(o.name, o.from.err)
	}
	if err != nil {
		return line{}, false, damaged(o.name, "a line of it is not what was stored")
	}
	return line{key, o.scan.Bytes()}, true, nil
}

func (o *object) close() { o.body.Close() }

// none is no lines.
type none struct{}

func (none) next() (line, bool, error) { return line{}, false, nil }
func (none) close()                    {}

// merged are the lines of several, each key once: of equal keys the one of the
// later source.
type merged struct {
	all  []*object
	heap sources
	last []byte
}

type source struct {
	from  *object
	order int
	head  line
}

type sources []*source

func (s sources) Len() int { return len(s) }
func (s sources) Less(i, j int) bool {
	if s[i].head.key != s[j].head.key {
		return s[i].head.key < s[j].head.key
	}
	return s[i].order > s[j].order
}
func (s sources) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s *sources) Push(x any)   { *s = append(*s, x.(*source)) }
func (s *sources) Pop() any {
	last := len(*s) - 1
	x := (*s)[last]
	*s = (*s)[:last]
	return x
}

func merge(all []*object) (*merged, error) {
	m := &merged{all: all}
	for i, o := range all {
		head, ok, err := o.next()
		if err != nil {
			return m, err
		}
		if ok {
			m.heap = append(m.heap, &source{o, i, head})
		}
	}
	heap.Init(&m.heap)
	return m, nil
}

func (m *merged) next() (line, bool, error) {
	if len(m.heap) == 0 {
		return line{}, false, nil
	}
	first := m.heap[0].head
	m.last = append(m.last[:0], first.text...)
	taken := line{first.key, m.last}
	for len(m.heap) > 0 && m.heap[0].head.key == taken.key {
		head, ok, err := m.heap[0].from.next()
		if err != nil {
			return line{}, false, err
		}
		if !ok {
			heap.Pop(&m.heap)
			continue
		}
		m.heap[0].head = head
		heap.Fix(&m.heap, 0)
	}
	return taken, true, nil
}

func (m *merged) close() {
	for _, o := range m.all {
		o.close()
	}
}

// peeked is sorted lines of which the next can be looked at.
type peeked struct {
	from sorted
	head line
	ok   bool
}

func peek(from sorted) (*peeked, error) {
	p := &peeked{from: from}
	return p, p.advance()
}

func (p *peeked) advance() (err error) {
	p.head, p.ok, err = p.from.next()
	return err
}

// take gives the line of a key, if that is the next one.
func (p *peeked) take(key string) ([]byte, error) {
	if !p.ok || p.head.key != key {
		return nil, nil
	}
	text := bytes.Clone(p.head.text)
	return text, p.advance()
}

// peekAll looks at the first line of each.
func peekAll(a, b, c sorted) (x, y, z *peeked, err error) {
	if x, err = peek(a); err == nil {
		if y, err = peek(b); err == nil {
			z, err = peek(c)
		}
	}
	return x, y, z, err
}

// firstKey is the lowest key that comes next.
func firstKey(all ...*peeked) string {
	key, found := "", false
	for _, p := range all {
		if p.ok && (!found || p.head.key < key) {
			key, found = p.head.key, true
		}
	}
	return key
}

// parts opens what was read.
func (r *run) parts(ctx context.Context) (*merged, error) {
	var all []*object
	for _, name := range r.at.Parts {
		o, err := openLines(ctx, r.store, r.object(name), r.keyOfRecord)
		if err != nil {
			for _, o := range all {
				o.close()
			}
			return nil, err
		}
		all = append(all, o)
	}
	m, err := merge(all)
	if err != nil {
		m.close()
	}
	return m, err
}

// linesOf opens an object of an earlier run; nil: no lines.
func (r *run) linesOf(ctx context.Context, m *Manifest, name string, key func([]byte) (string, error)) (sorted, error) {
	if m == nil {
		return none{}, nil
	}
	return openLines(ctx, r.store, r.place.object(m.Run, named(name, m.state())), key)
}

func (r *run) keyOfRecord(text []byte) (string, error) {
	record, err := r.Function.Decode(text)
	if err != nil {
		return "", err
	}
	return record.Key(), nil
}

func keyOfState(text []byte) (string, error) {
	var k kept
	err := json.Unmarshal(text, &k)
	return k.Key, err
}

// skip passes over the line of a key, and says whether it was the next one.
func (p *peeked) skip(key string) (bool, error) {
	if !p.ok || p.head.key != key {
		return false, nil
	}
	return true, p.advance()
}
