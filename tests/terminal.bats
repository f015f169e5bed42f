#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-listen -t and --shell, which run a command on a terminal of its own for the far end; and
# vsock-run -t, which does the same.

load lib/common

setup() {
	need python3
	cd "$BATS_TEST_TMPDIR" || return
	cat >far.py <<-'PY'
		# the far end, by hand: a socket at ./tty
		import re, socket, sys, time
		def connect(address="tty"):
		    s = socket.socket(socket.AF_UNIX)
		    s.connect(address)
		    s.settimeout(60)
		    return s
		class Far:
		    def __init__(self): self.s, self.seen = connect(), b""
		    def wait(self, text):
		        while text not in self.seen:
		            part = self.s.recv(65536)
		            if not part:
		                raise SystemExit("ended after %r, no %r" % (self.seen, text))
		            self.seen += part
		        at = self.seen.index(text) + len(text)
		        before, self.seen = self.seen[:at], self.seen[at:]
		        return before
		    def send(self, text): self.s.sendall(text)
		    def rest(self):
		        while part := self.s.recv(65536): self.seen += part
		        return self.seen
	PY
}

@test "-t: the terminal is 24x80 for a client that does not answer, and it stops asking" {
	spawn_ready listen vsock-listen -t -c 1 \
		unix:tty -- sh -c 'stty size; test -t 0 && test -t 1 && test -t 2 && tty; exit 7'
	run -0 python3 -c 'from far import *; print(repr(Far().rest()))'
	[[ $output == *"b'\\x1b[?2048h24 80\\r\\n/dev/pts/"*"\\r\\n\\x1b[?2048l'" ]]
	ends_with 7 listen
}

@test "-t: size reports are removed and applied, SIGWINCH included; look-alikes are typed" {
	spawn_ready listen vsock-listen -v -t -c 1 \
		unix:tty -- sh -c 'stty raw -echo; trap "stty size; echo" WINCH; echo ready; while :; do sleep 0.05; done'
	spawn far python3 -c '
from far import *
f = Far(); f.wait(b"ready")
f.send(b"\x1b[48;50;132;800;1056t"); f.wait(b"50 132")
# in two pieces, until the second has come within the patience for it: a busy machine may need
# another turn
f.s.settimeout(2)
while True:
    f.send(b"\x1b[48;30"); time.sleep(0.01); f.send(b";100;0;0t")
    try: f.wait(b"30 100"); break
    except TimeoutError: pass
f.s.close()'
	join far
	ends_with 129 listen
	spawn_ready typed vsock-listen -t -c 1 \
		unix:tty -- sh -c 'stty raw -echo; echo ready; dd bs=1 count=28 2>/dev/null | od -An -c -v -w40; stty size'
	run -0 python3 - <<-'PY'
		from far import *
		f = Far(); f.wait(b"ready")
		f.send(b"a\x1b[A\x1b[48;5mb\x1b\x1b[48;40;90;0;0t")
		time.sleep(0.2)
		f.send(b"\x1b[48;123456789:")
		print(f.rest().decode())
	PY
	join typed
	[[ $output == *'a 033 [ A 033 [ 4 8 ; 5 m b 033 033 [ 4 8 ; 1 2 3 4 5 6 7 8 9 :'* ]] ||
		[[ $(xargs <<<"$output") == \
		*'a 033 [ A 033 [ 4 8 ; 5 m b 033 033 [ 4 8 ; 1 2 3 4 5 6 7 8 9 :'* ]]
	[[ $output == *"40 90"* ]]
}

@test "-t: the Escape key alone is passed on without waiting" {
	spawn_ready listen vsock-listen \
		-t unix:tty -- sh -c 'stty raw -echo; echo ready; dd bs=1 count=1 2>/dev/null | od -An -c'
	run -0 python3 -c 'from far import *; f = Far(); f.wait(b"ready"); f.send(b"\x1b"); f.wait(b"033"); print("ok")'
	[ "$output" = ok ]
}

@test "-t: much output to a slow reader arrives complete, and the status is the command's" {
	spawn_ready listen vsock-listen -v -t -c 1 unix:tty -- sh -c 'seq 200000; exit 3'
	run -0 python3 - <<-'PY'
		from far import *
		f = Far(); time.sleep(0.5)
		lines = f.rest().replace(b"\x1b[?2048h", b"") \
		    .replace(b"\x1b[?2048l", b"").split(b"\r\n")
		assert lines[:-1] == [b"%d" % n for n in range(1, 200001)], (len(lines), lines[-3:])
	PY
	ends_with 3 listen
	grep -q 'done .* -> exec:sh pid=[0-9]* status=3 ' listen.err
}

