# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmark found: as text, Markdown, JSON and a picture."""

import datetime
import json
import os
import platform
import re
import statistics

import chart

LAB_FILE = "/run/vsock-lab"
BASE = "socat"  # what ratios are to
DIRECT = "direct"
OURS = ("vsock-proxy", "vsock-cat")
NOISE = 0.05


class Metric:
    """A kind of number: `more` says which way is better, `what` under which name the notes about it
    are."""

    def __init__(self, name, title, what, more, digits=0):
        self.name = name
        self.title = title
        self.what = what
        self.more = more
        self.digits = digits

    def ratio(self, value, other):
        """How many times better `value` is than `other`."""
        if not value or not other or value <= 0 or other <= 0:
            return None
        return value / other if self.more else other / value


def metrics(data):
    found = []
    for conns in data["settings"]["conns"]:
        words = "1 connection" if conns == 1 else f"{conns} connections"
        found.append(Metric(f"throughput{conns}", f"One way, {words}: MiB/s", f"throughput{conns}",
                            True))
    for conns in data["settings"]["conns"]:
        words = "1 connection" if conns == 1 else f"{conns} connections"
        found.append(Metric(f"cpu{conns}",
                            f"One way, {words}: the relay's CPU seconds per GiB, user and system",
                            f"throughput{conns}", False, 3))
    return found + [
        Metric("latency64", "Round trip of 64 bytes: median, microseconds", "latency", False, 1),
        Metric("latency64_p99", "Round trip of 64 bytes: 99th percentile, microseconds", "latency",
               False, 1),
        Metric("latency16k", "Round trip of 16 KiB: median, microseconds", "latency", False, 1),
        Metric("latency16k_p99", "Round trip of 16 KiB: 99th percentile, microseconds", "latency",
               False, 1),
        Metric("rate", "Connect, echo, close: connections a second", "rate", True),
        Metric("idle_kib",
               "An idle connection: KiB resident (of relays that start processes: proportional)",
               "idle", False, 2),
        Metric("idle_fds", "An idle connection: descriptors", "idle", False, 1),
        Metric("halfclose", "The answer after a half-close, one second later", "halfclose", True),
        Metric("stdio", "stdin and stdout: MiB/s", "stdio", True),
        Metric("stdio_cpu", "stdin and stdout: the program's CPU seconds per GiB", "stdio", False,
               3),
    ]


#
# Collecting
#


def machine():
    model = ""
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo", encoding="ascii") as f:
        memory = int(f.readline().split()[1]) / (1 << 20)
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as f:
        virtual = " hypervisor" in f.read()
    release = re.match(r"[0-9.]+", platform.release())
    return {
        "processor": model or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "kernel": "Linux " + (release.group() if release else platform.release()),
        "virtual": virtual,
        "congestion": read_word("/proc/sys/net/ipv4/tcp_congestion_control"),
        "lab": os.path.exists(LAB_FILE),
    }


def read_word(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read().strip()
    except OSError:
        return ""


def collect(setup, used, missing, rounds):
    """Everything about a run, ready for JSON."""
    o = setup.options
    results = []
    for (pair, peer, metric), values in setup.results.items():
        row = {"pair": pair, "peer": peer, "metric": metric, "values": values}
        if not isinstance(values[0], str):
            row["median"] = statistics.median(values)
        results.append(row)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "settings": {
            "what": o.what, "pairs": o.pairs, "rounds": rounds, "bytes": o.bytes,
            "conns": o.conns, "trips": o.trips, "visits": o.visits, "parallel": o.parallel,
            "hold": o.hold, "pinned": setup.load_cpus is not None, "far": bool(o.far),
            "quick": o.quick,
        },
        "versions": {peer.name: peer.version() for peer in used},
        "missing": sorted(set(missing)),
        "results": results,
        "notes": [{"pair": pair, "peer": peer, "what": what, "text": text}
                  for (pair, peer, what), text in setup.notes.items()],
    }


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


#
# Looking up
#


