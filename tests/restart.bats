#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy restarts without a gap: on SIGUSR2 another process takes the listening sockets over,
# and the service manager keeps them from one start to the next. Nobody is refused, nothing is cut;
# and a new one that fails changes nothing.

load lib/common
load lib/restart

@test "5 restarts under load: no connection is refused, no byte lost, and no descriptor, process or file left" {
	need python3
	bytes 100K data
	spawn_ready proxy vsock-proxy "${inspectable[@]}" tcp:127.0.0.1:0 unix:./echo \
		unix:./front unix:./echo
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
		            t = threading.Thread(
		                target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)))
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
		            if exactly(s, len(block)) != block:
		                raise OSError("other bytes in block %d" % count)
		            count += 1
		        s.shutdown(socket.SHUT_WR)
		        if s.recv(1): raise OSError("more bytes")
		    except OSError as e:
		        bad.append(("long", n, str(e)))
		threads = [threading.Thread(target=f, args=(n,))
		    for f, count in ((short, 6), (long, 6)) for n in range(count)]
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

@test "a restart runs the program now at the path, with the same arguments and directory" {
	own_program
	echo 'unix:./front unix:./echo' >rules
	(PATH=$PWD/bin:$PATH; spawn_ready proxy vsock-proxy -f rules; echo "${spawned[proxy]}" >pid)
	spawned[proxy]=$(cat pid)
	cp bin/vsock-proxy bin/new
	mv bin/new bin/vsock-proxy
	[[ $(readlink "/proc/${spawned[proxy]}/exe") == *" (deleted)" ]]
	restart proxy
	[ "$(readlink "/proc/${spawned[proxy]}/exe")" = "$PWD/bin/vsock-proxy" ]
	[ "$(tr '\0' ' ' <"/proc/${spawned[proxy]}/cmdline")" = \
		"vsock-proxy --ready-fd 9 -f rules " ]
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

@test "a restart that fails before it is ready changes nothing, and the reason is reported" {
	own_program
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy ./bin/vsock-proxy "${inspectable[@]}" -f rules
	fds=$(descriptors_of proxy) inode=$(stat -c %i front)
	printf '%s\n' 'unix:./front unix:./other' 'unix:./x unix:./y max-con=1' >rules
	fails_to_restart proxy 'not restarted: process [0-9]* exited with status 2 before it was ready; this process continues'
	grep -q "rules:2: unknown key 'max-con'" proxy.err
	[ ! -e x ]
	printf '%s\n' 'unix:./front,mode=0666 unix:./other' 'unix:./new unix:./echo' \
		'unix:./echo unix:./other' >rules
	fails_to_restart proxy 'exited with status 1 before it was ready'
	[ ! -e new ]
	[ "$(stat -c %a front)" = 600 ]
	echo 'unix:./front unix:./echo' >rules
	replace_program 'kill -KILL $$'
	fails_to_restart proxy 'was killed by signal 9 (Killed) before it was ready; this process continues'
	replace_program 'exit 0'
	fails_to_restart proxy 'exited with status 0 before it was ready'
	# stopped while it starts: a signal that came before it could be handled
	replace_program "exec env --block-signal=TERM sh -c 'kill -TERM \$\$; exec vsock-proxy \"\$@\"' sh \"\$@\""
	fails_to_restart proxy 'exited with status 0 before it was ready'
	rm bin/vsock-proxy
	fails_to_restart proxy 'exited with status 127 before it was ready'
	grep -q 'bin/vsock-proxy: No such file or directory' proxy.err
	[ "$(stat -c %i front)" = "$inode" ]
	[ "$(descriptors_of proxy)" = "$fds" ]
	cp "$(command -v vsock-proxy)" bin/vsock-proxy
	restart proxy
	[ "$(stat -c %i front)" = "$inode" ]
	[ "$(ask unix:./front hello)" = hello ]
}

@test "a new process stopped before it is ready: the old one serves, reloads later, and ends when asked" {
	own_program
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy ./bin/vsock-proxy -f rules
	replace_program 'echo waits >&2' 'exec sleep 1000'
	kill -USR2 "${spawned[proxy]}"
	waits proxy 1
	[ "$(ask unix:./front hello)" = hello ]
	kill -USR2 "${spawned[proxy]}"
	wait_until grep -q 'not restarted: a restart is already in progress' proxy.err
	echo 'unix:./front unix:./other' >rules
	kill -HUP "${spawned[proxy]}"
	kill -KILL "${spawned[waits]}"
	wait_until grep -q 'not restarted: process [0-9]* was killed by signal 9' proxy.err
	wait_until grep -q 'reloaded; ' proxy.err
	[ "$(vsock-cat unix:./front </dev/null)" = other ]
	kill -USR2 "${spawned[proxy]}"
	waits proxy 2
	kill -TERM "${spawned[proxy]}"
	ends_with 0 proxy
	wait_until ended "${spawned[waits]}"
	[ ! -e front ]
}

@test "a reload requested during a restart is done by the new process" {
	own_program
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy ./bin/vsock-proxy -f rules
	# it reads its rules first, and then the file changes
	mkfifo go
	replace_program 'cp rules before' \
		"echo waits >&2; read line <go; exec $(command -v vsock-proxy) \"\$@\""
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

@test "a restart before the worker has taken the rules of a reload cuts no connection" {
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	coproc held { vsock-cat unix:./front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	worker=$(worker_of proxy)
	# more than fits between both
	for n in {1..400}; do echo "unix:./s$n unix:./echo"; done >>rules
	kill -HUP "${spawned[proxy]}"
	# they are passed when all have been reported
	until grep -q 'unix:./s1,' proxy.err; do :; done
	kill -STOP "$worker"
	wait_until grep -q 'listening on unix:./s400' proxy.err
	restart proxy
	kill -CONT "$worker"
	echo 2 >&"${held[1]}"; read -r answer <&"${held[0]}"
	[ "$answer" = 2 ]
	[ "$(ask unix:./s400 hello)" = hello ]
	exec {held[1]}>&-
	ends_with 0 proxy-old
}

@test "the old process drains for its time, and a signal ends it at once" {
	spawn_ready proxy vsock-proxy -v --drain-timeout 300ms unix:./front unix:./echo
	coproc held { vsock-cat unix:./front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	restart proxy
	wait_until grep -q 'after 300 ms, closing connections that are still open: 1' proxy.err
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

@test "the new process does not end before the draining ones, except on a second signal" {
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

@test "removed, added and changed rules: their sockets and files follow" {
	printf '%s\n' 'unix:./front,mode=0666 unix:./echo' 'unix:./goes unix:./echo' \
		'tcp:127.0.0.1:0 unix:./echo name=tcp' >rules
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

@test "options that cannot apply to inherited sockets are reported, and it serves" {
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	echo 'unix:./front,group=no-such-group-here unix:./other' >rules
	restart proxy
	wait_until grep -q 'vsock-proxy: unix:./front.*: .*group' proxy.err
	[ "$(vsock-cat unix:./front </dev/null)" = other ]
	[ "$(stat -c %a front)" = 600 ]
}

@test "a path longer than a socket name, and one with unusual characters" {
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

@test "the new process owns the pid file, holds its lock and removes it" {
	spawn_ready proxy vsock-proxy --pid-file ./pid unix:./front unix:./echo
	[ "$(cat pid)" = "${spawned[proxy]}" ]
	coproc held { vsock-cat unix:./front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	restart proxy
	[ "$(cat pid)" = "${spawned[proxy]}" ]
	run -1 vsock-proxy --pid-file ./pid unix:./second unix:./echo
	[[ $output == *"process ${spawned[proxy]} is running and has locked it"* ]]
	exec {held[1]}>&-
	ends_with 0 proxy-old
	[ "$(cat pid)" = "${spawned[proxy]}" ]
	restart proxy
	[ "$(cat pid)" = "${spawned[proxy]}" ]
	finish proxy
	[ ! -e pid ]
}

@test "metrics and a status socket with an explicit address move to the new process; each process has its own default one" {
	need python3
	mkdir run
	export XDG_RUNTIME_DIR=$PWD/run
	spawn_ready proxy vsock-proxy --metrics unix:./metrics unix:./front unix:./echo
	spawn_ready named vsock-proxy --status-socket unix:./status --drain-timeout inf \
		unix:./second unix:./echo
	coproc held { vsock-cat unix:./front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	inode=$(stat -c %i metrics)
	restart proxy
	[ "$(stat -c %i metrics)" = "$inode" ]
	for turn in 1 2 3 4 5; do
		printf 'GET /metrics HTTP/1.1\r\n\r\n' | vsock-cat unix:./metrics |
			grep -qx 'vsock_proxy_connections_open{rule="unix:./front"} 0'
	done
	# both are shown while one drains
	vsock-proxy --status >table
	grep -q "pid ${spawned[proxy]}," table
	grep -q "pid ${spawned[proxy-old]}," table
	exec {held[1]}>&-
	ends_with 0 proxy-old
	[ "$(vsock-proxy --status --json | grep -c '"pid"')" = 1 ]
	[ "$(find run -name '*.status' | wc -l)" = 1 ]
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

@test "sockets it was started with, by name or number, are passed to the next process" {
	need systemd-socket-activate
	port=$(free_port)
	second=$(free_port)
	spawn activate systemd-socket-activate -l "127.0.0.1:$port" -l "127.0.0.1:$second" \
		--fdname=web:num vsock-proxy fd:web unix:./echo fd:4 unix:./echo \
		unix:./front unix:./echo
	wait_until grep -q 'Listening on' activate.err
	[ "$(ask "tcp:127.0.0.1:$port" hello)" = hello ]
	for turn in 1 2 3; do
		restart activate
		[ "$(ask "tcp:127.0.0.1:$port" hello)" = hello ]
		[ "$(ask "tcp:127.0.0.1:$second" hello)" = hello ]
		[ "$(ask unix:./front hello)" = hello ]
	done
}

@test "metrics and a status socket on sockets it was started with are passed to the next process" {
	need systemd-socket-activate
	metrics=$(free_port)
	status=$(free_port)
	# numbers alone, without what systemd says of them
	spawn activate systemd-socket-activate -l "127.0.0.1:$metrics" -l "127.0.0.1:$status" \
		env -u LISTEN_FDS -u LISTEN_PID vsock-proxy --metrics fd:3 --status-socket fd:4 \
		unix:./front unix:./echo
	wait_until grep -q 'Listening on' activate.err
	vsock-proxy --status "tcp:127.0.0.1:$status" >first
	for turn in 1 2 3; do
		restart activate
		printf 'GET /healthz HTTP/1.1\r\n\r\n' | vsock-cat "tcp:127.0.0.1:$metrics" |
			grep -qx ok
		vsock-proxy --status "tcp:127.0.0.1:$status" | grep -q "pid ${spawned[activate]},"
	done
}

@test "a connection it was started with cannot be passed on" {
	need systemd-socket-activate
	port=$(free_port)
	spawn activate systemd-socket-activate --inetd -a -l "127.0.0.1:$port" vsock-proxy \
		fd:0 unix:./echo
	wait_until grep -q 'Listening on' activate.err
	coproc held { vsock-cat "tcp:127.0.0.1:$port"; }
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	[ "$answer" = 1 ]
	child=$(tr -d ' ' <"/proc/${spawned[activate]}/task/${spawned[activate]}/children")
	kill -USR2 "$child"
	wait_until grep -q 'not restarted: it serves a connection that it was started with' \
		activate.err
	echo 2 >&"${held[1]}"; read -r answer <&"${held[0]}"
	[ "$answer" = 2 ]
}

@test "--user: the new process keeps the right to listen; commands inherit none of it" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	chmod 755 "$BATS_TEST_TMPDIR"
	mkdir -m 700 private
	printf '%s\n' 'unix:./private/front unix:./echo' \
		"unix:./front exec:'sh -c \"id -un; env | grep -c -e HANDOVER -e LISTEN_; ls /proc/self/fd | wc -w\"'" >rules
	spawn_ready proxy vsock-proxy --user nobody -f rules
	# what a command has open, which is also what bats leaves to everybody
	before=$(vsock-cat unix:./front </dev/null)
	[[ $before == $'nobody\n0\n'* ]]
	for turn in 1 2; do
		echo "unix:./private/new$turn unix:./echo" >>rules
		restart proxy
		[ "$(ask "unix:./private/new$turn" hello)" = hello ]
		[ "$(ask unix:./private/front hello)" = hello ]
		[ "$(sed -n 's/^Uid:\t//p' "/proc/$(worker_of proxy)/status")" = \
			"$(id -u nobody)	$(id -u nobody)	$(id -u nobody)	$(id -u nobody)" ]
		[ "$(vsock-cat unix:./front </dev/null)" = "$before" ]
	done
}

@test "a datagram rule: the new process serves the same port, and flows of the old one end" {
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
