"""Reads a store of runs as docs/runs.md describes, and compares.

What is expected comes from plain Python over the same files. The SQL comes from
the page itself: DuckDB's runs as it stands; Athena's is parsed as Athena's, its
table is filled from the folders that its partition projection names, and the rest
is translated to DuckDB's dialect and run there. Athena itself is not part of this.

Spreadsheets are opened in LibreOffice (office.py), and every cell is compared.

Usage: check.py STORE docs/runs.md PARTNERLENS (a store with complete runs of two days, which
are put in place of the page's 2026-11-21 and 2026-11-22). What no reader may look
at is added to it.
"""

import csv
import datetime
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from decimal import Decimal, getcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import exp

from office import opened

getcontext().prec = 100  # amounts have more digits than the usual 28

store = Path(sys.argv[1]).resolve()
BEFORE, AFTER = sorted(p.name for p in (store / "runs/credit/default").iterdir() if p.is_dir())
TODAY = datetime.date.fromisoformat(AFTER)  # what NOW is taken for


def day(written):
    """The day that stands for one of the page's."""
    return str(TODAY + (datetime.date.fromisoformat(written) - datetime.date(2026, 11, 22)))


page = re.sub(r"2026-11-[0-9]{2}", lambda m: day(m[0]), Path(sys.argv[2]).read_text(encoding="utf-8"))
passed, failed = 0, 0


def check(what, ok, *details):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    print("ok  " if ok else "FAIL", what)
    if not ok:
        for detail in details:
            print("     ", str(detail)[:2000])


# ---- what the files say, in plain Python


