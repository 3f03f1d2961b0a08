# SPDX-License-Identifier: BSD-2-Clause
"""Name servers that lie, break the protocol, flood or stay silent."""

import atexit
import collections
import os
import random
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dns.flags
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

import dnsserver
import logline
import spec
import tap
import verdicts
import watch
from daemon import Daemon

SERVER = dnsserver.DnsServer()
COMMON = {"dns": SERVER, "behavior": 1, "check_helo": False,
    "dns_options": {"query_timeout": 2}}
DAEMON = Daemon(**COMMON)
CLIENT = verdicts.CLIENT
IN = dnsserver.IN
BASELINE = {}
LEAST = collections.Counter()		# counters

HONEST = {"honest.example.com": {"TXT": [spec.OURS + "-all"]},
    "refuses.example.com": {"TXT": ["v=spf1 a:a.honest.example.com -all"]},
    "a.honest.example.com": {"A": ["198.51.100.1"]}}


def load(zone, **arguments):
    SERVER.load({**HONEST, **zone}, **arguments)


def check(want, client=CLIENT):
    """want: {sender: result or (result, part of the problem)}."""
    found = verdicts.check_all(DAEMON, list(want), client)
    wrong = []
    for sender, result in want.items():
        result, part = result if isinstance(result, tuple) else (result, "")
        verdict = found[sender]
        problem = verdict.keys.get("problem", "")
        if verdict.result != result or part not in problem:
            wrong.append("%s: %s (%s) instead of %s (%s)" % (ascii(sender),
                verdict.result, problem, result, part))
    tap.equal(wrong, [])
    return found


def rss_limit():
    """A sanitizer keeps what was freed for a while."""
    return 300000 if watch.sanitized() else 40000


def descriptors():
    return watch.descriptors(DAEMON.pid)


def test_before_all():
    load({})
    check({"honest.example.com": "pass", "refuses.example.com": "fail"})
    BASELINE["descriptors"] = descriptors()


# Octets of records

def spf(*strings):
    return {"TXT": [list(strings)]}


def test_octets_of_a_record():
    zone = {"nul.example.com": spf(b"v=spf1 ip4:192.0.2.1\0 -all"),
        "nul0.example.com": spf(b"v=spf1\0 +all"),
        "nulbefore.example.com": spf(b"\0v=spf1 +all"),
        "nulend.example.com": spf(b"v=spf1 +all\0"),
        "eight.example.com": spf(b"v=spf1 a:\xe9.example.com +all"),
        "utf8.example.com": spf("v=spf1 include:caf\u00e9.example +all"
            .encode()),
        "bom.example.com": spf(b"\xef\xbb\xbfv=spf1 +all"),
        "crlf.example.com": spf(b"v=spf1 +all\r\n"),
        "tab.example.com": spf(b"v=spf1\t+all"),
        "del.example.com": spf(b"v=spf1 \x7f +all"),
        "upper.example.com": spf(b"V=SPF1 IP4:192.0.2.1 -ALL"),
        "spaces.example.com": spf(b"v=spf1   ip4:192.0.2.1    -all    "),
        "case.example.com": spf(b"v=SpF1 +aLL"),
        "prefix.example.com": spf(b"v=spf10 +all"),
        "spf2.example.com": spf(b"spf2.0/pra +all"),
        "blank.example.com": spf(b" v=spf1 +all")}
    load(zone)
    check({"nul.example.com": "permerror", "nul0.example.com": "none",
        "nulbefore.example.com": "none", "nulend.example.com": "permerror",
        "eight.example.com": "permerror", "utf8.example.com": "permerror",
        "bom.example.com": "none", "crlf.example.com": "permerror",
        "tab.example.com": "none", "del.example.com": "permerror",
        "upper.example.com": "pass", "spaces.example.com": "pass",
        "case.example.com": "pass", "prefix.example.com": "none",
        "spf2.example.com": "none", "blank.example.com": "none"})


