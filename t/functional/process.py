# SPDX-License-Identifier: BSD-2-Clause
"""The program as a process: options, start, signals, reload, stop."""

import grp
import os
import pty
import pwd
import random
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import milterclient
import sanitizers
import spec
import tap
from daemon import Daemon, run
from watch import is_running, wait_for

SERVER = spec.server()
FAIL = [spec.reply("fail", spec.CLIENT)]


def send(d, sender="<u@fail.example.com>"):
    with d.milter() as m:
        m.connect(spec.CLIENT)
        m.helo(spec.HELO)
        return m.message(sender=sender)


def with_config(text, *args):
    """Runs the program: (status, stdout, stderr, the file's name)."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write(text)
        f.flush()
        return run("-c", f.name, *args) + (f.name,)


# Options

def test_usage_errors_exit_64():
    for args in (["-x"], ["--nonsense"], ["-c"], ["surplus"], ["--json"],
            ["-t", "--ip", "192.0.2.1"], ["-t", "a", "b"],
            ["--ip", "192.0.2.1"]):
        status, out, err = run(*args)
        tap.equal((status, out), (64, ""), repr(args))
        tap.contains(err, "usage: spf-milter", repr(args))


def test_dry_run_names_the_option_that_is_missing():
    for args, word in ((["--ip", "192.0.2.1"], "--sender is missing"),
            (["--sender", "u@example.com"], "--ip is missing"),
            (["--helo", "mx.example.com"], "--ip is missing")):
        status, out, err = run("-t", *args)
        tap.equal((status, out), (64, ""), repr(args))
        tap.contains(err.splitlines()[0], word)


def read_terminal(master, text):
    """What is written to a terminal, up to text."""
    got = b""
    while text.encode() not in got:
        if not select.select([master], [], [], 20)[0]:
            raise AssertionError("%r is not in %r" % (text, got))
        got += os.read(master, 4096)
    return got.decode()


def test_start_on_a_terminal_says_that_it_is_ready():
    for log, place in (("syslog", "syslog, as spf-milter"),
            ("stderr", "standard error")):
        d = Daemon(dns=SERVER, log=log, start=False)
        master, terminal = pty.openpty()
        p = subprocess.Popen(d.command, stdin=subprocess.DEVNULL,
            stderr=terminal)
        os.close(terminal)
        try:
            read_terminal(master, "spf-milter: ready on %s; the log goes to %s"
                % (d.socket, place))
        finally:
            p.terminate()
            tap.equal(p.wait(60), 0)
            os.close(master)


def test_dry_run_says_that_it_reads_a_terminal():
    said = "reading standard input, lines of: ip helo sender [rcpt]"
    master, terminal = pty.openpty()
    p = subprocess.Popen([daemon.PROGRAM, "-t", "-c", "/dev/null"],
        stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(terminal)
    os.write(master, b"\x04")
    out, err = p.communicate(timeout=60)
    os.close(master)
    tap.equal((p.returncode, out), (0, b""))
    tap.contains(err.decode(), said)
    status, out, err = run("-t", "-c", "/dev/null")
    tap.equal((status, out), (0, ""))
    tap.lacks(err, said)


def test_help_and_versions():
    status, out, err = run("-h")
    tap.equal((status, err), (0, ""))
    tap.contains(out, "usage: spf-milter")
    for option in ("-V", "--version"):
        status, out, err = run(option)
        tap.equal((status, err), (0, ""), option)
        for word in ("spf-milter 0.", "libmilter ", "libspf2 ",
                "libunbound "):
            tap.contains(out, word)


# Configuration

def test_wrong_values_exit_78_with_file_and_line():
    text = 'behavior = 7\n\nreject_at = "data"\nsocket = "nonsense"\n' \
        'trusted_networks = {"192.0.2.0/33"}\n'
    for args in (["-n"], ["-f"], ["-t", "/dev/null"]):
        status, out, err, path = with_config(text, *args)
        tap.equal((status, out), (78, ""), repr(args))
        for line, word in ((1, "0 to 6"), (3, "rcpt"), (4, "socket"),
                (5, "trusted_networks")):
            found = [l for l in err.splitlines()
                if "%s:%d:" % (path, line) in l]
            tap.true(found and word in found[0], "line %d in\n%s" % (line,
                err))


def test_options_of_the_command_line_stand_over_the_file():
    for command in ("-n", "-t", "-f"):
        status, _, err, _ = with_config("behavior = 1\n", command, "-o",
            "dns.timeout=9h", "-o", "behaviour=1")
        tap.equal(status, 78, command)
        tap.contains(err, "spf-milter: -o dns.timeout=9h: timeout = ", command)
        tap.contains(err, "-o behaviour=1: unknown option", command)
    status, out, _, _ = with_config("behavior = 1\n", "-n", "-v", "--option",
        "behavior=4", "-o", "dns.timeout=5s")
    tap.equal(status, 0)
    tap.contains(out, "behavior = 4\n")
    tap.contains(out, "\ttimeout = 5\n")
    tap.equal(run(*["-o", "behavior=1"] * 101)[0], 64, "101 of them")


def test_unknown_option_exits_78():
    status, _, err, path = with_config('log = "stderr"\nbehaviour = 3\n',
        "-n")
    tap.equal(status, 78)
    tap.contains(err, "%s:2:" % path)
    tap.contains(err, "behaviour")


def test_missing_file_exits_78():
    status, _, err = run("-n", "-c", "/nonexistent/spf-milter.conf")
    tap.equal(status, 78)
    tap.contains(err, "/nonexistent/spf-milter.conf")


def test_check_names_departures_from_the_rfc():
    for level, section in ((3, None), (4, "8.5"), (5, "8.2")):
        status, out, err, _ = with_config("behavior = %d\n" % level, "-n")
        tap.equal((status, out), (0, ""))
        tap.contains(err, "configuration is valid")
        if section is None:
            tap.lacks(err, "RFC")
        else:
            tap.contains(err, section)


def test_check_prints_every_value_as_a_configuration():
    status, out, _, _ = with_config("behavior = 5\n", "-n", "-v")
    tap.equal(status, 0)
    status, again, _, _ = with_config(out, "-n", "-v")
    tap.equal((status, [l.split("#")[0].rstrip() for l in again.splitlines()]),
        (0, [l.split("#")[0].rstrip() for l in out.splitlines()]))
    for name in ("socket", "behavior", "reject_at", "trusted_networks",
            "query_timeout", "max_void_lookups"):
        tap.true(re.search(r"\b%s\b" % name, out), name)
    tap.true(re.search(r"behavior\b.*\b5\b", out), "the value given")


def test_sample_configuration_is_valid():
    path = os.path.join(daemon.SRCDIR, "conf", "spf-milter.conf")
    status, out, err = run("-n", "-c", path)
    tap.equal((status, out, err), (0, "",
        path + ": configuration is valid\n"))


# What a configuration needs of the machine

def refused_by_check(setting, words, start, wrong=False):
    """-n tells the place, and a start that is refused leaves nothing."""
    directory = tempfile.mkdtemp(prefix="spf-milter-test.")
    try:
        text = 'log = "stderr"\n%s\n' % setting.replace("DIR", directory)
        for name in ("socket", "pid_file"):
            if name + " =" not in setting:
                text += '%s = "%s%s/%s"\n' % (name, "unix:" * (name ==
                    "socket"), directory, name)
        for arg in ("-n", start):
            status, out, err, path = with_config(text, arg)
            # What the machine lacks may come: it is worth another start.
            tap.equal((status, out), (78 if arg == "-n" or wrong else 69, ""),
                "%s %s %s" % (setting, arg, err))
            tap.contains(err, "%s:2: %s" % (path, setting.split(" ")[0]))
            for word in words:
                tap.contains(err, word.replace("DIR", directory))
            tap.equal([n for n in os.listdir(directory)
                if n in ("socket", "pid_file")], [], "left by " + arg)
    finally:
        shutil.rmtree(directory)


def test_check_refuses_what_a_start_would_refuse():
    for n, (setting, *words) in enumerate((
            ('user = "no-such-user"', 'no user "no-such-user"'),
            ('group = "no-such-group"', 'no group "no-such-group"'),
            ('socket_group = "no-such-group"', 'no group "no-such-group"'),
            ('socket = "unix:DIR/none/s"', "DIR/none: No such file"),
            ('socket = "unix:%s/s"' % __file__, "Not a directory"),
            ('socket = "unix:DIR"', "DIR is there and is not a socket"),
            ('socket = "unix:/tmp/%s"' % ("x" * 102), "too long"),
            ('socket = "inet:8890@192.0.2.1"', "192.0.2.1: Cannot assign"),
            ('socket = "inet:65536@127.0.0.1"', "1 to 65535"),
            ('pid_file = "DIR/none/pid"', "DIR/none/pid: No such file"),
            ('pid_file = "DIR"', "DIR: is not a plain file"),
            ('pid_file = "%s"' % __file__, __file__))):
        refused_by_check(setting, words, ("-f", "-b")[n % 2],
            words[0] in ("too long", "1 to 65535"))


def test_group_without_user_is_told():
    status, _, err, path = with_config('\ngroup = "daemon"\n', "-n")
    tap.equal(status, 0)
    tap.contains(err, path + ":2: group: means nothing")
    with Daemon(dns=SERVER, group="daemon") as d:
        tap.contains(d.log(), "warning: %s:" % d.config)
        tap.contains(d.log(), "group: means nothing")


# Sockets

def test_inet_sockets():
    for spec_text in ("inet:%d@127.0.0.1" % daemon.free_port(),
            "inet6:%d@::1" % daemon.free_port("::1")):
        with Daemon(dns=SERVER, socket_spec=spec_text, behavior=3) as d:
            tap.equal(send(d).refusal, FAIL, spec_text)


def test_fields_over_tcp_come_without_delay():
    with Daemon(dns=SERVER, behavior=3,
            socket_spec="inet:%d@127.0.0.1" % daemon.free_port()) as d:
        send(d, "<u@pass.example.com>")
        with d.milter() as m:
            m.connect(spec.CLIENT)
            m.helo(spec.HELO)
            start = time.monotonic()
            for _ in range(20):
                tap.equal(m.message("<u@pass.example.com>").refusal, None)
            seconds = time.monotonic() - start
    # 40 ms each if Nagle's algorithm were at work.
    tap.true(seconds < 0.7, "%.2f s for 20 messages" % seconds)


def test_busy_port_exits_69():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        place = "inet:%d@127.0.0.1" % s.getsockname()[1]
        status, _, err, _ = with_config('log = "stderr"\nsocket = "%s"\n'
            % place, "-f")
    tap.equal(status, 69)
    tap.contains(err, place)


def test_socket_of_a_running_daemon_is_not_taken_away():
    with Daemon(dns=SERVER, behavior=3) as d:
        status, _, err, _ = with_config('log = "stderr"\nsocket = "%s"\n'
            % d.socket, "-f")
        tap.equal(status, 69)
        tap.contains(err, "another program answers")
        tap.equal(send(d).refusal, FAIL)


def test_stale_socket_is_replaced():
    d = Daemon(dns=SERVER, behavior=3)
    d.kill()
    tap.true(os.path.exists(d.socket[5:]), "a socket is left")
    d.start()
    tap.equal(send(d).refusal, FAIL)
    d.stop_well()
    d.clean()


def test_socket_mode():
    with Daemon(dns=SERVER, socket_mode="0660") as d:
        tap.equal(stat.S_IMODE(os.stat(d.socket[5:]).st_mode), 0o660)


# Descriptors and signals at the start

def starts_with(prefix, log="stderr", mode="-f", stderr=subprocess.DEVNULL):
    """A daemon behind a prefix of its command serves, and ends with 0."""
    d = Daemon(dns=SERVER, behavior=3, start=False, log=log,
        pid_file=tempfile.mktemp(prefix="spf-milter-test."))
    d.command = [*prefix, *(mode if a == "-f" else a for a in d.command)]
    p = subprocess.Popen(d.command, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=stderr, cwd="/",
        env=sanitizers.environment(os.environ))
    pid = 0
    try:
        if mode == "-b":
            tap.equal(p.wait(20), 0, prefix)
        wait_for(lambda: os.path.exists(d.socket[5:]) and answers(d),
            "%s serves" % prefix)
        pid = int(open(d.options["pid_file"]).read())
        tap.equal(send(d).refusal, FAIL, prefix)
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists("/proc/%d/exe" % pid)
            or p.poll() is not None, "%s ends" % prefix)
        tap.equal(p.wait(20), 0, prefix)
    finally:
        for number in (pid, p.pid):
            try:
                number and os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                pass
        p.wait()
        d.clean()


def answers(d):
    try:
        milterclient.connect_to(d.socket).close()
        return True
    except OSError:
        return False


def test_closed_standard_descriptors_do_no_harm():
    shell = lambda closed: ["/bin/sh", "-c", 'exec "$@" ' + closed, "sh"]
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        starts_with(shell(closed))
        starts_with(shell(closed), "syslog", "-b")
    starts_with(shell(closed), "syslog")
    starts_with(shell(closed), "stderr", "-b")


def test_standard_error_without_a_reader_does_not_end_it():
    reader, writer = os.pipe()
    os.close(reader)
    starts_with([], stderr=writer)
    os.close(writer)


def test_signals_before_it_is_ready_do_not_end_it():
    """They come while it waits to tell of a mistake in its configuration."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write("behavior = 9\n")
        f.flush()
        try:
            while os.write(writer, b"x" * 4096):
                pass
        except BlockingIOError:
            os.set_blocking(writer, True)
        p = subprocess.Popen([daemon.PROGRAM, "-f", "-c", f.name],
            stderr=writer)
        os.close(writer)
        wait_for(lambda: all(is_asleep(p.pid) for _ in range(3)), "waits")
        for signo in (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM):
            os.kill(p.pid, signo)
        with open(reader, "rb") as rest:
            tap.contains(rest.read().lstrip(b"x").decode(), "0 to 6")
        tap.equal(p.wait(20), 78)