def lines(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    assert data == b"" or data.endswith(b"\n"), path
    return [json.loads(line) for line in data.decode("utf-8").split("\n")[:-1]]


class Run:
    def __init__(self, folder):
        self.folder = folder
        self.fn, self.account, self.run = folder.parts[-3:]
        self.manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.customers = lines(folder / "customers.ndjson.gz")
        self.changes = lines(folder / "changes.ndjson")
        start = datetime.datetime.fromisoformat(self.manifest["period_start"].replace("Z", "+00:00"))
        midnight = datetime.datetime.fromisoformat(self.run[:10]).replace(tzinfo=datetime.timezone.utc)
        self.zone = datetime.timezone(midnight - start)


def complete_runs():
    runs = []
    for manifest in sorted(store.glob("runs/*/*/*/manifest.json")):
        m = json.loads(manifest.read_text(encoding="utf-8"))
        if m["complete"] and not m["read_late"]:
            runs.append(Run(manifest.parent))
    return runs


def add_what_is_no_run(of):
    """Runs in progress, incomplete, unfinished, or read late."""

    def copy(run, *names):
        folder = of.folder.parent / run
        folder.mkdir()
        for name in names:
            shutil.copy(of.folder / name, folder / name)
        return folder

    everything = [p.name for p in of.folder.iterdir() if p.is_file()]
    newer = day("2026-11-23")
    folder = copy(newer, *everything)  # newer than the newest
    (folder / "manifest.json").write_text(json.dumps(of.manifest | {"run": newer, "complete": False}) + "\n")
    half = gzip.decompress((folder / "customers.ndjson.gz").read_bytes()).splitlines(keepends=True)[::2]
    (folder / "customers.ndjson.gz").write_bytes(gzip.compress(b"".join(half)))
    folder = copy(day("2026-11-20"), "customers.ndjson.gz", "customers.csv", "changes.ndjson")
    (folder / "work").mkdir()
    shutil.copy(of.folder / "customers.ndjson.gz", folder / "work" / "part-0000-X.ndjson.gz")
    (folder / "work" / "checkpoint.json").write_text('{"complete":true}\n')
    copy(day("2026-11-19"), *(name for name in everything if name != "manifest.json"))
    late = copy(day("2026-11-18"), *everything)  # of another day than its name's
    (late / "manifest.json").write_text(json.dumps(of.manifest | {"run": late.name, "read_late": True}) + "\n")


def check_files(run):
    name = "/".join(run.folder.parts[-3:])
    m = run.manifest
    wrong = []
    for o in m["objects"]:
        data = (run.folder / o["name"]).read_bytes()
        if len(data) != o["bytes"] or hashlib.sha256(data).hexdigest() != o["sha256"]:
            wrong.append(o["name"])
    rows = {o["name"]: o["rows"] for o in m["objects"]}
    check(f"{name}: the objects are as the manifest says", not wrong and len(rows) == (8 if run.fn == "credit" else 7), wrong)
    check(
        f"{name}: {m['count']} customers, by status and in order",
        m["count"] == len(run.customers) == rows["customers.ndjson.gz"] == rows["customers.csv"]
        and m["by_status"] == Counter(c["status"] for c in run.customers)
        and [key(c) for c in run.customers] == sorted({key(c) for c in run.customers}),
        m["by_status"],
    )
    counted = Counter(c["change"] for c in run.changes)
    check(
        f"{name}: since {m['previous']}: {dict(counted)}",
        m["changes"] == {kind: counted[kind] for kind in ("new", "gone", "changed")} and rows["changes.ndjson"] == len(run.changes),
        m["changes"],
    )
    alerts = json.loads((run.folder / "alerts.json").read_text(encoding="utf-8"))["alerts"]
    check(f"{name}: {len(alerts)} alerts", m["alerts"] == Counter(a["kind"] for a in alerts) and rows["alerts.json"] == len(alerts), m["alerts"])
    conditions = json.loads((run.folder / "open.json").read_text(encoding="utf-8"))["alerts"]
    check(f"{name}: {len(conditions)} open conditions", m["open"] == Counter(a["kind"] for a in conditions) and rows["open.json"] == len(conditions), m["open"])
    return alerts


def key(customer):
    reseller = customer.get("reseller_id")
    return customer["customer_id"] if reseller is None else reseller + "/" + customer["customer_id"]


# The columns that are not of the list itself: without a value they may not have been read.
DETAILS = {"voucher_remaining", "voucher_expiry", "name", "account_name", "email", "mobile", "label", "association", "owner", "crm_id", "reseller_name"}


def check_changes(before, after):
    """The changes that were written are those between the two runs."""
    old, new = ({key(c): flat(c) for c in run.customers} for run in (before, after))
    expected = {}
    for k in old.keys() | new.keys():
        if k not in old:
            expected[k] = ("new", None)
        elif k not in new:
            expected[k] = ("gone", None)
        else:
            not_read = {f for f in DETAILS if not old[k].get(f) or not new[k].get(f)}
            fields = {f: (old[k][f], new[k][f]) for f in old[k] if old[k][f] != new[k][f] and f not in not_read | {"used", "days_left"}}
            if fields:
                expected[k] = ("changed", fields)
    got = {}
    for c in after.changes:
        fields = {f: (v["old"], v["new"]) for f, v in c["fields"].items()} if "fields" in c else None
        got[c["key"]] = (c["change"], fields)
    check(f"{after.fn}: changes.ndjson is what lies between the days", got == expected and got, *(got.items() ^ expected.items() if got.keys() != expected.keys() else []))


def flat(customer):
    """A customer by the columns of customers.csv, as text."""

    def text(v):
        return "" if v is None else str(v).lower() if isinstance(v, bool) else str(v)

    cells = {}
    for name, v in customer.items():
        if name in ("vendor", "account_manager"):
            continue
        if name == "vouchers":
            cells |= {"voucher_remaining": text(v and v["remaining"]), "voucher_expiry": text(v and v["nearest_expiry"])}
            continue
        if name == "credit":
            cells |= {inner: text(w) for inner, w in v.items()}
        elif name == "tag":
            cells |= {"tag_" + inner: text(w) for inner, w in v.items()}
        else:
            cells[name] = text(v)
    return cells


# ---- the spreadsheets

# The moments, and the columns of CSV with their local dates.
DATES = {"associated_at": "associated_date", "nearest_expiry": "nearest_expiry_date", "voucher_expiry": "voucher_expiry_date", "expires_at": "valid_until"}


def local(column, text, zone):
    """The local time of a moment; for the end of a period that of its last second."""
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if column == "expires_at":
        at -= datetime.timedelta(seconds=1)
    return at.astimezone(zone).replace(tzinfo=None)


def with_dates(cells, zone):
    dates = {DATES[c]: local(c, text, zone).date().isoformat() if text else "" for c, text in cells.items() if c in DATES}
    return cells | dates

NUMBERS = {"allocated", "remaining", "used", "days_left", "voucher_remaining"}
# What a spreadsheet would make a number, a date or a time of.
CONVERTED = re.compile(r"[+-]?[0-9][0-9.]*([eE][+-]?[0-9]+)?|[0-9]{1,4}([-/.][0-9]{1,4}){1,2}|[0-9]{1,4}(:[0-9]{1,2}){1,2}")
FORMULA = "=+-@\t\r＝＋－＠"


def check_spreadsheet(run):
    name = "/".join(run.folder.parts[-3:]) + "/customers.csv"
    data = (run.folder / "customers.csv").read_bytes()
    check(f"{name}: a byte order mark, and every line ends in CRLF", data.startswith(b"\xef\xbb\xbf") and data.endswith(b"\r\n"))
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    header, rows = rows[0], rows[1:]
    check(f"{name}: {len(rows)} rows, each {len(header)} wide", {len(row) for row in rows} == {len(header)} and len(rows) == len(run.customers))
    wrong, protected = [], 0
    for row, customer in zip(rows, run.customers):
        expected = with_dates(flat(customer), run.zone)
        if set(header) != expected.keys():
            wrong.append((header, list(expected)))
            break
        for column, cell in zip(header, row):
            if column in NUMBERS:
                if cell != expected[column] or cell and not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell):
                    wrong.append((column, cell))
                continue
            shown = cell
            if m := re.fullmatch(r'="([^"]*)"', cell):  # what a spreadsheet makes of it is the text itself
                shown, protected = m[1], protected + 1
            elif CONVERTED.fullmatch(cell) and column not in DATES.values() or cell.startswith(tuple(FORMULA)):
                wrong.append((column, cell))
            if shown.replace("'", "") != expected[column].replace("'", ""):
                wrong.append((column, cell, expected[column]))
    check(f"{name}: ids and months stay text ({protected} cells), no formula, all else as in the lines", not wrong and protected, *wrong[:5])


