#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-run over vsock, in the lab only: tests/lab/vm tests/run-bats tests/run-lab.bats

load lib/common

setup() {
	skip_outside_lab
	own_directory
}

@test "vsock: exit statuses, streams and much data" {
	spawn_ready server vsock-listen --run --allow local 514
	local status=0
	timeout 100 vsock-run 1 sh -c 'echo out; echo error >&2; exit 7' >out 2>err || status=$?
	[ "$status $(cat out) $(cat err)" = "7 out error" ]
	bytes 16M data
	timeout 300 vsock-run local cat <data >got
	same data got
	timeout 300 vsock-run local:514 tee /dev/stderr <data 2>err >got
	same data got
	same data err
	# one who stops reading early, at either end
	[ "$(timeout 100 vsock-run 1 yes | head -n 1)" = y ]
	yes | timeout 100 vsock-run 1 true
	run -127 timeout 100 vsock-run 1 no-such-command
}

@test "vsock: without --allow only the host is admitted" {
	spawn_ready server vsock-listen --run 1514
	# the peer is CID 1 here
	run -125 timeout 100 vsock-run 1:1514 true
	[[ $output == *"closed without an answer"* || $output == *"reset"* ]]
	grep -q 'deny vsock:1:.*why="no --allow names it"' server.err
	finish server
	spawn_ready server vsock-listen --run --deny 7 1514
	run -125 timeout 100 vsock-run 1:1514 true
}

@test "vsock: a server that is killed, and a client that is" {
	spawn_ready server vsock-listen --run --allow local 514
	spawn client vsock-run --cwd "$PWD" 1 sh -c \
		'trap "echo hup >hup; exit" HUP; echo $$ >pid; while :; do sleep 0.1; done'
	wait_until test -s pid
	finish client KILL
	wait_until test -s hup
	rm pid hup
	mkfifo go
	spawn client vsock-run --detach --cwd "$PWD" 1 sh -c \
		'trap "echo hup >hup" HUP; echo $$ >pid; read -r line <go
		seq 100000; echo >finished; exec sleep 1000'
	wait_until test -s pid
	finish client KILL
	echo >go
	wait_until test -s finished
	[ ! -e hup ]
	kill "$(cat pid)"
	rm pid
	spawn client vsock-run --cwd "$PWD" 1 sh -c 'echo $$ >pid; exec sleep 1000'
	wait_until test -s pid
	finish server KILL
	ends_with 125 client
	kill "$(cat pid)"
}

@test "vsock: fifty commands at once, and a terminal" {
	spawn_ready server vsock-listen --run --allow local 514
	local i
	for i in {1..50}; do
		spawn "client-$i" vsock-run 1 sh -c "cat; echo $i; exit $i"
	done
	for i in {1..50}; do
		ends_with "$i" "client-$i"
		[ "$(cat "client-$i.out")" = "$i" ]
	done
	[[ $(timeout 100 vsock-run -t 1 tty </dev/null) == /dev/pts/* ]]
}
