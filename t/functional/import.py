# SPDX-License-Identifier: BSD-2-Clause
"""spf-milter-import: each setting of other programs becomes ours or is named,
and the filter takes what is written.

The names below are those of the manuals: qmail-smtpd(8) of the SPF patch, the
sample of smf-spf, policyd-spf.conf(5), which has those of pyspf-milter.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import script
import tap

IMPORTER = script.load("spf-milter-import")
FOLDER = tempfile.TemporaryDirectory(prefix="spf-milter-test.")


def path(*names):
    return os.path.join(FOLDER.name, *names)


def write(name, text):
    os.makedirs(os.path.dirname(path(name)), exist_ok=True)
    with open(path(name), "w") as f:
        f.write(text)
    return path(name)


def run(*args):
    """(status, stdout, stderr)"""
    return script.run(IMPORTER, *args)


def imported(*args):
    """What is written, which the filter must take."""
    status, out, err = run(*args)
    tap.equal(status, 0, err)
    status, _, told = daemon.run("-n", "-c", write("out.conf", out))
    tap.equal(status, 0, told + out)
    return out


def settings(text):
    """Without comments, all in one line."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    line = " ".join(" ".join(lines).split())
    return re.sub(r'= \{ ("[^{}]*") \}', r"= {\1}", line)


def told(text):
    """The comments in one line."""
    return " ".join(" ".join(line[1:] for line in text.splitlines()
        if line.startswith("#")).split())


def refused(status, *parts, args):
    got, out, err = run(*args)
    tap.equal((got, out), (status, ""), err)
    for part in parts:
        tap.contains(err, part)


# qmail

TCP_SMTP = """\
# whom we relay for
127.0.0.1:allow,RELAYCLIENT=""
192.168.1.:allow,RELAYCLIENT="",QMAILQUEUE="/var/qmail/bin/scan"
10.1.:allow,RELAYCLIENT=""
10.1.2.:allow
10.1.2.3:allow,RELAYCLIENT='@fixed'
203.0.113.4-6:allow,SPFBEHAVIOR="1"
198.51.100.:allow,SPFBEHAVIOR="0"
198.51.100.7:allow,SPFBEHAVIOR="6"
198.51.101.:allow
192.0.2.66:deny
192.0.2.67:deny,RELAYCLIENT=""
:allow,SPFBEHAVIOR="4"
"""
TCP_CLIENTS = ["127.0.0.1", "127.0.0.2", "192.168.1.200", "10.1.0.0",
    "10.1.1.255", "10.1.2.0", "10.1.2.2", "10.1.2.3", "10.1.2.4",
    "10.1.2.255", "10.1.3.0", "10.1.255.255", "10.2.0.0", "203.0.113.3",
    "203.0.113.4", "203.0.113.6", "203.0.113.7", "198.51.100.0",
    "198.51.100.7", "198.51.100.8", "198.51.101.1", "198.51.99.255",
    "0.0.0.0", "255.255.255.255", "2001:db8::1"]


def control(name, **files):
    """A control directory below a root of its own."""
    for file, text in dict(dict(spfbehavior="3\n", me="mx.example.com\n"),
            **files).items():
        write("%s/var/qmail/control/%s" % (name, file), text)
    return path(name, "var/qmail/control")


def make_cdb(text, cdb):
    if shutil.which("tcprules") is None:
        tap.skip("no tcprules")
    os.makedirs(os.path.dirname(cdb), exist_ok=True)
    subprocess.run(["tcprules", cdb, cdb + ".tmp"], input=text, text=True,
        check=True)
    return cdb


def test_a_control_directory_of_qmail():
    text = imported("qmail", control("plain",
        spfrules="include:spf.trusted-forwarder.example  \nsecond line\n",
        spfguess="a/24 mx/24 ptr\n",
        spfexp="See https://mail.example.com/?s=%{S}&i=%{I}&r=%{xR} 5%%\n"))
    got = settings(text)
    reply = '"See https://mail.example.com/?s=%{S}&i=%{I}&r=%{R} 5%%"'
    for part in ("behavior = 3", 'hostname = "mx.example.com"',
            "check_helo = false",
            'local_policy = "include:spf.trusted-forwarder.example"',
            'best_guess = "v=spf1 a/24 mx/24 ptr"',
            "reply fail { text = %s }" % reply):
        tap.contains(got, part)
    tap.lacks(got, "reply softfail")
    tap.lacks(got, "trusted_networks")
    tap.contains(told(text), "tcp.smtp: not found")
    tap.contains(told(text), "policy guess")


