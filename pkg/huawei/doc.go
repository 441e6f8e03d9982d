// Package huawei is the Source of new-customer tags on Huawei Cloud, China site:
// the partner API ListSubCustomerNewTag. With it goes a second, small Source: the
// cloud resellers below the account (ListIndirectPartners), without which their
// customers' tags cannot be asked for.
//
// It reads one page in one attempt, through the vendor's SDK, which addresses and
// signs the call; this package decodes the answer itself, and exactly. It has no
// other actions, and no pacing, retries or storage: those are in core.Reader.
//
// The API has no count of customers, and silently leaves out ids that are not the
// account's. So only an empty page ends a list, a short one does not, and an answer
// without a list must come twice before it is accepted.
//
// It imports pkg/core and pkg/transport.
package huawei
