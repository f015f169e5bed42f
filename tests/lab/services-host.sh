#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# services-host.sh: the host of services.bats. Prints "ok NAME" for each thing that works.

set -u
PATH=$VSOCK_TOOLS_BUILD:$PATH
mkdir -p /root/work/www
cd /root/work || exit 1
export VSOCK_HOSTS=/dev/null
head -c 1000001 /dev/urandom >www/page

is() {
	if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'not ok %s: %s\n' "$1" "$2"; fi
}
sum() {
	sha256sum | cut -d' ' -f1
}

# Two web servers on this machine's loopback; only the first may be reached from the guest.
for port in 8080 8081; do
	python3 -u -m http.server --bind 127.0.0.1 --directory www $port >web$port.out 2>&1 &
	until grep -q Serving web$port.out; do sleep 0.1; done
done
vsock-proxy -v --ready-fd 9 --wait 300s tcp:127.0.0.1:2375 vsock:42:2375 tcp:127.0.0.1:6379 \
	vsock:42:6379 \
	tcp:127.0.0.1:5000 vsock:42:5000 vsock:any:1080 socks5: allow-dest=127.0.0.1:8080 \
	9>proxy.ready 2>proxy.err &
proxy=$!
until [ "$(grep -c '^READY' proxy.ready)" = 4 ] || ! kill -0 $proxy 2>/dev/null; do sleep 0.1; done
lab-guest start || exit 1
lab-guest wait-ready || exit 1

is api "$(curl -sS http://127.0.0.1:2375/version)" '{"ApiVersion":"1.41"}'
is attach "$( (printf 'POST /attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'; echo hello; echo there) |
	timeout 60 vsock-cat tcp:127.0.0.1:2375 | tail -n 2 | tr '\n' ' ')" "HELLO THERE "

redis-benchmark -p 6379 -t set,get -n 2000 -c 20 -P 4 -r 100 -q >redis.out 2>&1
is redis "$? $(grep -c 'requests per second' redis.out)" "0 2"
head -c 200000 www/page | base64 -w 0 | redis-cli -p 6379 -x set answer >/dev/null
is stored "$(redis-cli -p 6379 get answer | base64 -d | sum)" "$(head -c 200000 www/page | sum)"

is out "$(sum <"$LAB_SHARE/fetched")" "$(sum <www/page)"
is not-allowed "$(cat "$LAB_SHARE/refused") $(grep -c 'GET /page' web8081.out)" "97 0"

# 100 clients that talked and go on waiting; then the guest dies.
descriptors() {
	find /proc/[0-9]*/fd -lname 'socket:*' -path "/proc/$1/*" 2>/dev/null | wc -l
}
relaying=$(pgrep -P $proxy -x vsock-proxy || echo $proxy)
before=$(descriptors "$relaying")
python3 -u -c '
import socket
clients = [socket.create_connection(("127.0.0.1", 5000)) for i in range(100)]
for i, client in enumerate(clients):
    client.sendall(b"%03d" % i)
print("held", sum(client.recv(3, socket.MSG_WAITALL) == b"%03d" % i
    for i, client in enumerate(clients)))
ended = 0
for client in clients:
    try:
        ended += client.recv(1) == b""
    except ConnectionResetError:
        ended += 1
print("ended", ended)' >clients.out &
clients=$!
until grep -q held clients.out || ! kill -0 $clients; do sleep 0.1; done
is held "$(cat clients.out)" "held 100"
lab-guest stop
wait $clients
is cut "$(tail -n 1 clients.out)" "ended 100"
until [ "$(grep -c ' done .* -> vsock:42:5000 ' proxy.err)" -ge 100 ]; do sleep 0.1; done
is causes "$(grep ' done .* -> vsock:42:5000 ' proxy.err | grep -oE 'end=[a-z-]+' | sort | uniq -c |
	tr -s ' ')" " 100 end=reset"
for _ in $(seq 100); do
	[ "$(descriptors "$relaying")" -gt "$before" ] || break
	sleep 0.1
done
is no-leak "$(($(descriptors "$relaying") <= before))" 1
lab-guest start || exit 1
is again "$(echo back | timeout 300 vsock-cat tcp:127.0.0.1:5000)" back
kill $proxy
wait $proxy
sed 's/^/proxy: /' proxy.err | head -n 60
cat "$LAB_SHARE"/*.err redis.out
