#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Installs the tools that test the pages of spf-why, as package-lock.json has
# them, into node_modules beside it.  Does nothing where they are there, or
# where npm is not.
set -eu
cd "$(dirname "$0")"
command -v npm >/dev/null || exit 0
done=node_modules/.package-lock.json
[ ! -e "$done" ] || [ -n "$(find package-lock.json -newer "$done")" ] || exit 0
npm ci --ignore-scripts --no-audit --no-fund
touch "$done"