def is_asleep(pid):
    time.sleep(0.02)
    with open("/proc/%d/stat" % pid) as f:
        name, state = f.read().split("(")[1].split(") ")
    return name == "spf-milter" and state[0] == "S"


# Signals

def test_sigterm_ends_an_idle_daemon_within_8_seconds():
    d = Daemon(dns=SERVER)
    start = time.monotonic()
    status = d.stop()
    tap.equal(status, 0)
    tap.true(time.monotonic() - start < 8, "8 seconds")
    d.check_sanitizers()
    d.clean()


def test_sigterm_with_open_connections_ends_with_status_0():
    d = Daemon(dns=SERVER, behavior=3, stop_grace="1s")
    open_ones = []
    for step in range(4):
        m = d.milter()
        for action in (lambda: m.connect(spec.CLIENT),
                lambda: m.helo(spec.HELO),
                lambda: m.mail("<u@pass.example.com>"))[:step]:
            action()
        open_ones.append(m)
    start = time.monotonic()
    tap.equal(d.stop(), 0)
    tap.true(time.monotonic() - start < 6, "6 seconds")
    for m in open_ones:
        m.drop()
    d.check_sanitizers()
    d.clean()


OPEN_SESSIONS = []


def test_sigterm_while_a_dead_domain_is_waited_for():
    d = Daemon(dns=SERVER, behavior=3, dns_options={"query_timeout": 9})
    m = d.milter()
    m.connect(spec.CLIENT)
    m.mail("<u@dead.example.com>")
    m.send("R", b"<r@example.org>\0")
    time.sleep(0.1)
    # Not closed before it has ended, for which libmilter takes 5 s.
    OPEN_SESSIONS.append(m)
    d.end()


