# SPDX-License-Identifier: BSD-2-Clause
"""Measurements, their totals and ratios, and the goals they are held to."""

import statistics

COLUMNS = (("rate", "msg/s", "%.0f"), ("p50", "p50 ms", "%.2f"),
    ("p99", "p99 ms", "%.2f"), ("max", "max ms", "%.0f"),
    ("cpu", "CPU s/100k", "%.2f"), ("resident", "MB", "%.1f"),
    ("queries", "DNS/msg", "%.3f"))

# Figures that are a quotient: of all runs it is that of the sums.
QUOTIENTS = {"rate": ("messages", "seconds", 1),
    "cpu": ("cpu_s", "messages", 1e5)}


def spread(values, fmt="%.2f"):
    """min/median/max as text."""
    return "/".join(fmt % v for v in (min(values),
        statistics.median(values), max(values)))


# What our daemon says of the domains with a label; "pass" of the others.
EXPECTED = {"none": "none", "dead": "451"}


def wrong_verdicts(load):
    """Verdicts by label and word that are not the expected ones."""
    return {"%s: %s" % (label, verdict): count
        for label, of in load["labels"].items()
        for verdict, count in of["verdicts"].items()
        if verdict != EXPECTED.get(label, "pass")}


class Results:
    def __init__(self, ours, rows=(), goals=()):
        self.ours = ours
        self.rows = list(rows)
        self.goals = list(goals)
        self.wrong = False

    def add(self, case, name, turn, **figures):
        self.rows.append({"case": case, "filter": name, "turn": turn,
            **figures})

    def load(self, case, name, turn, load, **figures):
        """One run of the load generator."""
        if load["errors"]:
            print("# %s, %s: %d errors, the first: %s" % (case, name,
                load["errors"], load["error"]))
        if name == self.ours and wrong_verdicts(load):
            print("# %s: wrong verdicts: %s" % (case, wrong_verdicts(load)))
            self.wrong = True
        if "cpu_s" in figures:
            figures["cpu"] = figures["cpu_s"] / load["messages"] * 1e5
        self.add(case, name, turn, messages=load["messages"],
            seconds=load["seconds"], rate=load["rate"],
            p50=load["message_ms"]["p50"], p99=load["message_ms"]["p99"],
            max=load["message_ms"]["max"], step=load["step_ms"]["max"],
            errors=load["errors"], **figures)

    def values(self, case, name, figure):
        return {r["turn"]: r[figure] for r in self.rows
            if r["case"] == case and r["filter"] == name
            and r.get(figure) is not None}

    def total(self, case, name, figure):
        """Of all runs: the quotient of the sums, or else the median."""
        values = self.values(case, name, figure)
        if not values:
            return None
        if figure not in QUOTIENTS:
            return statistics.median(values.values())
        above, below, factor = QUOTIENTS[figure]
        below = sum(self.values(case, name, below).values())
        return (sum(self.values(case, name, above).values()) / below * factor
            if below else None)

    def ratio(self, case, name, other, figure="rate"):
        mine = self.total(case, name, figure)
        theirs = self.total(case, other, figure)
        return mine / theirs if mine is not None and theirs else None

    def ratios(self, case, name, other, figure="rate"):
        """Of the same turns only: the machine is not always the same."""
        mine = self.values(case, name, figure)
        theirs = self.values(case, other, figure)
        return [mine[t] / theirs[t] for t in mine if theirs.get(t)]

    def ratio_text(self, case, name, other, figure="rate"):
        ratio = self.ratio(case, name, other, figure)
        ratios = self.ratios(case, name, other, figure)
        if ratio is None or not ratios:
            return ""
        return "%.2f (%s)" % (ratio, spread(ratios))

    def cases(self):
        return list(dict.fromkeys(r["case"] for r in self.rows))

    def filters(self, case):
        return list(dict.fromkeys(r["filter"] for r in self.rows
            if r["case"] == case))

    def others(self, case):
        """Filters beside ours, in an order that is always the same."""
        return sorted(n for n in self.filters(case) if n != self.ours)

    def goal(self, text, wanted, measured, reached):
        self.goals.append({"goal": text, "wanted": wanted,
            "measured": measured, "reached": bool(reached)})

    def ratio_goal(self, case, name, other, figure, least=None, most=None):
        ratio = self.ratio(case, name, other, figure)
        if ratio is None:
            return
        self.goal("%s: %s against %s" % (case, figure, other),
            ">= %g" % least if least is not None else "<= %g" % most,
            self.ratio_text(case, name, other, figure), ratio >= least
            if least is not None else ratio <= most)

    def value_text(self, case, name, figure, fmt):
        return "%s (%s)" % (fmt % self.total(case, name, figure),
            spread(self.values(case, name, figure).values(), fmt))

    def most_goal(self, case, name, figure, most, fmt="%.2f", text=None):
        value = self.total(case, name, figure)
        if value is not None:
            self.goal(text or "%s: %s" % (case, figure), "<= %g" % most,
                self.value_text(case, name, figure, fmt), value <= most)

    def least_goal(self, case, name, figure, least, fmt="%.0f"):
        value = self.total(case, name, figure)
        if value is not None:
            self.goal("%s: %s" % (case, figure), ">= %g" % least,
                self.value_text(case, name, figure, fmt), value >= least)

    # Output

    def cell(self, case, name, figure, fmt):
        value = self.total(case, name, figure)
        return "-" if value is None else fmt % value

    def case_lines(self, case):
        for name in self.filters(case):
            yield [case, name] + [self.cell(case, name, figure, fmt)
                for figure, _, fmt in COLUMNS] + ["" if name == self.ours
                else self.ratio_text(case, self.ours, name)]

    def print_table(self):
        """Markdown; the ratio is ours divided by the line's filter."""
        print_lines([["case", "filter"] + [c[1] for c in COLUMNS]
            + ["ours/this (min/med/max)"]] + [cells for case in self.cases()
            for cells in self.case_lines(case)])

    def print_goals(self):
        print_lines([["goal", "wanted", "measured (min/median/max)", ""]]
            + [[g["goal"], g["wanted"], g["measured"],
            "" if g["reached"] else "MISSED"] for g in self.goals])

    def both(self, case, other, figure, fmt):
        """Ours and, after a colon, theirs."""
        return " : ".join(self.cell(case, name, figure, fmt)
            for name in (self.ours, other) if name)

    def beside(self, case, other):
        """A line of print_short; other is None where ours is alone."""
        return [case, other or "",
            self.both(case, other, "rate", "%.0f"),
            self.ratio_text(case, self.ours, other),
            self.both(case, other, "cpu", "%.1f"),
            self.ratio_text(case, self.ours, other, "cpu"),
            self.both(case, other, "p99", "%.1f"),
            self.both(case, other, "resident", "%.0f")]

    def print_short(self, words):
        """The cases that begin with one of the words, as ours : other."""
        print_lines([["case", "beside", "msg/s", "ratio", "CPU s/100k",
            "ratio", "p99 ms", "MB"]] + [self.beside(case, other)
            for word in words for case in self.cases()
            if case.startswith(word)
            for other in self.others(case) or [None]])


def print_lines(lines):
    widths = [max(len(line[i]) for line in lines)
        for i in range(len(lines[0]))]
    lines.insert(1, ["-" * w for w in widths])
    for line in lines:
        print("| %s |" % " | ".join(cell.ljust(w)
            for cell, w in zip(line, widths)))
    print()
