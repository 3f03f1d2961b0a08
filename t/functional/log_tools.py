# SPDX-License-Identifier: BSD-2-Clause
"""The samples for the log in contrib, in the programs that they are for: a
real rsyslog, logrotate while lines come, and fail2ban."""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import lab
import logline
import namespaces
import spec
import tap
import watch
from daemon import SRCDIR, Daemon

RSYSLOG = "/usr/sbin/rsyslogd"
LOGROTATE = "/usr/sbin/logrotate"
FAIL2BAN = "/usr/bin/fail2ban-regex"
LOG = "/var/log/spf-milter.log"
RFC5424 = re.compile(r"<22>1 \d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) \S+ "
    r"spf-milter \d+ - - ?(.*)\Z", re.S)
CONFIGURATION = """
module(load="imuxsock")
global(workDirectory="/var/log")
if $programname == "spf-milter" then action(type="omfile"
    file="/var/log/rfc5424" template="RSYSLOG_SyslogProtocol23Format")
include(file="%s/contrib/logs.rsyslog")
*.* action(type="omfile" file="/var/log/others")
"""

if os.geteuid() != 0:
    tap.skip_all("needs root for name spaces and a syslog daemon")
for program in (RSYSLOG, LOGROTATE):
    if not os.access(program, os.X_OK):
        tap.skip_all("%s is not installed" % program)
namespaces.enter("--propagation", "private")


class Place(lab.Lab):
    """With a /dev/log and a /var/log of its own, and nobody's network."""

    def __init__(self):
        self.dir = self.memory()
        self.private_dev()
        self.network()
        for place in ("/run", "/var/log"):
            lab.command("mount", "-t", "tmpfs", "-o", "mode=755", "lab", place)


PLACE = Place()
lab.write(PLACE.dir + "/rsyslog.conf", CONFIGURATION % SRCDIR)
SYSLOGD = subprocess.Popen([RSYSLOG, "-n", "-f", PLACE.dir + "/rsyslog.conf",
    "-i", "/run/rsyslogd.pid"])
watch.wait_for(lambda: os.path.exists("/dev/log") and
    os.path.exists("/run/rsyslogd.pid"), "rsyslog")
SERVER = spec.server()


class Quiet(Daemon):
    """Its log is elsewhere."""

    def wait_for_log(self, *args, **options):
        return ""


DAEMON = Quiet(dns=SERVER, behavior=3, log="syslog")


def send(name, client=spec.CLIENT, sender="<u@fail.example.com>"):
    with DAEMON.milter() as m:
        m.connect(client)
        m.helo(name)
        return m.message(sender)


def lines(*paths):
    found = []
    for path in paths:
        for name in glob.glob(path):
            opened = subprocess.run(["zcat", "-f", name],
                stdout=subprocess.PIPE, check=True).stdout
            found += opened.decode("latin-1").split("\n")[:-1]
    return found


def rotate(path=os.environ["PATH"]):
    lab.command("env", "PATH=" + path, LOGROTATE, "-f", "-s",
        "/run/logrotate", SRCDIR + "/contrib/logs.logrotate")


def test_no_line_is_lost_while_the_log_is_rotated():
    send("before.example.com")
    watch.wait_for(lambda: os.path.exists(LOG), "a log")
    count = 0
    for _ in range(3):
        for _ in range(60):
            count += 1
            send("n%d.example.com" % count)
        rotate()
    send("after.example.com")
    watch.wait_for(lambda: any("after." in l for l in lines(LOG)), "a line")
    found = [m.group(1) for l in lines(LOG + "*") for m in
        [re.search(r" helo=n(\d+)\.example\.com ", l)] if m]
    tap.equal(sorted(found, key=int), [str(i + 1) for i in range(count)])
    tap.true(len(glob.glob(LOG + ".[0-9]*")) == 3, glob.glob(LOG + "*"))
    # They are nowhere else.
    tap.lacks("\n".join(lines("/var/log/others")), "spf-milter")


def test_a_log_is_rotated_under_systemd_without_a_file_of_the_pid():
    place = PLACE.dir + "/bin"
    os.mkdir(place)
    lab.write(place + "/systemctl", '#!/bin/sh\n[ "$*" = "kill -s HUP '
        'rsyslog.service" ] && kill -HUP %d\n' % SYSLOGD.pid)
    os.chmod(place + "/systemctl", 0o755)
    os.rename("/run/rsyslogd.pid", "/run/hidden")
    send("old.example.com")
    watch.wait_for(lambda: any("old." in l for l in lines(LOG)), "a line")
    try:
        rotate(place + ":" + os.environ["PATH"])
        send("new.example.com")
        watch.wait_for(lambda: any("new." in l for l in lines(LOG)),
            "a line in the new file")
    finally:
        os.rename("/run/hidden", "/run/rsyslogd.pid")


