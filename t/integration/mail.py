# SPDX-License-Identifier: BSD-2-Clause
"""Real mail through a real Postfix and a real sendmail, in a lab of its own.

One filter for each level, a listener of each MTA for each filter, a real
name server.  Clients come from public addresses.
"""

import collections
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fields
import lab
import mta
import smtp
import spec
import tap
import watch
from daemon import Daemon, PROGRAM
from mta import Listener

lab.require("postfix")

HERE = os.path.dirname(os.path.abspath(__file__))
STRANGER = "9.8.7.6"
STRANGER6 = "2001:db8:9::6"
NOW = itertools.count(1)
PLACES = {"postfix": ("198.51.100.25", "2001:db8:25::25"),
    "sendmail": ("198.51.100.26", "2001:db8:25::26")}
NAMES = {"postfix": "mx.example.org", "sendmail": "mx2.example.org"}
# Ports of the listeners; 2500 to 2506 have the filters of the levels.
PORT = 25		# level 3
BOTH = 2510		# both kinds of fields, level 1
FLOW = 2511		# a filter that comes and goes
AT_MAIL = 2512		# refuses at MAIL, level 3
# Fields that the MTAs put above everything else.
DELIVERY = {"postfix": ["Return-Path", "X-Original-To", "Delivered-To"],
    "sendmail": ["Return-Path"]}

LAB = lab.Lab()
tempfile.tempdir = LAB.dir


def zone_file():
    """The published records, and those with a name for every result."""
    with open(os.path.join(HERE, "records.zone")) as f:
        return lab.zone_file(LAB.dir + "/zone", {**spec.ZONE,
            "xn--bcher-kva.example": {"TXT": ["v=spf1 -all"]}}, f.read())


def start_filter(number, **options):
    """Every second one on a unix socket that only the MTA's group may use.
    """
    port = "inet:%d@127.0.0.1" % (8890 + number)
    values = {"user": "nobody", "dns_options": {"servers": []},
        "trusted_networks": ["127.0.0.0/8", "::1/128"],
        "socket_mode": "0660", "socket_group": "postfix"}
    values.update(options)
    return Daemon(socket_spec=None if number % 2 == 0 else port, **values)


NAMESERVER = lab.NameServer(LAB, zone_file(), ["broken.example.net"])
LEVELS = [start_filter(n, behavior=n) for n in range(7)]
BOTH_FILTER = start_filter(7, behavior=1,
    headers=["received-spf", "authentication-results"])
FLOW_FILTER = start_filter(9, behavior=3)
AT_MAIL_FILTER = start_filter(12, behavior=3, reject_at="mail",
    reply={"fail": {"text": "id %{queue_id}"}})
FILTERS = {PORT: LEVELS[3], BOTH: BOTH_FILTER, FLOW: FLOW_FILTER,
    AT_MAIL: AT_MAIL_FILTER,
    **{2500 + n: LEVELS[n] for n in range(7)}}


def start(kind):
    listeners = [Listener(host, port, d.socket)
        for host in PLACES[kind.name] for port, d in FILTERS.items()]
    if kind is mta.Sendmail:
        # For its own submission program.
        listeners.append(Listener("127.0.0.1", PORT, LEVELS[3].socket))
    server = kind(LAB, listeners, local_milter=LEVELS[3].socket)
    server.start()
    return server


MTAS = [start(kind) for kind in mta.kinds()]


def connect(server, port=PORT, source=spec.CLIENT, helo=spec.HELO):
    host = PLACES[server.name][1 if ":" in source else 0]
    client = smtp.Client((host, port), source)
    if helo is not None:
        tap.equal(client.command("EHLO " + helo)[-1][:4], "250 ")
    return client


def token():
    return "token-%d-%d" % (os.getpid(), next(NOW))


def text(name, *more):
    """A message with a token; more: header lines."""
    return "\n".join(["Subject: " + name, *more, "", "hello", ""])


