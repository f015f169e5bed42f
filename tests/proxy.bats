#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy: from any family to any other, many at once, and what it says. Half-close, signals,
# access have their own files.

load lib/common

setup() {
	own_directory
}

@test "every pair of TCP, UNIX and abstract sockets, in one process" {
	bytes 1M sent
	spawn_ready tcp vsock-listen tcp:127.0.0.1:0 --echo
	tcp=$ready
	spawn_ready unix vsock-listen unix:./echo --echo
	spawn_ready abstract vsock-listen "unix:@proxy-echo-$$" --echo
	rules=()
	number=0
	for target in "$tcp" unix:./echo "unix:@proxy-echo-$$"; do
		for listen in tcp:127.0.0.1:0 unix:./front-NUMBER "unix:@proxy-front-NUMBER-$$"; do
			rules+=("${listen/NUMBER/$((++number))}" "$target")
		done
	done
	spawn_ready proxy vsock-proxy "${rules[@]}"
	wait_ready proxy 9
	for front in "${readies[@]}"; do
		vsock-cat "$front" <sent >got
		same sent got
	done
}

@test "64 MiB there and back, with each engine" {
	bytes 64M sent
	spawn_ready echo vsock-listen tcp:127.0.0.1:0 --echo
	for engine in auto copy splice; do
		spawn_ready proxy vsock-proxy --engine $engine unix:./front "$ready"
		vsock-cat ./front <sent >got
		same sent got
		ready=$(sed -n 's/^READY //p' echo.ready)
		finish proxy
	done
}

@test "--busy-poll takes off, auto or a time, and moves the same bytes" {
	bytes 4M sent
	spawn_ready echo vsock-listen --busy-poll 20us tcp:127.0.0.1:0 --echo
	echo=$ready
	for busy in off auto 50us; do
		spawn_ready proxy vsock-proxy --busy-poll $busy unix:./front "$echo"
		vsock-cat --busy-poll $busy ./front <sent >got
		same sent got
		finish proxy
	done
	vsock-ping --busy-poll 1ms -c 2 --echo "$echo"
	run -2 --separate-stderr vsock-ping --busy-poll inf "$echo"
	[ "$stderr" = "vsock-ping: --busy-poll inf: bad time: inf is not allowed" ]
	run -2 --separate-stderr vsock-cat --busy-poll 2s "$echo"
	[ "$stderr" = "vsock-cat: --busy-poll 2s: bad time: it is above 1 s" ]
	run -2 vsock-listen --busy-poll always tcp:127.0.0.1:0
	run -2 vsock-proxy unix:./front "$echo" busy-poll=off
}

@test "200 connections at once" {
	need python3
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 unix:./echo
	run -0 python3 -c '
import socket, sys
port = int(sys.argv[1])
clients = [socket.create_connection(("127.0.0.1", port)) for i in range(200)]
for number, client in enumerate(clients):
    client.sendall(b"%d\n" % number * 1000)
for number, client in reversed(list(enumerate(clients))):
    client.shutdown(socket.SHUT_WR)
    got = b"".join(iter(lambda: client.recv(65536), b""))
    assert got == b"%d\n" % number * 1000' "$(port_of "$ready")"
	wait_until sh -c '[ "$(grep -c " done .* end=eof" proxy.err)" = 200 ]'
}

@test "a slow reader delays nobody else" {
	need python3
	spawn_ready source vsock-listen unix:./source --generate 32M
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 unix:./source
	run -0 python3 -c '
import socket, sys
port = int(sys.argv[1])
slow = socket.create_connection(("127.0.0.1", port))
assert slow.recv(1) == b"\0"
for i in range(3):
    fast = socket.create_connection(("127.0.0.1", port))
    assert sum(map(len, iter(lambda: fast.recv(1 << 20), b""))) == 32 << 20
assert sum(map(len, iter(lambda: slow.recv(1 << 20), b""))) == (32 << 20) - 1' "$(port_of "$ready")"
}

