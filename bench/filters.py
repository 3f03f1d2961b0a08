# SPDX-License-Identifier: BSD-2-Clause
"""Processes of a measurement: filters, the DNS server, the load generator.

Everything that is started here is ended by its process number, and ends with
this program whatever happens to it.
"""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import milterclient

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

started = []


def end_with_us():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(command, **options):
    process = subprocess.Popen(command, preexec_fn=end_with_us, **options)
    started.append(process)
    return process


def end(process):
    if process.poll() is None:
        process.kill()
    process.wait()
    if process in started:
        started.remove(process)


def end_all():
    for process in list(started):
        end(process)


# Figures of a process and its children

def descendants(pid):
    found = [pid]
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as f:
                for child in f.read().split():
                    found += descendants(int(child))
    except OSError:
        pass
    return found


def cpu_seconds(pid):
    """User and system time, threads that have ended included.  The clock of
    a process counts nanoseconds; /proc has them only in ticks of 10 ms."""
    total = 0.0
    clock = ctypes.c_int()
    for p in descendants(pid):
        if LIBC.clock_getcpuclockid(p, ctypes.byref(clock)) != 0:
            continue
        try:
            total += time.clock_gettime(clock.value)
        except OSError:
            pass
    return total


def resident_mb(pid):
    total = 0
    for p in descendants(pid):
        try:
            with open("/proc/%d/status" % p) as f:
                for line in f:
                    if line.startswith("VmRSS:"):
                        total += int(line.split()[1])
        except OSError:
            pass
    return total / 1024


