# SPDX-License-Identifier: BSD-2-Clause
"""Which name servers are asked, when others are, and what they do wrong.

With a network and an /etc of its own, so that resolv.conf can be had: root is
not needed where users may make namespaces.
"""

import atexit
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading

import dns.message

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import dnsserver
import fields
import logline
import namespaces
import spec
import tap
import watch
from daemon import Daemon

FAIL = {"TXT": ["v=spf1 -all"]}
NEUTRAL = {"TXT": ["v=spf1 ?all"]}


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 1))	# SIOCSIFFLAGS


def private_etc():
    """Files can be renamed there, which a mount over one would not allow."""
    etc = tempfile.mkdtemp(prefix="spf-milter-test.")
    for name in ("passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache"):
        if os.path.exists("/etc/" + name):
            shutil.copy("/etc/" + name, etc)
    subprocess.run(["mount", "--bind", etc, "/etc"], check=True)
    atexit.register(shutil.rmtree, etc, ignore_errors=True)


namespaces.enter("--map-root-user")
loopback_up()
private_etc()


def resolv_conf(text, path="/etc/resolv.conf"):
    """In place of the old one at once, as programs do it."""
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


def start(servers=(), query_timeout=1):
    return Daemon(behavior=2, check_helo=False, dns_options={
        "servers": list(servers), "query_timeout": query_timeout})


def judge(d, name):
    """Field and refusal for a sender of name."""
    with d.milter() as m:
        m.connect(spec.CLIENT)
        done = m.message("<u@%s>" % name)
    values = [] if done.refusal else done.values("Received-SPF")
    return (fields.received_spf(values[0]) if values else None,
        " ".join(done.refusal or []))


def result(d, name):
    field, refusal = judge(d, name)
    return field.result if field else refusal


SERVERS = {n: dnsserver.DnsServer(host="127.0.0.%d" % n, port=53)
    for n in (1, 2, 3)}


def load(**zones):
    """Zones by the number of the server."""
    for n, server in SERVERS.items():
        server.drops_edns = False
        server.load(zones.get("n%d" % n, {}), ttls={"kept.example.com": 300})


# resolv.conf

def test_a_changed_file_is_taken_up_and_the_cache_kept():
    load(n2={"kept.example.com": FAIL, "a.example.com": FAIL},
        n3={"kept.example.com": NEUTRAL, "b.example.com": NEUTRAL})
    resolv_conf("nameserver 127.0.0.2\n")
    with start() as d:
        tap.equal(result(d, "kept.example.com"), "fail")
        tap.equal(result(d, "a.example.com"), "fail")
        resolv_conf("# by DHCP\nnameserver 127.0.0.3\n")
        d.wait_for_log("dns: asking 127.0.0.3:53")
        tap.equal(result(d, "b.example.com"), "neutral")
        tap.equal(result(d, "kept.example.com"), "fail")
        tap.equal(SERVERS[3].queries("kept.example.com"), 0)


def test_a_changed_file_is_taken_up_while_names_fail():
    """Each failure is looked at, and there is always one more."""
    def fails(request):
        if request.query.edns >= 0:
            request.send(dns.message.make_response(request.query).to_wire()
                [:3] + b"\x82" + b"\0\1" + b"\0" * 6
                + request.query.to_wire()[12:-11])

    load(n3={"b.example.com": NEUTRAL})
    names = ["f%d.example.com" % n for n in range(4000)]
    SERVERS[2].load({}, faults={name: fails for name in names})
    resolv_conf("nameserver 127.0.0.2\n")
    stop = threading.Event()
    with start() as d:
        askers = [threading.Thread(target=ask_until, args=(d, stop,
            names[n::8])) for n in range(8)]
        for asker in askers:
            asker.start()
        watch.wait_for(lambda: SERVERS[2].questions() > 20, "failures")
        resolv_conf("nameserver 127.0.0.3\n")
        try:
            d.wait_for_log("dns: asking 127.0.0.3:53", seconds=10)
        finally:
            stop.set()
            for asker in askers:
                asker.join()
        tap.equal(result(d, "b.example.com"), "neutral")


def ask_until(d, stop, names):
    for name in names:
        if stop.is_set():
            return
        judge(d, name)


def test_a_link_that_leads_elsewhere_is_a_change():
    load(n2={"a.example.com": FAIL}, n3={"b.example.com": NEUTRAL})
    resolv_conf("nameserver 127.0.0.2\n", "/etc/stub-a")
    resolv_conf("nameserver 127.0.0.3\n", "/etc/stub-b")
    os.unlink("/etc/resolv.conf")
    os.symlink("stub-a", "/etc/resolv.conf")
    with start() as d:
        tap.equal(result(d, "a.example.com"), "fail")
        os.symlink("stub-b", "/etc/link.new")
        os.rename("/etc/link.new", "/etc/resolv.conf")
        d.wait_for_log("dns: asking 127.0.0.3:53")
        tap.equal(result(d, "b.example.com"), "neutral")


