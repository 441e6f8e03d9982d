package watch

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strings"
)

// outputs are the run's objects while they are written, by plain name.
type outputs map[string]*output

// writeObjects stores the named objects, all of them at once: each Put is inside the one
// before. An error of write stores none of them.
func (r *invocation) writeObjects(ctx context.Context, state State, names []string, write func(outputs) error) (objects []Object, err error) {
	outs := make(outputs)
	var put func(i int) error
	put = func(i int) error {
		if i == len(names) {
			return write(outs)
		}
		out := &output{Object: Object{Name: named(names[i], state)}, sum: sha256.New()}
		outs[names[i]] = out
		return r.store.Put(ctx, r.objectName(out.Name), func(w io.Writer) error {
			out.open(w)
			if err := put(i + 1); err != nil {
				return err
			}
			return out.close()
		})
	}
	if err := put(0); err != nil {
		return nil, err
	}
	for _, name := range names {
		objects = append(objects, outs[name].Object)
	}
	return objects, nil
}

// failed returns the first error of writing.
func (o outputs) failed() error {
	for _, out := range o {
		if out.err != nil {
			return out.err
		}
	}
	return nil
}

// output is one object while it is written. A nil output discards what is written.
type output struct {
	Object
	sum    hash.Hash
	buffer *bufio.Writer
	packed *packer // nil if the object is not compressed
	err    error   // the first

	start   int64 // where the last of Sections ends
	section int   // bytes of the section that is being written, before compression
}

// sectionSize is the size of a section before compression: 2,000 customers or more.
const sectionSize = 1 << 20

func (o *output) open(w io.Writer) {
	o.buffer = bufio.NewWriterSize(io.MultiWriter(w, o.sum, (*counter)(&o.Bytes)), 64<<10)
	if strings.HasSuffix(o.Name, ".gz") {
		o.packed = newPacker(o.buffer)
	}
}

func (o *output) add(text []byte) {
	if o == nil || o.err != nil {
		return
	}
	if o.packed != nil {
		_, o.err = o.packed.Write(text)
	} else {
		_, o.err = o.buffer.Write(text)
	}
}

// row adds a row, which the manifest counts.
func (o *output) row(text []byte) {
	if o != nil {
		o.Rows++
		if o.packed != nil && o.section >= sectionSize && o.err == nil {
			o.err = o.packed.endSection()
			o.Sections, o.start, o.section = append(o.Sections, o.Bytes-o.start), o.Bytes, 0
		}
		o.section += len(text)
		o.add(text)
	}
}

func (o *output) close() error {
	if o.err == nil && o.packed != nil {
		o.err = o.packed.Close()
	}
	if o.err == nil {
		o.err = o.buffer.Flush()
	}
	if o.Sections != nil {
		o.Sections = append(o.Sections, o.Bytes-o.start)
	}
	o.SHA256 = hex.EncodeToString(o.sum.Sum(nil))
	return o.err
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
