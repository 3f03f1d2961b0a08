#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a guide in docs shows of a file in contrib is that file, and every
recipe in contrib is shown by its guide in all languages."""

import glob
import os
import re
import sys

SRC = os.environ.get("SRCDIR", ".")
SHOWN = re.compile(r"^`(contrib/[^`]+)`:\n\n```\n(.*?)^```$", re.M | re.S)

count = 0


def check(name, problems):
    global count
    count += 1
    problems = list(problems)
    print("%s %d - %s" % ("not ok" if problems else "ok", count, name))
    for p in problems:
        print("# " + p)
    return not problems


def read(path):
    with open(os.path.join(SRC, path), encoding="utf-8") as f:
        return f.read()


def names(pattern):
    return sorted(os.path.relpath(p, SRC)
        for p in glob.glob(os.path.join(SRC, pattern)))


def different(guide):
    for name, text in SHOWN.findall(read(guide)):
        if not os.path.exists(os.path.join(SRC, name)):
            yield "%s shows %s, which is not there" % (guide, name)
        elif read(name) != text:
            yield "%s shows another %s" % (guide, name)


def not_shown():
    """A recipe is named after its guide."""
    for guide in names("docs/*.md"):
        shown = dict(SHOWN.findall(read(guide)))
        subject = os.path.basename(guide).split(".")[0]
        for recipe in names("contrib/%s.*" % subject):
            if recipe not in shown:
                yield "%s does not show %s" % (guide, recipe)


def main():
    guides = names("docs/*.md")
    good = check("there are guides", [] if guides else ["none in docs"])
    for guide in guides:
        good &= check("%s shows files as they are" % guide,
            different(guide))
    good &= check("every recipe is shown by its guides", not_shown())
    print("1..%d" % count)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
