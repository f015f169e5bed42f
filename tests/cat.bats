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
	[[ $output == *"- can't be connected to"* ]]
	run -2 vsock-proxy tcp:0 -
	[[ $output == *"hint: for stdin and stdout: vsock-cat ADDRESS"* ]]
}

@test "--progress: off a terminal a line that says bytes, rate and the part that is done" {
	serve cat
	head -c 300K /dev/zero >data
	run -0 --separate-stderr vsock-cat -p ./peer <data
	[[ $stderr =~ ^"vsock-cat: 300KiB 0:00:0"[0-9]" ["\ *[0-9.]+[KMG]?i?B"/s] 100%"$ ]]
	run -0 --separate-stderr vsock-cat -p -s 600K ./peer < <(cat data)
	[[ $stderr == *" 50%" ]]
	run -0 --separate-stderr vsock-cat -p ./peer < <(cat data)
	[[ $stderr == *"/s]" ]]
	run -0 --separate-stderr vsock-cat -qp ./peer <data
	[ -z "$stderr" ]
	run -0 --separate-stderr vsock-cat -p --log-format json ./peer <data
	[[ $stderr == *'"event":"progress"'*'"up":307200'*'"size":307200'* ]]
}

@test "--progress: a slow transfer has a line every 5 s" {
	serve cat
	head -c 60K /dev/zero >data
	run -0 --separate-stderr vsock-cat -p -L 10K ./peer <data
	# a busy machine is late, and then nearer to the end
	[[ $stderr =~ 0:00:(0[5-9]|[1-5][0-9]).*ETA\ 0:00:0[0-3] ]]
	[[ $stderr =~ "60.0KiB 0:00:"[0-5][0-9].*"100%" ]]
}

@test "--progress on a terminal: pv's line, redrawn; it stays" {
	need script
	serve cat
	head -c 40K /dev/zero >data
	export TERM=xterm COLUMNS=80
	run -0 script -qec 'vsock-cat -p -L 10K ./peer <data >/dev/null' /dev/null
	[[ $output =~ "KiB 0:00:01 ["\ *[0-9.]+"KiB/s] [="[=]*">"\ *"] "[1-5][0-9]"% ETA 0:00:0" ]]
	[[ $output == *'40.0KiB 0:00:0'*'[='*'=]100%'* ]]
	longest=$(tr '\r' '\n' <<<"${output//$'\e[K'/}" | awk '{ if (length > most) most = length } END { print most }')
	[ "$longest" -eq 79 ]
}

@test "--size without --progress is refused, with a hint for nc's -s" {
	run -2 vsock-cat -s 1000 ./peer
	[[ $output == *"bind="* ]]
	run -2 vsock-cat -s 10.0.0.1 tcp:localhost:1
	[[ $output == *"bind="* ]]
}

@test "--stats: totals at the end, as text and as JSON" {
	serve cat
	echo 12345 >data
	run -0 --separate-stderr vsock-cat --stats ./peer <data
	[[ $stderr =~ ^"vsock-cat: #1 stats - -> unix:./peer up=6 down=6 time="[0-9.]+" up-rate="[0-9]+" down-rate="[0-9]+" end=eof"$ ]]
	run -0 --separate-stderr vsock-cat --stats --log-format json ./peer <data
	[[ $stderr == *'"event":"stats"'*'"up":6,"down":6,"seconds":'*'"up_rate":'* ]]
}

@test "--dump: both directions as hex and text, with time, and the data unchanged" {
	serve sh -c 'cat >/dev/null; printf "answer\n\001\377"'
	printf 'GET / HTTP/1.0\r\nHost: x\r\n' >data
	run -0 --separate-stderr vsock-cat -x dump ./peer <data
	sed -E -i 's/[0-9-]+T[0-9:.]+Z/TIME/' dump
	diff dump - <<-'END'
		> TIME length=25 from=0 to=24
		00000000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 30 0d 0a  |GET / HTTP/1.0..|
		00000010  48 6f 73 74 3a 20 78 0d  0a                       |Host: x..|
		< TIME length=9 from=0 to=8
		00000000  61 6e 73 77 65 72 0a 01  ff                       |answer...|
	END
	run -0 --separate-stderr vsock-cat --dump - ./peer <data
	[[ $stderr == "> "*"|GET / HTTP/1.0..|"*"< "*"|answer...|" ]]
}

@test "--dump: large, through pipes, is whole and can be turned back" {
	need xxd
	serve cat
	bytes 1M data
	vsock-cat -x dump ./peer < <(cat data) | cat >got
	same got data
	awk '/^[<>]/ { up = /^>/; next } up' dump | cut -c 11-58 | xxd -r -p >up
	same up data
}

@test "--dump: a file that can't be written is said, and is a failure" {
	serve cat
	run -1 vsock-cat -x /nowhere/file ./peer
	[[ $output == *"--dump /nowhere/file: No such file or directory"* ]]
	echo data >data
	run -1 vsock-cat -x /dev/full ./peer <data
	[[ $output == *"data"* && $output == *"--dump /dev/full: "* ]]
}

@test "--crlf: LF is sent as CR LF, and a CR LF is not doubled, wherever a read ends" {
	serve cat
	run -0 bash -c 'printf "a\nb\r\n\n\r\r\nlast" | vsock-cat -C ./peer | od -An -c | tr -d " \n"'
	[ "$output" = 'a\r\nb\r\n\r\n\r\r\nlast' ]
	run -0 bash -c '{ printf "a\r"; sleep 0.2; printf "\nb\n"; } | vsock-cat --crlf ./peer | od -An -c | tr -d " \n"'
	[ "$output" = 'a\r\nb\r\n' ]
	seq 300000 >data
	vsock-cat -C ./peer <data >got
	same <(tr -d '\r' <got) data
	[ "$(grep -c $'\r$' got)" -eq 300000 ]
	run -2 vsock-cat -C unix-seqpacket:./peer
	[[ $output == *"--message-size line"* ]]
}

@test "--delay: a pause after each line, and all of it arrives" {
	serve cat
	start=$EPOCHREALTIME
	run -0 bash -c 'printf "1\n2\n3\nrest" | vsock-cat --delay 300ms ./peer'
	[ "$output" = $'1\n2\n3\nrest' ]
	# three pauses, which can't be shorter
	awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { exit !(b - a >= 0.9) }'
}

@test "--delay: a signal sends what was read without waiting" {
	serve sh -c 'cat >got'
	seq 1000 >data
	ln -s data cat.in
	spawn cat vsock-cat --delay 1h ./peer
	wait_until [ -s got ]
	finish cat
	wait_until same got data
}
