#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# seqpacket: message boundaries are kept, and nothing is cut off in silence.

load lib/common

setup() {
	need python3
	cd "$BATS_TEST_TMPDIR" || return
	cat >peer.py <<-'END'
		# peer.py PATH: listens; prints the length of each message of one connection, then says so much back
		import socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.bind(sys.argv[1]); s.listen(); print("READY", flush=True)
		c, _ = s.accept()
		while m := c.recv(1 << 24):
		    print(len(m), flush=True)
		for size in (1, 70000, 3):
		    c.send(b"x" * size)
		c.close()
	END
}

start_peer() {
	spawn peer python3 peer.py "$BATS_TEST_TMPDIR/peer"
	wait_until grep -q READY peer.out
}

@test "standard input is cut into messages of --message-size" {
	start_peer
	head -c 2500 /dev/zero >data
	vsock-cat --message-size 1000 unix-seqpacket:peer 2>err <data >out
	[ "$(tr '\n' ' ' <peer.out)" = "READY 1000 1000 500 " ]
	[ "$(stat -c %s out)" = 70004 ]
	[ ! -s err ]
}

@test "or into lines, the last one without an end included" {
	start_peer
	printf 'a\nbb\n\nccc' | vsock-cat --message-size line unix-seqpacket:peer >out
	[ "$(tr '\n' ' ' <peer.out)" = "READY 2 3 1 3 " ]
}

@test "lines of several reads are whole" {
	start_peer
	{ printf 'a\n'; sleep 0.2; printf 'bb\nc'; sleep 0.2; printf 'cc\n'; } | vsock-cat --message-size line -x dump unix-seqpacket:peer >out
	[ "$(tr '\n' ' ' <peer.out)" = "READY 2 3 4 " ]
	grep -F '|ccc.|' dump
}

@test "a proxy between two seqpacket sockets keeps the boundaries" {
	start_peer
	spawn_ready proxy vsock-proxy unix-seqpacket:front unix-seqpacket:peer
	run -0 python3 - <<-'END'
		import socket
		c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); c.connect("front")
		for size in (5, 1, 100000, 7): c.send(b"y" * size)
		c.shutdown(socket.SHUT_WR)
		print(*[len(c.recv(1 << 24)) for _ in range(4)])
	END
	[ "$output" = "1 70000 3 0" ]
	[ "$(tr '\n' ' ' <peer.out)" = "READY 5 1 100000 7 " ]
}

@test "an empty message is a message, not the end" {
	spawn_ready echo vsock-listen --echo unix-seqpacket:echo
	run -0 python3 - <<-'END'
		import socket
		c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); c.connect("echo")
		for m in (b"a", b"", b"b"): c.send(m)
		print([c.recv(10) for _ in range(3)])
		c.shutdown(socket.SHUT_WR); print(c.recv(10))
	END
	[ "$output" = $'[b\'a\', b\'\', b\'b\']\nb\'\'' ]
}

@test "messages to a stream are put one behind the other" {
	spawn_ready listen vsock-listen unix:stream
	spawn_ready proxy vsock-proxy --message-size 64K unix-seqpacket:front unix:stream
	run -0 python3 - <<-'END'
		import socket
		c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); c.connect("front")
		c.send(b"one"); c.send(b"two"); c.shutdown(socket.SHUT_WR); print(c.recv(10))
	END
	wait_until grep -qx onetwo listen.out
}

@test "a stream and messages need --message-size" {
	run -2 vsock-proxy unix:front unix-seqpacket:peer
	[[ $output == *"messages and a stream"* ]]
	[[ $output == *"--message-size"* ]]
	run -2 vsock-cat --message-size 0 unix-seqpacket:peer
	run -2 vsock-cat --message-size lines unix-seqpacket:peer
	[[ $output == *"hint: a size (64K), or line"* ]]
}

@test "a message that is too long is an error that says the limit" {
	start_peer
	head -c 1M /dev/zero >data
	run -1 vsock-cat --message-size 1M unix-seqpacket:peer <data
	[[ $output =~ "a message is longer than the "[0-9]+" bytes" ]]
}

@test "many messages with a slow reader: none lost, none joined" {
	spawn_ready echo vsock-listen --echo unix-seqpacket:echo
	spawn_ready proxy vsock-proxy unix-seqpacket:front unix-seqpacket:echo
	run -0 python3 - <<-'END'
		import socket, threading, time
		c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); c.connect("front")
		sizes = [1 + i * 7919 % 60000 for i in range(2000)]
		def write():
		    for s in sizes: c.send(bytes([s % 256]) * s)
		    c.shutdown(socket.SHUT_WR)
		t = threading.Thread(target=write); t.start()
		for i, s in enumerate(sizes):
		    if i % 100 == 0: time.sleep(0.005)
		    m = c.recv(1 << 20)
		    assert m == bytes([s % 256]) * s, (i, s, len(m))
		assert c.recv(10) == b""; t.join(); print("whole")
	END
	[ "$output" = whole ]
}