def test_reload_changes_new_connections_only():
    with Daemon(dns=SERVER, behavior=1) as d, d.milter() as old:
        old.connect(spec.CLIENT)
        old.helo(spec.HELO)
        tap.equal(old.message("<u@fail.example.com>").refusal, None)
        tap.true(d.reload(dns=SERVER, behavior=3), "is taken")
        tap.equal(send(d).refusal, FAIL)
        tap.equal(old.message("<u@fail.example.com>").refusal, None)


def test_a_connection_has_one_configuration():
    """The one of its negotiation, which says what it is told."""
    with Daemon(dns=SERVER, behavior=1) as d, d.milter() as m:
        tap.true(d.reload(dns=SERVER, behavior=3), "is taken")
        m.connect(spec.CLIENT)
        m.helo(spec.HELO)
        tap.equal(m.message("<u@fail.example.com>").refusal, None)


def test_signals_right_after_the_start():
    for _ in range(3):
        with Daemon(dns=SERVER, behavior=1) as d:
            os.kill(d.pid, signal.SIGHUP)
            d.wait_for_log("configuration reloaded")
        # Ends with SIGTERM in the background: status 0, as all of them.
        Daemon(dns=SERVER, behavior=1).end()


def test_sigusr1_reloads_too():
    with Daemon(dns=SERVER, behavior=1) as d:
        d.configure(dns=SERVER, behavior=3)
        os.kill(d.pid, signal.SIGUSR1)
        d.wait_for_log("configuration reloaded")
        tap.equal(send(d).refusal, FAIL)


