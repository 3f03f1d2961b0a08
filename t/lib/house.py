# SPDX-License-Identifier: BSD-2-Clause
"""A mail server as its administrator has it before he opens a guide: a lab in
which /usr, /etc and /var can be written to, our program in its place, a
Postfix that takes mail for example.org, a log in /var/log/mail.log.

systemctl is t/guides/systemctl, for there is no systemd in here.
"""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import time

import daemon
import guide
import lab
import mta
import namespaces
import tap
from lab import command, write

GUIDES = os.path.join(daemon.SRCDIR, "t", "guides")
HOST = "mx.example.org"
ADDRESS = "198.51.100.25"
# Machines outside, and what they call themselves.
OUTSIDE = {"192.0.2.1": "client.example.net",
    "198.51.100.77": "alumni.example.edu", "172.18.0.1": "localhost"}
USERS = ("you", "kim")
INSTALLED = {"src/spf-milter": "/usr/sbin/spf-milter",
    "src/spf-why": "/usr/sbin/spf-why"}
# Folder -> what of ours is in it.
SHARED = {"/usr/share/doc/spf-milter": "contrib/spf-milter.*",
    "/usr/share/spf-milter/why": "share/why/*"}
SECONDS = 10

MAIN_CF = """\
compatibility_level = 3.6
myhostname = {host}
mydestination = example.org, localhost
mynetworks = 127.0.0.0/8 [::1]/128
alias_maps =
alias_database =
smtpd_error_sleep_time = 0
"""


def require(*programs):
    """Skips the file where no house can be built."""
    if os.geteuid() != 0:
        tap.skip_all("needs root for namespaces and mail servers")
    for program in ("unshare", "ip", "mount", "nsd", *programs):
        if shutil.which(program) is None and not os.path.exists(
                os.path.join(daemon.BUILDDIR, "src", program)):
            tap.skip_all("%s is not installed" % program)


def enter():
    namespaces.enter("--propagation", "private", "--uts")


def replace(path):
    """A place for a new file."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        os.unlink(path)
    return path


class Log(lab.Syslog):
    """Writes what it gets as a syslog daemon does, too."""

    PATH = "/var/log/mail.log"

    def run(self):
        while True:
            data = self.sock.recv(65536).decode("latin-1")
            line = re.sub(r"^<\d+>", "", data.rstrip("\n\0"))
            line = re.sub(r"^\w{3} [ \d]\d [\d:]{8} ", "", line)
            self.lines.append(line)
            with open(self.PATH, "a", encoding="latin-1") as f:
                f.write("%s mx %s\n" % (time.strftime("%b %e %H:%M:%S"),
                    line))


class House(lab.Lab):
    """services: names of methods, with hyphens."""

    def __init__(self, services=()):
        super().__init__()
        command("hostname", HOST)
        for name in ("usr", "var", "tmp"):
            self.overlay("/" + name)
        command("mount", "-t", "tmpfs", "-o", "mode=755", "run", "/run")
        os.mkdir("/run/lock")
        self.private_var()
        os.unlink("/dev/log")
        self.log = Log("/dev/log")
        self.accounts()
        self.install()
        self.home = self.dir + "/root"
        os.mkdir(self.home, 0o700)
        self.names = lab.NameServer(self, os.path.join(GUIDES, "zone"))
        for service in services:
            getattr(self, service.replace("-", "_"))()

    def overlay(self, path):
        """What is written there is gone afterwards."""
        upper = "%s/upper%s" % (self.dir, path.replace("/", "-"))
        for part in "", "-work":
            os.mkdir(upper + part)
        command("mount", "-t", "overlay", "-o", "lowerdir=%s,upperdir=%s,"
            "workdir=%s-work" % (path, upper, upper), "overlay", path)

    @staticmethod
    def private_var():
        """Nothing of the mail that this machine has."""
        for path in ("/var/mail", "/var/spool/postfix", "/var/lib/postfix",
                "/var/log"):
            mode = "1777" if path == "/var/mail" else "755"
            os.makedirs(path, exist_ok=True)
            command("mount", "-t", "tmpfs", "-o", "mode=" + mode, "var", path)

    @staticmethod
    def accounts():
        """After the files of this machine; none of them is there twice."""
        for name, line in (("passwd", "%s:x:%d:%d::/nonexistent:/bin/sh\n"),
                ("group", "%s:x:%d:\n")):
            with open("/etc/" + name, "r+") as f:
                known = [l.split(":")[0] for l in f]
                for n, user in enumerate(("spf-milter",) + USERS, 4711):
                    if user not in known:
                        f.write(line % ((user, n, n)[:line.count("%")]))

    @staticmethod
    def install():
        """As make install and the unit do."""
        for program, path in INSTALLED.items():
            built = os.path.join(daemon.BUILDDIR, program)
            if os.path.exists(built):
                shutil.copy(built, path)
        for name in ("spf-milter-import", "spf-milter-report"):
            shutil.copy(os.path.join(daemon.SRCDIR, "contrib", name),
                "/usr/sbin/" + name)
        for place, names in SHARED.items():
            os.makedirs(place, exist_ok=True)
            for path in glob.glob(os.path.join(daemon.SRCDIR, names)):
                shutil.copy(path, place)
        for path in "/etc/spf-milter", "/run/spf-milter":
            shutil.rmtree(path, ignore_errors=True)
            os.mkdir(path)
            shutil.chown(path, "spf-milter", "spf-milter")
        shutil.copy(os.path.join(daemon.SRCDIR, "conf", "spf-milter.conf"),
            "/etc/spf-milter.conf")
        # Where a build without options looks for it.
        replace("/usr/local/etc/spf-milter.conf")
        os.symlink("/etc/spf-milter.conf", "/usr/local/etc/spf-milter.conf")
        shutil.copy(os.path.join(GUIDES, "systemctl"),
            replace("/usr/bin/systemctl"))

    @staticmethod
    def postfix():
        """Debian's, chroot and all."""
        os.makedirs("/etc/postfix", exist_ok=True)
        write("/etc/postfix/main.cf", MAIN_CF.format(host=HOST))
        dist = "/usr/share/postfix/master.cf.dist"
        if os.path.exists(dist):
            shutil.copy(dist, "/etc/postfix/master.cf")
        os.mkdir("/var/spool/postfix/etc")
        for name in ("resolv.conf", "hosts", "nsswitch.conf", "services"):
            shutil.copy("/etc/" + name, "/var/spool/postfix/etc/" + name)
        os.chmod("/var/lib/postfix", 0o700)
        shutil.chown("/var/lib/postfix", "postfix")
        command("postfix", "start")

    @staticmethod
    def spf_milter():
        """Set up as docs/postfix.md says, where there is a Postfix."""
        command("systemctl", "start", "spf-milter")
        if not os.path.exists("/var/spool/postfix/pid/master.pid"):
            return
        command("postconf", "-e", "smtpd_milters=inet:127.0.0.1:8890")
        command("postfix", "reload")

    @staticmethod
    def nginx():
        command("systemctl", "start", "nginx")

    @staticmethod
    def sendmail():
        """In place of Postfix, from where setup.sh has unpacked it."""
        mta.sendmail_is_there()
        folder = mta.SENDMAIL_DIR
        command("cp", "-a", folder + "/usr/.", "/usr/")
        command("sh", "-c", "cp -a %s/lib/*.so* /usr/lib/" % folder)
        os.symlink("/usr/libexec/sendmail/sendmail",
            replace("/usr/sbin/sendmail"))
        shutil.rmtree("/etc/mail", ignore_errors=True)
        for path in ("/etc/mail", "/var/spool/mqueue", "/var/lib/sendmail"):
            os.makedirs(path, 0o755, exist_ok=True)
        os.chmod("/var/spool/mqueue", 0o700)
        write("/etc/mail/aliases", "postmaster: root\n")
        shutil.copy(GUIDES + "/sendmail.mc", "/etc/mail/sendmail.mc")
        shutil.copy(GUIDES + "/sendmail.mk", "/etc/mail/Makefile")
        command("make", "-s", "-C", "/etc/mail")
        command("sendmail", "-bi")
        command("systemctl", "start", "sendmail")


