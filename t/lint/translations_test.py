#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""translations.py finds each fault of a translated manual, and no others."""

import csource
import translations

MANUAL = """.Dd November 26, 2026
.Sh NAME
.Nm lamp
.Nd thing that burns
.Sh DESCRIPTION
It is lit by
.Fl -match Ar file
within 20 seconds, see
.Sx FUEL ,
and by
.Ql flint
.Pq Pa /etc/flint .
.Bl -tag
.It Ic wick Pq restart
Default:
.Ql 3
.It Sizes
are two.
.El
.Bl -column a
.It Em oil Ta Em 0
.It Li olive Ta burns
.El
.Sh FUEL
.Bd -literal
lamp --match
.Ed
"""

SAME = """.Dd November 26, 2026
.Sh NAME
.Nm lamp
.Nd 타는 물건
.Sh 설명
.So Li flint Sc Ns 와
.Pf ( Pa /etc/flint Ns ),
.Fl -match Ar file Ns 로
20초 안에 켜며,
.Sx 연료 Ns 을
봅니다.
.Bl -tag
.It Ic wick Pq 재시작
기본값:
.Ql 3
.It 크기
두 가지.
.El
.Bl -column a
.It Em 기름 Ta Em 0
.It Li olive Ta 탐
.El
.Sh 연료
.Bd -literal
lamp --match
.Ed
"""

# What is wrong: what it replaces, by what, what is said of it.
FAULTS = {
    "an option": ("-match Ar", "-mach Ar", "option -match is missing"),
    "a value": ("Li flint Sc", "Li steel Sc", "literal flint is missing"),
    "a path that is not there": ("봅니다.", "봅니다.\n.Pa /x", "path /x is not"),
    "a figure": ("20초", "잠시", "figure 20 is missing"),
    "a section": ("Sx 연료", "Sx 물", "section 연료 is missing"),
    "a default": (".Ql 3", ".Ql 4", "is not '.Ql 3'"),
    "an item": ("Ic wick", "Ic wax", "is not 'Ic wick restart'"),
    "a word in a table": ("Li olive", "Li lard", "is not '.It Li olive"),
    "an example": ("lamp --match\n", "lamp\n", "is not 'lamp --match'"),
    "two words for one": ("Em 기름", "Em 지방", "oil is elsewhere"),
    "a date": ("26", "27", "is not '.Dd November 26, 2026'"),
    "a lost end": (".Ed\n", "", "one of both ends"),
    "a lost item": (".It 크기\n두 가지.\n", "", "is not '.It Sizes'"),
    "a lost paragraph": ("두 가지.\n", "", "text stands against '.El'"),
}


def faults(translated):
    dictionary = translations.Dictionary()
    dictionary.differs("oil", "기름")
    return list(translations.problems(MANUAL, translated, "기본값:",
                                      dictionary))


def main():
    tap = csource.Tap()
    tap.report("a translation has no fault", faults(SAME))
    for name, (good, bad, said) in FAULTS.items():
        found = faults(SAME.replace(good, bad, 1))
        missed = [] if any(said in f for f in found) else found or ["nothing"]
        tap.report("%s is found" % name, missed)
    tap.finish()


if __name__ == "__main__":
    main()