def refusal(server, line, rcpt):
    """A line of ours as the client of this MTA reads it."""
    if server.name == "sendmail" and line.startswith("550"):
        code, enhanced, rest = line.split(" ", 2) if line[3] == " " \
            else (line[:4], *line[4:].split(" ", 1))
        return "%s%s%s %s... %s" % (code[:3], line[3], enhanced.lstrip(),
            rcpt, rest)
    return line


def send(server, sender, port=PORT, rcpt="<test@example.org>", **arguments):
    """One message on a connection of its own: (outcome, token)."""
    name = token()
    with connect(server, port, **arguments) as client:
        return client.message(sender, [rcpt], text(name)), name


def ours(message):
    """The Received-SPF fields of a delivered message, read strictly."""
    return [fields.received_spf(v) for n, v in mta.headers_of(message)
        if n == "Received-SPF"]


def check_order(server, message, ours_names):
    """What is on top: the delivery's fields, then ours, then Received."""
    names = mta.names_of(message)
    want = DELIVERY[server.name] + ours_names + ["Received"]
    tap.equal(names[:len(want)], want)


# The table

def check_refused(server, level, result, source):
    rcpt = "<level%d@example.org>" % level
    done, name = send(server, "<u@%s>" % spec.domain(result), 2500 + level,
        rcpt, source=source)
    line = spec.reply(result, source, receiver=NAMES[server.name])
    what = "%s, level %d, %s" % (server.name, level, result)
    tap.equal(done.rcpts, [[refusal(server, line, rcpt)]], what)
    tap.true(done.data is None, what)
    return name


def check_delivered(server, level, result, source):
    done, name = send(server, "<u@%s>" % spec.domain(result), 2500 + level,
        "<level%d@example.org>" % level, source=source)
    what = "%s, level %d, %s" % (server.name, level, result)
    tap.true(done.accepted, "%s: %r" % (what, done.__dict__))
    message = server.wait_for_mail("level%d" % level, name)
    if level == 0:
        tap.equal(ours(message), [], what)
        return
    check_order(server, message, ["Received-SPF"] * 2)
    mailfrom, helo = ours(message)
    tap.equal((mailfrom.result, helo.result), (result, "pass"), what)
    tap.equal((mailfrom.keys["identity"], helo.keys["identity"]),
        ("mailfrom", "helo"), what)
    for field in (mailfrom, helo):
        tap.equal((field.keys["client-ip"], field.keys["receiver"],
            field.keys["helo"], field.keys["envelope-from"]), (source,
            NAMES[server.name], spec.HELO, "u@" + spec.domain(result)), what)


def check_level(server, level, source):
    refused = []
    for result in spec.RESULTS:
        if spec.refused(level, result):
            refused.append(check_refused(server, level, result, source))
        else:
            check_delivered(server, level, result, source)
    for name in refused:
        tap.true(not any(name in m for m in
            server.delivered("level%d" % level)), "refused and delivered")


def test_every_level_and_result_over_ipv4():
    for server in MTAS:
        for level in range(7):
            check_level(server, level, spec.CLIENT)


def test_every_result_over_ipv6():
    for server in MTAS:
        for level in (1, 6):
            check_level(server, level, spec.CLIENT6)


