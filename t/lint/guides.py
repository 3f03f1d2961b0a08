#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a guide in docs shows of a file in contrib is that file, and every
recipe in contrib is shown by its guide in all languages."""

import os
import re

import csource

SHOWN = re.compile(r"^`(contrib/[^`]+)`:\n\n```\n(.*?)^```$", re.M | re.S)


def different(guide):
    for name, text in SHOWN.findall(csource.read(guide)):
        if not os.path.exists(os.path.join(csource.SRCDIR, name)):
            yield "%s shows %s, which is not there" % (guide, name)
        elif csource.read(name) != text:
            yield "%s shows another %s" % (guide, name)


def not_shown():
    """A recipe is named after its guide."""
    for guide in csource.files("docs/*.md"):
        shown = dict(SHOWN.findall(csource.read(guide)))
        subject = os.path.basename(guide).split(".")[0]
        for recipe in csource.files("contrib/%s.*" % subject):
            if recipe not in shown:
                yield "%s does not show %s" % (guide, recipe)


def main():
    tap = csource.Tap()
    guides = csource.files("docs/*.md")
    tap.report("there are guides", [] if guides else ["none in docs"])
    for guide in guides:
        tap.report("%s shows files as they are" % guide, different(guide))
    tap.report("every recipe is shown by its guides", not_shown())
    tap.finish()


if __name__ == "__main__":
    main()
