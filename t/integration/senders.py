# SPDX-License-Identifier: BSD-2-Clause
"""Ways to write a sender that an MTA reads in its own way, through real
Postfix and sendmail, compared with the Return-Path that they deliver.

D is the domain that should show up there, P another one; each is foreign or
the MTA's own, and one of them fails where the other passes.
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

SPOOFED = ["<u%D>", "<D!u>", "<u@D@>", "<a!D!u>", "<u%P%D>", "<D!u%P>",
    "<D!>"]
FORMS = SPOOFED + ["u%D", "<%D>", "<u%D@>", "<D!u@>", "<u%D%>", "<u%%D>",
    "<D!P!u>", "<D!P!u%P>", "<D.!u>", "<u%D.>", '<"u%D">', '<"u@D">',
    '<"D!u">', "<u\\%D>", "<u%P@D>", "<u%P@D.>", "<P!u@D>", "<P!a!u@D>",
    "<u%a%P@D>", "<u@P@D>", '<"u@P"@D>', '<"u%P"@D>', '<"P!u"@D>',
    "<u%P@D@>", "<u%P@D@D>", "<D!u@P>", "<u%D@P>", "<@D:u@P>", "<@D:u%P>",
    "<@D:P!u>", "<@P:u@D>", "<@P:u%D>", "<@D,@P:u%P%D>", "<u%P%D@localhost>",
    "<u%P@HOST>", "<P!u@HOST>", "<u>", "<u!D>", "<D::u>"]
OWN = ("fail.example.org", "pass.example.org")
# D and P.
PAIRS = [("fail.example.com", "pass.example.com"),
    ("pass.example.com", "fail.example.com"),
    ("fail.example.org", "pass.example.com"),
    ("pass.example.org", "fail.example.com")]
HOSTS = ["mx.example.org", "mx2.example.org"]
PORTS = {1: 25, 3: 2503}

LAB = lab.Lab()
tempfile.tempdir = LAB.dir


NAMESERVER = lab.NameServer(LAB, lab.zone_file(LAB.dir + "/zone", {
    **spec.ZONE, **{n: spec.ZONE[n.replace(".org", ".com")] for n in OWN},
    **{n: {"TXT": ["v=spf1 -all"]} for n in HOSTS}}))
FILTERS = {level: Daemon(user="nobody", behavior=level, check_helo=False,
    socket_mode="0666", dns_options={"servers": []}) for level in PORTS}


def start(kind, host, **options):
    listeners = [Listener(host, port, FILTERS[level].socket)
        for level, port in PORTS.items()]
    server = kind(LAB, listeners, domains=("$myhostname",) * (kind is
        mta.Postfix) + OWN, **options)
    server.host = host
    server.start()
    return server


MTAS = [start(mta.Postfix, "198.51.100.25"),
    start(mta.Postfix, "198.51.100.27", name="postfix-without-routes",
        settings="allow_percent_hack = no\nswap_bangpath = no\n")]
if mta.Sendmail.installed():
    MTAS += [start(mta.Sendmail, "198.51.100.26"),
        start(mta.Sendmail, "198.51.100.28", name="sendmail-without-uucp",
            settings="FEATURE(`nouucp', `nospecial')dnl\n")]


def host_of(server):
    return HOSTS[isinstance(server, mta.Sendmail)]


def written(form, d, p, server):
    """In one pass, since a domain may hold these letters."""
    words = {"D": d, "P": p, "HOST": host_of(server)}
    for word in ("HOST", "D", "P"):
        form = form.replace(word, "{%s}" % word)
    return form.format(**words)


def domain_of(address):
    """What stands behind the last @ outside of quotes."""
    tail = address.strip("<>").rpartition('"')[2]
    return tail.rpartition("@")[2].rstrip(".").lower()


def result_of(domain):
    """What the client gets for a domain; None for others than ours."""
    if domain in HOSTS:
        return "fail"
    word = domain.partition(".")[0]
    return word if word in ("pass", "fail") else None


class Sent:
    """A message that an MTA has taken."""

    def __init__(self, server, sender, name):
        self.server = server
        self.sender = sender
        self.name = name

    def fetch(self):
        message = self.server.wait_for_mail("test", self.name)
        headers = dict(mta.headers_of(message))
        self.path = headers["Return-Path"].strip()
        field = fields.received_spf(headers["Received-SPF"])
        self.result = field.result
        self.checked = domain_of(field.keys["envelope-from"])

    def problem(self):
        """A domain that the recipient sees is never spoofed; no other one
        is refused, unless it stands beside it in what was typed."""
        path = domain_of(self.path)
        if self.sender.endswith(".>") and path == HOSTS[0]:
            # Postfix has told us d and completes <u%d.> with its own name.
            path = self.checked
        fails = self.result == "fail"
        if fails and result_of(self.checked) != "fail":
            return "%s does not fail" % self.checked
        if result_of(path) == "fail" and not fails:
            return "spoofed"
        if result_of(path) == "pass" and self.checked != path and not (
                fails and self.checked in self.sender.lower()):
            return "not what the recipient sees"
        return None

    def __str__(self):
        return "%s: %s is %s, checked was %s: %s" % (self.server.name,
            self.sender, self.path, self.checked, self.result)


def send_all(server, port, senders):
    """Pairs of a sender and what became of it, on one connection."""
    with smtp.Client((server.host, port), spec.CLIENT) as client:
        tap.equal(client.command("EHLO " + spec.HELO)[-1][:4], "250 ")
        for number, sender in enumerate(senders):
            name = "token-%s-%d-%d-" % (server.name, port, number)
            done = client.message(sender, ["<test@example.org>"],
                "Subject: %s\n\nhello\n" % name)
            if done.mail[0].startswith("2") and done.end is None:
                client.command("RSET")
            yield sender, name, done


def test_the_domain_that_the_recipient_sees_is_not_spoofed():
    problems = []
    for server in MTAS:
        senders = [written(form, d, p, server) for d, p in PAIRS
            for form in FORMS]
        taken = [Sent(server, sender, name) for sender, name, done
            in send_all(server, PORTS[1], senders) if done.accepted]
        for sent in taken:
            sent.fetch()
            if sent.problem():
                problems.append("%s: %s" % (sent, sent.problem()))
        # All but what the MTA itself refuses.
        tap.true(len(taken) >= len(senders) // 3, server.name)
    tap.equal("\n".join(problems), "")


def test_spoofed_senders_are_refused():
    for server in MTAS[::2]:
        for d in ("fail.example.com", "fail.example.org"):
            senders = [written(form, d, "pass.example.com", server)
                for form in SPOOFED if not form.startswith("<a!")]
            for sender, _, done in send_all(server, PORTS[3], senders):
                reply = done.rcpts[0] if done.rcpts else done.mail
                tap.equal(reply[0][:1], "5", "%s: %s" % (server.name,
                    sender))
                if done.rcpts:
                    tap.contains(reply[0], "mail for %s (mailfrom" % d)


def test_honest_senders_are_taken():
    for server in MTAS:
        senders = ["<u@pass.example.com>", "<u%x@pass.example.com>",
            "<x.example!u@pass.example.com>", "<u+100%@pass.example.com>",
            "<a!b@pass.example.com>", "<@relay.example:u@pass.example.com>",
            '<"a@b"@pass.example.com>', "<U@PASS.example.com.>"]
        for sender, _, done in send_all(server, PORTS[3], senders):
            tap.true(done.accepted, "%s: %s %r" % (server.name, sender,
                done.__dict__))


def test_filters_end_well():
    for d in FILTERS.values():
        d.end()


tap.main(globals(), seconds=120)
