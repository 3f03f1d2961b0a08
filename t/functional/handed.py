# SPDX-License-Identifier: BSD-2-Clause
"""socket = "fd:": a socket that who starts the daemon has opened, and keeps."""

import collections
import contextlib
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import milterclient
import spec
import tap
import verdicts
from daemon import Daemon, run
from handover import Place, handing
from load import Load
from watch import wait_for

DAEMONS = 5			# that take turns

SERVER = spec.server()
FAIL = [spec.reply("fail", spec.CLIENT)]


def handed(place, **options):
    return Daemon(dns=SERVER, behavior=3, **place.arguments(**options))


def listeners(pid):
    """How many descriptors of listening sockets a process has."""
    inodes = set()
    for name in ("tcp", "tcp6"):
        with open("/proc/net/" + name) as f:
            inodes |= {line.split()[9] for line in f
                if line.split()[3] == "0A"}
    with open("/proc/net/unix") as f:
        inodes |= {line.split()[6] for line in f
            if line.split()[3] == "00010000"}
    count = 0
    for fd in os.listdir("/proc/%d/fd" % pid):
        target = os.readlink("/proc/%d/fd/%s" % (pid, fd))
        count += target.startswith("socket:[") and target[8:-1] in inodes
    return count


def test_a_socket_of_each_kind_serves():
    for kind in ("unix", "inet", "inet6"):
        with Place(kind) as place, handed(place) as d:
            with verdicts.open_session(d) as m:
                tap.equal(m.message("<u@fail.example.com>").refusal, FAIL)
                start = time.monotonic()
                for _ in range(20):
                    m.message("<u@pass.example.com>")
                seconds = time.monotonic() - start
            # 40 ms each if Nagle's algorithm were at work.
            tap.true(seconds < 0.7, "%.2f s for 20 messages" % seconds)
            tap.equal(listeners(d.pid), 1)
            tap.contains(d.log(), "listens on fd:")
            where = place.spec if kind == "unix" else "%s port %d" % (
                place.spec.split("@")[1], place.socket.getsockname()[1])
            tap.contains(d.log(), "fd: is " + where)
            d.stop_well()
            tap.equal(place.socket.getsockopt(socket.SOL_SOCKET,
                socket.SO_ACCEPTCONN), 1)


def test_how_many_may_wait_stays_as_it_was():
    """It is up to who has opened the socket."""
    with Place("inet", backlog=7) as place, handed(place):
        info = place.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO,
            32)
        tap.equal(struct.unpack("I", info[28:])[0], 7)


def begin(place):
    """A client that has connected and sent its first packet."""
    m = milterclient.Milter(place.spec, negotiate=False)
    m.send("O", b"\0\0\0\6\0\0\1\xff\0\x1f\xff\xff")
    return m


def test_who_comes_between_two_daemons_is_served_by_the_next():
    for kind in ("unix", "inet"):
        with Place(kind) as place:
            with handed(place) as first:
                first.stop_well()
            if kind == "unix":
                tap.true(os.path.exists(place.path), "the socket is there")
            waiting = [begin(place) for _ in range(20)]
            with handed(place):
                for m in waiting:
                    tap.equal(m.receive()[0], "O")
                    m.close()


def takes_nobody_any_more(idle):
    """What an idle session is told comes after the door has closed."""
    if idle.mail("<u@pass.example.com>").kind == "t":
        return True
    idle.send("A")
    return False


def test_who_comes_to_one_that_is_stopping_waits_for_the_next():
    """It takes no one in, and sends no one away."""
    for kind in ("unix", "inet"):
        with Place(kind) as place, handed(place, stop_grace="30s") as first:
            idle = verdicts.open_session(first)
            with verdicts.open_session(first) as m:
                m.mail("<u@pass.example.com>")
                first.process.terminate()
                wait_for(lambda: takes_nobody_any_more(idle), "the stop")
                waiting = [begin(place) for _ in range(3)]
                m.rcpt("<r@example.org>")
                m.end()
                tap.contains(m.edits[-1][3], "pass")
            tap.equal(first.process.wait(10), 0)
            idle.drop()
            with handed(place):
                for late in waiting:
                    tap.equal(late.receive()[0], "O")
                    late.close()


