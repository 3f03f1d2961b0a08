# SPDX-License-Identifier: BSD-2-Clause
"""Clients that say anything, and peers that break the milter protocol."""

import atexit
import os
import random
import re
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fields
import logline
import milterclient
import spec
import tap
import verdicts
import watch
from daemon import Daemon

SERVER = spec.server()
BOTH = ["received-spf", "authentication-results"]
REPLY = {"fail": {"code": 550, "enhanced": "5.7.23",
    "text": "100%% of %{s} %{l} %{o} %{d} %{h} %{i} %{r} %{queue_id} "
    "%{reason} %{result} %{identity} %{S} %{H}\nsecond %{h}"}}
MARKING = Daemon(dns=SERVER, behavior=1, headers=BOTH)
REFUSING = Daemon(dns=SERVER, behavior=6, reply=REPLY)
CLIENT = verdicts.CLIENT
AR = "Authentication-Results"
BASELINE = {}

# No angle brackets and no blanks at the ends: those end an address.  With one
# NUL a list of macros would be odd, which kills libmilter: smfi_getsymval
# takes strings in pairs.
HOSTILE = ["a\rb", "a\nReceived-SPF: pass", "a\r\n\r\nbody", "a\r\n.\r\nQUIT",
    'a"b', '"', '""', '"a', "a\\", "\\", "\\\"", "a)b(c", "(", ")",
    "(nested(comment))", "a;result=pass", "a; client-ip=1.2.3.4",
    ";identity=helo;", "a=b", "=", ";", "a,b", "\x80\xff\x1b[2J", "\x7f\x01",
    "\xc3\x28", "\xf0\x9f\x92\xa9".encode("latin-1").decode("latin-1"),
    "\xed\xa0\x80", "\xec\x9c\xa0", "a\xe2\x80\xaeb", "\xc2\x9b2J", "%s%n%d", "%{s}", "%", "%%", "a\tb", "a b", "'", "[", "]",
    "[192.0.2.1]", "a" * 63 + ".example", ("a" * 60 + ".") * 5 + "example",
    ".", "..", "a..b", "-", "_", "mx.example.org", "=?utf-8?q?x?=", "a\0b\0c",
    "x" * 299, "x" * 300, "x" * 301, "\xe9" * 400, "q\"" * 300,
    "y" * 1000 + "@victim.example.net", "z" * 60000]

# libmilter takes 65,535 octets a packet.
FITTING = [t for t in HOSTILE if len(t) < 20000]


def cut_start(text):
    """What a field shows of a name or an address."""
    text = until_nul(text)
    clean = "".join(c if " " <= c <= "~" else "?" for c in text)
    return clean if len(clean) <= 300 else "..." + clean[-297:]


def until_nul(text):
    return text.split("\0")[0]


def as_mtas_read(text):
    """local%domain is local@domain."""
    local, percent, domain = text.rpartition("%")
    if "@" in text or not percent or not domain:
        return text
    return "%s@%s" % (local or "postmaster", domain)


def cut_log(text):
    text = until_nul(text)
    return text if len(text) <= 200 else text[:200] + "..."


def send(daemon, sender, helo=spec.HELO, j="mx.example.org", queue_id="4QZ1",
        macros=None, headers=(("Subject", "x"),), client=CLIENT,
        **arguments):
    with daemon.milter() as m:
        m.connect(client, macros={"j": j})
        m.helo(helo)
        return m.message(sender=sender, macros=macros, queue_id=queue_id,
            headers=list(headers), **arguments)


def spf_fields(done, what):
    """{identity: field} of exactly the fields that are due."""
    tap.equal([n for n, _ in done.headers[:-1] if n != AR],
        ["Received-SPF"] * (len(done.headers) - 2), what)
    found = {}
    for value in done.values("Received-SPF"):
        field = fields.received_spf(value)
        tap.true(set(field.keys) <= set(fields.KNOWN_KEYS), what)
        found[field.keys["identity"]] = field
    return found


def compare(found, want, what):
    for identity, keys in want.items():
        for key, value in keys.items():
            tap.equal(found[identity].keys.get(key), value, "%s of %s: %s"
                % (key, identity, what))


