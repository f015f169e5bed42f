#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-listen: its services, commands, and how it ends.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# wrapped NAME SCRIPT ARGUMENT…: spawn_ready of what a script of bash executes.
wrapped() {
	printf '#!/bin/bash\n%s\n' "$2" >"wrapper-$1"
	chmod +x "wrapper-$1"
	spawn_ready "$1" "./wrapper-$1" "${@:3}"
}

@test "--send-file sends the file to each, as it is then" {
	bytes 3M file
	spawn_ready listen vsock-listen --send-file file tcp:127.0.0.1:0
	vsock-cat "$ready" </dev/null >one
	same file one
	# what the client sends is no matter, and the file may be another by then
	head -c 100K /dev/zero >new
	mv new file
	head -c 1M /dev/zero | vsock-cat "$ready" >two
	same file two
	rm file
	vsock-cat "$ready" </dev/null >three
	[ ! -s three ]
	wait_until grep -q "#3 deny .* -> send-file why=" listen.err
	grep -q 'send-file: No such file' listen.err
}

@test "--send-file: a file that can't be sent is found before listening" {
	run -1 vsock-listen --send-file nosuch tcp:127.0.0.1:0
	[ "$output" = "vsock-listen: --send-file nosuch: No such file or directory" ]
	run -1 vsock-listen --send-file . tcp:127.0.0.1:0
	[[ $output == *"Is a directory" ]]
	mkfifo fifo
	run -1 vsock-listen --send-file fifo tcp:127.0.0.1:0
	[[ $output == *"not a regular file" ]]
	run -2 vsock-listen --send-file fifo --echo tcp:127.0.0.1:0
	[[ $output == *"--echo and --send-file contradict each other" ]]
	run -2 vsock-listen --echo tcp:127.0.0.1:0 -- cat
	[[ $output == *"a COMMAND and --echo contradict each other" ]]
}

