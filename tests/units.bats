#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# systemd's units, as far as they can be judged without a systemd that runs; tests/lab/systemd.bats
# starts them.

load lib/common

setup() {
	need systemd-analyze
	units=$VSOCK_TOOLS_BUILD/systemd
	[ -e "$units/vsock-proxy.service" ] || skip "the build has no units"
}

@test "systemd accepts the units" {
	for unit in vsock-proxy.service vsock-proxy@.service; do
		sed -E 's,^(Exec[A-Za-z]+)=[^ ]*/vsock-proxy,\1=/bin/true,' \
			"$units/$unit" >"$BATS_TEST_TMPDIR/${unit/@/@web}"
		run -0 timeout 30 systemd-analyze verify --man=no "$BATS_TEST_TMPDIR/${unit/@/@web}"
		run ! grep -E "$unit.*(Unknown|Failed)" <<<"$output"
	done
}

@test "the units are confined: systemd-analyze security says 1.9 or less" {
	for unit in vsock-proxy.service vsock-proxy@.service; do
		timeout 30 systemd-analyze security --offline=true \
			--threshold=19 "$units/$unit" >"$BATS_TEST_TMPDIR/out" 2>&1 || {
			tail -n 3 "$BATS_TEST_TMPDIR/out"
			grep -q 'unrecognized option' "$BATS_TEST_TMPDIR/out" &&
				skip "systemd is older than 250"
			return 1
		}
	done
}

@test "systemd keeps as many listeners as the unit says" {
	for unit in vsock-proxy.service vsock-proxy@.service; do
		max=$(sed -n 's/^FileDescriptorStoreMax=//p' "$units/$unit")
		[ "$max" -gt 0 ]
		grep -qx "Environment=FDSTORE=$max" "$units/$unit"
		grep -qx 'RuntimeDirectoryPreserve=restart' "$units/$unit"
	done
}

@test "the drain fits into systemd's stop timeout, and the program is where it was installed" {
	for unit in vsock-proxy.service vsock-proxy@.service; do
		grep -qx 'TimeoutStopSec=40' "$units/$unit"
		grep -qE '^ExecStart=/[^@]*/vsock-proxy --rules /etc/vsock/' "$units/$unit"
	done
}
