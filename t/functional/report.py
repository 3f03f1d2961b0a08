# SPDX-License-Identifier: BSD-2-Clause
"""spf-milter-report: each line counts once, whoever wrote the log and whatever
strangers have written into it."""

import bz2
import gzip
import html.parser
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import dnsserver
import script
import tap
import web

REPORT = script.load("spf-milter-report")
FOLDER = tempfile.TemporaryDirectory(prefix="spf-milter-test.")


def path(name):
    return os.path.join(FOLDER.name, name)


def write(name, octets):
    with open(path(name), "wb") as f:
        f.write(octets.encode() if isinstance(octets, str) else octets)
    return path(name)


def run(*args):
    """(status, stdout, stderr)"""
    return script.run(REPORT, *args)


def reported(*args):
    status, out, err = run(*args)
    tap.equal((status, err), (0, ""))
    return out


def checked(queue_id, result="fail", would=0, sender="user@example.com",
    client="192.0.2.1", action="accept", helo="mx.example.com", **more):
    """What the filter logs of a message."""
    text = "queue_id=%s client=%s identity=mailfrom result=%s action=%s " \
        "level=2 " % (queue_id, client, result, action)
    if would:
        text += "would=%d " % would
    text += "".join("%s=%s " % pair for pair in more.items())
    return text + "lookups=1 duration_ms=2 helo=%s sender=%s" % (helo, sender)


def syslog(message, host="mx1", program="spf-milter[77]"):
    return "Nov 26 12:00:00 %s %s: %s\n" % (host, program, message)


MESSAGES = [checked("A1", would=3), checked("A2", would=3,
    sender="x@example.org", client="2001:db8::1"),
    checked("A3", "softfail", 4), checked("A4", "pass"),
    checked("A5", "temperror", action="tempfail"),
    checked("A6", "none", 6, "<>", helo="helo.example.net")]
LOG = "".join(map(syslog, MESSAGES))


def rows(text):
    """{level: [newly refused, share, with DKIM, domains, networks]}"""
    return {int(line.split()[0]): line.split()[1:] for line in
        text.splitlines() if re.match(r" {5}\d", line)}


def impact(octets, *options):
    return reported("impact", "--lang", "en", *options,
        write("impact.log", octets))


def test_each_level_has_what_it_and_those_below_it_would_refuse():
    out = impact(LOG)
    tap.equal(rows(out), {3: ["2", "33.33%", "0", "2", "2"],
        4: ["3", "50.00%", "0", "2", "2"], 5: ["3", "50.00%", "0", "2", "2"],
        6: ["4", "66.67%", "0", "3", "2"]})
    tap.contains(out, "6 messages were checked at level 2; 1 of them were")
    tap.contains(out, "Level 4 adds 1 message (refuses softfail)")
    for name in ("example.org", "helo.example.net", "192.0.2.0/24",
        "2001:db8::/48"):
        tap.contains(out, "    %s " % name)


def export(message):
    octets = message.encode()
    return b"__CURSOR=s=1\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER=spf-milter\n" \
        b"OTHER\n" + (5).to_bytes(8, "little") + b"a\n\nb=\n" + \
        b"MESSAGE\n" + len(octets).to_bytes(8, "little") + octets + b"\n\n"


def zst(octets):
    if shutil.which("zstd") is None:
        return None
    return subprocess.run(["zstd", "-cq"], input=octets,
        stdout=subprocess.PIPE, check=True).stdout


