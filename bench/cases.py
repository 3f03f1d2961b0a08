# SPDX-License-Identifier: BSD-2-Clause
"""The cases.  Each takes the measurement and leaves rows and goals in it.

Filters that are compared take turns in short slices, many rounds of them:
whatever else the machine does meets all of them.
"""

import time

import domains
from filters import descriptors, end

OURS = "spf-milter"
KINDS = ("simple", "google", "mx", "macro", "korea", "none")
# At most so many DNS queries a message in the first pass.
QUERIES = {"simple": 1.00, "google": 4.75, "mx": 5.00, "macro": 2.00,
    "korea": 0.42, "none": 1.00}
SETTLE = 0.01       # s, in which a filter ends what a run has left
KEPT_SLICE = 1.0    # s: libmilter takes its time to begin with all of them
SOAK = 300000       # messages
SOAK_PART = 100000


class Sets:
    """All senders, in one zone."""

    def __init__(self, bench, quick):
        self.bench = bench
        self.all = {}
        self.fill("warm", "mixed", 1000)
        count = 2000 if quick else 10000
        self.fill("cold simple", "simple", count, "c")
        self.fill("cold mixed", "mixed", count, "a")
        self.fill("overlap", "simple", 300, "o")
        self.fill("loss", "simple", 3000, "l")
        self.fill("dead", "dead", 200, "d")
        self.fill("heals", "dead", 1, "h")
        self.fill("once", "simple", 1, "w")
        for kind in KINDS:
            self.fill(kind, kind, 1000, "k")
        for i in range(10):
            self.fill("slow%d" % i, "slow", 100, "t%d" % i)
        self.zone = bench.path("zone")
        domains.write_zone(self.zone, self.all.values())

    def fill(self, name, kind, count, tag=""):
        self.all[name] = domains.Domains(tag).fill(kind, count)
        self.all[name].write_senders(self.path(name))

    def path(self, name):
        return self.bench.path("senders-" + name.replace(" ", "-"))

    def needed(self, name):
        return self.all[name].queries_needed()


class Measurement:
    def __init__(self, bench, sets, results, options):
        self.bench = bench
        self.sets = sets
        self.results = results
        self.options = options
        self.dns = bench.dns
        self.quick = options.quick
        self.seconds = 1.2 if options.quick else options.seconds
        self.slice = options.slice

    def warm_up(self, filters, name="warm"):
        for f in filters:
            self.bench.load(f, self.sets.path(name), "--messages",
                len(self.sets.all[name].senders), "--connections", 16,
                "--new", "--timeout", 10)

    def fresh(self, extra="", **options):
        """Our daemon with an empty cache; the HELO name is known."""
        f = self.bench.ours(extra=self.options.conf + "\n" + extra,
            **options)
        self.bench.load(f, self.sets.path("once"), "--messages", 1,
            "--connections", 1)
        self.dns.reset()
        return f

    def run(self, case, f, turn, name, *options, **figures):
        """One run, with the filter's CPU time."""
        cpu = f.cpu()
        load = self.bench.load(f, self.sets.path(name), "--timeout", 10,
            *options)
        if f.pid and load["messages"]:
            time.sleep(SETTLE)
            figures["cpu_s"] = f.cpu() - cpu
            figures["resident"] = f.resident()
        self.results.load(case, f.name, turn, load, **figures)
        return load

    def compare(self, case, filters, name, *options, share=1.0, slice=None):
        """Each filter runs for this share of the seconds, slice by slice."""
        if slice is None:
            slice = max(self.slice, KEPT_SLICE if "--kept" in options else 0)
        for turn in range(max(2, round(self.seconds * share / slice))):
            first = turn % len(filters)
            for f in filters[first:] + filters[:first]:
                self.run(case, f, turn, name, *options, "--seconds", slice)

    def pair(self, inet=False):
        ours = self.bench.ours(extra=self.options.conf, inet=inet)
        return [ours, self.bench.floor(ours, inet=inet)]

    def stop(self, filters):
        for f in filters:
            f.stop()


# Throughput

def warm(m):
    """1,000 mixed domains, all answers in the cache."""
    filters = m.pair() + m.options.given
    m.warm_up(filters)
    counts = (16,) if m.quick else (1, 16, 64, 256)
    for kind in ("new", "kept"):
        for n in counts:
            case = "warm %s %d" % (kind, n)
            m.compare(case, filters, "warm", "--%s" % kind, "--connections",
                n)
            if n > 1:
                m.results.ratio_goal(case, OURS, "floor", "rate", least=0.9)
                m.results.ratio_goal(case, OURS, "floor", "cpu", most=1.1)
    m.stop(filters)


