# SPDX-License-Identifier: BSD-2-Clause
"""The log as JSON and as fields of the journal, whatever strangers send."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import logline
import spec
import tap
import watch
from daemon import Daemon
from logsocket import Journal

SERVER = spec.server()
NUMBERS = ("level", "lookups", "duration_ms", "would", "rcpts")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
HOSTILE = ['a"b', "a\\b", "\x1b[2J", "\xff\xfe", "\xc3", "a=b c",
    '","result":"pass","x":"', "x\\", "\xec\x9c\xa0", "\xe2\x80\xae", "a" * 300,
    "\x7f\x01\t", "\\x41", "{}[]", "\\u0041", "\xed\xa0\x80"]


def unescape(value):
    """The octets of a string of JSON or the journal."""
    return re.sub(rb"\\(x[0-9a-f]{2}|\\)", lambda m: b"\\"
        if m.group(1) == b"\\" else bytes([int(m.group(1)[1:], 16)]),
        value.encode())


def names(seed):
    """What a client may say: the hostile ones, and any octets."""
    r = random.Random(seed)
    return HOSTILE + ["".join(chr(r.choice((r.randrange(1, 256),
        r.randrange(32, 127)))) for _ in range(r.randrange(1, 60)))
        .replace("\r", "").replace("\n", "") or "x" for _ in range(60)]


def as_octets(name):
    return name.encode("latin-1")


def objects(d, start=0):
    return [json.loads(l.encode("latin-1").decode("utf-8"))
        for l in d.lines[start:] if not l.startswith("==")]


def send(d, name):
    with d.milter() as m:
        m.connect(spec.CLIENT)
        m.helo(name)
        return m.message("<u@fail.example.com>")


def test_every_line_is_an_object_and_values_survive():
    d = Daemon(dns=SERVER, behavior=3, log_format="json")
    try:
        said = names(1)
        for name in said:
            start = len(d.lines)
            send(d, name)
            d.wait_for_log('"event":"message"', start=start)
        d.stop_well()
        found = objects(d)
        for o in found:
            tap.true(TIME.fullmatch(o["time"]), o)
            tap.true(o["severity"] in ("notice", "error", "warning", "info"),
                o)
        messages = [o for o in found if o.get("event") == "message"]
        tap.equal(len(messages), len(said))
        for name, o in zip(said, messages):
            want = as_octets(name)
            got = unescape(o["helo"])
            tap.true(got == want or o["helo"].endswith("...") and
                want.startswith(got[:-3]), (name, o))
            tap.equal(o["result"], "fail")
            for key in NUMBERS:
                tap.true(isinstance(o.get(key, 0), int), o)
        tap.equal([o["event"] for o in found if o.get("event") in
            ("start", "stop")], ["start", "stop"])
    finally:
        d.clean()


def test_jq_reads_every_line():
    if shutil.which("jq") is None:
        tap.skip("jq is not installed")
    d = Daemon(dns=SERVER, behavior=3, log_format="json")
    try:
        said = names(2)
        for name in said:
            send(d, name)
        d.stop_well()
        text = "".join(l + "\n" for l in d.lines).encode("latin-1")
        done = subprocess.run(["jq", "-r",
            'select(.event == "message") | [.client, .level + 0] | @tsv'],
            input=text, stdout=subprocess.PIPE, check=True, timeout=60)
        tap.equal(done.stdout.decode(),
            "%s\t3\n" % spec.CLIENT * len(said))
    finally:
        d.clean()


def test_a_reload_changes_the_form():
    with Daemon(dns=SERVER, behavior=3) as d:
        send(d, "mx.example.com")
        logline.parse(d.message_lines(1)[0])
        start = len(d.lines)
        d.reload(dns=SERVER, behavior=3, log_format="json")
        send(d, "mx.example.com")
        d.wait_for_log('"event":"message"', start=start)
        tap.equal([o.get("event") for o in objects(d, start)],
            ["reload", "message"])


class Quiet(Daemon):
    """Its log is elsewhere."""

    def wait_for_log(self, *args, **options):
        return ""


def test_the_journal_has_a_field_for_each_pair():
    journal = Journal()
    d = Quiet(dns=SERVER, behavior=3, log="journald", prefix=journal.prefix(),
        log_level="debug")
    try:
        start = watch.wait_for(journal.read, "an entry")
        said = names(3)
        entries = []
        for name in said:
            send(d, name)
            entry = watch.wait_for(journal.read, "an entry")
            while entry.get("SPF_EVENT") != "message":
                entry = watch.wait_for(journal.read, "an entry")
            entries.append(entry)
        d.process.send_signal(signal.SIGTERM)
        rest = list(journal.entries(d.process))
        tap.contains(start, "PRIORITY")
        tap.equal({e.get("SPF_EVENT") for e in rest} >= {"trace", "stop"},
            True)
        for name, e in zip(said, entries):
            pairs = logline.parse("spf-milter: " +
                e["MESSAGE"].encode().decode("latin-1"))
            fields = {k[4:].lower() for k in e if k.startswith("SPF_")}
            tap.true(fields >= set(pairs), (fields, pairs))
            tap.equal((e["PRIORITY"], e["SYSLOG_FACILITY"],
                e["SPF_RESULT"], e["SPF_LEVEL"], len(e["MESSAGE_ID"])),
                ("6", "2", "fail", "3", 32))
            want = as_octets(name)
            got = unescape(e["SPF_HELO"])
            tap.true(got == want or e["SPF_HELO"].endswith("...") and
                want.startswith(got[:-3]), (name, e))
    finally:
        d.clean()


JOURNALD = "/lib/systemd/systemd-journald"
# A journal of its own, whose files outlive it in $0.
WITH_JOURNAL = """
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/journal /run/log
ln -s "$0" /run/log/journal
if [ ! -s /etc/machine-id ]; then
	mkdir /run/etc
	echo 0123456789abcdef0123456789abcdef > /run/etc/machine-id
	mount --bind /run/etc/machine-id /etc/machine-id
