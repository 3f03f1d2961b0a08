#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What guides show can be believed: each block says what becomes of it
(t/lib/guide.py; t/integration/guides.py does it), all languages have the same
ones, files of ours are shown as they are, and links lead somewhere."""

import os
import re
import sys

import csource

sys.path.insert(0, os.path.join(csource.SRCDIR, "t", "lib"))
import guide

LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
INDEX = "docs/README.md"
KOREAN = ".ko.md"
# Pages without a translation: tables.
ENGLISH_ONLY = ("docs/speed.md",)


def guides():
    return csource.files("docs/*.md")


def pages():
    return guides() + ["README.md", "README.ko.md"]


def blocks(page):
    return guide.blocks(csource.read(page))


def not_marked(page):
    """Blocks that do not say what becomes of them, and those without fences.
    """
    for block in blocks(page):
        if block.kind is None:
            yield "%s:%d: no mark" % (page, block.line)
    lines = csource.read(page).split("\n")
    fenced = guide.fenced(lines)
    for n, line in enumerate(lines):
        if line.startswith("    ") and n not in fenced and not lines[n - 1]:
            yield "%s:%d: a block without fences" % (page, n + 1)


def nothing_before(page):
    """Expectations of nothing."""
    last = None
    for block in blocks(page):
        if block.kind == "expect" and last not in ("run", "expect"):
            yield "%s:%d: nothing is run before it" % (page, block.line)
        last = block.kind


def different(page):
    for block in blocks(page):
        if block.kind != "same":
            continue
        name = block.words.split(" in ")[0]
        if not os.path.exists(os.path.join(csource.SRCDIR, name)):
            yield "%s shows %s, which is not there" % (page, name)
        elif csource.read(name) != block.text:
            yield "%s shows another %s" % (page, name)


def not_shown():
    """A recipe is named after its guide."""
    for page in guides():
        shown = [b.words.split(" in ")[0] for b in blocks(page)
            if b.kind == "same"]
        subject = os.path.basename(page).split(".")[0]
        for recipe in csource.files("contrib/%s.*" % subject):
            if recipe not in shown:
                yield "%s does not show %s" % (page, recipe)


def not_translated():
    """What nobody runs may be told in the reader's language."""
    def what(page):
        text = csource.read(page)
        return [guide.services(text), guide.needs(text)] + [
            (b.kind, b.language) if b.kind == "skip" else b[:-1]
            for b in guide.blocks(text)]
    for page in pages():
        if page.endswith(KOREAN) or page in ENGLISH_ONLY:
            continue
        other = page[:-3] + KOREAN
        if other not in pages():
            yield "there is no " + other
            continue
        for ours, theirs in zip(what(page) + [None], what(other) + [None]):
            if ours != theirs:
                yield "%s has another block: %r" % (other, theirs)
                break


def dead_links(page):
    folder = os.path.join(csource.SRCDIR, os.path.dirname(page))
    for target in LINK.findall(csource.read(page)):
        if ":" not in target and not os.path.exists(
                os.path.join(folder, target)):
            yield "%s leads to %s" % (page, target)


def not_listed():
    for suffix in ".md", KOREAN:
        index = INDEX[:-3] + suffix
        linked = LINK.findall(csource.read(index))
        for page in guides():
            own = page.endswith(KOREAN) == (suffix == KOREAN)
            if own and page != index and os.path.basename(page) not in linked:
                yield "%s does not name %s" % (index, page)


# Strings, one after the other, that are the format of what is logged.
STRING = re.compile(r'"((?:\\.|[^"\\])*)"')
LOGGED = re.compile(r"(?:\blog_(?:notice|warning|error)\(|"
    r"\blog_event\((?:\s*LOG_\w+,)+|\.message =)\s*((?:%s\s*)+)"
    % r'"(?:\\.|[^"\\])*"')
CONVERSION = re.compile(r"%[-0-9.]*(?:ll|l|z|h)?[a-z]")
TROUBLES = "docs/troubleshooting"
BEGIN = 26


def messages():
    """(file, parts) of each message: what does not change in it; all of it,
    with "..." for the rest, where no part is long enough to be looked for."""
    for path in csource.files("src/**/*.c"):
        for found in LOGGED.findall(csource.read(path)):
            text = "".join(STRING.findall(found))
            parts = CONVERSION.split(text.replace('\\"', '"'))
            long = [p.strip(" :=,()") for p in parts if len(p) >= 7]
            yield path, long or ["...".join(parts)]


def untold():
    """Messages that an administrator finds nothing about: the begin of a part
    has to stand there."""
    for page in TROUBLES + ".md", TROUBLES + KOREAN:
        text = csource.read(page)
        for path, parts in messages():
            if not any(part[:BEGIN] in text for part in parts):
                yield "%s says nothing of %r (%s)" % (page, parts[0], path)


IMPORTER = "contrib/spf-milter-import"
IMPORTS = "docs/from-other-filters"


def not_in_the_table():
    """Options that the importer knows: each has a row."""
    source = csource.read(IMPORTER)
    names = {name for table in re.findall(r"^[A-Z]+_NAMES = \((.*?)\)",
        source, re.M | re.S) for name in re.findall(r'"(\w+)"', table)}
    for page in IMPORTS + ".md", IMPORTS + KOREAN:
        rows = set(re.findall(r"^\| `(\w+)` \|", csource.read(page), re.M))
        for name in sorted(names ^ rows):
            yield "%s or %s has no %s" % (page, IMPORTER, name)


def not_packed():
    makefile = csource.read("Makefile.am").split()
    return ["Makefile.am does not name " + page for page in guides()
        if page not in makefile]


def tell_skipped():
    """Which blocks nobody has tried."""
    skipped = [(page, b) for page in pages() if not page.endswith(KOREAN)
        for b in blocks(page) if b.kind == "skip"]
    print("# %d blocks are not run:" % len(skipped))
    for page, block in skipped:
        print("# %s:%d: %s" % (page, block.line, block.words))


def main():
    tap = csource.Tap()
    for page in pages():
        tap.report("%s says what becomes of its blocks" % page,
            [*not_marked(page), *nothing_before(page)])
        tap.report("%s shows files as they are" % page, different(page))
    for page in guides() + csource.files("*.md"):
        tap.report("%s leads to what is there" % page, dead_links(page))
    tap.report("every recipe is shown by its guides", not_shown())
    tap.report("every language has the same guides", not_translated())
    tap.report("the index names every guide", not_listed())
    tap.report("every guide is installed", not_packed())
    tap.report("every option that is imported is in the table of its guide",
        not_in_the_table())
    tap.report("every warning, error and notice of the log is explained",
        untold())
    tell_skipped()
    tap.finish()


if __name__ == "__main__":
    main()
