#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The guest's side of mux.bats.
# listen ARGUMENT...: start vsock-listen -k and wait until it listens.
listen() {
	count=$((count + 1))
	vsock-listen -k --ready-fd 9 "$@" 9>"/run/ready$count" 2>/dev/null &
	until grep -q READY "/run/ready$count"; do sleep 0.1; done
}

count=0
export PATH="$VSOCK_TOOLS_BUILD:$PATH"
listen 5000 --echo
listen 5002 -- sh -c 'cat >/dev/null; echo done'
listen 5005 --check
vsock-listen --run --ready-fd 9 514 9>/run/ready-run 2>/dev/null &
until grep -q READY /run/ready-run; do sleep 0.1; done
listen 5003 --hash >"$LAB_SHARE/hash"
# Through vsock-proxy, which splices what is large.
head -c 8M /dev/urandom >"$LAB_SHARE/large"
listen 5006 --send-file "$LAB_SHARE/large"
listen tcp:127.0.0.1:6000 --send-file "$LAB_SHARE/large"
vsock-proxy vsock::5004 tcp:127.0.0.1:6000 --ready-fd 9 9>/run/ready-proxy 2>/dev/null &
until grep -q READY /run/ready-proxy; do sleep 0.1; done
lab-ready
until [ -e "$LAB_SHARE/listening" ]; do sleep 0.1; done
echo from-guest | vsock-cat --half-close-timeout 1s host:52 >"$LAB_SHARE/answer"
echo "status $?" >>"$LAB_SHARE/answer"
vsock-cat host:53 </dev/null 2>"$LAB_SHARE/unserved"
echo "status $?" >>"$LAB_SHARE/unserved"
touch "$LAB_SHARE/ended"
until [ -e "$LAB_SHARE/over" ]; do sleep 0.1; done
