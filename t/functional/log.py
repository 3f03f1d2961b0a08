# SPDX-License-Identifier: BSD-2-Clause
"""The log, where whoever should take it does not."""

import os
import signal
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import logline
import spec
import tap
import watch
from daemon import Daemon
from logsocket import Journal, Syslog

SERVER = spec.server()
# Far more than a pipe, a socket and the queue hold, and than a pipe alone.
MESSAGES = 1500
FEW = 300
LONG = "x." * 150 + "example.com"


class Unread(Daemon):
    """Nobody reads its standard error until read_log is called."""

    def start(self, wait=True):
        self.reading = False
        super().start(wait)

    def read_log(self):
        if self.reading:
            super().read_log()

    def wait_for_log(self, *args, **options):
        return super().wait_for_log(*args, **options) if self.reading else ""

    def read(self):
        self.reading = True
        self.reader.join()
        self.reader.__init__(target=self.read_log, daemon=True)
        self.reader.start()


def send(d, count, helo=spec.HELO):
    """The messages that were answered."""
    with d.milter() as m:
        m.connect(spec.CLIENT)
        m.helo(helo)
        return sum(m.message("<u@fail.example.com>").refusal is not None
            for _ in range(count))


def told_as_dropped(lines):
    return sum(int(l.split("warning: ")[1].split()[0]) for l in lines
        if "log lines dropped" in l)


def test_mail_goes_on_while_nobody_reads_standard_error():
    d = Unread(dns=SERVER, behavior=3)
    try:
        tap.equal(send(d, MESSAGES, LONG), MESSAGES)
        d.read()
        d.wait_for_log("log lines dropped")
        tap.equal(d.stop(), 0)
        dropped = told_as_dropped(d.lines)
        tap.true(dropped > 0, dropped)
        tap.equal(len(d.message_lines(0)) + dropped, MESSAGES)
        tap.equal(logline.counters(d.log())["log_dropped"], dropped)
        tap.contains(d.lines[-1], "stopped")
        d.check_sanitizers()
    finally:
        d.clean()


def test_sigterm_ends_it_while_nobody_reads_standard_error():
    d = Unread(dns=SERVER, behavior=3)
    try:
        tap.equal(send(d, FEW, LONG), FEW)
        d.process.send_signal(signal.SIGTERM)
        tap.equal(d.process.wait(20), 0)
    finally:
        d.clean()


def test_slow_reader_misses_nothing_at_the_end():
    """It reads again when the daemon has been told to stop."""
    d = Unread(dns=SERVER, behavior=3)
    try:
        # More than a pipe holds, less than the queue.
        tap.equal(send(d, 600), 600)
        d.process.send_signal(signal.SIGTERM)
        d.read()
        tap.equal(d.stop(), 0)
        tap.lacks(d.log(), "dropped")
        tap.equal(len(d.message_lines(600)), 600)
        tap.contains(d.lines[-1], "stopped")
    finally:
        d.clean()


class Quiet(Unread):
    """Standard error has nothing: the log is elsewhere."""

    def wait_for_log(self, *args, **options):
        return ""


def test_mail_goes_on_where_the_file_of_the_log_may_grow_no_more():
    """From the start, and a little later."""
    for before in (8 * 512, 8 * 512 - 1000):
        with tempfile.NamedTemporaryFile() as log:
            log.write(b"x" * before)
            log.flush()
            serve_with_a_file_of_4_kilobytes(log.name)


def serve_with_a_file_of_4_kilobytes(log):
    d = Quiet(dns=SERVER, behavior=3, prefix=("sh", "-c",
        'ulimit -f 8; exec "$@" 2>>"$0"', log))
    try:
        tap.equal(send(d, FEW), FEW)
        tap.equal(d.stop(), 0)
        tap.equal(os.path.getsize(log), 8 * 512)
    finally:
        d.clean()


