# SPDX-License-Identifier: BSD-2-Clause
"""The limits of RFC 7208 s4.6.4, with every question to the DNS counted."""

import atexit
import collections
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import logline
import spec
import tap
import verdicts
from daemon import Daemon

SERVER = dnsserver.DnsServer()
COMMON = {"dns": SERVER, "behavior": 1, "check_helo": False}
DAEMON = Daemon(**COMMON)
# Options of the resolver and of a check as they are at its start.
TIMES = {
    "check": Daemon(**COMMON, dns_options={"timeout": 2,
        "query_timeout": 4}),
    "query": Daemon(**COMMON, dns_options={"query_timeout": 1}),
    "reply": Daemon(**{**COMMON, "behavior": 3}, dns_options={
        "timeout": 5, "query_timeout": 4, "reply_timeout": 1}),
}
CLIENT = verdicts.CLIENT
OTHER = "198.51.100.7"

KINDS = set()				# types ever asked for
EXPECTED = collections.Counter()	# counters
COUNTED = {"0 DNS lookups": "limit_lookups", "4 DNS lookups": "limit_lookups",
    "1 DNS lookups": "limit_lookups", "void DNS": "limit_void",
    "too many DNS queries": "limit_queries"}


def load(zone, **arguments):
    remember()
    SERVER.load(zone, **arguments)


def remember():
    KINDS.update(kind for _, kind in SERVER.asked())


def check(domain, result, reason="", client=CLIENT, daemon=DAEMON):
    """One check, in which nothing may be asked twice.

    The resolver repeats a question after 50 ms: on a busy machine it takes
    some more checks to see that the check does not ask twice.
    """
    for _ in range(5):
        SERVER.reset()
        verdict = verdicts.check_one(daemon, domain, client=client)
        tap.equal(verdict.result, result, domain)
        tap.contains(verdict.keys.get("problem", ""), reason, domain)
        for text, counter in COUNTED.items():
            EXPECTED[counter] += text in reason
        remember()
        twice = [q for q, n in SERVER.asked().items() if n > 1]
        if not twice:
            return verdict
    raise AssertionError("asked twice for %s: %r" % (domain, twice))


def check_asked(domain, *questions):
    """Exactly these, and the record of the domain."""
    want = {(domain, "TXT")}
    want.update(tuple(q.rsplit(" ", 1)) for q in questions)
    tap.equal(set(SERVER.asked()), want, "questions for " + domain)


TOO_MANY = "more than 10 DNS lookups"


# Ten terms

def chain(zone, domain, terms, end="-all"):
    zone[domain] = {"TXT": ["v=spf1 " + " ".join(terms + [end])]}


def names(zone, count, tag, address=OTHER):
    """count names that have an address; not the client's."""
    made = ["n%d.%s.example.com" % (n, tag) for n in range(count)]
    for name in made:
        zone[name] = {"A": [address]}
    return made


def test_the_tenth_term_may_match_and_the_eleventh_may_not():
    zone = {"hit.example.com": {"A": [CLIENT], "TXT": [spec.OURS + "-all"],
        "MX": [(10, "hit.example.com")]},
        "1.2.0.192.in-addr.arpa": {"PTR": ["hit.example.com"]}}
    kinds = {"a": "a:hit.example.com", "mx": "mx:hit.example.com",
        "exists": "exists:hit.example.com", "ptr": "ptr:hit.example.com",
        "include": "include:hit.example.com"}
    others = ["a:" + n for n in names(zone, 10, "ten")]
    for kind, term in kinds.items():
        for count in (10, 11):
            chain(zone, "%s%d.example.com" % (kind, count),
                others[:count - 1] + [term])
    for count in (10, 11):
        chain(zone, "redirect%d.example.com" % count, others[:count - 1],
            "redirect=hit.example.com")
    load(zone)
    for kind in [*kinds, "redirect"]:
        check(kind + "10.example.com", "pass")
        tap.true(SERVER.queries("hit.example.com") >= 1, "asked for")
        check(kind + "11.example.com", "permerror", TOO_MANY)
        tap.equal(SERVER.queries("hit.example.com"), 0, kind)


