#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What a reload of vsock-proxy does with its listening sockets: they stay, with the options that the
# files have now, or nothing changes.

load lib/common
load lib/reload

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	umask 022
	spawn_ready echo vsock-listen --echo unix:./echo,mode=0666
	spawn_ready other vsock-listen unix:./other,mode=0666 -- echo other
}

is_refused() { # WHY: this reload
	local before
	before=$(grep -c 'nothing was reloaded' proxy.err || true)
	reload
	[ "$(grep -c 'nothing was reloaded' proxy.err)" -gt "$before" ]
	tail -n 3 proxy.err | grep -qE "$1"
	run ! grep -q 'reloaded; ' proxy.err
}

# What the last reload did: "unchanged: 0, adjusted: 1, new: 0, removed: 0".
counts() {
	sed -n 's/.*reloaded; rules //p' proxy.err | tail -n 1
}

# unprivileged NAME ARGUMENT...: vsock-proxy as somebody who may give no file to another user.
unprivileged() {
	local name=$1 as='' program=vsock-proxy
	if [ "$(id -u)" = 0 ]; then
		need setpriv
		chmod a+x . .. ../.. ../../..
		chmod 777 .
		# where that user may execute it again for a restart: not below a home of root's
		cp "$(command -v vsock-proxy)" .
		program=./vsock-proxy
		as='setpriv --reuid 65534 --regid 65534 --clear-groups'
	fi
	printf '%s\n' '#!/bin/sh' "HOME=/nonexistent exec $as $program \"\$@\"" >unprivileged
	chmod +x unprivileged
	spawn_ready "$name" ./unprivileged "${@:2}"
}

@test "a mode or owner that a socket file cannot get fails the reload: it keeps both, and the rules stay" {
	echo 'unix:./front,mode=0666 unix:./echo' >rules
	unprivileged proxy -f rules
	before=$(stat -c '%i %a %u %g' front)
	echo 'unix:./front,owner=root,mode=0600 unix:./echo' >rules
	# each time: it is not forgotten
	for turn in 1 2; do
		is_refused 'you may not change the owner or group of the socket file'
		[ "$(stat -c '%i %a %u %g' front)" = "$before" ]
		[ "$(ask unix:./front "$turn")" = "$turn" ]
	done
	# with another target, which is another rule
	echo 'unix:./front,owner=root,mode=0600 unix:./other' >rules
	is_refused 'you may not change the owner or group of the socket file'
	[ "$(stat -c '%i %a %u %g' front)" = "$before" ]
	[ "$(ask unix:./front 3)" = 3 ]
	# what other rules had got by then is undone, and what they opened is closed
	printf '%s\n' 'unix:./fresh unix:./echo' 'unix:./front,mode=0600 unix:./echo' >rules
	reload
	[ "$(counts)" = 'unchanged: 0, adjusted: 1, new: 1, removed: 0' ]
	[ "$(stat -c %a front)" = 600 ]
}

@test "what one rule cannot get is undone in all others" {
	printf '%s\n' 'unix:./one,mode=0600 unix:./echo' 'unix:./two unix:./echo' >rules
	unprivileged proxy -f rules
	before=$(stat -c '%i %a %u %g' one two)
	printf '%s\n' 'unix:./new unix:./echo' 'unix:./one,mode=0666 unix:./echo' \
		'unix:./two,owner=root unix:./echo' >rules
	is_refused 'unix:\./two: denied: you may not change the owner'
	[ "$(stat -c '%i %a %u %g' one two)" = "$before" ]
	[ ! -e new ]
}

@test "an owner or group that is no longer written is that of a new socket" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	echo 'unix:./front,owner=65534,group=65533,mode=0660 unix:./echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	[ "$(stat -c '%u %g' front)" = '65534 65533' ]
	echo 'unix:./front,mode=0660 unix:./echo' >rules
	reload
	[ "$(stat -c '%u %g' front)" = "$(id -u) $(id -g)" ]
}

@test "a socket file that was replaced or removed gets no new mode: the reload fails" {
	echo 'unix:./front unix:./echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	echo 'unix:./front,mode=0666 unix:./echo' >rules
	mv front aside
	is_refused 'unix:\./front: the socket file \./front has been removed'
	grep -qx 'hint: nobody can connect to it any more: stop the program and start it again' \
		proxy.err
	spawn_ready another vsock-listen unix:./front -- echo another
	is_refused 'another file has replaced the socket'
	[ "$(stat -c %a front)" = 600 ]
	finish another
	mv aside front
	reload
	[ "$(counts)" = 'unchanged: 0, adjusted: 1, new: 0, removed: 0' ]
	[ "$(stat -c %a front)" = 666 ]
	[ "$(ask unix:./front 1)" = 1 ]
}

