#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Hybrid vsock, vsock-mux:PATH:PORT: against a VMM of the tests' own, on any machine.

load lib/common

setup() {
	need python3
	vmm=$BATS_TEST_TMPDIR/vmm.vsock
}

talk() {
	echo hello | vsock-cat "$@" "vsock-mux:$vmm:52"
}

@test "the request names the port, and the stream begins behind OK" {
	start_vmm "$vmm" ok
	run -0 --separate-stderr talk
	[ "$output" = hello ]
	[ -z "$stderr" ]
	grep -qx 'CONNECT 52' "$BATS_TEST_TMPDIR/vmm.out"
}

@test "an OK in two parts is one" {
	start_vmm "$vmm" split
	run -0 talk
	[ "$output" = hello ]
}

@test "payload in the same segment as the OK is not read with it" {
	start_vmm "$vmm" payload
	run -0 talk
	[ "$output" = $'OK 7\nfirst hello' ]
}

@test "OK with CR LF is taken" {
	start_vmm "$vmm" crlf
	run -0 talk
	[ "$output" = hello ]
}

@test "something else than OK: status 1, and what it was" {
	start_vmm "$vmm" garbage long part
	run -1 talk
	[[ $output == *"answered nonsense"*"HTTP/1.1 400"* ]]
	[[ $output == *"hint: is it the VMM's vsock socket"* ]]
	run -1 talk
	[[ $output == *"answered nonsense"* ]]
	run -1 talk
	[[ $output == *"answered nonsense"*"OK 12"* ]]
}

@test "closed without a word: nothing listens there, status 3" {
	start_vmm "$vmm" close reset
	run -3 talk
	[[ $output == *"refused: nothing listens on port 52"* ]]
	run -3 talk
	[[ $output == *"refused: nothing listens on port 52"* ]]
}

@test "silence: status 5 after the connect time-out" {
	start_vmm "$vmm" silence
	run -5 talk -w 200ms
	[[ $output == *"timed out"* ]]
}

@test "--wait goes on until the guest listens" {
	start_vmm "$vmm" close close ok
	run -0 --separate-stderr talk --wait 60s
	[ "$output" = hello ]
}

@test "no socket at all: status 4; with --wait it is waited for" {
	run -4 talk
	[[ $output == *"no such socket"* ]]
	spawn waiter bash -c 'echo later | vsock-cat --wait 60s "vsock-mux:$1:52"' - "$vmm"
	start_vmm "$vmm" ok
	wait_until grep -q later "$BATS_TEST_TMPDIR/waiter.out"
}

@test "guest to host: the listener is PATH_PORT, and is removed at the end" {
	spawn_ready listen vsock-listen --echo "vsock-mux:$vmm:52"
	[ -S "${vmm}_52" ]
	[ "$(stat -c %a "${vmm}_52")" = 600 ]
	run -0 bash -c "echo up | vsock-cat 'unix:${vmm}_52'"
	[ "$output" = up ]
	kill "${spawned[listen]}"
	wait_until test ! -e "${vmm}_52"
}

@test "the proxy connects through it, 8 MiB both ways, half-close kept" {
	start_vmm "$vmm" ok
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 "vsock-mux:$vmm:52"
	head -c 8M /dev/urandom >"$BATS_TEST_TMPDIR/data"
	vsock-cat "$ready" <"$BATS_TEST_TMPDIR/data" | cmp - "$BATS_TEST_TMPDIR/data"
}

@test "a name of the hosts file reaches it" {
	echo "$vmm db" >"$BATS_TEST_TMPDIR/hosts"
	start_vmm "$vmm" ok
	VSOCK_HOSTS=$BATS_TEST_TMPDIR/hosts run -0 bash -c 'echo hello | vsock-cat db:5432'
	[ "$output" = hello ]
	grep -qx 'CONNECT 5432' "$BATS_TEST_TMPDIR/vmm.out"
}

@test "vsock-ping measures the handshake too, and tells open, closed and no answer" {
	start_vmm "$vmm" ok ok close reset silence ok
	run -0 --separate-stderr vsock-ping -c 6 -i 0.01 -W 5 "vsock-mux:$vmm:52"
	echo "$output"
	[ "${lines[0]}" = "PING vsock-mux:$vmm:52: connect and handshake" ]
	[ "$(grep -cE "^answer from vsock-mux:$vmm:52: seq=[126] open time=[0-9.]+ ms$" <<<"$output")" = 3 ]
	grep -E "^no answer from vsock-mux:$vmm:52: seq=5 timed out after 5 s$" <<<"$output"
	# a VMM that closes says that nothing listens on that port of the guest
	[ "$(grep -cE "^answer from vsock-mux:$vmm:52: seq=[34] closed time=" <<<"$output")" = 2 ]
	grep -F '6 packets transmitted, 5 received' <<<"$output"
	[ "$(grep -c '^CONNECT 52$' "$BATS_TEST_TMPDIR/vmm.out")" = 5 ]
}

@test "vsock-ping --echo goes through the handshake once" {
	start_vmm "$vmm" ok
	run -0 vsock-ping --echo -c 20 -i 0.005 "vsock-mux:$vmm:52"
	[[ "$output" == *"20 packets transmitted, 20 received"* ]]
	[ "$(grep -c '^CONNECT 52$' "$BATS_TEST_TMPDIR/vmm.out")" = 1 ]
}