def test_terms_that_ask_nothing_do_not_count():
    zone = {}
    terms = ["a:" + n for n in names(zone, 10, "free")]
    free = ["ip4:198.51.100.%d" % n for n in range(40)]
    chain(zone, "free.example.com", free + terms + free
        + ["ip6:2001:db8::1"])
    chain(zone, "exp.example.com", terms, "-all exp=why.example.com")
    load(zone)
    check("free.example.com", "fail")
    check("exp.example.com", "fail")


def test_a_term_counts_whether_it_is_a_name_or_not():
    zone = {"long.example.com": {"TXT": ["v=spf1 " + "a:%{l}.example.com "
        * 10 + "a:hit.example.com -all"]}, "hit.example.com":
        {"A": [CLIENT]}}
    load(zone)
    check("<..@long.example.com>", "permerror", TOO_MANY)
    check_asked("long.example.com")


def test_terms_are_counted_over_the_whole_tree():
    zone = {}
    others = ["a:" + n for n in names(zone, 12, "tree")]
    # 1 + 3, 1 + 3, and then two or three.
    chain(zone, "left.example.com", others[:3], "?all")
    chain(zone, "right.example.com", others[3:6], "?all")
    for count in (2, 3):
        chain(zone, "top%d.example.com" % count, ["include:left.example.com",
            "include:right.example.com"] + others[6:6 + count], "+all")
    chain(zone, "deep0.example.com", ["a:" + n for n in names(zone, 1,
        "deep")], "?all")
    for n in range(1, 11):
        chain(zone, "deep%d.example.com" % n, ["include:deep%d.example.com"
            % (n - 1)], "+all")
    # A redirect does not start anew either.
    chain(zone, "moved0.example.com", [others[0]], "+all")
    for n in range(1, 11):
        chain(zone, "moved%d.example.com" % n, [],
            "redirect=moved%d.example.com" % (n - 1))
    load(zone)
    check("top2.example.com", "pass")
    check("top3.example.com", "permerror", TOO_MANY)
    check("deep9.example.com", "pass")
    check("deep10.example.com", "permerror", TOO_MANY)
    check("moved9.example.com", "pass")
    check("moved10.example.com", "permerror", TOO_MANY)


def test_a_match_ends_the_count():
    zone = {"hit.example.com": {"A": [CLIENT]}}
    others = ["a:" + n for n in names(zone, 15, "early")]
    chain(zone, "early.example.com", others[:5] + ["a:hit.example.com"]
        + others[5:])
    chain(zone, "once.example.com", ["a:hit.example.com"] * 30)
    load(zone)
    check("early.example.com", "pass")
    tap.equal(SERVER.questions(), 7, "questions")
    check("once.example.com", "pass")
    check_asked("once.example.com", "hit.example.com A")


def test_the_same_name_counts_each_time_and_is_asked_once():
    zone = {}
    name, = names(zone, 1, "same")
    chain(zone, "ten.example.com", ["a:" + name] * 10)
    chain(zone, "eleven.example.com", ["a:" + name] * 11)
    chain(zone, "loop.example.com", ["include:loop.example.com"])
    load(zone)
    check("ten.example.com", "fail")
    check_asked("ten.example.com", name + " A")
    check("eleven.example.com", "permerror", TOO_MANY)
    check_asked("eleven.example.com", name + " A")
    check("loop.example.com", "permerror", TOO_MANY)
    check_asked("loop.example.com")


