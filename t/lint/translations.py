#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A manual in another language is that of man/, in other words.

The same sections, lists, items, examples, synopsis and defaults in the same
order; and between them the same options, values, file names and references,
in whatever order the language wants, and at least the same figures.  What is
translated of headings and items reads the same wherever it stands.

A particle follows a macro by Ns; after a literal in quotes, which ends with
its line only, it is "So Li literal Sc Ns particle".
"""

import os
import re
import shlex

import csource

BLOCKS = {"Bd": "Ed", "Rs": "Re"}
LAYOUT = {"Dd", "Dt", "Os", "Pp", "Bl", "El", "Dl"}
CODE = {"Ql": "literal", "Li": "literal", "Sq": "literal", "Fl": "option",
        "Ic": "word", "Cm": "word", "Ar": "argument", "Pa": "path",
        "Ev": "variable", "Dv": "constant", "Er": "constant",
        "Xr": "manual", "Fn": "function", "Sx": "section"}
OTHER = {"Nm", "Ns", "No", "Pf", "Pq", "Po", "Pc", "So", "Sc", "Em", "Sy",
         "Ta"}
OPENING = {"(", "["}
CLOSING = {".", ",", ":", ";", ")", "]", "?", "!"}
FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")
SHOWN = 5


def macro(line):
    m = re.match(r"\.([A-Z][a-z]) ?(.*)", line)
    return (m[1], m[2]) if m else (None, line)


def words_of(text):
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = lexer.escape = ""
    lexer.quotes = '"'
    return list(lexer)


def code(line):
    """What has to be written the same, and the rest of the line."""
    if macro(line)[0] is None:
        return [], [line]
    kind, found, rest, item = None, [], [], []
    for word in words_of(line[1:]) + ["No"]:
        ends = word in CLOSING and kind not in ("Ql", "Sq")
        if word in CODE or word in OTHER or ends:
            while kind in ("Ql", "Sq") and item and item[-1] in CLOSING:
                item.pop()
            if item:
                found.append((CODE[kind], " ".join(item)))
            item = []
            kind = kind if ends else word if word in CODE else None
        elif kind is None:
            rest.append(word)
        elif item or word not in OPENING:
            item.append(word)
    return found, rest


class Passage:
    """Running text: what it names, and its figures."""

    def __init__(self, number):
        self.number = number
        self.names = set()
        self.figures = set()

    def add(self, line):
        found, rest = code(line)
        self.names.update(found)
        for text in rest:
            self.figures.update(FIGURE.findall(text))


class Fixed:
    """A line that stands as it is, but for what is in its words."""

    def __init__(self, number, line, words=()):
        self.number = number
        self.line = line
        self.words = list(words)


def heading(number, name, title):
    return Fixed(number, "." + name, [title])


def row(number, rest):
    """Cells of a table, those with code as they are."""
    fixed, translated = [], []
    for cell in rest.split(" Ta "):
        mark, text = re.match(r"(Em |Sy |)(.*)", cell).groups()
        if words_of(text)[:1] and words_of(text)[0] in CODE:
            fixed.append(cell)
        else:
            fixed.append(mark.strip())
            translated.append(text)
    return Fixed(number, ".It " + " Ta ".join(fixed), translated)


def item(number, line):
    """The words of a table, in parentheses, or without markup are
    translated."""
    name, rest = macro(line)
    if " Ta " in rest:
        return row(number, rest)
    if rest and words_of(rest)[0] not in CODE:
        return Fixed(number, "." + name, [rest])
    m = re.match(r"(.*) Pq ([^A-Z].*)", rest)
    return Fixed(number, m[1], [m[2]]) if m else Fixed(number, line)


def parts(text, default):
    """Fixed lines and passages in turn."""
    passage, block, section, verbatim = None, None, None, False
    for number, line in enumerate(text.splitlines(), 1):
        name, rest = macro(line)
        if name == "Sh":
            section = rest
        fixed = None
        if block or verbatim or line.startswith('.\\"') or name in LAYOUT:
            fixed = Fixed(number, line)
            block = None if name == block else block
            verbatim = False
        elif name in BLOCKS:
            fixed, block = Fixed(number, line), BLOCKS[name]
        elif name in ("Sh", "Ss"):
            fixed = heading(number, name, rest)
        elif name == "It":
            fixed = item(number, line)
        elif section == "SYNOPSIS":
            fixed = Fixed(number, line)
        elif line == default:
            fixed, verbatim = Fixed(number, "the default"), True
        if fixed:
            if passage:
                yield passage
            passage = None
            yield fixed
        else:
            passage = passage or Passage(number)
            passage.add(line)
    if passage:
        yield passage


class Dictionary:
    """One word for one word."""

    def __init__(self):
        self.there = {}
        self.back = {}

    def differs(self, here, there):
        if not re.search("[A-Za-z]{2}", here) or re.search("[0-9]", here):
            return here != there
        return self.there.setdefault(here, there) != there or \
            self.back.setdefault(there, here) != here


def passage_problems(here, there, dictionary):
    wanted = {(kind, dictionary.there.get(name, name)
               if kind == "section" else name) for kind, name in here.names}
    for kind, name in sorted(wanted - there.names):
        yield "the %s %s is missing" % (kind, name)
    for kind, name in sorted(there.names - wanted):
        yield "the %s %s is not in the original" % (kind, name)
    for figure in sorted(here.figures - there.figures):
        yield "the figure %s is missing" % figure


def fixed_problems(here, there, dictionary):
    if here.line != there.line or len(here.words) != len(there.words):
        yield "is not '%s'" % " ".join([here.line] + here.words)
        return
    for a, b in zip(here.words, there.words):
        if dictionary.differs(a, b):
            yield "%s is elsewhere %s" % (a, dictionary.there.get(a, a))


def matched(original, translated):
    """Pairs, as far as both have the same parts in turn."""
    for here, there in zip(original, translated):
        yield here, there
        if type(here) is not type(there) or \
                isinstance(here, Fixed) and here.line != there.line:
            return
    if len(original) != len(translated):
        longer = max(original, translated, key=len)
        yield longer[min(len(original), len(translated))], None


def pair_problems(here, there, dictionary):
    if there is None:
        yield "one of both ends"
    elif type(here) is not type(there):
        yield "text stands against '%s'" % (
            here if isinstance(here, Fixed) else there).line
    elif isinstance(here, Fixed):
        yield from fixed_problems(here, there, dictionary)
    else:
        yield from passage_problems(here, there, dictionary)


def learn(pairs, dictionary):
    """Headings are referred to before they stand."""
    for here, there in pairs:
        if isinstance(here, Fixed) and isinstance(there, Fixed):
            for a, b in zip(here.words, there.words):
                dictionary.differs(a, b)


def problems(original, translated, default, dictionary):
    pairs = list(matched(list(parts(original, "Default:")),
                         list(parts(translated, default))))
    learn(pairs, dictionary)
    for here, there in pairs:
        for problem in pair_problems(here, there, dictionary):
            yield "line %d, original %d: %s" % (
                (there or here).number, here.number, problem)


DEFAULT = {"ko": "기본값:"}


def not_installed(paths):
    makefile = csource.read("Makefile.am")
    return [path for path in paths if path not in makefile]


def main():
    tap = csource.Tap()
    dictionaries = {}
    paths = csource.files("man/*/*.[1-9]")
    for path in paths:
        language, name = path.split(os.sep)[1:]
        dictionary = dictionaries.setdefault(language, Dictionary())
        found = list(problems(csource.read("man/" + name), csource.read(path),
                              DEFAULT[language], dictionary))
        tap.report("%s is man/%s" % (path, name), found[:SHOWN])
    tap.report("all of them are installed", not_installed(paths))
    tap.finish()


if __name__ == "__main__":
    main()
