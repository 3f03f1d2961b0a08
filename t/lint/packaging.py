#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Packages are of the same version and are built from the same libraries as
quickstart.sh installs them, and keep to what makes containers safe."""

import os
import re

import csource
import yaml

# What every Debian package may rely on, and what its tools bring.
GIVEN = {"gcc", "libc6-dev", "make", "autoconf", "automake", "pkg-config"}
# Files that configure and libpsl look for; packages recommend them.
DATA = {"dns-root-data", "publicsuffix"}
# Of the packages' own tools and tests.
OWN_DEB = {"debhelper-compat", "dh-python", "dh-sequence-installsysusers",
           "libcmocka-dev", "python3", "python3-dnspython", "python3-yaml"}
OWN_RPM = {"python3", "systemd-rpm-macros", "libcmocka-devel", "python3-dns",
           "python3-pyyaml"}


def joined(text):
    return text.replace("\\\n", " ")


def quickstart(kind):
    """The packages that are installed to build with."""
    body = re.search(r"^install_build_dependencies\(\).*?^}",
                     csource.read("quickstart.sh"), re.M | re.S)[0]
    return set(re.search(r"install_%s (.*)" % kind, joined(body))[1].split())


def debian():
    field = re.search(r"^Build-Depends: (.*?)^\w", csource.read(
        "debian/control"), re.M | re.S)[1]
    return {re.split(r"[ :]", w.strip())[0] for w in field.split(",")
            if w.strip()}


def spec():
    return set(re.findall(r"^BuildRequires:\s+(\S+)", csource.read(
        "packaging/spf-milter.spec"), re.M))


def stages():
    """[[(instruction, arguments)]] of the Containerfile."""
    found = []
    text = re.sub(r"^#.*\n", "", csource.read("packaging/Containerfile"),
                  flags=re.M)
    for line in joined(text).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append([])
        if word:
            found[-1].append((word, rest.strip()))
    return found


def installed(stage):
    words = set()
    for word, rest in stage:
        m = re.search(r"--no-install-recommends\s+([^&]*)", rest)
        if word == "RUN" and m:
            words |= set(m[1].split())
    return words


def same(got, wanted):
    for name in sorted(wanted - got):
        yield "%s is missing" % name
    for name in sorted(got - wanted):
        yield "%s is not of quickstart.sh" % name


def versions():
    wanted = re.search(r"^AC_INIT\(\[spf-milter\], \[(.*)\]\)", csource.read(
        "configure.ac"), re.M)[1]
    for path, pattern in (
            ("debian/changelog", r"\Aspf-milter \((.*?)\)"),
            ("packaging/spf-milter.spec", r"^Version:\s+(\S+)"),
            ("packaging/spf-milter.spec", r"^%changelog\n.* - (\S+)-\d+$"),
            ("NEWS.md", r"^## (\S+)")):
        got = re.search(pattern, csource.read(path), re.M)
        if got is None or got[1] != wanted:
            yield "%s: not %s" % (path, wanted)


def unit_problems():
    """A unit that a package has is to stop with it."""
    spec_text = csource.read("packaging/spf-milter.spec")
    ended = set(" ".join(re.findall(r"%systemd_preun ([^}]*)",
        spec_text)).split())
    for path in csource.files("init/systemd/*.s*"):
        name = os.path.basename(path)
        if name.endswith((".service", ".socket")) and name not in ended:
            yield "packaging/spf-milter.spec: %%preun leaves %s" % name
        if name.endswith(".socket"):
            words = re.search(r"dh_installsystemd [^\n]*%s" % re.escape(name),
                joined(csource.read("debian/rules")))[0].split()
            if "--no-stop-on-upgrade" not in words:
                yield "debian/rules: an upgrade closes %s" % name


def container_problems():
    build, last = stages()
    words = [w for w, _ in last]
    users = [rest for w, rest in last if w == "USER"]
    if not users or not re.match(r"[1-9]\d*:[1-9]\d*$", users[-1]):
        yield "it runs as root, as far as can be told"
    for word in ("HEALTHCHECK", "ENTRYPOINT", "STOPSIGNAL"):
        if word not in words:
            yield "no %s" % word
    for word, rest in build + last:
        if word == "ADD":
            yield "ADD: COPY is meant"
        if word == "FROM" and not re.match(r"\S+:(?!latest)\S+", rest):
            yield "FROM %s: of which version?" % rest
        if word == "RUN" and "apt-get install" in rest and \
                "apt-get update && " not in rest:
            yield "packages of an old list"
        if word == "HEALTHCHECK" and "/usr/sbin/spf-milter" not in rest:
            yield "it is healthy whatever the daemon says"
        if word in ("ENTRYPOINT", "CMD") and rest[:1] != "[":
            yield "%s runs a shell" % word
    if "rm -rf /var/lib/apt/lists/*" not in " ".join(r for _, r in last):
        yield "the lists of apt are kept"


def context_problems():
    """What a build has left in the tree would be taken for one of its own."""
    ignored = csource.read(".dockerignore").split()
    for pattern in [".git", *csource.read(".gitignore").split()]:
        path = pattern.strip("/")
        if "/" not in pattern.rstrip("/") and pattern != ".git":
            path = "**/" + path
        if path not in ignored:
            yield ".dockerignore: %s is missing" % path


def compose_problems():
    services = yaml.safe_load(csource.read("packaging/compose.yaml"))[
        "services"]
    ours = services["spf-milter"]
    file = os.path.normpath(os.path.join("packaging",
        ours["build"]["context"], ours["build"]["dockerfile"]))
    if not os.path.exists(os.path.join(csource.SRCDIR, file)):
        yield "there is no %s" % file
    if ours.get("read_only") is not True:
        yield "the filter can write to its image"
    if ours.get("cap_drop") != ["ALL"]:
        yield "the filter has capabilities"
    if "no-new-privileges:true" not in ours.get("security_opt", []):
        yield "the filter may get privileges"
    uid = re.search(r"--uid (\d+)", csource.read("packaging/Containerfile"))[1]
    if "uid=%s," % uid not in ours["tmpfs"][0]:
        yield "the folder in /run is not of user %s" % uid
    for name, service in services.items():
        for other in service.get("depends_on", ()):
            if other not in services:
                yield "%s depends on no service %s" % (name, other)


def main():
    tap = csource.Tap()
    deb, rpm = quickstart("deb"), quickstart("rpm")
    tap.report("all packages are of one version", versions())
    tap.report("debian/control has the libraries",
               same(debian() - OWN_DEB, deb - GIVEN - DATA | {"pkg-config"}))
    tap.report("the spec has the libraries", same(spec() - OWN_RPM, rpm))
    tap.report("the Containerfile has the libraries",
               same(installed(stages()[0]), deb))
    tap.report("units end with their package", unit_problems())
    tap.report("the Containerfile is careful", container_problems())
    if csource.files(".gitignore"):
        tap.report("the container is built of sources", context_problems())
    tap.report("compose.yaml is careful", compose_problems())
    tap.finish()


if __name__ == "__main__":
    main()
