# SPDX-License-Identifier: BSD-2-Clause
"""Both units under a real systemd: start, reload, restart, crash and stop."""

import collections
import http.client
import os
import shutil
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import machine
import milterclient
import namespaces
import spec
import tap
import verdicts
import why
from load import Load
from watch import sanitized, wait_for

namespaces.enter()

FAIL = [spec.reply("fail", spec.CLIENT)]
SERVER = spec.server()
FOLDER = os.path.join(daemon.SRCDIR, "init", "systemd")
UNITS = sorted(name for name in os.listdir(FOLDER)
    if name.endswith((".service", ".socket")))
ETC = "/etc/systemd/system/"
MACHINE = machine.Machine()
UNIT = "spf-milter"
INET = "inet:8890@127.0.0.1"
# A path of the machine; its socket unit gets it in place of the port.
PLACE = "/run/spf-milter.sock"


def systemctl(*words, status=0):
    """What it has printed; it ends with status, or, None, with any other
    than 0."""
    got, text = MACHINE.run("systemctl", *words, check=False)
    if got != status and (status is not None or got == 0):
        raise AssertionError("systemctl %s: status %d\n%s\n%s" % (
            " ".join(words), got, text, MACHINE.journal(UNIT)[-4000:]))
    return text


def configure(**options):
    options = {"log": "syslog", "dns": SERVER, "behavior": 3,
        "control": "/run/spf-milter/control", **options}
    MACHINE.write("/etc/spf-milter.conf", daemon.configuration(**options))


def install():
    """As a package does, in memory."""
    MACHINE.copy(daemon.PROGRAM, "/usr/sbin/spf-milter", 0o755)
    if os.access(why.PROGRAM, os.X_OK):
        MACHINE.copy(why.PROGRAM, "/usr/sbin/spf-why", 0o755)
    MACHINE.copy(FOLDER + "/spf-milter.sysusers", "/run/sysusers.conf")
    MACHINE.run("systemd-sysusers", "/run/sysusers.conf")
    for name in UNITS:
        MACHINE.copy(os.path.join(FOLDER, name), ETC + name)
    if sanitized():
        # The leak check would have to trace the process.
        for name in ("spf-milter", "spf-why"):
            MACHINE.write(ETC + name + ".service.d/asan.conf", "[Service]\n"
                "Environment=ASAN_OPTIONS=detect_leaks=0\n")
    configure()
    systemctl("daemon-reload")


def refusal(place):
    """What the filter says of a forged message."""
    with milterclient.Milter(place) as m:
        m.connect(spec.CLIENT)
        m.helo(spec.HELO)
        return m.message("<u@fail.example.com>").refusal


def main_pid():
    """0: there is none."""
    return int(MACHINE.show(UNIT, "MainPID"))


def socket_spec():
    return "unix:" + MACHINE.path(PLACE)


def test_the_units_are_well_formed():
    install()
    for name in UNITS:
        if name == "spf-why.service" and not os.access(why.PROGRAM, os.X_OK):
            continue
        text = MACHINE.run("systemd-analyze", "--man=no", "verify",
            ETC + name)[1]
        tap.equal([l for l in text.splitlines() if name in l], [])


def test_a_start_is_done_when_it_serves():
    systemctl("start", UNIT)
    tap.equal(refusal(INET), FAIL)
    tap.equal(MACHINE.run("ps", "-o", "user:20=", "-p", str(main_pid()))[1]
        .strip(), "spf-milter")


