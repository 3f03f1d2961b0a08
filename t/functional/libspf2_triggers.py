# SPDX-License-Identifier: BSD-2-Clause
"""What overflows, misleads or stops libspf2, through the whole daemon.

Debian 12's library overflows its stack on some legal records
(CVE-2023-42118), drops terms of others and reads some wrong.  The library
that is linked here is the installed one: the right verdict, and a daemon that
lives, come from what it is not shown.
"""

import atexit
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import logline
import tap
import verdicts
from daemon import Daemon

SERVER = dnsserver.DnsServer()
COMMON = {"dns": SERVER, "check_helo": False, "hostname": "mx.example.org",
    "dns_options": {"query_timeout": 4}}
DAEMON = Daemon(**COMMON, behavior=1)
EXPLAINING = Daemon(**COMMON, behavior=3)
CLIENT = verdicts.CLIENT
YES = {"A": ["127.0.0.2"]}

# Of a record: 4,096 octets at most, and this much in one term.
RECORD_MAX = 4096


def check(records, zone=None, client=CLIENT, local="u"):
    """records: [(record, result)].  Each is a domain of its own."""
    table = dict(zone or {})
    want = {}
    for n, (record, result) in enumerate(records):
        domain = "t%d.example.com" % n
        table[domain] = {"TXT": [record.replace("$", domain)]}
        want["<%s@%s>" % (local, domain)] = (record, result)
    SERVER.load(table)
    wrong = []
    senders = list(want)
    for at in range(0, len(senders), 100):
        found = verdicts.check_all(DAEMON, senders[at:at + 100],
            client=client)
        for sender, verdict in found.items():
            record, result = want[sender]
            if verdict.result != result:
                wrong.append("%s (%d octets): %s instead of %s; %s" % (
                    record[:70], len(record), verdict.result, result,
                    verdict.keys.get("problem", "")))
    tap.equal(wrong, [])
    tap.true(DAEMON.alive(), "alive")


# The overflow

LENGTHS = (1, 10, 60, 63, 64, 100, 200, 250, 255, 256, 257, 300, 400, 480,
    500, 511, 512, 513, 600, 1000, 1023, 1024, 1025, 2000, 3000)


def terms(body):
    """The same macro string wherever a record may have one; no match."""
    return ["v=spf1 exists:%s -all" % body, "v=spf1 a:%s -all" % body,
        "v=spf1 mx:%s/24 -all" % body, "v=spf1 -include:%s -all" % body,
        "v=spf1 ptr:%s -all" % body, "v=spf1 -all exp=%s" % body,
        "v=spf1 -all x=%s" % body]


def fitting(records):
    return [(r, result) for r, result in records if len(r) <= RECORD_MAX]


