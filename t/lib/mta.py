# SPDX-License-Identifier: BSD-2-Clause
"""A private Postfix and a private sendmail in a lab.

Both deliver mail for USERS of DOMAIN to maildirs that they own, and listen
where they are told, each listener with a filter of its own.
"""

import email.parser
import email.policy
import os
import signal
import subprocess

import authserver
import daemon
import tap
from lab import command, write
from watch import is_running, wait_for

DOMAIN = "example.org"
USERS = ["level%d" % n for n in range(7)] + ["test", "other", "flow", "local"]
SENDMAIL_DIR = os.path.join(daemon.BUILDDIR, "t", "integration", "sendmail")
PROGRAM = SENDMAIL_DIR + "/usr/libexec/sendmail/sendmail"


class Listener:
    """Where an MTA listens, and its filters in their order: sockets as
    spf-milter names them; one may stand for a list, None for none.  options:
    settings of Postfix for this one."""

    def __init__(self, host, port, milters=None, options=()):
        self.host = host
        self.port = port
        self.options = options
        self.milters = [milters] if isinstance(milters, str) \
            else milters or []

    @property
    def place(self):
        return (self.host, self.port)


class Mta:
    """What both have in common: the mail that they have delivered.

    name: for a second one of its kind.  settings: lines of its configuration.
    domains: more domains that are its own.
    """

    name = None

    def __init__(self, lab, listeners, local_milter=None, name=None,
            settings="", domains=()):
        self.lab = lab
        self.name = name or self.name
        self.settings = settings
        self.domains = " ".join(domains)
        self.listeners = listeners
        self.local_milter = local_milter
        self.base = os.path.join(lab.dir, self.name)
        self.mail = os.path.join(self.base, "mail")
        os.mkdir(self.base)
        os.mkdir(self.mail)
        os.chmod(self.mail, 0o777)

    def delivered(self, user):
        """The delivered messages of one user as text, oldest first."""
        new = os.path.join(self.mail, user, "new")
        if not os.path.isdir(new):
            return []
        paths = [os.path.join(new, n) for n in os.listdir(new)]
        texts = []
        for path in sorted(paths, key=lambda p: os.stat(p).st_mtime_ns):
            with open(path, encoding="latin-1", newline="") as f:
                texts.append(f.read())
        return texts

    def wait_for_mail(self, user, token, seconds=20):
        """The one message of user that holds token."""
        def found():
            return [m for m in self.delivered(user) if token in m]
        try:
            return wait_for(found, "%s for %s" % (token, user), seconds)[0]
        except AssertionError as error:
            raise AssertionError("%s\n%s" % (error, self.log()))

    def log(self):
        return "\n".join([l for l in self.lab.log.lines
            if self.name in l][-20:])


def headers_of(text):
    """[(name, value)] in order, values with their folds."""
    message = email.parser.HeaderParser(policy=email.policy.compat32) \
        .parsestr(text)
    return [(n, v) for n, v in message._headers]


def names_of(text):
    return [n for n, _ in headers_of(text)]


class Postfix(Mta):
    name = "postfix"

    MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {base}/queue
