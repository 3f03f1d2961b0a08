# SPDX-License-Identifier: BSD-2-Clause
"""The link of a refusal on its way: real Postfix and sendmail refuse, real
Postfix and sendmail tell the sender, and no link is broken, however long."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import lab
import mta
import smtp
import tap
import whytoken
from daemon import Daemon
from mta import Listener

lab.require("postfix")

KEY = bytes(range(32))
SHORT = "https://mail.example.org/why"
LONG = SHORT + "/" * (150 - len(SHORT))
SENDERS = ["fail.example.com", ".".join(["d" * 60] * 3) + ".example.com"]
# Domain of the recipient: where its MTA is.
TO = {"one.example": "198.51.100.25", "two.example": "198.51.100.26"}

LAB = lab.Lab()
tempfile.tempdir = LAB.dir
lab.NameServer(LAB, lab.zone_file(LAB.dir + "/zone", {
    **{name: {"TXT": ["v=spf1 -all"]} for name in SENDERS},
    **{name: {"MX": [(10, "mx." + name)]} for name in TO},
    **{"mx." + name: {"A": [host]} for name, host in TO.items()}}))


def key_file():
    path = LAB.dir + "/why.key"
    lab.write(path, KEY.decode("latin-1"), 0o600)
    os.chown(path, 65534, 65534)
    return path


def link_filter(url, hostname):
    return Daemon(user="nobody", check_helo=False, socket_mode="0666",
        hostname=hostname, why_url=url, why_key=KEY_FILE,
        dns_options={"servers": []})


def receiver(kind, to, milter, **options):
    server = kind(LAB, [Listener(TO[to], 25, milter.socket)], domains=(to,),
        **options)
    server.start()
    return server


def sender(kind, host, **options):
    server = kind(LAB, [Listener(host, 25)], **options)
    server.host = host
    server.start()
    return server


def senders():
    yield sender(mta.Postfix, "198.51.100.27", name="postfix-sends",
        settings="myhostname = out.example.net\n"
        "virtual_mailbox_domains = %s\n"
        "virtual_mailbox_maps = static:test/\n" % " ".join(SENDERS))
    if mta.Sendmail.installed():
        yield sender(mta.Sendmail, "198.51.100.28", name="sendmail-sends",
            domains=SENDERS,
            settings="define(`confDOMAIN_NAME', `out2.example.net')dnl\n")


KEY_FILE = key_file()
RECEIVERS = {"one.example": receiver(mta.Postfix, "one.example",
    link_filter(LONG, ".".join(["r" * 60] * 4)))}
if mta.Sendmail.installed():
    RECEIVERS["two.example"] = receiver(mta.Sendmail, "two.example",
        link_filter(SHORT, "mx.two.example"))
MTAS = list(senders())


def bounce(server, domain, to):
    """The report that the sender of a message to test@to gets."""
    with smtp.Client((server.host, 25), source="127.0.0.1") as c:
        tap.equal(c.command("EHLO client.example.net")[0][:3], "250")
        for line in ("MAIL FROM:<test@%s>" % domain, "RCPT TO:<test@%s>" % to,
                "DATA"):
            tap.true(c.command(line)[0][:1] in "23", line)
        c.content("Subject: to %s\n\ntext\n" % to)
    return server.wait_for_mail("test", "test@" + to, seconds=40)


def check_link(text, domain, to):
    words = [w for w in text.split() if w.startswith(SHORT)]
    tap.true(words, "a link in\n" + text)
    for word in words:
        url, token = word.split("?t=")
        tap.equal(url, LONG if to == "one.example" else SHORT)
        facts = whytoken.decode(KEY, token)
        tap.true(facts, "a link that is whole in\n" + text)
        tap.true(domain.endswith(facts["domain"].lstrip(".")), facts)


def test_the_sender_gets_the_whole_link():
    for server in MTAS:
        for to in RECEIVERS:
            for domain in SENDERS:
                tap.diag("%s to %s" % (server.name, to))
                text = bounce(server, domain, to)
                check_link(text, domain, to)
                remove_mail(server)


def remove_mail(server):
    new = os.path.join(server.mail, "test", "new")
    for name in os.listdir(new):
        os.unlink(os.path.join(new, name))


def test_all_servers_end_well():
    for server in MTAS + list(RECEIVERS.values()):
        server.stop()


tap.main(globals())
