# SPDX-License-Identifier: BSD-2-Clause
"""Listening sockets that outlive the daemons that they are handed to."""

import os
import socket
import sys
import tempfile

# argv: the names, the descriptors, then the command.
HAND = """
import os, sys
fds = [int(n) for n in sys.argv[2].split(",") if n]
for i, fd in enumerate(fds):
    os.dup2(fd, 100 + i)
os.closerange(3, 100)
for i in range(len(fds)):
    os.dup2(100 + i, 3 + i)
    os.close(100 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)),
    LISTEN_FDNAMES=sys.argv[1])
os.execvp(sys.argv[3], sys.argv[3:])
"""


def handing(sockets, names=""):
    """Arguments of Daemon: the sockets are its descriptors 3, 4 and so on, as
    systemd hands them over."""
    fds = tuple(s.fileno() for s in sockets)
    return {"pass_fds": fds, "prefix": (sys.executable, "-c", HAND, names,
        ",".join(map(str, fds)))}


class Place:
    """One listening socket: its spec, as clients name it."""

    def __init__(self, kind="unix", backlog=1024):
        if kind == "unix":
            self.directory = tempfile.TemporaryDirectory(
                prefix="spf-milter-test.")
            self.path = self.directory.name + "/socket"
            os.chmod(self.directory.name, 0o755)
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(self.path)
            os.chmod(self.path, 0o777)
            self.spec = "unix:" + self.path
        else:
            host = "127.0.0.1" if kind == "inet" else "::1"
            self.socket = socket.socket(socket.AF_INET if kind == "inet"
                else socket.AF_INET6)
            self.socket.bind((host, 0))
            self.spec = "%s:%d@%s" % (kind, self.socket.getsockname()[1],
                host)
        self.socket.listen(backlog)

    def arguments(self, **options):
        """Of a Daemon that is handed this one."""
        return {"socket_spec": self.spec, "named": "fd:",
            **handing([self.socket]), **options}

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