def test_each_level_of_spfbehavior_is_ours():
    for level in range(7):
        text = imported("qmail", control("level", spfbehavior="%d\n" % level))
        tap.contains(settings(text), "behavior = %d" % level)
    text = imported("qmail", control("level", spfbehavior="9"))
    tap.contains(settings(text), "behavior = 6")
    tap.contains(told(text), "9 is the same as 6")
    folder = control("level")
    os.unlink(os.path.join(folder, "spfbehavior"))
    text = imported("qmail", folder)
    tap.contains(settings(text), "behavior = 0")
    tap.contains(told(text), "spfbehavior: there is none")


def test_an_explanation_that_cannot_be_had_is_named():
    for text, reason in (
            ("See http://spf.pobox.com/why.html?sender=%{S}", "is gone"),
            ("See http://www.openspf.org/Why?id=%{S}", "is gone"),
            ("unknown %{p}", "no macro %{p}"),
            ("stra\u00dfe", "printable ASCII")):
        out = imported("qmail", control("exp", spfexp=text + "\n"))
        tap.lacks(settings(out), "reply", text)
        tap.contains(told(out), reason)


def test_a_me_that_is_no_name_is_named():
    text = imported("qmail", control("me", me="our host\n"))
    tap.lacks(settings(text), "hostname")
    tap.contains(told(text), "me: our host is no name of a host")


def test_terms_that_have_no_place_are_named():
    text = imported("qmail", control("terms", spfguess="v=spf1 a exp=%{d}\n",
        spfrules="ip4:192.0.2.1 ?all redirect=example.com\n"))
    for part in ('local_policy = "ip4:192.0.2.1"', 'best_guess = "v=spf1 a"'):
        tap.contains(settings(text), part)
    for part in ("spfrules: there is no ?all", "there is no redirect=",
            "spfguess: there is no exp="):
        tap.contains(told(text), part)


def test_replies_are_for_the_results_that_any_client_is_refused_for():
    write("exp6/etc/tcp.smtp", '192.0.2.1:allow,SPFBEHAVIOR="5"\n')
    text = settings(imported("qmail", control("exp6", spfexp="No.\n")))
    for result in "fail", "softfail", "neutral":
        tap.contains(text, 'reply %s { text = "No." }' % result)
    tap.lacks(text, "reply none")


def test_tcp_smtp_becomes_trusted_networks_and_rules():
    write("tcp/etc/tcp.smtp", TCP_SMTP)
    text = imported("qmail", control("tcp"))
    got = settings(text)
    for part in ("behavior = 4", 'trusted_networks += {'
            '"10.1.0.0/23", "10.1.2.3", "10.1.3.0-10.1.255.255", '
            '"127.0.0.1", "192.168.1.0/24"}',
            'rule "tcp.smtp SPFBEHAVIOR=0" { client = {'
            '"198.51.100.0-198.51.100.6", "198.51.100.8-198.51.100.255"} '
            'behavior = 0 }',
            'rule "tcp.smtp SPFBEHAVIOR=6" { client = {"198.51.100.7"} '
            'behavior = 6 }'):
        tap.contains(got, part)
    for part in ("tcp.smtp: its entries are copied",
            "tcp.smtp:3: QMAILQUEUE: no matter of SPF",
            "tcp.smtp:11: 192.0.2.66:deny: tcpserver lets",
            "tcp.smtp:12: 192.0.2.67:deny"):
        tap.contains(told(text), part)
    tap.lacks(got, "192.0.2.66")


def test_a_cdb_says_what_its_text_says():
    cdb = make_cdb(TCP_SMTP, path("cdb/etc/tcp.smtp.cdb"))
    tap.true(IMPORTER.read_tcp_cdb(cdb) == IMPORTER.read_tcp_text(
        write("cdb/etc/tcp.smtp", TCP_SMTP)), "the rules are the same")
    text = settings(imported("qmail", control("cdb")))
    for part in ("behavior = 3", 'trusted_networks += {"cdb:%s"}' % cdb,
            'rule "tcp.smtp" { client = {"cdb:%s"} behavior = "from-list" }'
            % cdb):
        tap.contains(text, part)

    write("cdb/etc/tcp.smtp", TCP_SMTP + "192.0.2.9:allow\n")
    status, out, err = run("qmail", control("cdb"))
    tap.equal(status, 0, err)
    tap.contains(err, "it differs from %s" % cdb)


