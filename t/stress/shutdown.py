# SPDX-License-Identifier: BSD-2-Clause
"""SIGTERM while sessions are open and evaluations wait."""

import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import milterclient
import spec
import tap
import verdicts
import watch
from daemon import Daemon, free_port
from load import Load

# Messages that are under way have five.
SECONDS = 10 if watch.sanitized() else 6.5
AT_ONCE = 3 if watch.sanitized() else 1

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


def closed(daemon):
    """Waits until nobody is let in any more."""
    def refused():
        try:
            milterclient.connect_to(daemon.socket).close()
        except OSError:
            return True
        return False
    tap.true(watch.settled(refused, bool), "it is closed")


def test_messages_are_served_to_their_end():
    """The one that is under way at the stop, and no other."""
    for place in (None, "inet:%d@127.0.0.1" % free_port()):
        daemon = Daemon(**OPTIONS, socket_spec=place)
        idle = verdicts.open_session(daemon)
        with verdicts.open_session(daemon) as m:
            m.mail("<u@pass.example.com>")
            start = stopped(daemon)
            closed(daemon)
            tap.equal(idle.mail("<u@pass.example.com>").kind, "t")
            idle.helo(spec.HELO)
            m.rcpt("<r@example.org>")
            m.end()
            tap.contains(m.edits[-1][3], "pass")
            tap.true(ended(daemon, start) < AT_ONCE + 1, "then at once")
        idle.drop()
        daemon.clean()


def test_a_stop_converges_under_load():
    """None is accepted after it, and none that was is cut."""
    daemon = Daemon(**OPTIONS)
    begun = []

    def job(random):
        with verdicts.open_session(daemon, timeout=15) as m:
            for _ in range(3):
                sent = time.monotonic()
                reply = m.mail("<u@pass.example.com>")
                if reply.kind != "c":
                    raise ConnectionError("not accepted")
                begun.append(sent)
                try:
                    m.rcpt("<r@example.org>")
                    time.sleep(random.random() / 20)
                    tap.equal(m.end().kind, "c")
                except (OSError, milterclient.ProtocolError) as error:
                    raise AssertionError("cut: %r" % error) from error
    quiet = lambda error: daemon.stopping and isinstance(error, (OSError,
        milterclient.ProtocolError))
    daemon.stopping = False
    with Load(20, job, quiet=quiet) as load:
        time.sleep(1)
        daemon.stopping = True
        start = stopped(daemon)
        closed(daemon)
        end = time.monotonic()
        seconds = ended(daemon, start)
    load.check(least=20)
    tap.diag("%d messages, %.2f s" % (len(begun), seconds))
    tap.true(max(begun) <= end, "none accepted after the stop")
    tap.lacks(daemon.log(), "under way")
    daemon.clean()


def test_the_grace_can_be_set():
    daemon = Daemon(**OPTIONS, stop_grace=0)
    m = verdicts.open_session(daemon)
    m.mail("<u@pass.example.com>")
    tap.true(ended(daemon, stopped(daemon)) < AT_ONCE, "at once")
    tap.contains(daemon.log(), "stopped with messages under way: 1")
    m.drop()
    daemon.clean()


def test_the_second_signal_ends_it_at_once():
    daemon = Daemon(**OPTIONS, stop_grace=60)
    m = verdicts.open_session(daemon)
    in_callback(m, 0)
    start = stopped(daemon)
    closed(daemon)
    daemon.process.send_signal(signal.SIGHUP)
    daemon.process.send_signal(signal.SIGTERM)
    tap.true(ended(daemon, start) < AT_ONCE + 1, "at once")
    m.drop()
    daemon.clean()


tap.main(globals())
