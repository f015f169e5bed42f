#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-proxy's units under a real systemd, in a VM: start, reload, status, socket activation, what they may do, stop.

load ../lib/common

setup() {
	need qemu-system-x86_64 systemd-analyze
	units=$VSOCK_TOOLS_BUILD/systemd
	[ -e "$units/vsock-proxy.service" ] || skip "the build has no units"
}

# What runs in the VM. The programs are copied, as units have a /tmp and a /var/tmp of their own.
script() {
	cat <<-'END'
		set -eux
		exec 2>&1
		limit() { timeout 60 "$@"; }
		mkdir -p /usr/local/bin /etc/vsock/proxy.d
		cp "$VSOCK_TOOLS_BUILD"/vsock-cat "$VSOCK_TOOLS_BUILD"/vsock-listen "$VSOCK_TOOLS_BUILD"/vsock-proxy /usr/local/bin/
		for unit in vsock-proxy.service vsock-proxy@.service; do
			sed 's,^ExecStart=[^ ]*,ExecStart=/usr/local/bin/vsock-proxy,' "$VSOCK_TOOLS_BUILD/systemd/$unit" >"/etc/systemd/system/$unit"
		done
		cp "$tests_top/systemd/vsock-proxy@web.socket" /etc/systemd/system/
		echo 'tcp:127.0.0.1:81 vsock:1:9000 name=main' >/etc/vsock/proxy.rules
		echo 'fd:web vsock:1:9000 name=web' >/etc/vsock/proxy.d/web.rules
		vsock-listen --echo vsock:any:9000 &
		echo=$!
		limit systemctl daemon-reload
		limit systemctl start vsock-proxy.service
		systemctl show -p StatusText vsock-proxy.service
		echo one | limit vsock-cat --wait 30s tcp:127.0.0.1:81
		echo 'tcp:127.0.0.1:82 vsock:1:9000 name=more' >>/etc/vsock/proxy.rules
		limit systemctl reload vsock-proxy.service
		echo two | limit vsock-cat --wait 30s tcp:127.0.0.1:82
		limit vsock-proxy --status
		main=$(systemctl show -p MainPID --value vsock-proxy.service)
		for child in $(cat /proc/$main/task/$main/children); do
			grep -E '^(Name|CapPrm|CapEff|NoNewPrivs|Seccomp):' /proc/$child/status
		done
		systemctl show -p WatchdogTimestampMonotonic vsock-proxy.service
		limit systemctl start vsock-proxy@web.socket
		echo three | limit vsock-cat --wait 30s tcp:127.0.0.1:8080
		systemctl is-active vsock-proxy@web.service
		limit systemctl stop vsock-proxy.service vsock-proxy@web.socket vsock-proxy@web.service
		systemctl show -p Result vsock-proxy.service vsock-proxy@web.service
		kill $echo
		echo all-done
	END
}

@test "the units start, forward, reload, take a named socket, and stop" {
	script >"$BATS_TEST_TMPDIR/script"
	export VSOCK_TOOLS_TESTS=$tests_top
	sed -i "1i tests_top='$tests_top' VSOCK_TOOLS_BUILD='$VSOCK_TOOLS_BUILD'" "$BATS_TEST_TMPDIR/script"
	run "$tests_top/tests/lab/vm" --systemd --timeout 280 bash "$BATS_TEST_TMPDIR/script"
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *all-done* ]]
	[[ $output == *"StatusText=listening on tcp:127.0.0.1:81"* ]]
	for word in one two three; do
		grep -qx "$word" <<<"$output"
	done
	# the unit's own filter lets the worker give up what the unit has left to it
	grep -qx 'Name:	vsock-worker' <<<"$output"
	grep -qx 'CapPrm:	0000000000000000' <<<"$output"
	grep -qx 'Seccomp:	2' <<<"$output"
	grep -qE '^WatchdogTimestampMonotonic=[1-9]' <<<"$output"
	grep -qE '^more +tcp:127.0.0.1:82 +vsock:1:9000' <<<"$output"
	[ "$(grep -cx Result=success <<<"$output")" = 2 ]
}