def levels(text, clients):
    """What the configuration does with each client: None for unchecked."""
    zone = write("zone", 'example.com TXT "v=spf1 -all"\n')
    _, out, err = daemon.run("-t", "--json", "-c",
        write("out.conf", text), "--zone", zone, stdin="".join(
        "%s mx.example.com u@example.com\n" % c for c in clients))
    objects = [json.loads(line) for line in out.splitlines()]
    tap.equal([o["client"] for o in objects], list(clients), err)
    return [None if o["skipped"] else o["mailfrom_check"]["level"]
        for o in objects]


def tcprulescheck(cdb, client):
    out = subprocess.run(["tcprulescheck", cdb], text=True, check=True,
        stdout=subprocess.PIPE, env=dict(os.environ, TCPREMOTEIP=client)
        ).stdout
    values = dict(line[len("set environment variable "):].split("=", 1)
        for line in out.splitlines() if line.startswith("set "))
    if "RELAYCLIENT" in values:
        return None
    return int(values.get("SPFBEHAVIOR", 3)) or None


def test_each_client_is_treated_as_tcpserver_has_it():
    for name, given in (("by-cdb", "etc/tcp.smtp.cdb"), ("by-text", None)):
        cdb = make_cdb(TCP_SMTP, path(name, given or "elsewhere/x.cdb"))
        if not given:
            write(name + "/etc/tcp.smtp", TCP_SMTP)
        text = imported("qmail", control(name))
        # The private networks, which are trusted by default, are not here.
        text = text.replace("trusted_networks += ", "trusted_networks = ")
        tap.equal(list(zip(TCP_CLIENTS, levels(text, TCP_CLIENTS))),
            [(c, tcprulescheck(cdb, c)) for c in TCP_CLIENTS])


def test_rules_for_names_need_confirmed_names():
    write("names/etc/tcp.smtp", '=mx.example.net:allow,RELAYCLIENT=""\n'
        '=.example.org:allow,SPFBEHAVIOR="1"\n=:allow,RELAYCLIENT=""\n'
        'joe@192.0.2.1:allow,RELAYCLIENT=""\n'
        '10.1:allow,RELAYCLIENT=""\n')
    text = imported("qmail", control("names"))
    tap.contains(settings(text), 'rule "tcp.smtp mx.example.net" { '
        'client_name = {"mx.example.net"} action = "skip" }')
    tap.contains(settings(text), 'rule "tcp.smtp .example.org" { '
        'client_name = {".example.org"} behavior = 1 }')
    for part in ("tcp.smtp:3: =: ", "joe@192.0.2.1: what a client's ident",
            "10.1: no client has this address"):
        tap.contains(told(text), part)


def test_ipv6_in_tcp_smtp():
    given = write("v6/tcp.smtp", '2001:db8::1:allow,RELAYCLIENT=""\n'
        '[2001:db8::2]:allow,SPFBEHAVIOR="1"\n:allow\n')
    text = settings(imported("qmail", control("v6"), given))
    tap.contains(text, 'trusted_networks += {"2001:db8::1"}')
    tap.contains(text, 'client = {"2001:db8::2"} behavior = 1')


def test_the_names_of_s_qmail():
    write("sqmail/etc/tcp.smtp", '192.0.2.1:allow,SPF="4"\n:allow,SPF="3"\n')
    folder = control("sqmail", spflocalrules="ip4:192.0.2.9\n",
        spfexplain="No.\n")
    os.unlink(os.path.join(folder, "spfbehavior"))
    text = settings(imported("qmail", folder))
    for part in ("behavior = 3", 'client = {"192.0.2.1"} behavior = 4',
            'local_policy = "ip4:192.0.2.9"',
            'reply softfail { text = "No." }'):
        tap.contains(text, part)


def test_unknown_files_and_variables_for_spf_are_named():
    write("odd/etc/tcp.smtp", '10.:allow,SPFNEW="1"\n')
    status, out, err = run("qmail", control("odd", spfnew="1\n"))
    tap.equal(status, 0, err)
    for part in "control/spfnew: unknown", "tcp.smtp:1: SPFNEW: unknown":
        tap.contains(err, part)
        tap.contains(told(out), part)


