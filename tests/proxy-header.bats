#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy and the PROXY protocol: --accept-proxy and --send-proxy, with Python's peers and with
# haproxy.

load lib/common

setup() {
	own_directory
	need python3
}

# A target that answers with all it got, once its client has ended.
spawn_echo() {
	spawn_ready echo vsock-listen tcp:127.0.0.1:0 --echo
	target=$(port_of "$ready")
}

# What the Python of these tests begins with.
python_client() {
	python3 -c '
import socket, struct, sys
port = int(sys.argv[1])
def ask(*pieces, end=True, port=port):
    name = None
    try:
        peer = socket.create_connection(("127.0.0.1", port), timeout=30)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = peer.getsockname()
        for piece in pieces:
            peer.sendall(piece)
        if end:
            peer.shutdown(socket.SHUT_WR)
        return name, b"".join(iter(lambda: peer.recv(65536), b""))
    except OSError: # it was cut off
        return name, b""
def v2(family, addresses, command=0x21, tlvs=b""):
    body = addresses + tlvs
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, family]) + struct.pack("!H", len(body)) + body
def inet(source, source_port, destination, destination_port):
    return socket.inet_aton(source) + socket.inet_aton(destination) \
        + struct.pack("!HH", source_port, destination_port)
def vsock(cid, port, to_cid, to_port):
    return b"".join(struct.pack("!BHI", kind, 4, value)
        for kind, value in zip(range(0xe0, 0xe4), (cid, port, to_cid, to_port)))
'"$1" "$(port_of "$ready")" "${@:2}"
}

@test "--accept-proxy accepts both versions in any number of pieces, records the client, and loses no byte" {
	spawn_echo
	spawn_ready proxy vsock-proxy -v --accept-proxy --allow 127.0.0.1 \
		tcp:127.0.0.1:0 "tcp:127.0.0.1:$target"
	python_client '
one = b"PROXY TCP4 192.0.2.1 192.0.2.2 51034 80\r\n"
two = v2(0x11, inet("192.0.2.3", 1, "192.0.2.4", 2))
assert ask(one + b"payload")[1] == b"payload"
assert ask(two + b"payload")[1] == b"payload"
assert ask(v2(0x00, vsock(42, 1024, 2, 80)) + b"payload")[1] == b"payload"
assert ask(v2(0x31, b"/run/app".ljust(108, b"\0") + b"\0hidden".ljust(108, b"\0"))
    + b"payload")[1] == b"payload"
assert ask(v2(0, b"", 0x20) + b"payload")[1] == b"payload"
assert ask(b"PROXY UNKNOWN\r\npayload")[1] == b"payload"
for header in one, two:
    for cut in range(1, len(header) + 7):
        assert ask((header + b"payload")[:cut], (header + b"payload")[cut:])[1] == b"payload", cut
assert ask(one + b"x" * 300000)[1] == b"x" * 300000'
	wait_until grep -q ' done .* client=unknown' proxy.err
	grep -qE ' open tcp:127\.0\.0\.1:[0-9]+ -> tcp:127\.0\.0\.1:[0-9]+ client=tcp:192\.0\.2\.1:51034 connect=' proxy.err
	grep -qE ' done .* client=tcp:192\.0\.2\.1:51034 up=7 down=7 .* end=eof' proxy.err
	grep -qE ' done .* client=tcp:192\.0\.2\.3:1 up=7' proxy.err
	grep -qE ' done .* client=vsock:42:1024 up=7' proxy.err
	grep -qE ' done .* client=unix:/run/app up=7' proxy.err
	grep -qE ' done .* client=local up=7' proxy.err
	grep -qE ' done .* client=unknown up=7' proxy.err
}

