#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy's limits for many: --accept-rate, --total-rate, --max-memory. Times are only ever
# compared with what can't be faster.

load lib/common

setup() {
	own_directory
	need python3
}

@test "--accept-rate admits so many connections a second and lets the others wait" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy -v --log-format json --accept-rate 4 unix:./front \
		unix:./echo unix:./free unix:./echo accept-rate=inf
	wait_ready proxy 2
	for front in front free; do
		python3 -c '
import socket, sys, time
clients = []
print(time.time())
for i in range(10):
    clients.append(socket.socket(socket.AF_UNIX))
    clients[-1].connect(sys.argv[1])
for client in clients:
    client.sendall(b"hello")
    client.shutdown(socket.SHUT_WR)
for client in clients:
    assert b"".join(iter(lambda: client.recv(100), b"")) == b"hello"' $front >began-$front
	done
	wait_until sh -c '[ "$(grep -c "\"done\"" proxy.err)" = 20 ]'
	# four at once, then one each quarter of a second, counted from before the first came; the
	# other listener has no limit
	python3 -c '
import json
from datetime import datetime
opens = []
for line in open("proxy.err"):
    record = json.loads(line)
    if record.get("event") == "open":
        opens.append((record["conn"],
            datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()))
times = [time for number, time in sorted(opens)]
assert len(times) == 20
began = float(open("began-front").read())
for i in range(4, 10):
    assert times[i] - began >= (i - 3) / 4 - 0.05, (i, began, times)'
}

@test "--accept-rate keeps its pace when a reload moves the listener" {
	spawn_ready echo vsock-listen unix:./echo --echo
	echo 'unix:./front unix:./echo accept-rate=1' >rules
	spawn_ready proxy vsock-proxy -v -f rules
	echo x | vsock-cat ./front >/dev/null
	echo 'unix:./front unix:./echo accept-rate=1 name=again' >rules
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q '^vsock-proxy: reloaded' proxy.err
	[ "$(echo y | vsock-cat ./front)" = y ]
	wait_until grep -q ' done .* rule=again' proxy.err
}

@test "--total-rate is shared evenly by all connections of a rule" {
	spawn_ready source vsock-listen unix:./source --generate inf
	spawn_ready proxy vsock-proxy --total-rate 1M unix:./front unix:./source unix:./other \
		unix:./source total-rate=inf
	run -0 python3 -c '
import select, socket, time
rate = 1 << 20
clients = [socket.socket(socket.AF_UNIX) for i in range(5)]
for client in clients:
    client.connect("front")
got = dict.fromkeys(clients, 0)
def take(enough):
    while not enough():
        for client in select.select(clients, [], [], 30)[0]:
            got[client] += len(client.recv(65536))
    # and what the kernel holds for who reads late
    while waiting := select.select(clients, [], [], 0)[0]:
        for client in waiting:
            got[client] += len(client.recv(65536))
began = time.monotonic()
# who was first had turns before the last one came: they are alike from when all are there
take(lambda: min(got.values()) > 0)
before = dict(got)
take(lambda: sum(got.values()) - sum(before.values()) >= rate)
took = time.monotonic() - began
assert took >= sum(got.values()) / rate - 0.2, (took, got)
# a turn is a fiftieth of a second
share = sorted(got[client] - before[client] for client in clients)
assert share[-1] - share[0] <= 4 * rate // 50, share
other = socket.socket(socket.AF_UNIX)
other.connect("other")
left = 32 << 20
while left > 0:
    left -= len(other.recv(1 << 20))'
}

unsent() {
	python3 -c '
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
text = b"".join(iter(lambda: peer.recv(65536), b"")).decode()
names = "vsock_proxy_unsent_bytes ", "vsock_proxy_unsent_bytes_limit "
print(*(line.split()[1] for line in text.splitlines() if line.startswith(names)))' "$1"
}

# Clients that ask and don't read, forty of them, and then one that reads.
stall() {
	python3 -c '
import socket, sys
clients = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for i in range(40)]
assert all(client.recv(1) for client in clients)
live = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
left = 16 << 20
while left > 0:
    left -= len(live.recv(1 << 20))
open("stalled", "w").close()
sys.stdin.read()' "$(port_of "$1")"
}

@test "--max-memory bounds unsent data, and clients that read make progress" {
	# to TCP, from a source that is spliced and from one that is copied
	spawn_ready unix vsock-listen unix:./source --generate inf
	spawn_ready tcp vsock-listen tcp:127.0.0.1:0 --generate inf
	tcp=$ready
	for limit in 256K inf; do
		spawn_ready proxy vsock-proxy --metrics unix:./metrics --max-memory $limit \
			tcp:127.0.0.1:0 unix:./source tcp:127.0.0.1:0 "$tcp"
		wait_ready proxy 2
		first=${readies[0]} second=${readies[1]}
		for front in "$first" "$second"; do
			rm -f stalled clients.in
			mkfifo clients.in
			spawn clients stall "$front"
			exec 7>clients.in
			wait_until test -e stalled
			read -r used most <<<"$(unsent metrics)"
			if [ $limit = 256K ]; then
				[ "$most" = 262144 ]
				[ "$used" -le 262144 ]
			else
				[ "$used" -gt 262144 ] # it is the limit that makes the difference
			fi
			exec 7>&-
			join clients
		done
		finish proxy INT
	done
}

