#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy and a service manager that keeps its listening sockets from one start to the next.

load lib/common
load lib/restart

# A service manager that prints who says what, and keeps descriptors; "start FD…" in its command
# line is a service's next start.
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
		        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(store)),
		            LISTEN_FDNAMES=":".join(n for n, _ in store))
		        high = [os.dup(fd) for _, fd in store]
		        high = [__import__("fcntl").fcntl(fd, 0, 200) for fd in high]
		        for i, fd in enumerate(high):
		            os.dup2(fd, 3 + i)
		        os.closerange(3 + len(store), 400)
		    process = subprocess.Popen(words, close_fds=False, preexec_fn=child,
		        stderr=open("proxy.err", "a"))
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
		            if any(os.path.sameopenfile(fd, other) for _, other in store):
		                os.close(fd)
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

@test "the service manager hears from the right process: main process, READY and watchdog" {
	need python3
	manager
	# shellcheck disable=SC2016 # for that shell
	printf '%s\n' '#!/bin/sh' 'export WATCHDOG_PID=$$' 'exec vsock-proxy "$@"' >as-service
	chmod +x as-service
	NOTIFY_SOCKET=$PWD/notify WATCHDOG_USEC=200000 spawn_ready proxy ./as-service \
		unix:./front unix:./echo
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

@test "a restart that fails does not tell the service manager that a reload has ended" {
	need python3
	manager
	own_program
	mkfifo hosts
	echo 'unix:./front unix:./echo' >rules
	echo '42 guest' >hosts &
	VSOCK_HOSTS=$PWD/hosts NOTIFY_SOCKET=$PWD/notify spawn_ready proxy ./bin/vsock-proxy \
		-f rules
	replace_program 'exit 1'
	kill -HUP "${spawned[proxy]}"
	# nobody writes to the pipe: whoever reads it waits in open(2)
	wait_until pgrep -P "${spawned[proxy]}" -x vsock-rules >/dev/null
	kill -USR2 "${spawned[proxy]}"
	wait_until grep -q 'not restarted' proxy.err
	echo '42 guest' >hosts
	wait_until grep -q 'reloaded; ' proxy.err
	finish proxy
	wait_until grep -q ' STOPPING=1' manager.out
	[ "$(grep -c ' READY=1' manager.out)" = 2 ]
}

@test "the service manager keeps the listeners: clients between two starts wait and are served" {
	need python3
	export NOTIFY_SOCKET=$PWD/notify FDSTORE=100
	manager
	printf '%s\n' 'unix:./front unix:./echo' 'tcp:localhost:0 unix:./echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	wait_ready proxy 2
	tcp=${readies[1]} inode=$(stat -c %i front)
	wait_until grep -qE '^store inherited\.0\.0\.tcp%3alocalhost%3a0 .*inherited\.[0-9a-f]+\.[0-9a-f]+\.unix%3a\./front$' manager.out
	# a rule that goes is forgotten, with its file; one that comes is kept
	printf '%s\n' 'unix:./front unix:./echo' 'tcp:localhost:0 unix:./echo' \
		'unix:./more unix:./echo' >rules
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q 'store .*unix%3a\./more' manager.out
	printf '%s\n' 'unix:./front unix:./echo' 'tcp:localhost:0 unix:./echo' >rules
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q 'FDSTOREREMOVE=1 FDNAME=inherited.*unix%3a\./more' manager.out
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

@test "a service manager that takes nothing keeps nobody waiting, and hears everything later" {
	need python3
	export NOTIFY_SOCKET=$PWD/notify FDSTORE=100 WATCHDOG_USEC=200000
	manager
	kill -STOP "${spawned[manager]}"
	python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setblocking(False)
try:
    while True: s.sendto(b"FULL=1", "notify")
except BlockingIOError: pass'
	printf '%s\n' 'unix:./front unix:./echo' 'tcp:127.0.0.1:0 unix:./echo' >rules
	spawn_ready proxy vsock-proxy -f rules --status-socket unix:./status
	wait_ready proxy 2
	tcp=${readies[1]}
	[ "$(ask "$tcp" hello)" = hello ]
	# every wait for it would take 5 s
	for _ in 1 2 3 4 5; do
		begun=$EPOCHREALTIME
		vsock-proxy --status unix:./status >status.out
		[ $((${EPOCHREALTIME/./} - ${begun/./})) -lt 2000000 ]
	done
	echo 'unix:./front unix:./echo' >rules
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q reloaded proxy.err
	kill -CONT "${spawned[manager]}"
	wait_until grep -q WATCHDOG=1 manager.out
	wait_until more_than 1 READY=1 manager.out
	wait_until grep -qE '^store inherited\.[0-9a-f]+\.[0-9a-f]+\.unix%3a\./front$' manager.out
	[ "$(grep -o 'READY=1\|RELOADING=1' manager.out | paste -sd ' ')" = 'READY=1 RELOADING=1 READY=1' ]
	run ! grep -q 'cannot notify' proxy.err
	finish proxy
	wait_until grep -q 'STOPPING=1' manager.out
}

# Two listeners, and a connection that is held through a drain: $tcp, ${held[1]} to write to. SIGNAL
# asks to end.
drain_by() {
	# bash starts background jobs with SIGINT ignored, and what is ignored stays so
	printf '%s\n' '#!/usr/bin/env python3' 'import os, signal, sys' \
		'signal.signal(signal.SIGINT, signal.SIG_DFL)' \
		'os.execvp("vsock-proxy", ["vsock-proxy"] + sys.argv[1:])' >interruptible
	chmod +x interruptible
	spawn_ready proxy ./interruptible --drain-timeout inf unix:./front unix:./echo \
		tcp:127.0.0.1:0 unix:./echo
	wait_ready proxy 2
	tcp=${readies[1]}
	[ -z "${FDSTORE:-}" ] || wait_until grep -q 'store .*tcp.*unix' manager.out
	coproc held { vsock-cat unix:./front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	kill -"$1" "${spawned[proxy]}"
	wait_until grep -q 'waiting up to .* for 1 connection to finish' proxy.err
}

still_drains() {
	echo 2 >&"${held[1]}"; read -r answer <&"${held[0]}"
	[ "$answer" = 2 ]
	exec {held[1]}>&-
	ends_with 0 proxy
}

@test "while draining, new clients are refused after either signal if nobody keeps the listeners" {
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

@test "while draining for good (SIGINT), the service manager drops the listeners and new clients are refused" {
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

@test "a stored listener that no rule wants does no harm" {
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
	wait_until grep -qx "store inherited.0.0.tcp4%3a\*%3a$port" manager.out
	[ ! -e front ]
	[ "$(ask "tcp:127.0.0.1:$port" hello)" = hello ]
	wait_until grep -q 'BARRIER=1' manager.out
}

@test "no more listeners are stored than the service manager keeps" {
	need python3
	export NOTIFY_SOCKET=$PWD/notify FDSTORE=2
	manager
	spawn_ready proxy vsock-proxy unix:./a unix:./echo unix:./b unix:./echo unix:./c unix:./echo
	# in either order: what is sorted begins with the inode
	wait_until grep -qE 'store .*unix%3a./(a .*unix%3a./b|b .*unix%3a./a)$' manager.out
	finish proxy
	[ -S a ]
	[ -S b ]
	[ ! -e c ]
	run ! grep -q 'unix%3a./c' manager.out
}

@test "a program without a free descriptor still tells the service manager that it is alive" {
	need prlimit
	export NOTIFY_SOCKET=$PWD/notify WATCHDOG_USEC=200000
	manager
	spawn_ready proxy vsock-proxy unix:./front unix:./echo
	wait_until grep -q WATCHDOG=1 manager.out
	prlimit --pid "${spawned[proxy]}" --nofile=3:
	before=$(grep -c WATCHDOG=1 manager.out)
	wait_until more_than "$((before + 3))" WATCHDOG=1 manager.out
	finish proxy
	wait_until grep -q STOPPING=1 manager.out
	run ! grep -q 'cannot notify' proxy.err
}

@test "SIGTERM while a reload passes listeners to the worker: new clients of all are refused" {
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy vsock-proxy --drain-timeout inf -f rules
	coproc held { exec vsock-cat unix:./front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	seq -f "unix:@$$-new%g unix:./echo" 1000 >>rules
	worker=$(pgrep -P "${spawned[proxy]}" -x vsock-worker)
	# it is stopped before it has them all: they are passed when all have been reported
	kill -HUP "${spawned[proxy]}"
	until grep -q -- '-new1,' proxy.err; do :; done
	kill -STOP "$worker"
	wait_until grep -q -- '-new1000,' proxy.err
	kill -TERM "${spawned[proxy]}"
	wait_until test ! -e front
	kill -CONT "$worker"
	wait_until grep -q 'waiting up to .* for 1 connection to finish' proxy.err
	refused "unix:@$$-new1"
	exec {held[1]}>&-
	finish proxy
}

refused() {
	local status=0
	timeout 5 vsock-cat "$1" </dev/null 2>/dev/null || status=$?
	[ "$status" = 3 ]
}
