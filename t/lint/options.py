#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The option table, the sample file and the manual say the same.

The rows are read from src/conf/conf_schema.c; where the program is built it
has the last word: the sample file with every option uncommented must give the
configuration of an empty file, and the examples of the manual must load.
"""

import os
import re
import subprocess
import tempfile

import csource

PROGRAM = os.path.join(os.environ.get("BUILDDIR", "."), "src/spf-milter")
RESULTS = ["fail", "softfail", "neutral", "none", "permerror", "temperror"]
TEXT = r'(?:(?:"(?:[^"\\]|\\.)*"|[A-Z]+)\s*)+'
SECTION = re.compile(r"^static const struct conf_option (\w+)_options\[\] = "
                     r"\{\n(.*?)^\};", re.M | re.S)
ROW = re.compile(r'\{ "(\w+)", (NULL|' + TEXT + r"),\s*(" + TEXT +
                 r"),\s*(RELOAD|RESTART),\s*(" + TEXT + r"),\s*CONF_")
SETTING = re.compile(r"^#?\t?([a-z_]+[0-9]?) = (.*)$")
TITLED = ("reply", "policy")
OPEN = re.compile(r"^#?(dns|metrics|(?:%s) [a-z_]+) \{$" % "|".join(TITLED))
# As many as the file has.
FREE = ("relay", "forwarder", "tag", "rule")


def c_text(literals):
    """The text of adjoining C string literals; None for NULL."""
    if literals == "NULL":
        return None
    parts = re.findall(r'"((?:[^"\\]|\\.)*)"', literals)
    return re.sub(r"\\(.)", r"\1", "".join(parts))


class Row:
    def __init__(self, section, m):
        self.section = None if section == "top" else section
        self.name = m[1]
        self.default = c_text(m[2])
        self.allowed = c_text(m[3])
        self.restart = m[4] == "RESTART"


def with_shared_rows(source):
    """Rows of several sections are a macro."""
    def rows(m):
        body = re.search(r"^#define %s \\\n((?:.*\\\n)*.*)\n" % m[1], source,
                         flags=re.M)[1]
        return body.replace("\\\n", "\n") + ","
    return re.sub(r"^\t([A-Z]+_ROWS),?$", rows, source, flags=re.M)


def settings(text):
    """(section, name, value) of sample text or of -n -v, "#" or not."""
    section = None
    for line in text.splitlines():
        line = line.split("\t# default")[0]
        if OPEN.match(line):
            section = OPEN.match(line)[1]
        elif line in ("}", "#}"):
            section = None
        elif SETTING.match(line):
            yield (section,) + SETTING.match(line).groups()


def uncommented(text):
    lines = (line[1:] if line == "#}" or line.startswith("#") and
             (SETTING.match(line) or OPEN.match(line)) else line
             for line in text.splitlines())
    return "\n".join(lines) + "\n"


def paragraphs(manual):
    """name -> [(marked restart, text), ...] of the items of options."""
    out = {}
    parts = re.split(r"^\.It Ic ", manual, flags=re.M)[1:]
    for part in parts:
        head, body = part.split("\n", 1)
        body = re.split(r"^\.(?:It|El)\b", body, flags=re.M)[0]
        name, _, rest = head.partition(" ")
        out.setdefault(name, []).append((rest == "Pq restart", body))
    return out


def roff_text(s):
    return s.replace(r"\(dq", '"').replace(r"\(aq", "'").replace(r"\e", "\\")


def wanted_settings(rows, replies):
    """What the sample has to say: the table, and the built-in replies."""
    wanted = {}
    for r in rows:
        if r.section not in TITLED + FREE:
            wanted[(r.section, r.name)] = r.default
    wanted.update(replies)
    return wanted


def sample_problems(sample, wanted, rows):
    seen = {}
    for section, name, value in settings(sample):
        if (section, name) in seen:
            yield "%s stands twice" % name
        seen[(section, name)] = value
        if name not in {r.name for r in rows}:
            yield "%s is no option" % name
    for r in rows:
        if r.section in FREE and not re.search(r"^# \t%s = " % r.name, sample,
                                               flags=re.M):
            yield "no example has %s" % r.name
    for key, value in wanted.items():
        if key not in seen:
            yield "%s (section %s) is missing" % (key[1], key[0])
        elif value is not None and seen[key] != value:
            yield "%s = %s, but the default is %s" % (key[1], seen[key],
                                                      value)


def paragraph_problems(r, restart, body):
    if restart != r.restart:
        yield "%s: (restart) differs from the table" % r.name
    m = re.search(r"^Default:\n\.Ql (.*)$", body, flags=re.M)
    told = roff_text(m[1]) if m else None
    if told != r.default:
        yield "%s: default %s, not %s" % (r.name, told, r.default)
    limits = re.match(r"\S+ to \S+$", r.allowed)
    if limits and limits[0] not in " ".join(body.split()):
        yield "%s: its limits are %s" % (r.name, r.allowed)


def manual_problems(items, rows):
    """An option of several sections may have several paragraphs."""
    for name in items:
        if name not in {r.name for r in rows}:
            yield "%s is no option" % name
    for r in rows:
        if r.name not in items:
            yield "%s has no paragraph" % r.name
            continue
        problems = [list(paragraph_problems(r, *p)) for p in items[r.name]]
        yield from min(problems, key=len)


def reply_problems(manual, replies):
    flat = " ".join(roff_text(manual).split())
    for result in RESULTS:
        key = "reply " + result
        told = ".It Cm %s .Li %s %s %s" % (
            result, replies[(key, "code")],
            replies[(key, "enhanced")].strip('"'),
            replies[(key, "text")][1:-1])
        if told not in flat:
            yield "the built-in reply for %s is not as in the manual" % result


def run(*args, command="-n"):
    return subprocess.run([PROGRAM, command, *args], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)


def run_text(text, *args, command="-n"):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write(text)
        f.flush()
        return run(*args, "-c", f.name, command=command)


def same_problems(text, expected):
    p = run_text(text, "-v")
    got = list(settings(p.stdout))
    if p.returncode != 0:
        yield p.stdout.strip().replace("\n", "\n# ")
    elif got != expected:
        for a, b in zip(got, expected):
            if a != b:
                yield "%s instead of %s" % (a, b)


def example_problems(manual):
    examples = re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed", manual,
                          flags=re.M | re.S)
    if not examples:
        yield "the manual has no example"
    for e in examples:
        # Not -n: this machine need not have the accounts and folders.
        p = run_text(roff_text(e), "/dev/null", command="-t")
        if p.returncode != 0:
            yield p.stdout.strip().replace("\n", "\n# ")


def main():
    tap = csource.Tap()
    source = with_shared_rows(csource.read("src/conf/conf_schema.c"))
    sample = csource.read("conf/spf-milter.conf")
    manual = csource.read("man/spf-milter.conf.5")
    rows = [Row(s[1], m) for s in SECTION.finditer(source)
            for m in ROW.finditer(s[2])]
    names = {r.name for r in rows}
    items = paragraphs(manual)
    built = os.access(PROGRAM, os.X_OK)

    starts = sum(len(re.findall(r"^\t\{ ", s[2], flags=re.M))
                 for s in SECTION.finditer(source))
    tap.report("every row of the table is understood",
               [] if rows and starts == len(rows) else
               ["%d of %d rows" % (len(rows), starts)])
    replies = {}
    if built:
        defaults = list(settings(run("-v", "-c", "/dev/null").stdout))
        replies = {(s, n): v for s, n, v in defaults
                   if (s or "").split(" ")[0] in TITLED}
        table = [(r.section, r.name) for r in rows
                 if r.section not in TITLED + FREE]
        tap.report("the program has the options of the table",
                   [] if table == [(s, n) for s, n, v in defaults
                                   if (s, n) not in replies] and
                   {n for s, n in replies} | {n for s, n in table} |
                   {r.name for r in rows if r.section in FREE} == names
                   else ["they differ"])
        tap.report("the sample file changes nothing",
                   same_problems(sample, defaults))
        tap.report("the sample file without # changes nothing",
                   same_problems(uncommented(sample), defaults))
        tap.report("the examples of the manual load", example_problems(manual))
        tap.report("the manual has the built-in replies",
                   reply_problems(manual, replies))
    tap.report("the sample file has every option at its default",
               sample_problems(sample, wanted_settings(rows, replies), rows))
    tap.report("the manual has every option at its default",
               manual_problems(items, rows))
    if not built:
        tap.skip("the program is not built")
    tap.finish()


if __name__ == "__main__":
    main()
