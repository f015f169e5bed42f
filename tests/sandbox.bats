#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy's two processes: what the worker can't do, what its supervisor does for it, and how
# each goes on without the other. What a confined process is refused is tried from inside by
# tests/unit/test-confine.c.

load lib/common

setup() {
	own_directory
}

field() { # PID KEY
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

ask() { # ADDRESS TEXT
	echo "$2" | timeout 20 vsock-cat "$1"
}

descriptors() {
	find "/proc/$1/fd" -mindepth 1 | wc -l
}

as_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# Where root's files are out of nobody's reach; nobody may enter the directory around it.
private_folder() {
	chmod 755 "$BATS_TEST_TMPDIR"
	mkdir -m 700 private
}

@test "the worker has no capability, no new privileges, a seccomp filter and none of our descriptors" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy -vv unix:./front unix:./echo
	worker=$(worker_of proxy)
	[ "$(field "$worker" NoNewPrivs)" = 1 ]
	for set in CapInh CapPrm CapEff CapAmb; do
		[ "$(field "$worker" $set)" = 0000000000000000 ]
	done
	[ "$(id -u)" != 0 ] || [ "$(field "$worker" CapBnd)" = 0000000000000000 ]
	grep -q "worker (process $worker, uid [0-9]*): no capabilities, no_new_privs" proxy.err
	if vsock-proxy --version | grep -qF +seccomp; then
		[ "$(field "$worker" Seccomp)" = 2 ]
		grep -qF ', seccomp' proxy.err
	else
		grep -qF 'seccomp: built without libseccomp' proxy.err
	fi
	[ "$(ask unix:./front hello)" = hello ]
	# standard ones, two channels, epoll, the listener
	[ "$(id -u)" != 0 ] || wait_until [ "$(descriptors "$worker")" = 7 ]
}

@test "root's worker is not root even without --user, and opens what root may through its supervisor" {
	as_root
	private_folder
	spawn_ready echo vsock-listen unix:./private/echo --echo
	spawn_ready proxy vsock-proxy -vv unix:./front unix:./private/echo unix:./id 'exec:id -u'
	worker=$(worker_of proxy)
	read -r uid _ <<<"$(field "$worker" Uid)"
	expected=$(id -u vsock-proxy 2>/dev/null || true)
	[ "${expected:-$uid}" = "$uid" ]
	[ -n "$expected" ] || { [ "$uid" -ge 61184 ] && [ "$uid" -le 65519 ]; }
	[ "$(field "$worker" Uid)" = "$uid	$uid	$uid	$uid" ]
	[ -z "$(field "$worker" Groups | tr -d ' ')" ]
	grep -q "worker (process $worker, uid $uid): no capabilities" proxy.err
	[ "$(ask unix:./front hello)" = hello ]
	[ "$(vsock-cat unix:./id </dev/null)" = 0 ]
}

@test "--sandbox require exits if anything cannot be enforced; auto warns once" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy --sandbox require unix:./front unix:./echo
	[ "$(ask unix:./front hello)" = hello ]
	finish proxy
	as_root
	need unshare
	# root of a user namespace that has nobody else
	unshare --user --map-root-user true || skip "no user namespaces here"
	printf '#!/bin/sh\nexec unshare --user --map-root-user vsock-proxy --status-socket none "$@"\n' >only-root
	chmod +x only-root
	run -6 --separate-stderr ./only-root --sandbox require unix:./front unix:./echo
	[[ $stderr == *"--sandbox require: not enforced here: it still runs as root"* ]]
	spawn_ready warned ./only-root unix:./front unix:./echo
	[ "$(grep -c 'the worker is not fully confined: it still runs as root' warned.err)" = 1 ]
	[ "$(ask unix:./front hello)" = hello ]
}

@test "--no-sandbox confines nothing and says so" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy --no-sandbox unix:./front unix:./echo
	worker=$(worker_of proxy)
	[ "$(field "$worker" NoNewPrivs)" = "$(field $$ NoNewPrivs)" ]
	[ "$(field "$worker" Seccomp)" = "$(field $$ Seccomp)" ]
	[ "$(field "$worker" CapBnd)" = "$(field $$ CapBnd)" ]
	grep -q 'no sandbox: the worker may do everything its user may do' proxy.err
	[ "$(ask unix:./front hello)" = hello ]
}

