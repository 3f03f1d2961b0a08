# SPDX-License-Identifier: BSD-2-Clause
"""The RPM packages: built from the tarball, wherever there is an rpmbuild,
clean for rpmlint, with what the Debian packages have."""

import glob
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import packing
import tap

PLACE = packing.place()
RPMLINT = os.path.join(daemon.SRCDIR, "packaging", "rpmlint.toml")

# A system of another kind has the libraries, but not in rpm's list, and no
# macros for debug packages; rpm's scripts are said to be of sh there, which
# is not the sh that they mean.
STRANGE = ["--nodeps", "--define", "debug_package %{nil}", "--define",
    "__os_install_post bash /usr/lib/rpm/brp-compress /usr; "
    "bash /usr/lib/rpm/brp-strip /usr/bin/strip"]


@packing.once
def built():
    """{name: path}"""
    packing.require("rpmbuild")
    packing.run("rpmbuild", "-tb", *([] if shutil.which("dnf") else STRANGE),
        "--without", "check", "--define", "_topdir %s/rpm" % PLACE,
        "--define", "optflags -O0",    # deb.py has the time for more
        packing.tarball())
    return {re.match(r"(.*?)-\d", os.path.basename(p))[1]: p
        for p in glob.glob(PLACE + "/rpm/RPMS/*/*.rpm")}


def query(path, *words):
    return packing.run("rpm", "-qp", "--dbpath", PLACE + "/db", *words,
        path).splitlines()


def test_they_are_built_from_the_tarball():
    rpms = built()
    tap.equal(sorted(rpms), ["spf-milter", "spf-why"])
    for name, path in rpms.items():
        tap.equal(query(path, "--qf", "%{NAME} %{VERSION}\n"),
            ["%s %s" % (name, packing.version())])


def test_rpmlint_has_nothing_to_say():
    rpms = built()
    packing.require("rpmlint")
    spec = os.path.join(daemon.SRCDIR, "packaging/spf-milter.spec")
    _, text = packing.attempt("rpmlint", "-c", RPMLINT, spec, *rpms.values())
    said = [l for l in text.splitlines() if re.search(r": [EWI]: ", l)]
    tap.equal(said, [])
    tap.contains(text, "0 errors, 0 warnings")


def test_configuration_is_kept_and_units_are_there():
    rpms = built()
    tap.contains(query(rpms["spf-milter"], "-c"), "/etc/spf-milter.conf")
    tap.contains(query(rpms["spf-why"], "-c"), "/etc/default/spf-why")
    for name, path in rpms.items():
        files = query(path, "-l")
        for wanted in ("/usr/sbin/" + name, "/usr/lib/systemd/system/%s."
                "service" % name, "/usr/share/man/man8/%s.8.gz" % name,
                "/usr/share/bash-completion/completions/" + name):
            tap.contains(files, wanted)
    scripts = "\n".join(query(rpms["spf-milter"], "--scripts"))
    tap.contains(scripts, "useradd -r -g spf-milter")


tap.main(globals(), seconds=1800)
