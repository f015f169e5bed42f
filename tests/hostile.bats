#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A worker that attacks its supervisor, in a program that runs: tests/lib/hostile says what is
# looked at. What it measured is in doc/processes.md. HOSTILE_SECONDS makes the flood longer.

load lib/common

setup() {
	own_directory
	need python3
	owned=$VSOCK_TOOLS_BUILD/tests/owned/owned-proxy
	[ -x "$owned" ] || make -s -C "$VSOCK_TOOLS_BUILD" tests/owned/owned-proxy >&2
}

hostile() {
	"$tests_top/tests/lib/hostile" "$owned" "$1" >said
	cat said
	sed 's/^/# /' said >&3
}

@test "a hostile worker: what it may not send ends it, and the sixth ends the program" {
	hostile cases
}

@test "a hostile worker that floods: its supervisor stays the same, answers, and does what rules permit" {
	hostile flood
}

@test "a hostile worker that reads nothing is replaced, and SIGTERM is answered" {
	hostile deaf
}

@test "a hostile worker that ends with status 0 unasked is replaced, and the sixth ends the program" {
	hostile leaves
}

@test "a hostile worker that shuts its end of the channel is replaced, and the reload completes" {
	spawn_ready echo vsock-listen --echo unix:./echo
	printf '%s\n' 'unix:./kept unix:./echo' 'unix:./removed unix:./echo' >rules
	HOSTILE=shuts spawn_ready proxy "$owned" -f rules
	wait_until grep -q 'has shut its end' proxy.err
	echo 'unix:./kept unix:./echo' >rules
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q 'killing the worker .*: it reads nothing' proxy.err
	wait_until grep -q 'reloaded; .*removed: 1' proxy.err
	[ "$(echo hello | vsock-cat ./kept)" = hello ]
	[ ! -e removed ]
}

@test "a hostile worker that shuts or connects its listeners spoils nothing for the next one" {
	spawn_ready echo vsock-listen --echo unix:./echo
	spawn_ready target vsock-listen --echo tcp:127.0.0.1:0
	mkdir run
	export XDG_RUNTIME_DIR=$PWD/run
	HOSTILE_TARGET=$(port_of "$ready") HOSTILE=spoils spawn_ready proxy "$owned" \
		--metrics unix:./metrics unix:./front unix:./echo tcp:127.0.0.1:0 "$ready" \
		unix:@spoilt-$$ unix:./echo
	wait_ready proxy 3
	kill -USR1 "${spawned[proxy]}"
	wait_until grep -q 'another worker .* is serving' proxy.err
	[ "$(grep -c 'the worker had shut a socket down: listening again' proxy.err)" = 5 ]
	for address in "${readies[@]}"; do
		[ "$(echo hello | vsock-cat "$address")" = hello ]
	done
	vsock-proxy --status | grep -q "pid ${spawned[proxy]},"
	printf 'GET /healthz HTTP/1.1\r\n\r\n' | vsock-cat unix:./metrics | grep -qx ok
	finish proxy
	[ ! -e front ]
}
