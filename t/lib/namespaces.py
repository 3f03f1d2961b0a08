# SPDX-License-Identifier: BSD-2-Clause
"""A test file that runs in namespaces of its own."""

import os
import subprocess
import sys

import tap

INSIDE = "SPF_MILTER_INSIDE"
UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc",
    "--kill-child"]


def mounts():
    return os.readlink("/proc/self/ns/mnt")


def inside():
    """Not where the variable alone has come to: it names the outside."""
    outside = os.environ.get(INSIDE, "")
    return outside.startswith("mnt:") and outside != mounts()


def enter(*options):
    """Starts the file anew in there, or skips it; options of unshare(1)."""
    if inside():
        return
    words = UNSHARE + list(options)
    try:
        done = subprocess.run(words + ["true"], stderr=subprocess.DEVNULL)
    except OSError:
        tap.skip_all("unshare is not installed")
    if done.returncode != 0:
        tap.skip_all("namespaces are not allowed here")
    os.environ[INSIDE] = mounts()
    os.execvp(words[0], words + [sys.executable, *sys.argv])
