#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# netns=: addresses in another network namespace, over TCP, UDP and abstract UNIX sockets. tests/lab
# has those over vsock.

load lib/common
load lib/restart

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	need unshare ip nsenter python3
	unshare -n true 2>/dev/null || skip "may not have namespaces of its own: run as root"
}

# A network namespace with a process in it: its number is $there.
namespace() { # NAME
	spawn "$1" unshare -n sh -c 'ip link set lo up && echo up && exec sleep 600'
	wait_until grep -qx up "$1.out"
	there=${spawned[$1]}
}

@test "netns= listens in another network namespace and connects there" {
	namespace blue
	spawn_ready echo vsock-listen --echo "tcp:127.0.0.1:0,netns=$there"
	[[ $ready == "tcp:127.0.0.1:"*",netns=$there" ]]
	[ "$(echo hello | vsock-cat "$ready")" = hello ]
	[ "$(echo path | vsock-cat "${ready%,*},netns=/proc/$there/ns/net")" = path ]
	# the same port here is another one
	run -3 vsock-cat "${ready%,*}"
	# bind= is an address of that namespace, too
	[ "$(echo source | vsock-cat "${ready%,*},bind=127.0.0.2,netns=$there")" = source ]
	vsock-ping -c 1 "$ready"
	[ "$(echo inside | nsenter --net="/proc/$there/ns/net" vsock-cat "${ready%,*}")" = inside ]
	spawn_ready name vsock-listen --echo "unix:@netns-$$,netns=$there"
	[ "$(echo abstract | vsock-cat "unix:@netns-$$,netns=$there")" = abstract ]
	run -3 --separate-stderr vsock-cat "unix:@netns-$$"
	[ "${stderr_lines[1]}" = "hint: abstract names are seen only inside one network namespace; ss -xl lists them" ]
	spawn_ready messages vsock-listen --echo "unix-seqpacket:@netns-$$-s,netns=$there"
	[ "$(echo message | vsock-cat "unix-seqpacket:@netns-$$-s,netns=$there")" = message ]
}

@test "netns=NAME is one of ip-netns(8)" {
	[ -w /run ] || skip "may not write to /run"
	name=vsock-tools-$$
	namespace blue
	unshare -m true || skip "may not have a mount namespace of its own: run as root"
	cat >named <<-'END'
		mkdir -p /run/netns
		mount -t tmpfs none /run/netns
		touch "/run/netns/$1"
		mount --bind "/proc/$2/ns/net" "/run/netns/$1"
		exec 9>listen.ready
		vsock-listen --echo "unix:@$1,netns=$1" --ready-fd 9 9>&9 &
		server=$!
		exec 9>&-
		until [ -s listen.ready ]; do :; done
		echo named | vsock-cat "unix:@$1,netns=$1"
		echo number | vsock-cat "unix:@$1,netns=$2"
		kill $server
		wait $server
	END
	made=false
	[ -d /run/netns ] || { mkdir /run/netns; made=true; }
	run unshare -m --propagation private sh named "$name" "$there"
	! $made || rmdir /run/netns
	[ "$output" = $'named\nnumber' ]
}

