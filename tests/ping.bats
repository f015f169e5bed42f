#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-ping on TCP and UNIX sockets: probes, limits, the summary, scanning, bandwidth.
# tests/ping-lab.bats: on vsock.

load lib/common

setup() {
	export VSOCK_HOSTS=$BATS_TEST_TMPDIR/hosts LC_ALL=C
	: >"$VSOCK_HOSTS"
}

# A TCP listener that answers with what its options say; sets $ready.
listen() {
	spawn_ready listener vsock-listen tcp:127.0.0.1:0 "$@"
}

closed_port() {
	ready=tcp:127.0.0.1:$(free_port)
}

@test "an open port: one line per probe, the two lines of ping(8), status 0" {
	listen --discard
	run -0 --separate-stderr vsock-ping -c 3 -i 0.02 "$ready"
	[ "${lines[0]}" = "PING $ready: connect" ]
	[[ "${lines[1]}" =~ ^"answer from $ready: seq=1 open time="[0-9]+\.[0-9]{3}" ms"$ ]]
	[ "${lines[4]}" = "--- $ready ping statistics ---" ]
	[[ "${lines[5]}" =~ ^"3 packets transmitted, 3 received, 0% packet loss, time "[0-9]+ms$ ]]
	[[ "${lines[6]}" =~ ^"rtt min/avg/max/mdev = "([0-9]+\.[0-9]{3}/){3}[0-9]+\.[0-9]{3}" ms"$ \
		]]
	[ "${#lines[@]}" = 7 ]
	[ "$stderr" = "" ]
}

@test "a closed port that was given: shown, timed, status 3; --alive accepts it as an answer" {
	closed_port
	run -3 vsock-ping -c 2 -i 0.02 "$ready"
	[[ "${lines[1]}" == "answer from $ready: seq=1 closed time="*" ms" ]]
	[[ "$output" == *"2 packets transmitted, 0 received, +2 refused, 100% packet loss"* ]]
	run -0 vsock-ping --alive -c 1 "$ready"
	[ "${lines[0]}" = "PING $ready: connect; a closed port is an answer" ]
}

@test "UNIX sockets: an open one answers, a missing one is status 4" {
	spawn_ready listener vsock-listen "unix:$BATS_TEST_TMPDIR/s" --discard
	run -0 vsock-ping -c 2 -A "unix:$BATS_TEST_TMPDIR/s"
	[[ "$output" == *"seq=2 open"* ]]
	run -4 vsock-ping -c 1 "unix:$BATS_TEST_TMPDIR/none"
	[[ "$output" == *"no answer from unix:$BATS_TEST_TMPDIR/none: seq=1 no such socket"* ]]
	[[ "$output" == *"1 packets transmitted, 0 received, +1 errors, 100% packet loss, time "*ms*"not answered: 1 no such socket"* ]]
}

@test "a listener with a full backlog: each probe times out after -W" {
	need python3
	spawn full python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0)
c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[1])
print("full", flush=True); time.sleep(60)' "$BATS_TEST_TMPDIR/s"
	wait_until grep -q full "$BATS_TEST_TMPDIR/full.out"
	run -3 vsock-ping -c 2 -i 0.1 -W 300ms "unix:$BATS_TEST_TMPDIR/s"
	[[ "$output" == *"no answer from unix:$BATS_TEST_TMPDIR/s: seq=2 refused: "*"backlog"* ]]
	[[ "$output" =~ "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time "([0-9]+)ms ]]
	[ "${BASH_REMATCH[1]}" -ge 400 ]
}

