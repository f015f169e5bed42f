#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Hybrid vsock, vsock-mux:PATH:PORT: against a VMM of the tests' own, on any machine.

load lib/common

setup() {
	need python3
	vmm=$BATS_TEST_TMPDIR/vmm.vsock
}

talk() {
	echo hello | vsock-cat "$@" "vsock-mux:$vmm:52,half-close=pass"
}

@test "the request names the port, and the stream starts after OK" {
	start_vmm "$vmm" ok
	run -0 --separate-stderr talk
	[ "$output" = hello ]
	[ -z "$stderr" ]
	grep -qx 'CONNECT 52' "$BATS_TEST_TMPDIR/vmm.out"
}

@test "an OK split in two is accepted" {
	start_vmm "$vmm" split
	run -0 talk
	[ "$output" = hello ]
}

@test "payload in the same segment as the OK is not lost" {
	start_vmm "$vmm" payload
	run -0 talk
	[ "$output" = $'OK 7\nfirst hello' ]
}

@test "OK with CR LF is accepted" {
	start_vmm "$vmm" crlf
	run -0 talk
	[ "$output" = hello ]
}

@test "anything other than OK is status 1, and the message shows it" {
	start_vmm "$vmm" garbage long part
	run -1 talk
	[[ $output == *"sent a wrong answer"*"HTTP/1.1 400"* ]]
	[[ $output == *"hint: is it the VMM's vsock socket"* ]]
	run -1 talk
	[[ $output == *"sent a wrong answer"* ]]
	run -1 talk
	[[ $output == *"sent a wrong answer"*"OK 12"* ]]
}

@test "a close without an answer means nothing listens there, status 3" {
	start_vmm "$vmm" close reset
	run -3 talk
	[[ $output == *"refused: nothing listens on port 52"* ]]
	run -3 talk
	[[ $output == *"refused: nothing listens on port 52"* ]]
}

@test "no answer is status 5 after the connect timeout" {
	start_vmm "$vmm" silence
	run -5 talk -w 200ms
	[[ $output == *"timed out"* ]]
}

@test "--wait keeps retrying until the guest listens" {
	start_vmm "$vmm" close close ok
	run -0 --separate-stderr talk --wait 60s
	[ "$output" = hello ]
}

@test "a missing socket is status 4; with --wait it waits for it" {
	run -4 talk
	[[ $output == *"no such socket"* ]]
	spawn waiter bash -c 'echo later | vsock-cat --wait 60s "vsock-mux:$1:52"' - "$vmm"
	start_vmm "$vmm" ok
	wait_until grep -q later "$BATS_TEST_TMPDIR/waiter.out"
}

@test "guest to host: the listener is PATH_PORT and is removed at the end" {
	spawn_ready listen vsock-listen --echo "vsock-mux:$vmm:52"
	[ -S "${vmm}_52" ]
	[ "$(stat -c %a "${vmm}_52")" = 600 ]
	run -0 bash -c "echo up | vsock-cat 'unix:${vmm}_52'"
	[ "$output" = up ]
	kill "${spawned[listen]}"
	wait_until test ! -e "${vmm}_52"
}

# The guest's program answers, and waits for the end of its input, which the VMM turns into a full
# close.
@test "a VMM that closes both directions at the end of input: the answer arrives first" {
	start_vmm "$vmm" device
	run -0 --separate-stderr bash -c \
		'echo hello | vsock-cat -v "vsock-mux:$1:52,half-close=1s"' - "$vmm"
	[ "$output" = hello ]
	[[ $stderr == *"vsock-mux:$vmm:52: closed after 1 s of silence; the peer had not closed the connection"* ]]
}

@test "half-close=pass: such a VMM discards the answer; one that keeps half-closes does not" {
	start_vmm "$vmm" device late ok
	run -0 bash -c 'echo hello | vsock-cat "vsock-mux:$1:52,half-close=pass"' - "$vmm"
	[ -z "$output" ]
	for _ in late ok; do
		run -0 --separate-stderr bash -c \
			'echo hello | vsock-cat "vsock-mux:$1:52,half-close=pass"' - "$vmm"
		[ "$output" = hello ]
		[ -z "$stderr" ]
	done
}

@test "a guest that closes first ends the transfer at once and silently" {
	start_vmm "$vmm" hangup
	run -0 --separate-stderr bash -c 'echo hello | vsock-cat "vsock-mux:$1:52,half-close=inf"' \
		- "$vmm"
	[ "$output" = hello ]
	[ -z "$stderr" ]
}

@test "an answer after the end of input shows that the VMM keeps half-closes" {
	start_vmm "$vmm" late
	run -0 --separate-stderr bash -c \
		'echo hello | vsock-cat "vsock-mux:$1:52,half-close=100ms"' - "$vmm"
	[ "$output" = hello ]
}

@test "no answer is status 7, with the possible cause and what to do" {
	start_vmm "$vmm" sink
	run -7 bash -c 'echo hello | vsock-cat "vsock-mux:$1:52,half-close=200ms"' - "$vmm"
	[ "${lines[0]}" = "vsock-cat: vsock-mux:$vmm:52: the connection was closed without an answer to the input (6 B sent)" ]
	[[ ${lines[1]} == "hint: many VMMs discard what is answered after the end of the input, which was passed on after 200 ms of silence; wait longer with ,half-close=1m, or use --send-only if there is no answer" ]]
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/vmm.out")" = "6 bytes" ]
}

