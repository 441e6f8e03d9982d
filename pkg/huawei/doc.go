// Package huawei is the Source of new-customer tags on Huawei Cloud, China site:
// the partner API ListSubCustomerNewTag. With it goes a second, small Source: the
// cloud resellers below the account (ListIndirectPartners), without which their
// customers' tags cannot be asked for.
//
// It asks for one page in one attempt, through the vendor's SDK, which addresses
// and signs the call; the answer is read here, exactly, and the SDK sees none of it.
// It is no client for other actions and knows no pacing, retry or storage: those
// are a core.Reader's.
//
// The API tells no count of customers, and leaves out without a word the ids that
// are not the account's. So only an empty page ends a list, a short one does not,
// and an answer without a list must come twice before it is believed.
//
// internal/app and tests may import it; it imports pkg/core and pkg/transport.
package huawei
