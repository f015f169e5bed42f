# SPDX-License-Identifier: GPL-3.0-or-later
"""vsock-cat with a TCP connection as a standard stream, as inetd starts programs."""
import socket
import struct
import subprocess


def listener():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    return s


def address(s):
    return "tcp:127.0.0.1:%d" % s.getsockname()[1]


def start(*words, stdin=True, stdout=True):
    """vsock-cat with these arguments, and our end of the connection; False: a pipe instead."""
    front = listener()
    ours = socket.create_connection(front.getsockname())
    theirs, _ = front.accept()
    cat = subprocess.Popen(["vsock-cat", *words], stdin=theirs if stdin else subprocess.PIPE,
                           stdout=theirs if stdout else subprocess.PIPE)
    theirs.close()
    return cat, ours


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def until_end(s):
    """What comes, and how it ends."""
    got = b""
    try:
        while data := s.recv(65536):
            got += data
        return got, "end"
    except ConnectionResetError:
        return got, "reset"