@test "--user: the worker and commands run as the user; the supervisor opens what the user may not" {
	as_root
	private_folder
	spawn_ready echo vsock-listen unix:./private/echo --echo
	spawn_ready proxy vsock-proxy --user nobody unix:./front unix:./private/echo \
		unix:./id "exec:sh -c 'id -un; id -G; id -g nobody'"
	worker=$(worker_of proxy)
	uid=$(id -u nobody) gid=$(id -g nobody)
	[ "$(field "$worker" Uid)" = "$uid	$uid	$uid	$uid" ]
	[ "$(field "$worker" Gid)" = "$gid	$gid	$gid	$gid" ]
	[ -z "$(field "$worker" Groups | tr -d ' ')" ]
	[ "$(field "${spawned[proxy]}" Uid)" = "0	0	0	0" ]
	[ "$(ask unix:./front hello)" = hello ]
	mapfile -t told < <(vsock-cat unix:./id </dev/null)
	[ "${told[0]}" = nobody ]
	[ "${told[1]}" = "$(id -G nobody)" ]
	finish proxy
	run -2 --separate-stderr vsock-proxy --user no-such-user-here unix:./front unix:./echo
	[[ $stderr == *"--user no-such-user-here: there is no such user"* ]]
}

@test "--user needs root" {
	[ "$(id -u)" != 0 ] || command -v setpriv >/dev/null || skip "setpriv is missing"
	as_nobody=()
	[ "$(id -u)" != 0 ] || as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	run -6 --separate-stderr "${as_nobody[@]}" "$(command -v vsock-proxy)" \
		--status-socket none --user root tcp:127.0.0.1:0 unix:./echo
	[[ $stderr == *"--user root: only root can become another user"* ]]
}

@test "a reload can add what the worker could never open: a path, a port, a command, names" {
	as_root
	private_folder
	spawn_ready echo vsock-listen unix:./private/echo --echo
	spawn_ready tcp vsock-listen tcp:127.0.0.1:0 --echo
	tcp=$ready
	echo "unix:./front unix:./private/echo" >rules
	spawn_ready proxy vsock-proxy --user nobody -f rules
	worker=$(worker_of proxy)
	cat >>rules <<-END
		unix:./private/front $tcp name=path
		unix:./command exec:cat
		unix:./name tcp4:localhost:$(port_of "$tcp")
		unix:./users unix:./private/echo allow=user:root
		unix:./nobody unix:./private/echo allow=user:nobody
	END
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q 'reloaded; rules unchanged: 1, adjusted: 0, new: 5, removed: 0' proxy.err
	for front in front private/front command name users; do
		[ "$(ask "unix:./$front" hello)" = hello ]
	done
	run ask unix:./nobody hello
	wait_until grep -q ' deny ' proxy.err
	[ "$(worker_of proxy)" = "$worker" ]
	# what went is gone in the worker too, and nothing piles up
	before=$(descriptors "$worker")
	for turn in 1 2 3; do
		sed -i '2,$d' rules
		kill -HUP "${spawned[proxy]}"
		wait_until [ ! -e private/front ]
		echo "unix:./private/front $tcp" >>rules
		kill -HUP "${spawned[proxy]}"
		wait_until [ -e private/front ]
		[ "$(ask unix:./private/front "turn $turn")" = "turn $turn" ]
	done
	[ "$(descriptors "$worker")" -lt "$before" ]
}

@test "names are looked up on behalf of the worker" {
	spawn_ready echo vsock-listen tcp:127.0.0.1:0 --echo
	port=$(port_of "$ready")
	host=$(hostname)
	getent ahostsv4 "$host" | grep -q '^127\.' ||
		skip "this machine's name is not on the loopback"
	spawn_ready proxy vsock-proxy -vv unix:./front "tcp4:$host:$port" unix:./none \
		tcp:no-such-host.invalid:1
	[ "$(ask unix:./front hello)" = hello ]
	run ask unix:./none hello
	wait_until grep -q '#2 fail .*why="no such host: no-such-host.invalid"' proxy.err
}

