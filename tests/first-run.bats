#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The first command somebody runs, on a machine that offers little: no vsock, a dumb terminal, few
# columns, no UTF-8, no HOME, a file system that cannot be written.

load lib/common

programs="vsock-cat vsock-listen vsock-proxy vsock-run vsock-ping vsock-info"

setup() {
	terminal=''
	cd "$BATS_TEST_TMPDIR" || return
	bare=(env -i "PATH=$PATH" "ASAN_OPTIONS=${ASAN_OPTIONS-}")
}

@test "without vsock: one line says why, and a hint what to do" {
	[ -z "$(vsock_here)" ] || skip "there is vsock in the lab"
	run vsock-cat 3:22 </dev/null
	[ "$status" -ne 0 ]
	[ "${#lines[@]}" = 2 ]
	[[ ${lines[0]} == "vsock-cat: vsock:3:22: "* ]]
	[[ ${lines[1]} == "hint: "?* ]]
	run vsock-info
	[[ ${lines[0]} == "vsock cannot be used here"* ]]
}

@test "a dumb terminal gets no escape sequences, another one gets them" {
	need script
	: >file
	TERM=dumb script -qec 'vsock-cat --progress ./none <file; vsock-cat -h; vsock-info; true' \
		/dev/null </dev/null >dumb
	grep -q 'no such socket' dumb
	run ! grep -q $'\033' dumb
	TERM=xterm script -qec 'vsock-cat --progress ./none <file; true' /dev/null </dev/null >xterm
	grep -q $'\033' xterm
}

@test "without HOME and any other variable, bytes pass" {
	printf '#!/bin/sh\nexec env -i "PATH=$PATH" vsock-listen "$@"\n' >bare-listen
	chmod +x bare-listen
	spawn_ready echo ./bare-listen --echo unix:./echo
	[ "$(echo hello | "${bare[@]}" vsock-cat ./echo)" = hello ]
	"${bare[@]}" vsock-proxy --check tcp:127.0.0.1:81 unix:./echo
}

@test "without UTF-8 the same text is printed, and control characters are escaped" {
	run "${bare[@]}" LC_ALL=C vsock-cat $'unix:./\xc3\xa9\x1b[31m\xff' </dev/null
	[ "$status" = 4 ]
	[[ $output == *'\x1B[31m\xFF'* ]]
	plain=$output
	run "${bare[@]}" LC_ALL=C.UTF-8 vsock-cat $'unix:./\xc3\xa9\x1b[31m\xff' </dev/null
	[ "$output" = "$plain" ]
}

@test "in 40 columns the help is complete, and words are whole" {
	for program in $programs; do
		COLUMNS=40 "$program" --help | tr -s ' ' '\n' | sort >narrow
		COLUMNS=110 "$program" --help | tr -s ' ' '\n' | sort >wide
		cmp narrow wide
	done
}

# too_wide WIDTH: lines that are wider, but for commands and single words, which stay whole.
too_wide() {
	awk -v width="$1" 'length > width && !/^  [^ ]/ && !/^ *[^ ]*$/'
}

@test "no line of the help is wider than the terminal, be it of 40, 60, 80 or 200 columns" {
	for program in $programs; do
		for width in 40 60 80 200; do
			for option in -h --help; do
				COLUMNS=$width $program $option >help
				run -0 too_wide "$width" <help
				[ -z "$output" ] || { echo "$program $option: $output"; return 1; }
			done
			run "-$(mistake "$program")" env COLUMNS="$width" "$program" \
				--no-such-option
		done
		# without arguments, too
		[ "$program" = vsock-info ] || {
			COLUMNS=40 $program 2>usage || true
			[ -z "$(too_wide 40 <usage)" ]
		}
	done
}

@test "in a terminal of 40 columns each option stands above its text, and the caret below the mistake" {
	need tmux
	open_terminal 40 50
	terminal=yes
	types 'clear; vsock-cat -h; vsock-cat tcp:a.host.whose.name.is.longer.than.a.line:80,bxx' Enter
	wait_until shows '         ^~~'
	screen
	# the rest of the address, and the caret two lines below it
	screen | grep -A 2 -x '.line:80,bxx' | tail -n 1 | grep -x '         *^~~'
	screen | grep -A 1 -xF -- '  -w, --connect-timeout TIME' |
		grep -x '        time limit of one attempt to'
}

teardown() {
	[ -z "$terminal" ] || close_terminal
	finish_all
}

shows() {
	screen | grep -qF -- "$1"
}

@test "help, version and errors are the same in an empty environment, any locale and on a dumb terminal" {
	for program in $programs; do
		for option in -h --help --version --no-such-option; do
			"$program" "$option" >plain 2>&1 || true
			for environment in "" LC_ALL=C LC_ALL=C.UTF-8 HOME=/none TERM=dumb; do
				# shellcheck disable=SC2086 # none, or one
				"${bare[@]}" $environment "$program" "$option" >got 2>&1 || true
				cmp plain got
			done
		done
	done
}

@test "on a read-only file system a file that is to be written is reported, with its name" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	spawn_ready echo vsock-listen -k unix:./s --echo
	cat >within <<-'END'
		mount -t tmpfs -o ro,mode=755 none sealed || exit 77
		vsock-cat --dump sealed/dump unix:./s </dev/null; echo $?
		vsock-cat --record sealed/record unix:./s </dev/null; echo $?
		vsock-listen --pid-file sealed/pid unix:./t; echo $?
		HOME=$PWD/sealed vsock-cat unix:./s </dev/null; echo $?
	END
	mkdir sealed
	run unshare --mount bash within
	[ "$status" != 77 ] || skip "nothing can be mounted here"
	[ "${lines[0]}" = "vsock-cat: --dump sealed/dump: Read-only file system" ]
	[ "${lines[2]}" = "vsock-cat: --record sealed/record: Read-only file system" ]
	[[ ${lines[4]} == "vsock-listen: sealed/pid: "*"Read-only file system"* ]]
	[ "${lines[-1]}" = 0 ]
}

@test "on a read-only file system a listener says so" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	mkdir sealed
	# shellcheck disable=SC2016
	run unshare --mount sh -c \
		'mount -t tmpfs -o ro none sealed || exit 77; timeout 20 vsock-listen unix:sealed/socket'
	[ "$status" != 77 ] || skip "nothing can be mounted here"
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ]
	[[ $output == "vsock-listen: unix:sealed/socket: "*[Rr]ead-only* ]]
}
