#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mutated milter packets against the running daemon.

    milter_fuzz.py [--seed=N] [--seconds=S] [--only=N]

Session N of a seed is always the same packets, so that --only=N plays the
one that a report names.  Most are framed well and lie in what they say; some
lie in their length, or end in the middle.  Whatever comes, the daemon must
live, answer in legal packets whose texts follow their grammars, log nothing
but lines of its own, end every connection, and keep answering an honest MTA;
and what it took, memory and descriptors, it must give back.

One thing an MTA may not do here: libmilter (8.17.1, in smfi_getsymval) steps
from name to name and reads past the end of its array where a macro has no
value, so every list of macros is made of pairs.
"""

import concurrent.futures
import os
import random
import re
import select
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fields
import logline
import milterclient
import spec
import tap
import watch
from daemon import Daemon

THREADS = 4
PROBE_EVERY = 40
HANG_SECONDS = 20
# Seen: 13 MB, and 55 MB with AddressSanitizer.
RSS_LIMIT_KB = 150 * 1024
GROWTH_KB = 30 * 1024

AR = "Authentication-Results"
SENDERS = [b"<u@%s>" % spec.domain(r).encode() for r in spec.RESULTS] + [
    b"<>", b"", b"<u@explain.example.com>", b"<u@dead.example.com>",
    b"<@a.example.net:u@fail.example.com>", b'<"a\r\nb"@pass.example.com>',
    b"<u@xn--.example>", b"<\xff@\xc3\xa9.example>", b"< u @ d >",
    b"<u@" + b"a." * 127 + b"b>", b"<" + b"x" * 3000 + b"@fail.example.com>"]
HELOS = [b"mail.example.net", b"failhelo.example.net", b"", b"a b",
    b"temphelo.example.net", b"[192.0.2.1]", b"x" * 5000, b"\x00x",
    b'";)(=\r\n\t\xff', b"softhelo.example.net"]
HEADERS = [(b"Subject", b"x"), (AR.encode(), b"mx.example.org; spf=pass"),
    (AR.encode(), b' (c) "mx.example.org" 1\n\t; none'), (b"", b""),
    (b"aUTHENTICATION-rESULTS", b"mx.example.org"), (b"X", b"(" * 6000),
    (b"Received-SPF", b"pass"), (AR.encode(), b'"' + b"\\" * 999)]
CLIENTS = [b"4\x9c\x40192.0.2.1\0", b"6\x9c\x402001:db8::1\0", b"U",
    b"6\x00\x00IPv6:2001:db8::1\0", b"4\x00\x00127.0.0.1\0", b"L\0\0/x\0",
    b"6\x00\x01::ffff:192.0.2.1\0", b"4\x00\x00unknown\0", b"4", b"?\0\0\0"]
MACROS = [(b"i", b"4QZ1"), (b"j", b"mx.example.org"), (b"j", b'a"; b\r\n'),
    (b"{auth_authen}", b"user"), (b"{auth_authen}", b""), (b"i", b"\xff\n"),
    (b"{j}", b"x"), (b"", b""), (b"i", b"%s%n" * 300)]
NUMBERS = [0, 1, 2, 4, 5, 6, 127, 128, 255, 0x7fff, 0xffff, 0x1fffff,
    0x7fffffff, 0x80000000, 0xffffffff]


class Generator:
    """The packets of one session, in octets."""

    def __init__(self, seed, number):
        self.random = random.Random("%s/%s" % (seed, number))

    def chance(self, percent):
        return self.random.randrange(100) < percent

    def macros(self, command):
        pairs = self.random.sample(MACROS, self.random.randrange(4))
        return [(b"D", command + b"".join(n + b"\0" + v + b"\0"
            for n, v in pairs))] if pairs else []

    def negotiation(self):
        version, actions, steps = 6, milterclient.ACTIONS, \
            milterclient.PROTOCOL
        if self.chance(8):
            version = self.random.choice([2, 3, 4, 6, 7] + NUMBERS)
            actions = self.random.choice([0, 1, 0x11] + NUMBERS)
            steps &= self.random.getrandbits(21)
        return (b"O", struct.pack(">III", version, actions, steps))

    def message(self):
        pick = self.random.choice
        yield from self.macros(b"M")
        yield b"M", pick(SENDERS) + b"\0" + pick([b"", b"SIZE=1\0", b"\0\0"])
        for _ in range(pick([0, 1, 1, 1, 2, 5])):
            yield from self.macros(b"R")
            yield b"R", b"<postmaster@example.org>\0"
        if self.chance(50):
            yield b"T", b""
        for _ in range(pick([0, 1, 2, 3, 120])):
            name, value = pick(HEADERS)
            yield b"L", name + b"\0" + value + b"\0"
        if self.chance(50):
            yield b"N", b""
            yield b"B", b"text\r\n"
        yield from self.macros(b"E")
        yield pick([(b"E", b""), (b"E", b"."), (b"A", b"")])

    def packets(self):
        pick = self.random.choice
        yield self.negotiation()
        for _ in range(pick([1, 1, 1, 2])):
            if self.chance(70):
                yield b"D", b"Cj\0mx.example.org\0"
            else:
                yield from self.macros(b"C")
            yield b"C", pick([b"[192.0.2.1]", b"", b"\xff"]) + b"\0" + \
                pick(CLIENTS if self.chance(30) else CLIENTS[:2])
            for _ in range(pick([0, 1, 1, 2])):
                yield from self.macros(b"H")
                yield b"H", pick(HELOS) + b"\0"
            for _ in range(pick([0, 1, 1, 2, 4])):
                yield from self.message()
            if self.chance(50):
                yield b"K", b""
        if self.chance(70):
            yield b"Q", b""

    def mutate_octets(self, data):
        data = bytearray(data)
        at = self.random.randrange(len(data) + 1)
        kind = self.random.randrange(6)
        if kind == 0:
            data[at:at + 1] = bytes([self.random.randrange(256)])
        elif kind == 1:
            data[at:] = b""
        elif kind == 2:
            data[at:at] = self.random.randbytes(self.random.randrange(40))
        elif kind == 3:
            data[at:at] = bytes([0]) * self.random.randrange(4)
        elif kind == 4:
            data[at:at + 4] = struct.pack(">I", self.random.choice(NUMBERS))
        else:
            data[at:at] = b"x" * self.random.choice([9, 300, 3000, 70000])
        return bytes(data)

    def mutate(self, packets):
        """The same packets, a few of them changed, moved or missing."""
        for _ in range(self.random.choice([0, 1, 1, 2, 3, 8])):
            at = self.random.randrange(len(packets))
            if at == 0 and self.chance(80):
                continue		# few answers come without it
            command, data = packets[at]
            kind = self.random.randrange(8)
            if kind == 0 and len(packets) > 1:
                del packets[at]
            elif kind == 1:
                packets.insert(at, packets[at])
            elif kind == 2:
                other = self.random.randrange(len(packets))
                packets[at], packets[other] = packets[other], packets[at]
            elif kind == 3:
                packets[at] = self.random.randbytes(1), data
            else:
                packets[at] = command, self.mutate_octets(data)
        return packets

    def frame(self, command, data):
        if command == b"D":
            data = paired(data)
        size = len(data) + 1
        if self.random.randrange(400) == 0:
            size = self.random.choice(NUMBERS + [size - 1, size + 1])
        return struct.pack(">I", size & 0xffffffff) + command + data

    def stream(self):
        packets = self.mutate(list(self.packets()))
        stream = b"".join(self.frame(c, d) for c, d in packets)
        if self.chance(5):
            stream = stream[:self.random.randrange(1, len(stream))]
        return stream


def paired(data):
    """A list of macros without a last name that has no value."""
    strings = data[1:].split(b"\0")[:-1]
    return data[:1] + b"".join(x + b"\0"
        for x in strings[:len(strings) // 2 * 2])


def exchange(address, stream, patient):
    """All that is answered until the daemon ends the connection."""
    peer = milterclient.connect_to(address)
    peer.setblocking(False)
    end = time.monotonic() + HANG_SECONDS
    got = b""
    with peer:
        while True:
            r, w, _ = select.select([peer], [peer] if stream else [], [],
                max(0, end - time.monotonic()))
            tap.true(r or w, "is still there after %d seconds; so far %r"
                % (HANG_SECONDS, got[-60:]))
            try:
                if r:
                    more = peer.recv(1 << 16)
                    if not more:
                        return got
                    got += more
                if w:
                    stream = stream[peer.send(stream[:1 << 16]):]
                    if not stream and not patient:
                        return b""
                    if not stream:
                        peer.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                return got


def replies(got):
    """The packets of a stream; the last may have been cut by the end."""
    at = 0
    while at + 5 <= len(got):
        size, = struct.unpack(">I", got[at:at + 4])
        tap.true(0 < size < 1 << 16, "length of a packet: %d" % size)
        if at + 4 + size <= len(got):
            yield chr(got[at + 4]), got[at + 5:at + 4 + size]
        at += 4 + size


def check_reply_text(data):
    lines = data.decode("latin-1").split("\r\n")
    tap.equal(lines[-1][-1:], "\0", "the end of a reply")
    lines[-1] = lines[-1][:-1]
    for n, line in enumerate(lines):
        tap.true(re.match(r"([45])\d\d%s\1\.\d{1,3}\.\d{1,3} [ -~]+\Z"
            % (" " if n == len(lines) - 1 else "-"), line), "reply")
        tap.true(len(line.replace("%%", "%")) <= 510, "length of a reply")
        tap.lacks(line.replace("%%", ""), "%")


def check_edit(command, data):
    name, value, rest = data[4:].decode("latin-1").split("\0")
    tap.equal(rest, "")
    if command == "m":
        tap.equal((name, value), (AR, ""))
    elif name == AR:
        fields.auth_results(value)
    else:
        tap.equal(name, "Received-SPF")
        fields.received_spf(value)


def check_answers(got):
    for command, data in replies(got):
        if command == "y":
            check_reply_text(data)
        elif command in "im":
            check_edit(command, data)
        elif command == "O":
            tap.true(len(data) >= 12, "a negotiation")
        else:
            tap.true(command in "acrt" and data == b"",
                "not a reply: %r %r" % (command, data))


def option(name, default):
    for argument in sys.argv[1:]:
        if argument.startswith("--%s=" % name):
            return float(argument.split("=")[1])
    return default


class Campaign:
    def __init__(self):
        self.server = spec.server()
        # A quarantine would hide what memory is really kept.
        self.daemon = Daemon(dns=self.server, behavior=3,
            headers=["received-spf", "authentication-results"],
            dns_options={"query_timeout": "1s"}, env={"ASAN_OPTIONS":
                "quarantine_size_mb=8:" + os.environ.get("ASAN_OPTIONS", "")})
        self.seed = int(option("seed", 7208))
        self.sessions = 0
        self.octets = 0
        self.rss_kb = 0

    def play(self, number):
        generator = Generator(self.seed, number)
        stream = generator.stream()
        try:
            got = exchange(self.daemon.socket, stream,
                not generator.chance(10))
            check_answers(got)
        except (AssertionError, ValueError, OSError) as error:
            raise AssertionError("seed %d, --only=%d: %s" % (self.seed,
                number, error)) from error
        self.octets += len(stream)

    def play_many(self, seconds):
        end = time.monotonic() + seconds
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            while time.monotonic() < end:
                first = self.sessions
                self.sessions += PROBE_EVERY
                list(pool.map(self.play, range(first, self.sessions)))
                tap.true(self.daemon.alive(), "alive after session %d"
                    % self.sessions)
                self.probe()
                if self.rss_kb == 0 and time.monotonic() > end - seconds * .7:
                    self.rss_kb = self.rss()

    def probe(self):
        """An honest MTA is served as if nobody else were there."""
        with self.daemon.milter() as m:
            m.connect(spec.CLIENT)
            m.helo(spec.HELO)
            done = m.message(sender="<u@pass.example.com>",
                headers=[(AR, "mx.example.org; spf=fail"), ("A", "b")])
            tap.equal([n for n, _ in done.headers],
                ["Received-SPF", "Received-SPF", AR, "A"])
            field = fields.received_spf(done.values("Received-SPF")[0])
            tap.equal((field.result, field.keys["envelope-from"]),
                ("pass", "u@pass.example.com"))
            done = m.message(sender="<u@fail.example.com>")
            tap.equal(done.refusal, [spec.reply("fail", spec.CLIENT)])

    def rss(self):
        return watch.rss_kib(self.daemon.pid)

    def descriptors(self):
        return watch.descriptors(self.daemon.pid)


CAMPAIGN = Campaign()
SECONDS = option("seconds", 5)
BEFORE = {}


def test_the_daemon_outlives_any_packets():
    CAMPAIGN.probe()
    BEFORE["descriptors"] = CAMPAIGN.descriptors()
    only = option("only", None)
    if only is not None:
        CAMPAIGN.play(int(only))
        CAMPAIGN.probe()
    else:
        CAMPAIGN.play_many(SECONDS)
    tap.diag("%d sessions, %d kB, %d kB resident" % (CAMPAIGN.sessions,
        CAMPAIGN.octets >> 10, CAMPAIGN.rss()))


def test_descriptors_are_given_back():
    before = BEFORE["descriptors"]
    seen = watch.settled(CAMPAIGN.descriptors, lambda n: n <= before)
    tap.true(seen <= before, "%d descriptors, before %d" % (seen, before))


def test_memory_stays_within_bounds():
    tap.true(CAMPAIGN.rss() < RSS_LIMIT_KB, "%d kB" % CAMPAIGN.rss())
    if CAMPAIGN.rss_kb:
        tap.true(CAMPAIGN.rss() - CAMPAIGN.rss_kb < GROWTH_KB,
            "grew from %d to %d kB" % (CAMPAIGN.rss_kb, CAMPAIGN.rss()))


PAIR = (r'[a-z_]+=(?:"(?:\\["\\]|\\x[0-9a-f]{2}|[^"\\])*"'
    r'|(?:\\x[0-9a-f]{2}|[^ "\\=])+)')


def test_log_lines_stay_lines():
    for line in CAMPAIGN.daemon.log().split("\n"):
        tap.true(line.startswith("spf-milter: ")
            and logline.is_clean(line), "a line of ours: " + ascii(line))
        if " result=" not in line:
            continue
        text = line.split(": ", 1)[1]
        if text.endswith("..."):
            continue			# cut at the longest line
        tap.true(re.match(r"%s(?: %s)*\Z" % (PAIR, PAIR), text), "pairs")
        keys = [p.split("=")[0] for p in re.findall(PAIR, text)]
        tap.equal(len(keys), len(set(keys)), "each key once: " + line)


def test_the_daemon_ends_well():
    CAMPAIGN.daemon.stop_well()


tap.main(globals(), seconds=int(SECONDS) + 200)