@test "--accept-proxy closes the connection after a missing, malformed or late header, and says why" {
	spawn_echo
	# only who is to be late has a limit that a busy machine could exceed
	spawn_ready proxy vsock-proxy --accept-proxy --allow 127.0.0.1 \
		tcp:127.0.0.1:0 "tcp:127.0.0.1:$target" \
		tcp:127.0.0.1:0 "tcp:127.0.0.1:$target" connect-timeout=300ms
	wait_ready proxy 2
	python_client '
bad = [
    (b"GET / HTTP/1.1\r\n\r\n", "a PROXY header was expected and is missing"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 51034\r\n", "a malformed PROXY header (version 1)"),
    (b"PROXY UNKNOWN " + b"x" * 200, "the line of a PROXY header has more than 107 bytes"),
    (v2(0x11, b"short"), "a PROXY header that is too short for its addresses"),
    (v2(0x11, bytes(12), 0x31), "a PROXY header of an unknown version or command"),
    (v2(0x51, bytes(12)), "a PROXY header of an unknown family"),
    (v2(0x11, bytes(12), tlvs=b"\3\0\4abcd"), "a PROXY header whose checksum is wrong"),
    (v2(0, b"\3\0\4abcd", 0x20), "a PROXY header whose checksum is wrong"),
    (v2(0x11, bytes(12), tlvs=b"\2\0\5abc"), "a PROXY header whose TLVs are longer than itself"),
    (v2(0x11, bytes(5000)), "a PROXY header of more than 4096 bytes"),
    (b"PROXY TC", "the PROXY header is incomplete"),
]
for data, why in bad:
    assert ask(data)[1] == b"", data
assert ask(b"PROXY TCP4 ", end=False, port=int(sys.argv[2]))[1] == b""
with open("whys", "w") as out:
    out.writelines(why + "\n" for data, why in bad)' "$(port_of "${readies[1]}")"
	while read -r why; do
		grep -F ' fail ' proxy.err | grep -qF "why=\"$why\"" || {
			echo "$why"
			cat proxy.err
			return 1
		}
	done <whys
	grep -q ' fail .* end=timeout why="no complete PROXY header within 300 ms"' proxy.err
	[ "$(grep -c ' fail .* end=handshake why=' proxy.err)" -ge 9 ]
	! grep -q ' up=' proxy.err
}

@test "access lists apply to the real peer" {
	spawn_echo
	spawn_ready proxy vsock-proxy -v --accept-proxy tcp:127.0.0.1:0 "tcp:127.0.0.1:$target" \
		deny=192.0.2.0/24,10.0.0.1 allow=127.0.0.1 \
		tcp:127.0.0.1:0 "tcp:127.0.0.1:$target" allow=192.0.2.1
	wait_ready proxy 2
	python_client '
assert ask(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nx")[1] == b"x"
assert ask(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nx", port=int(sys.argv[2]))[1] == b""' \
	"$(port_of "${readies[1]}")"
	wait_until grep -q ' deny ' proxy.err
	grep -q ' deny tcp:127.0.0.1:.* why="no --allow names it"' proxy.err
}

@test "--send-proxy tells the target the client's address before the first byte, in each version" {
	spawn_echo
	spawn_ready proxy vsock-proxy -v --send-proxy v1 tcp:127.0.0.1:0 "tcp:127.0.0.1:$target" \
		tcp:127.0.0.1:0 "tcp:127.0.0.1:$target" send-proxy=v2 \
		unix:./front "tcp:127.0.0.1:$target" send-proxy=v2 \
		unix:./plain "tcp:127.0.0.1:$target" send-proxy=none tcp:127.0.0.1:0 "exec:cat" \
		send-proxy=v1
	wait_ready proxy 5
	python_client '
name, got = ask(b"payload")
assert got == b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\npayload" % (name[1], port), got
two = int(sys.argv[2])
name, got = ask(b"payload", port=two)
assert got == v2(0x11, inet("127.0.0.1", name[1], "127.0.0.1", two)) + b"payload", got
last = int(sys.argv[3])
name, got = ask(b"payload", port=last)
assert got == b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\npayload" % (name[1], last), got
peer = socket.socket(socket.AF_UNIX)
peer.connect("front")
peer.sendall(b"payload")
peer.shutdown(socket.SHUT_WR)
got = b"".join(iter(lambda: peer.recv(65536), b""))
assert got == v2(0, b"", 0x20, b"\xe4\0\0\xe5\0\7./front") + b"payload", got' \
	"$(port_of "${readies[1]}")" "$(port_of "${readies[4]}")"
	echo payload | vsock-cat ./plain >got
	[ "$(cat got)" = payload ]
	# a header is no payload, and is not counted as such
	wait_until grep -q ' done .* up=7 ' proxy.err
}

@test "exec: finds both the header's client and the real peer in its environment" {
	export PROXY_PROTO=TCP PROXY_TCPREMOTEIP=203.0.113.1 # of an outer proxy, and not true here
	spawn_ready proxy vsock-proxy "${inspectable[@]}" tcp:127.0.0.1:0 'exec:env -0' \
		accept-proxy allow=127.0.0.1 \
		tcp:127.0.0.1:0 'exec:env -0' unix:./front exec:env
	wait_ready proxy 3
	python_client '
def env(*pieces, port=port):
    name, got = ask(*pieces, port=port)
    return name, dict(line.split("=", 1) for line in got.decode().split("\0") if line)
def told(found):
    return {key[6:]: value for key, value in found.items() if key.startswith("PROXY_")}
name, got = env(b"PROXY TCP4 192.0.2.1 192.0.2.2 51034 80\r\n")
assert told(got) == {"PROTO": "TCP", "TCPREMOTEIP": "192.0.2.1", "TCPREMOTEPORT": "51034",
    "TCPLOCALIP": "192.0.2.2", "TCPLOCALPORT": "80"}, got
assert (got["PROTO"], got["TCPREMOTEIP"], got["TCPREMOTEPORT"]) \
    == ("TCP", "127.0.0.1", str(name[1])), got
assert (got["TCPLOCALIP"], got["TCPLOCALPORT"], got["TCPCONNNUM"]) \
    == ("127.0.0.1", str(port), "1"), got
six = socket.inet_pton(socket.AF_INET6, "2001:db8::1") \
    + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
got = told(env(v2(0x21, six + struct.pack("!HH", 1, 2)))[1])
assert got == {"PROTO": "TCP6", "TCPREMOTEIP": "2001:db8::1", "TCPREMOTEPORT": "1",
    "TCPLOCALIP": "2001:db8::2", "TCPLOCALPORT": "2"}, got
got = told(env(v2(0x00, vsock(42, 1024, 2, 80)))[1])
assert got == {"PROTO": "VSOCK", "VSOCKREMOTECID": "42", "VSOCKREMOTEPORT": "1024",
    "VSOCKLOCALCID": "2", "VSOCKLOCALPORT": "80"}, got
got = told(env(v2(0, vsock(42, 1024, 2, 80), 0x20))[1])
assert (got["PROTO"], got["VSOCKREMOTECID"]) == ("VSOCK", "42"), got
got = told(env(v2(0, b"", 0x20, b"\xe4\0\2/a\xe5\0\0"))[1])
assert got == {"PROTO": "UNIX", "UNIXREMOTEPATH": "/a"}, got
assert told(env(v2(0x12, inet("192.0.2.1", 1, "192.0.2.2", 2)))[1]) == {"PROTO": "UNKNOWN"}
got = told(env(v2(0x31, b"/run/app".ljust(108, b"\0") + b"/" * 108))[1])
assert got == {"PROTO": "UNIX", "UNIXREMOTEPATH": "/run/app", "UNIXLOCALPATH": "/" * 108}, got
got = told(env(v2(0x31, bytes(108) + b"\0hidden".ljust(108, b"\0")))[1])
assert got == {"PROTO": "UNIX"}, got
assert told(env(v2(0, b"", 0x20))[1]) == {"PROTO": "LOCAL"}
assert told(env(b"PROXY UNKNOWN\r\n")[1]) == {"PROTO": "UNKNOWN"}
name, got = env(port=int(sys.argv[2]))
assert told(got) == {} and got["TCPREMOTEPORT"] == str(name[1]), got' "$(port_of "${readies[1]}")"
	vsock-cat ./front </dev/null >got
	grep -qx "UNIXREMOTEEUID=$(id -u)" got
	grep -qx 'UNIXLOCALPATH=./front' got
	run ! grep -q '^PROXY_' got
}

@test "--accept-proxy with --send-proxy passes the header on unchanged" {
	spawn_echo
	spawn_ready proxy vsock-proxy --accept-proxy --allow 127.0.0.1 --send-proxy v2 \
		tcp:127.0.0.1:0 "tcp:127.0.0.1:$target" \
		tcp:127.0.0.1:0 "tcp:127.0.0.1:$target" send-proxy=v1
	wait_ready proxy 2
	python_client '
one = b"PROXY TCP4 192.0.2.1 192.0.2.2 51034 80\r\n"
addresses = inet("192.0.2.1", 51034, "192.0.2.2", 80)
to_one = int(sys.argv[2])
extra = v2(0x11, addresses, tlvs=b"\2\0\3abc")
assert ask(extra + b"x")[1] == extra + b"x"
assert ask(extra + b"x", port=to_one)[1] == one + b"x"
assert ask(one + b"x")[1] == v2(0x11, addresses) + b"x"
assert ask(one + b"x", port=to_one)[1] == one + b"x"
assert ask(b"PROXY UNKNOWN\r\nx")[1] == v2(0, b"", 0x20) + b"x"
assert ask(v2(0, b"", 0x20) + b"x", port=to_one)[1] == b"PROXY UNKNOWN\r\nx"
guest = v2(0, vsock(3, 1024, 2, 80))
assert ask(guest + b"x")[1] == guest + b"x"
assert ask(guest + b"x", port=to_one)[1] == b"PROXY UNKNOWN\r\nx"' "$(port_of "${readies[1]}")"
}

@test "a PROXY header followed by a SOCKS5 request is accepted" {
	spawn_echo
	spawn_ready proxy vsock-proxy -v --accept-proxy --allow 127.0.0.1 tcp:127.0.0.1:0 socks5: \
		--allow-dest "127.0.0.1:$target"
	python_client '
header = b"PROXY TCP4 192.0.2.1 192.0.2.2 51034 80\r\n"
request = b"\5\1\0\5\1\0\1\x7f\0\0\1" + struct.pack("!H", int(sys.argv[2])) + b"payload"
answer = b"\5\0\5\0\0\1" + bytes(6) + b"payload"
assert ask(header + request)[1] == answer
for cut in range(1, len(header + request)):
    assert ask((header + request)[:cut], (header + request)[cut:])[1] == answer, cut' "$target"
	grep -qE " done .* -> tcp:127\.0\.0\.1:$target client=tcp:192\.0\.2\.1:51034 up=7 down=7" \
		proxy.err
}

spawn_haproxy() {
	cat >haproxy.cfg <<-EOF
		global
		  maxconn 50
		  nbthread 1
		defaults
		  timeout connect 30s
		  timeout client 30s
		  timeout server 30s
		$(cat)
	EOF
	spawn haproxy haproxy -db -f haproxy.cfg
}

@test "haproxy understands our headers" {
	need haproxy curl
	port=$(free_port)
	spawn_haproxy <<-EOF
		frontend http
		  mode http
		  bind 127.0.0.1:$port accept-proxy
		  http-request return status 200 content-type text/plain \
		    lf-string "%[src]:%[src_port] %[dst]:%[dst_port]"
	EOF
	for version in v1 v2; do
		spawn_ready $version vsock-proxy --wait 30s --send-proxy $version \
			tcp:127.0.0.1:0 "tcp:127.0.0.1:$port"
		run -0 curl -sS -w ' %{local_port}' "http://127.0.0.1:$(port_of "$ready")/"
		[[ $output =~ ^127\.0\.0\.1:([0-9]+)\ 127\.0\.0\.1:$(port_of "$ready")\ ([0-9]+)$ ]]
		[ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
	done
}

@test "vsock-proxy understands headers from haproxy" {
	need haproxy
	spawn_echo
	spawn_ready proxy vsock-proxy -v --accept-proxy --allow 127.0.0.1 \
		tcp:127.0.0.1:0 "tcp:127.0.0.1:$target"
	one=$(free_port) two=$(free_port)
	ready=$(sed -n 's/^READY //p' proxy.ready)
	spawn_haproxy <<-EOF
		listen one
		  mode tcp
		  bind 127.0.0.1:$one
		  server proxy 127.0.0.1:$(port_of "$ready") send-proxy
		listen two
		  mode tcp
		  bind 127.0.0.1:$two
		  server proxy 127.0.0.1:$(port_of "$ready") send-proxy-v2 \
		    proxy-v2-options crc32c,unique-id
	EOF
	for port in $one $two; do
		echo payload | vsock-cat -v --wait 30s "tcp:127.0.0.1:$port" >got 2>cat.err
		[ "$(cat got)" = payload ]
	done
	wait_until sh -c '[ "$(grep -c " done " proxy.err)" = 2 ]'
	[ "$(grep -cE ' done .* client=tcp:127\.0\.0\.1:[0-9]+ up=8 down=8 ' proxy.err)" = 2 ]
}

# answered_over PORT: an HTTP receiver of PROXY headers takes both versions for TCP, and version 2
# for clients on UNIX sockets
# and on vsock.
answered_over() {
	local version
	spawn_ready proxy vsock-proxy --wait 30s tcp:127.0.0.1:0 "tcp:127.0.0.1:$1" send-proxy=v1 \
		tcp:127.0.0.1:0 "tcp:127.0.0.1:$1" send-proxy=v2 \
		unix:./front "tcp:127.0.0.1:$1" send-proxy=v2
	wait_ready proxy 3
	for version in 0 1; do
		run -0 curl -sS -m 20 "http://127.0.0.1:$(port_of "${readies[version]}")/page"
		[ "$output" = hello ]
	done
	run -0 curl -sS -m 20 --unix-socket ./front "http://localhost/page"
	[ "$output" = hello ]
	# what a vsock client gets is the same header as in tests/unit/test-proxy-header.c
	ready="tcp:127.0.0.1:$1"
	python_client '
got = ask(v2(0, vsock(3, 1024, 2, 80), 0x20) + b"GET /page HTTP/1.0\r\nHost: localhost\r\n\r\n",
    end=False)[1]
assert got.startswith(b"HTTP/1.") and b" 200 " in got.split(b"\n")[0], got'
}

@test "haproxy accepts headers for clients on TCP, UNIX sockets and vsock" {
	need haproxy curl
	port=$(free_port)
	spawn_haproxy <<-EOF
		frontend http
		  mode http
		  bind 127.0.0.1:$port accept-proxy
		  http-request return status 200 content-type text/plain string hello
	EOF
	answered_over "$port"
}

@test "nginx accepts headers for clients on TCP, UNIX sockets and vsock" {
	need nginx curl
	port=$(free_port)
	cat >nginx.conf <<-EOF
		daemon off;
		master_process off;
		pid nginx.pid;
		error_log stderr;
		events { }
		http {
		  access_log off;
		  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
		  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
		  server { listen 127.0.0.1:$port proxy_protocol; location / { return 200 hello; } }
		}
	EOF
	spawn nginx nginx -p "$PWD" -c "$PWD/nginx.conf"
	answered_over "$port"
}

@test "Apache httpd accepts headers for clients on TCP, UNIX sockets and vsock" {
	need apache2 curl
	port=$(free_port)
	echo hello >page
	cat >apache.conf <<-EOF
		ServerName localhost
		PidFile $PWD/apache.pid
		DefaultRuntimeDir $PWD
		ErrorLog $PWD/apache.log
		LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
		LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
		LoadModule remoteip_module /usr/lib/apache2/modules/mod_remoteip.so
		User nobody
		Group nogroup
		Listen 127.0.0.1:$port
		DocumentRoot $PWD
		RemoteIPProxyProtocol On
	EOF
	chmod a+rx . .. ../.. ../../..
	spawn apache apache2 -X -d "$PWD" -f "$PWD/apache.conf"
	answered_over "$port"
}

@test "MariaDB accepts headers for clients on TCP, UNIX sockets and vsock" {
	need mariadbd mariadb-install-db
	port=$(free_port)
	mariadb-install-db --no-defaults --user="$(id -un)" --datadir="$PWD/data" \
		--skip-test-db >install.log 2>&1
	spawn mariadb mariadbd --no-defaults --user="$(id -un)" --datadir="$PWD/data" \
		--socket="$PWD/db.sock" --bind-address=127.0.0.1 \
		--port="$port" --skip-grant-tables=0 --proxy-protocol-networks=127.0.0.1 \
		--innodb-buffer-pool-size=8M --performance-schema=off
	spawn_ready proxy vsock-proxy --wait 60s tcp:127.0.0.1:0 "tcp:127.0.0.1:$port" \
		send-proxy=v1 tcp:127.0.0.1:0 "tcp:127.0.0.1:$port" send-proxy=v2 \
		unix:./front "tcp:127.0.0.1:$port" send-proxy=v2
	wait_ready proxy 3
	ready=${readies[0]}
	python_client '
def greeted(peer, header=b""):
    peer.settimeout(60)
    peer.sendall(header)
    got = peer.recv(4096)
    assert got[4:5] == b"\n" and b"MariaDB" in got, got # version 10 of its protocol
for number in port, int(sys.argv[2]):
    greeted(socket.create_connection(("127.0.0.1", number)))
peer = socket.socket(socket.AF_UNIX); peer.connect("front")
greeted(peer)
greeted(socket.create_connection(("127.0.0.1", int(sys.argv[3]))),
    v2(0, vsock(3, 1024, 2, 80), 0x20))' "$(port_of "${readies[1]}")" "$port"
}

@test "go-proxyproto accepts headers for clients on TCP, UNIX sockets and vsock" {
	need go curl
	[ -d /usr/share/gocode/src/github.com/pires/go-proxyproto ] ||
		skip "the package golang-github-pires-go-proxyproto-dev is missing"
	port=$(free_port)
	# Debian's library is below GOPATH, so nothing is downloaded.
	mkdir receiver
	cat >receiver/main.go <<-'END'
		package main

		import (
			"io"
			"net"
			"net/http"
			"os"

			proxyproto "github.com/pires/go-proxyproto"
		)

		func main() {
			inner, err := net.Listen("tcp", os.Args[1])
			if err != nil {
				panic(err)
			}
			require := func(net.Addr) (proxyproto.Policy, error) {
				return proxyproto.REQUIRE, nil
			}
			listener := &proxyproto.Listener{Listener: inner, Policy: require}
			panic(http.Serve(listener, http.HandlerFunc(func(
				w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, "hello")
			})))
		}
	END
	GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$PWD/cache GOTOOLCHAIN=local GOPROXY=off \
		CGO_ENABLED=0 \
		go build -o ./go-receiver receiver/main.go
	spawn receiver ./go-receiver "127.0.0.1:$port"
	answered_over "$port"
	# and it does look for a header
	run -0 curl -sS -m 20 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/"
	[ "$output" = 400 ]
}

@test "settings that make no sense are refused at the start" {
	proxy_says 2 'any client could claim to be another' --accept-proxy unix:./front tcp:80
	[[ $output == *'hint: name the proxies that may connect: allow=WHO, or --allow for all rules'* ]]
	proxy_says 2 'any client could claim to be another' --accept-proxy unix:./front \
		tcp:80 deny=uid:5
	proxy_says 2 'any client could claim to be another' --allow uid:0 unix:./front \
		tcp:80 accept-proxy deny=uid:5
	proxy_says 0 '1 rule, no error' --check unix:./front tcp:80 accept-proxy allow=uid:0
	proxy_says 0 '1 rule, no error' --check --allow uid:0 --accept-proxy unix:./front tcp:80
	proxy_says 2 'a PROXY header needs a stream' unix-seqpacket:./front unix-seqpacket:./back \
		send-proxy=v1
	proxy_says 2 'a PROXY header needs a stream' unix-seqpacket:./front unix-seqpacket:./back \
		accept-proxy allow=uid:0
	proxy_says 2 'it must be one of: none, v1, v2' unix:./front tcp:80 send-proxy=v3
}
