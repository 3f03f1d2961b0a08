#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every file includes project headers of strictly lower floors only.

. "${SRCDIR:?}/t/lint/lint.sh"

# Reads floors.txt, then the sources; prints "RULE|PLACE" lines.
check() {
	awk '
	# The module of a file: the longest listed x of x.c, x_part.c, x_priv.h.
	function module(file,    name) {
		name = file
		sub(/.*\//, "", name)
		sub(/\.[ch]$/, "", name)
		while (!(name in floor) && name ~ /_/)
			sub(/_[^_]*$/, "", name)
		return name in floor ? name : ""
	}
	function bad(rule, text) {
		print rule "|" text
	}
	function included(mine, header, where,    theirs) {
		if (header == "config.h" || header == "stats_table.h")
			return
		theirs = module(header)
		if (theirs == "") {
			bad("module", where ": " header " is of no module")
			return
		}
		if (theirs == mine)
			return
		if (header ~ /_priv\.h$/)
			bad("priv", where ": " header " belongs to " theirs)
		if (floor[theirs] >= floor[mine])
			bad("down", where ": " header " is on floor " \
			    floor[theirs] ", " mine " on " floor[mine])
	}
	FILENAME ~ /floors\.txt$/ {
		if ($0 ~ /^#/ || NF == 0)
			next
		for (i = 2; i <= NF; i++) {
			if ($i in floor)
				bad("once", $i " is listed twice")
			floor[$i] = $1
		}
		next
	}
	FNR == 1 {
		mine = module(FILENAME)
		if (mine == "")
			bad("module", FILENAME " is of no module")
		seen[mine] = 1
		base = FILENAME
		sub(/.*\//, "", base)
		ours[base] = 1
	}
	mine != "" && /^[ \t]*#[ \t]*include[ \t]*"/ {
		header = $0
		sub(/^[^"]*"/, "", header)
		sub(/".*/, "", header)
		included(mine, header, FILENAME ":" FNR)
	}
	/^[ \t]*#[ \t]*include[ \t]*</ {
		header = $0
		sub(/^[^<]*</, "", header)
		sub(/>.*/, "", header)
		angle[FILENAME ":" FNR] = header
	}
	END {
		for (name in floor)
			if (!(name in seen))
				bad("once", name " has no file")
		for (place in angle)
			if (angle[place] in ours)
				bad("quotes", place ": <" angle[place] ">")
	}' t/lint/floors.txt src/*.[ch]
}

found=$(check) || exit 99

against() {
	printf '%s\n' "$found" | sed -n "s/^$1|//p" | sort
}

report "every file of src belongs to a module of floors.txt" against module
report "every module is listed once and exists" against once
report "includes go to strictly lower floors" against down
report "_priv.h headers stay within their module" against priv
report "project headers are included with quotes" against quotes
finish
