# SPDX-License-Identifier: BSD-2-Clause
"""The program as a process: options, start, signals, reload, stop."""

import os
import pty
import random
import re
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
import spec
import tap
from daemon import Daemon, run

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
    d = Daemon(dns=SERVER, behavior=3)
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
    tap.true(time.monotonic() - start < 10, "10 seconds")
    for m in open_ones:
        m.drop()
    d.check_sanitizers()
    d.clean()


def test_sigterm_while_a_dead_domain_is_waited_for():
    d = Daemon(dns=SERVER, behavior=3, dns_options={"query_timeout": 9})
    m = d.milter()
    m.connect(spec.CLIENT)
    m.mail("<u@dead.example.com>")
    m.send("R", b"<r@example.org>\0")
    time.sleep(0.1)
    tap.equal(d.stop(), 0)
    m.drop()
    d.check_sanitizers()
    d.clean()


def test_reload_changes_new_connections_only():
    with Daemon(dns=SERVER, behavior=1) as d, d.milter() as old:
        old.connect(spec.CLIENT)
        old.helo(spec.HELO)
        tap.equal(old.message("<u@fail.example.com>").refusal, None)
        tap.true(d.reload(dns=SERVER, behavior=3), "is taken")
        tap.equal(send(d).refusal, FAIL)
        tap.equal(old.message("<u@fail.example.com>").refusal, None)


def test_signals_right_after_the_start():
    for _ in range(10):
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
        os.unlink(d.config)
        os.kill(d.pid, signal.SIGHUP)
        tap.equal(send(d).refusal, FAIL)
        tap.true(d.reload(dns=SERVER, behavior=1), "repaired")
        tap.equal(send(d).refusal, None)


def test_reload_names_options_that_need_a_restart():
    with Daemon(dns=SERVER, behavior=3) as d:
        text = daemon.configuration(dns=SERVER, behavior=3,
            socket="inet:1@127.0.0.1")
        tap.true(d.reload(text), "is taken")
        tap.contains(d.wait_for_log("restart"), "socket")
        tap.equal(send(d).refusal, FAIL)


def test_many_reloads_under_load():
    with Daemon(dns=SERVER, behavior=3) as d:
        end = time.monotonic() + 3
        count = 0
        while time.monotonic() < end:
            for _ in range(5):
                os.kill(d.pid, signal.SIGHUP)
            tap.equal(send(d).refusal, FAIL)
            count += 1
        tap.true(d.alive(), "still there")
    tap.true(count > 10, "%d messages" % count)


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
        end = time.monotonic() + daemon.STOP_SECONDS
        while os.path.exists(pid_file) and time.monotonic() < end:
            time.sleep(0.05)
        tap.true(not os.path.exists(pid_file), "pid file is removed")
    finally:
        if pid:
            try:
                time.sleep(3)
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(directory)


def test_background_tells_a_failed_start():
    status, _, err, _ = with_config('socket = "unix:/nonexistent/x"\n', "-b")
    tap.equal(status, 69)
    tap.contains(err, "/nonexistent/x")


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


def test_unknown_user_is_refused():
    if os.geteuid() != 0:
        tap.skip("needs root")
    status, _, err, _ = with_config('socket = "inet:%d@127.0.0.1"\n'
        'user = "no-such-user"\nlog = "stderr"\n' % daemon.free_port(), "-f")
    tap.true(status in (77, 78), "status %d" % status)
    tap.contains(err, "no-such-user")


tap.main(globals())
