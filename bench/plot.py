# SPDX-License-Identifier: BSD-2-Clause
"""The picture of bench/report: throughput beside the floor and the peers.

GitHub shows one file on white and on near black, whatever the reader's
system says, so the ground is transparent and each colour is one that reads
on both.
"""

import statistics

import matplotlib
matplotlib.use("svg")
from matplotlib import pyplot, ticker

TEXT = "#707a85"
OURS = "#1f78e8"
KEPT = "#bf6a12"
PX = 1 / 96     # of an inch
WIDTH, HEIGHT = 800, 330
COUNTS = (16, 64, 256)
PEERS = "peers, new 16"

STYLE = {"svg.fonttype": "none", "svg.hashsalt": "spf-milter",
    "font.size": 9, "axes.titlesize": 10, "axes.edgecolor": TEXT,
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "axes.labelcolor": TEXT, "axes.titlecolor": TEXT, "text.color": TEXT,
    "xtick.color": TEXT, "ytick.color": TEXT, "grid.color": TEXT,
    "grid.alpha": 0.3, "grid.linewidth": 0.5, "axes.linewidth": 0.5,
    "axes.spines.top": False, "axes.spines.right": False}


def ratio_points(results):
    """(kind, connections, ratio of the sums, ratios of the rounds)."""
    for kind in ("new", "kept"):
        for count in COUNTS:
            of = ("warm %s %d" % (kind, count), results.ours, "floor")
            ratio = results.ratio(*of)
            if ratio is not None:
                yield kind, count, ratio, results.ratios(*of)


def draw_floor(axes, points):
    """A dot for the ratio of the sums, a whisker from the least to the most
    of the rounds, a notch at their median."""
    for x, (kind, _, ratio, ratios) in enumerate(points):
        colour = OURS if kind == "new" else KEPT
        axes.vlines(x, min(ratios), max(ratios), colour, linewidth=1.5)
        axes.plot([x], [statistics.median(ratios)], "_", color=colour,
            markersize=11)
        axes.plot([x], [ratio], "o", color=colour, markersize=6)
        axes.annotate("%.2f" % ratio, (x, min(ratios)), (0, -4),
            textcoords="offset points", ha="center", va="top", color=colour)
    axes.axhline(1, color=TEXT, linewidth=1, linestyle="--")
    axes.set_xticks(range(len(points)), ["%s\n%d" % p[:2] for p in points])
    axes.set_xlim(-0.5, len(points) - 0.5)
    lowest, highest = axes.get_ylim()
    axes.set_ylim(min(lowest - 0.1 * (highest - lowest), 0.8),
        max(highest, 1.1))
    axes.grid(axis="y")
    axes.set_title("messages a second, floor = 1.0")
    axes.set_xlabel("connections; new: one for each message")


def draw_peers(axes, results):
    names = sorted(results.filters(PEERS),
        key=lambda n: results.total(PEERS, n, "rate"))
    for y, name in enumerate(names):
        rates = results.values(PEERS, name, "rate").values()
        rate = results.total(PEERS, name, "rate")
        colour = OURS if name == results.ours else TEXT
        axes.hlines(y, min(rates), max(rates), colour, linewidth=1.5)
        axes.plot([statistics.median(rates)], [y], "|", color=colour,
            markersize=11)
        axes.plot([rate], [y], "o", color=colour, markersize=6)
        axes.annotate("{:,.0f}".format(rate), (rate, y), (0, 7),
            textcoords="offset points", ha="center", color=colour)
    axes.set_xscale("log")
    lowest, highest = axes.get_xlim()
    axes.set_xlim(lowest / 1.4, highest * 1.4)
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(-0.5, len(names) - 0.3)
    axes.grid(axis="x")
    axes.set_title("messages a second")
    axes.set_xlabel("log scale; 16 connections, new")


def draw(results, path):
    """ValueError where the runs do not suffice."""
    points = list(ratio_points(results))
    if not points or not results.others(PEERS):
        raise ValueError("it needs runs of the cases warm and peers")
    with pyplot.rc_context(STYLE):
        figure, (left, right) = pyplot.subplots(1, 2,
            figsize=(WIDTH * PX, HEIGHT * PX), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.06)
        figure.supxlabel("dot: all rounds; line and notch: least, most and "
            "median round", fontsize=8)
        draw_floor(left, points)
        draw_peers(right, results)
        figure.savefig(path, format="svg", transparent=True, metadata={
            "Date": None, "Title": "spf-milter beside other filters"})