def test_faults_of_qmail_files_have_file_and_line():
    refused(66, path("nowhere"), "not a directory",
        args=("qmail", path("nowhere")))
    refused(65, "spfbehavior:1: on is no number",
        args=("qmail", control("bad", spfbehavior="on\n")))
    refused(65, "me:1: not a text", args=("qmail", control("bad",
        me="a\0b\n")))
    for line, part in (("10.0.0.1", "10.0.0.1 is not understood"),
            ("10.0.0.1:allow,X", ",X is not understood"),
            ('10.0.0.1:allow,X="1', "is not understood"),
            ("10.0.0.9-1:allow", "is no range"),
            ('10.0.0.1:allow,SPFBEHAVIOR="x"', "x is no number")):
        given = write("bad.smtp", "# first\n%s\n" % line)
        refused(65, "bad.smtp:2: ", part, args=("qmail",
            control("plain2"), given))
    refused(66, "none.smtp: No such file", args=("qmail", control("plain2"),
        path("none.smtp")))


def test_a_broken_cdb_is_refused():
    whole = open(make_cdb(TCP_SMTP, path("broken/x.cdb")), "rb").read()
    for size in list(range(0, len(whole), 97)) + [len(whole) - 1]:
        with open(path("broken/x.cdb"), "wb") as f:
            f.write(whole[:size])
        refused(65, "broken/x.cdb: ", args=("qmail", control("broken"),
            path("broken/x.cdb")))
    subprocess.run(["cdb", "-c", "-m", path("broken/x.cdb")],
        input="10.0.0.1 OK\n", text=True, check=True)
    refused(65, "tcprules has not made", args=("qmail", control("broken"),
        path("broken/x.cdb")))


# Programs whose file has an option a line: option -> [(lines, what must be in
# the settings, or with a "#" before it in the comments)].