class Reader:
    """Does in a house what a guide says."""

    def __init__(self, house, text):
        self.house = house
        self.blocks = guide.blocks(text)
        self.last = None
        self.output = ""

    def read(self):
        for block in self.blocks:
            try:
                getattr(self, "do_" + block.kind, lambda _: None)(block)
            except AssertionError as error:
                raise AssertionError("line %d: %s\nlog:\n%s" % (block.line,
                    error, self.house.log.tail())) from None

    def do_file(self, block, how="w"):
        os.makedirs(os.path.dirname(block.words), exist_ok=True)
        with open(block.words, how, encoding="utf-8") as f:
            f.write(block.text)

    def do_append(self, block):
        self.do_file(block, "a")

    def do_same(self, block):
        if " in " in block.words:
            self.do_file(block._replace(words=block.words.split(" in ")[1]))

    def do_run(self, block):
        self.last = block
        words = guide.run_words(block)
        self.again(words["until"], lambda: tap.equal(self.shell(block.text,
            words["host"]), int(words["status"] or 0),
            block.text + self.output))

    def do_expect(self, block):
        words = guide.run_words(self.last)

        def expected():
            if not guide.holds(block.text, self.output):
                raise AssertionError("got:\n%s\nwant:\n%s" % (self.output,
                    block.text))
        self.again(words["until"], expected,
            lambda: self.shell(self.last.text, words["host"]))

    @staticmethod
    def again(until, check, before=lambda: None):
        """Repeats a check for some seconds, if it may be repeated."""
        end = time.monotonic() + SECONDS
        while True:
            try:
                return check()
            except AssertionError:
                if not until or time.monotonic() > end:
                    raise
            time.sleep(0.1)
            before()

    def shell(self, text, host):
        """The status.  What is printed goes to no pipe, which a service that
        is started here would keep."""
        env = dict(os.environ, HOME=self.house.home, LC_ALL="C.UTF-8",
            PATH="/usr/sbin:/usr/bin:/sbin:/bin")
        if host:
            env.update(SWAKS_OPT_local_interface=host,
                SWAKS_OPT_helo=OUTSIDE[host])
        with tempfile.TemporaryFile(dir=self.house.dir) as out:
            status = subprocess.run(["bash", "-e", "-c", text], env=env,
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=self.house.home, timeout=60).returncode
            out.seek(0)
            self.output = out.read().decode("utf-8", "replace")
        return status