def rule(number):
    """One that holds for none of the senders here, as such rules are."""
    condition = ('client = {"198.18.%d.0/24"}' % (number % 256),
        'sender = {"partner%d.example", ".partner%d.example"}'
        % (number, number),
        'sender = {"news@list%d.example"}' % number,
        'recipient = {"user%d@example.org"}' % number)[number % 4]
    return 'rule "r%d" { %s behavior = 1 }' % (number, condition)


def rules(m):
    """1,000 rules and a list of 100,000 domains, which decide nothing."""
    listed = m.bench.write("listed", "".join("d%d.example\n" % n
        for n in range(100000)))
    plain = m.fresh()
    ruled = m.fresh('rule "listed" { sender = {"file:%s"} behavior = 1 }\n'
        % listed + "\n".join(rule(n) for n in range(1000)),
        name="1,000 rules")
    filters = [plain, ruled]
    m.warm_up(filters)
    for kind in ("new", "kept"):
        case = "1,000 rules, %s 16" % kind
        m.compare(case, filters, "warm", "--" + kind, "--connections", 16)
        m.results.ratio_goal(case, ruled.name, OURS, "rate", least=0.95)
    m.stop(filters)


def kinds(m):
    """The same for each kind of domain alone."""
    filters = m.pair()
    for kind in KINDS:
        m.warm_up(filters, kind)
        m.compare("warm %s, new 16" % kind, filters, kind, "--new",
            "--connections", 16, share=0.6)
    m.stop(filters)


def peers(m):
    """Other filters, each with its own cache warm."""
    others = m.bench.peers()
    filters = m.pair() + others + m.options.given
    m.warm_up(filters)
    m.compare("peers, new 16", filters, "warm", "--new", "--connections", 16,
        share=0.6)
    # OpenDMARC does not go on when a connection is kept.
    m.compare("peers, kept 16", [f for f in filters
        if f.name != "opendmarc"], "warm", "--kept", "--connections", 16,
        share=0.6)
    for name, least in (("opendmarc", 4), ("rspamd", 10),
            ("pyspf-milter", 30)):
        m.results.ratio_goal("peers, new 16", OURS, name, "rate",
            least=least)
    m.stop(filters)


def inet(m):
    """Over TCP on loopback."""
    filters = m.pair(inet=True)
    m.warm_up(filters)
    for kind in ("new", "kept"):
        m.compare("inet %s 16" % kind, filters, "warm", "--" + kind,
            "--connections", 16)
    m.results.least_goal("inet new 16", OURS, "rate", 10000)
    m.results.most_goal("inet new 16", OURS, "p99", 2)
    m.results.ratio_goal("inet new 16", OURS, "floor", "rate", least=0.9)
    m.stop(filters)


def rate(m):
    """1,000 messages a second whatever happens."""
    filters = m.pair()
    m.warm_up(filters)
    m.compare("1,000 msg/s", filters, "warm", "--new", "--connections", 64,
        "--rate", 1000, share=3, slice=1)
    m.results.ratio_goal("1,000 msg/s", OURS, "floor", "p99", most=1.2)
    m.stop(filters)


# DNS

def queries(m):
    """Queries of the first and of the second pass."""
    for kind in KINDS:
        f = m.fresh()
        for turn in ("first", "second"):
            m.dns.reset()
            load = m.bench.load(f, m.sets.path(kind), "--messages", 1000,
                "--connections", 4, "--new")
            report = m.dns.report()
            case = "queries %s, %s pass" % (kind, turn)
            m.results.load(case, OURS, 0, load,
                queries=report["queries"] / 1000,
                repeated=report["repeated"], needed=m.sets.needed(kind),
                spf_type=report["by_type"]["SPF"])
            m.results.most_goal(case, OURS, "queries", QUERIES[kind]
                if turn == "first" else 0, "%.3f")
            m.results.goal("%s: queries that are needed" % case, "%.3f" % (
                m.sets.needed(kind) if turn == "first" else 0), "%.3f"
                % (report["queries"] / 1000), report["queries"] / 1000
                == (m.sets.needed(kind) if turn == "first" else 0))
            m.results.most_goal(case, OURS, "spf_type", 0, "%.0f")
        f.stop()


# Senders, DNS in ms, connections; messages a second and p99 in ms wanted.
COLD = (("simple", 20, 64, 3000, 25), ("simple", 20, 512, 7500, 90),
    ("simple", 0, 64, 0, 0), ("simple", 0, 512, 0, 0),
    ("mixed", 20, 64, 0, 0), ("mixed", 20, 512, 0, 0))