SMF = {
    "WhitelistIP": [("WhitelistIP 192.0.2.1", '+= {"192.0.2.1"}'),
        ("whitelistip 192.0.2.1/24\nWhitelistIP\t198.51.100.0/99",
            '+= {"192.0.2.0/24", "198.51.100.0"}')],
    "WhitelistPTR": [("WhitelistPTR .friend.example", 'rule "WhitelistPTR" '
        '{ client_name = {".friend.example"} action = "skip" }')],
    "WhitelistFrom": [("WhitelistFrom friend@\nWhitelistFrom @Example.com\n"
        "WhitelistFrom u@example.net", 'rule "WhitelistFrom" { sender = {'
        '"friend@", "example.com", "u@example.net"} action = "skip" }'),
        ("WhitelistFrom friend", "# :1: WhitelistFrom: smf-spf looks for "
            "friend anywhere")],
    "WhitelistTo": [("WhitelistTo postmaster@", 'rule "WhitelistTo" { '
        'recipient = {"postmaster@"} action = "header" }')],
    "FixedClientIP": [("FixedClientIP 192.0.2.1\nWhitelistIP 10.0.0.0/8",
        'rule "FixedClientIP" { client = {"!10.0.0.0/8"} authenticated = {'
        '"false"} check_as = "192.0.2.1" }'),
        ("FixedClientIP 192.0.2.1\nSkipAuth off",
            'rule "FixedClientIP" { check_as = "192.0.2.1" }')],
    "SkipNDR": [("SkipNDR on", 'policy null_sender { pass = "skip" none = '
        '"skip"'), ("SkipNDR off", 'policy null_sender { pass = "header" ')],
    "SkipAuth": [("SkipAuth off", "trust_authenticated = false"),
        ("SkipAuth on", "trust_authenticated = true"),
        ("", "trust_authenticated = true")],
    "ClientIPNAT": [("ClientIPNAT 10.0.0.1:192.0.2.1",
        'client_map = {"10.0.0.1=192.0.2.1"}')],
    "RejectReason": [("RejectReason No %s from %s, %s says, 5%%.",
        'reply fail { text = "No %{s} from %{c}, %{r} says, 5%%." }'),
        ("RejectReason %2$s %1$s", 'text = "%{c} %{s}"')],
    "RelaxedLocalPart": [("RelaxedLocalPart on",
        "# a local part may have any length")],
    "RefuseSPFNone": [("RefuseSPFNone on", 'policy mailfrom { pass = '
        '"header" none = "reject"'), ("RefuseSPFNone on", 'policy '
        'null_sender { pass = "header" none = "header"')],
    "RefuseSPFNoneHelo": [("RefuseSPFNoneHelo on", 'policy null_sender { '
        'pass = "header" none = "reject"')],
    "RefuseFail": [("RefuseFail on", 'fail = "reject"'),
        ("RefuseFail off", 'softfail = "tag" fail = "tag"'),
        ("", 'softfail = "tag" fail = "reject"')],
    "SoftFail": [("SoftFail on", 'reply fail { code = 450 enhanced = '
        '"4.7.23" }')],
    "AcceptTempError": [("AcceptTempError off", 'temperror = "tempfail"'),
        ("", 'temperror = "header"')],
    "TagSubject": [("TagSubject off", 'softfail = "header" fail = "reject"'),
        ("TagSubject maybe", "# maybe is neither on nor off, so it is on")],
    "Tag": [("Tag [SPAM]", 'tag default { subject = "[SPAM] " }'),
        ("", 'tag default { subject = "[SPF:fail] " }'),
        ("TagSubject off\nTag [SPAM]", "# Tag: TagSubject is off")],
    "AddReceivedHeader": [("AddReceivedHeader on",
        'headers = {"received-spf", "authentication-results"}')],
    "AddHeader": [("AddHeader off", "headers = {}"),
        ("", 'headers = {"authentication-results"}')],
    "Quarantine": [("Quarantine on", 'softfail = "quarantine"'),
        ("Quarantine on", "# mail that is held is not tagged"),
        ("Quarantine on\nRefuseFail off", 'fail = "quarantine"')],
    "QuarantineBox": [("Quarantine on\nQuarantineBox spam@example.com",
        "# QuarantineBox: mail is held"),
        ("QuarantineBox spam@example.com", "# Quarantine is off")],
    "TTL": [("TTL 1h", "# TTL: results are not kept")],
    "User": [("User root", 'user = "root"'),
        ("User no-such-user", '# User: there is no user "no-such-user"')],
    "Socket": [("Socket inet:8890@127.0.0.1",
        'socket = "inet:8890@127.0.0.1"'),
        ("Socket unix:%s/s" % FOLDER.name, 'socket = "unix:%s/s"'
            % FOLDER.name),
        ("Socket unix:/nowhere/s", "# there is no folder for it"),
        ("Socket somewhere", "# not somewhere")],
    "Syslog": [("Syslog local3", 'syslog_facility = "local3"'),
        ("Syslog none", 'log_level = "error"'),
        ("Syslog kern", "# kern is no facility")],
    "LogTo": [("LogTo /dev/stderr", 'log = "stderr"'),
        ("LogTo /var/log/smf", "# a log file is the matter of syslog")],
    "Daemonize": [("Daemonize off", "# spf-milter -b")],
    "AuthservID": [("AuthservID example.com", 'hostname = "example.com"')],
    "SPFBestGuess": [("SPFBestGuess on", 'best_guess = "v=spf1 a/24 mx/24 '
        'ptr ?all"'), ("", "best_guess = "), ("SPFBestGuess off",
        "# SPFBestGuess: this is the default here, too")],
}

