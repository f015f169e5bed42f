#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy: datagrams. UDP on loopback, on a stream between two vsock-proxies, and towards who
# speaks the framing by himself.

load lib/common
load lib/udp

@test "10,000 datagrams of many sizes arrive whole and in order on a UNIX stream" {
	two_proxies unix:./stream 60s
	datagrams exchange "$(where "$ready")" 10000
	run -0 grep -c ' open ' near.err
	[ "$output" = 1 ]
}

@test "10,000 datagrams from ten sources stay separate on a TCP stream" {
	two_proxies tcp:127.0.0.1:0 60s
	datagrams exchange "$(where "$ready")" 400 --sources 10
	run -0 grep -c ' open udp:127.0.0.1:.* -> tcp:127.0.0.1:' near.err
	[ "$output" = 10 ]
	run -0 grep -c ' open tcp:127.0.0.1:.* -> udp:127.0.0.1:' far.err
	[ "$output" = 10 ]
}

@test "a UDP flow ends with its stream after its idle time, and that is not a failure" {
	two_proxies unix:./stream 2s --metrics unix:./metrics
	[ "$(datagrams ask "$(where "$ready")" one 'and two')" = \
		$'127.0.0.1 one\n127.0.0.1 and two' ]
	# with the two bytes of each on the stream
	has near.err '#1 done udp:127.0.0.1:[0-9]+ -> unix:./stream up=14 down=10 time=[0-9.]+ end=idle$'
	has far.err '#1 done unix .* -> udp:127.0.0.1:[0-9]+ up=10 down=14 time=[0-9.]+ end=eof$'
	run -0 curl -s --unix-socket metrics http://localhost/metrics
	[[ $output == *'connections_failed_total{rule="udp:127.0.0.1:0"} 0'* ]]
	[[ $output == *'datagrams_dropped_total{rule="udp:127.0.0.1:0"} 0'* ]]
	# who sends again begins another
	datagrams ask "$(where "$ready")" three
	has near.err '#2 done .* end=idle$'
}

@test "on every interface the answer comes from the address that was asked" {
	peer echo echo 127.0.0.1:0
	spawn_ready proxy vsock-proxy -v udp:*:0 "$at"
	port=$(port_of "$ready")
	for host in 127.0.0.1 127.0.0.2 127.1.2.3; do
		[ "$(datagrams ask "$host:$port" "to $host")" = "$host to $host" ]
	done
	# one source that asks two of our addresses has two flows
	run -0 python3 -c '
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(30)
for host in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):
    sock.sendto(host.encode(), (host, int(sys.argv[1])))
    assert sock.recvfrom(100) == (host.encode(), (host, int(sys.argv[1])))' "$port"
	run -0 grep -c ' open ' proxy.err
	[ "$output" = 5 ]
	[ -e /proc/net/if_inet6 ] || skip "no IPv6 here"
	[ "$(datagrams ask "[::1]:$port" six)" = "::1 six" ]
}

@test "localhost is 127.0.0.1 and ::1, and a range is a socket for each port" {
	peer echo echo 127.0.0.1:0
	spawn_ready proxy vsock-proxy udp:0 "$at"
	[ "$(datagrams ask "127.0.0.1:$(port_of "$ready")" four)" = "127.0.0.1 four" ]
	first=$(port_of "$ready")
	finish proxy
	[ "$first" -lt 65534 ] || first=40000
	spawn_ready proxy vsock-proxy "udp:127.0.0.1:$first-$((first + 1))" \
		"udp:127.0.0.1:$(port_of "$at")-$(($(port_of "$at") + 1))"
	[ "$(datagrams ask "127.0.0.1:$first" range)" = "127.0.0.1 range" ]
}

