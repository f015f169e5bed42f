#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What the engines do alike: the bound of --buffer, and urgent bytes. Over TCP and UNIX sockets.

load lib/common

setup() {
	own_directory
}

# most_moved CALL FILE: the most bytes that one such system call moved.
most_moved() {
	sed -nE "s/^[0-9]+ +$1\\(.* = ([0-9]+)\$/\\1/p" "$2" | sort -n | tail -n 1
}

@test "--buffer limits what splice and sendfile move at once" {
	need strace
	local trace=(strace -f -e "trace=splice,sendfile" -o "$BATS_TEST_TMPDIR/trace")
	# LeakSanitizer does not work under ptrace
	export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
	bytes 4M "$BATS_TEST_TMPDIR/data"
	spawn_ready listen vsock-listen -k tcp:127.0.0.1:0 --discard
	"${trace[@]}" vsock-cat -b 16K --send-only "$ready" <"$BATS_TEST_TMPDIR/data"
	[ "$(most_moved sendfile "$BATS_TEST_TMPDIR/trace")" = 16384 ]
	cat "$BATS_TEST_TMPDIR/data" | "${trace[@]}" vsock-cat -b 16K --send-only "$ready"
	[ "$(most_moved splice "$BATS_TEST_TMPDIR/trace")" = 16384 ]
	# -D: the process that ends with the test is the proxy, not strace
	spawn proxy "${trace[@]}" -D "$(command -v vsock-proxy)" \
		--no-sandbox --engine splice -b 16K \
		"unix:$BATS_TEST_TMPDIR/socket" "$ready"
	vsock-cat --wait 20s --send-only "unix:$BATS_TEST_TMPDIR/socket" <"$BATS_TEST_TMPDIR/data"
	[ "$(most_moved splice "$BATS_TEST_TMPDIR/trace")" = 16384 ]
}

# urgent_peer FAMILY: sends more than 2 MiB to each, with urgent bytes here and there, the last one
# at the very end. Sets $ready.
urgent_peer() {
	spawn "$1" python3 -u -c '
import fcntl, socket, struct, sys, termios, time
def unacknowledged():
    return struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0]
def unread():
    """What the other end has not read yet: a second urgent byte before that would make the first
    one part of the stream."""
    if sys.argv[1] != "tcp":
        return unacknowledged()  # a UNIX socket counts until it is read
    port = "%04X" % connection.getpeername()[1]
    with open("/proc/net/tcp") as table:
        rows = [row.split() for row in table]
    queues = [row[4] for row in rows if row[1].endswith(":" + port) and row[3] != "0A"]
    return unacknowledged() + sum(int(queue.split(":")[1], 16) for queue in queues)
def wait_for_none(count):
    while count():
        time.sleep(0.001)
if sys.argv[1] == "tcp":
    listener = socket.create_server(("127.0.0.1", 0))
    print("READY tcp:127.0.0.1:%d" % listener.getsockname()[1])
else:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("urgent")
    listener.listen()
    print("READY unix:./urgent")
while True:
    connection, _ = listener.accept()
    connection.sendall(b"a" * 2500000)
    for part in (b"abc", b"def", b"g" * 100000, b""):
        wait_for_none(unread)
        connection.send(b"X", socket.MSG_OOB)
        if sys.argv[1] == "tcp":  # so that it arrives alone
            wait_for_none(unacknowledged)
        connection.sendall(part)
    connection.close()' "$1"
	ln -sf "$1.out" "$1.ready"
	wait_ready "$1"
}

@test "urgent bytes (MSG_OOB) are not part of the stream and stall no engine" {
	need python3
	{ head -c 2500000 /dev/zero | tr '\0' a; printf abcdef;
		head -c 100000 /dev/zero | tr '\0' g; } >expected
	for peer in tcp unix; do
		urgent_peer $peer
		address=$ready
		for engine in auto copy splice; do
			vsock-cat --engine $engine "$address" </dev/null >got
			same expected got
			vsock-cat --engine $engine "$address" </dev/null | cat >got
			same expected got
			for front in tcp:127.0.0.1:0 unix:./front; do
				for memory in 64M 64K; do
					spawn_ready proxy vsock-proxy --max-memory $memory \
						--engine $engine "$front" "$address"
					vsock-cat --engine copy "$ready" </dev/null >got
					same expected got
					finish proxy
				done
			done
		done
		finish $peer
	done
}

@test "an urgent byte just before the end of file: the answer ends in good order with each engine" {
	need python3
	spawn_ready target vsock-listen -k tcp:127.0.0.1:0 -- sh -c 'wc -c'
	address=$ready
	for engine in auto copy splice; do
		spawn_ready proxy vsock-proxy --engine $engine tcp:127.0.0.1:0 "$address"
		run -0 python3 -c '
import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.sendall(b"a" * 2500000) # enough for auto to splice
client.send(b"X", socket.MSG_OOB)
client.shutdown(socket.SHUT_WR)
while answer := client.recv(100): print(answer.decode(), end="")' "$(port_of "$ready")"
		[ "$output" = 2500000 ]
		finish proxy
	done
}

@test "--max-bytes counts no urgent byte: an answer of exactly that size is complete" {
	need python3
	spawn peer python3 -c '
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("peer")
listener.listen()
while True:
    for place in 0, 2, 4:
        connection, _ = listener.accept()
        connection.sendall(b"data"[:place])
        connection.send(b"X", socket.MSG_OOB)
        connection.sendall(b"data"[place:])
        connection.close()'
	for engine in auto copy splice; do
		for _ in 1 2 3; do
			run -0 vsock-cat --wait 20s --engine $engine --max-bytes 4 ./peer </dev/null
			[ "$output" = data ]
		done
	done
}
