# SPDX-License-Identifier: BSD-2-Clause
"""C text as the lints need it, and their results as TAP."""

import glob
import os
import re
import sys

SRCDIR = os.environ["SRCDIR"]

# A comment, a string or a character constant, whatever begins first.
_OPAQUE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.S)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)


def files(*patterns):
    """Paths relative to SRCDIR."""
    found = []
    for pattern in patterns:
        found += glob.glob(os.path.join(SRCDIR, pattern), recursive=True)
    return sorted(os.path.relpath(path, SRCDIR) for path in found)


def read(path):
    with open(os.path.join(SRCDIR, path), encoding="utf-8",
              errors="replace") as f:
        return f.read()


def _blank(match):
    """Spaces of the same shape, so that lines keep their numbers."""
    text = match.group()
    if text[0] in "\"'":
        return text[0] + re.sub(r"[^\n]", " ", text[1:-1]) + text[0]
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    """Comments and the insides of strings become blanks."""
    return _OPAQUE.sub(_blank, text)


def without_directives(text):
    """Preprocessor lines become blanks; call without_comments first."""
    return _DIRECTIVE.sub(
        lambda m: re.sub(r"[^\n]", " ", m.group()), text)


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = False

    def report(self, rule, found):
        """One test, which passes if found is empty."""
        self.count += 1
        found = list(found)
        print("%s %d - %s" % ("not ok" if found else "ok", self.count, rule))
        for place in found:
            print("# %s" % place)
        self.failed = self.failed or bool(found)

    def skip(self, why):
        self.count += 1
        print("ok %d # SKIP %s" % (self.count, why))

    def finish(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)
