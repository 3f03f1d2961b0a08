# SPDX-License-Identifier: BSD-2-Clause
"""An authoritative DNS server for tests, UDP and TCP, that can misbehave.

Zone data is a dictionary: {"example.com": {"TXT": ["v=spf1 -all"],
"A": ["192.0.2.1"], "MX": [(10, "mx.example.com")], "CNAME": ["..."]}}.
Names are octets written as latin-1 and divided at dots.  A TXT value is one
text (cut into strings of 255 octets) or a list of strings.  TTLs and the SOA
minimum are 0 unless told otherwise, so that nothing is cached between tests.
"""

import collections
import socket
import struct
import threading

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.PTR
import dns.rdtypes.ANY.SOA
import dns.rdtypes.ANY.SPF
import dns.rdtypes.ANY.TXT
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rrset

IN = dns.rdataclass.IN

# Faults of a name (or of one type of it).  A fault can also be a function: it
# is given a Request and sends what it likes, or nothing.
TIMEOUT = "timeout"			# never answered
SERVFAIL = "servfail"
REFUSED = "refused"
TRUNCATED = "truncated"			# UDP says TC, TCP has the answer
TRUNCATED_ALWAYS = "truncated always"	# TCP says TC too
NO_TCP = "no tcp"			# UDP says TC, TCP is closed at once
WRONG_ID = "wrong id"
WRONG_QUESTION = "wrong question"
WRONG_OWNER = "wrong owner"		# the answer is about another name
GARBAGE = "garbage"			# not a DNS message
CUT = "cut"				# the message ends in the middle


def to_name(text):
    """A name with any octets in its labels; a dns.name.Name for itself."""
    if isinstance(text, dns.name.Name):
        return text
    labels = [label.encode("latin-1") for label in text.split(".") if label]
    return dns.name.Name(labels + [b""])


def from_name(name):
    return ".".join(label.decode("latin-1") for label in name.labels
        if label).lower()


def txt_strings(value):
    if isinstance(value, (str, bytes)):
        value = [value]
    strings = []
    for text in value:
        data = text if isinstance(text, bytes) else text.encode("latin-1")
        strings += [data[i:i + 255] for i in range(0, len(data), 255)] or [b""]
    # A TXT record without any string cannot be sent: RFC 1035 s3.3.14.
    return strings or [b""]


def to_rdata(kind, value):
    if kind == "TXT":
        return dns.rdtypes.ANY.TXT.TXT(IN, dns.rdatatype.TXT,
            txt_strings(value))
    if kind == "SPF":
        return dns.rdtypes.ANY.SPF.SPF(IN, dns.rdatatype.SPF,
            txt_strings(value))
    if kind == "A":
        return dns.rdtypes.IN.A.A(IN, dns.rdatatype.A, value)
    if kind == "AAAA":
        return dns.rdtypes.IN.AAAA.AAAA(IN, dns.rdatatype.AAAA, value)
    if kind == "MX":
        return dns.rdtypes.ANY.MX.MX(IN, dns.rdatatype.MX, value[0],
            to_name(value[1]))
    if kind == "PTR":
        return dns.rdtypes.ANY.PTR.PTR(IN, dns.rdatatype.PTR, to_name(value))
    if kind == "CNAME":
        return dns.rdtypes.ANY.CNAME.CNAME(IN, dns.rdatatype.CNAME,
            to_name(value))
    raise ValueError("no such record type here: %s" % kind)


class Request:
    """A question, for faults that are functions."""

    def __init__(self, server, query, is_udp, send, connection):
        self.server = server
        self.query = query
        self.name = from_name(query.question[0].name)
        self.kind = dns.rdatatype.to_text(query.question[0].rdtype)
        self.is_udp = is_udp
        self.send = send		# one message in wire form
        self.connection = connection	# TCP: the socket; UDP: the peer

    def honest(self):
        """The right answer as a message, to be spoiled."""
        response = dns.message.make_response(self.query)
        response.flags |= dns.flags.AA | dns.flags.RA
        self.server.fill(response, self.name, self.kind)
        return response

    def truncated(self):
        response = dns.message.make_response(self.query)
        response.flags |= dns.flags.TC | dns.flags.RA
        return response


class Faults:
    """What goes wrong, by name and type; the type None means all types."""

    def __init__(self):
        self.table = {}

    def set(self, name, fault, kind=None):
        self.table[name.lower(), kind] = fault

    def get(self, name, kind):
        return self.table.get((name, kind), self.table.get((name, None)))


