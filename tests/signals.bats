#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What signals do: vsock-cat and a plain vsock-listen die by them, the others drain; a second one
# ends at once.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkfifo open
	exec 8<>open
}

teardown() {
	exec 8<&-
	finish_all
}

# ends_with NAME STATUS: that it ends, and with which status, as a shell has it.
ends_with() {
	local status=0
	join "$1" || status=$?
	[ "$status" -eq "$2" ] || { echo "$1 ended with $status, not $2" >&2; return 1; }
}

# It is vsock-cat itself by now, and reads its signals from a descriptor: then they are blocked.
listens_to_signals() {
	grep -q '^Name:.vsock-cat$' "/proc/${spawned[$1]}/status" &&
		grep -q 'SigBlk:.*[1-9a-f]' "/proc/${spawned[$1]}/status"
}

# A vsock-cat that is connected, its input open. Bash starts background jobs with SIGINT ignored;
# what is ignored stays so.
spawn_cat() {
	local name=$1
	shift
	ln -sf open "$name.in"
	spawn "$name" python3 -c '
import os, signal, sys
for number in signal.SIGINT, signal.SIGQUIT:
    signal.signal(number, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}

ready_by_python() {
	: >"$1.ready"
	local name=$1
	shift
	spawn_cat "$name" sh -c 'file=$1 program=$2; shift 2; exec "$program" --ready-fd 9 "$@" 9>"$file"' sh "$name.ready" "$@"
	wait_ready "$name"
}

# terminate_in_use COMMAND…: a server at ./front, named server, gets SIGTERM while a client, cat, is
# connected.
terminate_in_use() {
	ready_by_python server "$@"
	spawn_cat cat vsock-cat -v ./front
	wait_until grep -q ' open ' cat.err
	echo before >&8
	wait_until grep -q before cat.out
	kill -TERM "${spawned[server]}"
}

@test "vsock-cat dies by the signal, so that shell loops stop" {
	need python3
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	for signal in INT:130 TERM:143 HUP:129; do
		# a name of its own: the messages of the one before are not taken for its
		name=cat-${signal%:*}
		spawn_cat "$name" vsock-cat -v "$ready"
		wait_until grep -q ' open ' "$name.err"
		kill -"${signal%:*}" "${spawned[$name]}"
		ends_with "$name" "${signal#*:}"
		[[ $(tail -n 1 "$name.err") == *" end=signal" ]]
	done
}

@test "a signal also ends vsock-cat while it connects" {
	need python3
	for signal in INT:130 TERM:143; do
		spawn_cat cat vsock-cat -v --wait inf ./none
		wait_until listens_to_signals cat
		kill -"${signal%:*}" "${spawned[cat]}"
		ends_with cat "${signal#*:}"
	done
}

@test "data read before the signal is written" {
	need python3
	spawn_ready server vsock-listen --keep-open tcp:127.0.0.1:0
	spawn_cat cat vsock-cat "$ready"
	echo hello >&8
	wait_until grep -q hello server.out
	kill -TERM "${spawned[cat]}"
	ends_with cat 143
	[ "$(cat server.out)" = hello ]
}

@test "an ignored signal stays ignored: nohup" {
	need python3
	spawn_ready server vsock-listen tcp:127.0.0.1:0 --echo
	ln -sf open cat.in
	spawn cat sh -c 'trap "" HUP INT; exec vsock-cat -v "$1"' sh "$ready"
	wait_until grep -q ' open ' cat.err
	kill -HUP "${spawned[cat]}"
	kill -INT "${spawned[cat]}"
	echo still >&8
	wait_until grep -q still cat.out
	kill -TERM "${spawned[cat]}"
	ends_with cat 143
}

@test "a plain vsock-listen dies by the signal, before and during its connection" {
	need python3
	ready_by_python server vsock-listen unix:./socket
	kill -INT "${spawned[server]}"
	ends_with server 130
	[ ! -e socket ]
	ready_by_python server vsock-listen -v unix:./socket
	spawn_cat cat vsock-cat ./socket
	wait_until grep -q ' open ' server.err
	kill -TERM "${spawned[server]}"
	ends_with server 143
	[ ! -e socket ]
}

@test "vsock-listen -k and vsock-proxy end at once with status 0 if no client is connected" {
	need python3
	ready_by_python listen vsock-listen -k unix:./socket
	ready_by_python echo vsock-listen --echo unix:./echo
	ready_by_python proxy vsock-proxy unix:./front unix:./echo
	for name in listen echo proxy; do
		kill -INT "${spawned[$name]}"
		ends_with $name 0
	done
	[ ! -e socket ]
	[ ! -e echo ]
	[ ! -e front ]
}

@test "they drain: no new connections, open ones go on, and a message says so" {
	need python3
	spawn_ready echo vsock-listen --echo unix:./echo
	for command in "vsock-listen --echo unix:./front" "vsock-proxy unix:./front unix:./echo"; do
		# shellcheck disable=SC2086 # words
		terminate_in_use $command
		wait_until grep -q 'waiting up to .* for 1 connection to finish' server.err
		run -4 vsock-cat -z ./front
		echo after >&8
		wait_until grep -q after cat.out
		finish cat
		ends_with server 0
	done
}

@test "a second signal ends them at once, by the signal" {
	need python3
	spawn_ready echo vsock-listen --echo unix:./echo
	for command in "vsock-listen --echo unix:./front" "vsock-proxy unix:./front unix:./echo"; do
		# shellcheck disable=SC2086 # words
		terminate_in_use $command
		wait_until grep -q 'to finish; a second signal' server.err
		kill -INT "${spawned[server]}"
		ends_with server 130
		finish cat
	done
}

@test "--drain-timeout ends remaining connections, status 0" {
	need python3
	spawn_ready echo vsock-listen --echo unix:./echo
	for command in "vsock-listen --drain-timeout 50ms --echo unix:./front" \
		"vsock-proxy --drain-timeout 50ms unix:./front unix:./echo" \
		"vsock-proxy --drain-timeout 0 unix:./front unix:./echo"; do
		# shellcheck disable=SC2086 # words
		terminate_in_use $command
		ends_with server 0
		finish cat
	done
}

@test "commands get SIGTERM when the drain timeout expires" {
	need python3
	ready_by_python server vsock-listen --drain-timeout 50ms \
		unix:./front -- sh -c 'echo started; exec sleep 1000'
	spawn_cat cat vsock-cat ./front
	wait_until grep -q started cat.out
	kill -TERM "${spawned[server]}"
	ends_with server 0
	ends_with cat 0
}

@test "a command that is stopped gets SIGTERM, too" {
	need python3
	ready_by_python server vsock-listen --drain-timeout 50ms \
		unix:./front -- sh -c 'echo $$; kill -STOP $$'
	spawn_cat cat vsock-cat ./front
	wait_until grep -q . cat.out
	wait_until grep -q '^State:.T' "/proc/$(cat cat.out)/status"
	kill -TERM "${spawned[server]}"
	ends_with server 0
	ends_with cat 0
}

@test "SIGUSR1 prints totals" {
	spawn_ready echo vsock-listen --echo unix:./echo
	spawn_ready proxy vsock-proxy unix:./front unix:./echo
	run -0 vsock-cat ./front <<<hello
	run -0 vsock-cat ./front <<<hello
	for name in echo proxy; do
		wait_until sh -c "kill -USR1 ${spawned[$name]}; sleep 0.05; grep -q 'connections: 2, open: 0, failed: 0, bytes up: 12' $name.err"
	done
}

@test "a child that dies leaves no zombie" {
	spawn_ready server vsock-listen unix:./socket -- true
	for _ in 1 2 3 4 5; do
		run -0 vsock-cat ./socket </dev/null
	done
	no_children() { [ -z "$(cat "/proc/$1/task/$1/children")" ]; }
	wait_until no_children "${spawned[server]}"
}

@test "a parent that ignores SIGCHLD changes nothing" {
	need python3
	spawn server python3 -c '
import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execvp("vsock-listen", ["vsock-listen", "-c", "1", "unix:./socket", "--", "sh", "-c", "exit 7"])'
	wait_until test -S socket
	run vsock-cat --wait 60s ./socket </dev/null
	ends_with server 7
}

# What is started with a signal blocked or ignored: with_signal HOW NAME COMMAND…
with_signal=(python3 -c '
import os, signal, sys
how, number = sys.argv[1], getattr(signal, sys.argv[2])
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
if how == "blocked":
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])
else:
    signal.signal(number, signal.SIG_IGN)
os.execvp(sys.argv[3], sys.argv[3:])')

@test "with SIGPIPE ignored or blocked, a reader that is gone is an error with a message" {
	need python3
	spawn_ready server vsock-listen -k tcp:127.0.0.1:0 --generate 1M
	mkfifo pipe
	for how in ignored blocked; do
		exec 7<>pipe 6>pipe 7<&-
		run -1 bash -c '"$@" </dev/null 2>&1 >&6' bash "${with_signal[@]}" "$how" SIGPIPE \
			vsock-cat "$ready"
		exec 6>&-
		[ "$output" = "vsock-cat: standard output: Broken pipe" ]
	done
}

@test "a signal that was blocked at the start still ends vsock-cat, by that signal" {
	need python3
	spawn_ready server vsock-listen --discard tcp:127.0.0.1:0
	ln -sf open blocked.in
	spawn blocked "${with_signal[@]}" blocked SIGTERM vsock-cat -v "$ready"
	wait_until grep -q ' open ' blocked.err
	kill -TERM "${spawned[blocked]}"
	ends_with blocked 143
}