def check_cells(name, rows, columns, customers, zone):
    """The rows of a sheet are the customers; the lines of JSON have the truth."""
    wrong, kinds = [], Counter()
    if len(rows) < len(customers):
        wrong.append((len(rows), len(customers)))
    for row, customer in zip(rows, customers):
        expected = with_dates(flat(customer), zone)
        for column, (kind, value, formula) in zip(columns, row):
            want, ok = expected[column], True
            if name.endswith(".csv"):
                want = want.replace("\x00", "")  # LibreOffice drops it from a CSV
            kinds[kind] += 1
            if name.endswith(".csv"):  # the protected ids and months are texts that a formula gives
                ok = formula is None or re.fullmatch(r'of:="[0-9eE.,:/%年月日 -]+"', formula)
                if column in DATES.values():
                    ok = ok and (kind, value) == (("date", want) if want else (None, None))
                elif kind == "string":
                    ok = ok and value.replace("'", "").split() == want.replace("'", "").split()
            elif formula is not None or (kind is None) != (want == ""):
                ok = False
            elif kind is None:
                pass
            elif column in NUMBERS:
                digits = re.sub(r"^-?0*\.?0*|\.|(?<=\.)0+$", "", want.rstrip("0") if "." in want else want)
                ok = (kind, value) == ("string", want) if len(digits) > 15 else kind == "float" and Decimal(value) == Decimal(want)
            elif column in DATES:
                at = local(column, want, zone)
                ok = kind == "date" and datetime.datetime.fromisoformat(value) == (at.replace(hour=0, minute=0, second=0) if column == "expires_at" else at)
            else:
                ok = kind == "string" and value == want.replace("\r\n", "\n")
            if not ok:
                wrong.append((customer["customer_id"], column, kind, value, formula, want))
    check(f"{name}: in LibreOffice {sum(kinds.values())} cells are as in the JSON, and no cell is a formula: {dict(kinds)}", not wrong, *wrong[:5])


