# SPDX-License-Identifier: BSD-2-Clause
"""The scripts in init/ start and stop the real daemon."""

import atexit
import glob
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import milterclient
import tap
from dnsserver import DnsServer
from watch import wait_for

ZONE = {"example.com": {"TXT": ["v=spf1 -all"]}}
SYSV = os.path.join(daemon.SRCDIR, "init", "sysv", "spf-milter")
DAEMONTOOLS = os.path.join(daemon.SRCDIR, "init", "daemontools")


def contents(path):
    try:
        with open(path, encoding="latin-1") as f:
            return f.read()
    except OSError:
        return ""


def is_alive(pid):
    """A zombie is not: who reaps orphans in a container is not our affair."""
    return bool(contents("/proc/%d/cmdline" % pid))


def program_name(pid):
    return os.path.basename(contents("/proc/%d/cmdline" % pid)
        .split("\0")[0])


class Place:
    """A directory with everything that /etc, /run and /var/log would have."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="spf-milter-init.")
        atexit.register(self.clean)
        self.dns = DnsServer(ZONE)
        self.socket = "unix:" + self.path("socket")
        self.pid_file = self.path("pid")
        self.config = self.path("spf-milter.conf")
        self.log = self.path("log/current")
        self.environment = dict(os.environ, DAEMON=daemon.PROGRAM,
            CONFIG=self.config, LOGDIR=self.path("log"),
            DEFAULTS=self.path("defaults"), RUNDIR=self.path("run"),
            ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "")
            + ":log_path=" + self.path("sanitizer"))
        self.configure(behavior=3)

    def path(self, name):
        return os.path.join(self.directory, name)

    def configure(self, **options):
        options.setdefault("pid_file", self.pid_file)
        self.write("spf-milter.conf", daemon.configuration(dns=self.dns,
            socket=self.socket, **options))

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="latin-1") as f:
            f.write(text)
        os.chmod(self.path(name), mode)

    def pid(self):
        text = contents(self.pid_file)
        return int(text) if text else None

    def answers(self):
        try:
            milterclient.connect_to(self.socket).close()
            return True
        except OSError:
            return False

    def refuses(self):
        """True if a forged message is refused now."""
        with milterclient.Milter(self.socket) as m:
            m.connect("192.0.2.1")
            m.helo("mail.example.net")
            return m.message("<u@example.com>").refusal is not None

    def check_sanitizers(self):
        for name in glob.glob(self.path("sanitizer*")):
            raise AssertionError(contents(name))

    def clean(self):
        atexit.unregister(self.clean)
        pid = self.pid()
        if pid and program_name(pid) == "spf-milter":
            os.kill(pid, signal.SIGKILL)
        self.dns.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        try:
            if kind is None:
                self.check_sanitizers()
        finally:
            self.clean()


# SysV

def sysv(place, action, status=0):
    """Runs the script; what it has printed."""
    done = subprocess.run(["/bin/sh", SYSV, action], env=place.environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=60, cwd=place.directory)
    text = done.stdout.decode("latin-1")
    tap.equal(done.returncode, status, "%s (%s)" % (action, text))
    return text


def test_sysv_starts_reloads_and_stops():
    with Place() as place:
        tap.contains(sysv(place, "status", 3), "not running")
        tap.contains(sysv(place, "start"), "started")
        tap.true(place.refuses(), "behavior 3 refuses")
        first = place.pid()
        tap.contains(sysv(place, "status"), "running, process %d" % first)

        tap.contains(sysv(place, "start"), "already")
        tap.equal(place.pid(), first, "second start")

        place.configure(behavior=1)
        tap.true(place.refuses(), "before the reload nothing changes")
        sysv(place, "reload")
        wait_for(lambda: not place.refuses(), "reload to behavior 1")
        tap.equal(place.pid(), first, "reload")

        sysv(place, "restart")
        second = place.pid()
        tap.true(second != first, "a new process")
        tap.true(not is_alive(first), "the old one is gone")
        tap.true(place.answers(), "answers after restart")

        tap.contains(sysv(place, "stop"), "stopped")
        tap.true(not is_alive(second), "stopped")
        tap.true(not os.path.exists(place.pid_file), "no pid file is left")
        tap.contains(sysv(place, "status", 3), "not running")
        tap.contains(sysv(place, "stop"), "not running")
        tap.contains(sysv(place, "reload", 7), "not running")


def test_sysv_refuses_a_broken_configuration():
    with Place() as place:
        sysv(place, "start")
        first = place.pid()
        place.configure(behavior=9)
        for action in ("reload", "restart", "force-reload"):
            tap.contains(sysv(place, action, 6), "behavior")
        tap.equal(place.pid(), first)
        tap.true(place.refuses(), "the old configuration is in force")
        tap.contains(sysv(place, "status"), "running")
        tap.contains(sysv(place, "stop"), "stopped")
        tap.contains(sysv(place, "start", 6), "behavior")
        tap.true(not place.answers(), "not started")


def test_sysv_keeps_a_filter_whose_configuration_cannot_start():
    """What -n finds is more than the text."""
    with Place() as place:
        sysv(place, "start")
        first = place.pid()
        for options in ({"user": "no-such-user"},
                {"socket_group": "no-such-group"}):
            place.configure(behavior=1, **options)
            for action in ("reload", "restart"):
                tap.contains(sysv(place, action, 6), "no-such-")
            tap.equal(place.pid(), first)
            tap.true(place.refuses(), "serves as before")
        place.configure(behavior=3)
        tap.contains(sysv(place, "stop"), "stopped")


def test_sysv_follows_no_link():
    with Place() as place:
        sysv(place, "start")
        first = place.pid()
        os.rename(place.pid_file, place.path("elsewhere"))
        os.symlink("elsewhere", place.pid_file)
        tap.contains(sysv(place, "stop"), "not running")
        tap.true(is_alive(first), "not that of a link")
        os.rename(place.path("elsewhere"), place.pid_file)
        tap.contains(sysv(place, "stop"), "stopped")


def test_sysv_takes_an_emptied_pid_file_for_none():
    with Place() as place:
        place.write("pid", "")
        tap.contains(sysv(place, "status", 3), "not running")
        tap.contains(sysv(place, "start"), "started")


def test_sysv_tells_a_dead_daemon_from_a_stranger():
    with Place() as place:
        sysv(place, "start")
        dead = place.pid()
        os.kill(dead, signal.SIGKILL)
        # The kernel takes the memory first and the socket last.
        wait_for(lambda: not is_alive(dead) and not place.answers(), "killed")
        tap.contains(sysv(place, "status", 1), "dead")
        # The number belongs to another program now: not ours to stop.
        # It came later than the file.
        place.write("pid", "%d\n" % os.getpid())
        os.utime(place.pid_file, (1, 1))
        tap.contains(sysv(place, "status", 1), "dead")
        tap.contains(sysv(place, "stop"), "not running")
        tap.contains(sysv(place, "start"), "started")
        tap.true(place.pid() not in (dead, os.getpid()), "a new process")


def test_sysv_restarts_where_messages_would_take_long():
    with Place() as place:
        place.configure(stop_grace="1h")
        place.write("defaults", "STOP_SECONDS=1\n")
        sysv(place, "start")
        first = place.pid()
        with milterclient.Milter(place.socket) as m:
            m.connect("192.0.2.1")
            m.helo("mail.example.net")
            m.mail("<u@example.net>")
            tap.contains(sysv(place, "restart"), "started")
        tap.true(not is_alive(first) and place.answers(), "restarted")


def test_sysv_reads_its_defaults_file():
    with Place() as place:
        place.write("defaults", "CONFIG=%s\nDAEMON=%s\n" % (
            place.path("other.conf"), daemon.PROGRAM))
        os.rename(place.config, place.path("other.conf"))
        tap.contains(sysv(place, "start"), "started")
        place.write("defaults", "DAEMON=%s\n" % place.path("missing"))
        tap.contains(sysv(place, "start", 5), "missing")


def test_sysv_says_what_it_needs():
    with Place() as place:
        place.configure(pid_file="")
        for action in ("start", "stop", "restart", "reload", "status"):
            tap.contains(sysv(place, action, 6), "must name a pid_file")
        tap.contains(sysv(place, "help", 2), "usage:")


# The folder of the control socket

def owner():
    """Of the configuration; root alone can have another."""
    return {"user": "nobody"} if os.geteuid() == 0 else {}


def assert_reloads(place, uid):
    folder = os.stat(place.path("run"))
    tap.equal((folder.st_mode & 0o7777, folder.st_uid), (0o755, uid))
    done = subprocess.run([daemon.PROGRAM, "-c", place.config, "--reload"],
        capture_output=True, timeout=60, cwd="/")
    tap.equal(done.returncode, 0, done.stderr.decode())


def owner_id():
    return pwd.getpwnam("nobody").pw_uid if owner() else os.geteuid()


def test_sysv_makes_the_folder_of_the_control_socket():
    daemon.need_http()
    with Place() as place:
        os.chmod(place.directory, 0o777)
        place.configure(control=place.path("run/control"), **owner())
        tap.true(not os.path.exists(place.path("run")), "as after a boot")
        for _ in range(2):
            sysv(place, "start")
            assert_reloads(place, owner_id())
            sysv(place, "stop")


# OpenRC

def openrc(place, commands):
    """Runs commands where the script has been read; what they printed."""
    script = os.path.join(daemon.SRCDIR, "init", "openrc", "spf-milter")
    done = subprocess.run(["/bin/sh", "-c", 'config=$CONFIG pidfile=$PIDFILE;'
        ' . "$0"; command=$DAEMON; ' + commands, script],
        env=dict(place.environment, PIDFILE=place.pid_file),
        capture_output=True, timeout=60)
    tap.equal(done.returncode, 0, done.stderr.decode())
    return done.stdout.decode()


def test_openrc_makes_the_folder_of_the_control_socket():
    with Place() as place:
        place.configure(user="nobody")
        tap.equal(openrc(place, 'checkpath() { printf "%s " "$@"; }; '
            'start_pre'), "-d -m 0755 -o nobody /run/spf-milter ")


def test_openrc_has_started_it_when_it_serves():
    with Place() as place:
        place.configure(pid_file="")
        openrc(place, 'exec "$command" $command_args')
        tap.true(place.answers(), "serves")
        tap.equal(program_name(place.pid()), "spf-milter")


# daemontools

class Service(Place):
    """A service directory made from ours, under supervise."""

    def __init__(self):
        if shutil.which("supervise") is None:
            tap.skip("no daemontools")
        super().__init__()
        self.processes = []
        self.service = self.path("service")
        shutil.copytree(DAEMONTOOLS, self.service)
        # The sources may be read-only.
        for directory in (self.service, os.path.join(self.service, "log")):
            os.chmod(directory, 0o755)
        self.configure(pid_file="")

    def start(self):
        """Both supervise processes with a pipe between, as svscan does."""
        reading, writing = os.pipe()
        self.supervise("log", stdin=reading, stdout=subprocess.DEVNULL)
        self.supervise("", stdin=subprocess.DEVNULL, stdout=writing)
        os.close(reading)
        os.close(writing)
        wait_for(lambda: self.tool("svok")[0] == 0, "svok")
        wait_for(self.answers, "the service answers")

    def supervise(self, name, **streams):
        self.processes.append(subprocess.Popen(["supervise", "."],
            cwd=os.path.join(self.service, name), env=self.environment,
            stderr=subprocess.DEVNULL, start_new_session=True, **streams))

    def tool(self, *command, directory=None):
        """svc, svstat or svok: (status, output)."""
        done = subprocess.run([*command, directory or self.service],
            stdout=subprocess.PIPE, timeout=20)
        return done.returncode, done.stdout.decode()

    def state(self):
        return self.tool("svstat")[1].split(": ", 1)[1]

    def running(self):
        """The process number that svstat tells, or None."""
        state = self.state()
        return int(state.split("pid ")[1].split(")")[0]) \
            if state.startswith("up") else None

    def clean(self):
        for process, name in zip(self.processes[::-1], ("", "log")):
            # x: supervise ends with its child; k: which ends now.
            self.tool("svc", "-dkx",
                directory=os.path.join(self.service, name))
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        super().clean()


def test_daemontools_runs_and_logs():
    with Service() as service:
        service.start()
        tap.true(service.state().startswith("up"), service.state())
        first = service.running()
        tap.equal(program_name(first), "spf-milter", "run executes it")
        tap.true(service.refuses(), "behavior 3 refuses")
        wait_for(lambda: "result=fail" in contents(service.log),
            "the line of the message is in the log directory")
        for line in contents(service.log).splitlines():
            tap.true(line.startswith("@4"), "multilog's time: " + line)

        service.configure(pid_file="", behavior=1)
        service.tool("svc", "-h")
        wait_for(lambda: not service.refuses(), "svc -h reloads")
        tap.equal(service.running(), first, "after svc -h")

        service.tool("svc", "-d")
        wait_for(lambda: service.state().startswith("down"), "svc -d")
        tap.true(not is_alive(first), "stopped")
        wait_for(lambda: "stopped" in contents(service.log), "its last line")


def test_daemontools_make_the_folder_of_the_control_socket():
    daemon.need_http()
    with Service() as service:
        os.chmod(service.directory, 0o777)
        service.configure(pid_file="", control=service.path("run/control"),
            **owner())
        service.start()
        assert_reloads(service, owner_id())


def test_daemontools_restart_a_killed_daemon():
    with Service() as service:
        service.start()
        first = service.running()
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: service.running() not in (None, first),
            "another process")
        wait_for(service.answers, "answers again, on the same socket")
        tap.true(service.refuses(), "and works")


def system_calls(name):
    """What a name of SystemCallFilter stands for."""
    if not name.startswith("@"):
        return {name}
    done = subprocess.run(["systemd-analyze", "syscall-filter", name],
        stdout=subprocess.PIPE, check=True)
    words = done.stdout.decode().split("\n", 1)[1].splitlines()
    return set().union(*(system_calls(w.strip()) for w in words
        if w.strip() and not w.strip().startswith("#")))


def test_systemd_lets_the_filter_own_its_socket():
    if not shutil.which("systemd-analyze"):
        tap.skip("no systemd-analyze")
    unit = contents(os.path.join(daemon.SRCDIR, "init", "systemd",
        "spf-milter.service"))
    allowed = set()
    for line in unit.splitlines():
        name, _, value = line.partition("=")
        if name == "SystemCallFilter":
            calls = set().union(*map(system_calls, value.lstrip("~").split()))
            allowed = allowed - calls if value[0] == "~" else allowed | calls
    for call in ("bind", "listen", "chown", "fchownat", "chmod", "fchmodat",
            "capset"):
        tap.true(call in allowed, call)
    tap.true("mount" not in allowed and "setuid" not in allowed, "more")


# supervise does not tell the exit status of its child: this does.
def test_systemd_units_leave_little_open():
    """In tenths, as systemd-analyze weighs what a unit leaves to a service."""
    if shutil.which("systemd-analyze") is None:
        tap.skip("no systemd-analyze")
    probe = subprocess.run(["systemd-analyze", "security", "--help"],
        capture_output=True, text=True)
    if "--offline" not in probe.stdout:
        tap.skip("a systemd-analyze that reads no files")
    for unit in ("spf-milter", "spf-why"):
        done = subprocess.run(["systemd-analyze", "security", "--no-pager",
            "--offline=true", "--threshold=15", os.path.join(daemon.SRCDIR,
            "init", "systemd", unit + ".service")], capture_output=True,
            text=True)
        tap.contains(done.stdout + done.stderr, "Overall exposure level")
        tap.equal(done.returncode, 0, done.stdout + done.stderr)


def test_systemd_units_leave_the_calls_that_confine():
    """They are not in @system-service of systemd 252."""
    for unit in ("spf-milter", "spf-why"):
        with open(os.path.join(daemon.SRCDIR, "init", "systemd",
                unit + ".service")) as f:
            allowed = " ".join(l.split("=", 1)[1] for l in f
                if l.startswith("SystemCallFilter=")).split()
        for call in ("seccomp", "landlock_create_ruleset",
                "landlock_add_rule", "landlock_restrict_self"):
            tap.true(call in allowed, "%s in %s" % (call, unit))


TELLTALE = """#!/bin/sh
program='%s'
[ "$1" = -f ] || exec "$program" "$@"
"$program" "$@" &
child=$!
trap 'echo TERM >> "$0.told"; kill -TERM "$child"' TERM
wait "$child"
status=$?
while kill -0 "$child" 2>/dev/null; do
	wait "$child"
	status=$?
