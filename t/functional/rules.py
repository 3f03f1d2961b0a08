# SPDX-License-Identifier: BSD-2-Clause
"""Rules in a running daemon: what they look up, whom they decide on, and what
of them survives a reload."""

import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import dnsserver
import logline
import tap
from daemon import Daemon

CLIENT = "192.0.2.1"
ZONE = {
    "fail.example.com": {"TXT": ["v=spf1 -all"]},
    "soft.example.com": {"TXT": ["v=spf1 ~all"]},
    "forward.example.net": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["mx.partner.example"]},
    "mx.partner.example": {"A": [CLIENT]},
    "9.2.0.192.in-addr.arpa": {"PTR": ["mx.partner.example"]},
}
SERVER = dnsserver.DnsServer()
SERVER.load(ZONE, faults={
    "dead.example.net": dnsserver.SERVFAIL})


def start(**options):
    return Daemon(dns=SERVER, check_helo=False, **options)


def judge(d, sender, *recipients, client=CLIENT):
    """The code of each refusal, or None."""
    with d.milter() as m:
        m.connect(client)
        m.helo("mail.example.org")
        m.mail("<%s>" % sender)
        replies = [m.rcpt("<%s>" % r) for r in recipients]
        if any(r is None or r.kind == "c" for r in replies):
            m.end()
    return [r.text[:3] if r is not None and r.kind == "y" else None
        for r in replies]


def test_each_recipient_is_decided_on_and_the_log_has_the_rule():
    with start(rule={"lenient": {"recipient": ["lenient@"],
            "behavior": 1}}) as d:
        tap.equal(judge(d, "u@fail.example.com", "a@example.org",
            "lenient@example.org"), ["550", None])
        line, = d.message_lines(1)
        fields = logline.parse(line)
        tap.equal((fields["rule"], fields["action"]), ("lenient", "accept"))


def test_confirmed_names_and_passing_domains_are_evidence():
    with start(rule={
            "partner": {"client_name": [".partner.example"],
                "action": "header"},
            "forwarder": {"spf_pass_for": ["forward.example.net"],
                "action": "header"}}) as d:
        tap.equal(judge(d, "u@fail.example.com", "a@example.org"), [None])
        # It leads to the name, but the name does not lead back.
        tap.equal(judge(d, "u@fail.example.com", "a@example.org",
            client="192.0.2.9"), [None])
        tap.equal(judge(d, "u@fail.example.com", "a@example.org",
            client="198.51.100.1"), ["550"])
        lines = [logline.parse(l) for l in d.message_lines(3)]
        tap.equal([l.get("rule") for l in lines],
            ["partner", "forwarder", None])


def test_a_rule_that_the_dns_leaves_open_defers_what_it_might_let_through():
    with start(rule={"dead": {"spf_pass_for": ["dead.example.net"],
            "action": "header"}}) as d:
        tap.equal(judge(d, "u@fail.example.com", "a@example.org"), ["451"])
        tap.equal(judge(d, "u@soft.example.com", "a@example.org"), [None])


def test_recipients_that_want_another_treatment_are_told_to_come_again():
    with start(rule={"mark": {"recipient": ["mark@"], "softfail": "tag"}},
            mixed_recipients="split") as d:
        tap.equal(judge(d, "u@soft.example.com", "mark@example.org",
            "a@example.org", "mark@example.net"), [None, "452", None])
        tap.equal(judge(d, "u@soft.example.com", "a@example.org"), [None])


def test_a_reload_keeps_the_hits_of_a_rule_and_the_end_tells_them():
    one = {"one": {"sender": ["fail.example.com"], "client": [CLIENT],
        "action": "header"}}
    two = {"two": {"action": "header"}}
    with start(rule=one) as d:
        tap.equal(judge(d, "u@fail.example.com", "a@example.org"), [None])
        d.reload(dns=SERVER, check_helo=False, rule={**two, **one})
        tap.equal(judge(d, "u@fail.example.com", "a@example.org"), [None])
        d.reload(dns=SERVER, check_helo=False, rule=one)
        tap.equal(judge(d, "u@fail.example.com", "a@example.org",
            "b@example.org"), [None, None])
        d.stop_well()
        log = d.log()
    tap.contains(log, 'rule "one": hits=2 last=%d-' %
        datetime.datetime.now().year)
    tap.contains(log, 'rule "two": hits=1 last=')


