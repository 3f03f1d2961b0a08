# SPDX-License-Identifier: BSD-2-Clause
"""log_privacy: no form of a local part is in the log."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import dnsserver
import logline
import spec
import tap
from daemon import Daemon

SECRET = "sekret.person"
RELAY = "198.51.100.25"
SENDERS = [
    "<%s@all.example.com>" % SECRET,
    "<SEKRET.Person@ALL.example.com>",
    '<"%s x"@all.example.com>' % SECRET,
    "<@relay.example.net,@b.example:%s@all.example.com>" % SECRET,
    "<%s%%all.example.com@gate.example.com>" % SECRET,
    "<gate.example.com!%s@all.example.com>" % SECRET,
    "<all.example.com!%s>" % SECRET,
    "<%s>" % SECRET,
    "<%s@all.example.com@>" % SECRET,
    "<%s@all.example.com>%s" % (SECRET, SECRET),
    "<SRS0=ab=cd=all.example.com=%s@fwd.example.com>" % SECRET,
    "<list-bounce-%s=all.example.com@list.example.com>" % SECRET,
    "<%s+tag@all.example.com>" % SECRET,
    "<>",
]
# Each makes names of the local part, and fails in another way.
RECORDS = {
    "void": "v=spf1 exists:%{l}.v.example.com a:%{l1r-}.v.example.com "
        "mx:%{L}._spf.%{d} ~all",
    "voids": "v=spf1 a:%{s}.1.example.com a:%{l}.2.example.com "
        "a:%{lr}.3.example.com ~all",
    "broken": "v=spf1 a:%{l}.broken.example.com -all",
    "include": "v=spf1 include:%{l}.v.example.com -all",
    "nested": "v=spf1 include:%{l}.rec.example.com -all",
    "redirect": "v=spf1 redirect=%{l}.rec.example.com",
    "malformed": "v=spf1 redirect=%{l}.bad.example.com",
    "silent": "v=spf1 exists:%{l}.silent.example.com -all",
    "exp": "v=spf1 exp=exp.example.com -all",
    "exp2": "v=spf1 exp=%{l}.exp.example.com -all",
}
ZONE = dict({"all.example.com": {"TXT": ["v=spf1 ~all"]},
    "gate.example.com": {"TXT": ["v=spf1 -all"]},
    "exp.example.com": {"TXT": ["%{s} is not %{l}"]},
    SECRET + ".exp.example.com": {"TXT": ["not you"]},
    SECRET + ".rec.example.com": {"TXT": ["v=spf1 a mx include:%{d}.x "
        "+all"]},
    SECRET + ".bad.example.com": {"TXT": ["v=spf1 foo:bar -all"]}},
    **{k + ".example.com": {"TXT": [v]} for k, v in RECORDS.items()})
FAULTS = {(SECRET + ".broken.example.com", None): dnsserver.SERVFAIL,
    (SECRET + ".silent.example.com", None): dnsserver.TIMEOUT}
SERVER = dnsserver.DnsServer()
SERVER.load(ZONE, faults=FAULTS)
OPTIONS = {"dns": SERVER, "behavior": 4, "log_level": "debug",
    "relay": {"client": [RELAY]}, "behavior_helo": 1, "reject_at": "eom",
    "local_policy": "exists:%{l}.v.example.com include:%{l}.gone.example.com"}


def message(d, sender, client=spec.CLIENT, helo="mail.example.net"):
    start = len(d.lines)
    with d.milter() as m:
        m.connect(client)
        m.helo(helo)
        m.message(sender, rcpts=("<%s@ours.example.org>" % SECRET,
            "<other-%s@ours.example.org>" % SECRET),
            headers=[("From", "%s@all.example.com" % SECRET),
            ("Received", "from x (y [203.0.113.9]) by z (Postfix) with ESMTP "
            "id 1 for <%s@ours.example.org>; Thu, 26 Nov 2026 12:00:00 +0000"
            % SECRET)])
    return d.wait_for_log(("result=", '"result":'), start=start)


def everything(d):
    """Of each message of all forms the line, by its sender."""
    lines = {}
    for sender in SENDERS:
        lines[sender] = message(d, sender)
    for name in RECORDS:
        sender = "<%s@%s.example.com>" % (SECRET, name)
        lines[sender] = message(d, sender)
    message(d, SENDERS[0], client=RELAY)
    message(d, SENDERS[0], helo="%s@all.example.com" % SECRET)
    return lines


def lacks_secret(text):
    """In no case, and by no part of it."""
    for part in SECRET.split("."):
        found = re.search(".*%s.*" % part, text, re.I)
        tap.true(found is None, found and found.group(0))


def test_no_form_of_a_local_part_is_in_the_log():
    for form in ("text", "json"):
        for privacy in ("hash", "drop"):
            d = Daemon(log_privacy=privacy, log_format=form, **OPTIONS)
            try:
                everything(d)
                d.stop_well()
                text = d.log()
                lacks_secret(text)
                # What is not of a person is there.
                for part in ("all.example.com", "trace", "exists", "dns: ",
                        "more than 2 void DNS lookups: a:*, a:*, a:*",
                        "mail.example.net", "local_policy"):
                    tap.contains(text, part)
            finally:
                d.clean()


HELO = SECRET + "@b.example"


def test_nor_is_that_of_a_helo_which_is_an_address():
    other = HELO.replace("@b", "@c")
    SERVER.load(dict(ZONE, **{other: {"TXT": ["v=spf1 ~all"]}}),
        faults={(HELO, None): dnsserver.SERVFAIL})
    with Daemon(log_privacy="drop", **OPTIONS) as d:
        message(d, "<>", helo=HELO)
        message(d, "<>", helo=other)
        text = d.log()
        lacks_secret(text)
        tap.contains(text, "name=*@b.example")
        tap.contains(text, "local_policy says nothing of a domain: "
            "domain=*@c.example")
    SERVER.load(ZONE, faults=FAULTS)


def test_without_it_they_are_all_there():
    """That the test above can fail."""
    with Daemon(**OPTIONS) as d:
        for sender, line in everything(d).items():
            if sender != "<>":
                tap.contains(line.lower(), SECRET)


def senders(lines):
    return [logline.parse(l)["sender"] for l in lines]


def test_a_person_has_one_hash_and_persons_have_different_ones():
    with Daemon(log_privacy="hash", dns=SERVER) as d:
        who = ("a@all.example.com", "b@all.example.com", "A@all.example.COM",
            "a@gate.example.com")
        a, b, again, other = senders(message(d, "<%s>" % w) for w in who)
        form = re.compile(r"\*[a-z2-7]{12}@[a-z.]+\Z")
        for value in (a, b, other):
            tap.true(form.match(value), value)
        tap.equal(again.lower(), a)
        tap.equal(len({v.partition("@")[0] for v in (a, b, other)}), 3)
    with Daemon(log_privacy="hash", dns=SERVER) as d:
        # A key of its own.
        tap.true(senders([message(d, "<a@all.example.com>")]) != [a], a)


def test_a_reload_changes_it():
    with Daemon(dns=SERVER) as d:
        tap.equal(senders([message(d, "<a@all.example.com>")]),
            ["a@all.example.com"])
        d.reload(dns=SERVER, log_privacy="drop")
        line = message(d, "<a@all.example.com>")
        tap.equal(senders([line]), ["*@all.example.com"])
        tap.equal(logline.parse(line)["rcpt"], "*@ours.example.org")
        d.reload(dns=SERVER, log_privacy="none", log_format="json")
        line = message(d, "<a@all.example.com>")
        tap.equal(json.loads(line)["sender"], "a@all.example.com")


tap.main(globals())
