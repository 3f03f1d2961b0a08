#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Our shell scripts are clean for shellcheck.

. "${SRCDIR:?}/t/lint/lint.sh"

command -v shellcheck >/dev/null || skip_all "no shellcheck"

shell_scripts() {
	find t bench init contrib packaging ./*.sh -path t/integration/sendmail \
	    -prune -o -name '*.sh' -type f -print 2>/dev/null
	scripts | while IFS= read -r file; do
		case $(head -n 1 "$file") in
		*/sh | */sh\ * | */bash | *env\ bash) printf '%s\n' "$file" ;;
		esac
	done
}

# bash reads these: they have no first line that says so.
completions() {
	find contrib/completion/bash -type f 2>/dev/null
}

# Variables of an OpenRC script are read by openrc-run, which includes it.
openrc_scripts() {
	scripts | while IFS= read -r file; do
		case $(head -n 1 "$file") in
		*openrc-run*) printf '%s\n' "$file" ;;
		esac
	done
}

check() {
	{ shell_scripts; completions; } | sort -u | while IFS= read -r file; do
		shellcheck -f gcc -S warning "$file" 2>&1
	done
	openrc_scripts | while IFS= read -r file; do
		shellcheck -f gcc -S warning -s sh -e SC2034 "$file" 2>&1
	done
}

report "shellcheck is silent" check
finish
