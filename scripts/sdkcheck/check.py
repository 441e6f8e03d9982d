"""Runs the vendors' own client libraries against a simulator.

The simulator and our clients were written by the same people. The vendors'
libraries were not: if they can sign, page and fail against the simulator, it
speaks what the vendors speak.

Usage: check.py BASE_URL (a simulator with its ordinary keys, without faults and
without a limit of the rate, with up to some thousand customers).
"""

import http.client
import json
import logging
import sys
from decimal import Decimal
from urllib.parse import urlsplit

from huaweicloudsdkbss.v2 import BssClient
from huaweicloudsdkbss.v2.model import (
    ListIndirectPartnersRequest,
    ListSubCustomerNewTagReq,
    ListSubCustomerNewTagRequest,
    QueryIndirectPartnersReq,
)
from huaweicloudsdkcore.auth.credentials import GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.http.http_config import HttpConfig
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.intlpartnersmgt.v20220928 import models
from tencentcloud.intlpartnersmgt.v20220928.intlpartnersmgt_client import IntlpartnersmgtClient

KEY = ("SIMULATORID", "simulator-secret")
TEMPORARY = ("SIMULATORTEMPID", "simulator-temp-secret", "simulator-token")
DOMAIN = "5d000000000000000000000000000001"

base = urlsplit(sys.argv[1])


def tencent(secret_id, secret_key, token=None, version="2022-09-28"):
    profile = HttpProfile(protocol=base.scheme, endpoint=base.netloc, reqTimeout=30)
    return CommonClient(
        "intlpartnersmgt", version, Credential(secret_id, secret_key, token), "", ClientProfile(httpProfile=profile)
    )


def typed(action, secret_id=KEY[0], secret_key=KEY[1], **params):
    """Calls an action by the vendor's own types of its request and answer."""
    profile = HttpProfile(protocol=base.scheme, endpoint=base.netloc, reqTimeout=30)
    client = IntlpartnersmgtClient(Credential(secret_id, secret_key), "", ClientProfile(httpProfile=profile))
    request = getattr(models, action + "Request")()
    request.from_json_string(json.dumps(params))
    return getattr(client, action)(request)


def typed_to_the_end(action, total, size, **params):
    rows, page = [], 1
    while True:
        answer = typed(action, Page=page, PageSize=size, **params)
        if not answer.Data:
            assert len(rows) == getattr(answer, total) > 0, (action, len(rows), getattr(answer, total))
            return rows
        rows += answer.Data
        page += 1


def credit(client, **params):
    # call_json() would read the amounts as floats.
    return json.loads(client.call("QueryCustomersCredit", params), parse_float=Decimal)["Response"]


def huawei(ak, sk, token=None):
    credentials = GlobalCredentials(ak, sk, DOMAIN)
    if token:
        credentials = credentials.with_security_token(token)
    config = HttpConfig.get_default_config()
    config.timeout = (5, 30)
    return (
        BssClient.new_builder()
        .with_http_config(config)
        .with_credentials(credentials)
        .with_endpoint(sys.argv[1].rstrip("/"))
        .build()
    )


def tags(client, **params):
    request = ListSubCustomerNewTagRequest(body=ListSubCustomerNewTagReq(**params))
    return client.list_sub_customer_new_tag(request).new_customer_tags


def resellers(client, **params):
    return client.list_indirect_partners(ListIndirectPartnersRequest(body=QueryIndirectPartnersReq(**params)))


def tags_to_the_end(client, limit=200, **params):
    rows = []
    while page := tags(client, offset=len(rows), limit=limit, **params):
        rows += page
    return rows


def tencent_page():
    page = credit(tencent(*KEY), Page=1, PageSize=5, Order="asc")
    assert len(page["Data"]) == 5 and page["Total"] >= 5, page
    first = page["Data"][0]
    assert first["RemainingCredit"] == Decimal("800.00") and first["Force"] == 0, first
    assert first["Arrears"] == "Fixed as -" and "****@" in first["Email"], first
    assert isinstance(first["ClientUin"], int) and len(str(first["ClientUin"])) == 12, first
    assert page["Data"][2]["RemainingCredit"] == Decimal("12345678901234567889.123456789012"), page["Data"][2]
    assert page["RequestId"].count("-") == 4, page["RequestId"]


