#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What goes through vsock-cat, how that ends, and what it says of it. Over TCP and UNIX sockets;
# tests/vsock.bats has the rest.

load lib/common

setup() {
	own_directory
}

python() {
	python3 -u -c "$@"
}

# A peer in Python: listener is its socket; it says READY when it listens. Sets $ready.
spawn_peer() {
	local name=$1 code=$2
	need python3
	spawn "$name" python3 -u -c '
import os, socket, struct, sys, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
print("READY tcp:127.0.0.1:%d" % listener.getsockname()[1])
'"$code"
	ln -sf "$name.out" "$name.ready"
	wait_ready "$name"
}

@test "a closed port is refused, status 3" {
	port=$(free_port)
	run -3 --separate-stderr vsock-cat "tcp:127.0.0.1:$port"
	[ "$output" = "" ]
	[ "${stderr_lines[0]}" = "vsock-cat: tcp:127.0.0.1:$port: refused: nothing listens on port $port of 127.0.0.1" ]
}

@test "a missing socket file is status 4, with a hint" {
	run -4 --separate-stderr vsock-cat ./none
	[ "${stderr_lines[0]}" = "vsock-cat: unix:./none: no such socket: ./none" ]
	[[ ${stderr_lines[1]} == "hint: "* ]]
}

@test "a socket file nobody serves is refused, status 3" {
	spawn_ready gone vsock-listen -k unix:./socket
	finish gone KILL
	[ -S socket ]
	run -3 --separate-stderr vsock-cat ./socket
	[[ ${stderr_lines[0]} == "vsock-cat: unix:./socket: refused: "* ]]
}

@test "a file that is not a socket is reported" {
	: >file
	run --separate-stderr vsock-cat ./file
	[ "$status" -ne 0 ]
	[[ ${stderr_lines[0]} == "vsock-cat: unix:./file: "* ]]
}

@test "permission denied is status 6" {
	[ "$(id -u)" = 0 ] || skip "needs root, to become somebody else"
	need setpriv
	chmod 755 . ..
	spawn_ready server vsock-listen unix:./socket --echo
	VSOCK_HOSTS=/dev/null run -6 --separate-stderr setpriv --reuid 65534 --regid 65534 \
		--clear-groups "$(command -v vsock-cat)" "unix:$PWD/socket"
	[[ ${stderr_lines[0]} == "vsock-cat: unix:$PWD/socket: "* ]]
}

@test "a full backlog is waited for until the timeout" {
	need python3
	spawn full python3 -u -c '
import socket, time
listener = socket.socket(socket.AF_UNIX)
listener.bind("socket")
listener.listen(0)
held = []
while True:
    client = socket.socket(socket.AF_UNIX)
    client.setblocking(False)
    try:
        client.connect("socket")
    except BlockingIOError:
        break
    held.append(client)
print("full")
time.sleep(1000)'
	wait_until grep -q full full.out
	run -3 --separate-stderr vsock-cat -w 100ms ./socket
	[ "${stderr_lines[0]}" = "vsock-cat: unix:./socket: refused: the backlog of ./socket is full" ]
}

@test "an unknown service name is status 2" {
	run -2 --separate-stderr vsock-cat "tcp:127.0.0.1:no-such-service"
	[[ ${stderr_lines[0]} == "vsock-cat: tcp:127.0.0.1:no-such-service: no such service: no-such-service" ]]
}

@test "-q prints the error without its hint; -qq nothing, only the status" {
	run -4 vsock-cat -q ./none
	[ "$output" = "vsock-cat: unix:./none: no such socket: ./none" ]
	run -4 vsock-cat -qq ./none
	[ "$output" = "" ]
	run -4 vsock-cat --quiet --quiet ./none
	[ "$output" = "" ]
}

@test "an empty transfer both ways ends with status 0" {
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	run -0 vsock-cat "$ready" </dev/null
	[ "$output" = "" ]
}

