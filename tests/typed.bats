#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Commands as they are typed at a terminal, which is their standard input: they end by themselves.

load lib/common

setup() {
	need tmux
	cd "$BATS_TEST_TMPDIR" || return
	seq 100000 >five
	open_terminal 100 30
}

teardown() {
	close_terminal
	finish_all
}

shows() {
	screen | grep -qxF -- "$1"
}

@test "vsock-listen > file ends with status 0 when the sender has sent everything" {
	types 'vsock-listen unix:./s > got; echo status=$?' Enter
	wait_until test -S s
	run_timeout 20 vsock-cat unix:./s <five
	wait_until shows status=0
	cmp five got
}

@test "vsock-cat > file ends with status 0 when the listener has sent everything" {
	spawn listener sh -c 'exec vsock-listen unix:./s <five'
	wait_until test -S s
	types 'vsock-cat unix:./s > got; echo status=$?' Enter
	wait_until shows status=0
	cmp five got
}

@test "vsock-cat < file ends when the listener at a terminal has everything" {
	spawn listener sh -c 'exec vsock-listen unix:./s >got'
	wait_until test -S s
	types 'vsock-cat unix:./s < five; echo status=$?' Enter
	wait_until shows status=0
	wait_until cmp -s five got
}

@test "vsock-listen | tar x ends, and the files are there" {
	mkdir from
	seq 1000 >from/a
	types 'vsock-listen unix:./s | tar x; echo status=$?' Enter
	wait_until test -S s
	tar c -C from a >archive
	run_timeout 20 vsock-cat unix:./s <archive
	wait_until shows status=0
	cmp from/a a
}
