# SPDX-License-Identifier: BSD-2-Clause
"""pyspf with repairs, each named as its class in disagreements.txt.

Nothing is copied from pyspf: a repair wraps a method, replaces a table, or
gives pyspf a text that means the same and that it reads right.
"""

import re

import spf

import grammar

ORIGINAL = {name: getattr(spf, name)
    for name in ("JOINERS", "RE_ARGS", "RE_INVALID_MACRO", "RE_SPF")}
REPAIRED = {
    "JOINERS": ("delimiters", dict.fromkeys("slodiphcrtv", ".")),
    "RE_ARGS": ("capital-r", re.compile(r"([0-9]*)([rR]?)([^0-9a-zA-Z]*)")),
    # A percent sign that begins no macro, read from the left.
    "RE_INVALID_MACRO": ("percent-at-end",
        re.compile(r"^(?:[^%]|%[%_{-])*%(?![%_{-])", re.S)),
    "RE_SPF": ("version-newline", re.compile(rb"v=spf1(?: |\Z)", re.I)),
}
# Our limits: an explanation is cut, and is none if it is still longer.
EXPLANATION_CUT = 1023
EXPLANATION_MAX = 4095

# Terms it checks well.
GRAMMAR = {grammar.LENGTH: "length", grammar.OCTETS: "octets",
    grammar.MACRO: "macro-syntax", grammar.TWICE: "modifier-case"}


def is_name(text):
    return len(text) < 254 and all(0 < len(label) < 64
        for label in text.split("."))


class Target:
    """A domain-spec and what it expands to, early (while the record is
    parsed, as pyspf does it) or late (when the term is reached)."""

    def __init__(self, query, spec, literal):
        self.query = query
        self.spec = spec
        self.value = spec if literal else None
        self.early = spec if literal else self.look(query)

    def look(self, query):
        if "expands-early" not in query.repairs:
            self.value = query.expand_early(self.spec)
            return self.value
        # For syntax errors only.
        keep, query.p = query.p, "unknown"
        try:
            return query.expand_early(self.spec)
        finally:
            query.p = keep

    def name(self):
        if self.value is None:
            self.value = self.query.expand(self.spec)
        if "local-not-ascii" in self.query.repairs \
                and not self.query.l.isascii() \
                and grammar.uses(self.spec, "sl"):
            return ""
        return self.value

    def lower(self):
        """Called for ptr alone."""
        name = self.query.reach(self)
        self.query.off_target = not is_name(name)
        return name.lower()

    def __bool__(self):
        return self.early != "" or "empty-name" in self.query.repairs

    def __eq__(self, other):
        return self.early == other and \
            "include-itself" not in self.query.repairs

    def __str__(self):
        return self.early


