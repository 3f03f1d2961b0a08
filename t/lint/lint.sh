# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh
# What the lints share: where the sources are, and results as TAP.

: "${SRCDIR:?is set by make check}"
cd "$SRCDIR" || exit 99
lint_count=0
lint_failed=0

skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# report RULE COMMAND...: one test.  The command prints the places that break
# the rule, one a line; the test passes if there are none.
report() {
	lint_rule=$1
	shift
	lint_count=$((lint_count + 1))
	lint_found=$("$@" 2>&1)
	if [ -z "$lint_found" ]; then
		echo "ok $lint_count - $lint_rule"
		return
	fi
	echo "not ok $lint_count - $lint_rule"
	printf '%s\n' "$lint_found" | sed 's/^/# /'
	lint_failed=1
}

# skip RULE WHY: one test that cannot be run here.
skip() {
	lint_count=$((lint_count + 1))
	echo "ok $lint_count - $1 # SKIP $2"
}

finish() {
	echo "1..$lint_count"
	exit "$lint_failed"
}

# Every file that we wrote and that may have a comment, one a line.  By name,
# not from git, so that the tarball is checked as well; what an in-tree build
# leaves in the same directories has none of these names.  The sendmail that
# is unpacked for the integration tests is not ours.
written_files() {
	find src t bench m4 man conf init contrib debian packaging .ci ./*.sh \
	    ./*.ac ./*.am -path t/integration/sendmail -prune -o \
	    -path t/web/node_modules -prune -o \
	    -type f \( -name '*.[ch18ty5]' -o -name '*.py' -o -name '*.sh' \
	    -o -name '*.m4' -o -name '*.ac' -o -name '*.am' -o -name '*.lua' \
	    -o -name '*.service' -o -name '*.conf' \
	    -o -path 'contrib/*' \) -print 2>/dev/null
	scripts
}

# Scripts by their first line, whatever their name.  Not with a process for
# each file: the corpora of the fuzzers are hundreds.
scripts() {
	find src t bench init contrib debian packaging .ci ./*.sh \
	    -path t/integration/sendmail -prune -o \
	    -path t/web/node_modules -prune -o -type f \
	    ! -name '*.log' -size -256k \
	    -exec awk 'FNR == 1 && /^#!/ { print FILENAME } { nextfile }' \
	    {} + 2>/dev/null
}