def test_strings_of_a_record():
    long = "v=spf1 " + "ip4:198.51.100.1 " * 200 + "+all"
    zone = {"cut.example.com": spf("v=sp", "f1 ip4:192.0.2.", "1 -all"),
        "nospace.example.com": spf("v=spf1", "ip4:192.0.2.1 -all"),
        "single.example.com": spf(*list("v=spf1 ip4:192.0.2.1 -all")),
        "empty.example.com": spf("", "v=spf1", "", " +all", ""),
        "onlyempty.example.com": spf("", "", ""),
        "nothing.example.com": spf(""),
        "three.example.com": spf("v=spf1 ", *["ip4:198.51.100.1 "] * 200,
            *[""] * 98, "+all"),
        "whole.example.com": {"TXT": [long]},
        "many.example.com": {"TXT": ["text %d" % n for n in range(300)]
            + ["v=spf1 +all"] + ["more %d" % n for n in range(300)]},
        "two.example.com": {"TXT": ["v=spf1 +all", "v=spf1 -all"]},
        "twice.example.com": {"TXT": ["v=spf1 +all", "v=SPF1 +all"]},
        "hundred.example.com": {"TXT": ["v=spf1 ip4:192.0.2.%d" % n
            for n in range(100)]},
        # Not an SPF record, and no reason to look away (RFC 7208 s4.5).
        "beside.example.com": {"TXT": ["v=spf1 +all", "v=spf1x -all", "",
            b"\0\xff"]}}
    load(zone)
    check({"cut.example.com": "pass", "nospace.example.com": "none",
        "single.example.com": "pass", "empty.example.com": "pass",
        "onlyempty.example.com": "none", "nothing.example.com": "none",
        "three.example.com": "pass", "whole.example.com": "pass",
        "many.example.com": "pass",
        "two.example.com": ("permerror", "2 SPF records"),
        "twice.example.com": "permerror",
        "hundred.example.com": ("permerror", "100 SPF records"),
        "beside.example.com": "pass"})


def test_huge_records():
    zone = {"64k.example.com": spf(b"v=spf1 " + b"ip4:198.51.100.1 " * 3800
            + b"+all"),
        "64kmacro.example.com": spf(b"v=spf1 " + b"exists:%{s}.%{h}.%{i} "
            * 2800 + b"+all"),
        "64kexp.example.com": spf(b"v=spf1 -all exp=64ktext.example.com"),
        "64ktext.example.com": spf(b"%{s}" * 15000),
        "64kother.example.com": {"TXT": [b"x" * 60000, "v=spf1 +all"]},
        "4096.example.com": spf(b"v=spf1 +all" + b" " * (4096 - 11)),
        "4097.example.com": spf(b"v=spf1 +all" + b" " * (4097 - 11)),
        "term.example.com": spf(b"v=spf1 a:" + b"x." * 900 + b"com +all"),
        "label.example.com": spf(b"v=spf1 a:" + b"x" * 900 + b".com +all"),
        "digits.example.com": spf(b"v=spf1 exists:%{d" + b"9" * 900
            + b"}.com +all"),
        "modifier.example.com": spf(b"v=spf1 x=" + b"y" * 3000 + b" +all")}
    load(zone)
    check({"64k.example.com": "permerror",
        "64kmacro.example.com": "permerror", "64kexp.example.com": "fail",
        "64kother.example.com": "pass", "4096.example.com": "pass",
        "4097.example.com": "permerror", "term.example.com": "pass",
        "label.example.com": "pass", "digits.example.com": "pass",
        "modifier.example.com": "pass"})


# Names in answers

def raw(*labels):
    return dns.name.Name([*labels, b""])


ODD_LABELS = [raw(b"a.b", b"example", b"com"), raw(b"a\0b", b"example"),
    raw(b"\0"), raw(b"."), raw(b"a\r\nb", b"example"), raw(b"\x7f\x1b[2J"),
    raw(b"\xff" * 63, b"example"), raw(b"a b", b"example"),
    raw(b'a"b(c);d\\', b"example"), raw(b"%{s}", b"example"),
    raw(b"xn--", b"example"), dns.name.root,
    raw(*[b"y" * 61] * 4), raw(*[b"z"] * 126)]


