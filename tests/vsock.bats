#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The programs over vsock itself, by loopback: tests/lab/vm tests/run-bats tests/vsock.bats

load lib/common

setup() {
	skip_outside_lab
	own_directory
}

# spawn_peer NAME CODE: a peer in Python with a listener on any port; it has said READY. Sets
# $target.
spawn_peer() {
	local name=$1 code=$2
	need python3
	spawn "$name" python3 -u -c '
import os, socket, sys, time
listener = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
listener.bind((socket.VMADDR_CID_ANY, socket.VMADDR_PORT_ANY))
listener.listen()
print("READY vsock:1:%d" % listener.getsockname()[1])
'"$code"
	ln -sf "$name.out" "$name.ready"
	wait_ready "$name"
	target=$ready
}

listening() {
	ss --vsock -ln | grep -qE ":$1 "
}

@test "the kernel behaviour that the program relies on is there" {
	run -0 "$VSOCK_TOOLS_BUILD/tests/assume/vsock"
	echo "$output"
	[[ $output != *SKIP* ]]
}

@test "an absent CID is status 4, and a closed port status 3" {
	run -4 --separate-stderr vsock-cat 77:1
	[[ ${stderr_lines[0]} == "vsock-cat: vsock:77:1: no such CID: "* ]]
	run -3 --separate-stderr vsock-cat 1:9
	[ "${stderr_lines[0]}" = "vsock-cat: vsock:1:9: refused: nothing listens on port 9 of CID 1, or its backlog is full" ]
	run -3 vsock-cat local 9
	run -3 vsock-cat -z 1:9
}

@test "a bad CID is shown with a caret, status 2" {
	run -2 --separate-stderr vsock-cat 3abc:1
	[ "${stderr_lines[0]}" = "vsock-cat: 3abc:1: bad CID: 'a' is not a digit" ]
	[ "${stderr_lines[1]}" = "  3abc:1" ]
	[ "${stderr_lines[2]}" = "   ^" ]
}

@test "-n prints only the CID where messages otherwise add the name" {
	echo '1 web' >hosts
	run -3 vsock-cat -z web:9
	[[ $output == *'nothing listens on port 9 of CID 1 (web), '* ]]
	run -3 vsock-cat -n -z web:9
	[[ $output == *'nothing listens on port 9 of CID 1, '* && $output != *web* ]]
	run -0 vsock-ping -c 1 web
	[[ $output == 'PING vsock:1:7 (web): '* ]]
	run -0 vsock-ping -n -c 1 web
	[[ $output == 'PING vsock:1:7: '* && $output != *web* ]]
	# the worker reads the rules anew
	for option in -v -n; do
		spawn_ready proxy vsock-proxy $option unix:./front vsock:web:9
		vsock-cat ./front </dev/null || true
		wait_until grep -q ' fail .* -> vsock:1:9 ' proxy.err
		finish proxy
		mv proxy.err proxy$option
	done
	grep -q 'why="refused: nothing listens on port 9 of CID 1 (web), ' proxy-v
	grep -q 'why="refused: nothing listens on port 9 of CID 1, ' proxy-n
	run ! grep -q web proxy-n
}

@test "timeout 2 ends it at once, by the signal" {
	spawn_ready server vsock-listen 5000 --discard
	mkfifo open
	exec 8<>open
	run -124 --separate-stderr timeout 2 vsock-cat 1:5000 <&8
	exec 8<&-
	[ "$stderr" = "" ]
}

@test "into head -1 it ends silently, by SIGPIPE" {
	spawn_ready server vsock-listen 5001 -- sh -c 'yes | head -n 100000'
	run -0 --separate-stderr bash -c \
		'vsock-cat 1:5001 </dev/null | head -n 1; echo "${PIPESTATUS[0]}"'
	[ "$output" = $'y\n141' ]
	[ "$stderr" = "" ]
}

@test "the kernel picks a port, and READY names it" {
	for text in vsock::any vsock::0 vsock:any:4294967295; do
		spawn_ready server vsock-listen "$text" --echo
		[[ $ready =~ ^vsock:any:[1-9][0-9]*$ ]]
		loopback
		[ "$(echo hello | vsock-cat "$target")" = hello ]
		finish server
	done
}

@test "ports above 2^31" {
	for port in 2147483648 4294967294; do
		spawn_ready server vsock-listen $port --echo
		[ "$ready" = "vsock:any:$port" ]
		[ "$(echo hello | vsock-cat 1 $port)" = hello ]
		finish server
	done
}

