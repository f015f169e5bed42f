#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-ping --check and vsock-listen --check: sound paths, and the museum of faults
# (tests/lib/museum). tests/ping-lab.bats: on vsock.

load lib/common

defects="none drop-large truncate stall-slow reset-pieces lose-pieces corrupt-merged full-close
	no-half-close double-half-close swallow-refusal early-ok refuse-some late reorder repeat
	mix-up wrong-cid idle-drop idle-forget discard-on-close no-close no-check"

# All defects are visited once, some at a time: most of a visit is waiting.
setup_file() {
	command -v python3 >/dev/null || return 0
	export VSOCK_HOSTS=/dev/null
	# shellcheck disable=SC2086 # words
	printf '%s\n' $defects |
		timeout 400 xargs -P 4 -I {} "$tests_top/tests/lib/museum-visit" \
			"$BATS_FILE_TMPDIR" {} 3>&-
}

setup() {
	own_directory
}

# found DEFECT STATUS CHECKS KNOWN: the visit ended with this status in time, exactly these checks
# failed, and the known defects that it named are this one. On a machine that stood still meanwhile
# connections are late or idle that should not be, and on a slow one time is up before all is
# checked: such a visit is repeated, with more time.
found() {
	need python3
	local base=$BATS_FILE_TMPDIR/$1
	for _ in 1 2 3; do
		! is_as_expected "$@" || return 0
		[ "$(<"$base.late")" -ge 300 ] ||
			grep -q 'not everything was checked' "$base.err" || break
		echo "# $1: the machine is slow, or stood still for $(<"$base.late") ms: again" >&3
		tail -n 100 "$base".{out,err,listen,museum,status}
		"$tests_top/tests/lib/museum-visit" "$BATS_FILE_TMPDIR" "$1" -w 55s 3>&-
	done
	tail -n 100 "$base".{out,err,listen,museum,status,late}
	return 1
}

is_as_expected() {
	local base=$BATS_FILE_TMPDIR/$1 failed known
	failed=$(sed -n 's/^FAIL    \([^ ].\{0,23\}\).*/\1/p' "$base.out" | sed 's/ *$//')
	known=$(sed -n 's/^ *known defect: //p' "$base.out" | sort -u)
	[ "$(<"$base.status") $failed; $known" = "$2 $3; $4" ] && [ ! -s "$base.museum" ] ||
		return
	[ "$2" = 1 ] || [[ $(<"$base.out") =~ " failed, "([0-9]+)"."[0-9]" s: " ]] || return
	# 20 s are promised; here four visits share a processor with other tests
	[ "$2" = 1 ] || [ "${BASH_REMATCH[1]}" -lt 60 ]
}

both() {
	echo "$1, up"
	echo "$1, down"
}

@test "a sound device: nothing fails" {
	found none 0 "" ""
	[[ $(<"$BATS_FILE_TMPDIR/none.out") == *"the path is sound" ]]
}

@test "packets lose what exceeds 32 KiB" {
	found drop-large 7 "$(both "large pieces")" "the VMM loses data above 32 KiB in one packet"
	grep -q "a piece of 32769 bytes: 32768 of 32769 bytes arrived there, then nothing more" \
		"$BATS_FILE_TMPDIR/drop-large.out"
	grep -q "what helps: .*write at most 32 KiB at once" "$BATS_FILE_TMPDIR/drop-large.out"
	grep -q "versions: vhost-device-vsock, Firecracker before 1.14" \
		"$BATS_FILE_TMPDIR/drop-large.out"
}

@test "packets lose what exceeds 8 KiB" {
	found truncate 7 "$(both "large pieces")" \
		"the VMM drops the rest of a piece that it could write only in part"
}

@test "the update of a window is lost" {
	found stall-slow 7 "$(both "slow reader")
both windows full" "an update of the window was lost, so the sender waits for ever"
}

@test "many small unread pieces are answered with a reset" {
	found reset-pieces 7 "$(both "small pieces")" \
		"the receiving kernel resets after some 455 unread pieces of 129 to 575 bytes"
}

@test "many small unread pieces are lost" {
	found lose-pieces 7 "$(both "small pieces")" \
		"the receiving kernel silently drops unread pieces of 129 to 575 bytes"
}

