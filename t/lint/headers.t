#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Headers compile alone and are guarded; every .c begins with config.h.
# A x_table.h is rows for a macro of its includer, no header in this sense.

. "${SRCDIR:?}/t/lint/lint.sh"

makefile=${BUILDDIR:?is set by make check}/Makefile
compiler=$(sed -n 's/^CC = //p' "$makefile")
libraries=$(sed -n 's/^\(CONFUSE\|IDN2\|JANSSON\|MILTER\|SYSTEMD\)_CFLAGS = //p' \
    "$makefile" | tr '\n' ' ')

headers() {
	for h in src/*/*.h; do
		case $h in
		*_table.h) ;;
		*) echo "$h" ;;
		esac
	done
}

alone() {
	for h in $(headers); do
		# Words of $compiler and $libraries are options.
		# shellcheck disable=SC2086
		echo "#include \"${h#src/}\"" |
		    $compiler $libraries -I"$BUILDDIR" -Isrc -include config.h \
		    -fsyntax-only -Wall -Wextra -Werror -x c - 2>&1
	done
}

# NAME_H of the file's own name, as in #ifndef and #define.
unguarded() {
	for h in $(headers); do
		guard=$(basename "$h" .h | tr 'a-z-' 'A-Z_')_H
		got=$(sed -n '/^#/{p;}' "$h" | head -n 2 | tr '\n' ' ')
		[ "$got" = "#ifndef $guard #define $guard " ] ||
			echo "$h: guard is not $guard"
	done
}

# first_include HEADER FILE...
first_include() {
	want=$1
	shift
	for c in "$@"; do
		got=$(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*//p' \
		    "$c" | head -n 1)
		[ "$got" = "\"$want\"" ] || echo "$c: begins with $got"
	done
}

report "every header compiles alone" alone
report "every header is guarded by its own name" unguarded
report "every .c of src begins with config.h" first_include config.h src/*/*.c
report "every unit test begins with unit.h" first_include unit.h t/unit/*/*_test.c
report "no header includes config.h" \
    grep -n '^[[:space:]]*#[[:space:]]*include[[:space:]]*"config\.h"' src/*/*.h
finish
