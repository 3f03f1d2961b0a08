# SPDX-License-Identifier: BSD-2-Clause
"""Mail that real relays hand on to real MTAs with our filter: the client is
the one that the relay has seen, and nothing that a client says is taken for
one.  And what needs no relay of ours: XCLIENT and the PROXY protocol.
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fields
import lab
import mta
import smtp
import spec
import tap
from daemon import Daemon
from mta import Listener

lab.require("postfix")

LAB = lab.Lab()
tempfile.tempdir = LAB.dir

MX = "198.51.100.25"
MX2 = "198.51.100.26"
GATE = "198.51.100.30"			# Postfix
GATE2 = "198.51.100.31"			# sendmail
HUB = "hub.example.org"			# what sendmail makes of MX
XCLIENT, PROXY = 2501, 2502
MADE_UP = "".join("Received: from x.example (x.example [%s])\n\tby %s "
    "(Postfix) with ESMTPSA id 1; Thu, 26 Nov 2026 12:00:00 +0000\n" % a
    for a in [("198.51.100.9", "gate.example.org"), (spec.CLIENT, "x")])

# The gates pass as gate.example.com, and for nobody else.
NAMESERVER = lab.NameServer(LAB, lab.zone_file(LAB.dir + "/zone", {
    **spec.ZONE, "gate.example.com": {"TXT": [
        "v=spf1 ip4:198.51.100.0/24 -all"]}, HUB: {"A": [MX]}}))
FILTER = Daemon(user="nobody", socket_mode="0666",
    relay={"client": [GATE, GATE2]},
    headers=["received-spf", "authentication-results"],
    dns_options={"servers": []})


def start(kind, listeners, **options):
    server = kind(LAB, listeners, **options)
    server.start()
    return server


MAIL = start(mta.Postfix, [Listener(MX, 25, FILTER.socket),
    Listener(MX, XCLIENT, FILTER.socket,
        ["smtpd_authorized_xclient_hosts=" + GATE]),
    Listener(MX, PROXY, FILTER.socket,
        ["smtpd_upstream_proxy_protocol=haproxy"])],
    settings="virtual_alias_domains = %s\nvirtual_alias_maps = inline:{"
    "{test@%s = test@example.org}, {flow@%s = flow@example.org}}\n"
    % (HUB, HUB, HUB))
# By recipient: to Postfix, to sendmail, to Postfix through the other gate.
POSTFIX_GATE = start(mta.Postfix, [Listener(GATE, 25),
    Listener("2001:db8:30::25", 25)], name="postfix-gate",
    settings="myhostname = gate.example.org\n"
    "virtual_mailbox_domains =\nrelay_domains = example.org\n"
    "smtp_bind_address = %s\n"
    "transport_maps = inline:{{test@example.org = smtp:[%s]:25}, "
    "{other@example.org = smtp:[%s]:25}, "
    "{flow@example.org = smtp:[%s]:25}}\n" % (GATE, MX, MX2, GATE2))
if mta.Sendmail.installed():
    MAIL2 = start(mta.Sendmail, [Listener(MX2, 25, FILTER.socket)])
    SENDMAIL_GATE = start(mta.Sendmail, [Listener(GATE2, 25)],
        name="sendmail-gate",
        settings="define(`confDOMAIN_NAME', `gate2.example.org')dnl\n"
        "define(`MAIL_HUB', `smtp:%s')dnl\n"
        "CLIENT_OPTIONS(`Family=inet, Address=%s')dnl\n" % (HUB, GATE2))
else:
    MAIL2 = SENDMAIL_GATE = None

# Where a client hands in, for whom, and where it arrives.
WAYS = {"Postfix to Postfix": (GATE, "test", MAIL)}
if SENDMAIL_GATE is not None:
    WAYS.update({"Postfix to sendmail": (GATE, "other", MAIL2),
        "sendmail to Postfix": (GATE2, "test", MAIL),
        "both to Postfix": (GATE, "flow", MAIL)})

count = 0


def send(host, sender, rcpt, text="", helo=spec.HELO, source=spec.CLIENT,
        port=25, preface=b"", first=()):
    """(word in the message, what became of it)"""
    global count
    count += 1
    word = "word%dword" % count
    with smtp.Client((host, port), source, preface=preface) as client:
        for command in first:
            tap.equal(client.command(command)[0][:1], "2", command)
        tap.equal(client.command("EHLO " + helo)[0][:3], "250")
        done = client.message("<%s>" % sender, ["<%s@example.org>" % rcpt],
            text + "Subject: %s\n\nhello\n" % word)
    return word, done


def deliver(way, sender, **arguments):
    """{identity: field of ours} of the delivered message."""
    host, rcpt, server = WAYS[way]
    word, done = send(host, sender, rcpt, **arguments)
    tap.true(done.accepted, done.__dict__)
    return ours(server.wait_for_mail(rcpt, word))


def ours(message):
    found = [fields.received_spf(v) for n, v in mta.headers_of(message)
        if n == "Received-SPF"]
    return {f.keys["identity"]: f for f in found}


def log_of(start, *parts):
    return FILTER.wait_for_log(parts, start=start, seconds=20)


def test_the_client_is_whom_the_relay_has_seen():
    for way in WAYS:
        got = deliver(way, "u@pass.example.com")
        tap.equal(got["mailfrom"].result, "pass", way)
        tap.equal(got["mailfrom"].keys["client-ip"], spec.CLIENT, way)
        tap.equal(got["mailfrom"].keys["helo"], spec.HELO, way)
        tap.contains(got["mailfrom"].comment, "told by relay", way)


def test_what_the_message_brings_is_below_what_the_relay_writes():
    for way in WAYS:
        got = deliver(way, "u@pass.example.com", text=MADE_UP)
        tap.equal(got["mailfrom"].keys["client-ip"], spec.CLIENT, way)


def test_the_relay_itself_passes_for_nobody():
    for way, (host, rcpt, _) in WAYS.items():
        start_at = len(FILTER.lines)
        _, done = send(host, "u@gate.example.com", rcpt)
        tap.true(done.accepted, way)
        line = log_of(start_at, "client=%s " % spec.CLIENT, "result=fail",
            "action=quarantine", "excuse=relay")
        tap.contains(line, "relay=%s " % (GATE2 if rcpt == "flow" else host))
    tap.contains(lab.command("postqueue", "-c", MAIL.etc, "-p"), "!")


def test_softfail_is_told_and_delivered():
    for way in WAYS:
        got = deliver(way, "u@softfail.example.com")
        tap.equal(got["mailfrom"].result, "softfail", way)


def test_the_null_sender_has_the_helo_of_the_client():
    for way in WAYS:
        got = deliver(way, "", helo="pass.example.com")
        tap.equal(got["mailfrom"].result, "pass", way)
        tap.equal(got["mailfrom"].keys["envelope-from"], "", way)


def test_ipv6_behind_a_relay():
    word, done = send("2001:db8:30::25", "u@pass.example.com", "test",
        source=spec.CLIENT6)
    tap.true(done.accepted, done.__dict__)
    got = ours(MAIL.wait_for_mail("test", word))
    tap.equal(got["mailfrom"].keys["client-ip"], spec.CLIENT6)


def test_no_helo_is_taken_for_the_client():
    """Postfix takes any; sendmail refuses what is not a name."""
    for helo in ("a (x [198.51.100.9]) by b", "[198.51.100.9]",
            "x (x [198.51.100.9])", "(helo=b)", "a;b", '"a b"', "a\\",
            "a\t(x", "from x (y [198.51.100.9]) by z (Postfix); d",
            "198.51.100.9"):
        got = deliver("Postfix to Postfix", "u@pass.example.com", helo=helo)
        tap.contains((("pass", spec.CLIENT), ("none", GATE)),
            (got["mailfrom"].result, got["mailfrom"].keys["client-ip"]), helo)


def test_mail_of_the_relay_s_own_machine_is_none():
    """Its field names no client."""
    start_at = len(FILTER.lines)
    POSTFIX_GATE.submit("u@pass.example.com", "test@example.org",
        "Subject: own\n\nhello\n")
    line = log_of(start_at, "relay=%s " % GATE)
    tap.contains(line, " result=none action=accept ")
    tap.contains(line, "names no client")


def test_other_clients_are_answered_as_early_as_ever():
    for host, rcpt in [(MX, "test")] + [(MX2, "other")] * (MAIL2 is not None):
        _, done = send(host, "u@fail.example.com", rcpt)
        tap.equal(done.rcpts[0][0][:10], "550 5.7.23", host)
        tap.equal(done.data, None)


def test_relays_that_talk_to_the_sender_refuse():
    """Here the client is the relay: it hears the refusal."""
    tap.true(FILTER.reload(relay={"client": [GATE], "refuse": True},
        dns_options={"servers": []}), "reload")
    text = MADE_UP.replace("ESMTPSA", "ESMTP")
    _, done = send(MX, "u@fail.example.com", "test", text=text, source=GATE)
    tap.equal(done.rcpts[0][0][:3], "250")
    tap.equal(done.end[0][:10], "550 5.7.23")
    _, done = send(MX, "u@pass.example.com", "test", source=GATE,
        text=text.replace("198.51.100.9", spec.CLIENT))
    tap.true(done.accepted, done.__dict__)


def test_forwarders_hand_on_what_fails():
    """The gates again, as hosts of others: by address, and by a record."""
    for evidence in ({"client": [GATE, GATE2]},
            {"spf_pass_for": ["fail.example.com", "gate.example.com"]}):
        tap.true(FILTER.reload(forwarder={"the gates": evidence},
            dns_options={"servers": []}), "reload")
        for way in WAYS:
            start_at = len(FILTER.lines)
            got = deliver(way, "u@fail.example.com")
            tap.equal(got["mailfrom"].result, "fail", way)
            tap.contains(" ".join(got["mailfrom"].comment.split()),
                "forwarder the gates", way)
            log_of(start_at, 'forwarder="the gates"', "excuse=forwarder")
    _, done = send(MX, "u@fail.example.com", "test")
    tap.equal(done.rcpts[0][0][:10], "550 5.7.23")


# No section of ours is needed.

def test_xclient():
    xclient = ["EHLO proxy.example.org",
        "XCLIENT ADDR=%s NAME=mail.example.net" % spec.CLIENT]
    word, done = send(MX, "u@pass.example.com", "test", source=GATE,
        port=XCLIENT, first=xclient)
    tap.true(done.accepted, done.__dict__)
    got = ours(MAIL.wait_for_mail("test", word))
    tap.equal(got["mailfrom"].keys["client-ip"], spec.CLIENT)
    _, done = send(MX, "u@gate.example.com", "test", source=GATE,
        port=XCLIENT, first=xclient)
    tap.equal(done.rcpts[0][0][:10], "550 5.7.23")


def test_proxy_protocol():
    for client in (spec.CLIENT, spec.CLIENT6):
        six = ":" in client
        preface = ("PROXY TCP%d %s %s 40000 25\r\n" % (6 if six else 4,
            client, "2001:db8::25" if six else MX)).encode()
        word, done = send(MX, "u@pass.example.com", "test", source=GATE,
            port=PROXY, preface=preface)
        tap.true(done.accepted, done.__dict__)
        got = ours(MAIL.wait_for_mail("test", word))
        tap.equal(got["mailfrom"].keys["client-ip"], client)


def test_filter_ends_well():
    FILTER.end()


tap.main(globals(), seconds=120)
