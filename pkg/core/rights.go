package core

import "slices"

// Rights say how far a caller may ask. The zero Rights is every account, and
// nothing personal.
type Rights struct {
	Account  func(name string) bool // whether it may ask for an account; nil: every one
	Personal bool                   // may see what is personal, and search by it
	Inside   bool                   // may see where keys are kept: who runs this program
}

func (r Rights) allows(account string) bool { return r.Account == nil || r.Account(account) }

// Within gives the question as a caller of these rights may ask it, or an error
// of CodeForbidden. To search by a name or an address is to see it: who may try one
// after the other finds the one that answers. An account beyond the rights is
// refused by Read, as one that is not configured, and AllAccounts
// is all that are within them.
func (q *Question) Within(rights Rights) (*Question, error) {
	switch {
	case rights.Personal:
	case !q.masked:
		return nil, &Error{Code: CodeForbidden, Param: "pii", Detail: "this key may not see names, addresses and numbers whole; leave pii out, or ask for a key that may"}
	case q.personal:
		return nil, &Error{Code: CodeForbidden, Param: "filter_type", Detail: "this key may not search by what it may not see; search by customer_id, or ask for a key that may see personal data"}
	}
	within := *q
	within.rights = rights
	return &within, nil
}

// told is an error as the question's caller may see it. What tells of the inside stays the
// cause, for the operator's log.
func (q *Question) told(err error) error {
	failure := AsError(err)
	if failure == nil || q.rights.Inside || !failure.Inside {
		return err
	}
	return &Error{
		Op: failure.Op, Code: failure.Code, RetryAfter: failure.RetryAfter, Err: failure,
		Detail: "a setting cannot be read from where it is kept; the operator's log says why",
	}
}

// Masked says whether the question's records come with what is personal masked.
func (q *Question) Masked() bool { return q.masked }

// The values of the parameter pii.
const (
	piiMasked = "masked"
	piiFull   = "full"
)

// askedMasked reads the parameter pii.
func askedMasked(p Params) (bool, error) {
	pii, given, err := p.one("pii")
	if err != nil {
		return true, err
	}
	if given && !slices.Contains([]string{piiMasked, piiFull}, pii) {
		return true, Invalid("pii", "unknown; use masked or full")
	}
	return pii != piiFull, nil
}
