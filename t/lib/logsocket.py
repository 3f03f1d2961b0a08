# SPDX-License-Identifier: BSD-2-Clause
"""In place of a syslog daemon and of the journal: sockets of ours."""

import os
import socket
import subprocess
import tempfile
import time

import tap

# In a name space of mounts of its own, where /dev/log and the socket of the
# journal are links to ours.
WITH_SOCKETS = """
set -e
mount -t tmpfs none "$0/dev"
for name in null zero random urandom; do
	: > "$0/dev/$name"
	mount --bind "/dev/$name" "$0/dev/$name"
done
ln -s "$0/log" "$0/dev/log"
mount --move "$0/dev" /dev
mount -t tmpfs none /run
mkdir -p /run/systemd/journal
ln -s "$0/log" /run/systemd/journal/socket
exec "$@"
"""


class Socket:
    def __init__(self):
        if os.geteuid() != 0:
            tap.skip("needs root")
        self.directory = tempfile.TemporaryDirectory()
        os.chmod(self.directory.name, 0o755)
        os.mkdir(self.path("dev"))
        self.come_back()
        if subprocess.run(self.prefix() + ["true"], check=False,
                stderr=subprocess.DEVNULL).returncode != 0:
            tap.skip("no name space of mounts")

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def prefix(self):
        return ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
            WITH_SOCKETS, self.directory.name]

    def come_back(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path("log"))
        os.chmod(self.path("log"), 0o666)
        self.socket.settimeout(0.1)

    def vanish(self):
        self.socket.close()
        os.unlink(self.path("log"))
        self.gone = time.monotonic()

    def gone_for(self, seconds):
        return time.monotonic() - self.gone > seconds

    def raw(self):
        """The next datagram; nothing if none has come."""
        try:
            return self.socket.recv(1 << 16)
        except socket.timeout:
            return b""

    def datagrams(self, process):
        """All that comes until the process ends."""
        while True:
            ended = process.poll() is not None
            datagram = self.raw()
            if datagram:
                yield datagram
            elif ended:
                return


class Syslog(Socket):
    def lines(self, process):
        return (d.decode() for d in self.datagrams(process))


class Journal(Socket):
    @staticmethod
    def parse(datagram):
        """Fields of one line each: we write no others."""
        if not datagram.endswith(b"\n"):
            raise AssertionError("no end: %r" % datagram)
        pairs = [line.split("=", 1)
            for line in datagram.decode()[:-1].split("\n")]
        if any(len(p) != 2 for p in pairs):
            raise AssertionError("no fields: %r" % datagram)
        return dict(pairs)

    def read(self):
        """The next entry, {} if none has come."""
        datagram = self.raw()
        return self.parse(datagram) if datagram else {}

    def entries(self, process):
        return (self.parse(d) for d in self.datagrams(process))