def test_a_start_names_rules_that_have_expired():
    with start(rule={"old": {"expires": "2020-02-29",
            "action": "reject"}}) as d:
        d.wait_for_log('rule "old" has expired and does nothing')
        tap.equal(judge(d, "u@soft.example.com", "a@example.org"), [None])


def test_the_daemon_and_port_of_the_mta_are_asked_for_where_rules_want_them():
    with start(rule={"msa": {"daemon": ["MSA"], "port": ["587"],
            "behavior": 1}}) as d, start() as plain:
        with plain.milter() as m:
            tap.equal(m.symbols["connect"], ["j"])
        for name, code in (("MSA", "c"), ("MTA", "y")):
            with d.milter() as m:
                tap.equal(m.symbols["connect"],
                    ["j", "{daemon_name}", "{daemon_port}"])
                m.connect(CLIENT, macros={"{daemon_name}": name,
                    "{daemon_port}": "587"})
                m.helo("mail.example.org")
                m.mail("<u@fail.example.com>")
                tap.equal(m.rcpt("<a@example.org>").kind, code)


def test_a_tcp_smtp_cdb_of_qmail_gives_its_clients_their_level():
    if "tinycdb" not in daemon.run("-V")[1]:
        tap.skip("built without tinycdb")
    if shutil.which("tcprules") is None:
        tap.skip("no tcprules")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["tcprules", "tcp.cdb", "tcp.tmp"], cwd=folder,
            check=True, text=True, input=(
                '192.0.2.1:allow,SPFBEHAVIOR="1"\n'
                '192.0.2.2:allow,SPFBEHAVIOR="9"\n'
                '192.0.2.3:allow,SPFBEHAVIOR="0"\n'
                '192.0.2.4:deny,SPFBEHAVIOR="1"\n'
                '192.0.2.5:allow,RELAYCLIENT=""\n'
                '192.0.2.6:allow,SPFBEHAVIOR="x"\n'
                '198.51.:allow,SPFBEHAVIOR="04"\n'))
        with open(folder + "/zone", "w") as f:
            f.write('soft.example.com TXT "v=spf1 ~all"\n'
                'none.example.com A 192.0.2.1\n'
                'fail.example.com TXT "v=spf1 -all"\n')
        with open(folder + "/conf", "w") as f:
            f.write(daemon.configuration(check_helo=False, rule={"tcp": {
                "client": ["cdb:%s/tcp" % folder],
                "behavior": "from-list"}}))
        clients = ["192.0.2.%d" % n for n in range(1, 8)] + ["198.51.100.1"]
        _, out, err = daemon.run("-t", "-c", folder + "/conf", "--zone",
            folder + "/zone", "--json", stdin="".join(
            "%s - u@%s.example.com\n" % (c, r) for c in clients
            for r in ("fail", "soft", "none")))
    got = [json.loads(line) for line in out.splitlines()]
    words = {c: [o["action"] for o in got if o["client"] == c]
        for c in clients}
    standard = ["reject", "accept", "accept"]
    tap.equal(words, {
        "192.0.2.1": ["accept"] * 3,
        "192.0.2.2": ["reject"] * 3,
        "192.0.2.3": ["accept"] * 3,
        "192.0.2.4": standard,
        "192.0.2.5": standard,
        "192.0.2.6": standard,
        "192.0.2.7": standard,
        "198.51.100.1": ["reject", "reject", "accept"]}, err)
    tap.equal([o["skipped"] for o in got if o["client"] == "192.0.2.3"],
        ["skipped by policy"] * 3)


tap.main(globals())
