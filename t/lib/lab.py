# SPDX-License-Identifier: BSD-2-Clause
"""A small internet in namespaces of its own: network, mounts, processes.

Every address is local there, so a client can come from any public address;
/etc and /dev are private copies, DNS is a real name server, and the end of
the test, however it ends, is the end of every process in it.
"""

import os
import shutil
import socket
import subprocess
import threading

import daemon
import dnsserver
import namespaces
import tap
from watch import wait_for

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def require(*programs):
    """Skips the file unless it can run here; goes on inside the lab."""
    if namespaces.inside():
        return
    if os.geteuid() != 0:
        tap.skip_all("needs root for network namespaces and mail servers")
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    os.environ["PATH"] = path
    for program in ("unshare", "ip", "mount", "nsd") + programs:
        if shutil.which(program, path=path) is None:
            tap.skip_all("%s is not installed" % program)
    namespaces.enter("--propagation", "private")


def command(*words):
    done = subprocess.run(words, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise AssertionError("%s: status %d\n%s" % (" ".join(words),
            done.returncode, done.stdout.decode("latin-1")))
    return done.stdout.decode("latin-1")


def write(path, text, mode=0o644):
    with open(path, "w", encoding="latin-1") as f:
        f.write(text)
    if not path.startswith("/proc/"):
        os.chmod(path, mode)


class Lab:
    """The place: self.dir is memory that is gone afterwards."""

    def __init__(self):
        if not namespaces.inside():
            raise AssertionError("a lab outside of enter() is the machine")
        self.dir = self.memory()
        self.private_etc()
        self.private_dev()
        self.network()
        self.log = Syslog("/dev/log")

    @staticmethod
    def memory():
        """Not below /tmp: sendmail distrusts directories all may write to.
        Whatever is hidden by the mount must not be needed."""
        for place in ("/mnt", "/media", "/srv"):
            if os.path.isdir(place) and not any(
                    os.path.realpath(d).startswith(place + "/")
                    for d in (daemon.SRCDIR, daemon.BUILDDIR)):
                command("mount", "-t", "tmpfs", "-o", "mode=755", "lab",
                    place)
                return place
        raise AssertionError("no place to mount on")

    def private_etc(self):
        etc = self.dir + "/etc"
        shutil.copytree("/etc", etc, symlinks=True,
            ignore_dangling_symlinks=True)
        # It may be a link to a place that is not private.
        for name in ("resolv.conf", "hosts", "nsswitch.conf"):
            if os.path.lexists(etc + "/" + name):
                os.unlink(etc + "/" + name)
        write(etc + "/resolv.conf", "nameserver 127.0.0.1\n")
        write(etc + "/hosts", "127.0.0.1 localhost\n::1 localhost\n")
        write(etc + "/nsswitch.conf", "passwd: files\ngroup: files\n"
            "hosts: files dns\nservices: files\naliases: files\n")
        command("mount", "--bind", etc, "/etc")

    def private_dev(self):
        """So that syslog(3) comes here and nowhere else."""
        dev = self.dir + "/dev"
        os.mkdir(dev)
        for name in DEVICES:
            write(dev + "/" + name, "")
            command("mount", "--bind", "/dev/" + name, dev + "/" + name)
        os.symlink("/proc/self/fd", dev + "/fd")
        os.mkdir(dev + "/shm", 0o1777)
        command("mount", "--rbind", dev, "/dev")

    @staticmethod
    def network():
        command("ip", "link", "set", "lo", "up")
        command("ip", "route", "add", "local", "0.0.0.0/0", "dev", "lo")
        command("ip", "-6", "route", "add", "local", "::/0", "dev", "lo")
        # Servers do not bind to an address that no interface has.
        write("/proc/sys/net/ipv6/ip_nonlocal_bind", "1")


class Syslog:
    """Keeps what programs log with syslog(3)."""

    def __init__(self, path):
        self.lines = []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        os.chmod(path, 0o666)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            data = self.sock.recv(65536)
            self.lines.append(data.decode("latin-1").rstrip("\n\0"))

    def tail(self, count=30):
        return "\n".join(self.lines[-count:])


# Of the root zone.
ROOT = """$TTL 60
. SOA ns. hostmaster. 1 60 60 60 60
. NS ns.
ns. A 127.0.0.1
"""


def zone_file(path, zone, head=ROOT):
    """A master file of these records.  sendmail refuses sender domains that
    do not exist, so each name has an address."""
    write(path, head + dnsserver.zone_text({name: {"A": ["192.0.2.9"],
        **records} for name, records in zone.items()}, ttl=60))
    return path


class NameServer:
    """nsd on 127.0.0.1:53, authoritative for the root from a master file;
    the names in broken are zones without data: SERVFAIL."""

    def __init__(self, lab, master_file, broken=()):
        base = lab.dir + "/nsd"
        os.mkdir(base)
        text = ('server:\n\tip-address: 127.0.0.1\n\tusername: ""\n'
            '\tdatabase: ""\n\tpidfile: "%s/pid"\n\tzonesdir: "%s"\n'
            '\tzonelistfile: "%s/zones"\n\txfrdfile: "%s/xfrd"\n'
            '\tlogfile: "%s/log"\n\trrl-ratelimit: 0\n'
            'remote-control:\n\tcontrol-enable: no\n'
            % ((base,) * 5))
        text += 'zone:\n\tname: "."\n\tzonefile: "%s"\n' % master_file
        for name in broken:
            text += 'zone:\n\tname: "%s"\n\tzonefile: "none"\n' % name
        write(base + "/nsd.conf", text)
        self.process = subprocess.Popen(["nsd", "-d", "-c",
            base + "/nsd.conf"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers, "an answer of nsd:\n" + base + "/log")

    @staticmethod
    def answers():
        query = b"\x12\x34\0\0\0\1\0\0\0\0\0\0\0\0\6\0\1"	# . SOA
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.2)
            try:
                s.sendto(query, ("127.0.0.1", 53))
                return s.recv(512)[:2] == query[:2]
            except OSError:
                return False
