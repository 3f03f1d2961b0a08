# SPDX-License-Identifier: BSD-2-Clause
"""Zone texts from anybody: spf-milter -t --zone takes memory in proportion."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import tap

SIZE = 1 << 20
LONG = ".".join(["%s" % ("x" * 60)] * 3 + ["y" * 55])


# A process of its own, since a child begins with the peak of its parent.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak(text):
    """The most memory that the program took, in octets."""
    with tempfile.NamedTemporaryFile(prefix="zone") as f:
        f.write(text.encode("ascii"))
        f.flush()
        done = subprocess.run([sys.executable, "-c", MEASURE, daemon.PROGRAM,
            "-t", "-c", "/dev/null", "--zone", f.name, "--ip", "192.0.2.1",
            "--helo", "-", "--sender", "u@example.com"],
            stdout=subprocess.PIPE, check=True)
    return int(done.stdout) * 1024


def filled(lines):
    """As many lines as make a text of SIZE octets."""
    out = []
    size = 0
    for line in lines:
        out.append(line)
        size += len(line)
        if size >= SIZE:
            return "".join(out)
    raise AssertionError("too few lines")


def check(lines, most):
    """At most so many octets an octet of text, half of which is what the
    address sanitizer keeps of freed memory."""
    text = filled(lines)
    taken = peak(text) - peak("")
    tap.diag("%.1f octets an octet" % (taken / len(text)))
    tap.true(taken < most * len(text), "%d octets for %d" % (taken,
        len(text)))


def numbers():
    return range(SIZE)


def test_deep_names():
    check(("%d.%s. A 192.0.2.1\n" % (n, ".".join("a" * 120))
        for n in numbers()), 30)


def test_short_names_below_a_long_origin():
    def lines():
        yield "$ORIGIN %s.\n" % LONG
        for n in numbers():
            yield "%x A 1.1.1.1\n" % n
    check(lines(), 60)


def test_short_targets_below_a_long_origin():
    def lines():
        yield "$ORIGIN %s.\n@ A 192.0.2.1\n" % LONG
        for _ in numbers():
            yield " PTR a\n"
    check(lines(), 90)


def test_many_mistakes():
    check(("x\n" for _ in numbers()), 10)


tap.main(globals())