def test_odd_names_of_mx_and_ptr():
    """They match nothing, or what they are the name of, and break nothing."""
    zone = {"good.example.com": {"A": [CLIENT]},
        "mx.example.com": {"TXT": ["v=spf1 mx -all"], "MX":
            [(1, name) for name in ODD_LABELS[:9]]
            + [(2, "good.example.com")]},
        "mx2.example.com": {"TXT": ["v=spf1 mx -all"], "MX":
            [(1, name) for name in ODD_LABELS[9:]]
            + [(2, "good.example.com")]},
        "onlymx.example.com": {"TXT": ["v=spf1 mx -all"], "MX":
            [(1, ODD_LABELS[0])]},
        "null.example.com": {"TXT": ["v=spf1 mx -all"], "MX":
            [(0, dns.name.root)]},
        "1.2.0.192.in-addr.arpa": {"PTR": ODD_LABELS[:9]
            + ["good.example.com"]},
        "ptr.example.com": {"TXT": ["v=spf1 ptr:example.com -all"]},
        "p.example.com": {"TXT": ["v=spf1 exists:%{p}.p.example.net -all"]},
        "good.example.com.p.example.net": {"A": ["127.0.0.2"]}}
    load(zone)
    check({"mx.example.com": "pass", "mx2.example.com": "pass",
        # Nothing that DNS could be asked for is left of it.
        "onlymx.example.com": "temperror", "null.example.com": "fail",
        "ptr.example.com": "pass", "p.example.com": "pass"})
    LEAST["dns_bad_answers"] += 3


def test_a_label_with_a_dot_is_not_another_name():
    """"a.b" as one label of example.com must not become a.b.example.com."""
    zone = {"a.b.example.com": {"A": [CLIENT]},
        "dot.example.com": {"TXT": ["v=spf1 mx -all"], "MX":
            [(1, raw(b"a.b", b"example", b"com")),
            (2, "a.honest.example.com")]},
        "1.2.0.192.in-addr.arpa": {"PTR": [raw(b"a.b", b"example", b"com"),
            "a.honest.example.com"]},
        "dotptr.example.com": {"TXT": ["v=spf1 ptr:b.example.com -all"]}}
    load(zone)
    check({"dot.example.com": "fail", "dotptr.example.com": "fail"})


def records(kind, datas):
    """A fault: many records, by TCP, and in less time than dnspython."""
    number = dns.rdatatype.from_text(kind)

    def answer(request):
        if request.is_udp:
            request.send(request.truncated().to_wire())
            return
        query = request.query.to_wire()
        end = 12 + len(request.query.question[0].name.to_wire()) + 4
        request.send(query[:2] + struct.pack(">HHHHH", 0x8580, 1, len(datas),
            0, 0) + query[12:end] + b"".join(struct.pack(">HHHIH", 0xc00c,
            number, 1, 0, len(d)) + d for d in datas))
    return answer


def label_below(text):
    """A name below the one that was asked for."""
    return bytes([len(text)]) + text.encode() + b"\xc0\x0c"


def test_huge_sets():
    mx = [struct.pack(">H", n) + label_below("m%d" % n) for n in range(2000)]
    zone = {tag + ".example.com": {"TXT": ["v=spf1 mx a ptr:example.com -all"]}
        for tag in ("big", "bigger")}
    zone.update({"biga.example.com": {"TXT": ["v=spf1 a -all"]},
        "bigptr.example.com": {"TXT": ["v=spf1 ptr:example.com -all"]}})
    load(zone, faults={("big.example.com", "MX"): records("MX", mx[:500]),
        ("bigger.example.com", "MX"): records("MX", mx),
        ("biga.example.com", "A"): records("A",
            [bytes([10, 0, n >> 8, n & 255]) for n in range(3500)]
            + [socket.inet_aton(CLIENT)]),
        ("1.2.0.192.in-addr.arpa", "PTR"): records("PTR",
            [dnsserver.to_name("p%d.example.com" % n).to_wire()
            for n in range(1000)])})
    # libunbound loses 2,000 names: that must not look like no data.
    check({"big.example.com": ("permerror", "more than 10 MX names"),
        "bigger.example.com": ("temperror", "DNS error for MX"),
        "biga.example.com": "pass", "bigptr.example.com": "fail"})
    names = [n for n, kind in SERVER.counts if kind == "A"
        and n.startswith("p")]
    tap.equal(len(names), 10, "names of 1,000 that were asked for")


