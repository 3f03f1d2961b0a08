# SPDX-License-Identifier: BSD-2-Clause
"""TAP output: every test function is one line, named after its promise.

    import tap
    def test_the_promise():
        tap.equal(1 + 1, 2)
    tap.main(globals())

An assertion that does not hold raises; the rest of that function is not run.
Arguments of a test file choose tests by a part of their name.
"""

import atexit
import difflib
import inspect
import os
import signal
import sys
import traceback


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


class Runner:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def line(self, passed, name, directive=""):
        self.count += 1
        if not passed:
            self.failed += 1
        print("%sok %d - %s%s" % ("" if passed else "not ", self.count,
            name.replace("#", "\\#"), directive), flush=True)

    def case(self, name, function, *args):
        """Runs one test; True if it passed or was skipped."""
        try:
            function(*args)
        except Skip as reason:
            self.line(True, name, " # SKIP %s" % reason)
        except (AssertionError, Exception) as error:
            self.line(False, name)
            if isinstance(error, AssertionError):
                diag("%s" % error)
            diag(where(error) if isinstance(error, AssertionError)
                else traceback.format_exc())
            return False
        else:
            self.line(True, name)
        return True

    def finish(self):
        print("1..%d" % self.count, flush=True)
        return 1 if self.failed else 0


def diag(text):
    for line in str(text).splitlines():
        print("# " + ascii(line)[1:-1], flush=True)


def where(error):
    """The lines of the test files that led to an assertion."""
    frames = traceback.extract_tb(error.__traceback__)
    return "\n".join("at %s:%d: %s" % (os.path.basename(f.filename), f.lineno,
        f.line) for f in frames if os.path.basename(f.filename) != "tap.py")


def skip_all(reason):
    """Ends the program: nothing in this file can run here."""
    print("1..0 # SKIP %s" % reason, flush=True)
    sys.exit(0)


def bail_out(reason):
    print("Bail out! %s" % reason, flush=True)
    sys.exit(99)


def limit(seconds):
    """A hanging test must not hang the suite."""
    def expired(_signal, _frame):
        diag("".join(traceback.format_stack(_frame)))
        bail_out("not done after %d seconds" % seconds)
    signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    # Cleaning up may go on when the tests are done.
    atexit.register(signal.alarm, 0)


LAST = []


def at_end(name, function):
    """A test to be run after all others, once however often it is named."""
    if (name, function) not in LAST:
        LAST.append((name, function))


def run_last(runner):
    for name, function in LAST:
        runner.case(name, function)


def main(namespace, seconds=240):
    """Runs every function named test_* in the order of the file."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    limit(seconds)
    tests = [f for name, f in namespace.items()
        if name.startswith("test_") and inspect.isfunction(f)]
    runner = Runner()
    for test in sorted(tests, key=lambda f: f.__code__.co_firstlineno):
        name = test.__name__[len("test_"):].replace("_", " ")
        if wanted(name):
            runner.case(name, test)
    run_last(runner)
    sys.exit(runner.finish())


def wanted(name):
    words = [w.replace("_", " ") for w in sys.argv[1:]
        if not w.startswith("-")]
    return not words or any(w in name for w in words)


def equal(got, want, what=""):
    if got == want:
        return
    text = "%sgot  %r\nwant %r" % (what and what + ":\n", got, want)
    if isinstance(got, str) and isinstance(want, str) and "\n" in got + want:
        text += "\n" + "\n".join(difflib.unified_diff(want.splitlines(),
            got.splitlines(), "want", "got", lineterm=""))
    raise AssertionError(text)


def true(value, what):
    if not value:
        raise AssertionError("%s: %r" % (what, value))


def contains(text, part, what=""):
    if part not in text:
        raise AssertionError("%s%r\nis not in %r" % (what and what + ": ",
            part, text))


def lacks(text, part, what=""):
    if part in text:
        raise AssertionError("%s%r\nis in %r" % (what and what + ": ",
            part, text))


def skip(reason):
    raise Skip(reason)
