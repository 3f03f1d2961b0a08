# SPDX-License-Identifier: BSD-2-Clause
"""The link of a refusal: signed, told to the client, and its key changed."""

import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import spec
import tap
import whytoken
from daemon import Daemon

URL = "https://mail.example.org/why"
FOLDER = tempfile.TemporaryDirectory(prefix="spf-milter-test.")
KEY = os.path.join(FOLDER.name, "why.key")
SERVER = spec.server()


def write_key(octets, mode=0o600):
    with open(KEY + ".new", "wb") as f:
        f.write(octets)
    os.chmod(KEY + ".new", mode)
    os.rename(KEY + ".new", KEY)
    return octets


FIRST = write_key(bytes(range(32)))
DAEMON = Daemon(dns=SERVER, why_url=URL, why_key=KEY)


def refused(sender, helo=spec.HELO, client=spec.CLIENT):
    """The lines of a refusal."""
    with DAEMON.milter() as m:
        m.connect(client)
        m.helo(helo)
        return m.message(sender=sender, rcpts=["<r@example.org>"]).refusal


def token_in(lines):
    found = [l for l in "\n".join(lines).split("\n") if URL in l]
    tap.equal(len(found), 1, "lines with a link")
    tap.true(found[0].split(" ")[-1].startswith(URL + "?t="), found[0])
    return found[0].split("?t=")[1]


def test_a_refusal_has_a_signed_link_on_a_line_of_its_own():
    facts = whytoken.decode(FIRST, token_in(refused("<u@fail.example.com>")))
    tap.true(abs(facts.pop("seconds") - time.time()) < 600, "the time")
    receiver = facts.pop("receiver")
    tap.true(receiver, "the receiver")
    tap.equal(facts, {"version": 1, "result": "fail", "identity": "mailfrom",
        "null_sender": False, "deferred": False, "level": 3, "client": spec.CLIENT,
        "domain": "fail.example.com", "rule": "", "reason": "-all",
        "client_name": facts["client_name"]})


def test_a_link_fits_where_names_are_long():
    name = ".".join(["d" * 60] * 3) + ".fail.example.com"
    tap.true(DAEMON.reload(dns=SERVER, why_url=URL, why_key=KEY, behavior=6,
        hostname=".".join(["r" * 60] * 4)), "configuration is taken")
    token = token_in(refused("<u@%s>" % name))
    facts = whytoken.decode(FIRST, token)
    tap.true(len(token) < 300, len(token))
    tap.true(name.endswith(facts["domain"]), facts["domain"])
    tap.true(facts["domain"].endswith(".fail.example.com"), facts["domain"])


def test_a_reload_takes_another_key():
    second = write_key(bytes(range(32, 64)))
    token = token_in(refused("<u@fail.example.com>"))
    tap.true(whytoken.decode(FIRST, token), "signed with the first key")
    tap.true(DAEMON.reload(dns=SERVER, why_url=URL, why_key=KEY), "reload")
    token = token_in(refused("<u@fail.example.com>"))
    tap.true(whytoken.decode(second, token), "signed with the second key")
    tap.equal(whytoken.decode(FIRST, token), None)


def test_a_key_that_others_may_read_is_refused_and_the_old_one_kept():
    second = write_key(bytes(range(32, 64)))
    tap.true(DAEMON.reload(dns=SERVER, why_url=URL, why_key=KEY), "reload")
    write_key(FIRST, 0o644)
    tap.true(not DAEMON.reload(dns=SERVER, why_url=URL, why_key=KEY),
        "the old configuration stays")
    tap.contains(DAEMON.log(), "others than its owner may use it")
    token = token_in(refused("<u@fail.example.com>"))
    tap.true(whytoken.decode(second, token), "signed with the second key")


def test_no_start_without_the_key():
    config = os.path.join(FOLDER.name, "conf")
    with open(config, "w") as f:
        f.write(daemon.configuration(why_url=URL, why_key=KEY + ".none"))
    status, _, err = daemon.run("-n", "-c", config)
    tap.equal(status, 78)
    tap.contains(err, "why_key: %s.none: No such file" % KEY)


def test_no_start_with_a_key_that_no_reload_could_read():
    if os.geteuid() != 0:
        tap.skip("root alone has files that others cannot read")
    write_key(FIRST)
    config = os.path.join(FOLDER.name, "conf")
    with open(config, "w") as f:
        f.write(daemon.configuration(why_url=URL, why_key=KEY,
            user="nobody"))
    status, _, err = daemon.run("-n", "-c", config)
    tap.equal(status, 78)
    tap.contains(err, "why_key: %s: it does not belong to user nobody" % KEY)
    shutil.chown(KEY, "nobody")
    status, _, err = daemon.run("-n", "-c", config)
    shutil.chown(KEY, "root")
    tap.equal((status, "why_key" in err), (0, False), err)


def test_a_reply_may_place_the_link():
    write_key(FIRST)
    tap.true(DAEMON.reload(dns=SERVER, why_url=URL, why_key=KEY, reply={
        "fail": {"text": "Read %{why_url} first\nno"}}), "reload")
    lines = "\n".join(refused("<u@fail.example.com>")).split("\n")
    tap.true(lines[0].split("Read ")[1].startswith(URL + "?t="), lines)
    tap.equal(lines[0].split(" ")[-1], "first")
    tap.equal([l for l in lines[1:] if URL in l], [])


def test_the_daemon_ends_well():
    DAEMON.stop_well()


tap.main(globals())