def test_a_port_below_1024_needs_a_capability_and_it_is_given_up():
    MACHINE.write(ETC + UNIT + ".service.d/port.conf", "[Service]\n"
        "AmbientCapabilities=CAP_NET_BIND_SERVICE\n"
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n")
    configure(socket="inet:783@127.0.0.1")
    systemctl("daemon-reload")
    systemctl("restart", UNIT)
    tap.equal(refusal("inet:783@127.0.0.1"), FAIL)
    with open(MACHINE.path("/proc/%d/status" % main_pid())) as f:
        state = dict(line.split(":\t", 1) for line in f if ":\t" in line)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        tap.equal(int(state[kind], 16), 0, kind)
    MACHINE.run("rm", ETC + UNIT + ".service.d/port.conf")
    configure()
    systemctl("daemon-reload")
    systemctl("restart", UNIT)


def test_a_reload_is_done_when_it_is_in_force():
    daemon.need_http()
    pid = main_pid()
    for level in (1, 3, 1, 3):
        configure(behavior=level)
        systemctl("reload", UNIT)
        tap.equal(refusal(INET), FAIL if level == 3 else None)
    tap.equal(main_pid(), pid)


def test_a_reload_of_a_bad_file_fails():
    daemon.need_http()
    pid = main_pid()
    for bad in ({"behavior": 9}, {"headers": ["none"]}):
        configure(**bad)
        systemctl("reload", UNIT, status=None)
        tap.equal(MACHINE.show(UNIT, "ActiveState"), "active")
        tap.equal(refusal(INET), FAIL)
        tap.contains(MACHINE.run("systemctl", "status", UNIT)[1],
            "the old configuration stays in force")
    configure()
    systemctl("reload", UNIT)
    tap.equal(main_pid(), pid)


def test_one_that_crashes_is_started_again():
    configure()
    systemctl("start", UNIT)
    pid = main_pid()
    MACHINE.run("kill", "-SEGV", str(pid))
    wait_for(lambda: main_pid() not in (0, pid) and MACHINE.show(UNIT,
        "ActiveState") == "active", "another process")
    tap.equal(refusal(INET), FAIL)
    tap.equal(MACHINE.show(UNIT, "NRestarts"), "1")


def test_a_bad_file_is_not_tried_again_and_again():
    systemctl("stop", UNIT)
    configure(behavior=9)
    systemctl("start", UNIT, status=None)
    tap.equal(MACHINE.show(UNIT, "ActiveState"), "failed")
    tap.equal(MACHINE.show(UNIT, "NRestarts"), "0")
    tap.contains(MACHINE.journal(UNIT), "behavior")
    configure()
    systemctl("reset-failed", UNIT)


def test_a_stop_serves_what_is_under_way():
    configure(stop_grace="10s")
    systemctl("start", UNIT)
    with verdicts.open_session(Client(INET)) as m:
        m.mail("<u@pass.example.com>")
        stop = threading.Thread(target=systemctl, args=("stop", UNIT))
        stop.start()
        wait_for(lambda: MACHINE.show(UNIT, "ActiveState") == "deactivating",
            "the stop")
        m.rcpt("<r@example.org>")
        m.end()
        tap.contains(m.edits[-1][3], "pass")
        stop.join()
    tap.equal(MACHINE.show(UNIT, "Result"), "success")
    tap.contains(MACHINE.journal(UNIT), "stopped")


class Client:
    """What verdicts opens sessions of."""

    def __init__(self, place):
        self.place = place

    def milter(self, **arguments):
        return milterclient.Milter(self.place, **arguments)


def with_socket_unit():
    MACHINE.write(ETC + "spf-milter.socket.d/place.conf", "[Socket]\n"
        "ListenStream=\nListenStream=%s\nSocketMode=0666\n" % PLACE)
    configure(socket="fd:")
    systemctl("daemon-reload")
    systemctl("start", "spf-milter.socket")


def test_the_first_connection_starts_it():
    with_socket_unit()
    tap.equal(MACHINE.show(UNIT, "ActiveState"), "inactive")
    tap.equal(refusal(socket_spec()), FAIL)
    tap.contains(MACHINE.journal(UNIT), "fd: is unix:" + PLACE)


def test_restarts_under_load_refuse_no_connection():
    seen = collections.Counter()

    def job(random):
        with milterclient.Milter(socket_spec(), negotiate=False) as m:
            try:
                m.negotiate()
                m.connect(spec.CLIENT)
                m.helo(spec.HELO)
                begun = m.mail("<u@fail.example.com>").kind == "c"
            except (OSError, milterclient.ProtocolError):
                begun = False
            if begun:
                tap.equal(m.rcpt("<r@example.org>").text, FAIL[0])
            seen["served" if begun else "told to come again"] += 1
    with Load(4, job) as load:
        for _ in range(6):
            before = seen["served"]
            wait_for(lambda: seen["served"] > before + 20, "load")
            systemctl("restart", UNIT)
    load.check(least=100)
    tap.diag(repr(dict(seen)))
    tap.true(seen["told to come again"] <= 4 * 6, seen)


def test_the_socket_stays_when_the_service_goes():
    systemctl("stop", UNIT)
    tap.true(os.path.exists(MACHINE.path(PLACE)), "it is there")
    systemctl("stop", "spf-milter.socket")


def test_the_page_is_served_with_a_key_of_its_own():
    if not os.access(why.PROGRAM, os.X_OK):
        tap.skip("spf-why is not built")
    shutil.copytree(why.TEXTS, MACHINE.path("/usr/share/why-texts"))
    MACHINE.write("/etc/default/spf-why",
        "OPTIONS=--texts /usr/share/why-texts\n")
    os.makedirs(MACHINE.path("/etc/spf-milter"), exist_ok=True)
    MACHINE.run("spf-why", "--new-key", "/etc/spf-milter/why.key")
    MACHINE.run("systemctl", "start", "spf-why")
    try:
        wait_for(page, "the page")
    except AssertionError as error:
        raise AssertionError("%s\n%s" % (error, MACHINE.journal("spf-why")))
    tap.contains(page(), "SPF")
    systemctl("stop", "spf-why")


def page():
    connection = http.client.HTTPConnection("127.0.0.1", 9886, timeout=5)
    try:
        connection.request("GET", "/why")
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


try:
    tap.main(globals())
finally:
    MACHINE.halt()
