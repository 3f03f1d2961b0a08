#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The manuals are clean mdoc.

. "${SRCDIR:?}/t/lint/lint.sh"

command -v mandoc >/dev/null || skip_all "no mandoc"

for manual in man/*.[1-9]; do
	report "$manual is clean" mandoc -Tlint -Wwarning "$manual"
done
finish