def test_mail_goes_on_while_syslog_takes_nothing():
    syslog = Syslog()
    d = Quiet(dns=SERVER, behavior=3, log="syslog", prefix=syslog.prefix())
    try:
        tap.equal(send(d, MESSAGES, LONG), MESSAGES)
        d.process.send_signal(signal.SIGTERM)
        lines = list(syslog.lines(d.process))
        tap.equal(d.process.wait(), 0)
        for line in lines:
            # Facility mail; "<22>Nov  6 08:30:00 spf-milter[123]: "
            tap.true(line.startswith("<2") and "spf-milter[%d]: " % d.pid
                in line, line)
        dropped = told_as_dropped(lines)
        tap.true(dropped > 0, dropped)
        tap.equal(sum("result=" in l for l in lines) + dropped, MESSAGES)
    finally:
        d.clean()


def test_mail_goes_on_while_the_journal_takes_nothing():
    journal = Journal()
    d = Quiet(dns=SERVER, behavior=3, log="journald", prefix=journal.prefix())
    try:
        # An entry has the text and the fields; the queue only the latter.
        tap.equal(send(d, MESSAGES, LONG), MESSAGES)
        d.process.send_signal(signal.SIGTERM)
        entries = list(journal.entries(d.process))
        tap.equal(d.process.wait(), 0)
        dropped = told_as_dropped(e["MESSAGE"] for e in entries)
        tap.true(dropped > 0, dropped)
        tap.equal(sum("SPF_RESULT" in e for e in entries) + dropped, MESSAGES)
        tap.equal({e["SYSLOG_IDENTIFIER"] for e in entries}, {"spf-milter"})
    finally:
        d.clean()


def test_journal_that_vanishes_and_comes_back_costs_lines_never_mail():
    journal = Journal()
    d = Quiet(dns=SERVER, behavior=3, log="journald", prefix=journal.prefix())
    try:
        tap.equal(send(d, 1), 1)
        watch.wait_for(lambda: "SPF_RESULT" in journal.read(), "an entry")
        journal.vanish()
        tap.equal(send(d, 20), 20)
        # It is waited for, for some seconds; then lines are lost at once.
        watch.wait_for(lambda: send(d, 1) == 1 and journal.gone_for(3),
            "it to be given up")
        journal.come_back()
        tap.equal(send(d, 1, "back.example.com"), 1)
        d.process.send_signal(signal.SIGTERM)
        entries = list(journal.entries(d.process))
        tap.equal(d.process.wait(), 0)
        tap.contains([e.get("SPF_HELO") for e in entries], "back.example.com")
        tap.true(told_as_dropped(e["MESSAGE"] for e in entries) > 0, entries)
    finally:
        d.clean()


def test_a_reload_turns_it_to_another_place():
    """Confined, too, where it had no such socket at the start."""
    sockets = Journal()

    def takes(mark, count):
        for _ in range(count):
            watch.wait_for(lambda: mark in sockets.raw(), mark)

    with Daemon(dns=SERVER, behavior=3, control=True,
            prefix=sockets.prefix()) as d:
        for log, mark in (("syslog", b" helo=syslog.example.com"),
                ("journald", b"\nSPF_HELO=journald.example.com\n"),
                ("stderr", None)):
            d.configure(dns=SERVER, behavior=3, control=True, log=log)
            tap.equal(d.ask("/reload", "POST")[0], 200)
            tap.equal(send(d, 40, log + ".example.com"), 40)
            if mark:
                takes(mark, 40)
        tap.equal(len(d.message_lines(40)), 40)
        tap.contains(d.message_lines(40)[0], "helo=stderr.example.com")


def test_sigterm_ends_it_while_syslog_takes_nothing():
    syslog = Syslog()
    d = Quiet(dns=SERVER, behavior=3, log="syslog", prefix=syslog.prefix())
    try:
        tap.equal(send(d, FEW), FEW)
        d.process.send_signal(signal.SIGTERM)
        tap.equal(d.process.wait(20), 0)
    finally:
        d.clean()


tap.main(globals())
