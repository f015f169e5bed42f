#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy restarts without a gap: on SIGUSR2 another process takes the listening sockets over, and the service manager keeps
# them from one start to the next. Nobody is refused, nothing is cut; and a new one that fails changes nothing.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	umask 022
	spawn_ready echo vsock-listen --echo unix:./echo
	spawn_ready other vsock-listen unix:./other -- echo other
}

ask() { # ADDRESS TEXT
	echo "$2" | timeout 20 vsock-cat "$1" 2>/dev/null
}

more_than() { # COUNT PATTERN FILE
	[ "$(grep -c "$2" "$3")" -gt "$1" ]
}

# restart NAME: spawned[NAME] is the one that follows then, and spawned[NAME-old] the one that drains.
restart() {
	local name=$1 before old=${spawned[$1]}
	before=$(grep -c 'has taken over' "$name.err" || true)
	kill -USR2 "$old"
	wait_until more_than "$before" 'has taken over' "$name.err"
	spawned[$name]=$(sed -n 's/.*this process (\([0-9]*\)) has taken over.*/\1/p' "$name.err" | tail -n 1)
	spawned[$name-old]=$old
}

# waits NAME COUNT: until the COUNTth that it starts anew, a program that says "waits", has said so. spawned[waits] is that one.
# Which of the two lines is first, that program's or the log's that names it, is not certain.
waits() {
	wait_until more_than $(($2 - 1)) '^waits$' "$1.err"
	wait_until more_than $(($2 - 1)) 'restarting: process [0-9]* is started' "$1.err"
	spawned[waits]=$(sed -n 's/.*restarting: process \([0-9]*\) is started/\1/p' "$1.err" | tail -n 1)
}

# fails_to_restart NAME WHY: the old one goes on.
fails_to_restart() {
	local before
	before=$(grep -c "$2" "$1.err" || true)
	kill -USR2 "${spawned[$1]}"
	wait_until more_than "$before" "$2" "$1.err"
	[ "$(ask unix:./front still)" = still ]
	no_child_but_worker "$1"
}

no_child_but_worker() {
	[ "$(cat "/proc/${spawned[$1]}/task/${spawned[$1]}/children")" = "$(worker_of "$1") " ]
}

sockets_are() { # COUNT NAME
	[ "$(descriptors_of "$2" -lname 'socket:*')" = "$1" ]
}

# A program of that name in ./bin, to be replaced.
own_program() {
	mkdir bin
	cp "$(command -v vsock-proxy)" bin/vsock-proxy
}

replace_program() { # LINE…
	printf '%s\n' '#!/bin/sh' "$@" >bin/new
	chmod +x bin/new
	mv bin/new bin/vsock-proxy
}