def test_a_reload_takes_it_up_at_once():
    load(n2={"a.example.com": FAIL}, n3={"b.example.com": NEUTRAL})
    resolv_conf("nameserver 127.0.0.2\n")
    with start() as d:
        for _ in range(2):
            for n, name, want in ((3, "b.example.com", "neutral"),
                    (2, "a.example.com", "fail")):
                begin = len(d.lines)
                resolv_conf("nameserver 127.0.0.%d\n" % n)
                tap.true(d.reload(**dict(d.options)), "reloaded")
                d.wait_for_log("dns: asking 127.0.0.%d:53" % n, start=begin)
                tap.equal(result(d, name), want)


def test_an_empty_file_at_boot_is_filled_later():
    load(n2={"a.example.com": FAIL})
    SERVERS[1].stop()
    resolv_conf("")
    with start() as d:
        d.wait_for_log("dns: no name server answers: 127.0.0.1:53")
        _, refusal = judge(d, "a.example.com")
        tap.true(refusal.endswith("DNS error for TXT a.example.com: "
            "no name server"), refusal)
        resolv_conf("nameserver 127.0.0.2\n")
        d.wait_for_log("dns: a name server answers again: 127.0.0.2:53")
        tap.equal(eventually(d, "a.example.com", "fail"), "fail")
        d.stop_well()
        tap.equal(logline.counters(d.log())["dns_no_server"], 1)


def eventually(d, name, want):
    """A failure is remembered for five seconds."""
    return watch.settled(lambda: result(d, name), lambda r: r == want, 15)


def test_no_server_line_means_this_machine():
    SERVERS[1] = dnsserver.DnsServer(host="127.0.0.1", port=53)
    load(n1={"here.example.com": FAIL})
    for text in ("", "search example.com\noptions edns0 trust-ad\n"):
        resolv_conf(text)
        with start() as d:
            tap.equal(result(d, "here.example.com"), "fail")
    os.unlink("/etc/resolv.conf")
    with start() as d:
        tap.equal(result(d, "here.example.com"), "fail")


def test_use_vc_means_tcp():
    load(n2={"a.example.com": FAIL})
    resolv_conf("nameserver 127.0.0.2\noptions timeout:1 use-vc\n")
    with start() as d:
        tap.equal(result(d, "a.example.com"), "fail")
    tap.equal(SERVERS[2].queries("a.example.com"), 0)
    tap.equal(SERVERS[2].tcp_counts["a.example.com", "TXT"], 1)


def test_servers_that_are_asked_by_tcp_are_checked_too():
    load()
    resolv_conf("nameserver 127.0.0.9\noptions use-vc\n")
    with start() as d:
        d.wait_for_log("dns: no name server answers: 127.0.0.9:53")
        _, refusal = judge(d, "a.example.com")
        tap.true(refusal.endswith(": no name server"), refusal)
        # Another that is there, but does not say a word.
        begin = len(d.lines)
        SERVERS[2].load({}, faults={"": dnsserver.NO_TCP,
            "b.example.com": dnsserver.NO_TCP})
        resolv_conf("nameserver 127.0.0.2\noptions use-vc\n")
        d.wait_for_log("dns: asking 127.0.0.2:53 by TCP", start=begin)
        _, refusal = judge(d, "b.example.com")
        tap.lacks(refusal, "no name server")


# dns.servers

def test_servers_change_by_a_reload_beside_open_questions():
    load(n2={"slow.example.com": FAIL}, n3={"b.example.com": NEUTRAL})
    SERVERS[2].delays["slow.example.com"] = 1
    with start(["127.0.0.2"], 4) as d, d.milter() as m:
        m.connect(spec.CLIENT)
        m.mail("<u@slow.example.com>")
        watch.wait_for(lambda: SERVERS[2].queries("slow.example.com"),
            "the question")
        tap.true(d.reload(behavior=2, check_helo=False, dns_options={
            "servers": ["127.0.0.3"], "query_timeout": 5}), "reloaded")
        d.wait_for_log("dns: asking 127.0.0.3:53")
        tap.lacks(d.log(), "after a restart")
        tap.equal(result(d, "b.example.com"), "neutral")
        m.rcpt("<r@example.org>")
        m.end()
        tap.equal(fields.received_spf(m.edits[0].value).result, "fail")
        # Other servers, and back: all that has been is gone by the end.
        tap.true(d.reload(**d.options), "reloaded")


