// Runs openapi-fetch, with the types that openapi-typescript makes of
// api/openapi.yaml, against `partnerlens serve --demo` and checks what it gets.
// scripts/clients.sh puts the types, contract.d.ts, beside it.
//
//	node check.js BASE_URL
import createClient from "openapi-fetch";
import type { components, paths } from "./contract.js";

type CreditReport = components["schemas"]["CreditReport"];
type TagsReport = components["schemas"]["TagsReport"];
type Problem = components["schemas"]["Problem"];

const client = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: process.argv[2] });
let checks = 0;

function check(ok: boolean, ...what: unknown[]) {
  checks++;
  if (!ok) {
    console.error("typescript:", ...what.map((w) => JSON.stringify(w)));
    process.exit(1);
  }
}

// A list, page by page.
const seen = new Set<string>();
for (let cursor: string | undefined, total: number | null = null; ; ) {
  const { data, error } = await client.GET("/v1/credit", { params: { query: { limit: 300, cursor } } });
  if (!data) throw error;
  const report: CreditReport = data;
  check(report.schema === "partnerlens.credit/v1" && report.count === report.items.length, report);
  for (const item of report.items) {
    check(!seen.has(item.customer_id), item.customer_id, "is there twice");
    seen.add(item.customer_id);
  }
  total = report.total;
  if (report.next === null) {
    check(report.complete && report.stopped === null, "last page", report);
    check(seen.size === 1000 && total === 1000, seen.size, "customers of", total);
    break;
  }
  check(!report.complete && report.stopped === "limit", "page", report);
  cursor = report.next;
}

// One customer, exactly; null is null.
const get = async (customer_id: string) => (await client.GET("/v1/credit/{customer_id}", { params: { path: { customer_id } } })).data!.items[0]!;
let one = await get("200000100019");
check(one.status === "overdrawn" && one.credit.remaining === "-123.45" && one.credit.allocated === "500.00", one);
check(one.nearest_expiry === "2020-03-01T16:00:00Z" && one.forced === false && one.vendor.Type !== null, one);
one = await get("200000100138");
check(one.nearest_expiry === null && one.forced === true, one);

// Problems.
const missing = await client.GET("/v1/credit/{customer_id}", {
  params: { path: { customer_id: "999999999999" }, header: { "X-Request-Id": "clients-typescript" } },
});
const problem: Problem = missing.error!;
check(missing.response.status === 404 && missing.data === undefined, missing.data);
check(problem.code === "not_found" && problem.param === "customer_id" && problem.request_id === "clients-typescript", problem);
const invalid: Problem = (await client.GET("/v1/tags", { params: { query: { limit: 0 } } })).error!;
check(invalid.code === "invalid_request" && invalid.param === "limit", invalid);

// A POST of ids, and of a member that is one or many.
const ids = ["1589c79e9f134c1a694015b700055453", "unknown"];
const tags: TagsReport = (await client.POST("/v1/tags", { body: { customer_ids: ids } })).data!;
check(tags.count === 1 && tags.missing_ids[0] === "unknown", tags);
const tag = tags.items[0]!;
check(tag.customer_id === ids[0] && tag.status !== undefined && tag.tag.type === "SMB" && tag.reseller_id === null, tag);
const worst: CreditReport = (await client.POST("/v1/credit", { body: { status: ["overdrawn", "exhausted"], limit: 300 } })).data!;
check(worst.count > 0 && worst.count < 300, worst);

// HEAD has no body to decode.
check((await client.HEAD("/v1/tags")).response.status === 200, "HEAD");
check((await client.HEAD("/v1/tags", { params: { query: { limit: 0 } } })).response.status === 400, "HEAD, invalid");

// What must not compile: the other report, the status of the other report, an unknown code.
// @ts-expect-error
const other: CreditReport = tags;
// @ts-expect-error
await client.GET("/v1/credit", { params: { query: { status: ["qualified"], limit: 1 } } });
// @ts-expect-error
check(problem.code !== "notfound", other.schema);

const health = (await client.GET("/healthz")).data!;
check(health.status === "ok" && health.version !== "", health);
const contract = (await client.GET("/openapi.yaml", { parseAs: "text" })).data!;
check(contract.startsWith("openapi: 3.1"), "contract");
console.log(`typescript: ${checks} checks`);