@test "under load, through 5 restarts: none is refused, not a byte is lost; no descriptor, process or file is left over" {
	need python3
	bytes 100K data
	spawn_ready proxy vsock-proxy "${inspectable[@]}" tcp:127.0.0.1:0 unix:./echo unix:./front unix:./echo
	first=${spawned[proxy]} inode=$(stat -c %i front) port=$(port_of "$ready")
	fds=$(descriptors_of proxy -lname 'socket:*')
	cat >load.py <<-'END'
		import os, socket, sys, threading
		port, data, bad, connects = int(sys.argv[1]), open("data", "rb").read(), [], [0]
		def connection(tcp):
		    s = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
		    s.settimeout(60)
		    s.connect(("127.0.0.1", port) if tcp else "front")
		    return s
		def exactly(s, size):
		    got = b""
		    while len(got) < size and (piece := s.recv(size - len(got))):
		        got += piece
		    return got
		def short(n):
		    while not os.path.exists("enough") or connects[0] < 300:
		        try:
		            s = connection(n % 2)
		            connects[0] += 1
		            t = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
		            t.start()
		            got = exactly(s, len(data) + 1)
		            t.join()
		            s.close()
		            if got != data: bad.append(("short", n, len(got)))
		        except OSError as e:
		            bad.append(("short", n, str(e)))
		            return
		def long(n):
		    try:
		        s, count = connection(n % 2), 0
		        os.write(1, b"long\n")
		        while not os.path.exists("enough") or count < 100:
		            block = (b"%d:%d;" % (n, count)) * 3000
		            s.sendall(block)
		            if exactly(s, len(block)) != block: raise OSError("other bytes in block %d" % count)
		            count += 1
		        s.shutdown(socket.SHUT_WR)
		        if s.recv(1): raise OSError("more bytes")
		    except OSError as e:
		        bad.append(("long", n, str(e)))
		threads = [threading.Thread(target=f, args=(n,)) for f, count in ((short, 6), (long, 6)) for n in range(count)]
		for t in threads: t.start()
		for t in threads: t.join()
		print("bad", bad)
		print("connects", connects[0])
	END
	spawn load python3 load.py "$port"
	wait_until more_than 5 long load.out
	for turn in 1 2 3 4 5; do
		restart proxy
		all[turn]=${spawned[proxy-old]}
	done
	: >enough
	join load
	grep -qx 'bad \[\]' load.out || { cat load.out; return 1; }
	# the first is our child, whose status we hear
	spawned[first]=$first
	ends_with 0 first
	for turn in 2 3 4 5; do
		wait_until ended "${all[turn]}"
	done
	run ! grep -qE 'still open|lost|can.t' proxy.err
	[ "$(stat -c %i front)" = "$inode" ]
	wait_until sockets_are "$fds" proxy
	wait_until no_child_but_worker proxy
	[ "$(ask "tcp:127.0.0.1:$port" hello)" = hello ]
	finish proxy
	[ ! -e front ]
}

@test "the program that is at the path then is what is started, with the same words and in the same folder" {
	own_program
	echo 'unix:./front unix:./echo' >rules
	(PATH=$PWD/bin:$PATH; spawn_ready proxy vsock-proxy -f rules; echo "${spawned[proxy]}" >pid)
	spawned[proxy]=$(cat pid)
	cp bin/vsock-proxy bin/new
	mv bin/new bin/vsock-proxy
	[[ $(readlink "/proc/${spawned[proxy]}/exe") == *" (deleted)" ]]
	restart proxy
	[ "$(readlink "/proc/${spawned[proxy]}/exe")" = "$PWD/bin/vsock-proxy" ]
	[ "$(tr '\0' ' ' <"/proc/${spawned[proxy]}/cmdline")" = "vsock-proxy --ready-fd 9 -f rules " ]
	[ "$(readlink "/proc/${spawned[proxy]}/cwd")" = "$PWD" ]
	# other words, by another program, and other rules
	replace_program "exec $(command -v vsock-proxy) -v --log-format json \"\$@\""
	echo 'unix:./front unix:./other' >rules
	restart proxy
	[ "$(vsock-cat unix:./front </dev/null)" = other ]
	wait_until grep -q '"event":"open"' proxy.err
	# READY was for who waited for the first
	[ "$(grep -c READY proxy.ready)" = 1 ]
}