# What is wrong with an answer

def test_each_failure_is_told_by_its_name():
    def nonsense(request):
        request.send(request.query.to_wire()[:2] + b"\xff" * 40)

    names = {"servfail": (dnsserver.SERVFAIL, "SERVFAIL"),
        "refused": (dnsserver.REFUSED, "REFUSED"),
        "silent": (dnsserver.TIMEOUT, "no answer in 4 s"),
        "garbage": (nonsense, "unusable answer")}
    load()
    SERVERS[2].load({}, faults={name + ".example.com": fault
        for name, (fault, _) in names.items()})
    with start(["127.0.0.2"], 4) as d:
        for name, (_, text) in names.items():
            begin = len(d.lines)
            _, refusal = judge(d, name + ".example.com")
            problem = "DNS error for TXT %s.example.com: %s" % (name, text)
            tap.true(refusal.endswith(problem), refusal)
            line = d.wait_for_log("result=temperror", start=begin)
            tap.equal(logline.parse(line)["reason"], problem)
        d.wait_for_log("dns: a name server has no answer: failure=SERVFAIL "
            "server=127.0.0.2:53 name=servfail.example.com ")


def test_an_answer_that_does_not_validate_is_told():
    """No root of ours has the key that is trusted."""
    load(n2={"a.example.com": FAIL})
    with Daemon(behavior=2, check_helo=False, dns_options={
            "servers": ["127.0.0.2"], "dnssec": True}) as d:
        _, refusal = judge(d, "a.example.com")
        tap.true(refusal.endswith("DNS error for TXT a.example.com: "
            "DNSSEC bogus"), refusal)
        d.wait_for_log("dns: DNSSEC validation failed: name=a.example.com. ")


def test_no_name_server_is_told():
    load()
    with start(["127.0.0.9"]) as d:
        d.wait_for_log("dns: no name server answers: 127.0.0.9:53")
        _, refusal = judge(d, "a.example.com")
        tap.true(refusal.endswith(": no name server"), refusal)


def test_the_dry_run_tells_it_too():
    load()
    SERVERS[2].load({}, faults={"refused.example.com": dnsserver.REFUSED})
    tap.contains(dry_run("refused.example.com"),
        "problem: DNS error for TXT refused.example.com: REFUSED\n")


def dry_run(name):
    with tempfile.NamedTemporaryFile("w") as f:
        f.write('dns { servers = {"127.0.0.2"} }\n')
        f.flush()
        return daemon.run("-t", "-c", f.name, "--ip", "192.0.2.1", "--helo",
            "mail.example.net", "--sender", "u@" + name)[1]


# Servers that drop EDNS

LARGE = {"TXT": ["x" * 200] * 20 + ["v=spf1 -all"]}


def test_a_server_that_drops_edns_is_asked_without():
    load(n2={"a.example.com": FAIL, "large.example.com": LARGE,
        "b.example.com": FAIL})
    SERVERS[2].drops_edns = True
    with start(["127.0.0.2"]) as d:
        d.wait_for_log("dns: questions with EDNS are dropped by 127.0.0.2:53")
        tap.equal(result(d, "a.example.com"), "fail")
        tap.equal(result(d, "large.example.com"), "fail")
        # It is remembered: one question, one answer.
        SERVERS[2].reset()
        tap.equal(result(d, "b.example.com"), "fail")
        tap.equal(SERVERS[2].queries("b.example.com"), 1)
        # Nor is it believed for ever: a reload asks again.
        SERVERS[2].drops_edns = False
        begin = len(d.lines)
        tap.true(d.reload(**dict(d.options)), "reloaded")
        line = d.wait_for_log("dns: asking 127.0.0.2:53", start=begin)
        tap.lacks(line, "without EDNS")
    SERVERS[2].drops_edns = True
    tap.contains(dry_run("a.example.com"), "mailfrom: fail")


def test_a_server_may_begin_to_drop_edns():
    load()
    SERVERS[2].load({"a.example.com": FAIL, "b.example.com": FAIL},
        faults={"silent.example.com": dnsserver.TIMEOUT})
    with start(["127.0.0.2"], 8) as d, d.milter() as m:
        tap.equal(result(d, "a.example.com"), "fail")
        SERVERS[2].drops_edns = True
        m.connect(spec.CLIENT)
        m.mail("<u@silent.example.com>")
        judge(d, "a.example.com")
        # libunbound gives up before our time is over.
        tap.contains(m.rcpt("<r@example.org>").text,
            "DNS error for TXT silent.example.com: no answer")
        d.wait_for_log("without EDNS", seconds=20)
        tap.equal(eventually(d, "b.example.com", "fail"), "fail")


tap.main(globals())
