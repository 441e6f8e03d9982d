package watch

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"io"
	"sync"
)

// A packer writes gzip (RFC 1952) in sections, each of which can be unpacked by itself: it
// begins at a byte, and refers to no section before it. To any other reader it is one member
// of gzip. Sections that are members would be simpler, but some readers return the first
// member alone, without an error: Perl's, and those that use zlib without a loop.
type packer struct {
	w       *bufio.Writer // keeps its first error
	deflate *flate.Writer
	sum     hash.Hash32
	size    uint32 // of what is packed, modulo 2^32
}

// packHeader is the header that package gzip writes.
const packHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// deflaters are reused: each has tables of 800 KB.
var deflaters = sync.Pool{New: func() any {
	deflate, _ := flate.NewWriter(nil, flate.DefaultCompression) // the level is valid
	return deflate
}}

func newPacker(w *bufio.Writer) *packer {
	_, _ = w.WriteString(packHeader)
	p := &packer{w: w, deflate: deflaters.Get().(*flate.Writer), sum: crc32.NewIEEE()}
	p.deflate.Reset(w)
	return p
}

// pack writes what write writes, packed, to w.
func pack(w io.Writer, write func(io.Writer) error) error {
	buffer := bufio.NewWriter(w)
	packed := newPacker(buffer)
	if err := write(packed); err != nil {
		return err
	}
	if err := packed.Close(); err != nil {
		return err
	}
	return buffer.Flush()
}

func (p *packer) Write(text []byte) (int, error) {
	_, _ = p.sum.Write(text)
	p.size += uint32(len(text))
	return p.deflate.Write(text)
}

// endSection ends a section, of which w then has every byte, and begins the next.
func (p *packer) endSection() error {
	if err := p.deflate.Flush(); err != nil {
		return err
	}
	p.deflate.Reset(p.w)
	return p.w.Flush()
}

// Close ends the last section. The packer must not be used afterwards.
func (p *packer) Close() error {
	if err := p.deflate.Close(); err != nil {
		return err
	}
	deflaters.Put(p.deflate)
	p.deflate = nil
	var trailer [8]byte
	binary.LittleEndian.PutUint32(trailer[:4], p.sum.Sum32())
	binary.LittleEndian.PutUint32(trailer[4:], p.size)
	_, err := p.w.Write(trailer[:])
	return err
}

// unpackSection returns the text of a section. Of all but the last, a final block is
// missing; it is added to each.
func unpackSection(section []byte, first bool) io.Reader {
	if first {
		section = section[min(len(section), len(packHeader)):]
	}
	return flate.NewReader(io.MultiReader(bytes.NewReader(section), bytes.NewReader([]byte{3, 0})))
}
