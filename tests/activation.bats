#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# fd: sockets that the programs were started with: by number, by inetd, by systemd.

load lib/common

setup() {
	need python3 systemd-socket-activate
	cd "$BATS_TEST_TMPDIR" || return
}

# activate ARGUMENT…: systemd-socket-activate; it connects to nobody, so that the first client
# starts the program.
activate() {
	port=$(free_port)
	spawn activate systemd-socket-activate -l "127.0.0.1:$port" "$@"
	wait_until grep -q "Listening on" activate.err
}

@test "a passed listening socket is used by number" {
	activate vsock-listen --echo -c 1 fd:3
	run -0 bash -c "echo one | vsock-cat tcp:127.0.0.1:$port"
	[ "$output" = one ]
}

@test "a passed listening socket is used by name, in a rule of vsock-proxy" {
	activate --fdname=web vsock-proxy fd:web 'exec:tr a-z A-Z'
	run -0 bash -c "echo two | vsock-cat tcp:127.0.0.1:$port"
	[ "$output" = TWO ]
}

@test "two passed sockets with the same name are both served" {
	second=$(free_port)
	activate -l "127.0.0.1:$second" --fdname=web:web vsock-listen --echo fd:web
	run -0 bash -c "echo a | vsock-cat tcp:127.0.0.1:$port; echo b | vsock-cat tcp:127.0.0.1:$second"
	[ "$output" = $'a\nb' ]
}

@test "a socket name that was not passed is refused" {
	run -4 vsock-listen --echo fd:nobody
	[[ $output == *"fd:nobody"* ]]
	run ! vsock-cat fd:nobody
	[[ $output == *"fd:nobody"* ]]
}

@test "a descriptor that is not open or not a socket is refused" {
	run ! vsock-listen --echo fd:77
	[[ $output == *"fd:77"* ]]
	run ! vsock-cat fd:5 5</dev/null
	[[ $output == *"fd:5"* ]]
}

# with_unusable PROGRAM...: run it three times, with a socket that no target can be as fd:3.
with_unusable() {
	python3 - "$@" <<-'END'
		import os, socket, subprocess, sys
		listening = socket.socket()
		listening.bind(("127.0.0.1", 0))
		listening.listen()
		udp = socket.socket(type=socket.SOCK_DGRAM)
		for one in socket.socket(), listening, udp:
		    subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, timeout=60,
		        close_fds=False, preexec_fn=lambda: os.dup2(one.fileno(), 3))
	END
}

@test "a socket that is not connected, or for datagrams, is refused as a target" {
	# a client of vsock-proxy that expects nothing but the end
	printf '%s\n' '#!/bin/sh' 'exec 9>ready' 'vsock-proxy -v --ready-fd 9 unix:./front fd:3 &' \
		'exec 9>&- 3>&-' 'vsock-cat -q --wait 30s unix:./front; kill $!; wait' >proxy
	chmod +x proxy
	for command in 'vsock-cat fd:3' ./proxy; do
		# shellcheck disable=SC2086 # words
		run -0 with_unusable $command
		[ "$(grep -c 'this socket is not connected' <<<"$output")" = 2 ]
		[[ $output == *"this socket is for datagrams"* ]]
	done
}

@test "inetd and Accept=yes: the socket is the connection, and the program ends with it" {
	activate --inetd -a vsock-listen fd:0 -- tr a-z A-Z
	run -0 bash -c "echo three | vsock-cat tcp:127.0.0.1:$port"
	[ "$output" = THREE ]
	run -0 bash -c "echo four | vsock-cat tcp:127.0.0.1:$port"
	[ "$output" = FOUR ]
}