@test "what fails before it is ready changes nothing, and why is said" {
	own_program
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy ./bin/vsock-proxy "${inspectable[@]}" -f rules
	fds=$(descriptors_of proxy) inode=$(stat -c %i front)
	printf '%s\n' 'unix:./front unix:./other' 'unix:./x unix:./y max-con=1' >rules
	fails_to_restart proxy 'not restarted: process [0-9]* ended with status 2 before it was ready: this one goes on'
	grep -q "rules:2: unknown key 'max-con'" proxy.err
	[ ! -e x ]
	printf '%s\n' 'unix:./front,mode=0666 unix:./other' 'unix:./new unix:./echo' 'unix:./echo unix:./other' >rules
	fails_to_restart proxy 'ended with status 1 before it was ready'
	[ ! -e new ]
	[ "$(stat -c %a front)" = 600 ]
	echo 'unix:./front unix:./echo' >rules
	replace_program 'kill -KILL $$'
	fails_to_restart proxy 'was ended by signal 9 (Killed) before it was ready: this one goes on'
	replace_program 'exit 0'
	fails_to_restart proxy 'ended with status 0 before it was ready'
	rm bin/vsock-proxy
	fails_to_restart proxy 'ended with status 127 before it was ready'
	grep -q 'bin/vsock-proxy: No such file or directory' proxy.err
	[ "$(stat -c %i front)" = "$inode" ]
	[ "$(descriptors_of proxy)" = "$fds" ]
	cp "$(command -v vsock-proxy)" bin/vsock-proxy
	restart proxy
	[ "$(stat -c %i front)" = "$inode" ]
	[ "$(ask unix:./front hello)" = hello ]
}

@test "one that is stopped before it is ready: the old one serves, reloads afterwards, and ends with it when it is told to" {
	own_program
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy ./bin/vsock-proxy -f rules
	replace_program 'echo waits >&2' 'exec sleep 1000'
	kill -USR2 "${spawned[proxy]}"
	waits proxy 1
	[ "$(ask unix:./front hello)" = hello ]
	kill -USR2 "${spawned[proxy]}"
	wait_until grep -q 'not restarted: that is under way' proxy.err
	echo 'unix:./front unix:./other' >rules
	kill -HUP "${spawned[proxy]}"
	kill -KILL "${spawned[waits]}"
	wait_until grep -q 'not restarted: process [0-9]* was ended by signal 9' proxy.err
	wait_until grep -q 'reloaded; ' proxy.err
	[ "$(vsock-cat unix:./front </dev/null)" = other ]
	kill -USR2 "${spawned[proxy]}"
	waits proxy 2
	kill -TERM "${spawned[proxy]}"
	ends_with 0 proxy
	wait_until ended "${spawned[waits]}"
	[ ! -e front ]
}

@test "a reload that is asked for meanwhile is done by the one that follows" {
	own_program
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy ./bin/vsock-proxy -f rules
	# it reads its rules first, and then the file changes
	mkfifo go
	replace_program 'cp rules before' "echo waits >&2; read line <go; exec $(command -v vsock-proxy) \"\$@\""
	kill -USR2 "${spawned[proxy]}"
	waits proxy 1
	echo 'unix:./front unix:./other' >rules
	kill -HUP "${spawned[proxy]}"
	spawned[old]=${spawned[proxy]}
	spawned[proxy]=${spawned[waits]}
	unset 'spawned[waits]'
	echo >go
	wait_until grep -q 'has taken over' proxy.err
	wait_until grep -q 'reloaded; ' proxy.err
	[ "$(vsock-cat unix:./front </dev/null)" = other ]
	ends_with 0 old
}