@test "listening on one CID or any, and what conflicts" {
	spawn_ready server vsock-listen vsock:local:5002 --echo
	[ "$(echo hello | vsock-cat local:5002)" = hello ]
	run -1 --separate-stderr vsock-listen 5002 --echo
	[[ ${stderr_lines[0]} == "vsock-listen: vsock:any:5002: address in use: "* ]]
	run --separate-stderr vsock-listen vsock:77:5003 --echo
	[ "$status" -ne 0 ]
	[[ ${stderr_lines[0]} == "vsock-listen: vsock:77:5003: "* ]]
}

@test "64 MiB through vsock-listen PORT -- cat, hashes equal" {
	bytes 64M sent
	spawn_ready server vsock-listen 5004 -- cat
	vsock-cat 1:5004 <sent >got
	same sent got
}

@test "each engine works, and so does the built-in echo" {
	bytes 8M sent
	for engine in auto copy splice; do
		spawn_ready server vsock-listen --engine $engine 5005 --echo
		vsock-cat --engine $engine 1:5005 <sent >got
		same sent got
		# shellcheck disable=SC2002 # a pipe is the point
		cat sent | vsock-cat --engine $engine 1:5005 | cat >got
		same sent got
		finish server
	done
}

@test "both directions at once with different sizes, and an empty transfer" {
	bytes 3M up
	bytes 5M down
	: >server.ready
	serve() { exec vsock-listen --ready-fd 9 "$@" 9>server.ready <down; }
	spawn server serve 5006
	wait_ready server
	vsock-cat 1:5006 <up >got
	join server
	same down got
	same up server.out
	spawn_ready echo vsock-listen 5006 --echo
	run -0 vsock-cat 1:5006 </dev/null
	[ "$output" = "" ]
}

@test "one-byte writes" {
	need python3
	spawn_ready server vsock-listen 5007 --echo
	run -0 python3 -c '
import socket
client = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
client.connect((1, 5007))
data = bytes(i % 251 for i in range(1000))
for i in range(len(data)):
    client.sendall(data[i:i + 1])
client.shutdown(socket.SHUT_WR)
got = b"".join(iter(lambda: client.recv(7), b""))
assert got == data, len(got)'
}

@test "the answer arrives after the question's half-close, both ways" {
	bytes 1M sent
	spawn_ready server vsock-listen 5008 -- sh -c 'wc -c; echo done'
	run -0 vsock-cat 1:5008 <sent
	[ "$output" = $'1048576\ndone' ]
	spawn_ready proxy vsock-proxy vsock::5009 vsock:1:5008
	run -0 vsock-cat 1:5009 <sent
	[ "$output" = $'1048576\ndone' ]
}

@test "a listener on every CID says how a guest connects" {
	spawn_ready listener vsock-listen -v vsock:any:5040 --discard
	grep -qxF 'vsock-listen: listening on vsock:any:5040; from a guest: vsock-cat host 5040' listener.err
}

@test "a host that does not close after the end of the input: after a while the wait is explained" {
	spawn_peer quiet '
connection, _ = listener.accept()
connection.recv(1)
time.sleep(600)'
	spawn cat vsock-cat --half-close-timeout 20s "2:$(port_of "$target")"
	wait_until grep -qxF 'hint: not every VMM tells the host that the input has ended; to limit the wait use --idle-timeout or --half-close-timeout' cat.err
}

@test "a peer that only half-closed still receives data" {
	spawn_peer peer '
connection, _ = listener.accept()
connection.sendall(b"that is all\n")
connection.shutdown(socket.SHUT_WR)
got = b"".join(iter(lambda: connection.recv(65536), b""))
print("GOT", got.decode())'
	mkfifo pipe
	ln -s pipe cat.in
	spawn cat vsock-cat "$target"
	exec 8>pipe
	wait_until grep -q 'that is all' cat.out
	echo "still here" >&8
	exec 8>&-
	join cat
	join peer
	grep -q 'GOT still here' peer.out
}

@test "a peer that has closed both directions ends it while standard input is open" {
	spawn_peer peer '
connection, _ = listener.accept()
connection.sendall(b"bye\n")
connection.close()
time.sleep(1000)'
	mkfifo open
	exec 8<>open
	run -0 --separate-stderr vsock-cat "$target" <&8
	exec 8<&-
	[ "$output" = bye ]
	[ "$stderr" = "" ]
}

