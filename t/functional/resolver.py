# SPDX-License-Identifier: BSD-2-Clause
"""Name servers that fail, lie, are slow or say too much."""

import ctypes
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import dnsserver
import fields
import logline
import spec
import tap
from daemon import Daemon

SERVER = dnsserver.DnsServer()
DAEMON = Daemon(dns=SERVER, behavior=1, check_helo=False)
FAIL = {"TXT": ["v=spf1 -all"]}

LIBC = ctypes.CDLL(None)
PIDFD_GETFD = 438	# system call


def ask(sender_domain, d=DAEMON):
    """The result that the field tells for a sender of this domain."""
    with d.milter() as m:
        m.connect(spec.CLIENT)
        done = m.message("<u@%s>" % sender_domain)
    return fields.received_spf(done.values("Received-SPF")[0])


def check(zone, sender_domain, want, **arguments):
    SERVER.load(zone, **arguments)
    field = ask(sender_domain)
    tap.equal(field.result, want, sender_domain)
    return field


def test_each_kind_of_failure_is_a_temporary_error():
    for n, fault in enumerate((dnsserver.SERVFAIL, dnsserver.REFUSED,
            dnsserver.TIMEOUT, dnsserver.GARBAGE, dnsserver.WRONG_ID,
            dnsserver.WRONG_QUESTION, dnsserver.NO_TCP,
            dnsserver.TRUNCATED_ALWAYS, dnsserver.CUT)):
        name = "fault%d.example.com" % n
        check({name: FAIL}, name, "temperror", faults={name: fault})
        # Other names do not suffer.
        check({"well%d.example.com" % n: FAIL}, "well%d.example.com" % n,
            "fail")


def test_an_answer_about_another_name_is_no_answer():
    name = "lie.example.com"
    SERVER.load({name: {"TXT": ["v=spf1 +all"]}},
        faults={name: dnsserver.WRONG_OWNER})
    tap.true(ask(name).result in ("none", "temperror"), "not pass")


def test_truncated_answers_are_fetched_by_tcp():
    check({"tc.example.com": FAIL}, "tc.example.com", "fail",
        faults={"tc.example.com": dnsserver.TRUNCATED})


def test_a_large_answer():
    texts = ["x" * 200] * 100 + ["v=spf1 -all"]
    check({"large.example.com": {"TXT": texts}}, "large.example.com", "fail")


def test_a_huge_record_is_refused_and_not_cut():
    field = check({"huge.example.com": {"TXT": ["v=spf1 " + "a:b.example "
        * 5000 + "+all"]}}, "huge.example.com", "permerror")
    tap.true(len(field.keys["problem"]) > 0, "says why")


def test_a_record_of_300_strings():
    strings = ["v=spf1 "] + ["ip4:203.0.113.%d " % n for n in range(98)] \
        + [""] * 200 + ["-all"]
    check({"strings.example.com": {"TXT": [strings]}}, "strings.example.com",
        "fail")


def test_a_hundred_networks_are_read_to_the_end():
    check({"nets.example.com": {"TXT": ["v=spf1 " + "".join(
        "ip4:203.0.113.%d " % n for n in range(100)) + "-all"]}},
        "nets.example.com", "fail")


def test_octets_that_do_not_belong_into_a_record():
    for n, text in enumerate((b"v=spf1 \0 +all", b"v=spf1\0 +all",
            b"v=spf1 +all\xe9", b"v=spf1 \x80:a +all")):
        name = "odd%d.example.com" % n
        # NUL directly behind the version makes it another text.
        check({name: {"TXT": [text]}}, name, "none" if n == 1
            else "permerror")


def test_two_records_are_an_error_and_other_texts_are_none_of_ours():
    check({"two.example.com": {"TXT": ["v=spf1 +all", "v=spf1 -all"]}},
        "two.example.com", "permerror")
    check({"pra.example.com": {"TXT": ["spf2.0/pra +all", "v=spf1 -all",
        "v=spf10 +all", "\xff\xfe"]}}, "pra.example.com", "fail")


def test_alias_chain_and_loop():
    zone = {"c%d.example.com" % n: {"CNAME": ["c%d.example.com" % (n + 1)]}
        for n in range(5)}
    zone["c5.example.com"] = FAIL
    zone["loop.example.com"] = {"CNAME": ["pool.example.com"]}
    zone["pool.example.com"] = {"CNAME": ["loop.example.com"]}
    check(zone, "c0.example.com", "fail")
    check(zone, "loop.example.com", "temperror")


def test_each_question_is_put_once_a_check():
    zone = {"once.example.com": {"TXT": ["v=spf1 a:h.example.com "
        "a:h.example.com include:i.example.com include:i.example.com -all"]},
        "h.example.com": {"A": ["203.0.113.1"]},
        "i.example.com": {"TXT": ["v=spf1 a:h.example.com -all"]}}
    check(zone, "once.example.com", "fail")
    tap.equal(SERVER.queries("once.example.com", "TXT"), 1)
    tap.equal(SERVER.queries("h.example.com", "A"), 1)
    tap.equal(SERVER.queries("i.example.com", "TXT"), 1)