@test "pieces that are merged are corrupted" {
	found corrupt-merged 7 "$(both "small pieces")" \
		"the receiving kernel merges packets wrongly (CVE-2026-23057)"
}

@test "a half-close becomes a full close" {
	found full-close 7 "half-close, up" \
		"the VMM turns a half-close into a full close, and the answer is lost"
}

@test "a half-close is not passed on" {
	found no-half-close 7 "half-close, down" "the VMM does not pass a half-close on"
}

@test "a half-close is passed on twice" {
	found double-half-close 7 "half-close, up" \
		"a half-close is passed on twice, once to the end that it comes from"
}

@test "a closed port does not answer" {
	found swallow-refusal 7 "closed port" "the VMM swallows the reset of a closed port"
}

@test "a closed port accepts" {
	found early-ok 7 "closed port" "the VMM accepts before the guest has"
}

@test "some of 100 connections are refused" {
	found refuse-some 7 "100 connections at once" \
		"the backlog is full, or the VMM limits connections"
}

@test "some of 100 connections are late" {
	found late 7 "100 connections at once" \
		"a request to connect was dropped and repeated, or a thread of the VMM is blocked"
}

@test "parallel streams get out of order" {
	found reorder 7 "8 streams at once" \
		"the VMM or proxy changes the order of packets, or repeats them"
}

@test "parallel streams repeat packets" {
	found repeat 7 "8 streams at once" \
		"the VMM or proxy changes the order of packets, or repeats them"
	grep -q "is repeated after 16384 bytes" "$BATS_FILE_TMPDIR/repeat.out"
}

@test "parallel streams get mixed up" {
	found mix-up 7 "8 streams at once" "the VMM or proxy mixes connections up"
}

@test "the guest sees a wrong CID" {
	found wrong-cid 7 "peer's address" "the VMM gives connections a wrong source CID"
}

@test "idle connections are dropped" {
	found idle-drop 7 "idle for 3 s" \
		"idle connections are dropped, or the VM was restored from a snapshot meanwhile"
}

@test "idle connections are forgotten" {
	found idle-forget 7 "idle for 3 s" "idle connections are forgotten, or the VM was restored \
from a snapshot meanwhile and the reset was not delivered"
}

@test "a close discards what was not read" {
	found discard-on-close 7 "$(both "close, then read")" \
		"what was not read yet is discarded when the sender closes"
}

@test "a close is not passed on" {
	found no-close 7 "$(both reset)" "a close is not passed on to an end that is busy"
}

@test "another service at the other end: status 1, and what to run there" {
	found no-check 1 "" ""
	grep -q "the other end does not answer as vsock-listen --check does" \
		"$BATS_FILE_TMPDIR/no-check.err"
	grep -q "hint: run vsock-listen --check at the other end" "$BATS_FILE_TMPDIR/no-check.err"
}

@test "TCP, UNIX sockets, messages and a proxy between: no false alarm; text, TAP and JSON" {
	spawn_ready tcp vsock-listen --check tcp:127.0.0.1:0
	spawn check-tcp vsock-ping --check -j "$ready"
	spawn_ready unix vsock-listen --check unix:./s
	spawn check-unix vsock-ping --check unix:./s
	spawn_ready messages vsock-listen --check unix-seqpacket:./m
	spawn check-messages vsock-ping --check --tap unix-seqpacket:./m
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 unix:./s
	spawn check-proxy vsock-ping --check "$ready"
	for name in tcp unix messages proxy; do
		ends_with 0 check-$name || { cat check-$name.*; return 1; }
		[ ! -s check-$name.err ]
	done

	[ "$(grep -c '"event":"check".*"result":"ok".*"defect":null' check-tcp.out)" = 19 ]
	grep -q '"event":"check".*"check":"refused","result":"ok","what":"it refuses at once"' \
		check-tcp.out
	[[ $(tail -n 1 check-tcp.out) =~ ^'{"event":"summary","address":"tcp:127.0.0.1:'[0-9]+'",'\
'"checks":19,"failed":0,"complete":true,"seconds":'[0-9.]+'}'$ ]]

	grep -qx "ok      slow reader, down" check-unix.out
	grep -qx "skip    closed port              this address has no other port" check-unix.out
	[[ $(tail -n 1 check-unix.out) == "19 checks, 0 failed, "*" s: the path is sound" ]]

	[ "$(head -n 1 check-messages.out)" = "TAP version 13" ]
	grep -qx "ok 3 - messages, up" check-messages.out
	grep -qx "ok 11 - closed port # SKIP this address has no other port" check-messages.out
	[ "$(tail -n 1 check-messages.out)" = 1..11 ]
}