FORGED = "queue_id=- client=203.0.113.99 identity=helo result=fail action=reject "
HOSTILE = [
    "x\n" + FORGED,
    "x " + FORGED,
    'x" ' + FORGED,
    "Nov 26 16:00:00 mx spf-milter[1]: " + FORGED,
    "x\x00\x01\x1b[2J", "\xec\x9c\xa0", "\xff\xfe", "] [x y=\"z\"] ", "#012",
    "x\\x0a" + FORGED, "\u2028".encode().decode("latin-1") + FORGED,
    "%s%n%d", "a" * 300,
]
CLIENTS = ["198.51.100.%d" % i for i in range(1, 4)]


def test_what_strangers_say_bends_no_line_of_rfc_5424():
    start = len(lines("/var/log/rfc5424"))
    said = [h.replace("\0", "").replace("\n", "\x0b") for h in HOSTILE]
    for name in said:
        send(name, CLIENTS[0], "<%s@fail.example.com>" % name)
    found = watch.settled(lambda: lines("/var/log/rfc5424")[start:],
        lambda l: len(l) >= len(said))
    tap.equal(len(found), len(said))
    for line in found:
        m = RFC5424.match(line)
        tap.true(m is not None, line)
        pairs = logline.parse("spf-milter: " + m.group(1).strip())
        tap.equal((pairs["client"], pairs["result"]), (CLIENTS[0], "fail"))


def fail2ban():
    """The addresses that would be banned, one a line that counts."""
    if not os.access(FAIL2BAN, os.X_OK):
        tap.skip("fail2ban is not installed")
    os.makedirs(PLACE.dir + "/filter.d", exist_ok=True)
    for name in ("common.conf",):
        lab.write(PLACE.dir + "/filter.d/" + name,
            open("/etc/fail2ban/filter.d/" + name).read())
    lab.write(PLACE.dir + "/filter.d/spf-milter.conf",
        open(SRCDIR + "/contrib/logs.fail2ban-filter").read())
    done = subprocess.run([FAIL2BAN, "-o", "ip", LOG,
        PLACE.dir + "/filter.d/spf-milter.conf"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=100, check=False)
    return done.stdout.decode().split()


def test_fail2ban_finds_who_was_refused_and_nobody_else():
    rotate()
    for client in CLIENTS + ["2001:db8::7"]:
        send("mx.example.com", client)
        # Nothing that is not of the sender's domain: no answer, no refusal.
        send("mx.example.com", client, "<u@temperror.example.com>")
        send("mx.example.com", client, "<u@softfail.example.com>")
    for name in HOSTILE:
        name = name.replace("\0", "").replace("\n", "\x0b")
        send(name, "192.0.2.1", "<u@pass.example.com>")
        send("x", "192.0.2.1", "<%s@pass.example.com>" % name)
    send("last.example.com", CLIENTS[0])
    watch.wait_for(lambda: any("last." in l for l in lines(LOG)), "a line")
    tap.equal(sorted(fail2ban()), sorted(CLIENTS + ["2001:db8::7",
        CLIENTS[0]]))


def test_the_jail_names_the_filter_and_the_log():
    text = open(SRCDIR + "/contrib/logs.fail2ban-jail").read()
    tap.contains(text, "[spf-milter]\n")
    tap.contains(text, "logpath = %s\n" % LOG)
    if os.access("/usr/bin/fail2ban-client", os.X_OK):
        conf = PLACE.dir + "/fail2ban"
        subprocess.run(["cp", "-r", "/etc/fail2ban", conf], check=True)
        lab.write(conf + "/jail.d/spf-milter.local", text)
        lab.write(conf + "/filter.d/spf-milter.conf",
            open(SRCDIR + "/contrib/logs.fail2ban-filter").read())
        lab.write(conf + "/jail.d/defaults-debian.conf", "")
        out = lab.command("/usr/bin/fail2ban-client", "-c", conf, "-d")
        tap.contains(out, "'add', 'spf-milter'")
        tap.contains(out, "result=fail action=reject")


try:
    tap.main(globals())
finally:
    DAEMON.kill()
    SYSLOGD.terminate()
    SYSLOGD.wait(10)