def tencent_filter():
    client = tencent(*KEY)
    one = credit(client, Page=1, PageSize=1, Order="asc")["Data"][0]
    found = credit(client, FilterType="ClientUin", Filter=str(one["ClientUin"]))
    assert found["Total"] == 1 and found["Data"] == [one], found
    none = credit(client, FilterType="ClientUin", Filter="1")
    assert none["Total"] == 0 and none["Data"] is None, none


def tencent_to_the_end():
    client, seen, page, total = tencent(*KEY), [], 1, None
    while True:
        answer = credit(client, Page=page, PageSize=100)
        total = answer["Total"]
        if not answer["Data"]:
            break
        seen += [row["ClientUin"] for row in answer["Data"]]
        page += 1
    assert len(seen) == len(set(seen)) == total, (len(seen), len(set(seen)), total)


def tencent_temporary_key():
    assert credit(tencent(*TEMPORARY))["Data"]
    fails(lambda: credit(tencent(*TEMPORARY[:2])), "AuthFailure.TokenFailure")
    fails(lambda: credit(tencent(*TEMPORARY[:2], "simulator-token-expired")), "AuthFailure.TokenFailure")


def tencent_refusals():
    fails(lambda: credit(tencent(KEY[0], "wrong")), "AuthFailure.SignatureFailure")
    fails(lambda: credit(tencent("SIMULATORNOBODY", "wrong")), "AuthFailure.SecretIdNotFound")
    fails(lambda: credit(tencent("SIMULATORNOAUTH", KEY[1])), "UnauthorizedOperation.UinNoAuth")
    fails(lambda: credit(tencent(*KEY, version="2021-04-09")), "NoSuchVersion")
    fails(lambda: credit(tencent(*KEY), Page=0), "InvalidParameter.Page")
    fails(lambda: credit(tencent(*KEY), FilterType="ClientUin", Filter="x"), "InvalidParameterValue.InvalidUin")


def tencent_partner_credit():
    answer = typed("QueryPartnerCredit")
    assert abs(answer.TotalCredit - answer.AllocatedCredit - answer.RemainingCredit) < 0.01, answer
    assert answer.CustomerTotalCredit >= answer.CustomerRemainingCredit > 0 and answer.RequestId.count("-") == 4, answer


def tencent_direct_customers():
    direct = typed("QueryDirectCustomersCredit").Data
    listed = credit(tencent(*KEY), Page=1, PageSize=1)["Total"]
    assert len({row.Uin for row in direct}) == len(direct) == listed, (len(direct), listed)
    assert isinstance(direct[0].Uin, int) and (direct[0].TotalCredit, direct[0].RemainingCredit) == (1000.0, 800.0), direct[0]


def tencent_resellers():
    rows = typed_to_the_end("QuerySubAgentsDetailV2", "Total", 5)
    assert len({row.SubAgentUin for row in rows}) == len(rows), len(rows)
    assert all(isinstance(row.CountOfCustomers, int) and row.RemainingCredit <= row.Credit for row in rows)
    assert rows[0].BindTime >= rows[-2].BindTime, "the newest is not the first"


def tencent_vouchers():
    rows = typed_to_the_end("DescribeCustomerVoucherList", "TotalCount", 100)
    assert len({row.VoucherId for row in rows}) == len(rows), len(rows)
    issued = typed_to_the_end("DescribeCustomerVoucherList", "TotalCount", 100, VoucherStatus="Issued")
    assert [row.VoucherId for row in rows if row.VoucherStatus == "Issued"] == [row.VoucherId for row in issued]
    assert all(0 <= row.RemainingAmount <= row.TotalAmount and len(row.ExpireTime) == 19 for row in rows)
    one = typed("DescribeCustomerVoucherList", Page=1, PageSize=100, CustomerUin=rows[0].CustomerUin).Data
    assert {row.CustomerUin for row in one} == {rows[0].CustomerUin}, one


