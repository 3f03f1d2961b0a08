# SPDX-License-Identifier: BSD-2-Clause
"""Clients that ask for names nobody answers for, beside honest ones."""

import itertools
import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import logline
import spec
import tap
import verdicts
import watch
from daemon import Daemon

# The name server has to take every packet: it waits for no other thread long.
sys.setswitchinterval(0.0005)
HONEST = ["honest%d.example.com" % n for n in range(1000)]
SERVER = dnsserver.DnsServer(silent=b"\4dead")
SERVER.load({**spec.ZONE, **{n: {"TXT": ["v=spf1 +all"]} for n in HONEST},
    "cached.example.com": {"TXT": ["v=spf1 +all"]}}, ttls={"cached.example.com": 600, spec.HELO: 600})
DAEMON = Daemon(dns=SERVER, dns_options={"query_timeout": 4}, behavior=1)
FRESH = iter(HONEST)
NUMBERS = itertools.count()

FLOODER = "192.0.2.1"
NEIGHBOUR = "192.0.2.200"
STRANGER = "198.51.100.1"

# More dead names than the resolver can be busy with at once.  A sanitizer is
# slower than the flood would be then.
PER_SECOND = 500 if watch.sanitized() else 1500
SECONDS = 4


class Flood:
    """A dead name after the other, on connections in turn; no message is
    pursued."""

    def __init__(self, clients):
        self.sessions = [verdicts.open_session(DAEMON, client)
            for client in clients]
        for m in self.sessions:
            m.sock.settimeout(None)
        self.sent = 0
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def send(self, m):
        try:
            while m.sock.recv(65536, socket.MSG_DONTWAIT):
                pass
        except BlockingIOError:
            pass
        sender = b"M<u@x%d.dead.example>\0" % next(NUMBERS)
        m.send_raw(struct.pack(">Ic", 1, b"A")
            + struct.pack(">I", len(sender)) + sender)
        self.sent += 1

    def run(self):
        start = time.monotonic()
        while not self.stopping:
            due = (time.monotonic() - start) * PER_SECOND
            while self.sent < due and not self.stopping:
                self.send(self.sessions[self.sent % len(self.sessions)])
            time.sleep(0.005)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        for m in self.sessions:
            m.drop()


def during(flood, clients, limit=1):
    """Honest uncached and cached names all the while, each in time."""
    slowest = 0
    checked = 0
    with flood:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for client in clients:
                for name in (next(FRESH), "cached.example.com"):
                    verdict = verdicts.check_one(DAEMON, name, client=client)
                    tap.equal(verdict.result, "pass", "%s, after %d dead "
                        "names" % (name, flood.sent))
                    slowest = max(slowest, verdict.seconds)
                    checked += 1
            time.sleep(0.05)
    tap.diag("%d dead names, %d honest ones, the slowest %.0f ms"
        % (flood.sent, checked, slowest * 1000))
    # A sanitizer takes its time.
    tap.true(slowest < (3 if watch.sanitized() else limit), "%.2f s"
        % slowest)


def test_one_connection_cannot_take_the_dns_from_others():
    """Neither from other networks nor from its own."""
    verdicts.check_one(DAEMON, "cached.example.com")
    during(Flood([FLOODER]), [STRANGER, NEIGHBOUR])


def test_one_network_cannot_take_the_dns_from_others():
    during(Flood(["192.0.2.%d" % n for n in range(1, 100)]), [STRANGER])


def test_many_networks_leave_something_to_others():
    """Our name server may lose a packet then, and the next try is later."""
    during(Flood(["203.0.%d.1" % n for n in range(200)]), [STRANGER], 3)


def test_what_was_not_asked_is_counted_and_said():
    DAEMON.stop_well()
    log = DAEMON.log()
    counters = logline.counters(log)
    tap.true(counters["dns_overflow"] > 0, counters)
    tap.true(counters["dns_cancelled"] > 0, counters)
    tap.true("dns: too many names in flight, not asked: network=192.0.2.0"
        in log, log)
    DAEMON.clean()


tap.main(globals())
