# SPDX-License-Identifier: BSD-2-Clause
"""The socket: whose it is, what stands in its place, and who listens beside."""

import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import spec
import tap
from daemon import Daemon, run

SERVER = spec.server()
FAIL = [spec.reply("fail", spec.CLIENT)]

# Puts a link to argv[2] in place of a socket argv[1] whenever there is one.
SWAP = """
import os, stat, sys
while True:
    try:
        if stat.S_ISSOCK(os.lstat(sys.argv[1]).st_mode):
            os.unlink(sys.argv[1])
            os.symlink(sys.argv[2], sys.argv[1])
    except OSError:
        pass
"""


def test_a_link_in_place_of_the_socket_is_not_followed():
    """Whoever owns the folder gets no file of root."""
    if os.geteuid() != 0:
        tap.skip("needs root")
    nobody = pwd.getpwnam("nobody")
    directory = tempfile.mkdtemp(prefix="spf-milter-test.")
    secret = directory + "/secret"
    place = directory + "/theirs/socket"
    with open(secret, "w") as f:
        f.write("secret")
    os.chmod(secret, 0o600)
    os.chmod(directory, 0o755)
    os.mkdir(directory + "/theirs")
    os.chown(directory + "/theirs", nobody.pw_uid, nobody.pw_gid)
    swapping = [subprocess.Popen([sys.executable, "-c", SWAP, place, secret],
        user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
        for _ in range(2)]
    try:
        for _ in range(3):
            if os.path.lexists(place):
                os.unlink(place)
            d = Daemon(dns=SERVER, user="nobody", socket_mode="0666",
                socket_spec="unix:" + place, start=False)
            d.start(wait=False)
            d.wait_for_log("listens on")
            d.stop_well()
            d.clean()
            state = os.stat(secret)
            tap.equal((state.st_uid, oct(stat.S_IMODE(state.st_mode))),
                (0, "0o600"))
    finally:
        for p in swapping:
            p.kill()
            p.wait()
        shutil.rmtree(directory)


def test_a_link_in_the_way_to_the_socket_is_not_followed():
    if os.geteuid() != 0:
        tap.skip("needs root")
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        for name in ("of-root", "of-user"):
            os.mkdir(directory + "/" + name)
        os.symlink("../of-root", directory + "/of-user/link")
        os.symlink("of-root", directory + "/link")
        os.symlink("of-user/link", directory + "/through")
        os.chown(directory + "/of-user", 65534, 65534)
        for way in ("/of-user/link", "/through"):
            d = Daemon(dns=SERVER, user="nobody", start=False,
                socket_spec="unix:%s%s/socket" % (directory, way))
            for arg, status in (("-n", 78), ("-f", 69)):
                done = run(arg, "-c", d.config)
                tap.equal(done[0], status, done[2])
                tap.contains(done[2], directory + way + ": a symbolic link")
            d.clean()
        tap.equal(os.listdir(directory + "/of-root"), [])
        # One that root has made, such as /var/run.
        with Daemon(dns=SERVER,
                socket_spec="unix:%s/link/socket" % directory) as d:
            tap.equal(os.listdir(directory + "/of-root"), ["socket"])
            d.stop_well()
        tap.equal(os.listdir(directory + "/of-root"), [])


def test_a_name_of_every_length_that_is_taken_serves():
    if os.geteuid() != 0:
        tap.skip("needs root")
    place = "/" + "spf-milter-test.%d." % os.getpid()
    place += "x" * (106 - len(place))
    with Daemon(dns=SERVER, socket_spec="unix:" + place) as d:
        with d.milter() as m:
            m.connect(spec.CLIENT)
        d.stop_well()
    tap.true(not os.path.exists(place), "removed")


def test_the_socket_is_complete_when_it_appears():
    """Owner, group and mode; nothing else is left in the folder."""
    root = os.geteuid() == 0
    options = {"user": "nobody", "socket_group": "daemon"} if root else {}
    with Daemon(dns=SERVER, behavior=3, socket_mode="0620", start=False,
            **options) as d:
        os.chmod(d.directory, 0o777)
        d.start()
        path = d.socket[5:]
        state = os.stat(path)
        tap.true(stat.S_ISSOCK(state.st_mode), "a socket")
        tap.equal(stat.S_IMODE(state.st_mode), 0o620)
        if root:
            tap.equal(state.st_uid, pwd.getpwnam("nobody").pw_uid)
        tap.equal([n for n in os.listdir(d.directory) if n.startswith(".")],
            [])
        with d.milter() as m:
            m.connect(spec.CLIENT)
            m.helo(spec.HELO)
            tap.equal(m.message("<u@fail.example.com>").refusal, FAIL)


def test_what_is_not_a_socket_is_left_alone():
    directory = tempfile.mkdtemp(prefix="spf-milter-test.")
    place = directory + "/socket"
    config = directory + "/conf"
    try:
        with open(config, "w") as f:
            f.write('log = "stderr"\nsocket = "unix:%s"\n' % place)
        for make in (lambda: open(place, "w").close(),
                lambda: os.mkdir(place),
                lambda: os.symlink(config, place)):
            make()
            before = os.lstat(place)
            status, _, err = run("-f", "-c", config)
            tap.true(status in (69, 78), "status %d" % status)
            tap.contains(err, place)
            tap.contains(err, "not a socket")
            tap.equal(os.lstat(place).st_ino, before.st_ino)
            tap.equal(sorted(os.listdir(directory)), ["conf", "socket"])
            (os.rmdir if stat.S_ISDIR(before.st_mode) else os.unlink)(place)
    finally:
        shutil.rmtree(directory)


def test_a_socket_of_another_kind_is_not_taken_away():
    """Such as that of a syslog daemon."""
    with tempfile.TemporaryDirectory() as directory, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as theirs:
        place = directory + "/log"
        theirs.bind(place)
        for options in ({"socket_spec": "unix:" + place},
                {"control": place}):
            d = Daemon(dns=SERVER, start=False, **options)
            status, _, err = run("-f", "-c", d.config)
            d.clean()
            tap.equal(status, 69, err)
            tap.contains(err, place + ": another program answers")
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                s.connect(place)
                s.send(b"x")
            tap.equal(theirs.recv(9), b"x")


def test_a_listener_that_it_inherits_is_left_alone():
    """No option is set on it, and nobody comes to it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(5)
        as_3 = ("sh", "-c", 'exec "$0" "$@" 3<&%d' % other.fileno())
        with Daemon(dns=SERVER, behavior=3, pass_fds=(other.fileno(),),
                prefix=as_3,
                socket_spec="inet:%d@127.0.0.1" % daemon.free_port()) as d:
            with d.milter() as m:
                m.connect(spec.CLIENT)
                m.helo(spec.HELO)
                start = time.monotonic()
                for _ in range(20):
                    m.message("<u@pass.example.com>")
                seconds = time.monotonic() - start
                m.message("<u@dead.example.com>")
        # 40 ms each if Nagle's algorithm were at work.
        tap.true(seconds < 0.7, "%.2f s for 20 messages" % seconds)
        tap.equal(other.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), 0)
        other.setblocking(False)
        try:
            other.accept()
        except BlockingIOError:
            return
        raise AssertionError("somebody came")


tap.main(globals())
