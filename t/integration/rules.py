# SPDX-License-Identifier: BSD-2-Clause
"""Rules with real mail servers: recipients of one message that are treated
differently, sent by a real Postfix to a real Postfix and sendmail, and what
the servers tell of client and daemon."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import lab
import mta
import smtp
import spec
import tap
from daemon import Daemon
from mta import Listener

lab.require("postfix")

PLACES = {"postfix": "198.51.100.25", "sendmail": "198.51.100.26"}
SENDER = "203.0.113.5"
PARTNER = "203.0.113.9"		# its name leads back to it
LIAR = "203.0.113.10"		# that name does not lead to this one
BOTH = "203.0.113.11"		# has that name, and then one that does
PORT = 25
OTHER_PORT = 2525
SOFT = "u@softfail.example.com"

LAB = lab.Lab()
tempfile.tempdir = LAB.dir
NAMESERVER = lab.NameServer(LAB, lab.zone_file(LAB.dir + "/zone", {
    **spec.ZONE, "mx.partner.example": {"A": [PARTNER]},
    "9.113.0.203.in-addr.arpa": {"PTR": ["mx.partner.example"]},
    "10.113.0.203.in-addr.arpa": {"PTR": ["mx.partner.example"]},
    "11.113.0.203.in-addr.arpa": {"PTR": ["mx.partner.example",
        "mx2.partner.example"]}, "mx2.partner.example": {"A": [BOTH]}}))
FILTER = Daemon(user="nobody", socket_mode="0666", check_helo=False,
    dns_options={"servers": []}, mixed_recipients="split",
    tag={"default": {"fields": ["X-Tagged: yes"]}}, rule={
        "partner": {"client_name": [".partner.example"],
            "fail": "header"},
        "port": {"port": [str(OTHER_PORT)], "softfail": "reject"},
        "mark": {"recipient": ["test@example.org"], "softfail": "tag"},
        "strict": {"recipient": ["level3@example.org"],
            "softfail": "reject"}})


def start(kind):
    server = kind(LAB, [Listener(PLACES[kind.name], port, FILTER.socket)
        for port in (PORT, OTHER_PORT)])
    server.host = PLACES[kind.name]
    server.start()
    return server


def start_sender(server):
    """A Postfix that sends all to one server, and again within seconds."""
    sender = mta.Postfix(LAB, [], name="sender-to-" + server.name,
        settings="""\
myhostname = sender.example.com
virtual_mailbox_domains =
default_transport = smtp:[%s]:%d
smtp_bind_address = %s
smtp_host_lookup = native
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
""" % (server.host, PORT, SENDER))
    sender.start()
    return sender


MTAS = [start(kind) for kind in mta.kinds()]


def codes(server, client, sender, *rcpts, port=PORT, name="x"):
    with smtp.Client((server.host, port), client) as c:
        c.command("EHLO " + spec.HELO)
        done = c.message("<%s>" % sender, ["<%s>" % r for r in rcpts],
            "Subject: %s\n\nhello\n" % name)
    return [r[0][:3] for r in done.rcpts]


def test_a_refusal_is_for_its_recipient_alone():
    for server in MTAS:
        tap.equal(codes(server, SENDER, SOFT, "level3@example.org",
            "other@example.org", name="alone"), ["550", "250"], server.name)
        server.wait_for_mail("other", "alone")


def test_a_recipient_that_wants_another_treatment_comes_again():
    for server in MTAS:
        tap.equal(codes(server, SENDER, SOFT, "test@example.org",
            "other@example.org", "level3@example.org"),
            ["250", "452", "550"], server.name)


def test_a_real_postfix_as_the_sender_delivers_to_each_of_them():
    for server in MTAS:
        sender = start_sender(server)
        name = "split-" + server.name
        subprocess.run(["/usr/sbin/sendmail", "-C", sender.etc, "-f", SOFT,
            "test@example.org", "other@example.org", "flow@example.org"],
            input="Subject: %s\n\nhello\n" % name, text=True, check=True)
        got = {user: server.wait_for_mail(user, name, 40)
            for user in ("test", "other", "flow")}
        tap.equal({user: "X-Tagged" in mta.names_of(text)
            for user, text in got.items()},
            {"test": True, "other": False, "flow": False}, server.name)
        for user in got:
            tap.equal(sum(name in m for m in server.delivered(user)), 1)
        tap.contains(sender.log(), "4.5.3")
        sender.stop()


def test_the_name_that_a_server_tells_is_confirmed():
    for server in MTAS:
        tap.equal(codes(server, PARTNER, "u@fail.example.com",
            "other@example.org"), ["250"], server.name)
        tap.equal(codes(server, LIAR, "u@fail.example.com",
            "other@example.org"), ["550"], server.name)


def test_names_are_found_where_a_server_has_confirmed_none():
    for server in MTAS:
        tap.equal(codes(server, BOTH, "u@fail.example.com",
            "other@example.org"), ["250"], server.name)


def test_servers_tell_their_port():
    for server in MTAS:
        tap.equal(codes(server, SENDER, SOFT, "other@example.org",
            port=OTHER_PORT), ["550"], server.name)


tap.main(globals())