@test "-W is per probe and does not delay the next; -O reports unanswered probes" {
	listen --discard
	run -5 vsock-ping --echo -O -c 3 -i 0.1 -W 3 "$ready"
	[[ "$output" == *"no answer yet from $ready: seq=1
no answer yet from $ready: seq=2
no answer from $ready: seq=1 timed out after 3 s"* ]]
}

@test "probes do not drift: 20 probes in 50 ms steps take 950 ms, and no longer for slow answers" {
	listen --echo
	run -0 vsock-ping --echo -j -c 20 -i 50ms "$ready"
	[[ "${lines[20]}" =~ '"seconds":'([0-9.]+) ]]
	# a busy machine may leave out turns, never add a part of one
	awk -v s="${BASH_REMATCH[1]}" 'BEGIN { exit !(s >= 0.949 && s < 5) }'
}

@test "-w ends the run; with -c it waits for answers" {
	listen --discard
	local start=$EPOCHREALTIME
	run -0 vsock-ping -w 0.5 -i 0.1 "$ready"
	awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { exit !(b - a >= 0.5 && b - a < 5) }'
	[[ "$output" =~ ([0-9]+)" packets transmitted, "([0-9]+)" received" ]]
	[ "${BASH_REMATCH[1]}" -ge 2 ] && [ "${BASH_REMATCH[1]}" -le 6 ]
	run -5 vsock-ping --echo -w 2 -c 1 -i 0.1 -W 10s "$ready"
	[[ "$output" =~ ([0-9]+)" packets transmitted, 0 received, 100% packet loss" ]]
	[ "${BASH_REMATCH[1]}" -ge 2 ]
}

@test "--echo checks what comes back: sizes, many probes in flight" {
	listen --echo
	for size in 1 15 16 17 64K 1M; do
		run -0 vsock-ping --echo -A -c 5 -s $size --window 3 "$ready"
		[[ "$output" == *"5 packets transmitted, 5 received, 0% packet loss"* ]]
	done
	run -0 vsock-ping --echo -f -q -c 20000 --window 100 "$ready"
	[[ "$output" == *"20000 packets transmitted, 20000 received, 0% packet loss"* ]]
	[[ "$output" == *"p50/p90/p99/p99.9 = "* ]]
}

@test "--echo reports wrong content and a service that does not echo, status 7" {
	need python3
	spawn wrong python3 -c '
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True)
c = s.accept()[0]
while True:
    d = bytearray(c.recv(65536))
    if not d: break
    d[20] ^= 1
    c.sendall(d)'
	wait_until test -s "$BATS_TEST_TMPDIR/wrong.out"
	run -7 vsock-ping --echo -A -c 2 "tcp:127.0.0.1:$(cat "$BATS_TEST_TMPDIR/wrong.out")"
	[[ "$output" == *"seq=2 byte 21 of 56 is not what was sent"* ]]
	[[ "$output" == *"2 packets transmitted, 0 received, +2 corrupted, 100% packet loss"* ]]
	listen --generate inf
	run -7 vsock-ping --echo -c 2 -i 0.05 "$ready"
}

@test "--echo: a service that sends each payload twice is found out, status 7" {
	need python3
	spawn twice python3 -u -c '
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])
while True:
    peer = listener.accept()[0]
    while data := peer.recv(65536):
        peer.sendall(data + data)'
	wait_until test -s "$BATS_TEST_TMPDIR/twice.out"
	ready=tcp:127.0.0.1:$(<"$BATS_TEST_TMPDIR/twice.out")
	run -7 --separate-stderr vsock-ping --echo -c 1 "$ready"
	[[ $output == *"1 packets transmitted, 1 received, +1 unexpected, 0% packet loss"* ]]
	[[ ${lines[-1]} == "unexpected: more came back than was sent, 1 time" ]]
	[[ $stderr == *"hint: is it an echo service? vsock-listen --echo is one"* ]]
	run -7 --separate-stderr vsock-ping --echo -j -c 1 "$ready"
	[[ ${lines[-1]} == *'"received":1,'*'"unexpected":1,'* ]]
}

@test "--echo computes a large payload once for each way, not for each piece" {
	spawn_ready listener vsock-listen "unix:$BATS_TEST_TMPDIR/s" --echo
	run -0 --separate-stderr bash -c 'time -p vsock-ping --echo -A -c 4 -W 60s -s 16M "$1"' - "$ready"
	[[ $output == *"4 packets transmitted, 4 received, 0% packet loss"* ]]
	# once for each of its pieces was 10 s
	awk '/^user/ { exit !($2 < 3) }' <<<"$stderr"
}

@test "causes in the summary: one word for all addresses" {
	local port; port=$(free_port)
	need strace
	cd "$BATS_TEST_TMPDIR" || return
	# LeakSanitizer does not work under ptrace
	export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
	run -7 strace -o trace -e inject=connect:error=ECONNRESET \
		vsock-ping -A -c 3 "tcp:[::1]:$port"
	[[ $output == *"not answered: 3 reset the connection at once"* ]]
	run -4 strace -o trace -e inject=connect:error=EHOSTUNREACH \
		vsock-ping -A -c 3 "tcp:[::1]:$port"
	[[ $output == *"not answered: 3 cannot reach" ]]
}