def test_broken_configuration_keeps_the_old_one():
    with Daemon(dns=SERVER, behavior=3) as d:
        for text in ("behavior = 9\n", "behavior = \n", "{", "nonsense = 1\n"):
            start = len(d.lines)
            tap.equal(d.reload(text), False, text)
            tap.contains("\n".join(d.lines[start:]), d.config + ":", text)
        start = len(d.lines)
        os.unlink(d.config)
        os.kill(d.pid, signal.SIGHUP)
        d.wait_for_log("stays in force", start=start)
        tap.equal(send(d).refusal, FAIL)
        tap.true(d.reload(dns=SERVER, behavior=1), "repaired")
        tap.equal(send(d).refusal, None)


def test_reload_keeps_the_options_of_the_command_line():
    with Daemon(dns=SERVER, behavior=3, args=("-o", "behavior=1", "-o",
            "reply.fail.text=no")) as d:
        tap.equal(send(d).refusal, None)
        tap.true(d.reload(dns=SERVER, behavior=3), "is taken")
        tap.equal(send(d).refusal, None)
        start = len(d.lines)
        tap.equal(d.reload("nonsense = 1\n"), False)
        tap.contains("\n".join(d.lines[start:]), d.config + ":1:")


def test_reload_names_options_that_need_a_restart():
    with Daemon(dns=SERVER, behavior=3) as d:
        text = daemon.configuration(dns=SERVER, behavior=3,
            socket="inet:1@127.0.0.1")
        tap.true(d.reload(text), "is taken")
        tap.contains(d.wait_for_log("restart"), "socket")
        tap.equal(send(d).refusal, FAIL)