def test_names_with_escapes_are_asked_for_as_they_are():
    r"""A backslash or \046 in a domain-spec is no escape."""
    zone = {"esc.example.com": {"TXT":
            ["v=spf1 a:\\046.example.com exists:a\\.example.com -all"]},
        "\\046.example.com": {"A": ["198.51.100.1"]},
        "a\\.example.com": {"A": ["127.0.0.2"]},
        "quote.example.com": {"TXT":
            ["v=spf1 exists:a\"b;c(d)@$.example.com -all"]},
        'a"b;c(d)@$.example.com': {"A": ["127.0.0.2"]}}
    load(zone)
    check({"esc.example.com": "pass", "quote.example.com": "pass"})
    tap.equal(SERVER.queries("\\046.example.com", "A"), 1)


def test_octets_of_the_sender_in_a_name():
    """They may stand in a question, and in what is said about it."""
    zone = {"odd.example.com": {"TXT":
        ["v=spf1 exists:%{l}.fails.example.com -all"]},
        "hit.example.com": {"TXT":
        ["v=spf1 exists:%{l}.hit.example.com -all"]}}
    odd = ['a"b', "a\r\nb", "a;b(c)=d\\", "\x01\x7f\x1b[2J", "a b", "%{s}%s%n",
        "a\tb", "'"]
    faults = {}
    for local in odd:
        faults[local + ".fails.example.com"] = dnsserver.SERVFAIL
        zone[local + ".hit.example.com"] = {"A": ["127.0.0.2"]}
    load(zone, faults=faults)
    check({"<%s@odd.example.com>" % local: ("temperror",
        "DNS error for A ") for local in odd})
    check({"<%s@hit.example.com>" % local: "pass" for local in odd})
    # RFC 8616 s4: what is not ASCII matches nothing.
    check({"<\xe9@hit.example.com>": "fail"})
    tap.equal(SERVER.queries("\xe9.hit.example.com"), 0)
    shown = {logline.parse(line)["reason"] for line in watch.settled(
        lambda: [l for l in DAEMON.log().split("\n")
        if "@odd.example.com" in l], lambda found: len(found) >= len(odd))}
    tap.equal(shown, {"DNS error for A %s.fails.example.com: SERVFAIL"
        % local
        for local in odd})


# CNAME

def test_chains_of_cname():
    zone = {"spf1.example.net": {"TXT": ["v=spf1 +all"]},
        "self.example.com": {"CNAME": ["self.example.com"]},
        "loop1.example.com": {"CNAME": ["loop2.example.com"]},
        "loop2.example.com": {"CNAME": ["loop1.example.com"]},
        "dangling.example.com": {"CNAME": ["gone.example.net"]},
        "nodata.example.com": {"CNAME": ["a.honest.example.com"]},
        "aloop.example.com": {"TXT": ["v=spf1 a:self.example.com +all"]},
        "mxloop.example.com": {"TXT": ["v=spf1 mx:self.example.com +all"]}}
    for length in (1, 5, 8, 60):
        name = "spf1.example.net"
        for n in range(length):
            zone["c%d.l%d.example.com" % (n, length)] = {"CNAME": [name]}
            name = "c%d.l%d.example.com" % (n, length)
    load(zone)
    check({"c0.l1.example.com": "pass", "c4.l5.example.com": "pass",
        "c7.l8.example.com": "pass", "c59.l60.example.com": "temperror",
        "self.example.com": "temperror", "loop1.example.com": "temperror",
        "dangling.example.com": "none", "nodata.example.com": "none",
        "aloop.example.com": "temperror", "mxloop.example.com": "temperror"})


def test_nxdomain_with_a_cname():
    """RFC 2308 s2.1: the code is that of the last name."""
    def answer(request):
        response = request.honest()
        response.set_rcode(dns.rcode.NXDOMAIN)
        request.send(response.to_wire())
    zone = {"nx.example.com": {"CNAME": ["gone.example.net"]},
        "lie.example.com": {"CNAME": ["spf1.example.net"]},
        "spf1.example.net": {"TXT": ["v=spf1 +all"]},
        "onlya.example.com": {"TXT": ["v=spf1 a:nx.example.com +all"]},
        "nxtxt.example.com": {"TXT": ["v=spf1 +all"]}}
    load(zone, faults={"nx.example.com": answer, "nxtxt.example.com": answer})
    check({"nx.example.com": "none", "lie.example.com": "pass",
        "onlya.example.com": "pass"})
    # NXDOMAIN with an answer contradicts itself: no pass may come of it.
    verdict = verdicts.check_one(DAEMON, "nxtxt.example.com")
    tap.true(verdict.result in ("none", "temperror"), verdict)


