#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy reads its rules again: what stays keeps listener and connections, what goes drains, a mistake changes nothing.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	umask 022
	spawn_ready echo vsock-listen --echo unix:echo
	spawn_ready other vsock-listen unix:other -- echo other
}

ask() {
	echo "$2" | vsock-cat "$1" 2>/dev/null
}

reload() {
	local before
	before=$(grep -c 'reloaded' proxy.err || true)
	kill -HUP "${spawned[proxy]}"
	wait_until said_again "$before"
}

said_again() {
	[ "$(grep -c 'reloaded' proxy.err)" -gt "$1" ]
}

@test "a rule that stays keeps its connection, one that goes drains, a new one is served" {
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
	grep -q 'reloaded; rules that stay: 2, new: 1, gone: 1' proxy.err
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

@test "a rule with another target keeps the listening socket" {
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

@test "a mistake, or an address that is in use, changes nothing and is said" {
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

@test "what goes is ended when the time of the drain is up" {
	echo 'unix:front unix:echo name=front' >rules
	spawn_ready proxy vsock-proxy -v --drain-timeout 200ms -f rules unix:always unix:echo
	coproc held { vsock-cat unix:front; } 2>/dev/null
	echo 1 >&"${held[1]}"; read -r answer <&"${held[0]}"
	echo '# none' >rules
	reload
	wait_until grep -q 'front: still open, ended: 1' proxy.err
	wait_until grep -qE 'done .* rule=front .* end=signal' proxy.err
	[ "$(ask unix:always 2)" = 2 ]
}

@test "--reload-on-change: a file that is replaced, written to, or new in a folder" {
	mkdir rules.d
	echo 'unix:one unix:echo' >file
	echo 'unix:two unix:echo' >rules.d/two.rules
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

@test "the service manager is told of a reload" {
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
	finish proxy
	wait_until grep -q '^STOPPING=1' manager.out
}

@test "without rule files SIGHUP ends it, as a closed terminal does" {
	spawn_ready proxy vsock-proxy unix:front unix:echo
	kill -HUP "${spawned[proxy]}"
	join proxy
}

@test "reloading again and again under load: not a byte is lost, nothing leaks" {
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

@test "500 open connections go through 10 reloads, with bytes on their way in each: none is lost" {
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
		            got += client.recv(len(block) - len(got)) or exit("%d of %d bytes" % (len(got), len(block)))
		        assert got == block, lap
		for client in clients:
		    client.shutdown(socket.SHUT_WR)
		    assert client.recv(1) == b""
	END
	wait_until test -S other9
	[ "$(echo hello | vsock-cat ./other9)" = hello ]
}

ready_twice() {
	[ "$(grep -c '^READY=1' manager.out)" = 2 ]
}

# As many sockets as before.
fds_are() {
	[ "$(descriptors_of proxy -lname 'socket:*')" -le "$1" ]
}
