"""Runs the client that openapi-python-client makes of api/openapi.yaml against
`partnerlens serve --demo` and checks what it decodes.

Usage: check.py BASE_URL, with the package partnerlens_client to import.
"""

import datetime
import sys

from partnerlens_client import Client
from partnerlens_client.api.credit import get_credit, list_credit, query_credit
from partnerlens_client.api.service import contract, health, metrics
from partnerlens_client.api.tags import check_tags, list_tags, query_tags
from partnerlens_client.models import (
    Code,
    CreditQuery,
    CreditReport,
    CreditSchema,
    CreditStatus,
    Health,
    Problem,
    StopReason,
    TagsQuery,
    TagsReport,
    TagStatus,
)
from partnerlens_client.types import UNSET

client = Client(base_url=sys.argv[1], raise_on_unexpected_status=True)
checks = 0


def check(ok, *what):
    global checks
    checks += 1
    if not ok:
        sys.exit("python: " + " ".join(map(str, what)))


# A list, page by page. An answer is a CreditReport or a Problem, never None.
seen, cursor = set(), UNSET
while True:
    report = list_credit.sync(client=client, limit=300, cursor=cursor)
    check(isinstance(report, CreditReport), "list:", report)
    check(report.schema is CreditSchema.PARTNERLENS_CREDITV1 and report.count == len(report.items), report)
    check(seen.isdisjoint(item.customer_id for item in report.items), "a customer is there twice")
    seen |= {item.customer_id for item in report.items}
    if report.next_ is None:
        check(report.complete and report.stopped is None, "last page:", report)
        break
    check(not report.complete and report.stopped is StopReason.LIMIT, "page:", report)
    cursor = report.next_
check(len(seen) == report.total == 1000, len(seen), "customers of", report.total)

# One customer, exactly; null is None.
one = get_credit.sync("200000100019", client=client).items[0]
check(one.status is CreditStatus.OVERDRAWN and one.credit.remaining == "-123.45" and one.credit.allocated == "500.00", one)
check(one.nearest_expiry == datetime.datetime(2020, 3, 1, 16, tzinfo=datetime.timezone.utc), one)
check(one.forced is False and one.vendor.type_ is not None, one)
one = get_credit.sync("200000100138", client=client).items[0]
check(one.nearest_expiry is None and one.forced is True, one)

# Problems.
answer = get_credit.sync_detailed("999999999999", client=client, x_request_id="clients-python")
problem = answer.parsed
check(answer.status_code == 404 and isinstance(problem, Problem), answer)
check(problem.code is Code.NOT_FOUND and problem.param == "customer_id" and problem.request_id == "clients-python", problem)
problem = list_tags.sync(client=client, limit=0)
check(isinstance(problem, Problem) and problem.code is Code.INVALID_REQUEST and problem.param == "limit", problem)

# A POST of ids, and of a member that is one or many.
ids = ["1589c79e9f134c1a694015b700055453", "unknown"]
report = query_tags.sync(client=client, body=TagsQuery(customer_ids=ids))
check(isinstance(report, TagsReport) and report.count == 1 and report.missing_ids == ["unknown"], report)
tag = report.items[0]
check(tag.customer_id == ids[0] and isinstance(tag.status, TagStatus) and tag.tag.type_ == "SMB" and tag.reseller_id is None, tag)
report = query_credit.sync(client=client, body=CreditQuery(status=[CreditStatus.OVERDRAWN, CreditStatus.EXHAUSTED], limit=300))
check(isinstance(report, CreditReport) and 0 < report.count < 300, report)

# HEAD has no body to decode.
check(check_tags.sync_detailed(client=client).status_code == 200, "HEAD")
check(check_tags.sync_detailed(client=client, limit=0).status_code == 400, "HEAD, refused")

check(isinstance(metrics.sync(client=client), str), "metrics")
check(isinstance(health.sync(client=client), Health), "health")
check(contract.sync_detailed(client=client).content.startswith(b"openapi: 3.1"), "contract")
print(f"python: {checks} checks")
