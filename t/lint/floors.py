#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The order of the house: floors.txt, and what includes and calls say.

A file uses what stands below it: files of wings on lower floors, and files
of its own wing that floors.txt names before it.  Headers are seen by their
includes.  Files of one module share a x_priv.h, which would hide who calls
whom, so calls are looked at too, by the file in which a function is defined.
"""

import os
import re

import csource

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]*)[>"]', re.M)
# The name at the start of a line, as our style has it: TYPE\nname(...)\n{
DEFINITION = re.compile(r"^([a-z]\w*)\((?:[^;{}]*)\)\n\{", re.M)
# A use of a function; fields and tags of its name are none.
USE = re.compile(r"(?<!struct )(?<!enum )(?<!->)(?<!\.)\b[a-z]\w*\b")
# The table of counters is rows for whoever includes it.
ANYWHERE = ("config.h",)
# Functions of libc in whose place we have our own.
INTERPOSED = ("accept", "pthread_create", "sigwait")


class House:
    """Wings with their floors, and the order of the files in each."""

    def __init__(self, text):
        self.floor = {}
        self.order = {}
        self.twice = []
        self.known = set()      # circles that are to be opened yet
        wing = None
        for line in text.split("\n"):
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "circle":
                self.known.add((words[1], words[2]))
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

    def allows(self, mine, theirs):
        my_wing, their_wing = mine.split("/")[0], theirs.split("/")[0]
        if my_wing == their_wing:
            return self.order[theirs] <= self.order[mine]
        return self.floor[their_wing] < self.floor[my_wing]


def module(place, house):
    """The longest listed x of which a wing/x_part is a part."""
    found = place
    while "_" in os.path.basename(place):
        place = place.rsplit("_", 1)[0]
        if place in house.order:
            found = place
    return found


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
            yield "module", where
        elif module(mine, house) == module(theirs, house):
            pass        # who calls whom among them is seen by the calls
        elif header.endswith("_priv.h"):
            yield "private", where
        elif not house.allows(mine, theirs):
            yield "down", where


def call_faults(house, sources):
    """path: function of path, where a call goes up."""
    homes = {}
    for path, text in sources.items():
        for name in DEFINITION.findall(text):
            if name not in INTERPOSED:
                homes.setdefault(name, []).append(path)
    for path, text in sources.items():
        for name in sorted(set(USE.findall(text))):
            home = homes.get(name, ())
            # What several files define is static in each of them.
            if len(home) != 1 or is_static(sources[home[0]], name):
                continue
            mine, theirs = house.file(path), house.file(home[0])
            if not house.allows(mine, theirs) and \
                    (mine, theirs) not in house.known:
                yield "%s: %s of %s" % (path, name, home[0])


def is_static(text, name):
    return re.search(r"^static[^;{}()]*\n%s\(" % name, text, re.M)


def main():
    tap = csource.Tap()
    house = House(csource.read("t/lint/floors.txt"))
    everything = {p[len("src/"):]: csource.without_comments(csource.read(p))
                  for p in csource.files("src/**/*.[ch]")}
    # Strings are blanked above, so includes are read from the text itself.
    plain = {p: csource.read("src/" + p) for p in everything}
    homeless = [p for p in everything if house.file(p) is None]
    faults = [f for p in everything if p not in homeless
              for f in include_faults(house, p, plain[p])]
    present = {house.file(p) for p in everything}

    def of(rule):
        return [where for r, where in faults if r == rule]

    tap.report("every file of src is in floors.txt", homeless + of("module"))
    tap.report("every file of floors.txt is there, once",
               house.twice + sorted(set(house.order) - present))
    tap.report("includes go down", of("down"))
    tap.report("_priv.h headers stay within their module", of("private"))
    tap.report("project headers are included with quotes", of("quotes"))
    tap.report("calls go down, within a module too", list(call_faults(
        house, {p: t for p, t in everything.items()
                if p.endswith(".c") and p not in homeless})))
    tap.finish()


if __name__ == "__main__":
    main()
