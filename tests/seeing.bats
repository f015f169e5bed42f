#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What vsock-proxy tells who looks on: --metrics, --status.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	umask 022
	spawn_ready echo vsock-listen --echo unix:echo
}

ask() {
	echo "$2" | vsock-cat "$1" 2>/dev/null
}

# metrics [PATH [METHOD]]: what is answered.
metrics() {
	printf '%s %s HTTP/1.1\r\nHost: x\r\n\r\n' "${2:-GET}" "${1:-/metrics}" |
		vsock-cat unix:metrics
}

# value SAMPLE: of one metric.
value() {
	metrics | tr -d '\r' | grep -F "vsock_proxy_$1 " | cut -d ' ' -f 2
}

has_value() {
	[ "$(value "$1")" = "$2" ]
}

@test "metrics show connections, bytes, causes and connect times for each rule" {
	spawn_ready proxy vsock-proxy --metrics unix:metrics unix:a unix:echo name=a unix:b \
		unix:gone 'unix:c"' unix:echo deny=any
	wait_ready proxy 3
	ask unix:a 123
	ask unix:b 1 || true
	ask 'unix:c"' 1 || true
	coproc held { vsock-cat unix:a; }
	echo 12345 >&"${held[1]}"; read -r _ <&"${held[0]}"
	wait_until has_value 'connections_total{rule="a"}' 2
	wait_until has_value 'connections_open{rule="a"}' 1
	has_value 'connections_failed_total{rule="a"}' 0
	has_value 'connections_ended_total{rule="a",end="eof"}' 1
	has_value 'bytes_total{rule="a",direction="up"}' 10
	has_value 'bytes_total{rule="a",direction="down"}' 10
	has_value 'connections_failed_total{rule="unix:b"}' 1
	has_value 'connections_ended_total{rule="unix:c\"",end="denied"}' 1
	has_value 'connect_seconds_count{rule="a"}' 2
	has_value 'connect_seconds_bucket{rule="a",le="+Inf"}' 2
	has_value 'connect_seconds_count{rule="unix:b"}' 0
	exec {held[1]}>&-
	wait_until has_value 'connections_open{rule="a"}' 0
	has_value 'bytes_total{rule="a",direction="up"}' 10
}

# start_time: in milliseconds.
start_time() {
	metrics | tr -d '\r' | sed -n 's/^process_start_time_seconds \([0-9]*\)\.\([0-9]*\)$/\1\2/p'
}

@test "metrics: the start time reveals when a restart or a new worker resets the counters" {
	before=$(date +%s%3N)
	spawn_ready proxy vsock-proxy --metrics unix:metrics unix:a unix:echo
	first=$(start_time)
	[ "$first" -ge "$before" ]
	[ "$first" -le "$(date +%s%3N)" ]
	ask unix:a 1
	[ "$(start_time)" = "$first" ]
	wait_until counted 1
	kill -USR2 "${spawned[proxy]}"
	wait_until grep -q 'has taken over' proxy.err
	next=$(sed -n 's/.*this process (\([0-9]*\)) has taken over.*/\1/p' proxy.err)
	join proxy
	spawned[proxy]=$next
	second=$(start_time)
	[ "$second" -gt "$first" ]
	counted 0
	ask unix:a 1
	wait_until counted 1
	kill -KILL "$(worker_of proxy)"
	wait_until grep -q 'another worker .* is serving' proxy.err
	[ "$(start_time)" -gt "$second" ]
	counted 0
}

counted() { # COUNT
	[ "$(metrics | tr -d '\r' | sed -n 's/^vsock_proxy_connections_total.* //p')" = "$1" ]
}