def test_a_macro_behind_a_long_literal():
    bodies = []
    for length in LENGTHS:
        literal = ("x" * 50 + ".") * (length // 51) + "x" * (length % 51)
        bodies += [literal + ".%{d}", literal + "%{s}.example",
            literal + ".%{i}.%{h}.%{l}.%{o}.example"]
    records = [(r, "permerror" if "include" in r else "fail")
        for body in bodies for r in terms(body.replace("..", "."))]
    check(fitting(records))


def test_a_literal_behind_many_macros():
    records = []
    for macro in ("%{d}", "%{s}", "%{i}", "%{l1r-}", "%%", "%_", "%-",
            "%{D9R.-+,/_=}"):
        for count in (1, 2, 10, 50, 100, 120, 127, 128, 129, 200, 250, 300):
            for length in (1, 256, 512):
                body = macro * count + "y" * length + ".example"
                records += [("v=spf1 exists:%s -all" % body, "fail"),
                    ("v=spf1 -all exp=%s" % body, "fail"),
                    ("v=spf1 a:%s redirect=all.example.net" % body, "fail")]
    check(fitting(records), {"all.example.net": {"TXT": ["v=spf1 -all"]}})


def test_one_macro_with_long_parts():
    records = []
    for length in LENGTHS:
        for macro, result in (("%%{d%s}" % ("1" * length), "fail"),
                ("%%{d%sr}" % ("9" * length), "fail"),
                ("%%{d0%s}" % ("0" * length), "permerror"),
                ("%%{d%s}" % (".-+,/_=" * length)[:length], "fail"),
                ("%%{d9r%s}" % ("." * length), "fail"),
                ("%%{%s}" % ("d" * (length + 1)), "permerror"),
                ("%%{d|%s}" % ("." * length), "permerror"),
                ("%%{d%s" % ("." * length), "permerror"),
                ("%%%s" % ("%" * (2 * length)), "permerror")):
            records.append(("v=spf1 exists:%s.none.example.net -all" % macro,
                result))
    check(fitting(records))


def test_text_that_ends_in_the_middle_of_a_macro():
    for start in ("v=spf1 exists:", "v=spf1 a:", "v=spf1 include:",
            "v=spf1 redirect=", "v=spf1 exp=", "v=spf1 x="):
        check([(start + "a" * length + end, "permerror") for length in
            (0, 1, 200, 255, 256, 500, 511, 512, 1024) for end in
            ("%", "%{", "%{d", "%{d1", "%{d1r", "%{d1r.", "%{}", "%x",
            "%{x}", "%{1}", "% ", "%\x7f")])


def test_terms_of_every_length_up_to_a_record():
    """Around every size that a buffer of the library has."""
    sizes = sorted({n + d for n in (64, 128, 160, 252, 256, 384, 504, 511,
        512, 640, 1000, 1024, 2048, 3900, 4000) for d in range(-4, 5)})
    records = []
    for n in sizes:
        label = ("z" * 60 + ".") * (n // 61) + "z" * (n % 61)
        records += [("v=spf1 a:%s.example -all" % label.strip("."), "fail"),
            ("v=spf1 -all unknown=%s" % ("m" * n), "fail"),
            ("v=spf1 %s:example -all" % ("q" * n), "permerror"),
            ("v=spf1 %s -all" % ("ip4:198.51.100.1 " * (n // 17)), "fail")]
    check(fitting(records))


# More than 511 octets, compiled

def test_no_term_of_a_long_list_is_lost():
    records = []
    for count in (1, 10, 30, 62, 63, 64, 65, 85, 100, 127, 128, 200, 230):
        nets = " ".join("ip4:198.51.100.%d" % n for n in range(count))
        nets6 = " ".join("ip6:2001:db8:%x::/48" % n for n in range(count))
        for text in (nets, nets6):
            records += [("v=spf1 %s -all" % text, "fail"),
                ("v=spf1 %s ~all" % text, "softfail"),
                ("v=spf1 %s ip4:192.0.2.1 -all" % text, "pass"),
                ("v=spf1 -ip4:192.0.2.1 %s +all" % text, "fail"),
                ("v=spf1 %s a:yes.example.net -all" % text, "pass"),
                ("v=spf1 %s redirect=pass.example.net" % text, "pass"),
                ("v=spf1 %s include:pass.example.net -all" % text, "pass"),
                ("v=spf1 %s ip4:198.51.100.300 -all" % text, "permerror")]
    check(fitting(records), {"yes.example.net": {"A": [CLIENT]},
        "pass.example.net": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]}})


def test_many_long_querying_terms():
    long = "x" * 60 + "." + "y" * 60 + ".%{d}"
    ten = " ".join("a:%d.%s/%d//%d" % (n, long, n + 20, n + 90)
        for n in range(10))
    zone = {}
    for n in range(10):
        zone["%d.%s" % (n, long.replace("%{d}", "t0.example.com"))] = {
            "A": ["198.51.100.1"]}
        zone["%d.%s" % (n, long.replace("%{d}", "t1.example.com"))] = {
            "A": ["198.51.100.1" if n < 9 else CLIENT]}
    check([("v=spf1 %s ~all" % ten, "softfail"),
        ("v=spf1 %s ~all" % ten, "pass"),
        ("v=spf1 %s ~all" % ten.replace("a:", "mx:"), "permerror")], zone)


# Explanations

def explanations(texts):
    """What the client of a fail reads of each text; None: nothing."""
    zone = {}
    for n, text in enumerate(texts):
        zone["e%d.example.com" % n] = {"TXT":
            ["v=spf1 -all exp=x%d.example.com" % n]}
        zone["x%d.example.com" % n] = {"TXT": [text]}
    SERVER.load(zone)
    found = []
    with verdicts.open_session(EXPLAINING) as m:
        for n in range(len(texts)):
            lines = m.message("<u@e%d.example.com>" % n).refusal
            tap.true(isinstance(lines, list) and all(
                l.startswith("550") and len(l) <= 510
                and all(" " <= c <= "~" for c in l) for l in lines), lines)
            said = [l[4:].split(" ", 1)[1] for l in lines]
            found.append(" ".join(said[2:]) if len(said) > 2 else None)
            if len(said) > 2:
                tap.equal(said[1], "The domain e%d.example.com explains:"
                    % n)
    tap.true(EXPLAINING.alive(), "alive")
    return found


def test_long_explanations():
    words = "no way in "
    texts = [(words * 400)[:length].strip() for length in LENGTHS]
    for text, found in zip(texts, explanations(texts)):
        tap.true(found is not None, "%d octets" % len(text))
        # Cut at 800 octets, and no word is made up.
        tap.true(text.startswith(found) and len(found) >= min(len(text),
            750), "%d of %d octets" % (len(found), len(text)))


def test_explanations_of_many_macros():
    texts = []
    for macro in ("%{s}", "%{i}", "%{h}", "%{d}", "%%", "%_", "%-", "%{c}",
            "%{r}", "%{t}", "%{L99R.-+,/_=}"):
        for count in (1, 100, 127, 128, 129, 255, 300, 500):
            for length in (1, 256, 512, 1000):
                texts.append(macro * count + "y" * length)
    texts = [t for t in texts if len(t) <= RECORD_MAX]
    found = explanations(texts)
    for text, said in zip(texts, found):
        tap.true(said is None or len(said) <= 900, len(said or ""))
    tap.true(sum(f is not None for f in found) > len(found) * 2 // 3,
        "most of them fit")


def test_explanations_that_are_wrong_are_left_out():
    texts = ["%", "%{", "%{x}", "a" * 600 + "%", "%{s}" * 200 + "%{",
        "\xe9", "a\0b", "tab\t", "line\nline", "\x1b[2J", "%{s", "%(s)"]
    tap.equal(explanations(texts), [None] * len(texts))


# The other differences

def test_transformers():
    zone = {"u.l1.example.net": YES, "t1.example.com.d4.example.net": YES,
        "a.b.comma.example.net": YES, "b.c.slash.example.net": YES,
        "a.b.c.d.mixed.example.net": YES}
    check([("v=spf1 exists:%{l1r-}.l1.example.net -all", "pass"),
        ("v=spf1 exists:%{d4}.d4.example.net -all", "pass")], zone)
    check([("v=spf1 exists:%{l,}.comma.example.net -all", "pass")], zone,
        local="a,b")
    check([("v=spf1 exists:%{l2/}.slash.example.net -all", "pass")], zone,
        local="a/b/c")
    check([("v=spf1 exists:%{lr,/+}.mixed.example.net -all", "pass")], zone,
        local="d,c/b+a")


def test_what_is_no_record():
    check([(record, "permerror") for record in (
        "v=spf1 exists:%{l|}.example.net +all", "v=spf1 a:/24 +all",
        "v=spf1 mx:/24 +all", "v=spf1 a: +all", "v=spf1 include: +all",
        "v=spf1 ip4:192.0.2.1/4294967304 +all",
        "v=spf1 ip4:192.0.2.1/4294967296 +all", "v=spf1 ip4:192.0.2.1/33 "
        "+all", "v=spf1 ip4:192.0.2.1/032 +all", "v=spf1 ip4:192.0.2 +all",
        "v=spf1 ip4:192.0.2.1.5 +all", "v=spf1 ip4:0300.0.2.1 +all",
        "v=spf1 ip6:2001:db8::/129 +all", "v=spf1 ip6:192.0.2.1 +all",
        "v=spf1 ip6:2001:db8::1::2 +all", "v=spf1 a/33 +all",
        "v=spf1 a//129 +all", "v=spf1 a/24/64 +all", "v=spf1 a/ +all",
        "v=spf1 a// +all", "v=spf1 all: +all", "v=spf1 all/8 +all",
        "v=spf1 +all redirect=a.example redirect=b.example",
        "v=spf1 +all exp=a.example exp=b.example", "v=spf1 -+all",
        "v=spf1 =x +all", "v=spf1 1x=y +all", "v=spf1 a.b +all",
        "v=spf1 exists +all", "v=spf1 redirect +all", "v=spf1 redirect= "
        "+all", "v=spf1 exp= +all")])


def test_what_is_one():
    check([(record, "pass") for record in (
        "v=spf1 ip4:0.0.0.0/0 -all", "v=spf1 ip4:192.0.2.77/24 -all",
        "v=spf1 a:other.example.net/0 -all",
        "v=spf1 mx:other.example.net/0 -all",
        "v=spf1 a:other.example.net/8//0 ip4:192.0.2.1 -all",
        "v=spf1 A:YES.example.NET -ALL", "v=spf1 a:yes.example.net. -all",
        "v=spf1 a:yes.example.net/32//128 -all", "v=spf1 exp-text=gone +all",
        "v=spf1 default=deny +all", "v=spf1 op=helo x.y-z_1=%{s} +all",
        "v=spf1 redirect=deny.example.net ip4:192.0.2.1",
        "v=spf1 exp=gone.example.net a:yes.example.net -all")],
        {"yes.example.net": {"A": [CLIENT]}, "other.example.net":
            {"A": ["198.51.100.1"], "MX": [(1, "other.example.net")]},
        "deny.example.net": {"TXT": ["v=spf1 -all"]}})


def test_redirect_counts_last():
    zone = {"all.example.net": {"TXT": ["v=spf1 +all"]}}
    check([("v=spf1 redirect=all.example.net -ip4:192.0.2.1", "fail"),
        ("v=spf1 redirect=all.example.net -all", "fail"),
        ("v=spf1 redirect=gone.example.net ?all", "neutral"),
        ("v=spf1 redirect=gone.example.net", "permerror"),
        ("v=spf1 redirect=" + "l" * 64 + ".example.net", "permerror"),
        ("v=spf1 redirect=%{l}..example.net", "permerror"),
        ("v=spf1 redirect=a..%{d}", "permerror"),
        ("v=spf1 include:" + "l" * 64 + ".example.net +all", "permerror")],
        zone)


def test_wide_prefixes_match_every_client():
    zone = {"other.example.net": {"A": ["198.51.100.1"],
        "AAAA": ["2001:db8:ffff::1"], "MX": [(1, "other.example.net")]}}
    check([("v=spf1 ip6:::/0 -all", "pass"),
        ("v=spf1 a:other.example.net//0 -all", "pass"),
        ("v=spf1 mx:other.example.net//0 -all", "pass"),
        ("v=spf1 a:gone.example.net//0 -all", "fail"),
        ("v=spf1 ip4:0.0.0.0/0 -all", "fail")], zone, client="2001:db8::1")


def test_clients_that_libspf2_passes_unasked():
    for client in ("127.0.0.1", "127.255.255.254", "::1",
            "::ffff:127.0.0.1"):
        check([("v=spf1 -all", "fail"), ("v=spf1 ip4:192.0.2.1 ~all",
            "softfail")], client=client)


def test_random_records_of_long_macros():
    """Legal by their making; nothing they name exists."""
    random_ = random.Random(42118)
    pick = random_.choice

    def macro():
        return pick(("%%", "%_", "%-", "%%{%s%s%s%s}" % (pick(
            "slodihvSLODIHV"), pick(("", "1", "7", "128", "9" * 40)),
            pick(("", "r", "R")), "".join(pick(".-+,/_=")
            for _ in range(random_.randrange(12))))))

    def literal():
        return "".join(pick("abcz019-_.~!&'()*+,:;<=>?@[]^`{|}\\\"#")
            for _ in range(random_.randrange(pick((2, 30, 300)))))

    def spec():
        text = ""
        for _ in range(random_.randrange(1, pick((4, 40, 120)))):
            piece = pick((macro, literal))()
            if len(text + piece) < RECORD_MAX // 3 - 20:
                text += piece
        return text + ".n.example"

    def record():
        kinds = [pick(("a:", "mx:", "exists:", "ptr:")) for _ in range(2)]
        return "v=spf1 %s%s %s%s -all %s%s" % (kinds[0], spec(), kinds[1],
            spec(), pick(("exp=", "x=")), spec())

    check([(record(), "fail") for _ in range(300)])


def test_daemons_end_well():
    for line in DAEMON.message_lines(1000):
        logline.parse(line)
    verdicts.stop_all([DAEMON, EXPLAINING])


atexit.register(DAEMON.clean)
atexit.register(EXPLAINING.clean)
tap.main(globals())