@test "access lists check the source address; a denied source is recorded once, not for each datagram" {
	peer echo echo 127.0.0.1:0
	spawn_ready proxy vsock-proxy udp:127.0.0.1:0 "$at" allow=127.0.0.2
	datagrams pour "$(where "$ready")" 50 10 --from 127.0.0.1
	[ "$(datagrams ask "$(where "$ready")" in --from 127.0.0.2)" = "127.0.0.1 in" ]
	has proxy.err '#1 deny udp:127.0.0.1:[0-9]+ -> - .*why="no --allow names it"'
	[ "$(grep -c ' deny ' proxy.err)" -le 2 ]
	finish proxy
	spawn_ready proxy vsock-proxy udp:127.0.0.1:0 "$at" max-conns-per-peer=1
	datagrams ask "$(where "$ready")" in --from 127.0.0.1
	run -5 datagrams ask "$(where "$ready")" out --from 127.0.0.1 --timeout 0.2
	has proxy.err '#2 deny udp:127.0.0.1:[0-9]+ .*why="?max-conns-per-peer=1"?'
	datagrams ask "$(where "$ready")" in --from 127.0.0.2
	proxy_says 2 "can never match a peer of udp" --check udp:127.0.0.1:5353 vsock:3:5353 allow=3
}

@test "with --max-conns flows open, datagrams of the next are dropped, reported once and counted" {
	peer echo echo 127.0.0.1:0
	spawn_ready proxy vsock-proxy --metrics unix:./metrics udp:127.0.0.1:0 "$at" max-conns=2 \
		udp-idle=1s name=few
	run -0 python3 -c '
import socket, sys
there = ("127.0.0.1", int(sys.argv[1]))
a, b, c = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for i in range(3))
for sock in a, b:
    sock.settimeout(30)
    sock.sendto(b"x", there)
    assert sock.recv(10) == b"x"
for i in range(5):
    c.sendto(b"y", there)
for sock in a, b:
    sock.sendto(b"z", there)
    assert sock.recv(10) == b"z"
c.settimeout(0.2)
for i in range(150):
    c.sendto(b"y", there)
    try:
        assert c.recv(10) == b"y"
        break
    except socket.timeout:
        pass
else:
    raise Exception("never let in")' "$(port_of "$ready")"
	[ "$(grep -c 'datagrams of new sources are dropped: the maximum number of UDP flows is' \
		proxy.err)" = 1 ]
	run -0 curl -s --unix-socket metrics http://localhost/metrics
	[[ $output =~ 'datagrams_dropped_total{rule="few"} '([0-9]+) ]]
	[ "${BASH_REMATCH[1]}" -ge 5 ]
}

@test "--accept-rate drops surplus new flows and keeps existing ones" {
	peer echo echo 127.0.0.1:0
	spawn_ready proxy vsock-proxy udp:127.0.0.1:0 "$at" accept-rate=1
	run -0 python3 -c '
import socket, sys
there = ("127.0.0.1", int(sys.argv[1]))
socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for i in range(20)]
for sock in socks:
    sock.sendto(b"x", there)
socks[0].settimeout(30)
assert socks[0].recv(10) == b"x"
socks[0].sendto(b"y", there)
assert socks[0].recv(10) == b"y"' "$(port_of "$ready")"
	has proxy.err 'new clients exceed --accept-rate'
}

@test "a stream client may speak the framing itself: split anywhere, empty, several at once, half-closed" {
	peer echo echo 127.0.0.1:0
	spawn_ready proxy vsock-proxy -v unix:./stream "$at"
	run -0 datagrams frame ./stream bytes:hello read send: read raw:0001410000000142 read read \
		read size:65507 read
	[ "${lines[0]}" = "5 hello" ]
	[ "${lines[1]}" = "0 " ]
	[ "${lines[2]}" = "1 A" ]
	[ "${lines[3]}" = "0 " ]
	[ "${lines[4]}" = "1 B" ]
	[[ ${lines[5]} == "65507 xxx"* ]]
	run -0 datagrams frame ./stream send:question finish read
	[ "$output" = "8 question" ]
	# longer than UDP of IPv4 has: dropped, and what follows is not touched
	run -0 datagrams frame ./stream size:65508 send:next read
	[ "$output" = "4 next" ]
	has proxy.err '#3 done .* dropped=1 why="Message too long"'
	# who is gone for good is not waited for
	has proxy.err '#1 done .* end=eof'
}