@test "metrics are valid for promtool or a parser" {
	need python3
	spawn_ready proxy vsock-proxy --metrics unix:metrics unix:a unix:echo
	ask unix:a 1
	metrics | sed '1,/^.$/d' >text
	run -0 python3 - <<-'END'
		import re
		seen, typed = set(), {}
		for line in open("text"):
		    line = line.rstrip("\n")
		    if line.startswith("# TYPE "):
		        _, _, name, kind = line.split(" ", 3)
		        assert name not in typed
		        typed[name] = kind
		    elif not line.startswith("# HELP "):
		        m = re.fullmatch(r'([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\\]|\\\\.)*",?)+\})? [0-9.e+-]+', line)
		        assert m, line
		        assert line.rsplit(" ", 1)[0] not in seen; seen.add(line.rsplit(" ", 1)[0])
		        assert re.sub("_(bucket|sum|count)$", "", m[1]) in typed, line
		print(len(typed) > 5)
	END
	[ "$output" = True ]
}

@test "metrics: other paths and methods, HEAD, garbage, and a silent client" {
	spawn_ready proxy vsock-proxy --metrics unix:metrics unix:a unix:echo
	[[ $(metrics) == "HTTP/1.1 200 OK"* ]]
	[[ $(metrics /) == "HTTP/1.1 404 Not Found"* ]]
	[[ $(metrics /metricsx) == "HTTP/1.1 404 "* ]]
	[[ $(metrics '/metrics?x=1') == "HTTP/1.1 200 "* ]]
	[[ $(metrics /metrics POST) == "HTTP/1.1 405 "* ]]
	[[ $(metrics /healthzz) == "HTTP/1.1 404 "* ]]
	[[ $(metrics /healthz POST) == "HTTP/1.1 405 "* ]]
	[[ $(metrics /healthz) == "HTTP/1.1 200 OK"*$'\r\n\r\nok' ]]
	[[ $(metrics /healthz HEAD) == "HTTP/1.1 200 OK"*"Content-Length: 3"* ]]
	[ "$(metrics /metrics HEAD | tr -d '\r' | tail -n 1)" = "" ]
	head -c 100K /dev/zero | vsock-cat unix:metrics >/dev/null 2>&1 || true
	spawn silent vsock-cat --receive-only unix:metrics
	join silent || true
	[[ $(metrics) == "HTTP/1.1 200 OK"* ]]
}

@test "metrics: clients without a request keep no other from an answer" {
	need python3
	spawn_ready proxy vsock-proxy --metrics unix:metrics unix:a unix:echo
	python3 -c '
import socket, time
def connect():
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(30)
    peer.connect("metrics")
    return peer
request = b"GET /healthz HTTP/1.1\r\n\r\n"
def answer(peer):
    return b"".join(iter(lambda: peer.recv(65536), b""))
silent = [connect() for i in range(8)]
for peer in silent:
    peer.sendall(request[:10])
began = time.monotonic()
for i in range(20):
    peer = connect()
    peer.sendall(request)
    assert answer(peer).endswith(b"ok\n")
# each would have to wait for the 5 s that a client has
assert time.monotonic() - began < 4
# the oldest are ended
silent += [connect() for i in range(200)]
for peer in silent[-8:]:
    peer.sendall(request)
    assert answer(peer).endswith(b"ok\n")
for peer in silent[:-8]:
    assert answer(peer) == b""'
}

@test "metrics that others could read need --allow" {
	for address in vsock::9100 'tcp:*:9100' vsock:any:9100; do
		run -2 vsock-proxy --metrics "$address" tcp:80 tcp:81
		[[ $output == *"--allow"* ]]
	done
	run -2 vsock-proxy --metrics tcp:localhost:x-y:3 tcp:80 tcp:81
	spawn_ready proxy vsock-proxy --metrics 'tcp:*:0' --allow uid:0,127.0.0.2 unix:a unix:echo
	spawn_ready status vsock-proxy --status-socket 'tcp:*:0' --allow 127.0.0.2 unix:b unix:echo
}

# status ARGUMENT…: of those that run for this test.
status() {
	XDG_RUNTIME_DIR=$PWD/run RUNTIME_DIRECTORY='' vsock-proxy --status "$@"
}

spawn_with_status() {
	mkdir -p run
	XDG_RUNTIME_DIR=$PWD/run RUNTIME_DIRECTORY='' spawn_ready "$@"
}

