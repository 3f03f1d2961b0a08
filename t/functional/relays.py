# SPDX-License-Identifier: BSD-2-Clause
"""Mail of relays, over the socket: what is asked of the mail server, when the
check begins, and fields that nobody writes."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fields
import spec
import tap
from daemon import Daemon
from watch import wait_for

RELAY = "198.51.100.25"
SERVER = spec.server()
DAEMON = Daemon(dns=SERVER)


def use(**options):
    tap.true(DAEMON.reload(dns=SERVER, **options), "configuration is taken")


def received(client, helo=spec.HELO, by="gate.example.org"):
    return ("Received", "from %s (unknown [%s])\n\tby %s (Postfix) with ESMTP "
        "id 1; Thu, 26 Nov 2026 12:00:00 +0000" % (helo, client, by))


def send(*headers, sender="<u@pass.example.com>", client=RELAY, **arguments):
    with DAEMON.milter() as m:
        m.connect(client)
        m.helo("gate.example.org")
        return m.message(sender=sender, headers=headers, **arguments)


def result(done):
    field = fields.received_spf(done.values("Received-SPF")[0])
    return field.result, field.keys["client-ip"]


def test_the_end_of_the_header_is_asked_for_where_there_is_a_relay():
    use(remove_forged=False)
    with DAEMON.milter() as m:
        tap.true(m.skips("N") and m.skips("L"), "without a relay")
    use(remove_forged=False, relay={"client": [RELAY]})
    with DAEMON.milter() as m:
        tap.true(not m.skips("N") and not m.skips("L"), "with a relay")
        tap.true(m.silent("N") and m.silent("L"), "and is not answered")


def test_the_check_begins_at_the_end_of_the_header():
    use(relay={"client": [RELAY]}, check_helo=False)
    with DAEMON.milter() as m:
        m.connect(RELAY)
        m.helo("gate.example.org")
        m.mail("<u@neutral.example.com>")
        m.rcpt("<postmaster@example.org>")
        m.header(*received(spec.CLIENT))
        tap.equal(SERVER.queries("neutral.example.com"), 0)
        m.end_of_headers()
        wait_for(lambda: SERVER.queries("neutral.example.com"), "a question")
        m.body("x\r\n")
        tap.equal(m.end({"i": "1"}).kind, "c")


def test_clients_and_relays_take_turns():
    use(relay={"client": [RELAY]})
    for _ in range(3):
        tap.equal(result(send(received(spec.CLIENT))), ("pass", spec.CLIENT))
        done = send(received(spec.CLIENT), client="203.0.113.9")
        tap.equal(done.refusal[0][:10], "550 5.7.23")
    with DAEMON.milter() as m:
        m.connect(RELAY)
        m.helo("gate.example.org")
        for client in (spec.CLIENT, "192.0.2.77", spec.CLIENT6):
            m.edits = []
            done = m.message("<u@pass.example.com>",
                headers=[received(client)])
            tap.equal(result(done), ("pass", client))


def test_fields_that_nobody_writes():
    use(relay={"client": [RELAY]}, behavior=6)
    real = received(spec.CLIENT)
    for odd in ["", " ", "(" * 30000, "from " * 10000, "x" * 60000,
            real[1] + "(" * 5000, real[1].replace(")", "\xff)", 1),
            real[1].replace("unknown", "un(known"), "\t".join(real[1]),
            real[1].replace("[", "[[")]:
        done = send(("Received", odd), real)
        tap.equal(done.refusal, None, odd[:40])
        tap.equal(result(done), ("none", RELAY), odd[:40])
    done = send(*[real] * 5000)
    tap.equal(result(done), ("pass", spec.CLIENT))


def test_daemon_ends_well():
    tap.equal(DAEMON.alive(), True)
    DAEMON.end()


tap.main(globals(), seconds=60)
