# SPDX-License-Identifier: BSD-2-Clause
"""A strict reader of the log line of a checked message."""

import collections
import re
import unicodedata

# In the order of spf-milter(8).
KEYS = ("queue_id", "client", "check_as", "forwarder", "relay",
    "client_name", "helo", "sender", "author", "rcpt",
    "rcpts", "identity", "result", "source", "record", "wide_open",
    "action", "spared", "level", "would", "rule", "record_domain",
    "mechanism", "reason", "lookups", "duration_ms", "excuse", "stale",
    "helo_result", "mailfrom_result", "void")
# Of every line that was not cut.
ALWAYS = {"queue_id", "client", "sender", "identity", "result", "action",
    "level", "lookups", "duration_ms"}

PREFIX = "spf-milter: "
# Lines are cut somewhat below 2,000 octets, between two escapes.
CUT_FROM = 1900
PLAIN = r'(?:[!#-<>-\[\]-~\x80-\xff]|\\x[0-9a-f]{2})+'
QUOTED = r'"(?:[ !#-\[\]-~\x80-\xff]|\\["\\]|\\x[0-9a-f]{2})*"'
PAIR = re.compile(r"([a-z_]+)=(%s|%s)(?: |$)" % (QUOTED, PLAIN))
RESULT = "none|neutral|pass|fail|softfail|temperror|permerror"
UNSEEN = ("Cc", "Cs", "Co", "Zl", "Zp", "Zs")
TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
FORMS = {"client": r"[0-9a-f.:]+", "identity": "helo|mailfrom",
    "result": RESULT, "helo_result": RESULT, "mailfrom_result": RESULT,
    "action": "accept|tag|quarantine|tempfail|reject", "level": "[0-6]",
    "would": "[2-6]",
    "lookups": r"\d+", "duration_ms": r"\d+", "stale": "yes",
    "excuse": "grace|outage|relay|client|forwarder", "spared": "dkim|dmarc",
    "check_as": r"[0-9a-f.:]+", "relay": r"[0-9a-f.:]+", "source": "local_policy|guess",
    "record": "wide-open", "rcpts": "[1-9][0-9]*"}


def is_clean(line):
    """Nothing in it but characters that can be seen; lines are octets."""
    try:
        text = line.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return not any(c != " " and (unicodedata.category(c) in UNSEEN or
        unicodedata.bidirectional(c) in TURNS) for c in text)


def unescape(value):
    """The octets of a value, as far as the line shows them."""
    if value.startswith('"'):
        value = value[1:-1]
    return re.sub(r'\\(x[0-9a-f]{2}|["\\])', lambda m: m.group(1)
        if len(m.group(1)) == 1 else chr(int(m.group(1)[1:], 16)), value)


def parse(line):
    """The pairs in their order; ValueError for anything that is not one.

    Of a line that was cut the last pair is left out: it may be a part.
    """
    if not line.startswith(PREFIX) or not is_clean(line):
        raise ValueError("not a line of ours: %s" % ascii(line))
    text = line[len(PREFIX):]
    pairs = collections.OrderedDict()
    at = 0
    cut = len(line) > CUT_FROM and line.endswith("...")
    while at < len(text):
        found = PAIR.match(text, at)
        if found is None:
            if cut:
                break
            raise ValueError("no pair at %r" % text[at:at + 60])
        key, value = found.groups()
        if key not in KEYS or key in pairs:
            raise ValueError("key %s in %s" % (key, text))
        if value == '""':
            raise ValueError("empty %s in %s" % (key, text))
        if key in FORMS and not re.fullmatch(FORMS[key], value):
            raise ValueError("%s=%s" % (key, value))
        pairs[key] = unescape(value)
        at = found.end()
    if cut and at >= len(text):
        pairs.popitem()
    if not cut and not ALWAYS <= set(pairs):
        raise ValueError("lacks %s: %s" % (ALWAYS - set(pairs), text))
    return pairs


def counters(log):
    """The counters that the daemon logs at its end."""
    lines = [l for l in log.split("\n") if l.startswith(PREFIX
        + "counters:")]
    return collections.Counter({k: int(v) for line in lines for k, v in
        (pair.split("=") for pair in line.split("counters:")[1].split())})