@test "--status shows rules and connections as a table" {
	echo 'unix:a unix:echo name=web' >rules
	spawn_with_status proxy vsock-proxy -f rules unix:b unix:gone
	coproc held { vsock-cat unix:a; }
	echo 12345 >&"${held[1]}"; read -r _ <&"${held[0]}"
	ask unix:b 1 || true
	wait_until grep -q '#2 fail' proxy.err
	run -0 status
	echo "$output"
	[[ ${lines[0]} =~ ^"vsock-proxy "[^,]+", pid ${spawned[proxy]}, up "[0-9]+"s, rules"$ ]]
	[ "${lines[1]}" = "RULE  LISTEN  CONNECT    OPEN  TOTAL  FAIL   UP  DOWN" ]
	[ "${lines[2]}" = "-     unix:b  unix:gone     0      1     1  0 B   0 B" ]
	[ "${lines[3]}" = "web   unix:a  unix:echo     1      1     0  6 B   6 B" ]
	[[ ${lines[4]} == *"s ago  unix:b  #2 unix:gone: "* ]]
	[[ ${lines[5]} =~ ^"1 connection of "[0-9]+"; -v lists them"$ ]]
	run -0 status -v
	[[ $output =~ " 1  unix (pid "[0-9]+", uid "[0-9]+")  unix:echo  web "+[0-9]+"  6 B   6 B" \
		]]
	# on a terminal columns go from the right, in a pipe nothing is cut
	need script
	COLUMNS=40 run -0 status
	[ "${lines[1]}" = "RULE  LISTEN  CONNECT    OPEN  TOTAL  FAIL   UP  DOWN" ]
	COLUMNS=40 on_terminal -- --status
	[ "${lines[1]}" = "RULE  LISTEN  CONNECT    OPEN  TOTAL" ]
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q 'reloaded; ' proxy.err
	[[ $(status) == *", rules, reloaded "*" ago"* ]]
	exec {held[1]}>&-
}

@test "--status -v shows which side a connection waits for, and what is queued" {
	need python3
	python3 - >server.out <<-'END' 3>&- &
		import socket, time
		listeners = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
		listeners[1].bind("./deaf"); listeners[1].listen()
		print(listeners[0].getsockname()[1], flush=True)
		held = [listener.accept() for listener in listeners]
		held[0][0].recv(1)
		time.sleep(1000)
	END
	spawned[server]=$!
	wait_until test -s server.out
	spawn_ready source vsock-listen -k --generate inf unix:./source
	spawn_with_status proxy vsock-proxy unix:./a "tcp:127.0.0.1:$(<server.out)" \
		unix:./b unix:./deaf unix:./c unix:./source unix:./d unix:echo
	# the first two have targets that do not read, the third a client that does not
	bytes 20M first.in
	ln first.in second.in
	spawn first vsock-cat unix:./a
	spawn second vsock-cat unix:./b
	python3 -c 'import socket, time
peer = socket.socket(socket.AF_UNIX)
peer.connect("./c")
time.sleep(1000)' 3>&- &
	spawned[third]=$!
	wait_until waits_for 'client target target'
	status -v -j | python3 -c 'import json, sys
for connection in json.load(sys.stdin)["connections"]:
    up, down = connection["queued_up"], connection["queued_down"]
    if connection["waits_for"] == "target":
        assert up["unread"] > 0 and up["untaken"] > 0 and down["unread"] == 0, connection
    else:
        assert down["untaken"] > 0, connection'
	status -v >table
	[ "$(grep -c ' target$' table)" = 2 ]
	[ "$(grep -c ' client$' table)" = 1 ]
	# an idle one waits for nobody; what clients sent before they left is still delivered
	kill "${spawned[first]}" "${spawned[second]}" "${spawned[third]}" "${spawned[server]}"
	wait_until waits_for ''
	coproc held { vsock-cat unix:./d; }
	echo 12345 >&"${held[1]}"; read -r _ <&"${held[0]}"
	waits_for None
	exec {held[1]}>&-
}