@test "a passed seqpacket socket: --notify and --check keep messages apart, --run refuses it" {
	spawn activate systemd-socket-activate --seqpacket -l "$PWD/s" \
		vsock-listen --notify -c 1 fd:3
	wait_until grep -q "Listening on" activate.err
	python3 - <<-'PY'
		import socket
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect("s")
		s.send(b"READY=1"); s.send(b"STATUS=up"); s.shutdown(socket.SHUT_WR); s.recv(1)
	PY
	ends_with 0 activate
	[ "$(<activate.out)" = $'READY=1\nSTATUS=up' ]
	spawn activate systemd-socket-activate --seqpacket -l "$PWD/c" vsock-listen --check fd:3
	wait_until grep -q "Listening on" activate.err
	run -0 vsock-ping --check unix-seqpacket:./c
	finish activate
	python3 - >out 2>&1 <<-'PY'
		import socket, subprocess
		messages = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		messages.bind("r"); messages.listen()
		one = socket.socketpair()[0]
		for passed in messages, one:
		    words = "vsock-listen --run --allow any fd:0".split()
		    assert subprocess.call(words, stdin=passed) == 2
	PY
	[ "$(<out)" = "vsock-listen: --run is for streams; what was passed carries messages
vsock-listen: --run needs Accept=no: a command takes several connections" ]
}

@test "vsock-proxy serves a single passed connection" {
	spawn_ready echo vsock-listen --echo "unix:$BATS_TEST_TMPDIR/echo"
	activate --inetd -a vsock-proxy fd:0 "unix:$BATS_TEST_TMPDIR/echo"
	head -c 3M /dev/urandom >data
	vsock-cat "tcp:127.0.0.1:$port" <data | cmp - data
}

@test "vsock-cat uses a connected socket and leaves it blocking" {
	run -0 python3 - <<-'END'
		import fcntl, os, socket, subprocess
		a, b = socket.socketpair()
		number = b.fileno()
		p = subprocess.Popen(["vsock-cat", "fd:%d" % number], pass_fds=[number],
		    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		a.sendall(b"down"); a.shutdown(socket.SHUT_WR)
		print(p.communicate(b"up")[0], a.recv(10), p.returncode,
		    fcntl.fcntl(b, fcntl.F_GETFL) & os.O_NONBLOCK)
	END
	[ "$output" = "b'down' b'up' 0 0" ]
}

@test "COMMAND gets no variable that systemd meant for vsock-listen, and all others" {
	local -a ours=(LISTEN_PID LISTEN_PIDFDID LISTEN_FDS LISTEN_FDNAMES NOTIFY_SOCKET
		WATCHDOG_PID WATCHDOG_USEC MAINPID FDSTORE)
	export "${ours[@]/%/=1}" CREDENTIALS_DIRECTORY=/run/credentials/x INVOCATION_ID=abc
	spawn_ready listen vsock-listen unix:./env -- env
	vsock-cat ./env </dev/null >environment
	grep -qx CREDENTIALS_DIRECTORY=/run/credentials/x environment
	grep -qx INVOCATION_ID=abc environment
	for name in "${ours[@]}"; do
		run ! grep "^$name=" environment
		grep -qE "^\.Ev .*\b$name\b" "$tests_top/man/vsock-listen.1"
	done
}

@test "COMMAND inherits neither LISTEN_FDS nor the passed descriptors" {
	activate vsock-listen -c 1 fd:3 -- sh -c 'env | grep -c LISTEN_; ls /proc/self/fd | wc -w'
	run -0 vsock-cat "tcp:127.0.0.1:$port" </dev/null
	# 0, 1, 2 and the directory that ls reads
	[ "$output" = $'0\n4' ]
}

@test "a command inherits no passed descriptor that nothing uses either, and each of those is reported" {
	for command in "vsock-proxy fd:web" "vsock-listen fd:web --"; do
		port=$(free_port)
		other=$(free_port)
		[[ $command == *proxy* ]] && what='exec:sh ./count' || what='sh ./count'
		echo 'ls /proc/self/fd | wc -w' >count
		[[ $command == *proxy* ]] && words=("$what") || words=(sh ./count)
		# shellcheck disable=SC2086 # words
		spawn activate systemd-socket-activate -l "127.0.0.1:$port" -l "127.0.0.1:$other" \
			--fdname=web:admin $command "${words[@]}"
		wait_until grep -q "Listening on" activate.err
		[ "$(vsock-cat "tcp:127.0.0.1:$port" </dev/null)" = 4 ]
		[ "$(grep -c 'nothing uses' activate.err)" = 1 ]
		grep -q 'nothing uses fd:4 (admin), which the service manager passed' activate.err
		finish activate
	done
}

# started_with NUMBERS COMMAND...: with these descriptors, and no others but 0, 1 and 2.
started_with() {
	python3 - "$@" <<-'END'
		import os, socket, subprocess, sys
		a, b = socket.socketpair()
		numbers = [int(number) for number in sys.argv[1].split()]
		for number in numbers: os.dup2(b.fileno(), number)
		sys.exit(subprocess.run(sys.argv[2:], pass_fds=numbers, stdin=subprocess.DEVNULL,
		    timeout=60).returncode)
	END
}

@test "a number that was not passed is none, even if the program opens a descriptor of that number" {
	local n program=(vsock-proxy tcp:127.0.0.1:0)
	for n in {3..24}; do
		run -4 started_with 30 "${program[@]}" "fd:$n"
		[[ $output == *"fd:$n: no such descriptor: it is not open"* ]]
		run -4 started_with 30 vsock-cat "fd:$n"
		[[ $output == *"fd:$n: no such descriptor: it is not open"* ]]
		run -4 started_with 30 vsock-listen --echo "fd:$n"
		[[ $output == *"fd:$n: no such descriptor: it is not open"* ]]
		run -1 started_with 30 vsock-listen --ready-fd "$n" --echo tcp:127.0.0.1:0
		[[ $output == *"--ready-fd $n: Bad file descriptor"* ]]
	done
}

@test "a reload and a restart (SIGUSR2) do not take the program's own descriptors for passed ones" {
	# what bats leaves to everybody would count as passed
	printf '%s\n' '#!/bin/bash' 'for n in {3..8} {10..30}; do eval "exec $n>&-"; done' \
		'exec vsock-proxy "$@"' >closed
	chmod +x closed
	echo 'unix:./front exec:cat' >rules
	spawn_ready proxy ./closed -f rules
	refused=0
	for n in {3..20}; do
		[ "$n" != 9 ] || continue # that of --ready-fd
		for rule in "unix:./other fd:$n" "fd:$n exec:cat"; do
			printf '%s\n' 'unix:./front exec:cat' "$rule" >rules
			kill -HUP "${spawned[proxy]}"
			refused=$((refused + 1))
			wait_until refused_are "$refused"
		done
	done
	run ! grep -q 'reloaded; ' proxy.err
	printf '%s\n' 'unix:./front exec:cat' >rules
	kill -USR2 "${spawned[proxy]}"
	wait_until grep -q 'has taken over' proxy.err
	spawned[proxy]=$(sed -n 's/.*this process (\([0-9]*\)) has taken over.*/\1/p' proxy.err)
	for n in {3..20}; do
		[ "$n" != 9 ] || continue
		printf '%s\n' 'unix:./front exec:cat' "unix:./other fd:$n" >rules
		kill -HUP "${spawned[proxy]}"
		refused=$((refused + 1))
		wait_until refused_are "$refused"
	done
	run ! grep -q 'reloaded; ' proxy.err
	[ "$(echo line | vsock-cat unix:./front)" = line ]
}

refused_are() {
	[ "$(grep -c 'nothing was reloaded' proxy.err)" = "$1" ]
}

# named CODE COMMAND...: as systemd passes them, the sockets that the code puts into the list
# sockets, all with the name web.
named() {
	python3 - "$@" <<-'END'
		import os, socket, sys
		sockets = []
		def tcp(listens=True):
		    one = socket.socket()
		    one.bind(("127.0.0.1", 0))
		    if listens: one.listen()
		    return one
		exec(sys.argv[1])
		spare = [os.dup2(one.fileno(), 200 + i) for i, one in enumerate(sockets)]
		for i, fd in enumerate(spare): os.dup2(fd, 3 + i)
		os.closerange(3 + len(spare), 400)
		os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(spare)),
		    LISTEN_FDNAMES=":".join(["web"] * len(spare)))
		os.execvp("timeout", ["timeout", "20", "sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh",
		    *sys.argv[2:]])
	END
}