POLICYD = {
    "debugLevel": [("debugLevel = 1 # x", 'log_level = "info"'),
        ("debugLevel = 3", 'log_level = "debug"'),
        ("debugLevel = 0", 'log_level = "error"'),
        ("debugLevel = -1", 'log_level = "error"')],
    "TestOnly": [("TestOnly = 1", 'fail = "reject"'),
        ("TestOnly = 1", "# TestOnly: this is the default here, too"),
        ("TestOnly = 0\nPermError_reject = True", 'fail = "header" '
            'permerror = "header"')],
    "defaultSeedOnly": [("defaultSeedOnly = 0", 'fail = "header"')],
    "HELO_reject": [("HELO_reject = Fail", 'policy helo { pass = "header" '
        'none = "header" neutral = "header" softfail = "header" '
        'fail = "reject"'),
        ("HELO_reject = SPF_Not_Pass", 'policy helo { pass = "header" none = '
            '"header" neutral = "reject" softfail = "reject"'),
        ("HELO_reject = Softfail", 'policy null_sender { pass = "header" '
            'none = "header" neutral = "header" softfail = "reject"'),
        ("HELO_reject = Null", 'policy helo { pass = "header" none = "header"'
            ' neutral = "header" softfail = "header" fail = "header"'),
        ("HELO_reject = Null", 'policy null_sender { pass = "header" none = '
            '"header" neutral = "header" softfail = "header" fail = "rej'),
        ("HELO_reject = False\nPermError_reject = True", 'policy helo { '
            'pass = "header" none = "header" neutral = "header" softfail = '
            '"header" fail = "header" permerror = "header"'),
        ("HELO_reject = No_Check", "check_helo = false"),
        ("HELO_reject = No_Check", 'policy null_sender { pass = "skip"')],
    "HELO_pass_restriction": [("HELO_pass_restriction = x",
        "# HELO_pass_restriction: a restriction class is Postfix's")],
    "Mail_From_reject": [("Mail_From_reject = SPF_Not_Pass", 'policy '
        'mailfrom { pass = "header" none = "header" neutral = "reject"'),
        ("Mail_From_reject = Softfail", 'policy mailfrom { pass = "header" '
            'none = "header" neutral = "header" softfail = "reject"'),
        ("Mail_From_reject = False", 'softfail = "header" fail = "header"'),
        ("Mail_From_reject = No_Check", 'policy mailfrom { pass = "skip"')],
    "Mail_From_pass_restriction": [("Mail_From_pass_restriction = x",
        "# Mail_From_pass_restriction: a restriction class is Postfix's")],
    "No_Mail": [("No_Mail = True", "# No_Mail: there is no condition"),
        ("No_Mail = True\nTempError_Defer = True", 'fail = "header" '
            'permerror = "header" temperror = "tempfail"')],
    "Reject_Not_Pass_Domains": [("Reject_Not_Pass_Domains = example.com,"
        "example.net", 'sender = {"example.com", ".example.com", '
        '"example.net", ".example.net"} identity = "mailfrom" '
        'result = {"fail", "softfail", "neutral"} action = "reject" }')],
    "PermError_reject": [("PermError_reject = True", 'permerror = "reject"')],
    "TempError_Defer": [("TempError_Defer = True",
        'temperror = "tempfail"')],
    "Prospective": [("Prospective = 192.0.2.1", 'check_as = "192.0.2.1"'),
        ("Prospective = 192.0.2.1", "headers = {}")],
    "skip_addresses": [("skip_addresses = 127.0.0.0/8,"
        "::ffff:127.0.0.0/104,::1", 'trusted_networks += {"127.0.0.0/8", '
        '"::1"} add_header_on_skip = true')],
    "Whitelist": [("Whitelist = 192.168.0.0/31, 192.168.1.12",
        '+= {"192.168.0.0/31", "192.168.1.12"}')],
    "HELO_Whitelist": [("HELO_Whitelist = a.example.com,b.example.com",
        'helo = {"a.example.com", "b.example.com"} client_name = {'
        '"a.example.com", "b.example.com"} action = "skip"')],
    "Domain_Whitelist": [("Domain_Whitelist = pobox.example",
        'spf_pass_for = {"pobox.example"} action = "skip"')],
    "Domain_Whitelist_PTR": [("Domain_Whitelist_PTR = example.com",
        'client_name = {"example.com", ".example.com"} action = "skip"')],
    "SPF_Enhanced_Status_Codes": [("SPF_Enhanced_Status_Codes = No",
        'reply temperror { enhanced = "4.7.1" }'),
        ("SPF_Enhanced_Status_Codes = No", 'reply fail { enhanced = '
            '"5.7.1" }')],
    "Header_Type": [("Header_Type = AR",
        'headers = {"authentication-results"}'),
        ("Header_Type = None", "headers = {}"),
        ("", 'headers = {"received-spf"}')],
    "Hide_Receiver": [("Hide_Receiver = Yes", "# never the recipient")],
    "Authserv_Id": [("Authserv_Id = HOSTNAME", "# HOSTNAME: the name that"),
        ("Authserv_Id = x.example\nHeader_Type = AR",
            'hostname = "x.example"'),
        ("Authserv_Id = x.example", "# not used without Header_Type = AR")],
    "Lookup_Time": [("Lookup_Time = 30\nVoid_Limit = 3",
        "dns { timeout = 30 max_void_lookups = 3 }")],
    "Whitelist_Lookup_Time": [("Whitelist_Lookup_Time = 10",
        "# Whitelist_Lookup_Time: the lookups of rules")],
    "Void_Limit": [("Void_Limit = 4", "dns { max_void_lookups = 4 }")],
    "Mock": [("Mock = True", "# Mock: fields of a milter")],
    "QueueID": [("QueueID = True", "# QueueID: the log always")],
    "Reason_Message": [("Reason_Message = Message {rejectdefer}: {spf}, 5%",
        'reply temperror { text = "Message deferred: SPF %{result}, 5%%" }'),
        ("Reason_Message = See {url}", "# the site of {url} is gone")],
    "Per_User": [("Per_User = text,%s" % path("users"), 'rule '
        '"strict@example.com <>" { recipient = {"strict@example.com"} '
        'sender = {"<>"} pass = "header" none = "header" neutral = "header"'),
        ("Per_User = text,%s" % path("users"), 'rule '
            '"strict@example.com" { recipient = {"strict@example.com"} '
            'identity = "mailfrom" pass = "header" none = "header" neutral = '
            '"reject"'), ("Per_User = text,%s" % path("users"),
            "# users:2 (Per_User): strict@example.com: Lookup_Time: a rule"),
        ("Per_User = ldap,x", "# ldap is unknown")],
}

