# SPDX-License-Identifier: BSD-2-Clause
"""The MTA's side of the milter protocol, version 6.

It sends exactly what it is told, reads every reply that is due (steps that
were negotiated without a reply get none) and keeps the edits in their order.
"""

import collections
import socket
import struct

VERSION = 6
ACTIONS = 0x1ff
PROTOCOL = 0x1fffff

# What a filter may ask to be left out (NO_) or not to answer (NR_).
NO = {"C": 0x1, "H": 0x2, "M": 0x4, "R": 0x8, "B": 0x10, "L": 0x20,
    "N": 0x40, "U": 0x100, "T": 0x200}
NR = {"L": 0x80, "C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000,
    "T": 0x10000, "U": 0x20000, "N": 0x40000, "B": 0x80000}
ALL_NR = sum(NR.values())
LEADING_SPACE = 0x100000

FINAL = "actrdyfs4"
STAGES = ("connect", "helo", "mail", "rcpt", "data", "eom", "eoh")

Edit = collections.namedtuple("Edit", "kind index name value")
# kind: one letter of the protocol; text: of a "y" reply, as sent.
Reply = collections.namedtuple("Reply", "kind text")


class ProtocolError(Exception):
    pass


def octets(text):
    return text if isinstance(text, bytes) else text.encode("latin-1")


def reply_lines(reply):
    """What an SMTP client reads of a "y" reply, as both MTAs show it."""
    return reply.text.replace("%%", "%").split("\r\n")


def connect_to(address, timeout=20):
    """address: "unix:PATH", "inet:PORT@HOST" or "inet6:PORT@HOST"."""
    kind, rest = address.split(":", 1)
    if kind == "unix":
        s = socket.socket(socket.AF_UNIX)
        place = rest
    else:
        port, host = rest.split("@")
        s = socket.socket(socket.AF_INET6 if kind == "inet6"
            else socket.AF_INET)
        place = (host.strip("[]"), int(port))
    s.settimeout(timeout)
    try:
        s.connect(place)
    except OSError:
        s.close()
        raise
    if kind != "unix":
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


