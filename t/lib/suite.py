# SPDX-License-Identifier: BSD-2-Clause
"""The openspf.org test suites: scenarios of zone data and cases.

They come with other SPF implementations (Debian:
golang-blitiri-go-spf-dev) and are read where they are installed.
"""

import collections
import os

import yaml

import dnsserver
import tap

DEFAULT = "DEFAULT"		# no explanation of the publisher
PLACES = (os.environ.get("SPF_TESTDATA", ""),
    "/usr/share/gocode/src/blitiri.com.ar/go/spf/testdata",
    "/usr/share/doc/python3-spf/test")

# results: the allowed ones, the preferred one first; explanation: or None.
Case = collections.namedtuple("Case",
    "name host helo mailfrom results explanation")
Scenario = collections.namedtuple("Scenario", "name zone faults cases")


def find(name):
    for place in PLACES:
        path = os.path.join(place, name)
        if place and os.path.exists(path):
            return path
    return None


def load(name):
    """The scenarios; skips the whole test file if they are not there."""
    path = find(name)
    if path is None:
        tap.skip_all("no %s: install golang-blitiri-go-spf-dev or set "
            "SPF_TESTDATA to its directory" % name)
    with open(path, encoding="utf-8") as f:
        return [scenario(d) for d in yaml.safe_load_all(f) if d]


def scenario(document):
    zone = {}
    faults = {}
    for name, entries in document["zonedata"].items():
        zone[name.lower()], broken = records(name, entries)
        if broken:
            faults[name.lower()] = dnsserver.TIMEOUT
            # What is written down is answered all the same.
            faults.update({(name.lower(), kind): None
                for kind in zone[name.lower()]})
    return Scenario(document["description"], zone, faults,
        [case(n, t) for n, t in document["tests"].items()])


def case(name, test):
    results = test["result"]
    return Case(name, test["host"], test["helo"], test["mailfrom"],
        [results] if isinstance(results, str) else results,
        test.get("explanation"))


def records(name, entries):
    """({type: values}, whether other types time out) of one name."""
    rows = {}
    spf = []
    broken = False
    for entry in entries:
        (kind, value), = (entry.items() if isinstance(entry, dict)
            else [(entry, True)])
        if kind == "TIMEOUT":
            broken = True
        elif kind == "SPF":
            spf.append(value)
        elif kind == "CNAMELOOP":
            rows.setdefault("CNAME", []).append(name)
        else:
            rows.setdefault(kind, []).append(value)
    # Records of the abandoned type 99 stand for TXT unless TXT is given.
    texts = [t for t in rows.get("TXT", spf) if t != "NONE"]
    rows.pop("TXT", None)
    if texts:
        rows["TXT"] = texts
    return rows, broken


def sender(case):
    return "<%s>" % case.mailfrom


def label(scenario, case):
    return "%s: %s" % (scenario.name, case.name)


def check_result(case, got):
    if got not in case.results:
        raise AssertionError("got %s, want %s\nhost %s helo %r sender %r" % (
            got, " or ".join(case.results), case.host, case.helo,
            case.mailfrom))


def check_explanation(case, got):
    """got: what the publisher is quoted with; None: nothing."""
    want = None if case.explanation == DEFAULT else case.explanation
    tap.equal(got, want, "explanation")
