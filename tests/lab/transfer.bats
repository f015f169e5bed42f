#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-cat, vsock-listen and vsock-proxy between a host and its guest, and what is seen of a guest that is not there yet, stands
# still, or dies. One pair of VMs for all.

load ../lib/common

setup_file() {
	need qemu-system-x86_64 python3 busybox
	pair_once transfer
}

@test "before the guest runs: no such CID, status 4; --wait waits until it listens" {
	works absent
	works wait
}

@test "64 MiB from the host to the guest and back, through vsock-proxy and straight" {
	works round-trip
	works straight
}

@test "vsock-info --guests sees the real qemu" {
	works guests
}

@test "from the guest to the host" {
	works guest-to-host
	grep -qx 'guest| a closed port of the host: status 3' "$BATS_FILE_TMPDIR/output"
}

@test "a web server in the guest answers in full a client that half-closed after its request" {
	works http
}

@test "200 connections at once" {
	works crowd
}

@test "a closed port of the guest: status 3, and the proxy's record" {
	works refused
	works refused-record
}

@test "a guest that stands still: status 5; a longer time-out reaches it when it goes on" {
	works paused
	works resumed
}

@test "the guest dies in mid-transfer: status 7, the proxy's client and record too" {
	works dead
	works dead-proxy
	works dead-record
	works gone
	works drained
}
