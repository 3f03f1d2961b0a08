# SPDX-License-Identifier: BSD-2-Clause
"""Runs a suite through the dry run: spf-milter -t --zone FILE --json."""

import concurrent.futures
import json
import os
import sys
import tempfile

import daemon
import dnsserver
import suite
import tap

# Refuses every fail, so that explanations are looked for.
OPTIONS = {"behavior": 3, "check_helo": False, "hostname": "mx.example.org",
    "dns_options": {"query_timeout": "100ms"}}


def write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="latin-1") as f:
        f.write(text)
    return path


def ask(config, zone, case):
    """(exit status, the JSON object) of one case."""
    status, out, err = daemon.run("-t", "-c", config, "--zone", zone,
        "--json", "--ip", case.host, "--helo", case.helo,
        "--sender", suite.sender(case))
    return status, out, err


def check(answer, case):
    status, out, err = answer
    tap.equal(err, "", "standard error")
    tap.equal(out.count("\n"), 1, "lines")
    found = json.loads(out)
    result = found["mailfrom_check"]["result"]
    suite.check_result(case, result)
    tap.equal(status, {"fail": 1, "temperror": 2}.get(result, 0), "status")
    if case.explanation is not None:
        suite.check_explanation(case,
            found["mailfrom_check"].get("explanation"))


def run(name):
    scenarios = suite.load(name)
    tap.limit(240)
    runner = tap.Runner()
    with tempfile.TemporaryDirectory() as directory, \
            concurrent.futures.ThreadPoolExecutor(4) as pool:
        config = write(directory, "conf", daemon.configuration(**OPTIONS))
        for number, scenario in enumerate(scenarios):
            zone = write(directory, "zone%d" % number, dnsserver.zone_text(
                scenario.zone, scenario.faults))
            answers = [(case, pool.submit(ask, config, zone, case))
                for case in scenario.cases
                if tap.wanted(suite.label(scenario, case))]
            for case, answer in answers:
                runner.case(suite.label(scenario, case), check,
                    answer.result(), case)
    sys.exit(runner.finish())
