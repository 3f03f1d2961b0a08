# SPDX-License-Identifier: BSD-2-Clause
"""The blocks of a guide in docs, and what is done with each.

A block stands between two lines of three backquotes, and the line above says
in a comment what it is:

    run [as HOST] [status N] [until]
                        shell commands, as root on the mail server, which have
                        to end with 0, or with N; as a machine with this
                        address; until: again until what follows holds
    expect              what the commands above have printed somewhere; "..."
                        stands for any text, and one blank for any others
    file PATH           the whole of a file
    append PATH         lines at the end of one
    same PATH [in PLACE]
                        is this file of ours, word for word, put in a place
    skip REASON         cannot be run

Everything in one guide is done in its order on one machine; a line
"<!-- on SERVICES -->" at its top says what runs there before, and
"<!-- needs PROGRAMS -->" what has to be installed.
"""

import collections
import re

FENCE = "```"
MARK = re.compile(r"<!-- (run|expect|file|append|same|skip)\b(.*) -->$")
RUN = re.compile(r"(?: as (?P<host>[0-9a-f.:]+))?(?: status (?P<status>\d+))?"
    r"(?P<until> until)?")
NEEDS = {"file": r" /\S+", "append": r" /\S+", "same": r" [a-z]\S+( in /\S+)?",
    "skip": " .+", "expect": "", "run": RUN.pattern}

# kind: of the mark, or None; words: the rest of it; line: of the fence.
Block = collections.namedtuple("Block", "kind words language text line")


def mark(line):
    """(kind, rest), or (None, None) of what is none."""
    found = MARK.match(line)
    if found and re.fullmatch(NEEDS[found[1]], found[2]):
        return found[1], found[2].strip()
    return None, None


def run_words(block):
    """host, status and until of a block to run."""
    return RUN.fullmatch(" " * bool(block.words) + block.words)


def heads(text, what):
    """The words of a line "<!-- WHAT WORDS -->"."""
    found = re.search("^<!-- %s ([a-z -]+) -->$" % what, text, re.M)
    return found[1].split() if found else []


def services(text):
    """What runs on the machine of a page."""
    return heads(text, "on")


def needs(text):
    """Programs without which nobody can follow it."""
    return heads(text, "needs")


def fences(lines):
    """(first, last) line of each block, from 0, fences included."""
    at = [n for n, line in enumerate(lines)
        if line.lstrip().startswith(FENCE)]
    return list(zip(at[::2], at[1::2]))


def fenced(lines):
    """The numbers of all lines of blocks."""
    return {n for first, last in fences(lines)
        for n in range(first, last + 1)}


def block(lines, first, last):
    """One in a list is indented."""
    indent = len(lines[first]) - len(lines[first].lstrip())
    kind, words = mark(lines[first - 1].strip() if first else "")
    return Block(kind, words, lines[first].strip()[len(FENCE):], "".join(
        line[indent:] + "\n" for line in lines[first + 1:last]), first + 1)


def blocks(text):
    """All blocks of a page."""
    lines = text.splitlines()
    return [block(lines, *place) for place in fences(lines)]


def pattern(text):
    """What an expectation matches: "..." is any text, or none."""
    return re.compile(".*?".join(r"\s+".join(map(re.escape, part.split()))
        for part in text.split("...")), re.S)


def holds(expected, output):
    return pattern(expected).search(output) is not None