@test "the old one drains for its time, and a signal ends it at once" {
	spawn_ready proxy vsock-proxy -v --drain-timeout 300ms unix:./front unix:./echo
	coproc held { vsock-cat unix:./front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	restart proxy
	wait_until grep -q 'still open after 300 ms, ended: 1' proxy.err
	ends_with 0 proxy-old
	finish proxy
	spawn_ready slow vsock-proxy --drain-timeout inf unix:./front unix:./echo
	coproc again { vsock-cat unix:./front; } 2>/dev/null
	echo 1 >&"${again[1]}"; read -r answer <&"${again[0]}"
	[ "$answer" = 1 ]
	restart slow
	echo 2 >&"${again[1]}"; read -r answer <&"${again[0]}"
	[ "$answer" = 2 ]
	kill -TERM "${spawned[slow-old]}"
	ends_with 143 slow-old
	[ "$(ask unix:./front hello)" = hello ]
}

@test "the new one does not end before those that drain, but at the second signal" {
	spawn_ready proxy vsock-proxy --drain-timeout inf unix:./front unix:./echo
	for turn in 1 2; do
		coproc held { vsock-cat unix:./front; } 2>/dev/null
		exec {to}>&"${held[1]}" {from}<&"${held[0]}"
		echo 1 >&"$to"; read -r answer <&"$from"
		first=${spawned[proxy]}
		restart proxy
		second=${spawned[proxy-old]}
		restart proxy
		kill -TERM "${spawned[proxy]}"
		wait_until [ ! -e front ]
		wait_until no_child "${spawned[proxy]}"
		echo 2 >&"$to"; read -r answer <&"$from"
		[ "$answer" = 2 ]
		for pid in "$first" "$second" "${spawned[proxy]}"; do
			run ! ended "$pid"
		done
		if [ $turn = 1 ]; then
			exec {to}>&- {held[1]}>&-
			wait_until ended "$first"
			wait_until ended "$second"
			wait_until ended "${spawned[proxy]}"
			spawn_ready proxy vsock-proxy --drain-timeout inf unix:./front unix:./echo
		else
			kill -TERM "${spawned[proxy]}"
			wait_until ended "${spawned[proxy]}"
			kill -TERM "$first"
			wait_until ended "$first"
		fi
	done
}

no_child() {
	[ -z "$(cat "/proc/$1/task/$1/children")" ]
}

@test "rules that went, came or have other options: their sockets and files go, come and change" {
	printf '%s\n' 'unix:./front,mode=0666 unix:./echo' 'unix:./goes unix:./echo' 'tcp:127.0.0.1:0 unix:./echo name=tcp' >rules
	spawn_ready proxy vsock-proxy -f rules
	wait_ready proxy 3
	tcp=${readies[2]}
	# fd numbers do not decide, nor the order
	printf '%s\n' 'unix:./comes unix:./echo' 'unix:./front,mode=0640 unix:./other' >rules
	restart proxy
	[ ! -e goes ]
	[ "$(stat -c %a front)" = 640 ]
	[ "$(vsock-cat unix:./front </dev/null)" = other ]
	[ "$(ask unix:./comes hello)" = hello ]
	wait_until ended "${spawned[proxy-old]}"
	run -3 vsock-cat "$tcp" </dev/null
	# without a mode it is as narrow as a new one; a file that somebody removed is made anew
	rm comes
	printf '%s\n' 'unix:./comes unix:./echo' 'unix:./front unix:./echo' >rules
	restart proxy
	[ "$(stat -c %a front)" = 600 ]
	[ "$(ask unix:./comes hello)" = hello ]
	finish proxy
	[ ! -e comes ]
	[ ! -e front ]
}

@test "options that can't be given to what was taken over are said, and it serves" {
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	echo 'unix:./front,group=no-such-group-here unix:./other' >rules
	restart proxy
	wait_until grep -q 'vsock-proxy: unix:./front.*: .*group' proxy.err
	[ "$(vsock-cat unix:./front </dev/null)" = other ]
	[ "$(stat -c %a front)" = 600 ]
}

@test "a path that is too long for a socket's name, and one with all letters" {
	long=$(printf 'x%.0s' {1..200})
	mkdir "$long" "$long/$long"
	odd=$'o d:d,%\xc3\xa4'
	echo "unix:./$long/$long/front unix:./echo
	'unix:./${odd//,/\\,}' unix:./echo" >rules
	spawn_ready proxy vsock-proxy -f rules
	wait_ready proxy 2
	inodes=$(stat -c %i "$long/$long/front" "$odd")
	restart proxy
	[ "$(stat -c %i "$long/$long/front" "$odd")" = "$inodes" ]
	[ "$(ask "${readies[0]}" hello)" = hello ]
	[ "$(ask "${readies[1]}" hello)" = hello ]
	finish proxy
	[ ! -e "$odd" ]
	[ ! -e "$long/$long/front" ]
}

@test "the pid file is the new one's, which has the lock and removes it" {
	spawn_ready proxy vsock-proxy --pid-file ./pid unix:./front unix:./echo
	[ "$(cat pid)" = "${spawned[proxy]}" ]
	coproc held { vsock-cat unix:./front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	restart proxy
	[ "$(cat pid)" = "${spawned[proxy]}" ]
	run -1 vsock-proxy --pid-file ./pid unix:./second unix:./echo
	[[ $output == *"process ${spawned[proxy]} has it, and runs"* ]]
	exec {held[1]}>&-
	ends_with 0 proxy-old
	[ "$(cat pid)" = "${spawned[proxy]}" ]
	restart proxy
	[ "$(cat pid)" = "${spawned[proxy]}" ]
	finish proxy
	[ ! -e pid ]
}

@test "metrics and a status socket with an address of their own go over; that of each process is its own" {
	need python3
	mkdir run
	export XDG_RUNTIME_DIR=$PWD/run
	spawn_ready proxy vsock-proxy --metrics unix:./metrics unix:./front unix:./echo
	spawn_ready named vsock-proxy --status-socket unix:./status --drain-timeout inf unix:./second unix:./echo
	coproc held { vsock-cat unix:./front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	inode=$(stat -c %i metrics)
	restart proxy
	[ "$(stat -c %i metrics)" = "$inode" ]
	for turn in 1 2 3 4 5; do
		printf 'GET /metrics HTTP/1.1\r\n\r\n' | vsock-cat unix:./metrics | grep -qx 'vsock_proxy_connections_open{rule="unix:./front"} 0'
	done
	# both are shown while one drains
	vsock-proxy --status >table
	grep -q "pid ${spawned[proxy]}," table
	grep -q "pid ${spawned[proxy-old]}," table
	exec {held[1]}>&-
	ends_with 0 proxy-old
	[ "$(vsock-proxy --status --json | grep -c '"pid"')" = 1 ]
	[ "$(find run -name '*.sock' | wc -l)" = 1 ]
	inode=$(stat -c %i status)
	restart named
	[ "$(stat -c %i status)" = "$inode" ]
	vsock-proxy --status unix:./status | grep -q "pid ${spawned[named]},"
	finish proxy
	finish named
	[ ! -e metrics ]
	[ ! -e status ]
	[ "$(find run -name '*.sock' | wc -l)" = 0 ]
}

@test "sockets that it was started with, by name and by number, are there for the next one" {
	need systemd-socket-activate
	port=$(free_port)
	second=$(free_port)
	spawn activate systemd-socket-activate -l "127.0.0.1:$port" -l "127.0.0.1:$second" --fdname=web:num vsock-proxy fd:web unix:./echo fd:4 unix:./echo unix:./front unix:./echo
	wait_until grep -q 'Listening on' activate.err
	[ "$(ask "tcp:127.0.0.1:$port" hello)" = hello ]
	for turn in 1 2 3; do
		restart activate
		[ "$(ask "tcp:127.0.0.1:$port" hello)" = hello ]
		[ "$(ask "tcp:127.0.0.1:$second" hello)" = hello ]
		[ "$(ask unix:./front hello)" = hello ]
	done
}

@test "a connection that it was started with can't be handed over" {
	need systemd-socket-activate
	port=$(free_port)
	spawn activate systemd-socket-activate --inetd -a -l "127.0.0.1:$port" vsock-proxy fd:0 unix:./echo
	wait_until grep -q 'Listening on' activate.err
	coproc held { vsock-cat "tcp:127.0.0.1:$port"; }
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	[ "$answer" = 1 ]
	child=$(tr -d ' ' <"/proc/${spawned[activate]}/task/${spawned[activate]}/children")
	kill -USR2 "$child"
	wait_until grep -q 'not restarted: it serves a connection that it was started with' activate.err
	echo 2 >&"${held[1]}"; read -r answer <&"${held[0]}"
	[ "$answer" = 2 ]
}

@test "--user: the one that follows has the rights to listen; commands learn nothing of it" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	chmod 755 "$BATS_TEST_TMPDIR"
	mkdir -m 700 private
	printf '%s\n' 'unix:./private/front unix:./echo' "unix:./front exec:'sh -c \"id -un; env | grep -c -e HANDOVER -e LISTEN_; ls /proc/self/fd | wc -w\"'" >rules
	spawn_ready proxy vsock-proxy --user nobody -f rules
	# what a command has open, which is also what bats leaves to everybody
	before=$(vsock-cat unix:./front </dev/null)
	[[ $before == $'nobody\n0\n'* ]]
	for turn in 1 2; do
		echo "unix:./private/new$turn unix:./echo" >>rules
		restart proxy
		[ "$(ask "unix:./private/new$turn" hello)" = hello ]
		[ "$(ask unix:./private/front hello)" = hello ]
		[ "$(sed -n 's/^Uid:\t//p' "/proc/$(worker_of proxy)/status")" = "$(id -u nobody)	$(id -u nobody)	$(id -u nobody)	$(id -u nobody)" ]
		[ "$(vsock-cat unix:./front </dev/null)" = "$before" ]
	done
}

# A service manager that prints who says what, and keeps descriptors; "start FD…" in its command line is a service's next start.
manager() {
	cat >manager.py <<-'END'
		import array, os, socket, struct, subprocess, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
		s.bind("notify")
		print("bound", flush=True)
		store = []
		def listing():
		    print("store " + " ".join(sorted(name for name, _ in store)), flush=True)
		def start(words):
		    def child():
		        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(store)), LISTEN_FDNAMES=":".join(n for n, _ in store))
		        high = [os.dup(fd) for _, fd in store]
		        high = [__import__("fcntl").fcntl(fd, 0, 200) for fd in high]
		        for i, fd in enumerate(high):
		            os.dup2(fd, 3 + i)
		        os.closerange(3 + len(store), 400)
		    process = subprocess.Popen(words, close_fds=False, preexec_fn=child, stderr=open("proxy.err", "a"))
		    print("pid", process.pid, flush=True)
		    return process
		while True:
		    data, ancillary, _, _ = s.recvmsg(4096, 4096)
		    fds, pid = array.array("i"), 0
		    for level, kind, value in ancillary:
		        if kind == socket.SCM_RIGHTS: fds.frombytes(value)
		        if kind == socket.SCM_CREDENTIALS: pid = struct.unpack("3i", value)[0]
		    text = data.decode()
		    fields = dict(line.split("=", 1) for line in text.split("\n") if "=" in line)
		    print(pid, text.replace("\n", " "), flush=True)
		    if "FDSTORE" in fields:
		        for fd in fds:
		            if any(os.path.sameopenfile(fd, other) for _, other in store): os.close(fd)
		            else: store.append((fields["FDNAME"], fd))
		        listing()
		    elif "FDSTOREREMOVE" in fields:
		        for entry in [e for e in store if e[0] == fields["FDNAME"]]:
		            os.close(entry[1])
		            store.remove(entry)
		        listing()
		    elif "START" in fields:
		        process = start(fields["START"].split())
		    elif "WAIT" in fields:
		        print("status", process.wait(), flush=True)
		    else:
		        for fd in fds: os.close(fd)
	END
	spawn manager python3 manager.py
	wait_until grep -qx bound manager.out
}

