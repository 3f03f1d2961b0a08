# SPDX-License-Identifier: BSD-2-Clause
"""What the program promises, written down once more and independently:
the table of levels, the reply texts, and a zone with a name per result."""

import dnsserver

RESULTS = ("pass", "fail", "softfail", "neutral", "none", "permerror",
    "temperror")

# Lowest level at which a result is refused (temperror: put off).
REFUSED_FROM = {"fail": 3, "softfail": 4, "neutral": 5, "none": 6,
    "permerror": 6, "temperror": 2}

USE = ("; use a mail server of that domain or ask its postmaster")
REPLIES = {
    "fail": "550 5.7.23 SPF fail: {client} is not allowed to send mail for "
        "{domain} ({identity} identity)" + USE,
    "softfail": "550 5.7.23 SPF softfail: {client} is probably not allowed "
        "to send mail for {domain} ({identity} identity)" + USE,
    "neutral": "550 5.7.1 SPF neutral: {domain} does not say that {client} "
        "may send its mail ({identity} identity), which {receiver} "
        "requires; its postmaster can add this address",
    "none": "550 5.7.1 SPF none: no SPF record found for {domain} "
        "({identity} identity), which {receiver} requires; its postmaster "
        "can publish one",
    "permerror": "550 5.7.24 SPF permerror: the SPF record of {domain} "
        "({identity} identity) is wrong and its postmaster must correct it: "
        "unknown mechanism \"foo:bar\" at octet 7 of the SPF "
        "record of {domain}",
    "temperror": "451 4.7.24 SPF temperror: the SPF record of {domain} "
        "({identity} identity) cannot be looked up now, try again later: "
        "DNS error for TXT broken.example.net: SERVFAIL",
}


def refused(level, result):
    return level >= REFUSED_FROM.get(result, 7)


def domain(result):
    return result + ".example.com"


def reply(result, client, receiver="mx.example.org", identity="mailfrom",
        name=None):
    """The line that an SMTP client reads where result is refused."""
    return REPLIES[result].format(client=client, receiver=receiver,
        identity=identity, domain=name or domain(result))


# The client is 192.0.2.1 or 2001:db8::1 and says HELO mail.example.net.
CLIENT = "192.0.2.1"
CLIENT6 = "2001:db8::1"
HELO = "mail.example.net"
OURS = "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 "

ZONE = {
    "pass.example.com": {"TXT": [OURS + "-all"]},
    "fail.example.com": {"TXT": ["v=spf1 -all"]},
    "softfail.example.com": {"TXT": ["v=spf1 ~all"]},
    "neutral.example.com": {"TXT": ["v=spf1 ?all"]},
    "none.example.com": {"A": ["192.0.2.9"]},
    "permerror.example.com": {"TXT": ["v=spf1 foo:bar -all"]},
    "temperror.example.com": {"TXT":
        ["v=spf1 include:broken.example.net -all"]},
    "explain.example.com": {"TXT": ["v=spf1 -all exp=why.example.com"]},
    "why.example.com": {"TXT": ["%{i} is not one of ours; 100%% sure, see "
        "http://why.example.com/%{L}?h=%{h}"]},
    "mail.example.net": {"TXT": [OURS + "-all"]},
    "failhelo.example.net": {"TXT": ["v=spf1 -all"]},
    "softhelo.example.net": {"TXT": ["v=spf1 ~all"]},
    "temphelo.example.net": {"TXT":
        ["v=spf1 include:broken.example.net -all"]},
}
FAULTS = {"broken.example.net": dnsserver.SERVFAIL,
    "dead.example.com": dnsserver.TIMEOUT}


def server():
    s = dnsserver.DnsServer()
    s.load(ZONE, faults=FAULTS)
    return s