def test_no_connection_is_refused_while_daemons_take_turns():
    """Each is served, or told in words to come again; few are."""
    seen = collections.Counter()
    with Place() as place:
        def job(random):
            m = milterclient.Milter(place.spec, negotiate=False)
            with m:
                try:
                    m.negotiate()
                    m.connect(spec.CLIENT)
                    m.helo(spec.HELO)
                    reply = m.mail("<u@fail.example.com>")
                except (OSError, milterclient.ProtocolError):
                    seen["ended before a message"] += 1
                    return
                if reply.kind == "t":
                    seen["451"] += 1
                    return
                # What has begun is served to its end.
                tap.equal(m.rcpt("<r@example.org>").text, FAIL[0])
                seen["served"] += 1
        # The last one is there until nobody comes any more.
        with contextlib.ExitStack() as daemons, Load(4, job) as load:
            for n in range(DAEMONS):
                d = daemons.enter_context(handed(place))
                before = seen["served"]
                wait_for(lambda: seen["served"] > before + 20, "load")
                if n < DAEMONS - 1:
                    d.stop_well()
        load.check(least=DAEMONS * 20)
        tap.diag(repr(dict(seen)))
        # No more than the sessions that were open just then.
        tap.true(seen["451"] + seen["ended before a message"]
            <= 4 * DAEMONS, seen)


def test_the_environment_is_not_believed_if_it_is_another_process_own():
    with Place() as place:
        for env in ({"LISTEN_PID": "1", "LISTEN_FDS": "1"},
                {"LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid())},
                {"LISTEN_PID": "x", "LISTEN_FDS": "y"}):
            tap.contains(refusal({**place.arguments(), "prefix": ()}, env),
                "fd:: we were handed no socket")


def refusal(arguments, env=None):
    """Why a daemon does not start."""
    d = Daemon(dns=SERVER, start=False, env=env, **arguments)
    try:
        d.start(wait=False)
        tap.equal(d.process.wait(20), 69, d.log())
        d.reader.join(5)
        return d.log()
    finally:
        d.clean()


def test_one_of_several_is_chosen_by_its_name():
    with Place() as one, Place("inet") as two, Place() as three:
        sockets = [p.socket for p in (one, two, three)]
        hand = handing(sockets, "a:spf-milter.socket:c")
        with Daemon(dns=SERVER, behavior=3, socket_spec=two.spec,
                named="fd:spf-milter.socket", **hand) as d:
            with verdicts.open_session(d) as m:
                tap.equal(m.message("<u@fail.example.com>").refusal, FAIL)
            tap.contains(d.log(), "do not serve, because socket is "
                "fd:spf-milter.socket: 2 of 3 (a:spf-milter.socket:c)")
            tap.equal(listeners(d.pid), 1)
        for named, names, text in (
                ("fd:", "a:b:c", "fd:: we were handed 3 sockets that this "
                    "may mean, and can serve one: a:b:c"),
                ("fd:a", "a:a:c", "we were handed 2 sockets"),
                ("fd:x", "a:b:c", "fd:x: we were handed no socket of this "
                    "name, but: a:b:c"),
                ("fd:c", "a:b", "no socket of this name, but: a:b"),
                ("fd:bb", "a:b:bbb", "no socket of this name")):
            tap.contains(refusal({"socket_spec": one.spec, "named": named,
                **handing(sockets, names)}), text)


def test_what_is_no_listening_stream_socket_is_refused():
    ends = socket.socketpair()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        for s in (ends[0], datagrams):
            tap.contains(refusal({"socket_spec": "unix:/none",
                "named": "fd:", **handing([s])}),
                "fd:: what we were handed is no stream socket that listens")
    for s in ends:
        s.close()


def test_a_socket_that_is_not_asked_for_is_told():
    with Place() as place:
        with Daemon(dns=SERVER, **handing([place.socket], "x")) as d:
            tap.contains(d.log(), "sockets that we were handed and do not "
                "serve, because socket is unix:")
            tap.equal(listeners(d.pid), 1)


def test_the_check_says_that_it_cannot_tell():
    with Place() as place:
        d = Daemon(dns=SERVER, start=False, **place.arguments())
        status, _, err = run("-n", "-c", d.config)
        d.clean()
    tap.equal(status, 0, err)
    tap.contains(err, "socket = fd:: opened by what starts the daemon, so it "
        "is not checked")


tap.main(globals())