def test_an_include_bomb_costs_eleven_questions():
    """Ten includes a record, five deep: 111,111 records."""
    zone = {"b.example.com": {"TXT": ["v=spf1 "
        + " ".join("include:%d.b.example.com" % n for n in range(10))
        + " -all"]}}
    level = ["b.example.com"]
    for _ in range(3):
        level = ["%d.%s" % (n, name) for name in level for n in range(10)]
        for name in level:
            zone[name] = {"TXT": ["v=spf1 " + " ".join("include:%d.%s" % (n,
                name) for n in range(10)) + " ?all"]}
    # The last two levels share their names.
    for name in level:
        zone[name] = {"TXT": ["v=spf1 " + " ".join("include:%d.c.example.com"
            % n for n in range(10)) + " ?all"]}
    for n in range(10):
        zone["%d.c.example.com" % n] = {"TXT": ["v=spf1 " + " ".join(
            "include:%d.d.example.com" % n for n in range(10)) + " ?all"]}
        zone["%d.d.example.com" % n] = {"TXT": ["v=spf1 ip4:%s ?all" % OTHER]}
    load(zone)
    verdict = check("b.example.com", "permerror", TOO_MANY)
    tap.true(SERVER.questions("TXT") <= 11, "%d questions"
        % SERVER.questions("TXT"))
    tap.equal(SERVER.questions(), SERVER.questions("TXT"))
    tap.true(verdict.seconds < 5, "%.1f s" % verdict.seconds)


def test_the_number_of_lookups_is_an_option():
    zone = {"hit.example.com": {"A": [CLIENT]}}
    others = ["a:" + n for n in names(zone, 20, "option")]
    for count in (1, 4, 20):
        for more in (0, 1):
            chain(zone, "o%d.example.com" % (count + more),
                others[:count + more - 1] + ["a:hit.example.com"])
    load(zone)
    for count in (1, 4, 20):
        DAEMON.reload(**COMMON, dns_options={"max_lookups": count})
        check("o%d.example.com" % count, "pass")
        check("o%d.example.com" % (count + 1), "permerror",
            "more than %d DNS lookups" % count)
    DAEMON.reload(**COMMON)


# Void lookups

VOIDS = "more than 2 void DNS lookups"


def test_two_void_lookups_are_allowed():
    zone = {"empty.example.com": {"TXT": ["nothing else"]},
        "hit.example.com": {"A": [CLIENT]}}
    kinds = {"a": "a:none%d.example.com", "mx": "mx:none%d.example.com",
        "exists": "exists:none%d.example.com"}
    for kind, term in kinds.items():
        for count in (2, 3):
            chain(zone, "%s%d.example.com" % (kind, count),
                [term % n for n in range(count)] + ["a:hit.example.com"])
    # A name without addresses is as void as none, and counts each time.
    for count in (2, 3):
        chain(zone, "nodata%d.example.com" % count, ["a:empty.example.com"]
            * count + ["a:hit.example.com"])
    load(zone)
    for kind in [*kinds, "nodata"]:
        check(kind + "2.example.com", "pass")
        check(kind + "3.example.com", "permerror", VOIDS)
        tap.equal(SERVER.queries("hit.example.com"), 0, kind)


def test_void_lookups_are_counted_over_the_whole_tree():
    zone = {}
    chain(zone, "in.example.com", ["a:v1.example.com", "a:v2.example.com"],
        "?all")
    chain(zone, "out2.example.com", ["include:in.example.com"])
    chain(zone, "out3.example.com", ["include:in.example.com",
        "a:v3.example.com"])
    chain(zone, "to3.example.com", ["include:in.example.com"],
        "redirect=last.example.com")
    chain(zone, "last.example.com", ["mx:v3.example.com"])
    load(zone)
    check("out2.example.com", "fail")
    check("out3.example.com", "permerror", VOIDS)
    check("to3.example.com", "permerror", VOIDS)


