package storetest_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"partnerlens/internal/store"
	"partnerlens/internal/store/storetest"
)

// Each operation, refused in each way: the error it returns, and its effect.
func TestFaulty(t *testing.T) {
	t.Parallel()
	planted := errors.New("refused")
	ctx := t.Context()
	read := func(s store.Store, name string) (string, error) {
		from, err := s.Get(ctx, name)
		if err != nil {
			return "", err
		}
		text, err := io.ReadAll(from)
		return string(text), err
	}
	for _, test := range []struct {
		op       string
		how      func(error) error
		writes   bool   // write is called
		want     string // what the store holds afterwards
		returned string // what the operation returns beside the error
	}{
		{"Get", nil, false, "old", ""}, {"Get", storetest.Done, false, "old", "old"},
		{"Put", nil, false, "old", ""}, {"Put", storetest.Done, true, "new", ""},
		{"PutNew", nil, false, "old", ""}, {"PutNew", storetest.Done, false, "old first", ""},
		{"Delete", nil, false, "old", ""}, {"Delete", storetest.Done, false, "", ""},
		{"List", nil, false, "old", ""}, {"List", storetest.Done, false, "old", "a"},
	} {
		under, err := store.Open("file://"+t.TempDir(), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := under.PutNew(ctx, "a", []byte("old")); err != nil {
			t.Fatal(err)
		}
		var asked []string
		s := storetest.Faulty(under, func(op string, n int) error {
			asked = append(asked, fmt.Sprint(n, op))
			if n != 2 {
				return nil
			}
			if test.how == nil {
				return planted
			}
			return test.how(planted)
		})
		if text, err := read(s, "a"); text != "old" || err != nil {
			t.Fatalf("the first, which is not refused: %q, %v", text, err)
		}
		var returned string
		wrote := false
		switch test.op {
		case "Get":
			returned, err = read(s, "a")
		case "Put":
			err = s.Put(ctx, "a", func(w io.Writer) error { wrote = true; _, err := w.Write([]byte("new")); return err })
		case "PutNew":
			err = s.PutNew(ctx, "b", []byte("first"))
		case "Delete":
			err = s.Delete(ctx, "a")
		case "List":
			for object, failed := range s.List(ctx, "") {
				returned += object.Name
				err = failed
			}
		}
		var left []string
		for _, name := range []string{"a", "b"} {
			if text, err := read(under, name); err == nil {
				left = append(left, text)
			}
		}
		//nolint:errorlint // the error itself is returned
		if err != planted || wrote != test.writes || returned != test.returned || strings.Join(left, " ") != test.want || !slices.Equal(asked, []string{"1Get", "2" + test.op}) {
			t.Errorf("%s: %v, wrote %t, returned %q, left %q, asked %q, want %+v", test.op, err, wrote, returned, left, asked, test)
		}
	}
}