def test_many_reloads_under_load():
    with Daemon(dns=SERVER, behavior=3) as d:
        end = time.monotonic() + 1
        count = 0
        while time.monotonic() < end:
            for _ in range(5):
                os.kill(d.pid, signal.SIGHUP)
            tap.equal(send(d).refusal, FAIL)
            count += 1
        tap.true(d.alive(), "still there")
    tap.true(count > 3, "%d messages" % count)


# A stranger on the socket

def garbage(octets):
    """Bytes in and near the form of packets."""
    kind = octets.randrange(5)
    data = bytes(octets.randrange(256)
        for _ in range(octets.randrange(1, 200)))
    if kind == 0:
        return data
    if kind == 1:
        return struct.pack(">I", octets.choice((0, 1, 65535, 65536,
            1 << 31, (1 << 32) - 1))) + data
    if kind == 2:	# a known command with random data
        command = octets.choice(b"ABCDEHKLMNORQTU")
        return struct.pack(">IB", len(data) + 1, command) + data
    if kind == 3:	# without the final NUL
        command = octets.choice(b"CDHLMRTU")
        data = data.replace(b"\0", b"x")
        return struct.pack(">IB", len(data) + 1, command) + data
    return struct.pack(">IBIII", 13, ord("O"), octets.randrange(10),
        octets.randrange(1 << 32), octets.randrange(1 << 32))


def test_garbage_never_kills_it():
    octets = random.Random(5)
    with Daemon(dns=SERVER, behavior=3,
            headers=["received-spf", "authentication-results"]) as d:
        for n in range(400):
            s = milterclient.connect_to(d.socket, timeout=0.5)
            try:
                if n % 4:
                    s.sendall(struct.pack(">IBIII", 13, ord("O"), 6, 0x1ff,
                        0x1fffff))
                if n % 2:
                    s.sendall(struct.pack(">I", 17) + b"Ch\x004\x9c\x40"
                        + b"192.0.2.1\0")
                for _ in range(octets.randrange(1, 8)):
                    s.sendall(garbage(octets))
            except OSError:
                pass	# libmilter may end such a connection
            s.close()
        tap.equal(send(d).refusal, FAIL)


