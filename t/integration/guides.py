# SPDX-License-Identifier: BSD-2-Clause
"""The guides of docs, done word by word: each on a mail server of its own.

Only the English ones, for the others have the same blocks (t/lint/guides.py).
With the name of a guide as argument that one is done, in namespaces.
"""

import glob
import os
import subprocess
import sys
from concurrent import futures

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import guide
import house
import tap

SECONDS = 240
PAGES = [os.path.join(daemon.SRCDIR, "README.md")] + sorted(
    glob.glob(os.path.join(daemon.SRCDIR, "docs", "*.md")))


def name_of(page):
    return os.path.relpath(page, daemon.SRCDIR)


def text_of(page):
    with open(page, encoding="utf-8") as f:
        return f.read()


def runs(page):
    """Is there anything to be done in it?"""
    return any(b.kind == "run" for b in guide.blocks(text_of(page)))


def do(page):
    """In a process of its own, with this page as argument."""
    done = subprocess.run([sys.executable, __file__, name_of(page)],
        stdout=subprocess.PIPE, timeout=SECONDS)
    text = done.stdout.decode("utf-8", "replace")
    if "# SKIP" in text:
        tap.skip(text.rpartition("# SKIP ")[2].strip())
    tap.equal(done.returncode, 0, text)


def inside(page):
    text = text_of(page)
    house.require("postfix", "swaks", *guide.needs(text))
    house.enter()
    del sys.argv[1:]

    def followed():
        house.Reader(house.House(guide.services(text)), text).read()
    followed.__name__ = "test_" + name_of(page)
    tap.main({"test_followed": followed}, SECONDS)


def outside():
    """Two at a time, for most of it is waiting."""
    house.require("postfix", "swaks")
    pages = [p for p in PAGES if not p.endswith(".ko.md") and runs(p)]
    runner = tap.Runner()
    with futures.ThreadPoolExecutor(2) as pool:
        for page, job in [(p, pool.submit(do, p)) for p in pages]:
            runner.case(name_of(page), job.result)
    sys.exit(runner.finish())


if __name__ == "__main__":
    if len(sys.argv) > 1:
        inside(os.path.join(daemon.SRCDIR, sys.argv[1]))
    else:
        outside()
