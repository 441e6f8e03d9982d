"""Puts an HTTP API before the functions of a built template, for `sam local
start-api`, which knows no Function URLs. For this machine only.

usage: http_api.py BUILT-TEMPLATE NEW-TEMPLATE
"""

import sys

from samcli.yamlhelper import yaml_dump, yaml_parse

built, new = sys.argv[1:]
with open(built, encoding="utf-8") as file:
    template = yaml_parse(file.read())
for name, path in (("CreditFunction", "credit"), ("TagsFunction", "tags")):
    template["Resources"][name]["Properties"]["Events"] = {
        "One": {"Type": "HttpApi", "Properties": {"Method": "ANY", "Path": f"/v1/{path}"}},
        "More": {"Type": "HttpApi", "Properties": {"Method": "ANY", "Path": f"/v1/{path}/{{proxy+}}"}},
    }
with open(new, "w", encoding="utf-8") as file:
    file.write(yaml_dump(template))