@test "--echo reconnects after a broken connection with the next probe" {
	spawn_ready listener vsock-listen -k tcp:127.0.0.1:0 -- head -c 56
	run -0 vsock-ping --echo -c 3 -i 0.3 "$ready"
	[[ "$output" == *"seq=3 bytes=56"* ]]
	[[ "$output" == *"vsock-ping: $ready: broke: the other side closed the connection"* ]]
}

@test "the statistics agree with those computed from --json" {
	need python3
	listen --echo
	vsock-ping --json -A -c 1500 "$ready" >"$BATS_TEST_TMPDIR/many"
	run -0 python3 "$tests_top/tests/lib/ping_statistics.py" <"$BATS_TEST_TMPDIR/many"
	vsock-ping --json --echo -A -c 40 "$ready" >"$BATS_TEST_TMPDIR/some"
	run -0 python3 "$tests_top/tests/lib/ping_statistics.py" <"$BATS_TEST_TMPDIR/some"
	finish listener
	run -3 bash -c 'vsock-ping --json -i 0.01 -c 9 "$1" >"$2"' - "$ready" \
		"$BATS_TEST_TMPDIR/closed"
	run -0 python3 "$tests_top/tests/lib/ping_statistics.py" <"$BATS_TEST_TMPDIR/closed"
	run -4 bash -c 'vsock-ping --json -i 0.01 -c 9 unix:/nothing/there >"$1"' - \
		"$BATS_TEST_TMPDIR/none"
	run -0 python3 "$tests_top/tests/lib/ping_statistics.py" <"$BATS_TEST_TMPDIR/none"
	grep -q '"end":"[a-z]*","why":"no such socket' "$BATS_TEST_TMPDIR/none"
}

@test "SIGQUIT prints a snapshot, SIGINT the summary" {
	listen --discard
	spawn ping vsock-ping -i 0.1 "$ready"
	wait_until grep -q seq=2 "$BATS_TEST_TMPDIR/ping.out"
	kill -QUIT "${spawned[ping]}"
	wait_until grep -q packets "$BATS_TEST_TMPDIR/ping.err"
	grep -qE '[0-9]+/[0-9]+ packets, 0% loss, min/avg/ewma/max = ([0-9.]+/){3}[0-9.]+ ms' \
		"$BATS_TEST_TMPDIR/ping.err"
	kill -INT "${spawned[ping]}"
	join ping
	grep -qE '^[0-9]+ packets transmitted, [0-9]+ received, 0% packet loss, time [0-9]+ms$' \
		"$BATS_TEST_TMPDIR/ping.out"
}

@test "-q prints only the summary, -qq nothing; -D the time; a reader that ends is no error" {
	listen --discard
	run -0 vsock-ping -q -c 2 -A "$ready"
	[ "${lines[1]}" = "--- $ready ping statistics ---" ]
	run -0 vsock-ping -qq -c 2 -A "$ready"
	[ "$output" = "" ]
	run -0 vsock-ping -D -c 1 "$ready"
	[[ "${lines[1]}" =~ ^\[[0-9]{10}\.[0-9]{6}\]" answer from " ]]
	run -0 --separate-stderr bash -c \
		'vsock-ping -i 0.05 "$1" | head -1; exit "$(( PIPESTATUS[0] == 141 ? 0 : 1 ))"' - \
		"$ready"
	[ "$stderr" = "" ]
}

@test "-f sends at least a hundred probes a second, and prints a dot for each lost one" {
	listen --discard
	run -5 vsock-ping --echo -f -w 0.5 -W 0.2 "$ready"
	[[ "$output" =~ ([0-9]+)" packets transmitted, 0 received, 100% packet loss" ]]
	[ "${BASH_REMATCH[1]}" -ge 10 ]
	[[ "${lines[1]}" == ....* ]]
	# but no more often than -i says
	run -5 vsock-ping --echo -f -i 300ms -w 0.5 -W 5s "$ready"
	[[ "$output" =~ ([0-9]+)" packets transmitted, 0 received, 100% packet loss" ]]
	[ "${BASH_REMATCH[1]}" -le 2 ]
}

