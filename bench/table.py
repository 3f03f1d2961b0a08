# SPDX-License-Identifier: BSD-2-Clause
"""Measurements, their medians and ratios, and the goals they are held to."""

import statistics

COLUMNS = (("rate", "msg/s", "%.0f"), ("p50", "p50 ms", "%.2f"),
    ("p99", "p99 ms", "%.2f"), ("max", "max ms", "%.0f"),
    ("cpu", "CPU s/100k", "%.2f"), ("resident", "MB", "%.1f"),
    ("queries", "DNS/msg", "%.3f"))


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
    def __init__(self, ours):
        self.ours = ours
        self.rows = []
        self.goals = []
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
        self.add(case, name, turn, rate=load["rate"],
            p50=load["message_ms"]["p50"], p99=load["message_ms"]["p99"],
            max=load["message_ms"]["max"], step=load["step_ms"]["max"],
            errors=load["errors"], **figures)

    def values(self, case, name, figure):
        return {r["turn"]: r[figure] for r in self.rows
            if r["case"] == case and r["filter"] == name
            and r.get(figure) is not None}

    def median(self, case, name, figure):
        values = self.values(case, name, figure)
        return statistics.median(values.values()) if values else None

    def ratios(self, case, name, other, figure="rate"):
        """Of the same turns only: the machine is not always the same."""
        mine = self.values(case, name, figure)
        theirs = self.values(case, other, figure)
        return [mine[t] / theirs[t] for t in mine if theirs.get(t)]

    def cases(self):
        return list(dict.fromkeys(r["case"] for r in self.rows))

    def filters(self, case):
        return list(dict.fromkeys(r["filter"] for r in self.rows
            if r["case"] == case))

    def goal(self, text, wanted, measured, reached):
        self.goals.append({"goal": text, "wanted": wanted,
            "measured": measured, "reached": bool(reached)})

    def ratio_goal(self, case, name, other, figure, least=None, most=None):
        ratios = self.ratios(case, name, other, figure)
        if not ratios:
            return
        middle = statistics.median(ratios)
        self.goal("%s: %s against %s" % (case, figure, other),
            ">= %g" % least if least is not None else "<= %g" % most,
            spread(ratios), middle >= least if least is not None
            else middle <= most)

    def most_goal(self, case, name, figure, most, fmt="%.2f", text=None):
        values = self.values(case, name, figure)
        if values:
            self.goal(text or "%s: %s" % (case, figure), "<= %g" % most,
                spread(values.values(), fmt),
                statistics.median(values.values()) <= most)

    def least_goal(self, case, name, figure, least, fmt="%.0f"):
        values = self.values(case, name, figure)
        if values:
            self.goal("%s: %s" % (case, figure), ">= %g" % least,
                spread(values.values(), fmt),
                statistics.median(values.values()) >= least)

    # Output

    def case_lines(self, case, ours):
        for name in self.filters(case):
            cells = [case, name]
            for figure, _, fmt in COLUMNS:
                value = self.median(case, name, figure)
                cells.append("-" if value is None else fmt % value)
            ratios = self.ratios(case, ours, name)
            cells.append(spread(ratios) if ratios and name != ours else "")
            yield cells

    def print_table(self):
        """Markdown; the ratio is ours divided by the line's filter."""
        head = ["case", "filter"] + [c[1] for c in COLUMNS] + [
            "ours/this min/med/max"]
        lines = [head] + [cells for case in self.cases()
            for cells in self.case_lines(case, self.ours)]
        print_lines(lines)

    def print_goals(self):
        print_lines([["goal", "wanted", "measured (min/median/max)", ""]]
            + [[g["goal"], g["wanted"], g["measured"],
            "" if g["reached"] else "MISSED"] for g in self.goals])


def print_lines(lines):
    widths = [max(len(line[i]) for line in lines)
        for i in range(len(lines[0]))]
    lines.insert(1, ["-" * w for w in widths])
    for line in lines:
        print("| %s |" % " | ".join(cell.ljust(w)
            for cell, w in zip(line, widths)))
    print()
