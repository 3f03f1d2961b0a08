# SPDX-License-Identifier: BSD-2-Clause
"""Metrics and health of a running daemon: each metric is moved by traffic
through its socket, and scrapers of both formats read them."""

import grp
import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import dnsserver
import metrics
import spec
import tap
import watch
from metrics import Watched, get, parse

daemon.need_http(tap.skip_all)

CLIENT = spec.CLIENT
REFUSING = "192.0.2.66"		# a relay that may be refused
ZONE = {
    "pass.example.com": {"TXT": ["v=spf1 ip4:%s -all" % CLIENT]},
    "fail.example.com": {"TXT": ["v=spf1 -all"]},
    "soft.example.com": {"TXT": ["v=spf1 ~all"]},
    "neutral.example.com": {"TXT": ["v=spf1 ?all"]},
    "none.example.com": {"A": ["192.0.2.80"]},
    "bad.example.com": {"TXT": ["v=spf1 ipv4:192.0.2.1 -all"]},
    "wide.example.com": {"TXT": ["v=spf1 +all"]},
    "many.example.com": {"TXT": ["v=spf1 %s -all" % " ".join(
        "a:a%d.example.com" % n for n in range(12))]},
    "void.example.com": {"TXT": ["v=spf1 a:v1.example.com a:v2.example.com "
        "a:v3.example.com -all"]},
    "types.example.com": {"TXT": ["v=spf1 a mx ptr -all"],
        "A": ["192.0.2.80"], "AAAA": ["2001:db8::80"],
        "MX": [(1, "mx.example.com")]},
    "mx.example.com": {"A": ["192.0.2.81"], "AAAA": ["2001:db8::81"]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["mx.example.com"]},
    "v6.example.com": {"TXT": ["v=spf1 a:mx.example.com -all"]},
    "helo.example.com": {"TXT": ["v=spf1 ip4:%s -all" % CLIENT]},
    "malformed.example.com": {},
    **{"a%d.example.com" % n: {"A": ["192.0.2.82"]} for n in range(12)},
}


def malformed(request):
    """The datum of a TXT record is shorter than it says."""
    response = request.honest()
    response.answer = [dnsserver.dns.rrset.from_rdata(
        dnsserver.to_name(request.name), 0, dnsserver.to_rdata("TXT",
        ["v=spf1 -all"]))]
    wire = bytearray(response.to_wire())
    wire[wire.index(b"\x0bv=spf1")] = 0x7f
    request.send(bytes(wire))


FAULTS = {
    "dead.example.com": dnsserver.TIMEOUT,
    "lame.example.com": dnsserver.SERVFAIL,
    "refused.example.com": dnsserver.REFUSED,
    "192.0.2.201.local.example.com": dnsserver.SERVFAIL,
    "slow.example.com": dnsserver.TIMEOUT,
}
SERVER = dnsserver.DnsServer()
SERVER.load(ZONE, faults=FAULTS, ttls={"pass.example.com": 60})


class Slow(threading.Thread):
    """Sends a request an octet now and then until it is ended."""

    def __init__(self):
        super().__init__(daemon=True)
        self.watched = Watched()
        self.seconds = 0
        self.start()

    def run(self):
        begin = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.watched.port)) as s:
            s.settimeout(0.5)
            while self.seconds < 20:
                try:
                    s.sendall(b"x")
                    s.recv(1)
                    break
                except socket.timeout:
                    self.seconds = time.monotonic() - begin
                except OSError:
                    break


SLOW = Slow()

# What it takes more than mail to move, and the test that does.
ELSEWHERE = {
    "spf_milter_breaker_openings_total": "breaker_test",
    "spf_milter_breaker_open": "test_readiness",
    "spf_milter_connections_refused_total": "t/stress/limits.py",
    "spf_milter_dns_cache_evictions_total": "dns_cache_test",
    "spf_milter_dns_failing": "test_readiness",
    "spf_milter_dns_outages_total": "test_readiness",
    "spf_milter_dns_stale_total": "dns_test",
    "spf_milter_flights": "test_figures_of_the_moment",
    "spf_milter_grace_evictions_total": "grace_test",
    "spf_milter_headers_cut_total": "header_test",
    "spf_milter_log_dropped_total": "t/functional/log.py",
    "spf_milter_log_suppressed_total": "log_test",
    "spf_milter_messages_spared_total": "t/functional/after.py",
    "spf_milter_dns_not_asked_total": "dns_view_test",
    "spf_milter_ready": "test_readiness",
    "spf_milter_sessions_open": "test_figures_of_the_moment",
}
# What a process or a configuration is, or may be at any time.
STEADY = {"spf_milter_build_info", "spf_milter_dns_cache_max_bytes",
    "spf_milter_last_reload_success_timestamp_seconds",
    "process_max_fds", "process_open_fds", "process_start_time_seconds",
    "process_threads", "process_virtual_memory_bytes"}