@test "what a socket file cannot get after a restart (SIGUSR2) is tried again by a reload; its mode is never wider" {
	echo 'unix:./front,mode=0666 unix:./echo' >rules
	unprivileged proxy -f rules
	echo 'unix:./front,owner=root,mode=0600 unix:./echo' >rules
	kill -USR2 "${spawned[proxy]}"
	wait_until grep -q 'has taken over' proxy.err
	spawned[proxy]=$(sed -n 's/.*this process (\([0-9]*\)) has taken over.*/\1/p' proxy.err)
	grep -q 'you may not change the owner or group of the socket file' proxy.err
	[ "$(stat -c %a front)" = 600 ]
	for turn in 1 2; do
		is_refused 'you may not change the owner or group of the socket file'
	done
	echo 'unix:./front,mode=0666 unix:./echo' >rules
	reload
	[ "$(counts)" = 'unchanged: 0, adjusted: 1, new: 0, removed: 0' ]
	[ "$(stat -c %a front)" = 666 ]
}

@test "rules that listen on ports which the kernel picked keep one each" {
	printf '%s\n' 'tcp:127.0.0.1:0 unix:./echo name=a' 'tcp:127.0.0.1:0 unix:./echo name=b' \
		>rules
	spawn_ready proxy vsock-proxy -f rules
	wait_ready proxy 2

	ready_ports=$(sed -n 's/^READY tcp:127.0.0.1://p' proxy.ready)
	first=$(sed -n 1p <<<"$ready_ports")
	second=$(sed -n 2p <<<"$ready_ports")
	# both have another target, and the other order
	printf '%s\n' 'tcp:127.0.0.1:0 unix:./other name=b' \
		'tcp:127.0.0.1:0 exec:"echo a" name=a' >rules
	reload
	[ "$(counts)" = 'unchanged: 0, adjusted: 0, new: 2, removed: 2' ]
	[ "$(ask "tcp:127.0.0.1:$first" x)" = a ]
	[ "$(ask "tcp:127.0.0.1:$second" x)" = other ]
	# other names, and one more
	printf 'tcp:127.0.0.1:0 unix:./echo name=%s\n' c d e >rules
	reload
	[ "$(ask "tcp:127.0.0.1:$first" 1)$(ask "tcp:127.0.0.1:$second" 2)" = 12 ]
	[ "$(grep -c 'listening on tcp:127.0.0.1:.*, to unix:./echo' proxy.err)" = 5 ]
	[ "$(sed -n 's/.*listening on tcp:127.0.0.1:\([0-9]*\).*/\1/p' proxy.err | tail -n 3 |
		sort -u | wc -l)" = 3 ]
}

@test "new options of an address are given to its listening socket" {
	echo 'tcp:127.0.0.1:0,nodelay=off,keepalive=77s unix:./echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	port=$(port_of "$ready")
	backlog() {
		ss -Hltn "sport = :$port" | awk '{ print $3 }'
	}
	for options in ,backlog=5 ,backlog=9,nodelay=off ''; do
		echo "tcp:127.0.0.1:0$options unix:./echo" >rules
		reload
		[ "$(counts)" = 'unchanged: 0, adjusted: 1, new: 0, removed: 0' ]
		[[ $options != *backlog=* ]] || [[ $options == ",backlog=$(backlog)"* ]]
		[ "$(ask "tcp:127.0.0.1:$port" 1)" = 1 ]
	done
	grep -q 'new address options, access list or limits; open connections continue' proxy.err
	# with another target, which is another rule
	echo 'tcp:127.0.0.1:0,backlog=7 unix:./other' >rules
	reload
	[ "$(counts)" = 'unchanged: 0, adjusted: 0, new: 1, removed: 1' ]
	[ "$(backlog)" = 7 ]
	[ "$(ask "tcp:127.0.0.1:$port" 2)" = other ]
}

@test "an address that the old rules listen on, spelled differently, is not another program's" {
	spawn_ready proxy vsock-proxy -f <(:) tcp:127.0.0.1:0 unix:./echo
	port=$(port_of "$ready")
	finish proxy
	mkdir w
	printf '%s\n' "tcp:127.0.0.1:$port unix:./echo" 'unix:./w/s unix:./echo' >rules
	spawn_ready proxy vsock-proxy -f rules
	wait_ready proxy 2
	inode=$(stat -c %i w/s)
	same='address in use: vsock-proxy itself listens there, on'
	printf '%s\n' "tcp:127.0.0.1:$port unix:./echo" 'unix:./w/../w/s unix:./echo' >rules
	is_refused "unix:./w/../w/s: $same unix:./w/s"
	printf '%s\n' "tcp:127.0.0.1:$port unix:./echo" 'unix-seqpacket:./w/s unix:./echo message-size=line' >rules
	is_refused "unix-seqpacket:./w/s: $same unix:./w/s"
	printf '%s\n' "tcp:*:$port unix:./echo" 'unix:./w/s unix:./echo' >rules
	is_refused "tcp:\\*:$port: $same tcp:127.0.0.1:$port"
	grep -qx 'hint: if that rule is to go, stop vsock-proxy and start it again' proxy.err
	run ! grep -qE 'another program|rm ' proxy.err
	[ "$(stat -c %i w/s)" = "$inode" ]
	[ "$(ask unix:./w/s 1)$(ask "tcp:127.0.0.1:$port" 2)" = 12 ]
	# and at the start
	finish proxy
	run -1 vsock-proxy unix:./w/s unix:./echo unix:./w/../w/s unix:./other
	[[ $output == *"unix:./w/../w/s: $same unix:./w/s"$'\n'*'leave out one of the two rules'* ]]
}
