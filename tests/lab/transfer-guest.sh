#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# transfer-guest.sh: the guest of transfer.bats: an echo on port 5000, a sink on 5001, a web server
# on 80, commands on 514. In its first life it also sends a file to the host and, when the host asks
# for it, without end to a proxy there.

set -u
# shellcheck source=tests/lab/states.sh
. "$(dirname "${BASH_SOURCE[0]}")/states.sh"
PATH=$VSOCK_TOOLS_BUILD:$PATH
mkdir -p /root/work/www
cd /root/work || exit 1
cp "$LAB_SHARE/page" www/
serve() {
	local name=$1
	shift
	: >"$name.ready"
	vsock-listen --ready-fd 9 "$@" 9>"$name.ready" &
	until seen 'READY *' "$name.ready"; do nap 0.1; done
}
serve echo 5000 --echo
serve sink 5001 --discard
serve run 514 --run
serve web 80 -- busybox httpd -i -h /root/work/www
vsock-cat --wait 120s host:6000 <www/page || echo "status $?"
vsock-cat host:6001
echo "a closed port of the host: status $?"
# In mid-transfer to a proxy of the host when this guest is killed.
{
	until [ -e "$LAB_SHARE/send-to-proxy" ]; do nap 0.2; done
	exec vsock-cat --wait 60s host:6002 </dev/zero >/dev/null 2>&1
} &
lab-ready
wait
