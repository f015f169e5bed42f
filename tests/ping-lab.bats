#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-ping over real vsock, in the lab only: tests/lab/vm tests/run-bats tests/ping-lab.bats

load lib/common

setup() {
	skip_outside_lab
	export VSOCK_HOSTS=$BATS_TEST_TMPDIR/hosts LC_ALL=C
	echo "1 me" >"$VSOCK_HOSTS"
}

@test "a CID without a port: a closed port counts as an answer, by CID and by name" {
	run -0 vsock-ping -c 3 -i 0.1 1
	[ "${lines[0]}" = "PING vsock:1:7 (me): connect; a closed port is an answer" ]
	[[ "${lines[1]}" =~ ^"answer from vsock:1:7: seq=1 closed time="[0-9.]+" ms"$ ]]
	[[ "$output" == *"3 packets transmitted, 3 received, 0% packet loss, time "* ]]
	run -0 vsock-ping -n -c 1 me
	[ "${lines[0]}" = "PING vsock:1:7: connect; a closed port is an answer" ]
	run -3 vsock-ping --open -c 1 1
	run -3 vsock-ping -c 1 1:9
	run -3 vsock-ping -c 1 me 9
}

@test "an absent CID is status 4, with the cause in the line" {
	run -4 vsock-ping -c 1 77
	[[ "$output" == *"no answer from vsock:77:7: seq=1 "*"+1 errors, 100% packet loss"* ]]
}

@test "open ports, echo with many probes in flight, statistics" {
	spawn_ready listener vsock-listen 5000 --echo
	run -0 vsock-ping -c 20 -A 1:5000
	[[ "$output" == *"seq=20 open"* ]]
	run -0 vsock-ping --echo -A -s 64K -c 50 --window 8 1:5000
	[[ "$output" == *"50 packets transmitted, 50 received, 0% packet loss"* ]]
	vsock-ping --json --echo -A -c 200 1:5000 >"$BATS_TEST_TMPDIR/json"
	run -0 python3 "$tests_top/tests/lib/ping_statistics.py" <"$BATS_TEST_TMPDIR/json"
}

@test "--check: the loopback of this kernel is sound, for streams and messages" {
	# in emulation all takes longer
	spawn_ready streams vsock-listen 5000 --check
	run -0 vsock-ping --check -w 200s 1:5000
	[[ "$output" == *"ok "*"the other end sees vsock:1:"*"the path is sound" ]]
	[[ "$output" == *"ok "*"closed port "*"it refuses at once"* ]]
	since 5.14 || return 0
	spawn_ready messages vsock-listen vsock-seqpacket:any:5001 --check
	run -0 vsock-ping --check -w 200s vsock-seqpacket:1:5001
	[[ "$output" == *"ok "*"messages, down"*"the path is sound" ]]
}

@test "listeners made by socat and Python answer too" {
	need socat python3
	spawn socat socat VSOCK-LISTEN:5001,fork PIPE
	run -0 vsock-ping --wait 60s 1:5001
	run -0 vsock-ping -A -c 5 1:5001
	run -0 vsock-ping --echo -A -c 5 1:5001
	spawn python python3 -c '
import socket
s = socket.socket(socket.AF_VSOCK); s.bind((socket.VMADDR_CID_ANY, 5002)); s.listen(64)
while True: s.accept()[0].close()'
	run -0 vsock-ping --wait 60s 1:5002
	run -0 vsock-ping -A -c 5 1:5002
}

@test "a scan of all 65535 ports takes less than a minute" {
	spawn_ready listener vsock-listen 5000 --discard
	spawn_ready other vsock-listen vsock:any:65535 --discard
	run -0 --separate-stderr vsock-ping --scan me:1-65535
	[ "$output" = "vsock:1:5000
vsock:1:65535" ]
	echo "# $stderr" >&3
	[[ "$stderr" =~ ^"65535 ports of CID 1 (me) in "([0-9.]+)" s: "(.*)$ ]]
	[ "${BASH_REMATCH[2]}" = "2 open, 65533 closed, 0 silent" ]
	awk -v s="${BASH_REMATCH[1]}" 'BEGIN { exit !(s < 60) }'
}

@test "a scan of many CIDs gives up absent ones at once" {
	spawn_ready listener vsock-listen 5000 --discard
	run -0 --separate-stderr vsock-ping --scan 1,3-40:22,5000
	[ "$output" = "vsock:1:5000" ]
	[[ "$stderr" == *" ports of 39 CIDs in "*"1 open, 1 closed, 0 silent; 38 CIDs cannot be reached" ]]
	run -4 vsock-ping --scan 77:1-1000
}

@test "--bandwidth measures throughput" {
	spawn_ready listener vsock-listen 5000 --discard
	run -0 vsock-ping --bandwidth up -w 2 1:5000
	echo "# ${lines[-1]}" >&3
	spawn_ready generator vsock-listen 5001 --generate inf
	run -0 vsock-ping --bandwidth down -w 2 1:5001
	echo "# ${lines[-1]}" >&3
}
