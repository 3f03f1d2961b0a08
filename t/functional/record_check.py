# SPDX-License-Identifier: BSD-2-Clause
"""Records are checked with a real name server, and shown on a terminal."""

import json
import os
import pty
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import dnsserver
import tap
from daemon import run

INCLUDES = ["i%d.example.com" % i for i in range(8)]
LONG = "v=spf1 " + " ".join("ip4:198.51.100.%d" % i for i in range(0, 60, 3)) \
    + " ~all"


def split(text):
    """Strings of 255 octets at most."""
    return [text[i:i + 255] for i in range(0, len(text), 255)]


ZONE = {
    "example.com": {"TXT": ["v=spf1 mx " + " ".join("include:" + i
        for i in INCLUDES) + " -all"], "MX": [(10, "mx.example.com")],
        "SPF": ["v=spf1 -all"]},
    "mx.example.com": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
    "long.example.com": {"TXT": [split(LONG)], "A": ["192.0.2.2"]},
    "clean.example.com": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"],
        "A": ["192.0.2.1"]},
    "split.example.com": {"TXT": [["v=spf1 a", "mx -all"]],
        "A": ["192.0.2.2"]},
    "dead.example.com": {"TXT": ["v=spf1 a:gone.example.com -all"],
        "A": ["192.0.2.2"]},
}
ZONE.update((name, {"TXT": ["v=spf1 ip4:203.0.113.%d -all" % i]})
    for i, name in enumerate(INCLUDES))
SERVER = dnsserver.DnsServer(ZONE)


def configuration(f, timeout="4s"):
    f.write('dns {\n\tservers = { "%s" }\n\tquery_timeout = %s\n}\n' %
        (SERVER.address, timeout))
    f.flush()


def check(*args, timeout="4s"):
    """(status, standard output, standard error)"""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        configuration(f, timeout)
        return run("-c", f.name, *args)


def names(text):
    return re.findall(r"^(?:error|warning|note) ([a-z-]+):", text, re.M)


def test_the_dns_of_the_configuration_is_asked():
    status, out, err = check("--check-domain", "clean.example.com")
    tap.equal((status, err), (0, ""))
    tap.equal(names(out), [])
    tap.contains(out, "192.0.2.1")
    status, out, _ = check("--check-domain", "none.example.com")
    tap.equal((status, names(out)), (2, ["no-record"]))


def test_strings_and_their_size_come_from_the_wire():
    status, out, _ = check("--check-domain", "split.example.com")
    tap.equal(status, 2)
    tap.equal(sorted(names(out)), ["split", "syntax"])
    tap.contains(out, "v=spf1 a mx -all")
    status, out, _ = check("--check-domain", "long.example.com")
    tap.equal((status, names(out)), (0, []))
    tap.contains(out, "198.51.100.57")


def test_a_record_of_type_spf_is_found():
    status, out, _ = check("--check-domain", "example.com", "--json")
    tap.equal(status, 1)
    found = json.loads(out)
    tap.equal([f["name"] for f in found["findings"]], ["type-spf"])
    tap.equal(found["lookups"], 9)
    tap.equal(found["pass"]["ip4"]["addresses"], "9")
    tap.equal(found["without_lookups"]["lookups"], 0)


def test_a_name_server_that_is_silent_is_an_error_and_no_hang():
    SERVER.load(ZONE, faults={"gone.example.com": "timeout"})
    status, out, _ = check("--check-domain", "dead.example.com",
        timeout="1s")
    SERVER.load(ZONE)
    tap.equal((status, names(out)), (2, ["dns"]))
    tap.contains(" ".join(out.split()), "gone.example.com (no answer in 1 s)")


def on_terminal(**environment):
    """What is shown on one."""
    leader, follower = pty.openpty()
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        configuration(f)
        p = subprocess.Popen([daemon.PROGRAM, "-c", f.name, "--check-domain",
            "example.com"], stdout=follower, env={**os.environ,
            "TERM": "xterm", **environment})
        os.close(follower)
        shown = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:		# it has ended
                break
            shown += part
            if not part:
                break
        p.wait()
    os.close(leader)
    return shown.decode()


def test_colours_are_for_terminals_that_want_them():
    tap.contains(on_terminal(), "\033[33mwarning")
    tap.lacks(on_terminal(NO_COLOR="1"), "\033")
    tap.lacks(on_terminal(TERM="dumb"), "\033")
    tap.lacks(check("--check-domain", "example.com")[1], "\033")


def test_lines_have_80_columns():
    _, out, _ = check("--check-domain", "example.com")
    tap.equal([line for line in out.splitlines() if len(line) > 80], [])


def test_wrong_options_are_named():
    for args, want in (
            (["--mx"], "--generate"),
            (["--generate"], "parts"),
            (["--domain", "example.com"], "--check-record"),
            (["--check-domain", "example.com", "surplus"], "unexpected"),
            (["--check-domain", "example.com", "--ip", "192.0.2.1"], "-t"),
            (["--check-domain", "a..b"], "not a domain name: a..b"),
            (["--check-record", "v=spf1", "--domain", "x"], "not a domain"),
            (["--generate", "--mx", "--zone", "/dev/null"], "--zone"),
            (["--generate", "--ip", "fe80::1%eth0"], "--ip fe80::1%eth0"),
            (["--generate", "--all"], "requires an argument")):
        status, out, err = check(*args)
        tap.equal((status, out), (64, ""), repr(args))
        tap.contains(err, want, repr(args))


def test_output_that_is_lost_is_an_error():
    with open("/dev/full", "w", encoding="ascii") as full:
        for args in (["--generate", "--mx"],
                ["--check-record", "v=spf1 -all"]):
            p = subprocess.run([daemon.PROGRAM, *args], stdout=full,
                stderr=subprocess.PIPE, check=False)
            tap.equal(p.returncode, 74)


tap.main(globals())
