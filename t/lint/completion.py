#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every option of our programs is completed in every shell, and no other.

The long options and letters are read from the tables of the C programs, and
of the scripts from what they say of themselves.
"""

import re

import csource

LONG = re.compile(r'^\t\{ "([a-z-]+)", \w+_argument, NULL, (?:\'(\w)\')?',
                  re.M)
SOURCES = {
    "spf-milter": "src/daemon/options.c",
    "spf-why": "src/why/why_options.c",
}
SCRIPTS = {"spf-milter-report": {"--help"}, "spf-milter-import": {"--help"}}


def of_table(path):
    options = set()
    for name, letter in LONG.findall(csource.read(path)):
        options.add("--" + name)
        if letter:
            options.add("-" + letter)
    return options


def of_usage(program, options):
    usage = re.search(r'^USAGE = """(.*?)"""', csource.read(
        "contrib/" + program), re.M | re.S)[1]
    return options | set(re.findall(r"--[a-z]+", usage))


def words(text):
    """Options that stand alone in the text of a shell."""
    return {w for w in re.findall(r"(?<![\w$%./(-])(--?[A-Za-z][a-z-]*)"
                                  r"(?=[\s\"]|$)", text)}


def in_bash(program):
    """The lists that words are chosen from."""
    lists = re.findall(r'(?:-W|options=)\s*"([^"$]*)"',
                       csource.read("contrib/completion/bash/" + program))
    return words(" ".join(lists))


def in_zsh(program):
    text = csource.read("contrib/completion/zsh/_" + program)
    found = set(re.findall(r"'(?:\([^']*\)|\*)?(--?[A-Za-z][a-z-]*)[=+]?\[",
                           text))
    for group in re.findall(r"'\{([^}]*)\}'", text):
        found |= {w.rstrip("=+") for w in group.split(",")}
    return found


def in_fish(program):
    text = csource.read("contrib/completion/fish/%s.fish" % program)
    lines = re.findall(r"^complete .*$", text, re.M)
    found = set()
    for line in lines:
        found |= {"--" + w for w in re.findall(r" -l ([a-z-]+)", line)}
        found |= {"-" + w for w in re.findall(r" -s (\w)", line)}
    return found


def differences(got, wanted):
    # The letter of --help of a script may be completed, too.
    for option in sorted(wanted - got):
        yield "%s is missing" % option
    for option in sorted(got - wanted - {"-h"}):
        yield "%s is no option" % option


def main():
    tap = csource.Tap()
    wanted = {p: of_table(source) for p, source in SOURCES.items()}
    wanted |= {p: of_usage(p, options) for p, options in SCRIPTS.items()}
    for program, options in wanted.items():
        tap.report("options of %s are found" % program,
                   [] if len(options) > 1 or program.endswith("import")
                   else ["none"])
        for shell, read in (("bash", in_bash), ("zsh", in_zsh),
                            ("fish", in_fish)):
            tap.report("%s completes the options of %s" % (shell, program),
                       differences(read(program), options))
    tap.finish()


if __name__ == "__main__":
    main()