def start(**options):
    return Watched(dns=SERVER, **{"behavior": 3, "dns_options":
        {"timeout": 2, "query_timeout": "500ms"}, **options})


def send(d, sender, client=CLIENT, helo="helo.example.com", **arguments):
    with d.milter() as m:
        m.connect(client)
        m.helo(helo)
        return m.message(sender if sender.startswith("<")
            else "<u@%s>" % sender, **arguments)


def send_all(d):
    """Mail of all kinds, but for what the configuration decides."""
    for name in ("pass", "fail", "soft", "neutral", "none", "bad", "wide",
            "many", "void", "types", "dead", "lame", "refused", "nx"):
        send(d, "%s.example.com" % name)
    send(d, "pass.example.com")
    send(d, "v6.example.com", client="2001:db8::1")
    send(d, "<@>", helo="not..a..name")
    send(d, "none.example.com", client=None)
    send(d, "none.example.com", client="192.0.2.10")		# trusted
    send(d, "none.example.com", macros={"{auth_authen}": "user"})
    send(d, "pass.example.com", headers=[("Authentication-Results",
        "mx.example.org; spf=pass")])
    send(d, "pass.example.com", headers=[("Authentication-Results",
        "mx.example.org; spf=pass")] * 600)
    with d.milter() as m:		# a sender without a client
        m.mail("<u@pass.example.com>")
    with d.milter() as m:		# a client that does not wait
        m.connect(CLIENT)
        m.helo("helo.example.com")
        m.mail("<u@slow.example.com>")


def moved(before, after):
    """Names of metrics that have another value than they had."""
    return {name for (name, labels), value in after.items()
        if value != before.get((name, labels), 0)}


def bases(names):
    """Of the samples of histograms one name."""
    return {n[:-len("_bucket")] if n.endswith("_bucket") else n for n in names
        if not n.endswith(("_seconds_count", "_seconds_sum"))}


def write(path, text):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


def test_each_metric_is_moved_by_traffic():
    with start(trusted_networks=["192.0.2.10"]) as d:
        before = d.metrics()
        names = os.path.join(d.directory, "names")
        write(names, "192.0.2.77\n")
        options = {"trusted_networks": ["192.0.2.10"], "dns": SERVER,
            "behavior": 4, "behavior_helo": 2,
            "relay": {"client": ["192.0.2.50"]},
            "forwarder": {"alumni": {"client": ["192.0.2.51"]}},
            "hostname": "mx.example.org", "temperror_grace": "1h",
            "headers": ["received-spf", "authentication-results"],
            "tag": {"default": {"subject": "[spf]"}},
            "local_policy": "ip4:192.0.2.200 exists:%{i}.local.example.com",
            "best_guess": "v=spf1 a -all",
            "dns_options": {"timeout": 2, "query_timeout": "500ms"},
            "policy": {"mailfrom": {"softfail": "tag",
                "neutral": "quarantine"}},
            "rule": {"old": {"sender": ["old.example.com"],
                    "expires": "2026-01-01", "action": "header"},
                "listed": {"client": ["file:" + names], "action": "header"},
                "named": {"client_name": [".partner.example"],
                    "action": "header"},
                "skip": {"sender": ["skip.example.com"],
                    "action": "skip"},
                "regex": {"sender": ["pcre:" + names + ".re"],
                    "action": "header"}}}
        write(names + ".re", "/^(a+)+$/\n")
        tap.true(d.reload(**options), "a good configuration")
        send_all(d)
        send(d, "skip.example.com")
        send(d, "fail.example.com", client="192.0.2.77")	# listed
        send(d, "fail.example.com", client="192.0.2.200")	# local_policy
        send(d, "fail.example.com", client="192.0.2.201")
        send(d, "fail.example.com", client="192.0.2.50")	# relay
        send(d, "fail.example.com", client="192.0.2.51")	# forwarder
        send(d, "<%s@x.example.com>" % ("a" * 60 + "!"))
        write(names, "192.0.2.77\n192.0.2.78\n")
        d.wait_for_log("the list has changed")
        write(names, "192.0.2.300\n")
        d.wait_for_log("the list stays as it was")
        tap.true(not d.reload(text="behavior = 9\n"), "a bad one")
        after = d.metrics()
        still = bases({n for n, _ in after}) - bases(moved(before, after))
        tap.equal(sorted(still - STEADY), sorted(ELSEWHERE))
        check_labels(after)


