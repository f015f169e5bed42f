#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Half-close: each direction ends by itself, exactly, through every program and between any two
# families here.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# An answer that comes only after the question has ended, and names its size and hash.
answer='wc -c; echo done'

@test "vsock-cat and a command: the answer arrives after the question's end of file" {
	for address in tcp:127.0.0.1:0 unix:./socket unix:@half-close-$$; do
		spawn_ready server vsock-listen "$address" -- sh -c "$answer"
		bytes 1M sent
		run -0 vsock-cat "$ready" <sent
		[ "$output" = $'1048576\ndone' ]
		finish server
	done
}

@test "through vsock-proxy, from any family to any other, several proxies in a row" {
	bytes 1M sent
	spawn_ready tcp vsock-listen tcp:127.0.0.1:0 -- sh -c "$answer"
	to_tcp=$ready
	spawn_ready unix vsock-listen unix:./target -- sh -c "$answer"
	for engine in auto copy splice; do
		for target in "$to_tcp" unix:./target; do
			spawn_ready proxy vsock-proxy --engine $engine tcp:127.0.0.1:0 "$target" \
				unix:./middle "$target" unix:@middle-$$ "$target" unix:./long \
				unix:./middle
			wait_ready proxy 4
			for middle in "${readies[@]}"; do
				run -0 vsock-cat "$middle" <sent
				[ "$output" = $'1048576\ndone' ]
			done
			finish proxy
		done
	done
}