@test "standard input that was not fully delivered is status 7" {
	bytes 8M sent
	spawn_ready server vsock-listen 5010 -- head -c 10
	run -7 --separate-stderr sh -c 'vsock-cat 1:5010 <sent >got'
	[[ ${stderr_lines[0]} == "vsock-cat: vsock:1:5010: "* ]]
}

@test "a peer killed in mid-transfer is status 7" {
	spawn_peer peer '
connection, _ = listener.accept()
# its window is nearly full, and more waits for room
while len(connection.recv(1000000, socket.MSG_PEEK)) < 200000:
    time.sleep(0.01)
os.kill(os.getpid(), 9)'
	run -7 --separate-stderr sh -c 'head -c 64M /dev/zero | vsock-cat "$1"' sh "$target"
	[[ ${stderr_lines[0]} == "vsock-cat: $target: "* ]]
}

@test "--wait retries until the port listens" {
	spawn cat vsock-cat --wait 100s 1:5011
	echo hello >server.in
	spawn_ready server vsock-listen 5011
	join cat
	[ "$(cat cat.out)" = hello ]
}

@test "COMMAND's environment is set" {
	spawn_ready server vsock-listen 5012 -- env
	vsock-cat 1:5012 </dev/null >got
	grep -qx PROTO=VSOCK got
	grep -qx VSOCKREMOTECID=1 got
	grep -qE '^VSOCKREMOTEPORT=[1-9][0-9]*$' got
	grep -qE '^VSOCKLOCALCID=[0-9]+$' got
	grep -qx VSOCKLOCALPORT=5012 got
	grep -qx VSOCKCONNNUM=1 got
}

@test "-v prints the records" {
	spawn_ready server vsock-listen -v 5013 --echo
	run -0 --separate-stderr vsock-cat -v 1:5013 <<<hello
	[[ ${stderr_lines[0]} =~ ^"vsock-cat: #1 open - -> vsock:1:5013 connect="[0-9.]+$ ]]
	[[ ${stderr_lines[1]} =~ ^"vsock-cat: #1 done - -> vsock:1:5013 up=6 down=6 time="[0-9.]+" end=eof"$ ]]
	wait_until grep -q ' done ' server.err
	grep -qE '^vsock-listen: #1 open vsock:1:[0-9]+ -> echo' server.err
}

@test "every pair of vsock, TCP and UNIX works through vsock-proxy, with half-close" {
	bytes 1M sent
	sha256sum <sent >expected
	spawn_ready tcp vsock-listen tcp:127.0.0.1:0 -- sha256sum
	tcp=$ready
	spawn_ready unix vsock-listen unix:./target -- sha256sum
	spawn_ready vsock vsock-listen 5014 -- sha256sum
	rules=()
	for target in "$tcp" unix:./target vsock:1:5014; do
		number=${#rules[@]}
		rules+=(tcp:127.0.0.1:0 "$target" "unix:./front-$number" "$target" \
			vsock::any "$target")
	done
	for engine in auto copy splice; do
		spawn_ready proxy vsock-proxy --engine $engine "${rules[@]}"
		wait_ready proxy 9
		for front in "${readies[@]}"; do
			vsock-cat "${front/vsock:any/vsock:1}" <sent >got
			same expected got
		done
		finish proxy
	done
}

@test "200 connections at once go through the proxy" {
	need python3
	spawn_ready echo vsock-listen 5015 --echo
	spawn_ready proxy vsock-proxy vsock::5016 vsock:1:5015
	run -0 python3 -c '
import socket
clients = []
for i in range(200):
    client = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
    client.connect((1, 5016))
    clients.append(client)
for number, client in enumerate(clients):
    client.sendall(b"%d\n" % number * 100)
    client.shutdown(socket.SHUT_WR)
for number, client in reversed(list(enumerate(clients))):
    got = b"".join(iter(lambda: client.recv(65536), b""))
    assert got == b"%d\n" % number * 100, number'
}

@test "socat, ncat and Python as servers for our client: end of file is passed on both ways" {
	need socat ncat python3 ss
	bytes 1M sent
	spawn socat socat -t 100 VSOCK-LISTEN:5017 SYSTEM:'cat >up; cat sent'
	wait_until listening 5017
	vsock-cat 1:5017 <sent >got
	same sent got
	same sent up
	spawn ncat ncat --vsock -l --recv-only -p 5018
	wait_until listening 5018
	run -0 sh -c 'vsock-cat 1:5018 <sent'
	join ncat
	same sent ncat.out
	ln -sf "$PWD/sent" ncat.in
	spawn ncat ncat --vsock -l --send-only -p 5019
	wait_until listening 5019
	vsock-cat 1:5019 </dev/null >got
	same sent got
	join ncat
	spawn_peer python '
connection, peer = listener.accept()
assert peer[0] == 1
got = b"".join(iter(lambda: connection.recv(65536), b""))
connection.sendall(got)
connection.close()'
	vsock-cat "$target" <sent >got
	same sent got
}

@test "socat, ncat and Python as clients of our server: end of file is passed on both ways" {
	need socat ncat python3
	bytes 1M sent
	{ sha256sum <sent; cat sent; } >expected
	spawn_ready server vsock-listen 5020 -- sh -c 'sha256sum; cat sent'
	socat -t 100 - VSOCK-CONNECT:1:5020 <sent >got
	same expected got
	ncat --vsock 1 5020 <sent >got
	same expected got
	python3 -c '
import socket, sys
client = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
client.connect((1, 5020))
client.sendall(open("sent", "rb").read())
client.shutdown(socket.SHUT_WR)
sys.stdout.buffer.write(b"".join(iter(lambda: client.recv(65536), b"")))' >got
	same expected got
}

@test "a full backlog loses nothing: 300 simultaneous clients are all served" {
	need python3
	spawn_ready server vsock-listen 5021 --echo
	run -0 python3 -c '
import socket
clients = [socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) for i in range(300)]
for client in clients:
    client.connect((1, 5021))
    client.sendall(b"x")
for client in clients:
    assert client.recv(1) == b"x"'
}

