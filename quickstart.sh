#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# From a fresh machine to a running filter, or to tested sources.
set -eu
umask 022
cd "$(dirname "$0")"

config=conf/spf-milter.conf
jobs=$(nproc 2>/dev/null || echo 2)

usage() {
	cat <<-'END'
	usage: ./quickstart.sh         build, check the configuration, run
	       ./quickstart.sh build   install the build dependencies and build
	       ./quickstart.sh check   the same, then every test there is
	       ./quickstart.sh package build a .deb or an .rpm, as fits here
	END
}

say() {
	printf '==> %s\n' "$*"
}

die() {
	printf 'quickstart: %s\n' "$*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		die "root is needed for: $*"
	fi
}

# One source that is out of order need not be the one we want.
lists_are_new=false

update_lists() {
	$lists_are_new && return
	lists_are_new=true
	as_root apt-get update -qq || say "apt-get update failed, going on"
}

# Debian and its relatives; installs only what is missing, removes nothing.
install_deb() {
	missing=
	for package in "$@"; do
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" \
		    2>/dev/null || true)
		[ "$state" = installed ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	say "installing:$missing"
	update_lists
	# shellcheck disable=SC2086 # a list of words
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	    --no-install-recommends --no-remove $missing >/dev/null
}

install_rpm() {
	missing=
	for package in "$@"; do
		rpm -q "$package" >/dev/null 2>&1 ||
		    missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	say "installing:$missing"
	# shellcheck disable=SC2086 # a list of words
	as_root dnf install -y -q $missing
}

install_build_dependencies() {
	if command -v apt-get >/dev/null 2>&1; then
		install_deb gcc libc6-dev make autoconf automake pkg-config \
		    libmilter-dev libspf2-dev libconfuse-dev libunbound-dev \
		    libidn2-dev libjansson-dev libsystemd-dev dns-root-data \
		    libcdb-dev liblmdb-dev libpcre2-dev nettle-dev \
		    libmicrohttpd-dev \
		    libpsl-dev publicsuffix libseccomp-dev
	elif command -v dnf >/dev/null 2>&1; then
		install_rpm gcc make autoconf automake pkgconf-pkg-config \
		    sendmail-milter-devel libspf2-devel libconfuse-devel \
		    unbound-devel libidn2-devel jansson-devel systemd-devel \
		    tinycdb-devel lmdb-devel pcre2-devel nettle-devel \
		    libmicrohttpd-devel \
		    libpsl-devel libseccomp-devel
	else
		say "no apt or dnf here: the build dependencies must be there"
	fi
}

# Test tools bring services along; none of them shall start here.
policy=/usr/sbin/policy-rc.d

without_services() {
	if [ -e "$policy" ] && ! grep -q quickstart "$policy"; then
		"$@"
		return
	fi
	trap 'as_root rm -f "$policy"' EXIT
	trap 'exit 130' INT TERM HUP
	as_root sh -c "printf '#!/bin/sh\n# quickstart\nexit 101\n' > $policy"
	as_root chmod 755 "$policy"
	"$@"
	as_root rm -f "$policy"
	trap - EXIT INT TERM HUP
}

install_test_tools() {
	install_deb clang libcmocka-dev python3 python3-dnspython \
	    python3-jsonschema \
	    python3-yaml golang-blitiri-go-spf-dev mandoc shellcheck \
	    iproute2 m4 daemontools nsd libsasl2-modules systemd \
	    opendkim opendmarc openssl rspamd tinycdb ucspi-tcp \
	    dovecot-sieve procmail maildrop zstd swaks haproxy \
	    python3-spf libmail-spf-perl \
	    rsyslog logrotate fail2ban jq tmux \
	    nginx-light apache2 prometheus python3-prometheus-client \
	    bash-completion zsh fish
	install_deb "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
	install_deb build-essential debhelper dh-python fakeroot lintian \
	    mmdebstrap rpm rpmlint ||
	    say "no tools of packages: their tests will be skipped"
	install_deb chromium fonts-noto-core ||
	    say "no browser: some tests of the page will be skipped"
	command -v npm >/dev/null || install_deb nodejs npm ||
	    say "no npm: some tests of the page will be skipped"
	# Where another mail server is installed it stays.
	install_deb postfix postfix-lmdb ||
	    say "no Postfix: its tests will be skipped"
}

# sendmail is unpacked, not installed; its libraries are installed.
unpack_sendmail() {
	[ ! -e t/integration/sendmail/complete ] || return 0
	update_lists
	# shellcheck disable=SC2046 # a list of words
	install_deb $(apt-cache depends sendmail-bin |
	    sed -n 's/^ *Depends: \(lib[a-z0-9.+-]*\)$/\1/p')
	say "unpacking sendmail"
	BUILDDIR=$PWD sh t/integration/setup.sh >/dev/null
}

install_test_dependencies() {
	command -v apt-get >/dev/null 2>&1 ||
	    die "the tests install their tools with apt; see HACKING.md"
	without_services install_test_tools
	say "installing tools for pages"
	sh t/web/setup.sh >/dev/null || say "no npm packages, going on"
	WEB_TOOLS=$PWD/t/web/node_modules
	export WEB_TOOLS
	[ "$(id -u)" -ne 0 ] || unpack_sendmail
}

configure_here() {
	if [ ! -x configure ]; then
		say "preparing the build system"
		autoreconf -i >build-autoreconf.log 2>&1 || {
			cat build-autoreconf.log >&2
			die "autoreconf failed"
		}
	fi
	if [ ! -f Makefile ]; then
		say "configuring"
		./configure --quiet --sysconfdir=/etc --localstatedir=/var
	fi
}

build() {
	configure_here
	say "building"
	make --no-print-directory -s -j "$jobs"
}

# effective FILE: every option of it, one a line.
effective() {
	src/spf-milter -n -v -c "$1" 2>/dev/null
}

# How Postfix spells the socket of the filter.
postfix_socket() {
	printf '%s\n' "$1" | sed \
	    -e 's,^local:,unix:,' -e 's,^/,unix:/,' \
	    -e 's,^inet6*:\([0-9]*\)$,inet:127.0.0.1:\1,' \
	    -e 's,^inet6:\([0-9]*\)@\([^[]*\)$,inet:[\2]:\1,' \
	    -e 's,^inet6*:\([0-9]*\)@\(.*\)$,inet:\2:\1,'
}

show_mail_server_lines() {
	cat <<-END
	==> in Postfix's main.cf:

	    smtpd_milters = $(postfix_socket "$1")
	    milter_default_action = accept

	==> or in sendmail's sendmail.mc:

	    INPUT_MAIL_FILTER(\`spf-milter', \`S=$1')dnl

	==> starting on $1; Control-C stops it
	END
}

# The configuration that is run is a copy of conf's with what a trial needs:
# the log on the terminal, and no daemon that runs as root.  What it runs as
# must be able to read the copy at a reload, wherever these sources are.
run() {
	say "checking $config"
	src/spf-milter -n -c "$config"
	place=build-quickstart
	user=
	if [ "$(id -u)" -eq 0 ]; then
		place=/run/spf-milter-quickstart
		user=nobody
		! id spf-milter >/dev/null 2>&1 || user=spf-milter
	fi
	mkdir -p "$place"
	own=$place/spf-milter.conf
	effective "$config" | sed -e 's/^log = .*/log = "stderr"/' \
	    -e "s/^user = \"\".*/user = \"$user\"/" > "$own"
	say "running with $own, made from it"
	socket=$(effective "$own" | sed -n 's/^socket = "\([^"]*\)".*/\1/p')
	show_mail_server_lines "$socket"
	exec src/spf-milter -f -c "$own"
}

# check: counts are taken from the logs of the test runs.

total_passed=0
total_failed=0
total_skipped=0

count_in() {
	sed -n "s/^# $2: *//p" "$1" 2>/dev/null | awk '{ n += $1 }
	    END { print n + 0 }'
}

# run_suite NAME LOG COMMAND...; LOG is not there before
run_suite() {
	name=$1
	log=$2
	shift 2
	say "testing: $name"
	status=0
	"$@" >build-check/suite.log 2>&1 || status=$?
	passed=$(count_in "$log" PASS)
	failed=$(($(count_in "$log" FAIL) + $(count_in "$log" ERROR)))
	skipped=$(count_in "$log" SKIP)
	if [ "$status" -ne 0 ] || [ "$failed" -ne 0 ]; then
		[ -f "$log" ] && cat "$log"
		tail -n 60 build-check/suite.log
		[ "$failed" -gt 0 ] || failed=1
	elif [ -f "$log" ]; then
		sed -n 's/^SKIP: .* - .*/    &/p' "$log"
	fi
	printf '    %s: %s passed, %s failed, %s skipped\n' "$name" \
	    "$passed" "$failed" "$skipped"
	total_passed=$((total_passed + passed))
	total_failed=$((total_failed + failed))
	total_skipped=$((total_skipped + skipped))
}

# What a shell starts in the background does not heed Control-C by itself.
heeding="env --default-signal=INT"

# build_in DIRECTORY ARGUMENT...: out of tree, from the packed sources
build_in() {
	mkdir "$1"
	(
		cd "$1"
		shift
		$heeding ../tree/configure --quiet "$@"
		$heeding make --no-print-directory -s -j "$jobs"
	)
}

# build_sanitized DIRECTORY ARGUMENT...
build_sanitized() {
	build_in "$@" CC=clang CFLAGS="-O1 -gline-tables-only" --enable-werror
}

packages_end() {
	wait "$packages" || {
		tail -n 60 build-check/packages.log
		return 1
	}
}

# Much of a test is waiting, so there is one more at a time than processors.
check() {
	build
	rm -rf build-check test-suite*.log
	mkdir build-check
	say "packing the sources and building them with sanitizers"
	make --no-print-directory -s distdir distdir=build-check/tree \
	    >build-check/dist.log 2>&1 || {
		cat build-check/dist.log >&2
		die "make distdir failed"
	}
	build_sanitized build-check/asan --enable-sanitizers &
	asan=$!
	build_sanitized build-check/tsan --enable-sanitizers=thread
	wait "$asan"
	run_suite "sanitizers" build-check/asan/test-suite.log \
	    make -C build-check/asan -j "$((jobs + 1))" check-memory
	# ThreadSanitizer wants less random addresses than some kernels give.
	fixed=
	! setarch -R true 2>/dev/null || fixed="setarch -R"
	# shellcheck disable=SC2086 # a list of words
	run_suite "threads" build-check/tsan/test-suite.log \
	    $fixed make -C build-check/tsan -j "$((jobs + 1))" check-threads
	run_suite "as installed" test-suite.log \
	    make -j "$((jobs + 1))" check-release
	$heeding make -j "$jobs" check-packages \
	    >build-check/packages.log 2>&1 &
	packages=$!
	run_suite "real mail servers" test-suite-integration.log \
	    make -j "$jobs" check-integration
	run_suite "packages" test-suite-packages.log packages_end
	printf '%s passed, %s failed, %s skipped\n' "$total_passed" \
	    "$total_failed" "$total_skipped"
	[ "$total_failed" -eq 0 ]
}

# package: in a copy of what make dist packs, so that these sources stay clean.

package_deb() {
	install_deb build-essential debhelper dh-python fakeroot python3
	(
		cd "build-package/spf-milter-$1"
		DEB_BUILD_OPTIONS="nocheck parallel=$jobs" \
		    DEB_BUILD_PROFILES=nocheck \
		    dpkg-buildpackage -b -us -uc
	) >build-package/build.log 2>&1 || {
		tail -n 40 build-package/build.log >&2
		die "dpkg-buildpackage failed"
	}
	rm -f build-package/*-dbgsym_*
	show_packages "apt install" build-package/*.deb
}

package_rpm() {
	install_rpm rpm-build systemd-rpm-macros python3
	rpmbuild -tb --without check --define "_topdir $PWD/build-package" \
	    "spf-milter-$1.tar.gz" >build-package/build.log 2>&1 || {
		tail -n 40 build-package/build.log >&2
		die "rpmbuild failed"
	}
	show_packages "dnf install" build-package/RPMS/*/spf-*.rpm
}

# show_packages COMMAND FILE...
show_packages() {
	command=$1
	shift
	say "built:"
	printf '    %s\n' "$@"
	cat <<-END
	==> to install, as root:

	    $command $(printf './%s ' "$@")

	then name the filter in your mail server; README.md says how
	END
}

package() {
	configure_here
	version=$(sed -n 's/^AC_INIT(\[spf-milter\], \[\(.*\)\])$/\1/p' \
	    configure.ac)
	rm -rf build-package
	mkdir build-package
	say "packing the sources"
	make --no-print-directory -s dist >build-package/dist.log 2>&1 || {
		cat build-package/dist.log >&2
		die "make dist failed"
	}
	tar xzf "spf-milter-$version.tar.gz" -C build-package
	say "building packages"
	if command -v dpkg-deb >/dev/null 2>&1 &&
	    command -v apt-get >/dev/null 2>&1; then
		package_deb "$version"
	elif command -v dnf >/dev/null 2>&1; then
		package_rpm "$version"
	else
		die "no apt or dnf here: build from" \
		    "spf-milter-$version.tar.gz with make install"
	fi
}

case ${1-run} in
run)
	install_build_dependencies
	build
	run
	;;
build)
	install_build_dependencies
	build
	;;
check)
	install_build_dependencies
	install_test_dependencies
	check
	;;
package)
	install_build_dependencies
	package
	;;
-h|--help|help)
	usage
	;;
*)
	usage >&2
	exit 64
	;;
esac
