# SPDX-License-Identifier: BSD-2-Clause
"""The test tools themselves: what they report can be believed."""

import os
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dnsserver
import fields
import logline
import milterclient
import sanitizers
import tap
from milterclient import Edit

ZONE = {
    "example.com": {"TXT": ["v=spf1 -all"], "A": ["192.0.2.1", "192.0.2.2"],
        "MX": [(10, "mx.example.com")]},
    "long.example.com": {"TXT": ["x" * 3000]},
    "a.b.example.com": {"AAAA": ["2001:db8::1"]},
    "alias.example.com": {"CNAME": ["example.com"]},
    "loop.example.com": {"CNAME": ["loop.example.com"]},
    "odd '\xe9.example.com": {"TXT": ["\xff\x00"]},
}


def ask(server, name, kind, tcp=False, timeout=2, **arguments):
    query = dns.message.make_query(dnsserver.to_name(name), kind,
        **arguments)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, server.host, port=server.port, timeout=timeout)


def texts(response):
    return sorted(r.to_text() for s in response.answer for r in s)


def test_dns_server_answers_and_counts():
    server = dnsserver.DnsServer(ZONE)
    response = ask(server, "EXAMPLE.com", "A")
    tap.equal(texts(response), ["192.0.2.1", "192.0.2.2"])
    tap.equal({s.ttl for s in response.answer}, {0})
    tap.equal(texts(ask(server, "odd '\xe9.example.com", "TXT")),
        ['"\\255\\000"'])
    tap.equal(server.queries("example.com", "A"), 1)
    tap.equal(server.queries(), 2)
    server.stop()


def test_dns_server_tells_no_data_from_no_name():
    server = dnsserver.DnsServer(ZONE)
    for name, rcode in (("b.example.com", dns.rcode.NOERROR),
            ("example.com", dns.rcode.NOERROR),
            ("c.example.com", dns.rcode.NXDOMAIN)):
        response = ask(server, name, "PTR")
        tap.equal(response.rcode(), rcode, name)
        tap.equal(response.answer, [])
        tap.equal(response.authority[0][0].minimum, 0)
    server.stop()


def test_dns_server_follows_aliases():
    server = dnsserver.DnsServer(ZONE)
    tap.equal(texts(ask(server, "alias.example.com", "TXT")),
        ['"v=spf1 -all"', "example.com."])
    tap.equal(len(ask(server, "loop.example.com", "TXT").answer), 1)
    server.stop()


def test_dns_server_truncates_and_serves_tcp():
    server = dnsserver.DnsServer(ZONE, ttl=7)
    response = ask(server, "long.example.com", "TXT")
    tap.true(response.flags & dns.flags.TC, "truncated")
    response = ask(server, "long.example.com", "TXT", tcp=True)
    tap.equal(sum(len(s) for s in response.answer[0][0].strings), 3000)
    tap.equal(response.answer[0].ttl, 7)
    server.stop()


def test_dns_server_misbehaves_as_told():
    server = dnsserver.DnsServer()
    server.load(ZONE, delays={"example.com": 0.3}, faults={
        "a.b.example.com": dnsserver.TIMEOUT,
        ("example.com", "MX"): dnsserver.SERVFAIL})
    start = time.monotonic()
    tap.equal(texts(ask(server, "example.com", "TXT")), ['"v=spf1 -all"'])
    tap.true(time.monotonic() - start >= 0.3, "delayed")
    tap.equal(ask(server, "example.com", "MX").rcode(), dns.rcode.SERVFAIL)
    try:
        ask(server, "a.b.example.com", "AAAA", timeout=0.2)
    except dns.exception.Timeout:
        pass
    else:
        raise AssertionError("answered in spite of TIMEOUT")
    server.stop()


def test_received_spf_reader_takes_the_grammar():
    field = fields.received_spf('fail (mx.example.org: it\\(s\\) "not"\n\t'
        'permitted) client-ip=192.0.2.1;\n\tenvelope-from="a\\"b@x y";\n\t'
        'helo=mail.example; x-1 = "";')
    tap.equal(field.result, "fail")
    tap.equal(dict(field.keys), {"client-ip": "192.0.2.1", "x-1": "",
        "envelope-from": 'a"b@x y', "helo": "mail.example"})


