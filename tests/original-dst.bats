#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy's original-dst: where a connection went before netfilter redirected it. In a network namespace of its own.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export VSOCK_HOSTS=$BATS_TEST_TMPDIR/hosts
	: >"$VSOCK_HOSTS"
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

@test "not redirected: the header has the address that was connected to" {
	spawn_ready echo vsock-listen unix:./echo --echo
	spawn_ready proxy vsock-proxy -v tcp:127.0.0.1:0 unix:./echo original-dst send-proxy=v2
	cat_headers '
place = ("127.0.0.1", int(sys.argv[1]))
name, header = ask(place)
assert ends(header) == [name, place], header' "$(port_of "$ready")"
}

@test "what can't be meant is refused at the start" {
	proxy_says 2 'original-dst: without a PROXY header nobody would be told' --check tcp:127.0.0.1:8080 unix:./echo original-dst
	[[ $output == *'hint: write send-proxy=v2'* ]]
	proxy_says 2 'original-dst: only TCP connections are redirected' --check unix:./front unix:./echo original-dst send-proxy=v2
	proxy_says 2 'original-dst and accept-proxy: the header that comes tells already' --check tcp:127.0.0.1:8080 unix:./echo \
		--original-dst send-proxy=v2 accept-proxy allow=127.0.0.1
	vsock-proxy --check --original-dst tcp:127.0.0.1:8080 unix:./echo send-proxy=v1
}

# Runs the script "within" in a network of its own, where all that goes to two networks of documentation ends at our ports.
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

@test "redirected by netfilter: the header has where it went, for IPv4 and IPv6, in both versions, and the record too" {
	cat >within <<-'END'
		mkfifo ready
		vsock-listen unix:./echo --echo --ready-fd 9 9>ready 2>listen.err &
		echo=$!
		read -r _ <ready
		vsock-proxy -v --original-dst tcp:127.0.0.1:3129 unix:./echo send-proxy=v2 'tcp:[::1]:3129' unix:./echo send-proxy=v2 \
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
		vsock-proxy --original-dst tcp:127.0.0.1:3129 unix:./echo send-proxy=v1 --ready-fd 9 9>ready 2>one.err &
		proxy=$!
		read -r _ <ready
		cat_headers '
		name, header = ask(("192.0.2.8", 81))
		assert header == b"PROXY TCP4 %s 192.0.2.8 %d 81\r\n" % (name[0].encode(), name[1]), header
		' || exit 1
		kill $proxy $echo
		wait $proxy
	END
	sed -i 's/^\t*//' within
	redirected
	grep -qE ' open tcp:127\.0\.0\.1:[0-9]+ -> unix:\./echo dest=tcp:192\.0\.2\.7:80 connect=' proxy.err
	grep -qE ' done .* dest=tcp:192\.0\.2\.7:80 up=0 ' proxy.err
	# which has no such word where it went nowhere else
	[ "$(grep -c ' dest=' proxy.err)" = $(($(grep -c ' connect=' proxy.err) * 2 - 2)) ]
}
