#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-ping between a host and its guest: both ways, while the guest is paused, and when it is
# killed. One boot of a pair, which takes minutes: scripts/check runs it, `make check` does not.

load ../lib/common

setup() {
	bats_require_minimum_version 1.5.0
	[ "$(vsock_here)" = "" ] || skip "starts virtual machines: not inside one"
	need qemu-system-x86_64
	lab=$tests_top/tests/lab
	share=$BATS_TEST_TMPDIR
	cp "$tests_top/tests/lib/ping_statistics.py" "$share"
}

@test "pair: no loss both ways; losses while paused, answers afterwards; the cause when killed" {
	cat >"$share/host" <<'END'
set -e
out=$LAB_TEST
lab-guest wait-ready
cp "$LAB_SHARE/to-host" "$out"
vsock-ping -c 20 -i 0.2 42 >"$out/to-guest"
vsock-ping --json --echo -A -c 100 42:5000 >"$out/echo.json"
vsock-ping -i 0.5 -W 1s 42 >"$out/paused" &
ping=$!
until grep -q seq=2 "$out/paused"; do sleep 0.1; done
lab-guest pause
until [ "$(grep -c 'timed out' "$out/paused")" -ge 2 ]; do sleep 0.1; done
lab-guest cont
lost=$(grep -n 'timed out' "$out/paused" | tail -1 | cut -d: -f1)
until tail -n "+$lost" "$out/paused" | grep -q closed; do sleep 0.1; done
kill -INT $ping
wait $ping
vsock-ping --echo -i 0.3 -W 3s 42:5000 >"$out/killed" 2>&1 &
ping=$!
until grep -q seq=3 "$out/killed"; do sleep 0.1; done
lab-guest stop
until [ "$(grep -c 'no answer' "$out/killed")" -ge 2 ]; do sleep 0.1; done
kill -INT $ping
wait $ping || true
status=0
vsock-ping -c 1 42 >"$out/gone" || status=$?
echo "status $status" >>"$out/gone"
END
	cat >"$share/guest" <<'END'
vsock-listen --echo --ready-fd 3 5000 3>/tmp/ready &
until grep -q READY /tmp/ready; do sleep 0.1; done
vsock-ping -c 20 -i 0.2 host >"$LAB_SHARE/to-host"
lab-ready
wait
END
	run "$lab/pair" --timeout 500 --share "$share" --env "LAB_TEST=$share" \
		--env "PATH=$VSOCK_TOOLS_BUILD:/usr/sbin:/usr/bin:/sbin:/bin" \
		"PATH=$VSOCK_TOOLS_BUILD:\$PATH; . $share/host" \
		"PATH=$VSOCK_TOOLS_BUILD:\$PATH; . $share/guest"
	echo "$output"
	tail -n 20 "$share"/{to-guest,to-host,paused,killed,gone}
	[ "$status" -eq 0 ]
	grep -q '^20 packets transmitted, 20 received, 0% packet loss, ' "$share/to-guest"
	grep -q '^20 packets transmitted, 20 received, 0% packet loss, ' "$share/to-host"
	python3 "$share/ping_statistics.py" <"$share/echo.json"
	grep -q 'timed out after 1 s' "$share/paused"
	grep -qE '^[0-9]+ packets transmitted, [0-9]+ received, [0-9.]+% packet loss' \
		"$share/paused"
	grep -q 'vsock:42:5000: .*broke: the VM of CID 42 went away' "$share/killed"
	grep -q 'no answer from vsock:42:5000: seq=.* no such CID' "$share/killed"
	grep -q 'no answer from vsock:42:7: seq=1 no such CID' "$share/gone"
	grep -q 'status 4' "$share/gone"
}