@test "a first connection that is made and never ends: it fails in every format" {
	need python3
	# answers as vsock-listen --check does, and then neither closes nor reports
	spawn endless python3 -c 'import socket, threading
listener = socket.socket(socket.AF_UNIX)
listener.bind("./endless"); listener.listen(100)
def serve(sock):
    words = sock.recv(1000).split()
    if words[3] == b"report":
        sock.sendall(b" ".join(words[:3]) + b" result done 1 0 0 right 0 0\n")
    else:
        sock.sendall(b" ".join(words[:3]) + b" peer unix\n")
        threading.Event().wait()
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()'
	wait_until test -S endless
	run -7 --separate-stderr vsock-ping --check -w 6s unix:./endless
	[[ $output == *$'\nFAIL    connection '*"the end of file did not arrive here"* ]]
	[[ $output == *" checks, "[1-9]*" failed, "*": the path is not sound"* ]]
}

@test "a server that ends meanwhile is no defect of a kernel or a VMM" {
	spawn_ready unix vsock-listen --check unix:./s
	spawn check vsock-ping --check unix:./s
	wait_until grep -q "^ok      8 streams" check.out
	finish unix KILL
	ends_with 7 check
	grep -q "^FAIL    100 connections at once  100 of 100: not connected: " check.out
	run ! grep -q "known defect" check.out
}

@test "too few descriptors here are no full backlog there" {
	spawn_ready unix vsock-listen --check unix:./s
	spawn check sh -c 'ulimit -n 60; exec vsock-ping --check unix:./s'
	ends_with 7 check
	grep -qE "^FAIL    100 connections at once  [0-9]+ of 100: not connected: too many open descriptors in this process$" check.out
	run ! grep -q "known defect" check.out
}

@test "TAP and JSON name the known defect" {
	need python3
	mkdir tap json
	"$tests_top/tests/lib/museum-visit" "$PWD/tap" wrong-cid --tap -w 2s &
	"$tests_top/tests/lib/museum-visit" "$PWD/json" wrong-cid -j -w 2s &
	wait
	grep -q "^not ok 2 - peer's address: the other end sees vsock:7:1234, which is not" \
		tap/wrong-cid.out
	grep -qx "# known defect: the VMM gives connections a wrong source CID" tap/wrong-cid.out
	grep -q '"check":"peer","result":"failed",.*"defect":"the VMM gives connections a wrong' \
		json/wrong-cid.out
}

