# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the tests of vsock-proxy's reload share: load it after common.

ask() { # ADDRESS TEXT
	echo "$2" | vsock-cat "$1" 2>/dev/null
}

# The proxy named "proxy" reads its rules again.
reload() {
	local before
	before=$(grep -c 'reloaded' proxy.err || true)
	kill -HUP "${spawned[proxy]}"
	wait_until said_again "$before"
}

said_again() {
	[ "$(grep -c 'reloaded' proxy.err)" -gt "$1" ]
}
