# SPDX-License-Identifier: GPL-3.0-or-later
"""run-vectors.py FILE: are the test vectors in FILE, doc/run-protocol.md, what run-client.py makes?
Prints those that are not."""
import importlib.util
import os
import re
import struct
import sys

sys.dont_write_bytecode = True  # not among the sources
spec = importlib.util.spec_from_file_location(
    "client", os.path.join(os.path.dirname(os.path.abspath(__file__)), "run-client.py"))
client = importlib.util.module_from_spec(spec)
spec.loader.exec_module(client)
token = bytes(range(16))
made = {
    "REQUEST": client.request([b"echo", b"a b"], [b"A=b"], b"xterm", b"/tmp", (True, 25, 132),
                              b"me"),
    "STREAM": client.frame(client.STREAM, client.GREETING + token + b"\x02"),
    "ACCEPT": client.frame(client.ACCEPT, token),
    "REFUSE": client.frame(client.REFUSE, b"\x7f" + client.text(b"no")),
    "END": client.frame(client.END, struct.pack(">BQ", 1, 65537)),
    "EXIT": client.frame(client.EXIT, bytes([0, 9])),
    "SIGNAL": client.frame(7, b"\x02"),
    "WINDOW": client.frame(8, struct.pack(">HH", 25, 132)),
    "PING": client.frame(9),
    "PONG": client.frame(10),
}
with open(sys.argv[1]) as file:
    written = dict(re.findall(r"^\| `(\w+)` \|.*\| `([0-9a-f ]+)` \|$", file.read(), re.M))
wrong = [name for name in made if bytes.fromhex(written.get(name, "")) != made[name]]
for name in wrong:
    print(name, made[name].hex(" "))
sys.exit(len(wrong))