@test "-t: the far end's end of input is typed as end of file; a lost connection is SIGHUP" {
	spawn_ready listen vsock-listen -t -c 1 unix:tty -- cat
	run -0 python3 -c 'from far import *; f = Far(); f.send(b"one\ntwo"); f.s.shutdown(1); print(f.rest().count(b"two"))'
	[ "$output" = 2 ]
	join listen
	spawn_ready gone vsock-listen -v -t -c 1 \
		unix:tty -- bash -c 'trap "trap \"\" HUP; echo hup >hup; exit 1" HUP; echo ready; while :; do sleep 0.05; done'
	run -0 python3 -c 'from far import *; f = Far(); f.wait(b"ready"); f.s.close()'
	ends_with 1 gone
	[ "$(cat hup)" = hup ]
}

@test "-t: what a client left half-typed when it went is never typed to another one" {
	# the first command outlives its client, whose terminal is closed
	spawn_ready listen vsock-listen -t unix:tty -- \
		sh -c 'trap "" HUP; stty -echo; echo ready; : >begun
			read -r line; echo "got <$line>"; sleep 1'
	run -0 python3 - <<-'END'
		from far import *
		import os
		for turn in range(5):
		    one = Far()
		    while not os.path.exists("begun"):
		        time.sleep(0.01)
		    os.unlink("begun")
		    # the beginning of a size report, which is held for 50 ms; output that is
		    # not read makes this a reset
		    one.s.sendall(b"\x1b[48;123456")
		    one.s.close()
		    two = Far()
		    two.wait(b"ready")
		    time.sleep(0.1)
		    two.send(b"mine\n")
		    assert two.wait(b">").endswith(b"got <mine>"), turn
		    two.s.close()
		    os.unlink("begun")
	END
}

@test "-t: background processes of the command do not keep the connection open" {
	spawn_ready listen vsock-listen -t -c 1 \
		unix:tty -- sh -c 'trap "" HUP; sleep 60 & echo $! >pid; echo done'
	run_timeout 30 python3 -c 'from far import *; print(b"done" in Far().rest())'
	[ "$output" = True ]
	join listen
	kill "$(cat pid)"
}

@test "-t over TCP: with background processes the end is clean too, and no output is lost" {
	spawn_ready listen vsock-listen -v -t -c 1 tcp:127.0.0.1:0 -- \
		sh -c 'trap "" HUP; sleep 60 & echo $! >pid; seq 200000; exit 3'
	# its input is open until the command has ended: TCP tells it of no more than an end of file
	mkfifo far.in
	exec 8<>far.in
	client() { exec vsock-cat -v -L 2M "$ready" 8>&-; }
	spawn far client
	wait_until grep -q 'done .* status=3 .* end=eof' listen.err
	exec 8>&-
	join far
	kill "$(cat pid)"
	sed 's/\x1b\[?2048[hl]//; s/\r$//' far.out | sed '$ { /^$/d }' >output
	same output <(seq 200000)
	grep -q end=eof far.err
	ends_with 3 listen
}

@test "-t: a command that ends while its client stays has ended, and not by a signal" {
	spawn_ready listen vsock-listen -v -t -c 1 unix:tty -- sh -c 'exit 4'
	mkfifo far.in
	exec 7<>far.in
	spawn far python3 -c 'from far import *; f = Far(); f.rest(); sys.stdin.readline()'
	ends_with 4 listen
	grep -q 'done .* status=4 .* end=eof' listen.err
	finish far
	exec 7>&-
}

@test "vsock-run -t over TCP: background processes that keep the terminal cut nothing off" {
	spawn_ready listen vsock-listen -v --run --allow 127.0.0.1 tcp:127.0.0.1:0
	vsock-run -t "$ready" \
		sh -c 'trap "" HUP; sleep 60 & echo $! >'"$PWD"'/pid; seq 50000; exit 3' \
		</dev/null 2>run.err | {
		# all is sent, and most of it is not read
		wait_until grep -q 'done .* -> standard output' listen.err
		tr -d '\r' >output
	}
	kill "$(cat pid)"
	[ ! -s run.err ]
	same output <(seq 50000)
}