def test_arguments_of_70_kilobytes():
    with Daemon(dns=SERVER, behavior=3) as d:
        for command in "HMRL":
            with d.milter() as m:
                m.connect(spec.CLIENT)
                m.helo(spec.HELO)
                try:
                    m.step(command, b"x" * 70000 + b"\0y\0")
                    m.message()
                except (milterclient.ProtocolError, OSError):
                    pass	# more than libmilter takes
            tap.equal(send(d).refusal, FAIL, command)


def test_many_connections_at_once():
    with Daemon(dns=SERVER, behavior=3) as d:
        clients = [d.milter() for _ in range(300)]
        for m in clients:
            m.connect(spec.CLIENT)
            m.helo(spec.HELO)
        for m in clients[::50]:
            tap.equal(m.message("<u@fail.example.com>").refusal, FAIL)
        for m in clients:
            m.close()


# Background

def test_background_with_pid_file():
    directory = tempfile.mkdtemp(prefix="spf-milter-test.")
    pid_file = directory + "/pid"
    place = "unix:%s/socket" % directory
    config = directory + "/conf"
    with open(config, "w") as f:
        f.write(daemon.configuration(dns=SERVER, behavior=3, socket=place,
            pid_file=pid_file))
    pid = 0
    try:
        status, out, err = run("-b", "-c", config)
        tap.equal((status, out), (0, ""), err)
        with open(pid_file) as f:
            pid = int(f.read())
        with milterclient.Milter(place) as m:
            m.connect(spec.CLIENT)
            m.helo(spec.HELO)
            tap.equal(m.message("<u@fail.example.com>").refusal, FAIL)
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(pid_file), "pid file is removed",
            daemon.STOP_SECONDS)
        wait_for(lambda: not is_running(pid), "it ends", daemon.STOP_SECONDS)
    finally:
        if pid and is_running(pid):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(directory)


def test_background_tells_a_failed_start():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        place = "inet:%d@127.0.0.1" % s.getsockname()[1]
        status, _, err, _ = with_config('socket = "%s"\n' % place, "-b")
    tap.equal(status, 69)
    tap.contains(err, place)


def heed_interrupts():
    """Who is started in the background by a shell ignores them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_background_start_that_hangs_can_be_interrupted():
    """It tells of each option that stands twice, to a pipe that is full."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while os.write(writer, b"x" * 4096):
            pass
    except BlockingIOError:
        pass
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write('log = "stderr"\nsocket = "inet:%d@127.0.0.1"\n'
            % daemon.free_port() + "behavior = 3\n" * 30)
        f.flush()
        p = subprocess.Popen([daemon.PROGRAM, "-b", "-c", f.name],
            stderr=writer, preexec_fn=heed_interrupts)
        children = "/proc/%d/task/%d/children" % (p.pid, p.pid)
        wait_for(lambda: open(children).read(), "a child")
        child = int(open(children).read())
        os.kill(child, signal.SIGSTOP)
        os.kill(p.pid, signal.SIGINT)
        try:
            tap.equal(p.wait(20), -signal.SIGINT)
        finally:
            os.kill(child, signal.SIGKILL)
            p.wait(20)
    os.close(reader)
    os.close(writer)


# The pid file

def pid_file_problem(path, **options):
    """Why a start with this pid_file is refused."""
    d = Daemon(dns=SERVER, start=False, pid_file=path, **options)
    try:
        d.start()
    except AssertionError as error:
        tap.true(not os.path.exists(d.socket[5:]), "leaves no socket")
        return str(error)
    finally:
        d.kill()
        d.clean()
    raise AssertionError("started with %s" % path)


def test_pid_file_of_a_living_daemon_is_left_alone():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/pid"
        with Daemon(dns=SERVER, behavior=3, pid_file=path) as d:
            for _ in range(2):
                tap.contains(pid_file_problem(path), "pid_file: %s: is "
                    "locked by a daemon that is running" % path)
                with open(path) as f:
                    tap.equal(int(f.read()), d.pid)
            status, _, err = run("-n", "-c", d.config)
            tap.equal(status, 0, err)
            tap.equal(send(d).refusal, FAIL)
            tap.equal(d.stop(), 0)
            tap.true(not os.path.exists(path), "removed at the end")


