#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What root does with files in directories that other users may write to: never through a link of
# theirs.

load lib/common

setup() {
	[ "$(id -u)" = 0 ] || skip "needs root: others' directories are made"
	need python3 setpriv
	cd "$BATS_TEST_TMPDIR" || return
	umask 022
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" .
	mkdir theirs
	chown nobody theirs
	echo secret >victim
	chmod 600 victim
}

unharmed() {
	[ "$(stat -c '%a %U' victim)" = '600 root' ]
	[ "$(cat victim)" = secret ]
}

# swap FILE: a user who puts a link to the victim in the place of theirs/FILE again and again, until
# the file "stop" is there, for a minute at most.
swap() {
	spawn attacker python3 -uc '
import os, sys, time
name, end = "theirs/" + sys.argv[1], time.time() + 60
os.setuid(65534)
print("ready")
while not os.path.exists("stop") and time.time() < end:
    try:
        os.symlink("../victim", name + ".link")
        os.rename(name + ".link", name)
        os.unlink(name)
    except OSError:
        pass
' "$1"
	wait_until grep -q ready attacker.out
}

@test "a link in place of a socket: neither the mode nor the owner of its target is changed" {
	swap s
	for _ in $(seq 40); do
		: >server.ready
		spawn server spawn_with_ready_fd server.ready vsock-proxy \
			unix:theirs/s,mode=0666,owner=nobody exec:cat
		wait_ready server || true
		finish server
		unharmed
	done
	touch stop
	ends_with 0 attacker
	spawn_ready server vsock-proxy unix:theirs/s,mode=0666,owner=nobody exec:cat
	[ "$(stat -c '%a %U' theirs/s)" = '666 nobody' ]
	rm theirs/s
	echo theirs >theirs/s
	finish server
	[ "$(cat theirs/s)" = theirs ]
}

@test "root does not follow a link in a directory that others may write to" {
	mkdir private
	ln -s ../private theirs/below
	run -6 vsock-listen unix:theirs/below/s --echo
	[[ $output == *"refused: theirs/below leads through a symbolic link that users other than root may change"* ]]
	[ ! -e private/s ]
	ln -s private here
	spawn_ready server vsock-listen unix:here/s --echo
	finish server
	# as their own user they may do what they like
	chown nobody private
	HOME=/ spawn theirs setpriv --reuid nobody --clear-groups vsock-listen \
		unix:theirs/below/s --echo
	wait_until test -S private/s
}

@test "root writes no pid file and no recording through another user's link" {
	ln -s ../victim theirs/pid
	run -6 --separate-stderr vsock-proxy --pid-file theirs/pid unix:s exec:cat
	[ "${stderr_lines[-2]}" = \
		"vsock-proxy: theirs/pid: refused: users other than root may write to its directory" ]
	spawn_ready server vsock-listen unix:t --echo
	run ! vsock-cat --record theirs/pid unix:t </dev/null
	unharmed
	rm theirs/pid
	vsock-cat --record theirs/pid unix:t </dev/null
	[ -s theirs/pid ]
}
