#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-cat on a terminal: --tty. A tmux of our own is the terminal; what it shows is waited for.

load lib/common

setup() {
	need tmux python3
	cd "$BATS_TEST_TMPDIR" || return
	cat >far.py <<-'END'
		# asks for the size as told in band, and shows all that it has got: how many keys
		# come at once is not certain
		import os
		os.write(1, b"\033[?1049;2048h\033[?1049lready\r\n")
		got = b""
		while data := os.read(0, 100):
		    got += data
		    os.write(1, ascii(got).encode() + b"\r\n")
		    if b"bye" in got:
		        break
	END
	spawn_ready far vsock-listen unix:./far -- python3 far.py
	open_terminal 100 30
}

teardown() {
	close_terminal
	# what talk: says comes from there; its command does not end before it
	exec 8>&-
	finish_all
}

shows() {
	screen | grep -qF -- "$1"
}

# The shell waits for a command.
prompts() {
	[ "$(screen | grep . | tail -n 1)" = 'shell>' ]
}

# far.py speaks, and has been told the size, which it shows first.
far_is_there() {
	wait_until shows ready
	wait_until eval 'screen | grep -qE "^b.*\[48;[0-9;]+t'"'"'$"'
}

sane() {
	types "stty -a | tr ' ;' '\n\n' | grep -xE -- '-?(isig|icanon|echo|opost)' | xargs echo settings" Enter
	wait_until shows "settings opost isig icanon echo"
}

@test "--tty sends keys unchanged, and ~. quits and restores the terminal" {
	types "vsock-cat -t ./far; echo status=\$?" Enter
	far_is_there
	types C-c
	wait_until shows "t\\x03'"
	types C-z
	wait_until shows "t\\x03\\x1a'"
	types x
	wait_until shows "t\\x03\\x1ax'"
	types '~.' # not at the beginning of a line
	wait_until shows "t\\x03\\x1ax~.'"
	types Enter
	wait_until shows "t\\x03\\x1ax~.\\r'"
	types '~' '~'
	wait_until shows "t\\x03\\x1ax~.\\r~'"
	types Enter
	types '~a'
	wait_until shows "t\\x03\\x1ax~.\\r~\\r~a'"
	types Enter '~.'
	wait_until shows status=0
	screen | grep -qx 'status=0' # and on a line of its own
	sane
}

@test "--tty sends the window size when the far end asks and when it changes" {
	types "vsock-cat -t ./far; echo status=\$?" Enter
	wait_until shows "b'\\x1b[48;30;100;"
	tmux resize-window -x 90 -y 20
	wait_until shows "t\\x1b[48;20;90;"
	types bye
	wait_until shows status=0
	sane
}

# How many lines vi shows that the file does not have.
rows() {
	screen | grep -c '^~$'
}

@test "-t at both ends: vi fills the window and follows its size" {
	need vi
	spawn_ready vi vsock-listen -t unix:vi -- vi -u NONE text
	types "vsock-cat -t ./vi; echo status=\$?" Enter
	# 30 lines: the file's only one, and the last for messages; the others show a tilde
	wait_until eval '[ "$(rows)" = 28 ]'
	types "ihello from afar" Escape
	wait_until shows 'hello from afar'
	tmux resize-window -x 70 -y 12
	wait_until eval '[ "$(rows)" = 10 ]'
	types o "line $(printf '%060d' 7)" Escape
	# 65 columns of it fit
	wait_until eval '[ "$(rows)" = 9 ]'
	tmux resize-window -x 40 -y 20
	wait_until eval '[ "$(rows)" = 16 ]'
	types ':wq' Enter
	wait_until shows status=0
	[ "$(head -n 1 text)" = "hello from afar" ]
	[ "$(wc -l <text)" = 2 ]
	sane
}