tell() { # TEXT
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[1].encode(), "notify")' "$1"
}

@test "the service manager is told by the right process: the main process, ready, and its watchdog's" {
	need python3
	manager
	# shellcheck disable=SC2016 # for that shell
	printf '%s\n' '#!/bin/sh' 'export WATCHDOG_PID=$$' 'exec vsock-proxy "$@"' >as-service
	chmod +x as-service
	NOTIFY_SOCKET=$PWD/notify WATCHDOG_USEC=200000 spawn_ready proxy ./as-service unix:./front unix:./echo
	old=${spawned[proxy]}
	wait_until grep -q "^$old WATCHDOG=1" manager.out
	restart proxy
	new=${spawned[proxy]}
	wait_until grep -q "^$new READY=1" manager.out
	wait_until grep -q "^$new WATCHDOG=1" manager.out
	grep -q "^$old RELOADING=1 MONOTONIC_USEC=[0-9]* STATUS=restarting" manager.out
	# nothing from the new one before, nothing from the old one after
	sed "/MAINPID=$new/,\$d" manager.out | grep -q "^$new" && return 1
	sed "1,/^$old MAINPID=$new/d" manager.out | grep -q "^$old" && return 1
	run ! grep -q FDSTORE manager.out
	# one that fails
	rm echo
	echo 'unix:./front unix:./echo' >rules
	finish proxy
	wait_until grep -q "^$new STOPPING=1" manager.out
	own_program
	: >proxy.err
	NOTIFY_SOCKET=$PWD/notify spawn_ready proxy ./bin/vsock-proxy unix:./front unix:./echo
	replace_program 'exit 1'
	kill -USR2 "${spawned[proxy]}"
	wait_until grep -q 'not restarted' proxy.err
	wait_until more_than 1 "^${spawned[proxy]} READY=1" manager.out
}

