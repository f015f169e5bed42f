# SPDX-License-Identifier: GPL-3.0-or-later
"""letters.py PROGRAM...: which letters of these programs mean something in ssh, nc, ncat, socat or
ping, and are not in doc/options.md: neither as the same option there, nor among the letters that
differ. tests/options.bats runs it."""
import os
import re
import subprocess
import sys

top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The letters of OpenSSH 9, OpenBSD's nc, ncat 7, socat 1.8 and iputils' ping.
letters = {
    "ssh": "46AaBbCcDEeFfGgIiJKkLlMmNnOoPpQqRSsTtVvWwXxYy",
    "nc": "46bCDdFhIiklMmNnOPpqrSsTtUuVvWwXxZz",
    "ncat": "46UCcgGmhdoiplknstuvwxze",
    "socat": "VhdDlvxbstTuUgLWrR46S",
    "ping": "46aAbBcCdDefFhHiIlLmMnNoOpPqQrRsStTUvVwW",
}
resembles = {"vsock-ping": ("ping",), "vsock-run": ("ssh",), "vsock-info": ()}


def rows():
    """Section, first cell and the rest of each row."""
    section = ""
    with open(top + "/doc/options.md") as file:
        for line in file:
            section = line[3:].strip() if line.startswith("## ") else section
            if line.startswith("| `-"):
                cells = [cell.strip() for cell in line.strip()[1:-1].split("|")]
                yield section, cells[0], cells[1:]


def written(letter, tool, program):
    """Is the letter of this tool in a row for this program?"""
    for section, first, cells in rows():
        if section == "Letters that differ":
            theirs = r"\b%s(?: -%s\b|`|,.* -%s\b)" % (tool, letter, letter)
            if re.search(r"`-%s\b`" % letter, first) and \
                    (" of " not in first or program in first) and \
                    re.search(theirs, cells[0] + "," + cells[1]):
                return True
        elif section in (program, "All programs") and first.startswith("`-%s," % letter):
            columns = ["socat", "ncat", "ssh", "ping"]
            # nc and ncat are of one mind about these
            column = columns.index("ncat" if tool == "nc" else tool)
            if re.search(r"(^|[ `])-%s\b" % letter, cells[column]):
                return True
    return False


failed = 0
for program in sys.argv[1:]:
    listed = subprocess.run([program, "--list-options"], capture_output=True, text=True,
                            check=True).stdout
    own = {line.split("\t")[0] for line in listed.splitlines()} - {"-"}
    for tool in resembles.get(program, ("ssh", "nc", "ncat", "socat")):
        for letter in sorted(own & set(letters[tool])):
            if not written(letter, tool, program):
                print("%s -%s: what about %s -%s? doc/options.md does not say"
                      % (program, letter, tool, letter))
                failed += 1
sys.exit(1 if failed else 0)
