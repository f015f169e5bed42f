#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Hints: each one in the source is shown by a real situation, and what it names works: a command of
# ours is accepted, an option exists, an address is valid, systemd knows the setting.
# tests/lib/hints.py finds them in the source, so that a hint without a test fails here.

load lib/common

setup() {
	need python3
	cd "$BATS_TEST_TMPDIR" || return
	export VSOCK_HOSTS=$tests_top/tests/hosts
}

hints() {
	python3 "$tests_top/tests/lib/hints.py" "$@"
}

# The reasons too: some say what to write.
bad_addresses() {
	grep -v '^#' "$tests_top/tests/bad-addresses.tsv" | awk -F '\t' 'NF {
		sub(/-.*/, "", $1)
		print "vsock-" $1 "\t" $5
		print "vsock-" $1 "\t" $6
	}' | sort -u
}

@test "hints about addresses: what they name works" {
	bad_addresses >shown
	hints try shown
}

@test "hints about failed connections: test-explain.c has each, and what they name works" {
	[ -x "$VSOCK_TOOLS_BUILD/tests/unit/test-explain" ] || skip "test-explain was not built"
	HINTS=$PWD/shown "$VSOCK_TOOLS_BUILD/tests/unit/test-explain"
	hints unseen cause shown
	hints try shown
}

@test "all other hints: a situation shows each, and what they name works" {
	hints produce shown
	hints try shown
	bad_addresses >>shown
	for kind in addr said mistake foreign; do
		hints unseen "$kind" shown
	done
}
