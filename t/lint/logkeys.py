#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Keys and kinds of log lines are those of spf-milter(8), and the reverse."""

import re

import csource

CALL = re.compile(r'\blog_record_(?:string|string_if|text|word|uint|address|host|name)'
                  r'\(\s*&?\w+,\s*([^,;]*?),', re.S)
PATH = re.compile(r'\badd_path\(\s*&?\w+,\s*("\w+"),')
EVENT = re.compile(r'\[LOG_EVENT_\w+\] = \{\s*"(\w+)",\s*"([0-9a-f]{32})"')
ITEM = re.compile(r"^\.It Li (?!.* Ta )([\w ,]+)$", re.M)
ROW = re.compile(r"^\.It Li (\w+) Ta ([0-9a-f]{32}) Ta ", re.M)


def written():
    """Tools show pairs as well; those are no lines of the log."""
    keys = set()
    for path in csource.files("src/*/*.c"):
        if path.startswith(("src/tool/", "src/base/")):
            continue
        text = csource.read(path)
        for argument in CALL.findall(text) + PATH.findall(text):
            keys.update(re.findall(r'"(\w+)"', argument))
    return keys


def main():
    tap = csource.Tap()
    manual = csource.read("man/spf-milter.8")
    section = manual.split("\n.Sh LOG\n")[1].split("\n.Sh ")[0]
    told = {k.strip() for item in ITEM.findall(section)
            for k in item.split(",")}
    keys = written()
    tap.report("keys are found", [] if len(keys) > 25 else [str(keys)])
    tap.report("every key is in the manual", sorted(keys - told))
    tap.report("every key of the manual is written", sorted(told - keys))
    tap.report("events are those of the manual", sorted(
        set(EVENT.findall(csource.read("src/base/log_line.c"))) ^
        set(ROW.findall(section))))
    tap.finish()


if __name__ == "__main__":
    main()