def tencent_partner_refusals():
    for action in "QueryPartnerCredit", "QueryDirectCustomersCredit":
        fails(lambda: typed(action, "SIMULATORNOAUTH"), "UnauthorizedOperation.UinNoAuth")
        fails(lambda: typed(action, KEY[0], "wrong"), "AuthFailure.SignatureFailure")
    for action in "QuerySubAgentsDetailV2", "DescribeCustomerVoucherList":
        fails(lambda: typed(action, Page=1, PageSize=101), "InvalidParameterValue")
        fails(lambda: typed(action, Page=0, PageSize=1), "InvalidParameter.Page")
        fails(lambda: typed(action, Page=1), "MissingParameter")


def huawei_page():
    page = tags(huawei(*KEY), limit=20)
    assert len(page) == 20, len(page)
    assert page[0].customer_tag_type == "SMB" and page[0].new_customer_tag == "Y", page[0]
    assert len(page[0].customer_id) == 32 and len(page[0].effective_time) == 7, page[0]
    assert page[9].new_customer_tag is None and page[9].effective_time is None, page[9]
    assert len(tags(huawei(*KEY))) == 10


def huawei_ids():
    client = huawei(*KEY)
    wanted = [row.customer_id for row in tags(client, limit=3)]
    found = tags(client, customer_ids=wanted + ["0" * 32], limit=200)
    assert sorted(row.customer_id for row in found) == sorted(wanted), found
    fails(lambda: tags(client, customer_ids=["1"] * 201), "CBC.0100")


def huawei_to_the_end():
    client = huawei(*KEY)
    own = [row.customer_id for row in tags_to_the_end(client)]
    assert len(own) == len(set(own)) > 0, len(own)
    assert len(tags_to_the_end(client, limit=97)) == len(own)
    listed = resellers(client, offset=0, limit=100)
    assert listed.count == len(listed.indirect_partners) > 0, listed.count
    counts = [
        len(tags_to_the_end(client, indirect_partner_id=r.indirect_partner_id)) for r in listed.indirect_partners[:3]
    ]
    assert counts[0] > 0 and counts[1:] == [0, 250], counts


def huawei_temporary_key():
    assert tags(huawei(*TEMPORARY))
    fails(lambda: tags(huawei(*TEMPORARY[:2])), "APIGW.0301", 401)


def huawei_refusals():
    fails(lambda: tags(huawei(KEY[0], "wrong")), "APIGW.0301", 401)
    fails(lambda: tags(huawei("SIMULATORNOBODY", "wrong")), "APIGW.0301", 401)
    fails(lambda: tags(huawei("SIMULATORNOAUTH", KEY[1])), "CBC.0151", 403)
    fails(lambda: tags(huawei(*KEY), limit=201), "CBC.0100", 400)
    fails(lambda: tags(huawei(*KEY), indirect_partner_id="0" * 32), "CBC.99000037", 400)


def fails(call, code, status=None):
    try:
        call()
    except TencentCloudSDKException as e:
        assert e.get_code() == code, e
    except ServiceResponseException as e:
        assert e.error_code == code and e.request_id, e
        assert status in (None, e.status_code), e
    else:
        raise AssertionError("answered instead of refusing with " + code)


def main():
    logging.disable(logging.CRITICAL)  # the libraries log each refusal
    connection = http.client.HTTPConnection if base.scheme == "http" else http.client.HTTPSConnection
    try:
        connection(base.hostname, base.port, timeout=5).connect()
    except OSError as e:
        sys.exit(f"no simulator at {sys.argv[1]}: {e}")
    checks = [f for name, f in globals().items() if name.startswith(("tencent_", "huawei_"))]
    failed = 0
    for check in checks:
        try:
            check()
        except Exception as e:
            failed += 1
            print(f"FAIL {check.__name__}: {type(e).__name__}: {e}", file=sys.stderr)
    print(f"{len(checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
