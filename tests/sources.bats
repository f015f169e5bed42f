#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What holds for the files of the project, and is cheap to look at. scripts/lint looks closer.

load lib/common

setup() {
	cd "$tests_top" || return
}

@test "every test file is named in a local.mk, so that make check runs it" {
	for file in tests/*.bats; do
		[ "$(grep -cxF "bats_tests += $file" tests/local.mk)" = 1 ] || { echo "not once in tests/local.mk: bats_tests += $file"; return 1; }
	done
	# a second list, which a merge can bring, would replace the first
	[ "$(grep -c '^bats_tests *=' tests/local.mk)" = 1 ]
	for file in tests/unit/*.c; do
		[ -e "$file" ] || continue
		grep -qF "$file" tests/local.mk || { echo "not in tests/local.mk: $file"; return 1; }
	done
}

@test "every source file is named in its layer's local.mk" {
	for file in src/*/*.[ch]; do
		grep -qF "$file" "$(dirname "$file")/local.mk" || { echo "in no local.mk: $file"; return 1; }
	done
}

@test "every program and script says its licence" {
	for file in src/*/*.[ch] scripts/* m4/*.m4 tests/*.bats; do
		head -n 4 "$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || { echo "no licence in $file"; return 1; }
	done
}
