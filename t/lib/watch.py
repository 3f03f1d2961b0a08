# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for what happens, and what a process holds."""

import os
import re
import time

import daemon


def wait_for(condition, what, seconds=20):
    """The first true value of condition()."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("not within %d s: %s" % (seconds, what))


def settled(value, want, seconds=10):
    """Asks value() until want(it); the last one seen."""
    end = time.monotonic() + seconds
    while True:
        seen = value()
        if want(seen) or time.monotonic() > end:
            return seen
        time.sleep(0.05)


def sanitized():
    """True if the program was built with a sanitizer: it takes more."""
    with open(daemon.PROGRAM, "rb") as f:
        return re.search(b"__[at]san_init", f.read()) is not None


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def threads(pid):
    return len(os.listdir("/proc/%d/task" % pid))


def rss_kib(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f
            if line.startswith("VmRSS:"))


def stat(pid):
    """From the state on; proc(5).  None: there is no such process."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def is_running(pid):
    """False too for a process that has ended and waits to be reaped."""
    return (stat(pid) or "Z")[0] != "Z"


def cpu_seconds(pid):
    return sum(map(int, stat(pid)[11:13])) / os.sysconf("SC_CLK_TCK")
