# SPDX-License-Identifier: BSD-2-Clause
"""The dashboard and the alert rules, asked of a real Prometheus that scrapes a
daemon with mail to do."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import daemon
import dnsserver
import metrics
import spec
import tap
import watch
from load import Load

CONTRIB = os.path.join(daemon.SRCDIR, "contrib")
DASHBOARD = os.path.join(CONTRIB, "spf-milter.dashboard.json")
RULES = os.path.join(CONTRIB, "spf-milter.rules.yml")
ALERTS = os.path.join(daemon.SRCDIR, "t", "functional", "alerts.yml")
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: spf-milter
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
SCRAPES = 5
WINDOW = "10s"			# of rates

DNS = dnsserver.DnsServer()
DNS.load({"pass.example.com": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
    "fail.example.com": {"TXT": ["v=spf1 -all"]},
    "soft.example.com": {"TXT": ["v=spf1 ~all"]},
    "helo.example.com": {"TXT": ["v=spf1 a -all"], "A": [spec.CLIENT]}},
    faults={"lame.example.com": dnsserver.SERVFAIL},
    delays={"fail.example.com": 0.02})


def require(program):
    if not shutil.which(program):
        tap.skip("no %s" % program)


class Prometheus:
    """Scrapes target every second; api(path) is what its API answers."""

    def __init__(self, target, rules):
        self.directory = tempfile.mkdtemp(prefix="spf-milter-prometheus.")
        self.port = daemon.free_port()
        config = os.path.join(self.directory, "prometheus.yml")
        with open(config, "w") as f:
            f.write(CONFIG.format(port=target, rules=rules))
        self.log = open(os.path.join(self.directory, "log"), "w+")
        self.process = subprocess.Popen(["prometheus",
            "--config.file=" + config, "--storage.tsdb.path="
            + os.path.join(self.directory, "data"),
            "--web.listen-address=127.0.0.1:%d" % self.port],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def api(self, path, **arguments):
        url = "http://127.0.0.1:%d/api/v1/%s?%s" % (self.port, path,
            urllib.parse.urlencode(arguments))
        with urllib.request.urlopen(url, timeout=20) as answer:
            return json.load(answer)["data"]

    def query(self, expression):
        try:
            return self.api("query", query=expression)["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError("%s: %s" % (expression,
                error.read().decode()))

    def has_scraped(self, times):
        """How often the target was there."""
        assert self.process.poll() is None, self.said()
        try:
            found = self.api("query", query="count_over_time("
                "spf_milter_ready[1m])")["result"]
        except OSError:		# it is not up yet
            return False
        return bool(found) and float(found[0]["value"][1]) >= times

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()
        shutil.rmtree(self.directory)


def dashboard():
    with open(DASHBOARD) as f:
        return json.load(f)


def panels():
    """(title, expression), with the values that Grafana fills in."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace(
                "$__rate_interval", WINDOW).replace("$job", ".+").replace(
                "$instance", ".*")


def rules():
    """(alert, expression)"""
    import yaml
    with open(RULES) as f:
        for group in yaml.safe_load(f)["groups"]:
            for rule in group["rules"]:
                yield rule["alert"], rule["expr"]


def conditions(expression):
    """What is compared: that has to be there before it can be wrong."""
    for part in re.split(r"\band\b", " ".join(expression.split())):
        yield re.sub(r" (==|>|<) [0-9.]+ *$", "", part)


def send(d, random_):
    name = random_.choice(("pass", "pass", "fail", "soft", "none", "lame"))
    with d.milter() as m:
        m.connect(spec.CLIENT)
        m.helo("helo.example.com")
        m.message("<u@%s.example.com>" % name)


def is_data(result):
    return bool(result) and all(r["value"][1] not in ("NaN", "+Inf")
        for r in result)


def start():
    daemon.need_http()
    return metrics.Watched(dns=DNS, behavior=3, trusted_networks=[], rule={
        "soft": {"sender": ["soft.example.com"], "action": "header"}})


def test_every_query_of_dashboard_and_rules_returns_data():
    require("prometheus")
    with start() as d, Prometheus(d.port, RULES) as p:
        with Load(2, lambda random_: send(d, random_)) as load:
            watch.wait_for(lambda: p.has_scraped(SCRAPES), "scrapes", 60)
            asked = [(title, e) for title, e in panels()] + [(alert, part)
                for alert, e in rules() for part in conditions(e)]
            missing = ["%s: %s" % (title, e) for title, e in asked
                if not is_data(p.query(e))]
        load.check(10)
        tap.equal(missing, [])
        tap.true(len(asked) > 60, len(asked))
        check_rules_of(p)


def check_rules_of(p):
    """Prometheus itself evaluates them, and has nothing to complain of."""
    loaded = [r for g in p.api("rules")["groups"] for r in g["rules"]]
    tap.equal(sorted(r["name"] for r in loaded), sorted(a for a, _ in rules()))
    tap.equal([(r["name"], r["lastError"]) for r in loaded
        if r["health"] != "ok"], [])
    targets = p.api("targets")["activeTargets"]
    tap.equal([(t["health"], t["lastError"]) for t in targets], [("up", "")])


def test_alerts_fire_when_they_should():
    require("promtool")
    with open(ALERTS) as f:
        text = f.read().replace("RULES", RULES)
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as f:
        f.write(text)
        f.flush()
        done = subprocess.run(["promtool", "test", "rules", f.name],
            capture_output=True, text=True, timeout=60)
    tap.equal(done.returncode, 0, done.stdout + done.stderr)


def test_every_alert_says_what_to_do():
    import yaml
    with open(RULES) as f:
        for group in yaml.safe_load(f)["groups"]:
            for rule in group["rules"]:
                for key in ("summary", "description"):
                    tap.true(rule["annotations"][key].endswith("."),
                        rule["alert"])
                tap.true(rule["labels"]["severity"] in ("critical",
                    "warning", "info"), rule["alert"])


def test_dashboard_is_one_that_grafana_takes():
    board = dashboard()
    tap.true(board["schemaVersion"] >= 36, "Grafana 9")
    seen = set()
    for panel in board["panels"]:
        tap.true(panel["id"] not in seen, panel["id"])
        seen.add(panel["id"])
        place = panel["gridPos"]
        tap.true(place["x"] + place["w"] <= 24, panel["title"])
        letters = [t["refId"] for t in panel.get("targets", ())]
        tap.equal(len(set(letters)), len(letters), panel["title"])
        for t in panel.get("targets", ()):
            tap.equal(t["datasource"]["uid"], "${datasource}")
    names = [v["name"] for v in board["templating"]["list"]]
    tap.equal(names, ["datasource", "job", "instance"])
    cells = [(p["gridPos"]["x"] + x, p["gridPos"]["y"] + y)
        for p in board["panels"] for x in range(p["gridPos"]["w"])
        for y in range(p["gridPos"]["h"])]
    tap.equal(len(set(cells)), len(cells), "panels do not overlap")


def test_every_metric_that_is_shown_exists():
    with start() as d:
        with d.milter() as m:
            m.connect(spec.CLIENT)
            m.helo("helo.example.com")
            m.message("<u@soft.example.com>")
        names = {n for n, _ in d.metrics()}
    for title, e in [*panels(), *rules()]:
        for name in re.findall(r"\b(?:spf_milter|process)_[a-z0-9_]+", e):
            tap.true(name in names, "%s: %s" % (title, name))


tap.main(globals())
