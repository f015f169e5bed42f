#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy as a transparent proxy: original-dst tells where a connection went before netfilter
# redirected it (in a network namespace of its own), and proxy-dst: connects to where a PROXY header
# says.

load lib/common

setup() {
	own_directory
	need python3
}

# What answers with the PROXY header that it gets, and what the Python of these tests begins with.
cat_headers() {
	python3 -c '
import socket, struct, sys
def ask(place, family=socket.AF_INET):
    peer = socket.socket(family)
    peer.settimeout(60)
    peer.connect(place)
    name = peer.getsockname()
    peer.shutdown(socket.SHUT_WR)
    return name, b"".join(iter(lambda: peer.recv(65536), b""))
def ends(header):
    assert header[:13] == b"\r\n\r\n\0\r\nQUIT\n\x21", header
    family, size = {0x11: (socket.AF_INET, 4), 0x21: (socket.AF_INET6, 16)}[header[13]]
    words = header[16:16 + 2 * size + 4]
    ports = struct.unpack("!HH", words[2 * size:])
    return [(socket.inet_ntop(family, words[i * size:(i + 1) * size]), ports[i]) for i in (0, 1)]
'"$1" "${@:2}"
}

@test "without redirection the header has the address that was connected to" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 unix:./echo original-dst send-proxy=v2
	cat_headers '
place = ("127.0.0.1", int(sys.argv[1]))
name, header = ask(place)
assert ends(header) == [name, place], header' "$(port_of "$ready")"
}

@test "settings that make no sense are refused at the start" {
	proxy_says 2 'original-dst has no effect without send-proxy' --check tcp:127.0.0.1:8080 \
		unix:./echo original-dst
	[[ $output == *'hint: write send-proxy=v2'* ]]
	proxy_says 2 'original-dst: only TCP connections are redirected' --check unix:./front \
		unix:./echo original-dst send-proxy=v2
	proxy_says 2 'original-dst and accept-proxy cannot be used together' \
		--check tcp:127.0.0.1:8080 unix:./echo \
		--original-dst send-proxy=v2 accept-proxy allow=127.0.0.1
	vsock-proxy --check --original-dst tcp:127.0.0.1:8080 unix:./echo send-proxy=v1
}

