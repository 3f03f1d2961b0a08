# SPDX-License-Identifier: BSD-2-Clause
"""SIGTERM while sessions are open and evaluations wait."""

import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import spec
import tap
import verdicts
from daemon import Daemon
from load import Load

# Sessions that are open have five.
SECONDS = 10 if verdicts.sanitized() else 6.5
AT_ONCE = 3 if verdicts.sanitized() else 1

DEAD = {"dead%d.example.com" % n: dnsserver.TIMEOUT for n in range(300)}
SERVER = dnsserver.DnsServer()
SERVER.load(spec.ZONE, faults={**spec.FAULTS, **DEAD},
    delays={"pass.example.com": 0.05})
OPTIONS = {"dns": SERVER, "behavior": 3, "dns_options":
    {"query_timeout": 15, "reply_timeout": 9, "timeout": 20}}


def idle(m, n):
    pass


def waiting(m, n):
    """The evaluation waits for the DNS."""
    m.mail("<u@dead%d.example.com>" % n)


def in_callback(m, n):
    """A callback waits for the evaluation."""
    waiting(m, n)
    m.send("R", b"<r@example.org>\0")


def in_between(m, n):
    m.mail("<u@pass.example.com>")
    m.rcpt("<r@example.org>")
    m.header("A", "b")


def half_packet(m, n):
    m.send_raw(b"\0\0\0\x20M<u@")


STATES = (idle, waiting, in_callback, in_between, half_packet)


def opened(daemon, states, count):
    """Half packets last: each keeps a worker of libmilter, and an event that
    comes before that worker is awake would wait behind it."""
    sessions = [verdicts.open_session(daemon) for _ in range(count)]
    cases = [(states[n % len(states)], n) for n in range(count)]
    for state, n in sorted(cases, key=lambda case: case[0] is half_packet):
        state(sessions[n], n)
    return sessions


def ended(daemon, start):
    """Status and seconds; a signal that is late is no answer."""
    status = daemon.process.wait(SECONDS + 10)
    seconds = time.monotonic() - start
    daemon.reader.join(5)
    tap.equal(status, 0, daemon.log()[-3000:])
    daemon.check_sanitizers()
    tap.contains(daemon.log(), "stopped")
    tap.true(seconds <= SECONDS, "%.1f s" % seconds)
    return seconds


def test_sessions_of_every_kind_are_open():
    """One daemon for each state and one for all, stopped together."""
    cases = [((state,), 40) for state in STATES] + [(STATES, 250)]
    daemons = [Daemon(**OPTIONS) for _ in cases]
    sessions = [opened(daemon, *case)
        for daemon, case in zip(daemons, cases)]
    start = time.monotonic()
    for daemon in daemons:
        daemon.process.send_signal(signal.SIGTERM)
    for daemon, (states, _) in zip(daemons, cases):
        tap.diag("%s: %.1f s" % (" ".join(s.__name__ for s in states),
            ended(daemon, start)))
        daemon.clean()
    for m in sum(sessions, []):
        m.drop()


def test_mail_flows():
    """Clients come, wait, leave and are answered until the last moment."""
    daemons = [Daemon(**OPTIONS) for _ in range(3)]

    def job(random):
        daemon = random.choice(daemons)
        with verdicts.open_session(daemon, timeout=5) as m:
            if random.random() < 0.3:
                in_callback(m, random.randrange(300))
                m.drop()
            else:
                m.message("<u@pass.example.com>")
    quiet = lambda error: any(d.process.poll() is not None or d.stopping
        for d in daemons)
    for daemon in daemons:
        daemon.stopping = False
    with Load(6, job, quiet=quiet) as load:
        time.sleep(2)
        tap.true(load.done > 5, "%d messages" % load.done)
        for daemon in daemons:
            daemon.stopping = True
        start = time.monotonic()
        for daemon, which in zip(daemons, (signal.SIGTERM, signal.SIGINT,
                signal.SIGTERM)):
            daemon.process.send_signal(which)
        for daemon in daemons:
            tap.diag("%.1f s" % ended(daemon, start))
    load.check()
    for daemon in daemons:
        daemon.clean()


def test_reloads_and_a_stop_together():
    """A full pipe of reloads does not hold up the end."""
    daemon = Daemon(**OPTIONS)
    ends = threading.Event()

    def reload():
        while not ends.is_set() and daemon.alive():
            daemon.process.send_signal(signal.SIGHUP)
            time.sleep(0.0005)
    threads = [threading.Thread(target=reload) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    start = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    try:
        tap.diag("%.1f s" % ended(daemon, start))
    finally:
        ends.set()
        for thread in threads:
            thread.join()
        daemon.clean()


def test_a_stop_at_the_start():
    """As soon as it takes signals, it takes this one."""
    daemons = []
    for n in range(5):
        daemon = Daemon(**OPTIONS, start=False)
        daemon.start(wait=False)
        daemon.wait_for_log("listens on")
        daemon.process.send_signal(signal.SIGTERM)
        daemons.append((daemon, time.monotonic()))
    for daemon, start in daemons:
        ended(daemon, start)
        daemon.clean()


def stopped(daemon):
    daemon.process.send_signal(signal.SIGTERM)
    return time.monotonic()


def test_nothing_is_waited_for_without_a_session():
    daemon = Daemon(**OPTIONS)
    with verdicts.open_session(daemon) as m:
        m.message("<u@pass.example.com>")
    time.sleep(0.3)
    tap.true(ended(daemon, stopped(daemon)) < AT_ONCE, "at once")
    tap.true(not os.path.exists(daemon.socket.split(":")[1]),
        "the socket is gone")
    daemon.clean()


def test_sessions_are_served_until_they_end():
    """The one that is open at the stop, and one that comes after it."""
    daemon = Daemon(**OPTIONS)
    with verdicts.open_session(daemon) as m:
        m.mail("<u@pass.example.com>")
        start = stopped(daemon)
        time.sleep(0.5)
        with verdicts.open_session(daemon) as late:
            tap.contains(late.message("<u@pass.example.com>").edits[-1][3],
                "pass")
        m.rcpt("<r@example.org>")
        m.end()
        tap.contains(m.edits[-1][3], "pass")
    tap.true(ended(daemon, start) < 0.5 + AT_ONCE, "then at once")
    daemon.clean()


tap.main(globals())