def check_labels(m):
    """What the mail above comes to."""
    for labels in ({"result": "pass", "identity": "helo"},
            {"result": "fail", "identity": "mailfrom"},
            {"result": "permerror", "identity": "mailfrom"}):
        tap.true(m.sum("spf_milter_results_total", **labels), labels)
    for action in ("accept", "tag", "quarantine", "tempfail", "reject"):
        tap.true(m.sum("spf_milter_actions_total", action=action, level="4"),
            action)
    tap.equal(m.sum("spf_milter_actions_total", level="5"), 0)
    for outcome in ("answer", "nodata", "nxdomain", "servfail", "refused",
            "timeout"):
        tap.true(m.sum("spf_milter_dns_queries_total", outcome=outcome),
            outcome)
    for kind in ("A", "AAAA", "MX", "PTR", "TXT"):
        tap.true(m.sum("spf_milter_dns_queries_total", type=kind), kind)
    tap.equal(m.sum("spf_milter_dns_queries_started_total"),
        m.sum("spf_milter_dns_queries_total"))
    tap.equal(m.sum("spf_milter_rule_hits_total", rule="old"), 0)
    tap.true(m.sum("spf_milter_rule_hits_total", rule="listed"), "hits")
    tap.equal(m.sum("spf_milter_rules_expired"), 1)
    tap.equal(m.sum("spf_milter_last_reload_successful"), 0)


def test_histograms_agree_with_counters():
    with start() as d:
        for _ in range(3):
            send(d, "fail.example.com")
        send(d, "dead.example.com")
        m = d.metrics()
    name = "spf_milter_evaluation_seconds"
    tap.equal(m.sum(name + "_count"), m.sum("spf_milter_evaluations_total"))
    tap.equal(m.sum(name + "_bucket", le="+Inf"), m.sum(name + "_count"))
    below = [m.sum(name + "_bucket", le=le) for le in ("0.0005", "0.25",
        "1.0", "20.0", "+Inf")]
    tap.equal(below, sorted(below))
    # The dead name has taken half a second, and mail has waited for it.
    tap.equal(m.sum(name + "_bucket", le="20.0") - m.sum(name + "_bucket",
        le="0.25"), 1)
    tap.true(m.sum(name + "_sum") > 0.4, "seconds")
    tap.true(m.sum("spf_milter_wait_seconds_sum") > 0.4, "waited")
    tap.true(m.sum("spf_milter_dns_query_seconds_count", ), "queries")


def test_figures_of_the_moment():
    with start(dns_options={"query_timeout": 5}) as d:
        before = d.metrics()
        tap.equal(before.sum("spf_milter_sessions_open"), 0)
        with d.milter() as m:
            m.connect(CLIENT)
            m.helo("helo.example.com")
            m.mail("<u@slow.example.com>")
            watch.wait_for(lambda: d.metrics().sum("spf_milter_flights") == 1,
                "a flight")
            tap.equal(d.metrics().sum("spf_milter_sessions_open"), 1)
        watch.wait_for(lambda: d.metrics().sum("spf_milter_sessions_open")
            == 0, "the end of the session")
        send(d, "pass.example.com")
        m = d.metrics()
        tap.true(m.sum("spf_milter_dns_cache_entries") >= 1, "entries")
        tap.true(m.sum("spf_milter_dns_cache_bytes") >= 100, "octets")
        # One may end between the two.
        watch.wait_for(lambda: d.metrics().sum("process_threads") ==
            watch.threads(d.pid), "as many threads")
        tap.true(abs(m.sum("process_open_fds") - watch.descriptors(d.pid))
            <= 2, "descriptors")
        resident = m.sum("process_resident_memory_bytes")
        tap.true(0.5 < resident / 1024 / watch.rss_kib(d.pid) < 2, resident)
        tap.true(m.sum("process_cpu_seconds_total") > 0, "seconds")
        started = m.sum("process_start_time_seconds")
        tap.true(abs(started - os.stat("/proc/%d" % d.pid).st_mtime) < 60,
            started)


