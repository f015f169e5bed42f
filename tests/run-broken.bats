#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-run and vsock-listen --run: what a command gets when its client or server is gone, and what
# the other one says.

load lib/common
load lib/run

setup() {
	own_directory
}

teardown() {
	finish_all
}

@test "a client that is killed: SIGHUP, and SIGKILL for a command that ignores it" {
	serve
	spawn client vsock-run --cwd "$PWD" unix:./s sh -c \
		'trap "echo hup >hup; exit" HUP; echo $$ >pid; while :; do echo; sleep 0.1; done'
	wait_until test -s pid
	finish client KILL
	wait_until test -s hup
	wait_until ended "$(cat pid)"
	rm pid
	spawn client vsock-run --cwd "$PWD" unix:./s sh -c \
		'trap "" HUP; echo $$ >pid; while :; do sleep 0.1; done'
	wait_until test -s pid
	finish client KILL
	wait_until ended "$(cat pid)"
	[ "$(vrun -- echo still there)" = "still there" ]
}

@test "a server that is killed: status 125 at once" {
	serve
	spawn client vsock-run --cwd "$PWD" unix:./s sh -c 'echo $$ >pid; exec sleep 100'
	wait_until test -s pid
	local begun=${EPOCHREALTIME/./}
	finish server KILL
	ends_with 125 client
	[ $((${EPOCHREALTIME/./} - begun)) -lt 5000000 ]
	grep -q "unix:./s: broke: the connection was reset by the other side" client.err
	kill "$(cat pid)"
}

@test "a server that is stopped lets commands finish" {
	serve -v
	mkfifo go
	spawn client vsock-run --cwd "$PWD" unix:./s sh -c \
		'echo here >pid; read -r line <go; exit 6'
	wait_until test -s pid
	kill -TERM "${spawned[server]}"
	wait_until grep -q "waiting up to 30 s" server.err
	echo >go
	ends_with 6 client
	ends_with 0 server
}

@test "a server that ends sends SIGHUP, and SIGKILL to a command that ignores it" {
	serve --drain-timeout 100ms
	spawn client vsock-run --cwd "$PWD" unix:./s sh -c \
		'trap "" HUP TERM; echo $$ >pid; while :; do sleep 0.1; done'
	wait_until test -s pid
	kill -TERM "${spawned[server]}"
	ends_with 125 client
	ends_with 0 server
	ended "$(cat pid)"
}

@test "a server that stops at once is reported as a broken connection" {
	serve
	spawn client vsock-run --cwd "$PWD" unix:./s sh -c 'echo $$ >pid; exec sleep 1000'
	wait_until test -s pid
	spawn stopped vsock-run --cwd "$PWD" unix:./s sh -c 'echo $$ >pid2; kill -STOP $$'
	wait_until test -s pid2
	wait_until grep -q '^State:.T' "/proc/$(cat pid2)/status"
	kill -TERM "${spawned[server]}"
	wait_until grep -q "a second signal quits now" server.err
	kill -TERM "${spawned[server]}"
	ends_with 125 client
	grep -qx "vsock-run: unix:./s: broke: the connection was reset by the other side" client.err
	ends_with 143 server
	ends_with 125 stopped
	wait_until ended "$(cat pid)"
	wait_until ended "$(cat pid2)"
}

@test "a server that does not answer: the second signal ends vsock-run" {
	serve
	spawn client vsock-run --cwd "$PWD" unix:./s sh -c \
		'trap "n=\$((n + 1)); echo \$n >caught" HUP; echo $$ >pid; while :; do sleep 0.1; done'
	wait_until test -s pid
	# one that answers passes them on
	kill -HUP "${spawned[client]}"
	wait_until grep -sqx 1 caught
	kill -HUP "${spawned[client]}"
	wait_until grep -sqx 2 caught
	kill -STOP "${spawned[server]}"
	wait_until ended_by_term "${spawned[client]}"
	kill -CONT "${spawned[server]}"
	ends_with 143 client
	grep -qx "vsock-run: unix:./s: no answer; the command may still be running" client.err
}

