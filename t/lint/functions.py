#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Length, parameters and nesting of every C function, and width of lines."""

import re
import statistics

import csource

MAX_LINES = 100
MAX_PARAMETERS = 6
MAX_NESTING = 4
MAX_COLUMNS = 80

TOKEN = re.compile(r"[A-Za-z_]\w*|[^\s\w]")


class Function:
    def __init__(self, path, name, line, lines, parameters, nesting):
        self.path = path
        self.name = name
        self.line = line
        self.lines = lines
        self.parameters = parameters
        self.nesting = nesting

    def key(self):
        return (self.path, self.name)

    def place(self):
        return "%s:%d: %s" % (self.path, self.line, self.name)


def closing(text, start):
    """Index of the bracket that closes the one at start."""
    depth = 0
    for i in range(start, len(text)):
        if text[i] in "({[":
            depth += 1
        elif text[i] in ")}]":
            depth -= 1
            if depth == 0:
                return i
    raise ValueError("unbalanced brackets")


def parameter_count(text):
    """Parameters in the text between the parentheses."""
    depth = 0
    commas = 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        commas += c == "," and depth == 0
    return 0 if text.strip() in ("", "void") else commas + 1


class Nesting:
    """How deep control structures stand in each other in one body."""

    def __init__(self, body):
        self.tokens = TOKEN.findall(body)
        self.at = 0
        self.deepest = 0
        while self.at < len(self.tokens):
            self.statement(0)

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def skip_brackets(self):
        depth = 0
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            depth += (token in "({[") - (token in ")}]")
            self.at += 1
            if depth == 0:
                return

    def skip_to(self, end):
        while self.at < len(self.tokens) and self.peek() != end:
            if self.peek() in "({[":
                self.skip_brackets()
            else:
                self.at += 1
        self.at += 1

    def branch(self, depth):
        """The statement that a control structure at depth governs."""
        self.deepest = max(self.deepest, depth + 1)
        self.statement(depth + 1)

    def statement(self, depth):
        token = self.peek()
        following = self.tokens[self.at + 1:self.at + 2]
        if token == "{":
            self.at += 1
            while self.peek() not in ("}", ""):
                self.statement(depth)
            self.at += 1
        elif token in ("if", "for", "while", "switch"):
            self.at += 1
            self.skip_brackets()
            self.branch(depth)
            if token == "if":
                self.otherwise(depth)
        elif token == "do":
            self.at += 1
            self.branch(depth)
            self.skip_to(";")
        elif token in ("case", "default") or (
                following == [":"] and re.match(r"\w", token)):
            self.skip_to(":")
        else:
            self.skip_to(";")

    def otherwise(self, depth):
        if self.peek() != "else":
            return
        self.at += 1
        if self.peek() == "if":
            self.statement(depth)
        else:
            self.branch(depth)


def functions_of(path):
    text = csource.without_directives(
        csource.without_comments(csource.read(path)))
    start = 0
    at = 0
    while at < len(text):
        if text[at] == ";":
            start = at + 1
        elif text[at] == "(":
            at = closing(text, at)
        elif text[at] == "{":
            end = closing(text, at)
            head = text[start:at].rstrip()
            if head.endswith(")"):
                yield function(path, text, start + len(head) - 1, at, end)
                start = end + 1
            at = end
        at += 1


def function(path, text, parenthesis, begin, end):
    """The one whose parameters end at parenthesis, body from begin to end."""
    depth = 0
    opening = parenthesis
    while True:
        depth += (text[opening] == ")") - (text[opening] == "(")
        if depth == 0:
            break
        opening -= 1
    name = re.search(r"(\w+)\s*$", text[:opening]).group(1)
    return Function(
        path, name, text.count("\n", 0, opening) + 1,
        text.count("\n", begin, end) + 1,
        parameter_count(text[opening + 1:parenthesis]),
        Nesting(text[begin + 1:end]).deepest)


def allowed():
    """(file, function) pairs of functions.txt, and its malformed lines."""
    pairs = set()
    bad = []
    for line in csource.read("t/lint/functions.txt").splitlines():
        if not line or line.startswith("#"):
            continue
        words = line.split(None, 2)
        if len(words) < 3:
            bad.append("no reason: " + line)
        pairs.add(tuple(words[:2]))
    return pairs, bad


def is_test_table(f):
    """main of a unit test is the table of its tests."""
    return f.path.startswith("t/unit/") and f.name == "main"


def wide_lines(paths):
    for path in paths:
        for number, line in enumerate(csource.read(path).splitlines(), 1):
            columns = len(line.expandtabs(8))
            if columns > MAX_COLUMNS:
                yield "%s:%d: %d columns" % (path, number, columns)


def print_figures(functions):
    ours = sorted(f.lines for f in functions if f.path.startswith("src/"))
    if len(ours) < 2:
        return
    print("# %d functions in src: median %d lines, 90%% %d, longest %d" % (
        len(ours), statistics.median(ours), ours[len(ours) * 9 // 10],
        ours[-1]))


def main():
    tap = csource.Tap()
    paths = csource.files("src/*/*.[ch]", "t/**/*.[ch]", "bench/*.[ch]")
    functions = [f for path in paths for f in functions_of(path)]
    excepted, bad = allowed()
    too_long = [f for f in functions
                if f.lines > MAX_LINES and not is_test_table(f)]
    too_wide = [f for f in functions if f.parameters > MAX_PARAMETERS]
    needed = {f.key() for f in too_long + too_wide}

    tap.report("no function over %d lines" % MAX_LINES, [
        "%s has %d lines" % (f.place(), f.lines) for f in too_long
        if f.key() not in excepted])
    tap.report("no function with over %d parameters" % MAX_PARAMETERS, [
        "%s has %d" % (f.place(), f.parameters) for f in too_wide
        if f.key() not in excepted])
    tap.report("every exception has a reason and is needed", bad + [
        "not needed: %s %s" % key for key in sorted(excepted - needed)])
    tap.report("no nesting over %d" % MAX_NESTING, [
        "%s nests %d deep" % (f.place(), f.nesting) for f in functions
        if f.nesting > MAX_NESTING])
    tap.report("no line over %d columns" % MAX_COLUMNS,
               list(wide_lines(paths)))
    print_figures(functions)
    tap.finish()


if __name__ == "__main__":
    main()