# Runs the script "within" in a network of its own, where all that goes to two networks of
# documentation ends at our ports.
redirected() {
	local nft
	nft=$(PATH=$PATH:/usr/sbin:/sbin command -v nft) || skip "nft is missing"
	need unshare ip
	cat >rules.nft <<-'END'
		table inet guest {
			chain output {
				type nat hook output priority -100
				ip daddr 192.0.2.0/24 meta l4proto tcp redirect to :3129
				ip6 daddr 2001:db8::/32 meta l4proto tcp redirect to :3129
			}
		}
	END
	cat >outer <<-'END'
		ip link set lo up && ip route add 192.0.2.0/24 dev lo src 127.0.0.1 || exit 77
		ip -6 route add 2001:db8::/32 dev lo src ::1 && six=yes || six=
		"$1" -f rules.nft || exit 77
		export six
		. ./functions
		. ./within
	END
	declare -f cat_headers >functions
	run unshare -rn bash outer "$nft"
	[ "$status" -ne 77 ] || skip "no netfilter of our own here: $output"
	[ "$status" -eq 0 ] || { echo "$output"; cat ./*.err; return 1; }
}

@test "with netfilter redirection, header and record have the original destination, for IPv4 and IPv6, in both versions" {
	cat >within <<-'END'
		mkfifo ready
		vsock-listen unix:./echo --echo --ready-fd 9 9>ready 2>listen.err &
		echo=$!
		read -r _ <ready
		vsock-proxy -v --original-dst tcp:127.0.0.1:3129 unix:./echo send-proxy=v2 \
			'tcp:[::1]:3129' unix:./echo send-proxy=v2 \
			--ready-fd 9 9>ready 2>proxy.err &
		proxy=$!
		{ read -r _; read -r _; } <ready
		cat_headers '
		name, header = ask(("192.0.2.7", 80))
		assert ends(header) == [name, ("192.0.2.7", 80)], header
		name, header = ask(("127.0.0.1", 3129))
		assert ends(header) == [name, ("127.0.0.1", 3129)], header
		if sys.argv[1]:
		    name, header = ask(("2001:db8::7", 443), socket.AF_INET6)
		    assert ends(header) == [name[:2], ("2001:db8::7", 443)], header
		' "$six" || exit 1
		kill $proxy
		wait $proxy
		vsock-proxy --original-dst tcp:127.0.0.1:3129 unix:./echo send-proxy=v1 \
			--ready-fd 9 9>ready 2>one.err &
		proxy=$!
		read -r _ <ready
		cat_headers '
		name, header = ask(("192.0.2.8", 81))
		assert header == b"PROXY TCP4 %s 192.0.2.8 %d 81\r\n" \
		    % (name[0].encode(), name[1]), header
		' || exit 1
		kill $proxy $echo
		wait $proxy
	END
	sed -i 's/^\t*//' within
	redirected
	grep -qE ' open tcp:127\.0\.0\.1:[0-9]+ -> unix:\./echo dest=tcp:192\.0\.2\.7:80 connect=' \
		proxy.err
	grep -qE ' done .* dest=tcp:192\.0\.2\.7:80 up=0 ' proxy.err
	# which has no such word where it went nowhere else
	[ "$(grep -c ' dest=' proxy.err)" = $(($(grep -c ' connect=' proxy.err) * 2 - 2)) ]
}

@test "proxy-dst: connects where the PROXY header says, if --allow-dest permits it" {
	spawn_ready here vsock-listen tcp:127.0.0.1:0 --echo
	port=$(port_of "$ready")
	spawn_ready proxy vsock-proxy -v unix:./front proxy-dst: accept-proxy allow="uid:$(id -u)" \
		allow-dest="127.0.0.1:$port" \
		unix:./special proxy-dst: accept-proxy allow="uid:$(id -u)" allow-dest='*:*' \
		unix:./passed proxy-dst: accept-proxy allow="uid:$(id -u)" \
		allow-dest="127.0.0.1:$port" send-proxy=v1
	python3 -c '
import socket, struct, sys
def ask(header, path="front"):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(60)
    peer.connect(path)
    peer.sendall(header + b"payload")
    peer.shutdown(socket.SHUT_WR)
    try:
        return b"".join(iter(lambda: peer.recv(65536), b""))
    except ConnectionResetError:
        return b""
port = int(sys.argv[1])
one = b"PROXY TCP4 203.0.113.1 127.0.0.1 5 %d\r\n" % port
addresses = socket.inet_aton("203.0.113.1") + socket.inet_aton("127.0.0.1") \
    + struct.pack("!HH", 5, port)
start = b"\r\n\r\n\0\r\nQUIT\n"
mapped = bytes(10) + b"\xff\xff" + socket.inet_aton("127.0.0.1")
assert ask(one) == b"payload"
assert ask(start + b"\x21\x11\0\x0c" + addresses) == b"payload"
assert ask(start + b"\x21\x21\0\x24" + mapped + mapped + struct.pack("!HH", 5, port)) == b"payload"
assert ask(one, "passed") == one + b"payload"
# not what it may
assert ask(b"PROXY TCP4 203.0.113.1 127.0.0.1 5 %d\r\n" % (port ^ 1)) == b""
assert ask(b"PROXY TCP4 203.0.113.1 127.0.0.2 5 %d\r\n" % port) == b""
assert ask(one, "special") == b""
# nothing that could be gone to
assert ask(b"PROXY TCP4 203.0.113.1 127.0.0.1 5 0\r\n") == b""
assert ask(b"PROXY UNKNOWN\r\n") == b""
assert ask(start + b"\x20\0\0\0") == b""
assert ask(start + b"\x21\x31\0\xd8" + b"/run/a".ljust(108, b"\0") * 2) == b""' "$port"
	grep -qE " open unix .* -> tcp:127\.0\.0\.1:$port client=tcp:203\.0\.113\.1:5 connect=" \
		proxy.err
	[ "$(grep -c " done .* -> tcp:127\.0\.0\.1:$port client=.* up=7 down=7 " proxy.err)" = 2 ]
	grep -q " done .* -> tcp:\[::ffff:127\.0\.0\.1\]:$port client=.* up=7 down=7 " proxy.err
	[ "$(grep -c ' deny ' proxy.err)" = 3 ]
	[ "$(grep -c ' fail .* end=handshake why="the PROXY header names no TCP destination"' \
		proxy.err)" = 3 ]
	grep -q " fail .* end=handshake why=\"the client asked for '127.0.0.1:0', which is not an address: the port is 0\"" proxy.err
}

@test "proxy-dst: with send-proxy, a client that names the rule itself is refused" {
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 proxy-dst: accept-proxy allow=127.0.0.1 \
		allow-dest='127.0.0.1:*' send-proxy=v1 --max-conns 20
	port=$(port_of "$ready")
	for header in "TCP4 127.0.0.1 127.0.0.1 5 $port" \
		"TCP6 ::1 ::ffff:127.0.0.1 5 $port"; do
		printf 'PROXY %s\r\n' "$header" |
			vsock-cat --max-time 5s "tcp:127.0.0.1:$port" || true
	done
	[ "$(grep -c ' why="the destination in the PROXY header is this rule itself"' \
		proxy.err)" = 2 ]
	run ! grep -q '#3 ' proxy.err
}

@test "proxy-dst: is refused without accept-proxy, without allow-dest, and in other programs" {
	proxy_says 2 'the destination comes from a PROXY header, but this rule accepts none' \
		--check unix:./front proxy-dst: allow-dest='*:80'
	proxy_says 2 'no destination is allowed' --check unix:./front proxy-dst: \
		accept-proxy allow=user:root
	proxy_says 2 'accept-proxy: any client could claim to be another' \
		--check unix:./front proxy-dst: accept-proxy allow-dest='*:80'
	proxy_says 2 "proxy-dst: cannot be listened on" --check proxy-dst: unix:./back
	run -2 vsock-cat proxy-dst:
	[[ $output == *'proxy-dst: is a target of vsock-proxy'* ]]
}

@test "connections redirected here by netfilter reach their destination in the other network" {
	cat >there <<-'END'
		trap 'kill $(jobs -p)' EXIT
		trap exit TERM
		ip link set lo up && ip addr add 192.0.2.9/32 dev lo || exit 77
		vsock-listen tcp:192.0.2.9:8080 --echo 2>listen.err &
		vsock-proxy -v unix:./host proxy-dst: accept-proxy allow=uid:0 \
			allow-dest=192.0.2.9:8080 --ready-fd 9 9>there.ready 2>there.err &
		wait
	END
	unshare -rn true 2>/dev/null || skip "no network namespace here"
	spawn there unshare -rn bash there
	wait_until test -S host
	cat >within <<-'END'
		mkfifo ready
		vsock-proxy -v tcp:127.0.0.1:3129 unix:./host original-dst send-proxy=v2 \
			--ready-fd 9 9>ready 2>proxy.err &
		proxy=$!
		read -r _ <ready
		[ "$(echo hello | vsock-cat --wait 30s tcp:192.0.2.9:8080)" = hello ] || exit 1
		[ -z "$(echo hello | vsock-cat tcp:192.0.2.9:8081)" ] || exit 2
		kill $proxy
		wait $proxy
	END
	redirected
	grep -q ' done .* -> tcp:192\.0\.2\.9:8080 client=tcp:.* up=6 down=6 .* end=eof' there.err
	grep -q ' deny .* -> tcp:192\.0\.2\.9:8081 ' there.err
}

# manual_commands HEADING N: the commands of the N-th block below a heading, a line each.
manual_commands() {
	awk -v heading=".Sh $1" -v wanted="$2" '
		/^\.Sh / { here = $0 == heading }
		/^\.Ed/ { block = 0 }
		block && here && count == wanted
		/^\.Bd/ { block = 1; if (here) count++ }' "$tests_top/man/vsock-proxy.rules.5" |
		sed -e ':join' -e '/\\e$/N; s/ *\\e\n */ /; t join'
}

@test "over vsock, with the commands of the manual, in the VM" {
	skip_outside_lab
	[ -e /run/vsock-lab ] || skip "this machine gets no address for a test"
	PATH=$PATH:/usr/sbin:/sbin
	need nft ip unshare
	ip addr add 192.0.2.9/32 dev lo
	spawn_ready service vsock-listen tcp:192.0.2.9:8080 --echo
	# The guest of the manual is this VM itself.
	printf '%s\n' '1 web' >hosts
	export VSOCK_HOSTS=$PWD/hosts
	local host
	host=$(manual_commands 'TRANSPARENT PROXY' 2)
	[[ $host == "vsock-proxy vsock::3129 proxy-dst: "*":80,443" ]]
	# shellcheck disable=SC2086 # words
	spawn_ready there ${host/:80,443/:8080} -v
	{
		echo 'ip link set lo up || exit 1'
		manual_commands 'TRANSPARENT PROXY' 1 |
			sed 's/^vsock-proxy .*/exec & -v --ready-fd 9 9>here.ready/'
	} >guest
	[ "$(grep -c '^nft ' guest)" = 3 ]
	[ "$(grep -c '^exec vsock-proxy .* original-dst ' guest)" = 1 ]
	: >here.ready
	spawn here unshare -n bash -e guest
	wait_ready here
	cat here.err
	[ "$(echo hello | nsenter -t "${spawned[here]}" -n vsock-cat tcp:192.0.2.9:8080)" = hello ]
	wait_until grep -q ' done vsock:1:.* -> tcp:192\.0\.2\.9:8080 client=tcp:127\.0\.0\.1:.* up=6 down=6 .* end=eof' there.err
}
