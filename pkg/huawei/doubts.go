package huawei

import (
	"fmt"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// doubts are the pages whose last answer had no list.
//
// The API's page says that the list is there "only on success", and not whether an
// empty one is [] or null or absent. Since there is no total either, accepting an
// answer without a list at once could end a read in its middle, and every later
// customer would seem to have lost the tag; never accepting one could keep every
// read from completing. So [] is accepted, and an answer without a list only if the
// next answer for the same page has none either: the first is a retryable error. On
// the first page a list that is absent (and not null) is never accepted: it may be
// an error of an unknown form.
type doubts struct {
	mu    sync.Mutex
	pages map[string]bool
}

// maxDoubts limits the pages that are never read again.
const maxDoubts = 1000

// check returns nil if the answer for a page is accepted.
func (d *doubts) check(query core.TagQuery, at core.Cursor, answer page) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if answer.list == jsontext.KindBeginArray && len(d.pages) == 0 {
		return nil
	}
	name := fmt.Sprintf("%q %q %d", query.ResellerID, query.CustomerIDs, at.Offset)
	doubted := d.pages[name]
	delete(d.pages, name)
	switch {
	case answer.list == jsontext.KindBeginArray, doubted && (answer.list == jsontext.KindNull || at.Offset > 0):
		return nil
	}
	if d.pages == nil || len(d.pages) >= maxDoubts {
		d.pages = make(map[string]bool)
	}
	d.pages[name] = true
	return &core.Error{
		Op: operation, Code: core.CodeUnavailable, RequestID: answer.RequestID,
		Detail: "the vendor's answer has neither a list of customers nor an error",
	}
}
