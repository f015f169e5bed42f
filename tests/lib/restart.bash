# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the tests of vsock-proxy's restart share: load it after common.

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	umask 022
	spawn_ready echo vsock-listen --echo unix:./echo
	spawn_ready other vsock-listen unix:./other -- echo other
}

ask() { # ADDRESS TEXT
	echo "$2" | timeout 20 vsock-cat "$1" 2>/dev/null
}

more_than() { # COUNT PATTERN FILE
	[ "$(grep -c "$2" "$3")" -gt "$1" ]
}

# restart NAME: spawned[NAME] is the one that follows then, and spawned[NAME-old] the one that
# drains.
restart() {
	local name=$1 before old=${spawned[$1]}
	before=$(grep -c 'has taken over' "$name.err" || true)
	kill -USR2 "$old"
	wait_until more_than "$before" 'has taken over' "$name.err"
	spawned[$name]=$(sed -n 's/.*this process (\([0-9]*\)) has taken over.*/\1/p' "$name.err" |
		tail -n 1)
	spawned[$name-old]=$old
}

# waits NAME COUNT: until the COUNTth that it starts anew, a program that says "waits", has said so.
# spawned[waits] is that one. Which of the two lines is first, that program's or the log's that
# names it, is not certain.
waits() {
	wait_until more_than $(($2 - 1)) '^waits$' "$1.err"
	wait_until more_than $(($2 - 1)) 'restarting: process [0-9]* has been started' "$1.err"
	spawned[waits]=$(sed -n 's/.*restarting: process \([0-9]*\) has been started/\1/p' \
		"$1.err" | tail -n 1)
}

# fails_to_restart NAME WHY: the old one goes on.
fails_to_restart() {
	local before
	before=$(grep -c "$2" "$1.err" || true)
	kill -USR2 "${spawned[$1]}"
	wait_until more_than "$before" "$2" "$1.err"
	[ "$(ask unix:./front still)" = still ]
	no_child_but_worker "$1"
}

no_child_but_worker() {
	[ "$(cat "/proc/${spawned[$1]}/task/${spawned[$1]}/children")" = "$(worker_of "$1") " ]
}

sockets_are() { # COUNT NAME
	[ "$(descriptors_of "$2" -lname 'socket:*')" = "$1" ]
}

# A program of that name in ./bin, to be replaced.
own_program() {
	mkdir bin
	cp "$(command -v vsock-proxy)" bin/vsock-proxy
}

replace_program() { # LINE…
	printf '%s\n' '#!/bin/sh' "$@" >bin/new
	chmod +x bin/new
	mv bin/new bin/vsock-proxy
}
