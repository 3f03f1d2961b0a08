# SPDX-License-Identifier: BSD-2-Clause
"""Many checks at once: what the filter says of each sender, and when."""

import collections
import threading
import time

import fields

CLIENT = "192.0.2.1"
HELO = "mail.example.net"

# seconds: from the start of all to this answer.
Verdict = collections.namedtuple("Verdict", "result keys seconds")


def open_session(filter_, client=CLIENT, helo=HELO, **arguments):
    m = filter_.milter(**arguments)
    m.connect(client)
    m.helo(helo)
    return m


def address(sender):
    return sender if "<" in sender else ("<%s>" if "@" in sender
        else "<u@%s>") % sender


def read_end(m):
    """The verdict on MAIL FROM in the field that is added."""
    reply = m.reply()
    if reply.kind not in "ca":
        raise AssertionError("not accepted: %r" % (reply,))
    for edit in m.edits:
        if edit.name == "Received-SPF":
            field = fields.received_spf(edit.value)
            if field.keys["identity"] == "mailfrom":
                return field
    raise AssertionError("no field: %r" % (m.edits,))


def check_all(filter_, senders, client=CLIENT, helo=HELO, timeout=30):
    """{sender: Verdict} of a filter at level 1.

    All messages are under way together, so that time-outs cost once.
    """
    sessions = [open_session(filter_, client, helo, timeout=timeout)
        for _ in senders]
    start = time.monotonic()
    found = {}
    try:
        for m, sender in zip(sessions, senders):
            m.mail(address(sender))
        for m in sessions:
            m.send("E")
        for m, sender in zip(sessions, senders):
            field = read_end(m)
            found[sender] = Verdict(field.result, field.keys,
                time.monotonic() - start)
    finally:
        for m in sessions:
            m.close()
    return found


def check_one(filter_, sender, **arguments):
    return check_all(filter_, [sender], **arguments)[sender]


def stop_all(daemons):
    """libmilter takes seconds to stop; they need not be added up."""
    problems = []

    def stop(filter_):
        try:
            filter_.stop_well()
        except AssertionError as error:
            problems.append(str(error))

    threads = [threading.Thread(target=stop, args=(d,)) for d in daemons]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise AssertionError("\n".join(problems))
