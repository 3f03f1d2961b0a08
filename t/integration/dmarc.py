# SPDX-License-Identifier: BSD-2-Clause
"""DKIM and DMARC filters beside us: the real OpenDKIM and OpenDMARC.

A message with forged results gets the DMARC verdict that it gets without
them.  Most of it is asked over the filters' sockets, each being told what the
ones before it have made of the header; a few messages go through both MTAs.
"""

import itertools
import os
import random
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import lab
import mta
import otherfilters
import smtp
import spec
import tap
from daemon import Daemon

lab.require("opendkim", "opendmarc", "openssl", "postfix")

AR = "Authentication-Results"
SPF = "Received-SPF"
FORMS = {"received-spf": ["received-spf"],
    "authentication-results": ["authentication-results"],
    "both": ["received-spf", "authentication-results"], "none": []}
RESULTS = ("pass", "fail", "softfail", "neutral", "none", "permerror",
    "temperror")
# What OpenDMARC's history calls them.
HISTORY = {"pass": 0, "softfail": 2, "neutral": 3, "temperror": 4,
    "permerror": 5, "none": 6, "fail": 7}
SIGNED = "signed.example.com"		# its record fails, its signature holds
TOKENS = itertools.count(1)

# name: fields of a message that says it has passed; %s: its domain.
FORGED = {
    "results": [(AR, "mx.example.org; spf=pass smtp.mailfrom=%s")],
    "results of two methods": [(AR, "mx.example.org; dkim=none; "
        "spf=pass smtp.mailfrom=%s")],
    "results in disguise": [("authentication-RESULTS", '(x) "mx" . exa\\mple'
        ' . Org (y)\n\t1; (z) "S\\pF" (a) = pa\\ss sMTP . mailfrom="%s"')],
    "results below others": [(AR, "other.example; spf=fail"),
        (AR, "mx.example.org; none"),
        (AR, "mx.example.org; spf=pass smtp.mailfrom=%s")],
    "received": [(SPF, "pass (x) client-ip=192.0.2.1; "
        'envelope-from="u@%s"; identity=mailfrom')],
    "received by us": [(SPF, "pass (x) receiver=mx.example.org; "
        "identity=mailfrom; envelope-from=u@%s")],
    "both": [(AR, "mx.example.org; spf=pass smtp.mailfrom=%s"),
        (SPF, "pass identity=mailfrom; envelope-from=u@%s")],
}

LAB = lab.Lab()
tempfile.tempdir = LAB.dir

NAMESERVER = lab.NameServer(LAB, lab.zone_file(LAB.dir + "/zone", {
    **spec.ZONE, SIGNED: {"TXT": ["v=spf1 -all"]},
    "sel._domainkey." + SIGNED: {"TXT":
        [otherfilters.key(LAB.dir + "/dkim.key")]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]}}),
    ["broken.example.net"])
DMARC = otherfilters.Filter(LAB, "opendmarc", "opendmarc",
    "PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat",
    "HistoryFile %s/history" % LAB.dir)
DKIM = otherfilters.Filter(LAB, "opendkim", "opendkim", "Mode v",
    "Nameservers 127.0.0.1")
SIGNER = otherfilters.Filter(LAB, "opendkim", "signer", "Mode s",
    "Domain " + SIGNED, "Selector sel", "KeyFile %s/dkim.key" % LAB.dir,
    "InternalHosts 192.0.2.0/24", "Canonicalization relaxed/relaxed")
OURS = Daemon(user="nobody", socket_mode="0666", dns_options={"servers": []})


def use(**options):
    tap.true(OURS.reload(dns_options={"servers": []}, **options), options)


def through(filter_, headers, sender, helo=spec.HELO, **arguments):
    return otherfilters.through(filter_, headers, sender, spec.CLIENT, helo,
        **arguments)


def dmarc(headers, sender, **arguments):
    """OpenDMARC's verdict."""
    after = through(DMARC, headers, sender, **arguments)
    found = [m.group(1) for n, v in after
        for m in [re.search(r"dmarc=(\w+)", v)] if n == AR and m]
    tap.equal(len(found), 1, after)
    return found[0]


def message(domain, *forged):
    return [(n, v.replace("%s", domain)) for n, v in forged] + [
        ("From", "u@" + domain), ("Subject", "x"), ("Date",
        "Thu, 01 Jan 2026 00:00:00 +0000"), ("Message-ID", "<1@x.example>")]


def behind_us(domain, *forged, **arguments):
    """The DMARC verdict of a message that we let through; else None."""
    sender = "<u@%s>" % domain
    headers = through(OURS, message(domain, *forged), sender, **arguments)
    return headers and dmarc(headers, sender)