def check(sender, envelope_from, result, helo=spec.HELO, **arguments):
    """One message: every value of every field is what was said."""
    what = ascii((helo[:50], sender[:50]))
    done = send(MARKING, sender, helo=helo, **arguments)
    tap.equal(done.refusal, None, what)
    receiver = arguments.get("j", "mx.example.org")
    found = spf_fields(done, what)
    common = {"client-ip": CLIENT, "helo": cut_start(helo) or None,
        "receiver": cut_start(receiver),
        "envelope-from": cut_start(envelope_from)}
    want = {"mailfrom": {**common, "identity": "mailfrom"}}
    if until_nul(helo):
        want["helo"] = {**common, "identity": "helo"}
    tap.equal(sorted(found), sorted(want), what)
    compare(found, want, what)
    tap.equal(found["mailfrom"].result, result, what)
    value, = done.values(AR)
    ar = fields.auth_results(value)
    tap.equal(ar.authserv_id, cut_start(receiver), what)
    tap.equal([(m, r) for m, r, _ in ar.results], [("spf", result)], what)
    return ar


# Values

def test_helo():
    for text in HOSTILE:
        check("<u@softfail.example.com>", "u@softfail.example.com",
            "softfail", helo=text)


def test_local_part():
    for text in HOSTILE:
        if "\0" in text:
            continue
        ar = check("<%s@fail.example.com>" % text,
            text + "@fail.example.com", "fail")
        tap.equal(ar.results[0][2], {"smtp.mailfrom": "fail.example.com"})


def test_domain():
    for text in HOSTILE:
        address = "u@" + until_nul(text)
        if "@" in text or text.startswith("mx."):
            continue
        ar = check("<u@%s>" % text if "\0" not in text else "<u@" + text,
            address, "none")
        tap.true(set(ar.results[0][2]) <= {"smtp.mailfrom"}, text[:50])


def test_whole_address():
    for text in HOSTILE:
        if "\0" not in text:
            check(text, as_mtas_read(text), "none")


def test_null_sender_of_a_hostile_helo():
    for text in HOSTILE:
        check("<>", "", "none", helo=text)


def test_name_of_the_receiver():
    for text in HOSTILE:
        if until_nul(text).strip() == text:
            check("<u@pass.example.com>", "u@pass.example.com", "pass",
                j=text)


def test_an_address_is_cut_so_that_its_domain_stays():
    """Else user@victim.example.AAA... could end as one of the victim."""
    victim = "ceo@victim.example.net"
    done = send(MARKING, "<%s.%s@fail.example.com>" % (victim, "A" * 500))
    field = spf_fields(done, "cut")["mailfrom"]
    tap.lacks(field.keys["envelope-from"], "victim")
    tap.true(field.keys["envelope-from"].endswith("A@fail.example.com"),
        field)


def test_authenticated_user():
    """Any name is one: it is not shown, and only an empty one is none."""
    for text in HOSTILE:
        done = send(MARKING, "<u@fail.example.com>",
            macros={"{auth_authen}": text})
        tap.equal((done.refusal, done.edits), (None, []), ascii(text[:50]))
    done = send(MARKING, "<u@fail.example.com>", macros={"{auth_authen}": ""})
    tap.equal(len(done.values("Received-SPF")), 2)


def test_other_arguments_and_macros_change_nothing():
    want = send(MARKING, "<u@pass.example.com>").headers
    for text in FITTING:
        with MARKING.milter() as m:
            m.connect(CLIENT, host=until_nul(text), macros={"v": text,
                "{daemon_name}": text})
            m.helo(spec.HELO, macros={"{tls_version}": text})
            m.mail("<u@pass.example.com>", args=[text, "SIZE=1", text],
                macros={"{auth_author}": text, "{mail_host}": text})
            m.rcpt("<%s>" % text, args=[text], macros={"{rcpt_addr}": text})
            m.end({"i": text})
            tap.equal(milterclient.apply_edits([("Subject", "x")], m.edits),
                want, ascii(text[:50]))


def test_the_sender_as_the_mta_understands_it():
    """{mail_addr} counts where its domain is another than that of MAIL."""
    for text in FITTING:
        if "\0" in text:
            continue
        done = send(MARKING, "<u@pass.example.com>", macros={"{mail_addr}":
            text + "@fail.example.com"})
        field = spf_fields(done, ascii(text[:50]))["mailfrom"]
        tap.equal((field.result, field.keys["envelope-from"]), ("fail",
            cut_start(text + "@fail.example.com")), ascii(text[:50]))