class Query(spf.query):
    def __init__(self, case, repairs, receiver):
        # Octets of UTF-8 are one character here.
        sender = case.sender.encode("latin-1").decode()
        super().__init__(i=case.client, s=sender, h=case.helo,
            receiver=receiver)
        self.repairs = repairs
        self.of_hosts = False		# what is asked for is a host
        self.of_macro = False		# what is looked for is %{p}
        self.off_target = False		# of the ptr term under way
        for table, (repair, value) in REPAIRED.items():
            setattr(spf, table, value if repair in repairs
                else ORIGINAL[table])
        self.repair_sender()

    def repair_sender(self):
        local, _, domain = self.s.rpartition("@")
        if "last-at" in self.repairs:
            self.l, self.o = local or "postmaster", domain
        if "trailing-dot" in self.repairs and self.o.endswith("."):
            self.o = self.o[:-1]
        if "no-local-part" in self.repairs and not local:
            self.s = "postmaster@" + self.o
        if "trailing-dot" in self.repairs:
            self.s = self.s[:-1] if self.s.endswith(".") else self.s
        self.d = self.o

    def check(self, text=None):
        if "not-a-domain" in self.repairs and ("." not in self.o
                or len(self.o) > 253 or not self.o.isascii()
                or self.o.startswith("[")):
            return "none", 250, ""
        return super().check(text)

    # Records

    def check1(self, text, domain, recursion):
        if isinstance(domain, Target):
            domain = domain.name()
        return super().check1(text, str(domain), recursion)

    def check0(self, text, recursion):
        if text:
            error = grammar.record_error(text)
            if error and GRAMMAR.get(error) in self.repairs:
                raise spf.PermError(error)
            text = self.rewritten(text)
        return super().check0(text, recursion)

    def rewritten(self, text):
        """The same record in words that pyspf knows."""
        words = text.split(" ")
        for i, word in enumerate(words[1:], 1):
            found = grammar.MODIFIER_NAME.match(word)
            known = found and found[1].lower() in ("redirect", "exp")
            if known and "modifier-case" in self.repairs:
                words[i] = found[1].lower() + word[len(found[1]):]
            if found and not known and "unknown-modifier" in self.repairs:
                words[i] = ""
        return " ".join(words)

    # Targets

    def expand_early(self, spec):
        return super().expand_domain(spec)

    def expand_domain(self, arg):
        return Target(self, arg, arg is self.d
            and "own-domain" in self.repairs)

    def reach(self, target):
        """The name of a term that is evaluated now."""
        if not isinstance(target, Target):
            return target
        if "redirect-count" in self.repairs:
            super().check_lookups()
        return target.name()

    def check_lookups(self):
        if "redirect-count" not in self.repairs:
            super().check_lookups()

    def dns_spf(self, domain):
        name = self.reach(domain)
        if "not-a-domain" in self.repairs and isinstance(domain, Target) \
                and "." not in name:
            raise spf.PermError("not a domain")
        return super().dns_spf(name)

    def dns_a(self, name, kind="A"):
        return super().dns_a(self.reach(name), kind)

    def dns_mx(self, name):
        name = self.reach(name)
        if not name and "empty-name" in self.repairs:
            return []
        if "all-mx-hosts" not in self.repairs:
            self.of_hosts = True
            try:
                return super().dns_mx(name)
            finally:
                self.of_hosts = False
        hosts = self.dns(name, "MX")
        if len(hosts) > spf.MAX_MX:
            raise spf.PermError("MX")
        return self.addresses(sorted(hosts, key=lambda mx: mx[0]))

    def addresses(self, hosts):
        for _, host in hosts:
            self.of_hosts = True
            try:
                found = self.dns_a(host, self.A)
            finally:
                self.of_hosts = False
            yield from found

    def cidrmatch(self, addresses, bits):
        for address in addresses:
            if super().cidrmatch([address], bits):
                return True
        return False

    def dns(self, name, kind, cnames=None, ignore_void=False):
        if "two-dots" in self.repairs and name.endswith("."):
            return []
        if self.of_hosts and kind != "MX" and "host-voids" in self.repairs:
            ignore_void = True
        return super().dns(name, kind, cnames, ignore_void)

    # Validated names

    def validated_ptrs(self):
        if "ptr-target" in self.repairs and not self.of_macro:
            return self.validated_later()
        return self.validated_now()

    def validated_later(self):
        """When pyspf has got the target."""
        if not self.off_target:
            yield from self.validated_now()

    def validated_now(self):
        question = "%s.%s.arpa" % (spf.reverse_dots(self.i), self.v)
        try:
            names = self.dns(question, "PTR", ignore_void=self.of_macro
                and "host-voids" in self.repairs)
        except spf.TempError:
            if "ptr-errors" not in self.repairs:
                raise
            return []
        return list(self.validated(names[:spf.MAX_PTR]))

    def validated(self, names):
        for name in names:
            self.of_hosts = True
            try:
                if self.cidrmatch(self.dns_a(name, self.A), self.cidrmax):
                    yield name
            except spf.TempError:
                if "ptr-errors" not in self.repairs:
                    raise
            finally:
                self.of_hosts = False

    def getp(self):
        self.of_macro = True
        try:
            if "validated-name" in self.repairs:
                self.p = self.best_name()
            return super().getp()
        finally:
            self.of_macro = False

    def best_name(self):
        names = self.validated_ptrs() + ["unknown"]
        domain = self.d.lower()
        same = [n for n in names if n.lower() == domain]
        below = [n for n in names if n.lower().endswith("." + domain)]
        return (same + below + names)[0]

    # Explanations

    def get_explanation(self, target):
        name = target.name()
        if "explanation-syntax" in self.repairs:
            texts = self.dns_txt(name, ignore_void=True)
            if len(texts) == 1 and grammar.explanation_error(
                    texts[0].decode("latin-1")):
                return None
        text = super().get_explanation(name)
        if text and "explanation-length" in self.repairs:
            text = text[:EXPLANATION_CUT] if len(text) <= EXPLANATION_MAX \
                else None
        if "explanation-octets" in self.repairs and text \
                and not grammar.is_visible(text):
            return None
        return text

    def expand(self, text, stripdot=True):
        if "long-names" not in self.repairs:
            return super().expand(text, stripdot)
        result = super().expand(text, stripdot)
        if not stripdot:
            return "".join(super(Query, self).expand(part, False)
                for part in parts(text))
        while len(result) > 253 and "." in result:
            result = result.split(".", 1)[1]
        return result


def parts(text):
    """The text cut before and behind every macro."""
    end = 0
    for found in spf.RE_CHAR.finditer(text):
        yield from text[end:found.start()]
        yield found[0]
        end = found.end()
    yield from text[end:]
