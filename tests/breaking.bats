#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy when what it stands on breaks, under load: its target is killed, its descriptors run
# out, nobody takes its messages.

load lib/common

setup() {
	need python3
	own_directory
}

# What the Python of these tests begins with.
clients() {
	python3 -c '
import os, socket, sys
def client(path="front"):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(path)
    return s
def echoes(s, word=b"hello"):
    s.sendall(word)
    return s.recv(len(word), socket.MSG_WAITALL) == word
def tell(name):
    open(name, "w").close()
def wait(name):
    os.mkfifo(name)
    open(name).close()
'"$1" "${@:2}"
}

go_on() {
	wait_until test -p "$1"
	: >"$1"
}

no_more_than() {
	[ "$(descriptors_of proxy)" -le "$1" ]
}

@test "when a target with 50 connections is killed, each ends with its cause, the spare target serves, and the first serves again once it is back" {
	spawn_ready target vsock-listen tcp:127.0.0.1:0 --echo
	target=$ready
	spawn_ready spare vsock-listen unix:./spare --echo
	spawn_ready proxy vsock-proxy -v "${inspectable[@]}" \
		unix:./front "$target" connect=unix:./spare name=two unix:./alone "$target" name=one
	before=$(descriptors_of proxy)
	spawn held clients '
held = [client() for i in range(25)] + [client("alone") for i in range(25)]
assert all(echoes(s) for s in held)
tell("held")
wait("stopped")
for s in held:
    s.sendall(b"never read" * 100)
tell("sent")
for s in held:
    try:
        assert s.recv(1) == b""
    except ConnectionResetError:
        pass
    s.close()
tell("gone")
assert all(echoes(client()) for i in range(10))
s = client("alone")
assert s.recv(1) == b"", "served by nobody"
'
	wait_until test -e held
	# what it has not read makes its end a reset
	kill -STOP "${spawned[target]}"
	go_on stopped
	wait_until test -e sent
	wait_until taken 50
	finish target KILL
	join held
	[ "$(grep -c ' done .* -> tcp:.* end=reset' proxy.err)" = 50 ]
	[ "$(grep -c ' done .* rule=two .* end=reset' proxy.err)" = 25 ]
	[ "$(grep -c ' open .* -> unix:./spare ' proxy.err)" = 10 ]
	grep -q ' fail .* rule=one .* end=refused why="refused: ' proxy.err
	wait_until no_more_than "$before"
	spawn_ready target vsock-listen "$target" --echo
	[ "$(echo hello | vsock-cat ./alone)" = hello ]
	# a target that failed is not tried first for five seconds
	wait_until back
	finish target
}

# taken COUNT: that many connections of the target's port have something in them that is not read:
# 0x3e8 bytes are 1000.
taken() {
	local port
	port=$(printf %04X "$(port_of "$target")")
	[ "$(awk -v port=":$port" 'substr($2, 9) == port && $4 == "01" && $5 ~ /:000003E8$/' \
		/proc/net/tcp | wc -l)" = "$1" ]
}

back() {
	[ "$(echo hello | vsock-cat ./front)" = hello ] &&
		[ "$(grep -c ' open .* -> tcp:.* rule=two ' proxy.err)" -gt 25 ]
}

@test "when descriptors run out, the message says what to do, and waiting clients are served as others end" {
	spawn_ready echo vsock-listen unix:./echo --echo
	printf '#!/bin/sh\nulimit -n 140\nexec vsock-proxy "$@"\n' >limited
	chmod +x limited
	# 1000 are not to be had, and how many are is said
	spawn_ready proxy ./limited -v -m 1000 "${inspectable[@]}" unix:./front unix:./echo
	most=$(sed -n 's/^vsock-proxy: --max-conns 1000: only \([0-9]*\) are possible with .* descriptors$/\1/p' proxy.err)
	[ "$most" -gt 3 ]
	clients '
most = int(sys.argv[1])
held = [client() for i in range(most)]
assert all(echoes(s) for s in held)
more = [client() for i in range(3)]
for s in more:
    s.sendall(b"later")
    s.settimeout(0.3)
    try:
        sys.exit(s.recv(5))
    except TimeoutError:
        s.settimeout(60)
assert all(echoes(s) for s in held)
for s in more:
    held.pop().close()
    assert s.recv(5, socket.MSG_WAITALL) == b"later"
assert all(echoes(s) for s in held + more)' "$most"
	[ "$(grep -c 'as many as descriptors allow' proxy.err)" = 1 ]
	grep -qx "vsock-proxy: $most connections are open, as many as descriptors allow; new connections wait" proxy.err
	grep -qx 'hint: raise the limit with ulimit -n, or LimitNOFILE= in a unit, or set a lower one with --max-conns' proxy.err
	run ! grep -q ' fail ' proxy.err
}

@test "with no descriptor left, open connections go on and new ones wait or are refused with advice" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy "${inspectable[@]}" unix:./front unix:./echo
	clients '
import resource
pid = int(sys.argv[1])
first = client()
assert echoes(first)
used = {int(fd) for fd in os.listdir("/proc/%d/fd" % pid)}
free = min(set(range(1000)) - used)
# As its user: root may lack CAP_SYS_RESOURCE.
def ids(key):
    return int(next(l for l in open("/proc/%d/status" % pid) if l.startswith(key)).split()[1])
