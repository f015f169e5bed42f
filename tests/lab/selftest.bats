#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Tests of the lab itself: tests/lab/vm and tests/lab/pair. Each test boots once and checks several
# things, as boots are what costs time. Needs qemu, and the Debian archive the first time; see
# README.md.

bats_require_minimum_version 1.5.0

setup() {
	lab=$BATS_TEST_DIRNAME
	share=$(mktemp -d "$BATS_TEST_TMPDIR/share.XXXXXX")
}

@test "vm: output comes back complete, with the exit status" {
	run --separate-stderr "$lab/vm" --timeout 120 --share "$share" \
		--env "GREETING=it's me" sh -c '
		head -c 1048576 /dev/urandom | od -An -tx1 | tee "'"$share"'/sent"
		echo "$GREETING in $(pwd) as $VSOCK_LAB" >"'"$share"'/seen"
		cat /run/vsock-lab >>"'"$share"'/seen"
		touch "'"$lab"'/must-not-stay"
		echo trouble >&2
		(sleep 1000) &
		exit 7'
	echo "$stderr"
	[ "$status" -eq 7 ]
	[ "$(echo "$output" | sha256sum)" = "$(sha256sum <"$share/sent")" ]
	[ "$stderr" = trouble ]
	[ "$(cat "$share/seen")" = "$(printf "it's me in %s as loopback\nloopback" "$(pwd)")" ]
	[ ! -e "$lab/must-not-stay" ]
}

@test "vm: vsock loopback answers, CID 77 is ENODEV, a closed port ECONNRESET" {
	run "$lab/vm" --timeout 120 bash -c '
		socat -t 30 VSOCK-LISTEN:9000,fork PIPE &
		until ss --vsock -ln | grep -q ":9000 "; do sleep 0.1; done
		echo echoed | socat -t 20 - VSOCK-CONNECT:1:9000
		for address in 77:9000 1:9001; do socat -u VSOCK-CONNECT:$address - 2>&1; done
		kill -SEGV $$'
	echo "$output"
	[[ $output == *echoed* ]]
	[[ $output == *"No such device"* ]]
	[[ $output == *"Connection reset by peer"* ]]
	[ "$status" -eq 139 ]
}

@test "vm: without vsock_loopback no vsock module is loaded" {
	run "$lab/vm" --timeout 120 \
		--no-loopback sh -c 'cat /run/vsock-lab; grep vsock /proc/modules; ls /dev/vsock 2>&1'
	echo "$output"
	[[ ${lines[0]} == none ]]
	[[ ${lines[1]} == *"No such file"* ]]
	[ "$status" -ne 0 ]
}

@test "vm: a command that hangs is ended with status 124 and its output so far" {
	run "$lab/vm" --timeout 15 sh -c 'echo started; sleep 1000'
	echo "$output"
	[ "$status" -eq 124 ]
	[[ $output == *started* ]]
	[[ $output == *"timed out after 15 s"* ]]
}

@test "vm: when the caller is killed, qemu and the temporary directory go too" {
	export TMPDIR=$share
	"$lab/vm" --timeout 120 sleep 1000 3>&- &
	caller=$!
	until qemu=$(pgrep -f "^qemu-system-x86_64 .*$share"); do sleep 0.1; done
	kill -KILL "$caller"
	for _ in $(seq 150); do
		if [ -z "$(ls "$share")" ] && ! grep -qs '^State:.[^Z]' "/proc/$qemu/status"; then
			return 0
		fi
		sleep 0.2
	done
	ls "$share"
	return 1
}

@test "vm: systemd can be init" {
	run "$lab/vm" --timeout 180 \
		--systemd sh -c 'cat /proc/1/comm; systemctl is-active basic.target; exit 3'
	echo "$output"
	[ "$status" -eq 3 ]
	[ "${lines[0]}" = systemd ]
	[ "${lines[1]}" = active ]
}

@test "pair: host and guest talk both ways; the guest is paused, killed and restarted" {
	cat >"$share/host" <<'END'
set -e
lab-guest wait-ready
echo to-guest | socat -t 30 - VSOCK-CONNECT:42:9000
cat "$LAB_SHARE/from-guest"
lab-guest pause
socat -u VSOCK-CONNECT:42:9000 - 2>&1 | grep -o 'Connection timed out' || true
lab-guest cont
echo after-pause | socat -t 30 - VSOCK-CONNECT:42:9000
lab-guest stop
socat -u VSOCK-CONNECT:42:9000 - 2>&1 | grep -o 'No such device' || true
lab-guest start
lab-guest wait-ready
echo to-second-life | socat -t 30 - VSOCK-CONNECT:42:9000
exit 5
END
	cat >"$share/guest" <<'END'
socat -t 30 VSOCK-LISTEN:9000,fork PIPE &
until ss --vsock -ln | grep -q ":9000 "; do sleep 0.1; done
cat /run/vsock-lab
lab-ready
wait
END
	cat >"$share/listen" <<'END'
socat -u VSOCK-LISTEN:9001 "CREATE:$LAB_SHARE/from-guest" &
until ss --vsock -ln | grep -q ":9001 "; do sleep 0.1; done
lab-guest start
wait
exec bash "$LAB_TEST/host"
END
	sed -i '1i until echo to-host | socat -t 30 - VSOCK-CONNECT:2:9001 || [ -e "$LAB_SHARE/from-guest" ]; do sleep 0.5; done' "$share/guest"
	run "$lab/pair" --timeout 400 --no-autostart --env "LAB_TEST=$share" "bash $share/listen" \
		"bash $share/guest"
	echo "$output"
	[ "$status" -eq 5 ]
	for line in 'guest| guest' to-host to-guest 'Connection timed out' after-pause \
		'No such device' to-second-life; do
		[[ $output == *"$line"* ]]
	done
	[ "$(grep -c '^guest| guest$' <<<"$output")" -eq 2 ]
}
