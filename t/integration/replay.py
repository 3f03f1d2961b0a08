# SPDX-License-Identifier: BSD-2-Clause
"""Logs that real Postfix and sendmail write are played again: each message
once, with who brought it."""

import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import lab
import mta
import smtp
import tap
from daemon import Daemon
from mta import Listener
from watch import wait_for

lab.require("postfix")

LAB = lab.Lab()
tempfile.tempdir = LAB.dir
RECORDS = {"good.example.com": {"TXT": ["v=spf1 ip4:9.8.7.6 -all"]},
    "bad.example.com": {"TXT": ["v=spf1 -all"]}}
ZONE = lab.zone_file(LAB.dir + "/zone", RECORDS)
lab.NameServer(LAB, ZONE)
FILTER = Daemon(user="nobody", check_helo=False, socket_mode="0666",
    hostname="mx.example.org", dns_options={"servers": []})
STRANGER = "9.8.7.6"
STRANGER6 = "2001:db8:9::6"
HELO = "client.example.net"
PLACES = {"postfix": ("198.51.100.25", "2001:db8:25::25"),
    "sendmail": ("198.51.100.26", "2001:db8:26::26")}


def start(kind):
    host, host6 = PLACES[kind.name]
    server = kind(LAB, [Listener(host, 25, FILTER.socket),
        Listener(host6, 25, FILTER.socket)])
    server.start()
    return server


SERVERS = [start(kind) for kind in mta.kinds()]


def send(server, source, sender, *rcpts):
    with smtp.Client((PLACES[server.name][":" in source], 25),
            source=source) as c:
        c.command("EHLO " + HELO)
        c.command("MAIL FROM:<%s>" % sender)
        taken = [c.command("RCPT TO:<%s@example.org>" % r)[0][:1]
            for r in rcpts]
        if "2" in taken:
            c.command("DATA")
            c.content("Subject: x\n\nto %s\n" % sender)
    return taken


def log(server):
    if server.name == "postfix":
        with open(server.base + "/maillog") as f:
            return f.read()
    return "\n".join(LAB.log.lines) + "\n"


def played(server):
    path = LAB.dir + "/log"
    lab.write(path, log(server))
    with open(LAB.dir + "/conf", "w") as f:
        f.write('behavior = 3\nrule "other" {\n'
            '\trecipient = {"other@example.org"}\n\taction = "tag"\n}\n')
    status, out, err = daemon.run("-t", "-c", LAB.dir + "/conf", "--zone",
        ZONE, "--replay", path, "--json")
    tap.equal((status, err), (0, ""))
    *messages, totals = map(json.loads, out.splitlines())
    tap.equal(totals["messages"], sum(m["messages"] for m in messages))
    return sorted((m["client"], m["sender"], m["rcpt"] or "", m["result"],
        m["action"], m["rule"], m["messages"]) for m in messages)


def test_each_message_is_played_as_it_came():
    for server in SERVERS:
        tap.diag(server.name)
        tap.equal(send(server, STRANGER, "a@good.example.com", "test",
            "other"), ["2", "2"])
        tap.equal(send(server, STRANGER, "a@good.example.com", "test"), ["2"])
        tap.equal(send(server, STRANGER6, "", "test"), ["2"])
        tap.equal(send(server, STRANGER, "b@bad.example.com", "test"), ["5"])
        wanted = [
            (STRANGER6, "", "test@example.org", "none", "accept", None, 1),
            (STRANGER, "a@good.example.com", "other@example.org", "pass",
                "tag", "other", 1),
            (STRANGER, "a@good.example.com", "test@example.org", "pass",
                "accept", None, 2),
            (STRANGER, "b@bad.example.com", "test@example.org", "fail",
                "reject", None, 1)]
        wait_for(lambda: len(played(server)) >= len(wanted) and
            all(m[2] for m in played(server)),
            "the log of all", 30)
        tap.equal(played(server), sorted(wanted), log(server))


tap.main(globals())