@test "vsock-run -t: when nobody reads the output any more, the terminal is closed" {
	spawn_ready listen vsock-listen --run unix:run
	# with input that has ended, and with input that stays open
	mkfifo open
	exec 7<>open
	for input in /dev/null open; do
		timeout 60 vsock-run -t unix:run yes <$input 2>run.err |
			head -n 1 >output || [ "${PIPESTATUS[0]}" = 129 ]
		[ "$(tr -d '\r' <output)" = y ]
		# who ignores SIGHUP cannot write any more
		timeout 60 vsock-run -t unix:run sh -c 'trap "" HUP; yes; exit 9' <open 2>>run.err |
			head -n 1 >output || [ "${PIPESTATUS[0]}" = 9 ]
		[ ! -s run.err ]
	done
	exec 7>&-
	# a command that has closed its terminal itself goes on
	run -3 timeout 60 vsock-run -t unix:run </dev/null \
		sh -c 'exec <&- >&- 2>&-; sleep 0.2; exit 3'
}

@test "-t without COMMAND and contradicting options are refused" {
	run -2 vsock-listen -t unix:tty
	[[ $output == *"--tty needs a COMMAND"* ]]
	run -2 vsock-listen -t --echo unix:tty -- cat
	[[ $output == *"COMMAND and --echo cannot be used together" ]]
}

@test "-t: relay options work, and a signal ends it" {
	spawn_ready listen vsock-listen -t -c 1 --idle-timeout 0.3 unix:tty -- cat
	run -0 python3 -c 'from far import *; print(Far().rest())'
	ends_with 129 listen
	spawn_ready drained vsock-listen -t --drain-timeout 0.1 unix:tty -- cat
	spawn far python3 -c 'from far import *; f = Far(); f.rest()'
	wait_until pgrep -P "${spawned[drained]}" >/dev/null
	finish drained
	join far
}

@test "--shell starts a login shell in the home directory, and needs --allow" {
	run -2 vsock-listen --shell unix:tty
	[[ $output == *"--shell needs --allow: without it, anyone who can connect would get a shell"* ]]
	run -2 vsock-listen --shell --deny uid:12345 unix:tty
	run -2 vsock-listen --shell --allow any unix:tty -- cat
	[[ $output == *"--shell and COMMAND cannot be used together" ]]
	[ -x "$(getent passwd "$(id -u)" | cut -d: -f7)" ] || skip "no login shell"
	spawn_ready listen vsock-listen --shell --allow "uid:$(id -u)" unix:tty
	run -0 python3 - <<-'PY'
		from far import *
		f = Far(); f.send(b"echo =$0= =$PWD=\nexit\n"); print(f.rest().decode())
	PY
	[[ $output == *"=-"*"= =$HOME="* ]]
	finish listen
	# a service of systemd without User= has no such variables
	printf '#!/bin/sh\nunset USER\nHOME=/nowhere exec vsock-listen "$@"\n' >as-service
	chmod +x as-service
	spawn_ready listen ./as-service --shell --allow "uid:$(id -u)" unix:tty
	run -0 python3 - <<-'PY'
		from far import *
		f = Far(); f.send(b"echo =$USER= =$HOME=\nexit\n"); print(f.rest().decode())
	PY
	[[ $output == *"=$(id -un)= =$(getent passwd "$(id -u)" | cut -d: -f6)="* ]]
	spawn_ready denied vsock-listen --shell --allow uid:12345 unix:no
	run -0 python3 -c 'from far import *; print(len(connect("no").recv(100)))'
	[ "$output" = 0 ]
}

@test "-t: --max-time closes the terminal, and COMMAND gets SIGHUP instead of SIGTERM" {
	spawn_ready listen vsock-listen -t -c 1 --max-time 1s unix:tty -- \
		sh -c 'trap "echo HUP >got; exit 3" HUP; trap "echo TERM >got; exit 4" TERM
			echo ready; while :; do sleep 0.1; done'
	run -0 python3 -c 'from far import *; f = Far(); f.wait(b"ready"); f.rest()'
	ends_with 3 listen
	[ "$(cat got)" = HUP ]
}

@test "-t: vi works from socat in raw mode" {
	need socat vi
	spawn_ready listen vsock-listen -t -c 1 unix:tty -- vi -u NONE text
	run -0 python3 - <<-'PY'
		from far import *
		f = Far(); f.wait(b"\x1b[?2048h"); f.wait(b"~") # its window is drawn
		f.send(b"ihello from afar")
		time.sleep(0.2)
		f.send(b"\x1b")
		time.sleep(0.2)
		f.send(b":wq\r")
		f.rest()
	PY
	[ "$(cat text)" = "hello from afar" ]
}