MILTER = {
    "Socket": [("Socket = inet:8893@localhost",
        'socket = "inet:8893@127.0.0.1"'),
        ("Socket = local:%s/s" % FOLDER.name, 'socket = "local:%s/s"'
            % FOLDER.name)],
    "PidFile": [("PidFile = %s/p" % FOLDER.name, 'pid_file = "%s/p"'
        % FOLDER.name), ("PidFile = /nowhere/p", "# no folder for /nowhere")],
    "UserID": [("UserID = root", 'user = "root"'),
        ("UserID = root:root", 'user = "root" group = "root"'),
        ("UserID = no-such-user", "# there is no user")],
    "UMask": [("UMask = 7", 'socket_mode = "0770"')],
    "InternalHosts": [("InternalHosts = 192.0.2.0/24,!192.0.2.7,"
        "[2001:db8::1],.example.com", '+= {"192.0.2.0/24", "!192.0.2.7", '
        '"2001:db8::1"}'),
        ("InternalHosts = csl:mx.example.com", 'rule "InternalHosts" { '
            'client_name = {"mx.example.com"} action = "skip" }'),
        ("InternalHosts = %s" % path("hosts"), '+= {"192.0.2.1"}')],
    "MacroList": [("MacroList = daemon_name|ORIGINATING|MSA", 'rule '
        '"MacroList" { daemon = {"ORIGINATING", "MSA"} action = "skip" }'),
        ("MacroList = auth_type", "# auth_type: clients that have"),
        ("MacroList = j|x", "# no condition for j|x"),
        ("", "trust_authenticated = true")],
    "MacroListVerify": [("MacroListVerify = x", "# pyspf-milter does not")],
}


def check_options(program, table):
    for name, cases in table.items():
        for lines, part in cases:
            text = imported(program, write("in.conf", lines + "\n"))
            if part.startswith("# "):
                tap.contains(told(text), part[2:], lines)
            else:
                tap.contains(settings(text), part, lines)


def check_all_at_once(program, table):
    lines = [cases[0][0] for cases in table.values()]
    status, out, err = run(program, write("all.conf", "\n".join(lines) +
        "\nNoSuchOption = 1\n"))
    tap.equal((status, err.count("\n")), (0, 1), err)
    tap.contains(err, "NoSuchOption: unknown option")
    tap.contains(told(out), "NoSuchOption: unknown option")
    for name in table:
        tap.contains(out, name)
    imported(program, path("all.conf"))


def test_each_option_of_smf_spf():
    tap.equal(sorted(SMF), sorted(IMPORTER.SMF_NAMES))
    check_options("smf-spf", SMF)


def test_each_option_of_policyd_spf():
    write("users", "# users\nstrict@example.com,Mail_From_reject="
        "SPF_Not_Pass|Lookup_Time=3\nstrict@example.com,TestOnly=0\n")
    tap.equal(sorted(POLICYD), sorted(IMPORTER.POLICYD_NAMES))
    check_options("policyd-spf", POLICYD)


def test_each_option_of_pyspf_milter():
    write("hosts", "# hosts\n192.0.2.1\n")
    tap.equal(sorted(MILTER), sorted(IMPORTER.MILTER_NAMES))
    check_options("pyspf-milter", MILTER)


def test_all_options_at_once_and_one_that_is_unknown():
    write("users", "u@example.com,HELO_reject=Softfail\n")
    check_all_at_once("smf-spf", SMF)
    check_all_at_once("policyd-spf", POLICYD)
    check_all_at_once("pyspf-milter", dict(POLICYD, **MILTER))