def test_hosts_of_mx_and_ptr_are_not_void_lookups():
    reverse = "9.113.0.203.in-addr.arpa"
    zone = {"mx.example.com": {"MX": [(n, "gone%d.example.com" % n)
        for n in range(5)]}, reverse: {"PTR": ["p%d.mx.example.com" % n
        for n in range(5)]}}
    chain(zone, "hosts.example.com", ["mx:mx.example.com",
        "ptr:mx.example.com", "a:v1.example.com", "a:v2.example.com"])
    load(zone)
    check("hosts.example.com", "fail", client="203.0.113.9")
    tap.equal(SERVER.questions(), 1 + 1 + 5 + 1 + 5 + 2)


def test_a_void_ptr_counts():
    zone = {}
    for count in (2, 3):
        chain(zone, "p%d.example.com" % count, ["ptr:x.example.com"] * count)
    load(zone)
    check("p2.example.com", "fail", client="203.0.113.10")
    check("p3.example.com", "permerror", VOIDS, client="203.0.113.10")


def test_the_number_of_void_lookups_is_an_option():
    zone = {}
    for count in (1, 5, 6):
        chain(zone, "v%d.example.com" % count, ["a:v%d.example.net" % n
            for n in range(count)])
    load(zone)
    DAEMON.reload(**COMMON, dns_options={"max_void_lookups": 0})
    check("v1.example.com", "permerror", "more than 0 void DNS lookups")
    DAEMON.reload(**COMMON, dns_options={"max_void_lookups": 5})
    check("v5.example.com", "fail")
    check("v6.example.com", "permerror", "more than 5 void DNS lookups")
    DAEMON.reload(**COMMON)


# Names of MX and PTR

def test_ten_mx_names_are_asked_for_and_eleven_are_an_error():
    zone = {}
    for count in (10, 11):
        hosts = names(zone, count, "mx%d" % count)
        zone[hosts[-1]] = {"A": [CLIENT]}
        zone["m%d.example.com" % count] = {"TXT": ["v=spf1 mx -all"],
            "MX": [(n + 1, host) for n, host in enumerate(hosts)]}
    # The first one would match, too.
    zone["first.example.com"] = {"TXT": ["v=spf1 mx -all"], "MX":
        [(0, "n9.mx10.example.com")] + [(9, "x%d.example.com" % n)
        for n in range(10)]}
    load(zone)
    check("m10.example.com", "pass")
    tap.equal(SERVER.questions("A"), 10)
    for domain in ("m11.example.com", "first.example.com"):
        check(domain, "permerror", "more than 10 MX names")
        check_asked(domain, domain + " MX")


def test_each_mx_term_has_its_own_ten():
    zone = {}
    for n in range(3):
        zone["set%d.example.com" % n] = {"MX": [(1, host)
            for host in names(zone, 10, "set%d" % n)]}
    chain(zone, "sets.example.com", ["mx:set%d.example.com" % n
        for n in range(3)])
    load(zone)
    check("sets.example.com", "fail")
    tap.equal((SERVER.questions("MX"), SERVER.questions("A")), (3, 30))


def test_names_over_ten_of_ptr_are_ignored():
    zone = {"11.113.0.203.in-addr.arpa": {"PTR": ["h%d.r.example.com" % n
        for n in range(25)]}}
    for n in range(25):
        zone["h%d.r.example.com" % n] = {"A": [OTHER]}
    chain(zone, "r.example.com", ["ptr"])
    chain(zone, "macro.example.com", ["exists:%{p}.example.net"], "+all")
    load(zone)
    check("r.example.com", "fail", client="203.0.113.11")
    tap.equal((SERVER.questions("PTR"), SERVER.questions("A")),
        (1, 10))
    check("macro.example.com", "pass", client="203.0.113.11")
    tap.equal((SERVER.questions("PTR"), SERVER.questions("A")),
        (1, 11))


# Bounds of all questions, and of time

