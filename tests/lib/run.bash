# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the tests of vsock-run share: load it after common.

serve() { # OPTION...
	spawn_ready server vsock-listen --run unix:./s "$@"
}

vrun() { # [OPTION...] -- COMMAND...: on that server
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	timeout 100 vsock-run "${options[@]}" unix:./s "$@"
}

ended_by_term() { # PID
	kill -TERM "$1" 2>/dev/null || true
	ended "$1"
}
