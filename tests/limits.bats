#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy's limits for many: --accept-rate, --total-rate, --max-memory. Times are only ever compared with what can't be faster.

load lib/common

setup() {
	own_folder
	need python3
}

@test "--accept-rate: so many a second, and who is one too many waits" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy -v --log-format json --accept-rate 4 unix:./front unix:./echo unix:./free unix:./echo accept-rate=inf
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
	# four at once, then one each quarter of a second, counted from before the first came; the other listener has no limit
	python3 -c '
import json
from datetime import datetime
opens = []
for line in open("proxy.err"):
    record = json.loads(line)
    if record.get("event") == "open":
        opens.append((record["conn"], datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()))
times = [time for number, time in sorted(opens)]
assert len(times) == 20
began = float(open("began-front").read())
for i in range(4, 10):
    assert times[i] - began >= (i - 3) / 4 - 0.05, (i, began, times)'
}

@test "--accept-rate: a reload that moves the listener goes on at its pace" {
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

@test "--total-rate: all connections of a rule together, and all of them alike" {
	spawn_ready source vsock-listen unix:./source --generate inf
	spawn_ready proxy vsock-proxy --total-rate 1M unix:./front unix:./source unix:./other unix:./source total-rate=inf
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
print(*(line.split()[1] for line in text.splitlines() if line.startswith(("vsock_proxy_unsent_bytes ", "vsock_proxy_unsent_bytes_limit "))))' "$1"
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

@test "--max-memory: what is not sent stays within it, and who reads gets on" {
	# to TCP, from a source that is spliced and from one that is copied
	spawn_ready unix vsock-listen unix:./source --generate inf
	spawn_ready tcp vsock-listen tcp:127.0.0.1:0 --generate inf
	tcp=$ready
	for limit in 256K inf; do
		spawn_ready proxy vsock-proxy --metrics unix:./metrics --max-memory $limit tcp:127.0.0.1:0 unix:./source tcp:127.0.0.1:0 "$tcp"
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

@test "--max-memory: what can't be meant" {
	run -2 vsock-proxy --max-memory 1 unix:./front unix:./back
	run -2 vsock-proxy --accept-rate 0 unix:./front unix:./back
	run -2 vsock-proxy unix:./front unix:./back max-memory=1M
	[[ $output == *'--max-memory is an option for all, no key of a rule'* ]]
}