def test_received_spf_reader_refuses_all_else():
    for bad in ("fail client-ip=192.0.2.1 helo=x", "failed helo=x",
            "fail helo=x..y", "fail helo=x; helo=y", "fail (a) (b) helo=x",
            "fail (open helo=x", "fail\nhelo=x", "fail client-ip=::1",
            'fail helo="a"b"', "fail helo=", 'fail helo="\xe9"',
            "fail helo=x; ;", "fail (a)b) helo=x", "fail helo=x\n\t\n\t"):
        try:
            fields.received_spf(bad)
        except ValueError:
            continue
        raise AssertionError("read %r" % bad)


def test_authentication_results_reader():
    field = fields.auth_results(
        "mx.example.org;\n\tspf=fail smtp.mailfrom=example.com;"
        " spf=none smtp.helo=x")
    tap.equal(field, ("mx.example.org", [
        ("spf", "fail", {"smtp.mailfrom": "example.com"}),
        ("spf", "none", {"smtp.helo": "x"})]))
    try:
        fields.auth_results("mx.example.org spf=fail")
    except ValueError:
        return
    raise AssertionError("no ; and yet read")


def test_deletions_count_as_in_both_mtas():
    headers = [("A", "1"), ("B", "x"), ("a", "2"), ("A", "3")]
    up = [Edit("m", i, "A", "") for i in (1, 2, 3)]
    down = [Edit("m", i, "A", "") for i in (3, 2, 1)]
    apply = milterclient.apply_edits
    tap.equal(apply(headers, up), [("B", "x"), ("a", "2")])
    tap.equal(apply(headers, up, shifting=False), [("B", "x")])
    for shifting in (True, False):
        tap.equal(apply(headers, down + [Edit("i", 0, "A", "new")],
            shifting), [("A", "new"), ("B", "x")])


class Filter(threading.Thread):
    """A filter that plays a script of (command, replies)."""

    def __init__(self, script):
        super().__init__(daemon=True)
        self.script = script
        self.seen = []
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1)
        self.address = "inet:%d@127.0.0.1" % self.listener.getsockname()[1]
        self.start()

    def run(self):
        peer, _ = self.listener.accept()
        self.listener.close()
        stream = peer.makefile("rb")
        with peer, stream:
            for replies in self.script:
                size, = struct.unpack(">I", stream.read(4))
                self.seen.append(stream.read(size))
                for reply in replies:
                    peer.sendall(struct.pack(">I", len(reply)) + reply)


def test_milter_client_obeys_the_negotiation():
    wanted = milterclient.NO["L"] | milterclient.NR["C"] | \
        milterclient.NR["H"]
    f = Filter([[b"O" + struct.pack(">III", 6, 1, wanted)
        + struct.pack(">I", 2) + b"i {auth_authen}\0"], [], [], [],
        [b"y550 5.7.1 100%%\0"], [b"p", b"i" + struct.pack(">I", 0)
        + b"X\0a\n\tb\0", b"m" + struct.pack(">I", 2) + b"Y\0\0", b"c"]])
    m = milterclient.Milter(f.address)
    tap.equal(m.symbols, {"mail": ["i", "{auth_authen}"]})
    tap.equal(m.connect("2001:db8::1"), None)
    tap.equal(m.helo("h"), None)
    reply = m.mail("<a@b>")
    tap.equal(milterclient.reply_lines(reply), ["550 5.7.1 100%"])
    tap.equal(m.header("A", "b"), None)
    tap.equal(m.end().kind, "c")
    tap.equal(m.edits, [Edit("i", 0, "X", "a\n\tb"), Edit("m", 2, "Y", "")])
    tap.equal(m.progress, 1)
    m.drop()
    f.join(5)
    tap.equal(f.seen[1:], [
        b"DCj\0mx.example.org\0{daemon_name}\0test\0",
        b"C[2001:db8::1]\x006\x9c\x402001:db8::1\0", b"Hh\0", b"M<a@b>\0",
        b"E"])