class DnsServer:
    """Serves on 127.0.0.1; self.address is "127.0.0.1:PORT".

    silent: a datagram that has these octets is dropped unread, which takes
    floods that would be too much otherwise.
    """

    def __init__(self, zone=None, ttl=0, host="127.0.0.1", port=0,
            silent=None):
        self.ttl = ttl
        self.silent = silent
        self.lock = threading.Lock()
        self.drops_edns = False		# every question that has EDNS
        self.counts = collections.Counter()	# (name, type) -> queries
        self.tcp_counts = collections.Counter()	# by TCP, not in counts
        self.load(zone or {})
        self.udp, self.tcp = self.bind(host, port)
        self.host, self.port = self.udp.getsockname()[:2]
        self.address = "%s:%d" % (self.host, self.port)
        self.closing = False
        self.threads = [threading.Thread(target=run, daemon=True)
            for run in (self.serve_udp, self.serve_tcp)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def bind(host, port):
        """One port number for both protocols."""
        for _ in range(50):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            tcp = socket.socket()
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            udp.bind((host, port))
            try:
                tcp.bind((host, udp.getsockname()[1]))
            except OSError:
                udp.close()
                tcp.close()
                continue
            # Room for a hundred questions at once.
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            tcp.listen(64)
            return udp, tcp
        raise OSError("no port free for both UDP and TCP")

    def load(self, zone, faults=None, delays=None, ttls=None):
        """Replaces all data and forgets the counts.

        faults: {"name": FAULT} or {("name", "TXT"): FAULT};
        delays: {"name": seconds}; ttls: {"name": seconds}.
        """
        table = {}
        for name, records in zone.items():
            rows = table.setdefault(name.rstrip(".").lower(), {})
            for kind, values in records.items():
                if isinstance(values, str):
                    values = [values]
                rows[kind] = [to_rdata(kind, v) for v in values]
        # Ancestors of a name exist too (RFC 8020).
        for name in list(table):
            while "." in name:
                name = name.split(".", 1)[1]
                table.setdefault(name, {})
        broken = Faults()
        for key, fault in (faults or {}).items():
            name, kind = (key, None) if isinstance(key, str) else key
            broken.set(name, fault, kind)
            table.setdefault(name.lower(), {})
        with self.lock:
            self.table = table
            self.faults = broken
            self.delays = dict(delays or {})
            self.ttls = dict(ttls or {})
            self.counts.clear()
            self.tcp_counts.clear()

    def queries(self, name=None, kind=None):
        """How many questions came, of all or of some name and type."""
        return sum(n for (qname, qkind), n in self.asked().items()
            if (name is None or qname == name.lower())
            and (kind is None or qkind == kind))

    def questions(self, kind=None):
        """How many different ones came, of all or of some type.

        A resolver repeats a question whose answer takes its time, and a busy
        machine takes its time.
        """
        return sum(kind in (None, qkind) for _, qkind in self.asked())

    def asked(self):
        """{(name, type): times} but for the root, which shows who lives."""
        with self.lock:
            return {q: n for q, n in self.counts.items() if q[0].strip(".")}

    def reset(self):
        with self.lock:
            self.counts.clear()
            self.tcp_counts.clear()

    def stop(self):
        self.closing = True
        for s in (self.udp, self.tcp):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()

    # Transport

    def serve_udp(self):
        while not self.closing:
            try:
                data, peer = self.udp.recvfrom(65535)
            except OSError:
                return
            if self.silent is not None and self.silent in data:
                continue
            self.later(data, True,
                lambda wire, peer=peer: self.send_udp(wire, peer), peer)

    def send_udp(self, wire, peer):
        try:
            self.udp.sendto(wire, peer)
        except OSError:
            pass

    def serve_tcp(self):
        while not self.closing:
            try:
                client, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self.serve_client, args=(client,),
                daemon=True).start()

    def serve_client(self, client):
        """Questions share a connection and do not wait for each other."""
        client.settimeout(30)
        busy = threading.Lock()
        def send(wire):
            try:
                with busy:
                    client.sendall(struct.pack(">H", len(wire)) + wire)
            except OSError:
                pass	# the other side has left
        with client, client.makefile("rb") as stream:
            try:
                while True:
                    head = stream.read(2)
                    if len(head) < 2:
                        return
                    data = stream.read(struct.unpack(">H", head)[0])
                    if self.later(data, False, send, client) == NO_TCP:
                        return
            except OSError:
                return

    def later(self, data, is_udp, send, connection):
        """Answers, after the delay of the name if it has one.  Returns the
        fault of the name."""
        try:
            query = dns.message.from_wire(data)
            question = query.question[0]
        except (dns.exception.DNSException, IndexError):
            return None
        name = from_name(question.name)
        kind = dns.rdatatype.to_text(question.rdtype)
        with self.lock:
            if is_udp:
                self.counts[name, kind] += 1
            else:
                self.tcp_counts[name, kind] += 1
            if self.drops_edns and query.edns >= 0:
                return TIMEOUT
            fault = self.faults.get(name, kind)
            delay = self.delays.get(name, 0)
        if callable(fault):
            fault(Request(self, query, is_udp, send, connection))
            return fault
        wire = self.answer(query, name, kind, fault, is_udp)
        if wire is None:
            return fault
        if delay:
            timer = threading.Timer(delay, send, [wire])
            timer.daemon = True
            timer.start()
        else:
            send(wire)
        return fault

    # Answers

    def answer(self, query, name, kind, fault, is_udp):
        """The answer in wire form; None: stay silent."""
        if fault == TIMEOUT or (fault == NO_TCP and not is_udp):
            return None
        if fault == GARBAGE:
            return query.to_wire()[:2] + b"\xff" * 40
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        if fault == SERVFAIL:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif fault == REFUSED:
            response.set_rcode(dns.rcode.REFUSED)
        elif fault in (TRUNCATED, NO_TCP) and is_udp or \
                fault == TRUNCATED_ALWAYS:
            response.flags |= dns.flags.TC
        else:
            self.fill(response, name, kind)
            self.lie(response, query, fault)
        return self.wire(response, query, fault, is_udp)

    def fill(self, response, name, kind):
        """The records, CNAMEs followed; else what does not exist."""
        seen = set()
        with self.lock:
            while name in self.table and name not in seen:
                seen.add(name)
                rows = self.table[name]
                if kind in rows:
                    self.add(response.answer, name, rows[kind])
                    return
                if "CNAME" not in rows:
                    break
                self.add(response.answer, name, rows["CNAME"])
                name = from_name(rows["CNAME"][0].target)
            exists = name in self.table
        if not exists:
            response.set_rcode(dns.rcode.NXDOMAIN)
        response.authority.append(dns.rrset.from_rdata_list(dns.name.root,
            0, [dns.rdtypes.ANY.SOA.SOA(IN, dns.rdatatype.SOA, dns.name.root,
            dns.name.root, 1, 0, 0, 0, 0)]))

    def add(self, section, name, records):
        section.append(dns.rrset.from_rdata_list(to_name(name),
            self.ttls.get(name, self.ttl), records))

    @staticmethod
    def lie(response, query, fault):
        if fault == WRONG_ID:
            response.id ^= 0x5555
        elif fault == WRONG_QUESTION:
            response.question = [dns.rrset.RRset(to_name("other.example"),
                IN, query.question[0].rdtype)]
        elif fault == WRONG_OWNER:
            for rrset in response.answer:
                rrset.name = to_name("other.example")

    def wire(self, response, query, fault, is_udp):
        limit = max(512, query.payload) if is_udp else 65535
        try:
            wire = response.to_wire(max_size=limit)
        except dns.exception.TooBig:
            response.answer = []
            response.authority = []
            response.flags |= dns.flags.TC
            wire = response.to_wire()
        return wire[:len(wire) - 3] if fault == CUT else wire


