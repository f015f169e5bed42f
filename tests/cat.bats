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

@test "--send-only writes nothing, but waits for the peer to finish" {
	serve sh -c 'cat >got; echo answer; touch ended'
	echo question >question
	run -0 --separate-stderr vsock-cat --send-only ./peer <question
	[ -z "$output$stderr" ]
	[ -e ended ]
	same got question
}

@test "--send-only discards a large answer without stalling" {
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

@test "a file on standard input with --receive-only is not reported as unsent" {
	serve true
	echo data >data
	run -0 --separate-stderr vsock-cat --receive-only ./peer <data
	[ -z "$stderr" ]
}

@test "contradicting options and options of other tools are refused" {
	run -2 vsock-cat --send-only --receive-only ./peer
	[[ $output == *"--send-only and --receive-only cannot be used together"* ]]
	run -2 vsock-cat -z --recv-only ./peer
	for option in --stats --progress -C --delay=1s; do
		for other in -z -F; do
			run -2 vsock-cat $other $option ./peer
			[[ $output == *" cannot be used together" ]]
		done
	done
	for option in -i1s --half-close-timeout=1s --no-shutdown --max-time=1s --max-bytes=1 -L1M \
		-b1K --message-size=line --engine=copy; do
		run -2 vsock-cat -z $option ./peer
		[[ $output == *" has no effect here: with --zero-io nothing is relayed" ]]
		run -2 vsock-cat -F $option ./peer
		[[ $output == *" has no effect here: with --pass-fd nothing is relayed" ]]
	done
	run -2 vsock-cat -z 'exec:sh -c "exit 9"'
	[ "$output" = "vsock-cat: exec:sh -c \"exit 9\": --zero-io: a command has no port to test" ]
	for words in '-l 5000' '-T 3 ./peer' '-d ./peer' '-U ./peer' '-4 host 22' '-6 host 22' \
		'-j ./peer' '--json ./peer'; do
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

# What ssh does with ProxyUseFdpass: a UNIX socket as standard output, through which the connected
# socket comes.
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
		assert data == b"\0" and len(control) == 1
		assert control[0][:2] == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
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

@test "--pass-fd passes on the connected socket, blocking, and exits" {
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

@test "--pass-fd through a hybrid vsock socket keeps what the peer says first" {
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
	[[ $stderr == *"exec:cat: --pass-fd: this address has no socket"* ]]
	receive_fd vsock-cat -F ./nobody
	[ "$status" -eq 4 ]
	run -2 vsock-cat -F -z ./peer
}

@test "'-' is refused as an address to connect to, and the hint works" {
	run -2 vsock-cat -
	[[ $output == *"- cannot be connected to"* ]]
	run -2 vsock-proxy tcp:0 -
	[[ $output == *"hint: for stdin and stdout: vsock-cat ADDRESS"* ]]
}

@test "--progress without a terminal prints a line with bytes, rate and percentage" {
	serve cat
	head -c 300K /dev/zero >data
	run -0 --separate-stderr vsock-cat --progress ./peer <data
	[[ $stderr =~ ^"vsock-cat: 300KiB 0:00:0"[0-9]" ["\ *[0-9.]+[KMG]?i?B"/s] 100%"$ ]]
	run -0 --separate-stderr vsock-cat --progress -s 600K ./peer < <(cat data)
	[[ $stderr == *" 50%" ]]
	run -0 --separate-stderr vsock-cat --progress ./peer < <(cat data)
	[[ $stderr == *"/s]" ]]
	run -0 --separate-stderr vsock-cat -q --progress ./peer <data
	[ -z "$stderr" ]
	# the size of a question says nothing of the answer's
	echo question >question
	spawn_ready long vsock-listen --generate 300K unix:./long
	run -0 --separate-stderr vsock-cat --progress ./long <question
	[[ $stderr == *"300KiB "*"/s]" ]]
	run -0 --separate-stderr vsock-cat --progress --log-format json ./peer <data
	[[ $stderr == *'"event":"progress"'*'"up":307200'*'"size":307200'* ]]
}

@test "--progress prints a line every 5 s of a slow transfer" {
	serve cat
	head -c 60K /dev/zero >data
	run -0 --separate-stderr vsock-cat --progress -L 10K ./peer <data
	# a busy machine is late, and then nearer to the end
	[[ $stderr =~ 0:00:(0[5-9]|[1-5][0-9]).*ETA\ 0:00:0[0-3] ]]
	[[ $stderr =~ "60.0KiB 0:00:"[0-5][0-9].*"100%" ]]
}

@test "--progress on a terminal redraws one line like pv and leaves it there" {
	need script
	serve cat
	head -c 40K /dev/zero >data
	export TERM=xterm COLUMNS=80
	run -0 script -qec 'vsock-cat --progress -L 10K ./peer <data >/dev/null' /dev/null
	[[ $output =~ "KiB 0:00:01 ["\ *[0-9.]+"KiB/s] [="[=]*">"\ *"] "[1-5][0-9]"% ETA 0:00:0" ]]
	[[ $output == *'40.0KiB 0:00:0'*'[='*'=]100%'* ]]
	longest=$(tr '\r' '\n' <<<"${output//$'\e[K'/}" |
		awk '{ if (length > most) most = length } END { print most }')
	[ "$longest" -eq 79 ]
}

@test "--size without --progress is refused, with a hint for users of nc -s" {
	run -2 vsock-cat -s 1000 ./peer
	[[ $output == *"bind="* ]]
	run -2 vsock-cat -s 10.0.0.1 tcp:localhost:1
	[[ $output == *"bind="* ]]
}

@test "--stats prints totals at the end, as text or JSON" {
	serve cat
	echo 12345 >data
	run -0 --separate-stderr vsock-cat --stats ./peer <data
	[[ $stderr =~ ^"vsock-cat: #1 stats - -> unix:./peer up=6 down=6 time="[0-9.]+" up-rate="[0-9]+" down-rate="[0-9]+" end=eof"$ ]]
	run -0 --separate-stderr vsock-cat --stats --log-format json ./peer <data
	[[ $stderr == *'"event":"stats"'*'"up":6,"down":6,"seconds":'*'"up_rate":'* ]]
}

@test "--dump shows both directions as hex and text with time, and leaves the data unchanged" {
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

@test "--dump of a large transfer through pipes is complete and can be turned back into the data" {
	need xxd
	serve cat
	bytes 1M data
	vsock-cat -x dump ./peer < <(cat data) | cat >got
	same got data
	awk '/^[<>]/ { up = /^>/; next } up' dump | cut -c 11-58 | xxd -r -p >up
	same up data
}

@test "--dump to a file that cannot be written is reported as a failure" {
	serve cat
	run -1 vsock-cat -x /nowhere/file ./peer
	[[ $output == *"--dump /nowhere/file: No such file or directory"* ]]
	echo data >data
	run -1 vsock-cat -x /dev/full ./peer <data
	[[ $output == *"data"* && $output == *"--dump /dev/full: No space left on device; dumping ends"* ]]
}

@test "--crlf sends LF as CR LF and never doubles a CR LF, however reads are split" {
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

@test "--delay pauses after each line, and everything arrives" {
	serve cat
	start=$EPOCHREALTIME
	run -0 bash -c 'printf "1\n2\n3\nrest" | vsock-cat --delay 300ms ./peer'
	[ "$output" = $'1\n2\n3\nrest' ]
	# three pauses, which can't be shorter
	awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { exit !(b - a >= 0.9) }'
}

@test "--delay: its pauses are no idle time" {
	serve cat
	run -0 vsock-cat --delay 600ms -i 300ms ./peer < <(printf '1\n2\n3\n')
	[ "$output" = $'1\n2\n3' ]
}

@test "--delay: after a signal, data already read is sent without pauses" {
	serve sh -c 'cat >got'
	seq 1000 >data
	ln -s data cat.in
	spawn cat vsock-cat --delay 1h ./peer
	wait_until [ -s got ]
	finish cat
	wait_until same got data
}

@test "the command of exec: passes its exit status on, also when it ends after the connection" {
	run -0 vsock-cat 'exec:sh -c "cat; exit 0"' </dev/null
	run -9 vsock-cat 'exec:sh -c "cat >/dev/null; exit 9"' </dev/null
	run -9 vsock-cat 'exec:sh -c "exec <&- >&-; while [ ! -e go ]; do sleep 0.05; done; exit 9"' < <(sleep 0.2; touch go)
	run -137 vsock-cat 'exec:sh -c "kill -KILL \$\$"' </dev/null
	# its status tells more than that it did not read the input
	bytes 1M input
	run -3 vsock-cat 'exec:sh -c "exit 3"' <input
	run -7 vsock-cat 'exec:true' <input
	# inherited as ignored, SIGCHLD would lose the status
	run -9 sh -c 'trap "" CHLD; vsock-cat "exec:sh -c \"exit 9\"" </dev/null'
}

@test "a signal ends the wait for a command that goes on after its connection" {
	spawn cat vsock-cat 'exec:sh -c "exec <&- >&-; touch closed; while [ ! -e go ]; do sleep 0.05; done"'
	wait_until test -e closed
	kill -TERM "${spawned[cat]}"
	touch go
	ends_with 143 cat
	# one that holds its end open, and is not stopped with it
	spawn cat vsock-cat 'exec:sh -c "touch started; while [ ! -e gone ]; do sleep 0.05; done"'
	wait_until test -e started
	kill -TERM "${spawned[cat]}"
	ends_with 143 cat
	# SIGPIPE, with which it ends where its reader is gone
	run -0 bash -c 'vsock-cat "exec:sh -c \"while [ ! -e gone ]; do sleep 0.05; done\"" </dev/null 2>/dev/null 3>&- | true
		echo "${PIPESTATUS[0]}"'
	touch gone
	[ "$output" = 141 ]
}

# Connected to a peer that has closed, with the rest of the words as the command's.
with_closed_peer() {
	python3 -c 'import socket, subprocess, sys
ours, theirs = socket.socketpair()
theirs.close()
words = [*sys.argv[1:], "fd:%d" % ours.fileno()]
sys.exit(subprocess.run(words, pass_fds=[ours.fileno()]).returncode)' "$@"
}

@test "input that a peer did not take because it was gone at once is reported as lost" {
	need python3
	bytes 100K input
	run -7 --separate-stderr with_closed_peer vsock-cat <input
	[[ $stderr == *"before all of standard input was delivered (0 B sent)"* ]]
	mkfifo pipe
	exec 8<>pipe
	echo text >&8
	run -7 with_closed_peer vsock-cat <pipe
	exec 8>&-
	run -0 with_closed_peer vsock-cat </dev/null
}

@test "standard input that cannot be read is what the message names, a socket that is reset too" {
	need python3
	spawn_ready server vsock-listen -k --discard tcp:127.0.0.1:0
	for engine in copy splice; do
		run -1 vsock-cat --engine $engine "$ready" <.
		[ "$output" = "vsock-cat: standard input: Is a directory; 0 B sent, 0 B received" ]
		: >written
		run -1 vsock-cat --engine $engine "$ready" 0>written
		[ "$output" = "vsock-cat: standard input: Bad file descriptor; 0 B sent, 0 B received" ]
	done
	PYTHONPATH=$tests_top/tests/lib run -1 python3 -B -c '
import inetd, sys
target = inetd.listener()
cat, ours = inetd.start(inetd.address(target))
connection, _ = target.accept()
ours.sendall(b"hello")
assert connection.recv(10) == b"hello"
inetd.reset(ours)
sys.exit(cat.wait())'
	[ "$output" = "vsock-cat: standard input: Connection reset by peer; 5 B sent, 0 B received" ]
}

@test "one TCP connection as standard input and output: reset if the target breaks, and the whole answer if it does not read everything" {
	need python3
	PYTHONPATH=$tests_top/tests/lib run -0 --separate-stderr python3 -B -c '
import inetd, socket, threading
target = inetd.listener()
cat, ours = inetd.start(inetd.address(target))
peer, _ = target.accept()
peer.sendall(b"half")
assert ours.recv(4, socket.MSG_WAITALL) == b"half"
inetd.reset(peer)
assert inetd.until_end(ours) == (b"", "reset")
assert cat.wait() == 7

target = socket.socket(socket.AF_UNIX)
target.bind("target")
target.listen()
cat, ours = inetd.start("./target")
threading.Thread(target=lambda: ours.sendall(bytes(4000000)), daemon=True).start()
peer, _ = target.accept()
assert peer.recv(1) == b"\0"
answer = bytes(range(256)) * 4096
peer.sendall(answer)
peer.shutdown(socket.SHUT_RDWR)
got, how = inetd.until_end(ours)
assert (len(got), got == answer, how) == (len(answer), True, "end"), (len(got), how)
assert cat.wait() == 7'
}

@test "a TCP connection of which only one direction is used is reset if the target breaks" {
	need python3
	PYTHONPATH=$tests_top/tests/lib run -0 --separate-stderr python3 -B -c '
import inetd, socket
for options, stdin, stdout in ((["--receive-only"], True, True), (["--send-only"], True, True),
                               ([], False, True), (["--receive-only"], False, True)):
    target = inetd.listener()
    cat, ours = inetd.start(*options, inetd.address(target), stdin=stdin, stdout=stdout)
    peer, _ = target.accept()
    if "--send-only" in options:
        ours.sendall(b"half")
        assert peer.recv(4, socket.MSG_WAITALL) == b"half"
    else:
        peer.sendall(b"half")
        assert ours.recv(4, socket.MSG_WAITALL) == b"half"
    inetd.reset(peer)
    how = inetd.until_end(ours)
    assert how == (b"", "reset"), (options, stdin, stdout, how)
    assert cat.wait() == 7'
}

@test "a FIFO open for reading and writing has no end, and takes data without another reader" {
	mkfifo in out
	spawn_ready server vsock-listen unix:s -- \
		sh -c 'read -r line; echo "got $line"; read -r line'
	spawn cat sh -c 'exec vsock-cat unix:s <>in 1<>out'
	timeout 100 sh -c 'echo hello >in'
	[ "$(timeout 100 head -n 1 out)" = "got hello" ]
	timeout 100 sh -c 'echo end >in'
	join cat
}

@test "the master of a pseudoterminal as standard input and output is used itself" {
	spawn_ready server vsock-listen unix:s -- sh -c 'read -r line; echo "got $line"'
	run -0 timeout 100 python3 -c '
import os, subprocess, termios, tty
master, slave = os.openpty()
tty.setraw(slave)
cat = subprocess.Popen(["vsock-cat", "unix:s"], stdin=master, stdout=master)
os.write(slave, b"hello\n")
print(os.read(slave, 100).decode(), end="")
os.close(slave)
raise SystemExit(cat.wait())'
	[ "$output" = "got hello" ]
}