@test "a small window and other address options work" {
	bytes 1M sent
	spawn_ready server vsock-listen vsock::5022,window=4096 --echo
	vsock-cat 'vsock:1:5022,window=64K,connect-timeout=30s' <sent >got
	same sent got
	spawn_ready env vsock-listen 5023 -- env
	vsock-cat 'vsock:1:5023,bind=:1000' </dev/null >got
	grep -qx VSOCKREMOTEPORT=1000 got
}

@test "a window too small for any packet is reported, not lost silently" {
	spawn_ready server vsock-listen -v vsock::5026,window=100 --echo
	# some kernels make it larger, which is said; the others can't keep what comes, which is the
	# end of the connection
	if grep -q 'the kernel set the window to 128 B instead of 100 B' server.err; then
		echo hello | vsock-cat 1:5026 | grep -qx hello
		return
	fi
	echo hello | vsock-cat 1:5026 >got || true
	wait_until grep -qE ' done .* end=[a-z]+' server.err
	if grep -qx hello got; then
		grep -q ' done .* end=eof' server.err
	else
		grep -q ' done .* end=reset why="No buffer space available"' server.err
	fi
}

@test "to-host works on kernels since 5.11; older ones are distinguished from a bad address" {
	if since 5.11; then
		# only a transport to a host would do now, and here is none
		run -4 --separate-stderr vsock-cat vsock:77:1,to-host
		[[ ${stderr_lines[0]} == "vsock-cat: vsock:77:1: no "* ]]
	else
		run -1 --separate-stderr vsock-cat vsock:77:1,to-host
		[ "${stderr_lines[0]}" = "vsock-cat: vsock:77:1: this kernel does not know to-host (Linux 5.11 and later do)" ]
		[ "${stderr_lines[1]}" = "hint: leave out ,to-host" ]
	fi
	# to itself it is the loopback in any case
	spawn_ready server vsock-listen 5027 --echo
	if since 5.11; then
		echo hello | vsock-cat vsock:1:5027,to-host | grep -qx hello
	fi
}

@test "draining keeps the open connection and refuses new ones" {
	spawn_ready server vsock-listen 5024 --echo
	mkfifo cat.in
	exec 8<>cat.in
	spawn cat vsock-cat -v 1:5024
	echo one >&8
	wait_until grep -q one cat.out
	kill -TERM "${spawned[server]}"
	wait_until grep -q 'to finish; a second signal' server.err
	run -3 vsock-cat -z 1:5024
	echo two >&8
	wait_until grep -q two cat.out
	exec 8<&-
	finish cat
	join server
}

