#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# transfer-host.sh: the host of transfer.bats. Prints "ok NAME" for each thing that works.

set -u
# shellcheck source=tests/lab/states.sh
. "$(dirname "${BASH_SOURCE[0]}")/states.sh"
PATH=$VSOCK_TOOLS_BUILD:$PATH
mkdir -p /root/work
cd /root/work || exit 1
export VSOCK_HOSTS=$PWD/hosts
: >hosts
head -c 3000001 /dev/urandom >"$LAB_SHARE/page"

is() {
	if [ "$2" = "$3" ]; then echo "ok $1"; else printf 'not ok %s: %s\n' "$1" "$2"; fi
}
sum() {
	sha256sum | cut -d' ' -f1
}
# serve NAME PROGRAM…: in the background until it says READY; sets $pid and $ready.
serve() {
	local name=$1 program=$2
	shift 2
	: >"$name.ready"
	"$program" --ready-fd 9 "$@" 9>"$name.ready" >"$name.out" 2>"$name.err" &
	pid=$!
	until seen 'READY *' "$name.ready" || ! alive "$pid"; do nap 0.1; done
	mapfile -t ready < <(sed -n 's/^READY //p' "$name.ready")
}
until_seen() {
	timeout 60 sh -c 'until grep -q "$1" "$2"; do sleep 0.1; done' sh "$1" "$2"
}

# Before the guest is there.
vsock-cat -z 42:5000 2>absent.err
is absent "$?" 4
serve receiver vsock-listen 6000
receiver=$pid
vsock-cat --wait 300s -z 42:5000 2>wait.err &
waiter=$!
lab-guest start || exit 1
wait $waiter
is wait "$?" 0
lab-guest wait-ready || exit 1
is guests "$(vsock-info --guests | grep -cE "^42 .* qemu-system-x86_64 +$(lab-guest pid) ")" 1
wait $receiver
is guest-to-host "$(sum <receiver.out)" "$(sum <"$LAB_SHARE/page")"

# A TCP target that says how its connection ends.
python3 -u -c '
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1])
peer, _ = listener.accept()
try:
    while peer.recv(1 << 20):
        pass
    print("end of file")
except ConnectionResetError:
    print("reset")' >target.out &
target=$!
until [ -s target.out ]; do nap 0.1; done
serve from-guest vsock-proxy -v --allow 42 vsock::6002 "tcp:127.0.0.1:$(head -n 1 target.out)"
from_guest=$pid
serve proxy vsock-proxy -v tcp:127.0.0.1:0 vsock:42:5000 tcp:127.0.0.1:0 vsock:42:80 \
	tcp:127.0.0.1:0 vsock:42:5001 tcp:127.0.0.1:0 vsock:42:9
proxy=$pid

# 64 MiB there and back: over the proxy, and straight.
head -c 64M /dev/urandom >sent
is round-trip "$(timeout 150 vsock-cat "${ready[0]}" <sent | sum)" "$(sum <sent)"
is straight "$(head -c 8M sent | timeout 100 vsock-cat 42:5000 | sum)" "$(head -c 8M sent | sum)"

# Commands in the guest: status, streams, and 8 MiB on standard output and on standard error.
vsock-run 42 sh -c 'echo out; echo error >&2; exit 7' >run.out 2>run.err
is run "$? $(cat run.out run.err)" "7 out
error"
is run-data "$(head -c 8M sent | timeout 100 vsock-run 42 sh -c 'tee /dev/stderr' 2>run-data.err |
	sum) $(sum <run-data.err)" "$(head -c 8M sent | sum) $(head -c 8M sent | sum)"
rm run-data.err

# A web client that half-closes after its request.
printf 'GET /page HTTP/1.0\r\n\r\n' | timeout 60 vsock-cat "${ready[1]}" >answer
is http "$(head -n 1 answer | tr -d '\r'; tail -c 3000001 answer | sum)" \
	"$(head -n 1 answer | grep -o 'HTTP/1.. 200 OK'; sum <"$LAB_SHARE/page")"

