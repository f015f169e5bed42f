#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-cat's own options, over UNIX sockets.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# serve COMMAND...: each connection to ./peer runs it.
serve() {
	spawn_ready peer vsock-listen unix:./peer -- "$@"
}

@test "--send-only writes nothing, but waits for the peer's end" {
	serve sh -c 'cat >got; echo answer; touch ended'
	echo question >question
	run -0 --separate-stderr vsock-cat --send-only ./peer <question
	[ -z "$output$stderr" ]
	[ -e ended ]
	same got question
}

@test "--send-only with a large answer: it is thrown away, and nothing stands still" {
	serve sh -c 'head -c 20M /dev/zero; cat >got'
	bytes 5M question
	run -0 vsock-cat --send-only ./peer <question
	wait_until same got question
}

@test "--receive-only does not read standard input, and keeps the connection open" {
	serve sh -c 'echo greeting; timeout 0.3 cat >got; echo $?'
	mkfifo never
	exec 8<>never
	echo "not to be read" >&8
	run -0 --separate-stderr vsock-cat --receive-only ./peer <&8
	[ "$output" = $'greeting\n124' ]
	[ ! -s got ]
	read -r line <&8
	[ "$line" = "not to be read" ]
	run -0 vsock-cat --recv-only ./peer <&8
	exec 8>&-
}

@test "a file behind --receive-only is no input that was left" {
	serve true
	echo data >data
	run -0 --separate-stderr vsock-cat --receive-only ./peer <data
	[ -z "$stderr" ]
}

@test "what contradicts is refused, and so are habits from elsewhere" {
	run -2 vsock-cat --send-only --receive-only ./peer
	[[ $output == *"--send-only and --receive-only contradict"* ]]
	run -2 vsock-cat -z --recv-only ./peer
	for words in '-l 5000' '-T 3 ./peer' '-d ./peer' '-U ./peer' '-4 host 22' '-6 host 22' '-j ./peer' '--json ./peer'; do
		# shellcheck disable=SC2086
		run -2 vsock-cat $words
		[[ $output == *$'\n'"hint: "* ]] || { echo "$words: $output"; return 1; }
	done
	for words in '-q 1 3:22' '-q 1 3 22' '-q 1 vsock:3:22'; do
		# shellcheck disable=SC2086
		run -2 vsock-cat $words
		[[ $output == *"-q takes no number"* ]] || { echo "$words: $output"; return 1; }
	done
	run -2 vsock-cat -q 1 ./peer
	[[ $output == *"--half-close-timeout"* ]]
	run -2 vsock-cat - VSOCK-CONNECT:3:22
	[[ $output == *"hint: "*"vsock-cat ADDRESS"* ]]
	run -2 vsock-cat VSOCK-CONNECT:3:22
	[[ $output == *"hint: "*"vsock:3:22"* ]]
}

# What ssh does with ProxyUseFdpass: a UNIX socket as standard output, through which the connected socket comes.
receive_fd() {
	cat >receive.py <<-'END'
		import array, os, socket, subprocess, sys
		ours, theirs = socket.socketpair()
		program = subprocess.Popen(sys.argv[1:], stdin=theirs, stdout=theirs)
		theirs.close()
		data, control, flags, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
		status = program.wait()
		if not data:
		    sys.exit(status)
		assert data == b"\0" and len(control) == 1 and control[0][:2] == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
		fd = array.array("i", control[0][2])[0]
		assert os.get_blocking(fd), "not blocking"
		peer = socket.socket(fileno=fd)
		peer.sendall(b"question")
		peer.shutdown(socket.SHUT_WR)
		answer = b""
		while more := peer.recv(100):
		    answer += more
		print(status, answer.decode(), ours.recv(1))
	END
	run --separate-stderr python3 receive.py "$@"
}

@test "--pass-fd hands the connected socket over, blocking, and ends" {
	need python3
	serve cat
	receive_fd vsock-cat -F unix:./peer
	[ "$output" = "0 question b''" ]
	spawn_ready tcp vsock-listen --echo tcp:127.0.0.1:0
	receive_fd vsock-cat --pass-fd "$ready"
	[ "$output" = "0 question b''" ]
	receive_fd vsock-cat -F --wait 10s unix:./peer
	[ "$output" = "0 question b''" ]
}

@test "--pass-fd through a hybrid vsock's socket: what the peer says first is not lost" {
	need python3
	serve sh -c 'read -r line; printf "OK 1073741824\n>"; cat'
	receive_fd vsock-cat -F vsock-mux:./peer:22
	[ "$output" = "0 >question b''" ]
}

@test "--pass-fd needs a UNIX socket as standard output, and an address that is a socket" {
	need python3
	run -2 vsock-cat -F ./peer
	[[ $output == "vsock-cat: --pass-fd: standard output is not a UNIX socket"* ]]
	receive_fd vsock-cat -F exec:cat
	[ "$status" -eq 2 ]
	[[ $stderr == *"exec:cat: --pass-fd: no socket"* ]]
	receive_fd vsock-cat -F ./nobody
	[ "$status" -eq 4 ]
	run -2 vsock-cat -F -z ./peer
}

@test "'-' is no address to connect to, and the hint says what does it" {
	run -2 vsock-cat -
	[[ $output == *"standard input and output can't be connected to"* ]]
	run -2 vsock-proxy tcp:0 -
	[[ $output == *"hint: vsock-cat ADDRESS connects them"* ]]
}
