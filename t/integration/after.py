# SPDX-License-Identifier: BSD-2-Clause
"""Between other filters: what OpenDKIM, OpenDMARC and rspamd see of us, what
we take from them, and what both MTAs make of marks and quarantine.

What one filter does with a header is asked over its socket; then messages go
through chains of them in both MTAs.
"""

import itertools
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import lab
import mta
import otherfilters
import smtp
import spec
import tap
import watch
from daemon import Daemon

lab.require("opendkim", "opendmarc", "rspamd", "openssl", "postfix")

AR = "Authentication-Results"
SPF = "Received-SPF"
SIGNED = "signed.example.com"		# its record fails, its signature holds
EVIL = "evil.example.net"
FAILS = "<u@fail.example.com>"
TOKENS = itertools.count(1)

LAB = lab.Lab()
tempfile.tempdir = LAB.dir
NAMESERVER = lab.NameServer(LAB, lab.zone_file(LAB.dir + "/zone", {
    **spec.ZONE, SIGNED: {"TXT": ["v=spf1 -all"]}, EVIL: {},
    "sel._domainkey." + SIGNED: {"TXT":
        [otherfilters.key(LAB.dir + "/dkim.key")]},
    "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]}}))
DKIM = otherfilters.Filter(LAB, "opendkim", "opendkim", "Mode v",
    "Nameservers 127.0.0.1", "AuthservID dkim.example.org",
    "AlwaysAddARHeader yes")
SIGNER = otherfilters.Filter(LAB, "opendkim", "signer", "Mode s",
    "Domain " + SIGNED, "Selector sel", "KeyFile %s/dkim.key" % LAB.dir,
    "InternalHosts 192.0.2.0/24", "Canonicalization relaxed/relaxed")
DMARC = otherfilters.Filter(LAB, "opendmarc", "opendmarc",
    "PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat",
    "TrustedAuthservIDs HOSTNAME,dkim.example.org")
RSPAMD = otherfilters.Rspamd(LAB, [SPF, "X-SPF-Tag"])
OURS = Daemon(user="nobody", socket_mode="0666", dns_options={"servers": []})

# What rspamd calls itself, which is what the MTA calls the daemon.
SPAMD_PORT = 26
NAMES = ["dkim.example.org", "rspamd.example.org", "L%d" % SPAMD_PORT, "test"]
UNLESS_SIGNED = {"reject_at": "eom", "unless_dkim_pass": True,
    "dkim_results_from": NAMES}
LEFT_TO_DMARC = {"reject_at": "eom", "leave_to_dmarc": True}


def use(**options):
    tap.true(OURS.reload(dns_options={"servers": []}, **options), options)


def through(filter_, headers, sender=FAILS):
    return otherfilters.through(filter_, headers, sender, spec.CLIENT,
        spec.HELO)


def message(domain):
    return [("From", "u@" + domain), ("Subject", "x"), ("Date",
        "Thu, 01 Jan 2026 00:00:00 +0000"), ("Message-ID", "<1@x.example>")]


def signed():
    after = through(SIGNER, message(SIGNED))
    tap.equal(after[0][0], "DKIM-Signature")
    return after


def values(headers, name):
    return [v for n, v in headers or [] if n.lower() == name.lower()]


# What we take from a filter before us

def spared(filter_, headers, sender=FAILS):
    """Is a message let through that fails SPF; and the filter's results."""
    headers = through(filter_, headers, sender)
    return through(OURS, headers, sender) is not None, values(headers, AR)


def test_signed_mail_is_spared_behind_opendkim_and_rspamd():
    use(**UNLESS_SIGNED)
    for filter_ in (DKIM, RSPAMD):
        tap.equal(spared(filter_, signed())[0], True)
        tap.equal(spared(filter_, message(SIGNED))[0], False)
        broken = [(n, "y" if n == "Subject" else v) for n, v in signed()]
        tap.equal(spared(filter_, broken)[0], False)
        # The author is another one, or two are.
        for author in ("u@example.net", "u@%s, v@example.net" % SIGNED):
            other = [(n, author if n == "From" else v) for n, v in signed()]
            tap.equal(spared(filter_, other)[0], False, author)


def test_forged_results_are_worth_nothing_behind_opendkim_and_rspamd():
    use(**UNLESS_SIGNED)
    forged = [(AR, "%s; dkim=pass header.d=%s" % (name, SIGNED))
        for name in NAMES]
    for filter_, name in ((DKIM, "dkim.example.org"), (RSPAMD, "test")):
        own = [(AR, "%s; dkim=pass header.d=%s" % (name, SIGNED))]
        for brought in (own, own * 3, own + [("Received", "from x")],
                [("Received", "from x")] + own,
                [(AR, "(x) \"%s\" 1 ; dkim=pass header.d=%s"
                    % (name, SIGNED))]):
            good, results = spared(filter_, brought + message(SIGNED))
            tap.equal(good, False, brought)
            tap.equal(len(results), 1, results)
            tap.contains(results[0], "dkim=none")
    # Below a Received field no name counts, whoever has left it there.
    tap.equal(through(OURS, [("Received", "from x")] + forged
        + message(SIGNED)), None)


def test_what_strangers_write_into_results_of_opendkim():
    """It undoes quoted-printable in i= and writes what comes out."""
    use(**UNLESS_SIGNED)
    injected = "a=40{0}=3Bdkim=3Dpass=20header.d=3D{1}=3B" \
        "dkim=3Dfail=20header.d=3D{0}=20header.i=3Da@{0}".format(EVIL, SIGNED)
    signature = signed()[0][1].replace("d=%s;" % SIGNED,
        "d=%s; i=%s;" % (EVIL, injected))
    good, results = spared(DKIM, [("DKIM-Signature", signature)]
        + message(SIGNED))
    tap.equal(good, False)
    tap.contains(results[0], ";dkim=pass header.d=" + SIGNED)


def test_what_strangers_write_into_results_of_rspamd():
    """It escapes quotes but no backslashes, and splits at semicolons."""
    use(**UNLESS_SIGNED)
    for sender in ('<"a) ; dkim=pass header.d=%s (b"@fail.example.com>',
            '<"a\\"; dkim=pass header.d=%s; x=\\"b"@fail.example.com>'):
        good, results = spared(RSPAMD, message(SIGNED), sender % SIGNED)
        tap.equal(good, False, sender)
        tap.contains(results[0], "dkim=pass header.d=" + SIGNED)


# In the MTAs

PLACES = {"postfix": "198.51.100.25", "sendmail": "198.51.100.26"}
SETTINGS = {"postfix": "milter_macro_daemon_name = rspamd.example.org\n",
    "sendmail": ""}
CHAINS = {25: [DKIM.socket, OURS.socket, DMARC.socket],
    SPAMD_PORT: [RSPAMD.socket, OURS.socket],
    27: [OURS.socket, RSPAMD.socket], 28: [OURS.socket]}
# A filter that is down, as spf-milter.conf(5) wants it, and as it must not be.
DOWN = "unix:" + LAB.dir + "/nobody"
SAFE_PORT, OPEN_PORT = 29, 30


def start(kind):
    listeners = [mta.Listener(PLACES[kind.name], port, filters)
        for port, filters in CHAINS.items()]
    if kind is mta.Postfix:
        listeners += [mta.Listener(PLACES[kind.name], port,
            [DOWN, OURS.socket], ["milter_default_action=" + action])
            for port, action in ((SAFE_PORT, "tempfail"),
                (OPEN_PORT, "accept"))]
    server = kind(LAB, listeners, settings=SETTINGS[kind.name])
    server.start()
    return server


MTAS = [start(kind) for kind in mta.kinds()]


def send(server, port, headers, sender=FAILS):
    """What the client is told at the end, and the message's token."""
    token = "token-%d" % next(TOKENS)
    text = "".join("%s: %s\n" % h for h in headers) + "X-Token: %s\n\n" \
        "text\n" % token
    with smtp.Client((PLACES[server.name], port), spec.CLIENT) as client:
        client.command("EHLO " + spec.HELO)
        done = client.message(sender, ["<test@example.org>"], text)
    tap.true(done.end is not None, "%s takes the message" % server.name)
    return done, token


def deliver(server, port, headers, sender=FAILS):
    done, token = send(server, port, headers, sender)
    tap.true(done.accepted, "%s: %s" % (server.name, done.end))
    return mta.headers_of(server.wait_for_mail("test", token))


def refuse(server, port, headers):
    done, _ = send(server, port, headers)
    tap.contains(done.end[0], "550 5.7.23 SPF fail", server.name)


def dmarc_of(headers):
    return [v for v in values(headers, AR) if "dmarc=" in v]


def test_signed_mail_is_spared_in_the_mtas():
    use(**UNLESS_SIGNED)
    for server in MTAS:
        for port in (25, SPAMD_PORT):
            got = deliver(server, port, signed())
            tap.contains(" ".join(values(got, SPF)[0].split()),
                "fail (", "fail is told")
            tap.contains(" ".join(values(got, SPF)[0].split()),
                "not refused for a DKIM signature aligned with " + SIGNED)
            refuse(server, port, message(SIGNED))
            refuse(server, port, 2 * [(AR, "%s; dkim=pass header.d=%s"
                % (name, SIGNED)) for name in NAMES] + message(SIGNED))
        tap.contains(dmarc_of(deliver(server, 25, signed()))[0],
            "dmarc=pass", "OpenDMARC sees OpenDKIM's result")


def test_a_dkim_filter_that_is_down_opens_no_gate():
    """Unless the mail server goes on without it."""
    use(**UNLESS_SIGNED)
    forged = [(AR, "%s; dkim=pass header.d=%s" % (NAMES[0], SIGNED))] \
        + message(SIGNED)
    with smtp.Client((PLACES["postfix"], SAFE_PORT), spec.CLIENT) as client:
        client.command("EHLO " + spec.HELO)
        done = client.message(FAILS, ["<test@example.org>"], "x\n")
        tap.contains(done.mail[0], "451 4.7.1")
    tap.contains(" ".join(values(deliver(MTAS[0], OPEN_PORT, forged),
        SPF)[0].split()), "not refused for a DKIM signature")


def test_opendmarc_decides_what_is_left_to_it():
    """With p=reject it says fail for what has neither; other domains have no
    policy, and our refusal stands."""
    use(**LEFT_TO_DMARC)
    for server in MTAS:
        got = deliver(server, 25, message("fail.example.com"))
        tap.contains(" ".join(values(got, SPF)[0].split()),
            "left to the DMARC policy of fail.example.com")
        tap.contains(dmarc_of(got)[0], "dmarc=fail")
        got = deliver(server, 25, signed())
        tap.contains(dmarc_of(got)[0], "dmarc=pass")
        refuse(server, 25, message("example.net"))


def test_rspamd_behind_us_sees_what_we_have_done():
    use(policy={"mailfrom": {"fail": "tag"}})
    for server in MTAS:
        got = deliver(server, 27, signed())
        tap.contains(values(got, "X-Saw-" + SPF)[0], "fail (mx")
        tap.equal(values(got, "X-Saw-X-SPF-Tag"), ["fail"])
        tap.contains(values(got, AR)[0], "dkim=pass header.d=" + SIGNED)
        tap.contains(values(got, AR)[0], "spf=fail")
        tap.equal([v.split()[0] for v in values(got, SPF)],
            ["fail", "pass"])


# What the MTAs make of it

def test_marks_in_the_mtas():
    use(policy={"mailfrom": {"fail": "tag"}}, tag={"fail": {"subject":
        "[SPF {result}] ", "fields": ["X-Spam-Flag: YES", "X-B: 2"]}})
    encoded = "=?utf-8?B?6rmA?=\n =?utf-8?B?6rmA?="
    for server in MTAS:
        got = deliver(server, 28, [("X-Spam-Flag", "NO"), ("x-b", "1"),
            ("X-Spam-Flag", "NO"), ("Subject", encoded)])
        tap.equal(values(got, "X-Spam-Flag"), ["YES"], server.name)
        tap.equal(values(got, "X-B"), ["2"], server.name)
        tap.equal([v.split() for v in values(got, "Subject")],
            [["[SPF", "fail]"] + encoded.split()], server.name)
        got = deliver(server, 28, [("X-A", "1")])
        tap.equal(values(got, "Subject"), ["[SPF fail]"], server.name)
        got = deliver(server, 28, [("X-Spam-Flag", "NO"), ("Subject", "x")],
            "<u@pass.example.com>")
        tap.equal(values(got, "X-Spam-Flag"), [], server.name)
        tap.equal(values(got, "Subject"), ["x"], server.name)


def held(server):
    """The queue as the MTA shows it, of what it holds."""
    if server.name == "postfix":
        done = subprocess.run(["postqueue", "-c", server.etc, "-p"],
            stdout=subprocess.PIPE)
        return "".join(l for l in done.stdout.decode().splitlines(True)
            if "!" in l or "u@fail" in l)
    return server.run("-C", server.base + "/sendmail.cf", "-bp", "-qQ")[1]


def release(server):
    """As spf-milter.conf(5) says."""
    if server.name == "postfix":
        lab.command("postsuper", "-c", server.etc, "-H", "ALL")
        lab.command("postqueue", "-c", server.etc, "-f")
    else:
        server.run("-C", server.base + "/sendmail.cf", "-qQ", "-Q")


def test_quarantine_in_the_mtas():
    use(policy={"mailfrom": {"fail": "quarantine"}})
    for server in MTAS:
        done, token = send(server, 28, [("Subject", "x")])
        tap.true(done.accepted, server.name)
        text = watch.wait_for(lambda: held(server), server.name)
        if server.name == "postfix":
            tap.contains(text, "! ")
        else:
            tap.contains(text, "QUARANTINE: SPF fail: mailfrom "
                "fail.example.com, client " + spec.CLIENT)
        deliver(server, 28, [("Subject", "x")], "<u@pass.example.com>")
        tap.equal([m for m in server.delivered("test") if token in m], [])
        release(server)
        server.wait_for_mail("test", token)


def test_mtas_stop():
    for server in MTAS:
        server.stop()


def test_the_daemon_ends_well():
    OURS.stop_well()


tap.main(globals())
