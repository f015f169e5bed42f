#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The host's side of mux.bats: prints "ok THING" for each thing that works. It is not in a VM, so it
# uses vsock-mux:, unix: and tcp: addresses only.
export PATH="$VSOCK_TOOLS_BUILD:$PATH"
guest() {
	echo "vsock-mux:$LAB_MUX:$1"
}
proxy=''
listener=''
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	touch "$LAB_SHARE/over"
	# shellcheck disable=SC2086 # process numbers, or nothing
	kill $proxy $listener 2>/dev/null
}
trap cleanup EXIT

[ "$(echo hello | vsock-cat "$(guest 5000),half-close=2s")" = hello ] && echo "ok answer"

# Less than the buffers hold: when both directions of a connection are full, this device asks the
# guest for credit for ever, and does not write what it has for the host.
head -c 96K /dev/urandom >"$LAB_SHARE/data"
timeout 60 vsock-cat "$(guest 5000)" <"$LAB_SHARE/data" >"$LAB_SHARE/back"
cmp "$LAB_SHARE/back" "$LAB_SHARE/data" && echo "ok echo"
timeout 60 vsock-cat --half-close-timeout 10s \
	"$(guest 5006),half-close=1s" </dev/null >"$LAB_SHARE/back"
cmp "$LAB_SHARE/back" "$LAB_SHARE/large" && echo "ok large"

head -c 3M /dev/urandom >"$LAB_SHARE/data"
timeout 60 vsock-run "$(guest 514)" sh -c 'echo out; echo error >&2; exit 7' \
	>"$LAB_SHARE/run" 2>"$LAB_SHARE/run-error"
[ "$? $(cat "$LAB_SHARE/run" "$LAB_SHARE/run-error")" = "7 out
error" ] && echo "ok run"
timeout 100 vsock-run "$(guest 514)" cat <"$LAB_SHARE/data" >"$LAB_SHARE/back"
cmp "$LAB_SHARE/back" "$LAB_SHARE/data" && echo "ok run-data"
[ "$(timeout 60 vsock-run "$(guest 514)" yes | head -n 1)" = y ] && echo "ok run-reader"

timeout 60 vsock-cat --half-close-timeout 10s \
	"$(guest 5004),half-close=1s" </dev/null >"$LAB_SHARE/back"
cmp "$LAB_SHARE/back" "$LAB_SHARE/large" && echo "ok spliced"

message=$(echo question | vsock-cat "$(guest 5002),half-close=1s" 2>&1)
[ $? = 7 ] && [[ $message == *"without an answer"*"--send-only"* ]] && echo "ok lost"

vsock-cat --send-only "$(guest 5003)" <"$LAB_SHARE/data" && echo "ok upload"
until [ -s "$LAB_SHARE/hash" ]; do sleep 0.1; done
[[ $(cat "$LAB_SHARE/hash") == "$(sha256sum <"$LAB_SHARE/data" | cut -d' ' -f1)"* ]] &&
	echo "ok upload-whole"

vsock-ping --check -w 100s "$(guest 5005)" >"$LAB_SHARE/check"
if [ $? = 7 ] && [ "$(sed -n 's/^ *known defect: //p' "$LAB_SHARE/check")" = "\
the VMM loses data above 32 KiB in one packet
the VMM turns a half-close into a full close, and the answer is lost
the VMM does not pass a half-close on
a close is not passed on to an end that is busy" ]; then
	echo "ok check"
else
	cat "$LAB_SHARE/check"
fi

vsock-proxy tcp:127.0.0.1:0 "$(guest 5000),half-close=2s" \
	--ready-fd 9 9>"$LAB_SHARE/proxy" 2>/dev/null &
proxy=$!
until grep -q READY "$LAB_SHARE/proxy"; do sleep 0.1; done
[ "$(echo hello | vsock-cat "$(sed -n 's/^READY //p' "$LAB_SHARE/proxy")")" = hello ] &&
	echo "ok proxy"

vsock-cat "$(guest 5999)" </dev/null 2>/dev/null
[ $? = 3 ] && echo "ok refused"

vsock-listen "$(guest 52)" </dev/null >"$LAB_SHARE/heard" \
	--ready-fd 9 9>"$LAB_SHARE/listener" 2>/dev/null &
listener=$!
until grep -q READY "$LAB_SHARE/listener"; do sleep 0.1; done
touch "$LAB_SHARE/listening"
wait "$listener" && [ "$(cat "$LAB_SHARE/heard")" = from-guest ] && echo "ok from-guest"
listener=''
until [ -e "$LAB_SHARE/ended" ]; do sleep 0.1; done
grep -qx 'status 0' "$LAB_SHARE/answer" && echo "ok half-close-timeout"
grep -qx 'status 5' "$LAB_SHARE/unserved" && echo "ok unserved"
