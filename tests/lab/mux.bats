#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-cat, vsock-listen and vsock-proxy with a hybrid vsock device that is not ours. One VM for
# all.

load ../lib/common

setup_file() {
	need qemu-system-x86_64 busybox
	"$tests_top/tests/lab/device" >/dev/null 2>"$BATS_FILE_TMPDIR/device" ||
		skip "vhost-device-vsock cannot be had: $(tail -n 1 "$BATS_FILE_TMPDIR/device")"
	"$tests_top/tests/lab/mux" --kernel 6.12 --timeout 400 \
		--wait-ready "$tests_top/tests/lab/mux-host.sh" \
		"$tests_top/tests/lab/mux-guest.sh" >"$BATS_FILE_TMPDIR/output" 2>&1 || true
}

@test "end of input does not lose the answer" {
	works answer
	works proxy
}

# Linux 6.12.117 makes packets of more than 32 KiB that this device drops.
@test "no data is lost between a guest that sends large packets and a device that drops them" {
	works echo
	works large
	works spliced
}

@test "vsock-run: exit status, streams, 3 MiB through a command, and a reader that leaves" {
	works run
	works run-data
	works run-reader
}

@test "--check names the defects of this device" {
	works check
}

@test "a lost answer is reported, with status 7" {
	works lost
}

@test "an upload ends and arrives complete" {
	works upload
	works upload-whole
}

@test "a closed port of the guest is status 3" {
	works refused
}

@test "from the guest: its data arrives, and --half-close-timeout ends the wait" {
	works from-guest
	works half-close-timeout
}

@test "a port of the host nobody serves is status 5" {
	works unserved
}
