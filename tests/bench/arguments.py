# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of tests/bench/run."""

import argparse
import os

import peers

LAB_FILE = "/run/vsock-lab"
WHATS = ("throughput", "cpu", "latency", "rate", "idle", "halfclose", "stdio")
GIB = 1 << 30


def parse_size(text):
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        return int(float(number) * unit)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a size such as 64M") from None


def parse_list(allowed):
    def parse(text):
        words = text.split(",")
        for word in words:
            if word not in allowed:
                raise argparse.ArgumentTypeError(f"{word} is not one of {' '.join(allowed)}")
        return words

    return parse


def parse_cpus(text):
    if text in ("auto", "off"):
        return text
    try:
        load, relay = ({int(cpu) for cpu in side.split(",")} for side in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            "write auto, off, or LOAD:RELAY as processor numbers, as 0:1") from None
    return load, relay


def parse_arguments():
    lab = os.path.exists(LAB_FILE)
    pairs = [f"{a}-{b}" for a in peers.FAMILIES for b in peers.FAMILIES]
    p = argparse.ArgumentParser(
        prog="tests/bench/run",
        description="Measure relays between tcp, unix and vsock, and programs on stdin and stdout, "
                    "against each other.",
        allow_abbrev=False)
    p.add_argument("--what", type=parse_list(WHATS), metavar="LIST",
                   help="of " + " ".join(WHATS) + " (default: all)")
    p.add_argument("--pairs", type=parse_list(pairs), metavar="LIST",
                   help="as tcp-unix: listen on tcp, connect to unix (default: all without "
                        "vsock; in the lab all)")
    p.add_argument("--peers", metavar="LIST",
                   help="only these rows, as 'vsock-*,socat*' (default: all; with --quick "
                        "vsock-*,socat)")
    p.add_argument("--rounds", type=int, metavar="N", help="turns for everybody (default 5)")
    p.add_argument("--bytes", type=parse_size, metavar="SIZE",
                   help=f"one-way, of a run (default {'24M' if lab else '1G'})")
    p.add_argument("--conns", type=lambda text: [int(n) for n in text.split(",")], default=[1, 8],
                   metavar="LIST", help="one-way, at once (default 1,8)")
    p.add_argument("--trips", type=int, metavar="N", help="round trips of a run")
    p.add_argument("--visits", type=int, metavar="N",
                   help="connections of a run of connect, echo, close")
    p.add_argument("--parallel", type=int, default=16, metavar="N",
                   help="of these at once (default 16)")
    p.add_argument("--hold", type=int, metavar="N",
                   help="idle connections; a twentieth, but at least 20, for those that start a "
                        "process for each")
    p.add_argument("--limit", type=int, default=300 if lab else 60, metavar="SECONDS",
                   help="what takes longer hangs")
    p.add_argument("--proxy", default="vsock-proxy", metavar="PATH", help="vsock-proxy")
    p.add_argument("--cat", default="vsock-cat", metavar="PATH", help="vsock-cat")
    p.add_argument("--load", metavar="PATH",
                   help="the load generator (default: built for this run)")
    p.add_argument("--engines", type=parse_list(("copy", "splice")), default=[], metavar="LIST",
                   help="also measure ours with --engine copy, splice")
    p.add_argument("--far", metavar="vsock:CID:PORT",
                   help="a `load serve` of another machine, as what pairs to vsock connect to")
    p.add_argument("--pin", type=parse_cpus, default="auto", metavar="LOAD:RELAY",
                   help="processors, or off (default auto: 0:1 where there are two)")
    p.add_argument("--private", action="store_true",
                   help="unix sockets that only this user may connect to")
    p.add_argument("--json", metavar="FILE", help="all values of all rounds")
    p.add_argument("--plot", metavar="FILE", help="a bar chart, as SVG")
    p.add_argument("--markdown", metavar="FILE", help="the tables with date, kernel and machine")
    p.add_argument("--from-json", metavar="FILE",
                   help="measure nothing, print what an earlier --json holds")
    p.add_argument("-v", "--verbose", action="store_true",
                   help="a line for each measurement, on stderr")
    p.add_argument("--quick", action="store_true",
                   help="one round of small sizes, to see that everything works")
    return complete(p.parse_args(), p, lab, pairs)


def complete(o, parser, lab, pairs):
    """Defaults that depend on the place and on --quick."""
    small = o.quick
    if o.pairs is None:
        o.pairs = ["tcp-tcp", "unix-unix"] if small else [pair for pair in pairs if lab
                                                          or "vsock" not in pair]
    o.peers = o.peers or ("vsock-*,socat" if small else None)
    o.what = o.what or list(WHATS)
    o.rounds = o.rounds or (1 if small else 5)
    o.bytes = o.bytes or ((4 if small else 24) << 20 if lab or small else GIB)
    o.trips = o.trips or (50 if small else 500 if lab else 5000)
    o.visits = o.visits or (30 if small else 200 if lab else 2000)
    o.hold = o.hold or (20 if small else 400 if lab else 2000)
    o.seconds = max(1, o.limit // 12)
    o.delay_ms = 700 if small else 1000
    if any("vsock" in pair for pair in o.pairs) and not lab:
        parser.error(
            "vsock is only measured in the laboratory, a virtual machine of our own; there run\n"
            "    tests/bench/lab --pairs tcp-vsock,vsock-tcp ...\n"
            "which runs this script inside with the same options")
    if o.far and any(pair.startswith("vsock") or not pair.endswith("vsock") for pair in o.pairs):
        parser.error("--far goes with pairs that connect to vsock from tcp or unix: "
                     "--pairs tcp-vsock,unix-vsock")
    if o.rounds < 1 or min(o.conns) < 1:
        parser.error("rounds and connections are at least 1")
    return o
