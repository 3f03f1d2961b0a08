#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The manual has every finding of the record check, and every key of its JSON.

The table of src/spf/advise.c has names and severities; keys are those of a
check that is run, where the program is built.
"""

import json
import os
import re
import subprocess
import tempfile

import csource

PROGRAM = os.path.join(os.environ.get("BUILDDIR", "."), "src/spf-milter")
ROW = re.compile(r'\[ADVISE_\w+\] = \{ "([a-z-]+)",\s*ADVISE_(\w+),')
ITEM = re.compile(r"^\.It Li ([a-z-]+) Pq (error|warning|note)$", re.M)
ZONE = """a.example TXT "v=spf1 mx include:b.example -all"
b.example TXT "v=spf1 ip4:192.0.2.1 ptr -all"
"""


def table():
    """[(name, severity)] in the order of the table."""
    text = csource.read("src/spf/advise.c")
    return [(name, severity.lower()) for name, severity in ROW.findall(text)]


def differences(rows, items):
    for row in rows:
        if row not in items:
            yield "%s (%s) is not in the manual" % row
    for item in items:
        if item not in rows:
            yield "%s (%s) is no finding" % item
    if rows != items and not set(rows) ^ set(items):
        yield "the order of the manual is not that of the table"


def check(*args):
    with tempfile.NamedTemporaryFile("w", suffix=".zone") as f:
        f.write(ZONE)
        f.flush()
        p = subprocess.run([PROGRAM, *args, "--json", "-c", "/dev/null",
                            "--zone", f.name], stdout=subprocess.PIPE,
                           check=False)
    return json.loads(p.stdout)


def keys(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    if isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def undocumented(manual, value):
    section = manual[manual.index(".Ss Record check"):
                     manual.index(".Ss Zone texts")]
    words = set(re.findall(r"\w+", " ".join(
        re.findall(r"^\.(?:It )?Li (.*)$", section, re.M))))
    return sorted("%s has no place in the manual" % key
                  for key in set(keys(value)) - words)


def main():
    tap = csource.Tap()
    manual = csource.read("man/spf-milter.8")
    rows = table()
    kinds = re.search(r"enum advise_kind \{(.*?)\};",
                      csource.read("src/spf/advise.h"), re.S)[1]

    tap.report("every kind of finding is a row",
               [] if len(rows) == kinds.count("ADVISE_") else
               ["%d rows of %d" % (len(rows), kinds.count("ADVISE_"))])
    tap.report("the manual has all findings with their severity",
               differences(rows, ITEM.findall(manual)))
    if os.access(PROGRAM, os.X_OK):
        tap.report("the manual has all keys of --json",
                   undocumented(manual, check("--check-domain", "a.example")))
    else:
        tap.skip("the program is not built")
    tap.finish()


if __name__ == "__main__":
    main()
