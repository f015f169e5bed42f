#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-listen: who gets a connection, what a COMMAND finds, limits, socket files. Its services and
# what it refuses: listen.bats and listen-files.bats.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# ends_with NAME STATUS: that it ends, and with which status, as a shell has it.
ends_with() {
	local status=0
	join "$1" || status=$?
	[ "$status" -eq "$2" ] || { echo "$1 ended with $status, not $2" >&2; return 1; }
}

# A script in the place of a program: that program with few descriptors.
limited() {
	printf '#!/bin/sh\nulimit -n %s\nexec %s "$@"\n' "$2" "$1" >"limited-$1"
	chmod +x "limited-$1"
}

ask() {
	vsock-cat "$1" </dev/null
}

@test "READY names the real port once it listens, for each family" {
	spawn_ready tcp vsock-listen tcp:127.0.0.1:0 --echo
	[[ $ready =~ ^tcp:127\.0\.0\.1:[1-9][0-9]*$ ]]
	vsock-cat -z "$ready"
	spawn_ready unix vsock-listen unix:./socket --echo
	[ "$ready" = unix:./socket ]
	spawn_ready abstract vsock-listen "@serving-$$" --echo
	[ "$ready" = "unix:@serving-$$" ]
	[ "$(echo hello | vsock-cat "$ready")" = hello ]
	spawn_ready everywhere vsock-listen 'tcp:localhost:0' --echo
	[ "$(echo hello | vsock-cat "tcp:127.0.0.1:$(port_of "$ready")")" = hello ]
}

@test "a plain vsock-listen serves one connection on standard input and output, and closes the listener" {
	: >server.ready
	serve() { exec vsock-listen --ready-fd 9 "$@" 9>server.ready <<<answer; }
	spawn server serve unix:./socket
	wait_ready server
	run -0 vsock-cat ./socket <<<question
	[ "$output" = answer ]
	join server
	[ "$(cat server.out)" = question ]
	[ ! -e socket ]
}

@test "a plain vsock-listen refuses a second client during the first" {
	mkfifo client.in
	exec 8<>client.in
	spawn_ready server vsock-listen -v unix:./socket
	spawn client vsock-cat ./socket
	wait_until grep -q ' open ' server.err
	wait_until test ! -e socket
	run -4 vsock-cat -z ./socket
	exec 8<&-
	finish client
	join server
}

@test "-k serves one client after another, and the first gets standard input" {
	: >server.ready
	serve() { exec vsock-listen -k --ready-fd 9 "$@" 9>server.ready <<<greeting; }
	spawn server serve unix:./socket
	wait_ready server
	run -0 vsock-cat ./socket <<<first
	[ "$output" = greeting ]
	run -0 vsock-cat ./socket <<<second
	[ "$output" = "" ]
	wait_until grep -q second server.out
	[ "$(cat server.out)" = $'first\nsecond' ]
}

@test "-c ends after COUNT connections; with one, the status is COMMAND's" {
	spawn_ready server vsock-listen -c 3 unix:./socket --echo
	for word in one two three; do
		[ "$(echo $word | vsock-cat ./socket)" = $word ]
	done
	join server
	spawn_ready server vsock-listen -c 1 unix:./socket -- sh -c 'exit 9'
	ask ./socket
	ends_with server 9
	spawn_ready server vsock-listen -c 1 unix:./socket -- sh -c 'kill -KILL $$'
	ask ./socket
	ends_with server 137
}

@test "a missing COMMAND is 127, one that cannot be run 126, and nothing listens" {
	run -127 --separate-stderr vsock-listen unix:./socket -- no-such-command
	[ "$stderr" = "vsock-listen: no-such-command: no such command" ]
	[ ! -e socket ]
	: >file
	run -126 vsock-listen unix:./socket -- ./file
	mkdir directory
	run -126 vsock-listen unix:./socket -- ./directory
	[ "$output" = "vsock-listen: ./directory: it is a directory" ]
	run -126 vsock-cat exec:./directory
	[ "$output" = "vsock-cat: exec:./directory: cannot be run: ./directory is a directory" ]
	run -127 vsock-cat exec:'./nothing with words'
	[[ $output == "vsock-cat: "*": no such command: ./nothing"$'\n'* ]]
	run -127 vsock-listen unix:./socket -- ./nothing
	[ ! -e socket ]
}