def test_pid_file_of_another_program_is_left_alone():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/pid"
        for text, reason in (("%d\n" % os.getpid(), "is of process %d, which "
                "is running" % os.getpid()), ("root:x:0:0\n",
                "holds something else"), ("1 2\n", "holds something else")):
            with open(path, "w") as f:
                f.write(text)
            tap.contains(pid_file_problem(path), "%s: %s" % (path, reason))
            with open(path) as f:
                tap.equal(f.read(), text)
        # Of a daemon that is gone: the process that has its number is newer.
        with open(path, "w") as f:
            f.write("%d\n" % os.getpid())
        os.utime(path, (1, 1))
        with Daemon(dns=SERVER, pid_file=path) as d:
            with open(path) as f:
                tap.equal(int(f.read()), d.pid)


def test_pid_file_follows_no_link():
    with tempfile.TemporaryDirectory() as directory:
        target = directory + "/target"
        path = directory + "/pid"
        open(target, "w").close()
        for link, reason in ((os.symlink, "is a symbolic link"),
                (os.link, "has a second name")):
            link(target, path)
            tap.contains(pid_file_problem(path), "%s: %s" % (path, reason))
            tap.equal(os.path.getsize(target), 0)
            os.unlink(path)
        os.symlink(directory + "/nowhere", path)
        pid_file_problem(path)
        tap.true(not os.path.exists(directory + "/nowhere"), "not written")


def test_pid_file_enters_no_link_of_a_user():
    if os.geteuid() != 0:
        tap.skip("needs root")
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        os.mkdir(directory + "/of-root")
        os.mkdir(directory + "/of-user")
        os.symlink("../of-root", directory + "/of-user/link")
        os.symlink("of-root", directory + "/link")
        os.symlink("of-user/link", directory + "/through")
        os.chown(directory + "/of-user", 65534, 65534)
        pid_file_problem(directory + "/of-user/link/pid", user="nobody")
        tap.equal(os.listdir(directory + "/of-root"), [])
        for way in ("/of-user/link", "/through"):
            tap.contains(pid_file_problem(directory + way + "/pid"),
                "is a symbolic link")
        tap.equal(os.listdir(directory + "/of-root"), [])
        # Where all may write nobody guards a name that is new.
        os.mkdir(directory + "/of-all")
        os.chmod(directory + "/of-all", 0o1777)
        os.symlink("../of-root", directory + "/of-all/link")
        pid_file_problem(directory + "/of-all/link/pid")
        tap.equal(os.listdir(directory + "/of-root"), [])
        # One that root has made, such as /var/run.
        with Daemon(dns=SERVER, pid_file=directory + "/link/pid"):
            tap.equal(os.listdir(directory + "/of-root"), ["pid"])


def test_pid_file_that_may_not_be_removed_is_emptied():
    if os.geteuid() != 0:
        tap.skip("needs root")
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/pid"
        for _ in range(2):
            d = Daemon(dns=SERVER, user="nobody", pid_file=path,
                socket_spec="inet:%d@127.0.0.1" % daemon.free_port())
            with open(path) as f:
                tap.equal(int(f.read()), d.pid)
            d.stop_well()
            tap.equal(os.path.getsize(path), 0)
            d.clean()


def test_end_leaves_the_pid_file_of_another():
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/pid"
        d = Daemon(dns=SERVER, pid_file=path)
        os.rename(path, path + ".old")
        with open(path, "w") as f:
            f.write("1\n")
        d.stop_well()
        d.clean()
        with open(path) as f:
            tap.equal(f.read(), "1\n")


def test_failed_start_leaves_nothing():
    if os.geteuid() != 0:
        tap.skip("needs root")
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        path = directory + "/pid"
        # Root that may not change its user, as in some containers.
        d = Daemon(dns=SERVER, start=False, user="nobody", pid_file=path,
            prefix=["setpriv", "--bounding-set=-setuid",
                "--inh-caps=-setuid"])
        d.start(wait=False)
        tap.equal(d.process.wait(20), 77)
        d.reader.join(5)
        tap.contains(d.log(), "cannot become user nobody")
        tap.equal(os.listdir(directory), [])
        tap.true(not os.path.exists(d.socket[5:]), "leaves no socket")
        d.clean()


