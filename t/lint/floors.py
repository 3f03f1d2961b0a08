#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The order of the house: floors.txt, and what includes and uses say.

A file uses what stands below it: files of wings on lower floors, and files
of its own wing that floors.txt names before it.  Headers are seen by their
includes.  Files of one module share a x_priv.h, which would hide who calls
whom, so functions and objects are looked at too, by the file in which they
are defined.  Inline functions and macros of headers are seen through: who
uses one uses what it uses.
"""

import os
import re

import csource

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]*)[">]', re.M)
# As our style has it: the type on a line, then name(...), then the brace.
FUNCTION = re.compile(
    r"^([a-z][^\n;{}()]*)\n([a-z]\w*)\([^;{}]*\)\n\{(.*?)^\}", re.M | re.S)
OBJECT = re.compile(
    r"^(?!static|extern|typedef)[a-z][\w \t*]*\b(\w+)(?:\[[^]]*\])*(?: =|;)",
    re.M)
MACRO = re.compile(r"^#define ([a-z]\w*)\(((?:.*\\\n)*.*)", re.M)
# A use of a name; fields and tags of that name are none.
USE = re.compile(r"(?<!struct )(?<!enum )(?<!->)(?<!\.)\b[a-z]\w*\b")
ANYWHERE = ("config.h",)
# Functions of libc in whose place we have our own.
INTERPOSED = {"accept", "listen", "pthread_create", "sigwait", "syslog"}


class House:
    """Wings with their floors, and the order of the files in each."""

    def __init__(self, text):
        self.floor = {}
        self.order = {}
        self.twice = []
        wing = None
        for line in text.split("\n"):
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0].isdigit():
                wing = words[1]
                self.floor[wing] = int(words[0])
                words = words[2:]
            for name in words:
                place = wing + "/" + name
                if place in self.order:
                    self.twice.append(place + " is listed twice")
                self.order[place] = len(self.order)

    def file(self, path):
        """What a source belongs to, as wing/name: x.h and x.c to x; x_priv.h,
        x_table.h to the file of that name, or to all of x."""
        place = os.path.splitext(path)[0]
        if place in self.order:
            return place
        shorter = re.sub(r"_(priv|table)$", "", place)
        if shorter in self.order:
            return shorter
        return None

    def module(self, place):
        """The shortest listed x of which a wing/x_part is a part."""
        found = place
        while "_" in os.path.basename(place):
            place = place.rsplit("_", 1)[0]
            if place in self.order:
                found = place
        return found

    def allows(self, mine, theirs):
        my_wing, their_wing = mine.split("/")[0], theirs.split("/")[0]
        if my_wing == their_wing:
            return self.order[theirs] <= self.order[mine]
        return self.floor[their_wing] < self.floor[my_wing]


def include_faults(house, path, text):
    """(rule, place) for each include that breaks a rule."""
    mine = house.file(path)
    for m in INCLUDE.finditer(text):
        header = m.group(2)
        where = "%s:%d: %s" % (path, text.count("\n", 0, m.start()) + 1,
                               header)
        theirs = house.file(header)
        if m.group(1) == "<":
            if theirs:
                yield "quotes", where
        elif header in ANYWHERE:
            pass
        elif theirs is None:
            yield "listed", where
        elif house.module(mine) == house.module(theirs):
            pass        # who uses whom among them is seen by the names
        elif header.endswith("_priv.h"):
            yield "private", where
        elif not house.allows(mine, theirs):
            yield "down", where


class Names:
    """What the files define and use."""

    def __init__(self, sources):
        self.homes = {}         # name: the files that define it for others
        self.own = {}           # file: names that it defines itself
        self.through = {}       # of a header: what who uses it uses
        for path, text in sources.items():
            self.own[path] = set()
            for kind, name, body in FUNCTION.findall(text):
                if path.endswith(".h"):
                    self.through[name] = set(USE.findall(body))
                    continue
                self.own[path].add(name)
                if not kind.startswith("static"):
                    self.homes.setdefault(name, []).append(path)
            for name, body in MACRO.findall(text):
                self.through[name] = set(USE.findall(body))
            if path.endswith(".c"):
                for name in OBJECT.findall(text):
                    self.homes.setdefault(name, []).append(path)

    def used(self, path, text):
        found = set()
        new = set(USE.findall(text)) - self.own[path]
        while new:
            found |= new
            new = set().union(*(self.through.get(n, ()) for n in new)) - found
        return found - INTERPOSED


def use_faults(house, sources):
    """(rule, place) for each use that goes up."""
    names = Names(sources)
    for path, text in sorted(sources.items()):
        if path.endswith(".h"):
            continue
        mine = house.file(path)
        for name in sorted(names.used(path, text)):
            for home in names.homes.get(name, ()):
                if not house.allows(mine, house.file(home)):
                    yield "uses", "%s: %s of %s" % (path, name, home)


RULES = {
    "listed": "every file of src is in floors.txt",
    "there": "every file of floors.txt is there, once",
    "down": "includes go down",
    "private": "_priv.h headers stay within their module",
    "quotes": "project headers are included with quotes",
    "uses": "functions and objects are used from above, in a module too",
}


def faults(house, sources):
    """(rule, place) for each fault; sources: path below src: text."""
    listed = {p: t for p, t in sources.items() if house.file(p)}
    for path in sorted(sources.keys() - listed.keys()):
        yield "listed", path
    for path, text in sorted(listed.items()):
        yield from include_faults(house, path, text)
    present = {house.file(p) for p in listed}
    for place in house.twice + sorted(house.order.keys() - present):
        yield "there", place
    yield from use_faults(house, {p: csource.without_comments(t)
                                  for p, t in listed.items()})


def main():
    tap = csource.Tap()
    found = list(faults(House(csource.read("t/lint/floors.txt")),
                        {p[len("src/"):]: csource.read(p)
                         for p in csource.files("src/**/*.[ch]")}))
    for rule, promise in RULES.items():
        tap.report(promise, [place for r, place in found if r == rule])
    tap.finish()


if __name__ == "__main__":
    main()
