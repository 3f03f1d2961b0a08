#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Packing the sources compiles nothing, forgets nothing that git knows, and
# git ignores what a build makes.

. "${SRCDIR:?}/t/lint/lint.sh"

[ -f "${BUILDDIR:?}/Makefile" ] || skip_all "no Makefile in BUILDDIR"
# This may be run by make check, whose jobs are not ours.
unset MAKEFLAGS MAKELEVEL

# value NAME: what a variable of the Makefile is.
value() {
	printf 'value:\n\t@echo $(%s)\n' "$1" |
		make -s -C "$BUILDDIR" -f Makefile -f - value
}

# A target that needs a program of bench fails: there is no such program.
needs_programs() {
	make -n -C "$BUILDDIR" distdir EXTRA_PROGRAMS=no-such-program 2>&1 |
		grep no-such-program
}

known_to_git() {
	git ls-files bench
}

not_packed() {
	packed=" $(value DISTFILES) "
	known_to_git | while IFS= read -r file; do
		case $packed in
		*" $file "* | *"/$file "*) ;;
		*) printf '%s\n' "$file" ;;
		esac
	done
}

products() {
	for name in sbin_PROGRAMS noinst_LIBRARIES check_PROGRAMS \
	    EXTRA_PROGRAMS TEST_LOGS TEST_SUITE_LOG distdir DIST_ARCHIVES; do
		value "$name"
	done | tr ' ' '\n'
}

not_ignored() {
	products | while IFS= read -r file; do
		git check-ignore -q "$file" || printf '%s\n' "$file"
	done
}

report "make dist needs no program of bench" needs_programs
if git rev-parse --git-dir >/dev/null 2>&1; then
	report "every file of bench is packed" not_packed
	report "git ignores what a build makes" not_ignored
fi
finish