def test_the_obsolete_type_is_not_asked_for():
    check({"txt.example.com": FAIL}, "txt.example.com", "fail")
    tap.equal(SERVER.queries("txt.example.com"), 1)


def test_a_tree_of_includes_is_cut_at_ten_lookups():
    zone = {}
    def grow(name, depth):
        if depth == 0:
            zone[name] = FAIL
            return
        children = ["%d.%s" % (n, name) for n in range(10)]
        zone[name] = {"TXT": ["v=spf1 " + " ".join("include:" + c
            for c in children) + " -all"]}
        for child in children[:2]:
            grow(child, depth - 1)
        for child in children[2:]:
            zone[child] = zone[children[1]]
    grow("bomb.example.com", 3)
    check(zone, "bomb.example.com", "permerror")
    tap.true(SERVER.questions() <= 11, "%d queries" % SERVER.questions())


def test_two_void_lookups_are_the_limit():
    void = {"TXT": ["v=spf1 a:x1.example.com a:x2.example.com ?all"]}
    check({"void2.example.com": void}, "void2.example.com", "neutral")
    void = {"TXT": ["v=spf1 a:x1.example.com a:x2.example.com "
        "a:x3.example.com ?all"]}
    check({"void3.example.com": void}, "void3.example.com", "permerror")


def test_a_failing_name_in_the_middle_stops_the_check():
    zone = {"mid.example.com": {"TXT": ["v=spf1 a:broken.example.com "
        "ip4:192.0.2.1 -all"]}}
    check(zone, "mid.example.com", "temperror",
        faults={"broken.example.com": dnsserver.SERVFAIL})


def test_a_dead_domain_costs_the_query_timeout_only():
    SERVER.load({}, faults={"dead.example.com": dnsserver.TIMEOUT})
    start = time.monotonic()
    tap.equal(ask("dead.example.com").result, "temperror")
    seconds = time.monotonic() - start
    tap.true(0.9 < seconds < 2.5, "%.1f s" % seconds)


def test_reply_timeout_bounds_what_a_callback_waits():
    server = dnsserver.DnsServer()
    server.load({}, faults={"dead.example.com": dnsserver.TIMEOUT})
    with Daemon(dns=server, behavior=2, check_helo=False, dns_options={
            "query_timeout": 20, "reply_timeout": 1}) as d:
        with d.milter() as m:
            m.connect(spec.CLIENT)
            m.mail("<u@dead.example.com>")
            start = time.monotonic()
            reply = m.rcpt("<r@example.org>")
            seconds = time.monotonic() - start
            m.abort()
        tap.true(reply.text.startswith("451 4.7.24 "), reply.text)
        tap.true(0.9 < seconds < 3, "%.1f s" % seconds)
    server.stop()


def test_timeout_bounds_the_whole_check():
    names = ["s%d.example.com" % n for n in range(9)]
    server = dnsserver.DnsServer()
    server.load({"long.example.com": {"TXT": ["v=spf1 " + " ".join(
        "a:" + n for n in names) + " -all"]}, **{n: {"A": ["203.0.113.1"]}
        for n in names}}, delays={n: 0.6 for n in names})
    with Daemon(dns=server, behavior=1, check_helo=False, dns_options={
            "query_timeout": 4, "timeout": 2}) as d:
        start = time.monotonic()
        tap.equal(ask("long.example.com", d).result, "temperror")
        seconds = time.monotonic() - start
        tap.true(1.5 < seconds < 3.5, "%.1f s" % seconds)
    server.stop()


def test_answers_are_cached_for_their_time_to_live():
    zone = {"ttl.example.com": FAIL, "zero.example.com": FAIL}
    SERVER.load(zone, ttls={"ttl.example.com": 300})
    for _ in range(5):
        ask("ttl.example.com")
        ask("zero.example.com")
    tap.equal(SERVER.queries("ttl.example.com"), 1)
    tap.equal(SERVER.queries("zero.example.com"), 5)


STALE = ", from stale DNS data)"


def ask_and_log(domain, d):
    """The field, its comment on one line, and the line of the log."""
    start = len(d.lines)
    field = ask(domain, d)
    line = d.wait_for_log("result=" + field.result, start=start)
    return field, " ".join(field.comment.split()), line


def test_a_reload_keeps_the_cache_and_says_how_it_is_used():
    name = "stale.example.com"
    kept = dnsserver.DnsServer({name: FAIL}, ttl=300)
    with Daemon(dns=kept, behavior=1, check_helo=False) as d:
        tap.equal(ask(name, d).result, "fail")
        tap.true(d.reload(dns=kept, behavior=1, check_helo=False, dns_options={
            "serve_stale": "24h", "cache_size": "1M"}), "reloaded")
        tap.lacks(d.log(), "after a restart")
        tap.equal(ask(name, d).result, "fail")
        tap.equal(kept.queries(name), 1)
    short = dnsserver.DnsServer({name: FAIL}, ttl=1)
    with Daemon(dns=short, behavior=1, check_helo=False) as d:
        tap.equal(ask(name, d).result, "fail")
        tap.true(d.reload(dns=short, behavior=1, check_helo=False,
            dns_options={"serve_stale": "24h"}), "reloaded")
        short.load({}, faults={name: dnsserver.TIMEOUT})
        line = ""
        end = time.monotonic() + 15
        while " stale=yes " not in line and time.monotonic() < end:
            field, _, line = ask_and_log(name, d)
            tap.equal(field.result, "fail")
        tap.contains(line, " stale=yes ")


