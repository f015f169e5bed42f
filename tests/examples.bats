#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Every command that the manual pages and README.md show is run: here those that need nothing, in tests/examples-lab.bats the
# others. tests/lib/examples.table says what each must do.

load lib/common

table=$tests_top/tests/lib/examples.table

listed() {
	sed -nE 's/^== (here|lab|elsewhere) //p' "$table"
}

shown() {
	"$tests_top/tests/lib/examples" | cut -f 2-
}

@test "every command of the manuals and of README.md is run by a test, and none that they no longer show" {
	diff <(shown | sort -u) <(listed | sort)
}

@test "an entry of the table has one of its three kinds" {
	run ! grep -nE '^==' <(grep -vE '^== (here|lab|elsewhere) [^ ]' "$table")
}

@test "what is run elsewhere says where" {
	run awk '/^== elsewhere / { getline line; if (line !~ /^# /) print }' "$table"
	[ -z "$output" ]
}

@test "examples that need no vsock do what is written" {
	failed=0
	while IFS= read -r example; do
		"$tests_top/tests/lib/example" "$example" || failed=1
	done < <(sed -n 's/^== here //p' "$table")
	[ $failed = 0 ]
}
