# SPDX-License-Identifier: BSD-2-Clause
"""Two versions take turns under the mail of a real Postfix and a real
sendmail that are told to defer where the filter is not there: no message is
lost, delivered twice or unchecked."""

import collections
import itertools
import os
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fields
import lab
import mta
import smtp
import spec
import tap
from daemon import Daemon
from handover import Place
from load import Load
from mta import Listener
from watch import wait_for

lab.require("postfix")

CLIENTS = 4			# of each MTA
SWAPS = 3			# of each kind
BETWEEN = 8			# messages of each MTA
PAUSE = 0.02			# of a client

# The two versions; the name is what their fields are told apart by.
VERSIONS = ("old.example.org", "new.example.org")
HOSTS = {"postfix": "198.51.100.25", "sendmail": "198.51.100.26"}
HANDED_PORT, PLAIN_PORT = 25, 26

LAB = lab.Lab()
tempfile.tempdir = LAB.dir
with open(os.path.join(os.path.dirname(__file__), "records.zone")) as records:
    NAMESERVER = lab.NameServer(LAB, lab.zone_file(LAB.dir + "/zone",
        spec.ZONE, records.read()), ["broken.example.net"])
HANDED = Place()
PLAIN = "inet:8890@127.0.0.1"


def filter_(version, **arguments):
    return Daemon(behavior=3, check_helo=False, hostname=version,
        dns_options={"servers": []}, **arguments)


def start(kind):
    listeners = [Listener(HOSTS[kind.name], port, place,
        ["milter_default_action=tempfail"]) for port, place in
        ((HANDED_PORT, HANDED.spec), (PLAIN_PORT, PLAIN))]
    server = kind(LAB, listeners)
    server.start()
    return server


MTAS = [start(kind) for kind in mta.kinds()]
NUMBERS = itertools.count(1)


class Sender:
    """Mail to one port of one MTA: what it was told, by the token."""

    def __init__(self, server, port, user):
        self.place = (HOSTS[server.name], port)
        self.server = server
        self.user = user
        self.accepted = []
        self.refused = 0
        self.deferred = 0
        self.lock = threading.Lock()
        self.load = Load(CLIENTS, self.job)

    def job(self, random):
        """A forged message, or one that comes again until it is taken."""
        forged = random.random() < 0.3
        name = "token-%d-%d." % (os.getpid(), next(NUMBERS))
        time.sleep(PAUSE)
        while True:
            reply = self.attempt("fail" if forged else "pass", name)
            with self.lock:
                if reply[0] == "4":
                    self.deferred += 1
                    if not self.load.stopping:
                        continue
                elif forged:
                    tap.equal(reply[:9], "550 5.7.2", "unchecked: " + reply)
                    self.refused += 1
                else:
                    tap.equal(reply[:1], "2", reply)
                    self.accepted.append(name)
            return

    def attempt(self, result, name):
        """The last reply to a message."""
        with smtp.Client(self.place, spec.CLIENT) as client:
            reply = client.command("EHLO " + spec.HELO)
            if reply[0][0] == "2":
                done = client.message("<u@%s>" % spec.domain(result),
                    ["<%s@example.org>" % self.user], "Subject: x\n\n%s\n"
                    % name)
                reply = next(r for r in (done.end, done.data,
                    *done.rcpts[-1:], done.mail) if r is not None)
            return reply[0]

    def count(self):
        return len(self.accepted) + self.refused

    def check(self):
        """Each message that was taken is there, once, with one field."""
        self.load.check()
        def found():
            texts = self.server.delivered(self.user)
            return len(texts) >= len(self.accepted) and texts
        texts = wait_for(found, "%d messages of %s" % (len(self.accepted),
            self.server.name), 30)
        tokens = collections.Counter(t for text in texts
            for t in text.split() if t.startswith("token-"))
        tap.equal(tokens, collections.Counter(self.accepted))
        seen = collections.Counter()
        for text in texts:
            ours = [fields.received_spf(v) for n, v in mta.headers_of(text)
                if n == "Received-SPF"]
            tap.equal([f.result for f in ours], ["pass"], text)
            seen[ours[0].keys["receiver"]] += 1
        tap.equal(set(seen), set(VERSIONS))
        tap.diag("%s: %d accepted, %d refused, %d deferred; %r" % (
            self.server.name, len(self.accepted), self.refused,
            self.deferred, dict(seen)))


def swap(port, user, **arguments):
    """Filters by turns, under the mail of all MTAs; the senders."""
    senders = [Sender(server, port, user) for server in MTAS]
    versions = itertools.cycle(VERSIONS)
    for sender in senders:
        sender.load.__enter__()
    try:
        for _ in range(SWAPS + 1):
            with filter_(next(versions), **arguments) as d:
                before = [s.count() for s in senders]
                wait_for(lambda: all(s.count() >= b + BETWEEN for s, b in
                    zip(senders, before)), "mail", 60)
                # Before the next one begins, as service managers do.
                d.stop_well()
                tap.lacks(d.log(), "messages under way")
        with filter_(next(versions), **arguments):
            for sender in senders:
                sender.load.__exit__()
            for sender in senders:
                sender.check()
    finally:
        for sender in senders:
            sender.load.__exit__()
    return senders


def test_versions_take_turns_at_a_socket_that_they_are_handed():
    for sender in swap(HANDED_PORT, "test", **HANDED.arguments()):
        # Those that were open just then, and had no message under way.
        tap.true(sender.deferred <= 2 * CLIENTS * (SWAPS + 1),
            "%d deferred" % sender.deferred)


def test_versions_take_turns_at_a_socket_of_their_own():
    swap(PLAIN_PORT, "other", socket_spec=PLAIN)


def test_mail_servers_stop():
    for server in MTAS:
        server.stop()


tap.main(globals())