class Values:
    """The medians, by pair, peer and metric."""

    def __init__(self, data):
        self.cells = {(r["pair"], r["peer"], r["metric"]): r.get("median", r["values"][0])
                      for r in data["results"]}
        self.notes = {(n["pair"], n["peer"], n["what"]): n["text"] for n in data["notes"]}

    def get(self, pair, peer, metric):
        """What `direct` is for two families: the slower of both."""
        if peer == DIRECT and "-" in pair:
            both = [self.cells.get((f"{family}-{family}", DIRECT, metric.name))
                    for family in pair.split("-")]
            both = [value for value in both if value is not None]
            if not both:
                return None
            if isinstance(both[0], str):
                return "kept" if all(value == "kept" for value in both) else "lost"
            return min(both) if metric.more else max(both)
        return self.cells.get((pair, peer, metric.name))

    def pairs(self, metric):
        return list(dict.fromkeys(pair for pair, peer, name in [*self.cells] if name == metric.name
                                  and peer != DIRECT))

    def peers(self, metric):
        """Rows, no relay first; those that only have a reason for their absence too."""
        names = dict.fromkeys(peer for _, peer, name in self.cells if name == metric.name)
        names.update(dict.fromkeys(peer for _, peer, what in self.notes if what == metric.what))
        rows = [name for name in names if name != DIRECT]
        return ([DIRECT] if DIRECT in names else []) + rows


def is_ours(peer):
    return peer.startswith(OURS)


def best_peer(values, pair, metric):
    """(name, value) of the best relay that isn't ours."""
    found = []
    for peer in values.peers(metric):
        value = values.get(pair, peer, metric)
        if peer != DIRECT and not is_ours(peer) and isinstance(value, (int, float)):
            found.append((value, peer))
    if not found:
        return None, None
    value, peer = max(found) if metric.more else min(found)
    return peer, value


#
# Tables
#


def number(value, digits):
    return f"{value:,.{digits}f}"


def times(ratio):
    if ratio is None:
        return ""
    return f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.0f}x"


class Footnotes:
    """Reasons for dashes, numbered, each text once."""

    def __init__(self):
        self.texts = []

    def mark(self, text):
        if text not in self.texts:
            self.texts.append(text)
        return f"-({self.texts.index(text) + 1})"

    def lines(self):
        return [f"({i}) {text}" for i, text in enumerate(self.texts, 1)]


def cell(values, pair, peer, metric, footnotes):
    value = values.get(pair, peer, metric)
    if value is None:
        text = values.notes.get((pair, peer, metric.what))
        return footnotes.mark(text) if text else "-"
    note = values.notes.get((pair, peer, metric.what))
    mark = " " + footnotes.mark(note)[1:] if note else ""
    if isinstance(value, str):
        return value + mark
    base = values.get(pair, BASE, metric)
    ratio = metric.ratio(value, base) if not metric.name.endswith("_fds") else None
    return " ".join(filter(None, [number(value, metric.digits), times(ratio)])) + mark


def metric_table(values, metric, footnotes):
    pairs = values.pairs(metric)
    rows = [["", *pairs]]
    for peer in values.peers(metric):
        rows.append([peer, *(cell(values, pair, peer, metric, footnotes) for pair in pairs)])
    return rows


def verdict(values, pair, metric):
    """Ours against the bars: (to base, to best, to direct, reached or None where there is no
    bar)."""
    ours = "vsock-cat" if metric.name.startswith("stdio") else "vsock-proxy"
    mine = values.get(pair, ours, metric)
    if not isinstance(mine, (int, float)):
        return None
    to_base = metric.ratio(mine, values.get(pair, BASE, metric))
    best_name, best = best_peer(values, pair, metric)
    to_best = metric.ratio(mine, best)
    to_direct = metric.ratio(mine, values.get(pair, DIRECT, metric))
    reached = None
    if metric.name.startswith("throughput") and to_best is not None and to_base is not None:
        factor = 2 if "vsock" in pair else 2.5
        reached = to_best >= 1 - NOISE and (to_base >= factor or (to_direct or 0) >= 0.8)
    elif metric.name.startswith("cpu") and to_best is not None:
        reached = to_best >= 1
    elif metric.name == "latency64" and to_best is not None:
        reached = to_best >= 1 / (1 + NOISE)
    elif metric.name == "rate" and to_base is not None:
        proxyd = metric.ratio(mine, values.get(pair, "systemd-socket-proxyd", metric))
        reached = to_base >= 4 and (proxyd is None or proxyd >= 1.3)
    elif metric.name == "idle_kib":
        reached = mine <= 0.5
    return number(mine, metric.digits), to_base, (best_name, to_best), to_direct, reached


