# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# How the scripts that run in the VMs wait for states; sourced, by bash. Nothing here starts a
# process: that takes tens of milliseconds of an emulated processor, which what is waited for needs.

# nap SECONDS: by waiting for a line from a FIFO that nobody writes to.
nap() {
	[ -p /run/nap ] || mkfifo /run/nap 2>/dev/null || true
	{ read -rt "$1" <>/run/nap || [ $? -gt 128 ]; } 2>/dev/null || sleep "$1"
}

# seen PATTERN FILE [COUNT]: at least COUNT (1) lines of the file match the pattern of the shell.
seen() {
	local pattern=$1 line lines=() count=0
	[ ! -e "$2" ] || mapfile -t lines <"$2"
	for line in "${lines[@]}"; do
		# shellcheck disable=SC2053 # a pattern
		[[ $line != $pattern ]] || count=$((count + 1))
	done
	[ "$count" -ge "${3:-1}" ]
}

# alive PROCESS
alive() {
	kill -0 "$1" 2>/dev/null
}