@test "vsock-cat --record builds packet addresses from CIDs and ports" {
	need tshark
	spawn_ready peer vsock-listen --echo vsock:any:0
	loopback
	run -0 vsock-cat --record file "$target,bind=1:70022" <<<data
	# 70022 is 0x1:0x1186
	[ "$(tshark -n -r file -Y 'tcp.flags == 2' -T fields -e ipv6.src \
		-e tcp.srcport 2>/dev/null)" = "fd76:736f:636b::1:0:1	4486" ]
	[ "$(tshark -n -r file -Y 'tcp.len > 0' -T fields -e tcp.len 2>/dev/null | xargs)" = "5 5" ]
	[ "$(tshark -n -r file -T fields -e tcp.stream 2>/dev/null | sort -u)" = 0 ]
	run -0 vsock-cat --record file "$target" <<<data
	[[ $(tshark -n -r file -Y 'tcp.flags == 2' -T fields -e ipv6.src 2>/dev/null) =~ \
		^fd76:736f:636b:.*:1$ ]]
}

@test "vsock-proxy restarts on SIGUSR2: clients in the backlog are served, a connection goes on, the port stays" {
	spawn_ready echo vsock-listen vsock:any:0 --echo
	loopback
	spawn_ready proxy vsock-proxy --allow any vsock::0 "$target"
	loopback
	coproc held { vsock-cat "$target"; }
	echo 1 >&"${held[1]}"; read -r line <&"${held[0]}"
	[ "$line" = 1 ]
	for turn in 1 2 3; do
		# nobody accepts while both stand still
		worker=$(worker_of proxy)
		kill -STOP "$worker"
		echo "waits $turn" >waiting.in
		spawn waiting vsock-cat -v "$target"
		wait_until grep -q ' open ' waiting.err
		old=${spawned[proxy]}
		kill -USR2 "$old"
		wait_until has_taken_over "$turn"
		spawned[proxy]=$(sed -n 's/.*this process (\([0-9]*\)) has taken over.*/\1/p' \
			proxy.err | tail -n 1)
		join waiting
		[ "$(cat waiting.out)" = "waits $turn" ]
		kill -CONT "$worker"
		[ "$(echo hello | vsock-cat "$target")" = hello ]
	done
	echo 2 >&"${held[1]}"; read -r line <&"${held[0]}"
	[ "$line" = 2 ]
	exec {held[1]}>&-
}

has_taken_over() { # TIMES
	[ "$(grep -c 'has taken over' proxy.err)" -ge "$1" ]
}

# Vsock has no reset between programs: a client that has said everything before it is denied may see
# an end of file, and end with status 0.
is_denied() {
	run vsock-cat "$1" <<<denied
	[[ $'\n'$output$'\n' != *$'\n'denied$'\n'* ]]
}

@test "after a reload guest names in access lists mean what the hosts file says" {
	echo '5 web' >hosts
	export VSOCK_HOSTS=$PWD/hosts
	printf '%s\n' 'vsock::5000 exec:/bin/cat allow=web' 'vsock::5001 exec:/bin/cat' >rules
	spawn_ready proxy vsock-proxy --allow web -f rules
	for port in 5000 5001; do
		is_denied "1:$port"
	done
	echo '1 web' >hosts
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q 'reloaded; rules unchanged: 1, adjusted: 1' proxy.err
	for port in 5000 5001; do
		[ "$(vsock-cat "1:$port" <<<hello)" = hello ]
	done
	echo '5 web' >hosts
	kill -HUP "${spawned[proxy]}"
	wait_until eval '[ "$(grep -c reloaded proxy.err)" = 2 ]'
	for port in 5000 5001; do
		is_denied "1:$port"
	done
}

@test "--notify receives what sd_notify(3) sends, by stream and seqpacket, and admits CIDs" {
	need python3
	local type scheme
	for type in STREAM SEQPACKET; do
		scheme=vsock
		[ $type = STREAM ] || scheme=vsock-seqpacket
		spawn_ready "listener$type" \
			vsock-listen --notify --until READY=1 --allow 1 $scheme::5020
		python3 -c "import socket
s = socket.socket(socket.AF_VSOCK, socket.SOCK_$type)
s.connect((1, 5020))
s.settimeout(60)
s.send(b'READY=1\nSTATUS=up')
s.shutdown(socket.SHUT_WR)
assert s.recv(1) == b''"
		ends_with 0 "listener$type"
		[ "$(<"listener$type.out")" = $'READY=1\nSTATUS=up' ]
	done
	spawn_ready other vsock-listen --notify -v --allow 3 vsock::5021
	printf READY=1 | vsock-cat 1:5021 || true
	wait_until grep -q 'deny vsock:1:' other.err
	[ ! -s other.out ]
}