# The published records: domain, address, result at level 6.
PUBLISHED = [
    ("kisarbl.or.kr", "61.251.112.144", "pass"),
    ("kisarbl.or.kr", STRANGER, "fail"),
    ("kisarbl.or.kr", "61.251.112.142", "fail"),
    ("hanmail.net", "211.43.197.200", "pass"),
    ("hanmail.net", "61.111.62.9", "pass"),
    ("hanmail.net", "61.111.62.10", "softfail"),
    ("hanmail.net", STRANGER, "softfail"),
    ("naver.com", "220.95.234.208", "pass"),
    ("naver.com", "61.74.71.255", "pass"),
    ("naver.com", "220.95.237.1", "pass"),
    ("naver.com", "61.74.72.0", "softfail"),
    ("empas.com", "61.97.72.9", "pass"),
    ("empas.com", "61.97.71.9", "fail"),
    ("dreamwiz.com", "222.122.42.127", "pass"),
    ("dreamwiz.com", "222.122.42.128", "softfail"),
    ("aol.com", "64.12.137.8", "pass"),
    ("aol.com", "64.12.140.7", "pass"),
    ("aol.com", STRANGER, "neutral"),
    ("gmail.com", "209.85.255.254", "pass"),
    ("gmail.com", STRANGER, "neutral"),
    ("google.com", "72.14.203.25", "pass"),
    ("google.com", STRANGER, "neutral"),
    ("hotmail.com", "65.55.255.255", "pass"),
    ("hotmail.com", "64.4.63.255", "pass"),
    ("hotmail.com", STRANGER, "softfail"),
]


def test_published_records():
    for server in MTAS:
        for domain, source, result in PUBLISHED:
            done, name = send(server, "<test@%s>" % domain, 2506,
                source=source, helo="test.com")
            what = "%s: %s from %s" % (server.name, domain, source)
            if result == "pass":
                tap.true(done.accepted, "%s: %r" % (what, done.__dict__))
                field = ours(server.wait_for_mail("test", name))[0]
                tap.equal(field.result, "pass", what)
            else:
                tap.equal(done.rcpts, [[refusal(server, spec.reply(result,
                    source, receiver=NAMES[server.name], name=domain),
                    "<test@example.org>")]], what)


def test_the_dialogue_of_the_guide():
    """Telnet from a public address, addresses without brackets."""
    for server in MTAS:
        with connect(server, source=STRANGER, helo=None) as client:
            tap.equal(client.command("ehlo test.com")[-1][:4], "250 ")
            tap.equal(client.command("mail from: test@kisarbl.or.kr")[0][:10],
                "250 2.1.0 ")
            line = spec.reply("fail", STRANGER, name="kisarbl.or.kr")
            tap.equal(client.command("rcpt to: test@example.org"),
                [refusal(server, line, "test@example.org")], server.name)
            tap.equal(client.command("rset")[0][:4], "250 ")


def test_explanation_of_the_publisher():
    for server in MTAS:
        done, _ = send(server, "<u%a@explain.example.com>")
        tap.equal(done.rcpts, [[refusal(server, "550-" + spec.reply("fail",
            spec.CLIENT, name="explain.example.com")[4:],
            "<test@example.org>"),
            "550-5.7.23 The domain explain.example.com explains:",
            "550-5.7.23 192.0.2.1 is not one of ours; 100% sure, see",
            "550 5.7.23 http://why.example.com/u%25a?h=mail.example.net"]],
            server.name)


def test_two_recipients_are_both_refused():
    for server in MTAS:
        with connect(server) as client:
            done = client.message("<u@fail.example.com>",
                ["<test@example.org>", "<other@example.org>"], "")
        line = spec.reply("fail", spec.CLIENT)
        tap.equal(done.rcpts, [[refusal(server, line, r)] for r in
            ("<test@example.org>", "<other@example.org>")], server.name)


def test_two_recipients_get_the_same_fields():
    for server in MTAS:
        name = token()
        with connect(server) as client:
            tap.true(client.message("<u@softfail.example.com>",
                ["<test@example.org>", "<other@example.org>"],
                text(name)).accepted, server.name)
        found = [ours(server.wait_for_mail(u, name))
            for u in ("test", "other")]
        tap.equal(found[0], found[1])
        tap.equal(found[0][0].result, "softfail")


def test_pipelined_commands():
    for server in MTAS:
        with connect(server) as client:
            client.send("MAIL FROM:<u@fail.example.com>\r\n"
                "RCPT TO:<test@example.org>\r\nRCPT TO:<other@example.org>"
                "\r\nDATA\r\n")
            codes = [client.reply()[0][:3] for _ in range(4)]
            tap.equal(codes[:3], ["250", "550", "550"], server.name)
            tap.true(codes[3] in ("503", "554"), codes[3])
            tap.equal(client.command("RSET")[0][:3], "250")


