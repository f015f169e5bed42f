# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs that are compared: how each is told to relay from one address to another, and what
it can't do."""

import os
import shutil
import subprocess

FAMILIES = ("tcp", "unix", "vsock")


class Cannot(Exception):
    """This program can't do this; the text says why, for the footnote."""


class Place:
    """Where somebody listens: the address to listen on and the one to connect to, in the notation
    of our programs."""

    def __init__(self, family, listen, connect):
        self.family = family
        self.listen = listen
        self.connect = connect

    def words(self, text):
        return text.split(":", 1)[1].rsplit(":", 1)

    @property
    def port(self):
        return self.words(self.listen)[1]

    @property
    def host(self):
        """IP address or CID to connect to."""
        return self.words(self.connect)[0]

    @property
    def to_port(self):
        return self.words(self.connect)[1]

    @property
    def path(self):
        return self.listen.split(":", 1)[1]


def first_line(command):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = [line.strip() for line in done.stdout.decode(errors="replace").splitlines()
             if line.strip()]
    return lines[0] if lines else ""


class Peer:
    """A relay. `ours`: its results are what the bars are about; `forks`: a process a connection."""

    ours = False
    forks = False
    name = ""
    program = None

    def path(self):
        return self.program and shutil.which(self.program)

    def version(self):
        return first_line([self.path(), "--version"])

    def command(self, listen, connect, setup):
        raise NotImplementedError


class VsockProxy(Peer):
    ours = True

    def __init__(self, program, engine=None, busy=None):
        self.program = program
        self.engine = engine
        self.busy = busy
        self.name = "vsock-proxy" + (f" {engine}" if engine else "")
        self.name += f" --busy-poll {busy}" if busy else ""

    def command(self, listen, connect, setup):
        options = ["--engine", self.engine] if self.engine else []
        options += ["--busy-poll", self.busy] if self.busy else []
        return [self.path(), *options, listen.listen, connect.connect]


class Socat(Peer):
    forks = True
    program = "socat"

    def __init__(self, size=None):
        self.size = size
        self.name = "socat" + (f" -b {size}" if size else "")

    def version(self):
        lines = subprocess.run([self.path(), "-V"], stdout=subprocess.PIPE,
                               check=False).stdout.decode().splitlines()
        return next((line for line in lines if line.startswith("socat version")),
                    "socat").split(" on ")[0]

    def connect_word(self, place):
        # with larger buffers it is tuned, and so gets this too
        nodelay = ",nodelay" if self.size else ""
        if place.family == "tcp":
            return f"TCP4:{place.host}:{place.to_port}{nodelay}"
        if place.family == "unix":
            return f"UNIX-CONNECT:{place.path}"
        return f"VSOCK-CONNECT:{place.host}:{place.to_port}"

    def listen_word(self, place):
        nodelay = ",nodelay" if self.size else ""
        if place.family == "tcp":
            return f"TCP4-LISTEN:{place.port},bind=127.0.0.1,reuseaddr,backlog=4096,fork{nodelay}"
        if place.family == "unix":
            return f"UNIX-LISTEN:{place.path},backlog=4096,fork"
        return f"VSOCK-LISTEN:{place.port},backlog=4096,fork"

    def buffer(self):
        return ["-b", str(self.size)] if self.size else []

    def command(self, listen, connect, setup):
        return [self.path(), *self.buffer(), self.listen_word(listen), self.connect_word(connect)]

    def stdio(self, connect):
        return [self.path(), *self.buffer(), "-", self.connect_word(connect)]


class Ncat(Peer):
    forks = True
    name = program = "ncat"

    def words(self, place, listening):
        if place.family == "tcp":
            return [place.host, place.port if listening else place.to_port]
        if place.family == "unix":
            return ["-U", place.path]
        return ["--vsock", place.port] if listening else ["--vsock", place.host, place.to_port]

    def command(self, listen, connect, setup):
        inner = " ".join(["exec", self.path(), *self.words(connect, False)])
        return [self.path(), "-l", "-k", "-m", "4096", *self.words(listen, True), "--sh-exec",
                inner]

    def stdio(self, connect):
        return [self.path(), *self.words(connect, False)]


class Nc(Peer):
    """OpenBSD's netcat. -N because without it the end of input is not passed on at all."""

    program = "nc"
    name = "nc -N"

    def version(self):
        return first_line([self.path(), "-h"])

    def stdio(self, connect):
        if connect.family == "vsock":
            raise Cannot("knows no vsock")
        if connect.family == "unix":
            return [self.path(), "-N", "-U", connect.path]
        return [self.path(), "-N", connect.host, connect.to_port]


class VsockCat(Peer):
    ours = True

    def __init__(self, program, engine=None):
        self.program = program
        self.engine = engine
        self.name = "vsock-cat" + (f" {engine}" if engine else "")

    def stdio(self, connect):
        engine = ["--engine", self.engine] if self.engine else []
        return [self.path(), *engine, connect.connect]


class SocketProxyd(Peer):
    name = "systemd-socket-proxyd"

    def path(self):
        for directory in ("/usr/lib/systemd", "/lib/systemd"):
            path = f"{directory}/{self.name}"
            if os.access(path, os.X_OK):
                return path
        return None

    def command(self, listen, connect, setup):
        if connect.family == "vsock":
            raise Cannot("can't connect to vsock")
        target = connect.path if connect.family == "unix" else f"{connect.host}:{connect.to_port}"
        return [setup.load, "activate", listen.listen, "--", self.path(), "-c", "100000", target]


class Haproxy(Peer):
    program = "haproxy"

    def __init__(self, splice, busy=False):
        self.splice = splice
        self.busy = busy
        self.name = "haproxy" + (" splice" if splice else "") + (" busy-polling" if busy else "")

    def path(self):
        return shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    def version(self):
        return " ".join(first_line([self.path(), "-v"]).split()[:3])

    def word(self, place, listening):
        if place.family == "vsock":
            raise Cannot("this version knows no vsock")
        if place.family == "unix":
            return f"unix@{place.path}"
        return f"{place.host}:{place.port if listening else place.to_port}"

    def command(self, listen, connect, setup):
        config = os.path.join(setup.directory, "haproxy.cfg")
        splice = "    option splice-auto\n" if self.splice else ""
        pipe = "    tune.pipesize 1048576\n" if self.splice else ""
        busy = "    busy-polling\n" if self.busy else ""
        text = f"""global
    maxconn 4000
{busy}{pipe}defaults
    mode tcp
    maxconn 4000
    backlog 4096
{splice}    timeout connect 10s
    timeout client 10m
    timeout server 10m
listen relay
    bind {self.word(listen, True)}
    server target {self.word(connect, False)}
"""
        with open(config, "w", encoding="ascii") as f:
            f.write(text)
        return [self.path(), "-db", "-f", config]


def relays(proxy, engines):
    """All relays, ours first."""
    return [
        VsockProxy(proxy),
        *(VsockProxy(proxy, engine) for engine in engines),
        # On one processor, where the benchmark puts the relay, auto never polls.
        VsockProxy(proxy, busy="50us"),
        Socat(),
        Socat(131072),
        Socat(1048576),
        Ncat(),
        SocketProxyd(),
        Haproxy(False),
        Haproxy(True),
        Haproxy(False, busy=True),
    ]


def stdio_programs(cat, engines):
    return [VsockCat(cat), *(VsockCat(cat, engine) for engine in engines), Socat(), Socat(131072),
            Socat(1048576), Ncat(), Nc()]
