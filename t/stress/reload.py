# SPDX-License-Identifier: BSD-2-Clause
"""Reloads in storms, at the start and under load."""

import collections
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fields
import spec
import tap
import verdicts
import watch
from daemon import Daemon
from load import Load

# Of one test; all the others have some hundreds.  A sanitizer sees in fewer
# what it sees at all.
RELOADS = int(os.environ.get("SPF_MILTER_RELOADS",
    "400" if watch.sanitized() else "2000"))

SERVER = spec.server()
FAIL = spec.reply("fail", spec.CLIENT)


def message(daemon, domain):
    """(kind of answer, result in the field) of one message."""
    with verdicts.open_session(daemon) as m:
        done = m.message("<u@%s>" % domain)
        if done.refusal is not None:
            return done.refusal, None
        return None, fields.received_spf(done.values("Received-SPF")[0]) \
            .result


def hammer(pid, signals, count, pause=0):
    """Signals from three sides at once."""
    def send(which):
        for _ in range(count):
            os.kill(pid, which)
            if pause:
                time.sleep(pause)
    threads = [threading.Thread(target=send, args=(s,)) for s in signals]
    for thread in threads:
        thread.start()
    return threads


def test_a_signal_right_after_the_start_does_not_stop_the_daemon():
    """libmilter's own thread for signals may be starting just then."""
    daemons = []
    for _ in range(8):
        daemon = Daemon(dns=SERVER, start=False)
        daemon.start(wait=False)
        daemon.wait_for_log("listens on")
        for thread in hammer(daemon.pid, [signal.SIGHUP, signal.SIGUSR1,
                signal.SIGHUP], 50):
            thread.join()
        daemons.append(daemon)
    for daemon in daemons:
        daemon.wait_for_log("configuration reloaded")
        daemon.wait_until_listening()
        tap.equal(message(daemon, "pass.example.com"), (None, "pass"))
        tap.lacks(daemon.log(), "stopped")
    verdicts.stop_all(daemons)
    for daemon in daemons:
        daemon.clean()


def test_a_storm_of_signals_while_mail_flows():
    with Daemon(dns=SERVER, behavior=3) as daemon:
        def job(random):
            tap.equal(message(daemon, "pass.example.com"), (None, "pass"))
            tap.equal(message(daemon, "fail.example.com"), ([FAIL], None))
        with Load(3, job) as load:
            for signals in ([signal.SIGHUP] * 3, [signal.SIGUSR1] * 3,
                    [signal.SIGHUP, signal.SIGUSR1, signal.SIGHUP]):
                for thread in hammer(daemon.pid, signals, 2000,
                        pause=0.0005):
                    thread.join()
                tap.true(daemon.alive(), "alive")
            # The last one of a storm counts, too.
            start = len(daemon.lines)
            os.kill(daemon.pid, signal.SIGHUP)
            daemon.wait_for_log("configuration reloaded", start=start,
                seconds=20)
        load.check(least=20)
        tap.diag("%d messages, %d reloads" % (load.done * 2,
            daemon.log().count("configuration reloaded")))


def test_every_answer_under_reloads_is_that_of_a_configuration():
    """Levels 1 and 3 by turns: a field, or the refusal; never a mixture."""
    seen = collections.Counter()
    with Daemon(dns=SERVER, behavior=3) as daemon:
        def job(random):
            refusal, result = message(daemon, "fail.example.com")
            tap.true((refusal, result) in (([FAIL], None), (None, "fail")),
                (refusal, result))
            seen[result] += 1
            tap.equal(message(daemon, "pass.example.com"), (None, "pass"))
        with Load(4, job) as load:
            end = time.monotonic() + 10
            reloads = 0
            while time.monotonic() < end and not (reloads > 100
                    and seen[None] > 10 and seen["fail"] > 10):
                tap.true(daemon.reload(dns=SERVER, behavior=(1, 3)[reloads
                    % 2]), "taken")
                reloads += 1
        load.check(least=20)
        tap.diag("%d reloads, %d messages, %r" % (reloads, load.done * 2,
            dict(seen)))
        tap.true(seen[None] and seen["fail"], "both levels were seen")
        tap.true(reloads >= 5, "%d reloads" % reloads)


def held(pid):
    """What a reload could leave behind, but for memory."""
    return watch.descriptors(pid), watch.threads(pid)


def test_many_reloads_leave_nothing_behind():
    """Each is answered; a bad file now and then keeps the old one."""
    with Daemon(dns=SERVER, behavior=3) as daemon:
        with open(daemon.config, encoding="latin-1") as f:
            good = f.read()

        def job(random):
            tap.equal(message(daemon, "fail.example.com"), ([FAIL], None))
            time.sleep(0.02)

        def reload_times(count):
            for n in range(count):
                bad = n % 50 == 49
                tap.true(daemon.reload(good + ("behavior = 9\n" if bad
                    else "hostname = mx%d.example.org\n" % n)) != bad,
                    "reload %d is %s" % (n, "refused" if bad else "taken"))
                del daemon.lines[:-50]
        with Load(2, job) as load:
            reload_times(RELOADS // 4)
            before = watch.rss_kib(daemon.pid)
            start = time.monotonic()
            reload_times(RELOADS - RELOADS // 4)
            seconds = time.monotonic() - start
        load.check(least=20)
        grown = watch.rss_kib(daemon.pid) - before
        tap.diag("%d reloads, %.1f ms each, %d messages, %+d kB" % (RELOADS,
            1000 * seconds / (RELOADS - RELOADS // 4), load.done, grown))
        # What sessions had is gone; a thread of libmilter may stay a while.
        with Daemon(dns=SERVER, behavior=3) as fresh:
            tap.equal(message(fresh, "fail.example.com"), ([FAIL], None))
            want = held(fresh.pid)
            tap.true(watch.settled(lambda: held(daemon.pid)[0] <= want[0]
                and held(daemon.pid)[1] <= want[1] + 2, bool),
                "%r, of a fresh one %r" % (held(daemon.pid), want))
        if not watch.sanitized():
            tap.true(grown < 4096, "%d kB" % grown)


def test_bad_configurations_under_load_change_nothing():
    with Daemon(dns=SERVER, behavior=3) as daemon:
        with open(daemon.config, encoding="latin-1") as f:
            good = f.read()

        def job(random):
            tap.equal(message(daemon, "fail.example.com"), ([FAIL], None))
        with Load(3, job) as load:
            for bad in ("behavior = 9\n", "behavior = ", "\0", "x" * 100000,
                    "trusted_networks = {\"192.0.2.0/33\"}\n", "dns {",
                    "reply fail { text = \"%{\" }\n"):
                tap.true(not daemon.reload(good + bad), "refused: "
                    + bad[:20])
        load.check(least=5)


tap.main(globals())
