# SPDX-License-Identifier: BSD-2-Clause
"""What is done with mail after the check: marks, quarantine, refusals that
wait for the end of the message."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import milterclient
import spec
import tap
from daemon import Daemon

SERVER = spec.server()
DAEMON = Daemon(dns=SERVER)
QUARANTINE = 0x20


def use(**options):
    tap.true(DAEMON.reload(dns=SERVER, **options), "configuration is taken")


def send(result, headers, actions=milterclient.ACTIONS):
    with milterclient.Milter(DAEMON.socket, actions=actions) as m:
        m.connect(spec.CLIENT)
        m.helo(spec.HELO)
        done = m.message(sender="<u@%s>" % spec.domain(result),
            headers=headers)
        done.actions = m.actions
        return done


def values(done, name):
    return [v for n, v in done.headers if n.lower() == name.lower()]


# Marks

def test_tag_marks_the_message():
    use(headers=[], policy={"mailfrom": {"softfail": "tag"}}, tag={"softfail":
        {"subject": "[SPF {result}] ", "fields": ["X-Spam-Flag: YES"]}})
    done = send("softfail", [("X-Spam-Flag", "NO"), ("Subject", "a\n\tb"),
        ("X-Other", "x")])
    tap.equal(done.headers, [("X-Spam-Flag", "YES"),
        ("Subject", "[SPF softfail] a\n\tb"), ("X-Other", "x")])
    tap.equal(values(send("softfail", []), "Subject"), ["[SPF softfail]"])
    done = send("pass", [("X-Spam-Flag", "NO"), ("Subject", "a")])
    tap.equal(done.headers, [("Subject", "a")])


# Quarantine

def reasons(done):
    return [e.value for e in done.edits if e.kind == "q"]


def test_quarantine_is_asked_for_with_a_reason():
    use(policy={"mailfrom": {"fail": "quarantine"}})
    done = send("fail", [("Subject", "a")])
    tap.equal(reasons(done), ["SPF fail: mailfrom %s, client %s"
        % (spec.domain("fail"), spec.CLIENT)])
    tap.contains(values(done, "Received-SPF")[0], "fail ")
    tap.equal(done.actions & QUARANTINE, QUARANTINE)
    tap.equal(reasons(send("softfail", [])), [])


def test_quarantine_is_negotiated_only_where_it_may_be_needed():
    use()
    tap.equal(send("fail", []).actions & QUARANTINE, 0)


def test_mta_without_quarantine_lets_the_message_through():
    use(policy={"mailfrom": {"fail": "quarantine"}})
    done = send("fail", [], milterclient.ACTIONS & ~QUARANTINE)
    tap.equal((done.refusal, reasons(done)), (None, []))
    tap.contains(values(done, "Received-SPF")[0], "fail ")
    DAEMON.wait_for_log(["the MTA cannot quarantine"])


# Refusals at the end of the message

EOM = {"reject_at": "eom", "unless_dkim_pass": True,
    "dkim_results_from": ["mx.example.org"], "leave_to_dmarc": True}
SIGNED = ("Authentication-Results",
    "mx.example.org; dkim=pass header.d=example.com")


def test_refusal_comes_at_the_end():
    use(reject_at="eom")
    done = send("fail", [("From", "u@example.com"), SIGNED])
    tap.equal([r.kind for r in done.rcpts], ["c"])
    tap.contains(done.refusal[0], "550 5.7.23 SPF fail")
    tap.equal(done.edits, [])


def test_what_spares_a_message_is_in_field_and_log():
    if "libpsl" not in daemon.run("-V")[1]:
        tap.skip("built without libpsl")
    SERVER.load({**spec.ZONE, "_dmarc.example.org": {"TXT":
        ["v=DMARC1; p=reject"]}}, faults=spec.FAULTS)
    use(**EOM)
    for headers, word, spared in (
            ([("From", "u@sub.example.com"), SIGNED], "aligned", "dkim"),
            ([("From", "u@sub.example.org")], "policy", "dmarc")):
        before = len(DAEMON.lines)
        done = send("fail", headers)
        tap.equal(done.refusal, None)
        tap.contains(values(done, "Received-SPF")[0], word)
        line = DAEMON.wait_for_log(["spared=" + spared], start=before)
        tap.contains(line, "author=sub.example.")
        tap.contains(line, "action=accept")
    for headers in ([], [("From", "u@example.net")], [("From",
            "a@sub.example.com, b@sub.example.com"), SIGNED]):
        tap.contains(send("fail", headers).refusal[0], "550 5.7.23")


def test_the_daemon_ends_well():
    DAEMON.stop_well()


tap.main(globals())
