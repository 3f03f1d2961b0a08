# SPDX-License-Identifier: BSD-2-Clause
"""Two independent SPF implementations, each with its known faults repaired
on demand.

A peer answers ask(case, repairs) with (result, explanation or None).  Without
repairs it is the program as it is installed.  A repair, named as its class in
disagreements.txt, changes one thing in it.  So a disagreement belongs to a
class if, and only if, that very change brings the peer to our verdict.
"""

import os
import subprocess
import urllib.parse

import grammar

try:
    import spf
except ImportError:
    spf = None

MAILSPF = os.path.join(os.path.dirname(os.path.abspath(__file__)),
    "mailspf.pl")
RECEIVER = "mx.example.org"
CHAIN_MAX = 12			# as many names as our zone text follows
CRASH = "crash"			# not a result: the peer has lost its head


def unavailable():
    """Why the peers cannot be asked, or None."""
    if spf is None:
        return "no python3-spf"
    if subprocess.run(["perl", "-MMail::SPF", "-e", "1"],
            stderr=subprocess.DEVNULL, check=False).returncode:
        return "no libmail-spf-perl"
    return None


ASCII_LOWER = {c: c + 32 for c in range(ord("A"), ord("Z") + 1)}


def lower(name):
    return name.rstrip(".").translate(ASCII_LOWER)


def strings(value):
    """Of a TXT record; of others the one text that they have."""
    return value if isinstance(value, list) else [value]


class Trouble(Exception):
    """SERVFAIL or no answer."""


def resolve(case, name, kind):
    """Data of one type, aliases followed; an empty list if there is none."""
    name = lower(name)
    for _ in range(CHAIN_MAX):
        rows = case.zone.get(name, {})
        if kind in rows:
            return rows[kind]
        if name in case.faults:
            raise Trouble()
        if "CNAME" not in rows:
            return []
        name = lower(rows["CNAME"][0])
    raise Trouble()


# pyspf

if spf is not None:
    import pyspf


class PySpf:
    name = "pyspf"

    def __init__(self):
        self.asked = None
        spf.DNSLookup = self.lookup

    def lookup(self, name, kind, *_):
        if self.asked is not None:
            self.asked.append((lower(name), kind))
        try:
            values = resolve(self.case, name, kind)
        except Trouble:
            raise spf.TempError("DNS error")
        if kind == "TXT":
            values = [[s.encode("latin-1") for s in strings(v)]
                for v in values]
        elif kind == "PTR":
            values = [v.rstrip(".") for v in values]
        return [((name, kind), v) for v in values]

    def ask(self, case, repairs=(), asked=None):
        """asked: a list that gets the questions put to the DNS."""
        self.case = case
        self.asked = asked
        query = pyspf.Query(case, frozenset(repairs), RECEIVER)
        try:
            result, _, text = query.check()
        except Exception as error:
            return CRASH, "%s: %s" % (type(error).__name__, error)
        if result != "fail" or text == spf.EXPLANATIONS["fail"]:
            text = None
        return result, text


# Mail::SPF

def quoted(text):
    return urllib.parse.quote_from_bytes(text.encode("latin-1"), safe="")


class MailSpf:
    name = "Mail::SPF"

    def __init__(self):
        self.process = subprocess.Popen(["perl", MAILSPF, RECEIVER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            encoding="ascii")
        self.case = None

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def send(self, *fields):
        self.process.stdin.write("\t".join(map(quoted, fields)) + "\n")

    def send_case(self, case):
        self.send("new")
        for name, rows in case.zone.items():
            for kind, values in rows.items():
                for value in values:
                    self.send("record", name, kind, *map(str, value
                        if kind == "MX" else strings(value)))
                    if kind == "TXT":
                        self.send_syntax("".join(strings(value)))
        for name in case.faults:
            self.send("fault", name)

    def send_syntax(self, text):
        """What the grammar says: mailspf.pl has none of its own."""
        self.send("syntax", text, grammar.record_error(text) or "",
            grammar.explanation_error(text) or "")

    def ask(self, case, repairs=()):
        if case is not self.case:
            self.send_case(case)
            self.case = case
        self.send("check", case.client, case.helo, case.sender,
            ",".join(repairs))
        self.process.stdin.flush()
        line = self.process.stdout.readline().rstrip("\n").split("\t")
        result, text = (urllib.parse.unquote(f, "latin-1") for f in line)
        return result, text or None