@test "vsock-listen: no answer to its input is status 7, but not with --send-only" {
	local option
	echo hello >"$BATS_TEST_TMPDIR/input"
	for option in -v --send-only; do
		spawn listen sh -c 'exec vsock-listen "$@" <"$BATS_TEST_TMPDIR/input"' - $option \
			"vsock-mux:$vmm:52,half-close=100ms"
		run -0 vsock-cat -q --wait 30s --no-shutdown "unix:${vmm}_52" </dev/null
		[ "$output" = hello ]
		case $option in
			-v) ends_with 7 listen ;;
			*) ends_with 0 listen ;;
		esac
		[ $option != -v ] ||
			grep -q 'closed without an answer to the input (6 B sent)$' \
				"$BATS_TEST_TMPDIR/listen.err"
	done
}

@test "an upload with --send-only ends at once, complete, with status 0" {
	start_vmm "$vmm" sink
	bytes 3M "$BATS_TEST_TMPDIR/data"
	run_timeout 20 vsock-cat --send-only "vsock-mux:$vmm:52,half-close=1h" \
		<"$BATS_TEST_TMPDIR/data"
	[ "$status" = 0 ]
	[ -z "$output" ]
	wait_until grep -qx '3145728 bytes' "$BATS_TEST_TMPDIR/vmm.out"
}

@test "an empty standard input does not close a guest that has not answered yet, and the wait is explained" {
	start_vmm "$vmm" device
	spawn cat vsock-cat --half-close-timeout 11s -v "vsock-mux:$vmm:52,half-close=50ms"
	wait_until grep -q 'the input has ended; waiting for the peer to close the connection' \
		"$BATS_TEST_TMPDIR/cat.err"
	grep -q '^hint: to limit the wait use --idle-timeout or --half-close-timeout$' \
		"$BATS_TEST_TMPDIR/cat.err"
	ends_with 0 cat
	grep -q 'end=half-close' "$BATS_TEST_TMPDIR/cat.err"
}

@test "vsock-listen without input receives everything a guest sends" {
	spawn_ready listen vsock-listen "vsock-mux:$vmm:52,half-close=50ms"
	(echo one; sleep 0.5; echo two) |
		vsock-cat --no-shutdown --send-only --half-close-timeout 1s "unix:${vmm}_52"
	ends_with 0 listen
	[ "$(cat "$BATS_TEST_TMPDIR/listen.out")" = $'one\ntwo' ]
}

@test "vsock-proxy: a client that half-closes gets the answer, and a lost answer is a failure" {
	start_vmm "$vmm" device sink
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 "vsock-mux:$vmm:52,half-close=1s"
	run -0 bash -c 'echo hello | vsock-cat "$1"' - "$ready"
	[ "$output" = hello ]
	run -7 bash -c 'echo hello | vsock-cat "$1"' - "$ready"
	wait_until grep -q 'done.*end=unanswered' "$BATS_TEST_TMPDIR/proxy.err"
	[ "$(grep -c 'done.*end=eof' "$BATS_TEST_TMPDIR/proxy.err")" = 1 ]
}

@test "vsock-proxy: a guest that connected learns at once that the target has finished" {
	echo answer >"$BATS_TEST_TMPDIR/answer"
	spawn_ready target vsock-listen tcp:127.0.0.1:0 --send-file "$BATS_TEST_TMPDIR/answer"
	spawn_ready proxy vsock-proxy "vsock-mux:$vmm:52" "$ready"
	run_timeout 4 vsock-cat --receive-only "unix:${vmm}_52"
	[ "$status" = 0 ]
	[ "$output" = answer ]
}

@test "vsock-proxy connects through it, 8 MiB both ways, half-close preserved" {
	start_vmm "$vmm" ok
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 "vsock-mux:$vmm:52"
	head -c 8M /dev/urandom >"$BATS_TEST_TMPDIR/data"
	vsock-cat "$ready" <"$BATS_TEST_TMPDIR/data" | cmp - "$BATS_TEST_TMPDIR/data"
}

@test "a name from the hosts file reaches it" {
	echo "$vmm db" >"$BATS_TEST_TMPDIR/hosts"
	start_vmm "$vmm" ok
	VSOCK_HOSTS=$BATS_TEST_TMPDIR/hosts run -0 bash -c 'echo hello | vsock-cat db:5432'
	[ "$output" = hello ]
	grep -qx 'CONNECT 5432' "$BATS_TEST_TMPDIR/vmm.out"
}

@test "vsock-ping measures the handshake too, and distinguishes open, closed and no answer" {
	start_vmm "$vmm" ok ok close reset silence ok
	run -0 --separate-stderr vsock-ping -c 6 -i 0.01 -W 5 "vsock-mux:$vmm:52"
	echo "$output"
	[ "${lines[0]}" = "PING vsock-mux:$vmm:52: connect and handshake" ]
	[ "$(grep -cE "^answer from vsock-mux:$vmm:52: seq=[126] open time=[0-9.]+ ms$" \
		<<<"$output")" = 3 ]
	grep -E "^no answer from vsock-mux:$vmm:52: seq=5 timed out after 5 s$" <<<"$output"
	# a VMM that closes says that nothing listens on that port of the guest
	[ "$(grep -cE "^answer from vsock-mux:$vmm:52: seq=[34] closed time=" <<<"$output")" = 2 ]
	grep -F '6 packets transmitted, 3 received, +2 refused' <<<"$output"
	[ "$(grep -c '^CONNECT 52$' "$BATS_TEST_TMPDIR/vmm.out")" = 5 ]
}

@test "vsock-ping --echo goes through the handshake only once" {
	start_vmm "$vmm" ok
	run -0 vsock-ping --echo -c 20 -i 0.005 "vsock-mux:$vmm:52"
	[[ "$output" == *"20 packets transmitted, 20 received"* ]]
	[ "$(grep -c '^CONNECT 52$' "$BATS_TEST_TMPDIR/vmm.out")" = 1 ]
}