@test "a missing target: the client is closed, and the record says why" {
	spawn_ready proxy vsock-proxy unix:./front unix:./none
	run -0 vsock-cat ./front </dev/null
	[ "$output" = "" ]
	wait_until grep -q ' fail ' proxy.err
	grep -qE '^vsock-proxy: #1 fail unix \(pid [0-9]+, uid [0-9]+\) -> unix:./none time=[0-9.]+ end=[a-z-]+ why="no such socket: ./none"$' proxy.err
	port=$(free_port)
	spawn_ready second vsock-proxy tcp:127.0.0.1:0 "tcp:127.0.0.1:$port"
	run vsock-cat "$ready" </dev/null
	wait_until grep -q ' fail ' second.err
	grep -qE "#1 fail tcp:127\.0\.0\.1:[0-9]+ -> tcp:127\.0\.0\.1:$port time=[0-9.]+ end=refused why=" second.err
}

@test "--wait holds clients until the target is there" {
	spawn_ready proxy vsock-proxy --wait 60s unix:./front unix:./echo
	echo hello >client.in
	spawn client vsock-cat ./front
	spawn_ready echo vsock-listen unix:./echo --echo
	join client
	[ "$(cat client.out)" = hello ]
}

@test "--connect-timeout gives up a silent target" {
	need python3
	start_vmm silent silence
	spawn_ready proxy vsock-proxy -w 100ms unix:./front vsock-mux:./silent:5
	run vsock-cat ./front </dev/null
	wait_until grep -q ' fail ' proxy.err
	grep -qE '#1 fail .* -> vsock-mux:./silent:5 time=[0-9.]+ end=timeout why=' proxy.err
}

@test "the target is killed in mid-transfer: the client is aborted, and the record says reset" {
	need python3
	spawn target python3 -u -c '
import os, socket
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
print("READY tcp:127.0.0.1:%d" % listener.getsockname()[1])
connection, _ = listener.accept()
connection.recv(100000)
os.kill(os.getpid(), 9)'
	ln -s target.out target.ready
	wait_ready target
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 "$ready"
	run -7 --separate-stderr sh -c 'head -c 64M /dev/zero | vsock-cat "$1"' sh "$ready"
	wait_until grep -q ' done ' proxy.err
	grep -qE '#1 done .* end=(reset|lost)' proxy.err
}

@test "the client is killed in mid-transfer: the target learns of it" {
	spawn_ready target vsock-listen -v unix:./target --discard
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 unix:./target
	ln -sf /dev/zero client.in
	spawn client vsock-cat -v "$ready"
	wait_until grep -q ' open ' target.err
	finish client KILL
	wait_until grep -q ' done ' target.err
}

@test "-v records the start and end of each connection, and announces the rules" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 unix:./echo
	[ "$(echo hello | vsock-cat "$ready")" = hello ]
	wait_until grep -q ' done ' proxy.err
	# what the kernel here can't hold is said too
	sed -i '/: worker (process /d; s/127.0.0.1:[0-9]*/127.0.0.1:PORT/g; s/=[0-9][0-9.]*\b/=N/g' proxy.err
	diff - proxy.err <<-'END'
		vsock-proxy: listening on tcp:127.0.0.1:PORT (127.0.0.1), to unix:./echo
		vsock-proxy: #1 open tcp:127.0.0.1:PORT -> unix:./echo connect=N
		vsock-proxy: #1 done tcp:127.0.0.1:PORT -> unix:./echo up=N down=N time=N end=eof
	END
}

@test "-q does not announce the rules; with --log-format json every line is JSON" {
	need python3
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready quiet vsock-proxy -q unix:./quiet unix:./echo
	[ "$(echo hello | vsock-cat ./quiet)" = hello ]
	[ ! -s quiet.err ]
	spawn_ready proxy vsock-proxy -v --log-format json tcp:127.0.0.1:0 unix:./echo \
		unix:./bad unix:./none
	[ "$(echo hello | vsock-cat "$ready")" = hello ]
	run vsock-cat ./bad </dev/null
	wait_until grep -q '"fail"' proxy.err
	finish proxy
	run -0 python3 -c '
import json
lines = [json.loads(line) for line in open("proxy.err")]
events = {line["event"]: line for line in lines if "conn" in line}
assert events["done"]["up"] == events["done"]["down"] == 6 and events["done"]["end"] == "eof", \
    events
assert events["fail"]["to"] == "unix:./none" and "no such socket" in events["fail"]["why"], events'
}

