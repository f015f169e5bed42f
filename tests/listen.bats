#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-listen: its services, commands, and how it ends.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

@test "--send-file sends the file to each, as it is then" {
	bytes 3M file
	spawn_ready listen vsock-listen --send-file file tcp:127.0.0.1:0
	vsock-cat "$ready" </dev/null >one
	same file one
	# what the client sends is no matter, and the file may be another by then
	head -c 100K /dev/zero >new
	mv new file
	head -c 1M /dev/zero | vsock-cat "$ready" >two
	same file two
	rm file
	vsock-cat "$ready" </dev/null >three
	[ ! -s three ]
	wait_until grep -q "#3 deny .* -> send-file why=" listen.err
	grep -q 'send-file: No such file' listen.err
}

@test "--send-file: a file that can't be sent is found before listening" {
	run -1 vsock-listen --send-file nosuch tcp:127.0.0.1:0
	[ "$output" = "vsock-listen: --send-file nosuch: No such file or directory" ]
	run -1 vsock-listen --send-file . tcp:127.0.0.1:0
	[[ $output == *"Is a directory" ]]
	mkfifo fifo
	run -1 vsock-listen --send-file fifo tcp:127.0.0.1:0
	[[ $output == *"not a regular file" ]]
	run -2 vsock-listen --send-file fifo --echo tcp:127.0.0.1:0
	[[ $output == *"--echo and --send-file contradict each other" ]]
	run -2 vsock-listen --echo tcp:127.0.0.1:0 -- cat
	[[ $output == *"a COMMAND and --echo contradict each other" ]]
}