@test "the service manager keeps the listeners: who connects between two starts waits, and is served" {
	need python3
	export NOTIFY_SOCKET=$PWD/notify FDSTORE=100
	manager
	printf '%s\n' 'unix:./front unix:./echo' 'tcp:localhost:0 unix:./echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	wait_ready proxy 2
	tcp=${readies[1]} inode=$(stat -c %i front)
	wait_until grep -qE '^store kept\.0\.0\.tcp%3alocalhost%3a0 .*kept\.[0-9a-f]+\.[0-9a-f]+\.unix%3a\./front$' manager.out
	# a rule that goes is forgotten, with its file; one that comes is kept
	printf '%s\n' 'unix:./front unix:./echo' 'tcp:localhost:0 unix:./echo' 'unix:./more unix:./echo' >rules
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q 'store .*unix%3a\./more' manager.out
	printf '%s\n' 'unix:./front unix:./echo' 'tcp:localhost:0 unix:./echo' >rules
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q 'FDSTOREREMOVE=1 FDNAME=kept.*unix%3a\./more' manager.out
	wait_until [ ! -e more ]
	finish proxy
	[ -S front ]
	echo waits >unix.in; spawn unix vsock-cat -v unix:./front
	echo waits >tcp.in; spawn tcp vsock-cat -v "tcp4:127.0.0.1:$(port_of "$tcp")"
	wait_until grep -q ' open ' unix.err
	wait_until grep -q ' open ' tcp.err
	tell "START=vsock-proxy -f rules"
	join unix; join tcp
	[ "$(cat unix.out tcp.out)" = $'waits\nwaits' ]
	wait_until grep -q '^pid' manager.out
	spawned[proxy]=$(sed -n 's/^pid //p' manager.out)
	[ "$(stat -c %i front)" = "$inode" ]
	# and from this one to one that follows it on SIGUSR2
	restart proxy
	[ "$(ask "$tcp" hello)" = hello ]
	wait_until more_than 0 "^${spawned[proxy]} FDSTORE=1" manager.out
	[ "$(grep '^store' manager.out | tail -n 1 | wc -w)" = 4 ]
}

