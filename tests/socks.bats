#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy's open-ended targets, socks5: and http-connect:, where the client says where to.

load lib/common

setup() {
	own_directory
	need python3
}

# A target that says what it got, upper case, when its client has ended: half-close must be exact.
spawn_target() {
	spawn target python3 -u -c '
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])
while True:
    peer = listener.accept()[0]
    got = b"".join(iter(lambda: peer.recv(65536), b""))
    peer.sendall(got.upper())
    peer.close()'
	wait_until test -s target.out
	target=$(cat target.out)
}

# What the Python of these tests begins with. answer() is all that comes until the other side
# closes, which a reset is not.
python_client() {
	python3 -c '
import os, socket, struct, sys, time
port, target = int(sys.argv[1]), int(sys.argv[2])
def connect():
    return socket.create_connection(("127.0.0.1", port), timeout=30)
def answer(peer):
    return b"".join(iter(lambda: peer.recv(65536), b""))
def ask(*pieces, end=True):
    peer = connect()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        peer.sendall(piece)
    if end:
        peer.shutdown(socket.SHUT_WR)
    return answer(peer)
def at(kind, host, number=None):
    return b"\5\1\0" + bytes([kind]) + host + struct.pack("!H", number or target)
here = at(1, socket.inet_aton("127.0.0.1"))
def name(text, number=None):
    return at(3, bytes([len(text)]) + text, number)
def reply(code):
    return b"\5\0" + bytes([5, code, 0, 1]) + bytes(6)
good = reply(0)
'"$1" "$(port_of "$ready")" "$target"
}

@test "curl works through socks5: and http-connect:, by name and address, and the record has the destination" {
	need curl
	spawn web python3 -u -m http.server --bind 127.0.0.1 0
	wait_until grep -q 'port [1-9]' web.out
	web=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' web.out)
	echo hello >page
	spawn_ready proxy vsock-proxy --status-socket unix:./status -v tcp:127.0.0.1:0 socks5: \
		name=socks tcp:127.0.0.1:0 http-connect: --allow-dest "127.0.0.1:$web"
	wait_ready proxy 2
	socks=$(port_of "${readies[0]}") http=$(port_of "${readies[1]}")
	run -0 curl -sS --socks5-hostname "127.0.0.1:$socks" "http://localhost:$web/page"
	[ "$output" = hello ]
	run -0 curl -sS --socks5 "127.0.0.1:$socks" "http://127.0.0.1:$web/page"
	[ "$output" = hello ]
	run -0 curl -sS -p -x "127.0.0.1:$http" "http://localhost:$web/page"
	[ "$output" = hello ]
	wait_until sh -c '[ "$(grep -c " done " proxy.err)" = 3 ]'
	grep -qE " done tcp:127\.0\.0\.1:[0-9]+ -> tcp:localhost:$web rule=socks up=[0-9]+ down=[0-9]+ time=[0-9.]+ end=eof" proxy.err
	grep -qE " done tcp:127\.0\.0\.1:[0-9]+ -> tcp:localhost:$web up=" proxy.err
	run curl -sS --socks5-hostname "127.0.0.1:$socks" "http://127.0.0.2:$web/page"
	[[ $output == *"(2)"* ]]
	run curl -sS -o /dev/null -w '%{http_connect}' \
		-p -x "127.0.0.1:$http" "http://127.0.0.2:$web/page"
	[[ $output == *403 ]]
	wait_until sh -c '[ "$(grep -c " deny " proxy.err)" = 2 ]'
	grep -qE " deny tcp:127\.0\.0\.1:[0-9]+ -> tcp:127\.0\.0\.2:$web rule=socks why=" proxy.err
	run -0 vsock-proxy --status -j unix:./status
	[[ $output == *"tcp:127.0.0.2:$web"* ]]
}

