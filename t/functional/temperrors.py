# SPDX-License-Identifier: BSD-2-Clause
"""Temporary errors that last: of a domain, and of our own name servers."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import fields
import logline
import spec
import tap
import watch
from daemon import Daemon

FAIL = {"TXT": ["v=spf1 -all"]}
MANY = 14				# networks, and domains
NAMES = ["d%d.example.com" % n for n in range(2000)]
TOO_LONG = "accepted because that has lasted too long"
OUR_OWN = "accepted because our own DNS fails"


class Server:
    """A name server that dies and comes back at the same place."""

    def __init__(self, **faults):
        self.faults = faults
        self.port = 0
        self.begin()

    def begin(self):
        self.server = dnsserver.DnsServer(port=self.port)
        self.port = self.server.port
        self.address = self.server.address
        self.heal()

    def heal(self):
        self.server.load({name: FAIL for name in
            (*NAMES, "a.example.com", "canary.example.com")})

    def fail(self, *names, fault=dnsserver.SERVFAIL):
        self.server.load({name: FAIL for name in NAMES},
            faults={name: fault for name in names})

    def end(self):
        self.server.stop()


def start(server, canary="", **options):
    """What takes 20 seconds by default takes one."""
    return Daemon(behavior=2, check_helo=False, dns_options={
        "servers": [server.address], "timeout": 1, "query_timeout": "500ms",
        "canary": canary}, **options)


def judge(d, name, client=spec.CLIENT):
    """The result and comment of Received-SPF, or the refusal."""
    with d.milter() as m:
        m.connect(client)
        done = m.message("<u@%s>" % name)
    if done.refusal:
        tap.equal(done.refusal[0][:3], "451")
        return "451", ""
    field = fields.received_spf(done.values("Received-SPF")[0])
    return field.result, field.comment


def judge_many(d, numbers):
    """A domain of each of many networks: what came of each."""
    return [judge(d, NAMES[n], "198.51.%d.1" % (n % MANY))
        for n in numbers]


def rounds():
    """Names that were not asked for yet."""
    for n in range(0, len(NAMES) - MANY, MANY):
        yield range(n, n + MANY)


def judge_until(d, names, result, comment):
    found = watch.settled(lambda: judge_many(d, next(names))[-1],
        lambda r: r[0] == result, 30)
    tap.equal(found[0], result)
    tap.contains(found[1], comment)


def the_only_line(d, text):
    lines = [line for line in d.log().split("\n") if text in line]
    tap.equal(len(lines), 1, text)


FAILS = "our lookups fail, for whomever they are"
SUCCEEDS = "our lookups succeed again"


def test_a_domain_that_stays_broken_loses_no_mail_for_good():
    server = Server()
    server.fail("a.example.com")
    with start(server, temperror_grace="2s") as d:
        tap.equal(judge(d, "a.example.com")[0], "451")
        begin = time.monotonic()
        tap.true(d.reload(**d.options), "reloaded")
        found = watch.settled(lambda: judge(d, "a.example.com"),
            lambda r: r[0] != "451", 30)
        tap.true(time.monotonic() - begin > 1.9, "not before its time")
        tap.equal(found[0], "temperror")
        tap.contains(found[1], TOO_LONG)
        line = d.wait_for_log("excuse=grace")
        tap.equal(logline.parse(line)["action"], "accept")
        tap.equal(judge(d, "a.example.com", "198.51.100.1")[0], "451")
        # The end of it is an answer, for which the old one must be forgotten.
        server.heal()
        watch.settled(lambda: judge(d, "a.example.com")[0],
            lambda r: r == "fail", 15)
        server.fail("a.example.com")
        tap.equal(judge(d, "a.example.com")[0], "451")
        d.stop_well()
        tap.true(logline.counters(d.log())["excused_grace"] >= 1, "counted")
        tap.lacks(d.log(), FAILS)


def test_a_name_server_that_dies_defers_nothing_for_long():
    server = Server()
    with start(server) as d:
        names = rounds()
        tap.equal(set(r for r, _ in judge_many(d, next(names))), {"fail"})
        server.end()
        tap.equal(judge(d, "a.example.com")[0], "451")
        found = watch.settled(lambda: judge(d, "a.example.com"),
            lambda r: r[0] != "451", 30)
        tap.equal(found[0], "temperror")
        tap.contains(found[1], OUR_OWN)
        line = d.wait_for_log("excuse=outage")
        tap.equal(logline.parse(line)["action"], "accept")
        server.begin()
        d.wait_for_log("dns: a name server answers again")
        judge_until(d, names, "fail", "")
        d.wait_for_log(SUCCEEDS)
        # From here on it is the domain's own fault.
        server.fail("b.example.com")
        tap.equal(judge(d, "b.example.com")[0], "451")
        the_only_line(d, FAILS)
        the_only_line(d, SUCCEEDS)
        d.stop_well()
        counters = logline.counters(d.log())
        tap.equal(counters["breaker_opened"], 1)
        tap.true(counters["excused_outage"] >= 1, "counted")


def test_a_canary_tells_of_servers_that_have_lost_the_world():
    server = Server()
    with start(server, canary="canary.example.com") as d:
        server.fail("canary.example.com", "a.example.com")
        tap.equal(judge(d, "a.example.com")[0], "451")
        d.wait_for_log("dns: no name server has an answer for the canary "
            "canary.example.com")
        found = watch.settled(lambda: judge(d, "a.example.com"),
            lambda r: r[0] != "451", 30)
        tap.contains(found[1], OUR_OWN)
        server.fail("a.example.com")
        d.wait_for_log("dns: a name server has an answer for the canary")
        watch.settled(lambda: judge(d, "a.example.com")[0],
            lambda r: r == "451")
        tap.equal(judge(d, "a.example.com")[0], "451")
        d.wait_for_log(SUCCEEDS)
        the_only_line(d, FAILS)
        the_only_line(d, SUCCEEDS)


def test_many_domains_of_many_networks_that_fail_are_enough():
    server = Server()
    with start(server) as d:
        names = rounds()
        server.fail(*NAMES)
        tap.equal(set(r for r, _ in judge_many(d, next(names))), {"451"})
        judge_until(d, names, "temperror", OUR_OWN)
        server.heal()
        judge_until(d, names, "fail", "")
        d.wait_for_log(SUCCEEDS)
        server.fail("a.example.com")
        tap.equal(judge(d, "a.example.com")[0], "451")
        the_only_line(d, FAILS)


def test_one_client_with_dead_domains_changes_nothing():
    server = Server()
    server.fail(*NAMES)
    with start(server) as d:
        begin = time.monotonic()
        for name in NAMES:
            tap.equal(judge(d, name)[0], "451")
            if time.monotonic() - begin > 2:
                break
        tap.lacks(d.log(), FAILS)


tap.main(globals())