@test "addresses are printed with their family on both sides" {
	run -2 --separate-stderr vsock-proxy 8080 vsock:3:80
	[ "${stderr_lines[0]}" = "vsock-proxy: 8080: the family is missing" ]
	[ "${stderr_lines[-1]}" = "hint: write vsock::8080 or tcp:8080" ]
	run -2 vsock-proxy tcp:8080 3:80
	run -2 vsock-proxy ./a ./b
	run -2 --separate-stderr vsock-proxy tcp:8080
	[[ ${stderr_lines[0]} == *"addresses come in pairs"* ]]
	run -2 vsock-proxy unix:./a unix:./b unix:./c
}

@test "a rule that cannot listen: none of the others stays" {
	spawn_ready taken vsock-listen unix:./taken --echo
	run -1 --separate-stderr vsock-proxy unix:./front unix:./x unix:./taken unix:./y
	[[ $stderr == *"vsock-proxy: unix:./taken: address in use: "* ]]
	[ ! -e front ]
	[ -S taken ]
}

@test "tcp:PORT is localhost, tcp:*: is every interface and reported" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy tcp:0 unix:./echo
	port=$(port_of "$ready")
	grep -qE "^vsock-proxy: listening on tcp:localhost:$port \(127\.0\.0\.1(, ::1)?\), to unix:./echo$" proxy.err
	[ "$(echo hello | vsock-cat "tcp:127.0.0.1:$port")" = hello ]
}

@test "a name in the hosts file can be a target" {
	need python3
	start_vmm vmm ok
	echo "$PWD/vmm web" >"$VSOCK_HOSTS"
	spawn_ready proxy vsock-proxy unix:./front vsock:web:80
	[ "$(echo hello | vsock-cat ./front)" = hello ]
	grep -qx "CONNECT 80" vmm.out
}

@test "-m: at the limit clients wait for their turn" {
	need python3
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy -m 2 tcp:127.0.0.1:0 unix:./echo unix:./second unix:./echo
	run -0 python3 -c '
import socket, sys
def connect():
    return socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def answered(client):
    client.sendall(b"x")
    return client.recv(1) == b"x"
a, b, c = connect(), connect(), connect()
assert answered(a) and answered(b)
c.sendall(b"y")
c.settimeout(0.2)
try:
    c.recv(1)
    raise SystemExit("served above the limit")
except TimeoutError:
    pass
a.close()
c.settimeout(60)
assert c.recv(1) == b"y"
assert answered(b)' "$(port_of "$ready")"
}

@test "few descriptors: no more connections at once than they allow, and none is dropped" {
	need python3
	spawn_ready echo vsock-listen unix:./echo --echo
	printf '#!/bin/sh\nulimit -n 140\nexec vsock-proxy "$@"\n' >limited
	chmod +x limited
	spawn_ready proxy ./limited -m 1000 tcp:127.0.0.1:0 unix:./echo
	grep -qE '^vsock-proxy: --max-conns 1000: only [0-9]+ are possible with 140 descriptors$' \
		proxy.err
	run -0 python3 -c '
import socket, sys
port = int(sys.argv[1])
held = [socket.create_connection(("127.0.0.1", port)) for i in range(100)]
for connection in held:
    connection.sendall(b"y")
for connection in held:
    assert connection.recv(1) == b"y"
    connection.close()' "$(port_of "$ready")"
	run ! grep -q ' fail ' proxy.err
}

@test "it needs none of its standard descriptors and leaks none" {
	spawn_ready echo vsock-listen unix:./echo --echo
	: >proxy.ready
	serve() { exec vsock-proxy --ready-fd 9 "$@" 9>proxy.ready <&- >&- 2>&-; }
	spawn proxy serve "${inspectable[@]}" unix:./front unix:./echo
	wait_ready proxy
	[ "$(echo hello | vsock-cat ./front)" = hello ]
	before=$(descriptors_of proxy)
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(echo hello | vsock-cat ./front)" = hello ]
	done
	no_more() { [ "$(descriptors_of proxy)" -le "$before" ]; }
	wait_until no_more
}
