# SPDX-License-Identifier: BSD-2-Clause
"""The tarball: two that are packed elsewhere, at another time and by another
user have the same bytes, and what is packed builds, installs and is removed."""

import glob
import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import packing
import tap


def git(*words):
    return packing.run("git", "-c", "safe.directory=*", "-c",
        "advice.detachedHead=false", *words)


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def packed(commit, folder, umask, **environment):
    """The tarball of a clone in folder."""
    os.makedirs(os.path.dirname(folder))
    git("clone", "-q", "--no-checkout", daemon.SRCDIR, folder)
    git("-C", folder, "checkout", "-q", commit)
    script = "umask %s && autoreconf -i && ./configure -q --without-systemd" \
        " && make -s dist" % umask
    packing.run("sh", "-c", script, cwd=folder,
        env={**packing.environment(), **environment})
    return os.path.join(folder, packing.tarball_name())


def test_the_same_commit_gives_the_same_tarball():
    if not os.path.exists(os.path.join(daemon.SRCDIR, ".git")):
        tap.skip("not in a clone")
    place = packing.place()
    commit = git("-C", daemon.SRCDIR, "rev-parse", "HEAD").strip()
    first = packing.tarball()
    if git("-C", daemon.SRCDIR, "status", "--porcelain"):
        # What is packed here is no commit.
        first = packed(commit, place + "/one/source", "022", TZ="UTC",
            LC_ALL="C")
    # Nobody's git config, another home, zone, language and mask.
    second = packed(commit, place + "/second/place/of/sources", "077",
        TZ="Asia/Seoul", LC_ALL="C.UTF-8", HOME="/", USER="nobody")
    if digest(first) != digest(second):
        raise AssertionError(packing.run("sh", "-c", "tar tvzf %s >a; "
            "tar tvzf %s >b; diff a b | head -n 40" % (first, second),
            cwd=place))


def test_its_files_have_no_owner_and_one_time():
    listing = packing.run("tar", "tvzf", packing.tarball(), "--full-time",
        "--numeric-owner")
    lines = [l.split() for l in listing.splitlines()]
    tap.true(len(lines) > 1000, "files in the tarball")
    tap.equal({l[1] for l in lines}, {"0/0"})
    tap.equal(len({(l[3], l[4]) for l in lines}), 1, "times")
    tap.equal({l[0] for l in lines} - {"-rw-r--r--", "-rwxr-xr-x",
        "drwxr-xr-x", "lrwxr-xr-x"}, set(), "modes")


def test_what_is_packed_builds_installs_and_is_removed_again():
    """make distcheck, less the tests, which are run elsewhere."""
    place = packing.place()
    packing.run("tar", "xzf", packing.tarball(), "-C", place)
    source = os.path.join(place, packing.directory_name())
    build = os.path.join(place, "build")
    os.mkdir(build)
    packing.run(source + "/configure", "-q", "CFLAGS=-O0", cwd=build)
    packing.run("make", "-s", "distcheck", "TESTS=", "check_PROGRAMS=",
        "check_LIBRARIES=", "AM_DISTCHECK_CONFIGURE_FLAGS=CFLAGS=-O0",
        cwd=build)
    installed = place + "/installed"
    packing.run("make", "-s", "install-data", "DESTDIR=" + installed,
        cwd=build)
    tap.equal(broken_links(installed), [])
    os.mkdir(installed + "/usr/local/sbin")    # of programs, not built here
    # What it looks at are files alone; folders of ours go, too.
    packing.run("make", "-s", "uninstall", "DESTDIR=" + installed, cwd=build)
    tap.equal(packing.run("find", installed, "-type", "f", "-o", "-name",
        "spf-milter"), "")


def broken_links(folder):
    """Links from one installed text to a file that is not there."""
    return sorted({"%s: %s" % (os.path.basename(path), link)
        for path in glob.glob(folder + "/**/*.md", recursive=True)
        for link in re.findall(r"\]\(([^)#:\s]+)[)#]", contents(path))
        if not os.path.exists(os.path.join(os.path.dirname(path), link))})


def contents(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


tap.main(globals(), seconds=1800)
