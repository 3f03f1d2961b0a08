# SPDX-License-Identifier: BSD-2-Clause
"""The arithmetic of bench: what its table and its report say."""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.join(HERE, "..", "..", "bench")
sys.path[:0] = [os.path.join(HERE, "..", "lib"), BENCH]
import table
import tap

CASE = "warm new 16"


def run(messages, seconds, verdicts=None, p99=1.0):
    """What the load generator prints of one run."""
    times = {"p50": p99 / 2, "p99": p99, "max": p99}
    return {"messages": messages, "seconds": seconds,
        "rate": messages / seconds, "errors": 0, "message_ms": times,
        "step_ms": times, "labels": {"simple": {"messages": messages,
        "verdicts": verdicts or {"pass": messages}}}}


def two_rounds():
    """The second is short and disturbed."""
    r = table.Results("ours")
    r.load(CASE, "ours", 0, run(900, 1.0, p99=2), cpu_s=0.9)
    r.load(CASE, "floor", 0, run(1000, 1.0), cpu_s=0.8)
    r.load(CASE, "floor", 1, run(100, 1.0), cpu_s=0.08)
    r.load(CASE, "ours", 1, run(90, 0.5, p99=6), cpu_s=0.27)
    return r


def reached(least):
    r = two_rounds()
    r.ratio_goal(CASE, "ours", "floor", "rate", least=least)
    return r.goals[0]["reached"]


def report(found, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        json.dump(found, f)
        f.flush()
        return subprocess.run([sys.executable, os.path.join(BENCH, "report"),
            f.name, *options], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, check=False)


def found(results):
    return {"ours": results.ours, "conditions": "two runs",
        "runs": results.rows, "goals": results.goals,
        "wrong": results.wrong}


def test_rate_and_cpu_are_of_sums():
    r = two_rounds()
    tap.equal(r.total(CASE, "ours", "rate"), 660.0)
    tap.equal(round(r.total(CASE, "ours", "cpu"), 3), 118.182)
    tap.equal(r.total(CASE, "floor", "cpu"), 80.0)


def test_latency_is_a_median():
    tap.equal(two_rounds().total(CASE, "ours", "p99"), 4.0)


def test_ratio_of_sums_stands_before_those_of_rounds():
    tap.equal(two_rounds().ratio_text(CASE, "ours", "floor"),
        "1.20 (0.90/1.35/1.80)")


def test_goal_is_judged_by_the_ratio_of_sums():
    tap.equal((reached(1.19), reached(1.21)), (True, False))


def test_other_filter_that_did_not_run_is_no_goal():
    r = two_rounds()
    r.ratio_goal(CASE, "ours", "rspamd", "rate", least=1)
    tap.equal(r.goals, [])


def test_wrong_verdict_is_noticed():
    r = table.Results("ours")
    with contextlib.redirect_stdout(io.StringIO()):
        r.load(CASE, "floor", 0, run(2, 1.0, {"none": 2}))
        tap.equal(r.wrong, False)
        r.load(CASE, "ours", 0, run(2, 1.0, {"pass": 1, "none": 1}))
    tap.equal(r.wrong, True)


def test_report_has_a_line_for_each_filter_beside_ours():
    done = report(found(two_rounds()))
    tap.equal(done.returncode, 0)
    cells = [c.strip() for c in done.stdout.split("\n")[-3].split("|")[1:-1]]
    tap.equal(cells, [CASE, "floor", "660 : 550", "1.20 (0.90/1.35/1.80)",
        "118.2 : 80.0", "1.48 (1.25/2.50/3.75)", "4.0 : 1.0", "- : -"])


def test_report_refuses_wrong_verdicts():
    r = two_rounds()
    r.wrong = True
    done = report(found(r))
    tap.equal((done.returncode, done.stdout), (1, ""))


def test_report_draws_or_says_why_not():
    done = report(found(two_rounds()), "--svg", "/dev/null")
    tap.equal(done.returncode, 1)
    wanted = "cases warm and peers"
    try:
        import matplotlib  # pylint: disable=unused-import
    except ImportError:
        wanted = "needs matplotlib"
    tap.equal(wanted in done.stderr, True)


tap.main(globals())