@test "netns=: a namespace that cannot be entered is named in the error" {
	run -4 --separate-stderr vsock-cat tcp:127.0.0.1:1,netns=none
	[ "$stderr" = "vsock-cat: tcp:127.0.0.1:1,netns=none: no such network namespace: none
hint: ip netns list shows those that have a name" ]
	run -4 --separate-stderr vsock-listen --echo tcp:127.0.0.1:0,netns=4194999
	[[ $stderr == *"netns=4194999: no such network namespace: there is no process 4194999" ]]
	run -2 --separate-stderr vsock-cat tcp:127.0.0.1:1,netns=/etc/passwd
	[ "${stderr_lines[0]}" = "vsock-cat: tcp:127.0.0.1:1,netns=/etc/passwd: not a network namespace: /etc/passwd" ]
	# nothing that a FIFO or a terminal could hold up
	mkfifo fifo
	run -2 timeout 20 vsock-cat "tcp:127.0.0.1:1,netns=$PWD/fifo"
	namespace blue
	if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
		HOME=/nonexistent run -6 --separate-stderr setpriv --reuid 65534 --clear-groups \
			"$VSOCK_TOOLS_BUILD/vsock-cat" "tcp:127.0.0.1:1,netns=$there"
		[[ ${stderr_lines[0]} == *": denied: you may not enter the network namespace $there" ]]
		[ "${stderr_lines[1]}" = "hint: it takes root (CAP_SYS_ADMIN): sudo vsock-cat …" ]
	fi
	spawn_ready echo vsock-listen --echo "tcp:127.0.0.1:0,netns=$there"
	run -1 --separate-stderr vsock-listen --echo "$ready"
	[ "${stderr_lines[1]}" = "hint: sudo nsenter --net=/proc/$there/ns/net ss -ltnp sport = :$(port_of "${ready%,*}") shows who holds it" ]
}

@test "vsock-proxy: a rule leads from one network namespace to another; its worker enters none" {
	namespace blue
	blue=$there
	namespace red
	red=$there
	spawn_ready echo vsock-listen --echo "tcp:127.0.0.1:0,netns=$blue"
	echo=$ready
	spawn_ready name vsock-listen --echo "unix:@netns-$$,netns=$blue"
	name=$ready
	printf '%s\n' "tcp:127.0.0.1:0,netns=$red $echo" "unix:here $name" \
		"unix:both tcp:127.0.0.1:1 connect=$echo" >rules
	spawn_ready proxy vsock-proxy -v -f rules
	wait_ready proxy 3
	[ "$(echo through | vsock-cat "${readies[0]}")" = through ]
	[ "$(echo here | vsock-cat unix:here)" = here ]
	[ "$(echo second | vsock-cat unix:both)" = second ]
	grep -qF "open" proxy.err
	# datagrams
	port=$(free_port)
	spawn datagrams nsenter --net="/proc/$blue/ns/net" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
print("bound", flush=True)
data, peer = s.recvfrom(100)
s.sendto(data.upper(), peer)' "$port"
	wait_until grep -q bound datagrams.out
	spawn_ready udp vsock-proxy "udp:127.0.0.1:0,netns=$red" "udp:127.0.0.1:$port,netns=$blue"
	run -0 nsenter --net="/proc/$red/ns/net" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(60)
s.sendto(b"datagram", ("127.0.0.1", int(sys.argv[1])))
print(s.recv(100).decode())' "$(port_of "${ready%,*}")"
	[ "$output" = DATAGRAM ]
	# the record says why a target failed, whichever process opened the socket
	finish echo
	run vsock-cat unix:both
	wait_until grep -q "refused: nothing listens on port" proxy.err
	kill "$blue"
	wait_until [ ! -e "/proc/$blue/ns/net" ]
	run vsock-cat unix:here
	wait_until grep -q "no such network namespace: there is no process $blue" proxy.err
}

@test "vsock-proxy: rules of two namespaces are no loop, those of one are, by any of its names" {
	namespace blue
	printf '%s\n' "tcp:127.0.0.1:5150,netns=$there tcp:127.0.0.1:5150" >rules
	vsock-proxy --check -f rules
	printf '%s\n' "tcp:127.0.0.1:5150,netns=$there tcp:127.0.0.1:5150,netns=/proc/$there/ns/net" \
		>rules
	run -2 --separate-stderr vsock-proxy --check -f rules
	[[ $stderr == *"connections would come back to this rule without end"* ]]
	# an address of this namespace is none of that one
	ip -4 -o addr show scope global | grep -q inet || return 0
	ours=$(ip -4 -o addr show scope global | sed -n 's/.* inet \([0-9.]*\).*/\1/p;q')
	printf '%s\n' "tcp:*:5150,netns=$there tcp:$ours:5150,netns=$there" >rules
	vsock-proxy --check -f rules
	printf '%s\n' "tcp:*:5150 tcp:$ours:5150" >rules
	run -2 vsock-proxy --check -f rules
}

@test "vsock-proxy: the same port may be listened on in several network namespaces" {
	namespace blue
	blue=$there
	namespace red
	spawn_ready first vsock-listen --echo unix:first
	spawn_ready second vsock-listen unix:second -- echo second
	port=$(free_port)
	printf '%s\n' "tcp:127.0.0.1:$port,netns=$blue unix:first" \
		"tcp:127.0.0.1:$port,netns=$there unix:second" >rules
	spawn proxy vsock-proxy -f rules --ready-fd 9 9>proxy.ready
	wait_ready proxy 2
	[ "$(echo one | vsock-cat "tcp:127.0.0.1:$port,netns=$blue")" = one ]
	[ "$(vsock-cat "tcp:127.0.0.1:$port,netns=$there" </dev/null)" = second ]
	restart proxy
	[ "$(echo one | vsock-cat "tcp:127.0.0.1:$port,netns=$blue")" = one ]
	[ "$(vsock-cat "tcp:127.0.0.1:$port,netns=$there" </dev/null)" = second ]
	run -2 vsock-proxy --check "tcp:1,netns=$there" tcp:2 "tcp:1,netns=$there" tcp:3
	[[ $output == *"listened on twice"* ]]
}

# The namespace of $there gets the name.
rename() {
	nsenter -m -t "${spawned[proxy]}" -w sh -c 'umount "$1" && mount --bind "$2" "$1"' sh \
		"$PWD/name" "/proc/$there/ns/net"
}

@test "vsock-proxy: after a reload and a restart it listens in the namespace that has the name now" {
	namespace blue
	touch name
	cat >inside <<-'END'
		mount --bind "/proc/$1/ns/net" name
		exec vsock-proxy -f rules --ready-fd 9 9>proxy.ready
	END
	unshare -m true || skip "may not have a mount namespace of its own: run as root"
	spawn_ready echo vsock-listen --echo unix:echo
	port=$(free_port)
	printf '%s\n' "unix:@netns-$$,netns=$PWD/name unix:echo" \
		"tcp:127.0.0.1:$port,netns=$PWD/name unix:echo" >rules
	spawn proxy unshare -m --propagation private sh inside "$there"
	wait_ready proxy 2
	[ "$(echo tcp | vsock-cat "tcp:127.0.0.1:$port,netns=$there")" = tcp ]
	[ "$(echo first | vsock-cat "unix:@netns-$$,netns=$there")" = first ]
	first=$there
	namespace red
	rename
	kill -HUP "${spawned[proxy]}"
	wait_until grep -q reloaded proxy.err
	[ "$(echo second | vsock-cat "unix:@netns-$$,netns=$there")" = second ]
	run -3 vsock-cat "unix:@netns-$$,netns=$first"
	[ "$(echo tcp | vsock-cat "tcp:127.0.0.1:$port,netns=$there")" = tcp ]
	run -3 vsock-cat "tcp:127.0.0.1:$port,netns=$first"
	# nothing has changed: it stays, and a successor takes it over
	kill -HUP "${spawned[proxy]}"
	wait_until more_than 1 reloaded proxy.err
	grep -q 'reloaded; rules unchanged: 2' proxy.err
	[ "$(echo third | vsock-cat "unix:@netns-$$,netns=$there")" = third ]
	restart proxy
	[ "$(echo fourth | vsock-cat "unix:@netns-$$,netns=$there")" = fourth ]
	# of a namespace made anew meanwhile it takes nothing over
	second=$there
	namespace green
	rename
	restart proxy
	[ "$(echo fifth | vsock-cat "unix:@netns-$$,netns=$there")" = fifth ]
	run -3 vsock-cat "unix:@netns-$$,netns=$second"
	[ "$(echo tcp | vsock-cat "tcp:127.0.0.1:$port,netns=$there")" = tcp ]
}