@test "LISTEN_FDS above the limit of descriptors is refused" {
	run -2 sh -c 'ulimit -n 256; LISTEN_PID=$$ LISTEN_FDS=257 exec vsock-listen --echo fd:3'
	[[ $output == *"LISTEN_FDS=257: this process may not have so many descriptors"* ]]
	run -2 sh -c 'LISTEN_PID=$$ LISTEN_FDS=1000000000000 exec vsock-proxy fd:web exec:cat'
	[[ $output == *"may not have so many descriptors"* ]]
	# those of another process
	run -4 env LISTEN_PID=1 LISTEN_FDS=1000000000000 vsock-listen --echo fd:web
}

@test "sockets of one name must all listen, and must not be too many" {
	for program in 'vsock-listen fd:web --echo' 'vsock-proxy fd:web exec:cat'; do
		# shellcheck disable=SC2086 # words
		run -1 named 'sockets = [tcp(), tcp(False)]' $program
		[[ $output == *'fd:web: some sockets of this name do not listen'* ]]
		# shellcheck disable=SC2086 # words
		run -1 named 'sockets = [tcp(False)]' $program
		[[ $output == *'fd:web: this socket does not listen'* ]]
		# shellcheck disable=SC2086 # words
		run -2 named 'sockets = [tcp() for _ in range(65)]' $program
		[[ $output == *'fd:web: too many sockets of one name were passed: at most 64'* ]]
	done
	run -1 named 'sockets = [tcp(), socket.socket(type=socket.SOCK_DGRAM)]' vsock-proxy fd:web \
		exec:cat
	[[ $output == *'this socket is for datagrams, and others of its name are for connections'* ]]
	[[ $output == *'hint: give each kind a FileDescriptorName= of its own'* ]]
}

