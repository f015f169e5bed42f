#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bar charts as SVG, for light and dark pages. As a program: chart.py RESULTS.md draws the
comparison of README.md and doc/measurements.md from the tables of RESULTS.md, on standard
output. report.py draws those of a new run."""

import re
import sys
from xml.sax.saxutils import escape

WIDTH = 760
LABEL = 170  # where bars begin
VALUE = 140  # what is left for the number behind the longest bar
BAR, GAP, HEAD = 16, 6, 42
STYLE = """<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.note { fill: #59636e }
.bar { fill: #8c959f }
.ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .note { fill: #9198a1 }
  .bar { fill: #656c76 }
  .ours { fill: #4493f8 }
}
</style>"""


class Panel:
    """Bars of one kind of number. rows: (name, value, text behind the bar); `more` says which way
    is better."""

    def __init__(self, title, more, rows):
        self.title = title
        self.more = more
        self.rows = rows

    def height(self):
        return HEAD + len(self.rows) * (BAR + GAP)

    def draw(self, top):
        longest = max(value for _, value, _ in self.rows) or 1
        better = "longer is better" if self.more else "shorter is better"
        lines = [f'<text x="0" y="{top + 26}"><tspan class="title">{escape(self.title)}</tspan>'
                 f'<tspan class="note" dx="6">({better})</tspan></text>']
        for i, (name, value, text) in enumerate(self.rows):
            y = top + HEAD + i * (BAR + GAP)
            width = max(1, round((WIDTH - LABEL - VALUE) * value / longest))
            kind = "ours" if name.startswith("vsock-") else "bar"
            lines += [f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
                      f'<rect class="{kind}" x="{LABEL}" y="{y}" width="{width}" '
                      f'height="{BAR}" rx="2"/>',
                      f'<text x="{LABEL + width + 6}" y="{y + 13}">{escape(text)}</text>']
        return lines


def svg(panels, title):
    height = sum(panel.height() for panel in panels) + 8
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
             f'width="{WIDTH}" height="{height}" role="img">',
             f"<title>{escape(title)}</title>", STYLE]
    top = 0
    for panel in panels:
        lines += panel.draw(top)
        top += panel.height()
    return "\n".join([*lines, "</svg>", ""])


#
# From RESULTS.md
#


class Missing(Exception):
    pass


def column(lines, heading, pair):
    """{name: number} of one pair: from a Markdown table below its heading, or from columns below
    their title."""
    try:
        start = next(i for i, line in enumerate(lines) if re.sub(r"^#+ ", "", line) == heading)
    except StopIteration:
        raise Missing(f"no table {heading!r}") from None
    table = []
    for line in lines[start + 1:]:
        parts = line.strip("|").split("|")
        if not line.startswith("|"):
            parts = re.split(r"  +", line.strip())
        cells = [part.strip() for part in parts]
        if cells == [""]:
            if table:
                break
            continue
        if not set(line) <= set("|-: "):
            table.append(cells)
    head = table[0]
    at = head.index(pair) - len(head)
    return {row[0]: float(row[at].split()[0].replace(",", "")) for row in table[1:]
            if re.match(r"[0-9]", row[at])}


def panel(lines, heading, pair, title, more, unit):
    wanted = ("vsock-proxy", "systemd-socket-proxyd", "haproxy", "socat", "socat -b 1048576",
              "socat -b 131072", "ncat")
    values = column(lines, heading, pair)
    if "socat -b 1048576" in values:
        del values["socat -b 131072"]
    rows = [(name, values[name], f"{values[name]:,.3g} {unit}" if values[name] < 10
             else f"{values[name]:,.0f} {unit}")
            for name in wanted if name in values]
    return Panel(title, more, rows)


def comparison(text):
    here, lab = text.split("\n# With vsock, in the lab\n")
    lab = lab.split("\n# ")[0]
    here, lab = here.splitlines(), lab.splitlines()
    rate = "Connect, echo, close: connections a second"
    return [
        panel(here, "One way, 1 connection: MiB/s", "tcp-unix", "TCP to UNIX, one connection", True,
              "MiB/s"),
        panel(here, "One way, 1 connection: the relay's CPU seconds per GiB, user and system",
              "tcp-unix",
              "TCP to UNIX, processor time of the relay", False, "s per GiB"),
        panel(here, rate, "tcp-unix", "TCP to UNIX, new connections", True, "per second"),
        panel(lab, "One way, 1 connection: MiB/s", "tcp-vsock",
              "TCP to vsock in an emulated VM, one connection", True, "MiB/s"),
        panel(lab, rate, "tcp-vsock", "TCP to vsock in an emulated VM, new connections", True,
              "per second"),
    ]


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        sys.stdout.write(svg(comparison(f.read()),
                             "vsock-proxy compared with socat, ncat, "
                             "systemd-socket-proxyd and HAProxy"))


if __name__ == "__main__":
    main()