def test_many_messages_on_one_connection():
    for server in MTAS:
        with connect(server, 2501) as client:
            for result in ("fail", "pass", "none", "softfail"):
                name = token()
                tap.true(client.message("<u@%s>" % spec.domain(result),
                    ["<test@example.org>"], text(name)).accepted,
                    server.name)
                tap.equal(ours(server.wait_for_mail("test", name))[0].result,
                    result)
        with connect(server) as client:
            for result, accepted in (("fail", False), ("pass", True),
                    ("fail", False), ("temperror", False), ("none", True)):
                done = client.message("<u@%s>" % spec.domain(result),
                    ["<test@example.org>"], text(token()))
                tap.equal(done.accepted, accepted, server.name + result)


def test_null_sender():
    for server in MTAS:
        done, name = send(server, "<>")
        tap.true(done.accepted, server.name)
        field = ours(server.wait_for_mail("test", name))[0]
        tap.equal((field.result, field.keys["envelope-from"]), ("pass", ""))
        done, _ = send(server, "<>", helo="failhelo.example.net")
        tap.equal(done.rcpts, [[refusal(server, spec.reply("fail",
            spec.CLIENT, identity="helo", name="failhelo.example.net"),
            "<test@example.org>")]], server.name)


def test_helo_that_cannot_be_looked_up_defers_the_null_sender_alone():
    for server in MTAS:
        done, name = send(server, "<u@pass.example.com>",
            helo="temphelo.example.net")
        tap.true(done.accepted, server.name)
        tap.equal([f.result for f in ours(server.wait_for_mail("test",
            name))], ["pass", "temperror"])
        done, _ = send(server, "<>", helo="temphelo.example.net")
        tap.equal(done.rcpts[0][0][:4], "451 ", server.name)


def test_queue_id_is_told_with_a_refusal_at_mail():
    for server in MTAS:
        with connect(server, AT_MAIL) as client:
            reply = client.command("MAIL FROM:<u@fail.example.com>")[0]
        queue_id = reply.rpartition("id ")[2]
        # Postfix has none yet.
        tap.equal(queue_id == "-", server.name == "postfix", reply)
        # The line is written when the message ends, which is after the reply.
        tap.lacks(AT_MAIL_FILTER.wait_for_log("queue_id=%s " % queue_id),
            "rcpt")


def test_helo_said_again():
    for server in MTAS:
        with connect(server, helo="failhelo.example.net") as client:
            client.command("EHLO " + spec.HELO)
            name = token()
            tap.true(client.message("<u@pass.example.com>",
                ["<test@example.org>"], text(name)).accepted, server.name)
        tap.equal(ours(server.wait_for_mail("test", name))[1].keys["helo"],
            spec.HELO)


def test_authenticated_client_is_not_checked():
    for server in MTAS:
        with connect(server, source=STRANGER) as client:
            tap.equal(client.auth_plain("user", "wrong")[0][:3], "535",
                server.name)
        with connect(server, source=STRANGER) as client:
            tap.equal(client.auth_plain("user", "secret")[0][:3], "235",
                server.name)
            name = token()
            tap.true(client.message("<u@fail.example.com>",
                ["<test@example.org>"], text(name)).accepted, server.name)
        tap.equal(ours(server.wait_for_mail("test", name)), [])


def test_auth_parameter_of_a_stranger_does_not_count():
    for server in MTAS:
        with connect(server, source=STRANGER) as client:
            client.command("MAIL FROM:<u@fail.example.com> AUTH=<>")
            tap.equal(client.command("RCPT TO:<test@example.org>")[0][:3],
                "550", server.name)


def test_local_submission_is_not_checked():
    for server in MTAS:
        name = token()
        tap.equal(server.submit("u@fail.example.com", "local@example.org",
            text(name)), 0, server.name)
        tap.equal(ours(server.wait_for_mail("local", name)), [])