def descriptors(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


class Tools:
    """Where the programs of bench/ and the daemon are."""

    def __init__(self, builddir):
        self.load = os.path.join(builddir, "bench", "load")
        self.dns = os.path.join(builddir, "bench", "dns")
        self.floor = os.path.join(builddir, "bench", "floor")
        self.daemon = os.path.join(builddir, "src", "spf-milter")


class Dns:
    """Listens on port 53 of an own loopback address where it may, since some
    peers can be told no port."""

    def __init__(self, tools, zone):
        self.host, self.port = (("127.0.53.1", 53) if os.geteuid() == 0
            else ("127.0.0.1", 15353))
        self.process = spawn([tools.dns, self.host, str(self.port), zone],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ok\n":
            raise RuntimeError("the DNS server does not start")

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def reset(self):
        self.tell("reset")

    def report(self):
        return json.loads(self.tell("report"))


# Filters

class Filter:
    """A filter under measurement; given ones have no process."""

    def __init__(self, name, address, pid=None):
        self.name = name
        self.address = address
        self.pid = pid
        self.process = None

    def launch(self, command, stderr=subprocess.DEVNULL, seconds=20):
        self.process = spawn(command, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=stderr)
        self.pid = self.process.pid
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                self.negotiated()
                return self
            except (OSError, milterclient.ProtocolError):
                time.sleep(0.05)
        end(self.process)
        raise RuntimeError("%s does not start: %s" % (self.name,
            " ".join(command)))

    def negotiated(self):
        """(steps as a mask, symbols by stage number)."""
        with milterclient.Milter(self.address, timeout=5) as m:
            return m.protocol, {milterclient.STAGES.index(stage): names
                for stage, names in m.symbols.items()}

    def stop(self):
        if self.process is not None:
            end(self.process)
            self.process = None

    def cpu(self):
        return cpu_seconds(self.pid) if self.pid else 0.0

    def resident(self):
        return resident_mb(self.pid) if self.pid else 0.0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Bench:
    """Makes filters in one directory."""

    def __init__(self, tools, directory, dns):
        self.tools = tools
        self.directory = directory
        self.dns = dns
        self.count = 0

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)
        return self.path(name)

    def address(self, name, inet):
        self.count += 1
        if inet:
            return "inet:%d@127.0.0.1" % free_port()
        return "unix:%s" % self.path("%s-%d" % (name, self.count))

    def ours(self, name="spf-milter", extra="", inet=False):
        f = Filter(name, self.address("ours", inet))
        config = self.write("ours-%d.conf" % self.count,
            'socket = "%s"\nlog = "stderr"\ntrusted_networks = {}\n'
            'dns { servers = {"%s:%d"} }\n%s\n' % (f.address, self.dns.host,
            self.dns.port, extra))
        return f.launch([self.tools.daemon, "-f", "-c", config])

    def floor(self, like, inet=False, wait_ms=0):
        """Takes the steps and the macros that the filter `like` takes, and
        with wait_ms so long at RCPT, as if for the DNS."""
        protocol, symbols = like.negotiated()
        f = Filter("floor", self.address("floor", inet))
        return f.launch([self.tools.floor, f.address, hex(protocol),
            "wait=%d" % wait_ms] + ["%d=%s" % (stage, " ".join(names))
            for stage, names in symbols.items()])

    def with_our_dns(self, command):
        """In a mount namespace whose resolv.conf names our DNS server."""
        resolv = self.write("resolv.conf", "nameserver %s\n" % self.dns.host)
        return ["unshare", "-m", "sh", "-c", 'mount --bind "$0" '
            '/etc/resolv.conf && exec "$@"', resolv, *command]

    def pyspf(self):
        f = Filter("pyspf-milter", self.address("pyspf", False))
        config = self.write("pyspf.conf", "debugLevel = 0\nTestOnly = 1\n"
            "HELO_reject = False\nMail_From_reject = False\n"
            "PermError_reject = False\nTempError_Defer = False\n"
            "skip_addresses = 127.0.0.0/8\nSocket = %s\nPidFile = %s\n"
            "UserID = root\nInternalHosts = 127.0.0.1\n" % (
            f.address.replace("unix:", "local:"), self.path("pyspf.pid")))
        return f.launch(self.with_our_dns(["/usr/bin/pyspf-milter", config]))

    def opendmarc(self):
        f = Filter("opendmarc", self.address("opendmarc", False))
        config = self.write("opendmarc.conf", "Socket %s\nSyslog false\n"
            "SPFIgnoreResults true\nSPFSelfValidate true\nUMask 0002\n"
            "AuthservID mx.example.org\nTrustedAuthservIDs mx.example.org\n"
            % f.address.replace("unix:", "local:"))
        return f.launch(self.with_our_dns(["/usr/sbin/opendmarc", "-f", "-c",
            config]))

    def rspamd(self):
        f = Filter("rspamd", self.address("rspamd", False))
        self.write("tld", "example\nnet\norg\ncom\nkr\n")
        config = self.write("rspamd.conf", RSPAMD % {
            "directory": self.directory, "socket": f.address[5:],
            "host": self.dns.host, "port": self.dns.port})
        # Its workers outlive it, but not their process namespace.
        return f.launch(["unshare", "-p", "--fork", "--kill-child",
            "/usr/bin/rspamd", "-f", "-i", "-c", config], seconds=60)

    def peers(self):
        """Those that are installed and may run here."""
        found = []
        for make, program in ((self.pyspf, "/usr/bin/pyspf-milter"),
                (self.opendmarc, "/usr/sbin/opendmarc"),
                (self.rspamd, "/usr/bin/rspamd")):
            if not os.path.exists(program):
                print("# no %s here (--install-peers)" % program)
            elif os.geteuid() != 0:
                print("# %s needs root for a resolv.conf of its own"
                    % program)
            else:
                try:
                    found.append(make())
                except RuntimeError as e:
                    print("# %s" % e)
        return found

    # Load

    def load(self, target, senders, *options, wait=True):
        address = target.address if isinstance(target, Filter) else target
        process = spawn([self.tools.load, "--socket", address, "--domains",
            senders, *[str(o) for o in options]], stdout=subprocess.PIPE,
            text=True)
        return self.result(process) if wait else process

    def result(self, process, seconds=300):
        try:
            out, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            end(process)
            raise
        started.remove(process)
        if process.returncode != 0:
            raise RuntimeError("the load generator failed")
        return json.loads(out)


RSPAMD = """
lua_path = "/usr/share/rspamd/lualib/?.lua";
options {
	pidfile = "%(directory)s/rspamd.pid";
	filters = "";
	url_tld = "%(directory)s/tld";
	local_addrs = [];
	dns {
		nameserver = ["%(host)s:%(port)d"];
		timeout = 1s;
		retransmits = 5;
	}
	hs_cache_dir = "%(directory)s";
	cache_file = "%(directory)s/rspamd-symbols.cache";
	tempdir = "%(directory)s";
}
logging { type = "file"; filename = "/dev/null"; level = "error"; }
metric { name = "default"; actions { reject = 1000; } }
worker "rspamd_proxy" {
	bind_socket = "%(socket)s mode=0666";
	count = 2;
	milter = yes;
	timeout = 120s;
	upstream "local" { default = yes; self_scan = yes; }
}
spf { spf_cache_size = 16k; }
modules {
	path = "/usr/share/rspamd/plugins/spf.lua";
	path = "/usr/share/rspamd/plugins/milter_headers.lua";
}
milter_headers {
	use = ["authentication-results"];
	skip_local = false;
	skip_authenticated = false;
}
lang_detection { languages = []; }
"""

PEERS = ("pyspf-milter", "rspamd", "opendmarc")


def install_peers():
    """Without starting their services."""
    policy = "/usr/sbin/policy-rc.d"
    made = not os.path.exists(policy)
    if made:
        with open(policy, "w") as f:
            f.write("#!/bin/sh\nexit 101\n")
        os.chmod(policy, 0o755)
    try:
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-qq",
            "--no-install-recommends", *PEERS], check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    finally:
        if made:
            os.unlink(policy)


def remove(directory):
    shutil.rmtree(directory, ignore_errors=True)