# Privileges

def test_root_drops_to_the_user():
    if os.geteuid() != 0:
        tap.skip("needs root")
    with Daemon(dns=SERVER, behavior=3, user="nobody",
            socket_spec="inet:%d@127.0.0.1" % daemon.free_port()) as d:
        with open("/proc/%d/status" % d.pid) as f:
            text = f.read()
        uid = re.search(r"^Uid:\s+(.*)$", text, re.M).group(1).split()
        gid = re.search(r"^Gid:\s+(.*)$", text, re.M).group(1).split()
        groups = re.search(r"^Groups:[ \t]*(.*)$", text, re.M).group(1)
        tap.equal(set(uid), {"65534"})
        tap.equal(set(gid), {"65534"})
        tap.true(groups.split() in ([], ["65534"]), groups)
        tap.lacks(d.log(), "running as root")
        tap.equal(send(d).refusal, FAIL)


def test_supplementary_groups_of_the_user_are_kept():
    """What the user may read by a group can be read at a reload."""
    if os.geteuid() != 0:
        tap.skip("needs root")
    member = next((g.gr_mem[0], g.gr_gid) for g in grp.getgrall() if g.gr_mem
        and pwd.getpwnam(g.gr_mem[0]).pw_gid != g.gr_gid) if any(g.gr_mem
        for g in grp.getgrall()) else tap.skip("no user has a group")
    user, gid = member
    with Daemon(dns=SERVER, behavior=3, user=user,
            socket_spec="inet:%d@127.0.0.1" % daemon.free_port()) as d:
        with open("/proc/%d/status" % d.pid) as f:
            groups = re.search(r"^Groups:[ \t]*(.*)$", f.read(), re.M).group(1)
        tap.true(str(gid) in groups.split(), groups)


def test_file_that_a_reload_cannot_read_is_told_at_the_start():
    if os.geteuid() != 0:
        tap.skip("needs root")
    with Daemon(dns=SERVER, user="nobody", start=False,
            socket_spec="inet:%d@127.0.0.1" % daemon.free_port()) as d:
        os.chmod(d.directory, 0o755)
        included = d.directory + "/included"
        with open(included, "w") as f:
            f.write("behavior = 3\n")
        os.chmod(included, 0o600)
        with open(d.config, "a") as f:
            f.write('include("%s")\n' % included)
        d.start()
        line = d.wait_for_log("a reload will not work")
        tap.contains(line, "warning: ")
        tap.contains(line, included)


def test_the_service_manager_is_told():
    """Ready, each reload and what came of it, the stop."""
    with open(daemon.PROGRAM, "rb") as f:
        if b"READY=1" not in f.read():
            tap.skip("built without libsystemd")
    with tempfile.TemporaryDirectory() as directory, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(directory + "/notify")
        manager.settimeout(20)

        def told():
            return dict(line.split("=", 1) for line in
                manager.recv(4096).decode().splitlines())
        with Daemon(dns=SERVER, env={"NOTIFY_SOCKET": directory
                + "/notify"}) as d:
            tap.equal(told(), {"READY": "1", "STATUS": "Serving"})
            for level, status in ((5, "Serving, reloaded"), (9, "Serving; the "
                    "last reload failed: the old configuration stays in "
                    "force")):
                before = time.monotonic_ns() // 1000
                d.reload(dns=SERVER, behavior=level)
                begin = told()
                tap.equal(begin["RELOADING"], "1")
                tap.true(before <= int(begin["MONOTONIC_USEC"])
                    <= time.monotonic_ns() // 1000, begin)
                tap.equal(told(), {"READY": "1", "STATUS": status})
            d.stop_well()
            tap.equal(told(), {"STOPPING": "1"})


def test_unknown_user_is_refused():
    if os.geteuid() != 0:
        tap.skip("needs root")
    status, _, err, _ = with_config('socket = "inet:%d@127.0.0.1"\n'
        'user = "no-such-user"\nlog = "stderr"\n' % daemon.free_port(), "-f")
    tap.true(status in (69, 77), "status %d" % status)
    tap.contains(err, "no-such-user")


tap.main(globals())
