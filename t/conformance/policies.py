# SPDX-License-Identifier: BSD-2-Clause
"""Random policies: a sender, a client and all that the DNS says about them.

The same seed gives the same cases.  A case keeps to names below its own base
and to its own client address, so that many of them fit into one zone.
"""

import ipaddress
import random

import dnsserver

# In one zone, each with client addresses of its own.
CASES_PER_ZONE = 100

LETTERS = "slodiphv"
EXPLAINING = LETTERS + "crt"
DELIMITERS = ".-+,/_="
LOCALS = ("user", "user", "user", "strong-bad", "a.b-c+d,e/f_g=h", "a-b-c",
    "x.y.z", "n=1+2=3", "p_q,r", "a..b", ".a-b.",
    "x" * 63 + ".y", "z" * 64, "%{d}", "100%", "O'Neil", "A.User", "-", "u=",
    "a@b", "q q", "|~!#$&*", "user+tag", "1")
FINALS = ("-all", "-all", "-all", "-ALL", "~all", "?all", "all", "+All")
# Every so many cases have a record with an error, or near to one.
SPOILT_EVERY = 7
# Where "@" stands for the term that is spoilt.
SPOILERS = ("foo", "@,", "@:", "@/", "@//", "@/33", "@/032", "mx/08", "a//00",
    "ip4:192.0.2.1/08",
    "@//129", "@/8/64", "ip4:1.2.3", "ip4:192.0.2.1/", "ip4:192.0.2.256",
    "ip4:192.0.2.01", "ip4", "ip6", "ip6:1:2", "ip6:2001:db8::1::2", "all:x",
    "all/8", "-all.", "all=", "include", "include:", "exists", "exists:",
    "a:", "a:/24", "a:com", "a:192.0.2.1", "a:x.123", "a:x.-y", "a:x.y-",
    "a:x.a-b", "a:%", "a:%{", "a:%{d", "a:%(d)", "a:%{x}.example", "a:%{d0}",
    "a:%{d2x}", "a:%{dr2}", "a:%{d|}", "a:%{c}", "a:%{}", "a:%{d}x", "a:%%",
    "a:%_", "a:x.%-", "-", "+", "?@", "++a", "@ @", "mx:%{d}//", "ptr/24",
    "ptr:", "exp=", "redirect=", "exp=x", "redirect=%{d", "foo=", "foo=%",
    "foo=%{c}", "foo=%{x}", "foo=bar", "foo=bar foo=baz", "Foo.b_a-r=%{d}",
    "1foo=x", "default=%", "op=%{", "=x", "foo:bar=x", "ip4:192.0.2.1/0",
    "ip6:::/0", "ip6:::ffff:192.0.2.0/112", "ip6:::1/128", "ipv4:192.0.2.1",
    "a:x.example\t", "\x01", "a:\xe9.example", "foo=\x7f", "foo=\xe9",
    "\xe9=x", "@\n", "redirect=%{h} redirect=%{h}", "exp=%{h} EXP=%{h}",
    "include:%{h}.%{o}/24", "exists:%{i}/32", "a:%{d}/a.example/24", "A",
    "MX", "Ptr", "mx//0", "a/0", "a/0//0", "a//64", "mx/31//127")


class Case:
    """One transaction and its zone; zone and faults as in dnsserver."""

    def __init__(self, client, helo, sender, zone, faults, maker=None):
        self.maker = maker
        self.client = client
        self.helo = helo		# "": none was given
        self.sender = sender		# "": the null sender
        self.zone = zone
        self.faults = faults

    @property
    def line(self):
        """A line of the dry run."""
        return "%s %s <%s>" % (self.client, self.helo or "-", self.sender)

    def text(self):
        """To try again by hand."""
        return "zone:\n%stransaction:\n%s" % (dnsserver.zone_text(self.zone,
            self.faults), self.line)

    def without(self, cut):
        """The case without a part that cuts names."""
        zone = {name: {kind: list(values) for kind, values in rows.items()}
            for name, rows in self.zone.items()}
        faults = dict(self.faults)
        name, kind, index, word = cut
        if kind is None:
            zone.pop(name, None)
            faults.pop(name, None)
        elif word is None:
            del zone[name][kind][index]
            zone[name] = {k: v for k, v in zone[name].items() if v}
        else:
            words = text_of(zone[name][kind][index]).split(" ")
            del words[word]
            zone[name][kind][index] = " ".join(words)
        return Case(self.client, self.helo, self.sender, zone, faults)