@test "-t at both ends: top redraws, stty knows the size, Ctrl-C reaches the far end" {
	need top
	spawn_ready shell vsock-listen -t unix:shell -- env PS1='far> ' TERM=xterm bash --norc
	types "vsock-cat -t ./shell; echo status=\$?" Enter
	wait_until shows 'far>'
	types "stty size" Enter
	wait_until eval 'screen | grep -qx "30 100"'
	types "top -d 0.3" Enter
	wait_until shows 'PID'
	tmux resize-window -x 80 -y 15
	wait_until eval '[ "$(screen | grep -c .)" -le 15 ] && shows PID'
	types C-c
	wait_until shows 'far>'
	types "clear; stty size" Enter
	wait_until eval 'screen | grep -qx "15 80"'
	types "sleep 1000" Enter
	wait_until eval 'pgrep -P "$(pgrep -P "${spawned[shell]}")" -x sleep' >/dev/null
	types C-c
	types "echo interrupted=\$?" Enter
	wait_until shows interrupted=130
	types "exit 3" Enter
	wait_until shows status=0
	sane
}

@test "--tty: a signal restores the terminal" {
	for signal in TERM HUP QUIT; do
		types "vsock-cat -t -e ^A ./far; echo status=\$?" Enter
		wait_until shows ready
		wait_until pgrep -f "^vsock-cat -t -e \\^A ./far" >pid
		kill -$signal "$(cat pid)"
		wait_until shows status=$((128 + $(kill -l $signal)))
		types clear Enter
		wait_until eval '! shows status='
	done
	sane
}

@test "--escape: another character, a control character, none" {
	types "vsock-cat -t -e ^A ./far; echo status=\$?" Enter
	far_is_there
	types '~.'
	wait_until shows "t~.'"
	types Enter C-a .
	wait_until shows status=0
	types clear Enter
	wait_until eval '! shows status='
	types "vsock-cat -t -e none ./far; echo status=\$?" Enter
	far_is_there
	types Enter
	wait_until shows "t\\r'"
	types '~.'
	wait_until shows "t\\r~.'"
	types bye
	wait_until shows status=0
}

@test "--tty ends when the peer is gone, with the message on a line of its own" {
	types "vsock-cat -t ./nobody; echo status=\$?" Enter
	wait_until shows status=4
	sane
}

@test "--tty without a terminal, and --escape without --tty or with a word, are refused" {
	run -2 vsock-cat -t ./far </dev/null
	[[ $output == *"standard input is not a terminal"* ]]
	run -2 vsock-cat -e x ./far
	run -2 vsock-cat -t -e word ./far
	[[ $output == *"not a single character"* ]]
	run -2 vsock-cat -t -C ./far
}

interactive() {
	[[ $(vsock-cat --version) == *+readline* ]] || skip "built without readline"
	export XDG_STATE_HOME=$PWD/state
	# speaks when told to: what stands in the file "say" goes to the peer, what it says to the
	# file "said"
	mkfifo say
	exec 8<>say
	spawn_ready talk vsock-listen \
		unix:./talk -- sh -c 'exec 3<&0; cat <&3 >>said & cat say' 8>&-
	types "export XDG_STATE_HOME=$PWD/state; clear; vsock-cat -I unix:./talk; echo status=\$?" \
		Enter
	wait_until shows 'unix:./talk>'
}

@test "--interactive edits and sends lines; arriving data does not garble the line being typed" {
	interactive
	types 'hullo' BSpace BSpace BSpace BSpace ello Enter
	wait_until grep -qx hello said
	types 'half a li'
	wait_until shows 'talk> half a li'
	printf 'first\nsecond\033[2J\n' >&8
	wait_until shows 'second\x1B[2J'
	wait_until shows 'talk> half a li'
	[ "$(screen | grep -c 'half a li')" -eq 1 ]
	[ "$(screen | grep -A 2 -x first)" = $'first\nsecond\\x1B[2J\nunix:./talk> half a li' ]
	types ne Enter
	wait_until grep -qx 'half a line' said
	printf 'login: ' >&8
	wait_until shows 'login: unix:./talk>'
	types me Enter
	wait_until grep -qx me said
	wait_until shows 'login: unix:./talk> me'
}

@test "--interactive keeps a history readable only by its owner, and can turn it off" {
	interactive
	types 'first line' Enter 'second line' Enter
	wait_until grep -qx 'second line' said
	types C-c
	# a shell that was told to run more does not, as the program died by the signal
	wait_until prompts
	types 'echo status=$?' Enter
	wait_until shows status=130
	sane
	[ "$(cat state/vsock/history)" = $'first line\nsecond line' ]
	[ "$(stat -c %a state/vsock/history)" = 600 ]
	types "clear; vsock-cat -I ./talk" Enter
	wait_until shows 'talk>'
	types Up Up
	wait_until shows 'talk> first line'
	types C-c
	wait_until prompts
	types "clear; vsock-cat -I --history none ./talk" Enter
	wait_until shows 'talk>'
	types Up secret Enter
	wait_until grep -qx secret said
	run ! grep secret state/vsock/history
}