data_directory = {base}/data
command_directory = {command_directory}
daemon_directory = {daemon_directory}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {base}/maillog
maillog_file_prefixes = {base}
myhostname = mx.{domain}
mydestination = {domains}
mynetworks = 127.0.0.0/8 [::1]/128
inet_protocols = all
alias_maps =
alias_database =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {mail}
virtual_mailbox_maps = texthash:{base}/users
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 100
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated,
    reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = {base}/auth
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
smtputf8_enable = yes
non_smtpd_milters = {local_milter}
{settings}"""

    MASTER_CF = """\
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""

    def __init__(self, lab, listeners, local_milter=None, **options):
        super().__init__(lab, listeners, local_milter, **options)
        self.etc = os.path.join(self.base, "etc")
        for name in ("etc", "queue", "data"):
            os.mkdir(os.path.join(self.base, name))
        command("chown", "postfix", self.base + "/data")
        write(self.base + "/users", "".join("%s@%s %s/\n" % (u, DOMAIN, u)
            for u in USERS))
        write(self.etc + "/main.cf", self.MAIN_CF.format(base=self.base,
            mail=self.mail, domain=DOMAIN, domains=self.domains,
            settings=self.settings,
            command_directory=self.default("command_directory"),
            daemon_directory=self.default("daemon_directory"),
            local_milter=self.milter_spec(local_milter)))
        write(self.etc + "/master.cf", self.MASTER_CF
            + "".join(map(self.service, listeners)))
        self.auth = authserver.Dovecot(self.base + "/auth")

    @staticmethod
    def default(name):
        return command("postconf", "-dh", name).strip()

    @staticmethod
    def milter_spec(spec):
        """Postfix writes inet:HOST:PORT."""
        if spec is None or spec.startswith("unix:"):
            return spec or ""
        kind, port, host = spec.replace("@", ":", 1).split(":", 2)
        return "inet:%s:%s" % (host, port)

    def service(self, listener):
        host = "[%s]" % listener.host if ":" in listener.host \
            else listener.host
        return ("%s:%d inet n - n - - smtpd\n"
            " -o smtpd_milters=%s -o smtpd_sasl_auth_enable=yes%s\n"
            % (host, listener.port, ",".join(map(self.milter_spec,
                listener.milters)), "".join(" -o " + o for o in
                listener.options)))

    def control(self, what):
        command("postfix", "-c", self.etc, what)

    def start(self):
        try:
            self.control("start")
        except AssertionError as error:
            raise AssertionError("%s\n%s" % (error, self.log()))

    def stop(self):
        self.control("stop")

    def log(self):
        try:
            with open(self.base + "/maillog", encoding="latin-1") as f:
                return "".join(f.readlines()[-20:])
        except OSError:
            return "no log"

    def submit(self, sender, rcpt, text):
        """Local submission with sendmail(1)."""
        return subprocess.run(["/usr/sbin/sendmail", "-C", self.etc, "-f",
            sender, rcpt], input=text.encode("latin-1")).returncode