@test "the server finishes first, and the client keeps sending" {
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

@test "a client that only half-closes is not gone: a slow answer still arrives" {
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

@test "an abort is passed on as an abort: vsock-cat behind vsock-proxy fails with each engine as it does directly" {
	need python3
	spawn target python3 -u -c '
import socket, struct
listener = socket.create_server(("127.0.0.1", 0))
print("READY tcp:127.0.0.1:%d" % listener.getsockname()[1])
while True:
    connection, _ = listener.accept()
    connection.sendall(b"x" * 1000000)
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()'
	ln -s target.out target.ready
	wait_ready target
	target=$ready
	for engine in auto copy splice; do
		spawn_ready proxy vsock-proxy -v --engine $engine tcp:127.0.0.1:0 "$target"
		run -7 vsock-cat "$ready" <<<go
		grep -q 'end=reset' proxy.err
		finish proxy
	done
}

@test "an upload that is aborted, or cut short by a limit or a signal, leaves a .part behind vsock-proxy" {
	need python3
	mkdir uploads
	spawn_ready listen vsock-listen --receive-dir uploads tcp:127.0.0.1:0
	target=$ready
	for cut in 'idle-timeout 200ms' 'max-time 300ms' 'max-bytes 400K' 'drain-timeout 0' \
		'idle-timeout inf'; do
		# shellcheck disable=SC2086 # two words
		spawn_ready proxy vsock-proxy --${cut} tcp:127.0.0.1:0 "$target"
		spawn client python3 -c '
import socket, struct, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.sendall(b"z" * 500000)
open("sent", "w").close()
if sys.argv[2] == "idle-timeout inf":
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
else:
    try:
        sys.exit("%r, which looks like an end in good order" % client.recv(1))
    except ConnectionResetError:
        pass' "$(port_of "$ready")" "$cut"
		wait_until test -e sent
		if [ "$cut" = 'drain-timeout 0' ]; then
			wait_until received 500000
			kill -TERM "${spawned[proxy]}"
		fi
		join client
		wait_until grep -q '\.part: incomplete' listen.err
		[ -z "$(find uploads -type f ! -name '*.part')" ]
		finish proxy
		: >listen.err
		rm -f sent uploads/*
	done
}

received() {
	[ "$(cat uploads/* | wc -c)" = "$1" ]
}

@test "a client whose target cannot be reached, or that is denied, is reset instead of closed cleanly" {
	need python3
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 unix:./nobody tcp:127.0.0.1:0 \
		unix:./nobody deny=any
	wait_ready proxy 2
	for front in "${readies[@]}"; do
		python3 -c '
import socket, sys
try:
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    sys.exit("%r, which looks like an end in good order" % client.recv(1))
except ConnectionResetError:
    pass' "$(port_of "$front")"
	done
}

@test "a target that refuses the rest of an upload: its answer arrives whole although the client goes on sending" {
	need python3
	cd "$BATS_TEST_TMPDIR" || return
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 unix:target
	cat >answer.py <<-'END'
		import socket, sys, threading, time
		# A target that refuses the rest of an upload and answers: all of the answer
		# arrives, although the client keeps sending and reads slowly.
		size = 3 << 20
		target = socket.socket(socket.AF_UNIX); target.bind("target"); target.listen()
		def serve():
		    c, _ = target.accept()
		    c.recv(10); c.shutdown(socket.SHUT_RD)
		    while c.recv(65536): pass # else closing would be a reset
		    c.sendall(b"a" * size); c.close()
		threading.Thread(target=serve).start()
		client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
		def upload():
		    try:
		        while True: client.send(b"u" * 65536)
		    except OSError: pass
		threading.Thread(target=upload, daemon=True).start()
		time.sleep(0.5)
		got = 0
		try:
		    while piece := client.recv(65536):
		        got += len(piece)
		        time.sleep(0.002)
		except OSError as error: print(error)
		print(got == size, got)
	END
	run -0 python3 answer.py "$(port_of "$ready")"
	[ "$output" = "True 3145728" ]
}

@test "a target that answers and closes: a client that is slow to read sees an end, and no reset" {
	need python3
	cd "$BATS_TEST_TMPDIR" || return
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 unix:target
	run -0 python3 -c '
import select, socket, sys, time
target = socket.socket(socket.AF_UNIX); target.bind("target"); target.listen()
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
client.connect(("127.0.0.1", int(sys.argv[1])))
client.sendall(b"question")
c, _ = target.accept()
c.recv(10); c.sendall(b"a" * 400000); c.close()
time.sleep(0.3) # what the kernel takes of the answer is on its way
got = 0
while piece := client.recv(65536): got += len(piece)
poll = select.poll()
poll.register(client, 0)
print(got, poll.poll(200))' "$(port_of "$ready")"
	[ "$output" = "400000 []" ]
	wait_until grep -q ' up=8 down=400000 .* end=eof' proxy.err
}

# A peer at ./s that ends its direction first and reads nothing before the file "read" is there.
silent_peer() {
	spawn peer python3 -c '
import os, socket, time
listener = socket.socket(socket.AF_UNIX)
listener.bind("s")
listener.listen()
s, _ = listener.accept()
s.shutdown(socket.SHUT_WR)
while not os.path.exists("read"): time.sleep(0.01)
while s.recv(65536): pass'
	wait_until test -S s
}

@test "--half-close-timeout that loses bytes is a broken connection, and otherwise none" {
	own_directory
	bytes 5M file
	silent_peer
	run -7 vsock-cat -v --half-close-timeout 100ms unix:s <file
	[[ $output == *" end=lost"* ]]
	[[ $output == *"unix:s: cut off 100 ms after the first direction (--half-close-timeout), before all of standard input was delivered ("*" sent)" ]]
	: >"read"
	join peer
	rm s
	silent_peer
	mkfifo open output
	exec 8<>open 9<>output
	# nothing more is to be delivered
	run -0 vsock-cat -v --half-close-timeout 100ms unix:s <&8
	[[ $output == *" end=half-close"* ]]
	join peer
	# lines that wait for their time
	rm s
	silent_peer
	run -7 vsock-cat --delay 10s --half-close-timeout 100ms unix:s < <(printf 'a\nb\nc\n')
	join peer
	# an output that nobody reads
	spawn_ready server vsock-listen --generate 3M unix:generate
	local status=0
	vsock-cat --half-close-timeout 100ms unix:generate </dev/null >&9 2>cat.err || status=$?
	[ "$status" = 7 ]
	grep -q 'before all that arrived was written to standard output (.* received)$' cat.err
	exec 8<&- 9<&-
	# the server's side
	spawn_ready file vsock-listen -v -c 1 --send-file file --half-close-timeout 100ms unix:f
	spawn reader python3 -c '
import socket, time
s = socket.socket(socket.AF_UNIX)
s.connect("f")
s.shutdown(socket.SHUT_WR)
time.sleep(100)'
	ends_with 7 file
	grep -q 'done .* end=lost' file.err
	grep -q 'before all of file was delivered (.* sent)$' file.err
}
