# SPDX-License-Identifier: BSD-2-Clause
"""The fields that are added and removed, and what strangers put into them."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fields
import spec
import tap
from daemon import Daemon
from milterclient import apply_edits

SERVER = spec.server()
DAEMON = Daemon(dns=SERVER)
BOTH = ["received-spf", "authentication-results"]
AR = "Authentication-Results"
SKIPPED = "X-SPF-Skipped"
TOO_MANY = "550 5.7.1 Too many header fields claim to be ours"
RECEIVED = ("Received", "from somewhere")


def use(**options):
    tap.true(DAEMON.reload(dns=SERVER, **options), "configuration is taken")


def send(sender="<u@pass.example.com>", helo=spec.HELO, **arguments):
    with DAEMON.milter() as m:
        m.connect(spec.CLIENT)
        if helo is not None:
            m.helo(helo)
        return m.message(sender=sender, **arguments)


def test_order_of_the_fields_on_top():
    use(behavior=1, headers=BOTH)
    done = send(headers=[RECEIVED, ("Subject", "x")])
    tap.equal([n for n, _ in done.headers], ["Received-SPF", "Received-SPF",
        AR, "Received", "Subject"])
    tap.equal([fields.received_spf(v).keys["identity"]
        for v in done.values("Received-SPF")], ["mailfrom", "helo"])
    tap.equal([e.index for e in done.edits], [0, 0, 0])


def test_values_of_received_spf():
    use(behavior=1)
    field, helo = [fields.received_spf(v) for v in send(
        "<u@fail.example.com>").values("Received-SPF")]
    tap.equal(field.result, "fail")
    tap.equal(dict(field.keys), {"client-ip": "192.0.2.1",
        "envelope-from": "u@fail.example.com", "helo": "mail.example.net",
        "receiver": "mx.example.org", "identity": "mailfrom",
        "mechanism": "-all"})
    tap.equal((helo.result, helo.keys["mechanism"]),
        ("pass", "+ip4:192.0.2.0/24"))


def test_an_error_says_its_problem():
    use(behavior=1)
    for result, part in (("permerror", "unknown mechanism"),
            ("temperror", "broken.example.net")):
        field = fields.received_spf(send("<u@%s>" % spec.domain(result))
            .values("Received-SPF")[0])
        tap.equal(field.result, result)
        tap.contains(field.keys["problem"], part)


def test_an_internationalised_sender():
    """UTF-8 only where the client has said that the message may have it."""
    use(behavior=1, headers=BOTH)
    sender = "<\u4e2d@b\xfccher.example>".encode().decode("latin-1")
    for args, local in (((), "???"), (("SIZE=3",), "???"),
            (("BODY=8BITMIME", "smtputf8"), "\xe4\xb8\xad")):
        done = send(sender, helo="b\xc3\xbccher.example", mail_args=args)
        field, helo = done.values("Received-SPF")
        tap.contains(field, 'envelope-from="%s@xn--bcher-kva.example"' % local)
        tap.contains(helo, "helo=xn--bcher-kva.example")
        tap.contains(done.values(AR)[0], "smtp.mailfrom=xn--bcher-kva.example")
        fields.received_spf(field.replace("\xe4\xb8\xad", "???"))


def test_opendmarc_finds_what_it_reads():
    use(behavior=1, headers=BOTH)
    done = send("<u@pass.example.com>")
    tap.contains(done.values("Received-SPF")[0],
        'envelope-from="u@pass.example.com"')
    tap.contains(done.values("Received-SPF")[0], "identity=mailfrom")
    tap.contains(done.values(AR)[0], "smtp.mailfrom=pass.example.com")


def test_only_the_fields_that_are_configured():
    for headers, names in ((["received-spf"], ["Received-SPF"] * 2),
            (["authentication-results"], [AR]), ([], [])):
        use(behavior=1, headers=headers)
        done = send(headers=[("Subject", "x")])
        tap.equal([n for n, _ in done.headers], names + ["Subject"])


# Forged fields

FORGED = [
    (AR, "mx.example.org; spf=pass smtp.mailfrom=bank.example"),
    RECEIVED,
    (AR, "other.example; dkim=pass header.d=bank.example"),
    ("authentication-RESULTS", "MX.Example.ORG 1; spf=pass"),
    (AR, '(a (nested) comment) "mx.example.org" ; dkim=pass; spf=pass'),
    ("Received-SPF", "pass (forged)"),
    (AR, "mx.example.org(x)\n\t; SPF (y) = none"),
    (AR, "mx.example.org.evil.example; spf=pass"),
    (AR, "mx.example.org; dkim=pass header.d=spf.example"),
    (AR, "mx.example.org; none"),
    (AR, "mx.example.org/1; s\"p\"f=pass"),
    ("x-spf-Skipped", "client authenticated"),
    (AR, "mx.example.org; spf (a\\) =pass")]
HONEST = [FORGED[i] for i in (1, 2, 5, 7, 8, 9)]
FORMS = [[], ["received-spf"], ["authentication-results"], BOTH]


def test_forged_fields_go_whatever_the_mta_counts():
    for headers in FORMS:
        use(behavior=1, headers=headers)
        done = send(headers=FORGED)
        # There is a Received-SPF to be covered.
        ours = ["Received-SPF"] * 2 + [AR] * (AR.lower() in headers)
        for shifting in (True, False):
            after = apply_edits(FORGED, done.edits, shifting)
            tap.equal(after[len(ours):], HONEST, "%s, %s" % (headers,
                "shifting" if shifting else "fixed"))
            tap.equal([n for n, _ in after[:len(ours)]], ours)
        tap.equal([(e.name, e.index, e.value) for e in done.edits
            if e.kind == "m"], deletions(), "the last first")


def deletions():
    """Of the forged ones, the last first."""
    seen, found = {}, []
    for field in FORGED:
        name = SKIPPED if field[0].lower() == SKIPPED.lower() else AR
        seen[name] = seen.get(name, 0) + (field[0].lower() == name.lower())
        if field not in HONEST and field[0] != "Received-SPF":
            found.insert(0, (name, seen[name], ""))
    return found


def test_received_spf_is_covered_only_where_there_is_one():
    for headers, count in zip(FORMS, (0, 2, 0, 2)):
        use(behavior=1, headers=headers)
        tap.equal(len(send(headers=[FORGED[0]]).values("Received-SPF")),
            count, str(headers))


def test_forged_fields_of_authenticated_clients_go():
    use(behavior=3, headers=["received-spf"])
    user = {"{auth_authen}": "kim"}
    done = send("<u@fail.example.com>", headers=FORGED, macros=user)
    tap.equal(done.headers[1:], HONEST)
    field = fields.received_spf(done.values("Received-SPF")[0])
    tap.equal(field.keys["identity"], "none")
    done = send("<u@fail.example.com>", headers=[FORGED[0]], macros=user)
    tap.equal(done.headers, [])
    tap.equal(send(headers=[FORGED[0]] * 1001, macros=user).refusal,
        [TOO_MANY])


def test_fields_stay_where_they_may():
    auth = {"macros": {"{auth_authen}": "kim"}}
    for options, arguments in (({"trusted_networks": [spec.CLIENT]}, {}),
            ({"remove_forged": False}, {}), ({"remove_forged": False}, auth),
            ({"behavior": 0}, {})):
        use(**{"behavior": 1, "headers": [], **options})
        done = send(headers=FORGED, **arguments)
        tap.equal((done.refusal, done.edits), (None, []), str(options))


def test_forged_fields_of_one_message_do_not_count_in_the_next():
    use(behavior=1, headers=BOTH)
    with DAEMON.milter() as m:
        m.connect(spec.CLIENT)
        m.helo(spec.HELO)
        m.message(headers=FORGED)
        done = m.message(headers=[HONEST[1]])
        tap.equal([e for e in done.edits if e.kind == "m"], [])


def test_a_flood_of_forged_fields_is_refused():
    use(behavior=1, headers=BOTH)
    done = send(headers=[(AR, "mx.example.org; spf=pass")] * 1000)
    tap.equal(done.refusal, None)
    tap.equal(len([v for n, v in done.headers if n == AR]), 1, "only ours")
    tap.equal(send(headers=[(AR, "mx.example.org; spf=pass")] * 1001)
        .refusal, [TOO_MANY])


# Hostile values

HOSTILE = ["a\rb", "a\nReceived-SPF: pass", "a\r\n\r\nbody", 'a"b', "a\\",
    "a)b(c", "a;result=pass", "a; client-ip=1.2.3.4", "\x80\xff\x1b[2J",
    "\x7f\x01", "a" * 65000, "%s%n%{s}", "a=b", "\t \t", "", " ", "'", "[",
    "a" * 63 + ".example", ("a" * 60 + ".") * 5 + "example", ".", "..", "@",
    "@@", "\\", "\\\\", '"', '""', "()", "(", ")", "a,b", "\xe9"]
# These end an address, so another one may be checked.
BRACKETS = ["<", ">"]


def check_fields(done, what):
    """Everything that was added follows the grammar and tells no lie."""
    for value in done.values("Received-SPF"):
        field = fields.received_spf(value)
        tap.true(set(field.keys) <= set(fields.KNOWN_KEYS), what)
        tap.equal(field.keys["client-ip"], spec.CLIENT, what)
        tap.equal(field.keys["receiver"], "mx.example.org", what)
        tap.true(field.result in ("none", "fail", "softfail"), what)
        tap.true(len(value) < 4096, what)
    for value in done.values(AR):
        tap.equal(fields.auth_results(value).authserv_id, "mx.example.org",
            what)


def test_nothing_in_helo_or_sender_bends_a_field():
    use(behavior=1, headers=BOTH)
    for text in HOSTILE + BRACKETS:
        for helo, sender in ((text, "<u@softfail.example.com>"),
                ("failhelo.example.net", "<%s@fail.example.com>" % text),
                ("failhelo.example.net", "<u@%s>" % text), (text, text),
                (text, "<>")):
            done = send(sender, helo=helo, headers=[("Subject", "x")])
            what = ascii((helo[:40], sender[:40]))
            tap.equal(done.refusal, None, what)
            # Without a HELO there is nothing to say about it.
            count = 2 if helo else 1
            tap.equal([n for n, _ in done.headers], ["Received-SPF"] * count
                + [AR, "Subject"], what)
            check_fields(done, what)


def test_nothing_in_helo_or_sender_bends_a_reply():
    use(behavior=6)
    for text in HOSTILE:
        for helo, sender in ((text, "<u@fail.example.com>"),
                (spec.HELO, "<%s@explain.example.com>" % text),
                (spec.HELO, "<u@%s>" % text)):
            lines = send(sender, helo=helo).refusal
            what = ascii((helo[:40], sender[:40]))
            tap.true(isinstance(lines, list), what)
            for line in lines:
                tap.true(line[:4] in ("550-", "550 ") and len(line) <= 510
                    and all(" " <= c <= "~" for c in line),
                    "%s: %r" % (what, line))
            tap.equal([l[3] for l in lines], ["-"] * (len(lines) - 1)
                + [" "], what)


def test_nothing_in_helo_or_sender_bends_the_log():
    use(behavior=1)
    start = len(DAEMON.message_lines(0))
    for text in HOSTILE:
        send("<%s@fail.example.com>" % text, helo=text)
    lines = DAEMON.message_lines(start + len(HOSTILE))[start:]
    tap.equal(len(lines), len(HOSTILE), "one line a message")
    for line, text in zip(lines, HOSTILE):
        tap.true(all(" " <= c <= "~" for c in line), ascii(line))
        tap.true(len(line) < 2000, "short")
        for part in (" identity=mailfrom ", " result=fail ", " action=accept"):
            tap.equal(line.count(part), 1, ascii(line))


def test_random_octets_in_every_argument():
    use(behavior=1, headers=BOTH)
    octets = random.Random(7208)
    def some(most):
        return "".join(chr(octets.randrange(1, 256))
            for _ in range(octets.randrange(most)))
    with DAEMON.milter() as m:
        m.connect(spec.CLIENT)
        for _ in range(300):
            m.helo(some(300))
            done = m.message("<" + some(300) + "@" + some(80) + ">",
                headers=[(AR, some(200)), ("Subject", "x")])
            tap.equal(done.refusal, None)
            for value in done.values("Received-SPF"):
                fields.received_spf(value)
            fields.auth_results(done.values(AR)[0])


def test_published_octets_bend_nothing():
    zone = dict(spec.ZONE)
    texts = ["v=spf1 exists:a\"b)c;d.example -all", "v=spf1 \xff\r\n -all",
        "v=spf1 a:%{l}.example.com -all exp=why.example.com",
        "v=spf1 " + "ip4:192.0.2.%d " % 7 * 150 + "-all"]
    for n, text in enumerate(texts):
        zone["p%d.example.com" % n] = {"TXT": [text]}
    zone["why.example.com"] = {"TXT": ["%{s} %{h} " + "x y " * 500]}
    SERVER.load(zone, faults=spec.FAULTS)
    for level in (1, 6):
        use(behavior=level, headers=BOTH)
        for n in range(len(texts)):
            done = send('<a"\r\nb@p%d.example.com>' % n)
            for value in done.values("Received-SPF"):
                fields.received_spf(value)
            for line in done.refusal or []:
                tap.true(all(" " <= c <= "~" for c in line), ascii(line))
                tap.true(len(line) <= 510, "length")


def test_the_daemon_ends_well():
    DAEMON.stop_well()


tap.main(globals())