class Sendmail(Mta):
    name = "sendmail"

    MC = """\
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx2.{domain}')dnl
define(`QUEUE_DIR', `{base}/queue')dnl
define(`confPID_FILE', `{base}/pid')dnl
define(`STATUS_FILE', `{base}/statistics')dnl
define(`HELP_FILE', `{base}/helpfile')dnl
define(`ALIAS_FILE', `{base}/aliases')dnl
define(`confDEF_USER_ID', `nobody:nogroup')dnl
define(`confTO_IDENT', `0')dnl
define(`confDELIVERY_MODE', `{delivery}')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
define(`confAUTH_MECHANISMS', `PLAIN')dnl
TRUST_AUTH_MECH(`PLAIN')dnl
define(`LOCAL_MAILER_PATH', `{base}/deliver')dnl
define(`LOCAL_MAILER_ARGS', `deliver $u')dnl
define(`LOCAL_MAILER_FLAGS', `Pn')dnl
LOCAL_DOMAIN(`{domain} {domains}')dnl
FEATURE(`no_default_msa')dnl
{settings}{filters}{listeners}MAILER(`local')dnl
MAILER(`smtp')dnl
"""

    SUBMIT_MC = """\
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mx2.{domain}')dnl
define(`MSP_QUEUE_DIR', `{base}/mspqueue')dnl
define(`confPID_FILE', `{base}/msppid')dnl
define(`MSP_STATUS_FILE', `{base}/mspstatistics')dnl
define(`confRUN_AS_USER', `smmsp:smmsp')dnl
define(`confTRUSTED_USER', `smmsp')dnl
define(`confTO_IDENT', `0')dnl
FEATURE(`msp', `[127.0.0.1]', `25')dnl
"""

    DELIVER = """\
#!/bin/sh
set -eu
umask 022
box={mail}/$1
mkdir -p "$box/tmp" "$box/new"
cat >"$box/tmp/$$"
mv "$box/tmp/$$" "$box/new/$(date +%s.%N).$$"
"""

    @staticmethod
    def installed():
        return os.path.exists(SENDMAIL_DIR + "/complete")

    def __init__(self, lab, listeners, local_milter=None, **options):
        super().__init__(lab, listeners, local_milter, **options)
        for name in ("queue", "mspqueue"):
            os.mkdir(os.path.join(self.base, name), 0o700)
        for name in ("statistics", "mspstatistics", "helpfile", "aliases"):
            write(os.path.join(self.base, name), "")
        self.add_users()
        write(self.base + "/deliver", self.DELIVER.format(mail=self.mail),
            0o755)
        self.cf("sendmail", self.MC, "b")
        self.cf("submit", self.SUBMIT_MC, "b")
        self.sasl()

    def add_users(self):
        """To the lab's own /etc: the mailboxes, and the submitter's."""
        with open("/etc/passwd", "a") as f:
            f.write("".join("%s:x:65534:65534::/:/bin/false\n" % u
                for u in USERS) + "smmsp:x:60001:60001::/:/bin/false\n")
        with open("/etc/group", "a") as f:
            f.write("smmsp:x:60001:\n")
        os.chown(self.base + "/mspqueue", 60001, 60001)
        os.chown(self.base + "/mspstatistics", 60001, 60001)

    def cf(self, name, text, delivery):
        """A configuration out of its m4 source."""
        specs = sorted({m for l in self.listeners for m in l.milters})
        filters = {spec: "f%d" % i for i, spec in enumerate(specs)}
        mc = "%s/%s.mc" % (self.base, name)
        write(mc, "divert(0)dnl\n" + text.format(base=self.base,
            domain=DOMAIN, domains=self.domains, delivery=delivery,
            settings=self.settings,
            filters="".join("MAIL_FILTER(`%s', `S=%s, F=T')dnl\n" % (n, s)
                for s, n in filters.items()),
            listeners="".join(self.daemon_options(l, filters)
                for l in self.listeners)))
        cf_dir = SENDMAIL_DIR + "/usr/share/sendmail/cf/"
        write("%s/%s.cf" % (self.base, name), command("m4",
            "-D_CF_DIR_=" + cf_dir, cf_dir + "m4/cf.m4", mc))

    @staticmethod
    def daemon_options(listener, filters):
        family = "inet6" if ":" in listener.host else "inet"
        options = "Family=%s, Addr=%s, Port=%d, Name=L%d" % (family,
            listener.host, listener.port, listener.port)
        if listener.milters:
            options += ", InputMailFilters=" + ";".join(filters[m]
                for m in listener.milters)
        return "DAEMON_OPTIONS(`%s')dnl\n" % options

    def sasl(self):
        """Cyrus SASL reads /etc/sasl2, which is a copy of the lab."""
        os.makedirs("/etc/sasl2", exist_ok=True)
        os.mkdir(self.base + "/saslauthd")
        write("/etc/sasl2/Sendmail.conf", "pwcheck_method: saslauthd\n"
            "saslauthd_path: %s/saslauthd/mux\nmech_list: PLAIN\n"
            % self.base)
        self.auth = authserver.Saslauthd(self.base + "/saslauthd/mux")

    def run(self, *args, text=""):
        env = dict(os.environ, LD_LIBRARY_PATH=SENDMAIL_DIR + "/lib")
        done = subprocess.run(["sendmail", *args], env=env,
            executable=PROGRAM,
            input=text.encode("latin-1"), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=self.base)
        return done.returncode, done.stdout.decode("latin-1")

    def start(self):
        status, text = self.run("-C", self.base + "/sendmail.cf", "-L",
            "sendmail", "-bd", "-q1s")
        if status != 0:
            raise AssertionError("sendmail: status %d\n%s\n%s" % (status,
                text, self.log()))
        self.pid = wait_for(self.read_pid, "sendmail's pid file")

    def read_pid(self):
        try:
            with open(self.base + "/pid") as f:
                return int(f.readline() or 0)
        except OSError:
            return 0

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        wait_for(lambda: not is_running(self.pid), "sendmail's end")

    def submit(self, sender, rcpt, text):
        """Local submission with sendmail(1): a client of port 25."""
        return self.run("-C", self.base + "/submit.cf", "-L", "sendmail-msp",
            "-i", "-f", sender, rcpt, text=text)[0]

    def submit_bs(self, lines):
        """SMTP on standard input: the filter is told no client address.
        The replies, one after the other (talking ahead is not allowed)."""
        env = dict(os.environ, LD_LIBRARY_PATH=SENDMAIL_DIR + "/lib")
        with subprocess.Popen(["sendmail", "-C", self.base + "/sendmail.cf",
                "-L", "sendmail", "-bs"], env=env, stdin=subprocess.PIPE,
                executable=PROGRAM, stdout=subprocess.PIPE) as process:
            replies = [read_reply(process.stdout)]
            for line in lines:
                process.stdin.write(line.encode("latin-1") + b"\r\n")
                process.stdin.flush()
                replies.append(read_reply(process.stdout))
        return replies


def read_reply(stream):
    """The last line of one reply."""
    while True:
        line = stream.readline().decode("latin-1")
        if line[3:4] != "-":
            return line.rstrip("\r\n")


def sendmail_is_there():
    if not Sendmail.installed():
        tap.skip("run t/integration/setup.sh to unpack sendmail")


def kinds():
    """Both MTAs, or Postfix alone, which is told as a test at the end."""
    tap.at_end("sendmail is there", sendmail_is_there)
    return [Postfix] + ([Sendmail] if Sendmail.installed() else [])