def ratio_table(values, data):
    """How many times better ours are; more is better in every column."""
    rows = [["", "pair", "ours", f"to {BASE}", "to the best peer", "to direct", "bar"]]
    for metric in metrics(data):
        for pair in values.pairs(metric):
            if metric.name == "halfclose" or metric.name.endswith("_fds"):
                continue
            found = verdict(values, pair, metric)
            if found:
                mine, to_base, (name, to_best), to_direct, reached = found
                rows.append([metric.name, pair, mine, times(to_base),
                             f"{times(to_best)} {name}" if name else "", times(to_direct),
                             "" if reached is None or data["settings"]["quick"]
                             else "reached" if reached else "missed"])
    return rows


def align(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        first = row[0].ljust(widths[0])
        lines.append("  ".join([first,
                                *(text.rjust(width)
                                  for text, width in zip(row[1:], widths[1:]))]).rstrip())
    return lines


def markdown_table(rows):
    def line(row):
        return "| " + " | ".join(row) + " |"

    return [line(rows[0]), "|---|" + "---:|" * (len(rows[0]) - 1), *map(line, rows[1:])]


def about(data):
    m, s = data["machine"], data["settings"]
    where = "a virtual machine" if m["virtual"] else "a machine"
    if m["lab"]:
        where = "the laboratory's virtual machine"
    runs = "1 round" if s["rounds"] == 1 else f"{s['rounds']} rounds"
    lines = [
        f"{data['date']}, {m['kernel']}, {where} with {m['cores']} cores ({m['processor']}), "
        f"{m['memory_gib']} GiB.",
        f"{runs}, medians; one way {s['bytes'] / (1 << 20):g} MiB; {s['trips']} round trips; "
        f"{s['visits']} connections, {s['parallel']} at once; {s['hold']} idle connections.",
        "The load is on one core and the relay on the other." if s["pinned"]
        else "Nothing is bound to a core.",
    ]
    if m.get("congestion"):
        lines.append(f"TCP's congestion control is {m['congestion']}.")
    if s["far"]:
        lines.append("The far end is in another virtual machine.")
    if s["quick"]:
        lines.append("This was --quick: it shows that everything works, not how fast.")
    lines.append(f"Behind each number: how many times better than {BASE} as it comes. "
                 "`direct` is no relay; of two families, the slower.")
    if data["missing"]:
        lines.append("Not here: " + ", ".join(data["missing"]) + ".")
    return lines


def tables(data):
    """[(title, rows)] and the footnotes."""
    values = Values(data)
    footnotes = Footnotes()
    found = []
    for metric in metrics(data):
        if values.pairs(metric):
            found.append((metric.title, metric_table(values, metric, footnotes)))
    rows = ratio_table(values, data)
    if len(rows) > 1:
        found.append(("Ratios: how many times better ours is", rows))
    return found, footnotes.lines()


def as_text(data):
    found, footnotes = tables(data)
    lines = about(data)
    for title, rows in found:
        lines += ["", title, *align(rows)]
    return "\n".join(lines + [""] + footnotes)


def as_markdown(data):
    found, footnotes = tables(data)
    lines = ["# Results of the benchmark", ""] + ["* " + line for line in about(data)]
    versions = list(dict.fromkeys(version for version in data["versions"].values() if version))
    lines.append("* Programs: " + "; ".join(versions) + ".")
    for title, rows in found:
        lines += ["", "## " + title, "", *markdown_table(rows)]
    if footnotes:
        lines += ["", *("* " + line for line in footnotes)]
    return "\n".join(lines) + "\n"


#
# The picture
#


def panels(data):
    """One for each kind of number and pair."""
    values = Values(data)
    found = []
    for metric in metrics(data):
        if not re.fullmatch(r"throughput\d+|cpu1|latency64|rate|stdio", metric.name):
            continue
        for pair in values.pairs(metric):
            numbers = ((peer, values.get(pair, peer, metric)) for peer in values.peers(metric))
            rows = [(peer, value, number(value, metric.digits)) for peer, value in numbers
                    if isinstance(value, (int, float))]
            found.append(chart.Panel(f"{pair}: {metric.title[0].lower()}{metric.title[1:]}",
                                     metric.more, rows))
    return found


def plot(data, path):
    write(path, chart.svg(panels(data), "Results of the benchmark"))