@test "--detach: a command outlives its client, and what it writes is thrown away" {
	serve
	mkfifo go
	spawn client vsock-run --detach --cwd "$PWD" unix:./s sh -c \
		'trap "echo hup >hup" HUP; cat; echo $$ >pid; head -c 1000000 /dev/zero
		read -r line <go; head -c 1000000 /dev/zero
		head -c 1000000 /dev/zero >&2; echo $? >finished; exec sleep 1000'
	wait_until test -s pid
	finish client KILL
	echo >go
	wait_until grep -sqx 0 finished
	[ ! -e hup ]
	[ "$(vrun -- echo still there)" = "still there" ]
	# it counts as a command of the server, which ends it
	kill -TERM "${spawned[server]}"
	wait_until grep -q "waiting up to 30 s" server.err
	kill "$(cat pid)"
	ends_with 0 server
}

@test "--detach: SIGHUP ends vsock-run alone; other signals are sent to the command" {
	serve
	spawn client vsock-run --detach --cwd "$PWD" unix:./s sh -c 'echo $$ >pid; exec sleep 1000'
	wait_until test -s pid
	kill -HUP "${spawned[client]}"
	ends_with 129 client
	[ "$(<client.err)" = "vsock-run: unix:./s: disconnected; the command may still be running" ]
	kill "$(cat pid)"
	rm pid
	spawn other vsock-run --detach --cwd "$PWD" unix:./s sh -c 'echo $$ >pid; exec sleep 1000'
	wait_until test -s pid
	kill -TERM "${spawned[other]}"
	ends_with 143 other
	wait_until ended "$(cat pid)"
}

@test "--detach: a server that ends sends SIGHUP, and SIGKILL" {
	serve --drain-timeout 100ms
	spawn client vsock-run --detach --cwd "$PWD" unix:./s sh -c \
		'trap "" HUP; echo $$ >pid; while :; do sleep 0.1; done'
	wait_until test -s pid
	finish client KILL
	kill -TERM "${spawned[server]}"
	ends_with 0 server
	wait_until ended "$(cat pid)"
}

@test "--detach needs a command, and no terminal" {
	run -125 vsock-run --detach unix:./s
	[ "$output" = "vsock-run: --detach needs a command" ]
	run -125 vsock-run --detach -t unix:./s true
	[ "$output" = "vsock-run: --detach and --tty cannot be used together" ]
	serve
	[ "$(echo input | vrun --detach -- wc -c)" = 0 ]
}

@test "--tty in the background: stopped, also when continued there, until a signal ends it" {
	need python3
	serve
	cat >shell.py <<-'END'
		import os, pty, signal, sys, termios

		def stopped(pid):
		    pid, status = os.waitpid(pid, os.WUNTRACED)
		    return os.WIFSTOPPED(status) and os.WSTOPSIG(status) == signal.SIGTTOU

		shell, master = pty.fork()
		if shell:
		    while True:
		        try:
		            data = os.read(master, 1000)
		        except OSError:
		            break
		        sys.stderr.write(data.decode())
		    sys.exit(os.waitstatus_to_exitcode(os.waitpid(shell, 0)[1]))
		before = termios.tcgetattr(0)
		job = os.fork()
		if job == 0:
		    os.setpgid(0, 0)
		    os.execvp("vsock-run", ["vsock-run", "-t", "unix:./s", "sleep", "1000"])
		assert stopped(job)
		os.kill(job, signal.SIGCONT)
		assert stopped(job)
		os.kill(job, signal.SIGTERM)
		os.kill(job, signal.SIGCONT)
		assert os.waitstatus_to_exitcode(os.waitpid(job, os.WUNTRACED)[1]) == 143
		assert termios.tcgetattr(0) == before
	END
	run -0 timeout 30 python3 shell.py
}