@test "COMMAND gets its arguments, standard error and, for TCP, environment" {
	spawn_ready server vsock-listen \
		tcp:127.0.0.1:0 -- sh -c 'echo "$0 $1"; echo trouble >&2; env' 'a b' 'c "d"'
	ask "$ready" >got
	grep -qx 'a b c "d"' got
	wait_until grep -qx trouble server.err
	grep -qx 'PROTO=TCP' got
	grep -qx 'TCPLOCALIP=127.0.0.1' got
	grep -qx "TCPLOCALPORT=$(port_of "$ready")" got
	grep -qx 'TCPREMOTEIP=127.0.0.1' got
	grep -qE '^TCPREMOTEPORT=[1-9][0-9]*$' got
	grep -qx 'TCPCONNNUM=1' got
}

@test "COMMAND's environment for UNIX sockets and IPv6" {
	spawn_ready server vsock-listen unix:./socket -- env
	ask ./socket >got
	grep -qx 'PROTO=UNIX' got
	grep -qx "UNIXREMOTEEUID=$(id -u)" got
	grep -qx "UNIXREMOTEEGID=$(id -g)" got
	grep -qE '^UNIXREMOTEPID=[1-9][0-9]*$' got
	grep -qx 'UNIXLOCALPATH=./socket' got
	# a path that is too long for a socket's address has no other name
	local long
	printf -v long '%0100d' 0
	mkdir "$long"
	spawn_ready far vsock-listen "unix:./$long/socket" -- env
	ask "./$long/socket" >got
	grep -qx 'PROTO=UNIX' got
	run ! grep -q UNIXLOCALPATH got
	spawn_ready six vsock-listen 'tcp:[::1]:0' -- env || skip "no IPv6 here"
	ask "$ready" >got
	grep -qx 'PROTO=TCP6' got
	grep -qx 'TCPREMOTEIP=::1' got
}

@test "COMMAND without a line that says for whom it is: sh runs it" {
	printf 'echo "$0 $1"' >script
	chmod +x script
	spawn_ready server vsock-listen unix:./socket -- ./script 'a b'
	[ "$(ask ./socket)" = "./script a b" ]
	[ "$(timeout 60 vsock-cat exec:./script </dev/null)" = "./script " ]
	run -127 vsock-listen unix:./other -- ''
}

@test "COMMAND has the socket, no other descriptor of ours, and unchanged signals and limits" {
	ulimit -S -n 100
	# what the test's own shell leaves open goes through us; ls has its directory
	spawn inherited ls /proc/self/fd
	join inherited
	spawn_ready server vsock-listen \
		unix:./socket -- sh -c 'ls /proc/self/fd; ulimit -n; grep -E "^Sig(Blk|Ign)" /proc/self/status'
	ask ./socket >got
	grep -E '^[0-9]+$' got | head -n -1 | diff inherited.out -
	grep -qx 100 got
	grep -qE 'SigBlk:.0+$' got
	# SIGPIPE, bit 12, is not ignored
	[ $((0x$(awk '/SigIgn/ { print $2 }' got) & 0x1000)) -eq 0 ]
}

@test "COMMAND's socket is blocking: 64 MiB through cat, and SIGPIPE ends it" {
	bytes 64M sent
	spawn_ready server vsock-listen unix:./socket -- cat
	vsock-cat ./socket <sent >got
	same sent got
	spawn_ready yes vsock-listen -v unix:./yes -- yes
	vsock-cat ./yes </dev/null | head -n 1
	wait_until grep -q ' done .* status=' yes.err # SIGPIPE, or the error of a reset
	run ! grep -q 'status=0' yes.err
	spawn_ready pipe vsock-listen -v unix:./pipe -- sh -c 'kill -PIPE $$'
	ask ./pipe
	wait_until grep -q 'status=141' pipe.err
}