@test "SOCKS5 and HTTP CONNECT clients can come from UNIX sockets" {
	spawn_target
	spawn_ready proxy vsock-proxy unix:./socks socks5: unix:./http http-connect: \
		--allow-dest "127.0.0.1:$target"
	# shellcheck disable=SC2059 # the format is the request
	printf "\\5\\1\\0\\5\\1\\0\\1\\177\\0\\0\\1\\$(printf %03o \
		$((target / 256)))\\$(printf %03o $((target % 256)))hello" >request
	vsock-cat ./socks <request >got
	[ "$(tail -c 5 got)" = HELLO ]
	[ "$(stat -c %s got)" = $((2 + 10 + 5)) ]
	printf 'CONNECT 127.0.0.1:%s HTTP/1.1\r\n\r\nhello' "$target" | vsock-cat ./http >got
	printf 'HTTP/1.1 200 Connection established\r\n\r\nHELLO' | cmp - got
}

@test "socks5: accepts requests in any number of pieces and keeps the data after them" {
	spawn_target
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 socks5: --allow-dest "127.0.0.1:$target" \
		--allow-dest "[::1]:$target"
	python_client '
whole = b"\5\2\2\0" + here + b"payload"
assert ask(whole) == good + b"PAYLOAD"
for cut in range(1, len(whole)):
    assert ask(whole[:cut], whole[cut:]) == good + b"PAYLOAD", cut
# byte by byte, and waiting for each answer as clients do
peer = connect()
for byte in b"\5\1\0":
    peer.sendall(bytes([byte]))
assert peer.recv(2, socket.MSG_WAITALL) == b"\5\0"
for byte in name(b"localhost"):
    peer.sendall(bytes([byte]))
assert peer.recv(10, socket.MSG_WAITALL) == good[2:]
peer.sendall(b"x" * 100000)
peer.shutdown(socket.SHUT_WR)
assert answer(peer) == b"X" * 100000
# much behind the request
data = bytes(97 + i % 26 for i in range(3000000))
peer = connect()
import threading
threading.Thread(target=lambda: (peer.sendall(b"\5\1\0" + here + data),
    peer.shutdown(socket.SHUT_WR))).start()
assert answer(peer) == good + data.upper()'
}

@test "socks5: sends the right code for each refusal" {
	spawn_target
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 socks5: --allow-dest "127.0.0.1:$target,1" \
		--allow-dest '*:1'
	python_client '
start = b"\5\1\0"
assert ask(b"\5\1\2") == b"\5\377"
assert ask(b"\5\0") == b"\5\377"
assert ask(start + b"\5\2" + here[2:]) == reply(7)
assert ask(start + b"\5\3" + here[2:]) == reply(7)
assert ask(start + b"\5\1\0\2" + here[4:]) == reply(8)
assert ask(start + b"\5\1\1" + here[3:]) == reply(1)
assert ask(start + at(1, bytes([127, 0, 0, 1]), 1)) == reply(5)
assert ask(start + at(1, bytes([127, 0, 0, 2]), 1)) == reply(2)
assert ask(start + at(1, bytes([127, 0, 0, 1]), 2)) == reply(2)
assert ask(start + name(b"localhost", 2)) == reply(2)
assert ask(start + name(b"169.254.169.254", 1)) == reply(2)
assert ask(start + at(4, bytes(15) + b"\1", 1)) == reply(2)
assert ask(start + at(4, bytes(10) + b"\xff\xff\x0a\0\0\1", 1)) == reply(2)
for text in b"", b"a b", b"a:1", b"a,b", b"*", b"2130706433", b"0177.0.0.1", b"::1%lo", b"-x", \
    b"a\0b", b"[::1]x", "ö".encode():
    assert ask(start + name(text, 1)) in (reply(1), reply(2), reply(4)), text
assert ask(start + b"\5\1\0\3\1a\0\0") == reply(1)
# with much unread behind it, the answer still comes, and then the end
assert ask(start + b"\5\2" + here[2:] + b"x" * 100000) == reply(7)
assert ask(b"GET / HTTP/1.1\r\n\r\n") == b""
assert ask(b"\5\1") == b""
assert ask(start + here[:7]) == b"\5\0"
assert ask(start + here + b"still works") == good + b"STILL WORKS"'
	grep -qE ' fail .* -> socks5: time=[0-9.]+ end=handshake why="the client requires authentication' proxy.err
	grep -q 'end=handshake why="the client asked for BIND' proxy.err
	grep -q 'end=handshake why="the client asked for UDP ASSOCIATE' proxy.err
	grep -q 'why="HTTP or another text: a SOCKS client is expected here' proxy.err
	grep -q 'end=eof why="the client named no destination"' proxy.err
	grep -q "deny .* -> tcp:localhost:2 why=\"no allow-dest names it\"" proxy.err
	grep -q 'deny .* -> tcp:127.0.0.2:1 why="127.0.0.2 is loopback: only an allow-dest with that address permits it"' proxy.err
	grep -q 'deny .* why="169.254.169.254 is link-local' proxy.err
	grep -q 'fail .* end=refused why=' proxy.err
}