# manage CODE: Python that is the service manager. listener is its socket, which run(PROGRAM...)
# passes as fd:3 to a program; ask() is a client that sends and receives a line.
manage() {
	python3 - <<-END
		import os, signal, socket, subprocess, time
		signal.alarm(100)
		listener = socket.socket()
		listener.bind(("127.0.0.1", 0))
		listener.listen(100)
		def run(*args):
		    return subprocess.Popen(args, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
		        close_fds=False, preexec_fn=lambda: os.dup2(listener.fileno(), 3))
		def connect():
		    return socket.create_connection(listener.getsockname(), timeout=60)
		def talk(client):
		    client.sendall(b"line\n")
		    return client.recv(100)
		def ask():
		    with connect() as client:
		        assert talk(client) == b"line\n"
		# end(PROGRAM): its status, and what it said; its successors have ended too
		def end(program):
		    said = program.stderr.read().decode()
		    return program.wait(60), said
		$1
	END
}

# What --exit-idle promises, of a program that echoes.
leaves_when_idle="
def stays(program):
    try:
        program.wait(1)
    except subprocess.TimeoutExpired:
        return True
for turn in range(2):
    client = connect()  # it waits, as nobody accepts yet
    program = run(*command)
    assert talk(client) == b'line\n'
    assert stays(program)  # the connection is open
    client.close()
    status, said = end(program)
    assert status == 0 and 'no connection for 200 ms: exiting' in said, (status, said)
"

@test "--exit-idle: vsock-listen exits with 0 when no connection is left, and the socket stays" {
	manage "command = 'vsock-listen', '--echo', '--exit-idle', '200ms', 'fd:3'
$leaves_when_idle"
}

@test "--exit-idle: vsock-proxy exits with 0 when no connection is left, and the socket stays" {
	manage "command = 'vsock-proxy', '--exit-idle', '200ms', 'fd:3', 'exec:cat'
$leaves_when_idle"
}