def test_all_kinds_of_logs_say_the_same():
    wanted = impact(LOG)
    logs = {
        "stderr": "".join("spf-milter: %s\n" % m for m in MESSAGES),
        "rfc3339": "".join("2026-11-26T12:00:00.123456+09:00 mx1 spf-milter"
            "[7]: %s\r\n" % m for m in MESSAGES),
        "rfc5424": "".join("<22>1 2026-11-26T12:00:00Z mx1 spf-milter 7 - "
            '[a@1 b="\\]"][c] \ufeff%s\n' % m for m in MESSAGES),
        "export": b"".join(map(export, MESSAGES)),
        "json": "".join(json.dumps({"_HOSTNAME": "mx1", "MESSAGE":
            list(m.encode()) if i % 2 else m, "SYSLOG_IDENTIFIER":
            "spf-milter"}) + "\n" for i, m in enumerate(MESSAGES)) +
            "{}\nno JSON\n[1]\n",
        "gz": gzip.compress(LOG.encode()), "xz": lzma.compress(LOG.encode()),
        "bz2": bz2.compress(LOG.encode()), "zst": zst(LOG.encode()),
    }
    for name, log in logs.items():
        if log is not None:
            tap.equal(impact(log), wanted, name)


def test_what_the_filter_logs_is_understood():
    zone = dnsserver.DnsServer({"fail.example.com": {"TXT": ["v=spf1 -all"]},
        "soft.example.com": {"TXT": ["v=spf1 ~all"]}})
    with daemon.Daemon(dns=zone, behavior=2) as d:
        for sender in ("fail", "soft"):
            with d.milter() as m:
                m.connect("9.8.7.6")
                m.helo("mx.example.net")
                m.message(sender="<u@%s.example.com>" % sender,
                    rcpts=["<a@example.org>"])
        d.message_lines(2)
        out = impact(d.log())
    tap.equal(rows(out), {3: ["1", "50.00%", "0", "1", "1"],
        **{n: ["2", "100.00%", "0", "2", "1"] for n in (4, 5, 6)}})


def test_hidden_local_parts_leave_domains():
    """As log_privacy writes them."""
    out = reported("impact", write("hidden", "".join("spf-milter: %s\n" %
        checked("Q%d" % n, "softfail", 4, sender) for n, sender in enumerate(
        ("*mzqw6c5u2k7a@hidden.example.com", "*@hidden.example.com")))))
    tap.equal(out.count("hidden.example.com  "), 1)
    tap.contains(" ".join(out.split()), "hidden.example.com 2 0")


def test_several_logs_are_one():
    one = write("one.log", "".join(map(syslog, MESSAGES[:3])))
    two = write("two.log", "".join(map(syslog, MESSAGES[3:])))
    tap.equal(reported("impact", "--lang", "en", one, two), impact(LOG))


def dkim(queue_id, host="mx1"):
    return syslog("%s: DKIM verification successful" % queue_id, host,
        "opendkim[9]")


RSPAMD = "2026-11-26 12:00:00 #12(normal) <1a2b3c>; task; " \
    "rspamd_task_write_log: id: <%s>, qid: <%s>, ip: 192.0.2.1, from: <%s>, " \
    "(default: F (no action): [0.10/15.00] [%s,MIME_GOOD(-0.10){text/plain;}" \
    "]), len: 1, time: 2.3ms, rcpts: <a@example.net>\n"


def test_dkim_is_joined_by_queue_id_before_and_after():
    for log in (dkim("A2") + LOG, LOG + dkim("A2"),
        LOG + RSPAMD % ("m@x", "A2", "x@example.org",
        "X(0.00){a},R_DKIM_ALLOW(-0.20){example.org:s=s;}")):
        out = impact(log)
        tap.equal([r[2] for r in rows(out).values()], ["1"] * 4, log)
        tap.equal(len(re.findall(r"example\.org +1 +1\n", out)), 1)