class Milter:
    """One SMTP connection as the filter sees it."""

    def __init__(self, address, protocol=PROTOCOL, actions=ACTIONS,
            negotiate=True, timeout=20):
        self.sock = connect_to(address, timeout)
        self.edits = []
        self.progress = 0
        self.protocol = 0
        self.actions = 0
        self.symbols = {}
        if negotiate:
            self.negotiate(protocol, actions)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Quits as an MTA does, whatever was said before."""
        try:
            self.send("Q")
        except OSError:
            pass
        self.sock.close()

    def drop(self):
        """As a crashed MTA."""
        self.sock.close()

    # Packets

    def send_raw(self, data):
        self.sock.sendall(data)

    def send(self, command, data=b""):
        self.sock.sendall(struct.pack(">IB", len(data) + 1, ord(command))
            + data)

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise ProtocolError("the filter closed the connection")
            data += more
        return data

    def receive(self):
        size, = struct.unpack(">I", self.read(4))
        if not 0 < size < 1 << 20:
            raise ProtocolError("packet of %d octets" % size)
        data = self.read(size)
        return chr(data[0]), data[1:]

    # Negotiation

    def negotiate(self, protocol=PROTOCOL, actions=ACTIONS, version=VERSION):
        self.send("O", struct.pack(">III", version, actions, protocol))
        command, data = self.receive()
        if command != "O" or len(data) < 12:
            raise ProtocolError("no negotiation but %r %r" % (command, data))
        _, self.actions, self.protocol = struct.unpack(">III", data[:12])
        if self.actions & ~actions:
            raise ProtocolError("asks for actions that were not offered")
        if self.protocol & ~protocol:
            raise ProtocolError("asks for steps that were not offered")
        at = 12
        while at < len(data):
            stage, = struct.unpack(">I", data[at:at + 4])
            end = data.index(b"\0", at + 4)
            self.symbols[STAGES[stage]] = data[at + 4:end].decode().split()
            at = end + 1

    def skips(self, command):
        """True if the filter does not want this step at all."""
        return bool(self.protocol & NO[command])

    def silent(self, command):
        """True if the filter does not answer this step."""
        return bool(self.protocol & NR.get(command, 0))

    # Steps: each returns a Reply, or None where none is due.

    def macros(self, command, values):
        data = b"".join(octets(k) + b"\0" + octets(v) + b"\0"
            for k, v in values.items())
        self.send("D", command.encode() + data)

    def step(self, command, data=b"", macros=None):
        if command in NO and self.skips(command):
            return None
        if macros:
            self.macros(command, macros)
        self.send(command, data)
        if self.silent(command):
            return None
        return self.reply()

    def reply(self):
        while True:
            command, data = self.receive()
            if command in FINAL:
                return Reply(command, data.rstrip(b"\0").decode("latin-1"))
            self.modification(command, data)

    def modification(self, command, data):
        if command == "p":
            self.progress += 1
        elif command in "im":
            index, = struct.unpack(">I", data[:4])
            name, value, _ = data[4:].decode("latin-1").split("\0")
            self.edits.append(Edit(command, index, name, value))
        elif command == "h":
            name, value, _ = data.decode("latin-1").split("\0")
            self.edits.append(Edit(command, None, name, value))
        elif command == "q":
            self.edits.append(Edit(command, None, None,
                data.rstrip(b"\0").decode("latin-1")))
        else:
            raise ProtocolError("unexpected %r %r" % (command, data))

    def connect(self, client="192.0.2.1", host=None, port=40000,
            macros=None):
        """client: an address, None for "unknown", or a path ("/...")."""
        host = octets(host or "[%s]" % client) + b"\0"
        if client is None:
            data = host + b"U"
        else:
            family = (b"L" if client.startswith("/")
                else b"6" if ":" in client else b"4")
            data = (host + family + struct.pack(">H", port) + octets(client)
                + b"\0")
        defaults = {"j": "mx.example.org", "{daemon_name}": "test"}
        defaults.update(macros or {})
        return self.step("C", data, defaults)

    def helo(self, name, macros=None):
        return self.step("H", octets(name) + b"\0", macros)

    def mail(self, sender, args=(), macros=None):
        return self.step("M", self.words([sender, *args]), macros)

    def rcpt(self, recipient, args=(), macros=None):
        return self.step("R", self.words([recipient, *args]), macros)

    @staticmethod
    def words(values):
        return b"".join(octets(v) + b"\0" for v in values)

    def data(self, macros=None):
        return self.step("T", b"", macros)

    def header(self, name, value):
        if not self.protocol & LEADING_SPACE and value.startswith(" "):
            value = value[1:]
        return self.step("L", self.words([name, value]))

    def end_of_headers(self):
        return self.step("N")

    def body(self, text):
        return self.step("B", octets(text))

    def end(self, macros=None):
        """End of message; edits of the message are in self.edits."""
        self.edits = []
        if macros:
            self.macros("E", macros)
        self.send("E")
        return self.reply()

    def abort(self):
        self.send("A")

    def new_connection(self):
        """The same milter connection serves another SMTP connection."""
        self.send("K")

    # A whole message

    def message(self, sender="<u@example.com>",
            rcpts=("<postmaster@example.org>",), headers=(), body="text\r\n",
            macros=None, queue_id="4QZ1", mail_args=()):
        """One transaction up to the first refusal of MAIL, of every
        recipient, or the end; returns a Transaction."""
        done = Transaction()
        done.mail = self.mail(sender, mail_args, macros=macros)
        if done.refused(done.mail) or accepted(done.mail):
            return done
        for rcpt in rcpts:
            done.rcpts.append(self.rcpt(rcpt))
        if all(done.refused(r) for r in done.rcpts):
            self.abort()
            return done
        if any(accepted(r) for r in done.rcpts):
            return done
        ids = {"i": queue_id}
        for reply in self.content(headers, body, ids):
            if done.refused(reply) or accepted(reply):
                done.content = reply
                return done
        done.content = self.end(ids)
        done.edits = self.edits
        done.headers = apply_edits(headers, done.edits)
        return done

    def content(self, headers, body, ids):
        yield self.data(ids)
        for name, value in headers:
            yield self.header(name, value)
        yield self.end_of_headers()
        yield self.body(body)


def accepted(reply):
    return reply is not None and reply.kind == "a"


class Transaction:
    def __init__(self):
        self.mail = None
        self.rcpts = []
        self.content = None
        self.edits = []
        self.headers = []

    @staticmethod
    def refused(reply):
        return reply is not None and reply.kind in "rty4d"

    @property
    def refusal(self):
        """The first refusal: SMTP lines as a list, or the letter; None."""
        for reply in [self.mail, *self.rcpts, self.content]:
            if self.refused(reply):
                return (reply_lines(reply) if reply.kind == "y"
                    else reply.kind)
        return None

    def values(self, name):
        """Values of the fields that the filter inserted, top first."""
        return [v for n, v in self.headers[:len(self.inserted())]
            if n.lower() == name.lower()]

    def inserted(self):
        return [e for e in self.edits if e.kind in "ih" and e.value]


def apply_edits(headers, edits, shifting=True):
    """The header after the edits.

    shifting: as Postfix, where deleting an occurrence renumbers the later
    ones at once; sendmail keeps the numbers until the end.  On both an
    inserted field counts as an occurrence.
    """
    rows = [[n, v] for n, v in headers]
    for edit in edits:
        if edit.kind == "h":
            rows.append([edit.name, edit.value])
        elif edit.kind == "i":
            rows.insert(edit.index, [edit.name, edit.value])
        elif edit.kind == "m":
            same = [r for r in rows if r[0].lower() == edit.name.lower()
                and (r[1] is not None or not shifting)]
            if 0 < edit.index <= len(same):
                same[edit.index - 1][1] = edit.value or None
            elif edit.value:
                rows.append([edit.name, edit.value])
    return [(n, v) for n, v in rows if v is not None]