def cold(m):
    """Every domain is new.  The floor waits at RCPT as long as one answer
    takes: libmilter alone."""
    for kind, delay, connections, least, most in (COLD[:2] if m.quick
            else COLD):
        name = "cold " + kind
        count = len(m.sets.all[name].senders)
        case = "%s, DNS %d ms, new %d" % (name, delay, connections)
        for turn in range(1 if m.quick else 3):
            f = m.fresh()
            m.dns.tell("delay %d" % delay)
            load = m.run(case, f, turn, name, "--new", "--connections",
                connections, "--messages", count)
            report = m.dns.report()
            m.results.rows[-1]["queries"] = (report["queries"]
                / load["messages"])
            m.dns.tell("delay 0")
            floor = m.bench.floor(f, wait_ms=delay)
            f.stop()
            m.run(case, floor, turn, name, "--new", "--connections",
                connections, "--messages", count)
            floor.stop()
        if least:
            m.results.least_goal(case, OURS, "rate", least)
            m.results.most_goal(case, OURS, "p99", most)


def loss(m):
    """2 % of the answers do not arrive."""
    case = "2 % loss, DNS 20 ms, new 64"
    for turn in range(1 if m.quick else 3):
        f = m.fresh()
        m.dns.tell("delay 20")
        m.dns.tell("loss 2")
        m.run(case, f, turn, "loss", "--new", "--connections", 64,
            "--messages", 3000)
        m.dns.tell("loss 0")
        m.dns.tell("delay 0")
        f.stop()
    m.results.most_goal(case, OURS, "p99", 600)


def one_message(m, f, name):
    """(seconds, verdict)."""
    load = m.bench.load(f, m.sets.path(name), "--messages", 1,
        "--connections", 1, "--new")
    label, = load["labels"].values()
    return (load["message_ms"]["max"] / 1000,
        next(iter(label["verdicts"]), "lost"))


def beside_dead(m, f):
    """20 connections wait for dead domains all the time; another daemon of
    ours, which has none of them, takes turns with this one."""
    quiet = m.fresh()
    filters = [("beside dead domains", f), ("beside no dead domain", quiet)]
    m.warm_up([f, quiet])
    waiting = m.bench.load(f, m.sets.path("dead"), "--connections", 20,
        "--messages", len(m.sets.all["dead"].senders), "--new", wait=False)
    for turn in range(8):
        for case, one in filters if turn % 2 else reversed(filters):
            m.run(case, one, turn, "warm", "--new", "--connections", 16,
                "--rate", 500, "--seconds", 1)
    if waiting.poll() is not None:
        raise RuntimeError("nobody waited for dead domains any more")
    end(waiting)
    quiet.stop()
    p99 = [m.results.total(case, OURS, "p99") for case, _ in filters]
    m.results.goal("others' p99 beside dead domains", "unchanged",
        "%.2f, without %.2f ms" % tuple(p99),
        p99[0] < 1.5 * p99[1] + 1)


def dead(m):
    """A domain without an answer among good ones, default settings."""
    f = m.fresh()
    beside_dead(m, f)
    took, verdict = one_message(m, f, "heals")
    m.results.goal("dead domain", "451 within 5 s", "%s in %.2f s"
        % (verdict, took), verdict in ("451", "temperror") and took <= 5)
    healing(m, f)
    f.stop()


def healing(m, f):
    address = m.sets.all["heals"].senders[0][0]
    m.dns.tell("alive " + address.split("@")[1])
    start = time.monotonic()
    verdict = None
    while verdict != "pass" and time.monotonic() - start < 30:
        _, verdict = one_message(m, f, "heals")
        time.sleep(0.1)
    took = time.monotonic() - start
    m.dns.tell("dead " + address.split("@")[1])
    m.results.goal("dead domain is back", "pass within 11 s", "%s in %.1f s"
        % (verdict, took), verdict == "pass" and took <= 11)


# Waiting callbacks

def simultaneous(m):
    """100 sessions at once, each with 0.2 s of DNS."""
    case = "100 at once, 0.2 s of DNS each"
    f = m.fresh()
    for turn in range(3 if m.quick else 10):
        m.run(case, f, turn, "slow%d" % turn, "--new", "--connections", 100,
            "--messages", 100)
    f.stop()
    m.results.goal(case, "<= 500 ms, always", "%.0f ms at most" % max(
        m.results.values(case, OURS, "max").values()), max(
        m.results.values(case, OURS, "max").values()) <= 500)