# The log

def test_log_lines_tell_what_was_said():
    texts = [t for t in FITTING if "\0" not in t]
    client = "198.51.100.77"

    def logged():
        return [l for l in MARKING.log().split("\n")
            if " client=%s " % client in l]
    for text in texts:
        send(MARKING, "<%s@fail.example.com>" % text, helo=text,
            queue_id=text, client=client)
    lines = watch.settled(logged, lambda found: len(found) >= len(texts))
    tap.equal(len(lines), len(texts), "one line a message")
    for text, line in zip(texts, lines):
        pairs = logline.parse(line)
        what = ascii(text[:50])
        for key, value in (("queue_id", text), ("helo", text),
                ("sender", text + "@fail.example.com"),
                ("client", client), ("result", "fail"),
                ("identity", "mailfrom"), ("action", "accept"),
                ("mechanism", "-all")):
            if key in pairs:
                tap.equal(pairs[key], cut_log(value), key + " of " + what)
            else:
                tap.true(line.endswith("...") and len(line) > 1900,
                    "%s is missing: %s" % (key, line))
        tap.true({"result", "action", "client", "level"} <= set(pairs),
            "never cut: " + what)


def test_every_line_of_the_log_is_one():
    for line in MARKING.log().split("\n"):
        tap.true(line.startswith("spf-milter: ") and len(line) <= 2100
            and logline.is_clean(line), ascii(line[:200]))


# Replies

def check_reply(done, what):
    """As sent to the MTA, and as the SMTP client reads it."""
    reply = next(r for r in [done.mail, *done.rcpts, done.content]
        if done.refused(r))
    tap.equal(reply.kind, "y", what)
    lines = reply.text.split("\r\n")
    tap.true(len(lines) <= 32, what)
    for n, line in enumerate(lines):
        tap.true(all(" " <= c <= "~" for c in line), what + line)
        tap.lacks(line.replace("%%", ""), "%", what)
        tap.true(re.match(r"550[ -]5\.7\.[0-9]+ ", line), what + line)
        tap.equal(line[3], " " if n == len(lines) - 1 else "-", what)
        tap.true(len(line.replace("%%", "%")) <= 510, what)
        tap.true(len(line) <= 980, what)
    return lines


def test_replies():
    for text in FITTING:
        for sender, helo in (("<%s@fail.example.com>" % text, spec.HELO),
                ("<u@fail.example.com>", text), ("<u@%s>" % text, text),
                ("<%s@explain.example.com>" % text, text), ("<>", text)):
            what = ascii((sender[:50], helo[:50]))
            done = send(REFUSING, sender, helo=helo, queue_id=text, j=text)
            check_reply(done, what)


def test_a_line_of_a_reply_comes_from_the_template_only():
    for text in HOSTILE:
        if "\0" in text or len(text) > 200:
            continue
        done = send(REFUSING, "<%s@fail.example.com>" % text)
        lines = [l.replace("%%", "%") for l in check_reply(done, text)]
        clean = "".join(c if " " <= c <= "~" else "?" for c in text)
        tap.contains("".join(l[11:] for l in lines),
            "100% of " + clean + "@fail.example.com", ascii(text))
        tap.equal(lines[-1][11:], "second " + spec.HELO, ascii(text))


# Fields of the message

def test_names_and_values_of_fields():
    names = [AR + "\r\nX", "X\r\n" + AR, AR + " ", "authentication_results",
        "\xff" * 100, ":", " ", "(" * 40000, AR[:-1]]
    for text in FITTING:
        if "\0" in text:
            continue	# ends a connection, as a field without a name does
        done = send(MARKING, "<u@pass.example.com>",
            headers=[(n, text) for n in names] + [(AR, text + "; spf=pass"),
            ("Subject", text)])
        tap.equal(done.refusal, None)
        deleted = [e.index for e in done.edits if e.kind == "m"]
        # Only those that could be read as ours.
        tap.true(set(deleted) <= {1}, "%s: %r" % (ascii(text[:50]),
            deleted))
        if "mx.example.org" in text:
            tap.true(deleted, "forged one left")


