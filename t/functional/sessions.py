# SPDX-License-Identifier: BSD-2-Clause
"""Connections that carry many messages, and clients that are not checked."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import fields
import spec
import tap
from daemon import Daemon
from milterclient import ALL_NR, PROTOCOL, ProtocolError

SERVER = spec.server()
DAEMON = Daemon(dns=SERVER)
FAIL = [spec.reply("fail", spec.CLIENT)]


def use(**options):
    tap.true(DAEMON.reload(dns=SERVER, **options), "configuration is taken")


def opened(client=spec.CLIENT, helo=spec.HELO, daemon=DAEMON, **arguments):
    m = daemon.milter(**arguments)
    m.connect(client)
    if helo is not None:
        m.helo(helo)
    return m


def spf_of(done, identity="mailfrom"):
    """The Received-SPF field of one identity."""
    for value in done.values("Received-SPF"):
        field = fields.received_spf(value)
        if field.keys["identity"] == identity:
            return field
    raise AssertionError("no field for %s: %r" % (identity, done.headers))


# Many messages

def test_second_message_has_its_own_verdict():
    use(behavior=3)
    with opened() as m:
        tap.equal(m.message("<u@pass.example.com>").refusal, None)
        tap.equal(m.message("<u@fail.example.com>").refusal, FAIL)
        done = m.message("<u@softfail.example.com>")
        tap.equal(spf_of(done).result, "softfail")
        tap.equal(len(done.values("Received-SPF")), 2)


def test_repeated_helo_the_last_counts():
    use(behavior=3)
    with opened(helo="failhelo.example.net") as m:
        m.helo("other.example.net")
        m.helo(spec.HELO)
        done = m.message("<u@pass.example.com>")
        tap.equal(spf_of(done, "helo").result, "pass")
        tap.equal(spf_of(done, "helo").keys["helo"], spec.HELO)


def test_helo_asks_no_question():
    use(behavior=3)
    SERVER.reset()
    with opened(helo=None) as m:
        for n in range(2000):
            m.helo("mail%d.example.net" % n)
        m.helo(spec.HELO)
        tap.equal(m.message("<u@pass.example.com>").refusal, None)
    tap.true(SERVER.questions() <= 2, "HELO and MAIL FROM: %d questions"
        % SERVER.questions())


def test_helo_in_a_transaction_ends_it():
    use(behavior=3)
    with opened() as m:
        m.mail("<u@fail.example.com>")
        m.abort()
        m.helo(spec.HELO)
        tap.equal(m.message("<u@pass.example.com>").refusal, None)


def test_no_helo_at_all():
    use(behavior=3)
    with opened(helo=None) as m:
        done = m.message("<u@pass.example.com>")
        tap.equal(spf_of(done).result, "pass")
        tap.equal(len(done.values("Received-SPF")), 1)
        tap.true("helo" not in spf_of(done).keys, "no helo")
        tap.equal(spf_of(m.message("<>")).result, "none")


def test_abort_at_any_stage():
    use(behavior=3, headers=["received-spf", "authentication-results"])
    steps = [lambda m: m.mail("<u@fail.example.com>"),
        lambda m: m.rcpt("<r@example.org>"),
        lambda m: m.data(), lambda m: m.header("A", "b"),
        lambda m: m.end_of_headers(), lambda m: m.body("x")]
    for count in range(len(steps) + 1):
        with opened() as m:
            for step in steps[:count]:
                step(m)
            m.abort()
            m.abort()
            done = m.message("<u@pass.example.com>")
            tap.equal((done.refusal, len(done.values("Received-SPF"))),
                (None, 2), "aborted after %d steps" % count)


def test_mail_without_abort_after_a_refusal():
    use(behavior=3, reject_at="mail")
    with opened() as m:
        for _ in range(3):
            tap.equal(m.message("<u@fail.example.com>").refusal, FAIL)
        tap.equal(m.message("<u@pass.example.com>").refusal, None)


def test_another_smtp_connection_over_the_same_milter_connection():
    use(behavior=3)
    with opened() as m:
        tap.equal(m.message("<u@pass.example.com>").refusal, None)
        m.new_connection()
        m.connect("203.0.113.9")
        done = m.message("<u@fail.example.com>")
        tap.equal(done.refusal, [spec.reply("fail", "203.0.113.9")])
        m.new_connection()
        m.connect(spec.CLIENT)
        # The HELO of the connection before is forgotten.
        done = m.message("<u@pass.example.com>")
        tap.true("helo" not in spf_of(done).keys, "no helo")


def test_the_client_leaves_while_a_check_is_under_way():
    use(behavior=3)
    SERVER.load(spec.ZONE, faults=spec.FAULTS,
        delays={"pass.example.com": 0.5})
    for leave in ("close", "drop"):
        for step in (lambda m: m.mail("<u@pass.example.com>"),
                lambda m: (m.mail("<u@pass.example.com>"),
                    m.send("R", b"<r@example.org>\0"))):
            m = opened()
            step(m)
            getattr(m, leave)()
    SERVER.load(spec.ZONE, faults=spec.FAULTS)
    with opened() as m:
        tap.equal(m.message("<u@pass.example.com>").refusal, None)


def test_a_hundred_slow_domains_do_not_wait_for_each_other():
    names = ["slow%d.example.com" % n for n in range(100)]
    server = dnsserver.DnsServer()
    server.load(dict(spec.ZONE, **{n: {"TXT": ["v=spf1 -all"]}
        for n in names}), delays={n: 0.2 for n in names})
    with Daemon(dns=server, behavior=3, dns_options={"query_timeout": 8}) \
            as d:
        clients = [opened(daemon=d) for _ in names]
        start = time.monotonic()
        for m, name in zip(clients, names):
            m.mail("<u@%s>" % name)
        for m in clients:
            m.send("R", b"<r@example.org>\0")
        for m, name in zip(clients, names):
            tap.equal(m.reply().text, spec.reply("fail", spec.CLIENT,
                name=name))
            m.close()
        seconds = time.monotonic() - start
    # One after the other takes 20 s, with the workers of libmilter alone 10.
    tap.true(seconds < 6, "%.1f s for all" % seconds)
    server.stop()


# Senders

def test_null_sender_is_postmaster_of_helo():
    use(behavior=3, headers=["received-spf", "authentication-results"])
    with opened() as m:
        SERVER.reset()
        done = m.message("<>")
    field = spf_of(done)
    tap.equal((field.result, field.keys["envelope-from"],
        field.keys["helo"]), ("pass", "", "mail.example.net"))
    value, = done.values("Authentication-Results")
    tap.equal(fields.auth_results(value).results, [
        ("spf", "pass", {"smtp.mailfrom": "mail.example.net"})])


def test_null_sender_asks_for_the_name_once():
    use(behavior=3)
    SERVER.reset()
    with opened() as m:
        m.message("<>")
    tap.equal(SERVER.queries("mail.example.net", "TXT"), 1)


def test_null_sender_of_a_forged_helo_is_refused():
    use(behavior=3, check_helo=False)
    with opened(helo="failhelo.example.net") as m:
        tap.equal(m.message("<>").refusal, [spec.reply("fail", spec.CLIENT,
            name="failhelo.example.net")])


def test_address_forms():
    use(behavior=3)
    with opened() as m:
        for sender in ("u@fail.example.com", "<@relay.example,@b:u@"
                "fail.example.com>", "< u@fail.example.com >",
                "<u@fail.example.com.>", "<@fail.example.com>",
                '<"a b"@fail.example.com>', '<"a@b"@fail.example.com>',
                "<u@FAIL.example.com>", "<Foo <u@fail.example.com>>"):
            lines = m.message(sender).refusal
            tap.true(lines and lines[0].startswith("550 5.7.23 "), sender)


def test_address_literals_and_single_labels_are_not_looked_up():
    use(behavior=3)
    for helo in ("[192.0.2.1]", "[IPv6:2001:db8::1]", "localhost", "a..b",
            "x" * 64 + ".example"):
        SERVER.reset()
        with opened(helo=helo) as m:
            done = m.message("<u@[192.0.2.1]>")
            tap.equal(spf_of(done, "helo").result, "none", helo)
            tap.equal(spf_of(done).result, "none", helo)
        tap.equal(SERVER.queries(), 0, helo)


def test_what_the_mta_takes_for_the_sender_is_checked():
    """An argument can be read in more ways than one."""
    use(behavior=3)
    with opened() as m:
        for typed, understood in (
                ("<x@pass.example.com>,<u@fail.example.com>",
                "u@fail.example.com"), ("<u@fail.example.com (x)>",
                "u@fail.example.com"), ("<>@fail.example.com",
                '""@fail.example.com')):
            lines = m.message(typed, macros={"{mail_addr}": understood}) \
                .refusal
            tap.equal(lines, FAIL, typed)
        done = m.message("<U@PASS.example.com.>", macros={
            "{mail_addr}": "u@pass.example.com"})
        tap.equal(spf_of(done).result, "pass")


# Clients

def test_ipv6_client():
    use(behavior=3)
    with opened(client=spec.CLIENT6) as m:
        field = spf_of(m.message("<u@pass.example.com>"))
        tap.equal(field.result, "pass")
        tap.equal(field.keys["client-ip"], "2001:db8::1")
        tap.equal(m.message("<u@fail.example.com>").refusal,
            [spec.reply("fail", spec.CLIENT6)])


def test_ipv4_mapped_client_is_ipv4():
    use(behavior=3, trusted_networks=["198.51.100.0/24"])
    with opened(client="::ffff:192.0.2.1") as m:
        field = spf_of(m.message("<u@pass.example.com>"))
        tap.equal((field.result, field.keys["client-ip"]),
            ("pass", "192.0.2.1"))
    with opened(client="::ffff:198.51.100.7") as m:
        tap.equal(m.message("<u@fail.example.com>").edits, [])


def check_skipped(m, why, **arguments):
    """The message passes unchecked, and without a question to the DNS."""
    SERVER.reset()
    done = m.message("<u@fail.example.com>", **arguments)
    tap.equal((done.refusal, done.headers), (None, []), why)
    tap.equal(SERVER.queries("fail.example.com"), 0, why)


def test_trusted_network_is_not_checked():
    use(behavior=6, trusted_networks=["192.0.2.0/24", "2001:db8::/32"])
    for client in (spec.CLIENT, spec.CLIENT6):
        with opened(client=client) as m:
            check_skipped(m, client)
    with opened(client="203.0.113.1", helo=None) as m:
        tap.equal(m.message("<u@fail.example.com>").refusal,
            [spec.reply("fail", "203.0.113.1")])


def test_loopback_is_trusted_by_default():
    text = 'socket = "%s"\nlog = "stderr"\nbehavior = 6\n' \
        'dns { servers = {"%s"} }\n' % (DAEMON.socket, SERVER.address)
    tap.true(DAEMON.reload(text), "configuration is taken")
    for client in ("127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"):
        with opened(client=client) as m:
            check_skipped(m, client)


CROWD = "the MTA does not see their real addresses"


def bring(client, count, **arguments):
    """Unchecked mail of count domains, and then some that is logged."""
    with opened(client=client) as m:
        for i in range(count):
            m.message("<u@d%d.example>" % i, **arguments)
    with opened(client="203.0.113.77") as m:
        start = len(DAEMON.message_lines(0))
        m.message("<u@fail.example.com>")
    DAEMON.message_lines(start + 1)


def test_many_domains_of_a_private_client_draw_one_warning():
    trust = {"behavior": 3, "trusted_networks":
        ["10.0.0.0/8", "172.16.0.0/12", "172.18.0.1", "192.0.2.0/24"]}
    use(**trust)
    bring("172.17.0.1", 12)
    bring("172.18.0.1", 60)
    bring("192.0.2.1", 60)
    bring("10.0.0.1", 60, macros={"{auth_authen}": "user"})
    tap.lacks(DAEMON.log(), CROWD)
    for client in ("172.17.0.1", "172.17.0.1", "10.0.0.1"):
        bring(client, 60)
    lines = [l for l in DAEMON.log().splitlines() if CROWD in l]
    tap.equal(len(lines), 1)
    tap.contains(lines[0], "172.17.0.1 brings mail of many domains")


def test_authenticated_client_is_not_checked():
    use(behavior=6)
    with opened() as m:
        check_skipped(m, "authenticated", macros={"{auth_authen}": "user"})
        tap.equal(m.message("<u@fail.example.com>",
            macros={"i": "4QZ2"}).refusal, FAIL)


def test_authentication_ends_with_the_smtp_connection():
    use(behavior=6)
    with opened() as m:
        check_skipped(m, "authenticated", macros={"{auth_authen}": "user"})
        m.new_connection()
        m.connect()
        m.helo(spec.HELO)
        tap.equal(m.message("<u@fail.example.com>").refusal, FAIL)


def test_authenticated_client_is_checked_where_it_is_not_trusted():
    use(behavior=3, trust_authenticated=False)
    with opened() as m:
        tap.equal(m.message("<u@fail.example.com>",
            macros={"{auth_authen}": "user"}).refusal, FAIL)


def test_auth_author_is_never_trusted():
    use(behavior=3)
    with opened() as m:
        tap.equal(m.message("<u@fail.example.com>", macros={
            "{auth_author}": "user@example.org", "{auth_authen}": ""})
            .refusal, FAIL)


def test_mail_of_this_machine_is_not_checked():
    use(behavior=6)
    with DAEMON.milter() as m:
        m.connect(None, host="localhost")
        check_skipped(m, "unknown family")
    with DAEMON.milter() as m:
        m.connect("/run/socket", host="localhost")
        check_skipped(m, "unix socket")
    with DAEMON.milter() as m:
        m.connect("127.0.0.1", host="localhost", port=0)
        check_skipped(m, "Postfix's sendmail(1)")


def test_a_client_that_claims_port_0_is_checked():
    use(behavior=3)
    with DAEMON.milter() as m:
        m.connect(spec.CLIENT, port=0)
        m.helo(spec.HELO)
        tap.equal(m.message("<u@fail.example.com>").refusal, FAIL)


def test_header_on_skip():
    use(behavior=3, add_header_on_skip=True,
        trusted_networks=["203.0.113.0/24"])
    with opened(client="203.0.113.5") as m:
        done = m.message("<u@fail.example.com>")
        tap.equal(done.headers[0], ("X-SPF-Skipped",
            "client in a trusted network"))
        tap.equal(done.values("Received-SPF"), [])


# Order of the protocol

def test_filter_obeys_an_mta_that_takes_no_silence():
    use(behavior=3)
    with opened(protocol=PROTOCOL & ~ALL_NR) as m:
        tap.true(not m.silent("C") and not m.silent("L"), "no silence")
        tap.equal(m.helo(spec.HELO).kind, "c")
        tap.equal(m.message("<u@fail.example.com>").refusal, FAIL)


def test_steps_out_of_order_hurt_nobody():
    use(behavior=3, headers=["received-spf", "authentication-results"])
    for steps in ("R", "E", "L", "M", "HM", "CE", "CR", "CHR", "CLE",
            "CMEE", "CMRER", "CC", "CHMCHMR"):
        m = DAEMON.milter(timeout=0.3)
        try:
            for step in steps:
                {"C": m.connect, "H": lambda: m.helo(spec.HELO),
                    "M": lambda: m.mail("<u@fail.example.com>"),
                    "R": lambda: m.rcpt("<r@example.org>"),
                    "L": lambda: m.header("A", "b"), "E": m.end}[step]()
        except (ProtocolError, OSError):
            pass	# libmilter does not answer such an MTA
        finally:
            m.drop()
    with opened() as m:
        tap.equal(m.message("<u@fail.example.com>").refusal, FAIL)


def test_the_daemon_ends_well():
    DAEMON.stop_well()


tap.main(globals())