def test_smtp_on_standard_input_is_not_checked():
    for server in MTAS:
        if not isinstance(server, mta.Sendmail):
            continue
        name = token()
        replies = server.submit_bs(["EHLO localhost",
            "MAIL FROM:<u@fail.example.com>", "RCPT TO:<local@example.org>",
            "DATA", text(name).replace("\n", "\r\n") + "\r\n.", "QUIT"])
        tap.equal("".join(r[0] for r in replies), "2222322", repr(replies))
        tap.equal(ours(server.wait_for_mail("local", name)), [])


def test_client_of_the_trusted_network_is_not_checked():
    for server in MTAS:
        name = token()
        FILTERS[2506].reload(**dict(FILTERS[2506].options,
            trusted_networks=[STRANGER + "/32"]))
        try:
            with connect(server, 2506, source=STRANGER) as client:
                tap.true(client.message("<u@fail.example.com>",
                    ["<test@example.org>"], text(name)).accepted,
                    server.name)
        finally:
            FILTERS[2506].reload(**FILTERS[2506].options)
        tap.equal(ours(server.wait_for_mail("test", name)), [])


# Both kinds of fields, forged ones

def test_forged_fields_are_removed_and_ours_stand_on_top():
    for server in MTAS:
        us = NAMES[server.name]
        name = token()
        forged = ["Authentication-Results: %s; spf=pass (1)" % us,
            "Authentication-Results: other.example; dkim=pass",
            "AUTHENTICATION-RESULTS: (x) %s 1; spf=pass (2)" % us.upper(),
            "Received-SPF: pass (forged)",
            "Authentication-Results: %s; dkim=pass" % us,
            "authentication-results: \"%s\"; spf=pass (3)" % us,
            "Authentication-Results: %s.other.example; spf=pass" % us,
            "Authentication-Results:\n %s; spf=pass (4)" % us]
        with connect(server, BOTH) as client:
            tap.true(client.message("<u@fail.example.com>",
                ["<test@example.org>"], text(name, *forged)).accepted,
                server.name)
        message = server.wait_for_mail("test", name)
        check_order(server, message, ["Received-SPF", "Received-SPF",
            "Authentication-Results"])
        found = [v.strip() for n, v in mta.headers_of(message)
            if n.lower() == "authentication-results"]
        tap.equal(found[1:], ["other.example; dkim=pass",
            "%s; dkim=pass" % us, "%s.other.example; spf=pass" % us], server.name)
        tap.equal(fields.auth_results(found[0]), (us, [
            ("spf", "fail", {"smtp.mailfrom": "fail.example.com"})]))
        tap.contains(message, "Received-SPF: pass (forged)")


# Odd arguments

def test_long_and_8_bit_arguments():
    arguments = [("x" * 60 + "." + "y" * 60 + "." + "z" * 60 + ".example",
        "<%s@fail.example.com>" % ("l" * 900)), ("\xff\xfe.example",
        "<\xe9\x80@fail.example.com>"), ("a b\tc", "<\"a b\"@fail.example"
        ".com>"), (spec.HELO, "<u@%s.example>" % ("d" * 63 + ".") * 4),
        (spec.HELO, "<u@f\xe9.example.com>"), ("%s%n%{s}",
        "<%s%{i}@fail.example.com>")]
    for server in MTAS:
        for helo, sender in arguments:
            with connect(server, helo=None) as client:
                client.command("EHLO " + helo)
                client.command("HELO " + spec.HELO)
                done = client.message(sender, ["<test@example.org>"],
                    text(token()))
                # Postfix may or may not take such an address; a message
                # that it takes must have been refused by us.
                tap.true(not done.accepted, ascii((helo, sender,
                    done.__dict__)))
                for reply in done.rcpts:
                    for line in reply:
                        tap.true(len(line) <= 510, "length")
        with connect(server) as client:
            tap.true(client.message("<u@pass.example.com>",
                ["<test@example.org>"], text(token())).accepted, server.name)