def test_no_record_makes_more_than_150_questions():
    """Terms of mx with ten hosts each."""
    zone = {}
    sets = ["mx:m%d.q.example.com" % n for n in range(20)]
    for n in range(20):
        zone["m%d.q.example.com" % n] = {"MX": [(1, host)
            for host in names(zone, 10, "q%d" % n)]}
    chain(zone, "ten.q.example.com", sets[:10])
    chain(zone, "all.q.example.com", sets)
    load(zone)
    check("ten.q.example.com", "fail")
    tap.equal(SERVER.questions(), 111)
    DAEMON.reload(**COMMON, dns_options={"max_lookups": 20})
    check("all.q.example.com", "permerror", "too many DNS queries")
    tap.equal(SERVER.questions(), 150)
    DAEMON.reload(**COMMON)


def test_one_deadline_for_the_whole_check():
    zone = {}
    slow = names(zone, 9, "slow")
    chain(zone, "late.example.com", ["a:" + n for n in slow], "+all")
    load(zone, delays={n: 0.6 for n in slow})
    daemon = TIMES["check"]
    start = time.monotonic()
    verdict = verdicts.check_one(daemon, "late.example.com")
    seconds = time.monotonic() - start
    tap.equal(verdict.result, "temperror")
    tap.contains(verdict.keys["problem"], "in time")
    tap.true(1.7 < seconds < 4, "%.1f s of 2" % seconds)
    tap.true(SERVER.questions() <= 6, "%d questions" % SERVER.questions())


def test_a_dead_name_is_given_up_early():
    zone = {}
    chain(zone, "dies.example.com", ["include:dead.example.com"])
    load(zone, faults={"dead.example.com": dnsserver.TIMEOUT,
        "gone.example.com": dnsserver.TIMEOUT})
    daemon = TIMES["query"]
    found = verdicts.check_all(daemon, ["gone.example.com",
        "dies.example.com"])
    for verdict in found.values():
        tap.equal(verdict.result, "temperror")
        tap.true(0.8 < verdict.seconds < 1.9, "%.1f s of 1"
            % verdict.seconds)


def test_a_callback_does_not_wait_longer_than_it_may():
    zone = {}
    chain(zone, "wait.example.com", ["a:n.wait.example.com"])
    load(zone, faults={"n.wait.example.com": dnsserver.TIMEOUT})
    with verdicts.open_session(TIMES["reply"]) as m:
        start = time.monotonic()
        refusal = m.message("<u@wait.example.com>").refusal
        seconds = time.monotonic() - start
    tap.true(refusal and refusal[0].startswith("451 4.7.24 "), refusal)
    tap.true(0.8 < seconds < 2, "%.1f s of 1" % seconds)


# What is not asked

def test_a_hundred_networks_are_read_whole():
    zone = {}
    nets = ["ip4:203.0.113.%d" % n for n in range(100)]
    for end in ("-all", "~all", "?all", "+all", "redirect=all.example.com"):
        chain(zone, "nets-%s.example.com" % end[0].replace("+", "p"), nets,
            end)
    chain(zone, "all.example.com", [], "-all")
    load(zone)
    for end, result in (("-", "fail"), ("~", "softfail"), ("?", "neutral"),
            ("p", "pass"), ("r", "fail")):
        domain = "nets-%s.example.com" % end
        check(domain, result)
        for n in (0, 63, 99):
            check(domain, "pass", client="203.0.113.%d" % n)
            check_asked(domain)
    tap.true(len(" ".join(nets)) > 1500, "longer than one string")