done
echo "$status" >> "$0.told"
"""


def test_daemontools_stop_ends_well():
    with Service() as service:
        service.write("spf-milter", TELLTALE % daemon.PROGRAM, 0o755)
        service.environment["DAEMON"] = service.path("spf-milter")
        service.start()
        tap.true(service.refuses(), "works")
        service.tool("svc", "-d")
        told = service.path("spf-milter.told")
        wait_for(lambda: contents(told).count("\n") == 2, "the exit status")
        tap.equal(contents(told), "TERM\n0\n")


# quickstart.sh

def test_quickstart_below_a_private_folder_can_be_reloaded():
    """As root: the user that it changes to may not look into the sources."""
    if os.geteuid() != 0:
        tap.skip("needs root")
    with Place() as place:
        for name in ("conf", "src"):
            os.mkdir(place.path(name))
        os.symlink(daemon.PROGRAM, place.path("src/spf-milter"))
        place.socket = "inet:%d@127.0.0.1" % daemon.free_port()
        place.configure(behavior=3, pid_file="", log="syslog")
        os.rename(place.config, place.path("conf/spf-milter.conf"))
        with open(os.path.join(daemon.SRCDIR, "quickstart.sh")) as f:
            place.write("quickstart.sh", f.read().replace(
                "\tinstall_build_dependencies\n\tbuild\n", "", 1))
        with open(place.path("log"), "w") as log:
            process = subprocess.Popen(["/bin/sh",
                place.path("quickstart.sh")], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env=place.environment)
        log = lambda: contents(place.path("log"))
        try:
            wait_for(lambda: "listens on" in log(), "it starts")
            tap.true(place.refuses(), "works")
            process.send_signal(signal.SIGHUP)
            wait_for(lambda: "reload" in log(), "it reloads")
            tap.contains(log(), "configuration reloaded from")
            tap.lacks(log(), "warning")
        finally:
            process.terminate()
            process.wait(20)


tap.main(globals())