@test "-m: at the limit no more clients are served, and none is turned away" {
	mkfifo first.in
	exec 8<>first.in
	spawn_ready server vsock-listen -v -m 1 tcp:127.0.0.1:0 --echo
	spawn first vsock-cat "$ready"
	echo one >&8
	wait_until grep -q one first.out
	echo two >second.in
	spawn second vsock-cat "$ready"
	echo again >&8
	wait_until grep -q again first.out
	[ ! -s second.out ]
	[ "$(grep -c ' open ' server.err)" = 1 ]
	finish first
	join second
	[ "$(cat second.out)" = two ]
	exec 8<&-
}

@test "few descriptors: no more connections at once than they allow, and none is dropped" {
	need python3
	limited vsock-listen 80
	spawn_ready server ./limited-vsock-listen -m 1000 tcp:127.0.0.1:0 --echo
	grep -qE '^vsock-listen: --max-conns 1000: only [0-9]+ are possible with 80 descriptors$' \
		server.err
	run -0 python3 -c '
import socket, sys
port = int(sys.argv[1])
held = [socket.create_connection(("127.0.0.1", port)) for i in range(60)]
for connection in held:
    connection.sendall(b"y")
for connection in held:
    assert connection.recv(1) == b"y"
    connection.close()' "$(port_of "$ready")"
	run ! grep -q deny server.err
	# each of these has a terminal; 100 are the default
	spawn_ready terminals ./limited-vsock-listen -t tcp:127.0.0.1:0 -- sh -c 'echo here; cat'
	run -0 python3 -c '
import socket, sys
port = int(sys.argv[1])
for connection in [socket.create_connection(("127.0.0.1", port)) for i in range(60)]:
    got = b""
    while b"here" not in got:
        got += connection.recv(100) or sys.exit("dropped")
    connection.close()' "$(port_of "$ready")"
	run ! grep -q fail terminals.err
	run ! grep -q '^vsock-listen: --max-conns' terminals.err
}

@test "a socket file has mode 0600 from the first moment, or another mode if given" {
	umask 0
	spawn_ready server vsock-listen unix:./socket --echo
	[ "$(stat -c %a socket)" = 600 ]
	spawn_ready group vsock-listen unix:./group,mode=0660 --echo
	[ "$(stat -c %a group)" = 660 ]
}

@test "a socket file gets another owner and group, by name or number, if the user may give it away" {
	[ "$(id -u)" = 0 ] || skip "only root may give files away"
	spawn_ready named vsock-listen unix:./named,owner=nobody,group=daemon,mode=0660 --echo
	[ "$(stat -c '%U %G %a' named)" = "nobody daemon 660" ]
	spawn_ready numbered vsock-listen unix:./numbered,owner=1234,group=56789 --echo
	[ "$(stat -c '%u %g %a' numbered)" = "1234 56789 600" ]
	run -2 --separate-stderr vsock-listen unix:./nobody,owner=no-such-user --echo
	[ "${stderr_lines[0]}" = "vsock-listen: unix:./nobody: no such user: no-such-user" ]
	run -2 --separate-stderr vsock-listen unix:./nobody,group=no-such-group --echo
	[ "${stderr_lines[0]}" = "vsock-listen: unix:./nobody: no such group: no-such-group" ]
	[ ! -e nobody ]
}

@test "a user who may not give a socket file away gets an error, and no file stays" {
	[ "$(id -u)" = 0 ] || skip "becomes another user"
	# in a directory that another user reaches
	cd "$(mktemp -d "${TMPDIR:-/tmp}/vsock-owner.XXXXXX")"
	chmod 755 .
	mkdir -m 0777 open
	cp "$(command -v vsock-listen)" .
	VSOCK_HOSTS=/dev/null run -6 --separate-stderr setpriv --reuid=65534 --regid=65534 \
		--clear-groups ./vsock-listen unix:open/socket,owner=root --echo
	[ "${stderr_lines[0]}" = "vsock-listen: unix:open/socket: denied: you may not change the owner or group of the socket file" ]
	[ ! -e open/socket ]
	rm -r "$PWD"
}