@test "socks5: serves clients of SOCKS4 and 4a too" {
	spawn_target
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 socks5: --allow-dest "127.0.0.1:$target,1" \
		--allow-dest "localhost:$target"
	python_client '
def old(ip, number, host=b"", command=1):
    return struct.pack("!BBH", 4, command, number) + bytes(ip) + b"user\0" + host
granted, rejected = b"\0\x5a" + bytes(6), b"\0\x5b" + bytes(6)
whole = old([127, 0, 0, 1], target) + b"payload"
assert ask(*(bytes([byte]) for byte in whole)) == granted + b"PAYLOAD"
whole = old([0, 0, 0, 7], target, b"127.0.0.1\0") + b"payload"
for cut in range(1, len(whole)):
    assert ask(whole[:cut], whole[cut:]) == granted + b"PAYLOAD", cut
assert ask(old([127, 0, 0, 1], 1)) == rejected
assert ask(old([127, 0, 0, 2], 1)) == rejected
assert ask(old([0, 0, 0, 1], 2, b"evil.example\0")) == rejected
assert ask(old([0, 0, 0, 1], 1, b"\0")) == rejected
assert ask(old([127, 0, 0, 1], target, command=2) + b"x" * 100000) == rejected
assert ask(b"\4\1\0") == b""'
	grep -q 'deny .* -> tcp:evil.example:2 why="no allow-dest names it"' proxy.err
	if command -v curl >/dev/null; then
		spawn web python3 -u -m http.server --bind 127.0.0.1 0
		wait_until grep -q 'port [1-9]' web.out
		web=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' web.out)
		echo page >page
		spawn_ready second vsock-proxy tcp:127.0.0.1:0 socks5: \
			--allow-dest "127.0.0.1:$web"
		for version in socks4 socks4a; do
			run -0 curl -sS -x "$version://127.0.0.1:$(port_of "$ready")" \
				"http://127.0.0.1:$web/page"
			[ "$output" = page ]
		done
	fi
}

@test "http-connect: accepts requests in any number of pieces and keeps the data after them" {
	spawn_target
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 http-connect: --allow-dest "127.0.0.1:$target"
	python_client '
good = b"HTTP/1.1 200 Connection established\r\n\r\n"
whole = b"CONNECT localhost:%d HTTP/1.1\r\nHost: x\r\n\r\npayload" % target
assert ask(whole) == good + b"PAYLOAD"
for cut in range(1, len(whole)):
    assert ask(whole[:cut], whole[cut:]) == good + b"PAYLOAD", cut
assert ask(*(bytes([byte]) for byte in whole)) == good + b"PAYLOAD"
most = b"CONNECT 127.0.0.1:%d HTTP/1.0\r\nX: " % target
most += b"y" * (8192 - 4 - len(most)) + b"\r\n\r\n"
assert ask(most + b"z" * 100000) == good + b"Z" * 100000'
}