limits = open("/proc/%d/limits" % pid)
before = [int(n) for n in next(l for l in limits if "open files" in l).split()[3:5]]
def limit(soft):
    child = os.fork()
    if not child:
        if os.getuid() == 0:
            gid, uid = ids("Gid:"), ids("Uid:")
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, before[1]))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
# none left
limit(free)
second = client()
second.sendall(b"later")
while b"not accepting connections for a moment" not in open("proxy.err", "rb").read():
    assert echoes(first)
# one, which is not enough to connect to the target
limit(free + 1)
try:
    assert second.recv(5) == b"", "served with one descriptor"
except ConnectionResetError:
    pass
assert echoes(first)
limit(before[0])
assert all(echoes(client()) for i in range(50))
assert echoes(first)' "$(worker_of proxy)"
	grep -qx 'vsock-proxy: unix:./front: not accepting connections for a moment: Too many open files' proxy.err
	grep -q ' fail .* end=io why="too many open descriptors in this process"' proxy.err
	[ "$(grep -cx 'hint: ulimit -n shows the limit and raises it; for a unit: LimitNOFILE=' \
		proxy.err)" = 2 ]
}

# visits COUNT: connections, each with its two records.
visits() {
	clients '
for i in range(int(sys.argv[1])):
    s = client()
    assert echoes(s, b"%05d" % i)
    s.close()' "$1"
}

# logging WHERE OPTION…: a proxy whose messages are appended to that file.
logging() {
	local where=$1
	shift
	exec vsock-proxy --ready-fd 9 "$@" unix:./front \
		unix:./echo 9>"$BATS_TEST_TMPDIR/proxy.ready" 2>>"$where"
}

small_log() {
	ulimit -f 8
	logging log "$@"
}

@test "when the log reaches its size limit, connections go on, and the next line that fits says how many were lost" {
	spawn_ready echo vsock-listen unix:./echo --echo
	for format in text json; do
		: >log
		: >proxy.ready
		spawn proxy small_log -v --log-format "$format"
		wait_ready proxy
		visits 200
		cp log full
		[ "$(stat -c %s full)" = 8192 ]
		visits 200
		: >log
		visits 1
		[ "$(echo hello | vsock-cat ./front)" = hello ]
		cp log after
		finish proxy
		# what was cut in its midst is on a line of its own
		[ -z "$(tail -c 1 full)" ] || [ -z "$(head -n 1 after)" ]
		sed -i '1{/^$/d}' after
		if [ $format = text ]; then
			local why="standard error could not be written: File too large"
			local what="vsock-proxy: messages lost here"
			[[ $(sed -n 1p after) =~ ^"$what: "[0-9]+": $why"$ ]]
			lost=$(sed -n '1s/.*here: \([0-9]*\):.*/\1/p' after)
			kept=$(grep -cE '#[0-9]+ (open|done) ' full) || true
		else
			lost=$(python3 -c '
import json, sys
record = json.loads(sys.stdin.readline())
assert record["level"] == "warning", record
print(record["message"].split(":")[1])' < <(sed -n 1p after))
			kept=$(grep -cE '"event":"(open|done)".*}$' full) || true
		fi
		# 401 with two records each: kept, lost, or behind the line that says so; one may
		# have been cut behind its event's name
		later=$(grep -cE '#[0-9]+ (open|done) |"event":"(open|done)"' after)
		echo "kept $kept, lost $lost, later $later"
		[ $((kept + lost + later)) -ge 804 ]
		[ $((kept + lost + later)) -le 806 ]
		[ "$(grep -c 'lost here' after)" = 1 ]
	done
}

@test "a full disk, /dev/full or a closed pipe for messages does not disturb connections" {
	spawn_ready echo vsock-listen unix:./echo --echo
	: >proxy.ready
	spawn proxy logging /dev/full -v
	wait_ready proxy
	visits 200
	kill -TERM "${spawned[proxy]}"
	ends_with 0 proxy
	mkfifo reader.in
	: >proxy.ready
	spawn reader head -n 1
	spawn proxy logging reader.in -v
	wait_ready proxy
	join reader
	visits 200
	kill -TERM "${spawned[proxy]}"
	ends_with 0 proxy
}

@test "a full tmpfs for messages: once there is room again, the number of lost messages is reported" {
	unshare -rm true 2>/dev/null || skip "no mount of our own here"
	spawn_ready echo vsock-listen unix:./echo --echo
	cat >within <<-'END'
		mkdir disk && mount -t tmpfs -o size=64k none disk || exit 77
		vsock-proxy -v --ready-fd 9 unix:./front unix:./echo 9>ready 2>>disk/log &
		until [ -s ready ]; do sleep 0.05; done
		. ./load
		visits 600
		[ "$(stat -c %s disk/log)" -le 65536 ] || exit 1
		grep -q 'lost here' disk/log && exit 2
		: >disk/log
		visits 2
		kill "$!"
		wait "$!" || exit 3
		cat disk/log
	END
	declare -f clients visits >load
	run -0 unshare -rm bash within
	local lost="standard error could not be written: No space left on device"
	[[ $output =~ "vsock-proxy: messages lost here: "[0-9]+": $lost" ]]
}

@test "messages that nobody reads block nothing, and the number lost is reported once they are read" {
	spawn_ready echo vsock-listen unix:./echo --echo
	mkfifo pipe
	exec 7<>pipe
	: >proxy.ready
	spawn proxy logging pipe -v
	wait_ready proxy
	visits 2000
	spawn reader cat pipe
	wait_until grep -q '#[0-9]* done' reader.out
	visits 1
	wait_until grep -q 'messages lost here: [0-9]*: standard error could not be written: nobody reads it' reader.out
	exec 7>&-
}
