"""Makes the events that scripts/scf-local.sh sends of those that Tencent's SCF CLI wrote.

Usage: events.py FUNCTION FOLDER < the event of `scf local generate-event`

An API Gateway event is written to FOLDER as it is, and once more as a query for
FUNCTION. A timer's event is written once: with the query that its message has, if
it has one. The CLI escapes what it fills in for HTML, which no trigger does.
"""

import html
import json
import pathlib
import sys

KEY = "plk_SAMPLEKEYSAMPLEKEYSAMPLEKEYSAMPLEKEY"

function, folder = sys.argv[1], pathlib.Path(sys.argv[2])
event = json.load(sys.stdin)


def write(golden, event):
    """Names a file after the golden answer that its event is to get."""
    (folder / f"{golden}.json").write_text(json.dumps(event))


if event.get("Type") == "Timer":
    event["Message"] = html.unescape(event["Message"])
    write("scf-timer" if event["Message"] else "lambda-eventbridge-rule", event)
else:
    sample = json.loads(pathlib.Path(f"functions/{function}/events/scf-cli-api-gateway.json").read_text())
    if event != sample:
        sys.exit(f"the event is not functions/{function}/events/scf-cli-api-gateway.json")
    write("scf-cli-api-gateway", event)
    query = {"path": f"/v1/{function}", "httpMethod": "GET", "queryString": {"limit": "5"}, "body": ""}
    write("scf-api-gateway", event | query | {"headers": event["headers"] | {"X-Api-Key": KEY}})