@test "--histogram uses ASCII bars in a locale without UTF-8, blocks otherwise" {
	listen --discard
	run -0 vsock-ping --histogram -A -c 50 "$ready"
	[[ "$output" =~ "ms - "[0-9.]+" "m?s" "+[0-9]+" #"+ ]]
	LC_ALL=C.UTF-8 run -0 vsock-ping --histogram -A -c 50 "$ready"
	[[ "$output" == *█* ]]
}

@test "--wait that a signal ends says so, and its status is that of the last failure" {
	spawn ping vsock-ping --wait 60s unix:./nothing
	wait_until grep -q '^Name:.vsock-ping$' "/proc/${spawned[ping]}/status"
	wait_until grep -q 'SigBlk:.*[1-9a-f]' "/proc/${spawned[ping]}/status"
	kill -TERM "${spawned[ping]}"
	status=0
	join ping || status=$?
	# 5: it had not tried yet
	[[ $status = [45] ]]
	grep -qx 'vsock-ping: unix:./nothing: no answer before signal 15 (Terminated)' \
		"$BATS_TEST_TMPDIR/ping.err"
}

@test "--wait ends when the port opens, and says how long it took" {
	ready=unix:$BATS_TEST_TMPDIR/s
	spawn ping vsock-ping --wait 60s "$ready"
	sleep 0.3
	spawn_ready listener vsock-listen "unix:$BATS_TEST_TMPDIR/s" --discard
	join ping
	grep -qE "^unix:$BATS_TEST_TMPDIR/s: open after [0-9]+\.[0-9]{3} s$" \
		"$BATS_TEST_TMPDIR/ping.out"
	closed_port
	run -3 vsock-ping --wait 0.4 "$ready"
	# on a busy machine an attempt may outlast the limit, and is then reported itself
	wait_until sh -c 'vsock-ping --wait 0.4 unix:./nothing 2>&1 |
		grep -qx "hint: the last attempt: no such socket: ./nothing"'
	[[ "$output" == *"no answer in 400 ms"*"nothing listens on port"* ]]
	run -0 vsock-ping --wait 1 --alive "$ready"
	[[ "$output" == "$ready: answered after 0."* ]]
}

# silent_vmm PORT: a made-up VMM at ./v whose guest has this port open ('': none), and that never
# answers for others.
silent_vmm() {
	spawn vmm python3 -u -c '
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind("v")
listener.listen(100)
print("READY")
peers = []
while True:
    peers.append(listener.accept()[0])
    if peers[-1].recv(64) == b"CONNECT %s\n" % sys.argv[1].encode():
        peers[-1].send(b"OK 1\n")' "$1"
	wait_until grep -q READY vmm.out
}

@test "-w also ends --wait and --scan, with status 5" {
	cd "$BATS_TEST_TMPDIR" || return
	run -4 vsock-ping --wait 60s -w 300ms unix:./none
	[[ $output == *"unix:./none: timed out: no answer in 300 ms"* ]]
	need python3
	silent_vmm ''
	run -5 --separate-stderr vsock-ping --scan --parallel 10 -W 60s -w 300ms vsock-mux:./v:1-20
	[[ $stderr == *"vsock-ping: the scan ended early: its time of 300 ms was over"* ]]
	[[ $stderr == *" 0 open, 0 closed, 0 silent; 20 not probed" ]]
}

@test "a signal before the end: a scan and a measurement say so, status 5" {
	cd "$BATS_TEST_TMPDIR" || return
	need python3
	silent_vmm 1
	spawn scan vsock-ping -n --scan -W 60s vsock-mux:./v:1-20
	wait_until grep -q 'v:1$' scan.out
	kill -TERM "${spawned[scan]}"
	ends_with 5 scan
	grep -q '^vsock-ping: the scan ended early: signal 15 (Terminated)$' scan.err
	grep -q ' 1 open, 0 closed, 0 silent; 19 not probed$' scan.err
	spawn measure vsock-ping --bandwidth up -W 60s vsock-mux:./v:2
	wait_until grep -q 'SigBlk:.*[1-9a-f]' "/proc/${spawned[measure]}/status"
	kill -INT "${spawned[measure]}"
	ends_with 5 measure
	grep -qx 'vsock-ping: vsock-mux:./v:2: not connected before signal 2 (Interrupt)' \
		measure.err
}

