#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Half-close: each direction ends by itself, exactly, through every program and between any two families here.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# An answer that comes only after the question has ended, and names its size and hash.
answer='wc -c; echo done'

@test "vsock-cat and a command: the answer after the end of the question" {
	for address in tcp:127.0.0.1:0 unix:./socket unix:@half-close-$$; do
		spawn_ready server vsock-listen "$address" -- sh -c "$answer"
		bytes 1M sent
		run -0 vsock-cat "$ready" <sent
		[ "$output" = $'1048576\ndone' ]
		finish server
	done
}

@test "through vsock-proxy, from any family to any other, several in a row" {
	bytes 1M sent
	spawn_ready tcp vsock-listen tcp:127.0.0.1:0 -- sh -c "$answer"
	to_tcp=$ready
	spawn_ready unix vsock-listen unix:./target -- sh -c "$answer"
	for engine in auto copy splice; do
		for target in "$to_tcp" unix:./target; do
			spawn_ready proxy vsock-proxy --engine $engine tcp:127.0.0.1:0 "$target" unix:./middle "$target" unix:@middle-$$ "$target" unix:./long unix:./middle
			wait_ready proxy 4
			for middle in "${readies[@]}"; do
				run -0 vsock-cat "$middle" <sent
				[ "$output" = $'1048576\ndone' ]
			done
			finish proxy
		done
	done
}

@test "the server ends first: the client goes on sending" {
	need python3
	spawn server python3 -u -c '
import hashlib, socket
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
print("READY tcp:127.0.0.1:%d" % listener.getsockname()[1])
connection, _ = listener.accept()
connection.sendall(b"that is all\n")
connection.shutdown(socket.SHUT_WR)
sum = hashlib.sha256()
while True:
    data = connection.recv(65536)
    if not data:
        break
    sum.update(data)
print("SUM", sum.hexdigest())'
	ln -s server.out server.ready
	wait_ready server
	spawn_ready proxy vsock-proxy unix:./socket "$ready"
	bytes 4M sent
	mkfifo pipe
	ln -s pipe cat.in
	spawn cat vsock-cat ./socket
	exec 8>pipe
	wait_until grep -q 'that is all' cat.out
	cat sent >&8
	exec 8>&-
	join cat
	join server
	grep -q "SUM $(sum sent | cut -d' ' -f1)" server.out
}

@test "plain vsock-listen: its standard input ends first, or the client does" {
	bytes 1M up
	bytes 2M down
	: >server.ready
	serve() { exec vsock-listen --ready-fd 9 "$@" 9>server.ready <down; }
	for address in tcp:127.0.0.1:0 unix:./socket; do
		: >server.ready
		spawn server serve "$address"
		wait_ready server
		run -0 sh -c 'vsock-cat "$1" <up >got' sh "$ready"
		join server
		same down got
		same up server.out
	done
}

@test "a client that only half-closes is not gone: a slow answer arrives" {
	spawn_ready server vsock-listen unix:./socket -- sh -c 'cat >/dev/null; sleep 1; echo slow'
	spawn_ready proxy vsock-proxy unix:./front unix:./socket
	run -0 vsock-cat ./front </dev/null
	[ "$output" = slow ]
}

@test "an HTTP client that half-closes after its request gets the whole answer" {
	need python3
	mkdir www
	bytes 3M www/file
	spawn web python3 -u -c '
import functools, http.server
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="www")
server = http.server.HTTPServer(("127.0.0.1", 0), handler)
print("READY tcp:127.0.0.1:%d" % server.server_port)
server.serve_forever()'
	ln -s web.out web.ready
	wait_ready web
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 "$ready"
	printf 'GET /file HTTP/1.0\r\n\r\n' | vsock-cat "$ready" >answer
	head -n 1 answer | grep -q '200 OK'
	tail -c 3145728 answer >got
	same www/file got
}

@test "ncat, nc and socat as clients through the proxy" {
	need ncat nc socat
	bytes 1M sent
	spawn_ready server vsock-listen unix:./socket -- sh -c "$answer"
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 unix:./socket
	port=$(port_of "$ready")
	run -0 sh -c 'socat -t 60 - TCP:127.0.0.1:"$1" <sent' sh "$port"
	[ "$output" = $'1048576\ndone' ]
	if nc -h 2>&1 | grep -q -- -N; then
		run -0 sh -c 'nc -N 127.0.0.1 "$1" <sent' sh "$port"
		[ "$output" = $'1048576\ndone' ]
	fi
}