def text_of(value):
    """Of a TXT record, which may be a list of strings."""
    return value if isinstance(value, str) else "".join(value)


def domain_of(case):
    """The one that is checked."""
    return (case.sender or case.helo).rpartition("@")[2].rstrip(".").lower()


def name_cuts(case):
    """(name, type, number of value, number of word) that may be left out."""
    return [(name, None, None, None)
        for name in [*case.zone, *case.faults]]


def value_cuts(case):
    """The last one first, so that one does not move the next."""
    return [(name, kind, i, None) for name, rows in case.zone.items()
        for kind in rows for i in reversed(range(len(rows[kind])))]


def word_cuts(case):
    return [(name, kind, i, word)
        for name, kind, i, _ in value_cuts(case) if kind == "TXT"
        for word in reversed(range(len(
            text_of(case.zone[name][kind][i]).split(" "))))]


CUTS = (name_cuts, value_cuts, word_cuts)


def cases(seed, zone_number):
    """The cases that share a zone."""
    rng = random.Random("%d %d" % (seed, zone_number))
    first = zone_number * CASES_PER_ZONE
    return [Maker(rng, n, SPOILERS[(first + n) // SPOILT_EVERY
        % len(SPOILERS)] if (first + n) % SPOILT_EVERY == 0 else None).case()
        for n in range(CASES_PER_ZONE)]


def fits(name):
    return len(name) <= 253 and all(0 < len(label) < 64
        for label in name.split(".")) and name.isascii()


