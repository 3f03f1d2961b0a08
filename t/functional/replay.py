# SPDX-License-Identifier: BSD-2-Clause
"""spf-milter -t --replay: what the messages of a log would get today."""

import gzip
import json
import lzma
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import dnsserver
import tap
from daemon import run
from watch import wait_for

FOLDER = tempfile.TemporaryDirectory(prefix="spf-milter-test.")
SERVER = dnsserver.DnsServer({
    "example.com": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "soft.example": {"TXT": ["v=spf1 ~all"]},
    **{"d%d.example" % i: {"TXT": ["v=spf1 -all"]} for i in range(1000)}})


def write(name, octets):
    path = os.path.join(FOLDER.name, name)
    with open(path, "wb") as f:
        f.write(octets.encode() if isinstance(octets, str) else octets)
    return path


def conf(name, text):
    return write(name, text + 'dns {\n\tservers = {"%s"}\n}\n' %
        SERVER.address)


ONE = conf("one.conf", "behavior = 1\n")
THREE = conf("three.conf", "behavior = 3\n")
RULES = conf("rules.conf", "behavior = 4\nrule \"partner\" {\n"
    "\tsender = {\"soft.example\"}\n\trecipient = {\"a@example.org\"}\n"
    "\taction = \"tag\"\n}\n")


def message(number, sender, rcpts=("a@example.org",), client="203.0.113.1",
        more=""):
    date = "Nov 26 12:00:00 mx postfix/"
    return "".join(date + line + "\n" for line in (
        "smtpd[1]: 4X%05d: client=unknown[%s]%s" % (number, client, more),
        "qmgr[2]: 4X%05d: from=<%s>, size=9, nrcpt=%d (queue active)" %
            (number, sender, len(rcpts)),
        *("virtual[3]: 4X%05d: to=<%s>, relay=virtual, status=sent (x)" %
            (number, r) for r in rcpts),
        "qmgr[2]: 4X%05d: removed" % number))


LOG = message(1, "u@example.com") + message(2, "u@soft.example",
    ("a@example.org", "b@example.org")) + message(3, "u@example.com",
    client="192.0.2.1") + message(4, "u@example.com") + \
    message(5, "u@example.com", more=", sasl_username=u")


def replayed(log, *args, conf=THREE):
    status, out, err = run("-t", "-c", conf, "--replay", log, *args)
    tap.equal((status, err), (0, ""), out)
    return out


def objects(log, *args, conf=THREE):
    return [json.loads(line) for line in
        replayed(log, "--json", *args, conf=conf).splitlines()]


def test_each_message_that_differs_is_judged_once_and_counted():
    *messages, totals = objects(write("log", LOG))
    tap.equal([(m["sender"], m["client"], m["messages"], m["result"],
        m["action"]) for m in messages], [
        ("u@example.com", "203.0.113.1", 2, "fail", "reject"),
        ("u@soft.example", "203.0.113.1", 1, "softfail", "accept"),
        ("u@example.com", "192.0.2.1", 1, "pass", "accept"),
        ("u@example.com", "203.0.113.1", 1, None, "accept")])
    tap.equal((totals["lines"], totals["messages"], totals["played"]),
        (21, 5, 4))
    out = replayed(write("log", LOG))
    tap.contains(out, "5 messages in 21 lines, of which 4 differ\n")
    tap.contains(out, "         2   40.00%  reject\n")


def test_recipients_count_where_a_rule_asks_for_them():
    *messages, _ = objects(write("log", LOG), conf=RULES)
    tap.equal([(m["rcpt"], m["action"], m["rule"]) for m in messages
        if m["sender"] == "u@soft.example"],
        [("a@example.org", "tag", "partner"),
         ("b@example.org", "reject", None)])


def test_two_configurations_are_compared():
    out = replayed(write("log", LOG), "--against", RULES, conf=ONE)
    tap.contains(out, "against %s\n" % RULES)
    tap.contains(out, "4 messages change\n")
    tap.contains(out, "accept -> tag by rule partner\n"
        "    client=203.0.113.1 sender=u@soft.example rcpt=a@example.org\n")
    tap.contains(out, "accept -> reject\n    client=203.0.113.1 sender="
        "u@example.com rcpt=a@example.org (2 times)\n")
    message = objects(write("log", LOG), "--against", RULES, conf=ONE)[0]
    tap.equal((message["action"], message["against"]), ("accept",
        {"result": "fail", "action": "reject", "rule": None}))