@test "--interactive: ^D ends the input, the answer still arrives, and a resize does no harm" {
	[[ $(vsock-cat --version) == *+readline* ]] || skip "built without readline"
	spawn_ready count vsock-listen unix:./count -- sh -c 'wc -l; echo over'
	types "vsock-cat -I --history none ./count; echo status=\$?" Enter
	wait_until shows 'count>'
	types one Enter two
	tmux resize-window -x 60 -y 20
	wait_until shows 'count> two'
	types Enter C-d
	wait_until shows status=0
	[ "$(screen | grep -xc -e 2 -e over)" -eq 2 ]
	sane
}

@test "--interactive needs a terminal, and --history needs --interactive" {
	[[ $(vsock-cat --version) == *+readline* ]] || skip "built without readline"
	run -2 vsock-cat -I ./far </dev/null
	[[ $output == *"not a terminal"* ]]
	run -2 vsock-cat --history none ./far </dev/null
	run -2 vsock-cat -I -t ./far
}

@test "--interactive: ^Z and fg leave the terminal unchanged, and ^C still ends" {
	spawn_ready lines vsock-listen -k unix:./lines -- cat
	types "vsock-cat -I ./lines" Enter
	wait_until shows 'lines>'
	types C-z
	wait_until shows Stopped
	types fg Enter
	# it reads the terminal again, which shows no more what is typed
	wait_until eval '[[ $(screen | grep . | tail -n 1) == "unix:./lines>"* ]]'
	types again Enter
	wait_until eval '[ "$(screen | grep -cx again)" -eq 1 ]'
	run -0 stty -a -F "$(tmux display-message -p '#{pane_tty}')"
	grep -qw -- isig <<<"${output//-isig/}"
	grep -qw -- opost <<<"${output//-opost/}"
	types C-c
	wait_until prompts
}

@test "--interactive: ^Z also stops it before it is connected and after ^D" {
	[[ $(vsock-cat --version) == *+readline* ]] || skip "built without readline"
	types "vsock-cat -I --wait inf ./later" Enter
	wait_until shows waiting
	types C-z
	wait_until shows Stopped
	spawn_ready later vsock-listen unix:./later -- \
		sh -c 'while [ ! -e over ]; do sleep 0.05; done'
	types clear Enter fg Enter
	wait_until shows 'later>'
	types C-d
	wait_until eval '[ "$(screen | grep . | tail -n 1)" = "unix:./later>" ]'
	types C-z
	wait_until shows Stopped
	types fg Enter C-c
	wait_until prompts
	touch over
}

@test "in the background it is stopped when it reads the terminal, and fg lets it read" {
	spawn_ready lines vsock-listen -k unix:./lines -- cat
	types "vsock-cat ./lines &" Enter
	# the shell tells of it when it next asks for a command
	wait_until eval 'types "" Enter; shows "Stopped"'
	types fg Enter
	wait_until eval '[ "$(screen | grep . | tail -n 1)" = "vsock-cat ./lines" ]'
	types typed Enter
	wait_until eval '[ "$(screen | grep -cx typed)" -eq 2 ]'
	types C-d
	wait_until prompts
}

@test "in the background with stty tostop it is stopped when it writes, and fg shows the output" {
	spawn_ready lines vsock-listen -k unix:./lines -- echo output
	types "stty tostop; vsock-cat ./lines </dev/null &" Enter
	wait_until eval 'types "" Enter; shows "Stopped"'
	[ "$(screen | grep -c output)" -eq 0 ]
	types fg Enter
	wait_until shows output
	types "stty -tostop" Enter
	wait_until prompts
}

@test "--tty in the background is stopped before it changes the terminal, and fg goes on" {
	types "vsock-cat -t ./far &" Enter
	wait_until eval 'types "" Enter; shows "Stopped"'
	sane
	types clear Enter
	types fg Enter
	far_is_there
	types bye
	wait_until prompts
	sane
}