def test_internationalized_sender():
    domain = "b\xfccher.example".encode("utf-8").decode("latin-1")
    for server in MTAS:
        if not isinstance(server, mta.Postfix):
            continue	# sendmail knows no SMTPUTF8
        with connect(server) as client:
            client.command("MAIL FROM:<\xc3\xa9@%s> SMTPUTF8" % domain)
            tap.equal(client.command("RCPT TO:<test@example.org>"),
                [spec.reply("fail", spec.CLIENT,
                name="xn--bcher-kva.example")])


# Ways to write a sender that make two readers disagree.
DISPUTED = ["u@fail.example.com", "<@relay.example.com:u@fail.example.com>",
    "< u@fail.example.com >", "<Foo <u@fail.example.com>>",
    "<u@fail.example.com>foo", "<u@fail.example.com <>",
    "<u@fail.example.com>,<x@pass.example.com>",
    "<x@pass.example.com>,<u@fail.example.com>",
    "<u@fail.example.com (comment)>", "(comment)<u@fail.example.com>",
    '<"a@pass.example.com"@fail.example.com>', "<u@fail.example.com.>",
    "<u@fail.example.com <u@pass.example.com>",
    "<u@pass.example.com <u@fail.example.com>>",
    "u@fail.example.com <x@pass.example.com>",
    "<u@fail.example.com,x@pass.example.com>",
    "<u@fail.example.com;x@pass.example.com>",
    "<u@fail.example.com> <x@pass.example.com>",
    '<"u\\"@fail.example.com>', "<u @ fail.example.com>",
    "<u@fail.example.com@pass.example.com>",
    "<u@pass.example.com@fail.example.com>", "<<u@fail.example.com>>",
    "<>@fail.example.com", "<@fail.example.com>", "<> <u@fail.example.com>",
    "<u@fail.example.com>>", "<u@(x)fail.example.com>",
    "<u@fail.(x)example.com>", '<"u>@fail.example.com', "<u@\"fail\""
    ".example.com>", "<u%fail.example.com@pass.example.com>",
    "<fail.example.com!u@pass.example.com>", "<:u@fail.example.com>",
    "<a:u@fail.example.com>", "<a:u@pass.example.com;>",
    "<(u@pass.example.com)u@fail.example.com>",
    "<u@fail.example.com(u@pass.example.com)>",
    "<u@fail\\.example.com>", "<\\u@fail.example.com>", "<(<)u@fail"
    ".example.com>", "<u@fail.example.com\t>", '"<x@pass.example.com>"'
    '<u@fail.example.com>', '<"<x@pass.example.com>" u@fail.example.com>',
    "<@pass.example.com,@pass.example.com:u@fail.example.com>",
    "<u@[192.0.2.1]>", "<" + "(" * 200 + "@fail.example.com>",
    "<u@fail.example.com;>", "u@fail.example.com foo",
    "<u@pass.example.com,@fail.example.com:u@x.example.com>"]


def domain_of(address):
    return address.rpartition("@")[2].rstrip(".>").lower()


def test_the_sender_that_is_checked_is_the_one_that_is_delivered():
    disputes = []
    for server in MTAS:
        for sender in DISPUTED:
            done, name = send(server, sender, 2501)
            if not done.accepted:
                continue
            message = server.wait_for_mail("test", name)
            path = dict(mta.headers_of(message))["Return-Path"].strip()
            checked = ours(message)[0].keys["envelope-from"]
            want = "" if path == "<>" else domain_of(path)
            if domain_of(checked) != want:
                disputes.append("%s: %s is %s, checked was %s" % (
                    server.name, sender, path, checked))
    tap.equal("\n".join(disputes), "")


# The filter comes and goes

