# SPDX-License-Identifier: BSD-2-Clause
"""trusted_networks in files: of others as their tools make them, and files
that change while mail flows."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import dnsserver
import tap
from daemon import Daemon

ZONE = 'example.com TXT "v=spf1 -all"\n'
FOLDER = tempfile.TemporaryDirectory(prefix="spf-milter-test.")


def path(name):
    return os.path.join(FOLDER.name, name)


def write(name, text):
    """In place of the old one at once; the whole path."""
    with open(path(name) + ".new", "w") as f:
        f.write(text)
    os.rename(path(name) + ".new", path(name))
    return path(name)


def built_with(library):
    return library in daemon.run("-V")[1]


def make(*command, text=""):
    """Runs a tool that makes a file; its absence skips the test."""
    if shutil.which(command[0]) is None:
        tap.skip("no " + command[0])
    subprocess.run(command, input=text, text=True, check=True,
        cwd=FOLDER.name, stdout=subprocess.DEVNULL)


def configuration(networks, **options):
    return write("conf", daemon.configuration(trusted_networks=networks,
        **options))


def trusted(networks, clients):
    """Those of clients that are not checked."""
    zone = write("zone", ZONE)
    status, out, err = daemon.run("-t", "-c", configuration(networks),
        "--zone", zone, "--json", stdin="".join(
        "%s mx.example.com u@example.com\n" % c for c in clients))
    objects = [json.loads(line) for line in out.splitlines()]
    tap.equal([o["client"] for o in objects], list(clients), err)
    return [o["client"] for o in objects
        if o["skipped"] == "client in a trusted network"]


def test_a_tcp_smtp_cdb_of_qmail_trusts_whom_it_sets_relayclient_for():
    if not built_with("tinycdb"):
        tap.skip("built without tinycdb")
    make("tcprules", "tcp.smtp.cdb", "tcp.smtp.tmp", text=(
        '10.0.0.1:allow,RELAYCLIENT=""\n'
        '10.0.1.4-6:allow,SPFBEHAVIOR="0",RELAYCLIENT="@fixed"\n'
        '10.1.:allow,RELAYCLIENT=""\n'
        '10.1.2.:allow\n'
        '10.1.2.3:allow,RELAYCLIENT=""\n'
        '10.1.3.4:deny,RELAYCLIENT=""\n'
        '10.2.:allow,RELAYCLIENTS="",XRELAYCLIENT=""\n'
        '10.3.:deny\n'
        '=.example.net:allow,RELAYCLIENT=""\n'
        'joe@10.4.0.1:allow,RELAYCLIENT=""\n'
        ':allow,SPFBEHAVIOR="3"\n'))
    yes = ["10.0.0.1", "10.0.1.4", "10.0.1.6", "10.1.0.1", "10.1.2.3",
        "10.1.255.255"]
    no = ["10.0.0.2", "10.0.1.7", "10.1.2.4", "10.1.3.4", "10.2.0.1",
        "10.3.0.1", "10.4.0.1", "192.0.2.1", "2001:db8::1"]
    tap.equal(trusted(["cdb:" + path("tcp.smtp.cdb")], yes + no), yes)


def test_the_last_rule_of_tcp_smtp_is_for_all():
    if not built_with("tinycdb"):
        tap.skip("built without tinycdb")
    make("tcprules", "all.cdb", "all.tmp", text=(
        '10.:allow\n:allow,RELAYCLIENT=""\n'))
    tap.equal(trusted(["cdb:" + path("all")], ["10.0.0.1", "192.0.2.1",
        "2001:db8::1"]), ["192.0.2.1", "2001:db8::1"])


def test_a_cdb_of_addresses_trusts_those_whatever_their_values():
    if not built_with("tinycdb"):
        tap.skip("built without tinycdb")
    make("cdb", "-c", "-m", path("plain.cdb"), text=(
        "10.0.0.1 OK\n10.0.1.0/24 anything\nmx.example.com OK\n"))
    tap.equal(trusted(["cdb:" + path("plain")], ["10.0.0.1", "10.0.1.7",
        "10.0.2.1"]), ["10.0.0.1", "10.0.1.7"])


def test_an_lmdb_as_postmap_writes_it_trusts_its_keys():
    if not built_with("LMDB"):
        tap.skip("built without LMDB")
    maps = subprocess.run(["postconf", "-m"], stdout=subprocess.PIPE,
        text=True).stdout if shutil.which("postconf") else ""
    if "lmdb" not in maps.split():
        tap.skip("no Postfix with lmdb")
    write("map", "10.0.0.1 OK\n10.0.1.0/24 OK\nexample.com OK\n")
    make("postmap", "lmdb:" + path("map"))
    tap.equal(trusted(["lmdb:" + path("map")], ["10.0.0.1", "10.0.1.7",
        "10.0.2.1"]), ["10.0.0.1", "10.0.1.7"])
    with open(path("map.lmdb"), "r+b") as f:
        f.truncate(os.path.getsize(path("map.lmdb")) - 1)
    status, _, err = daemon.run("-n", "-c", configuration(
        ["lmdb:" + path("map")]))
    tap.equal(status, 78, err)
    tap.contains(err, path("map.lmdb") + ": ")


def test_texts_expressions_and_exceptions_stand_together():
    networks = ["file:" + write("text", "10.0.0.0/16 # ours\n!10.0.9.9\n"
        "192.0.2.1-192.0.2.3\n[2001:db8::]/32\n"), "10.7.0.0/24",
        "!file:" + write("not", "10.7.0.7\n")]
    yes = ["10.0.0.1", "192.0.2.3", "2001:db8::1", "10.7.0.1"]
    no = ["10.0.9.9", "192.0.2.4", "2001:db9::1", "10.7.0.7", "10.8.0.1"]
    if built_with("PCRE2"):
        networks.append("pcre:" + write("re", "/^10\\.9\\.[0-3]\\./ OK\n"))
        yes.append("10.9.3.1")
        no.append("10.9.4.1")
    tap.equal(trusted(networks, yes + no), yes)


def test_n_names_a_wrong_line_a_missing_file_and_an_empty_one():
    wrong = write("wrong", "10.0.0.1\n\nexample.com\n10.0.0.300\n")
    status, _, err = daemon.run("-n", "-c", configuration(["file:" + wrong,
        "file:" + path("missing")]))
    tap.equal(status, 78, err)
    tap.contains(err, '%s:3: "example.com" is not understood' % wrong)
    tap.contains(err, '%s:4: "10.0.0.300"' % wrong)
    tap.contains(err, "%s: No such file or directory" % path("missing"))

    empty = write("empty", "# nobody yet\n")
    status, out, err = daemon.run("-n", "-v", "-c", configuration(
        ["127.0.0.1", "::1", "file:" + empty]))
    tap.equal(status, 0, err)
    tap.contains(err, "conf:3: trusted_networks: file:%s has no entry"
        % empty)
    tap.contains(out, 'trusted_networks = {"127.0.0.1/32", "::1/128", '
        '"file:%s"}\n' % empty)
    tap.contains(out, "\n# trusted_networks: file:%s has 0 entries\n" % empty)


def is_trusted(d, client):
    """Asked of the daemon: who is trusted gets no field."""
    with d.milter() as m:
        m.connect(client)
        done = m.message("<u@example.com>")
    return not done.refusal and not done.values("Received-SPF")


def test_a_file_that_changes_is_taken_up_a_broken_one_keeps_the_old_list():
    good = write("good", "192.0.2.1\n")
    broken = write("broken", "198.51.100.1\n")
    server = dnsserver.DnsServer({"example.com": {"TXT": ["v=spf1 ?all"]}})
    with Daemon(dns=server, check_helo=False, trusted_networks=[
            "file:" + good, "file:" + broken]) as d:
        tap.equal([is_trusted(d, c) for c in ("192.0.2.1", "192.0.2.2")],
            [True, False])
        write("good", "192.0.2.2\n192.0.2.3\n")
        write("broken", "198.51.100.2\n198.51.100.300\n")
        d.wait_for_log("%s: the list has changed: 2 entries" % good, 20)
        d.wait_for_log("%s: the list stays as it was" % broken, 20)
        d.wait_for_log('%s:2: "198.51.100.300"' % broken)
        clients = ("192.0.2.1", "192.0.2.2", "198.51.100.1", "198.51.100.2")
        tap.equal([is_trusted(d, c) for c in clients],
            [False, True, True, False])
        write("broken", "198.51.100.2\n")
        d.wait_for_log("%s: the list has changed" % broken, 20)
        tap.equal([is_trusted(d, c) for c in clients],
            [False, True, False, True])
        tap.equal(d.log().count("the list stays as it was"), 1)
        tap.equal(d.log().count("configuration reloaded"), 0)
        d.stop_well()
    tap.contains(d.log(), "lists_changed=2")
    tap.contains(d.log(), "lists_refused=1")


tap.main(globals())