@test "--receive-dir makes a new file for each connection, whole or .part" {
	need python3
	mkdir in
	bytes 2M one
	bytes 100 two
	spawn_ready listen vsock-listen -v --receive-dir in --max-bytes 3M tcp:127.0.0.1:0
	vsock-cat "$ready" <one
	vsock-cat "$ready" <two
	wait_until grep -q '#2 done tcp:.* -> in/[0-9]*T[0-9]*Z-2-tcp-127.0.0.1-[0-9]* up=100 down=0 .* end=eof' listen.err
	[ "$(find in -type f | wc -l)" = 2 ]
	same one in/*Z-1-tcp-127.0.0.1-*
	same two in/*Z-2-tcp-127.0.0.1-*
	# too much
	head -c 4M /dev/zero | vsock-cat "$ready" || true
	wait_until grep -q 'in/.*Z-3-.*\.part: not whole, 3145728 bytes: max-bytes' listen.err
	[ "$(stat -c %s in/*-3-*.part)" = 3145728 ]
	# a connection that breaks
	python3 - "${ready##*:}" <<-'PY'
		import socket, struct, sys
		c = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); c.send(b"abc"); c.close()
	PY
	wait_until grep -q 'Z-4-.*\.part: not whole, .* reset' listen.err
	compgen -G "in/*-4-*.part"
}

@test "--receive-dir: names of UNIX peers, --umask's default, a full disk" {
	mkdir in
	umask 022
	spawn_ready listen vsock-listen --receive-dir in/ unix:@receive-$$
	echo x | vsock-cat "$ready"
	wait_until compgen -G 'in/*Z-1-unix-pid-*-uid-*[0-9]' >/dev/null
	[ "$(stat -c %a in/*-1-*)" = 644 ]
	# no file may grow beyond a block: the error is the operator's to know, and the connection is closed
	wrapped small 'trap "" XFSZ; ulimit -f 8; exec vsock-listen "$@"' -c 1 --receive-dir in tcp:127.0.0.1:0
	head -c 1M /dev/zero | vsock-cat "$ready" || true
	ends_with 1 small
	grep -q '\.part: not whole, 8192 bytes: File too large' small.err
}

@test "--receive-dir: a directory that can't be written is found before listening" {
	run -1 vsock-listen --receive-dir nosuch tcp:127.0.0.1:0
	[[ $output == *"--receive-dir nosuch: No such file or directory" ]]
	: >file
	run -1 vsock-listen --receive-dir file tcp:127.0.0.1:0
	[[ $output == *"Not a directory" ]]
}

@test "--hash prints SHA-256, bytes and peer" {
	bytes 3M file
	spawn_ready listen vsock-listen --hash tcp:127.0.0.1:0
	vsock-cat "$ready" <file
	vsock-cat "$ready" </dev/null
	wait_until grep -q e3b0c442 listen.out
	grep -qE "^$(sha256sum <file | cut -d' ' -f1) 3145728 tcp:127.0.0.1:[0-9]+$" listen.out
	grep -q '^e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 tcp:' listen.out
}

@test "--hash --json prints an object, and says what was not whole; seqpacket" {
	need python3
	spawn_ready listen vsock-listen --hash -j --max-bytes 10 -c 2 unix-seqpacket:hash
	printf abc | vsock-cat unix-seqpacket:hash
	printf 0123456789abc | vsock-cat --message-size 5 unix-seqpacket:hash || true
	join listen
	python3 - <<-'PY'
		import hashlib, json
		one, two = map(json.loads, open("listen.out"))
		assert one["sha256"] == hashlib.sha256(b"abc").hexdigest() and one["bytes"] == 3 and one["end"] == "eof", one
		assert two["end"] == "max-bytes" and two["bytes"] == 10 and two["from"].startswith("unix"), two
	PY
	run -2 vsock-listen --json tcp:127.0.0.1:0
	[[ $output == *"--json is for --hash"* ]]
}

@test "--hash: a standard output that is full or closed ends it" {
	wrapped full 'exec vsock-listen "$@" >/dev/full' --hash tcp:127.0.0.1:0
	vsock-cat "$ready" </dev/null
	ends_with 1 full
	grep -q 'standard output: No space left' full.err
}

@test "--hash: a reader of standard output that stands still stops nobody, and gets every line" {
	mkfifo lines
	exec 8<>lines
	wrapped hash 'exec vsock-listen "$@" >lines' --hash -v --drain-timeout 60s unix:hash
	# a pipe holds 64 KiB: 900 lines of 100 bytes are more, and less than what is kept beside it
	run -0 python3 -c '
import socket
for number in range(900):
    s = socket.socket(socket.AF_UNIX)
    s.connect("hash")
    s.sendall(b"x")
    s.shutdown(socket.SHUT_WR)
    s.settimeout(60)
    assert s.recv(1) == b""'
	wait_until eval '[ "$(grep -c " done " hash.err)" = 900 ]'
	head -n 900 <&8 >got
	[ "$(sort -u got | cut -d' ' -f2,3)" = "1 unix" ]
	# the end: what is not taken is waited for
	echo data | vsock-cat unix:hash
	finish hash
	read -r line <&8
	[[ $line == "6667b2d1aab6a00caa5aee5af8ad9f1465e567abf1c209d15727d57b3e8f6e5f 5 unix"* ]]
	exec 8>&-
}

@test "--hash: while too much is not taken nobody more is served; a signal does not wait for the reader" {
	mkfifo lines
	exec 8<>lines
	wrapped hash 'exec vsock-listen "$@" >lines' --hash -v unix:hash
	spawn clients python3 -c '
import socket
for number in range(3000):
    s = socket.socket(socket.AF_UNIX)
    s.connect("hash")
    s.shutdown(socket.SHUT_WR)
    s.settimeout(60)
    assert s.recv(1) == b""'
	# two pipes full and no more: it rests, and goes on when somebody reads
	wait_until eval '[ "$(grep -c " done " hash.err)" -gt 1200 ]'
	settled() { local before; before=$(grep -c ' done ' hash.err); sleep 0.2; [ "$(grep -c ' done ' hash.err)" = "$before" ]; }
	wait_until settled
	[ "$(grep -c ' done ' hash.err)" -lt 3000 ]
	head -n 3000 <&8 >got
	join clients
	[ "$(wc -l <got)" = 3000 ]
	for _ in $(seq 900); do echo; done | head -c 900 >nothing
	run -0 python3 -c '
import socket
for number in range(900):
    s = socket.socket(socket.AF_UNIX)
    s.connect("hash")
    s.shutdown(socket.SHUT_WR)
    s.recv(1)'
	kill "${spawned[hash]}"
	ends_with 1 hash
	grep -q 'standard output: not all was written: ' hash.err
	exec 8>&-
}

@test "--hash: a standard output that blocks, and is full, does not hold up the end" {
	need python3
	cat >blocked <<-'END'
		#!/usr/bin/env python3
		import os, socket, sys
		reader, writer = socket.socketpair()
		writer.setblocking(False)
		try:
		    while True:
		        writer.send(bytes(4096))
		except BlockingIOError:
		    writer.setblocking(True)
		reader.set_inheritable(True)  # as long as it is open nobody is told that it is not read
		os.dup2(writer.fileno(), 1)
		os.execvp("vsock-listen", ["vsock-listen", *sys.argv[1:]])
	END
	chmod +x blocked
	spawn_ready hash ./blocked --hash -v unix:hash
	run -0 vsock-cat unix:hash <<<hello
	wait_until grep -q ' done ' hash.err
	kill "${spawned[hash]}"
	ends_with 1 hash
	grep -q 'standard output: not all was written: ' hash.err
}

@test "--user becomes the user once it listens, with all its groups" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	chmod 755 . && mkdir in && chown nobody in
	# shellcheck disable=SC2016
	spawn_ready listen vsock-listen --user nobody unix:id,mode=0666 -- sh -c 'id -un; id -G; echo $HOME $USER'
	run -0 vsock-cat unix:id </dev/null
	[ "$output" = "nobody
$(id -G nobody)
$(getent passwd nobody | cut -d: -f6) nobody" ]
	# the file is root's, the process no longer
	[ "$(stat -c %U id)" = root ]
	[ "$(stat -c %u "/proc/${spawned[listen]}")" = "$(id -u nobody)" ]
	spawn_ready group vsock-listen --user nobody:daemon --receive-dir in --umask 077 tcp:127.0.0.1:0
	echo hello | vsock-cat "$ready"
	wait_until compgen -G 'in/*Z-1-tcp-127.0.0.1-*[0-9]' >/dev/null
	[ "$(stat -c '%U %G %a' in/*)" = "nobody daemon 600" ]
}

@test "--user: what the user may not is found before listening" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	mkdir -m 700 in && echo secret >file && chmod 600 file
	run -6 vsock-listen --user nobody --send-file "$PWD/file" tcp:127.0.0.1:0
	[[ $output == *"file: Permission denied" ]]
	run -6 vsock-listen --user nobody --receive-dir "$PWD/in" tcp:127.0.0.1:0
	cp /bin/true prog && chmod 700 prog
	run -126 vsock-listen --user nobody tcp:127.0.0.1:0 -- "$PWD/prog"
	run -2 vsock-listen --user no-such-user tcp:127.0.0.1:0
	[[ $output == *"there is no such user"*"^"* ]]
	run -2 vsock-listen --user nobody:no-such-group tcp:127.0.0.1:0
	[[ $output == *"there is no such group"* ]]
	chmod -R go+rX .
	need setpriv
	run -6 env HOME=/ setpriv --reuid nobody --regid nogroup --clear-groups vsock-listen --user root --echo tcp:127.0.0.1:0
	[[ $output == *"only root can become another user" ]]
}

@test "--chdir and --umask are for COMMAND and files" {
	mkdir there there/in
	echo data >there/file
	printf '#!/bin/sh\npwd; umask\n' >prog && chmod +x prog
	spawn_ready listen vsock-listen --chdir there --umask 027 tcp:127.0.0.1:0 -- ./prog
	run -0 vsock-cat "$ready" </dev/null
	[ "$output" = "$PWD/there
0027" ]
	spawn_ready file vsock-listen --chdir there --send-file file unix:socket
	[ "$(vsock-cat unix:socket </dev/null)" = data ]
	finish file
	[ ! -e socket ]
	run -1 vsock-listen --chdir nosuch tcp:127.0.0.1:0 --echo
	[[ $output == *"--chdir nosuch: No such file or directory" ]]
	run -2 vsock-listen --umask 888 tcp:127.0.0.1:0 --echo
	[[ $output == *"not an octal mode"* ]]
}

@test "the service manager is told READY, STATUS and STOPPING" {
	need python3
	cat >manager.py <<-'PY'
		import os, socket, subprocess, sys
		name = sys.argv[1]
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("\0" + name[1:] if name[0] == "@" else name); s.settimeout(30)
		p = subprocess.Popen(sys.argv[2:], env={**os.environ, "NOTIFY_SOCKET": name})
		print(s.recv(4096).decode()); p.terminate(); print(s.recv(4096).decode()); sys.exit(p.wait())
	PY
	run -0 python3 manager.py "$PWD/notify" vsock-listen --echo "unix:$PWD/echo"
	[ "$output" = "READY=1
STATUS=listening on unix:$PWD/echo
STOPPING=1
STATUS=no longer listening" ]
	run -0 python3 manager.py "@notify-$$" vsock-proxy "unix:$PWD/a" unix:b "unix:$PWD/c" unix:d
	[[ $output == *"STATUS=listening on unix:$PWD/a, unix:$PWD/c"*STOPPING=1* ]]
	# who can't be told does not stop anything, and COMMAND is not told where it would be
	NOTIFY_SOCKET=$PWD/nobody spawn_ready listen vsock-listen unix:@env-$$ -- env
	wait_until grep -q "service manager .* can't be told: No such file" listen.err
	vsock-cat "$ready" </dev/null >env.out
	run ! grep NOTIFY_SOCKET env.out
}

@test "--stats: totals at the end, in the format of the log" {
	spawn_ready listen vsock-listen --echo --stats -c 2 tcp:127.0.0.1:0
	echo one | vsock-cat "$ready"
	echo three | vsock-cat "$ready"
	join listen
	grep -qE '^vsock-listen: total connections=2 failed=0 up=10 down=10 time=[0-9.]+$' listen.err
	spawn_ready back vsock-listen --discard unix:back
	spawn_ready proxy vsock-proxy --stats --log-format json unix:front unix:back
	echo one | vsock-cat unix:front
	finish proxy
	run -0 python3 -c 'import json; t = json.loads(open("proxy.err").readlines()[-1]); print(t["event"], t["connections"], t["up"], t["down"], "conn" in t)'
	[ "$output" = "total 1 4 0 False" ]
}

# hub.py: members of a hub at ./hub: see the tests
hub_members() {
	need python3
	cat >hub.py <<-'PY'
		import socket, threading
		def member(kind=socket.SOCK_STREAM):
		    s = socket.socket(socket.AF_UNIX, kind); s.connect("hub"); s.settimeout(60); return s
		def get(s, n):
		    data = b""
		    while len(data) < n:
		        part = s.recv(n - len(data))
		        if not part: break
		        data += part
		    return data
		def meet(*members): # until all are in: what one says all others hear
		    for s in members[:1]: s.sendall(b"!")
		    for s in members[1:]: assert get(s, 1) == b"!"
	PY
}

@test "--hub: what one sends all others hear, and not itself; a half-close goes on hearing" {
	hub_members
	spawn_ready hub vsock-listen -v --hub unix:hub
	run -0 python3 - <<-'PY'
		from hub import *
		a, b, c = member(), member(), member()
		meet(a, b, c)
		b.sendall(b"hello"); print(get(a, 5), get(c, 5))
		c.shutdown(socket.SHUT_WR)
		a.sendall(b"still there?"); print(get(b, 12), get(c, 12))
		a.close()
		d = member(); meet(d, b, c)
		b.sendall(b"bye"); print(get(c, 3), get(d, 3))
	PY
	[ "$output" = "b'hello' b'hello'
b'still there?' b'still there?'
b'bye' b'bye'" ]
	wait_until grep -q '#1 done .* -> hub up=13 down=5 .* end=eof' hub.err
}

@test "--hub: many fast senders; nothing is lost, and each hears each in order" {
	hub_members
	spawn_ready hub vsock-listen --hub unix:hub
	run -0 python3 - <<-'PY'
		from hub import *
		members = [member() for _ in range(5)]
		meet(*members)
		size = 3000000
		heard = {}
		def listen(i): heard[i] = get(members[i], 4 * size)
		threads = [threading.Thread(target=listen, args=(i,)) for i in range(5)]
		threads += [threading.Thread(target=members[i].sendall, args=(bytes([i]) * size,)) for i in range(5)]
		[t.start() for t in threads]; [t.join() for t in threads]
		for i in range(5):
		    for j in range(5):
		        assert heard[i].count(bytes([j])) == (0 if i == j else size), (i, j)
		print("ok")
	PY
	[ "$output" = ok ]
}

@test "--hub: who does not read is dropped, and the others go on" {
	hub_members
	spawn_ready hub vsock-listen --hub unix:hub
	run -0 python3 - <<-'PY'
		from hub import *
		a, b, stalled = member(), member(), member()
		meet(a, b, stalled)
		size = 8000000
		sender = threading.Thread(target=a.sendall, args=(b"z" * size,)); sender.start()
		print(len(get(b, size))); sender.join()
		got = len(get(stalled, size)); print(got < size)
	PY
	[ "$output" = "8000000
True" ]
	grep -q '#3 fail unix.* -> hub time=.* end=slow why="did not take what others sent"' hub.err
}

@test "--hub: messages stay whole; a signal ends it" {
	hub_members
	spawn_ready hub vsock-listen --hub --drain-timeout 0 unix-seqpacket:hub
	cat >members.py <<-'PY'
		from hub import *
		a, b = member(socket.SOCK_SEQPACKET), member(socket.SOCK_SEQPACKET)
		meet(a, b)
		for n in 5, 100000, 1: a.send(b"m" * n)
		for n in range(3): print(len(b.recv(1 << 20)), flush=True)
		print(len(b.recv(9)), flush=True)
	PY
	spawn members python3 members.py
	wait_until grep -qx 1 members.out
	finish hub
	join members
	[ "$(xargs <members.out)" = "5 100000 1 0" ]
}

@test "--hub: a drain passes on what was sent and ends at once, listeners and idle members too" {
	hub_members
	spawn_ready hub vsock-listen -v --hub --drain-timeout 600s unix:hub
	cat >members.py <<-'PY'
		from hub import *
		talker, idle, listener = member(), member(), member()
		meet(talker, idle, listener)
		listener.shutdown(socket.SHUT_WR)
		talker.sendall(b"last words")
		print("ready", flush=True)
		for s in idle, listener: print(get(s, 100).decode(), flush=True)
		print(talker.recv(1), flush=True)
	PY
	spawn members python3 members.py
	wait_until grep -q ready members.out
	finish hub
	join members
	[ "$(cat members.out)" = "ready
last words
last words
b''" ]
	[ "$(grep -c ' done .* end=eof' hub.err)" = 3 ]
	run ! grep -q 'still open after' hub.err
}

@test "--echo counts what goes back, too" {
	spawn_ready echo vsock-listen -v --echo unix:echo
	[ "$(echo four | vsock-cat unix:echo)" = four ]
	wait_until grep -q ' done .* up=5 down=5 ' echo.err
	kill -USR1 "${spawned[echo]}"
	wait_until grep -q 'bytes up: 5, down: 5' echo.err
	# the others count it already
	spawn_ready generate vsock-listen -v --generate 7 unix:generate
	[ "$(vsock-cat unix:generate </dev/null | wc -c)" = 7 ]
	wait_until grep -q ' done .* up=0 down=7 ' generate.err
	echo 12345678 >data
	spawn_ready file vsock-listen -v --send-file data unix:file
	[ "$(echo x | vsock-cat unix:file)" = 12345678 ]
	wait_until grep -q ' done .* up=2 down=9 ' file.err
}

@test "out of descriptors: accepting pauses, says so once, and who waits is served when there is one" {
	need python3
	spawn_ready server vsock-listen -v --echo unix:peer
	cat >clients.py <<-'PY'
		import os, resource, socket, sys, time
		pid = int(sys.argv[1])
		def client():
		    s = socket.socket(socket.AF_UNIX); s.connect("peer"); s.settimeout(60); return s
		def echo(s):
		    s.sendall(b"x"); return s.recv(1)
		first = client()
		print(echo(first), flush=True)
		used = {int(name) for name in os.listdir("/proc/%d/fd" % pid)}
		free = min(set(range(1000)) - used)
		hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]
		resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, hard))
		second = client()
		second.sendall(b"y")
		while b"accepting pauses" not in open("server.err", "rb").read(): time.sleep(0.01)
		# several turns of the pause, of which only the first is said
		second.settimeout(0.5)
		try: print(second.recv(1))
		except TimeoutError: print("waits", flush=True)
		print(echo(first), flush=True)
		first.close()
		second.settimeout(60)
		print(second.recv(1), flush=True)
	PY
	run -0 python3 clients.py "${spawned[server]}"
	[ "$output" = "b'x'
waits
b'x'
b'y'" ]
	[ "$(grep -c 'accepting pauses' server.err)" = 1 ]
	grep -qx 'vsock-listen: unix:peer: accepting pauses: Too many open files' server.err
}

@test "a file at the limit of its size is said, and does not kill (SIGXFSZ)" {
	mkdir dir
	wrapped limited 'ulimit -f 100; exec vsock-listen "$@"' -v --receive-dir dir unix:peer
	bytes 1M data
	run vsock-cat unix:peer <data
	wait_until grep -q 'dir/.*\.part: not whole, 102400 bytes: File too large' limited.err
	grep -q ' done .* end=io ' limited.err
	echo small | vsock-cat unix:peer
	wait_until eval '[ "$(find dir -type f ! -name "*.part" -exec cat {} +)" = small ]'
	# COMMAND gets the signal as it was
	spawn_ready command vsock-listen -c 1 unix:command -- grep SigIgn /proc/self/status
	run -0 vsock-cat unix:command </dev/null
	# SIGXFSZ is 25, SIGPIPE 13
	[ $((0x${output##*[[:space:]]} & (1 << 24 | 1 << 12))) = 0 ]
}

@test "plain: -x, -C, -p and -s as vsock-cat has them" {
	printf 'a\nb\n' >lines
	wrapped listen 'exec vsock-listen "$@" <lines' -C -x dump -p unix:peer
	[ "$(echo question | vsock-cat unix:peer | od -An -c | tr -d ' ')" = 'a\r\nb\r\n' ]
	join listen
	[ "$(cat listen.out)" = question ]
	[ "$(sed -E 's/[0-9-]+T[0-9:.]+Z/TIME/' dump | sort)" = "00000000  61 0d 0a 62 0d 0a                                 |a..b..|
00000000  71 75 65 73 74 69 6f 6e  0a                       |question.|
< TIME length=9 from=0 to=8
> TIME length=6 from=0 to=5" ]
	grep -E '9 ?B 0:00:0[0-9]' listen.err
	wrapped sized 'exec vsock-listen "$@" <lines' -p -s 18 unix:sized
	echo question | vsock-cat unix:sized >answer
	join sized
	grep '50%' sized.err
	run -1 vsock-listen -x /nowhere/dump unix:nowhere
	[ "$output" = "vsock-listen: --dump /nowhere/dump: No such file or directory" ]
	run -2 vsock-listen -C unix-seqpacket:x
	[[ $output == *"--crlf is for streams"* ]]
	run -2 vsock-listen -s 5 unix:x
	[[ $output == *"--size says what is 100 % for --progress"* ]]
	for option in -p --size=5 --dump=x --record=x -C; do
		run -2 vsock-listen "$option" unix:x -- cat
		[[ $output == *"has no effect here: COMMAND has the socket itself, nothing is relayed" ]]
		run -2 vsock-listen "$option" unix:x --echo
		[[ $output == *"has no effect here: it is for standard input and output" ]]
	done
}

@test "an option that would have no effect is refused with the reason" {
	for option in --idle-timeout=1s --half-close-timeout=1s --no-shutdown --max-bytes=1 --rate-limit=1M --buffer=1K --message-size=1K --engine=copy; do
		run -2 vsock-listen "$option" unix:x -- cat
		[ "$output" = "vsock-listen: ${option%=*} has no effect here: COMMAND has the socket itself, nothing is relayed" ]
	done
	run -2 vsock-listen -m 3 unix:x
	[[ $output == *"--max-conns has no effect here: "*"one connection at a time" ]]
	run -2 vsock-listen --chdir . --echo unix:x
	[[ $output == *"--chdir has no effect here: it is for a COMMAND and for files" ]]
	run -2 vsock-listen --umask 022 unix:x
	[ ! -e x ]
}

@test "habits from nc and ncat are answered with what to write" {
	for habit in '-e cat' '-c cat' '--exec cat'; do
		# shellcheck disable=SC2086
		run -2 vsock-listen unix:x $habit
		[[ $output == *"hint: write: vsock-listen ADDRESS -- COMMAND" ]]
	done
	run -2 vsock-listen -U ./x
	[[ $output == *"unix:PATH"* ]]
	run -2 vsock-listen -4 5000
	[[ $output == *"tcp4:HOST:PORT"* ]]
	run -2 vsock-listen -l 5000
	[[ $output == *"always listens"* ]]
	run -2 vsock-listen -d 5000
	[[ $output == *"< /dev/null"* ]]
	run -2 vsock-listen -q 1 5000
	[[ $output == *"-q takes no number; nc's -q SECONDS is --half-close-timeout TIME" ]]
	run -2 vsock-listen --broker 5000
	[[ $output == *"write --hub" ]]
}

@test "--max-time ends a command by SIGTERM" {
	spawn_ready listen vsock-listen -v -c 1 --max-time 0.3 unix:x -- sleep 60
	vsock-cat unix:x </dev/null
	ends_with 143 listen
	grep -q 'done .* -> exec:sleep pid=[0-9]* status=143 time=[0-9.]* end=max-time' listen.err
}

@test "a COMMAND that can't be run is found before listening, and the operator is told" {
	run -127 vsock-listen unix:x -- no-such-command
	[ "$output" = "vsock-listen: no-such-command: there is no such command" ]
	: >file
	run -126 vsock-listen unix:x -- ./file
	[ ! -e x ]
	# removed later: the peer sees the end and nothing else
	cp /bin/true prog
	spawn_ready listen vsock-listen -v unix:x -- ./prog
	rm prog
	run -0 vsock-cat unix:x </dev/null
	[ -z "$output" ]
	wait_until grep -q 'done .* status=127' listen.err
	grep -q '^vsock-listen: ./prog: No such file or directory$' listen.err
}

children_are() { # COUNT NAME
	[ "$(pgrep -c -P "${spawned[$2]}")" = "$1" ]
}

@test "SIGTERM lets commands finish; the second one ends at once; no zombie stays" {
	# shellcheck disable=SC2016
	spawn_ready listen vsock-listen unix:x -- sh -c 'read line; echo "got $line"'
	mkfifo in
	spawn cat sh -c 'exec vsock-cat unix:x <in'
	exec 7>in
	wait_until pgrep -P "${spawned[listen]}" >/dev/null
	kill -TERM "${spawned[listen]}"
	wait_until grep -q 'draining: connections open: 1' listen.err
	[ ! -e x ]
	echo late >&7
	exec 7>&-
	join cat
	[ "$(cat cat.out)" = "got late" ]
	join listen

	spawn_ready second vsock-listen unix:y -- sleep 60
	for count in 1 2 3; do
		spawn gone vsock-cat unix:y
		wait_until children_are "$count" second
		finish gone
	done
	kill -TERM "${spawned[second]}"
	wait_until grep -q draining second.err
	kill -TERM "${spawned[second]}"
	ends_with 143 second

	# a limit: what ignores SIGTERM is left to itself
	spawn_ready third vsock-listen --drain-timeout 0.2 unix:z -- sleep 60
	spawn client vsock-cat unix:z
	wait_until pgrep -P "${spawned[third]}" >/dev/null
	finish third
	grep -q 'still open after 200 ms, ended: 1' third.err
}

@test "no zombie: commands that have ended are reaped while it serves" {
	spawn_ready listen vsock-listen unix:x -- true
	for _ in 1 2 3 4 5; do vsock-cat unix:x </dev/null; done
	# shellcheck disable=SC2016
	wait_until bash -c '! pgrep -P "$1" >/dev/null' - "${spawned[listen]}"
}

@test "vsock-listen > file and < file, one after another with -k" {
	bytes 1M data
	spawn_ready to-file vsock-listen tcp:127.0.0.1:0
	vsock-cat "$ready" <data
	join to-file
	same data to-file.out
	cp data from-file.in
	spawn_ready from-file vsock-listen tcp:127.0.0.1:0
	vsock-cat "$ready" </dev/null >got
	join from-file
	same data got
	spawn_ready log vsock-listen -k tcp:127.0.0.1:0
	for n in 1 2 3; do echo $n | vsock-cat "$ready"; done
	wait_until grep -qx 3 log.out
	[ "$(xargs <log.out)" = "1 2 3" ]
}
