package watch

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"io"
	"strings"
	"testing"
)

// Packed packs each text in a section of its own, and returns the sections' sizes.
func Packed(texts ...string) (packed string, sizes []int64) {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	p := newPacker(w)
	for i, text := range texts {
		if i > 0 {
			_ = p.endSection()
			sizes = append(sizes, int64(b.Len()))
		}
		_, _ = p.Write([]byte(text))
	}
	_ = p.Close()
	_ = w.Flush()
	sizes = append(sizes, int64(b.Len()))
	for i := len(sizes) - 1; i > 0; i-- {
		sizes[i] -= sizes[i-1]
	}
	return b.String(), sizes
}

// Unpacked unpacks the section of an index.
func Unpacked(section string, i int) (string, error) {
	text, err := io.ReadAll(unpackSection([]byte(section), i == 0))
	return string(text), err
}

// Sections are one member of gzip, which a reader of a single member reads to its end; and
// without a second section the bytes are those of package gzip.
func TestPackedIsOneMember(t *testing.T) {
	t.Parallel()
	for _, texts := range [][]string{{""}, {"a\n"}, {"", ""}, {"a\n", "b\n"}, {strings.Repeat("abcdefgh\n", 99_999), strings.Repeat("abcdefgh\n", 9), "x"}} {
		packed, sizes := Packed(texts...)
		in := strings.NewReader(packed)
		r, err := gzip.NewReader(in)
		if err != nil {
			t.Fatal(err)
		}
		r.Multistream(false)
		if text, err := io.ReadAll(r); err != nil || string(text) != strings.Join(texts, "") || in.Len() != 0 {
			t.Errorf("%d sections: %d bytes, %v; %d bytes are left", len(texts), len(text), err, in.Len())
		}
		rest := packed
		for i, want := range texts {
			if text, err := Unpacked(rest[:sizes[i]], i); err != nil || text != want {
				t.Errorf("section %d of %d: %d bytes, %v", i, len(texts), len(text), err)
			}
			rest = rest[sizes[i]:]
		}
		var plain bytes.Buffer
		w := gzip.NewWriter(&plain)
		_, _ = io.WriteString(w, texts[0])
		if err := w.Close(); err != nil || len(texts) == 1 && plain.String() != packed {
			t.Errorf("%q, %v, package gzip writes %q", packed, err, plain.String())
		}
	}
}

// Each section has a row, also if the last row fills one.
func TestNoSectionIsEmpty(t *testing.T) {
	t.Parallel()
	row := bytes.Repeat([]byte("r"), sectionSize-1)
	row = append(row, '\n')
	for rows := 1; rows <= 3; rows++ {
		var b bytes.Buffer
		out := &output{Object: Object{Name: "x.gz"}, sum: sha256.New()}
		out.open(&b)
		for range rows {
			out.row(row)
		}
		if err := out.close(); err != nil {
			t.Fatal(err)
		}
		if rows > 1 && len(out.Sections) != rows || rows == 1 && out.Sections != nil {
			t.Errorf("%d rows are in %d sections", rows, len(out.Sections))
		}
		rest := b.String()
		for i, size := range out.Sections {
			if text, err := Unpacked(rest[:size], i); err != nil || text != string(row) {
				t.Errorf("section %d of %d rows has %d bytes, %v", i, rows, len(text), err)
			}
			rest = rest[size:]
		}
	}
}
