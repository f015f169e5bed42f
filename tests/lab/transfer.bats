#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-cat, vsock-listen and vsock-proxy between a host and its guest, and what is seen of a guest
# that is not there yet, stands still, or dies. One pair of VMs for all.

load ../lib/common

setup_file() {
	need qemu-system-x86_64 python3 busybox
	pair_once transfer
}

@test "before the guest runs its CID is absent, status 4; --wait waits until it listens" {
	works absent
	works wait
}

@test "64 MiB go from the host to the guest and back, through vsock-proxy and directly" {
	works round-trip
	works straight
}

@test "vsock-run: exit status, streams, and 8 MiB through a command in the guest" {
	works run
	works run-data
}

@test "vsock-info --guests sees the running qemu" {
	works guests
}

@test "the guest can connect to the host" {
	works guest-to-host
	grep -qx 'guest| a closed port of the host: status 3' "$BATS_FILE_TMPDIR/output"
}

@test "a web server in the guest answers completely a client that half-closed after its request" {
	works http
}

@test "200 connections at once" {
	works crowd
}

@test "a closed port of the guest is status 3, and the proxy records it" {
	works refused
	works refused-record
}

@test "a paused guest is status 5; with a longer timeout it is reached once it resumes" {
	works paused
	works resumed
}

@test "a guest that dies in mid-transfer is status 7, for the proxy's client and record too" {
	works dead
	works dead-proxy
	works dead-record
	works dead-run
	works dead-run-soon
	grep '^vsock-run ended ' "$BATS_FILE_TMPDIR/output" | sed 's/^/# /' >&3
	works gone
	works drained
}

@test "the guest dies while it sends to a TCP target through a proxy of the host: the target is reset" {
	works dead-client
	works dead-client-record
}
