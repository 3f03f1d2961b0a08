# SPDX-License-Identifier: BSD-2-Clause
"""Random policies: our verdict against those of pyspf and of Mail::SPF.

    differential.py [--seed N] [--count N] [--first N]

A disagreement must belong to a class of disagreements.txt: the peer agrees
with us once the one thing that the class describes is repaired in it.  Any
other is a failed test that prints a small zone and the transaction.  Each
class has its own example as a test.
"""

import argparse
import ast
import collections
import json
import multiprocessing
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import daemon
import dnsserver
import grammar
import peers
import policies
import tap

SEED = 7208
COUNT = 2000
WORKERS = 2
PRINTED = 3			# reproductions of one zone
EXITS = (0, 1, 2, 65)		# of a dry run that comes to its end
GROWTH = 3			# rounds of adding what is asked for
OPTIONS = {"behavior": 3, "check_helo": False, "hostname": peers.RECEIVER,
    "log_level": "error", "dns_options": {"query_timeout": "100ms"}}
TIME = re.compile(r"(?<!\d)1\d{9}(?!\d)")	# %{t}

# A row of disagreements.txt: (result, explanation) of ours and theirs.
Class = collections.namedtuple("Class", "peer repair case ours theirs")


# The table

def unrolled(text):
    """{3*x*} is xxx."""
    return re.sub(r"\{(\d+)\*(.*?)\*\}", lambda m: int(m[1]) * m[2], text)


def zone_of(lines):
    """Lines "name TYPE data": as in a zone, TXT as a Python string."""
    zone = {}
    faults = {}
    for line in lines:
        name, kind, *data = unrolled(line).split(" ", 2)
        if kind == "SERVFAIL":
            faults[name] = dnsserver.SERVFAIL
            continue
        value = data[0]
        if kind == "TXT":
            value = ast.literal_eval(value)
        elif kind == "MX":
            value = (int(value.split()[0]), value.split()[1])
        zone.setdefault(name, {}).setdefault(kind, []).append(value)
    return zone, faults


def verdict_of(text):
    """"fail" or "fail, explained: TEXT"."""
    result, _, explanation = unrolled(text).partition(", explained: ")
    return result, explanation.encode().decode("unicode_escape") or None


def row_of(paragraph):
    """A Class, or None for a paragraph that is not a row."""
    fields = collections.defaultdict(list)
    for line in paragraph.splitlines():
        key, _, value = line.partition(": ")
        fields[key].append(value)
    if "class" not in fields:
        return None
    peer, repair = fields["class"][0].split(" ")
    client, helo, sender = unrolled(fields["transaction"][0]).split(" ", 2)
    return Class(peer, repair, policies.Case(client,
        "" if helo == "-" else helo, ast.literal_eval(sender),
        *zone_of(fields["zone"])), verdict_of(fields["ours"][0]),
        verdict_of(fields["theirs"][0]))


def read_table():
    with open(os.path.join(HERE, "disagreements.txt"),
            encoding="ascii") as f:
        rows = map(row_of, f.read().split("\n\n"))
    return [row for row in rows if row]


# Judging

class Ours:
    """spf-milter -t, many cases at once."""

    def __init__(self, directory):
        self.zone = os.path.join(directory, "zone")
        self.config = os.path.join(directory, "conf")
        self.write(self.config, daemon.configuration(**OPTIONS))

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="latin-1") as f:
            f.write(text)

    def ask(self, cases):
        """[(result, explanation)] of cases that share a zone.  Where it
        dies the result says so, and the next case goes on."""
        self.write(self.zone, "".join(dnsserver.zone_text(c.zone, c.faults)
            for c in cases))
        found = []
        while len(found) < len(cases):
            status, out, err = self.run(cases[len(found):])
            found += [(f["result"], f["explanation"]) for f in out]
            if len(found) < len(cases):
                tap.true(status not in EXITS, err)
                found.append((peers.CRASH, err))
            else:
                tap.equal(err, "", "standard error")
        return found

    def run(self, cases):
        status, out, err = daemon.run("-t", "-c", self.config, "--zone",
            self.zone, "--json", stdin="".join(c.line + "\n" for c in cases))
        return status, [json.loads(line)["mailfrom_check"]
            for line in out.splitlines()], err


def comparable(verdict):
    result, text = verdict
    return result, text and TIME.sub("TIME", text)


def is_wrong(case):
    """True if the sender's domain has one record, with an error (s4.6)."""
    try:
        texts = peers.resolve(case, policies.domain_of(case), "TXT")
    except peers.Trouble:
        return False
    found = [t for t in map(policies.text_of, texts) if grammar.is_record(t)]
    return len(found) == 1 and grammar.record_error(found[0]) is not None


