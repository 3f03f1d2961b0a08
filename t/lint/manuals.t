#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The manuals are clean mdoc, and those in other languages say the same.

. "${SRCDIR:?}/t/lint/lint.sh"

command -v mandoc >/dev/null || skip_all "no mandoc"

for manual in man/*.[1-9] man/*/*.[1-9]; do
	report "$manual is clean" mandoc -Tlint -Wwarning "$manual"
done

# translations.py has a line for each difference.
differences() {
	"${PYTHON3:-python3}" t/lint/translations.py | sed -n 's/^# //p'
}

same="translated manuals say the same"
if [ "${PYTHON3-}" = no ]; then
	skip "$same" "no Python 3"
else
	report "$same" differences
fi
finish
