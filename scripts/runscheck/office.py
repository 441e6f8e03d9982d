"""Opens spreadsheets in LibreOffice and returns what it shows, cell by cell."""

import csv
import io
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

OFFICE, TABLE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}", "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
AS_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"  # UTF-8, every sheet a file


def convert(target, folder, files, *options):
    run = subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation=file://{Path(files[0]).parent}/profile", *options, "--convert-to", target, "--outdir", folder, *files],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=300)
    assert run.returncode == 0, run.stderr


def opened(paths):
    """The sheets of each file: lists of rows of (type, value, formula)."""
    with tempfile.TemporaryDirectory() as folder:
        numbered = {Path(folder) / f"{i}{path.suffix}": path for i, path in enumerate(paths)}
        for copy, path in numbered.items():
            copy.write_bytes(path.read_bytes())
        for suffix, options in ((".xlsx", ()), (".csv", ("--infilter=CSV:44,34,76,1",))):
            if some := [f for f in numbered if f.suffix == suffix]:
                convert("fods", folder, some, *options)
        result = {path: sheets(copy.with_suffix(".fods")) for copy, path in numbered.items()}
        # The XML lacks characters that it cannot hold; a CSV has every text as it is in the cell.
        for suffix, options in ((".xlsx", ()), (".csv", ("--infilter=CSV:44,34,76,1",))):
            if some := [f for f in numbered if f.suffix == suffix]:
                convert(AS_CSV, Path(folder) / "texts", some, *options)
        for copy, path in numbered.items():
            for name, rows in result[path].items():
                text = (Path(folder) / "texts" / f"{copy.stem}-{name}.csv").read_bytes().decode("utf-8")
                for row, texts in zip(rows, csv.reader(io.StringIO(text, newline=""))):
                    for i, cell in enumerate(row):
                        if cell[0] == "string":
                            row[i] = ("string", texts[i], cell[2])
        return result


def sheets(path):
    found = {}
    for table in ET.parse(path).iter(TABLE + "table"):
        rows = []
        for row in table.iter(TABLE + "table-row"):
            cells = []
            for cell in row.iter(TABLE + "table-cell"):
                kind = cell.get(OFFICE + "value-type")
                value = cell.get(OFFICE + {"date": "date-value", "boolean": "boolean-value"}.get(kind, "value"))
                if kind == "string":
                    value = "\n".join("".join(p.itertext()) for p in cell)
                cells += [(kind, value, cell.get(TABLE + "formula"))] * min(int(cell.get(TABLE + "number-columns-repeated", "1")), 64)
            rows += [cells] * min(int(row.get(TABLE + "number-rows-repeated", "1")), 2)
        found[table.get(TABLE + "name")] = rows
    return found