# 200 at once.
is crowd "$(timeout 100 python3 -c '
import socket, sys
clients = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for i in range(200)]
for number, client in enumerate(clients):
    client.sendall(b"%d\n" % number * 100)
    client.shutdown(socket.SHUT_WR)
right = 0
for number, client in reversed(list(enumerate(clients))):
    right += b"".join(iter(lambda: client.recv(65536), b"")) == b"%d\n" % number * 100
print(right)' "${ready[0]##*:}")" 200

# Nothing listens.
vsock-cat 42:9 2>refused.err
is refused "$? $(grep -c '^vsock-cat: vsock:42:9: refused: nothing listens on port 9 of CID 42' \
	refused.err)" "3 1"
vsock-cat "${ready[3]}" </dev/null
until_seen ' fail ' proxy.err
is refused-record "$(grep -c -- ' -> vsock:42:9 .* end=refused why=' proxy.err)" 1

# The guest stands still: the time-out is ours, then it goes on.
lab-guest pause
timeout 60 vsock-cat -w 1s -z 42:5000 2>paused.err
is paused "$? $(grep -c 'timed out: ' paused.err)" "5 1"
vsock-cat -w 40s -z 42:5000 2>resumed.err &
waiter=$!
until grep -q vsock-cat "/proc/$waiter/comm" 2>/dev/null || ! kill -0 $waiter 2>/dev/null; do
	sleep 0.1
done
lab-guest cont
wait $waiter
is resumed "$?" 0

# The guest dies in mid-transfer.
timeout 100 vsock-cat -v 42:5001 </dev/zero 2>dead.err &
straight=$!
timeout 100 vsock-cat -v "${ready[2]}" </dev/zero 2>dead-proxy.err &
proxied=$!
# and while a command runs, and is silent
timeout 100 sh -c 'vsock-run 42 sh -c "echo runs; exec sleep 1000"; echo "$? $(date +%s%N)"' \
	>dead-run.out 2>dead-run.err &
running=$!
until_seen runs dead-run.out
until_seen ' open ' dead.err
until_seen ' -> vsock:42:5001 connect=' proxy.err
: >"$LAB_SHARE/send-to-proxy"
until_seen ' open vsock:42:' from-guest.err
killed=$(date +%s%N)
lab-guest stop
wait $running
is dead-run "$(sed -n 's/ .*//p' dead-run.out)" 125
took=$((($(sed -n 's/.* //p' dead-run.out) - killed) / 1000000))
echo "vsock-run ended $took ms after lab-guest stop"
is dead-run-soon $((took < 5000)) 1
wait $straight
# and the message tells how much had gone
is dead "$? $(grep -c '^vsock-cat: vsock:42:5001: ' \
	dead.err) $(grep -cE '^hint: [1-9][0-9.]* [KMG]?i?B were sent and 0 B received before it' \
	dead.err)" "7 1 1"
wait $proxied
is dead-proxy "$?" 7
until_seen ' done .* -> vsock:42:5001 ' proxy.err
is dead-record "$(grep ' done .* -> vsock:42:5001 ' proxy.err | grep -oE 'end=[a-z-]+')" end=reset
timeout 60 tail --pid=$target -f /dev/null
is dead-client "$(tail -n 1 target.out)" reset
until_seen ' done vsock:42:' from-guest.err
is dead-client-record "$(grep ' done vsock:42:' from-guest.err | grep -oE 'end=[a-z-]+')" end=reset
kill $from_guest
vsock-cat -z 42:5000 2>gone.err
is gone "$?" 4
kill $proxy
wait $proxy
is drained "$?" 0

for file in absent wait run refused paused resumed dead dead-proxy dead-run gone proxy \
	from-guest; do
	sed "s/^/$file: /" $file.err
done