def test_readiness():
    server = dnsserver.DnsServer()
    server.load(ZONE)
    with Watched(dns=server) as d:
        tap.equal(get(d.port, "/readyz")[::2], (200, "ok\n"))
        server.stop()
        # A question that fails has it found out.
        send(d, "fail.example.com")
        watch.wait_for(lambda: get(d.port, "/readyz").status == 503,
            "the name server is missed")
        tap.contains(get(d.port, "/readyz").text, "no name server answers")
        m = d.metrics()
        tap.equal((m.sum("spf_milter_ready"), m.sum("spf_milter_dns_failing"),
            m.sum("spf_milter_dns_outages_total")), (0, 1, 1))
        # The mail path works all the same.
        tap.equal(get(d.port, "/healthz")[::2], (200, "ok\n"))


def test_both_formats_have_the_same_samples():
    with start() as d:
        send(d, "fail.example.com")
        old, new = get(d.port), get(d.port, accept=metrics.OPENMETRICS)
    tap.equal((old.status, old.type),
        (200, "text/plain; version=0.0.4; charset=utf-8"))
    tap.equal(new.type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8")
    tap.equal(set(parse(old.text)), set(parse(new.text)))
    tap.true(new.text.endswith("\n# EOF\n"), "an end")


def strict():
    try:
        from prometheus_client.openmetrics import parser
    except ImportError:
        tap.skip("no prometheus_client for Python")
    return parser


def test_openmetrics_satisfies_a_strict_parser():
    parser = strict()
    with start(rule={"a b": {"sender": ["soft.example.com"],
            "action": "header"}}) as d:
        send(d, "soft.example.com")
        text = get(d.port, accept=metrics.OPENMETRICS).text
    found = list(parser.text_string_to_metric_families(text))
    units = {f.name: f.unit for f in found}
    tap.equal(units["spf_milter_evaluation_seconds"], "seconds")
    tap.equal(units["spf_milter_dns_cache_bytes"], "bytes")
    hits = next(f for f in found if f.name == "spf_milter_rule_hits")
    tap.equal([(s.name, s.labels, s.value) for s in hits.samples],
        [("spf_milter_rule_hits_total", {"rule": "a b"}, 1)])


def test_promtool_has_nothing_to_say():
    if not shutil.which("promtool"):
        tap.skip("no promtool")
    with start(rule={"a": {"sender": ["soft.example.com"],
            "action": "header"}}) as d:
        send(d, "soft.example.com")
        text = get(d.port).text
    done = subprocess.run(["promtool", "check", "metrics"], input=text,
        capture_output=True, text=True, timeout=60)
    tap.equal((done.returncode, done.stdout + done.stderr), (0, ""))


def test_many_rules_are_told_together():
    rules = {"rule %d" % n: {"sender": ["a%d.example.com" % n],
        "action": "header"} for n in range(510)}
    with start(rule=rules) as d:
        send(d, "a0.example.com")
        send(d, "a509.example.com")
        check_many(d)
        # Another one, and the first, takes nobody's name.
        tap.true(d.reload(dns=SERVER, rule={"new": {"sender":
            ["b.example.com"], "action": "header"}, **rules}), "reloaded")
        check_many(d)


def check_many(d):
    text = get(d.port).text
    tap.contains(text, "than 500 rules the newest are summed up")
    told = {k: v for k, v in parse(text).items()
        if k[0] == "spf_milter_rule_hits_total"}
    tap.equal(len(told), 501)
    tap.equal({labels: v for (_, labels), v in told.items() if v > 0},
        {frozenset({("rule", "rule 0")}): 1, frozenset(): 1})


def test_only_get_and_head_are_answered():
    with start() as d:
        tap.equal(get(d.port, method="POST").status, 405)
        tap.equal(get(d.port, "/status").status, 404)
        tap.equal(get(d.port, "/reload", method="POST").status, 404)
        tap.equal(get(d.port, method="HEAD")[::2], (200, ""))


def test_who_sends_an_octet_now_and_then_has_ten_seconds():
    SLOW.join(30)
    tap.true(9 < SLOW.seconds < 13, SLOW.seconds)
    tap.equal(get(SLOW.watched.port, "/healthz").status, 200)
    SLOW.watched.end()


def ticks(pid):
    """Of the processor, by the process."""
    with open("/proc/%d/stat" % pid) as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))