def test_expensive_fields():
    """Linear in their length, whatever they nest."""
    start = time.monotonic()
    for text in ("(" * 60000, "\\" * 60000, '"' * 60000, "(\\" * 30000,
            "a " * 30000, "()" * 30000, "\n\t" * 30000, "; " * 30000):
        send(MARKING, "<u@pass.example.com>", headers=[(AR, text)] * 50)
    seconds = time.monotonic() - start
    tap.true(seconds < 20, "%.1f s" % seconds)


def test_random_octets_everywhere():
    octets = random.Random(8601)

    def some(most):
        return "".join(chr(octets.choice((octets.randrange(1, 256),
            octets.choice(b"\"\\()<>@;=%\r\n \t."))))
            for _ in range(octets.randrange(most)))
    for _ in range(300):
        done = send(MARKING, some(300), helo=some(200), j=some(100) or "x",
            queue_id=some(40), headers=[(AR, some(300)),
            ("X" + some(20), some(100)), ("Subject", "x")])
        tap.equal(done.refusal, None)
        for value in done.values("Received-SPF"):
            fields.received_spf(value)
        for value in done.values(AR)[:1]:
            fields.auth_results(value)
        done = send(REFUSING, "<%s@fail.example.com>" % some(100).replace(
            "<", "").replace(">", ""), helo=some(200), queue_id=some(40))
        if done.refusal is not None:
            check_reply(done, "random")
    for line in MARKING.message_lines(300)[-300:]:
        logline.parse(line)


# The milter protocol

def honest():
    done = send(MARKING, "<u@pass.example.com>")
    tap.equal(spf_fields(done, "honest")["mailfrom"].result, "pass")


def retried(connect):
    """Waits where the backlog is full, as an MTA does."""
    while True:
        try:
            return connect()
        except BlockingIOError:
            time.sleep(0.01)


def connected():
    return retried(lambda: milterclient.connect_to(MARKING.socket))


def raw(data, negotiate=True, wait=0.02):
    """Sends octets and hangs up; what was answered does not matter."""
    try:
        m = MARKING.milter(negotiate=negotiate, timeout=wait)
        try:
            m.send_raw(data)
            m.sock.recv(65536)
        finally:
            m.drop()
    except OSError:
        pass


def packet(command, data=b""):
    return struct.pack(">IB", len(data) + 1, command) + data


def descriptors():
    return watch.descriptors(MARKING.pid)


def test_baseline():
    for _ in range(20):
        honest()
    BASELINE["descriptors"] = watch.settled(descriptors,
        lambda n: False, seconds=1)
    BASELINE["rss"] = watch.rss_kib(MARKING.pid)


def test_lengths_that_lie():
    for length in (0, 1, 2, 0xff, 0xffff, 0x10000, 0x100000, 0x7fffffff,
            0x80000000, 0xfffffffe, 0xffffffff):
        for tail in (b"", b"M", b"O" + bytes(12), b"D" + b"x" * 100):
            raw(struct.pack(">I", length) + tail)
            raw(struct.pack(">I", length) + tail, negotiate=False)
    honest()


def test_every_command_with_no_and_odd_data():
    for command in range(256):
        for data in (b"", b"\0", b"x", b"\0\0\0\0", b"a\0b"):
            raw(packet(command, data), wait=0.002)
    raw(b"".join(packet(c, b"x\0") for c in range(256)))
    honest()


def test_half_packets():
    whole = packet(ord("M"), b"<u@pass.example.com>\0")
    for cut in range(len(whole)):
        raw(whole[:cut], wait=0.002)
    # One octet at a time is slow, but right.
    with MARKING.milter() as m:
        m.connect(CLIENT)
        m.helo(spec.HELO)
        for octet in whole:
            m.send_raw(bytes([octet]))
        tap.equal(m.reply().kind, "c")
    honest()