# waits_for WORDS: for whom all connections wait, sorted.
waits_for() {
	[ "$(status -v -j | python3 -c 'import json, sys
print(*sorted(str(each["waits_for"]) for each in json.load(sys.stdin)["connections"]))')" = "$1" ]
}

# on_terminal -- ARGUMENT…: of vsock-proxy, whose standard output is a terminal.
on_terminal() {
	shift
	XDG_RUNTIME_DIR=$PWD/run RUNTIME_DIRECTORY='' run -0 script -qec "vsock-proxy $*" /dev/null
	mapfile -t lines < <(tr -d '\r' <<<"$output")
}

@test "--status keeps ports on a narrow terminal, and cuts nothing in a pipe" {
	need script
	long=$(printf 'x%.0s' {1..40}).example
	spawn_with_status proxy vsock-proxy tcp:127.0.0.1:0 "tcp:$long:54321" \
		connect="tcp:$long:54322" name=web
	run -0 status
	[[ ${lines[2]} == *" tcp:$long:54321,tcp:$long:54322 "* ]]
	COLUMNS=80 on_terminal -- --status
	[[ ${lines[2]} == *":$(port_of "$ready")  tcp:xxx"*"…:54321,tcp:xxx"*"…:54322 "* ]]
	[ "$(wc -m <<<"${lines[2]}")" -le 81 ]
}

@test "--status contacts no socket that a rule has in the runtime directory" {
	spawn_ready silent vsock-listen --discard unix:silent
	mkdir -p run/vsock-proxy
	spawn_with_status proxy vsock-proxy -v unix:run/vsock-proxy/web.sock unix:silent \
		unix:run/vsock-proxy/1x.status unix:silent
	wait_ready proxy 2
	run -0 status
	[[ $output == *"0 connections of "* ]]
	run ! grep -q '#1' proxy.err
	# a socket of that name that says something else, and one that says nothing
	spawn_ready liar vsock-listen unix:run/vsock-proxy/999999.status -- \
		sh -c 'read -r request; echo "{\"vsock-proxy\": 5}"'
	run -0 status
	[[ $output == *"0 connections of "* ]]
	run -1 status unix:run/vsock-proxy/999999.status
	[[ $output == *"not come from a vsock-proxy"* ]]
}

# What a terminal obeys, or nobody sees: TAB, newline, ESC, C1, RLO, zero width, BOM, a tag, bytes
# that are not UTF-8.
hostile=$'a\tb\nrule\tc\e[31m\xc2\x9b31m\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x81\xa1\xff\xfez'

# harmless FILE…: nothing of the above is in it but the ends of lines.
harmless() {
	cat "$@" >/dev/null
	! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f\xff\xfe]|\xc2[\x80-\x9f]|\xe2\x80[\x8b\xae]|\xef\xbb\xbf|\xf3\xa0' "$@"
}

@test "nothing a client sends reaches the log or --status raw" {
	need python3
	spawn_with_status proxy vsock-proxy -v tcp:127.0.0.1:0 socks5: name=socks \
		tcp:127.0.0.1:0 http-connect: name=http --allow-dest '*:*' \
		tcp:127.0.0.1:0 unix:echo accept-proxy allow=127.0.0.1 name=header
	wait_ready proxy 3
	HOSTILE=$hostile python3 - "$(port_of "${readies[0]}")" "$(port_of "${readies[1]}")" \
		"$(port_of "${readies[2]}")" <<-'END'
		import os, socket, sys
		host = os.environb[b"HOSTILE"]
		def say(port, data):
		    peer = socket.create_connection(("127.0.0.1", int(port)), timeout=30)
		    peer.sendall(data); peer.shutdown(socket.SHUT_WR)
		    try:
		        while peer.recv(65536): pass
		    except ConnectionError: pass
		say(sys.argv[1], b"\5\1\0\5\1\0\3" + bytes([len(host)]) + host + b"\0\x50")
		say(sys.argv[2], b"CONNECT " + host.replace(b"\n", b"").replace(b"\t", b"")
		    + b":80 HTTP/1.1\r\n\r\n")
		body = host.ljust(108, b"\0") + b"\0hidden".ljust(108, b"\0")
		say(sys.argv[3], b"\r\n\r\n\0\r\nQUIT\n\x21\x31" + len(body).to_bytes(2, "big")
		    + body + b"x")
	END
	wait_until grep -q '#3 done' proxy.err
	grep -qF 'a\x09b\x0Arule\x09c\x1B[31m\xC2\x9B31m\xE2\x80\xAE\xE2\x80\x8B' proxy.err
	harmless proxy.err
	status -v >table
	grep -qF '\x1B[31m' table
	[ "$(grep -c '^rule' table)" = 0 ]
	[ "$(grep -cE '^(socks|http|header) ' table)" = 3 ]
	harmless table
	status -j >json
	harmless json
	[ "$(wc -l <json)" = 1 ]
}