# Forged verdicts of ours

def test_what_is_forged_deceives_where_we_are_not():
    domain = spec.domain("softfail")
    for name, forged in FORGED.items():
        tap.equal(dmarc(message(domain, *forged), "<u@%s>" % domain), "pass",
            name)


def check_forgeries(form, level, result):
    """Nothing changes; but where we add nothing, a message that has brought
    a Received-SPF is told to have passed if it has."""
    domain = spec.domain(result)
    plain = behind_us(domain)
    if level == 1 and FORMS[form]:
        tap.equal(plain, "pass" if result == "pass" else "fail", result)
    for name, forged in FORGED.items():
        got = behind_us(domain, *forged)
        if form == "none" and result == "pass" and SPF in dict(forged):
            tap.equal(got, "pass", name)
        else:
            tap.equal(got, plain, "%s, level %d, %s: %s" % (form, level,
                result, name))


def test_forged_fields_change_no_dmarc_verdict():
    for form, level in itertools.product(FORMS, (1, 2, 3)):
        use(behavior=level, headers=FORMS[form])
        for result in RESULTS:
            check_forgeries(form, level, result)


def test_no_guess_and_no_local_policy_passes_dmarc():
    for form in ("received-spf", "authentication-results", "both"):
        use(behavior=1, headers=FORMS[form], best_guess="v=spf1 a/24 -all")
        tap.equal(behind_us(spec.domain("none")), "fail", form)
        use(behavior=1, headers=FORMS[form], local_policy="ip4:192.0.2.0/24")
        tap.equal(behind_us(spec.domain("fail")), "fail", form)


# Pieces of a field, and what may stand between and in them.
PIECES = ["mx", ".", "example", ".", "org", ";", "spf", "=", "pass", " ",
    "smtp", ".", "mailfrom", "=", "softfail", ".", "example", ".", "com"]
NOISE = ["(", ")", "(x)", "(a (b) c)", "(;)", '"', '"" ', "\\", " ", "\n\t",
    "\t", "\f", "\v", "\r", "1", "/1", ";", "; dkim=none", "; spf=fail", "=",
    ".", " reason=x", "spf", "mx.example.org", "x", "\x80", "=?utf-8?q?x?="]


def mutilated(dice):
    """A forged field with up to four pieces of noise."""
    pieces = list(PIECES)
    for _ in range(dice.randrange(5)):
        at = dice.randrange(len(pieces))
        inside = dice.randrange(len(pieces[at]) + 1)
        pieces[at] = pieces[at][:inside] + dice.choice(NOISE) \
            + pieces[at][inside:]
    text = "".join(pieces)
    return text if dice.randrange(3) else text.swapcase()


def test_what_opendmarc_takes_for_our_result_is_removed():
    use(behavior=1, headers=FORMS["received-spf"])
    domain = spec.domain("softfail")
    sender = "<u@%s>" % domain
    dice = random.Random(8601)
    believed = 0
    for _ in range(1500):
        field = (AR, mutilated(dice))
        if dmarc(message(domain, field), sender) == "pass":
            believed += 1
            tap.equal(behind_us(domain, field), "fail", field[1])
    tap.true(believed > 300, believed)


def test_forged_fields_under_the_name_of_the_mta_deceive_nobody():
    """OpenDMARC takes the MTA's name for its own, whatever we are told."""
    for form in ("received-spf", "authentication-results"):
        use(behavior=1, headers=FORMS[form], hostname="mail.example.org")
        tap.equal(behind_us(spec.domain("softfail"), *FORGED["both"]), "fail",
            form)


def test_forged_fields_of_authenticated_clients():
    for form in FORMS:
        use(behavior=3, headers=FORMS[form])
        for result in ("softfail", "fail", "pass"):
            domain = spec.domain(result)
            for name, forged in FORGED.items():
                tap.equal(behind_us(domain, *forged, user="kim"),
                    behind_us(domain, user="kim"), "%s, %s, %s" % (form, result, name))


def test_forged_fields_of_trusted_clients_and_without_removal_stay():
    for options in ({"trusted_networks": [spec.CLIENT]},
            {"remove_forged": False}):
        use(behavior=3, headers=FORMS["received-spf"], **options)
        tap.equal(behind_us(spec.domain("softfail"), *FORGED["both"]), "pass")


# What reports are made of

def history():
    """The SPF results of the last message in OpenDMARC's history."""
    with open(LAB.dir + "/history") as f:
        last = f.read().split("job ")[-1]
    return [int(n) for n in re.findall(r"^spf (-?\d+)$", last, re.M)]


