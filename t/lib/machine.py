# SPDX-License-Identifier: BSD-2-Clause
"""A machine with a systemd of its own, in namespaces, within seconds.

    namespaces.enter()
    with Machine() as m:
        m.run("systemctl", "start", "spf-milter")

It sees the files of this one, and what it writes is gone at the end.  The
network is that of the test, so that each reaches what listens at the other.
"""

import os
import shutil
import subprocess
import tempfile

import tap
from watch import wait_for

SYSTEMD = "/lib/systemd/systemd"
BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "machine.sh")


def cgroup_root():
    """Where the second version of cgroups is mounted, or None."""
    with open("/proc/mounts") as f:
        for line in f:
            words = line.split()
            if words[2] == "cgroup2":
                return words[1]
    return None


def obstacle():
    """Why none can be booted here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists(SYSTEMD):
        return "no systemd"
    root = cgroup_root()
    if root is None or not os.access(root, os.W_OK):
        return "no cgroups"
    for program in ("unshare", "nsenter", "pivot_root"):
        if shutil.which(program) is None:
            return "no " + program
    return None


class Machine:
    """root: the files that it is made of, which stay as they are."""

    def __init__(self, root="/"):
        problem = obstacle()
        if problem:
            tap.skip_all(problem)
        self.directory = tempfile.mkdtemp(prefix="spf-milter-machine.")
        self.cgroup = None
        self.outer = None
        self.pid = None
        try:
            self.boot(root)
        except BaseException:
            self.halt()
            raise

    def boot(self, root):
        self.cgroup = os.path.join(cgroup_root(), os.path.basename(
            self.directory))
        try:
            os.mkdir(self.cgroup)
        except OSError as error:
            self.cgroup = None
            tap.skip_all("no cgroups: %s" % error)
        # Into its own group first: that is the root of all that it sees.
        self.log = open(self.directory + ".log", "w+b")
        self.outer = subprocess.Popen(["sh", "-c",
            'echo $$ >"$0/cgroup.procs" && exec unshare --fork --kill-child '
            '--pid --mount --uts --ipc --cgroup sh "$@"',
            self.cgroup, BOOT, self.directory, root],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_for(self.is_up, "the machine")

    def is_up(self):
        if self.outer.poll() is not None:
            self.log.seek(0)
            tap.skip_all("no machine can be booted here: %s"
                % self.log.read().decode("latin-1").strip())
        with open("/proc/%d/task/%d/children" % (self.outer.pid,
                self.outer.pid)) as f:
            children = f.read().split()
        if not children:
            return False
        with open("/proc/%s/comm" % children[0]) as f:
            if f.read() != "systemd\n":
                return False
        self.pid = int(children[0])
        return self.run("systemctl", "is-system-running", check=False)[1] \
            in ("running\n", "degraded\n")

    def path(self, path):
        """A path of the machine, as it is called out here."""
        return "/proc/%d/root%s" % (self.pid, path)

    def write(self, path, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w", encoding="latin-1") as f:
            f.write(text)
        os.chmod(self.path(path), mode)

    def copy(self, source, path, mode=0o644):
        shutil.copyfile(source, self.path(path))
        os.chmod(self.path(path), mode)

    def run(self, *command, check=True, timeout=60):
        """Runs it in there: (status, what it has printed)."""
        done = subprocess.run(["nsenter", "--target", str(self.pid),
            "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--root",
            "--wd=/", *command], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=timeout)
        text = done.stdout.decode("latin-1")
        if check and done.returncode != 0:
            raise AssertionError("%s: status %d\n%s" % (" ".join(command),
                done.returncode, text))
        return done.returncode, text

    def show(self, unit, name):
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", "-p", name,
            unit)[1].strip()

    def journal(self, unit):
        return self.run("journalctl", "-o", "cat", "--no-pager", "-u",
            unit)[1]

    def halt(self):
        if self.outer is not None:
            self.outer.kill()
            self.outer.wait()
        if self.cgroup is not None:
            wait_for(self.is_empty, "the end of the machine")
            for folder, _, _ in os.walk(self.cgroup, topdown=False):
                os.rmdir(folder)
        shutil.rmtree(self.directory, ignore_errors=True)
        if os.path.exists(self.directory + ".log"):
            os.unlink(self.directory + ".log")

    def is_empty(self):
        with open(self.cgroup + "/cgroup.events") as f:
            return "populated 0" in f.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.halt()
