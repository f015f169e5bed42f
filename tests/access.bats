#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Who may connect: --allow, --deny, --max-conns-per-peer.

load lib/common

# try_from ADDRESS TO: does an echo at TO answer a client whose source is ADDRESS?
try_from() {
	[ "$(echo hello | vsock-cat "$2,bind=$1" 2>/dev/null)" = hello ]
}

@test "--allow denies everyone else, and the record says why" {
	spawn_ready listen vsock-listen --echo --allow 127.0.0.2 tcp:127.0.0.1:0
	try_from 127.0.0.2 "$ready"
	run ! try_from 127.0.0.1 "$ready"
	wait_until grep -q '#2 deny tcp:127.0.0.1:[0-9]* -> - why="no --allow names it"' \
		"$BATS_TEST_TMPDIR/listen.err"
	kill -USR1 "${spawned[listen]}"
	wait_until grep -q 'connections: 2, open: 0, failed: 1' "$BATS_TEST_TMPDIR/listen.err"
}

@test "a denied client does not count for -c, and does not decide the status" {
	spawn_ready listen vsock-listen -c 1 --echo --deny 127.0.0.3 tcp:127.0.0.1:0
	run ! try_from 127.0.0.3 "$ready"
	wait_until grep -q 'deny=127.0.0.3' "$BATS_TEST_TMPDIR/listen.err"
	kill -TERM "${spawned[listen]}"
	ends_with 0 listen
	spawn_ready listen vsock-listen -c 1 --deny 127.0.0.3 tcp:127.0.0.1:0 -- sh -c 'exit 9'
	run ! try_from 127.0.0.3 "$ready"
	wait_until grep -q 'deny=127.0.0.3' "$BATS_TEST_TMPDIR/listen.err"
	run ! try_from 127.0.0.2 "$ready"
	ends_with 9 listen
}

@test "--deny alone admits everyone else; the first match wins" {
	spawn_ready listen vsock-listen --echo --deny 127.0.0.3 tcp:127.0.0.1:0
	try_from 127.0.0.2 "$ready"
	run ! try_from 127.0.0.3 "$ready"
	wait_until grep -q 'deny=127.0.0.3' "$BATS_TEST_TMPDIR/listen.err"
	spawn_ready second vsock-listen --echo --allow 127.0.0.4 --deny 127.0.0.0/8 --allow any \
		tcp:127.0.0.1:0
	try_from 127.0.0.4 "$ready"
	run ! try_from 127.0.0.5 "$ready"
}

@test "CIDR, IPv6, and IPv4 mapped into IPv6" {
	need python3
	spawn_ready listen vsock-listen --echo --allow 127.0.1.0/24 --allow ::1 'tcp:*:0'
	port=${ready##*:}
	try_from 127.0.1.7 "tcp:127.0.0.1:$port"
	run ! try_from 127.0.0.1 "tcp:127.0.0.1:$port"
	run -0 bash -c "echo six | vsock-cat 'tcp:[::1]:$port'"
	[ "$output" = six ]
	# a listener for both versions in one, as others make them: its IPv4 peers are v4-mapped
	run -0 python3 - <<-'END'
		import socket, subprocess
		s = socket.socket(socket.AF_INET6)
		s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
		s.bind(("::", 0)); s.listen()
		p = subprocess.Popen(["vsock-listen", "--echo", "-c", "1", "-q", "--allow",
		    "127.0.0.0/8", "fd:%d" % s.fileno()], pass_fds=[s.fileno()])
		c = socket.create_connection(("127.0.0.1", s.getsockname()[1]))
		c.sendall(b"mapped")
		c.shutdown(1)
		print(c.recv(10).decode())
		p.wait()
	END
	[ "$output" = mapped ]
}

@test "UNIX peers by uid, gid and user" {
	me=$(id -un)
	cd "$BATS_TEST_TMPDIR"
	for who in "uid:$(id -u)" "gid:$(id -g)" "user:$me" "uid:12345,user:$me" any; do
		spawn_ready "listen-$who" vsock-listen --echo --allow "$who" unix:echo
		run -0 bash -c 'echo in | vsock-cat unix:echo'
		[ "$output" = in ]
		kill "${spawned[listen-$who]}"
		wait_until test ! -e echo
	done
	spawn_ready listen vsock-listen --echo --allow uid:12345 unix:echo
	run bash -c 'echo in | vsock-cat unix:echo 2>/dev/null'
	[ -z "$output" ]
}

@test "a WHO that can never match is refused at the start with status 2" {
	run -2 vsock-listen --echo --allow 3 tcp:0
	[[ $output == *"'3' can never match a peer of tcp"* ]]
	run -2 vsock-listen --echo --allow 10.0.0.0/8 unix:@x
	run -2 vsock-listen --echo --deny uid:0 vsock:any:5000
	run -2 vsock-proxy --allow uid:0,3 unix:@x tcp:80
	[[ $output == *$'\n  uid:0,3\n        ^'* ]]
	# two listeners: each entry fits one of them, so only the name that nobody has is an error
	run -2 vsock-proxy --allow uid:0,3 --deny nobody unix:@x tcp:80 vsock::80 tcp:80
	[[ $output == *"'nobody' is not a known peer"* ]]
}

@test "a malformed WHO is refused" {
	for who in '' ',' '3,' 1.2.3.4/33 ::1/129 uid: uid:x uid:-1 gid:4294967296 user: \
		user:no-such-user-here '*' 4294967295 10.0.0; do
		run -2 vsock-listen --echo --allow "$who" vsock::5000
		[[ $output == "vsock-listen: --allow $who: "* ]]
	done
}

# one_per_peer HELD ASKED LOG: while 127.0.0.1 has a connection to HELD, it gets no other to ASKED,
# and another peer does.
one_per_peer() {
	coproc held { vsock-cat "$1"; }
	echo first >&"${held[1]}"
	read -r answer <&"${held[0]}"
	[ "$answer" = first ]
	run ! try_from 127.0.0.1 "$2"
	try_from 127.0.0.2 "$2"
	wait_until grep -q 'why=max-conns-per-peer=1' "$3"
	exec {held[1]}>&-
}

@test "--max-conns-per-peer closes surplus connections, and the record says so" {
	spawn_ready listen vsock-listen --echo --max-conns-per-peer 1 tcp:127.0.0.1:0
	one_per_peer "$ready" "$ready" "$BATS_TEST_TMPDIR/listen.err"
}

@test "--max-conns-per-peer counts an IPv4 client of a socket for IPv4 and IPv6 as the same one" {
	cd "$BATS_TEST_TMPDIR"
	cat >both <<-'END'
		#!/usr/bin/env python3
		import os, socket, sys
		sock = socket.socket(socket.AF_INET6)
		sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
		sock.bind(("::ffff:127.0.0.1", 0))
		sock.listen()
		os.set_inheritable(sock.fileno(), True)
		with open("port", "w") as file:
		    file.write(str(sock.getsockname()[1]))
		os.execvp("vsock-proxy", ["vsock-proxy", *sys.argv[1:], "--max-conns-per-peer", "1",
		    "fd:%d" % sock.fileno(), "exec:cat", "tcp:127.0.0.1:0", "exec:cat"])
	END
	chmod +x both
	spawn_ready proxy ./both
	wait_ready proxy 2
	one_per_peer "tcp:127.0.0.1:$(<port)" "${readies[1]}" proxy.err
}
