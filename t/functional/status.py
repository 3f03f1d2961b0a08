#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""spf-milter --status and --watch, in terminals that tmux has, and in pipes."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import tap
from daemon import Daemon
from watch import wait_for

RATES = "rates a second of the last"


class Terminal:
    """A terminal of a tmux of its own, in which a shell is."""

    def __init__(self, columns=80, rows=24):
        if shutil.which("tmux") is None:
            raise tap.Skip("needs tmux")
        self.place = tempfile.TemporaryDirectory()
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns),
            "-y", str(rows), "env", "PS1=PROMPT$ ", "sh")
        self.tmux("set", "-g", "status", "off")
        self.resize(columns, rows)
        self.await_text("PROMPT$")

    def tmux(self, *args):
        done = subprocess.run(["tmux", "-S", self.place.name + "/tmux",
            *args], capture_output=True, timeout=20)
        tap.equal((done.returncode, done.stderr.decode()), (0, ""))
        return done.stdout.decode()

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def command(self, d, *args):
        self.keys("-l", "clear; " + shlex.join([daemon.PROGRAM, "-c",
            d.config, "--status", *args]) + "; echo ended: $?\n")

    def text(self):
        return self.tmux("capture-pane", "-p")

    def asked(self, what):
        return self.tmux("display-message", "-p", "#{%s}" % what).strip()

    def await_text(self, part, seconds=20):
        def shown():
            text = self.text()
            return text if part in text else None
        try:
            return wait_for(shown, part, seconds)
        except AssertionError as error:
            raise AssertionError("%s\n%s" % (error, self.text())) from None

    def pid(self):
        """Of what runs in the shell."""
        shell = self.asked("pane_pid")
        return int(wait_for(lambda: open("/proc/%s/task/%s/children"
            % (shell, shell)).read().strip(), "a command runs"))

    def is_as_before(self):
        tap.equal(self.asked("alternate_on"), "0")
        tap.equal(self.asked("cursor_flag"), "1")
        self.keys("-l", "echo $((6*7))echoed\n")
        self.await_text("42echoed")
        tap.contains(self.text(), "echo $((6*7))")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        self.place.cleanup()


def test_80x24_shows_what_matters_above_the_prompt():
    with Daemon(control=True) as d, Terminal() as t:
        t.command(d)
        text = t.await_text("ended: 0")
        tap.true(text.startswith("spf-milter "), text)
        tap.true(re.search(r"\n(running, confined by|not ready: no name) ",
            text), text)
        for part in ("process %d" % d.pid, "Results", "permerror", "Actions",
                "Would refuse", "DNS", "At present", "since the start"):
            tap.contains(text, part)
        tap.equal(t.asked("alternate_on"), "0")


def test_wider_terminals_have_more_side_by_side():
    with Daemon(control=True) as d, Terminal(120, 40) as t:
        t.command(d)
        lines = t.await_text("ended: 0").splitlines()
        tap.true(any("Mail" in l and "Would refuse" in l for l in lines),
            lines)


def test_watch_shows_rates_and_q_gives_the_terminal_back():
    with Daemon(control=True) as d, Terminal() as t:
        t.command(d, "--watch", "1")
        tap.contains(t.await_text(RATES), "process %d" % d.pid)
        tap.equal(t.asked("alternate_on"), "1")
        tap.equal(t.asked("cursor_flag"), "0")
        t.keys("q")
        t.await_text("ended: 0")
        t.is_as_before()


def test_signals_give_the_terminal_back():
    with Daemon(control=True) as d, Terminal() as t:
        for key in ("C-c", "C-\\", None):
            t.command(d, "--watch")
            t.await_text("Would refuse")
            if key is not None:
                t.keys(key)
            else:
                os.kill(t.pid(), signal.SIGTERM)
            t.await_text("ended: 0")
            t.is_as_before()


def test_another_size_is_drawn_at_once():
    with Daemon(control=True) as d, Terminal() as t:
        t.command(d, "--watch", "3600")
        text = t.await_text("Would refuse")
        tap.true("Mail" not in text.split("Would refuse")[1], text)
        t.resize(130, 30)

        def wide():
            return any("Mail" in l and "Would refuse" in l
                for l in t.text().splitlines())
        wait_for(wide, "four blocks side by side")
        t.resize(30, 10)

        def narrow():
            text = t.text()
            return "messages" in text and "Would refuse" not in text
        wait_for(narrow, "only the first blocks")
        t.keys("q")
        t.await_text("ended: 0")


def test_watch_goes_on_through_a_restart():
    with Daemon(control=True) as d, Terminal() as t:
        t.command(d, "--watch", "1")
        t.await_text(RATES)
        old = d.pid
        d.stop_well()
        text = t.await_text("not reachable, trying: ")
        tap.contains(text, "process %d" % old)
        d.start()
        tap.true(d.pid != old, "the same process")
        t.await_text("process %d" % d.pid)
        t.await_text(RATES)
        tap.true("not reachable" not in t.text(), t.text())
        t.keys("q")
        t.await_text("ended: 0")


def start_watch(d, *args):
    return subprocess.Popen([daemon.PROGRAM, "-c", d.config, "--status",
        "--watch=1", *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd="/", text=True)


def test_json_is_a_document_a_line_through_a_restart():
    with Daemon(control=True) as d:
        with start_watch(d, "--json") as p:
            first, second = (json.loads(p.stdout.readline())
                for _ in range(2))
            tap.equal((first["pid"], second["pid"]), (d.pid, d.pid))
            d.stop_well()
            tap.contains(p.stderr.readline(), "not reachable, trying: ")
            d.start()
            while json.loads(p.stdout.readline())["pid"] != d.pid:
                pass
            p.terminate()
            tap.equal(p.wait(20), -signal.SIGTERM)


def test_pipe_has_lines_and_no_sequences_until_nobody_reads():
    with Daemon(control=True) as d:
        with start_watch(d) as p:
            text = "".join(p.stdout.readline() for _ in range(8))
            tap.contains(text, "process %d" % d.pid)
            tap.true("\x1b" not in text, text)
            p.stdout.close()
            tap.equal(p.wait(20), -signal.SIGPIPE)


def test_seconds_are_a_number_and_go_with_status():
    for args, said in ((("--watch",), "--watch goes with --status"),
            (("--status", "--watch=0"), "from 1 to 86400"),
            (("--status", "--watch", "x"), "from 1 to 86400"),
            (("--status", "--watch", "1", "2"), "unexpected argument"),
            (("--status", "--watch=1", "2"), "unexpected argument")):
        code, out, err = daemon.run(*args)
        tap.equal((code, out), (64, ""))
        tap.contains(err, said)


if __name__ == "__main__":
    daemon.need_http(tap.skip_all)
    tap.main(globals())