RACE = """==================
WARNING: ThreadSanitizer: data race (pid=1)
  Write of size 1 at 0x7fb161dbdc20 by thread T7 (mutexes: write M0):
    #0 pthread_mutex_lock <null> (spf-milter+0x7358a) (BuildId: a)
    #1 %s (%s+0x7eca) (BuildId: b)
    #2 <null> <null> (libmilter.so.1.0.1+0x7eca) (BuildId: b)

spf-milter: a line of another thread
  Previous write of size 1 at 0x7fb161dbdc20 by main thread:
    #0 pthread_mutex_destroy <null> (spf-milter+0x5737a) (BuildId: a)
    #1 mi_listener <null> (libmilter.so.1.0.1+0x81cc) (BuildId: b)
    #2 serve /src/main.c:260:11 (spf-milter+0xd4b08) (BuildId: a)

  Mutex M0 (0x7fb161dbdd40) created at:
    #0 pthread_mutex_init <null> (spf-milter+0x571ff) (BuildId: a)
    #1 lock_init /src/lock.c:30:2 (spf-milter+0xd4b08) (BuildId: a)

SUMMARY: ThreadSanitizer: data race (spf-milter+0x1) in pthread_mutex_lock
==================
ThreadSanitizer: reported 1 warnings
"""
LEAK = """==================
WARNING: ThreadSanitizer: thread leak (pid=1)
  Thread T7 (tid=2, finished) created by main thread at:
    #0 pthread_create <null> (spf-milter+0x559fd) (BuildId: a)
    #1 %s (%s+0xae23) (BuildId: b)
    #2 main /src/main.c:312:15 (spf-milter+0xd4b08) (BuildId: a)

SUMMARY: ThreadSanitizer: thread leak in __interceptor_pthread_create
==================
"""


def test_races_of_libmilter_are_told_from_ours():
    theirs = ("mi_closener <null>", "libmilter.so.1.0.1")
    ours = ("on_mail /src/milter.c:239:38", "spf-milter")
    for text in (RACE, LEAK):
        tap.equal(sanitizers.problems(text % theirs), [])
        tap.equal(len(sanitizers.problems(text % ours)), 1)
    both = RACE % theirs + RACE % ours + LEAK % theirs
    tap.equal(len(sanitizers.problems(both)), 1)


def test_every_other_report_counts():
    for line in ("==1==ERROR: AddressSanitizer: heap-use-after-free",
            "==1==ERROR: LeakSanitizer: detected memory leaks",
            "x.c:1:2: runtime error: signed integer overflow",
            "ThreadSanitizer: CHECK failed: x", "ThreadSanitizer:DEADLYSIGNAL",
            "FATAL: ThreadSanitizer: unexpected memory mapping"):
        tap.equal(sanitizers.problems("a\n" + line + "\nb"), [line])
    tap.equal(sanitizers.problems("spf-milter: a line\nspf-milter: b"), [])


LINE = "spf-milter: queue_id=- client=192.0.2.1 identity=mailfrom " \
    "result=fail action=reject level=3 lookups=0 duration_ms=1 " \
    'helo="a\\x0d \\"b" sender=<> mechanism=-all reason="x y"'


def test_log_line_reader():
    pairs = logline.parse(LINE)
    tap.equal((pairs["helo"], pairs["sender"], pairs["reason"]),
        ('a\r "b', "<>", "x y"))
    for bad in (LINE.replace("level=3", "level=7"), LINE + " more=x",
            LINE.replace("result=fail", "result=good"), LINE + "\x1b",
            LINE.replace("helo=", "sender="), LINE.replace("x y", ""),
            LINE.replace("lookups=0", ""),
            LINE.replace("sender=<>", "sender=a b"),
            LINE.replace("sender=<>", 'sender="a"b"'), LINE[11:]):
        try:
            logline.parse(bad)
        except ValueError:
            continue
        raise AssertionError("taken: " + ascii(bad))


tap.main(globals())
