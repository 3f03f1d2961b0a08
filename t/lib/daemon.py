# SPDX-License-Identifier: BSD-2-Clause
"""Starts the program under test and makes sure that it ends."""

import atexit
import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import milterclient
import sanitizers
import tap

SRCDIR = os.environ.get("SRCDIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
BUILDDIR = os.environ.get("BUILDDIR", SRCDIR)
PROGRAM = os.path.join(BUILDDIR, "src", "spf-milter")

# Twice what an idle daemon may take to end (libmilter polls for 5 s).
STOP_SECONDS = 16


def quote(value):
    return '"%s"' % str(value).replace("\\", "\\\\").replace('"', '\\"') \
        .replace("\n", "\\n").replace("${", "\\${")


def setting(name, value, indent=""):
    """One option or section in libconfuse's syntax."""
    if isinstance(value, dict) and name in ("reply", "policy", "tag",
            "rule", "forwarder"):
        return "".join("%s%s %s {\n%s%s}\n" % (indent, name, quote(title),
            "".join(setting(n, v, indent + "\t") for n, v in body.items()),
            indent) for title, body in value.items())
    if isinstance(value, dict):
        return "%s%s {\n%s%s}\n" % (indent, name, "".join(
            setting(n, v, indent + "\t") for n, v in value.items()), indent)
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (list, tuple)):
        text = "{%s}" % ", ".join(quote(v) for v in value)
    elif isinstance(value, int):
        text = str(value)
    else:
        text = quote(value)
    return "%s%s = %s\n" % (indent, name, text)


def configuration(dns=None, **options):
    """A configuration file's text.

    dns: a DnsServer, or a dictionary of the section's options.  The default
    of the tests trusts nobody, so that any client address can be used.
    """
    values = {"log": "stderr", "log_level": "info", "trusted_networks": [],
        "control": ""}
    values.update(options)
    section = dict(options.pop("dns_options", {}))
    values.pop("dns_options", None)
    if dns is not None:
        section.setdefault("servers", [dns.address])
    else:
        # Nothing listens there: no test asks the real DNS.
        section.setdefault("servers", ["127.0.0.1:9"])
    section.setdefault("query_timeout", 1)
    values["dns"] = section
    return "".join(setting(n, v) for n, v in values.items())