fi
mkdir -p "$0/$(cat /etc/machine-id)"
%s >/dev/null 2>&1 &
while [ ! -S /run/systemd/journal/socket ]; do sleep 0.1; done
"$@" &
trap "kill -TERM $!" TERM
wait || :
wait || :
kill %%1
wait
"""


def journalctl(directory, *words):
    done = subprocess.run(["journalctl", "-q", "-D", directory, "-o", "json",
        *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return [json.loads(l) for l in done.stdout.splitlines()]


def test_a_real_journal_is_asked_by_field():
    if os.geteuid() != 0 or not os.access(JOURNALD, os.X_OK) or \
            shutil.which("journalctl") is None:
        tap.skip("needs root and systemd-journald")
    with tempfile.TemporaryDirectory() as directory:
        d = Quiet(dns=SERVER, behavior=3, log="journald",
            prefix=["unshare", "-m", "-p", "-f", "--kill-child",
            "--propagation", "private", "/bin/sh",
            "-c", WITH_JOURNAL % JOURNALD, directory], start=False)
        try:
            try:
                d.start()
            except AssertionError:
                tap.skip("systemd-journald does not run here")
            for name in ("one.example.com", "two.example.com"):
                send(d, name)
            found = watch.wait_for(lambda: journalctl(directory,
                "SPF_HELO=two.example.com"), "an entry")
            tap.equal(found[0]["SPF_ACTION"], "reject")
            tap.equal(found[0]["SYSLOG_IDENTIFIER"], "spf-milter")
            tap.equal(len(journalctl(directory, "SPF_EVENT=message",
                "SPF_RESULT=fail")), 2)
            tap.equal(len(journalctl(directory,
                "MESSAGE_ID=" + found[0]["MESSAGE_ID"])), 2)
        finally:
            d.kill()
            d.clean()


tap.main(globals())
