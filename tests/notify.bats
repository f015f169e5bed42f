#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-listen --notify: what guests tell their service manager. tests/lab/systemd.bats: a real one.

load lib/common

setup() {
	own_directory
	need python3
}

# tell SOCKET [TYPE]: sends standard input as sd_notify(3) does: all at once, end of file, and then
# it waits until the other end has closed. Prints how many ms that took.
tell() {
	python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX, getattr(socket, sys.argv[2]))
s.connect(sys.argv[1])
s.settimeout(60)
begun = time.monotonic()
s.send(sys.stdin.buffer.read())
s.shutdown(socket.SHUT_WR)
assert s.recv(1) == b""
print(int(1000 * (time.monotonic() - begun)))' "$1" "${2:-SOCK_STREAM}"
}

soon() {
	[ "$(printf X=1 | tell ./s)" -lt 200 ]
}

@test "a message is printed, its connection closed at once, and --until ends with it" {
	spawn_ready listener vsock-listen --notify --until READY=1 unix:./s
	printf 'STATUS=booting\nREADY=10\n\n' | tell ./s
	wait_until grep -qx READY=10 listener.out
	# sooner than a message without an end is complete
	wait_until soon
	printf 'X_SYSTEMD_UNIT_ACTIVE=a.target\nREADY=1\nSTATUS=Startup finished.' | tell ./s
	ends_with 0 listener
	[ "$(grep -vx X=1 listener.out)" = "STATUS=booting
READY=10
X_SYSTEMD_UNIT_ACTIVE=a.target
READY=1
STATUS=Startup finished." ]
	[ "$(<listener.err)" = "" ]
}

@test "packets are messages too, and -j prints objects" {
	spawn_ready listener vsock-listen --notify -j --until READY=1 unix-seqpacket:./s
	printf 'STATUS=a=b\nnothing\n' | tell ./s SOCK_SEQPACKET
	printf 'READY=1' | tell ./s SOCK_SEQPACKET
	ends_with 0 listener
	[ "$(sed 's/pid [0-9]*, uid [0-9]*/who/' listener.out)" = '{"from":"unix (who)","name":"STATUS","value":"a=b"}
{"from":"unix (who)","name":"nothing","value":null}
{"from":"unix (who)","name":"READY","value":"1"}' ]
}

@test "a device that does not pass the end of file on: the message is complete soon" {
	spawn_ready listener vsock-listen --notify -v unix:./s
	python3 -c 'import socket
s = socket.socket(socket.AF_UNIX); s.connect("./s"); s.settimeout(60)
s.send(b"READY=1"); assert s.recv(1) == b""'
	wait_until grep -qx READY=1 listener.out
	# in two parts
	python3 -c 'import socket, time
s = socket.socket(socket.AF_UNIX); s.connect("./s"); s.settimeout(60)
s.send(b"STA"); s.send(b"TUS=up"); assert s.recv(1) == b""'
	wait_until grep -qx STATUS=up listener.out
}

@test "hybrid vsock: the guest of a VMM" {
	spawn_ready listener vsock-listen --notify --until READY=1 vsock-mux:./vm.sock:9999
	printf 'READY=1' | tell ./vm.sock_9999
	ends_with 0 listener
	[ "$(<listener.out)" = READY=1 ]
}

@test "--until that does not come is status 1: a signal, or -c" {
	spawn_ready listener vsock-listen --notify --until READY=1 unix:./s
	kill -TERM "${spawned[listener]}"
	ends_with 1 listener
	[ "$(<listener.err)" = "vsock-listen: ended before READY=1 arrived" ]
	spawn_ready counts vsock-listen --notify --until READY=1 -c 1 unix:./c
	printf 'READY=0' | tell ./c
	ends_with 1 counts
	[ "$(<counts.out)" = READY=0 ]
	spawn_ready without vsock-listen --notify -c 1 unix:./w
	printf 'READY=0' | tell ./w
	ends_with 0 without
	[ "$(<without.out)" = READY=0 ]
}

@test "what has come when it ends is printed; one that trickles gets 5 s for its lines" {
	spawn_ready listener vsock-listen --notify --until READY=1 unix:./s
	# one message is not complete when another ends it all
	python3 -c 'import socket
def tell(data):
    s = socket.socket(socket.AF_UNIX); s.connect("./s"); s.settimeout(60)
    s.sendall(data)
    return s
one = tell(b"STATUS=other\n")
two = tell(b"READY=1"); two.shutdown(socket.SHUT_WR)
assert two.recv(1) == b""'
	ends_with 0 listener
	[ "$(sort listener.out)" = $'READY=1\nSTATUS=other' ]

	local attempt
	for attempt in {1..9}; do
		spawn_ready slow vsock-listen --notify -m 1 unix:./slow
		python3 -c 'import socket, time
s = socket.socket(socket.AF_UNIX); s.connect("./slow")
s.sendall(b"STATUS=whole\nREADY=1")
begun = last = time.monotonic()
pause = 0
try:
    while time.monotonic() < begun + 60:
        s.sendall(b"x"); time.sleep(0.05)
        pause, last = max(pause, time.monotonic() - last), time.monotonic()
except BrokenPipeError:
    pass
assert time.monotonic() < begun + 50
open("pause", "w").write(str(int(pause * 1000)))'
		printf READY=2 | tell ./slow
		wait_until grep -qx READY=2 slow.out
		finish slow
		# a sender that stood still meanwhile has ended its message
		[ "$(<pause)" -ge 200 ] || break
		echo "# it stood still for $(<pause) ms: attempt $attempt" >&3
	done
	grep -q 'a message did not end in 5 s' slow.err
	[ "$(<slow.out)" = $'STATUS=whole\nREADY=2' ]
}

@test "a packet of 4096 bytes is a message" {
	spawn_ready listener vsock-listen --notify -c 1 unix-seqpacket:./s
	head -c 4096 /dev/zero | tr '\0' x | tell ./s SOCK_SEQPACKET
	ends_with 0 listener
	[ "$(wc -c <listener.out)" = 4097 ]
}

@test "a service manager that does not read keeps nobody from being served" {
	python3 - <<-'END' 3>&- &
		import os, socket, time
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("./manager")
		while not os.path.exists("go"):
		    time.sleep(0.05)
		while True:
		    print(repr(s.recv(10000).decode()), file=open("heard", "a"))
	END
	spawned[manager]=$!
	wait_until test -S manager
	NOTIFY_SOCKET=$PWD/manager spawn_ready listener vsock-listen --notify unix:./s
	local i
	for i in {1..30}; do
		printf 'STATUS=%s' "$i" | tell ./s
		# each is due to be passed on, more than the queue holds
		[ "$i" -gt 20 ] || sleep 0.25
	done
	printf 'READY=1' | tell ./s
	wait_until grep -qx READY=1 listener.out
	: >go
	wait_until grep -q 'READY=1.nSTATUS=30' heard
	kill -TERM "${spawned[listener]}"
	ends_with 0 listener
	kill "${spawned[manager]}"
}

@test "messages that are none: too long, none at all, cut off by a reset, control characters, NUL" {
	spawn_ready listener vsock-listen --notify -v tcp:127.0.0.1:0
	python3 - "$(port_of "$ready")" <<-'END'
		import socket, struct, sys
		def connect():
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60)
		    return s
		def ends(s):
		    try:
		        assert s.recv(1) == b""
		    except ConnectionResetError:
		        pass
		silent = [connect() for _ in range(20)]
		long = connect(); long.sendall(b"STATUS=" + b"x" * 4090); ends(long)
		most = connect(); most.sendall(b"M=" + b"y" * 4094); ends(most)
		for part in b"READY=1", b"WHOLE=1\nPART=1":
		    cut = connect(); cut.sendall(part)
		    linger = struct.pack("ii", 1, 0)
		    cut.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger); cut.close()
		for odd in b"STATUS=\x1b[31m\xff\r\n\nX", b"READY=1\0\n":
		    s = connect(); s.sendall(odd)
		    try:
		        s.shutdown(socket.SHUT_WR)
		    except OSError:
		        pass
		    ends(s)
		probe = connect(); probe.close()
		for s in silent:
		    ends(s)
	END
	wait_until grep -q "no message came in 5 s" listener.err
	grep -q 'fail .*why="a message has more than 4096 bytes"' listener.err
	[ "$(grep -c "no message came in 5 s" listener.err)" = 20 ]
	wait_until grep -qx X listener.out
	[ "$(sed 's/^M=y*$/M/' listener.out | sort)" = 'M
STATUS=\x1B[31m\xFF\x0D
WHOLE=1
X' ]
	grep -q 'why="a message has a NUL byte"' listener.err
	[ "$(grep -c '^M=' listener.out)" = 1 ]
	[ "$(grep '^M=' listener.out | wc -c)" = 4097 ]
}

@test "what guests send is passed on to the service manager: READY=1 and STATUS, nothing else" {
	python3 - >manager.out <<-'END' 3>&- &
		import os, socket
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("./manager")
		while True:
		    print(repr(s.recv(10000).decode()), flush=True)
	END
	spawned[manager]=$!
	wait_until test -S manager
	NOTIFY_SOCKET=$PWD/manager spawn_ready listener vsock-listen --notify unix:./s
	# not READY=1: that is for the guest to say
	wait_until grep -qx "'STATUS=listening on unix:./s'" manager.out
	printf 'MAINPID=1\nFDSTORE=1\nSTOPPING=1\nX=1' | tell ./s
	printf 'MAINPID=1\nREADY=1\nSTATUS=again\nSTATUS=up \033[1m' | tell ./s
	# the last of them, and its escapes are escaped
	wait_until grep -qxF "'READY=1\\nSTATUS=up \\\\x1B[1m'" manager.out
	kill -TERM "${spawned[listener]}"
	ends_with 0 listener
	wait_until grep -q STOPPING manager.out
	[ "$(wc -l <manager.out)" = 3 ]
	kill "${spawned[manager]}"
}

@test "a reader that does not read what is printed stops new connections, not the sender" {
	mkfifo pipe
	exec 7<>pipe
	vsock-listen --notify --ready-fd 8 unix:./s >pipe 8>ready 3>&- 2>err &
	spawned[listener]=$!
	wait_until grep -q READY ready
	local i
	for i in {1..36}; do
		head -c 4096 /dev/zero | tr '\0' "$((i % 10))" >message
		timeout 60 python3 -c 'import socket
s = socket.socket(socket.AF_UNIX); s.settimeout(0.3)
s.connect("./s"); s.send(open("message", "rb").read()); s.shutdown(socket.SHUT_WR)
try:
    assert s.recv(1) == b""
except TimeoutError:
    print("waits")' >>waits
	done
	# 64 KiB of the pipe, 64 KiB here
	grep -q waits waits
	timeout 60 dd bs=4096 count=36 of=got iflag=fullblock <&7 2>/dev/null
	[ "$(tr -d '\n' <got | wc -c)" -ge 147000 ]
	exec 7>&-
	finish listener
}

@test "wrong usage" {
	run -2 vsock-listen --until READY=1 unix:./s
	[ "$output" = "vsock-listen: --until needs --notify" ]
	run -2 vsock-listen --notify --until '' unix:./s
	[[ $output == *"--until '': give one line, such as READY=1" ]]
	run -2 vsock-listen --notify --until $'a\nb' unix:./s
	run -2 vsock-listen --notify --idle-timeout 3s unix:./s
	[[ $output == *"--notify relays nothing"* ]]
	run -2 vsock-listen --notify --hash unix:./s
	run -2 vsock-listen -j --echo unix:./s
	[[ $output == *"--json needs --hash or --notify"* ]]
}
