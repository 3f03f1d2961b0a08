# SPDX-License-Identifier: BSD-2-Clause
"""The record check beside the RFC 7208 suite, offline.

Where the suite wants permerror the check has an error, and it tells that a
client passes if and only if the suite does, but for terms of which it says
that they depend on the message.
"""

import concurrent.futures
import ipaddress
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import dnsserver
import offline
import suite
import tap

OPEN = ("not-followed", "ptr")


def domain(case):
    """The one that is checked."""
    return case.mailfrom.split("@")[-1] or case.helo


def ask(zone, name):
    return daemon.run("-c", "/dev/null", "-o", "dns.query_timeout=100ms",
        "--zone", zone, "--json", "--check-domain", name)


def client(case):
    address = ipaddress.ip_address(case.host)
    return getattr(address, "ipv4_mapped", None) or address


def passes(found, case):
    address = client(case)
    return any(address in ipaddress.ip_network(network)
        for network in found["pass"]["ip%d" % address.version]["networks"])


def check(answer, case):
    status, out, err = answer
    if status == 64:		# no domain at all
        tap.equal(case.results, ["none"], err)
        return
    tap.true(status in (0, 1, 2), "status %d" % status)
    found = json.loads(out)
    if case.results == ["permerror"]:
        tap.equal(status, 2)
    depends = any(f["name"] in OPEN for f in found["findings"])
    if passes(found, case):
        tap.contains(case.results, "pass")
    elif not depends:
        tap.true(case.results != ["pass"], "it does not pass")


def main():
    tap.limit(240)
    runner = tap.Runner()
    with tempfile.TemporaryDirectory() as directory, \
            concurrent.futures.ThreadPoolExecutor(4) as pool:
        for number, scenario in enumerate(suite.load("rfc7208-tests.yml")):
            zone = offline.write(directory, "zone%d" % number,
                dnsserver.zone_text(scenario.zone, scenario.faults))
            cases = [c for c in scenario.cases
                if tap.wanted(suite.label(scenario, c))]
            answers = {name: pool.submit(ask, zone, name)
                for name in {domain(c) for c in cases}}
            for case in cases:
                runner.case(suite.label(scenario, case), check,
                    answers[domain(case)].result(), case)
    sys.exit(runner.finish())


main()