# Zone text

def presentation(data):
    """Octets between double quotes, as RFC 1035 s5.1 writes them."""
    return '"%s"' % "".join(chr(c) if 32 <= c < 127 and c not in b'"\\'
        else "\\%03d" % c for c in data)


def owner(text):
    """A name with every odd octet written as \\DDD and a final dot."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.")
        else "\\%03d" % ord(c) for c in text.rstrip(".")) + "."


def data_text(kind, value):
    """The data of one record in a master file."""
    if kind in ("TXT", "SPF"):
        return " ".join(map(presentation, txt_strings(value)))
    if kind == "MX":
        return "%d %s" % (value[0], owner(value[1]))
    if kind in ("PTR", "CNAME"):
        return owner(value)
    return value


def zone_text(zone, faults=None, ttl=0):
    """The same zone data as text for --zone.  Faults: of all types of a name
    (all but those it has records of, as in DnsServer.load)."""
    lines = ["$TTL %d" % ttl]
    for name, records in zone.items():
        for kind, values in records.items():
            for value in [values] if isinstance(values, str) else values:
                lines.append("%s %s %s" % (owner(name), kind,
                    data_text(kind, value)))
    words = {TIMEOUT: "TIMEOUT", SERVFAIL: "SERVFAIL"}
    for name, fault in (faults or {}).items():
        if isinstance(name, str):
            has = zone.get(name, {})
            lines += ["%s %s %s" % (owner(name), words[fault], kind)
                for kind in ("A", "AAAA", "MX", "PTR", "TXT")
                if kind not in has]
    return "\n".join(lines) + "\n"
