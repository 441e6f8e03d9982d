package huawei

import (
	"fmt"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"partnerlens/pkg/core"
)

// doubts are the pages whose last answer had no list.
//
// The API's page says that the list is there "only on success", and nothing of how
// no customers look: [] or null or no list at all. Since it tells no total
// either, an answer without a list that is believed at once could end a read in
// its middle, and every customer after it would seem to have lost the tag; one
// that is never believed could keep every read from its end. So [] is believed, and an answer
// without a list only if the same page gives it again: the first time it is an
// error that is worth another try. Where no customer has been seen before it, a list that
// is missing (and not null) is not believed at all: that may be an error in a
// dress we do not know.
type doubts struct {
	mu    sync.Mutex
	pages map[string]bool
}

// maxDoubts is a bound for pages that are never asked for again.
const maxDoubts = 1000

// settle takes in the answer for a page: nil where it may be believed.
func (d *doubts) settle(query core.TagQuery, at core.Cursor, answer page) error {
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
		Op: operation, Code: core.CodeUnavailable, RequestID: answer.requestID,
		Detail: "the cloud's answer has neither a list of customers nor an error",
	}
}
