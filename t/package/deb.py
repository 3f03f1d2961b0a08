# SPDX-License-Identifier: BSD-2-Clause
"""The Debian packages: built from the tarball, clean for lintian, installed
into a Debian that has just been made, upgraded, used by a real Postfix there,
and purged without a trace."""

import glob
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import packing
import tap

PLACE = packing.place()
ROOT = os.path.join(PLACE, "root")
CONF = ROOT + "/etc/spf-milter.conf"
EDIT = "# an edit of the administrator\nbehavior = 4\n"
OLD = "0.0.9"
# What may change in a system where packages come and go and Postfix works.
BUSY = re.compile(r"var/(cache|log|mail|spool|tmp|lib/(apt|postfix|ucf|nsd|"
    r"systemd/catalog))(/|$)|(tmp|proc|sys|dev|run/(lock|nsd|postfix))(/|$)|"
    r"etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|"
    r"etc/(ld\.so\.cache|\.pwd\.lock|postfix/main\.cf|resolv\.conf)$|"
    r"var/lib/dpkg/(status|available|lock|triggers|updates|diversions|alter|"
    r"statov)[^/]*|.*/__pycache__")


@packing.once
def built():
    """The .changes file."""
    packing.require("dpkg-buildpackage", "dh", "fakeroot")
    source = os.path.join(PLACE, packing.directory_name())
    packing.run("tar", "xzf", packing.tarball(), "-C", PLACE)
    env = dict(packing.environment(), DEB_BUILD_OPTIONS="nocheck "
        "noautodbgsym parallel=%d" % os.cpu_count())
    missing, text = packing.attempt("dpkg-checkbuilddeps", cwd=source,
        env=dict(env, DEB_BUILD_PROFILES="nocheck"))
    if missing:
        tap.skip(text.strip().splitlines()[-1])
    packing.run("dpkg-buildpackage", "-us", "-uc", "-Pnocheck",
        cwd=source, env=env)
    return glob.glob(PLACE + "/*.changes")[0]


def packages(folder=PLACE):
    """The two, by name."""
    built()
    return {name: glob.glob("%s/%s_*.deb" % (folder, name))[0]
        for name in ("spf-milter", "spf-why")}


def test_they_are_built_from_the_tarball():
    for name, path in packages().items():
        tap.equal(packing.run("dpkg-deb", "-f", path, "Package", "Version"),
            "Package: %s\nVersion: %s\n" % (name, packing.version()))


def test_lintian_has_nothing_to_say():
    changes = built()
    packing.require("lintian")
    status, text = packing.attempt("lintian", "--allow-root", "--pedantic",
        "--fail-on", "error,warning,info,pedantic", changes)
    tap.equal((status, text), (0, ""))


def test_guides_and_samples_can_be_read_where_they_are():
    text = packing.run("dpkg-deb", "-c", packages()["spf-milter"])
    packed = re.findall(r" \./usr/share/doc/spf-milter/(\S+)\.gz$", text, re.M)
    tap.equal([p for p in packed if p != "changelog"], [])
    tap.contains(text, "/docs/metrics.md\n")
    tap.contains(text, "/spf-milter.rules.yml\n")


def test_programs_are_hardened():
    packing.require("readelf")
    folder = os.path.join(PLACE, "unpacked")
    for name, path in packages().items():
        packing.run("dpkg-deb", "-x", path, folder)
        program = "%s/usr/sbin/%s" % (folder, name)
        text = packing.run("readelf", "-h", "-l", "-d", "-s", "--wide",
            program)
        for word in ("DYN (P", "GNU_RELRO", "BIND_NOW", "__stack_chk_fail",
                "_chk@GLIBC"):
            tap.contains(text, word, name)


# A system of its own

def sources():
    """The machine's own sources of packages, of its distribution alone."""
    with open("/etc/os-release") as f:
        release = dict(re.findall(r'^(\w+)="?(.*?)"?$', f.read(), re.M))
    lines = packing.run("apt-get", "indextargets", "--format",
        "$(ORIGIN) deb $(SITE) $(RELEASE) $(COMPONENT)",
        "Identifier: Packages").splitlines()
    wanted = [l.split(" ", 1)[1] for l in lines
        if l.split()[0].lower() == release["ID"]]
    return release["VERSION_CODENAME"], "\n".join(dict.fromkeys(wanted))


