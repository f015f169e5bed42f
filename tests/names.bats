#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Names that are slow to look up hold up nobody else, and names with several addresses. The name
# server here never answers.

load lib/common

setup() {
	need python3 ip unshare setpriv
	unshare -mn true 2>/dev/null || skip "may not have namespaces of its own: run as root"
	cd "$BATS_TEST_TMPDIR" || return
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" .
	echo 'nameserver 127.0.0.9' >resolv
	{ cat /etc/hosts; echo '127.0.0.1 fast.example'; echo '127.0.0.2 moves.example'; } >hosts
	cat >inside <<-'SCRIPT'
		#!/bin/sh
		exec unshare -mn sh -ec '
			ip link set lo up
			mount --bind resolv /etc/resolv.conf
			mount --bind hosts /etc/hosts
			python3 -c "
		import socket, time
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind((\"127.0.0.9\", 53)); open(\"silent\", \"w\"); time.sleep(120)" >log 2>&1 3>&- &
			echo $! >silent.pid
			until [ -e silent ]; do sleep 0.05; done
			exec "$@"' sh "${program:-vsock-proxy}" "$@"
	SCRIPT
	chmod +x inside
}

teardown() {
	finish_all
	[ ! -e silent.pid ] || kill "$(cat silent.pid)" 2>/dev/null || true
}

# socks NAME…: asks the rule unix:s for each; prints how long the last one took.
socks() {
	timeout 60 python3 - "$@" <<-'CODE'
		import socket, struct, sys, time
		def ask(name):
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(50)
		    s.connect("s")
		    s.sendall(b"\5\1\0")
		    s.recv(2)
		    name = name.encode()
		    s.sendall(b"\5\1\0\3" + bytes([len(name)]) + name + struct.pack(">H", 9))
		    return s
		slow = [ask(name) for name in sys.argv[1:-1]]
		began = time.time()
		answer = ask(sys.argv[-1]).recv(10)
		print("%.0f code %d" % (time.time() - began, answer[1]))
	CODE
}

# Does the supervisor have a process that looks names up?
looks_up() {
	local child
	for child in $(cat "/proc/${spawned[proxy]}/task/${spawned[proxy]}/children"); do
		! grep -q vsock-resolve "/proc/$child/comm" || return 0
	done
	return 1
}

@test "a name in /etc/hosts is resolved at once beside 40 slow ones" {
	spawn_ready proxy ./inside --user nobody unix:s,mode=0666 socks5: \
		allow-dest='*.example:1-65535' allow-dest=127.0.0.1:1-65535
	run -0 socks fast.example
	[ "$output" = '0 code 5' ]
	mapfile -t slow < <(seq -f 'slow%g.example' 40)
	run -0 socks "${slow[@]}" fast.example
	[ "$output" = '0 code 5' ]
}

@test "a reload waiting for a LISTEN name blocks nobody, and then fails or succeeds" {
	echo 'unix:cat exec:/bin/cat' >rules
	spawn_ready proxy ./inside --user nobody -f rules
	echo 'tcp:slow.example:2299 exec:/bin/cat' >>rules
	kill -HUP "${spawned[proxy]}"
	wait_until looks_up
	run -0 timeout 20 vsock-cat unix:cat <<<served
	[ "$output" = served ]
	run ! grep -q reloaded proxy.err
	# the next reload waits for this one, and then is done
	echo 'tcp:moves.example:2299 exec:/bin/cat' >rules
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q 'nothing was reloaded' proxy.err
	grep -q 'slow.example' proxy.err
	wait_until grep -q 'reloaded; rules unchanged: 0' proxy.err
	grep -q 'listening on tcp:moves.example:2299 (127.0.0.2)' proxy.err
}

@test "a LISTEN name that changes its address is listened on there after a reload" {
	echo 'tcp:moves.example:2299 exec:/bin/cat' >rules
	spawn_ready proxy ./inside -f rules
	pid=${spawned[proxy]}
	listens_on() {
		[ "$(nsenter -t "$pid" -n ss -Hltn sport = 2299 | awk '{print $4}' | sort |
			tr '\n' ' ')" = "$1" ]
	}
	listens_on '127.0.0.2:2299 '
	echo '127.0.0.3 moves.example' >>hosts
	kill -HUP "$pid"
	wait_until grep -q 'reloaded; rules unchanged: 0, adjusted: 0, new: 1, removed: 1' proxy.err
	listens_on '127.0.0.2:2299 127.0.0.3:2299 '
	sed 's/^127.0.0.2 /127.0.0.4 /' hosts >changed
	cat changed >hosts
	kill -HUP "$pid"
	wait_until eval '[ "$(grep -c reloaded proxy.err)" = 2 ]'
	listens_on '127.0.0.3:2299 127.0.0.4:2299 '
	for last in 3 4; do
		run -0 nsenter -t "$pid" -n timeout 10 vsock-cat \
			"tcp:127.0.0.$last:2299" <<<"hello $last"
		[ "$output" = "hello $last" ]
	done
	kill -HUP "$pid"
	wait_until grep -q 'reloaded; rules unchanged: 1, adjusted: 0, new: 0' proxy.err
}

@test "of several addresses, the one that answers decides: localhost refuses, whatever else it means" {
	spawn_ready proxy ./inside --user nobody unix:s,mode=0666 socks5: \
		allow-dest=127.0.0.1:1-65535
	run -0 socks localhost
	[ "$output" = '0 code 5' ]
	cat >without-ipv6 <<-'SCRIPT'
		ip link set lo up
		echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6
		exec vsock-cat -z tcp:localhost:8080
	SCRIPT
	run -3 unshare -n sh without-ipv6
	[[ $output == *'refused: nothing listens on port 8080 of localhost'* ]]
}

@test "bind=: the explanation is about the address or port to connect from" {
	spawn_ready echo vsock-listen --echo -k tcp:127.0.0.1:0
	# localhost may be ::1 as well, which 192.0.2.1 is no source for
	for to in "$ready" "tcp:localhost:${ready##*:}"; do
		run -1 --separate-stderr vsock-cat "$to,bind=192.0.2.1"
		[ "${stderr_lines[0]}" = \
			"vsock-cat: $to: address not available: no interface of this machine has 192.0.2.1" ]
		[ "${stderr_lines[1]}" = "hint: ip address lists its addresses" ]
	done
	port=$(free_port)
	spawn first python3 -c '
import socket, sys, time
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1])))
s.connect(("127.0.0.1", int(sys.argv[2])))
print("connected", flush=True)
time.sleep(600)' "$port" "${ready##*:}"
	wait_until grep -q connected first.out
	run -1 --separate-stderr vsock-cat "$ready,bind=:$port"
	[[ $stderr == "vsock-cat: $ready: address not available: port $port already has a connection"* ]]
}

# within SECONDS: that it took no longer since $began.
within() {
	awk -v a="$began" -v b="$EPOCHREALTIME" -v s="$1" 'BEGIN { exit !(b - a < s) }'
}

@test "vsock-ping: -w and --wait also limit how long a name is looked up" {
	export program=vsock-ping
	local began=$EPOCHREALTIME
	run -5 ./inside -w 500ms tcp:slow.example:80
	[[ $output == *"tcp:slow.example:80: timed out: slow.example could not be looked up in 500 ms" ]]
	kill "$(cat silent.pid)"
	rm silent
	run -5 ./inside --wait 500ms tcp:slow.example:80
	[[ $output == *"tcp:slow.example:80: timed out: no answer in 500 ms"* ]]
	# the name server is silent for 10 s for each
	within 8
}