class Maker:
    def __init__(self, rng, number, spoiler=None):
        self.rng = rng
        self.spoiler = spoiler
        self.base = "c%d.example" % number
        self.number = number
        self.zone = {}
        self.faults = {}
        self.names = 0
        self.records = 0
        self.shared = 0		# high-order bits of the last address
        self.deepest = rng.choice((3, 3, 3, 6, 12))
        self.client = self.make_client()

    def chance(self, share):
        return self.rng.random() < share

    # Addresses

    def make_client(self):
        v4 = ipaddress.ip_address("192.0.2.%d" % (self.number + 1))
        v6 = ipaddress.ip_address("2001:db8:%x::" % self.number) \
            + self.rng.getrandbits(self.rng.choice((1, 8, 64)))
        return self.rng.choice((v4, v4, v6))

    def address(self, version=None):
        """The client's, or one that differs from some bit on."""
        client = self.client
        if (version or client.version) != client.version:
            return "192.0.2.250" if version == 4 else "2001:db8:ffff::1"
        bits = client.max_prefixlen
        if self.chance(0.45):
            self.shared = bits
            return str(client)
        # Of documentation, that leaves the low bits and other networks.
        low, others = (8, ("198.51.100.1", "203.0.113.1")) \
            if client.version == 4 else (96, ("3fff::1",))
        bit = self.rng.choice((0, 1, low - 1, self.rng.randrange(low)))
        other = ipaddress.ip_address(int(client) ^ (1 << bit))
        if self.chance(0.2):
            other = ipaddress.ip_address(self.rng.choice(others))
        self.shared = bits - (int(client) ^ int(other)).bit_length()
        return str(other)

    def spelt(self, address):
        """One of the ways to write it."""
        whole = ipaddress.ip_address(address)
        if whole.version == 4 or self.chance(0.6):
            return address
        tail = ipaddress.ip_address(int(whole) & 0xffffffff)
        return self.rng.choice((whole.exploded, address.upper(),
            "%s:%s" % (whole.exploded[:29], tail)))

    def prefix(self, bits):
        if self.chance(0.6):
            return ""
        return "/%d" % self.rng.choice((0, 1, 8, 24, bits - 1, bits,
            self.rng.randrange(bits + 1), min(bits, self.shared),
            min(bits, self.shared + 1)))

    # Names

    def name(self, kinds):
        """A name, new or not, that mostly has records of one of kinds."""
        if self.names and self.chance(0.3):
            return "h%d.%s" % (self.rng.randrange(self.names), self.base)
        name = "h%d.%s" % (self.names, self.base)
        self.names += 1
        self.fill(name, self.rng.choice(kinds))
        return self.rng.choice((name, name, name, name.upper(), name + "."))

    def fill(self, name, kind):
        dice = self.rng.random()
        if dice < 0.06:
            pass
        elif dice < 0.10:
            self.faults[name] = dnsserver.SERVFAIL
        elif dice < 0.103:
            self.faults[name] = dnsserver.TIMEOUT
        elif dice < 0.18 and self.names < 40:
            self.alias(name, kind)
        else:
            self.add(name, kind)

    def alias(self, name, kind):
        if self.chance(0.15):
            self.zone[name] = {"CNAME": [name]}
            return
        target = "h%d.%s" % (self.names, self.base)
        self.names += 1
        self.zone[name] = {"CNAME": [target]}
        self.fill(target, kind)

    def add(self, name, kind):
        rows = self.zone.setdefault(name, {})
        if kind in rows or "CNAME" in rows:
            return
        if kind in ("A", "AAAA"):
            rows["A"] = [self.address(4) for _ in range(self.few())]
            if self.chance(0.8) or kind == "AAAA":
                rows["AAAA"] = [self.address(6) for _ in range(self.few())]
        elif kind == "MX":
            rows["MX"] = self.exchanges()
        elif kind == "TXT":
            rows["TXT"] = self.texts()
        elif kind == "EXP":
            rows["TXT"] = self.explanations()

    def few(self):
        return self.rng.choice((1, 1, 1, 2, 3))

    def exchanges(self):
        count = self.rng.choice((1, 1, 2, 2, 3, 9, 10, 10, 11))
        hosts = []
        for n in range(count):
            host = self.name(("A", "A", "A", "AAAA")).rstrip(".")
            if all(host.lower() != h.lower() for _, h in hosts):
                hosts.append((self.rng.choice((10, 10 * n, 20)), host))
        return hosts if self.chance(0.97) else [(0, ".")]

    # Macros

    def macro(self, letters):
        letter = self.rng.choice(letters)
        if self.chance(0.15):
            letter = letter.upper()
        text = letter
        if self.chance(0.4):
            text += str(self.rng.choice((1, 2, 3, 4, 127, "02")))
        if self.chance(0.3):
            text += self.rng.choice("rrrrR")
        if self.chance(0.35):
            text += "".join(self.rng.choice(DELIMITERS)
                for _ in range(self.few()))
        return "%{" + text + "}"

    def macro_name(self):
        """A domain-spec that is right; what it expands to is found later."""
        rng = self.rng
        parts = [self.macro(LETTERS) if self.chance(0.7)
            else rng.choice(("_spf", "x-y", "a/b", "A", "%%", "%_", "%-",
            "!#$&'()*+;<>?@[\\]^`{|}~", "l" * 63, "7"))
            for _ in range(self.few())]
        if self.chance(0.1):
            parts.append(".".join([self.macro("sdih")] * rng.choice((4, 12))))
        ending = rng.choice((self.base, self.base + ".", "%{d}", "%{o}",
            "%{d2}", "%{D}", self.macro(LETTERS)))
        return ".".join(parts + [ending])

    def spec(self, kinds):
        return self.macro_name() if self.chance(0.4) else self.name(kinds)

    # Records

    def cased(self, word):
        return self.rng.choice((word,) * 6 + (word.upper(),
            word.capitalize()))

    def mechanism(self, depth):
        kind = self.rng.choice(("a", "a", "mx", "mx", "ptr", "ip4", "ip4",
            "ip6", "ip6", "exists", "exists", "include", "include"))
        if kind == "include" and depth > self.deepest:
            kind = "exists"
        word = self.cased(kind)
        if kind in ("a", "mx"):
            return word + (":" + self.spec(("A", "AAAA") if kind == "a"
                else ("MX",)) if self.chance(0.75) else "") \
                + self.prefix(32) + (self.rng.choice(("", "/"))
                and "/" + (self.prefix(128) or "/128"))
        if kind == "ptr":
            return word + (":" + self.spec(("A",)) if self.chance(0.5)
                else self.rng.choice(("", ":" + self.base)))
        if kind == "ip4":
            return "%s:%s%s" % (word, self.address(4), self.prefix(32))
        if kind == "ip6":
            return "%s:%s%s" % (word, self.spelt(self.address(6)),
                self.prefix(128))
        if kind == "exists":
            return "%s:%s" % (word, self.macro_name() if self.chance(0.5)
                else self.spec(("A",)))
        return "%s:%s" % (word, self.target())

    def busy(self):
        """Costs a lookup, and neither matches nor is void."""
        self.zone["busy." + self.base] = {"A": ["192.0.2.252"],
            "AAAA": ["2001:db8:ffff::2"]}
        return "a:busy." + self.base

    def target(self):
        """Of an include or redirect."""
        if self.chance(0.03):
            return self.base
        return self.spec(("TXT",))

    def term(self, depth):
        return self.rng.choice(("",) * 6 + ("+", "-", "-", "~", "?")) \
            + self.mechanism(depth)

    def record(self):
        self.records += 1
        depth = self.records
        count = self.rng.choice((0, 1, 1, 2, 2, 3, 3, 4, 5, 9, 10, 11))
        if depth > 1:
            count = min(count, self.rng.choice((1, 2, 3, 4, 10)))
        terms = [self.term(depth) for _ in range(count)]
        if self.chance(0.02):
            terms[:0] = ["ip4:198.51.100.%d" % n for n in range(
                self.rng.choice((20, 64, 100, 250)))]
        if self.chance(0.1):
            terms[:0] = [self.busy()] * self.rng.choice((3, 6, 8, 9, 9, 10))
        if self.chance(0.55):
            terms.append(self.rng.choice(FINALS))
        elif depth < self.deepest + 2 and self.chance(0.6):
            terms.append("%s=%s" % (self.cased("redirect"), self.target()))
        if self.chance(0.5):
            terms.insert(self.rng.randrange(len(terms) + 1), "%s=%s" % (
                self.cased("exp"), self.spec(("EXP",))))
        if self.spoiler and self.chance(0.8 if depth == 1 else 0.2):
            self.spoil(terms)
        blank = self.rng.choice((" ",) * 9 + ("  ",))
        return blank.join([self.rng.choice(("v=spf1",) * 9 + ("V=SPF1",))]
            + terms) + self.rng.choice(("",) * 9 + (" ",))

    def spoil(self, terms):
        at = self.rng.randrange(len(terms) + 1)
        term = terms.pop(at) if at < len(terms) else "mx"
        if self.chance(0.3) and term:
            n = self.rng.randrange(len(term))
            term = term[:n] + self.rng.choice(("", "%", "/", ":", "=", ".",
                "\x00", "\xff", "{", "}", "-", "9")) + term[n + 1:]
        else:
            term = self.spoiler.replace("@", term)
        terms.insert(at, term)

    def texts(self):
        found = [self.record()]
        if self.chance(0.1):
            found.append(self.rng.choice(("v=spf10 -all", "hello", "v=spf1",
                "v=spf1-all", "\xe9", " v=spf1 -all", "spf2.0/mfrom -all")))
        if self.chance(0.02):
            found[0] = self.rng.choice(("v=spf1", "v=spf1\n", "v=spf1\t-all",
                "v=spf1.", "v=spf1 ", "hello"))
        if self.chance(0.1):
            at = self.rng.randrange(1, len(found[0]) + 1)
            found[0] = [found[0][:at], found[0][at:]]
        return found

    def explanation(self):
        words = [self.rng.choice(("See", "http://x.example/?s=%{S}&i=%{I}",
            "%{c}", "%{r}", "%%", "%_", "%-", "is", "not", "%{R}"))
            if self.chance(0.5) else self.macro(EXPLAINING)
            for _ in range(self.rng.choice((1, 2, 4, 8, 20)))]
        if self.chance(0.1):
            words.append(self.rng.choice(("%", "100%", "%{x}", "%{d", "%(d)",
                "\xe9", "\t", "\n", "%{d0}", "%{d|}", "%{_scope}", "")))
        return " ".join(words)

    def explanations(self):
        return self.rng.choice(([self.explanation()],) * 12
            + ([self.explanation(), "Hello"], [""]))

    # The whole

    def reverse(self):
        name = self.client.reverse_pointer
        if self.chance(0.04):
            self.faults[name] = dnsserver.SERVFAIL
            return
        count = self.rng.choice((0, 1, 1, 1, 2, 3, 11))
        names = self.decoys() if self.chance(0.3) else []
        for _ in range(count):
            host = self.rng.choice((self.base, "mail." + self.base,
                self.lookalike(), self.name(("A", "AAAA")).rstrip(".").lower()))
            if host not in names:
                names.append(host)
        if names:
            self.zone[name] = {"PTR": names}

    def lookalike(self):
        """Ends like the base and is the client's, but not below it."""
        name = "x" + self.base
        self.add(name, "A")
        return name

    def decoys(self):
        """Names that are not the client's: the right one may come too late."""
        names = ["d%d.%s" % (n, self.base)
            for n in range(self.rng.choice((9, 10)))]
        for name in names:
            self.zone[name] = {"A": ["192.0.2.251"]}
        return names

    def make_helo(self):
        if self.chance(0.6):
            return "mail." + self.base
        return self.rng.choice(("mail." + self.base, self.base,
            "MAIL." + self.base, "mail." + self.base + ".", "localhost",
            "[192.0.2.1]", "", "a_b-c.%%{d}/x=y+z,.%s" % self.base,
            "x..y", "l" * 64 + "." + self.base))

    def make_domain(self):
        if self.chance(0.94):
            return self.rng.choice((self.base,) * 5 + (self.base.upper(),
                "sub-1." + self.base))
        return self.rng.choice((self.base + ".", "c%dx" % self.number,
            "a..%s" % self.base, "l" * 64 + "." + self.base,
            "50%%.%s" % self.base, "%%{d}.%s" % self.base,
            "a_b.%s" % self.base, "[192.0.2.1]",
            ".".join(["l" * 60] * 4 + [self.base])))

    def make_sender(self, domain):
        if self.chance(0.05):
            return ""
        local = self.rng.choice(LOCALS)
        if self.chance(0.03):
            local = self.rng.choice(("", "\xc3\xa9"))
        return "%s@%s" % (local, domain)

    def case(self):
        helo = self.make_helo()
        sender = self.make_sender(self.make_domain())
        case = Case(str(self.client), helo, sender, self.zone, self.faults,
            self)
        domain = domain_of(case)
        self.fill("mail." + self.base, "A")
        if fits(domain) and domain not in self.faults:
            self.add(domain, "TXT")
            self.add(domain, "MX")
            if self.chance(0.7):
                self.add(domain, "A")
        if self.chance(0.7):
            self.reverse()
        if self.client.version == 4 and self.chance(0.05):
            case.client = "::ffff:" + case.client
        return case

    def grow(self, asked):
        """Adds records where questions went into the void; True if any."""
        before = len(self.zone)
        for name, kind in sorted(set(asked)):
            if name in self.zone or name in self.faults or not fits(name):
                continue
            if "c%d" % self.number in name.split(".") and self.chance(0.5):
                self.fill(name, "EXP" if kind == "TXT" and self.chance(0.3)
                    else kind)
        return len(self.zone) > before