@test "--max-memory refuses values that make no sense" {
	run -2 vsock-proxy --max-memory 1 unix:./front unix:./back
	run -2 vsock-proxy --accept-rate 0 unix:./front unix:./back
	run -2 vsock-proxy unix:./front unix:./back max-memory=1M
	[[ $output == *'--max-memory is an option for all rules, not a key of one'* ]]
	# also one of another part of the program
	run -2 vsock-proxy --check unix:./f tcp:1 busy-poll=1ms
	[[ $output == *'--busy-poll is an option for all rules, not a key of one'* ]]
}

@test "with a thousand rules and few descriptors, no connection is accepted that cannot be served, even after a reload" {
	need python3
	spawn_ready echo vsock-listen unix:./echo --echo
	seq -f 'unix:./r%g unix:./echo' 1000 >rules
	few() { ulimit -n 1100; exec vsock-proxy --ready-fd 9 -f rules 9>proxy.ready; }
	spawn proxy few
	wait_ready proxy 1000
	# 100 clients at once, who stay until the limit is reported; then all of them must have been
	# served
	cat >clients.py <<-'CODE'
		import select, socket, sys, time
		def reported():
		    return open("proxy.err").read().count("as many as descriptors allow")
		before, end, waiting, served = reported(), time.time() + 30, {}, []
		for i in range(100):
		    s = socket.socket(socket.AF_UNIX)
		    s.connect("r%d" % (i * 10 + 1))
		    s.sendall(b"x")
		    waiting[s.fileno()] = s
		while waiting:
		    assert time.time() < end, "%d were not served" % len(waiting)
		    for fd in select.select(list(waiting), [], [], 0.1)[0]:
		        assert waiting[fd].recv(1) == b"x", "closed without an answer"
		        served.append(waiting.pop(fd))
		    if reported() > before or len(sys.argv) > 1:
		        served.clear()
	CODE
	run -0 python3 clients.py
	{ seq -f 'unix:./r%g unix:./echo' 1000; seq -f 'unix:./new%g unix:./echo' 10; } >rules
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q 'reloaded; rules unchanged: 1000, adjusted: 0, new: 10' proxy.err
	# the limit is reported once a minute: this time each goes when it has been served
	run -0 python3 clients.py again
	run ! grep -E 'Too many open files|EMFILE|lost' proxy.err
}

@test "--rate-limit and --total-rate together: the stricter one applies" {
	spawn_ready sink vsock-listen --discard unix:./sink
	for rates in '--rate-limit 200K --total-rate 20M' '--rate-limit 20M --total-rate 200K'; do
		# shellcheck disable=SC2086 # four words
		spawn_ready proxy vsock-proxy $rates unix:./front unix:./sink
		before=$(date +%s%N)
		head -c 200K /dev/zero | vsock-cat ./front
		# a second, less what may pass at once
		[ $(($(date +%s%N) - before)) -ge 700000000 ]
		finish proxy
	done
}

@test "a reload with more listeners than open connections leave descriptors for is refused" {
	need python3
	spawn_ready echo vsock-listen unix:./echo --echo
	echo 'unix:./front unix:./echo' >rules
	few() { ulimit -n 256; exec vsock-proxy --ready-fd 9 -f rules 9>proxy.ready; }
	spawn proxy few
	wait_ready proxy 1
	cat >clients.py <<-'CODE'
		import socket, sys
		held = [socket.socket(socket.AF_UNIX) for i in range(72)]
		for s in held:
		    s.connect("front")
		for line in sys.stdin:
		    for s in held:
		        s.sendall(b"x")
		        assert s.recv(1) == b"x", "closed"
		    print("all", flush=True)
	CODE
	coproc held { exec python3 clients.py; }
	echo >&"${held[1]}"; read -r answer <&"${held[0]}"
	seq -f 'unix:./new%g unix:./echo' 180 >>rules
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q 'nothing was reloaded: the previous rules stay in force' proxy.err
	grep -q 'too few descriptors: 180 listening sockets are new, and beside the open connections there is room for [0-9]*$' proxy.err
	grep -q 'hint: raise the limit with ulimit -n, or LimitNOFILE= in a unit' proxy.err
	[ ! -e new1 ]
	answer=
	echo >&"${held[1]}"; read -r answer <&"${held[0]}"
	[ "$answer" = all ]
	# the next client is served when there is room for it, and so are the new rules
	kill "$held_PID"
	[ "$(echo next | vsock-cat ./front)" = next ]
	reloaded() {
		kill -HUP "${spawned[proxy]}"
		grep -q 'reloaded; rules unchanged: 1, adjusted: 0, new: 180' proxy.err
	}
	wait_until reloaded # as soon as all of them are gone
	[ "$(echo new | vsock-cat ./new180)" = new ]
	run ! grep -E 'Too many open files|lost' proxy.err
}