def inside(*words, network=False, check=True, **environment):
    """Runs a command in the system; what it starts ends with it."""
    loopback = "" if network else "ip link set lo up && "
    script = "%smount --rbind /dev '%s/dev' && mount -t proc proc '%s/proc'" \
        " && exec chroot '%s' \"$@\"" % (loopback, ROOT, ROOT, ROOT)
    run = packing.run if check else packing.attempt
    return run("unshare", "--mount", "--pid", "--fork", "--kill-child",
        "--propagation", "private", *([] if network else ["--net"]), "sh",
        "-c", script, "sh", *words, env=dict(packing.environment(),
        DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8", HOME="/root",
        PATH="/usr/sbin:/usr/bin:/sbin:/bin", **environment))


def write(path, text, mode=0o644):
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


@packing.once
def system():
    """A minimal Debian with Postfix and what the packages depend on, as
    files() sees it; skips where none can be had."""
    if os.geteuid() != 0:
        tap.skip("needs root to make a system")
    packing.require("mmdebstrap", "unshare", "chroot", "ip")
    suite, lines = sources()
    done = subprocess.run(["mmdebstrap", "--mode=root", "--variant=minbase",
        "--skip=cleanup/apt", "--dpkgopt=force-unsafe-io",
        "--include=postfix,nsd,procps,ca-certificates", suite, ROOT, "-"],
        input=lines.encode(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env=packing.environment())
    if done.returncode != 0:
        tap.diag(done.stdout.decode("utf-8", "replace")[-2000:])
        tap.skip("no system can be made here: no network, or no rights")
    # Nothing starts by itself, and apt goes the way that it goes here.
    write(ROOT + "/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
    for path in glob.glob("/etc/apt/apt.conf.d/*"):
        with open(path) as f:
            if "Acquire" in f.read():
                shutil.copy(path, ROOT + "/etc/apt/apt.conf.d")
    for name in ("resolv.conf", "hosts"):
        if os.path.exists("/etc/" + name):
            shutil.copy("/etc/" + name, ROOT + "/etc/" + name)
    os.mkdir(ROOT + "/debs")
    # What they depend on stays when they go: others may recommend it.
    depends = [packing.run("dpkg-deb", "-f", path, "Depends").strip()
        for path in packages().values()]
    inside("apt-get", "satisfy", "-y", "--no-install-recommends",
        ", ".join(depends), network=True)
    for path in packages().values():
        older(path)
        shutil.copy(path, ROOT + "/debs")
    shutil.copy(os.path.join(PLACE, packing.directory_name(), "debian/tests/"
        "postfix"), ROOT + "/debs")
    return files()


def files():
    """{path: what is there}"""
    found = {}
    for folder, names, rest in os.walk(ROOT):
        for name in names + rest:
            path = os.path.join(folder, name)
            short = os.path.relpath(path, ROOT)
            if BUSY.match(short):
                continue
            state = os.lstat(path)
            content = ""
            if stat.S_ISREG(state.st_mode):
                with open(path, "rb") as f:
                    content = hashlib.sha256(f.read()).hexdigest()
            elif stat.S_ISLNK(state.st_mode):
                content = os.readlink(path)
            found[short] = (stat.S_IFMT(state.st_mode), stat.S_IMODE(
                state.st_mode), state.st_uid, state.st_gid, content)
        names[:] = [n for n in names if not BUSY.match(os.path.relpath(
            os.path.join(folder, n), ROOT))]
    return found


def older(path):
    """The package as an older release might have had it."""
    folder = os.path.join(PLACE, "older")
    shutil.rmtree(folder, ignore_errors=True)
    packing.run("dpkg-deb", "-R", path, folder)
    control = folder + "/DEBIAN/control"
    with open(control) as f:
        text = re.sub(r"^Version: .*", "Version: " + OLD, f.read(),
            flags=re.M)
    write(control, text)
    conf = folder + "/etc/spf-milter.conf"
    if os.path.exists(conf):
        with open(conf) as f:
            write(conf, f.read() + "# of the older release\n")
        os.remove(folder + "/DEBIAN/md5sums")
    return packing.run("dpkg-deb", "--root-owner-group", "-b", folder, ROOT
        + "/debs") and None


def install(*names):
    return inside("sh", "-c", "apt-get install -y --no-install-recommends "
        "-o Dpkg::Options::=--force-confold " + " ".join(names))


def contents(path):
    with open(path) as f:
        return f.read()


@packing.once
def installed():
    """The older release first; what the system was before."""
    before = system()
    install("/debs/*_%s_*.deb" % OLD)
    return before


def test_they_are_installed_into_a_new_system():
    installed()
    tap.contains(inside("getent", "passwd", "spf-milter"),
        ":/usr/sbin/nologin\n")
    tap.true(os.path.lexists(ROOT + "/etc/systemd/system/"
        "multi-user.target.wants/spf-milter.service"), "the unit's link")
    tap.true(not os.path.lexists(ROOT + "/etc/systemd/system/sockets.target."
        "wants/spf-milter.socket"), "no link of a socket nobody asked for")
    tap.equal(inside("spf-milter", "-n"),
        "/etc/spf-milter.conf: configuration is valid\n")


def test_an_upgrade_keeps_edits_and_takes_what_nobody_has_edited():
    installed()
    write(CONF, contents(CONF) + EDIT)
    install("/debs/*_%s_*.deb" % packing.version())
    tap.equal(inside("dpkg-query", "-W", "-f", "${Version}\n", "spf-milter",
        "spf-why"), (packing.version() + "\n") * 2)
    tap.true(contents(CONF).endswith(EDIT), "the edit")
    tap.contains(contents(CONF), "# of the older release\n")
    tap.lacks(contents(CONF + ".dpkg-dist"), "# of the older release\n")
    tap.contains(inside("spf-milter", "-n", "-v"), "behavior = 4\n")
    # The unit is restarted, not stopped until somebody remembers it.
    script = contents(ROOT + "/var/lib/dpkg/info/spf-milter.postinst")
    tap.contains(script, "_dh_action=restart")


def test_a_socket_unit_stays_open_during_an_upgrade_and_ends_with_it():
    installed()
    info = ROOT + "/var/lib/dpkg/info/spf-milter."
    if os.path.exists(info + "preinst"):
        tap.lacks(contents(info + "preinst"), "spf-milter.socket")
    tap.contains(contents(info + "prerm"),
        '[ "$1" = remove ] && [ -d /run/systemd/system ]; then\n'
        "\tdeb-systemd-invoke stop spf-milter.socket")
    # The service wants it to be there: socket = "fd:".
    script = contents(info + "postinst")
    tap.true(script.index("start 'spf-milter.socket'") < script.index(
        "_action 'spf-milter.service'"), "the socket first")


def test_a_real_postfix_refuses_a_forgery_through_it():
    installed()
    text = inside("/debs/postfix")
    tap.contains(text, "forger@example.com: 550 b'5.7.23 SPF fail: ")
    tap.contains(text, "Received-SPF: pass (mx.example.org: ")


def test_the_page_answers():
    installed()
    script = """
        spf-why --new-key /etc/spf-milter/why.key
        install -m 600 -o nobody /etc/spf-milter/why.key /tmp
        setpriv --reuid=nobody --regid=nogroup --clear-groups \\
            spf-why -k /tmp/why.key -l 127.0.0.1:8899 &
        for try in $(seq 100); do
            sleep 0.1
            python3 -c 'from http.client import HTTPConnection as to
site = to("127.0.0.1", 8899)
site.request("GET", "/why")
answer = site.getresponse()
print(answer.status, answer.read().decode())' 2>/dev/null && break
        done"""
    text = inside("sh", "-c", script)
    tap.contains(text, "200 <!DOCTYPE html>")


def test_purged_they_leave_no_trace():
    before = installed()
    # What is removed only keeps its lists; the other package spares them.
    write(ROOT + "/etc/spf-milter/list", "example.com\n")
    inside("apt-get", "remove", "-y", "spf-milter")
    inside("apt-get", "purge", "-y", "spf-why")
    tap.true(os.path.exists(ROOT + "/etc/spf-milter/list"), "the list")
    inside("apt-get", "purge", "-y", "spf-milter")
    for kind in ("passwd", "group"):
        status, _ = inside("getent", kind, "spf-milter", check=False)
        tap.equal(status, 2, kind)
    after = files()
    changed = sorted(p for p in before.keys() | after.keys()
        if before.get(p) != after.get(p))
    tap.equal(changed, [])


tap.main(globals(), seconds=1800)