def test_packed_logs_and_standard_input_say_the_same():
    wanted = replayed(write("log", LOG))
    packed = {"gz": gzip.compress(LOG.encode()),
        "xz": lzma.compress(LOG.encode())}
    if shutil.which("zstd"):
        packed["zst"] = subprocess.run(["zstd", "-cq"], input=LOG.encode(),
            stdout=subprocess.PIPE, check=True).stdout
    for name, octets in packed.items():
        tap.equal(replayed(write("log." + name, octets)), wanted, name)
        status, _, err = run("-t", "-c", THREE, "--replay",
            write("cut." + name, octets[:-8]))
        tap.equal(status, 65, err)
        tap.contains(err, "cut." + name + ": cannot be unpacked")
    status, out, _ = run("-t", "-c", THREE, "--replay", "-", stdin=LOG)
    tap.equal((status, out), (0, wanted))


def test_questions_are_paced():
    log = write("log", "".join(message(i, "u@d%d.example" % i)
        for i in range(100)))
    start = time.monotonic()
    replayed(log, "--rate", "50")
    tap.true(time.monotonic() - start > 1.5, "100 questions take 2 s")


def test_a_run_goes_on_where_it_was_killed():
    log = write("log", "".join(message(i, "u@d%d.example" % i)
        for i in range(1000)))
    wanted = replayed(log)
    state = os.path.join(FOLDER.name, "state")
    command = [daemon.PROGRAM, "-t", "-c", THREE, "--replay", log, "--state",
        state, "--rate", "100"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        wait_for(lambda: os.path.exists(state), "a state")
        process.send_signal(signal.SIGKILL)
    with open(state) as f:
        done = json.load(f)["played"]
    tap.true(0 < done < 1000, done)
    tap.equal(replayed(log, "--state", state), wanted)
    *messages, _ = objects(log, "--state", state)
    tap.equal(messages, [], "all is done")


def test_the_state_of_something_else_is_refused():
    log = write("log", LOG)
    state = os.path.join(FOLDER.name, "other")
    replayed(log, "--state", state)
    for args, changed in ((("-c", ONE), LOG), (("-c", THREE),
            LOG.replace("u@soft", "v@soft")), (("-c", THREE), "")):
        status, _, err = run("-t", *args, "--replay", write("log", changed),
            "--state", state)
        tap.equal(status, 65, err)
        tap.contains(err, "the state of another log")
    for text in ("", "{}", "[]", '{"groups": 1}'):
        write("other", text)
        tap.equal(run("-t", "-c", THREE, "--replay", log, "--state",
            state)[0], 65, text)
    status, _, err = run("-t", "-c", THREE, "--replay", log, "--state",
        "/nowhere/state")
    tap.equal(status, 73, err)


def test_a_terminal_is_shown_how_far_it_is():
    log = write("log", "".join(message(i, "u@d%d.example" % i)
        for i in range(300)))
    ours, theirs = pty.openpty()
    with subprocess.Popen([daemon.PROGRAM, "-t", "-c", THREE, "--replay", log,
            "--rate", "100"], stdout=subprocess.DEVNULL, stderr=theirs) as p:
        os.close(theirs)
        text = b""
        try:
            while octets := os.read(ours, 1000):
                text += octets
        except OSError:
            pass
    os.close(ours)
    tap.equal(p.returncode, 0)
    tap.true(re.search(rb"\d+ played, \d+%, \d+:\d\d left", text), text)


def test_wrong_use_is_told():
    for status, text, args in (
        (64, "--replay goes with -t", ("--replay", "x")),
        (64, "go with -t --replay", ("-t", "--rate", "5")),
        (64, "--rate is a number", ("-t", "--replay", "x", "--rate", "0")),
        (64, "from the log alone", ("-t", "--replay", "x", "--ip", "::1")),
        (66, "/nowhere: No such file", ("-t", "--replay", "/nowhere")),
        (66, "Is a directory", ("-t", "--replay", FOLDER.name)),
        (78, "nowhere.conf", ("-t", "--replay", "-", "--against",
            "/nowhere.conf"))):
        found = run(*args, "-c", THREE)
        tap.equal(found[0], status, args)
        tap.contains(found[2], text)


tap.main(globals())
