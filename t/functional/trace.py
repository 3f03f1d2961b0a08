# SPDX-License-Identifier: BSD-2-Clause
"""At level debug the log tells how each result came about, in lines of one
message and never too many; at any other level nothing."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import logline
import spec
import tap
from daemon import Daemon

MANY = 150
ZONE = dict(spec.ZONE, **{
    "tree.example.com": {"TXT": ["v=spf1 include:below.example.com -all"]},
    "below.example.com": {"TXT": ["v=spf1 a:\x1b[1m.example.com ?all"]},
    "plain.example.com": {"TXT": ["v=spf1 include:flat.example.com -all"]},
    "flat.example.com": {"TXT": ["v=spf1 ip4:198.51.100.1 ?all"]},
    "many.example.com": {"TXT": ["v=spf1 %s -all" % " ".join(
        "ip4:198.51.100.%d" % n for n in range(MANY))]},
})
SERVER = dnsserver.DnsServer()
SERVER.load(ZONE, faults=spec.FAULTS)
DAEMON = Daemon(dns=SERVER, log_level="debug", behavior=1,
    check_helo=False)
LINE = re.compile(r'spf-milter: debug: queue_id=(\S+) identity=(\S+) trace="(.*)"')


def send(domain, queue_id):
    """The trace of this message in the log."""
    for name, sent in ((domain, queue_id),
            ("pass.example.com", "after" + queue_id)):
        with DAEMON.milter() as m:
            m.connect(spec.CLIENT)
            m.helo(spec.HELO)
            m.message(sender="<u@%s>" % name, queue_id=sent)
    # Lines are written in their order.
    DAEMON.wait_for_log("queue_id=after%s client" % queue_id)
    return [m.group(3) for m in map(LINE.match, DAEMON.log().splitlines())
        if m and m.group(1) == queue_id]


def test_the_tree_is_in_the_lines_of_the_message():
    tap.equal(send("plain.example.com", "Q1"), [
        "* plain.example.com: fail",
        "|- TXT plain.example.com: v=spf1 include:flat.example.com -all "
        "(TTL 0)",
        "|- include:flat.example.com: no match, its record says neutral "
        "[lookup 1]",
        "|  |- TXT flat.example.com: v=spf1 ip4:198.51.100.1 ?all (TTL 0)",
        "|  |- ip4:198.51.100.1: no match, the client is not in it",
        "|  `- ?all: match: neutral",
        "`- * -all: match: fail"])


def test_what_strangers_publish_is_escaped():
    tap.contains("\n".join(send("tree.example.com", "Q2")), "\\x1b[1m")
    tap.lacks(DAEMON.log(), "\x1b")


def test_it_is_bounded():
    tap.equal(len(send("many.example.com", "Q3")), 100)
    tap.true(re.search(r"queue_id=Q3 identity=mailfrom: \d+ more lines",
        DAEMON.log()), "the rest is told")


def test_the_line_of_the_message_stays_what_it_was():
    for line in DAEMON.message_lines(6):
        logline.parse(line)


def test_other_levels_have_no_trace():
    tap.true(DAEMON.reload(dns=SERVER, log_level="info", check_helo=False),
        "configuration is taken")
    tap.equal(send("plain.example.com", "Q4"), [])


def test_the_daemon_ends_well():
    DAEMON.stop_well()


tap.main(globals())
