#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Calls into the C library fail, one at a time: doc/testing.md. Here the first call from each place
# fails once, and for as long as the program runs; `scripts/check --full` does much more.

load lib/common

setup() {
	need python3
	cd "$BATS_TEST_TMPDIR" || return
	for file in vsock-cat tests/faults/faults.so; do
		[ -e "$VSOCK_TOOLS_BUILD/$file" ] || skip "$file was not built"
	done
	# a sanitizer is such a library itself, and a static program loads none
	! grep -qF __asan_init "$VSOCK_TOOLS_BUILD/vsock-cat" || skip "built with a sanitizer"
	grep -qF ld-linux "$VSOCK_TOOLS_BUILD/vsock-cat" ||
		skip "built without the C library of GNU"
}

inject() {
	run -0 "$tests_top/tests/faults/inject" "$VSOCK_TOOLS_BUILD" --short "$@"
	# each scenario was made to fail
	! grep -qE '^ok .*: 0 faults' <<<"$output"
	grep -qE '^ok .* faults in ' <<<"$output"
}

@test "vsock-cat: whatever call fails, it ends, and status 0 means that everything arrived" {
	inject cat_crlf cat_record cat_mux
	! vsock-cat --help | grep -q -- --interactive || inject cat_interactive
}

@test "vsock-ping: whatever call fails, it ends, and says of each probe and port what became of it" {
	inject ping_echo ping_scan
	inject --only calloc ping_check
}

@test "vsock-listen: whatever call fails, it serves the next client, or ends with a message" {
	inject listen_echo
	inject --only dup2,execv,fork,malloc,send listen_command
}

@test "vsock-proxy: a shortage that passes cuts no connection on a reload" {
	run -0 "$tests_top/tests/faults/inject" "$VSOCK_TOOLS_BUILD" --only memfd_create \
		--log log proxy_rules
	grep '"lasts": false' log >passed
	grep -q '"number": 2, .*"line": "src/proxy/supervisor/link.c' passed
	[ -z "$(grep 'killing the worker' passed)" ]
}

@test "vsock-proxy: a lack of processes does not leave its worker root" {
	[ "$EUID" = 0 ] || skip "the worker has its user"
	run -0 "$tests_top/tests/faults/inject" "$VSOCK_TOOLS_BUILD" --only fork --log log \
		proxy_serves
	grep -q 'no user for the worker: Resource temporarily unavailable' log
	[ -z "$(grep 'still runs as root' log)" ]
}

@test "vsock-proxy: whatever call fails, it serves the next client, or ends with a message" {
	inject --only accept4,epoll_ctl,fork,malloc,send,sendmsg,socket,write proxy_socks
	inject --only epoll_ctl,malloc,recv,send proxy_metrics
}
