# SPDX-License-Identifier: BSD-2-Clause
"""Packages are built from the tarball that make dist has left in BUILDDIR."""

import atexit
import functools
import os
import re
import shutil
import subprocess
import tempfile

import daemon
import tap


def version():
    with open(os.path.join(daemon.SRCDIR, "configure.ac")) as f:
        return re.search(r"^AC_INIT\(\[spf-milter\], \[(.*)\]\)", f.read(),
            re.M)[1]


def directory_name():
    return "spf-milter-" + version()


def tarball_name():
    return directory_name() + ".tar.gz"


def tarball():
    path = os.path.join(daemon.BUILDDIR, tarball_name())
    if not os.path.exists(path):
        tap.skip("make dist has not been run")
    return path


def place():
    """A folder that is gone afterwards."""
    path = tempfile.mkdtemp(prefix="spf-milter-package.")
    os.chmod(path, 0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def environment():
    """Without what make tells the makes that it starts."""
    hidden = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "SRCDIR", "BUILDDIR",
        "DESTDIR", "TESTS")
    return {n: v for n, v in os.environ.items() if n not in hidden}


def attempt(*words, **options):
    """(status, what it printed)"""
    options.setdefault("env", environment())
    done = subprocess.run(words, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def run(*words, **options):
    """What it printed; it has to succeed."""
    status, text = attempt(*words, **options)
    if status != 0:
        raise AssertionError("%s: status %d\n%s" % (" ".join(words), status,
            text[-6000:]))
    return text


def once(make):
    """For what many tests need: made by the first, and what it has made or
    why it could not is what all others get."""
    made = []

    @functools.wraps(make)
    def get():
        if not made:
            try:
                made.append((make(), None))
            except (AssertionError, tap.Skip) as error:
                made.append((None, error))
        result, error = made[0]
        if error is not None:
            raise error
        return result
    return get


def require(*programs):
    for program in programs:
        if shutil.which(program) is None:
            tap.skip("%s is not installed" % program)