def test_a_stale_answer_bridges_an_outage():
    name = "stale.example.com"
    server = dnsserver.DnsServer({name: FAIL}, ttl=1)
    with Daemon(dns=server, behavior=1, check_helo=False, dns_options={
            "serve_stale": "24h"}) as d:
        field, comment, line = ask_and_log(name, d)
        tap.equal(field.result, "fail")
        tap.true(STALE not in comment and " stale=" not in line, line)
        server.load({}, faults={name: dnsserver.TIMEOUT})
        # The library knows it for up to a second more than we do.  Then the
        # server is asked first,
        while " stale=" not in line:
            time.sleep(0.3)
            start = time.monotonic()
            field, comment, line = ask_and_log(name, d)
            seconds = time.monotonic() - start
            tap.equal(field.result, "fail")
        tap.true(comment.endswith(STALE), comment)
        tap.contains(line, " stale=yes ")
        tap.true(0.9 < seconds < 2.5, "%.1f s" % seconds)
        tap.true(server.queries(name) > 0, "asked")
        # but not by those who come in the next seconds;
        start = time.monotonic()
        field, comment, line = ask_and_log(name, d)
        tap.equal(field.result, "fail")
        tap.contains(line, " stale=yes ")
        tap.true(time.monotonic() - start < 0.8, "at once")
        # of what was never known there is nothing to use.
        server.load({name: {"TXT": ["v=spf1 ?all"]}},
            faults={"unknown.example.com": dnsserver.SERVFAIL})
        field, comment, line = ask_and_log("unknown.example.com", d)
        tap.equal(field.result, "temperror")
        tap.true(STALE not in comment and " stale=" not in line, line)
        # It is back, and so is the truth.
        end = time.monotonic() + 15
        while field.result != "neutral" and time.monotonic() < end:
            field, comment, line = ask_and_log(name, d)
            time.sleep(0.1)
        tap.equal(field.result, "neutral")
        tap.true(STALE not in comment and " stale=" not in line, line)
        d.stop_well()
        tap.true(logline.counters(d.log())["dns_stale"] >= 2, d.log())
    server.stop()


def test_a_second_server_answers_where_the_first_is_dead():
    SERVER.load({"second.example.com": FAIL})
    silent = dnsserver.DnsServer()
    silent.load({}, faults={"second.example.com": dnsserver.TIMEOUT})
    with Daemon(behavior=1, check_helo=False, dns_options={
            "servers": [silent.address, SERVER.address],
            "query_timeout": 6}) as d:
        tap.equal(ask("second.example.com", d).result, "fail")
    silent.stop()


def test_same_question_of_many_clients_is_put_once():
    name = "shared.example.com"
    SERVER.load({name: FAIL}, delays={name: 0.3}, ttls={name: 60})
    clients = [DAEMON.milter() for _ in range(20)]
    for m in clients:
        m.connect(spec.CLIENT)
        m.mail("<u@%s>" % name)
    for m in clients:
        m.rcpt("<r@example.org>")
        field = fields.received_spf(next(e.value for e in ended(m)))
        tap.equal(field.result, "fail")
        m.close()
    # The resolver may repeat it, where the machine is busy.
    tap.true(SERVER.queries(name, "TXT") < 5, "put once")


def shut_down_sockets_of_libunbound(pid):
    """The pairs that lead to its thread; other sockets have names."""
    process = os.pidfd_open(pid)
    for number in map(int, os.listdir("/proc/%d/fd" % pid)):
        if not os.readlink("/proc/%d/fd/%d" % (pid, number)).startswith(
                "socket:"):
            continue
        copy = LIBC.syscall(PIDFD_GETFD, process, number, 0)
        if copy < 0:
            tap.skip("may not take a descriptor of another process")
        with socket.socket(fileno=copy) as s:
            if s.family == socket.AF_UNIX and not s.getsockname():
                s.shutdown(socket.SHUT_RDWR)
    os.close(process)


def test_a_dead_resolver_ends_the_daemon():
    if not hasattr(os, "pidfd_open"):
        tap.skip("no pidfd_open")
    d = Daemon(dns=SERVER)
    shut_down_sockets_of_libunbound(d.pid)
    d.wait_for_log("dns: the resolver has stopped")
    tap.equal(d.process.wait(daemon.STOP_SECONDS), 71)
    d.check_sanitizers()
    d.clean()


def ended(m):
    m.end()
    return m.edits


def test_the_daemon_ends_well():
    DAEMON.stop_well()
    tap.contains(DAEMON.log(), "dns_failures=")


tap.main(globals())