@test "hints suggest to wait by a command of its own, which can be pasted" {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir "a b"
	spawn_ready listener vsock-listen unix:./stale --discard
	finish listener KILL
	local option command
	for option in '-c 1' '-A -c 1' '--echo -c 1' '--bandwidth up' --check; do
		# shellcheck disable=SC2086
		run -4 --separate-stderr vsock-ping $option "vsock-mux:./a b/v.sock:22"
		[[ $stderr == *"hint: vsock-ping --wait 60s 'vsock-mux:./a b/v.sock:22' waits for it" ]]
	done
	run -4 --separate-stderr vsock-ping --scan "vsock-mux:./a b/v.sock:22-23"
	[[ $stderr == *"hint: vsock-ping --wait 60s 'vsock-mux:./a\x20b/v.sock' waits for it"* ]]
	command=${stderr#*hint: } command=${command%% waits for it*}
	run -4 bash -c "$command -w 200ms"
	[[ $output == *": its VM is not running"* ]]
	run -3 --separate-stderr vsock-ping -c 1 unix:./stale
	[[ $stderr == *"; vsock-ping --wait 60s unix:./stale waits for it" ]]
	run -3 --separate-stderr vsock-cat unix:./stale
	[[ $stderr == *"; --wait 60s waits for it" ]]
}

@test "hints show paths as the shell and an address take them" {
	cd "$BATS_TEST_TMPDIR" || return
	spawn_ready listener vsock-listen 'unix:./a b\,c' --discard
	run -1 vsock-listen 'unix:./a b\,c'
	[[ $output == *"rm './a b,c'"* ]]
	run -4 vsock-listen 'unix:./no such/s'
	[[ $output == *"hint: mkdir -p './no such'" ]]
	spawn_ready message vsock-listen 'unix-seqpacket:./m m' --discard
	run -1 vsock-cat 'unix:./m m'
	[[ $output == *"write 'unix-seqpacket:./m\x20m' for a seqpacket listener, "* ]]
	run -2 vsock-cat 'unix:./m,m'
	[[ $output == *"as in 'unix:./m\,m'" ]]
	run -2 vsock-cat "SYSTEM:echo 'a'"
	[[ $output == *"hint: write 'exec:sh -c \"echo '\\''a'\\''\"'" ]]
}

@test "time that is over before the first attempt is a time-out, status 5" {
	cd "$BATS_TEST_TMPDIR" || return
	spawn_ready listener vsock-listen unix:./s --discard
	run -5 vsock-ping -c 1 -W 1ns unix:./s
	[[ $output == *"seq=1 timed out after 1 ns"* ]]
	run -5 vsock-cat unix:./s,connect-timeout=1ns
	[[ $output == "vsock-cat: unix:./s: timed out after "* ]]
	run -5 vsock-cat -w 1ns tcp:localhost:9
	[[ $output == "vsock-cat: tcp:localhost:9: timed out after "* ]]
}

@test "a time too large for an option without inf does not suggest inf" {
	run -2 vsock-ping -W 999999999999d unix:./s
	[[ $output == *"it is too large"* && $output != *" inf "* ]]
	run -2 vsock-ping -w 999999999999d unix:./s
	[[ $output == *"it is too large; write inf for no limit"* ]]
	run -2 vsock-cat vsock:3:22,window=99999999999T
	[[ $output == *"it is too large"* && $output != *" inf "* ]]
}

@test "--scan prints open ports in order with names, and a summary on standard error" {
	spawn_ready one vsock-listen tcp:127.0.0.1:0 --discard
	local first; first=$(port_of "$ready")
	spawn_ready two vsock-listen tcp:127.0.0.1:0 --discard
	local second; second=$(port_of "$ready")
	local closed; closed=$(free_port)
	run -0 --separate-stderr vsock-ping --scan "tcp:127.0.0.1:$first,$closed,$second"
	[ "$output" = "$(printf '%s\n' "tcp:127.0.0.1:$first" "tcp:127.0.0.1:$second")" ]
	[[ "$stderr" == "3 ports of tcp:127.0.0.1 in "*"s: 2 open, 1 closed, 0 silent" ]]
	run -0 --separate-stderr vsock-ping -v --scan "tcp:127.0.0.1:$first,$closed"
	[ "${lines[1]}" = "$(printf "%s closed" "tcp:127.0.0.1:$closed")" ]
	run -3 --separate-stderr vsock-ping -q --scan "tcp:127.0.0.1:$closed"
	[ "$output$stderr" = "" ]
	# nothing after the colon is a mistake, and not the well-known ports
	for bad in tcp:127.0.0.1: 3: vsock:3: vsock-mux:./v: tcp:127.0.0.1:,netns=x; do
		run -2 vsock-ping --scan "$bad"
		[ "$output" = "vsock-ping: ${bad%,*}: the ports are missing" ]
	done
	run -0 --separate-stderr vsock-ping -j --scan "tcp:127.0.0.1:$first,$closed"
	[[ "${lines[0]}" == '{"event":"port","address":"tcp:127.0.0.1:'"$first"'","result":"open",'* ]]
	[[ "${lines[1]}" == '{"event":"summary","open":1,"closed":1,"silent":0,'* ]]
}

@test "--scan --parallel 1 probes one port at a time" {
	need python3
	spawn peer python3 -u -c '
import select, socket
listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(10)]
print("READY", ",".join(str(listener.getsockname()[1]) for listener in listeners))
open_now, most = [], 0
for _ in range(10):
    for listener in select.select(listeners, [], [], 60)[0][:1]:
        peer = listener.accept()[0]
        # one that was closed before this one came is seen to be closed now
        open_now = [other for other in open_now if not select.select([other], [], [], 0)[0]] \
            + [peer]
        most = max(most, len(open_now))
print("most", most)'
	wait_until grep -q READY "$BATS_TEST_TMPDIR/peer.out"
	local ports; ports=$(sed -n 's/^READY //p' "$BATS_TEST_TMPDIR/peer.out")
	run -0 --separate-stderr vsock-ping --scan "tcp:127.0.0.1:$ports" --parallel 1
	[ "${#lines[@]}" = 10 ]
	wait_until grep -qx 'most 1' "$BATS_TEST_TMPDIR/peer.out"
	run -2 vsock-ping --scan "tcp:127.0.0.1:$ports" --parallel 0
}

