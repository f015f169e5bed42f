#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What every test runs in: outside the lab it cannot reach vsock, and nowhere may it leave anything.

load lib/common

leaves_nothing=$VSOCK_TOOLS_BUILD/tests/lib/leaves-nothing

setup() {
	need python3
	cd "$BATS_TEST_TMPDIR" || return
}

@test "outside the lab no test can open an AF_VSOCK socket, or an io_uring that could open one" {
	[ ! -e /run/vsock-lab ] || skip "this is the lab"
	cat >open.py <<-'END'
		import ctypes, errno, os, socket
		for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET:
		    try:
		        socket.socket(40, kind)
		        print("opened")
		    except OSError as error:
		        print(errno.errorcode[error.errno])
		libc = ctypes.CDLL(None, use_errno=True)
		print(libc.syscall(425, 1, ctypes.create_string_buffer(120)),
		    errno.errorcode[ctypes.get_errno()])
	END
	run -0 python3 open.py
	[ "$output" = $'EAFNOSUPPORT\nEAFNOSUPPORT\nEAFNOSUPPORT\n-1 ENOSYS' ]
}

@test "a leftover process, file or mount is reported, removed, and makes the status 1" {
	# shellcheck disable=SC2016 # for that shell
	run -1 "$leaves_nothing" it bash -c 'echo "$TMPDIR" >directory; mkdir -p "$TMPDIR/a/b"
		setsid sleep 1000 & echo $! >pid; disown'
	[[ $output == *"# left behind by it: process $(cat pid) (sleep 1000)"* ]]
	[[ $output == *"# left behind by it: file a"* ]]
	wait_until ended "$(cat pid)"
	[ ! -e "$(cat directory)" ]
	[ "$(id -u)" = 0 ] || return 0
	# shellcheck disable=SC2016 # for that shell
	run -1 "$leaves_nothing" it sh -c 'mkdir mounted; mount -t tmpfs none mounted'
	[[ $output == *"# left behind by it: mount $PWD/mounted"* ]]
	run ! grep -q "$PWD/mounted" /proc/mounts
}

@test "a command that leaves nothing keeps its status, even if its children end late" {
	run -0 "$leaves_nothing" it true
	[ -z "$output" ]
	run -7 "$leaves_nothing" it sh -c '(sleep 0.2 &) ; exit 7'
	[ -z "$output" ]
	run -143 "$leaves_nothing" it sh -c 'kill $$'
}
