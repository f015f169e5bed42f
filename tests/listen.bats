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

@test "--user switches to the user, with all its groups, after binding" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	chmod 755 . && mkdir in && chown nobody in
	# shellcheck disable=SC2016
	spawn_ready listen vsock-listen --user nobody \
		unix:id,mode=0666 -- sh -c 'id -un; id -G; echo $HOME $USER'
	run -0 vsock-cat unix:id </dev/null
	[ "$output" = "nobody
$(id -G nobody)
$(getent passwd nobody | cut -d: -f6) nobody" ]
	# the file is root's, the process no longer
	[ "$(stat -c %U id)" = root ]
	[ "$(stat -c %u "/proc/${spawned[listen]}")" = "$(id -u nobody)" ]
	spawn_ready group vsock-listen --user nobody:daemon --receive-dir in --umask 077 \
		tcp:127.0.0.1:0
	echo hello | vsock-cat "$ready"
	wait_until compgen -G 'in/*Z-1-tcp-127.0.0.1-*[0-9]' >/dev/null
	[ "$(stat -c '%U %G %a' in/*)" = "nobody daemon 600" ]
}

@test "--user: missing permissions are reported before listening" {
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
	run -6 env HOME=/ setpriv --reuid nobody --regid nogroup --clear-groups vsock-listen \
		--user root --echo tcp:127.0.0.1:0
	[[ $output == *"only root can become another user" ]]
}