@test "--scan of all ports probes every port once" {
	listen --discard
	run -0 --separate-stderr vsock-ping --scan tcp:127.0.0.1:1-65535
	local counts='([0-9]+) open, ([0-9]+) closed, ([0-9]+) silent'
	[[ "$stderr" =~ ^"65535 ports of tcp:127.0.0.1 in "[0-9.]+" "m?s": "$counts ]]
	[ $((BASH_REMATCH[1] + BASH_REMATCH[2] + BASH_REMATCH[3])) = 65535 ]
	[[ "$output" == *"$ready"* ]]
}

@test "--scan names TCP services" {
	# one that has a name, and a listener nowhere any more
	[ "$(getent services 70/tcp)" ] || skip "/etc/services is missing (package netbase)"
	run -3 --separate-stderr vsock-ping -v --scan tcp:127.0.0.2:70
	[ "$output" = "tcp:127.0.0.2:70 closed  gopher" ]
}

@test "--banner shows the first line, escaped" {
	spawn_ready listener vsock-listen -k tcp:127.0.0.1:0 -- printf 'SSH-2.0-\033[31mX\r\nmore\n'
	run -0 --separate-stderr vsock-ping --scan --banner "$ready"
	[[ "$output" == "$ready "*'SSH-2.0-\x1B[31mX' ]]
	# in two pieces, of which the second comes after the first was read
	mkfifo "$BATS_TEST_TMPDIR/pause"
	spawn_ready pieces vsock-listen -k tcp:127.0.0.1:0 -- \
		sh -c 'printf "220 "; read -r _ <"$0"; printf "ready\nmore\n"' "$BATS_TEST_TMPDIR/pause"
	vsock-ping --scan --banner "$ready" >"$BATS_TEST_TMPDIR/out" 3>&- &
	echo >"$BATS_TEST_TMPDIR/pause"
	wait $!
	grep -qx "$ready .*220 ready" "$BATS_TEST_TMPDIR/out"
}