# Packets

def malformed(spoil):
    def answer(request):
        wire = bytearray(request.honest().to_wire())
        request.send(bytes(spoil(wire, request)))
    return answer


def counts(wire, _request, section=6, number=0xffff):
    wire[section:section + 2] = struct.pack(">H", number)
    return wire


def pointer(at):
    def spoil(wire, request):
        end = 12 + len(request.query.question[0].name.to_wire()) + 4
        return wire[:end] + struct.pack(">HHHIH", 0xc000 | at(end), 16, 1, 0,
            8) + b"\7v=spf1 "
    return spoil


def rdlength(wire, request):
    end = 12 + len(request.query.question[0].name.to_wire()) + 4
    return wire[:end] + struct.pack(">HHHIH", 0xc00c, 16, 1, 0, 4000) \
        + b"\x0bv=spf1 +all"


def txt_record(wire, request, data):
    end = 12 + len(request.query.question[0].name.to_wire()) + 4
    return wire[:end] + struct.pack(">HHHIH", 0xc00c, 16, 1, 0, len(data)) \
        + data


PACKETS = {
    "empty": lambda wire, request: b"",
    "short": lambda wire, request: wire[:5],
    "header": lambda wire, request: wire[:12],
    "question": lambda wire, request: wire[:20],
    "middle": lambda wire, request: wire[:len(wire) - 5],
    "garbage": lambda wire, request: wire[:2] + os.urandom(200),
    "zeros": lambda wire, request: wire[:2] + bytes(500),
    "ones": lambda wire, request: wire[:2] + b"\xff" * 500,
    "manyanswers": counts,
    "manyquestions": lambda wire, request: counts(wire, request, 4),
    "noquestion": lambda wire, request: counts(wire, request, 4, 0),
    "pointself": pointer(lambda end: end),
    "pointforward": pointer(lambda end: end + 9),
    "pointheader": pointer(lambda end: 0),
    "pointfar": pointer(lambda end: 0x3fff),
    "rdlength": rdlength,
    # A string that claims more octets than the record has.
    "string": lambda wire, request: txt_record(wire, request,
        b"\xffv=spf1 +all"),
    "strings": lambda wire, request: txt_record(wire, request,
        b"\x0bv=spf1 +all\x09x"),
    "notxt": lambda wire, request: txt_record(wire, request, b""),
    "question?": lambda wire, request: wire[:2]
        + bytes([wire[2] & 0x7f]) + wire[3:],
    "opcode": lambda wire, request: wire[:2] + bytes([wire[2] | 0x28])
        + wire[3:],
}


def test_malformed_packets():
    zone = {tag + ".bad.example.com": {"TXT": ["v=spf1 +all"]}
        for tag in PACKETS}
    load(zone, faults={(tag + ".bad.example.com", "TXT"): malformed(spoil)
        for tag, spoil in PACKETS.items()})
    found = verdicts.check_all(DAEMON, list(zone))
    for name, verdict in found.items():
        # Where the owner is another name, there is no record for this one.
        tap.true(verdict.result == "temperror" or (verdict.result == "none"
            and "point" in name), "%s: %s" % (name, verdict.result))
        tap.true(verdict.seconds < 6, "%s: %.1f s" % (name,
            verdict.seconds))


