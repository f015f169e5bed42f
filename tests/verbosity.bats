#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# -v and -q of each program: what its manual says.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

@test "vsock-cat: -v is two lines for a connection, -vv also what is tried, -q errors only, -qq nothing" {
	spawn_ready echo vsock-listen -k unix:./s --echo
	run -0 --separate-stderr vsock-cat ./s <<<hi
	[ -z "$stderr" ]
	run -0 --separate-stderr vsock-cat -v ./s <<<hi
	[ ${#stderr_lines[@]} = 2 ]
	[[ ${stderr_lines[0]} == "vsock-cat: #1 open "* ]]
	[[ ${stderr_lines[1]} == "vsock-cat: #1 done "*" up=3 down=3 "*" end=eof" ]]
	run -0 --separate-stderr vsock-cat -vv ./s <<<hi
	[ "${stderr_lines[0]}" = "vsock-cat: unix:./s: connecting" ]
	[ ${#stderr_lines[@]} = 3 ]
	run -4 --separate-stderr vsock-cat ./none <<<hi
	[ ${#stderr_lines[@]} = 2 ]
	run -4 --separate-stderr vsock-cat -q ./none <<<hi
	[ "$stderr" = "vsock-cat: unix:./none: no such socket: ./none" ]
	run -4 --separate-stderr vsock-cat -qq ./none <<<hi
	[ -z "$stderr" ]
	run -0 --separate-stderr vsock-cat -q ./s <<<hi
	[ "$output" = hi ]
}

@test "vsock-listen and vsock-proxy: -v is two lines for a connection, without it and with -q there is none" {
	spawn_ready echo vsock-listen -k unix:./echo --echo
	for command in "vsock-listen -c 1 --echo unix:./s" "vsock-proxy unix:./s unix:./echo"; do
		for option in -v -vv; do
			rm -f s
			# shellcheck disable=SC2086 # words
			spawn_ready server $command $option
			echo hi | vsock-cat ./s >/dev/null
			wait_until grep -q ': #1 done .* up=3 down=3 .* end=eof' server.err
			[ "$(grep -c ': #1 ' server.err)" = 2 ]
			finish server
		done
		for option in "" -q -qq; do
			rm -f s
			# shellcheck disable=SC2086 # words
			spawn_ready server $command $option
			echo hi | vsock-cat ./s >/dev/null
			finish server
			run ! grep '#1' server.err
		done
	done
	run -0 sh -c 'vsock-proxy -qq --check unix:./l unix:./t 2>&1'
	[ -z "$output" ]
	run -2 --separate-stderr vsock-proxy -q --check unix:./l
	[[ $stderr == *"addresses come in pairs"* && $stderr != *hint:* ]]
	run -2 --separate-stderr vsock-proxy -qq --check unix:./l
	[ -z "$stderr" ]
}

@test "vsock-ping: -q prints the summary only, -qq nothing, -v with --scan also closed ports, -vv what is tried" {
	spawn_ready echo vsock-listen -k unix:./s --echo
	run -0 --separate-stderr vsock-ping -q -c 2 -i 0.1 unix:./s
	[[ $output != *"answer from"* && $output == *"2 packets transmitted, 2 received"* ]]
	run -0 --separate-stderr vsock-ping -qq -c 1 unix:./s
	[ -z "$output$stderr" ]
	run -0 --separate-stderr vsock-ping -vv -c 1 unix:./s
	[ "$stderr" = "vsock-ping: unix:./s: connecting" ]
	port=$(free_port)
	run --separate-stderr vsock-ping --scan "tcp:127.0.0.1:$port"
	[[ $output != *closed$'\n'* ]]
	run --separate-stderr vsock-ping -v --scan "tcp:127.0.0.1:$port"
	[[ $output == *"$port"*closed* ]]
}

@test "vsock-info: -v prints more, -q not what helps, -qq nothing" {
	denied="$VSOCK_TOOLS_BUILD/tests/lib/without-vsock"
	[ -x "$denied" ] || skip "without-vsock was not built"
	run --separate-stderr "$denied" EPERM vsock-info
	plain=${#lines[@]}
	[[ $output == *"helps: "* || $output == *"to try it on this machine alone: "* ]]
	run --separate-stderr "$denied" EPERM vsock-info -q
	[[ $output != *"helps: "* && $output != *"to try it on this machine alone: "* ]]
	[ "${#lines[@]}" -ge 2 ]
	run --separate-stderr "$denied" EPERM vsock-info -qq
	[ -z "$output$stderr" ]
	run --separate-stderr "$denied" EPERM vsock-info -v
	[ "${#lines[@]}" -ge "$plain" ]
}