def cached_among_waiting(m):
    """A cached domain while 200 sessions wait for dead DNS."""
    case = "cached among 200 waiting"
    f = m.fresh()
    m.warm_up([f])
    waiting = m.bench.load(f, m.sets.path("dead"), "--connections", 200,
        "--messages", 200, "--new", wait=False)
    time.sleep(0.5)
    m.run(case, f, 0, "warm", "--new", "--connections", 4, "--rate", 100,
        "--seconds", 2.5)
    load = m.bench.result(waiting)
    m.results.load("200 waiting for dead DNS", OURS, 0, load)
    f.stop()
    m.results.most_goal(case, OURS, "p99", 10)
    m.results.most_goal(case, OURS, "max", 10)


def overlap(m):
    """30 ms between MAIL and RCPT, DNS takes 20."""
    f = m.fresh()
    options = ("--new", "--connections", 4, "--messages", 300, "--pause-ms",
        30)
    m.dns.tell("delay 20")
    cold_load = m.run("pause 30 ms, DNS 20 ms", f, 0, "overlap", *options)
    m.dns.tell("delay 0")
    warm_load = m.run("pause 30 ms, cached", f, 0, "overlap", *options)
    more = (cold_load["message_ms"]["p50"] - warm_load["message_ms"]["p50"])
    m.results.goal("DNS time seen by a client that pauses 30 ms", "none",
        "%.2f ms" % more, more < 1)
    f.stop()


# Size

def hold_idle(m, f, count):
    """The process that holds them; notes what each of them takes."""
    before = f.resident()
    holder = m.bench.load(f, m.sets.path("warm"), "--kept", "--connections",
        1, "--rate", 1, "--seconds", 600, "--idle", count, wait=False)
    while descriptors(f.pid) < count:
        if holder.poll() is not None:
            raise RuntimeError("no %d idle connections" % count)
        time.sleep(0.05)
    m.results.add("%d idle" % count, f.name, 0, resident=f.resident(),
        each_kb=(f.resident() - before) * 1024 / count)
    return holder


def idle(m):
    """5,000 connections that say nothing."""
    count = 1000 if m.quick else 5000
    filters = m.pair()
    m.warm_up(filters)
    none, many = "busy beside 0 idle", "busy beside %d idle" % count
    load = ("warm", "--new", "--connections", 16)
    m.compare(none, filters, *load, share=0.4)
    holders = [hold_idle(m, f, count) for f in filters]
    m.compare(many, filters, *load, share=0.4)
    for holder in holders:
        end(holder)
    m.results.most_goal("%d idle" % count, OURS, "each_kb", 1.2,
        text="resident kB of an idle connection")
    cost = {f.name: m.results.total(many, f.name, "rate")
        / m.results.total(none, f.name, "rate") for f in filters}
    m.results.goal("rate kept beside idle ones, against the floor's",
        ">= 0.9", "%.2f, floor %.2f" % (cost[OURS], cost["floor"]),
        cost[OURS] >= 0.9 * cost["floor"])
    m.stop(filters)


def memory(m):
    """At the start, and at 256 connections and 10,000 domains."""
    f = m.bench.ours(extra=m.options.conf)
    m.results.add("memory at the start", OURS, 0, resident=f.resident())
    m.run("memory, new 256, 10,000 domains", f, 0, "cold mixed", "--new",
        "--connections", 256, "--messages", 20000)
    f.stop()
    m.results.most_goal("memory at the start", OURS, "resident", 15)
    m.results.most_goal("memory, new 256, 10,000 domains", OURS, "resident",
        40)


def soak(m):
    """Many messages: nothing grows."""
    f = m.fresh()
    count = m.options.soak or (SOAK // 10 if m.quick else SOAK)
    m.run("before the soak", f, 0, "warm", "--new", "--connections", 16,
        "--messages", max(1, min(count // 5, SOAK_PART)))
    before = f.resident(), descriptors(f.pid)
    for sent in range(0, count, SOAK_PART):
        m.run("soak of %d messages" % count, f, sent // SOAK_PART, "warm",
            "--new", "--connections", 16, "--messages",
            min(SOAK_PART, count - sent))
    after = f.resident(), descriptors(f.pid)
    m.results.goal("growth in %d messages" % count, "<= 0.5 MB, 0 files",
        "%.2f MB, %d files" % (after[0] - before[0], after[1] - before[1]),
        after[0] - before[0] <= 0.5 and after[1] <= before[1])
    f.stop()


ALL = (warm, rules, kinds, peers, inet, rate, queries, cold, loss, dead,
    simultaneous, cached_among_waiting, overlap, idle, memory, soak)
QUICK = (warm, queries, cold, simultaneous, overlap, idle)