# Two listeners, and a connection that is held through a drain: $tcp, ${held[1]} to write to. SIGNAL asks to end.
drain_by() {
	# bash starts background jobs with SIGINT ignored, and what is ignored stays so
	printf '%s\n' '#!/usr/bin/env python3' 'import os, signal, sys' 'signal.signal(signal.SIGINT, signal.SIG_DFL)' \
		'os.execvp("vsock-proxy", ["vsock-proxy"] + sys.argv[1:])' >interruptible
	chmod +x interruptible
	spawn_ready proxy ./interruptible --drain-timeout inf unix:./front unix:./echo tcp:127.0.0.1:0 unix:./echo
	wait_ready proxy 2
	tcp=${readies[1]}
	[ -z "${FDSTORE:-}" ] || wait_until grep -q 'store .*tcp.*unix' manager.out
	coproc held { vsock-cat unix:./front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	kill -"$1" "${spawned[proxy]}"
	wait_until grep -q 'draining: connections open: 1' proxy.err
}

still_drains() {
	echo 2 >&"${held[1]}"; read -r answer <&"${held[0]}"
	[ "$answer" = 2 ]
	exec {held[1]}>&-
	ends_with 0 proxy
}

@test "while it drains newcomers are refused, by either signal, where nobody keeps the listeners" {
	need python3
	for signal in TERM INT; do
		drain_by $signal
		run -3 vsock-cat "$tcp" </dev/null
		run -4 vsock-cat unix:./front </dev/null
		still_drains
	done
}

refuses() {
	local status=0
	timeout 20 vsock-cat "$1" </dev/null || status=$?
	[ "$status" = "$2" ]
}

@test "while it drains for good (SIGINT) the service manager forgets the listeners, and newcomers are refused" {
	need python3
	export NOTIFY_SOCKET=$PWD/notify FDSTORE=100
	manager
	drain_by INT
	wait_until refuses "$tcp" 3
	wait_until refuses unix:./front 4
	grep -q 'STOPPING=1' manager.out
	[ "$(grep '^store' manager.out | tail -n 1)" = 'store ' ]
	still_drains
}

@test "what the service manager has kept and no rule wants is not in the way" {
	need python3
	export NOTIFY_SOCKET=$PWD/notify FDSTORE=100
	manager
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 unix:./echo unix:./front unix:./echo
	port=$(port_of "$ready")
	wait_until grep -q 'store .*unix' manager.out
	finish proxy
	[ -S front ]
	# every interface can't be listened on while somebody listens on one of them
	tell "START=vsock-proxy --allow 127.0.0.1 tcp4:*:$port unix:./echo"
	wait_until grep -q '^pid' manager.out
	spawned[proxy]=$(sed -n 's/^pid //p' manager.out)
	wait_until grep -qx "store kept.0.0.tcp4%3a\*%3a$port" manager.out
	[ ! -e front ]
	[ "$(ask "tcp:127.0.0.1:$port" hello)" = hello ]
	wait_until grep -q 'BARRIER=1' manager.out
}

@test "more than the service manager keeps is not given to it" {
	need python3
	export NOTIFY_SOCKET=$PWD/notify FDSTORE=2
	manager
	spawn_ready proxy vsock-proxy unix:./a unix:./echo unix:./b unix:./echo unix:./c unix:./echo
	wait_until grep -q 'store .*unix%3a./a .*unix%3a./b' manager.out
	finish proxy
	[ -S a ]
	[ -S b ]
	[ ! -e c ]
	run ! grep -q 'unix%3a./c' manager.out
}

@test "a rule with datagrams: the new one gets them on the same port, the old one's flows end" {
	need python3
	spawn far "$tests_top/tests/lib/datagrams" echo 127.0.0.1:0
	wait_until grep -q '^READY' far.out
	spawn_ready proxy vsock-proxy -v udp:127.0.0.1:0 "$(sed -n 's/^READY //p' far.out)"
	at=${ready#udp:}
	first=${spawned[proxy]}
	for _ in 1 2 3; do
		"$tests_top/tests/lib/datagrams" exchange "$at" 100
		restart proxy
		"$tests_top/tests/lib/datagrams" exchange "$at" 100
		wait_until ended "${spawned[proxy-old]}"
	done
	[ "$first" != "${spawned[proxy]}" ]
	[ "$(grep -c ' open udp:' proxy.err)" = 6 ]
	[ "$(grep -c ' done udp:' proxy.err)" -ge 5 ]
}