@test "--scan: a port that fails does not end it, and is counted" {
	need strace
	cd "$BATS_TEST_TMPDIR" || return
	# LeakSanitizer does not work under ptrace
	export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
	listen --discard
	local port; port=$(port_of "$ready")
	local closed; closed=$(free_port)
	local scan=("$closed" "$closed" "$port")
	local error ports; ports=$(IFS=,; echo "${scan[*]}")
	for error in ECONNRESET EPIPE EPERM; do
		run -0 --separate-stderr strace -o trace -e "inject=connect:error=$error:when=1" \
			vsock-ping --scan --parallel 1 "tcp:127.0.0.1:$ports"
		[ "$output" = "$ready" ]
		[[ $stderr == "3 ports of "*": 1 open, 1 closed, 0 silent, 1 failed" ]]
	done
	run -0 --separate-stderr strace -o trace -e inject=connect:error=ECONNRESET:when=1 \
		vsock-ping --scan --parallel 1 -v -j "tcp:127.0.0.1:$ports"
	[[ ${lines[0]} == *'"result":"error","why":"127.0.0.1 reset the connection at once"'* ]]
	[[ ${lines[3]} == *'"silent":0,"failed":1,"unprobed":0,'* ]]
	run -7 --separate-stderr strace -o trace -e inject=connect:error=ECONNRESET \
		vsock-ping --scan -v "tcp:127.0.0.1:$ports"
	[[ ${lines[0]} == "tcp:127.0.0.1:$closed error "*"reset the connection at once" ]]
	[[ $stderr == *"vsock-ping: 127.0.0.1 reset the connection at once"* ]]
}

@test "--scan behind hybrid vsock: a wrong answer concerns its port alone" {
	start_vmm "$BATS_TEST_TMPDIR/v" close garbage ok part close
	run -0 --separate-stderr vsock-ping --scan --parallel 1 \
		"vsock-mux:$BATS_TEST_TMPDIR/v:1-5"
	[ "$output" = "vsock-mux:$BATS_TEST_TMPDIR/v:3" ]
	[[ $stderr == "5 ports of "*": 1 open, 2 closed, 0 silent, 2 failed" ]]
}

@test "--scan with fewer descriptors than --parallel probes every port, with too few says so" {
	listen --discard
	local port; port=$(port_of "$ready")
	run -0 --separate-stderr bash -c 'ulimit -n 30; vsock-ping --scan "tcp:127.0.0.1:$1"' - \
		"1-500,$port"
	[[ $stderr == "501 ports of "*" closed, 0 silent" ]]
	[[ $output == *"$ready"* ]]
	need strace
	cd "$BATS_TEST_TMPDIR" || return
	# LeakSanitizer does not work under ptrace
	export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
	run -1 --separate-stderr strace -o trace -e inject=connect:error=EADDRNOTAVAIL:when=3+ \
		vsock-ping -n --scan --parallel 1 "tcp:127.0.0.1:$port,$(printf '%d,' {1..9})10"
	[ "$output" = "$ready" ]
	[[ $stderr == *"vsock-ping: the scan ended early: "*" no port is left to connect from"* ]]
	[[ $stderr == *"2 ports of "*": 1 open, 1 closed, 0 silent; 9 not probed" ]]
	run -1 --separate-stderr strace -o trace -e inject=connect:error=EADDRNOTAVAIL:when=3+ \
		vsock-ping -nj --scan --parallel 1 "tcp:127.0.0.1:$port,$(printf '%d,' {1..9})10"
	[[ ${lines[1]} == *'"open":1,"closed":1,"silent":0,"failed":0,"unprobed":9,'* ]]
}

