#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The examples of the manual pages and README.md that need vsock, fixed ports or absolute paths: in
# the lab only. One test for each file that shows them.

load lib/common

setup() {
	skip_outside_lab
	# they write to /run, /etc and /usr, which is nobody's loss there
	[ -e /run/vsock-lab ] || skip "needs the lab"
}

examples_of() {
	mapfile -t examples < <("$tests_top/tests/lib/examples" "$1" | cut -f 2- | sort -u)
	"$tests_top/tests/lib/example" lab "${examples[@]}"
}

@test "vsock-address(7): the examples do what the text says" {
	examples_of man/vsock-address.7
}

@test "vsock-tools(7): the examples do what the text says" {
	examples_of man/vsock-tools.7
}

@test "vsock-cat(1): the examples do what the text says" {
	examples_of man/vsock-cat.1
}

@test "vsock-info(1): the examples do what the text says" {
	examples_of man/vsock-info.1
}

@test "vsock-listen(1): the examples do what the text says" {
	examples_of man/vsock-listen.1
}

@test "vsock-ping(1): the examples do what the text says" {
	examples_of man/vsock-ping.1
}

@test "vsock-run(1): the examples do what the text says" {
	examples_of man/vsock-run.1
}

@test "vsock-proxy(1): the examples do what the text says" {
	examples_of man/vsock-proxy.1
}

@test "vsock-proxy.rules(5): the examples do what the text says" {
	examples_of man/vsock-proxy.rules.5
}

@test "README.md: the commands do what the text says" {
	examples_of README.md
}

@test "COOKBOOK.md: what replaces the commands of other tools does what is written" {
	examples_of COOKBOOK.md
}
