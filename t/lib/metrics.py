# SPDX-License-Identifier: BSD-2-Clause
"""What the daemon tells by HTTP, read as a scraper does."""

import collections
import http.client
import re
import socket

import daemon

SAMPLE = re.compile(r'^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

Answer = collections.namedtuple("Answer", "status type text")


def get(port, path="/metrics", accept="", method="GET"):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        c.request(method, path, headers={"Accept": accept} if accept else {})
        r = c.getresponse()
        return Answer(r.status, r.getheader("Content-Type"),
            r.read().decode("utf-8"))
    finally:
        c.close()


def socket_of(path):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect(path)
    return s


class Samples(dict):
    """(name, frozenset of labels) -> value."""

    def sum(self, name, **labels):
        """Of the samples that have these labels; None: there is none."""
        found = [v for (n, has), v in self.items() if n == name
            and set(labels.items()) <= has]
        return sum(found) if found else None


def parse(text):
    samples = Samples()
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        key = name, frozenset(LABEL.findall(labels or ""))
        assert key not in samples, line
        samples[key] = float(value)
    return samples


def families(text):
    """name -> type, by the lines that describe them."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, flags=re.M))


class Watched(daemon.Daemon):
    """A daemon whose metrics are served."""

    def __init__(self, **options):
        self.port = daemon.free_port()
        super().__init__(metrics={"listen": "127.0.0.1:%d" % self.port},
            **options)

    def configure(self, text=None, **options):
        if text is None:
            options["metrics"] = {"listen": "127.0.0.1:%d" % self.port}
        super().configure(text, **options)

    def metrics(self):
        return parse(get(self.port).text)
