#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Unpacks a private sendmail for the integration tests into
# $BUILDDIR/t/integration/sendmail: as a package it cannot be installed beside
# Postfix.  Does nothing where it is there already, or where apt is not.
set -eu

cache=${BUILDDIR:-$PWD}/t/integration/sendmail
program=usr/libexec/sendmail/sendmail

if [ -e "$cache/complete" ]; then
	exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
	echo 'setup.sh: no apt here: the tests of sendmail will be skipped' >&2
	exit 0
fi

# Only a complete directory gets its name, so an interrupted run is repeated.
rm -rf "$cache" "$cache.new"
mkdir -p "$cache.new/debs" "$cache.new/lib"
(cd "$cache.new/debs" && apt-get -q -o APT::Sandbox::User=root download \
	sendmail-bin sendmail-base sendmail-cf libwrap0)
for deb in "$cache.new"/debs/*.deb; do
	dpkg -x "$deb" "$cache.new"
done
rm -rf "$cache.new/debs"
find "$cache.new/usr" -name 'libwrap.so.*' -exec cp -P {} "$cache.new/lib" \;

# A set-group-ID program is started without LD_LIBRARY_PATH.
chmod g-s "$cache.new/$program"
if LD_LIBRARY_PATH=$cache.new/lib ldd "$cache.new/$program" |
	grep 'not found' >&2; then
	echo 'setup.sh: sendmail lacks these libraries' >&2
	exit 1
fi
touch "$cache.new/complete"
mv "$cache.new" "$cache"