def test_nothing_behind_the_match_is_asked_for():
    zone = {"hit.example.com": {"A": [CLIENT], "MX":
        [(1, "m1.example.com"), (2, "m2.example.com")]},
        "late.example.com": {"MX": [(1, "m2.example.com"),
        (2, "m1.example.com"), (3, "m3.example.com")]},
        "m1.example.com": {"A": [CLIENT]}, "m2.example.com": {"A": [OTHER]}}
    behind = ["a:x1.example.com", "mx:x2.example.com",
        "include:x3.example.com", "exists:x4.example.com", "ptr"]
    for tag, term in (("ip4", "ip4:192.0.2.0/24"), ("a", "a:hit.example.com"),
            ("mx", "mx:hit.example.com"), ("late", "mx:late.example.com"),
            ("all", "?all")):
        chain(zone, tag + ".example.net", [term] + behind,
            "redirect=x5.example.com")
    load(zone)
    check("ip4.example.net", "pass")
    check_asked("ip4.example.net")
    check("a.example.net", "pass")
    check_asked("a.example.net", "hit.example.com A")
    check("mx.example.net", "pass")
    check_asked("mx.example.net", "hit.example.com MX", "m1.example.com A")
    # But hosts of mx after the first, which go together.
    check("late.example.net", "pass")
    check_asked("late.example.net", "late.example.com MX", "m2.example.com A",
        "m1.example.com A", "m3.example.com A")
    check("all.example.net", "neutral")
    check_asked("all.example.net")


def test_the_address_family_decides_what_is_asked():
    zone = {"h.example.com": {"A": [OTHER], "AAAA": ["2001:db8::7"]}}
    chain(zone, "f.example.com", ["a:h.example.com"])
    load(zone)
    check("f.example.com", "fail")
    check_asked("f.example.com", "h.example.com A")
    check("f.example.com", "fail", client="2001:db8::1")
    check_asked("f.example.com", "h.example.com AAAA")


def test_a_bad_record_asks_nothing():
    zone = {}
    chain(zone, "bad.example.com", ["a:h.example.com", "ptr",
        "include:i.example.com"], "-all foo:bar")
    load(zone)
    check("bad.example.com", "permerror")
    check_asked("bad.example.com")


EXPLAINED = "exp.example.com"


def explained(domain, daemon, client=CLIENT):
    """How often the explanation was asked for."""
    SERVER.reset()
    with verdicts.open_session(daemon, client) as m:
        m.message("<u@%s>" % domain)
    return SERVER.queries(EXPLAINED)


def test_an_explanation_is_asked_for_only_if_it_will_be_shown():
    zone = {EXPLAINED: {"TXT": ["because"]}}
    for tag, end in (("fail", "-all"), ("soft", "~all"), ("pass", "+all"),
            ("neutral", "?all")):
        chain(zone, tag + ".example.com", [], end + " exp=" + EXPLAINED)
    chain(zone, "temp.example.com", ["a:servfail.example.com"],
        "-all exp=" + EXPLAINED)
    chain(zone, "perm.example.com", ["include:none.example.com"],
        "-all exp=" + EXPLAINED)
    chain(zone, "in.example.com", ["include:fail.example.com"], "+all")
    load(zone, faults={"servfail.example.com": dnsserver.SERVFAIL})
    for level, shown in ((1, 0), (2, 0), (3, 1), (6, 1)):
        DAEMON.reload(**{**COMMON, "behavior": level})
        tap.equal(explained("fail.example.com", DAEMON), shown, "fail at %d"
            % level)
        for tag in ("soft", "pass", "neutral", "temp", "perm", "in"):
            tap.equal(explained(tag + ".example.com", DAEMON), 0, "%s at %d"
                % (tag, level))
    DAEMON.reload(**COMMON)


def test_type_99_is_never_asked_for():
    remember()
    tap.equal(KINDS, {"TXT", "A", "AAAA", "MX", "PTR"})


def test_daemons_end_well_and_have_counted():
    verdicts.stop_all([DAEMON, *TIMES.values()])
    counters = logline.counters(DAEMON.log())
    for name, count in EXPECTED.items():
        tap.equal(counters[name], count, name)
    tap.equal(logline.counters(TIMES["reply"].log())["evaluations_late"], 1)


for each in (DAEMON, *TIMES.values()):
    atexit.register(each.clean)
tap.main(globals())
