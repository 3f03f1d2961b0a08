#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# What has no place in a source: paths of one machine, blanks at the end of a
# line, octets other than ASCII in C, notes of unfinished work.

. "${SRCDIR:?}/t/lint/lint.sh"

# The brackets keep these patterns from finding themselves.
machine='/wor[k]/|/tmp/[b]-|/home/[a-z]'
unfinished='TO[D]O|FIX[M]E|not written [y]et'

# search PATTERN: every written file and our documents.
search() {
	{ written_files; ls ./*.md docs/*.md; } | sort -u |
		xargs grep -nEi -e "$1" /dev/null
}

blanks() {
	written_files | sort -u | xargs grep -n '[[:blank:]]$' /dev/null
}

not_ascii() {
	find src t bench -name '*.[ch]' \
	    -exec grep -n '[^[:print:][:blank:]]' {} + 2>/dev/null
}

export LC_ALL=C
report "no path of one machine" search "$machine"
report "no note of unfinished work" search "$unfinished"
report "no blank at the end of a line" blanks
report "ASCII only in C" not_ascii
finish
