# SPDX-License-Identifier: BSD-2-Clause
"""The local policy, the guess and wide-open records over the socket: what is
done with mail, and what fields and log say of it."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import fields
import logline
import spec
import tap
import watch
from daemon import Daemon

FORWARDER = "203.0.113.5"
ZONE = dict(spec.ZONE, **{
    "forwarders.example.net": {"TXT": ["v=spf1 ip4:203.0.113.0/24 -all"]},
    "open.example.com": {"TXT": ["v=spf1 ip4:198.51.100.1 +all"]},
    "any.example.com": {"TXT": ["v=spf1 exists:%{l}.any.example.com -all"]},
    "u.any.example.com": {"A": ["127.0.0.2"]},
})
SERVER = dnsserver.DnsServer()
SERVER.load(ZONE, faults=spec.FAULTS)
DAEMON = Daemon(dns=SERVER)
AR = "Authentication-Results"
BOTH = ["received-spf", "authentication-results"]
GUESS = "v=spf1 a/24 -all"


def use(**options):
    tap.true(DAEMON.reload(dns=SERVER, headers=BOTH, check_helo=False,
        **options), "configuration is taken")


def send(sender, client):
    with DAEMON.milter() as m:
        m.connect(client)
        m.helo(spec.HELO)
        return m.message(sender="<%s>" % sender)


def line_of(sender):
    """The pairs of the last log line about this sender, once it is there."""
    return watch.wait_for(lambda: [logline.parse(t) for t in
        DAEMON.log().splitlines() if " sender=%s " % sender in t],
        "a line about " + sender)[-1]


def field_of(done):
    (value,) = done.values("Received-SPF")
    return fields.received_spf(value)


def test_a_forwarder_passes_for_a_domain_that_would_refuse_it():
    use(behavior=3)
    tap.equal(send("a@fail.example.com", FORWARDER).refusal,
        [spec.reply("fail", FORWARDER)])
    use(behavior=3, local_policy="ip4:203.0.113.99 "
        "include:forwarders.example.net")
    done = send("b@fail.example.com", FORWARDER)
    tap.equal(done.refusal, None)
    field = field_of(done)
    tap.equal((field.result, field.keys["local-policy"],
        field.keys["mechanism"]), ("fail", "pass",
        "+include:forwarders.example.net"))
    tap.contains(field.comment, "local policy says pass")
    tap.equal([" ".join(v.split()) for v in done.values(AR)],
        ["mx.example.org; spf=fail smtp.mailfrom=fail.example.com "
        "policy.local-policy=pass"])
    pairs = line_of("b@fail.example.com")
    tap.equal((pairs["result"], pairs["source"]), ("pass", "local_policy"))
    tap.equal(send("c@fail.example.com", "198.51.100.7").refusal,
        [spec.reply("fail", "198.51.100.7")], "others are refused")


def test_a_local_policy_that_cannot_be_asked_defers_and_does_not_refuse():
    use(behavior=3, local_policy="include:broken.example.net")
    done = send("d@fail.example.com", FORWARDER)
    tap.true(done.refusal[0].startswith("451 4.7.24 "), done.refusal)
    tap.equal(send("d@neutral.example.com", FORWARDER).refusal, None)
    tap.equal(send("d@pass.example.com", spec.CLIENT).refusal, None)


def test_a_local_policy_without_record_refuses_as_before_and_warns():
    use(behavior=3, local_policy="include:gone.example.net")
    tap.equal(send("e@fail.example.com", FORWARDER).refusal,
        [spec.reply("fail", FORWARDER)])
    watch.wait_for(lambda: "warning: local_policy says nothing of a domain: "
        "domain=fail.example.com reason=" in DAEMON.log(), "a warning")


def test_a_guess_is_noted_and_the_result_stays_none():
    use(behavior=5, best_guess=GUESS)
    for client, guess in (("192.0.2.77", "pass"), (FORWARDER, "fail")):
        sender = "%s@none.example.com" % guess
        done = send(sender, client)
        tap.equal(done.refusal, None)
        field = field_of(done)
        tap.equal((field.result, field.keys["guess"]), ("none", guess))
        tap.contains(field.comment, "a guess says " + guess)
        tap.equal([" ".join(v.split()) for v in done.values(AR)],
            ["mx.example.org; spf=none smtp.mailfrom=none.example.com "
            "policy.guess=" + guess])
        pairs = line_of(sender)
        tap.equal((pairs["result"], pairs["source"]), (guess, "guess"))


def test_a_guess_refuses_where_its_policy_says_so():
    use(behavior=3, best_guess=GUESS, policy={"guess": {"fail": "reject"}})
    tap.equal(send("f@none.example.com", FORWARDER).refusal,
        [spec.reply("fail", FORWARDER, name="none.example.com")])
    tap.equal(send("f@none.example.com", "192.0.2.77").refusal, None)


def test_a_guess_lets_through_at_level_6_only_if_it_passes():
    use(behavior=6, best_guess=GUESS)
    tap.equal(send("g@none.example.com", "192.0.2.77").refusal, None)
    tap.equal(send("g@none.example.com", FORWARDER).refusal,
        [spec.reply("none", FORWARDER)])


def test_wide_open_records_are_named():
    use(behavior=3)
    done = send("h@open.example.com", FORWARDER)
    tap.contains(field_of(done).comment, "record is wide open by +all")
    pairs = line_of("h@open.example.com")
    tap.equal((pairs["record"], pairs["wide_open"]), ("wide-open", "+all"))
    done = send("u@any.example.com", FORWARDER)
    tap.lacks(field_of(done).comment, "wide open")


def test_a_client_that_nobody_lets_in_is_asked_for_when_told():
    use(behavior=3, self_test_ip="192.0.2.1")
    done = send("u@any.example.com", FORWARDER)
    tap.contains(" ".join(field_of(done).comment.split()), "wide open by "
        "+exists:%{l}.any.example.com for 192.0.2.1")


def test_all_is_counted_and_the_daemon_ends_well():
    DAEMON.stop_well()
    counters = logline.counters(DAEMON.log())
    tap.equal([counters[n] for n in ("source_local_policy", "source_guess",
        "wide_open", "own_record_errors")], [2, 6, 2, 3])


tap.main(globals())