@test "--chdir and --umask apply to COMMAND and files" {
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

@test "the service manager gets READY, STATUS and STOPPING" {
	need python3
	cat >manager.py <<-'PY'
		import os, socket, subprocess, sys
		name = sys.argv[1]
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("\0" + name[1:] if name[0] == "@" else name)
		s.settimeout(30)
		p = subprocess.Popen(sys.argv[2:], env={**os.environ, "NOTIFY_SOCKET": name})
		print(s.recv(4096).decode())
		p.terminate()
		print(s.recv(4096).decode())
		sys.exit(p.wait())
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
	wait_until grep -q "cannot notify the service manager (NOTIFY_SOCKET): No such file" \
		listen.err
	vsock-cat "$ready" </dev/null >env.out
	run ! grep NOTIFY_SOCKET env.out
}

@test "--ready-fd takes a descriptor that can be written to, and none of the program's own" {
	for number in 3 4 5 6 7 8 9; do
		closed() { exec "$@" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; }
		spawn listen closed vsock-listen --ready-fd "$number" --echo unix:./echo
		ends_with 1 listen
		spawn proxy closed vsock-proxy --ready-fd "$number" unix:./front unix:./echo
		ends_with 1 proxy
		[ "$(head -n 1 proxy.err)" = \
			"vsock-proxy: --ready-fd $number: Bad file descriptor" ]
	done
	run -1 vsock-listen --ready-fd 0 --echo unix:./echo </dev/null
	[ "$output" = "vsock-listen: --ready-fd 0: descriptor 0 is not open for writing" ]
	# nobody reads it: that keeps nobody waiting for ever
	mkfifo full
	exec {fifo}<>full
	dd if=/dev/zero bs=4096 count=16 status=none >&"$fifo"
	run -1 vsock-listen --ready-fd "$fifo" --echo unix:./echo
	exec {fifo}>&-
}

@test "--stats prints totals at the end, in the log's format" {
	spawn_ready listen vsock-listen --echo --stats -c 2 tcp:127.0.0.1:0
	echo one | vsock-cat "$ready"
	echo three | vsock-cat "$ready"
	join listen
	grep -qE '^vsock-listen: total connections=2 failed=0 up=10 down=10 time=[0-9.]+$' \
		listen.err
	spawn_ready back vsock-listen --discard unix:back
	spawn_ready proxy vsock-proxy --stats --log-format json unix:front unix:back
	echo one | vsock-cat unix:front
	finish proxy
	run -0 python3 -c 'import json; t = json.loads(open("proxy.err").readlines()[-1]); print(t["event"], t["connections"], t["up"], t["down"], "conn" in t)'
	[ "$output" = "total 1 4 0 False" ]
}

@test "--echo also counts the bytes sent back" {
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

@test "out of descriptors: accepting pauses, is reported once, and waiting clients are served later" {
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
		waits = b"not accepting connections for a moment"
		while waits not in open("server.err", "rb").read():
		    time.sleep(0.01)
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
	[ "$(grep -c 'not accepting connections for a moment' server.err)" = 1 ]
	grep -qx 'vsock-listen: unix:peer: not accepting connections for a moment: Too many open files' server.err
}

@test "reaching the file size limit is reported and does not kill (SIGXFSZ)" {
	mkdir dir
	wrapped limited 'ulimit -f 100; exec vsock-listen "$@"' -v --receive-dir dir unix:peer
	bytes 1M data
	run vsock-cat unix:peer <data
	wait_until grep -q 'dir/.*\.part: incomplete, 102400 bytes: File too large' limited.err
	grep -q ' done .* end=io ' limited.err
	echo small | vsock-cat unix:peer
	wait_until eval '[ "$(find dir -type f ! -name "*.part" -exec cat {} +)" = small ]'
	# COMMAND gets the signal as it was
	spawn_ready command vsock-listen -c 1 unix:command -- grep SigIgn /proc/self/status
	run -0 vsock-cat unix:command </dev/null
	# SIGXFSZ is 25, SIGPIPE 13
	[ $((0x${output##*[[:space:]]} & (1 << 24 | 1 << 12))) = 0 ]
}

@test "a plain vsock-listen has -x, -C, --progress and -s like vsock-cat" {
	printf 'a\nb\n' >lines
	wrapped listen 'exec vsock-listen "$@" <lines' -C -x dump --progress unix:peer
	[ "$(echo question | vsock-cat unix:peer | od -An -c | tr -d ' ')" = 'a\r\nb\r\n' ]
	join listen
	[ "$(cat listen.out)" = question ]
	[ "$(sed -E 's/[0-9-]+T[0-9:.]+Z/TIME/' dump | sort)" = \
		"00000000  61 0d 0a 62 0d 0a                                 |a..b..|
00000000  71 75 65 73 74 69 6f 6e  0a                       |question.|
< TIME length=9 from=0 to=8
> TIME length=6 from=0 to=5" ]
	grep -E '9 ?B 0:00:0[0-9]' listen.err
	wrapped sized 'exec vsock-listen "$@" <lines' --progress -s 18 unix:sized
	echo question | vsock-cat unix:sized >answer
	join sized
	grep '50%' sized.err
	run -1 vsock-listen -x /nowhere/dump unix:nowhere
	[ "$output" = "vsock-listen: --dump /nowhere/dump: No such file or directory" ]
	run -2 vsock-listen -C unix-seqpacket:x
	[[ $output == *"--crlf is for streams"* ]]
	run -2 vsock-listen -s 5 unix:x
	[[ $output == *"--size needs --progress"* ]]
	for option in --progress --size=5 --dump=x --record=x -C; do
		run -2 vsock-listen "$option" unix:x -- cat
		[[ $output == *"has no effect here: COMMAND uses the socket itself, so nothing is relayed" ]]
		run -2 vsock-listen "$option" unix:x --echo
		[[ $output == *"has no effect here: it applies only to standard input and output" ]]
	done
}

@test "an option that would have no effect is refused, and the message says why" {
	for option in --idle-timeout=1s --half-close-timeout=1s --no-shutdown --max-bytes=1 \
		--rate-limit=1M --buffer=1K --message-size=1K --engine=copy --busy-poll=1ms; do
		run -2 vsock-listen "$option" unix:x -- cat
		[ "$output" = "vsock-listen: ${option%=*} has no effect here: COMMAND uses the socket itself, so nothing is relayed" ]
	done
	run -2 vsock-listen -m 3 unix:x
	[[ $output == *"--max-conns has no effect here: "*"one connection at a time" ]]
	run -2 vsock-listen --chdir . --echo unix:x
	[[ $output == *"--chdir has no effect here: it applies only to COMMAND and to files" ]]
	run -2 vsock-listen --umask 022 unix:x
	[ ! -e x ]
}

@test "options of nc and ncat are answered with what to write instead" {
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
	[[ $output == *"-q takes no number; for nc -q SECONDS, write --half-close-timeout TIME" ]]
	run -2 vsock-listen --broker 5000
	[[ $output == *"there is no broker"* ]]
}

@test "--max-time ends a command by SIGTERM" {
	spawn_ready listen vsock-listen -v -c 1 --max-time 0.3 unix:x -- sleep 60
	vsock-cat unix:x </dev/null
	ends_with 143 listen
	grep -q 'done .* -> exec:sleep pid=[0-9]* status=143 time=[0-9.]* end=max-time' listen.err
}

@test "a COMMAND that cannot be run is reported before listening" {
	run -127 vsock-listen unix:x -- no-such-command
	[ "$output" = "vsock-listen: no-such-command: no such command" ]
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

@test "SIGTERM lets commands finish, a second one ends at once, and no zombie stays" {
	# shellcheck disable=SC2016
	spawn_ready listen vsock-listen unix:x -- sh -c 'read line; echo "got $line"'
	mkfifo in
	spawn cat sh -c 'exec vsock-cat unix:x <in'
	exec 7>in
	wait_until pgrep -P "${spawned[listen]}" >/dev/null
	kill -TERM "${spawned[listen]}"
	wait_until grep -q 'waiting up to .* for 1 connection to finish' listen.err
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
	wait_until grep -q 'to finish; a second signal' second.err
	commands=$(pgrep -P "${spawned[second]}")
	kill -TERM "${spawned[second]}"
	ends_with 143 second
	# it leaves them to themselves
	# shellcheck disable=SC2086 # several
	kill $commands

	# a limit: what ignores SIGTERM is left to itself
	spawn_ready third vsock-listen --drain-timeout 0.2 unix:z -- sleep 60
	spawn client vsock-cat unix:z
	wait_until pgrep -P "${spawned[third]}" >pid
	finish third
	kill "$(cat pid)" || true
	grep -q 'after 200 ms, closing connections that are still open: 1' third.err
}

@test "commands that have ended are reaped while it serves" {
	spawn_ready listen vsock-listen unix:x -- true
	for _ in 1 2 3 4 5; do vsock-cat unix:x </dev/null; done
	# shellcheck disable=SC2016
	wait_until bash -c '! pgrep -P "$1" >/dev/null' - "${spawned[listen]}"
}

@test "vsock-listen > file and < file, repeatedly with -k" {
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

@test "a plain vsock-listen with --receive-only reads no input; --send-only discards what arrives" {
	printf 'from us' >ours
	wrapped receiver 'exec vsock-listen "$@" <ours >received' --receive-only unix:receiver
	printf data | timeout 20 vsock-cat --send-only --half-close-timeout 10s unix:receiver
	wait_until grep -qx data received
	finish receiver || true
	wrapped sender 'exec vsock-listen "$@" <ours >nothing' --send-only unix:sender
	[ "$(printf data | timeout 20 vsock-cat unix:sender)" = 'from us' ]
	[ ! -s nothing ]
	run -2 --separate-stderr vsock-listen --send-only --receive-only unix:x
	run -2 --separate-stderr vsock-listen --echo --send-only unix:x
	[[ $stderr == *'--send-only has no effect here'* ]]
}

# received REDIRECTION OPTION…: the status of a vsock-listen to which a file is sent, and what it
# says.
received() {
	wrapped listen "exec vsock-listen \"\$@\" $1" "${@:2}" tcp:127.0.0.1:0
	vsock-cat "$ready" <data >/dev/null 2>&1 || true
	status=0
	join listen || status=$?
	output="$status $(sed -E 's/127[.0-9]*:[0-9]+/PEER/g' listen.err)"
}

@test "a service with -c 1 says why its only connection did not end well" {
	need python3
	local service limit option status text open
	truncate -s 1G large
	for service in --echo --discard '--generate inf' '--send-file large' --hash; do
		# shellcheck disable=SC2086 # two words
		spawn_ready listen vsock-listen -c 1 $service tcp:127.0.0.1:0
		python3 - "${ready##*:}" <<-'PY'
			import socket, struct, sys
			c = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
			c.sendall(b"abc")
			c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
			c.close()
		PY
		ends_with 7 listen
		[ "$(grep -vc hint: listen.err)" = 1 ]
		# sendfile(2) that was interrupted by the reset tells only how much it sent
		grep -q '^vsock-listen: tcp:.*: broke: the connection was reset' listen.err ||
			grep -qE 'the peer closed .* before all of (the generated data|large) was' listen.err
		for limit in '--max-bytes 2:1:(--max-bytes)' '-i 100ms:5:no data for 100 ms' \
			'--max-time 100ms:5:(--max-time)'; do
			IFS=: read -r option status text <<<"$limit"
			# shellcheck disable=SC2086 # two words each
			spawn_ready listen vsock-listen -c 1 $service $option tcp:127.0.0.1:0
			exec {open}<>/dev/tcp/127.0.0.1/"${ready##*:}"
			# it may have been reset by now
			(printf abc >&"$open") 2>/dev/null || true
			ends_with "$status" listen
			exec {open}>&-
			[ "$(wc -l <listen.err)" = 1 ]
			grep -q -- "^vsock-listen: tcp:.*$text$" listen.err
		done
	done
	# a command that takes too long
	spawn_ready listen vsock-listen -c 1 --max-time 100ms unix:slow -- sleep 1000
	vsock-cat unix:slow </dev/null || true
	ends_with 143 listen
	[ "$(cat listen.err)" = "vsock-listen: exec:sleep: timed out: ended after 100 ms (--max-time)" ]
	# a client that is gone for good has all of its echo
	for sent in '' abc; do
		for at in unix:./echo unix-seqpacket:./echo tcp:127.0.0.1:0; do
			spawn_ready listen vsock-listen -c 1 --echo $at
			python3 - "$ready" "$sent" <<-'PY'
				import socket, sys
				name, sent = sys.argv[1].split(":", 1)[1], sys.argv[2].encode()
				kind = socket.SOCK_SEQPACKET if "seq" in sys.argv[1] \
				    else socket.SOCK_STREAM
				if sys.argv[1].startswith("unix"):
				    c = socket.socket(socket.AF_UNIX, kind)
				    c.connect(name)
				else:
				    port = int(name.rsplit(":")[-1])
				    c = socket.create_connection(("127.0.0.1", port))
				if sent:
				    c.send(sent)
				    while len(c.recv(10, socket.MSG_PEEK)) < len(sent):
				        pass
				    assert c.recv(10) == sent
				c.close()
			PY
			ends_with 0 listen
			[ ! -s listen.err ]
		done
	done
	spawn_ready listen vsock-listen -c 1 -t -i 100ms unix:silent -- sleep 1000
	spawn cat vsock-cat unix:silent
	ends_with 129 listen
	[ "$(cat listen.err)" = "vsock-listen: exec:sleep: timed out: no data for 100 ms" ]
	finish cat
	# with more than one connection to come they are records, for -v
	spawn_ready listen vsock-listen -c 2 --echo --max-bytes 2 tcp:127.0.0.1:0
	vsock-cat "$ready" <<<abc || true
	vsock-cat "$ready" </dev/null
	ends_with 0 listen
	[ ! -s listen.err ]
}

@test "a plain vsock-listen says why its connection did not end well, as vsock-cat does" {
	bytes 100K data
	received '>/dev/full'
	[ "$output" = "1 vsock-listen: standard output: No space left on device; 0 B sent, 0 B received" ]
	received '>/dev/full' -v
	grep -q ' done .* end=io lost=[0-9]* why="No space left on device"' listen.err
	received '' --max-bytes 10
	[ "$output" = "1 vsock-listen: tcp:PEER: ended: more than 10 B in one direction (--max-bytes)" ]
	received '<.'
	[[ $output == "1 vsock-listen: standard input: Is a directory; 0 B sent, "*" received" ]]
}
