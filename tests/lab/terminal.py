#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""terminal.py TITLE <TEXT: draws what a terminal shows as SVG, for light and dark pages. Of the
escape sequences it knows SGR: bold, faint, the eight colours and their end; the others are left
out."""

import re
import sys
from xml.sax.saxutils import escape

CHARACTER, LINE, MARGIN, BAR = 7.83, 18, 16, 30
STYLE = """<style>
text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, monospace; white-space: pre }
text { fill: #1f2328 }
.frame { fill: #ffffff; stroke: #d1d9e0 }
.dot { fill: #d1d9e0 }
.b { font-weight: 700 }
.f { opacity: 0.65 }
.c1 { fill: #b3122a }
.c2 { fill: #116329 }
.c3 { fill: #7d4e00 }
.c4 { fill: #0550ae }
.c5 { fill: #8250df }
.c6 { fill: #1b7c83 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .frame { fill: #0d1117; stroke: #3d444d }
  .dot { fill: #3d444d }
  .c1 { fill: #ff7b72 }
  .c2 { fill: #7ee787 }
  .c3 { fill: #e3b341 }
  .c4 { fill: #79c0ff }
  .c5 { fill: #d2a8ff }
  .c6 { fill: #56d4dd }
}
</style>"""


def change(kinds, codes):
    """The classes after one SGR sequence."""
    for code in (int(code or 0) for code in codes.split(";")):
        if code == 0:
            kinds = set()
        elif code in (1, 2):
            kinds = kinds | {" bf"[code]}
        elif code == 22:
            kinds = kinds - {"b", "f"}
        elif 30 <= code <= 37 or code == 39 or 90 <= code <= 97:
            kinds = {kind for kind in kinds if not kind.startswith("c")}
            if code != 39 and code % 10 in range(1, 7):
                kinds.add(f"c{code % 10}")
    return kinds


def spans(line, kinds):
    """One line as tspans, and the classes in force at its end."""
    out = []
    for piece in re.split(r"(\x1b\[[0-9;?]*[A-Za-z])", line):
        found = re.fullmatch(r"\x1b\[([0-9;]*)m", piece)
        if found:
            kinds = change(kinds, found.group(1))
        elif piece and not piece.startswith("\x1b"):
            text = escape(piece)
            names = " ".join(sorted(kinds))
            out.append(f'<tspan class="{names}">{text}</tspan>' if kinds else text)
    return "".join(out), kinds


def main():
    lines = sys.stdin.read().replace("\r", "").rstrip("\n").split("\n")
    shown = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in lines]
    width = round(max(map(len, shown)) * CHARACTER + 2 * MARGIN)
    height = BAR + len(lines) * LINE + MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
          f'width="{width}" height="{height}" role="img">')
    print(f"<title>{escape(sys.argv[1])}</title>")
    print(STYLE)
    print(f'<rect class="frame" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>')
    for x in (18, 36, 54):
        print(f'<circle class="dot" cx="{x}" cy="17" r="5.5"/>')
    kinds = set()
    for i, line in enumerate(lines):
        text, kinds = spans(line, kinds)
        if text:
            y = BAR + 14 + i * LINE
            print(f'<text x="{MARGIN}" y="{y}" xml:space="preserve">{text}</text>')
    print("</svg>")


if __name__ == "__main__":
    main()