class Flow(threading.Thread):
    """Sends messages one after the other, each again and again until it is
    taken, as any MTA would."""

    def __init__(self, server, count):
        super().__init__(daemon=True)
        self.server = server
        self.names = ["flow-%s-%s-end" % (server.name, token())
            for _ in range(count)]
        self.done = 0
        self.deferred = 0
        self.wrong = []
        self.start()

    def run(self):
        for name in self.names:
            end = time.monotonic() + 40
            while not self.attempt(name):
                self.deferred += 1
                time.sleep(0.05)
                if time.monotonic() > end:
                    self.wrong.append("%s never taken" % name)
                    break
            self.done += 1

    def attempt(self, name):
        try:
            with connect(self.server, FLOW) as client:
                done = client.message("<u@pass.example.com>",
                    ["<flow@example.org>"], text(name))
        except (OSError, AssertionError, smtp.Closed):
            return False
        for reply in [done.mail, *done.rcpts, done.data, done.end]:
            if reply is not None and reply[0][0] == "5":
                self.wrong.append(repr(reply))
        return done.accepted


def test_nothing_is_lost_while_the_filter_stops_and_dies():
    flows = [Flow(server, 60) for server in MTAS]
    def all_at(count):
        return lambda: all(f.done >= count for f in flows)
    watch.wait_for(all_at(10), "ten messages", 30)
    FLOW_FILTER.stop_well()
    time.sleep(0.5)
    FLOW_FILTER.start()
    watch.wait_for(all_at(30), "thirty messages", 60)
    FLOW_FILTER.kill()
    time.sleep(0.5)
    FLOW_FILTER.start()
    for flow in flows:
        flow.join(60)
        tap.equal((flow.done, flow.wrong), (60, []), flow.server.name)
        tap.true(flow.deferred > 0, "the filter was missed")
    for flow in flows:
        for name in flow.names:
            flow.server.wait_for_mail("flow", name)
        found = collections.Counter(name for name in flow.names
            for m in flow.server.delivered("flow") if name in m)
        tap.equal(found, collections.Counter(flow.names), "each once")
        for message in flow.server.delivered("flow"):
            tap.equal(len(ours(message)), 2, "checked, every one")


# The end

def test_log_goes_to_syslog_by_default():
    base = LAB.dir + "/syslog"
    os.mkdir(base)
    lab.write(base + "/conf", 'socket = "inet:8901@127.0.0.1"\n'
        'user = "nobody"\n')
    process = subprocess.Popen([PROGRAM, "-c", base + "/conf"])
    try:
        watch.wait_for(lambda: any("spf-milter" in l and "listens on" in l
            for l in LAB.log.lines), "a line in the system's log")
    finally:
        process.terminate()
        tap.equal(process.wait(10), 0)
    # <21>: mail.notice
    line = [l for l in LAB.log.lines if "listens on" in l][0]
    tap.true(line.startswith("<21>") and "spf-milter[%d]:" % process.pid
        in line, line)


def test_log_line_of_a_refused_message():
    lines = [l for l in LEVELS[3].message_lines(1)
        if "sender=test@kisarbl.or.kr" in l]
    tap.equal(len(lines), len(MTAS))
    for line in lines:
        for part in ("client=9.8.7.6 ", "result=fail ", "action=reject ",
                "level=3 ", "rcpts=1 ", "helo=test.com ",
                "rcpt=test@example.org ", "record_domain=kisarbl.or.kr ",
                "mechanism=-all"):
            tap.contains(line, part)
        tap.lacks(line, '=""')


def test_queue_id_is_logged_with_accepted_mail():
    for line in LEVELS[1].message_lines(1):
        tap.lacks(line, "queue_id=-")


def test_mtas_stop():
    for server in MTAS:
        server.stop()


def test_filters_end_well():
    for d in (*LEVELS, BOTH_FILTER, FLOW_FILTER, AT_MAIL_FILTER):
        d.end()
    tap.contains(LEVELS[3].wait_for_log("counters:"), " skipped_local=")
    tap.contains(LEVELS[3].wait_for_log("counters:"), " skipped_auth=%d "
        % len(MTAS))


tap.main(globals(), seconds=280)