def test_options_of_the_milter_are_named_in_a_policy_servers_file():
    text = imported("policyd-spf", write("in.conf", "UMask = 7\n"))
    tap.contains(told(text), "UMask: for pyspf-milter only")


def test_lines_that_the_program_passes_over_are_named():
    status, out, err = run("policyd-spf", write("in.conf",
        "HELO_reject\nMail_From_reject = False = x\n"))
    tap.equal((status, err.count("\n")), (0, 2), err)
    tap.contains(told(out), "in.conf:1: HELO_reject: no NAME = VALUE")
    text = imported("smf-spf", write("in.conf", "Quarantine\n"))
    tap.contains(told(text), "in.conf:1: Quarantine: it has no value")


def test_faults_of_files_have_file_and_line():
    for program, line, part in (
            ("smf-spf", "WhitelistIP example.com", "example.com is no addr"),
            ("smf-spf", "WhitelistIP 192.0.2.1/x", "x is no number"),
            ("smf-spf", "ClientIPNAT 192.0.2.1", "is not ADDRESS:ADDRESS"),
            ("smf-spf", "FixedClientIP x", "x is no address"),
            ("smf-spf", "RejectReason %d", "a format has %s"),
            ("policyd-spf", "HELO_reject = Maybe", "Maybe is none of SPF_"),
            ("policyd-spf", "Mail_From_reject = Null", "Null is none of"),
            ("policyd-spf", "Header_Type = XY", "XY is none of SPF, AR"),
            ("policyd-spf", "Lookup_Time = soon", "soon is no number"),
            ("policyd-spf", "Whitelist = 192.0.2.1/24", "host bits set"),
            ("policyd-spf", "Whitelist = x", "'x' does not appear"),
            ("pyspf-milter", "UMask = rw", "rw is no number")):
        refused(65, "in.conf:2: ", part, args=(program, write("in.conf",
            "# first\n%s\n" % line)))
    refused(66, "nowhere: No such file", args=("smf-spf", path("nowhere")))
    refused(66, "Is a directory", args=("smf-spf", FOLDER.name))
    refused(66, "nowhere: No such file", args=("policyd-spf",
        write("in.conf", "Per_User = text,%s\n" % path("nowhere"))))


# The tables of the guide, by their first heading.

TABLES = {"smf-spf": ("smf-spf", SMF),
    "policyd-spf, pyspf-milter": ("policyd-spf", POLICYD),
    "pyspf-milter": ("pyspf-milter", MILTER)}


def guide_tables(guide):
    """heading -> {option: words of ours that it becomes}"""
    with open(os.path.join(daemon.SRCDIR, "docs", guide)) as f:
        parts = re.split(r"^\| ([a-z, -]+) \| spf-milter\.conf \|.*\n",
            f.read(), flags=re.M)
    return {heading: {name: sorted(re.findall("`([^`]+)`", words))
        for name, words in re.findall(r"^\| `(\w+)` \| (.*?) \|", text,
        re.M)}
        for heading, text in zip(parts[1::2], parts[2::2])}


def check_table(program, options, table):
    tap.equal(sorted(table), sorted(options))
    for name, words in table.items():
        written = "".join(settings(imported(program, write("in.conf",
            lines + "\n"))) for lines, _ in options[name])
        for word in words:
            tap.true(re.search(r"\b%s\b" % word, written), "%s becomes %s, "
                "not %s" % (name, written, word))


def test_the_guide_says_what_each_option_becomes():
    write("users", "strict@example.com,Mail_From_reject=SPF_Not_Pass\n")
    write("hosts", "192.0.2.1\n")
    tables = guide_tables("from-other-filters.md")
    tap.equal(guide_tables("from-other-filters.ko.md"), tables)
    tap.equal(sorted(tables), sorted(TABLES))
    for heading, (program, options) in TABLES.items():
        check_table(program, options, tables[heading])


def test_usage_is_told():
    for args in (), ("qmail",), ("sendmail", "x"), ("smf-spf", "a", "b"):
        refused(64, "usage: spf-milter-import qmail", args=args)
    p = subprocess.run([sys.executable, IMPORTER.__file__, "--help"],
        text=True, stdout=subprocess.PIPE)
    tap.equal((p.returncode, p.stdout), (0, IMPORTER.USAGE))


if __name__ == "__main__":
    tap.main(globals())
