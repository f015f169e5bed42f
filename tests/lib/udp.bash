# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the tests of vsock-proxy's datagrams share: load it after common.

setup() {
	need python3
	own_directory
}

# peer NAME COMMAND…: one that says where it listens; sets $at.
peer() {
	local name=$1
	shift
	spawn "$name" "$tests_top/tests/lib/datagrams" "$@"
	wait_until grep -q '^READY' "$name.out"
	at=$(sed -n 's/^READY //p' "$name.out")
}

datagrams() {
	"$tests_top/tests/lib/datagrams" "$@"
}

# What there is between the family and the options.
where() {
	echo "${1#*:}"
}

# A UDP echo behind two proxies, which talk through stream $1; udp-idle of the near one is $2, and
# $3… goes to it. $ready is the near end.
two_proxies() {
	local stream=$1 idle=$2
	shift 2
	peer echo echo 127.0.0.1:0
	spawn_ready far vsock-proxy -v "$stream" "$at"
	spawn_ready near vsock-proxy -v "$@" udp:127.0.0.1:0 "$ready" "udp-idle=$idle"
}

has() {
	wait_until grep -Eq -- "$2" "$1"
}
