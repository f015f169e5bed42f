#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""run-client.py PATH COMMAND [ARG]...: what vsock-run does, from doc/run-protocol.md alone, on a
UNIX socket. tests/lib/run-vectors.py compares its frames with the test vectors there."""
import os
import socket
import struct
import sys
import threading

REQUEST, STREAM, ACCEPT, REFUSE, END, EXIT = 1, 2, 3, 4, 5, 6
GREETING = b"VSOCKRUN\x01"


def text(value):
    return struct.pack(">I", len(value)) + value


def texts(values):
    return struct.pack(">I", len(values)) + b"".join(map(text, values))


def frame(kind, payload=b""):
    return struct.pack(">BI", kind, len(payload)) + payload


def request(command, environment=(), term=b"", directory=b"", terminal=(False, 24, 80), user=b""):
    return frame(REQUEST, GREETING + struct.pack(">?HH", *terminal) + text(term) +
                 text(directory) + text(user) + texts(command) + texts(environment))


def connect(path, first):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    connection.sendall(first)
    return connection, connection.makefile("rb")


def read_frame(file):
    kind, size = struct.unpack(">BI", file.read(5))
    return kind, file.read(size)


def receive(stream, connection, to, ends, counts):
    """Until as many bytes are there as the server says there are."""
    connection.settimeout(0.05)
    while counts[stream] != ends.get(stream):
        try:
            data = connection.recv(65536)
        except TimeoutError:
            continue
        if not data:
            break
        counts[stream] += len(data)
        to.write(data)
        to.flush()
    connection.close()


def run(path, command):
    control, answers = connect(path, request(command))
    kind, token = read_frame(answers)
    if kind == REFUSE:
        sys.exit(token[5:].decode())
    streams = [connect(path, frame(STREAM, GREETING + token + bytes([i])))[0] for i in range(3)]
    ends, counts, status = {}, {1: 0, 2: 0}, None
    threads = [threading.Thread(target=receive, args=(i, streams[i], to.buffer, ends, counts))
               for i, to in ((1, sys.stdout), (2, sys.stderr))]
    for thread in threads:
        thread.start()
    data = sys.stdin.buffer.read()
    try:
        streams[0].sendall(data)
        control.sendall(frame(END, struct.pack(">BQ", 0, len(data))))
    except (BrokenPipeError, ConnectionResetError):
        pass  # the command wants no more, or was refused: what the server said is still read
    while status is None or len(ends) < 2:
        kind, payload = read_frame(answers)
        if kind == END:
            ends[payload[0]] = struct.unpack(">Q", payload[1:])[0]
        elif kind == EXIT:
            status = payload[0] if not payload[1] else 128 + payload[1]
        elif kind == REFUSE:
            sys.stderr.write(payload[5:].decode() + "\n")
            os._exit(payload[0])
    for thread in threads:
        thread.join()
    return status if counts == ends else 125


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], [word.encode() for word in sys.argv[2:]]))
