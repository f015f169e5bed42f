#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy reads its rules again: what stays keeps listener and connections, what goes drains, a
# mistake changes nothing.

load lib/common
load lib/reload

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	umask 022
	spawn_ready echo vsock-listen --echo unix:echo
	spawn_ready other vsock-listen unix:other -- echo other
}

@test "a reload keeps connections of unchanged rules, drains removed rules and serves new ones" {
	printf '%s\n' 'unix:stays unix:echo name=stays' 'unix:goes unix:echo name=goes' >rules
	spawn_ready proxy vsock-proxy -v -f rules unix:always unix:echo
	wait_ready proxy 3
	coproc stays { vsock-cat unix:stays; }
	exec {to_stays}>&"${stays[1]}" {from_stays}<&"${stays[0]}"
	echo 1 >&$to_stays; read -r answer <&$from_stays
	coproc goes { vsock-cat unix:goes; } 2>/dev/null
	echo 2 >&"${goes[1]}"; read -r answer <&"${goes[0]}"
	[ "$answer" = 2 ]
	inode=$(stat -c %i stays)
	printf '%s\n' '# moved down' 'unix:new unix:echo' 'unix:stays unix:echo name=stays' >rules
	reload
	grep -q 'reloaded; rules unchanged: 2, adjusted: 0, new: 1, removed: 1' proxy.err
	[ "$(ask unix:new 3)" = 3 ]
	[ "$(ask unix:always 4)" = 4 ]
	[ ! -e goes ]
	[ "$(stat -c %i stays)" = "$inode" ]
	# both old connections still work
	echo 5 >&$to_stays; read -r answer <&$from_stays
	[ "$answer" = 5 ]
	echo 6 >&"${goes[1]}"; read -r answer <&"${goes[0]}"
	[ "$answer" = 6 ]
	exec {to_stays}>&- {stays[1]}>&- {goes[1]}>&-
	wait_until grep -qE 'done .* rule=goes .* end=eof' proxy.err
	kill -TERM "${spawned[proxy]}"
	join proxy
}

@test "a rule with a new target keeps its listening socket" {
	echo 'unix:front unix:echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	inode=$(stat -c %i front)
	echo 'unix:front unix:other' >rules
	reload
	[ "$(stat -c %i front)" = "$inode" ]
	[ "$(vsock-cat unix:front </dev/null)" = other ]
	finish proxy
	[ ! -e front ]
}

@test "a mistake or an address in use is reported and changes nothing" {
	echo 'unix:front unix:echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	printf '%s\n' 'unix:front unix:other' 'unix:x unix:y max-con=1' >rules
	reload
	grep -q "rules:2: unknown key 'max-con'" proxy.err
	grep -q 'nothing was reloaded' proxy.err
	[ "$(ask unix:front 1)" = 1 ]
	printf '%s\n' 'unix:front unix:other' 'unix:fresh unix:echo' 'unix:echo unix:other' >rules
	reload
	grep -q 'unix:echo: .*in use' proxy.err
	[ "$(ask unix:front 2)" = 2 ]
	[ ! -e fresh ]
	: >rules
	reload
	[ "$(ask unix:front 3)" = 3 ]
	echo 'unix:front unix:other' >rules
	reload
	[ "$(vsock-cat unix:front </dev/null)" = other ]
}