def test_answers_to_another_question():
    """Nothing of them is used; what is in time and right still counts."""
    zone = {tag + ".example.com": {"TXT": ["v=spf1 +all"]}
        for tag in ("id", "question", "owner", "port", "type", "class",
        "patient")}

    def wrong(change):
        def answer(request):
            response = request.honest()
            change(response)
            request.send(response.to_wire())
        return answer

    def other_type(response):
        response.answer = [dns.rrset.from_rdata_list(
            response.question[0].name, 0, [dnsserver.to_rdata("A", CLIENT)])]

    def other_class(response):
        response.answer = [dns.rrset.from_text(response.question[0].name, 0,
            "CH", "TXT", '"v=spf1 +all"')]

    def other_port(request):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(request.honest().to_wire(), request.connection)

    def first_forged(request):
        response = request.honest()
        response.answer = [dns.rrset.from_text(response.question[0].name, 0,
            "IN", "TXT", '"v=spf1 -all"')]
        response.id ^= 1
        for _ in range(3):
            request.send(response.to_wire())
        request.send(request.honest().to_wire())

    load(zone, faults={"id.example.com": dnsserver.WRONG_ID,
        "question.example.com": dnsserver.WRONG_QUESTION,
        "owner.example.com": dnsserver.WRONG_OWNER,
        "type.example.com": wrong(other_type),
        "class.example.com": wrong(other_class),
        "port.example.com": other_port, "patient.example.com": first_forged})
    found = verdicts.check_all(DAEMON, list(zone))
    for sender, verdict in found.items():
        if sender == "patient.example.com":
            tap.equal(verdict.result, "pass", sender)
        else:
            tap.true(verdict.result in ("temperror", "none"),
                "%s: %r" % (sender, verdict))


def test_records_for_other_names_are_not_believed():
    """Answers that bring along what nobody asked for."""
    def poison(request):
        response = request.honest()
        for section in (response.answer, response.authority,
                response.additional):
            section.append(dns.rrset.from_text("victim.example.com.", 3600,
                "IN", "TXT", '"v=spf1 +all"'))
            section.append(dns.rrset.from_text("a.honest.example.com.", 3600,
                "IN", "A", CLIENT))
            section.append(dns.rrset.from_text("example.com.", 3600,
                "IN", "NS", "evil.example.net."))
        request.send(response.to_wire())
    zone = {"poison.example.com": {"TXT": ["v=spf1 +all"]},
        "victim.example.com": {"TXT": ["v=spf1 -all"]}}
    load(zone, faults={"poison.example.com": poison})
    check({"poison.example.com": "pass"})
    check({"victim.example.com": "fail", "refuses.example.com": "fail"})


def test_error_codes():
    codes = {"servfail": dns.rcode.SERVFAIL, "refused": dns.rcode.REFUSED,
        "formerr": dns.rcode.FORMERR, "notimp": dns.rcode.NOTIMP,
        "notauth": dns.rcode.NOTAUTH, "yxdomain": dns.rcode.YXDOMAIN,
        "odd": 15}

    def fail(code):
        def answer(request):
            response = request.honest()
            response.set_rcode(code)
            response.answer = []
            request.send(response.to_wire())
        return answer
    faults = {tag + ".code.example.com": fail(code)
        for tag, code in codes.items()}
    zone = {tag + ".example.com": {"TXT": ["v=spf1 a:%s.code.example.com "
        "+all" % tag]} for tag in codes}
    load(zone, faults=faults)
    check({**{name: "temperror" for name in faults},
        **{name: "temperror" for name in zone}})
    LEAST["dns_failures"] += len(codes)


# TCP

def drip(request):
    """The answer, one octet at a time, and never to its end."""
    if request.is_udp:
        request.send(request.truncated().to_wire())
        return
    wire = request.honest().to_wire()
    try:
        for octet in struct.pack(">H", len(wire)) + wire[:-1]:
            request.connection.sendall(bytes([octet]))
            time.sleep(0.05)
    except OSError:
        pass


def lying_length(request):
    if request.is_udp:
        request.send(request.truncated().to_wire())
        return
    wire = request.honest().to_wire()
    request.connection.sendall(struct.pack(">H", 0xffff) + wire)


def zero_length(request):
    if request.is_udp:
        request.send(request.truncated().to_wire())
        return
    request.connection.sendall(b"\0\0" * 50)


def hang_up(request):
    if request.is_udp:
        request.send(request.truncated().to_wire())
    else:
        request.connection.shutdown(socket.SHUT_RDWR)


