#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sender domains for measurements: a zone for bench/dns, senders for
bench/load, and how many DNS queries a first pass over them needs.

    domains.py --kind mixed --count 1000 --zone FILE --senders FILE
"""

import argparse
import ipaddress
import json

HELO = "mail.example"

# As published in 2007; hotmail's parts and the names behind ptr are made up.
PORTALS = {
    "hanmail.net": "v=spf1 ip4:211.43.197.0/24 ptr ~all",
    "naver.com": "v=spf1 ip4:220.95.234.208 ip4:61.74.70.0/23 "
        "ip4:222.122.16.0/24 ip4:220.73.156.0/24 ip4:211.218.150.0/24 "
        "ip4:211.218.151.0/24 ip4:211.218.152.0/24 ip4:218.145.30.0/24 "
        "ip4:220.95.237.0/24 ~all",
    "empas.com": "v=spf1 ip4:61.97.66.0/24 ip4:61.97.67.0/24 "
        "ip4:61.97.70.0/24 ip4:61.97.72.0/24 ptr ~all",
    "dreamwiz.com": "v=spf1 ip4:211.39.128.0/24 ip4:211.39.129.0/24 "
        "ip4:222.122.42.0/25 ~all",
    "aol.com": "v=spf1 ip4:152.163.225.0/24 ip4:205.188.139.0/24 "
        "ip4:205.188.144.0/24 ip4:205.188.156.0/23 ip4:205.188.159.0/24 "
        "ip4:64.12.136.0/23 ip4:64.12.138.0/24 ptr:mx.aol.com ?all",
    "gmail.com": "v=spf1 redirect=_spf.google.com",
    "_spf.google.com": "v=spf1 ip4:216.239.32.0/19 ip4:64.233.160.0/19 "
        "ip4:66.249.80.0/20 ip4:72.14.192.0/18 ip4:209.85.128.0/17 "
        "ip4:66.102.0.0/20 ?all",
    "google.com": "v=spf1 ptr ?all",
    "hotmail.com": "v=spf1 include:spf-a.hotmail.com "
        "include:spf-b.hotmail.com include:spf-c.hotmail.com "
        "include:spf-d.hotmail.com ~all",
    "spf-a.hotmail.com": "v=spf1 ip4:209.240.192.0/19 ip4:65.52.0.0/14 ~all",
    "spf-b.hotmail.com": "v=spf1 ip4:207.46.0.0/16 ip4:157.54.0.0/15 ~all",
    "spf-c.hotmail.com": "v=spf1 ip4:213.199.128.0/18 ~all",
    "spf-d.hotmail.com": "v=spf1 ip4:131.107.0.0/16 ~all",
    "kisarbl.or.kr": "v=spf1 ip4:61.251.112.141 ip4:61.251.112.143 "
        "ip4:61.251.112.144 ~all",
}

# Domain, base of the clients, names asked besides the domain's own TXT.
PORTAL_CLIENTS = (
    ("naver.com", "220.73.156.0", ()),
    ("hanmail.net", "211.43.197.0", ()),
    ("gmail.com", "72.14.203.0", (("_spf.google.com", "TXT"),)),
    ("hotmail.com", "131.107.1.0", tuple(("spf-%s.hotmail.com" % c, "TXT")
        for c in "abcd")),
    ("dreamwiz.com", "211.39.128.0", ()),
    ("aol.com", "64.12.136.0", ()),
    ("kisarbl.or.kr", "61.251.112.0", ()),
    ("empas.com", "61.97.66.0", ()),
    ("naver.com", "61.74.70.0", ()),
    ("hanmail.net", "222.27.116.0", "ptr"),
)


class Domains:
    """rows: records; senders: (address, client, label); needed: the set of
    (name, type) that an evaluation without a useless query asks for."""

    def __init__(self, tag=""):
        self.tag = tag
        self.rows = []
        self.senders = []
        self.needed = set()
        self.portals = False

    def record(self, name, kind, value="-"):
        self.rows.append("%s %s %s" % (name, kind, value))

    def sender(self, local, domain, client, label, needs):
        self.senders.append((local + "@" + domain, str(client), label))
        self.needed.add((domain, "TXT"))
        self.needed.update(needs)

    def name(self, letter, i):
        return "%s%s%05d.example" % (letter, self.tag, i)

    def simple(self, i, label="simple"):
        domain = self.name("s", i)
        self.record(domain, "TXT",
            "v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.%d ~all" % (i % 256))
        self.sender("user%d" % (i % 50), domain,
            "192.0.2.%d" % (i % 250 + 1), label, ())
        return domain

    def google(self, i):
        """redirect and three includes; one client in four stands in the
        second of them."""
        domain = self.name("g", i)
        parts = ["n%d._spf.%s" % (n, domain) for n in (1, 2, 3)]
        self.record(domain, "TXT", "v=spf1 redirect=_spf." + domain)
        self.record("_spf." + domain, "TXT", "v=spf1 %s ~all"
            % " ".join("include:" + p for p in parts))
        for part, net in zip(parts, ("203.0.113.0/25", "198.51.100.0/24",
                "192.0.2.0/24")):
            self.record(part, "TXT", "v=spf1 ip4:203.0.113.128/28 "
                "ip4:203.0.113.144/28 ip4:%s ~all" % net)
        second = i % 4 == 3
        client = ("198.51.100.%d" if second else "192.0.2.%d") % (i % 250 + 1)
        asked = ["_spf." + domain] + parts[:2 if second else 3]
        self.sender("user", domain, client, "google",
            [(n, "TXT") for n in asked])

    def mx(self, i):
        domain = self.name("m", i)
        self.record(domain, "TXT", "v=spf1 a mx include:_inc.%s ~all"
            % domain)
        self.record(domain, "A", "203.0.113.%d" % (i % 250 + 1))
        self.record(domain, "MX", "10 mx." + domain)
        self.record("mx." + domain, "A", "203.0.113.%d" % (i % 200 + 2))
        self.record("_inc." + domain, "TXT", "v=spf1 ip4:192.0.2.0/24 ?all")
        self.sender("user", domain, "192.0.2.%d" % (i % 250 + 1), "mx",
            [(domain, "A"), (domain, "MX"), ("mx." + domain, "A"),
            ("_inc." + domain, "TXT")])

    def macro(self, i):
        domain = self.name("e", i)
        local = "user%d" % (i % 50)
        client = "192.0.2.%d" % (i % 250 + 1)
        exists = "%s.%s._x.%s" % (local, client, domain)
        self.record(domain, "TXT", "v=spf1 exists:%{l}.%{i}._x.%{d} ~all")
        self.record(exists, "A", "127.0.0.2")
        self.sender(local, domain, client, "macro", [(exists, "A")])

    def korea(self, i):
        if not self.portals:
            self.portals = True
            for name, text in PORTALS.items():
                self.record(name, "TXT", text)
        domain, base, needs = PORTAL_CLIENTS[i % len(PORTAL_CLIENTS)]
        last = i // len(PORTAL_CLIENTS) % 250 + 1
        if domain == "kisarbl.or.kr":
            last = 141
        client = ipaddress.ip_address(base) + last
        if needs == "ptr":
            host = "relay%d.%s" % (last, domain)
            needs = ((client.reverse_pointer, "PTR"), (host, "A"))
            if needs[0] not in self.needed:
                self.record(client.reverse_pointer, "PTR", host)
                self.record(host, "A", client)
        self.sender("user", domain, client, "korea", needs)

    def none(self, i):
        self.sender("user", self.name("n", i), "192.0.2.%d" % (i % 250 + 1),
            "none", ())

    def mixed(self, i):
        KINDS[i % len(KINDS)](self, i // len(KINDS))

    def slow(self, i):
        """Takes 0.2 s of DNS."""
        self.record(self.simple(i, "slow"), "DELAY", "200")

    def dead(self, i):
        self.record(self.simple(i, "dead"), "DEAD")

    def broken(self, i):
        self.record(self.simple(i, "broken"), "SERVFAIL")

    def fill(self, kind, count):
        for i in range(count):
            getattr(self, kind)(i)
        return self

    def write_senders(self, path):
        with open(path, "w") as f:
            for address, client, label in self.senders:
                f.write("%s %s %s %s\n" % (address, client, HELO, label))

    def queries_needed(self):
        return len(self.needed) / len(self.senders)


KINDS = (Domains.korea, Domains.simple, Domains.google, Domains.mx,
    Domains.macro, Domains.none)


def write_zone(path, domains):
    """One zone of several sets, without double lines."""
    seen = {}
    for d in domains:
        seen.update(dict.fromkeys(d.rows))
    with open(path, "w") as f:
        f.write("".join(row + "\n" for row in seen))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kind", default="mixed", choices=("mixed",
        "simple", "google", "mx", "macro", "korea", "none", "slow", "dead",
        "broken"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--tag", default="", help="makes other names")
    parser.add_argument("--zone", required=True)
    parser.add_argument("--senders", required=True)
    options = parser.parse_args()
    domains = Domains(options.tag).fill(options.kind, options.count)
    write_zone(options.zone, [domains])
    domains.write_senders(options.senders)
    print(json.dumps({"senders": len(domains.senders),
        "queries": len(domains.needed),
        "queries_a_message": round(domains.queries_needed(), 3)}))


if __name__ == "__main__":
    main()
