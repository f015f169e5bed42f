#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-ping --live: what a terminal shows of it. A tmux of our own is the terminal.

load lib/common

setup() {
	need tmux
	cd "$BATS_TEST_TMPDIR" || return
	spawn_ready peer vsock-listen unix:./peer --echo
	open_terminal 80 20
}

teardown() {
	close_terminal
	finish_all
}

shows() {
	screen | grep -q -- "$1"
}

# How many columns the picture has: its results.
results() {
	screen | grep -v 'is lost' | grep -oE '[▁▂▃▄▅▆▇█×]+' | tr -d '\n' | wc -m
}

drawn() {
	[ "$(LC_ALL=C.UTF-8 results)" -ge "$1" ]
}

@test "--live draws results and statistics, and leaves the summary on the screen" {
	types "echo before; LC_ALL=C.UTF-8 vsock-ping --live -i 30ms ./peer; echo status=\$?" Enter
	wait_until shows '^PING unix:./peer$'
	run ! shows before
	wait_until drawn 20
	# a look may fall into the midst of a picture
	wait_until shows '^now [0-9.]*  min [0-9.]*  avg [0-9.]*  max '
	wait_until shows '^[0-9.]* to [0-9.]* ms; × is lost$'
	wait_until shows '^[0-9]* sent, [0-9]* answered, 0% lost, '
	# never wider than the window, and all of it used
	wait_until drawn 80
	types C-c
	wait_until shows '^status=0$'
	shows '^before$'
	shows '^PING unix:./peer: connect$'
	shows ' packets transmitted, [0-9]* received, 0% packet loss'
	shows '^rtt min/avg/max/mdev = '
	run ! shows 'answer from'
}

@test "--live follows the window size" {
	types "LC_ALL=C.UTF-8 vsock-ping --live -i 10ms ./peer" Enter
	wait_until drawn 80
	tmux resize-window -x 100 -y 20
	wait_until drawn 100
	tmux resize-window -x 30 -y 20
	wait_until eval '! drawn 31 && drawn 30'
	# in a window of a few lines the picture and the counts are left, in one of two the counts
	tmux resize-window -x 80 -y 4
	wait_until eval '! shows PING && shows " answered, "'
	tmux resize-window -x 80 -y 2
	wait_until eval '! shows "is lost" && shows " answered, "'
	tmux resize-window -x 80 -y 20
	wait_until shows '^PING '
	types C-c
	wait_until shows 'packets transmitted'
}

@test "--live uses ASCII where the locale has no UTF-8, and marks lost probes" {
	finish peer
	rm -f peer
	types "LC_ALL=C vsock-ping --live -c 9 -i 20ms ./peer; echo status=\$?" Enter
	wait_until shows '^status=4$'
	spawn_ready peer vsock-listen unix:./peer --echo
	types "clear; LC_ALL=C vsock-ping --live -i 20ms ./peer" Enter
	wait_until shows '^[-_.~=+*#]\{20,\}$'
	finish peer
	wait_until shows '^[-_.~=+*#]*xxx'
	wait_until shows '; x is lost$'
	types C-c
	wait_until shows '% packet loss'
}

@test "--live: Ctrl-Z restores the terminal, fg resumes" {
	types "vsock-ping --live -i 30ms ./peer" Enter
	wait_until shows ' answered, '
	types C-z
	wait_until shows '^shell>'
	run ! shows ' answered, '
	types fg Enter
	wait_until shows ' answered, '
	types C-c
	wait_until shows 'packets transmitted'
}

@test "--live works with --echo and at full speed" {
	types "vsock-ping --live --echo -A -c 3000 ./peer; echo status=\$?" Enter
	wait_until shows '^status=0$'
	shows '3000 packets transmitted, 3000 received'
}

@test "--live is refused without a terminal and with options it cannot be combined with" {
	run -2 vsock-ping --live ./peer
	[ "$output" = "vsock-ping: --live: standard output is not a terminal" ]
	for other in -q -j -O -D --scan '--wait 1' '--bandwidth up'; do
		# shellcheck disable=SC2086
		run -2 vsock-ping --live $other ./peer
		[[ $output == *"cannot be used together"* ]] || {
			echo "$other: $output"
			return 1
		}
	done
	types "TERM=dumb vsock-ping --live ./peer" Enter
	wait_until shows 'standard output is a dumb terminal'
}
