#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# seqpacket: message boundaries are kept, and nothing is cut off in silence.

load lib/common

setup() {
	need python3
	cd "$BATS_TEST_TMPDIR" || return
	cat >peer.py <<-'END'
		# peer.py PATH: listens; prints the length of each message of one connection, then
		# says so much back
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

@test "--message-size line cuts at line ends and includes an unfinished last line" {
	start_peer
	printf 'a\nbb\n\nccc' | vsock-cat --message-size line unix-seqpacket:peer >out
	[ "$(tr '\n' ' ' <peer.out)" = "READY 2 3 1 3 " ]
}

@test "lines that span several reads stay whole" {
	start_peer
	{ printf 'a\n'; sleep 0.2; printf 'bb\nc'; sleep 0.2; printf 'cc\n';
	} | vsock-cat --message-size line -x dump unix-seqpacket:peer >out
	[ "$(tr '\n' ' ' <peer.out)" = "READY 2 3 4 " ]
	grep -F '|ccc.|' dump
}

@test "--crlf and --delay respect --message-size on an inherited seqpacket socket" {
	run -0 python3 - <<-'END'
		import socket, subprocess
		def lengths(options, *pieces):
		    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		    cat = subprocess.Popen(["vsock-cat", *options, f"fd:{far.fileno()}"],
		        stdin=subprocess.PIPE,
		                           stdout=subprocess.DEVNULL, pass_fds=[far.fileno()])
		    far.close()
		    sizes = []
		    for piece in pieces:
		        cat.stdin.write(piece); cat.stdin.flush()
		        # the first line has gone: what follows it in this piece was read with it
		        if b"\n" in piece[:-1]: sizes.append(len(near.recv(1 << 20)))
		    cat.stdin.close(); near.shutdown(socket.SHUT_WR)
		    while m := near.recv(1 << 20): sizes.append(len(m))
		    assert cat.wait() == 0
		    print(*sizes)
		lengths(["--crlf", "--message-size", "1000"], bytes(2500))
		lengths(["--crlf", "--message-size", "line"], b"a\nbb\n\nccc")
		lengths(["--delay", "1ms", "--message-size", "line"], b"a\nb", b"b\n")
		lengths(["--delay", "1ms", "--message-size", "5"], b"abcdefg\nhi\n")
	END
	[ "$output" = $'1000 1000 500\n3 4 2 3\n2 3\n5 3 3' ]
}

@test "a proxy between two seqpacket sockets preserves message boundaries" {
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

@test "empty messages arrive even from a sender that has closed, and with a full destination" {
	cat >ends.py <<-'END'
		# Listens on "target", and reads only when the client has sent much, or closed.
		import os, socket
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.bind("target")
		s.listen()
		os.mkfifo("go"); print("READY", flush=True)
		c, _ = s.accept()
		open("go").close()
		c.setsockopt(socket.SOL_SOCKET, 29, 1) # SO_TIMESTAMP: comes with a message only
		while True:
		    data, _, flags, _ = c.recvmsg(1 << 20)
		    if not flags & socket.MSG_CTRUNC: break
		    print(len(data), flush=True)
	END
	for count in 1 400; do
		rm -f target go
		spawn target python3 ends.py
		wait_until grep -q READY target.out
		spawn_ready proxy vsock-proxy unix-seqpacket:./front unix-seqpacket:./target
		python3 - "$count" <<-'END'
			import socket, sys
			c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); c.connect("front")
			for i in range(int(sys.argv[1])):
			    for m in (b"first", b"", b"second", b"", b""): c.send(m)
			    if i == 20: open("go", "w").close()
			c.close()
		END
		[ "$count" = 400 ] || : >go
		join target
		[ "$(sed 1d target.out | tr '\n' ' ')" = \
			"$(for ((i = 0; i < count; i++)); do printf '5 0 6 0 0 '; done)" ]
		finish proxy
	done
}

@test "an unfinished line is sent when a signal ends vsock-cat" {
	start_peer
	mkfifo open
	spawn cat sh -c 'exec vsock-cat --message-size line "unix-seqpacket:$PWD/peer" <open'
	exec 8>open
	printf 'one\nunfinished' >&8
	wait_until grep -qx 4 peer.out
	kill -TERM "${spawned[cat]}"
	wait_until grep -qx 10 peer.out
	exec 8>&-
	finish cat
}

@test "--max-bytes counts only bytes that were written, waiting and partial lines included" {
	start_peer
	run -1 --separate-stderr vsock-cat --message-size line \
		--max-bytes 7 unix-seqpacket:peer <<<$'ab\ncdefghi'
	[[ $stderr == *"ended: more than 7 B in one direction (--max-bytes)"* ]]
	wait_until grep -qx 4 peer.out
	grep -qx 3 peer.out
	spawn_ready listen vsock-listen unix:./delayed
	run -1 vsock-cat --delay 50ms --max-bytes 8 unix:./delayed <<<$'a\nb\nc\nd\ne'
	join listen
	[ "$(sed '/READY/d' listen.out)" = $'a\nb\nc\nd' ]
}

@test "with --crlf and --delay, messages from standard input are read whole, up to --max-bytes" {
	local option
	need python3
	for option in --crlf --delay=1ms; do
		spawn_ready listen vsock-listen -k unix:./whole --hash -j
		python3 - "$option" <<-'END'
			import socket, subprocess, sys
			def status(messages, *options):
			    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
			    for message in messages:
			        ours.send(message)
			    ours.close()
			    cat = ["vsock-cat", sys.argv[1], "--send-only", *options,
			           "unix:./whole"]
			    return subprocess.run(cat, stdin=theirs, stderr=log).returncode
			log = open("cat.err", "wb")
			assert status([b"x" * 100000, b"y" * 100]) == 0
			assert status([b"abc", b"de"], "--max-bytes", "5") == 0
			for messages in [b"abcdefghij"], [b"abcde", b"f"], [b"abc", b"defgh"]:
			    assert status(messages, "--max-bytes", "5") == 1, messages
			assert status([b"x" * 5000], "--rate-limit", "10k") == 0
		END
		wait_until has_lines 6 listen.out
		[ "$(grep -o '"bytes":[0-9]*' listen.out | tr '\n' ' ')" = \
			'"bytes":100100 "bytes":5 "bytes":5 "bytes":5 "bytes":5 "bytes":5000 ' ]
		finish listen
	done
}

# has_lines NUMBER FILE: of hashes
has_lines() {
	[ "$(grep -c '"bytes"' "$2")" = "$1" ]
}

@test "messages to a stream are concatenated" {
	spawn_ready listen vsock-listen unix:stream
	spawn_ready proxy vsock-proxy --message-size 64K unix-seqpacket:front unix:stream
	run -0 python3 - <<-'END'
		import socket
		c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); c.connect("front")
		c.send(b"one"); c.send(b"two"); c.shutdown(socket.SHUT_WR); print(c.recv(10))
	END
	wait_until grep -qx onetwo listen.out
}

@test "a stream source and a message destination need --message-size" {
	run -2 vsock-proxy unix:front unix-seqpacket:peer
	[[ $output == *"messages and a stream"* ]]
	[[ $output == *"--message-size"* ]]
	run -2 vsock-cat --message-size 0 unix-seqpacket:peer
	run -2 vsock-cat --message-size lines unix-seqpacket:peer
	[[ $output == *"hint: a size (64K), or line"* ]]
}

@test "a message that is too long is an error that names the limit" {
	start_peer
	head -c 1M /dev/zero >data
	run -1 vsock-cat --message-size 1M unix-seqpacket:peer <data
	[[ $output =~ "a message is longer than the "[0-9]+" bytes" ]]
}

@test "a message that only the peer finds too long: no limit is named" {
	need strace
	strace -o /dev/null true 2>/dev/null || skip "strace may not trace here"
	export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
	start_peer
	echo x >data
	run -1 strace -f -o trace -e inject=sendto:error=EMSGSIZE \
		vsock-cat unix-seqpacket:peer <data
	[ "$output" = "vsock-cat: unix-seqpacket:peer: Message too long; 0 B sent, 0 B received" ]
}

@test "many messages to a slow reader: none lost, none merged" {
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
