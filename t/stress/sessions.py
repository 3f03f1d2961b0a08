# SPDX-License-Identifier: BSD-2-Clause
"""Many sessions at once: slow DNS, clients that leave, everything mixed."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import fields
import logline
import spec
import tap
import verdicts
import watch
from daemon import Daemon
from load import Load

SERVER = dnsserver.DnsServer()
SLOW = ["slow%d.example.com" % n for n in range(200)]
# More than the resolver asks for at once.
DEAD = ["dead%d.example.com" % n for n in range(20000)]
ZONE = {**spec.ZONE, **{n: {"TXT": ["v=spf1 -all"]} for n in SLOW},
    "cached.example.com": {"TXT": [spec.OURS + "-all"]},
    "open.example.com": {"TXT": ["v=spf1 +all"]}}
SERVER.load(ZONE, faults={**spec.FAULTS, **{n: dnsserver.TIMEOUT
    for n in DEAD}}, delays={n: 0.2 for n in SLOW},
    ttls={"cached.example.com": 600, spec.HELO: 600})
OPTIONS = {"dns": SERVER, "dns_options": {"query_timeout": 2}}


def connections(daemon):
    """Of the milter socket.  The resolver holds others for half a minute."""
    with open("/proc/net/unix", encoding="ascii", errors="replace") as f:
        unix = {"socket:[%s]" % line.split()[6] for line in f}
    held = 0
    directory = "/proc/%d/fd" % daemon.pid
    for fd in os.listdir(directory):
        try:
            held += os.readlink(os.path.join(directory, fd)) in unix
        except OSError:
            pass	# closed in the meantime
    return held


def test_a_hundred_sessions_of_a_slow_dns():
    """All are answered; how long it took is for the reader."""
    with Daemon(**OPTIONS, behavior=3) as daemon:
        sessions = [verdicts.open_session(daemon) for _ in SLOW[:100]]
        start = time.monotonic()
        for m, name in zip(sessions, SLOW):
            m.mail("<u@%s>" % name)
        for m in sessions:
            m.send("R", b"<r@example.org>\0")
        for m, name in zip(sessions, SLOW):
            tap.equal(m.reply().text, spec.reply("fail", spec.CLIENT,
                name=name))
        seconds = time.monotonic() - start
        for m in sessions:
            m.close()
        tap.diag("100 sessions of 0.2 s: %.2f s" % seconds)
        # One after the other would be 20.
        tap.true(seconds < 10, "%.1f s" % seconds)


def test_a_cached_domain_among_waiting_ones():
    with Daemon(**OPTIONS, behavior=3) as daemon:
        with verdicts.open_session(daemon) as m:
            m.message("<u@cached.example.com>")
        waiting = [verdicts.open_session(daemon) for _ in range(200)]
        for m, name in zip(waiting, DEAD):
            m.mail("<u@%s>" % name)
            m.send("R", b"<r@example.org>\0")
        times = []
        for _ in range(30):
            start = time.monotonic()
            with verdicts.open_session(daemon) as m:
                tap.equal(m.message("<u@cached.example.com>").refusal, None)
            times.append(time.monotonic() - start)
        tap.diag("a cached domain among 200 waiting: median %.1f ms, "
            "slowest %.1f ms" % (1000 * sorted(times)[15],
            1000 * max(times)))
        tap.true(sorted(times)[15] < 1, times)
        for m in waiting:
            tap.true(m.reply().text.startswith("451 4.7.24 "), "answered")
            m.close()


def test_clients_that_leave_while_the_dns_is_silent():
    daemon = Daemon(**OPTIONS, behavior=3)
    with verdicts.open_session(daemon) as m:
        m.message("<u@pass.example.com>")
    before = watch.settled(lambda: connections(daemon), lambda n: False,
        1)

    def job(random):
        m = verdicts.open_session(daemon)
        m.mail("<u@%s>" % random.choice(DEAD))
        how = random.randrange(5)
        if how == 0:
            m.send("R", b"<r@example.org>\0")
        elif how == 1:
            m.abort()
            m.mail("<u@%s>" % random.choice(DEAD))
        elif how == 2:
            m.send("H", b"other.example.net\0")
        if how == 3:
            m.close()
        else:
            m.drop()
    with Load(4, job) as load:
        time.sleep(4)
    load.check(least=100)
    seen = watch.settled(lambda: connections(daemon),
        lambda n: n <= before)
    tap.equal(seen, before, "connections that are left")
    rss = watch.rss_kib(daemon.pid)
    tap.diag("%d clients left, %d KiB" % (load.done, rss))
    tap.true(rss < (600000 if watch.sanitized() else 100000), "%d KiB"
        % rss)
    # From another network: those who left had a part of the resolver only.
    start = time.monotonic()
    with verdicts.open_session(daemon, "198.51.100.1",
            "open.example.com") as m:
        tap.equal(m.message("<u@open.example.com>").refusal, None,
            "an honest sender afterwards")
    seconds = time.monotonic() - start
    tap.true(seconds < 1, "%.2f s" % seconds)
    daemon.stop_well()
    cancelled = logline.counters(daemon.log())["evaluations_cancelled"]
    tap.diag("%d evaluations cancelled" % cancelled)
    tap.true(cancelled >= load.done / 10, "%d of %d" % (cancelled,
        load.done))
    daemon.clean()


# Everything at once

WANTED = {"pass": None, "neutral": None, "none": None, "softfail": None,
    "fail": "fail", "temperror": "temperror", "permerror": None}


def answer(m, result):
    done = m.message("<u@%s>" % spec.domain(result))
    refused = WANTED[result]
    if refused is not None:
        tap.equal(done.refusal, [spec.reply(refused, spec.CLIENT)])
        return
    tap.equal(done.refusal, None, result)
    tap.equal([fields.received_spf(v).result
        for v in done.values("Received-SPF")], [result, "pass"])


def leave(m, random):
    steps = [lambda: m.mail("<u@%s>" % random.choice(SLOW + DEAD)),
        lambda: m.send("R", b"<r@example.org>\0"),
        lambda: m.send_raw(b"\0\0\0\5R<")]
    for step in steps[:random.randrange(len(steps) + 1)]:
        step()
    m.drop()


def mixed(daemon):
    def job(random):
        m = verdicts.open_session(daemon)
        if random.random() < 0.2:
            leave(m, random)
            return
        with m:
            for _ in range(random.randrange(1, 6)):
                answer(m, random.choice(list(WANTED)))
                if random.random() < 0.2:
                    m.mail("<u@%s>" % random.choice(SLOW))
                    m.abort()
                if random.random() < 0.2:
                    m.helo(spec.HELO)
    return job


def test_everything_at_once():
    """Messages, aborts, lost clients and reloads; each answer is right."""
    with Daemon(**OPTIONS, behavior=3) as daemon:
        ends = threading.Event()

        def reload():
            while not ends.wait(0.05):
                daemon.process.send_signal(1)
        reloading = threading.Thread(target=reload)
        with Load(8, mixed(daemon)) as load:
            reloading.start()
            time.sleep(8)
            ends.set()
        reloading.join()
        load.check(least=50)
        tap.diag("%d connections" % load.done)
        for line in daemon.message_lines(1):
            logline.parse(line)


tap.main(globals())
