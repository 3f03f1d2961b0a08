#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The metrics of the sources are those of the manual, with their labels, and
are called by the conventions of Prometheus."""

import re

import csource

BY = {"NOTHING": set(), "IDENTITY": {"identity"}, "LEVEL": {"level"},
      "TYPE": {"type"}}
TEXT = r'(?:"(?:[^"\\]|\\.)*"\s*)+'
ROW = re.compile(r'METRIC\("(?P<metric>\w+)",\s*(?P<about>' + TEXT + r')\)|'
                 r'STATS\(\w+, "\w+",\s*"(?P<labels>(?:[^"\\]|\\.)*)",\s*'
                 r'(?P<by>[A-Z]+)\)|'
                 r'HISTOGRAM\(\w+, "(?P<histogram>\w+)",\s*(?P<times>' + TEXT +
                 r')\)')
FIGURE = re.compile(r'GAUGE\("(\w+)"|PROCESS\("(\w+)", (COUNTER|GAUGE)')
BEGUN = re.compile(r'exposition_begin\(e, "(\w+)",\s*EXPOSITION_(\w+)')
ITEM = re.compile(r"^\.It Li ((?:spf_milter|process)_\w+)(?:\{([\w,]*)\})?$",
                  re.M)
SUFFIX = {"COUNTER": "_total", "GAUGE": "", "INFO": "_info"}


def counted(table):
    """name -> labels, of the table."""
    found = {}
    for m in ROW.finditer(table):
        if m["metric"]:
            name = m["metric"] + "_total"
            found[name] = set()
        elif m["histogram"]:
            found[m["histogram"]] = set()
        else:
            found[name] |= BY[m["by"]]
            found[name] |= set(re.findall(r'(\w+)=\\"', m["labels"]))
    return found


def figures(source):
    """Names of what is told beside."""
    for gauge, name, kind in FIGURE.findall(source):
        yield gauge or name + SUFFIX[kind]
    for name, kind in BEGUN.findall(source):
        yield name + SUFFIX[kind]


def problems(told, counters, others):
    for name in set(counters) | others:
        if name not in told:
            yield "%s is not in the manual" % name
    for name in told:
        if name not in counters and name not in others:
            yield "%s is no metric" % name
    for name, labels in counters.items():
        if name in told and told[name] != labels:
            yield "%s has the labels %s" % (name, ", ".join(sorted(labels)))


def names_problems(names):
    for name in names:
        if not re.fullmatch(r"(spf_milter|process)(_[a-z0-9]+)+", name):
            yield "%s: not a good name" % name
        if re.search(r"_(ms|us|milliseconds|octets|kb|percent|ratio)(_|$)",
                     name):
            yield "%s: not a base unit" % name


def help_problems(table):
    for m in ROW.finditer(table):
        text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"',
                                  m["about"] or m["times"] or ""))
        if "\\" in text or text.endswith("."):
            yield text


def main():
    tap = csource.Tap()
    table = csource.read("src/base/stats_table.h")
    counters = counted(re.sub(r"/\*.*?\*/", "", table, flags=re.S))
    others = set(figures(csource.read("src/daemon/metrics_text.c")))
    manual = csource.read("man/spf-milter.8")
    told = {name: set(filter(None, labels.split(",")))
            for name, labels in ITEM.findall(manual)}
    tap.report("the tables are understood", [] if len(counters) > 30 and
               len(others) > 15 else ["%d and %d metrics" % (len(counters),
                                                             len(others))])
    tap.report("the manual has every metric with its labels",
               problems(told, counters, others))
    tap.report("metrics are called by the conventions of Prometheus",
               names_problems(set(counters) | others))
    tap.report("what they are is a text without an end",
               help_problems(table))
    tap.finish()


if __name__ == "__main__":
    main()