def test_it_rests_while_no_descriptor_is_free():
    with start() as d:
        get(d.port, "/healthz")
        _, most = resource.prlimit(d.pid, resource.RLIMIT_NOFILE)
        used = set(map(int, os.listdir("/proc/%d/fd" % d.pid)))
        free = min(set(range(len(used) + 1)) - used)
        resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (free, most))
        with socket.create_connection(("127.0.0.1", d.port), 20) as s:
            time.sleep(0.3)
            before = ticks(d.pid)
            time.sleep(1)
            tap.true(ticks(d.pid) - before < os.sysconf("SC_CLK_TCK") / 5,
                "%d ticks" % (ticks(d.pid) - before))
            resource.prlimit(d.pid, resource.RLIMIT_NOFILE, (most, most))
            s.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            tap.contains(s.makefile().read(), "200 OK")


def refused_start(listen, **options):
    d = daemon.Daemon(start=False, metrics={"listen": listen, **options})
    done = subprocess.run(d.command, capture_output=True, text=True,
        timeout=60, cwd="/")
    d.clean()
    return done.returncode, done.stderr


def test_a_place_that_cannot_be_had_is_told():
    for listen in ("9885", "localhost:9885", "127.0.0.1:0", "unix:metrics"):
        status, text = refused_start(listen)
        tap.equal(status, 78, listen)
        tap.contains(text, "listen")
        tap.contains(text, ".conf:")
    with start() as d:
        status, text = refused_start("127.0.0.1:%d" % d.port)
    tap.equal(status, 69)
    tap.contains(text, "metrics: cannot listen on 127.0.0.1:%d: Address "
        "already in use" % d.port)


def test_a_public_address_draws_a_note():
    d = daemon.Daemon(start=False, metrics={"listen": "0.0.0.0:9885"})
    status, _, text = daemon.run("-n", "-c", d.config)
    tap.contains(text, "metrics: listen: whoever reaches 0.0.0.0:9885")
    d.configure(metrics={"listen": "10.0.0.1:9885"})
    tap.lacks(daemon.run("-n", "-c", d.config)[2], "metrics")
    d.clean()


def test_a_unix_socket_has_its_mode():
    d = daemon.Daemon(start=False)
    path = os.path.join(d.directory, "metrics")
    d.configure(metrics={"listen": "unix:" + path,
        "listen_mode": "0620"})
    d.start()
    with d:
        tap.equal(os.stat(path).st_mode & 0o777, 0o620)
        with metrics.socket_of(path) as s:
            s.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            tap.contains(s.makefile().read(), "200 OK")
        d.stop_well()
        tap.true(not os.path.exists(path), "it is left")


def test_a_unix_socket_has_its_group():
    mine = [grp.getgrgid(g) for g in os.getgroups() if g != os.getegid()]
    if os.geteuid() == 0:
        mine = [grp.getgrnam("daemon")]
    if not mine:
        tap.skip("needs root, or a user with two groups")
    d = daemon.Daemon(start=False)
    path = os.path.join(d.directory, "metrics")
    d.configure(metrics={"listen": "unix:" + path,
        "listen_group": mine[0].gr_name})
    d.start()
    with d:
        tap.equal(os.stat(path).st_gid, mine[0].gr_gid)


def test_a_group_that_is_none_is_told():
    d = daemon.Daemon(start=False, metrics={"listen": "127.0.0.1:9885",
        "listen_group": "no-such-group"})
    status, _, text = daemon.run("-n", "-c", d.config)
    tap.equal(status, 78)
    tap.contains(text, '.conf: metrics: listen_group: there is no group '
        '"no-such-group"')
    d.clean()


def test_a_unix_socket_is_of_the_user_of_the_daemon_who_removes_it():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")
    d = daemon.Daemon(start=False)
    path = os.path.join(d.directory, "metrics")
    os.chmod(d.directory, 0o777)
    d.configure(metrics={"listen": "unix:" + path}, user="nobody")
    d.start()
    with d:
        tap.true(os.stat(path).st_uid != 0, "it is still root's")
        d.stop_well()
        tap.true(not os.path.exists(path), "it is left")


def test_a_unix_socket_takes_the_place_of_nothing_else():
    d = daemon.Daemon(start=False)
    path = os.path.join(d.directory, "metrics")
    with open(path, "w"):
        pass
    d.configure(metrics={"listen": "unix:" + path})
    status, _, text = daemon.run("-n", "-c", d.config)
    tap.equal(status, 78)
    tap.contains(text, "metrics: listen: %s is there and is not a socket"
        % path)
    d.clean()


tap.main(globals())