def free_port(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def as_user(uid, gid, groups=()):
    """A prefix: it is started by somebody who is not root."""
    return ["setpriv", "--reuid=%d" % uid, "--regid=%d" % gid,
        "--groups=" + ",".join(map(str, groups)) if groups
        else "--clear-groups"]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """spf-milter on a socket of its own.

        with Daemon(dns=server, behavior=3) as d, d.milter() as m:
            ...

    named: what the configuration calls the socket, where that is not the
    socket_spec that clients connect to.

    Leaving the block without an error stops it, which takes up to five
    seconds where a session is open: that it ended well is a test of its own
    at the end of the file.  An exception is left alone and the log is attached
    to it.
    """

    def __init__(self, text=None, socket_spec=None, prefix=(), args=(),
            env=None, start=True, pass_fds=(), named=None, **options):
        self.directory = tempfile.mkdtemp(prefix="spf-milter-test.")
        # The daemon may run as another user.
        os.chmod(self.directory, 0o755)
        atexit.register(self.clean)
        self.socket = socket_spec or "unix:%s/socket" % self.directory
        self.named = named or self.socket
        self.config = os.path.join(self.directory, "spf-milter.conf")
        # With control=True.
        self.control = os.path.join(self.directory, "control")
        self.options = options
        self.command = [*prefix, PROGRAM, "-f", "-c", self.config, *args]
        self.env = env
        self.pass_fds = pass_fds
        self.process = None
        self.lines = []
        self.changed = threading.Condition()
        self.configure(text, **options)
        if start:
            self.start()

    def configure(self, text=None, **options):
        """Writes the configuration; the daemon does not notice by itself."""
        if options.get("control") is True:
            options["control"] = self.control
        if text is None:
            text = configuration(socket=self.named, **options)
        # In place of the old one at once: a reload never sees half of it.
        with open(self.config + ".new", "w", encoding="latin-1") as f:
            f.write(text)
        os.rename(self.config + ".new", self.config)

    def start(self, wait=True):
        env = sanitizers.environment(os.environ)
        env.update(self.env or {})
        self.first_line = len(self.lines)
        self.process = subprocess.Popen(self.command, env=env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, cwd="/", pass_fds=self.pass_fds)
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        if wait:
            self.wait_until_listening()

    def read_log(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.decode("latin-1").rstrip("\n"))
                self.changed.notify_all()

    def wait_until_listening(self, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                self.reader.join(5)
                raise AssertionError("ended with status %d at the start:\n%s"
                    % (self.process.returncode, self.log()))
            try:
                milterclient.connect_to(self.socket).close()
                break
            except OSError:
                time.sleep(0.02)
        else:
            raise AssertionError("does not listen:\n" + self.log())
        # From here on it takes signals.
        self.wait_for_log("listens on", start=self.first_line)

    @property
    def pid(self):
        return self.process.pid

    def milter(self, **arguments):
        return milterclient.Milter(self.socket, **arguments)

    def log(self):
        with self.changed:
            return "\n".join(self.lines)

    def wait_for_log(self, parts, seconds=10, start=0):
        """The first line that holds one of parts (a text or a tuple)."""
        parts = (parts,) if isinstance(parts, str) else parts
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                for line in self.lines[start:]:
                    if any(part in line for part in parts):
                        return line
                left = end - time.monotonic()
                if left <= 0 or not self.alive():
                    raise AssertionError("%r does not appear in the log:\n%s"
                        % (parts, "\n".join(self.lines[-60:])))
                self.changed.wait(min(left, 0.5))

    def message_lines(self, count, seconds=10):
        """The log lines of messages, once there are at least count."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                found = [l for l in self.lines if "result=" in l]
                if len(found) >= count:
                    return found
                left = end - time.monotonic()
                if left <= 0 or not self.alive():
                    raise AssertionError("%d of %d message lines:\n%s" % (
                        len(found), count, "\n".join(self.lines[-60:])))
                self.changed.wait(min(left, 0.5))

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def reload(self, text=None, **options):
        """A new configuration and SIGHUP; True if it is used now."""
        start = len(self.lines)
        self.configure(text, **options)
        self.process.send_signal(signal.SIGHUP)
        line = self.wait_for_log(("configuration reloaded",
            "stays in force"), start=start)
        return "configuration reloaded" in line

    def ask(self, path, method="GET", headers=None, timeout=30):
        """(status, text) of its control socket."""
        with contextlib.closing(UnixConnection(self.control, timeout)) as c:
            c.request(method, path, headers=headers or {})
            answer = c.getresponse()
            return answer.status, answer.read().decode("utf-8")

    def stop(self):
        """SIGTERM; the exit status."""
        if self.process is None:
            return 0
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("does not end on SIGTERM:\n" + self.log())
        self.reader.join(5)
        return status

    def stop_well(self):
        status = self.stop()
        if status != 0:
            raise AssertionError("ended with status %d:\n%s" % (status,
                self.log()))
        self.check_sanitizers()

    def check_sanitizers(self):
        problems = sanitizers.problems(self.log())
        if problems:
            raise AssertionError("sanitizer report:\n%s\nlog:\n%s" % (
                "\n".join(problems), self.log()))

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()

    def clean(self):
        self.kill()
        if self.process is not None and self.process.stderr:
            self.reader.join(1)
            self.process.stderr.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        atexit.unregister(self.clean)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if kind is None:
            self.end()
            return
        self.kill()
        self.reader.join(2)
        if isinstance(error, AssertionError):
            error.args = ("%s\nlog:\n%s" % (error, self.log()),)
        self.clean()

    def end(self):
        """Stops it while the tests go on."""
        ENDINGS.append(Ending(self))
        tap.at_end("every daemon ended well", check_endings)


class Ending(threading.Thread):
    def __init__(self, ending):
        super().__init__(daemon=True)
        self.ending = ending
        self.problem = None
        self.start()

    def run(self):
        try:
            self.ending.stop_well()
        except AssertionError as error:
            self.problem = str(error)
        self.ending.clean()


ENDINGS = []


def check_endings():
    for ending in ENDINGS:
        ending.join()
    problems = [e.problem for e in ENDINGS if e.problem]
    if problems:
        raise AssertionError("\n".join(problems))


def run(*args, stdin="", timeout=60):
    """Runs the program to its end: (status, stdout, stderr)."""
    done = subprocess.run([PROGRAM, *args], input=stdin.encode("latin-1"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
        cwd="/")
    return (done.returncode, done.stdout.decode("latin-1"),
        done.stderr.decode("latin-1"))


def need_http(skip=tap.skip):
    """For a control socket and metrics; tap.skip_all: before any test."""
    if "libmicrohttpd" not in run("-V")[1]:
        skip("built without libmicrohttpd")