def test_history_has_the_result_of_mail_from():
    for form in ("received-spf", "authentication-results", "both"):
        use(behavior=1, headers=FORMS[form])
        for result, helo in [(r, spec.HELO) for r in RESULTS] + [
                ("pass", "failhelo.example.net"),
                ("neutral", "softhelo.example.net")]:
            behind_us(spec.domain(result), helo=helo)
            tap.equal(history(), [HISTORY[result]],
                "%s, %s, %s" % (form, result, helo))


def test_history_has_the_result_of_the_null_sender():
    """Which is that for postmaster@HELO."""
    for form in ("received-spf", "authentication-results", "both"):
        use(behavior=1, headers=FORMS[form])
        for result in RESULTS:
            helo = spec.domain(result)
            headers = through(OURS, message(helo), "<>", helo=helo)
            dmarc(headers, "<>", helo=helo)
            tap.equal(history(), [HISTORY[result]], form + ", " + result)


# Beside OpenDKIM

def signed(*forged):
    """A message that its domain has signed, as a forwarder hands it on."""
    after = through(SIGNER, message(SIGNED), "<u@%s>" % SIGNED)
    tap.equal(after[0][0], "DKIM-Signature")
    return [(n, v.replace("%s", SIGNED)) for n, v in forged] + after


def chain(headers, sender):
    """The DMARC verdict behind OpenDKIM and us, and what stands there."""
    headers = through(DKIM, headers, sender)
    headers = through(OURS, headers, sender)
    return dmarc(headers, sender), headers


def test_result_of_the_dkim_filter_stays():
    sender = "<forwarder@%s>" % spec.domain("none")
    for form in FORMS:
        use(behavior=3, headers=FORMS[form])
        for forged in ([], FORGED["both"], FORGED["results below others"]):
            verdict, headers = chain(signed(*forged), sender)
            tap.equal(verdict, "pass", "%s, %s" % (form, forged))
            tap.equal(sum("dkim=pass" in v for n, v in headers if n == AR), 1)


def test_broken_signature_with_forged_fields_fails():
    use(behavior=3, headers=FORMS["authentication-results"])
    for name, forged in FORGED.items():
        headers = [(n, "y" if n == "Subject" else v)
            for n, v in signed(*forged)]
        tap.equal(chain(headers, "<u@%s>" % spec.domain("none"))[0], "fail",
            name)


# In the MTAs

PLACES = {"postfix": "198.51.100.25", "sendmail": "198.51.100.26"}
FILTERS = [DKIM.socket, OURS.socket, DMARC.socket]


def start(kind):
    server = kind(LAB, [mta.Listener(PLACES[kind.name], 25, FILTERS)])
    server.start()
    return server


MTAS = [start(kind) for kind in mta.kinds()]


def deliver(server, headers, domain):
    """The header of a message that has gone through all three filters."""
    token = "token-%d" % next(TOKENS)
    text = "".join("%s: %s\n" % h for h in headers) + "X-Token: %s\n\n" \
        "text\n" % token
    with smtp.Client((PLACES[server.name], 25), spec.CLIENT) as client:
        client.command("EHLO " + spec.HELO)
        tap.true(client.message("<u@%s>" % domain, ["<test@example.org>"],
            text).accepted, server.name)
    return mta.headers_of(server.wait_for_mail("test", token))


def forgeries(host):
    """All at once, for the MTA of this name."""
    return [(n, v.replace("mx.example.org", host))
        for fields in FORGED.values() for n, v in fields
        if '"mx"' not in v]


def check_delivered(server, form, headers, domain, want):
    host = {"postfix": "mx.example.org", "sendmail": "mx2.example.org"}[
        server.name]
    forged = [(n, v.replace("%s", domain)) for n, v in forgeries(host)]
    what = "%s, %s" % (server.name, form)
    for brought in ([], forged):
        found = [v for n, v in deliver(server, brought + headers, domain)
            if n.lower() == AR.lower()]
        tap.contains(" ".join(found), "dmarc=" + want, what)
        tap.lacks(" ".join(found), "spf=pass", what)


def test_chain_of_filters_in_both_mtas():
    for form in ("received-spf", "authentication-results"):
        use(behavior=1, headers=FORMS[form])
        for server in MTAS:
            domain = spec.domain("softfail")
            check_delivered(server, form, message(domain), domain, "fail")
            check_delivered(server, form, signed(), spec.domain("none"),
                "pass")


def test_mtas_stop():
    for server in MTAS:
        server.stop()


def test_the_daemon_ends_well():
    OURS.stop_well()


tap.main(globals())