@test "--scan reports bad sets with a caret" {
	run -2 vsock-ping --scan 3:22,x
	[[ "$output" == *"  3:22,x
       ^"* ]]
	run -2 vsock-ping --scan nobody:22
	run -2 vsock-ping --scan tcp:127.0.0.1:65536
	# no program takes port 0, which means any
	run -2 vsock-ping --scan vsock-mux:./v:0
	run -2 vsock-ping --scan 3:0-22
	run -2 vsock-ping --scan unix:/tmp/x
	run -2 vsock-ping --scan 3:1 4:1
}

@test "--bandwidth reports a wrong service at the other end" {
	cd "$BATS_TEST_TMPDIR" || return
	spawn_ready banner vsock-listen \
		tcp:127.0.0.1:0 -- sh -c 'echo $$ >>pids; echo SSH-2.0-x; exec sleep 30'
	run -5 vsock-ping --bandwidth down -w 0.6 "$ready"
	[[ $output == *"nothing came after the first 10 bytes"* ]]
	[[ $output == *"hint: run vsock-listen --generate inf at the other end"* ]]
	run -5 vsock-ping --bandwidth up -w 0.6 "$ready"
	[[ $output == *"nothing was taken after the first "*" bytes"* ]]
	[[ $output == *"hint: run vsock-listen --discard at the other end"* ]]
	xargs kill <pids
}

@test "--bandwidth down: a peer that closes at once and one that sends nothing give different errors" {
	cd "$BATS_TEST_TMPDIR" || return
	spawn_ready closing vsock-listen unix:./s -- true
	run -7 vsock-ping --bandwidth down -w 5 unix:./s
	[[ $output == *": connection broke: the peer closed it"* ]]
	[[ $output == *"hint: the peer must send: run vsock-listen --generate inf there"* ]]
}

@test "--echo with a service that does not echo suggests one that does" {
	cd "$BATS_TEST_TMPDIR" || return
	spawn_ready more vsock-listen unix:./more -- cat /dev/zero
	run -7 --separate-stderr vsock-ping --echo -c 1 unix:./more
	[[ $stderr == *"hint: is it an echo service? vsock-listen --echo is one"* ]]
	spawn_ready silent vsock-listen --discard unix:./silent
	run -5 --separate-stderr vsock-ping --echo -c 1 -W 200ms unix:./silent
	[[ $stderr == *"hint: is it an echo service? vsock-listen --echo is one"* ]]
}

@test "--bandwidth measures up, down and both" {
	listen --discard
	run -0 vsock-ping --bandwidth up -w 0.6 -i 0.2 "$ready"
	local rate='[0-9.]+ [KMG]iB'
	local line="^0\.00-([0-9]+\.[0-9]{2}) s: up $rate $rate/s\$"
	[[ "${lines[0]}" =~ $line ]]
	# a busy machine may be late, never early
	awk -v s="${BASH_REMATCH[1]}" 'BEGIN { exit !(s >= 0.2) }'
	[[ "$output" == *"--- $ready bandwidth ---"*"; CPU here "*" s per GiB" ]]
	run -5 --separate-stderr vsock-ping --bandwidth down -w 0.3 "$ready"
	[[ "$stderr" == *"nothing came"*"--generate inf"* ]]
	finish listener
	listen --generate inf
	run -0 vsock-ping -j --bandwidth both --streams 3 -w 2 "$ready"
	[[ "$output" =~ '"event":"summary","from":0.000000,"to":'[0-9.]+',"up":'[1-9][0-9]+',"down":'[1-9][0-9]+',"streams":3' ]]
	finish listener
	run -3 vsock-ping --bandwidth up -w 0.5 "$ready"
}

@test "options that do not fit together are refused" {
	run -2 vsock-ping
	run -2 vsock-ping -s 100 tcp:127.0.0.1:1
	[[ "$output" == *"--size needs --echo"* ]]
	run -2 vsock-ping --banner tcp:127.0.0.1:1
	run -2 vsock-ping --streams 2 tcp:127.0.0.1:1
	run -2 vsock-ping --alive --open tcp:127.0.0.1:1
	local pair
	for pair in '--scan '{-i1,-O,--alive,--open,'--window 2'} \
		'--wait 1s '{-i1,-A,-O,'--window 2'} \
		'--bandwidth up '{-f,-A,-O,--alive,--open,'--window 2'} \
		'--check --window 2' '-j '{--histogram,-O} '-f -O'; do
		# shellcheck disable=SC2086
		run -2 vsock-ping $pair tcp:127.0.0.1:1
		[[ $output == *"cannot be used together"* ]] || { echo "$pair: $output"; return 1; }
	done
	run -2 vsock-ping -c 0 tcp:127.0.0.1:1
	run -2 vsock-ping -
	[[ "$output" == *"nothing to ping"* || "$output" == *"-"* ]]
	run -2 vsock-ping exec:true
}

@test "--window: the limit that help and manual name is the one that holds" {
	cd "$BATS_TEST_TMPDIR" || return
	COLUMNS=200 vsock-ping --help >help
	grep -q 'maximum unanswered probes \[1 with -f and -A, else 1000\]' help
	run -2 vsock-ping --window 1001 unix:./none
	run -4 vsock-ping --window 1000 -c 1 unix:./none
	mandoc -T ascii -O width=200 "$tests_top/man/vsock-ping.1" | sed 's,.\x08,,g' >page ||
		skip "mandoc is missing"
	grep -q 'otherwise 1000, which is also the maximum' page
}