def test_truncated_answers_are_asked_for_by_tcp():
    """The bad ones last: the resolver shares a connection to a server."""
    names = {"tcp": (dnsserver.TRUNCATED, "pass"),
        "always": (dnsserver.TRUNCATED_ALWAYS, "temperror"),
        "hangs": (dnsserver.NO_TCP, "temperror"),
        "closed": (hang_up, "temperror"), "drips": (drip, "temperror"),
        "length": (lying_length, "temperror"),
        "zero": (zero_length, "temperror")}
    zone = {tag + ".tcp.example.com": {"TXT": ["v=spf1 +all"]}
        for tag in names}
    zone["mx.example.com"] = {"TXT": ["v=spf1 mx -all"],
        "MX": [(1, "m.example.com")]}
    zone["m.example.com"] = {"A": [CLIENT]}
    load(zone, faults={**{tag + ".tcp.example.com": fault
        for tag, (fault, _) in names.items()},
        ("m.example.com", "A"): dnsserver.TRUNCATED,
        ("mx.example.com", "MX"): dnsserver.TRUNCATED})
    check({"tcp.tcp.example.com": "pass", "mx.example.com": "pass"})
    for question in (("tcp.tcp.example.com", "TXT"), ("mx.example.com",
            "MX"), ("m.example.com", "A")):
        tap.true(SERVER.tcp_counts[question] >= 1, question)
    found = check({tag + ".tcp.example.com": result
        for tag, (_, result) in names.items() if result != "pass"})
    for name, verdict in found.items():
        tap.true(verdict.seconds < 6, "%s: %.1f s" % (name,
            verdict.seconds))


def test_a_name_that_hangs_by_tcp_takes_no_tcp_from_others():
    """A server that answers by TCP in order, and stays silent for some."""
    released = threading.Event()

    def hang(request):
        if request.is_udp:
            request.send(request.truncated().to_wire())
        else:
            released.wait(20)	# and all that comes by this connection
    hanging = ["hang%d.tcp.example.com" % n for n in range(80)]
    honest = ["large%d.tcp.example.com" % n for n in range(4)]
    load({name: {"TXT": ["v=spf1 +all", "x" * 9000]} for name in honest},
        faults={name: hang for name in hanging})
    sessions = []
    try:
        for n, name in enumerate(honest):
            for sender in hanging[n * 20:(n + 1) * 20]:
                m = verdicts.open_session(DAEMON)
                m.mail("<u@%s>" % sender)
                sessions.append(m)
            watch.settled(lambda s=sender: SERVER.queries(s, "TXT"),
                lambda seen: seen > 0)
            verdict = verdicts.check_one(DAEMON, name, client="198.51.100.1")
            tap.equal(verdict.result, "pass", name)
            tap.true(verdict.seconds < 1, "%.1f s" % verdict.seconds)
    finally:
        released.set()
        for m in sessions:
            m.close()


def test_tcp_that_is_refused():
    """Of a server without TCP only short answers arrive; on this machine,
    where no fragment can get lost, up to 4 kB count as short."""
    server = dnsserver.DnsServer()
    server.tcp.shutdown(socket.SHUT_RDWR)
    server.tcp.close()
    server.load({"short.example.com": {"TXT": ["v=spf1 +all", "x" * 3000]},
        "long.example.com": {"TXT": ["v=spf1 +all", "x" * 9000]}})
    filter_ = Daemon(**{**COMMON, "dns": server})
    try:
        found = verdicts.check_all(filter_, ["short.example.com",
            "long.example.com"])
        tap.equal({n: v.result for n, v in found.items()},
            {"short.example.com": "pass", "long.example.com": "temperror"})
    finally:
        OTHERS.append(filter_)
        server.stop()


OTHERS = []


# Time to live

def test_absurd_times_to_live():
    """0 is not kept; from 2^31 on means 0 (RFC 2181 s8), others a day."""
    ttls = {"zero": 0, "one": 1, "week": 604800, "half": 0x7fffffff,
        "top": 0x80000000, "all": 0xffffffff}
    zone = {tag + ".ttl.example.com": {"TXT": ["v=spf1 +all"]}
        for tag in ttls}
    load(zone, ttls={tag + ".ttl.example.com": ttl
        for tag, ttl in ttls.items()})
    for _ in range(3):
        check({name: "pass" for name in zone})
    for tag in ("week", "half"):
        tap.equal(SERVER.queries(tag + ".ttl.example.com"), 1, tag)
    for tag in ("zero", "top", "all"):
        tap.true(SERVER.queries(tag + ".ttl.example.com") >= 3,
            "%s is kept" % tag)