def test_large_packets():
    for size in (65534, 65535, 65536, 70000, 1 << 20):
        for command in "HMRLBD":
            raw(packet(ord("C"), b"[x]\0" + b"4" + b"\0\7" + b"192.0.2.1\0")
                + packet(ord(command), b"x" * size))
            raw(packet(ord("C"), b"[x]\0" + b"4" + b"\0\7" + b"192.0.2.1\0")
                + packet(ord(command), b"x\0" * (size // 2)))
    honest()


def test_negotiations_that_are_none():
    for data in (b"", b"\0", bytes(11), bytes(12), b"\xff" * 12,
            struct.pack(">III", 0, 0, 0), struct.pack(">III", 1, 0, 0),
            struct.pack(">III", 2, 0x3f, 0x7f),
            struct.pack(">III", 1 << 31, 1, 1),
            struct.pack(">III", 6, 0x1ff, 0x1fffff) + b"x" * 1000):
        raw(packet(ord("O"), data), negotiate=False)
    for _ in range(3):
        raw(packet(ord("O"), struct.pack(">III", 6, 0x1ff, 0x1fffff)) * 50)
    honest()


def test_connects_that_are_none():
    for data in (b"", b"\0", b"x", b"x\0", b"x\0" + b"4", b"x\0" + b"4\0\7",
            b"x\0" + b"4\0\7999.1.1.1\0", b"x\0" + b"4\0\7::1\0",
            b"x\0" + b"6\0\7192.0.2.1\0", b"x\0" + b"6\0\7\0",
            b"x\0" + b"6\0\7IPv6:2001:db8::1\0", b"x\0" + b"9\0\7x\0",
            b"x\0" + b"L\0\7" + b"/" * 5000 + b"\0", b"x\0U",
            b"x\0" + b"4\0\7192.0.2.1", b"\xff" * 100):
        raw(packet(ord("C"), data) + packet(ord("H"), b"h\0")
            + packet(ord("M"), b"<u@fail.example.com>\0")
            + packet(ord("E")))
    honest()


def test_commands_in_any_order():
    random_ = random.Random(1)
    parts = [packet(ord(c), data) for c, data in (
        ("C", b"[x]\0" + b"4\0\7192.0.2.1\0"), ("H", b"h.example\0"),
        ("M", b"<u@pass.example.com>\0"), ("R", b"<r@example.org>\0"),
        ("T", b""), ("L", b"A\0b\0"), ("N", b""), ("B", b"x"), ("E", b""),
        ("A", b""), ("K", b""), ("Q", b""), ("U", b"XYZ\0"),
        ("D", b"Mi\0x\0"), ("D", b"M"), ("D", b""), ("M", b""), ("L", b"A"),
        ("L", b""), ("R", b""))]
    for _ in range(400):
        raw(b"".join(random_.choice(parts)
            for _ in range(random_.randrange(1, 20))), wait=0.003)
    honest()


def test_random_octets_as_packets():
    random_ = random.Random(2)
    for _ in range(300):
        data = random_.randbytes(random_.randrange(1, 400))
        raw(data, negotiate=random_.random() < 0.5, wait=0.002)
        raw(packet(random_.choice(b"OCHMRTLNBEAKQUD"), data), wait=0.002)
    honest()


def test_thousands_of_connections_that_say_nothing():
    for _ in range(3000):
        connected().close()
    # The queue of the socket is empty again.
    watch.settled(descriptors, lambda n: n <= BASELINE["descriptors"] + 2)
    honest()
    held = [connected() for _ in range(400)]
    honest()
    for s in held:
        s.close()


def test_thousands_of_sessions_that_end_anywhere():
    steps = [lambda m: m.connect(CLIENT), lambda m: m.helo(spec.HELO),
        lambda m: m.mail("<u@pass.example.com>"),
        lambda m: m.rcpt("<r@example.org>"), lambda m: m.header("A", "b"),
        lambda m: m.send("E")]
    for n in range(1500):
        m = retried(MARKING.milter)
        for step in steps[:n % (len(steps) + 1)]:
            step(m)
        m.drop()
    honest()


def test_nothing_is_left_behind():
    seen = watch.settled(descriptors,
        lambda n: n <= BASELINE["descriptors"] + 2)
    tap.true(seen <= BASELINE["descriptors"] + 2, "%d descriptors, %d before"
        % (seen, BASELINE["descriptors"]))
    rss = watch.rss_kib(MARKING.pid)
    tap.diag("%d KiB, %d before" % (rss, BASELINE["rss"]))
    room = 150000 if watch.sanitized() else 10000
    tap.true(rss < BASELINE["rss"] + room, "%d KiB, %d before"
        % (rss, BASELINE["rss"]))


def test_the_daemons_end_well():
    verdicts.stop_all([MARKING, REFUSING])
    tap.true(logline.counters(MARKING.log())["protocol_errors"] > 0,
        "counted")


atexit.register(MARKING.clean)
atexit.register(REFUSING.clean)
tap.main(globals())
