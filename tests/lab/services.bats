#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What vsock-proxy is run for, between a host and its guest: an API on a UNIX socket of the guest,
# Redis, and the way out of a guest that has no network; and the guest rebooted under 100 open
# connections. One pair of VMs for all.

load ../lib/common

setup_file() {
	need qemu-system-x86_64 python3 curl redis-server redis-benchmark
	pair_once services
}

@test "an API on a UNIX socket in the guest works from a TCP port of the host, including a hijacked connection as docker attach uses it" {
	works api
	works attach
}

@test "redis-benchmark works through it, and the stored data is there" {
	works redis
	works stored
}

@test "curl in a guest without a network goes out through socks5:, and is refused where the list says so" {
	works out
	works not-allowed
}

@test "a guest rebooted under 100 open connections: each ends with its cause, none leaks, new ones work" {
	works held
	works cut
	works causes
	works no-leak
	works again
}