@test "http-connect: sends the right status for each refusal" {
	spawn_target
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 http-connect: \
		--allow-dest "127.0.0.1:$target,1"
	python_client '
def status(request):
    got = ask(request)
    head, body = got.split(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(body) in head + b"\r\n" and body.endswith(b"\n"), got
    return int(got[9:12])
assert status(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") == 405
assert status(b"GET https://localhost/ HTTP/1.1\r\n\r\n") == 405
assert status(b"GET http://localhost/ HTTP/1.1\r\n\r\n") == 403
assert status(b"GET http://127.0.0.1:1/ HTTP/1.1\r\n\r\n") == 502
assert status(b"CONNECT localhost HTTP/1.1\r\n\r\n") == 400
assert status(b"CONNECT a_b c:1 HTTP/1.1\r\n\r\n") == 400
assert status(b"CONNECT a,b:1 HTTP/1.1\r\n\r\n") == 400
assert status(b"CONNECT a:b:1 HTTP/1.1\r\n\r\n") == 400
assert status(b"CONNECT localhost:1 HTTP/2\r\n\r\n") == 400
assert status(b"CONNECT localhost:%d HTTP/1.1\r\nno field\r\n\r\n" % target) == 400
assert status(b"CONNECT localhost:1 HTTP/1.1\r\nX: " + b"y" * 100000) == 431
assert status(b"CONNECT localhost:2 HTTP/1.1\r\n\r\n") == 403
assert status(b"CONNECT 127.0.0.2:1 HTTP/1.1\r\n\r\n" + b"x" * 100000) == 403
assert status(b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n") == 502
assert ask(b"\5\1\0") == b""
assert ask(b"CONNECT local") == b""'
	grep -q "why=\"the client asked for 'a:b:1', which is not an address: " proxy.err
	grep -q 'end=handshake why="neither CONNECT nor an http: address' proxy.err
	grep -q 'why="a client of SOCKS: HTTP CONNECT is expected here' proxy.err
	grep -q 'end=eof why="the client named no destination"' proxy.err
}

@test "http-connect: passes on requests for http: addresses, each on a connection of its own" {
	need curl
	cat >web.py <<-'END'
		# says what it got, and would keep the connection
		import http.server
		class Handler(http.server.BaseHTTPRequestHandler):
		    protocol_version = "HTTP/1.1"
		    def do_POST(self):
		        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
		        said = f"{self.requestline} {dict(self.headers)} {len(body)}\n".encode()
		        self.send_response(200)
		        self.send_header("Content-Length", str(len(said)))
		        self.end_headers()
		        self.wfile.write(said)
		    do_GET = do_POST
		server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
		print("port", server.server_port)
		server.serve_forever()
	END
	spawn web python3 -u web.py
	wait_until grep -q port web.out
	target=$(sed 's/port //' web.out)
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 http-connect: \
		--allow-dest "127.0.0.1:$target" --allow-dest "localhost:$target"
	run -0 curl -sS -x "http://127.0.0.1:$(port_of "$ready")" "http://127.0.0.1:$target/one?x" \
		"http://localhost:$target/two"
	[[ ${lines[0]} == "GET /one?x HTTP/1.1 {'Host': '127.0.0.1:$target', "* ]]
	[[ ${lines[1]} == "GET /two HTTP/1.1 {'Host': 'localhost:$target', "* ]]
	[[ ${lines[0]} == *"'Via': '1.1 vsock-proxy', 'Connection': 'close'} 0" ]]
	[[ $output != *Proxy-Connection* ]]
	bytes 300000 body
	run -0 curl -sS -x "http://127.0.0.1:$(port_of "$ready")" --data-binary @body \
		"http://127.0.0.1:$target/"
	[[ $output == "POST / HTTP/1.1 "*" 300000" ]]
	# in pieces, and more than one in a piece: the second is not answered by the first server
	python_client '
one = b"GET http://127.0.0.1:%d/1 HTTP/1.1\r\nHost: evil\r\n\r\n" % target
got = ask(*(bytes([byte]) for byte in one))
assert got.startswith(b"HTTP/1.1 200 ") and b"evil" not in got and b"GET /1 " in got, got
got = ask(one + one.replace(b"/1 ", b"/2 "))
assert got.count(b"HTTP/1.1 200 ") == 1 and b"GET /1 " in got, got'
	grep -q "dest=tcp:localhost:$target\|-> tcp:localhost:$target" proxy.err
}

# A web server that ignores "Connection: close", answers what it gets with a body of 2 bytes, and
# ends when the client does. What it got is in FILE.
spawn_keeper() { # FILE
	spawn "$1" python3 -u -c '
import re, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])
while True:
    peer, got = listener.accept()[0], b""
    with open(sys.argv[1], "ab", buffering=0) as out:
        for piece in iter(lambda: peer.recv(65536), b""):
            out.write(piece)
            got += piece
            head, end, body = got.partition(b"\r\n\r\n")
            size = re.search(rb"Content-Length: *(\d+)", head)
            whole = len(body) >= int(size[1]) if size else \
                b"chunked" not in head or body.endswith(b"\r\n\r\n")
            if end and whole:
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                got = b""
    peer.close()' "$1"
	wait_until test -s "$1.out"
}

@test "http-connect: a server gets one request with its body, and nothing that the client sends after it" {
	spawn_keeper a
	target=$(cat a.out)
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 http-connect: \
		--allow-dest "127.0.0.1:$target"
	python_client '
ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
http = b"http://127.0.0.1:%d" % target
second = b"GET http://localhost/secret HTTP/1.1\r\nCookie: secret\r\n\r\n"
def request(more, body, method=b"POST"):
    return method + b" " + http + b"/ HTTP/1.1\r\n" + more + b"\r\n" + body
big = b"x" * 300000
chunks = b"5;x=y\r\nhello\r\n%x\r\n%b\r\n0\r\nTrailer: x\r\n\r\n" % (len(big), big)
for first in (request(b"", b"", b"GET"),
              request(b"Content-Length: 0\r\n", b""),
              request(b"Content-Length: 5\r\n", b"hello"),
              request(b"Content-Length: 300000\r\n", big),
              request(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
              request(b"Transfer-Encoding: chunked\r\n", chunks)):
    # at once, and by a client that keeps its connection
    assert ask(first + second, end=False) == ok, first[:100]
    peer = connect()
    peer.sendall(first)
    got = b""
    while len(got) < len(ok):
        got += peer.recv(65536)
    assert got == ok, got
    peer.sendall(second)
    assert answer(peer) == b""
    body = first[first.index(b"\r\n\r\n") + 4:]
    seen = open("a", "rb").read()
    assert b"secret" not in seen
    assert seen.count(b"POST / ") + seen.count(b"GET / ") == 2, seen[:100]
    assert seen.endswith(body), seen[-100:]
    os.truncate("a", 0)
assert ask(request(b"Content-Length: 5\r\n", b"hello")) == ok'
	wait_until grep -q 'end=eof lost=[0-9]* why="the client sent more than one request"' proxy.err
	[[ $(grep -c 'why="the client sent more' proxy.err) == 12 ]]
}

@test "http-connect: refuses requests that servers could divide in different ways" {
	spawn_keeper a
	target=$(cat a.out)
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 http-connect: \
		--allow-dest "127.0.0.1:$target"
	python_client '
def post(more, body=b"", version=b"1.1"):
    first = b"POST http://127.0.0.1:%d/ HTTP/" % target + version
    return first + b"\r\n" + more + b"\r\n" + body
def status(request):
    return int(ask(request)[9:12])
size, chunked = b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"
assert status(post(size + chunked, b"0\r\n\r\n")) == 400
assert status(post(size + b"Content-Length: 6\r\n", b"hello")) == 400
assert status(post(b"Content-Length: 5, 5\r\n", b"hello")) == 400
assert status(post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n")) == 400
assert status(post(chunked, b"0\r\n\r\n", version=b"1.0")) == 400
assert status(post(chunked, b"5\nhello")) == 400
# once the server has a part of it, there is no answer that could only be ours
peer = connect()
peer.sendall(post(chunked, b"1\r\nx\r\n"))
while not (os.path.exists("a") and open("a", "rb").read().endswith(b"x\r\n")):
    time.sleep(0.01)
peer.sendall(b"y\r\n")
try:
    assert answer(peer) == b""
except ConnectionResetError:
    pass
assert not open("a", "rb").read().endswith(b"y\r\n")'
	grep -q 'end=handshake why="Content-Length and Transfer-Encoding in one header"' proxy.err
	grep -q 'end=handshake why="the client sent a malformed chunk"' proxy.err
	wait_until grep -q 'end=io why="the client sent a malformed chunk"' proxy.err
}

@test "a silent client does not keep its place" {
	spawn_target
	spawn_ready proxy vsock-proxy -w 1s -m 1 tcp:127.0.0.1:0 http-connect: \
		--allow-dest "127.0.0.1:$target"
	python_client '
assert ask(b"CONNECT ", end=False).startswith(b"HTTP/1.1 408 ")
silent = connect()
# the second waits in the backlog, until the first has had its time
assert ask(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\nhello" % target).endswith(b"HELLO")
assert answer(silent).startswith(b"HTTP/1.1 408 ")'
	grep -q 'end=timeout why="no destination named within 1 s"' proxy.err
}

@test "deny-dest, rule keys, and the first entry that matches" {
	spawn_target
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 socks5: deny-dest=127.0.0.1:1 \
		"allow-dest=127.0.0.0/8:1-65535" \
		tcp:127.0.0.1:0 socks5: --allow-dest '*:*'
	wait_ready proxy 2
	python_client '
start = b"\5\1\0"
assert ask(start + here + b"x") == good + b"X"
assert ask(start + at(1, bytes([127, 0, 0, 1]), 1)) == reply(2)
assert ask(start + at(1, bytes([127, 0, 0, 9]), 1)) == reply(5)'
	grep -q 'why="deny-dest=127.0.0.1:1"\|why=deny-dest=127.0.0.1:1' proxy.err
	ready=${readies[1]}
	python_client '
assert ask(b"\5\1\0" + here) == reply(2)
assert ask(b"\5\1\0" + name(b"localhost")) == reply(2)'
}

@test "a name is looked up, and allowed or denied by its addresses" {
	# one that is not "localhost", which needs no look-up
	name=$(awk '$1 == "127.0.0.1" { for (i = 2; i <= NF; i++) if ($i != "localhost" && $i !~ /^#/) { print $i; exit } }' /etc/hosts)
	[ -n "$name" ] || skip "no other name in /etc/hosts means 127.0.0.1"
	spawn_target
	export name
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 socks5: "allow-dest=127.0.0.1:$target" \
		tcp:127.0.0.1:0 socks5: "allow-dest=$name:$target" tcp:127.0.0.1:0 http-connect: \
		"allow-dest=other:$target"
	wait_ready proxy 3
	python_client '
import os
host = os.environ["name"].encode()
for i in range(20):
    assert ask(b"\5\1\0" + name(host) + b"hello") == good + b"HELLO"'
	ready=${readies[1]}
	python_client '
import os
assert ask(b"\5\1\0" + name(os.environ["name"].encode())) == reply(2)'
	grep -q " deny .* -> tcp:$name:$target why=\"127.0.0.1 is loopback: only an allow-dest with that address" proxy.err
	ready=${readies[2]}
	python_client '
import os
question = b"CONNECT %s:%d HTTP/1.1\r\n\r\n" % (os.environ["name"].encode(), target)
assert ask(question).startswith(b"HTTP/1.1 403 ")'
	grep -q " deny .* -> tcp:$name:$target why=\"no allow-dest names it\"" proxy.err
}

@test "a reload can add a rule to a worker that was confined without it" {
	need curl
	spawn_target
	echo hello >page
	spawn web python3 -u -m http.server --bind 127.0.0.1 0
	wait_until grep -q 'port [0-9]' web.out
	web=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' web.out)
	spawn_ready echo vsock-listen unix:./echo --echo
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy vsock-proxy -v -f rules
	echo "unix:./way-out socks5: allow-dest=127.0.0.1:$web" >>rules
	kill -HUP "${spawned[proxy]}"
	wait_until test -S way-out
	spawn_ready way vsock-proxy tcp:127.0.0.1:0 unix:./way-out
	[ "$(curl -sS --socks5-hostname "127.0.0.1:$(port_of "$ready")" \
		"http://127.0.0.1:$web/page")" = hello ]
	# not what the list does not name, though the supervisor may connect there
	run -97 curl -sS --socks5-hostname "127.0.0.1:$(port_of "$ready")" \
		"http://127.0.0.1:$target/page"
}

@test "a signal ends clients that have not named a destination" {
	spawn_target
	spawn_ready proxy vsock-proxy --drain-timeout 0 tcp:127.0.0.1:0 socks5: \
		--allow-dest "127.0.0.1:$target"
	spawn client python3 -c '
import socket, sys
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
peer.sendall(b"\5\1\0")
assert peer.recv(2) == b"\5\0"
open("greeted", "w").close()
try:
    sys.exit("%r, which looks like an end in good order" % peer.recv(1))
except ConnectionResetError:
    pass' "$(port_of "$ready")"
	wait_until test -e greeted
	kill -TERM "${spawned[proxy]}"
	ends_with 0 proxy
	ends_with 0 client
	grep -q 'end=signal why="ended before the request of the client was complete"' proxy.err
}

@test "settings that make no sense are refused at the start" {
	proxy_says 2 'no destination is allowed' unix:./front socks5:
	[[ $output == *'hint: say where its clients may go: allow-dest=HOST:PORTS'* ]]
	proxy_says 2 'no destination is allowed' unix:./front http-connect: deny-dest=a:1
	proxy_says 2 'no rule lets its clients choose the destination' unix:./front tcp:80 \
		--allow-dest a:1
	proxy_says 2 'no rule lets its clients choose the destination' \
		unix:./front socks5: allow-dest=b:1 --allow-dest a:1
	proxy_says 2 "clients of this rule cannot choose their destination" unix:./front \
		tcp:80 allow-dest=a:1
	proxy_says 2 'bad port' unix:./front socks5: --allow-dest a:http
	[[ $output == *$'\n  a:http\n    ^'* ]]
	proxy_says 2 'bad prefix length' unix:./front socks5: allow-dest=10.0.0.0/40:80
	proxy_says 2 'an IPv6 address must be in brackets' unix:./front socks5: allow-dest=::1:80
	proxy_says 2 "cannot be listened on" socks5: tcp:80
	proxy_says 2 'the client names the destination' unix:./front socks5:proxy:1080 \
		--allow-dest a:1
	proxy_says 2 "there cannot be another target" unix:./front socks5: connect=tcp:80 \
		--allow-dest a:1
	proxy_says 2 'its clients need a stream' unix-seqpacket:./front socks5: message-size=line \
		--allow-dest a:1
	proxy_says 0 '1 rule, no error' --check unix:./front socks5: --allow-dest 'a:1,5-9' \
		--deny-dest '*.b:*'
	run -2 vsock-cat socks5:
	[[ $output == *'is a target of vsock-proxy'* ]]
	run -2 vsock-listen http-connect:
	[[ $output == *'is a target of vsock-proxy'* ]]
	run -2 vsock-ping socks5:
	[[ $output == *'is a target of vsock-proxy'* ]]
}

@test "a denied client that goes on sending is soon cut off, and does not keep the event loop busy" {
	need python3
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 http-connect: \
		--allow-dest '127.0.0.0/8:*'
	run -0 python3 -c '
import socket, sys
request = b"CONNECT 192.0.2.1:80 HTTP/1.1\r\nHost: x\r\n\r\n"
for _ in range(60):
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    client.sendall(request)
    assert client.recv(12) == b"HTTP/1.1 403"
    sent = 0
    try:
        while sent < 64 << 20:
            sent += client.send(bytes(1 << 20))
        raise SystemExit("%d bytes were taken" % sent)
    except OSError:
        pass' "$(port_of "$ready")"
}