@test "a stale socket file is replaced; a live one or any other file is not" {
	spawn_ready dead vsock-listen unix:./socket --echo
	finish dead KILL
	[ -S socket ]
	spawn_ready server vsock-listen unix:./socket --echo
	run -1 --separate-stderr vsock-listen unix:./socket --echo
	[[ ${stderr_lines[0]} == "vsock-listen: unix:./socket: address in use: "* ]]
	[ "$(echo hello | vsock-cat ./socket)" = hello ]
	echo precious >file
	run -1 vsock-listen unix:./file --echo
	[ "$(cat file)" = precious ]
}

@test "a socket file is removed at the end if it is ours, and only then" {
	spawn_ready server vsock-listen unix:./socket --echo
	finish server
	[ ! -e socket ]
	spawn_ready server vsock-listen unix:./socket --echo
	rm socket
	spawn_ready other vsock-listen unix:./socket --echo
	finish server
	[ -S socket ]
	[ "$(echo hello | vsock-cat ./socket)" = hello ]
}

@test "a path longer than a socket address works" {
	local long
	long=./$(printf 'd%.0s' {1..100})/$(printf 'e%.0s' {1..100})
	mkdir -p "$long"
	spawn_ready server vsock-listen "unix:$long/socket" --echo
	[ "$(echo hello | vsock-cat "unix:$long/socket")" = hello ]
	[ "$(stat -c %a "$long/socket")" = 600 ]
	finish server
	[ ! -e "$long/socket" ]
	run -2 --separate-stderr vsock-listen "unix:$long/$(printf 'f%.0s' {1..120})" --echo
	[[ ${stderr_lines[0]} == "vsock-listen: unix:"* ]]
}

@test "a port in use is status 1; a missing directory is status 1 or 4" {
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	run -1 --separate-stderr vsock-listen "$ready"
	[[ ${stderr_lines[0]} == "vsock-listen: $ready: address in use: "* ]]
	run --separate-stderr vsock-listen unix:./none/socket
	[ "$status" -eq 1 ] || [ "$status" -eq 4 ]
	[[ ${stderr_lines[0]} == "vsock-listen: unix:./none/socket: "* ]]
}

@test "--echo, --discard and --generate work" {
	bytes 3M sent
	spawn_ready echo vsock-listen tcp:127.0.0.1:0 --echo
	vsock-cat "$ready" <sent >got
	same sent got
	spawn_ready discard vsock-listen -v tcp:127.0.0.1:0 --discard
	run -0 vsock-cat "$ready" <sent
	[ "$output" = "" ]
	wait_until grep -q ' done .* up=3145728 down=0 ' discard.err
	spawn_ready generate vsock-listen tcp:127.0.0.1:0 --generate 1M
	vsock-cat "$ready" </dev/null | cmp - <(head -c 1M /dev/zero)
	# also where the client sends, and does not end
	vsock-cat "$ready" <sent | cmp - <(head -c 1M /dev/zero)
}

@test "-v records the start and end of each connection" {
	spawn_ready server vsock-listen -v tcp:127.0.0.1:0 -- sh -c 'exit 3'
	ask "$ready"
	wait_until grep -q ' done ' server.err
	grep -qE '^vsock-listen: #1 open tcp:127\.0\.0\.1:[0-9]+ -> exec:sh' server.err
	grep -qE '^vsock-listen: #1 done tcp:127\.0\.0\.1:[0-9]+ -> exec:sh pid=[0-9]+ status=3 time=[0-9.]+' server.err
	spawn_ready quiet vsock-listen tcp:127.0.0.1:0 --echo
	ask "$ready"
	finish quiet
	[ ! -s quiet.err ]
}

@test "records can be JSON" {
	need python3
	spawn_ready server vsock-listen -v --log-format json unix:./socket --echo
	[ "$(echo hello | vsock-cat ./socket)" = hello ]
	wait_until grep -q '"done"' server.err
	finish server
	run -0 python3 -c '
import json, re
lines = [json.loads(line) for line in open("server.err")]
events = [line for line in lines if "event" in line and "conn" in line]
assert [event["event"] for event in events] == ["open", "done"], lines
assert re.match(r"unix \(pid \d+, uid \d+\)$", events[1]["from"]), events
assert events[1]["up"] == 6 and events[1]["end"] == "eof", events'
}