def check_office(runs):
    books = {run.folder / "customers.xlsx": run for run in runs}
    tables = {run.folder / "customers.csv": run for run in runs}
    files = opened([*books, *tables])
    for path, run in books.items():
        name = "/".join(path.parts[-4:])
        sheets = files[path]
        check(f"{name}: {[*sheets]}", [*sheets] == ["Customers", "Changes", "Alerts", "Open alerts", "Run"])
        first = {rows[0][0][1].split(",")[0] for rows in sheets.values()}
        check(f"{name}: {first}", first == {f"Complete: all {run.manifest['count']} customers of {run.manifest['provider']}/{run.account}"})
        zone = "UTC" + datetime.datetime(2026, 1, 1, tzinfo=run.zone).isoformat()[-6:]
        titles = [cell[1] for cell in sheets["Customers"][1] if cell[1]]
        columns = [c for c in csv_header(run) if c not in DATES.values()]
        dated = [t for t, c in zip(titles, columns) if c in DATES]
        check(f"{name}: {len(titles)} titles, those of dates name {zone}", len(titles) == len(columns) and all(t.endswith(f" ({zone})") for t in dated), titles)
        check_cells(name, sheets["Customers"][2:], columns, run.customers, run.zone)
        changed = sum(len(c.get("fields", {1: 1})) for c in run.changes)
        listed = {o: len(json.loads((run.folder / o).read_text(encoding="utf-8"))["alerts"]) for o in ("alerts.json", "open.json")}
        got = [sum(1 for row in sheets[s][2:] if row and row[0][1]) for s in ("Changes", "Alerts", "Open alerts")]
        check(f"{name}: changes, alerts and open conditions {got}", got == [changed, *listed.values()], changed, listed)
        formulas = [cell for rows in sheets.values() for row in rows for cell in row if cell[2]]
        check(f"{name}: no formula in any sheet", not formulas, *formulas[:5])
    for path, run in tables.items():
        check_cells("/".join(path.parts[-4:]), next(iter(files[path].values()))[1:], csv_header(run), run.customers, run.zone)


def csv_header(run):
    with (run.folder / "customers.csv").open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file))


