# SPDX-License-Identifier: BSD-2-Clause
"""What is done with mail after the check: marks, quarantine, refusals that
wait for the end of the message."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
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


def test_the_daemon_ends_well():
    DAEMON.stop_well()


tap.main(globals())