@test "--pid-file is written, locked against a second process, and removed" {
	spawn_ready server vsock-listen --pid-file pid unix:./socket --echo
	[ "$(cat pid)" = "${spawned[server]}" ]
	run -1 --separate-stderr vsock-listen --pid-file pid unix:./other --echo
	[[ ${stderr_lines[0]} == *"pid: process ${spawned[server]} is running and has locked it" ]]
	finish server
	[ ! -e pid ]
	run -1 vsock-listen --pid-file ./none/pid unix:./other --echo
}

@test "--ready-fd that is not open is status 1" {
	run -1 --separate-stderr vsock-listen --ready-fd 77 unix:./socket --echo
	[[ $stderr == *"--ready-fd 77: "* ]]
	[ ! -e socket ]
}

@test "a command's environment describes only its own client" {
	need python3
	export VSOCKREMOTECID=2 VSOCKLOCALPORT=1 TCPREMOTEHOST=host TCPREMOTEINFO=me \
		UDPREMOTEIP=192.0.2.1 UNIXREMOTEPATH=/x \
		SSLREMOTEIP=192.0.2.1 SSL_CLIENT_CN=me REMOTE_ADDR=192.0.2.1 \
		PROXY_TCPREMOTEIP=192.0.2.1 PROXY_PROTO=TCP \
		SSL_CERT_FILE=/certs TCPKEEP=yes PROXY_URL=kept
	spawn_ready server vsock-listen unix:s -- env
	vsock-cat unix:s </dev/null >got
	run ! grep -E '^((VSOCK|TCP|UDP)(REMOTE|LOCAL|CONN)|SSLREMOTE|SSL_CLIENT|REMOTE_ADDR|UNIXREMOTEPATH|PROXY_(TCP|PROTO))' got
	[ "$(grep -cxE 'SSL_CERT_FILE=/certs|TCPKEEP=yes|PROXY_URL=kept|PROTO=UNIX' got)" = 4 ]
	grep -qx 'UNIXCONNNUM=1' got
}

@test "closed standard descriptors do no harm" {
	: >server.ready
	serve() { exec vsock-listen --ready-fd 9 -c 1 "$@" 9>server.ready <&- >&- 2>&-; }
	spawn server serve unix:./socket
	wait_ready server
	run -0 vsock-cat ./socket </dev/null
	join server
	# what cannot be written is reported
	: >server.ready
	spawn server serve unix:./socket
	wait_ready server
	run vsock-cat ./socket <<<hello
	ends_with server 1
	: >server.ready
	spawn server serve unix:./socket -- sh -c 'echo command; echo error >&2'
	wait_ready server
	run -0 vsock-cat ./socket </dev/null
	[ "$output" = command ]
	join server
}

@test "many clients are served at once" {
	need python3
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	run -0 python3 -c '
import os, socket, sys
port = int(sys.argv[1])
clients = [socket.create_connection(("127.0.0.1", port)) for i in range(200)]
for number, client in enumerate(clients):
    client.sendall(b"%d\n" % number * 100)
    client.shutdown(socket.SHUT_WR)
for number, client in reversed(list(enumerate(clients))):
    got = b"".join(iter(lambda: client.recv(65536), b""))
    assert got == b"%d\n" % number * 100' "$(port_of "$ready")"
}

@test "socat, ncat, nc and Python as clients: end of file is passed on both ways" {
	need socat ncat python3
	bytes 1M sent
	spawn_ready server vsock-listen tcp:127.0.0.1:0 -- sh -c 'sha256sum; cat sent'
	port=$(port_of "$ready")
	sha256sum <sent >expected
	cat sent >>expected
	socat -t 60 - "TCP:127.0.0.1:$port" <sent >got
	same expected got
	if nc -h 2>&1 | grep -q -- '-N'; then
		nc -N 127.0.0.1 "$port" <sent >got
		same expected got
	fi
	ncat 127.0.0.1 "$port" <sent >got
	same expected got
	python3 -c '
import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.sendall(open("sent", "rb").read())
client.shutdown(socket.SHUT_WR)
sys.stdout.buffer.write(b"".join(iter(lambda: client.recv(65536), b"")))' "$port" >got
	same expected got
}