@test "a killed worker is replaced on the same listeners, and waiting clients are served" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 unix:./echo unix:./front unix:./echo
	front=$ready
	first=$(worker_of proxy)
	inode=$(stat -c %i front)
	kill -STOP "$first"
	echo waits >waiting.in
	spawn waiting vsock-cat -v "$front"
	wait_until grep -q ' open ' waiting.err
	kill -KILL "$first"
	wait_until grep -q "the worker (process $first) was killed by signal 9 (Killed): its connections are lost" proxy.err
	wait_until grep -q 'another worker (process [0-9]*) is serving' proxy.err
	[ "$(worker_of proxy)" != "$first" ]
	join waiting
	[ "$(cat waiting.out)" = waits ]
	[ "$(ask "$front" hello)" = hello ]
	[ "$(ask unix:./front hello)" = hello ]
	[ "$(stat -c %i front)" = "$inode" ]
	[ "$(field "$(worker_of proxy)" NoNewPrivs)" = 1 ]
	finish proxy
	[ ! -e front ]
}

@test "workers that keep dying end the program with status 1" {
	spawn_ready proxy vsock-proxy unix:./front unix:./echo
	for turn in 1 2 3 4 5; do
		kill -KILL "$(worker_of proxy)"
		wait_until has_lines "$turn" 'another worker (process [0-9]*) is serving' proxy.err
	done
	kill -KILL "$(worker_of proxy)"
	ends_with 1 proxy
	grep -q 'workers have died too often: giving up' proxy.err
	[ ! -e front ]
}

@test "when the supervisor is killed, the worker accepts no more, drains and ends" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy tcp:127.0.0.1:0 unix:./echo
	worker=$(worker_of proxy)
	coproc held { vsock-cat "$ready"; }
	echo first >&"${held[1]}"; read -r line <&"${held[0]}"
	[ "$line" = first ]
	finish proxy KILL
	wait_until grep -q 'the supervisor is gone: no more connections are accepted' proxy.err
	run -3 vsock-cat "$ready" </dev/null
	echo second >&"${held[1]}"; read -r line <&"${held[0]}"
	[ "$line" = second ]
	exec {held[1]}>&-
	wait_until ended "$worker"
}

@test "a signal to all its processes drains like one to the supervisor" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy unix:./front unix:./echo
	worker=$(worker_of proxy)
	coproc held { vsock-cat unix:./front; }
	echo first >&"${held[1]}"; read -r _ <&"${held[0]}"
	kill -TERM "$worker" "${spawned[proxy]}"
	wait_until grep -q 'waiting up to .* for 1 connection to finish' proxy.err
	kill -INT "$worker"
	kill -HUP "$worker"
	echo second >&"${held[1]}"; read -r line <&"${held[0]}"
	[ "$line" = second ]
	exec {held[1]}>&-
	ends_with 0 proxy
	ended "$worker"
}

@test "no zombie of a command, a look-up or a worker remains" {
	spawn_ready proxy vsock-proxy unix:./front exec:cat unix:./name tcp:no-such-host.invalid:1
	for turn in 1 2 3; do
		[ "$(ask unix:./front hello)" = hello ]
		run ask unix:./name hello
	done
	kill -KILL "$(worker_of proxy)"
	wait_until grep -q 'another worker' proxy.err
	[ "$(ask unix:./front hello)" = hello ]
	wait_until no_zombie "${spawned[proxy]}"
}

has_lines() { # COUNT PATTERN FILE
	[ "$(grep -c "$2" "$3")" -ge "$1" ]
}

no_zombie() {
	local child
	for child in $(cat "/proc/$1/task/$1/children"); do
		[ "$(field "$child" State | cut -c1)" != Z ] || return 1
	done
}

@test "systemd's watchdog is fed while the worker runs, and not while it is stopped" {
	need python3
	spawn manager python3 -u -c '
import socket
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind("notify")
print("bound")
while True:
    print(listener.recv(4096).decode(), flush=True)'
	wait_until grep -q bound manager.out
	NOTIFY_SOCKET=$PWD/notify WATCHDOG_USEC=200000 spawn_ready proxy vsock-proxy \
		unix:./front unix:./echo
	wait_until grep -q '^READY=1' manager.out
	wait_until has_lines 2 WATCHDOG=1 manager.out
	worker=$(worker_of proxy)
	kill -STOP "$worker"
	# one may be on its way; then none comes in five intervals, though the supervisor lives
	count=-1
	wait_until no_more_lines
	kill -CONT "$worker"
	wait_until has_lines $((count + 1)) WATCHDOG=1 manager.out
	finish proxy
	wait_until grep -q '^STOPPING=1' manager.out
}

no_more_lines() {
	local last=$count
	count=$(grep -c WATCHDOG=1 manager.out)
	[ "$last" = "$count" ] || { sleep 0.5; return 1; }
}
