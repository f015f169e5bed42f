#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-listen --run and clients that lie, and vsock-run and servers that do. tests/lib/run-hostile
# is both.

load lib/common

setup() {
	own_directory
	need python3
	hostile=$tests_top/tests/lib/run-hostile
	spawn_ready server vsock-listen --run unix:./s
}

still_serves() {
	[ "$(timeout 20 vsock-run unix:./s echo well)" = well ]
	! ended "${spawned[server]}"
}

@test "what is no request, or lies in a field, is closed" {
	"$hostile" ./s fields
	still_serves
	grep -q "fail unix .* end=handshake .*why=\"not a request of vsock-run\"" server.err
}

@test "a frame that is not permitted on the control connection ends the command" {
	"$hostile" ./s control
	still_serves
}

@test "data connections without a token, too early, too late or too many" {
	"$hostile" ./s tokens
	still_serves
	grep -q 'why="no command waits for this data connection"' server.err
	grep -q 'why="the data connections did not come in 10 s"' server.err
}

@test "a token is of no use to another user" {
	[ "$EUID" = 0 ] || skip "needs root"
	need setpriv
	finish server
	chmod 755 .
	spawn_ready server vsock-listen --run unix:./s,mode=666
	"$hostile" ./s stolen
	grep -q 'why="no command waits for this data connection"' server.err
}

@test "standard input that is cut off is no end of file for the command" {
	"$hostile" ./s cut
	still_serves
}

@test "a flood of connections, requests and pings costs no memory" {
	local before after
	"$hostile" ./s flood
	before=$(memory)
	"$hostile" ./s flood
	"$hostile" ./s flood
	after=$(memory)
	# a sanitizer keeps what was freed
	grep -qF __asan_init "$VSOCK_TOOLS_BUILD/vsock-listen" ||
		[ "$after" -lt $((before + 2048)) ] ||
		{ echo "$before KiB, then $after"; return 1; }
	still_serves
	[ "$(find "/proc/${spawned[server]}/fd" -lname 'socket:*' | wc -l)" -le 4 ]
}

memory() {
	sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/${spawned[server]}/status"
}

# lies WHAT STATUS TEXT: a server that does this.
lies() {
	rm -f ./liar
	spawn liar "$hostile" ./liar "$1"
	wait_until test -S ./liar
	local status=0
	timeout 60 vsock-run unix:./liar true <big >out 2>err || status=$?
	[ "$status $(cat err)" = "$2 $3" ] || { echo "$1: $status: $(cat err)"; return 1; }
	finish liar
}

@test "a server that lies is found out" {
	bytes 1M big
	lies mute 125 "vsock-run: unix:./liar: the connection was closed without an answer
hint: does the guest run vsock-listen --run 514, and does that admit this machine?"
	lies garbage 125 "vsock-run: unix:./liar: the server does not speak the protocol of vsock-run"
	lies twice 125 "vsock-run: unix:./liar: the server does not speak the protocol of vsock-run"
	lies early-exit 125 "vsock-run: unix:./liar: the server does not speak the protocol of vsock-run"
	lies input-end 125 "vsock-run: unix:./liar: the server does not speak the protocol of vsock-run"
	lies refuses 126 "vsock-run: unix:./liar: not today \\x1B[2J"
	lies short 125 "vsock-run: unix:./liar: standard output: cut off: 5 of 9 bytes arrived"
	lies good 3 ""
	[ "$(cat out)" = hello ]
	lies hasty 3 ""
	[ "$(cat out)" = hello ]
}