@test "rule labels are escaped in --metrics and --status" {
	printf 'unix:a unix:echo name="x\eb\xff"\n' >rules
	if spawn_with_status proxy vsock-proxy --metrics unix:metrics -f rules; then
		metrics | tr -d '\r' >text
		harmless text
		status >table
		harmless table
	else
		harmless proxy.err
	fi
}

@test "--status: JSON, several processes, none, and a socket by address" {
	need jq
	spawn_with_status one vsock-proxy unix:a unix:echo name=a
	spawn_with_status two vsock-proxy --status-socket unix:two.sock unix:b unix:echo name=b
	[ "$(status -j | jq -r '.rules[].rule')" = a ]
	[ "$(status -j unix:two.sock | jq -r '.rules[].rule')" = b ]
	[ "$(status -jv ./two.sock | jq -c '[.connections, .rules[0].connect, .pid]')" = \
		"[[],[\"unix:echo\"],${spawned[two]}]" ]
	spawn_with_status three vsock-proxy --status-socket none unix:c unix:echo
	[ "$(find run -name '*.status' | wc -l)" = 1 ]
	[ "$(stat -c %a run/vsock-proxy run/vsock-proxy/*.status | xargs)" = "700 600" ]
	finish one
	run -4 status
	[[ $output == *"no running vsock-proxy reports its status here"* ]]
	run -4 status unix:gone
	[ ! -e "run/vsock-proxy/${spawned[two]}.status" ]
}

@test "--status: what one process does not answer is the exit status, whichever is asked last" {
	spawn_with_status proxy vsock-proxy unix:a unix:echo
	run -0 status
	# two that listen and say nothing: one is asked first, the other last
	spawn_ready first vsock-listen --discard unix:run/vsock-proxy/0.status
	run -7 status
	[[ $output == *"0.status: broke"* && $output == *"0 connections of "* ]]
	run -7 status --watch --interval 50ms
	finish first
	spawn_ready last vsock-listen --discard "unix:run/vsock-proxy/99999999.status"
	run -7 status
}

@test "--status finds processes whatever characters the runtime directory has" {
	local XDG_RUNTIME_DIR="$PWD/run[3]*,?" RUNTIME_DIRECTORY=''
	export XDG_RUNTIME_DIR RUNTIME_DIRECTORY
	mkdir "$XDG_RUNTIME_DIR"
	spawn_ready proxy vsock-proxy unix:a unix:echo
	run -0 vsock-proxy --status
	[[ $output == *"0 connections of "* ]]
	local directory=$XDG_RUNTIME_DIR/vsock-proxy
	RUNTIME_DIRECTORY=$directory XDG_RUNTIME_DIR='' \
		run -0 vsock-proxy --status
	[[ $output == *"0 connections of "* ]]
}

@test "--status --watch prints repeatedly" {
	spawn_with_status proxy vsock-proxy --status-socket unix:s unix:a unix:echo
	spawn watch vsock-proxy --status --watch --interval 50ms unix:s
	wait_until three_times
}

three_times() {
	[ "$(grep -c '^RULE' watch.out)" -ge 3 ]
}

@test "--status refuses wrong usage" {
	run -2 vsock-proxy --status a b
	run -2 vsock-proxy --watch unix:a unix:b
	run -2 vsock-proxy --status --interval 2s
	[[ $output == *"--interval needs --watch"* ]]
	run -2 vsock-proxy --status --watch --interval inf
	run -2 vsock-proxy -j unix:a unix:b
	run -2 vsock-proxy --status-socket vsock::5 unix:a unix:b
	[[ $output == *--allow* ]]
}
