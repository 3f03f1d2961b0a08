# SPDX-License-Identifier: BSD-2-Clause
"""The grammar of RFC 7208 s12 once more, as regular expressions.

It shares nothing with the parser in src, so that a record that one takes and
the other refuses shows up as a disagreement.
"""

import re

# The kinds of errors, which are classes in disagreements.txt.
LENGTH = "length"		# our limit, not the grammar's
OCTETS = "octets"
MACRO = "macro"
TERM = "term"
TWICE = "twice"

LENGTH_MAX = 4096

LETTER = "[slodiphcrtvSLODIPHCRTV]"
EXPAND = r"(?:%%\{%s[0-9]*[rR]?[.+,/_=-]*\}|%%[%%_-])" % LETTER
LITERAL = r"[!-$&-~]"
STRING = r"(?:%s|%s)*" % (EXPAND, LITERAL)
ALNUM = "[A-Za-z0-9]"
TOPLABEL = r"(?:%s*[A-Za-z]%s*|%s+-[A-Za-z0-9-]*%s)" % ((ALNUM,) * 4)
SPEC = r"%s(?:\.%s\.?|%s)" % (STRING, TOPLABEL, EXPAND)
CIDR4 = r"/(?:[0-9]|[12][0-9]|3[0-2])"
CIDR6 = r"/(?:[0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])"
DUAL = r"(?:%s)?(?:/%s)?" % (CIDR4, CIDR6)
QNUM = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IP4 = r"%s(?:\.%s){3}" % (QNUM, QNUM)
IP6 = r"[0-9A-Fa-f:.]+"

DIRECTIVE = re.compile(r"[+?~-]?(?:(?i:all)"
    r"|(?i:include|exists):%(SPEC)s|(?i:a|mx)(?::%(SPEC)s)?%(DUAL)s"
    r"|(?i:ptr)(?::%(SPEC)s)?|(?i:ip4):%(IP4)s(?:%(CIDR4)s)?"
    r"|(?i:ip6):(?P<ip6>%(IP6)s)(?:%(CIDR6)s)?)" % globals())
KNOWN = re.compile(r"(?i:redirect|exp)=%s" % SPEC)
UNKNOWN = re.compile(r"(?!(?i:redirect|exp)=)[A-Za-z][A-Za-z0-9_.-]*=%s"
    % STRING)
MODIFIER_NAME = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=")
EXPLANATION = re.compile(r"(?:%s|[ !-$&-~])*" % EXPAND)
ZERO = re.compile(r"%\{.0+[^0-9]")	# s7.3: must not be zero
HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{1,4}")


def is_ip6(text):
    """RFC 4291 s2.2."""
    halves = text.split("::")
    if len(halves) > 2:
        return False
    groups = [h.split(":") if h else [] for h in halves]
    last = groups[-1][-1:]
    if last and "." in last[0]:
        if not re.fullmatch(IP4, last[0]):
            return False
        groups[-1][-1:] = ["0", "0"]
    if not all(HEXADECIMAL.fullmatch(g) for half in groups for g in half):
        return False
    count = sum(map(len, groups))
    return count == 8 if len(halves) == 1 else count < 8


def is_visible(text):
    return all(" " <= c <= "~" for c in text)


def macros_are_right(text):
    return "%" not in re.sub(EXPAND, "", text) and \
        not any(map(ZERO.match, re.findall(EXPAND, text)))


def uses(text, letters):
    """True if one of these macro letters stands in text."""
    return any(m[1] == "{" and m[2].lower() in letters
        for m in re.findall(EXPAND, text))


def term_error(term):
    if not macros_are_right(term):
        return MACRO
    if UNKNOWN.fullmatch(term):
        return None
    if uses(term, "crt"):		# s7.2: in explanations only
        return MACRO
    found = DIRECTIVE.fullmatch(term)
    if found:
        return TERM if found["ip6"] and not is_ip6(found["ip6"]) else None
    return None if KNOWN.fullmatch(term) else TERM


def terms(text):
    return [t for t in text.split(" ")[1:] if t]


def is_record(text):
    return text[:6].lower() == "v=spf1" and text[6:7] in ("", " ")


def record_error(text):
    """The kind of error of a record that is_record, or None."""
    if len(text) > LENGTH_MAX:
        return LENGTH
    if not is_visible(text):
        return OCTETS
    errors = [e for e in map(term_error, terms(text)) if e]
    if errors:
        return errors[0]
    names = [m[1].lower() for m in map(MODIFIER_NAME.match, terms(text)) if m]
    if names.count("redirect") > 1 or names.count("exp") > 1:
        return TWICE
    return None


def explanation_error(text):
    """The same for the text that exp= leads to (explain-string)."""
    if not is_visible(text):
        return OCTETS
    return None if macros_are_right(text) and EXPLANATION.fullmatch(text) \
        else MACRO