@test "connections of removed rules end when the drain timeout expires" {
	echo 'unix:front unix:echo name=front' >rules
	spawn_ready proxy vsock-proxy -v --drain-timeout 200ms -f rules unix:always unix:echo
	coproc held { vsock-cat unix:front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	echo '# none' >rules
	reload
	wait_until grep -q 'front: connections that were still open have been closed: 1' proxy.err
	wait_until grep -qE 'done .* rule=front .* end=signal' proxy.err
	[ "$(ask unix:always 2)" = 2 ]
}

@test "while a reload waits for its files, commands run, and a signal ends it" {
	mkfifo hosts
	echo 'unix:front exec:cat' >rules
	echo '42 guest' >hosts &
	VSOCK_HOSTS=$PWD/hosts spawn_ready proxy vsock-proxy -f rules
	kill -HUP "${spawned[proxy]}"
	# nobody writes to the pipe: whoever reads it waits in open(2)
	wait_until pgrep -P "${spawned[proxy]}" -x vsock-rules >reader
	[ "$(ask unix:front 1)" = 1 ]
	kill -TERM "${spawned[proxy]}"
	join proxy
	wait_until ended "$(cat reader)"
}

# A reload fails, and the rule of the file stays.
is_refused() { # WHY
	reload
	[ "$(grep -c 'nothing was reloaded' proxy.err)" = "$(grep -c 'reloaded' proxy.err)" ]
	grep -qE "$1" proxy.err
	[ "$(ask unix:front 1)" = 1 ]
}

@test "a reload reads no pipe, device or emptied directory: it fails at once, and the rules stay" {
	local again='cannot be read again: it is neither a regular file nor a directory'
	echo 'unix:front unix:echo' >rules
	spawn_ready proxy vsock-proxy -f rules unix:always unix:echo
	rm rules
	mkfifo rules
	is_refused "^rules: $again"
	rm rules
	ln -s /dev/null rules
	is_refused "^rules: $again"
	rm rules
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("rules")'
	is_refused '^rules: cannot be read: '
	finish proxy
	# what has been read to its end, by a reload or a restart, would seem to have no rules
	rm rules
	spawn_ready proxy vsock-proxy -f <(echo 'unix:front unix:echo') unix:always unix:echo
	wait_ready proxy 2
	is_refused 'cannot be read'
	finish proxy
	rm -f proxy.in
	echo 'unix:front unix:echo' >proxy.in
	spawn_ready proxy vsock-proxy -f - unix:always unix:echo
	wait_ready proxy 2
	is_refused '^-: standard input cannot be read again'
	grep -qx 'hint: stop vsock-proxy and start it again' proxy.err
	kill -USR2 "${spawned[proxy]}"
	wait_until grep -q 'not restarted' proxy.err
	[ "$(ask unix:front 2)" = 2 ]
	finish proxy
	mkdir rules
	echo 'unix:front unix:echo' >rules/a.rules
	spawn_ready proxy vsock-proxy -f rules
	rm rules/a.rules
	is_refused 'no rules: nothing would be forwarded'
}

@test "--reload-on-change notices a file that is replaced, written to, or new in a directory" {
	mkdir rules.d
	echo 'unix:one unix:echo' >file
	echo 'unix:two unix:echo' >rules.d/two.rules
	run -2 vsock-proxy --check --reload-on-change unix:one unix:echo
	[[ $output == *"--reload-on-change needs --rules"* ]]
	spawn_ready proxy vsock-proxy --reload-on-change -f file -f rules.d
	echo 'unix:three unix:echo' >new
	mv new file
	wait_until test -S three
	wait_until test ! -e one
	echo 'unix:four unix:echo' >rules.d/four.rules
	wait_until test -S four
	echo ignored >rules.d/notes.txt
	rm rules.d/two.rules
	wait_until test ! -e two
	echo 'mistake' >>rules.d/four.rules
	wait_until grep -q 'nothing was reloaded' proxy.err
	[ "$(ask unix:four 4)" = 4 ]
	[ "$(ask unix:three 3)" = 3 ]
	[ "$(grep -c 'reloaded; ' proxy.err)" = 3 ]
}

@test "--reload-on-change notices volumes of Kubernetes, targets of links, and other directories" {
	mkdir -p file/..1 file/..2 directory etc srv
	echo 'unix:one unix:echo' >file/..1/p.rules
	echo 'unix:two unix:echo' >file/..2/p.rules
	cp -r file/..1 file/..2 directory
	sed -i 's/:one/:three/; s/:two/:four/' directory/..*/p.rules
	for volume in file directory; do
		ln -s ..1 "$volume/..data"
		ln -s ..data/p.rules "$volume/p.rules"
	done
	echo 'unix:five unix:echo' >srv/p.rules
	ln -s ../srv/p.rules etc/p.rules
	spawn_ready proxy vsock-proxy --reload-on-change -f file/p.rules -f directory -f etc/p.rules
	for volume in file directory; do
		ln -s ..2 "$volume/..new"
		mv -T "$volume/..new" "$volume/..data"
	done
	wait_until test -S two
	wait_until test -S four
	wait_until test ! -e one
	wait_until test ! -e three
	echo 'unix:six unix:echo' >>srv/p.rules
	wait_until test -S six
	cp -r directory new
	mv directory old
	mv new directory
	echo 'unix:seven unix:echo' >directory/seven.rules
	wait_until test -S seven
	echo 'unix:eight unix:echo' >directory/eight.rules
	wait_until test -S eight
}

reloading_twice() {
	[ "$(grep -c ^RELOADING=1 manager.out)" = 2 ]
}

# The proxy has this child, and no other.
has_only() {
	[ "$(pgrep -P "${spawned[proxy]}")" = "$1" ]
}

@test "the service manager is notified of a reload" {
	need python3
	echo 'unix:front unix:echo' >rules
	spawn manager python3 -uc '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("notify")
while True:
    print(s.recv(4096).decode().replace("\n", " "))
'
	wait_until test -S notify
	NOTIFY_SOCKET=$PWD/notify spawn_ready proxy vsock-proxy -f rules
	wait_until grep -q '^READY=1 ' manager.out
	reload
	wait_until grep -qE '^RELOADING=1 MONOTONIC_USEC=[0-9]+' manager.out
	wait_until ready_twice
	# SIGTERM comes before the worker has said how many descriptors are free: the service
	# manager hears of no reload any more
	coproc held { vsock-cat unix:front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	worker=$(worker_of proxy)
	kill -STOP "$worker"
	echo 'unix:second unix:echo' >>rules
	kill -HUP "${spawned[proxy]}"
	wait_until reloading_twice
	wait_until has_only "$worker" # no process reads the rules any more
	kill -TERM "${spawned[proxy]}"
	wait_until grep -q '^STOPPING=1' manager.out
	kill -CONT "$worker"
	wait_until grep -q 'waiting up to' proxy.err
	exec {held[1]}>&-
	ends_with 0 proxy
	[ "$(grep -c 'reloaded; ' proxy.err)" = 1 ]
	[ "$(tail -n 1 manager.out)" = 'STOPPING=1 STATUS=no longer listening' ]
}

@test "without rule files SIGHUP ends it, like a closed terminal" {
	spawn_ready proxy vsock-proxy unix:front unix:echo
	kill -HUP "${spawned[proxy]}"
	join proxy
}

@test "reloading repeatedly under load loses no byte and leaks nothing" {
	need python3
	bytes 200K data
	echo 'unix:front unix:echo name=a' >rules
	spawn_ready proxy vsock-proxy "${inspectable[@]}" -f rules
	fds=$(descriptors_of proxy -lname 'socket:*')
	spawn load python3 -c '
import socket, sys, threading
data = open("data", "rb").read()
bad = []
def client(n):
    for i in range(12):
        try:
            s = socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect("front")
            def send():
                s.sendall(data); s.shutdown(socket.SHUT_WR)
            t = threading.Thread(target=send); t.start()
            got = b""
            while piece := s.recv(1 << 16):
                got += piece
            t.join()
            if got != data: bad.append((n, i, len(got)))
        except OSError as e:
            bad.append((n, i, str(e)))
threads = [threading.Thread(target=client, args=(n,)) for n in range(20)]
for t in threads: t.start()
for t in threads: t.join()
print("bad", bad)
'
	names=(a b)
	for i in $(seq 1 20); do
		echo "unix:front unix:echo name=${names[i % 2]}" >rules.new
		mv rules.new rules
		reload
	done
	join load
	[ "$(cat load.out)" = "bad []" ]
	wait_until fds_are "$fds"
}

@test "500 open connections survive 10 reloads with data in transit: no byte is lost" {
	need python3
	ulimit -n "$(ulimit -Hn)"
	spawn_ready many vsock-listen unix:./many --echo
	echo 'unix:front unix:many name=a' >rules
	spawn_ready proxy vsock-proxy -f rules
	python3 - "${spawned[proxy]}" <<-'END'
		import os, signal, socket, sys
		clients = []
		for i in range(500):
		    client = socket.socket(socket.AF_UNIX)
		    client.settimeout(60)
		    client.connect("front")
		    clients.append(client)
		for lap in range(10):
		    blocks = [b"%d:%d;" % (lap, i) * 2000 for i in range(500)]
		    for half in (0, 1):
		        for client, block in zip(clients, blocks):
		            middle = len(block) // 2
		            client.sendall(block[middle:] if half else block[:middle])
		        if half == 0:
		            with open("rules.new", "w") as rules:
		                rules.write("unix:front unix:many name=lap%d\n" % lap)
		                rules.write("unix:other%d unix:many\n" % lap)
		            os.rename("rules.new", "rules")
		            os.kill(int(sys.argv[1]), signal.SIGHUP)
		    for client, block in zip(clients, blocks):
		        got = b""
		        while len(got) < len(block):
		            got += client.recv(len(block) - len(got)) \
		                or exit("%d of %d bytes" % (len(got), len(block)))
		        assert got == block, lap
		for client in clients:
		    client.shutdown(socket.SHUT_WR)
		    assert client.recv(1) == b""
	END
	wait_until test -S other9
	[ "$(echo hello | vsock-cat ./other9)" = hello ]
}

@test "reloads with changing names, access lists and users under 500 connections: who may connect is what the files say" {
	need python3
	[ "$(id -u)" != 0 ] || need unshare
	chmod a+x . .. ../.. ../../..
	mkdir many
	cd many
	# AddressSanitizer would keep freed memory, up to 256 MiB of it
	export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=0:malloc_context_size=0
	ASAN_OPTIONS+=:detect_stack_use_after_return=0
	# 1,000 of them in scripts/check --full
	"$tests_top/tests/lib/reloads" "$(command -v vsock-proxy)" 25 500
}

ready_twice() {
	[ "$(grep -c '^READY=1' manager.out)" = 2 ]
}

# As many sockets as before.
fds_are() {
	[ "$(descriptors_of proxy -lname 'socket:*')" -le "$1" ]
}

@test "a new access list or limit keeps the listener and its connections, and applies to the next one" {
	echo "unix:front unix:echo name=front allow=uid:$(id -u)" >rules
	spawn_ready proxy vsock-proxy -v -f rules
	inode=$(stat -c %i front)
	coproc held { vsock-cat unix:front; } 2>/dev/null
	exec {to_held}>&"${held[1]}" {from_held}<&"${held[0]}"
	echo 1 >&$to_held; read -r answer <&$from_held
	echo "unix:front unix:echo deny=uid:$(id -u) name=front max-conns=5" >rules
	reload
	grep -q '^vsock-proxy: front: new access list or limits; open connections continue$' \
		proxy.err
	grep -q 'reloaded; rules unchanged: 0, adjusted: 1, new: 0, removed: 0' proxy.err
	[ "$(stat -c %i front)" = "$inode" ]
	[ "$(ask unix:front 2)" = '' ]
	grep -q "deny=uid:$(id -u)" proxy.err
	echo 3 >&$to_held; read -r answer <&$from_held
	[ "$answer" = 3 ]
	# one is open: a limit of one lets nobody else in, and a higher one does
	echo 'unix:front unix:echo name=front max-conns=1' >rules
	reload
	spawn waits vsock-cat unix:front
	echo 'unix:front unix:echo name=front max-conns=2' >rules
	reload
	join waits
	[ "$(grep -c 'done .* rule=front .* end=eof' proxy.err)" = 1 ]
	exec {to_held}>&- {from_held}<&-
}

@test "after a reload users and groups in access lists mean what the files say" {
	need unshare
	unshare -m true 2>/dev/null || skip "may not have a mount namespace of its own: run as root"
	cp /etc/passwd passwd
	echo 'door:x:4242:4242::/:/bin/false' >>passwd
	cat >inside <<-'SCRIPT'
		#!/bin/sh
		exec unshare -m sh -c 'mount --bind passwd /etc/passwd && exec vsock-proxy "$@"' sh "$@"
	SCRIPT
	chmod +x inside
	printf '%s\n' 'unix:own unix:echo allow=user:door' 'unix:all unix:echo' >rules
	spawn_ready proxy ./inside -v --allow user:door --user door -f rules
	[ "$(ask unix:own 1)$(ask unix:all 1)" = '' ]
	reload
	run ! grep -q 'another user' proxy.err
	sed "s/^door:x:4242/door:x:$(id -u)/" passwd >changed
	cat changed >passwd
	reload
	grep -q 'rules unchanged: 1, adjusted: 1, new: 0' proxy.err
	grep -q -e '--allow and --deny: names have changed' proxy.err
	grep -qF -e '--user door is another user now: until a restart it stays uid 4242, gid 4242' \
		proxy.err
	[ "$(ask unix:own 2)$(ask unix:all 3)" = 23 ]
}

@test "systemd's units: a reload checks the rules first, and permanent mistakes are not retried" {
	local unit reloads
	echo 'unix:a unix:b max-con=1' >bad.rules
	for unit in vsock-proxy.service vsock-proxy@.service; do
		mapfile -t reloads < <(sed -n 's/^ExecReload=//p' \
			"$VSOCK_TOOLS_BUILD/systemd/$unit")
		[ ${#reloads[@]} = 2 ]
		[[ ${reloads[0]} =~ ^/.*/vsock-proxy\ (--check --rules) ]]
		run -2 vsock-proxy ${BASH_REMATCH[1]} bad.rules
		[[ ${reloads[1]} == *'kill -HUP $MAINPID' ]]
		# the statuses of a bad rule, and of what is not permitted
		grep -qx 'RestartPreventExitStatus=2 6' "$VSOCK_TOOLS_BUILD/systemd/$unit"
	done
}

@test "a new mode or owner of a socket file is applied, and the listener and its connections stay" {
	echo 'unix:front,mode=0600 unix:echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	inode=$(stat -c %i front)
	coproc held { vsock-cat unix:front; }
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	owner=$(id -u)
	[ "$owner" != 0 ] || owner=65534
	echo "unix:front,mode=0666,owner=$owner unix:echo" >rules
	reload
	grep -q 'reloaded; rules unchanged: 0, adjusted: 1, new: 0, removed: 0' proxy.err
	[ "$(stat -c '%i %a %u' front)" = "$inode 666 $owner" ]
	# the same with another target, which is another rule
	echo 'unix:front,mode=0640 unix:other' >rules
	reload
	[ "$(stat -c '%i %a' front)" = "$inode 640" ]
	echo 2 >&"${held[1]}"; read -r answer <&"${held[0]}"
	[ "$answer" = 2 ]
}