@test "nothing to check: the usual errors and statuses; wrong usage" {
	run -4 --separate-stderr vsock-ping --check unix:./none
	[ "$output" = "CHECK unix:./none" ]
	[[ $stderr == "vsock-ping: unix:./none: no such socket: "* ]]
	run -3 vsock-ping --check "tcp:127.0.0.1:$(free_port)"
	run -4 --separate-stderr vsock-ping --check --tap unix:./none
	[[ $output == "TAP version 13
not ok 1 - connection: not connected: no such socket: ./none
1..1" ]]
	run -2 vsock-ping --check 3
	[[ $output == *"--check needs a port, that of a vsock-listen --check" ]]
	run -2 vsock-ping --tap unix:./none
	[[ $output == "vsock-ping: --tap needs --check" ]]
	run -2 vsock-listen --check --rate-limit 1M unix:./s
	[[ $output == *"--rate-limit has no effect here: --check relays nothing, and has"* ]]
}

@test "-w or a signal ends it, with status 5 and what was found so far; -q shows failures only" {
	spawn_ready unix vsock-listen --check unix:./s
	run -5 vsock-ping --check -w 1s unix:./s
	[[ $output == *"ok      connection"*"0 failed, 1."*" s: not everything was checked"* ]]
	[[ $output == *"vsock-ping: unix:./s: not everything was checked"* ]]
	run -5 --separate-stderr vsock-ping --check -q -w 1s unix:./s
	[ "$output" = "" ]
	run -5 --separate-stderr vsock-ping --check -q -j -w 1s unix:./s
	[ "$output" = "" ]
	# in one file, what comes first stands first
	vsock-ping --check unix:./none >both 2>&1 || [ $? = 4 ]
	[ "$(head -n 1 both)" = "CHECK unix:./none" ]
	# a plan would say that it is complete
	run -5 --separate-stderr vsock-ping --check --tap -w 1s unix:./s
	[[ $output == *$'\nBail out! not everything was checked' && $output != *1..* ]]
	# nothing is said of a first connection that was interrupted, in any format
	need python3
	spawn mute python3 -c 'import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("./mute"); listener.listen()
held = []
while True: held.append(listener.accept())'
	wait_until test -S mute
	for format in -v --tap -j; do
		run -5 --separate-stderr vsock-ping --check $format -w 500ms unix:./mute
		[[ $output != *"not ok"* && $output != *FAIL* && $output != *peer* ]]
	done
	spawn check vsock-ping --check unix:./s
	wait_until grep -q "large pieces, up" check.out
	kill -INT "${spawned[check]}"
	ends_with 5 check
	[[ $(<check.out) == *" s: not everything was checked" ]]
}

@test "vsock-listen --check refuses what is no request, and hostile ones" {
	need python3
	spawn_ready listener vsock-listen --check -v unix:./s
	python3 - <<-'END'
		import socket, time

		def connect():
		    sock = socket.socket(socket.AF_UNIX)
		    sock.connect("./s")
		    sock.settimeout(60)
		    return sock

		def answer(request):
		    sock = connect()
		    sock.sendall(request)
		    try:
		        return sock.recv(1000)
		    except ConnectionResetError:
		        return b""

		for request in [b"GET / HTTP/1.1\r\n", b"\n", b"\0\n", b"x" * 1000, b"V\0S\n",
		                b"VSOCK-CHECK 1 7f3a0001 send=99999999\n",
		                b"VSOCK-CHECK 1 7f3a0001 " + b"end " * 60 + b"\n",
		                b"VSOCK-CHECK 1 7f3a0001 send=10/0\n",
		                b"VSOCK-CHECK 2 7f3a0001 end\n"]:
		    assert answer(request) == b"", request
		unknown = answer(b"VSOCK-CHECK 1 7f3a0001 report\n").split()
		assert unknown[3:5] == [b"result", b"unknown"], unknown
		# Those that do nothing, never read, or never write keep nobody from being served.
		idle = [connect() for _ in range(50)]
		for number, sock in enumerate(idle):
		    if number % 3:
		        sock.sendall(b"VSOCK-CHECK 1 0000%04x " % number +
		                     (b"send=16777216\n" if number % 3 == 1 else b"receive=10\n"))
		begin = time.monotonic()
		assert answer(b"VSOCK-CHECK 1 7f3a0001 wait=0\n").startswith(
		    b"VSOCK-CHECK 1 7f3a0001 peer unix (pid ")
		# Soon they are given up.
		for number, sock in enumerate(idle):
		    try:
		        while sock.recv(1 << 20) if number % 3 != 1 else sock.recv(100):
		            if number % 3 == 1:
		                break
		    except ConnectionResetError:
		        pass
		# One that has little to say, and says it slowly.
		slow = connect()
		try:
		    for _ in range(400):
		        slow.sendall(b"V")
		        time.sleep(0.1)
		    raise AssertionError("it listened to this for ever")
		except (BrokenPipeError, ConnectionResetError):
		    pass
		for sock in idle:
		    sock.close()
		# The results that others may ask for are the newest ones.
		for number in range(1100):
		    answer(b"VSOCK-CHECK 1 1000%04x wait=0\n" % number)
		assert answer(b"VSOCK-CHECK 1 10000000 report\n").split()[4] == b"unknown"
		newest = answer(b"VSOCK-CHECK 1 1000044b report\n").split()
		assert newest[4] in (b"done", b"running"), newest
	END
	run -0 vsock-ping -c 1 unix:./s
	grep -q "fail unix .* end=handshake .*no request of vsock-ping --check came" listener.err
	finish listener
}