class Judge:
    def __init__(self, table, directory):
        self.ours = Ours(directory)
        self.peers = {"pyspf": peers.PySpf(), "Mail::SPF": peers.MailSpf()}
        self.repairs = {name: [row.repair for row in table
            if row.peer == name] for name in self.peers}

    def close(self):
        self.peers["Mail::SPF"].close()

    def agrees(self, name, case, ours, repairs=()):
        return comparable(self.peers[name].ask(case, repairs)) == \
            comparable(ours)

    def classes(self, name, case, ours):
        """The fewest repairs that make the peer agree; None: no repairs
        do."""
        every = self.repairs[name]
        if self.agrees(name, case, ours):
            return ()
        for repair in every:
            if self.agrees(name, case, ours, [repair]):
                return (repair,)
        if not self.agrees(name, case, ours, every):
            return None
        needed = every
        for repair in every:
            fewer = [r for r in needed if r != repair]
            if self.agrees(name, case, ours, fewer):
                needed = fewer
        return tuple(needed)

    def grow(self, case):
        """Adds records of names that are asked for, as only an expansion can
        tell them."""
        for _ in range(GROWTH):
            asked = []
            self.peers["pyspf"].ask(case, self.repairs["pyspf"], asked)
            if not case.maker.grow(asked):
                break

    def minimal(self, name, case):
        """A smaller case with an unexplained disagreement."""
        def shows(smaller):
            ours, = self.ours.ask([smaller])
            return self.classes(name, smaller, ours) is None

        before = None
        while before != case.text():
            before = case.text()
            for cuts in policies.CUTS:
                for cut in cuts(case):
                    smaller = case.without(cut)
                    case = smaller if shows(smaller) else case
        return case

    def report(self, name, case):
        if name not in self.peers:
            return "%s forbids it, ours %s\n%s" % (name,
                self.ours.ask([case]), case.text())
        small = self.minimal(name, case)
        ours, = self.ours.ask([small])
        peer = self.peers[name]
        return "ours %s, %s %s, repaired %s\n%s" % (ours, name,
            peer.ask(small), peer.ask(small, self.repairs[name]),
            small.text())

    def judge(self, cases):
        """(how often each result and each class occurs, reports)."""
        counts = collections.Counter()
        bad = []
        for case in cases:
            self.grow(case)
        for case, ours in zip(cases, self.ours.ask(cases)):
            counts["result", ours[0]] += 1
            counts["explained"] += ours[1] is not None
            if is_wrong(case) and ours[0] not in ("permerror", "none"):
                bad.append(("the grammar", case))
            for name in self.peers:
                found = self.classes(name, case, ours)
                if found is None:
                    bad.append((name, case))
                else:
                    counts.update((name, repair)
                        for repair in found or ["agrees"])
        return counts, [self.report(*b) for b in bad[:PRINTED]] + \
            ["%d disagreements" % len(bad)] * bool(bad)


# Many cases, by several processes.

def start_worker(seed, table, directory):
    global worker_seed, worker_judge
    worker_seed = seed
    worker_judge = Judge(table, tempfile.mkdtemp(dir=directory))


def run_zone(task):
    zone, count = task
    try:
        return worker_judge.judge(policies.cases(worker_seed, zone)[:count])
    except AssertionError as error:
        return collections.Counter(), [str(error)]


def tasks(first, count):
    size = policies.CASES_PER_ZONE
    return [(first + i, min(size, count - i * size))
        for i in range((count + size - 1) // size)]


# The tests

def check_row(judge, row):
    """The example shows what the row says, and the repair alone ends it."""
    ours, = judge.ours.ask([row.case])
    tap.equal(ours, row.ours, "ours")
    if judge.agrees(row.peer, row.case, ours):
        tap.skip("this version of %s agrees" % row.peer)
    tap.equal(judge.peers[row.peer].ask(row.case), row.theirs, row.peer)
    tap.true(judge.agrees(row.peer, row.case, ours, [row.repair]),
        "repaired, %s agrees" % row.peer)


def check_reports(reports):
    if reports:
        raise AssertionError("\n".join(reports))


def print_counts(counts):
    for key, n in sorted(counts.items(), key=str):
        tap.diag("%6d %s" % (n, key if isinstance(key, str)
            else " ".join(map(str, key))))


def run_rows(runner, table, directory):
    judge = Judge(table, directory)
    for row in table:
        runner.case("%s: %s" % (row.peer, row.repair), check_row, judge, row)
    judge.close()


def run_zones(runner, wanted, table, directory):
    total = collections.Counter()
    hundreds = tasks(wanted.first, wanted.count)
    with multiprocessing.Pool(WORKERS, start_worker,
            (wanted.seed, table, directory)) as pool:
        for task, (counts, reports) in zip(hundreds,
                pool.imap(run_zone, hundreds)):
            total += counts
            runner.case("seed %d, hundred %d" % (wanted.seed, task[0]),
                check_reports, reports)
        pool.close()
        pool.join()
    return total


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--first", type=int, default=0,
        help="number of the first hundred")
    return parser.parse_args()


def main():
    wanted = arguments()
    reason = peers.unavailable()
    if reason:
        tap.skip_all(reason)
    tap.limit(240 + wanted.count // 10)
    runner = tap.Runner()
    with tempfile.TemporaryDirectory() as directory:
        table = read_table()
        run_rows(runner, table, directory)
        total = run_zones(runner, wanted, table, directory)
    print_counts(total)
    sys.exit(runner.finish())


if __name__ == "__main__":
    main()
