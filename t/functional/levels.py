# SPDX-License-Identifier: BSD-2-Clause
"""The table of levels, the reply texts, and where they are given."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import fields
import spec
import tap
from daemon import Daemon
from milterclient import Milter, NO

SERVER = spec.server()
DAEMON = Daemon(dns=SERVER)


def use(**options):
    tap.true(DAEMON.reload(dns=SERVER, **options), "configuration is taken")


def send(sender, helo=spec.HELO, client=spec.CLIENT, rcpts=1, **arguments):
    with DAEMON.milter() as m:
        m.connect(client)
        if helo is not None:
            m.helo(helo)
        return m.message(sender=sender, rcpts=["<r%d@example.org>" % n
            for n in range(rcpts)], **arguments)


def check_cell(level, result):
    done = send("<u@%s>" % spec.domain(result))
    what = "level %d, %s" % (level, result)
    if spec.refused(level, result):
        tap.equal(done.refusal, [spec.reply(result, spec.CLIENT)], what)
        tap.equal(done.mail.kind, "c", what + ", at MAIL")
        return
    tap.equal(done.refusal, None, what)
    found = [fields.received_spf(v) for v in done.values("Received-SPF")]
    want = [] if level == 0 else [("mailfrom", result), ("helo", "pass")]
    tap.equal([(f.keys["identity"], f.result) for f in found], want, what)


def test_every_level_treats_every_result_as_the_table_says():
    for level in range(7):
        use(behavior=level)
        for result in spec.RESULTS:
            check_cell(level, result)


def test_level_0_asks_no_question():
    use(behavior=0)
    SERVER.reset()
    tap.equal(send("<u@fail.example.com>").refusal, None)
    tap.equal(SERVER.queries(), 0)


def test_helo_has_its_own_level():
    use(behavior=1, behavior_helo=3)
    for helo, sender, want in (
            ("failhelo.example.net", "<u@pass.example.com>", "fail"),
            ("temphelo.example.net", "<u@pass.example.com>", None),
            ("softhelo.example.net", "<u@fail.example.com>", None)):
        done = send(sender, helo=helo)
        tap.equal(done.refusal, want and [spec.reply(want, spec.CLIENT,
            identity="helo", name=helo)], helo)


def test_helo_level_is_3_at_most_by_default():
    use(behavior=6)
    tap.equal(send("<u@pass.example.com>", helo="softhelo.example.net")
        .refusal, None)
    tap.equal(send("<u@pass.example.com>", helo="failhelo.example.net")
        .refusal, [spec.reply("fail", spec.CLIENT, identity="helo",
        name="failhelo.example.net")])


def test_a_helo_that_cannot_be_looked_up_defers_the_null_sender_alone():
    for level in range(1, 7):
        use(behavior=level, behavior_helo=level)
        done = send("<u@pass.example.com>", helo="temphelo.example.net")
        tap.equal(done.refusal, None, "level %d" % level)
        tap.equal([fields.received_spf(v).result for v in
            done.values("Received-SPF")], ["pass", "temperror"])
        tap.equal(send("<>", helo="temphelo.example.net").refusal,
            [spec.reply("temperror", spec.CLIENT, name=
            "temphelo.example.net")] if level > 1 else None)


def test_a_rejection_wins_over_a_helo_that_cannot_be_looked_up():
    use(behavior=3)
    tap.equal(send("<u@fail.example.com>", helo="temphelo.example.net")
        .refusal, [spec.reply("fail", spec.CLIENT)])


def test_helo_is_not_looked_up_where_it_is_not_checked():
    use(behavior=3, check_helo=False)
    SERVER.reset()
    done = send("<u@pass.example.com>", helo="failhelo.example.net")
    tap.equal(done.refusal, None)
    tap.equal(len(done.values("Received-SPF")), 1)
    tap.equal(SERVER.queries("failhelo.example.net"), 0)


def test_every_recipient_is_refused_and_logged_once():
    use(behavior=3)
    start = len(DAEMON.message_lines(0))
    with DAEMON.milter() as m:
        m.connect()
        m.helo(spec.HELO)
        m.mail("<u@fail.example.com>")
        for n in range(3):
            tap.equal(m.rcpt("<r%d@example.org>" % n).text,
                spec.reply("fail", spec.CLIENT))
        m.abort()
    line, = DAEMON.message_lines(start + 1)[start:]
    for part in ("client=192.0.2.1 ", "helo=mail.example.net ",
            "sender=u@fail.example.com ", "result=fail ",
            "identity=mailfrom ", "level=3 ", "action=reject ",
            "mechanism=-all", "lookups=0 "):
        tap.contains(line, part)


def test_reject_at_mail():
    use(behavior=3, reject_at="mail")
    with DAEMON.milter() as m:
        tap.true(m.skips("R"), "recipients are not asked for")
        m.connect()
        m.helo(spec.HELO)
        tap.equal(m.mail("<u@fail.example.com>").text,
            spec.reply("fail", spec.CLIENT))
        tap.equal(m.mail("<u@temperror.example.com>").text,
            spec.reply("temperror", spec.CLIENT))
        done = m.message(sender="<u@pass.example.com>")
        tap.equal(done.refusal, None)
        tap.equal(len(done.values("Received-SPF")), 2)


def test_reject_at_mail_with_an_mta_that_sends_recipients_all_the_same():
    use(behavior=3, reject_at="mail")
    with Milter(DAEMON.socket, protocol=NO["C"]) as m:
        tap.equal(m.protocol, 0)
        tap.equal(m.connect().kind, "c")
        tap.equal(m.helo(spec.HELO).kind, "c")
        tap.equal(m.mail("<u@fail.example.com>").text,
            spec.reply("fail", spec.CLIENT))
        done = m.message(sender="<u@pass.example.com>",
            headers=[("Subject", "x")])
        tap.equal((done.refusal, len(done.values("Received-SPF"))),
            (None, 2))


def test_explanation_of_the_publisher_is_quoted():
    use(behavior=3)
    tap.equal(send("<u%a@explain.example.com>").refusal, [
        "550-" + spec.reply("fail", spec.CLIENT,
            name="explain.example.com")[4:],
        "550-5.7.23 The domain explain.example.com explains:",
        "550-5.7.23 192.0.2.1 is not one of ours; 100% sure, see",
        "550 5.7.23 http://why.example.com/u%25a?h=mail.example.net"])


def test_template_of_the_operator():
    text = "No %{s} from %{i}: 100%% %{result} at %{r},%_%{reason}\n" \
        "Ask %{O}, queue id %{queue_id} (%{identity})"
    use(behavior=4, reply={"softfail": {"code": 554, "enhanced": "5.7.99",
        "text": text}})
    tap.equal(send("<a%b@softfail.example.com>").refusal, [
        "554-5.7.99 No a%b@softfail.example.com from 192.0.2.1: "
        "100% softfail at mx.example.org,",
        "554 5.7.99 Ask softfail.example.com, queue id - (mailfrom)"])


def test_percent_signs_are_doubled_for_the_mta():
    use(behavior=3)
    with DAEMON.milter() as m:
        m.connect()
        m.helo("100%{s}%n.example.net")
        m.mail("<u%%x@explain.example.com>")
        text = m.rcpt("<r@example.org>").text
    tap.contains(text, "/u%%25%%25x?h=100%%{s}%%n.example.net")


def test_queue_id_where_the_mta_tells_it_at_mail():
    use(behavior=3, reply={"fail": {"text": "id %{queue_id}"}})
    start = len(DAEMON.message_lines(0))
    done = send("<u@fail.example.com>", macros={"i": "8ABC"})
    tap.equal(done.refusal, ["550 5.7.23 id 8ABC"])
    tap.contains(DAEMON.message_lines(start + 1)[start],
        "queue_id=8ABC ")


def test_queue_id_where_mail_is_refused_at_mail():
    use(behavior=3, reject_at="mail", reply={"fail": {"text":
        "id %{queue_id}"}})
    start = len(DAEMON.message_lines(0))
    done = send("<u@fail.example.com>", macros={"i": "8ABD"})
    tap.equal(done.refusal, ["550 5.7.23 id 8ABD"])
    tap.contains(DAEMON.message_lines(start + 1)[start],
        "queue_id=8ABD ")


def test_queue_id_where_the_mta_tells_it_at_the_end():
    use(behavior=3)
    start = len(DAEMON.message_lines(0))
    send("<u@pass.example.com>", queue_id="9DEF")
    tap.contains(DAEMON.message_lines(start + 1)[start], "queue_id=9DEF ")


def test_hostname_option_wins_over_the_macro():
    use(behavior=5, hostname="gw.example.org")
    tap.equal(send("<u@neutral.example.com>").refusal, [spec.reply("neutral",
        spec.CLIENT, receiver="gw.example.org")])
    done = send("<u@pass.example.com>")
    for value in done.values("Received-SPF"):
        tap.equal(fields.received_spf(value).keys["receiver"],
            "gw.example.org")


def test_steps_that_are_not_needed_are_negotiated_away():
    for options, wanted in (
            ({"behavior": 3}, "CHMR"), ({"behavior": 1}, "CHM"),
            ({"behavior": 3, "reject_at": "mail"}, "CHM"),
            ({"behavior": 1, "remove_forged": True, "headers": []}, "CHML"),
            ({"behavior": 0, "remove_forged": True}, "CHM")):
        use(**{"remove_forged": False, **options})
        with DAEMON.milter() as m:
            tap.equal("".join(c for c in NO if not m.skips(c)), wanted,
                repr(options))
            tap.true(m.silent("C") and m.silent("H") and m.silent("L"),
                "connect, HELO and headers need no reply")


def test_macros_of_the_default_list_are_replaced():
    use(behavior=3)
    with DAEMON.milter() as m:
        tap.equal(m.symbols["connect"], ["j"])
        tap.true("{auth_authen}" in m.symbols["mail"], "auth_authen")
        tap.lacks(" ".join(sum(m.symbols.values(), [])), "auth_author")


def test_the_daemon_ends_well():
    DAEMON.stop_well()


tap.main(globals())
