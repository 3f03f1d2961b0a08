#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The control socket: whose it is, what becomes of it, and reloads."""

import contextlib
import json
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import tap
import watch
from daemon import Daemon
from dnsserver import DnsServer

DEFAULT = "/run/spf-milter/control"
ZONE = {"example.com": {"TXT": ["v=spf1 -all"]},
    "mail.example.com": {"TXT": ["v=spf1 +all"]}}


def command(d, *args):
    """(status, what it says) of spf-milter -c FILE ARGS."""
    done = subprocess.run([daemon.PROGRAM, "-c", d.config, *args], cwd="/",
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    tap.equal(done.stdout, b"")
    return done.returncode, done.stderr.decode("latin-1")


def test_its_owner_alone_may_use_it():
    with Daemon(control=True) as d:
        mode = os.stat(d.control)
        tap.equal(stat.filemode(mode.st_mode), "srw-------")
        tap.equal(d.ask("/healthz"), (200, "ok\n"))
        tap.contains(d.ask("/metrics")[1], "\nspf_milter_ready ")
        tap.true(d.ask("/readyz")[0] in (200, 503), "an answer")


def test_user_of_the_daemon_owns_it_who_removes_it():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    d = Daemon(control=True, user="nobody", start=False)
    os.chmod(d.directory, 0o777)
    d.start()
    tap.true(os.stat(d.control).st_uid != 0, "it is still root's")
    tap.equal(command(d, "--reload")[0], 0)
    d.stop_well()
    tap.true(not os.path.exists(d.control), "it is left")
    d.clean()


def test_default_without_folder_is_told_and_no_obstacle():
    if os.path.exists(os.path.dirname(DEFAULT)):
        raise tap.Skip("this machine has " + os.path.dirname(DEFAULT))
    d = Daemon(start=False)
    d.configure(daemon.configuration(socket=d.socket).replace(
        'control = ""\n', ""))
    d.start()
    line = d.wait_for_log("no control socket")
    tap.contains(line, DEFAULT)
    tap.contains(line, "No such file")
    d.stop_well()
    tap.equal(sum("no control" in l for l in d.lines), 1)
    d.clean()


def test_other_path_that_cannot_be_had_refuses_the_start():
    for path, reason in (("/nowhere/control", "No such file"),
            ("/etc/passwd", "is not a socket"),
            ("/tmp/" + "x" * 150, "too long")):
        d = Daemon(control=path, start=False)
        status, said = command(d, "-n")
        tap.equal(status, 78)
        tap.true(re.search(r"spf-milter.conf:\d+: control: .*" + reason,
            said), said)
        tap.equal(command(d, "-f")[0], 69)
        d.clean()


def test_one_that_is_left_over_is_replaced_and_a_live_one_is_not():
    with Daemon(control=True) as d:
        with Daemon(control=d.control, start=False) as other:
            status, said = command(other, "-f")
            tap.equal(status, 69)
            tap.contains(said, "another program answers")
        tap.equal(d.ask("/healthz")[0], 200)
        d.kill()
        tap.true(os.path.exists(d.control), "it is gone")
        d.start()
        tap.equal(d.ask("/healthz")[0], 200)


def test_reload_says_that_it_is_done():
    with Daemon(control=True, behavior=3) as d:
        d.configure(behavior=5, control=True, best_guess="v=spf1 +all")
        status, said = command(d, "--reload")
        tap.equal(status, 0)
        tap.contains(said, "spf-milter: configuration reloaded from "
            + d.config)
        d.configure(behavior=5, control=True, pid_file="/tmp/x.pid")
        status, said = command(d, "--reload")
        tap.equal(status, 0)
        tap.contains(said, "spf-milter: a new value of pid_file takes effect "
            "only after a restart\n")


def test_reload_of_a_bad_file_says_where_and_fails():
    with Daemon(control=True) as d:
        d.configure(control=True, behavior=9)
        status, said = command(d, "--reload")
        tap.equal(status, 78)
        tap.true(re.match(r"spf-milter: %s:\d+: behavior = \"9\": too large; "
            "allowed: 0 to 6\nspf-milter: the old configuration stays in force\n$" % d.config,
            said), said)
        # Also where nothing can be read of it, and of what others write.
        d.configure('control = "%s"\nhostname = "\x1b[31m"\nx' % d.control)
        status, said = command(d, "--reload")
        tap.equal(status, 78)
        tap.true("\x1b" not in said, said)
        d.configure(control=True)
        tap.equal(command(d, "--reload")[0], 0)


def test_reload_without_a_daemon_says_what_to_do():
    d = Daemon(control=True, start=False)
    status, said = command(d, "--reload")
    tap.equal(status, 69)
    tap.contains(said, d.control + ": no daemon runs with this configuration")
    d.configure(control="")
    status, said = command(d, "--reload")
    tap.equal(status, 69)
    tap.contains(said, 'control = ""')
    d.clean()


def test_who_is_not_the_owner_is_told():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    with Daemon(control=True) as d:
        done = subprocess.run([*daemon.as_user(65534, 65534), daemon.PROGRAM,
            "-c", d.config, "--reload"], cwd="/", capture_output=True,
            timeout=60)
        tap.equal(done.returncode, 69)
        tap.contains(done.stderr.decode(), "only root and the user")


def told_of(answer, status=0):
    """What --reload says where this is the answer, and then the end."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "control")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen(1)
            d = Daemon(control=path, start=False)
            with subprocess.Popen([daemon.PROGRAM, "-c", d.config,
                    "--reload"], stderr=subprocess.PIPE) as p:
                peer = s.accept()[0]
                tap.contains(peer.recv(100).decode(), "POST /reload HTTP/1.0")
                peer.sendall(answer)
                peer.close()
                said = p.stderr.read().decode()
                tap.equal(p.wait(20), 69 if "ended before it" in said
                    else status)
            d.clean()
    return said


def test_an_answer_that_is_cut_off_is_none():
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ndone\n"
    tap.equal(told_of(whole), "spf-milter: done\n")
    for n in (*range(0, len(whole), 5), len(whole) - 1):
        tap.contains(told_of(whole[:n]), "ended before it answered", n)
    for wrong in (whole + b"more", whole.replace(b"200", b"2x0"),
            whole.replace(b": 5", b": 99999999999999999999"),
            whole.replace(b": 5", b": ")):
        tap.contains(told_of(wrong), "ended before it answered", wrong)


def test_a_reload_that_takes_too_long_is_no_failure_of_the_file():
    tap.equal(told_of(b"HTTP/1.1 503 x\r\nContent-Length: 5\r\n\r\nwait\n",
        75), "spf-milter: wait\n")


def test_a_socket_whose_server_is_busy_is_not_taken_nor_waited_for():
    with tempfile.TemporaryDirectory() as folder, \
            contextlib.ExitStack() as waiting:
        path = os.path.join(folder, "control")
        s = waiting.enter_context(socket.socket(socket.AF_UNIX))
        s.bind(path)
        s.listen(0)
        for _ in range(2):
            c = waiting.enter_context(socket.socket(socket.AF_UNIX))
            c.setblocking(False)
            c.connect_ex(path)
        with Daemon(control=path, start=False) as d:
            code, said = command(d, "-f")
            tap.equal(code, 69)
            tap.contains(said, "another program answers")
            code, said = command(d, "--reload")
            tap.equal(code, 69)
            tap.contains(said, path + ": too many ask the daemon at once")


def status(d, *args):
    code, out, err = daemon.run("--status", "-c", d.config, *args)
    tap.equal((code, err), (0, ""))
    return out


def test_status_tells_of_process_reload_counters_and_rules():
    with Daemon(control=True) as d:
        found = json.loads(status(d, "--json"))
        tap.equal(found["pid"], d.pid)
        tap.equal(found["configuration"], {"path": d.config, "behavior": 3,
            "reload": None})
        d.configure(control=True, behavior=9)
        command(d, "--reload")
        found = json.loads(status(d, "--json"))
        tap.equal(found["configuration"]["reload"]["good"], False)
        tap.equal(found["counters"]["reloads_failed"], 1)
        text = status(d)
        tap.contains(text, ", process %d, up 0d 00:00:" % d.pid)
        tap.contains(text, "failed: the old configuration is in force")
        tap.true("\x1b" not in text, "neither colour nor a stranger's")
        # The errors are lines of the log, as long as those are.
        own, errors = text.split("\nLast errors and warnings")
        tap.contains(errors, "the old configuration stays in force")
        tap.true(max(len(l) for l in own.splitlines()) <= 80, text)


@contextlib.contextmanager
def serving(*args):
    dns = DnsServer(*args, ttl=300)
    try:
        yield dns
    finally:
        dns.stop()


def mail_from(m, domain):
    m.connect("192.0.2.1")
    m.helo("mail." + domain)
    m.mail("<u@%s>" % domain)
    m.rcpt("<r@example.org>")
    m.abort()


def test_status_tells_what_mail_does_now():
    with serving(ZONE) as dns, Daemon(control=True, dns=dns) as d:
        found = json.loads(status(d, "--json"))
        tap.equal(found["sessions"], {"open": 0, "total": 0})
        tap.equal((found["flights"], found["ready"], found["problem"]),
            (0, True, None))
        tap.equal(found["breaker"], {"open": False, "openings": 0})
        tap.equal(found["dns"]["failing"], False)
        tap.equal([(s["address"], s["state"]) for s in
            found["dns"]["servers"]], [(dns.address, "answers")])
        tap.equal(found["cache"]["hit_ratio"], None)
        for i in range(4):
            with d.milter() as m:
                mail_from(m, "example.com")
                found = json.loads(status(d, "--json"))
            tap.equal(found["sessions"], {"open": 1, "total": i + 1})
        cache = found["cache"]
        tap.equal(cache["hits"], found["counters"]["dns_cache_hits"])
        tap.equal((cache["hits"], cache["hit_ratio"]), (6, 0.75))
        tap.true(0 < cache["octets"] < cache["octets_max"], cache)
        tap.true(cache["entries"] == 2 and cache["evictions"] == 0, cache)


def test_status_tells_how_each_name_server_is():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, \
            serving(ZONE) as dns, serving(ZONE) as old:
        silent.bind(("127.0.0.1", 0))
        old.drops_edns = True
        addresses = [dns.address, "127.0.0.1:%d" % silent.getsockname()[1],
            "127.0.0.1:%d" % daemon.free_port(), old.address]

        def states(d):
            servers = json.loads(d.ask("/status")[1])["dns"]["servers"]
            tap.equal([s["address"] for s in servers], addresses)
            return [s["state"] for s in servers]
        with Daemon(control=True, dns_options={"servers": addresses}) as d:
            watch.wait_for(lambda: states(d) == ["answers", "silent",
                "unreachable", "no_edns"], "all have been asked")
            silent.close()
            watch.wait_for(lambda: states(d)[1] == "unreachable",
                "they are asked again", 20)


def test_status_names_the_slowest_domains():
    zone = dict(ZONE, **{"slow.example.com": ZONE["example.com"],
        "mail.slow.example.com": ZONE["mail.example.com"]})
    with serving(zone) as dns, Daemon(control=True, dns=dns) as d:
        dns.load(zone, delays={"slow.example.com": 0.3})
        for domain in ("example.com", "slow.example.com"):
            with d.milter() as m:
                mail_from(m, domain)
        first = json.loads(status(d, "--json"))["slowest"]
        tap.equal(first[0]["domain"], "slow.example.com")
        tap.true(300 <= first[0]["milliseconds"] < 10000, first)
        tap.true(0 <= first[0]["age"] < 60, first)
        tap.equal({e["domain"] for e in first}, {"slow.example.com",
            "mail.slow.example.com", "example.com", "mail.example.com"})
        # What the cache has answers without being noted.
        with d.milter() as m:
            mail_from(m, "slow.example.com")
        again = json.loads(status(d, "--json"))["slowest"]
        tap.equal([(e["domain"], e["milliseconds"]) for e in again],
            [(e["domain"], e["milliseconds"]) for e in first])
        # Of an address in HELO nobody is named.
        with d.milter() as m:
            m.connect("192.0.2.1")
            m.helo("person@helo.example")
            m.message("<>")
        text = status(d, "--json")
        tap.contains(text, '"helo.example"')
        tap.lacks(text, "person")


def test_status_has_the_last_errors_as_the_log_has_them():
    with Daemon(control=True, log_privacy="drop") as d:
        d.configure(control=True, behavior=9, log_privacy="drop")
        command(d, "--reload")
        errors = json.loads(status(d, "--json"))["errors"]
        tap.equal([e["text"] for e in errors[:2]], [
            "reload: the old configuration stays in force",
            "reload: %s" % [l for l in d.lines if "behavior = " in l][0]
                .split("reload: ")[1]])
        tap.equal({e["level"] for e in errors[:2]}, {"error"})
        tap.true(0 <= errors[0]["age"] < 60, errors)


def test_status_that_is_lost_is_an_error():
    with Daemon(control=True) as d, open("/dev/full", "wb") as full:
        done = subprocess.run([daemon.PROGRAM, "-c", d.config, "--status"],
            stdout=full, stderr=subprocess.PIPE, timeout=60)
        tap.equal(done.returncode, 74)


def test_status_without_a_daemon_fails():
    with Daemon(control=True, start=False) as d:
        code, out, err = daemon.run("--status", "-c", d.config)
        tap.equal((code, out), (69, ""))
        tap.contains(err, "no daemon runs")


def test_all_who_ask_at_once_are_answered():
    with Daemon(control=True) as d:
        answers = []

        def ask():
            for _ in range(5):
                answers.append(d.ask("/reload", "POST", timeout=60)[0])
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        tap.equal(answers, [200] * 40)
        tap.true(d.reload(control=True), "SIGHUP")


if __name__ == "__main__":
    daemon.need_http(tap.skip_all)
    tap.main(globals())
