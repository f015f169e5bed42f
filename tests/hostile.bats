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