# Names that customers may choose.
HOSTILE = [a + b for a in ("=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "＝", "'=", '"=', ";=", "\ufeff=") for b in ("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://example.com")', "A1", "")]
HOSTILE += ["a\tb", "a\nb", "a\rb", "\x00x", "x\x01\x1fy", "\x7f\x85", "_x0041_", "_x005F_", "__x0041_", "_xD800_", "_x000d_x", "\ufffe", "\uffffx", "\u202eabc", "\u2028", "  two  "]
HOSTILE += ["<b>&amp;</b>", "]]>", "样本云杉科技有限公司", "😀👩‍👩‍👧", "007", "1e5", "2026-11", "TRUE", "#REF!", "http://example.com/", "1/2", "12:30", "云" * 3000]


class Vendor(BaseHTTPRequestHandler):
    """A vendor whose customers have these names."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        first = (asked.get("Page", 1) - 1) * asked.get("PageSize", 100)
        data = [
            {"ClientUin": 200000000000 + i, "Name": name, "Remark": name[::-1], "Credit": 1000, "RemainingCredit": -480.5, "Force": 0, "IdentifyType": 1,
             "Type": "1", "Mobile": "", "Email": "", "AssociationTime": f"2017-03-01 {i // 60:02}:{i % 60:02}:00", "RecentExpiry": "2017-03-01"}
            for i, name in enumerate(HOSTILE)
        ][first : first + asked.get("PageSize", 100)]
        body = json.dumps({"Response": {"Total": len(HOSTILE), "Data": data, "RequestId": "00000000-0000-4000-8000-000000000000"}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def check_hostile(binary):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = os.environ | {
        "PARTNERLENS_TENCENT_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "PARTNERLENS_TENCENT_SECRET_ID": "SIMULATORID",
        "PARTNERLENS_TENCENT_SECRET_KEY": "simulator-secret", "PARTNERLENS_TENCENT_RATE": "0", "LANG": "C", "LC_ALL": "C"}
    files = {suffix: store / f"hostile.{suffix}" for suffix in ("ndjson", "xlsx", "csv")}
    for path in files.values():
        subprocess.run([binary, "credit", "--quiet", "--file", path, *(["--profile", "excel"] if path.suffix == ".csv" else [])], env=env, check=True)
    server.shutdown()
    customers = [c for c in lines(files["ndjson"]) if "customer_id" in c]
    check(f"{len(HOSTILE)} hostile names were read", len(HOSTILE) >= 80 and [c["name"] for c in customers] == HOSTILE)
    got = opened([files["xlsx"], files["csv"]])
    with files["csv"].open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file))
    zone = datetime.timezone(datetime.timedelta(hours=8))
    check_cells("hostile.xlsx", got[files["xlsx"]]["Customers"][2:], [c for c in header if c not in DATES.values()], customers, zone)
    check_cells("hostile.csv", next(iter(got[files["csv"]].values()))[1:], header, customers, zone)
    for path in files.values():
        path.unlink()


# ---- what the page's questions must be answered


def answers(runs):
    newest = {}
    for run in runs:
        newest[run.fn, run.account] = max(newest.get((run.fn, run.account), ""), run.run)
    is_newest = [run for run in runs if newest[run.fn, run.account] == run.run]

    def sum_of(values):
        known = [v for v in values if v is not None]
        return sum(known) if known else None

    def in_order(rows):
        return sorted(rows, key=lambda row: [(v is None, v) for v in row])

    left = defaultdict(list)
    for run in is_newest:
        if run.fn == "credit":
            for c in run.customers:
                left[run.account, c["status"], c["credit"]["currency"]].append(decimal(c["credit"]["remaining"]))
    credit_left = in_order((*k, len(v), sum_of(v)) for k, v in left.items())

    moved = defaultdict(list)
    for run in runs:
        if run.fn == "credit" and run.run == AFTER:
            for c in run.changes:
                fields = c.get("fields", {})
                status, remaining = fields.get("status", {}), fields.get("remaining", {})
                old, new = decimal(remaining.get("old")), decimal(remaining.get("new"))
                by = None if old is None or new is None else new - old
                moved[run.account, c["change"], status.get("old"), status.get("new")].append(by)
    changed = in_order((*k, len(v), sum_of(v)) for k, v in moved.items())

    by_day = {day: {} for day in (BEFORE, AFTER)}
    for run in runs:
        if run.fn == "credit" and run.run in by_day:
            for c in run.customers:
                by_day[run.run][run.account, c["customer_id"]] = decimal(c["credit"]["remaining"])
    between = []
    for customer in by_day[BEFORE].keys() & by_day[AFTER].keys():
        a, b = by_day[BEFORE][customer], by_day[AFTER][customer]
        if a != b:
            between.append((a is None or b is None, Decimal(0) if a is None or b is None else b - a, *customer, a, b))
    between = [row[2:] for row in sorted(between, key=lambda row: row[:4])[:20]]

    days = [str(TODAY - datetime.timedelta(days=n)) for n in range(6, -1, -1)]
    have = {(run.run[:10], run.fn, run.account) for run in runs}
    missing = in_order({(day, *of) for day, of in product(days, newest)} - have)

    ends = Counter()
    for run in is_newest:
        if run.fn == "tags":
            ends.update((run.account, c["expire_month"]) for c in run.customers if c["status"] == "qualified")
    return {
        "credit left": credit_left,
        "what changed": changed,
        "between two days": between,
        "days with no run": missing,
        "tags that end": in_order((*k, n) for k, n in ends.items()),
    }


def decimal(text):
    return None if text in (None, "") else Decimal(text)


# ---- the page's SQL


def sql_of(section):
    """The statements of a section, and its questions by their titles."""
    text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", page, re.M | re.S)[1]
    statements, questions = [], {}
    for block in re.findall(r"^```sql\n(.*?)^```$", text, re.M | re.S):
        for statement in re.split(r";[ \t]*\n+", block):
            if not statement.strip():
                continue
            if title := re.match(r"-- ([a-z ]+):", statement):
                questions[title[1]] = statement
            else:
                statements.append(statement)
    return statements, questions


def compare(where, questions, ask, expected):
    check(f"{where}: the page asks {len(questions)} questions", questions.keys() == expected.keys(), *questions)
    for title, question in questions.items():
        try:
            got = [tuple(row) for row in ask(question)]
        except Exception as err:  # whatever a library raises is a failure of the page
            check(f"{where}: {title}", False, err)
            continue
        want = [tuple(row) for row in expected[title]]
        check(f"{where}: {title}: {len(got)} rows", got == want and got, *[f"{g}  want {w}" for g, w in zip(got, want) if g != w][:5], (len(got), len(want)))


def with_duckdb(expected):
    statements, questions = sql_of("DuckDB")
    os.chdir(store)
    db = duckdb.connect()
    for statement in statements:
        db.execute(statement)
    compare("DuckDB", questions, lambda question: db.execute(question).fetchall(), expected)


def with_athena(expected):
    statements, questions = sql_of("Athena")
    db = duckdb.connect()
    tables = 0
    for statement in statements:
        tree = sqlglot.parse_one(statement, read="athena")
        if tree.kind == "TABLE":
            fill(db, tree)
            tables += 1
        else:
            db.execute(translate(tree))
    check(f"Athena: {tables} table and {len(statements) - tables} views", tables == 1 and len(statements) > 1)
    rows = db.execute('SELECT count(line), count(DISTINCT "$path") FROM partnerlens_objects').fetchone()
    others = db.execute("SELECT count(*) FROM partnerlens_objects WHERE run NOT IN (?, ?)", [BEFORE, AFTER]).fetchone()
    check(f"Athena: the table has {rows[0]} lines of {rows[1]} objects, {others[0]} of them of what is no run", others[0] > 0)
    compare("Athena", questions, lambda question: db.execute(translate(sqlglot.parse_one(question, read="athena"))).fetchall(), expected)


def translate(tree):
    def as_trino_does(node):
        # What is no JSON has no fields; DuckDB would end the query.
        if isinstance(node, exp.JSONExtractScalar):
            valid = exp.Anonymous(this="json_valid", expressions=[node.this.copy()])
            return exp.Case().when(valid, node)
        return node

    return tree.transform(as_trino_does).sql(dialect="duckdb")


def fill(db, tree):
    """Fills the table with every line of every object below the locations that
    the projection names, as Athena reads them."""
    said = {p.this.name if isinstance(p.this, exp.Expression) else str(p.this): p.args["value"].name for p in tree.find_all(exp.Property) if p.args.get("value") is not None and type(p) is exp.Property}
    template = said["storage.location.template"]
    columns = re.findall(r"\$\{(\w+)\}", template)
    declared = [c.name for c in tree.find(exp.PartitionedByProperty).this.expressions]
    check("Athena: every partition column has a projection and a place in the template", said["projection.enabled"] == "true" and columns == declared, columns, declared)
    location = tree.find(exp.LocationProperty).this.name
    check("Athena: the template lies below the location", template.startswith(location) and location.endswith("/") and template.endswith("/"), location, template)
    pattern = re.compile(tree.find(exp.SerdeProperties).expressions[0].args["value"].name, re.S)

    values = {}
    for column in columns:
        if said[f"projection.{column}.type"] == "enum":
            values[column] = said[f"projection.{column}.values"].split(",")
            continue
        first, last = (TODAY + datetime.timedelta(days=int(re.fullmatch(r"NOW([+-][0-9]+)DAYS", end)[1])) for end in said[f"projection.{column}.range"].split(","))
        assert said[f"projection.{column}.format"] == "yyyy-MM-dd" and said[f"projection.{column}.interval"] == "1"
        values[column] = [str(first + datetime.timedelta(days=n)) for n in range((last - first).days + 1)]

    text = [c.name for c in tree.find(exp.Schema).expressions if isinstance(c, exp.ColumnDef)]
    db.execute(f'CREATE TABLE {tree.find(exp.Table).name} ({text[0]} VARCHAR, {", ".join(c + " VARCHAR" for c in columns)}, "$path" VARCHAR)')
    for chosen in product(*(values[c] for c in columns)):
        place = template
        for column, value in zip(columns, chosen):
            place = place.replace("${" + column + "}", value)
        folder = store / "runs" / place[len(location) :]
        rows = []
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            if path.name.startswith(("_", ".")):
                continue
            data = path.read_bytes()
            if path.suffix == ".gz":
                data = gzip.decompress(data)
            for line in data.decode("utf-8", errors="replace").removesuffix("\n").split("\n") if data else []:
                m = pattern.fullmatch(line)
                rows.append((m and m[1], *chosen, location + str(path.relative_to(store / "runs"))))
        if rows:
            db.executemany(f"INSERT INTO {tree.find(exp.Table).name} VALUES ({', '.join('?' * len(rows[0]))})", rows)


# ---- the page's tables

LATEST = {"run", "as_of", "manifest", "customers", "count", "open", "query", "resellers", "sample"}


def check_words(runs, alerts):
    """Every field that the files have is on the page."""
    fields = set()
    for run in runs:
        fields |= run.manifest.keys() | {f for o in run.manifest["objects"] for f in o}
        fields |= {f for c in run.customers for f in c if f not in ("credit", "tag")}
        fields |= {f for c in run.changes for f in c}
        latest = json.loads((run.folder.parent / "latest.json").read_text(encoding="utf-8"))
        check(f"{run.fn}/{run.account}: latest.json", latest.keys() == LATEST and (store / latest["manifest"]).is_file(), latest.keys() ^ LATEST)
        fields |= LATEST
    fields |= {f for a in alerts for f in a}
    names = set(re.findall(r"`\.?(?:credit\.|tag\.)?([a-z_0-9]+)`", page))
    check(f"the page names all {len(fields)} fields of the files", fields <= names, fields - names)
    statuses = {c["status"] for run in runs for c in run.customers}
    check("the page names every status", statuses <= names, statuses - names)


def main():
    runs = complete_runs()
    have = {(r.fn, r.account, r.run) for r in runs}
    want = {("credit", "default", BEFORE), ("credit", "default", AFTER), ("credit", "north", AFTER), ("tags", "default", BEFORE), ("tags", "default", AFTER)}
    check("the store has the runs that were made", have == want, have)
    by = {(r.fn, r.account, r.run): r for r in runs}
    alerts = []
    for run in runs:
        alerts += check_files(run)
        check_spreadsheet(run)
    check_office(runs)
    check_hostile(sys.argv[3])
    for fn in ("credit", "tags"):
        check_changes(by[fn, "default", BEFORE], by[fn, "default", AFTER])
    check_words(runs, alerts)
    add_what_is_no_run(by["credit", "default", AFTER])
    expected = answers(complete_runs())
    with_duckdb(expected)
    with_athena(expected)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