@test "64 MiB through an echo and back, over TCP and UNIX, with each engine" {
	bytes 64M sent
	for engine in auto copy splice; do
		spawn_ready "tcp-$engine" vsock-listen --engine $engine tcp:127.0.0.1:0 --echo
		vsock-cat --engine $engine "$ready" <sent >got
		same sent got
		finish "tcp-$engine"
	done
	spawn_ready unix vsock-listen unix:./socket --echo
	vsock-cat ./socket <sent | cat >got
	same sent got
	# shellcheck disable=SC2002 # a pipe is the point
	cat sent | vsock-cat ./socket | cat >got
	same sent got
}

@test "both directions work at once with different sizes" {
	bytes 5M up
	bytes 3M down
	spawn_both() { exec vsock-listen --ready-fd 9 "$@" 9>both.ready <down; }
	: >both.ready
	spawn both spawn_both tcp:127.0.0.1:0
	wait_ready both
	vsock-cat "$ready" <up >got
	join both
	same down got
	same up both.out
}

@test "one-byte writes and a slow reader lose nothing" {
	need python3
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	run -0 python '
import os, subprocess, sys
cat = subprocess.Popen(["vsock-cat", sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    bufsize=0)
for i in range(3000):
    cat.stdin.write(bytes([i % 251]))
cat.stdin.close()
got = b""
while True:
    part = cat.stdout.read(7)
    if not part:
        break
    got += part
assert got == bytes(i % 251 for i in range(3000)), len(got)
sys.exit(cat.wait())' "$ready"
}

@test "a reader that starts only when all buffers are full gets everything" {
	bytes 8M sent
	mkfifo pipe
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	ln -sf sent cat.in
	spawn cat sh -c 'vsock-cat "$1" >pipe' sh "$ready"
	exec 8<pipe
	head -c 10 <&8 >got
	cat <&8 >>got
	exec 8<&-
	join cat
	same sent got
}

@test "a regular file can be sent, and a file written and appended to" {
	bytes 1M sent
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	vsock-cat "$ready" <sent >got
	same sent got
	echo before >got
	vsock-cat "$ready" <sent >>got
	cmp got <(echo before; cat sent)
}

@test "files that cannot be spliced, have no end, or are read from the middle" {
	need python3
	spawn_ready server vsock-listen unix:./echo --echo
	# a file of the kernel's, with no size and no pages
	vsock-cat ./echo </proc/cpuinfo >got
	cut -d: -f1 /proc/cpuinfo >want
	cut -d: -f1 got | cmp - want
	# never at its end: the limit is
	run -1 bash -c "vsock-cat --max-bytes 3M ./echo </dev/zero >zeros"
	bytes 3M sent
	{ head -c 5 >/dev/null; vsock-cat ./echo; } <sent >got
	tail -c +6 sent >want
	same want got
	# the shell's own place in the file moves on with what was sent
	{ vsock-cat --send-only ./echo; cat; } <sent >left
	[ ! -s left ]
}

@test "standard input and output keep their file status flags" {
	need python3
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	run -0 python '
import fcntl, os, subprocess, sys
for nonblock in 0, os.O_NONBLOCK:
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    for fd in in_read, out_write:
        fcntl.fcntl(fd, fcntl.F_SETFL, nonblock)
    cat = subprocess.Popen(["vsock-cat", sys.argv[1]], stdin=in_read, stdout=out_write)
    os.write(in_write, b"x")
    assert os.read(out_read, 1) == b"x"
    for fd in in_read, out_write:
        assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK == nonblock
    os.close(in_write)
    assert cat.wait() == 0
    for fd in in_read, out_write:
        assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK == nonblock' "$ready"
}

@test "standard input and output may be the same socket, as under inetd" {
	need python3
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	run -0 python '
import socket, subprocess, sys, threading
ours, theirs = socket.socketpair()
cat = subprocess.Popen(["vsock-cat", sys.argv[1]], stdin=theirs, stdout=theirs)
theirs.close()
data = bytes(range(256)) * 8192
def send():
    ours.sendall(data)
    ours.shutdown(socket.SHUT_WR)
threading.Thread(target=send).start()
got = b"".join(iter(lambda: ours.recv(65536), b""))
assert got == data, len(got)
assert cat.wait() == 0' "$ready"
}

@test "closed standard descriptors do no harm" {
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	run -0 timeout 20 sh -c 'vsock-cat "$1" <&-' sh "$ready"
	run -0 timeout 20 sh -c 'vsock-cat "$1" <&- >&- 2>&-' sh "$ready"
	# what arrives and cannot be written is reported
	run -1 timeout 20 sh -c 'echo x | vsock-cat "$1" >&-' sh "$ready"
	run -0 timeout 20 sh -c 'echo hello | vsock-cat "$1" 2>&-' sh "$ready"
	[ "$output" = hello ]
}

@test "a full disk is reported with status 1" {
	[ -c /dev/full ] || skip "no /dev/full"
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	echo hello >sent
	run -1 --separate-stderr sh -c 'vsock-cat "$1" <sent >/dev/full' sh "$ready"
	[[ ${stderr_lines[0]} == "vsock-cat: standard output: No space left on device"* ]]
}

@test "a disk that fills up: cause and bytes written are reported, status 1" {
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --generate 1M
	# a file at its limit stands for the disk; blocks of 1 KiB
	run -1 --separate-stderr bash -c 'ulimit -f 300; vsock-cat "$1" </dev/null >got' \
		bash "$ready"
	[ "${stderr_lines[0]}" = "vsock-cat: standard output: File too large; 0 B sent, 300.0 KiB received" ]
	[ "$(stat -c %s got)" = 307200 ]
	run -1 --separate-stderr bash -c 'echo question | vsock-cat "$1" >/dev/full' bash "$ready"
	[[ ${stderr_lines[0]} =~ ^"vsock-cat: standard output: No space left on device; "[09]" B sent, 0 B received"$ ]]
}

@test "into head -1 it ends silently, by SIGPIPE" {
	spawn_ready server vsock-listen --generate inf tcp:127.0.0.1:0
	run -0 --separate-stderr bash -c \
		'vsock-cat "$1" </dev/null | head -c 1 >/dev/null; echo "${PIPESTATUS[0]}"' \
		bash "$ready"
	[ "$output" = 141 ]
	[ "$stderr" = "" ]
}

@test "a reader that leaves while nothing moves ends it too" {
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	run -0 --separate-stderr timeout 20 \
		bash -c 'sleep 1000 | { vsock-cat "$1"; echo $? >status; kill $(pgrep -x sleep -P $$); } | true; cat status' bash "$ready"
	[ "$output" = 141 ]
	[ "$stderr" = "" ]
}

# statuses PEER: of vsock-cat and vsock-listen whose input and output are closed after the answer,
# as git does with its proxy command, in each order, over each family; see tests/lib/reader-leaves.
statuses() {
	need python3
	for closed in stdin,stdout stdout,stdin socket; do
		for family in tcp unix seqpacket hybrid; do
			python3 "$tests_top/tests/lib/reader-leaves" cat "$family" "$closed" "$1"
			[ "$family" = hybrid ] ||
				python3 "$tests_top/tests/lib/reader-leaves" listen "$family" \
					"$closed" "$1"
		done
	done | sort | uniq -c | awk '{ print $1 "x" $2 }'
}

@test "with input and output closed, in either order, the status is 0 if the peer sends nothing more" {
	run -0 statuses end
	[ "$output" = 21x0 ]
}

@test "with input and output closed, in either order, it dies of SIGPIPE if the peer sends more" {
	run -0 statuses more
	[ "$output" = 21x-13 ]
}

@test "timeout 2 ends it at once" {
	spawn_ready server vsock-listen --discard tcp:127.0.0.1:0
	mkfifo open
	exec 8<>open
	run -124 --separate-stderr timeout 0.2 vsock-cat "$ready" <&8
	exec 8<&-
	[ "$stderr" = "" ]
}

@test "-z: the status says whether the port is open" {
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	run -0 vsock-cat -z "$ready"
	[ "$output" = "" ]
	run -0 vsock-cat --zero-io "$ready"
	finish server
	run -3 vsock-cat -z "$ready"
}

@test "-v prints a line at the start and one at the end" {
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	run -0 --separate-stderr vsock-cat -v "$ready" <<<hello
	[ "$output" = hello ]
	[ ${#stderr_lines[@]} -eq 2 ]
	[[ ${stderr_lines[0]} =~ ^"vsock-cat: #1 open - -> $ready connect="[0-9.]+$ ]]
	[[ ${stderr_lines[1]} =~ ^"vsock-cat: #1 done - -> $ready up=6 down=6 time="[0-9.]+" end=eof"$ ]]
}

@test "-D prints the time before each line" {
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	run -0 --separate-stderr vsock-cat -vD "$ready" <<<hello
	local day='[0-9]{4}-[0-9]{2}-[0-9]{2}' clock='[0-9:]{8}\.[0-9]{6}'
	[[ ${stderr_lines[0]} =~ ^${day}T${clock}"Z vsock-cat: #1 open " ]]
}

@test "--log-format json makes every line an object" {
	need python3
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	vsock-cat -v --log-format json "$ready" <<<hello >/dev/null 2>log
	run -0 python '
import json, sys
lines = [json.loads(line) for line in open("log")]
assert [line["event"] for line in lines] == ["open", "done"]
done = lines[1]
assert done["conn"] == 1 and done["from"] == "-" and done["to"] == sys.argv[1], done
assert done["up"] == 6 and done["down"] == 6 and done["end"] == "eof", done
assert isinstance(done["seconds"], float)' "$ready"
	run -3 --separate-stderr vsock-cat --log-format json "tcp:127.0.0.1:$(free_port)"
	python 'import json, sys; print(json.loads(sys.argv[1]))' "${stderr_lines[0]}" |
		grep refused
}

@test "SIGUSR1 prints the counters" {
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	mkfifo cat.in
	exec 8<>cat.in
	spawn cat vsock-cat "$ready"
	echo hello >&8
	wait_until grep -q hello cat.out
	kill -USR1 "${spawned[cat]}"
	wait_until test -s cat.err
	exec 8<&-
	finish cat
	[[ $(cat cat.err) == "vsock-cat: $ready: "*6*6* ]]
}

@test "--wait retries until the port listens" {
	spawn cat vsock-cat --wait 60s ./socket
	echo hello >server.in
	spawn_ready server vsock-listen unix:./socket
	join cat
	[ "$(cat cat.out)" = hello ]
	[ "$(cat cat.err)" = "" ]
}

@test "--wait gives up after TIME with the status of the cause" {
	run --separate-stderr vsock-cat --wait 100ms ./none
	[ "$status" -eq 4 ] || [ "$status" -eq 5 ]
	[[ ${stderr_lines[0]} == "vsock-cat: unix:./none: "* ]]
	run -2 vsock-cat --wait 100ms 'vsock:3abc:1'
}

@test "--idle-timeout ends with status 5" {
	spawn_ready server vsock-listen --discard tcp:127.0.0.1:0
	mkfifo open
	exec 8<>open
	run -5 --separate-stderr vsock-cat -i 50ms "$ready" <&8
	[ "$stderr" = "vsock-cat: $ready: timed out: no data for 50 ms" ]
	run -5 --separate-stderr vsock-cat --max-time 50ms "$ready" <&8
	[ "$stderr" = "vsock-cat: $ready: timed out: ended after 50 ms (--max-time)" ]
	exec 8<&-
	run -0 vsock-cat --half-close-timeout 50ms "$ready" </dev/null
}

@test "--max-bytes sends no more than the limit, status 1" {
	spawn_ready server vsock-listen --generate 1M tcp:127.0.0.1:0
	run -1 --separate-stderr sh -c \
		'vsock-cat --max-bytes 1000 "$1" </dev/null | wc -c; vsock-cat -q --max-bytes 1000 "$1" </dev/null >/dev/null' sh "$ready"
	[ "$output" = 1000 ]
	[[ ${stderr_lines[0]} == "vsock-cat: $ready: ended: more than 1000 B in one direction (--max-bytes)" ]]
}

@test "--max-bytes: an input or answer of exactly that size is complete" {
	local size want
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	for size in 999 1000 1001; do
		want=0
		((size <= 1000)) || want=1
		head -c "$size" /dev/zero >file
		# a file, a pipe; what is too much stays in the input
		run "-$want" --separate-stderr sh -c \
			'vsock-cat --max-bytes 1000 "$1" <file >/dev/null' sh "$ready"
		run "-$want" --separate-stderr sh -c 'cat file | {
			vsock-cat --max-bytes 1000 "$1" >got
			status=$?; cat >left; exit $status; }' sh "$ready"
		[ "$(stat -c %s left)" = $((size - (want ? 1000 : size))) ]
		[ "$want" = 1 ] || cmp file got
	done
	# a line end that becomes two bytes counts as two
	spawn_ready listen vsock-listen unix:./lines
	run -1 vsock-cat --crlf --max-bytes 5 unix:./lines <<<$'a\n\n\n'
	join listen
	sed '/READY/d' listen.out | cmp - <(printf 'a\r\n\r\n')
	spawn_ready listen vsock-listen unix:./lines
	vsock-cat --crlf --max-bytes 5 unix:./lines <<<$'a\n'
	join listen
}

@test "--rate-limit, --buffer and --no-shutdown pass everything" {
	bytes 200K sent
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	vsock-cat -L 1M "$ready" <sent >got
	same sent got
	for size in 1 1000 16M; do
		head -c 20000 sent >part
		vsock-cat -b $size "$ready" <part >got
		same part got
	done
	# the echo never hears of the end; the peer's own end is awaited
	run -5 --separate-stderr sh -c 'vsock-cat --no-shutdown -i 2s "$1" <sent >got' sh "$ready"
	same sent got
}

@test "a reset by the peer is status 7, with the bytes transferred" {
	spawn_peer peer '
connection, _ = listener.accept()
connection.recv(100)
connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
connection.close()
time.sleep(1000)'
	mkfifo open
	exec 8<>open
	echo hello >&8
	run -7 --separate-stderr vsock-cat "$ready" <&8
	exec 8<&-
	[[ ${stderr_lines[0]} == "vsock-cat: $ready: "*reset* ]]
	[[ ${stderr_lines[1]} == "hint: 6 B were sent and 0 B received before it" ]]
}

@test "a peer killed in mid-transfer is status 7, and success is not claimed" {
	spawn_peer peer '
connection, _ = listener.accept()
connection.recv(1000000)
os.kill(os.getpid(), 9)'
	run -7 --separate-stderr sh -c 'head -c 64M /dev/zero | vsock-cat "$1"' sh "$ready"
	[[ ${stderr_lines[0]} == "vsock-cat: $ready: "* ]]
}

@test "standard input that was not fully delivered is status 7, also from a file" {
	bytes 8M sent
	spawn_ready server vsock-listen unix:./socket -- head -c 10
	run -7 --separate-stderr sh -c 'vsock-cat ./socket <sent >got' sh
	[ "$(stat -c %s got)" -le 10 ]
	[[ ${stderr_lines[0]} == "vsock-cat: unix:./socket: "* ]]
}

@test "it ends when the peer has closed both directions, even with standard input open" {
	spawn_ready server vsock-listen unix:./socket -- echo bye
	mkfifo open
	exec 8<>open
	run -0 vsock-cat ./socket <&8
	exec 8<&-
	[ "$output" = bye ]
}

@test "every address of a name is tried" {
	need python3
	spawn server6 python3 -u -c '
import socket
listener = socket.socket(socket.AF_INET6)
listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
listener.bind(("::1", 0))
listener.listen()
print("READY tcp:localhost:%d" % listener.getsockname()[1])
connection, _ = listener.accept()
connection.sendall(b"over IPv6\n")
connection.close()'
	ln -s server6.out server6.ready
	wait_ready server6 || skip "no IPv6 here"
	run -0 vsock-cat "$ready" </dev/null
	[ "$output" = "over IPv6" ]
}

@test "IPv6 addresses work in brackets" {
	spawn_ready server vsock-listen "tcp:[::1]:0" --echo || skip "no IPv6 here"
	[[ $ready == "tcp:[::1]:"* ]]
	run -0 vsock-cat "$ready" <<<hello
	[ "$output" = hello ]
}

@test "hybrid vsock: the handshake loses nothing, and its failures are explained" {
	need python3
	start_vmm vmm payload payload garbage close silence
	run -0 vsock-cat vsock-mux:./vmm:1 <<<hello
	[ "$output" = $'OK 7\nfirst hello' ]
	echo "$PWD/vmm guest" >"$VSOCK_HOSTS"
	run -0 vsock-cat guest:1 <<<hello
	[ "$output" = $'OK 7\nfirst hello' ]
	run -1 --separate-stderr vsock-cat vsock-mux:./vmm:2
	[[ ${stderr_lines[0]} == "vsock-cat: vsock-mux:./vmm:2: "* ]]
	run -3 --separate-stderr vsock-cat vsock-mux:./vmm:3
	[[ ${stderr_lines[0]} == "vsock-cat: vsock-mux:./vmm:3: refused: "* ]]
	run -5 --separate-stderr vsock-cat -w 100ms vsock-mux:./vmm:4
	[[ ${stderr_lines[0]} == "vsock-cat: vsock-mux:./vmm:4: timed out: "* ]]
}

@test "our client with socat, ncat, nc and Python: end of file is passed on both ways" {
	need socat ncat nc python3
	bytes 1M sent
	port=$(free_port)
	spawn socat socat -t 60 "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr" \
		SYSTEM:'cat >up; cat sent'
	run -0 sh -c 'vsock-cat --wait 60s tcp:127.0.0.1:"$1" <sent >got' sh "$port"
	same sent got
	same sent up
	# ncat has no answer after the end of the question: one way, then the other
	spawn ncat ncat -l --recv-only 127.0.0.1 "$port"
	run -0 sh -c 'vsock-cat --wait 60s tcp:127.0.0.1:"$1" <sent' sh "$port"
	join ncat
	same sent ncat.out
	ln -s sent ncat.in
	spawn ncat ncat -l --send-only 127.0.0.1 "$port"
	run -0 sh -c 'vsock-cat --wait 60s tcp:127.0.0.1:"$1" </dev/null >got' sh "$port"
	same sent got
	join ncat
	spawn nc nc -N -l 127.0.0.1 "$port" # OpenBSD's
	if wait_until sh -c 'vsock-cat -qq -w 5s tcp:127.0.0.1:"$1" <sent; test $? -ne 3' sh \
		"$port"; then
		join nc
		same sent nc.out
	fi
}

@test "on a terminal, end of input is passed on and the answer arrives" {
	need script
	spawn_ready server vsock-listen tcp:127.0.0.1:0 -- sh -c 'cat; echo end'
	# script(1) is not to see an end of its own input before
	mkfifo keys
	exec 8<>keys
	printf 'hello\n\004' >&8
	run -0 timeout 30 script -qec "vsock-cat $ready" /dev/null <keys
	exec 8<&-
	[[ $output == *hello*end* ]]
}
