#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-run and vsock-listen --run, over UNIX and TCP sockets. tests/run-hostile.bats: clients and
# servers that lie. tests/run-broken.bats: connections that break. tests/run-lab.bats: vsock.

load lib/common
load lib/run

setup() {
	own_directory
	terminal=
}

teardown() {
	[ -z "$terminal" ] || close_terminal
	finish_all
}

# Not with run: its standard input would be a pipe.
status_of() {
	local status=0
	"$@" || status=$?
	echo "$status"
}

@test "the exit status is that of the command, or says why there is none" {
	serve
	[ "$(status_of vrun -- true)" = 0 ]
	[ "$(status_of vrun -- sh -c 'exit 7')" = 7 ]
	[ "$(status_of vrun -- sh -c 'kill -TERM $$')" = 143 ]
	[ "$(status_of vrun -- sh -c 'kill -KILL $$')" = 137 ]
	run -127 --separate-stderr vrun -- no-such-command
	[ "$stderr" = "vsock-run: unix:./s: no-such-command: no such command" ]
	run -127 --separate-stderr vsock-run unix:./s --cwd / true
	[ "$stderr" = "vsock-run: unix:./s: --cwd: no such command
hint: options of vsock-run come before GUEST" ]
	: >plain
	run -126 --separate-stderr vrun --cwd "$PWD" -- ./plain
	[ "$stderr" = "vsock-run: unix:./s: ./plain: the command is not executable" ]
	printf '#!/no/such/interpreter\n' >script
	chmod +x script
	run -127 --separate-stderr vrun -- "$PWD/script"
	[[ $stderr == *"/script: No such file or directory" ]]
	# without a first line that says for whom, it is for sh
	printf 'echo "$0 $1"; exit 4\n' >script
	run -4 --separate-stderr vrun --cwd "$PWD" -- ./script 'a b'
	[ "$output" = "./script a b" ]
	mkdir -- -d
	cp script ./-d/x
	run -4 --separate-stderr vrun --cwd "$PWD" -- -d/x 'a b'
	[ "$output" = "./-d/x a b" ]
	# not a binary for another machine
	printf 'BIN\0\n' >binary
	chmod +x binary
	run -126 --separate-stderr vrun --cwd "$PWD" -- ./binary
	[[ $stderr == *"./binary: Exec format error" ]]
	run -127 --separate-stderr vrun -- ''
	[ "$stderr" = "vsock-run: unix:./s: : no such command" ]
	# a very long name does not crowd out the reason
	long=$(printf '%0450d' 0)
	run -127 --separate-stderr vrun -- "$long"
	[[ $stderr == *": no such command" ]]
	run -125 --separate-stderr vrun --cwd "/$long" -- true
	[[ $stderr == *": File name too long" ]]
	run -125 --separate-stderr vrun --cwd /no/such -- true
	[ "$stderr" = "vsock-run: unix:./s: --cwd /no/such: No such file or directory" ]
}

@test "our own failures have status 125" {
	run -125 vsock-run
	run -125 vsock-run --no-such-option unix:./s true
	run -125 vsock-run --user '' unix:./s true
	[[ $output == *"--user '': give a name" ]]
	run -125 vsock-run --env =b unix:./s true
	[[ $output == *"--env =b: a variable needs a name"* ]]
	run -125 vsock-run unix-seqpacket:./s true
	[[ $output == *"needs an address that it can connect to more than once, for streams"* ]]
	run -125 vsock-run exec:cat true
	run -125 vsock-run nobody-knows true
	run -125 vsock-run unix:./s true
	[[ $output == *"unix:./s: no such socket"* || $output == *"unix:./s: "* ]]
	run -0 vsock-run --help
	serve
	# an argument cannot be that long, but many together can
	local large words=()
	large=$(head -c 100000 /dev/zero | tr '\0' x)
	for _ in {1..10}; do
		words+=("$large")
	done
	vrun -- true "${words[@]}"
	run -125 vrun -- true "${words[@]}" "$large"
	[[ $output == *"the arguments and variables are longer than 1 MiB"* ]]
	vrun -- true {1..65534}
	run -125 vrun -- true {1..65535}
	[[ $output == *"more than 65535 arguments or variables"* ]]
}

@test "arguments arrive exactly, without a shell" {
	serve
	local words=('a b' "it's" '"' '' $'line\nline' "\$HOME" '*' '--' $'\xff\x01' '~')
	vrun -- printf '<%s>' "${words[@]}" >got
	printf '<%s>' "${words[@]}" >expected
	cmp got expected
	# what follows the guest is the command's; -- may stand between
	[ "$(timeout 100 vsock-run unix:./s -- echo --tty -v --)" = "--tty -v --" ]
	[ "$(timeout 100 vsock-run -- unix:./s echo x)" = x ]
	[ "$(vrun --shell -- echo "\$((1 + 2))" '|' tr 3 4)" = 4 ]
}

@test "a command has little in its environment, and what --env adds" {
	serve
	FROM_SERVER=1 TERM=vt52 FROM_HERE=here vrun --env A=b=c --env FROM_HERE --env NOT_SET \
		-- env >environment
	grep -qx A=b=c environment
	grep -qx FROM_HERE=here environment
	grep -qx "HOME=$(getent passwd "$(id -u)" | cut -d : -f 6)" environment
	grep -qx "USER=$(id -un)" environment
	grep -qx PROTO=UNIX environment
	run ! grep -qE '^(NOT_SET|FROM_SERVER|TERM|VSOCK_HOSTS|BATS_[A-Z_]*)=' environment
	[ "$(vrun --cwd / -- pwd)" = / ]
	[ "$(vrun -- pwd)" = "$(getent passwd "$(id -u)" | cut -d : -f 6)" ]
	finish server
	mkdir "there is"
	serve --chdir "there is"
	[ "$(vrun -- pwd)" = "$PWD/there is" ]
	[ "$(vrun --cwd .. -- pwd)" = "$PWD" ]
}

@test "a command has its standard streams, and nothing else that is open in the server" {
	exec 8<"$BATS_TEST_FILENAME"
	serve
	exec 8<&-
	vrun -- sh -c 'exec 9</proc/$$/fd; for i in /proc/$$/fd/*; do echo ${i##*/}; done' >got
	[ "$(grep -cx '[012]' got)" = 3 ]
	run ! grep -qx 8 got
	vrun -t -- sh -c 'exec 9</proc/$$/fd; for i in /proc/$$/fd/*; do echo ${i##*/}; done' >got
	run ! grep -q 8 got
}

@test "without a command it is a login shell, which reads commands" {
	serve
	local status=0 shell
	shell=$(getent passwd "$(id -u)" | cut -d : -f 7)
	echo 'echo "$0"; exit 3' | vrun -- >out || status=$?
	[ "$status $(cat out)" = "3 -${shell##*/}" ]
}

@test "standard streams remain separate, and their ends are exact" {
	serve
	vrun -- sh -c 'echo out; echo error >&2; exit 5' >out 2>err || [ $? = 5 ]
	[ "$(cat out)" = out ]
	[ "$(cat err)" = error ]
	[ "$(printf 'no newline' | vrun -- cat)" = "no newline" ]
	[ "$(vrun -- wc -c </dev/null)" = 0 ]
	# a command that closes its input early, and one whose reader is gone
	[ "$(yes | vrun -- head -n 1)" = y ]
	yes | vrun -- true
	local statuses
	vrun -- yes | head -n 1 >first || true
	statuses=("${PIPESTATUS[@]}")
	[ "$(cat first)" = y ]
	[ "${statuses[0]}" = 141 ] || [ "${statuses[0]}" = 0 ]
}

@test "much data arrives whole, over UNIX and TCP" {
	bytes 64M data
	serve
	vrun -- cat <data >got
	same data got
	spawn_ready tcp vsock-listen --run --allow 127.0.0.1 tcp:127.0.0.1:0
	timeout 100 vsock-run "$ready" cat <data >got
	same data got
	timeout 100 vsock-run "$ready" tee /dev/stderr <data 2>err >got
	same data got
	same data err
}

@test "standard error goes on while nobody reads standard output" {
	serve
	mkfifo output
	# kept open and not read
	exec 8<>output
	spawn client sh -c 'exec vsock-run unix:./s sh -c "$1" >output 2>err 8<&-' sh \
		'yes & head -c 67108864 /dev/zero >&2; kill $!'
	wait_until has_size 67108864 err
	exec 8<&-
	ends_with 0 client
}

has_size() { # BYTES FILE
	[ "$(stat -c %s "$2")" = "$1" ]
}

@test "SIGINT, SIGTERM and SIGHUP are sent to the command" {
	serve
	local signal
	for signal in INT:130 TERM:143 HUP:129; do
		: >pid
		# the shell lets background jobs ignore SIGINT
		spawn client env --default-signal=INT vsock-run --cwd "$PWD" unix:./s \
			sh -c 'echo $$ >pid; exec sleep 100'
		wait_until test -s pid
		kill -"${signal%:*}" "${spawned[client]}"
		ends_with "${signal#*:}" client
		ended "$(cat pid)"
	done
	: >pid
	spawn client vsock-run --cwd "$PWD" unix:./s \
		sh -c 'trap "echo caught; exit 4" TERM; echo $$ >pid; while :; do sleep 0.1; done'
	wait_until test -s pid
	kill -TERM "${spawned[client]}"
	ends_with 4 client
	[ "$(cat client.out)" = caught ]
}

@test "a stopped command gets a signal, too" {
	serve
	spawn client vsock-run --cwd "$PWD" unix:./s sh -c 'echo $$ >pid; kill -STOP $$'
	wait_until test -s pid
	wait_until grep -q '^State:.T' "/proc/$(cat pid)/status"
	kill -TERM "${spawned[client]}"
	ends_with 143 client
}

@test "a background process keeps the output open, as over ssh" {
	serve
	mkfifo go
	spawn client vsock-run --cwd "$PWD" unix:./s sh -c \
		'(read -r line <go; echo late) & echo early'
	wait_until grep -q early client.out
	echo >go
	ends_with 0 client
	[ "$(cat client.out)" = $'early\nlate' ]
}

@test "50 commands at once" {
	serve
	local i
	for i in {1..50}; do
		spawn "client-$i" vsock-run unix:./s sh -c "cat; echo $i; exit $i"
	done
	for i in {1..50}; do
		ends_with "$i" "client-$i"
		[ "$(cat "client-$i.out")" = "$i" ]
	done
}

@test "more commands than --max-conns permits are refused" {
	serve -m 7
	mkfifo go
	spawn client vsock-run --cwd "$PWD" unix:./s sh -c 'echo >pid; read -r line <go'
	wait_until test -s pid
	run -125 vrun -- true
	[[ $output == *"as many commands are running as --max-conns permits, which is 1" ]]
	echo >go
	ends_with 0 client
	wait_until vrun -- true
	finish server
	serve --max-conns-per-peer 7
	rm pid
	spawn client vsock-run --cwd "$PWD" unix:./s sh -c 'echo >pid; read -r line <go'
	wait_until test -s pid
	run -125 vrun -- true
	[[ $output == *"as many commands of this client are running as --max-conns-per-peer permits, which is 1" ]]
	echo >go
	ends_with 0 client
	wait_until vrun -- true
	finish server
	# not even one
	run -2 timeout 20 vsock-listen --run -m 3 unix:./s
	[ "$output" = "vsock-listen: --max-conns 3: a command of --run needs 4 connections" ]
	run -2 timeout 20 vsock-listen --run --max-conns-per-peer 1 unix:./s
	[[ $output == *"--max-conns-per-peer 1: a command of --run needs 4 connections"* ]]
}

@test "--run admits nobody by default whom nothing proves" {
	run -2 timeout 20 vsock-listen --run tcp:127.0.0.1:0
	[[ $output == *"--run needs --allow here"* ]]
	run -2 timeout 20 vsock-listen --run unix:@abstract
	run -2 timeout 20 vsock-listen --run unix-seqpacket:./s
	[[ $output == *"--run is for streams"* ]]
	run -2 timeout 20 vsock-listen --run -c 1 unix:./s
	run -2 timeout 20 vsock-listen --run --echo unix:./s
	run -2 timeout 20 vsock-listen --run -i 3s unix:./s
	serve
	[ "$(stat -c %a s)" = 600 ]
	finish server
	serve --deny "uid:$(id -u)"
	run -125 vrun -- true
	[[ $output == *"closed without an answer"* || $output == *"reset"* ]]
	grep -q "deny unix" server.err
}

@test "a background process that holds the outputs: a signal ends vsock-run, a reader that leaves ends the process" {
	serve
	spawn client vsock-run unix:./s sh -c 'trap "" TERM; sleep 1000 & echo $!'
	wait_until test -s client.out
	wait_until ended_by_term "${spawned[client]}"
	local status=0
	wait "${spawned[client]}" || status=$?
	kill -KILL "$(<client.out)"
	[ "$status" = 143 ]
	[ "$(timeout 60 vsock-run unix:./s sh -c 'yes & true' | head -n 1)" = y ]
}

@test "--user: commands run as that user" {
	[ "$EUID" = 0 ] || skip "needs root"
	serve --user nobody
	[ "$(vrun -- id -un)" = nobody ]
	[ "$(vrun -- sh -c 'echo $USER')" = nobody ]
}

@test "vsock-run --user: a command runs as another user that --run-user names" {
	[ "$EUID" = 0 ] || skip "needs root"
	serve --run-user nobody --run-user daemon
	local home
	home=$(getent passwd nobody | cut -d : -f 6)
	[ "$(vrun --user nobody -- sh -c 'id -un; id -gn; id -Gn; echo $USER $LOGNAME $HOME')" = "nobody
$(id -gn nobody)
$(id -Gn nobody)
nobody nobody $home" ]
	[ "$(vrun --user daemon -- id -un)" = daemon ]
	[ "$(vrun -- id -un)" = root ]
	# its streams are its own, and so is its terminal
	vrun --user nobody -- sh -c 'echo out >/dev/stdout; echo error >/dev/stderr' >out 2>err
	[ "$(cat out err)" = $'out\nerror' ]
	vrun -t --user nobody -- sh -c ': >"$(tty)" && echo own' </dev/null >own
	[ "$(tr -d '\r' <own)" = own ]
	# nothing of root is left
	vrun --user nobody -- cat /proc/self/status >status
	local uid gid
	uid=$(id -u nobody) gid=$(id -g nobody)
	grep -qx "Uid:	$uid	$uid	$uid	$uid" status
	grep -qx "Gid:	$gid	$gid	$gid	$gid" status
	grep -qx "CapPrm:	0000000000000000" status
	grep -qx "CapEff:	0000000000000000" status
	run -125 --separate-stderr vrun --user games -- true
	[ "$stderr" = "vsock-run: unix:./s: --user games: the server has no --run-user of that name" ]
	run -125 vrun --user root -- true
	run -125 vrun --user 0 -- true
	run -125 vrun --user nobody:root -- true
	finish server
	serve
	run -125 vrun --user nobody -- true
}

@test "--run-user: what cannot be is refused at the start" {
	run -2 timeout 20 vsock-listen --run --run-user no-such-user unix:./s
	[[ $output == "vsock-listen: --run-user no-such-user: there is no such user" ]]
	run -2 timeout 20 vsock-listen --run --run-user nobody:nogroup unix:./s
	[[ $output == *"--run-user nobody:nogroup: give a user, without a group" ]]
	run -2 timeout 20 vsock-listen --echo --run-user nobody unix:./s
	[[ $output == *"--run-user needs --run" ]]
	[ "$EUID" = 0 ] || return 0
	chmod a+x . ..
	run -6 timeout 20 vsock-listen --run --run-user nobody --user daemon unix:./s
	[[ $output == *"--run-user needs root, and no --user" ]]
	VSOCK_HOSTS=/dev/null run -6 timeout 20 setpriv --reuid nobody --clear-groups \
		vsock-listen --run --run-user nobody unix:./s
	[[ $output == *"--run-user needs root, and no --user" ]]
}

@test "--tty: a terminal with the size of ours, ^C, and ~." {
	need tmux
	serve
	open_terminal 91 33
	terminal=yes
	types "vsock-run -t unix:./s; echo status \$?" Enter
	wait_until prompts
	types "stty size; tty; echo \$TERM" Enter
	wait_until shows '33 91'
	wait_until shows /dev/pts/
	tmux resize-window -x 77 -y 22
	wait_until resized '22 77'
	# a ^C before the command runs would end nothing
	types "echo begun-\$((100 + 11)); sleep 1000" Enter
	wait_until shows begun-111
	types C-c
	types "echo after-\$((100 + 30))" Enter
	wait_until shows after-130
	types "exit 9" Enter
	wait_until shows 'status 9'
	# a ^C before the terminal is raw would be a signal for vsock-run and for this shell's list
	types "vsock-run -t unix:./s sh -c 'echo begun-\$((200 + 22)); exec sleep 1000'; echo sta''tus \$?" Enter
	wait_until shows begun-222
	types C-c
	wait_until shows 'status 130'
	types "vsock-run unix:./s; stty -a | tr ' ;' '\n\n' | grep -xE -- '-?(icanon|echo)' | xargs echo now" Enter
	wait_until prompts
	types Enter '~.'
	wait_until shows 'unix:./s: disconnected'
	wait_until shows 'now icanon echo'
	# a message is written when the terminal is as it was
	types "vsock-run -v -t unix:./s true; echo en''d" Enter
	wait_until shows 'has ended with status 0'
	wait_until line_is end
	# resized while the server has not answered yet
	kill -STOP "${spawned[server]}"
	types clear Enter "vsock-run -t unix:./s sh -c 'read -r line; stty size'" Enter
	wait_until asks
	tmux resize-window -x 66 -y 24
	kill -CONT "${spawned[server]}"
	types Enter
	wait_until line_is '24 66'
}

@test "--tty: vi edits a file there, and the terminal is as before" {
	need tmux vi
	serve
	open_terminal 80 24
	terminal=yes
	types "vsock-run -t --cwd $PWD unix:./s vi text; echo sta''tus \$?" Enter
	wait_until shows '"text"'
	types ihello Escape :wq Enter
	wait_until shows 'status 0'
	[ "$(cat text)" = hello ]
}

line_is() {
	screen | sed 's/ *$//' | grep -qxF -- "$1"
}

# Has a client connected? It has read the size of its terminal before.
asks() {
	grep -qE ' 0[23] +0 \./s$' /proc/net/unix
}

shows() {
	screen | grep -qF -- "$1"
}

# The shell at the other end does.
prompts() {
	screen | grep . | tail -n 1 | grep -v '^shell>' | grep -q '[#$]$'
}

resized() {
	types "stty size" Enter
	shows "$1"
}

@test "--tty without a terminal here" {
	serve
	[ "$(vrun -t -- tty </dev/null | tr -d '\r')" != "not a tty" ]
	[ "$(status_of vrun -t -- sh -c 'exit 5' </dev/null)" = 5 ]
	# the end of the input is typed
	[ "$(echo one | vrun -t -- cat | tr -d '\r')" = $'one\none' ]
	[ "$(printf one | vrun -t -- cat | tr -d '\r')" = oneone ]
	# also when the terminal is full until later
	mkfifo go
	seq 20000 >client.in
	spawn client vsock-run -t --cwd "$PWD" unix:./s sh -c \
		'stty -echo; echo >here; read -r line <go; echo; wc -l'
	wait_until test -e here
	echo >go
	ends_with 0 client
	[ "$(tail -n 1 client.out | tr -d '\r')" = 20000 ]
	# background processes may keep the terminal
	timeout 20 vsock-run -t unix:./s sh -c 'sleep 60 & echo $!' </dev/null >pid
	kill "$(tr -dc 0-9 <pid)" 2>/dev/null || true
}

# What rsync and git call with a host of theirs.
remote_shell() {
	cat >remote <<-END
		#!/bin/sh
		case \$1 in -*) exit 1 ;; esac # git asks whether it is OpenSSH
		shift
		exec vsock-run --shell unix:$PWD/s "\$@"
	END
	chmod +x remote
}

@test "rsync through it, with odd names" {
	need rsync
	serve
	remote_shell
	mkdir -p 'here/a b' 'here/$HOME'
	bytes 3M 'here/a b/quo"te'
	bytes 100 "here/it's"
	bytes 100 'here/-dash; rm *'
	rsync -a -e ./remote here/ "guest:$PWD/there one/"
	diff -r here 'there one'
	rsync -a -e ./remote "guest:$PWD/there one/" back/
	diff -r here back
}

@test "git clones and pushes through it" {
	need git
	serve
	remote_shell
	export GIT_SSH_COMMAND=$PWD/remote GIT_CONFIG_GLOBAL=/dev/null
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
	git init -q --bare 'a project'
	git clone -q "guest:$PWD/a project" work
	bytes 2M work/file
	git -C work add file
	git -C work commit -qm one
	git -C work push -q origin HEAD:refs/heads/branch
	git clone -q -b branch "guest:$PWD/a project" second
	same work/file second/file
}

@test "tar through it" {
	serve
	mkdir one two
	bytes 5M one/file
	tar cf - one | vrun --cwd "$PWD/two" -- tar xf -
	same one/file two/one/file
	vrun --cwd "$PWD" -- tar cf - one | tar xf - -C two --transform 's/one/three/'
	same one/file two/three/file
}

@test "hybrid vsock: a device that turns every half-close into a full close" {
	need python3
	cat >device.py <<-'END'
		import socket, threading
		def pump(source, to):
		    while data := source.recv(65536):
		        to.sendall(data)
		    for end in source, to:
		        end.shutdown(socket.SHUT_RDWR)
		def serve(client):
		    line = b""
		    while not line.endswith(b"\n"):
		        line += client.recv(1)
		    assert line == b"CONNECT 514\n", line
		    guest = socket.socket(socket.AF_UNIX)
		    guest.connect("./s")
		    client.sendall(b"OK 1024\n")
		    for pair in (client, guest), (guest, client):
		        threading.Thread(target=pump, args=pair).start()
		listener = socket.socket(socket.AF_UNIX)
		listener.bind("./vm.sock")
		listener.listen(64)
		while True:
		    serve(listener.accept()[0])
	END
	serve
	spawn device python3 device.py
	wait_until test -S vm.sock
	bytes 5M data
	local status=0
	timeout 60 vsock-run vsock-mux:./vm.sock sh -c 'tee /dev/stderr; exit 6' <data \
		>out 2>err || status=$?
	[ $status = 6 ]
	same data out
	same data err
	[ "$(timeout 60 vsock-run vsock-mux:./vm.sock wc -c </dev/null)" = 0 ]
}

@test "the protocol is what its page says" {
	need python3
	python3 "$tests_top/tests/lib/run-vectors.py" "$tests_top/doc/run-protocol.md"
	serve
	local client=$tests_top/tests/lib/run-client.py status=0
	bytes 3M data
	timeout 60 python3 "$client" s sh -c 'tee /dev/stderr; exit 4' <data >out 2>err || status=$?
	[ $status = 4 ]
	same data out
	same data err
	status=0
	timeout 60 python3 "$client" s no-such-command </dev/null 2>err || status=$?
	[ $status = 127 ]
	[ "$(cat err)" = "no-such-command: no such command" ]
}