def test_dkim_of_another_host_or_of_a_strangers_text_is_none():
    for log in (dkim("A2", "mx2") + LOG, LOG + dkim("A2", "mx2"),
        LOG + RSPAMD % ("m, qid: <A2>, x", "A9", "x", "R_DKIM_ALLOW(-0.20){}"),
        LOG + RSPAMD % ("m", "A2", "x", "X(0){R_DKIM_ALLOW}"),
        LOG + RSPAMD % ("m", "A2", "R_DKIM_ALLOW(-0.20){}", "X(0.00){}"),
        LOG + syslog("A2: DKIM verification successful",
            program="postfix/smtpd[1]"),
        LOG + syslog("A2: from=<A2: DKIM verification successful",
            program="opendkim[1]")):
        tap.equal([r[2] for r in rows(impact(log)).values()], ["0"] * 4, log)


def test_values_of_strangers_are_no_keys():
    log = syslog(checked("A1", sender='"a would=3 result=none@example.com"')) \
        + syslog(checked("A2", sender='"\\"would=3 @example.com"')) \
        + syslog(checked("A3", sender='"cut would=3 ...')) \
        + syslog("helo=<x spf-milter: %s" % checked("A4", would=3),
            program="postfix/smtpd[1]") \
        + syslog("started, queue_id=x would=3 result=fail action=accept")
    out = impact(log)
    tap.contains(out, "3 messages were checked")
    tap.contains(out, "No message that was let through would be refused")


def test_a_log_of_nothing_and_octets_of_any_kind():
    tap.contains(impact(""), "No message was checked.")
    tap.contains(impact(bytes(range(256)) * 3), "No message was checked.")
    tap.contains(impact(b"__CURSOR=x\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff"
        b"\x7fabc"), "No message was checked.")
    tap.contains(impact("x" * 200000 + "\n" + LOG), "6 messages")


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = set(), {}, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(attrs)

    def handle_data(self, data):
        self.text += data


HOSTILE = syslog(checked("A7", would=3, sender='"a@<script>\\"&amp;\'x"'))


def page(language):
    reported("impact", "--lang", language, "--html", path("page.html"),
        write("impact.log", LOG + HOSTILE + dkim("A1")))
    with open(path("page.html")) as f:
        return f.read()


def test_a_page_is_whole_in_itself_and_escaped_in_each_language():
    for language in REPORT.TEXTS:
        text = page(language)
        found = Page(text)
        tap.equal(found.attributes["lang"], language)
        tap.equal(found.tags & {"script", "link", "img", "iframe", "object",
            "a", "image", "use"}, set())
        tap.equal(re.findall("https?:|url\\(|@import|{}", text), [])
        tap.contains(found.text, "<script>\"&amp;'x")
        tap.contains(found.tags, "svg")


def test_a_page_is_valid_html():
    for language in REPORT.TEXTS:
        page(language)
        tap.equal(web.complaints(path("page.html")), "")


def test_languages_have_the_same_texts_with_the_same_values():
    def shape(texts):
        return {k: len(v) if isinstance(v, tuple) else
            sorted(re.findall(r"\{\w*\}", v)) for k, v in texts.items()}
    tap.equal(shape(REPORT.TEXTS["ko"]), shape(REPORT.TEXTS["en"]))


def test_lines_are_of_80_columns_in_each_language():
    log = LOG + "".join(syslog(checked("B%d" % i, would=3, sender="a@%s.%s"
        % ("x" * 60, "한글" * 30))) for i in range(3))
    for language in REPORT.TEXTS:
        out = reported("impact", "--lang", language, write("x.log", log))
        for line in out.splitlines():
            tap.true(REPORT.width(line) < 80, line)


def test_names_without_end_are_bounded_and_said_to_be():
    kept = REPORT.TABLE_MAX
    REPORT.TABLE_MAX = 100
    try:
        out = impact("".join(syslog(checked("B%d" % i, would=3,
            sender="a@%d.example" % (i if i % 3 else 0)))
            for i in range(900)))
    finally:
        REPORT.TABLE_MAX = kept
    tap.equal(len(re.findall(r"    0\.example +300 ", out)), 1)
    tap.contains(out, "There were more than 100 names")
    tap.true(int(rows(out)[3][3]) <= 100, "bounded")


