#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes the summary of `vsock-ping --json` again from its probes, by other means, and compares.
Reads standard input."""

import json
import math
import statistics
import sys

probes, summary = [], None
for line in sys.stdin:
    record = json.loads(line)
    if record["event"] == "probe":
        probes.append(record)
    elif record["event"] == "summary":
        summary = record

failures = []


def same(key, expected, tolerance=2e-9):
    got = summary.get(key)
    if got is None or abs(got - expected) > tolerance:
        failures.append(f"{key}: {got} in the summary, {expected} from the probes")


answered = [p for p in probes if p["result"] in ("open", "closed", "echo")]
times = [p["seconds"] for p in sorted(answered, key=lambda p: p["time"])]
same("transmitted", len(probes))
# a refusal is timed, but not counted as received if an open port was wanted
refused = summary.get("refused", 0)
if refused not in (0, sum(p["result"] == "closed" for p in probes)):
    failures.append(f"refused: {refused}")
same("received", len(answered) - refused)
same("errors", sum(p["result"] == "error" for p in probes))
same("corrupted", sum(p["result"] == "corrupt" for p in probes))
same("loss", 100 * (len(probes) - len(answered) + refused) / len(probes), 1e-4)
if times:
    same("min", min(times))
    same("max", max(times))
    same("avg", statistics.fmean(times))
    same("mdev", statistics.pstdev(times))
    if len(times) > 1:
        same("jitter", statistics.fmean(abs(a - b) for a, b in zip(times, times[1:])))
    for start, percent in ((10, 50), (10, 90), (100, 99), (1000, 99.9)):
        if len(times) >= start:
            same(f"p{percent:g}", sorted(times)[math.ceil(percent / 100 * len(times) - 1e-9) - 1])
        elif f"p{percent:g}" in summary:
            failures.append(f"p{percent:g} from {len(times)} answers only")
seqs = sorted(p["seq"] for p in probes)
if seqs != list(range(1, len(seqs) + 1)):
    failures.append(f"sequence numbers: {seqs}")
for failure in failures:
    print(failure)
sys.exit(1 if failures or summary is None else 0)
