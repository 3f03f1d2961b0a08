#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every source, header, script and manual names its licence near the top.

. "${SRCDIR:?}/t/lint/lint.sh"

unnamed() {
	written_files | grep -v '^conf/' | sort -u | while IFS= read -r file; do
		head -n 3 "$file" |
			grep -q 'SPDX-License-Identifier: BSD-2-Clause' ||
			printf '%s\n' "$file"
	done
}

report "an SPDX line is among the first three" unnamed
finish
