#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every source, header, script and manual names its licence near the top; JSON has
# no comments.

. "${SRCDIR:?}/t/lint/lint.sh"

unnamed() {
	written_files | grep -v -e '^conf/' -e '\.json$' | sort -u | xargs awk '
	    FNR == 1 && name != "" { print name }
	    FNR == 1 { name = FILENAME }
	    /SPDX-License-Identifier: BSD-2-Clause/ { name = "" }
	    FNR == 3 { nextfile }
	    END { if (name != "") print name }'
}

report "an SPDX line is among the first three" unnamed
finish
