# SPDX-License-Identifier: BSD-2-Clause
"""What -t prints as JSON is what share/dry-run.schema.json says, and no more.

The golden cases are the samples.  Keys that the schema does not know are
mistakes here, though its readers have to bear them.
"""

import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import tap

try:
    import jsonschema
except ImportError:
    tap.skip_all("python3-jsonschema is missing")

SCHEMA = os.path.join(HERE, "..", "..", "share", "dry-run.schema.json")


def objects(path):
    with open(path, encoding="ascii") as f:
        text = f.read()
    decoder = json.JSONDecoder()
    while text:
        value, end = decoder.raw_decode(text)
        yield value
        text = text[end:].lstrip()


def strictly(part):
    """No key that is not in the schema."""
    if isinstance(part, dict):
        part = {k: strictly(v) for k, v in part.items()}
        if "properties" in part and part.get("type") == "object":
            part["additionalProperties"] = False
    elif isinstance(part, list):
        part = [strictly(p) for p in part]
    return part


def schema():
    with open(SCHEMA, encoding="utf-8") as f:
        return json.load(f)


def transactions():
    """Those of -t; a record check has another form."""
    for path in sorted(glob.glob(os.path.join(HERE, "**", "expected.json"),
            recursive=True)):
        for value in objects(path):
            if "stages" in value:
                yield os.path.relpath(path, HERE), value


def test_schema_is_one():
    jsonschema.Draft7Validator.check_schema(schema())


def test_every_transaction_is_as_it_says():
    validator = jsonschema.Draft7Validator(strictly(schema()))
    count = 0
    for path, value in transactions():
        count += 1
        for error in validator.iter_errors(value):
            tap.equal(error.message[:400], None, path)
    tap.true(count > 50, "transactions were looked at")


def test_every_kind_of_line_is_among_them():
    kinds = set()

    def walk(lines):
        for line in lines:
            kinds.add(line["kind"])
            kinds.add(line.get("match"))
            kinds.add(line.get("status"))
            walk(line["below"])

    for _, value in transactions():
        for check in (value["helo_check"], value["mailfrom_check"]):
            walk((check or {}).get("trace") or [])
    tap.equal({"record", "question", "term", "default", "rest", "match",
        "no_match", "stopped", "found", "no_data", "no_name", "error"}
        - kinds, set())


def test_what_is_wrong_is_found():
    validator = jsonschema.Draft7Validator(strictly(schema()))
    _, value = next(transactions())
    for change in ({"version": 2}, {"more": 1}, {"action": "drop"}):
        tap.true(not validator.is_valid(dict(value, **change)), change)


tap.main(globals())