@test "a stream that ends within a frame is an error in the record" {
	peer echo echo 127.0.0.1:0
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 "$at"
	run -0 datagrams frame "$(where "$ready")" send:whole read raw:0005616263 finish end
	has proxy.err '#1 done .* up=5 .* end=io why="the stream ended within a datagram"'
}

@test "a server may speak the framing itself, and a flow ends with its stream" {
	peer server serve 127.0.0.1:0
	spawn_ready proxy vsock-proxy -v udp:127.0.0.1:0 "$at"
	datagrams exchange "$(where "$ready")" 500 --sources 3
	finish server
	wait_until sh -c '[ "$(grep -c " done .* end=eof" proxy.err)" = 3 ]'
	# each datagram would be a connection that is refused: a second's are one
	datagrams pour "$(where "$ready")" 20 5
	has proxy.err ' fail udp:127.0.0.1:[0-9]+ -> tcp:.* end=refused'
	[ "$(grep -c ' fail ' proxy.err)" -le 3 ]
}

@test "a request waits while its target is waited for" {
	spawn_ready proxy vsock-proxy udp:127.0.0.1:0 unix:./late wait=60s
	spawn asker datagrams_later "$(where "$ready")"
	wait_until test -e asker.sent
	peer echo echo 127.0.0.1:0
	spawn_ready far vsock-proxy unix:./late "$at"
	join asker
	[ "$(cat asker.out)" = "127.0.0.1 early" ]
}

datagrams_later() {
	: >asker.sent
	datagrams ask "$1" early --timeout 60
}

@test "nobody bound to the port is a failure in the record but does not end the flow" {
	peer echo echo 127.0.0.1:0
	target=$at
	finish echo
	spawn_ready proxy vsock-proxy udp:127.0.0.1:0 "$target" udp-idle=1s
	run -5 datagrams ask "$(where "$ready")" nobody --timeout 0.2
	has proxy.err '#1 fail udp:127.0.0.1:[0-9]+ -> udp:127.0.0.1:[0-9]+ up=6 down=0 .* end=refused dropped=1 why="Connection refused"'
	spawn echo "$tests_top/tests/lib/datagrams" echo "$(where "$target")"
	wait_until grep -q READY echo.out
	run -0 datagrams ask "$(where "$ready")" somebody
	[ "$output" = "127.0.0.1 somebody" ]
}

@test "a rate limit drops the surplus; --max-bytes and --max-time end a flow" {
	peer echo echo 127.0.0.1:0
	spawn_ready proxy vsock-proxy -v udp:127.0.0.1:0 "$at" rate-limit=10K udp-idle=300ms
	datagrams pour "$(where "$ready")" 100 1000
	has proxy.err ' done .* end=idle dropped=[0-9]+$'
	finish proxy
	spawn_ready proxy vsock-proxy -v udp:127.0.0.1:0 "$at" max-bytes=100
	datagrams ask "$(where "$ready")" "$(printf '%0120d' 0)" --timeout 0.2 || true
	has proxy.err '#1 done .* end=max-bytes'
	finish proxy
	spawn_ready proxy vsock-proxy -v udp:127.0.0.1:0 "$at" max-time=1s
	datagrams ask "$(where "$ready")" text
	has proxy.err '#1 done .* end=max-time'
}

@test "a stream that nobody reads loses only its own datagrams" {
	need socat
	peer echo echo 127.0.0.1:0
	spawn silent socat -u UNIX-LISTEN:./silent,rcvbuf=4096 EXEC:'sleep 100'
	wait_until test -S ./silent
	spawn_ready proxy vsock-proxy --metrics unix:./metrics udp:127.0.0.1:0 \
		unix:./silent name=silent udp:127.0.0.1:0 "$at" name=loud
	wait_ready proxy 2
	loud=${readies[1]}
	for turn in 1 2 3 4 5; do
		datagrams pour "$(where "${readies[0]}")" 20 60000
		[ "$(datagrams ask "$(where "$loud")" "turn $turn")" = "127.0.0.1 turn $turn" ]
	done
	run -0 curl -s --unix-socket metrics http://localhost/metrics
	[[ $output == *'datagrams_dropped_total{rule="loud"} 0'* ]]
	[[ $output == *'connections_open{rule="silent"} '* ]]
}