def forwarded(client="192.0.2.9", count=6, own=True, helo="out.fwd.example"):
    lines = [checked("C%d" % i, "fail" if i % 2 else "softfail", 0,
        "a@mail.d%d.example" % i, client, helo=helo) for i in range(count)]
    if own:
        lines.append(checked("D1", "pass", 0, "srs0=x@fwd.example", client,
            helo=helo))
    return "".join(map(syslog, lines))


def forwarders(log, *options):
    return reported("forwarders", *options, write("forwarders.log", log))


def test_a_forwarder_is_proposed_with_its_evidence_and_the_filter_takes_it():
    out = forwarders(forwarded() + forwarded("2001:db8::9") + dkim("C1"))
    tap.contains(out, "# 192.0.2.9: 6 failed, of 6 domains; ")
    tap.contains(out, "as MAIL FROM fwd.example")
    tap.contains(out, 'forwarder "fwd.example" {\n\tclient = {"192.0.2.9", '
        '"2001:db8::9"}\n}\n')
    status, _, told = daemon.run("-n", "-c", write("out.conf", out))
    tap.equal(status, 0, told + out)


def test_signatures_that_were_kept_are_evidence():
    tap.contains(forwarders(forwarded() + dkim("C1") + dkim("C2")),
        "2 with a valid DKIM signature")


def test_who_never_passes_or_fails_for_few_is_no_forwarder():
    for log in (forwarded(own=False), forwarded(count=4), LOG,
        "".join(syslog(checked("E%d" % i, sender="a@m%d.example.co.kr" % i,
            helo="mx.spam.example")) for i in range(9)) + syslog(checked(
            "E", "pass", sender="a@spam.example", helo="mx.spam.example"))):
        out = forwarders(log)
        tap.equal([l for l in out.splitlines() if not l.startswith("#")], [])
    tap.contains(forwarders(forwarded(count=4), "--domains", "4"),
        "forwarder \"")


def test_a_pass_of_its_helo_counts_and_names_of_strangers_are_harmless():
    log = "".join(syslog(checked("F%d" % i, sender='"a@}\\" \\x0a x%d.d%d"' %
        (i, i), helo='"x\\"{}.example"', helo_result="pass"))
        for i in range(6))
    out = forwarders(log)
    tap.contains(out, "as HELO")
    status, _, told = daemon.run("-n", "-c", write("out.conf", out))
    tap.equal(status, 0, told + out)


def test_hosts_without_end_are_bounded():
    kept = REPORT.HOSTS_MAX
    REPORT.HOSTS_MAX = 50
    try:
        out = forwarders(forwarded() + "".join(syslog(checked("G%d" % i,
            client="198.51.100.%d" % i)) for i in range(200)))
    finally:
        REPORT.HOSTS_MAX = kept
    tap.contains(out, 'forwarder "fwd.example"')
    tap.contains(out, "more than 50 clients")


def test_wrong_use_is_told():
    for status, text, args in ((64, "usage:", ()), (64, "usage:", ("x",)),
        (64, "usage:", ("impact", "--domains", "1")),
        (64, "usage:", ("impact", "--top")),
        (64, "--top is a number", ("impact", "--top=0")),
        (64, "--lang is en or ko", ("impact", "--lang", "fr")),
        (66, "missing.log", ("impact", path("missing.log"))),
        (73, "/nowhere/x", ("impact", "--html", "/nowhere/x",
            write("x.log", LOG)))):
        found = run(*args)
        tap.equal(found[0], status, args)
        tap.contains(found[2], text)


def test_a_file_that_ends_too_soon_is_told():
    for octets in (gzip.compress(LOG.encode()),
        lzma.compress(LOG.encode()), zst(LOG.encode())):
        if octets is None:
            continue
        status, _, err = run("impact", write("broken", octets[:-9]))
        tap.equal(status, 65, err)
        tap.contains(err, path("broken"))


tap.main(globals())
