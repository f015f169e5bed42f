#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Every command that the manual pages and README.md show is run: here those that need nothing, in
# tests/examples-lab.bats the others. tests/lib/examples.table says what each must do.

load lib/common

table=$tests_top/tests/lib/examples.table

listed() {
	sed -nE 's/^== (here|lab|elsewhere) //p' "$table"
}

shown() {
	"$tests_top/tests/lib/examples" | cut -f 2-
}

@test "every command in the manuals and README.md is run by a test, and no test runs a stale one" {
	diff <(shown | sort -u) <(listed | sort)
}

@test "every example in the table has one of the three kinds" {
	run ! grep -nE '^==' <(grep -vE '^== (here|lab|elsewhere) [^ ]' "$table")
}

@test "every example that runs elsewhere says where" {
	run awk '/^== elsewhere / { getline line; if (line !~ /^# /) print }' "$table"
	[ -z "$output" ]
}

@test "examples that need no vsock do what the text says" {
	mapfile -t examples < <(listed)
	"$tests_top/tests/lib/example" here "${examples[@]}"
}
