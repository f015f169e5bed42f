#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy: datagram sockets that it was started with, as systemd passes them.

load lib/common
load lib/udp

# passed NAME SPEC… -- COMMAND…: in the background, started with sockets as systemd passes them:
# WORD=udp:HOST, tcp:HOST or unixgram. Says "AT HOST:PORT" of each on standard output; sets $at to
# the first.
passed() {
	local name=$1
	shift
	cat >pass.py <<-'PYTHON'
		import os, socket, sys
		split = sys.argv.index("--")
		names, held = [], []
		for spec in sys.argv[1:split]:
		    word, what = spec.split("=")
		    kind, _, host = what.partition(":")
		    if kind == "unixgram":
		        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		        sock.bind("./gram")
		    else:
		        family = socket.AF_INET6 if ":" in host else socket.AF_INET
		        sock = socket.socket(family, socket.SOCK_STREAM if kind == "tcp"
		            else socket.SOCK_DGRAM)
		        if family == socket.AF_INET6:
		            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
		        sock.bind((host, 0))
		        if kind == "tcp":
		            sock.listen()
		    print("AT %s:%d" % sock.getsockname()[:2] if kind != "unixgram"
		        else "AT ./gram", flush=True)
		    names.append(word)
		    held.append(os.dup2(sock.fileno(), 100 + len(held)))
		for number, fd in enumerate(held):
		    os.dup2(fd, 3 + number)
		os.closerange(3 + len(held), 200)
		os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(held)),
		    LISTEN_FDNAMES=":".join(names))
		os.execvp(sys.argv[split + 1], sys.argv[split + 1 :])
	PYTHON
	spawn "$name" python3 pass.py "$@"
	wait_until grep -q '^AT' "$name.out"
	at=$(sed -n 's/^AT //p' "$name.out" | head -n 1)
}

@test "a datagram socket passed by systemd is served like udp:, by name and number, through a reload and a restart" {
	peer echo echo 127.0.0.1:0
	echo "fd:dns $at name=one udp-idle=1m" >rules
	target=$at
	passed proxy dns=udp:127.0.0.1 -- vsock-proxy -v -f rules
	[ "$(datagrams ask "$at" first)" = "127.0.0.1 first" ]
	has proxy.err '#1 open udp:127.0.0.1:[0-9]+ -> udp:127.0.0.1:[0-9]+ rule=one'
	printf '%s\n' "fd:dns $target name=two" "udp:127.0.0.1:0 exec:cat" >rules
	kill -HUP "${spawned[proxy]}"
	has proxy.err 'reloaded'
	[ "$(datagrams ask "$at" second)" = "127.0.0.1 second" ]
	has proxy.err 'open udp:.* rule=two'
	kill -USR2 "${spawned[proxy]}"
	has proxy.err 'has taken over'
	next=$(sed -n 's/.*this process (\([0-9]*\)) has taken over.*/\1/p' proxy.err)
	# the one that goes hears nothing of them any more
	datagrams exchange "$at" 100
	ends_with 0 proxy
	spawned[proxy]=$next
	[ "$(grep -c 'open udp:' proxy.err)" = 3 ]
	finish proxy
	passed number dns=udp:127.0.0.1 -- vsock-proxy -v fd:3 "$target"
	datagrams exchange "$at" 100
	finish number
}

@test "several passed sockets with one name answer from the address that was asked, on all addresses of both IP versions" {
	[ -e /proc/net/if_inet6 ] || skip "no IPv6 here"
	peer echo echo 127.0.0.1:0
	target=$at
	passed proxy dns=udp::: dns=udp:0.0.0.0 -- vsock-proxy -v fd:dns "$target"
	port=$(port_of "$at")
	for host in 127.0.0.1 127.0.0.2; do
		[ "$(datagrams ask "$host:$port" "to $host")" = "$host to $host" ]
		[ "$(datagrams ask "$host:$(port_of "$(sed -n 2p proxy.out)")" "to $host")" = \
			"$host to $host" ]
	done
	[ "$(datagrams ask "[::1]:$port" six)" = "::1 six" ]
	has proxy.err 'open udp:\[::1\]:'
}

@test "passed datagram sockets that cannot be served are refused, and the message says why" {
	peer echo echo 127.0.0.1:0
	target=$at
	refused_passed 1 'fd:a: the datagrams of this socket are not UDP' a=unixgram -- \
		vsock-proxy fd:a "$target"
	refused_passed 1 'fd:a: some sockets of this name are for datagrams, others for connections' a=udp:127.0.0.1 a=tcp:127.0.0.1 -- vsock-proxy fd:a "$target"
	refused_passed 1 'fd:a: this socket is for datagrams' a=tcp:127.0.0.1 a=udp:127.0.0.1 -- \
		vsock-proxy fd:a "$target"
	refused_passed 1 'fd:a: this socket is for datagrams' a=udp:127.0.0.1 -- \
		vsock-listen --echo fd:a
	refused_passed 1 'fd:b: this socket is for datagrams' b=udp:127.0.0.1 -- vsock-proxy \
		--metrics fd:b tcp:127.0.0.1:0 "$target"
	refused_passed 2 'a UDP flow has a timeout of its own' a=udp:127.0.0.1 -- vsock-proxy fd:a \
		"$target" idle-timeout=1m
	refused_passed 2 'a PROXY header needs a stream' a=udp:127.0.0.1 -- vsock-proxy fd:a \
		tcp:53 send-proxy=v2
	refused_passed 2 'datagrams travel on a stream' a=udp:127.0.0.1 -- vsock-proxy fd:a \
		unix-seqpacket:./x
}

refused_passed() { # STATUS TEXT SPEC… -- COMMAND…
	local status=$1 text=$2
	shift 2
	rm -f gram
	passed refused "$@"
	ends_with "$status" refused
	grep -qF "$text" refused.err || { cat refused.err; return 1; }
}

@test "systemd-socket-activate: the first datagram starts it and is answered" {
	need systemd-socket-activate
	peer echo echo 127.0.0.1:0
	port=$(udp_port)
	spawn activate systemd-socket-activate -d -l "127.0.0.1:$port" --fdname=dns vsock-proxy \
		fd:dns "$at"
	wait_until grep -q 'Listening on' activate.err
	[ "$(datagrams ask "127.0.0.1:$port" starts)" = "127.0.0.1 starts" ]
}

udp_port() { # one that was free a moment ago
	python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