@test "--exit-idle: a program to which nobody comes exits too" {
	manage "assert end(run('vsock-listen', '--echo', '--exit-idle', '10ms', 'fd:3'))[0] == 0
assert end(run('vsock-proxy', '--exit-idle', '10ms', 'fd:3', 'exec:cat'))[0] == 0"
}

@test "--exit-idle: clients that come while the program exits are served by it or by the next" {
	for command in "'vsock-listen', '--echo'" "'vsock-proxy'"; do
		[[ $command == *listen* ]] && target="'fd:3'" || target="'fd:3', 'exec:cat'"
		manage "import threading
def serve():
    while not done:
        assert end(run($command, '--exit-idle', '1ms', $target))[0] == 0
        global starts
        starts += 1
done, starts = False, 0
server = threading.Thread(target=serve)
server.start()
for i in range(60):
    ask()
    time.sleep(i % 6 / 1000)  # at every moment of the end
done = True
server.join(60)
assert not server.is_alive()
print('# starts:', starts)"
	done
}

@test "--exit-idle: a reload is finished first, and its rules must have passed sockets too" {
	echo 'fd:3 exec:cat' >rules
	manage "program = run('vsock-proxy', '--exit-idle', '500ms', '-f', 'rules')
client = connect()
talk(client)
with open('rules', 'a') as rules:
    print('unix:./front exec:cat', file=rules)
program.send_signal(signal.SIGHUP)
line = b''
while b'nothing was reloaded' not in line:
    line = program.stderr.readline()
    assert line
talk(client)
client.close()
status, said = end(program)
assert status == 0 and 'no connection for 500 ms: exiting' in said, (status, said)"
}

@test "--exit-idle: vsock-proxy waits for a command that goes on without its connection" {
	manage "program = run('vsock-proxy', '--exit-idle', '10ms', 'fd:3',
    'exec:sh -c \"exec <&- >&- 2>&-; while [ ! -e go ]; do sleep 0.1; done; touch done\"')
with connect() as client:
    assert client.recv(100) == b''
time.sleep(0.5)
assert program.poll() is None
open('go', 'w').close()
assert end(program)[0] == 0
assert os.path.exists('done')"
}

@test "--exit-idle: the time begins again with each connection, also if the answer to the last is late" {
	manage "target = socket.socket()
target.bind(('127.0.0.1', 0))
target.listen(10)
where = 'tcp:127.0.0.1:%d' % target.getsockname()[1]
program = run('vsock-proxy', '--exit-idle', '1s', 'fd:3', where)
with connect():
    target.accept()[0].close()
# the worker asks, and is not answered
program.send_signal(signal.SIGSTOP)
time.sleep(1.5)
with connect():
    target.accept()[0].close()
    begun = time.monotonic()
program.send_signal(signal.SIGCONT)
assert end(program)[0] == 0
assert time.monotonic() - begun > 0.9, time.monotonic() - begun"
}

@test "--exit-idle: after a restart (SIGUSR2) the new process exits, and not before the old one" {
	manage "program = run('vsock-proxy', '--exit-idle', '200ms', 'fd:3', 'exec:cat')
client = connect()
talk(client)
program.send_signal(signal.SIGUSR2)
line = b''
while b'has taken over' not in line:
    line = program.stderr.readline()
    assert line
time.sleep(1)
ask()  # of the new process, which has been idle for long
assert talk(client) == b'line\n'
client.close()
status, said = end(program)
assert status == 0 and said.count('exiting') == 1, (status, said)"
}

@test "--exit-idle: what the program listens on itself is refused" {
	run -2 vsock-listen --exit-idle 5m unix:./s
	[[ $output == *"unix:./s: --exit-idle is for sockets that systemd listens on"* ]]
	run -2 vsock-proxy --check --exit-idle 5m fd:3 tcp:80 unix:./s tcp:81
	[[ $output == *"--exit-idle is for sockets that systemd listens on"* ]]
	[ ! -e s ]
}
