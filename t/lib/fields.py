# SPDX-License-Identifier: BSD-2-Clause
"""Strict readers of the header fields that the filter adds.

What does not follow the grammar raises ValueError, so that a test which
reads a field also proves its form.
"""

import collections
import re

RESULTS = ("pass", "fail", "softfail", "neutral", "none", "temperror",
    "permerror")

ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
# Printable ASCII is all that is allowed here, so that nothing from outside
# reaches a reader's terminal or program unseen.
FWS = r"(?:[ \t]*\n[ \t]+|[ \t]+)"
COMMENT = r"\((?:[ \t]|\n[ \t]|\\[ -~]|[!-'*-\[\]-~])*\)"
CFWS = r"(?:(?:%s|%s)+)" % (FWS, COMMENT)
QUOTED = r'"(?:\\[ -~]|[ !#-\[\]-~]|\n?[ \t])*"'
DOT_ATOM = r"%s+(?:\.%s+)*" % (ATEXT, ATEXT)
KEY = r"[A-Za-z][A-Za-z0-9._-]*"

KNOWN_KEYS = ("client-ip", "envelope-from", "helo", "problem", "receiver",
    "identity", "mechanism")

ReceivedSpf = collections.namedtuple("ReceivedSpf", "result comment keys")


class Scanner:
    def __init__(self, text):
        self.text = text
        self.at = 0

    def take(self, pattern, what=None):
        """The text that matches here; None, or ValueError if required."""
        found = re.compile(pattern).match(self.text, self.at)
        if found is None:
            if what is None:
                return None
            raise ValueError("%s expected at %r" % (what,
                self.text[self.at:self.at + 60]))
        self.at = found.end()
        return found.group()

    def done(self):
        return self.at == len(self.text)


def unquote(value):
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1].replace("\n", ""))


def check_lines(value):
    """RFC 5322 s2.1.1, and no line that ends the header."""
    lines = value.split("\n")
    for line in lines:
        if len(line) > 998 or "\r" in line or not line.strip():
            raise ValueError("bad line %r" % line)
    if any(line[:1] not in (" ", "\t") for line in lines[1:]):
        raise ValueError("not a folded line: %r" % value)


def received_spf(value):
    """Reads the value of a Received-SPF field, RFC 7208 s9.1."""
    check_lines(value)
    s = Scanner(value)
    s.take("[ \t]*")
    result = s.take("[a-z]+", "result")
    if result not in RESULTS:
        raise ValueError("not a result: %r" % result)
    comment = None
    if s.take(FWS) and not s.done():
        comment = s.take(COMMENT)
        if comment is not None:
            s.take(FWS)
    keys = collections.OrderedDict()
    while not s.done():
        key = s.take(KEY, "key")
        s.take(CFWS)
        s.take("=", "=")
        s.take(CFWS)
        text = s.take("%s|%s" % (QUOTED, DOT_ATOM), "dot-atom or string")
        s.take(CFWS)
        if key in keys:
            raise ValueError("%s given twice" % key)
        keys[key] = unquote(text)
        if s.done():
            break
        s.take(";", ";")
        s.take(CFWS)
    return ReceivedSpf(result, comment, keys)


AuthResults = collections.namedtuple("AuthResults", "authserv_id results")


def auth_results(value):
    """Reads an Authentication-Results field of ours, RFC 8601 s2.2.

    results is a list of (method, result, {property: value}), where "reason"
    stands among the properties.
    """
    check_lines(value)
    s = Scanner(value)
    s.take(CFWS)
    authserv_id = unquote(s.take("%s|%s" % (QUOTED, DOT_ATOM), "authserv-id"))
    s.take(CFWS)
    results = []
    while not s.done():
        s.take(";", ";")
        s.take(CFWS)
        method = s.take(r"[A-Za-z0-9-]+", "method")
        s.take("=", "=")
        result = s.take(r"[a-z]+", "result")
        properties = {}
        while s.take(CFWS) and not s.done():
            # A reason stands before all properties.
            name = s.take(r"reason" if not properties else r"(?!)") \
                or s.take(r"[a-z]+\.[a-z-]+", "property")
            s.take("=", "=")
            properties[name] = unquote(s.take(
                r'"(?:\\[ -~]|[ !#-\[\]-~])*"|[^\s;()<>,:\\"=]+', "value"))
        results.append((method, result, properties))
    return AuthResults(authserv_id, results)
