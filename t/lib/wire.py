# SPDX-License-Identifier: BSD-2-Clause
"""Runs a suite through the milter socket, with DNS over the wire.

A fresh daemon for every scenario, because scenarios use the same names and
the resolver remembers failures for some seconds whatever their TTL.  The
result is read from the field that is added at level 1; then the level is
raised, and the explanation is what the client is told.
"""

import sys

import daemon
import dnsserver
import fields
import suite
import tap

SAYS = "The domain "
EXPLAINS = " explains:"


def transaction(filter_, case):
    with filter_.milter() as m:
        m.connect(case.host)
        m.helo(case.helo)
        return m.message(sender=suite.sender(case))


def check_result(filter_, case):
    done = transaction(filter_, case)
    tap.equal(done.refusal, None, "refused at level 1")
    values = done.values("Received-SPF")
    tap.equal(len(values), 1, "Received-SPF fields")
    field = fields.received_spf(values[0])
    tap.equal(field.keys.get("identity"), "mailfrom", "identity")
    suite.check_result(case, field.result)


def explanation(lines):
    """What the publisher explains in the lines of a reply; None: nothing."""
    texts = [line[4:].split(" ", 1)[1] for line in lines]
    for i, text in enumerate(texts):
        if text.startswith(SAYS) and text.endswith(EXPLAINS):
            return " ".join(texts[i + 1:])
    return None


def check_explanation(filter_, case):
    lines = transaction(filter_, case).refusal
    tap.true(isinstance(lines, list), "a reply with a text")
    tap.true(all(line.startswith("550") and line[4:].startswith("5.7.23 ")
        for line in lines), "550 5.7.23 on every line")
    suite.check_explanation(case, explanation(lines))


def options(server):
    return {"dns": server, "behavior": 1, "check_helo": False,
        "hostname": "mx.example.org"}


def run(name):
    scenarios = suite.load(name)
    tap.limit(240)
    runner = tap.Runner()
    for scenario in scenarios:
        cases = [c for c in scenario.cases
            if tap.wanted(suite.label(scenario, c))]
        if not cases:
            continue
        server = dnsserver.DnsServer()
        server.load(scenario.zone, faults=scenario.faults)
        filter_ = daemon.Daemon(**options(server))
        run_scenario(runner, filter_, scenario, cases)
        filter_.end()
    tap.run_last(runner)
    sys.exit(runner.finish())


def run_scenario(runner, filter_, scenario, cases):
    for case in cases:
        runner.case(suite.label(scenario, case), check_result, filter_,
            case)
    explained = [c for c in cases if c.explanation is not None]
    if explained:
        filter_.reload(**{**filter_.options, "behavior": 3})
    for case in explained:
        runner.case("%s: explanation" % suite.label(scenario, case),
            check_explanation, filter_, case)
