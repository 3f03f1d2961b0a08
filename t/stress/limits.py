# SPDX-License-Identifier: BSD-2-Clause
"""Few threads, few descriptors, clients that stop within a packet."""

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import dnsserver
import logline
import milterclient
import spec
import tap
import verdicts
import watch
from daemon import Daemon, as_user

DEAD = ["dead%d.example.com" % n for n in range(60)]
SERVER = dnsserver.DnsServer()
SERVER.load(spec.ZONE, faults={n: dnsserver.TIMEOUT for n in DEAD},
    ttls={"pass.example.com": 600, spec.HELO: 600})
# A user of its own: RLIMIT_NPROC counts all that a user runs.
USER = 54321
THREADS = 24
FILES = 512


def limited(*prefix):
    """Started by prefix as a user who may not pass limits."""
    if os.geteuid() != 0:
        tap.skip("needs root")
    d = Daemon(dns=SERVER, behavior=3, start=False,
        dns_options={"query_timeout": 2},
        prefix=(*as_user(USER, USER), *prefix),
        socket_spec="inet:%d@127.0.0.1" % daemon.free_port())
    if subprocess.call([*d.command[:-3], "-V"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL) != 0:
        d.clean()
        tap.skip("another user cannot run the program")
    d.start()
    return d


def opened(d, count):
    """Sessions.  A libmilter that has a thread for each gets fewer."""
    sessions = []
    for _ in range(count):
        try:
            sessions.append(verdicts.open_session(d, timeout=15))
        except (milterclient.ProtocolError, ConnectionError):
            pass
    return sessions


def wait_in_many_sessions(d, rounds):
    """Some wait, the others are told to come again; nothing is left."""
    cached = verdicts.open_session(d)
    cached.message("<u@pass.example.com>")
    before = watch.descriptors(d.pid)
    for _ in range(rounds):
        sessions = opened(d, len(DEAD))
        tap.true(len(sessions) > 3, "%d sessions" % len(sessions))
        for m, name in zip(sessions, DEAD):
            m.mail("<u@%s>" % name)
        for m in sessions:
            m.send("R", b"<r@example.org>\0")
        tap.equal(cached.message("<u@pass.example.com>").refusal, None)
        for m in sessions:
            tap.true(m.reply().text.startswith("451 4.7.24 "), "answered")
        tap.diag("%d sessions, %d threads" % (len(sessions), watch.threads(d.pid)))
        tap.true(watch.threads(d.pid) <= THREADS, "%d threads" % watch.threads(d.pid))
        for m in sessions:
            m.close()
        tap.true(watch.settled(lambda: watch.descriptors(d.pid),
            lambda n: n <= before) <= before, "descriptors come back")
    cached.close()
    d.stop_well()
    tap.equal(d.log().count("no more threads to be had"), 1)
    counted = logline.counters(d.log())
    tap.true(counted["evaluations_refused"] + counted["connections_refused"],
        "counted")


def test_no_session_hangs_for_want_of_threads():
    d = limited("prlimit", "--nproc=%d" % THREADS)
    wait_in_many_sessions(d, 2)
    tap.contains(d.log(), "(RLIMIT_NPROC %d, " % THREADS)
    d.clean()


def test_no_session_hangs_in_a_small_control_group():
    parent = "/sys/fs/cgroup/pids"
    if not os.path.isdir(parent):
        parent = "/sys/fs/cgroup"
    group = "%s/spf-milter-test.%d" % (parent, os.getpid())
    try:
        os.mkdir(group)
        with open(group + "/pids.max", "w") as f:
            f.write("%d" % THREADS)
    except OSError:
        tap.skip("needs a control group of its own")
    d = Daemon(dns=SERVER, behavior=3, start=False,
        dns_options={"query_timeout": 2}, prefix=("sh", "-c",
        'echo $$ >"$0" && exec "$@"', group + "/cgroup.procs"))
    try:
        d.start()
        wait_in_many_sessions(d, 1)
        tap.contains(d.log(), ", pids.max %d, " % THREADS)
    finally:
        d.clean()
        os.rmdir(group)


def test_half_packets_hold_up_nobody():
    """Those and whole ones come while the filter is not looking."""
    with Daemon(dns=SERVER, behavior=3) as d:
        half = [verdicts.open_session(d) for _ in range(40)]
        whole = [verdicts.open_session(d, timeout=10) for _ in range(10)]
        with verdicts.open_session(d) as m:
            m.message("<u@pass.example.com>")
        os.kill(d.pid, signal.SIGSTOP)
        for m in half:
            m.send_raw(b"\0\0\0\x20M<u@")
        for m in whole:
            m.send("M", b"<u@pass.example.com>\0")
        os.kill(d.pid, signal.SIGCONT)
        start = time.monotonic()
        for m in whole:
            tap.equal(m.reply().kind, "c")
        tap.diag("whole packets behind half ones: %.2f s"
            % (time.monotonic() - start))
        before = watch.cpu_seconds(d.pid)
        time.sleep(1)
        seconds = watch.cpu_seconds(d.pid) - before
        tap.diag("%.2f s of CPU in a second with open sessions" % seconds)
        tap.true(seconds < 0.3, "%.2f s" % seconds)
        for m in half:
            m.drop()
        for m in whole:
            m.close()


def test_half_packets_of_clients_that_come_again_hold_up_nobody():
    """Their MTA keeps the connection for the next one: libmilter says quit."""
    with Daemon(dns=SERVER, behavior=3) as d:
        sessions = [verdicts.open_session(d, timeout=10) for _ in range(20)]
        for m in sessions:
            m.message("<u@pass.example.com>")
            m.send("K")
            m.connect(spec.CLIENT)
            m.helo(spec.HELO)
        time.sleep(0.5)         # that the pump's round ends
        os.kill(d.pid, signal.SIGSTOP)
        for m in sessions[:15]:
            m.send_raw(b"\0\0\0\x20M<u@")
        for m in sessions[15:]:
            m.send("M", b"<u@pass.example.com>\0")
        os.kill(d.pid, signal.SIGCONT)
        for m in sessions[15:]:
            tap.equal(m.reply().kind, "c")
        for m in sessions:
            m.drop()


def test_at_the_limit_of_descriptors_connections_are_refused():
    """It says so, does not spin, and serves those that it has."""
    d = limited("prlimit", "--nofile=%d" % FILES)
    sessions = [verdicts.open_session(d)]
    refused = 0
    for _ in range(FILES):
        try:
            sessions.append(verdicts.open_session(d, timeout=5))
        except (milterclient.ProtocolError, ConnectionError):
            refused += 1
    tap.true(refused > 0 and FILES / 3 < len(sessions) < FILES / 2, "%d refused"
        % refused)
    d.wait_for_log("the limit of %d open files" % FILES)
    before = watch.cpu_seconds(d.pid)
    tap.equal(sessions[0].message("<u@pass.example.com>").refusal, None)
    time.sleep(1)
    seconds = watch.cpu_seconds(d.pid) - before
    tap.true(seconds < 0.3, "%.2f s of CPU in a second" % seconds)
    for m in sessions:
        m.close()
    tap.true(watch.settled(lambda: watch.descriptors(d.pid), lambda n: n < 40) < 40,
        "descriptors come back")
    with verdicts.open_session(d) as m:
        tap.equal(m.message("<u@pass.example.com>").refusal, None)
    d.stop_well()
    tap.equal(logline.counters(d.log())["connections_refused"], refused)
    d.clean()


def test_the_soft_limit_of_descriptors_is_raised():
    d = limited("prlimit", "--nofile=64:%d" % FILES)
    sessions = [verdicts.open_session(d) for _ in range(100)]
    for m in sessions:
        m.close()
    d.stop_well()
    d.clean()


tap.main(globals())
