#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""curves.py SAMPLES: draws what tests/bench/soak --samples wrote, as SVG on stdout: memory,
descriptors and processor time of vsock-proxy's two processes during the run of each family."""

import sys
from xml.sax.saxutils import escape

sys.dont_write_bytecode = True

from chart import STYLE, WIDTH  # noqa: E402

LEFT, RIGHT, HEAD, HEIGHT, FOOT = 70, 120, 42, 110, 26
CURVES = """<style>
path { fill: none; stroke-width: 1.5; stroke: #8c959f }
path.ours { fill: none; stroke: #0969da }
path.axis { stroke: #d1d9e0; stroke-width: 1 }
.label { text-anchor: end }
@media (prefers-color-scheme: dark) {
  path { stroke: #656c76 }
  path.ours { stroke: #4493f8 }
  path.axis { stroke: #3d444d }
}
</style>"""
PANELS = (("KiB resident", "rss", 1), ("descriptors", "descriptors", 1),
          ("processor time, ms", "cpu", 1000))


def read(path):
    """{family: {process: [sample]}}; a sample is a dictionary of numbers."""
    found = {}
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    for words in lines[1:]:
        row = dict(zip(lines[0], words))
        numbers = {key: float(row[key]) for key in ("seconds", "rss", "descriptors", "cpu")}
        found.setdefault(row["family"], {}).setdefault(row["process"], []).append(numbers)
    return found


def panel(title, curves, key, scale, top):
    """One drawing: a curve for each process, from 0 on."""
    end = max(sample["seconds"] for samples in curves.values() for sample in samples)
    most = max(sample[key] for samples in curves.values() for sample in samples) * scale or 1
    base = top + HEAD + HEIGHT
    lines = [f'<text class="title" x="0" y="{top + 26}">{escape(title)}</text>',
             f'<path class="axis" d="M{LEFT} {top + HEAD}V{base}H{WIDTH - RIGHT}"/>',
             f'<text class="note label" x="{LEFT - 6}" y="{top + HEAD + 10}">{most:.0f}</text>',
             f'<text class="note label" x="{LEFT - 6}" y="{base}">0</text>',
             f'<text class="note label" x="{WIDTH - RIGHT}" y="{base + 18}">{end:.1f} s</text>']
    last = []
    for process, samples in curves.items():
        points = [(LEFT + (WIDTH - LEFT - RIGHT) * sample["seconds"] / end,
                   base - HEIGHT * sample[key] * scale / most) for sample in samples]
        kind = "ours" if "worker" in process else "other"
        lines.append(f'<path class="{kind}" d="M' +
                     "L".join(f"{x:.1f} {y:.1f}" for x, y in points) + '"/>')
        last.append((points[-1][1], process))
    # labels behind the curves, one below the other where they end close together
    at = 0
    for y, process in sorted(last):
        at = max(y + 4, at + 15)
        lines.append(f'<text x="{WIDTH - RIGHT + 8}" y="{at:.0f}">{escape(process)}</text>')
    return lines


def svg(found):
    height = len(found) * len(PANELS) * (HEAD + HEIGHT + FOOT) + 8
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
             f'width="{WIDTH}" height="{height}" role="img">',
             "<title>vsock-proxy during many short connections</title>", STYLE, CURVES]
    top = 0
    for family, curves in found.items():
        for name, key, scale in PANELS:
            lines += panel(f"{family}: {name}", curves, key, scale, top)
            top += HEAD + HEIGHT + FOOT
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: tests/bench/curves.py SAMPLES")
    sys.stdout.write(svg(read(sys.argv[1])))