# Others

def test_other_sessions_are_not_affected():
    """Honest names are answered while a hundred hostile ones hang."""
    faults = {"h%d.hang.example.com" % n: (dnsserver.TIMEOUT, drip,
        malformed(PACKETS["garbage"]), dnsserver.WRONG_ID)[n % 4]
        for n in range(100)}
    zone = {name: {"TXT": ["v=spf1 +all"]} for name in faults}
    load(zone, faults=faults)
    sessions = [verdicts.open_session(DAEMON) for _ in faults]
    for m, name in zip(sessions, faults):
        m.mail("<u@%s>" % name)
    for m in sessions:
        m.send("E")
    slowest = 0
    for _ in range(20):
        for name, result in (("honest.example.com", "pass"),
                ("refuses.example.com", "fail")):
            verdict = verdicts.check_one(DAEMON, name)
            tap.equal(verdict.result, result)
            slowest = max(slowest, verdict.seconds)
    tap.diag("slowest honest answer: %.0f ms" % (slowest * 1000))
    tap.true(slowest < 1.5, "%.1f s" % slowest)
    for m, name in zip(sessions, faults):
        tap.equal(verdicts.read_end(m).result, "temperror", name)
        m.close()


def test_random_answers():
    """Octets changed at random: any verdict, but no harm."""
    octets = random.Random(4408)

    def spoil(wire, _request):
        for _ in range(octets.randrange(1, 6)):
            wire[octets.randrange(2, len(wire))] = octets.randrange(256)
        return wire
    names = ["r%d.example.com" % n for n in range(300)]
    zone = {}
    for n, name in enumerate(names):
        zone[name] = {"TXT": [("v=spf1 mx a ptr -all", "v=spf1 mx:mx.%s -all"
            % name, "v=spf1 include:in.%s ~all" % name)[n % 3]],
            "MX": [(1, name), (2, "mx." + name)], "A": ["198.51.100.1"]}
        zone["mx." + name] = {"MX": [(k, "h%d.%s" % (k, name))
            for k in range(5)]}
        zone["in." + name] = {"TXT": ["v=spf1 a -all"], "A": [CLIENT]}
    # The record itself is spoiled for every fifth name only.
    faults = {}
    for n, name in enumerate(names):
        for target in (name, "mx." + name, "in." + name):
            for kind in ("MX", "A", "TXT"):
                if kind != "TXT" or target != name or n % 5 == 0:
                    faults[target, kind] = malformed(spoil)
    load(zone, faults=faults)
    found = collections.Counter()
    for at in range(0, len(names), 100):
        found.update(v.result for v in verdicts.check_all(DAEMON,
            names[at:at + 100]).values())
    tap.diag(dict(found))
    tap.equal(sum(found.values()), len(names))


def test_after_all():
    load({})
    check({"honest.example.com": "pass", "refuses.example.com": "fail"})
    seen = watch.settled(descriptors,
        lambda n: n <= BASELINE["descriptors"] + 8)
    tap.true(seen <= BASELINE["descriptors"] + 8, "%d descriptors, %d before"
        % (seen, BASELINE["descriptors"]))
    rss = watch.rss_kib(DAEMON.pid)
    tap.diag("%d KiB" % rss)
    tap.true(rss < rss_limit(), "%d KiB" % rss)


def test_the_log_is_readable():
    lines = DAEMON.message_lines(100)
    for line in lines:
        logline.parse(line)
    for line in DAEMON.log().split("\n"):
        tap.true(all(" " <= c <= "~" for c in line), ascii(line))


def test_the_daemon_ends_well_and_has_counted():
    verdicts.stop_all([DAEMON, *OTHERS])
    counters = logline.counters(DAEMON.log())
    for name, count in LEAST.items():
        tap.true(counters[name] >= count, "%s=%d, at least %d" % (name,
            counters[name], count))
    tap.true(counters["dns_timeouts"] >= 1, counters)
    tap.true(counters["bad_record"] >= 10, counters)


atexit.register(DAEMON.clean)
tap.main(globals())
