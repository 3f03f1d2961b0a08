# SPDX-License-Identifier: BSD-2-Clause
"""spf-why: its pages, and the program on a port of its own."""

import atexit
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile

import daemon
import sanitizers
import tap
import whytoken
from watch import wait_for

PROGRAM = os.path.join(daemon.BUILDDIR, "src", "spf-why")
TEXTS = os.path.join(daemon.SRCDIR, "share", "why")
LANGUAGES = ("en", "ko")
KEY = bytes(range(32))
FOLDER = tempfile.mkdtemp(prefix="spf-milter-test.")
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
# Nobody in particular: spf-why does not run as root.
USER = 65534
AS_USER = daemon.as_user(USER, USER) if os.geteuid() == 0 else []


def require():
    if not os.access(PROGRAM, os.X_OK):
        tap.skip_all("spf-why is not built")


def write(name, text):
    """A file in FOLDER; its whole path."""
    path = os.path.join(FOLDER, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def key_file(octets=KEY, name="why.key"):
    path = os.path.join(FOLDER, name)
    with open(path, "wb") as f:
        f.write(octets)
    os.chmod(path, 0o600)
    if AS_USER:
        os.chown(path, USER, USER)
        os.chown(FOLDER, USER, USER)
    return path


def run(*args):
    """Runs the program to its end: (status, stdout, stderr)."""
    done = subprocess.run([*AS_USER, PROGRAM, *args], timeout=60, cwd="/",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def render(token, language="en", *more):
    status, out, err = run("--render", token, "-k", key_file(), "--texts",
        TEXTS, "--language", language, *more)
    tap.equal((status, err), (0, ""))
    return out


# What a page can be about.
CASES = {
    "fail": {}, "softfail": {"result": "softfail", "reason": "~all"},
    "neutral": {"result": "neutral", "reason": "?all"},
    "none": {"result": "none",
        "reason": "no SPF record at example.com"},
    "permerror": {"result": "permerror", "reason":
        'unknown mechanism "ipv4:192.0.2.1" at octet 7 of the SPF record'},
    "temperror": {"result": "temperror", "reason": ""},
    "temperror-final": {"result": "temperror", "deferred": False,
        "reason": ""},
    "fail-deferred": {"deferred": True},
    "default": {"result": "neutral", "reason": "default"},
    "helo": {"identity": "helo", "domain": "mail.example.net"},
    "helo-none": {"identity": "helo", "result": "none", "reason": ""},
    "null": {"null_sender": True, "domain": "mail.example.net"},
    "idn": {"domain": "xn--9n2bp8q.kr", "client": "2001:db8:25::25"},
    "long": {"domain": "." + "d" * 50 + "." + "e" * 50 + ".example"},
    "hostile": {"domain": "<script>\"'&.example", "receiver": "<b>&amp;",
        "client_name": "\"><img src=x>", "reason": "</style><p onclick=\"x\">"},
}


def pages():
    """name -> HTML of every case in every language."""
    found = {}
    for language in LANGUAGES:
        for name, facts in CASES.items():
            found[name + "-" + language] = render(whytoken.encode(KEY,
                **facts), language)
        found["general-" + language] = render("-", language)
    return found


class Why:
    """The program on a free port of 127.0.0.1, or where it is told."""

    def __init__(self, *args, listen=None, prefix=()):
        self.port = daemon.free_port()
        self.listen = listen or "127.0.0.1:%d" % self.port
        env = sanitizers.environment(os.environ)
        # What AddressSanitizer keeps back is no growth.
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + \
            ":quarantine_size_mb=1"
        self.process = subprocess.Popen([*AS_USER, *prefix, PROGRAM, "-k",
            key_file(), "--texts", TEXTS, "--listen", self.listen, *args],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, cwd="/", env=env)
        atexit.register(self.kill)
        self.started = ""	# what it has said up to then
        for line in self.process.stderr:
            self.started += line.decode()
            if b"listens on" in line:
                break
        tap.contains(self.started, "listens on")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def get(self, path, method="GET", body=None, **headers):
        """(status, headers, text)"""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, path, body, {k.replace("_", "-"): v
            for k, v in headers.items()})
        r = c.getresponse()
        text = r.read().decode()
        c.close()
        return r.status, dict(r.getheaders()), text

    def raw(self, data, timeout=0.3):
        """What is answered to these octets, if that is soon."""
        with socket.create_connection(("127.0.0.1", self.port),
                timeout=timeout) as s:
            got = b""
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while True:
                    piece = s.recv(65536)
                    if not piece:
                        break
                    got += piece
            except OSError:
                pass
        return got

    def memory(self):
        """Resident kilobytes."""
        with open("/proc/%d/status" % self.process.pid) as f:
            return next(int(l.split()[1]) for l in f
                if l.startswith("VmRSS"))

    def is_up(self):
        return self.process.poll() is None

    def stop_well(self):
        self.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not self.is_up(), "the end of spf-why")
        log = self.process.stderr.read().decode()
        tap.equal((self.process.returncode, sanitizers.problems(log)),
            (0, []), log)