@test "answers that a stream does not accept are dropped by us or the kernel, and all are counted" {
	cat >flood.py <<'PYTHON'
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print("READY udp:127.0.0.1:%d" % server.getsockname()[1], flush=True)
who = server.recvfrom(100)[1]
for i in range(3000):
    server.sendto(b"x" * 1000, who)
open("flooded", "w")
server.recv(100)
PYTHON
	spawn flood python3 flood.py
	wait_until grep -q READY flood.out
	spawn_ready proxy vsock-proxy -v unix:./stream "$(sed -n 's/^READY //p' flood.out)"
	run -0 python3 -c '
import os, socket, time
sock = socket.socket(socket.AF_UNIX)
sock.connect("./stream")
sock.settimeout(2)
sock.sendall(b"\0\1?")
while not os.path.exists("flooded"):
    time.sleep(0.05)
got = 0
try:
    while more := sock.recv(1 << 20):
        got += len(more)
except socket.timeout:
    pass
assert got and got % 1002 == 0
print(got // 1002)'
	has proxy.err '#1 done .* dropped='
	[[ $(<proxy.err) =~ dropped=([0-9]+) ]]
	[ $((output + BASH_REMATCH[1])) = 3000 ]
}

@test "a command can serve each flow; a reload can add the first udp: rule to a confined worker" {
	peer echo echo 127.0.0.1:0
	spawn_ready proxy vsock-proxy -v udp:127.0.0.1:0 exec:cat
	[ "$(datagrams ask "$(where "$ready")" one two)" = $'127.0.0.1 one\n127.0.0.1 two' ]
	echo "unix:./other unix:./nowhere" >rules
	spawn_ready reloaded vsock-proxy -v -f rules
	echo "unix:./stream $at" >>rules
	kill -HUP "${spawned[reloaded]}"
	has reloaded.err 'reloaded'
	run -0 datagrams frame ./stream send:hello read
	[ "$output" = "5 hello" ]
}

@test "socat as client and server, and a query to a small name server" {
	need socat
	cat >names.py <<'PYTHON'
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print("READY udp:127.0.0.1:%d" % server.getsockname()[1], flush=True)
while True:
    question, who = server.recvfrom(512)
    # the same id and question, one answer: a pointer to the name, A, IN, 60 s, 192.0.2.1
    server.sendto(question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + question[12:]
        + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1", who)
PYTHON
	spawn names python3 names.py
	wait_until grep -q READY names.out
	spawn_ready far vsock-proxy unix:./stream "$(sed -n 's/^READY //p' names.out)"
	spawn_ready near vsock-proxy udp:127.0.0.1:0 unix:./stream
	# id 0x1234, recursion wanted, one question: web.example A IN
	printf '\x12\x34\1\0\0\1\0\0\0\0\0\0\3web\7example\0\0\1\0\1' >asker.in
	spawn asker socat -t 100 - "UDP:$(where "$ready")"
	wait_until test -s asker.out
	cp asker.out answer
	[ "$(head -c 2 answer | od -An -tx1 | tr -d ' ')" = 1234 ]
	[ "$(tail -c 4 answer | od -An -tu1 | tr -s ' ')" = " 192 0 2 1" ]
}

@test "a reload gives the socket to the rule that now listens there, and old flows go on" {
	peer one echo 127.0.0.1:0
	first=$at
	peer two serve 127.0.0.1:0
	port=$(where "$first")
	port=$(port_of "$port")
	spawn_ready free vsock-proxy udp:127.0.0.1:0 "$first"
	port=$(port_of "$ready")
	finish free
	echo "udp:127.0.0.1:$port $first name=old" >rules
	spawn_ready proxy vsock-proxy -v --drain-timeout 3s -f rules
	cat >flow.py <<'PYTHON'
import socket, sys, os, time
there = ("127.0.0.1", int(sys.argv[1]))
old, new = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for i in range(2))
for sock in old, new:
    sock.settimeout(30)
def ask(sock):
    sock.sendto(b"x", there)
    assert sock.recv(10) == b"x"
ask(old)
open("asked", "w")
while not os.path.exists("reloaded"):
    ask(old)
    time.sleep(0.05)
ask(old)
ask(new)
PYTHON
	spawn flow python3 flow.py "$port"
	wait_until test -e asked
	echo "udp:127.0.0.1:$port $at name=new" >rules
	kill -HUP "${spawned[proxy]}"
	has proxy.err 'reloaded'
	: >reloaded
	join flow
	has proxy.err 'open udp:.* -> tcp:.* rule=new'
	[ "$(grep -c 'rule=old connect' proxy.err)" = 1 ]
	# as long as a drain lasts
	has proxy.err ' done udp:.* rule=old .* end=signal'
}

@test "options that make no sense for datagrams are refused at the start with advice" {
	for key in idle-timeout=1m half-close-timeout=1s no-shutdown message-size=line buffer=64K \
		engine=copy; do
		proxy_says 2 "${key%%=*}" --check udp:127.0.0.1:5353 vsock:3:5353 "$key"
	done
	proxy_says 2 "write udp-idle=TIME" --check vsock::5353 udp:127.0.0.1:53 idle-timeout=1m
	proxy_says 2 "a PROXY header needs a stream" --check udp:127.0.0.1:5353 \
		vsock:3:5353 send-proxy=v2
	proxy_says 2 "a PROXY header needs a stream" --check vsock::5353 \
		udp:127.0.0.1:53 accept-proxy allow=3
	proxy_says 2 "datagrams travel on a stream" --check udp:127.0.0.1:5353 \
		vsock-seqpacket:3:5353
	proxy_says 2 "datagrams travel on a stream" --check unix-seqpacket:./x udp:127.0.0.1:53
	proxy_says 2 "its clients need a stream to ask on" --check udp:127.0.0.1:5353 socks5: \
		allow-dest=h:1
	proxy_says 2 "needs a connection of its own" --check udp:127.0.0.1:5353 fd:3
	proxy_says 2 "this rule has none" --check tcp:5353 vsock:3:5353 udp-idle=1s
	proxy_says 2 "udp: is an address of vsock-proxy's rules" \
		--check --metrics udp:9090 tcp:1 tcp:2
	for program in "vsock-cat udp:127.0.0.1:53" "vsock-listen udp:53" \
		"vsock-ping udp:127.0.0.1:53"; do
		run -2 $program
		[[ $output == *"udp: is an address of vsock-proxy's rules"* ]]
	done
	vsock-proxy --check --udp-idle 5s udp:127.0.0.1:5353 vsock:3:5353 tcp:5353 vsock:3:5353
}

# option_words OPTION: as it may be written, with a value where it needs one.
option_words() {
	local -A values=([bind]=127.0.0.1 [connect-timeout]=1s [window]=1M [backlog]=3 [mode]=0600 \
		[owner]=root [group]=root)
	echo "$1${values[$1]:+=${values[$1]}}"
}

@test "each address option without effect here is refused on both sides, in all spellings of the family" {
	run -2 vsock-proxy --check udp:53,nonsense vsock:3:53
	[[ $output =~ 'options are '([^$'\n']*) ]]
	read -ra names <<<"${BASH_REMATCH[1]}"
	[ ${#names[@]} -ge 10 ]
	for family in udp udp4 udp6; do
		for name in "${names[@]}"; do
			[ "$name" != netns ] || continue
			word=$(option_words "$name")
			proxy_says 2 "option '$name' is" --check "$family:53,$word" vsock:3:53
			[ "$name" != bind ] || continue
			proxy_says 2 "option '$name' is not for udp:" \
				--check vsock::53 "$family:localhost:53,$word"
		done
	done
	vsock-proxy --check vsock::53 udp4:53,bind=127.0.0.1 vsock::54 udp6:53,bind=[::1]:1000
	proxy_says 2 "bad address to bind: 127.0.0.1 is not for udp6:" \
		--check vsock::53 udp6:53,bind=127.0.0.1
	for rule in "udp:53 vsock:3:53" "tcp:53 udp:53" "udp:53 udp:localhost:54"; do
		proxy_says 2 "which datagrams do not have" --check $rule original-dst
		proxy_says 2 "which datagrams do not have" --check $rule original-dst send-proxy=v2
	done
}

@test "UDP services can be used by name, for listening and connecting, and no others" {
	free=
	while read -r service port; do
		spawn echo "$tests_top/tests/lib/datagrams" echo "127.0.0.1:$port"
		wait_until sh -c 'grep -q READY echo.out || [ -s echo.err ]'
		grep -q READY echo.out && free=$service && break
	done < <(sed -n 's,^\([a-z][^ \t]*\)[ \t]*\([1-9][0-9][0-9][0-9][0-9]*\)/udp.*,\1 \2,p' \
		/etc/services 2>/dev/null)
	[ "$free" ] || skip "/etc/services is missing (package netbase), or all is taken"
	spawn_ready proxy vsock-proxy udp:127.0.0.1:0 "udp:127.0.0.1:$free"
	[ "$(datagrams ask "$(where "$ready")" by-name)" = "127.0.0.1 by-name" ]
	finish proxy
	finish echo
	peer echo echo 127.0.0.1:0
	spawn_ready proxy vsock-proxy "udp:127.0.0.1:$free" "$at"
	[ "$ready" = "udp:127.0.0.1:$free" ]
	[ "$(datagrams ask "127.0.0.1:$port" listens)" = "127.0.0.1 listens" ]
	finish proxy
	proxy_says 2 'no such service of UDP: no-such-service' udp:127.0.0.1:no-such-service "$at"
	[ "$(getent services ssh/tcp)" ] || return 0
	[ "$(getent services ssh/udp)" ] ||
		proxy_says 2 'no such service of UDP: ssh' udp:127.0.0.1:ssh "$at"
	spawn_ready proxy vsock-proxy udp:127.0.0.1:0 udp:127.0.0.1:no-such-service
	datagrams pour "$(where "$ready")" 1 1
	has proxy.err ' fail .* why="?no such service of UDP: no-such-service'
}

@test "an address in use and one that is not local are reported" {
	peer echo echo 127.0.0.1:0
	proxy_says 1 "address in use: another program has port $(port_of "$at")" "$at" vsock:3:53
	proxy_says 1 "address not available: no interface of this machine has 192.0.2.1" \
		udp:192.0.2.1:5353 vsock:3:53
}

@test "2,000 flows and 20,000 datagrams leave no descriptor open" {
	two_proxies unix:./stream 2s "${inspectable[@]}"
	datagrams ask "$(where "$ready")" first
	before=$(descriptors_of near)
	for turn in 1 2 3 4; do
		datagrams exchange "$(where "$ready")" 10 --sources 500
	done
	# a source's port may have been another's a moment ago
	[ "$(grep -c ' open ' near.err)" -gt 1500 ]
	wait_until sh -c '[ "$(grep -c " done .* end=idle" near.err)" = "$(grep -c " open " near.err)" ]'
	wait_until sh -c '[ "$(grep -c " done .* end=eof" far.err)" = "$(grep -c " open " near.err)" ]'
	wait_until no_more_than "$before"
	run -1 grep -E 'dropped=|why=' near.err far.err
}

no_more_than() {
	[ "$(descriptors_of near)" -le "$1" ]
}

@test "--status shows UDP flows as connections" {
	peer echo echo 127.0.0.1:0
	spawn_ready proxy vsock-proxy --status-socket unix:./status udp:127.0.0.1:0 "$at" name=dns
	datagrams ask "$(where "$ready")" hello
	run -0 vsock-proxy --status -v unix:./status
	[[ $output =~ dns\ +udp:127.0.0.1:[0-9]+\ +udp:127.0.0.1:[0-9]+\ +1\ +1\ +0 ]]
	[[ $output == *udp:127.0.0.1:*udp:127.0.0.1:*dns* ]]
	run -0 vsock-proxy --status -j unix:./status
	[[ $output == *'"dropped": 0'* || $output == *'"dropped":0'* ]]
}

@test "SIGTERM does not wait for idle flows, and their descriptors close" {
	two_proxies unix:./stream 60s
	datagrams ask "$(where "$ready")" hello
	finish near
	has near.err '#1 done .* end=signal'
	has far.err '#1 done .* end=eof'
}
