#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-listen: --send-file, --receive-dir and --hash.

load lib/common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
}

# wrapped NAME SCRIPT ARGUMENT…: spawn_ready of what a script of bash executes.
wrapped() {
	printf '#!/bin/bash\n%s\n' "$2" >"wrapper-$1"
	chmod +x "wrapper-$1"
	spawn_ready "$1" "./wrapper-$1" "${@:3}"
}

@test "--send-file sends each client the file as it is at that moment" {
	bytes 3M file
	spawn_ready listen vsock-listen --send-file file tcp:127.0.0.1:0
	vsock-cat "$ready" </dev/null >one
	same file one
	# what the client sends is no matter, and the file may be another by then
	head -c 100K /dev/zero >new
	mv new file
	head -c 1M /dev/zero | vsock-cat "$ready" >two
	same file two
	rm file
	# no file is no empty file: the connection is reset, maybe before the client knows that it
	# is made
	run -7 vsock-cat "$ready" </dev/null
	wait_until grep -q '#3 fail .* -> send-file .* end=io why="No such file or directory"' listen.err
	# nobody was denied, and permission was not what was missing
	cp one file
	spawn_ready single vsock-listen -c 1 --send-file file tcp:127.0.0.1:0
	rm file
	run -7 vsock-cat "$ready" </dev/null
	ends_with 1 single
}

@test "--send-file reports a file that cannot be sent before listening" {
	run -1 vsock-listen --send-file nosuch tcp:127.0.0.1:0
	[ "$output" = "vsock-listen: --send-file nosuch: No such file or directory" ]
	run -1 vsock-listen --send-file . tcp:127.0.0.1:0
	[[ $output == *"Is a directory" ]]
	mkfifo fifo
	run -1 vsock-listen --send-file fifo tcp:127.0.0.1:0
	[[ $output == *"not a regular file" ]]
	run -2 vsock-listen --send-file fifo --echo tcp:127.0.0.1:0
	[[ $output == *"--echo and --send-file cannot be used together" ]]
	run -2 vsock-listen --echo tcp:127.0.0.1:0 -- cat
	[[ $output == *"COMMAND and --echo cannot be used together" ]]
}

@test "--receive-dir makes a new file for each connection, complete or .part" {
	need python3
	mkdir in
	bytes 2M one
	bytes 100 two
	spawn_ready listen vsock-listen -v --receive-dir in --max-bytes 3M tcp:127.0.0.1:0
	vsock-cat "$ready" <one
	vsock-cat "$ready" <two
	wait_until grep -q '#2 done tcp:.* -> in/[0-9]*T[0-9]*Z-2-tcp-127.0.0.1-[0-9]* up=100 down=0 .* end=eof' listen.err
	[ "$(find in -type f | wc -l)" = 2 ]
	same one in/*Z-1-tcp-127.0.0.1-*
	same two in/*Z-2-tcp-127.0.0.1-*
	# too much
	head -c 4M /dev/zero | vsock-cat "$ready" || true
	wait_until grep -q 'in/.*Z-3-.*\.part: incomplete, 3145728 bytes: max-bytes' listen.err
	[ "$(stat -c %s in/*-3-*.part)" = 3145728 ]
	# a connection that breaks
	python3 - "${ready##*:}" <<-'PY'
		import socket, struct, sys
		c = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		c.send(b"abc")
		c.close()
	PY
	wait_until grep -q 'Z-4-.*\.part: incomplete, .* reset' listen.err
	compgen -G "in/*-4-*.part"
}

@test "--max-bytes: as much as that is complete, and one byte more is not" {
	local at size want status service
	mkdir in
	for at in tcp:127.0.0.1:0 unix:peer unix-seqpacket:peer; do
		for size in 65535 65536 65537; do
			want=0
			((size <= 65536)) || want=1
			# to a file, to a hash, and to nothing
			for service in "--receive-dir in" --hash --discard; do
				[[ $at == tcp* || $service == *dir* ]] || continue
				# shellcheck disable=SC2086 # two words
				spawn_ready listen vsock-listen -v -c 1 --max-bytes 64K $service $at
				head -c "$size" /dev/zero |
					vsock-cat --message-size 1000 "$ready" || true
				status=0
				join listen || status=$?
				[ "$status" = "$want" ]
				case $want in
				0) grep -q "up=$size .* end=eof" listen.err ;;
				1) grep -q 'up=65[0-9]* .* end=max-bytes' listen.err ;;
				esac
			done
			# messages are not cut
			[[ $at == *seqpacket* ]] || [ "$(cat in/* | wc -c)" = $((size - want)) ]
			[ "$(find in -name '*.part' | wc -l)" = "$want" ]
			rm in/*
		done
		# and what is sent
		for size in 65535 65536 65537; do
			want=0
			((size <= 65536)) || want=1
			head -c "$size" /dev/zero >file
			spawn_ready listen vsock-listen -c 1 --max-bytes 64K --send-file file $at
			run vsock-cat --receive-only --message-size 1000 "$ready"
			status=0
			join listen || status=$?
			[ "$status" = "$want" ]
		done
		spawn_ready listen vsock-listen -c 1 --max-bytes 64K --generate 64K $at
		vsock-cat --receive-only "$ready" >got
		join listen
		[ "$(stat -c %s got)" = 65536 ]
	done
}

@test "--receive-dir: names for UNIX peers, the default of --umask, a full disk" {
	mkdir in
	umask 022
	spawn_ready listen vsock-listen --receive-dir in/ unix:@receive-$$
	echo x | vsock-cat "$ready"
	wait_until compgen -G 'in/*Z-1-unix-pid-*-uid-*[0-9]' >/dev/null
	[ "$(stat -c %a in/*-1-*)" = 644 ]
	# no file may grow beyond a block: the error is the operator's to know, and the connection
	# is closed
	for count in 1 2; do
		wrapped small 'trap "" XFSZ; ulimit -f 8; exec vsock-listen "$@"' -c $count \
			--receive-dir in tcp:127.0.0.1:0
		for _ in $(seq $count); do
			head -c 1M /dev/zero | vsock-cat "$ready" || true
		done
		ends_with $((count == 1)) small
		[ "$(grep -c '\.part: incomplete, 8192 bytes: File too large' small.err)" = $count ]
		[ "$(wc -l <small.err)" = $count ]
	done
}

@test "--receive-dir reports a directory that cannot be written before listening" {
	run -1 vsock-listen --receive-dir nosuch tcp:127.0.0.1:0
	[[ $output == *"--receive-dir nosuch: No such file or directory" ]]
	: >file
	run -1 vsock-listen --receive-dir file tcp:127.0.0.1:0
	[[ $output == *"Not a directory" ]]
}

@test "--receive-dir writes into a directory that it may not read" {
	local as=()
	mkdir -m 300 in
	if [ "$(id -u)" = 0 ]; then
		chmod go+x .
		chown nobody in
		as=(--user nobody)
	fi
	spawn_ready server vsock-listen "${as[@]}" -c 1 --receive-dir in unix:@write-only-$$
	echo x | vsock-cat "$ready"
	ends_with 0 server
	chmod 700 in
	[ "$(cat in/*)" = x ]
}

@test "--hash prints SHA-256, size and peer" {
	bytes 3M file
	spawn_ready listen vsock-listen --hash tcp:127.0.0.1:0
	vsock-cat "$ready" <file
	vsock-cat "$ready" </dev/null
	wait_until grep -q e3b0c442 listen.out
	grep -qE "^$(sha256sum <file | cut -d' ' -f1) 3145728 tcp:127.0.0.1:[0-9]+$" listen.out
	grep -q '^e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 tcp:' \
		listen.out
}

@test "--hash --json prints an object and marks incomplete transfers; seqpacket" {
	need python3
	spawn_ready listen vsock-listen --hash -j --max-bytes 10 -c 2 unix-seqpacket:hash
	printf abc | vsock-cat unix-seqpacket:hash
	printf 0123456789abc | vsock-cat --message-size 5 unix-seqpacket:hash || true
	join listen
	python3 - <<-'PY'
		import hashlib, json
		one, two = map(json.loads, open("listen.out"))
		assert one["sha256"] == hashlib.sha256(b"abc").hexdigest() and one["bytes"] == 3 \
		    and one["end"] == "eof", one
		assert two["end"] == "max-bytes" and two["bytes"] == 10 \
		    and two["from"].startswith("unix"), two
	PY
	run -2 vsock-listen --json tcp:127.0.0.1:0
	[[ $output == *"--json needs --hash"* ]]
}

@test "--hash ends when standard output is full or closed" {
	for count in "" "-c 1"; do
		wrapped full 'exec vsock-listen "$@" >/dev/full' --hash $count tcp:127.0.0.1:0
		vsock-cat "$ready" </dev/null
		ends_with 1 full
		grep -q 'standard output: No space left' full.err
	done
}

@test "--hash: a stalled reader of standard output blocks nobody and gets every line" {
	mkfifo lines
	exec 8<>lines
	wrapped hash 'exec vsock-listen "$@" >lines' --hash -v --drain-timeout 60s unix:hash
	# a pipe holds 64 KiB: 900 lines of 100 bytes are more, and less than what is kept beside it
	run -0 python3 -c '
import socket
for number in range(900):
    s = socket.socket(socket.AF_UNIX)
    s.connect("hash")
    s.sendall(b"x")
    s.shutdown(socket.SHUT_WR)
    s.settimeout(60)
    assert s.recv(1) == b""'
	wait_until eval '[ "$(grep -c " done " hash.err)" = 900 ]'
	head -n 900 <&8 >got
	[ "$(sort -u got | cut -d' ' -f2,3)" = "1 unix" ]
	# the end: what is not taken is waited for
	echo data | vsock-cat unix:hash
	finish hash
	read -r line <&8
	[[ $line == "6667b2d1aab6a00caa5aee5af8ad9f1465e567abf1c209d15727d57b3e8f6e5f 5 unix"* ]]
	exec 8>&-
}

@test "--hash: with too much unread output no more clients are served; a signal does not wait for the reader" {
	mkfifo lines
	exec 8<>lines
	wrapped hash 'exec vsock-listen "$@" >lines' --hash -v unix:hash
	spawn clients python3 -c '
import socket
for number in range(3000):
    s = socket.socket(socket.AF_UNIX)
    s.connect("hash")
    s.shutdown(socket.SHUT_WR)
    s.settimeout(60)
    assert s.recv(1) == b""'
	# two pipes full and no more: it rests, and goes on when somebody reads
	wait_until eval '[ "$(grep -c " done " hash.err)" -gt 1200 ]'
	settled() {
		local before
		before=$(grep -c ' done ' hash.err); sleep 0.2;
		[ "$(grep -c ' done ' hash.err)" = "$before" ]
	}
	wait_until settled
	[ "$(grep -c ' done ' hash.err)" -lt 3000 ]
	head -n 3000 <&8 >got
	join clients
	[ "$(wc -l <got)" = 3000 ]
	for _ in $(seq 900); do echo; done | head -c 900 >nothing
	run -0 python3 -c '
import socket
for number in range(900):
    s = socket.socket(socket.AF_UNIX)
    s.connect("hash")
    s.shutdown(socket.SHUT_WR)
    s.recv(1)'
	kill "${spawned[hash]}"
	ends_with 1 hash
	grep -q 'standard output: not everything was written: ' hash.err
	exec 8>&-
}

@test "--hash: a full, blocking standard output does not delay the end" {
	need python3
	cat >blocked <<-'END'
		#!/usr/bin/env python3
		import os, socket, sys
		reader, writer = socket.socketpair()
		writer.setblocking(False)
		try:
		    while True:
		        writer.send(bytes(4096))
		except BlockingIOError:
		    writer.setblocking(True)
		# as long as it is open nobody is told that it is not read
		reader.set_inheritable(True)
		os.dup2(writer.fileno(), 1)
		os.execvp("vsock-listen", ["vsock-listen", *sys.argv[1:]])
	END
	chmod +x blocked
	spawn_ready hash ./blocked --hash -v unix:hash
	run -0 vsock-cat unix:hash <<<hello
	wait_until grep -q ' done ' hash.err
	kill "${spawned[hash]}"
	ends_with 1 hash
	grep -q 'standard output: not everything was written: ' hash.err
}

# In some containers it may not trace.
need_strace() {
	need strace
	strace -o /dev/null true 2>/dev/null || skip "strace may not trace here"
	# LeakSanitizer does not work under ptrace
	export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
}

# close(2) of this file fails, as behind NFS and FUSE, where only that tells that a disk is full.
# The original of standard output is closed first, and has nothing to tell.
closing_fails() { # FILE WHEN COMMAND...
	strace -f -o /dev/null -P "$PWD/$1" -e trace=close \
		-e "inject=close:error=ENOSPC:when=$2" "${@:3}"
}

# A program ./traced for which close(2) of these files fails.
traced() { # [-P FILE]... PROGRAM
	echo "exec strace -f -o /dev/null -e trace=close -e inject=close:error=ENOSPC $* \"\$@\"" >traced
	chmod +x traced
}

@test "a file that cannot be stored, which only close(2) tells, is a failure" {
	need_strace
	spawn_ready server vsock-listen --generate 100K unix:s
	: >out
	closing_fails out 2+ vsock-cat unix:s </dev/null >out 2>cat.err || [ $? = 1 ]
	[ "$(cat cat.err)" = "vsock-cat: standard output: No space left on device; 0 B sent, 100.0 KiB received" ]
	closing_fails record 1+ vsock-cat --record record unix:s </dev/null 2>cat.err >out ||
		[ $? = 1 ]
	[ "$(cat cat.err)" = "vsock-cat: --record record: No space left on device" ]
	closing_fails dump 1+ vsock-cat --dump dump unix:s </dev/null 2>cat.err >out || [ $? = 1 ]
	[[ $(cat cat.err) == "vsock-cat: --dump dump: No space left on device"* ]]
	traced -P "$PWD/hash.out" vsock-listen
	spawn_ready hash ./traced -c 1 --hash unix:h
	vsock-cat unix:h <out
	ends_with 1 hash
	grep -q 'standard output: not everything was written: No space left on device' hash.err
}

@test "--receive-dir: a file that close(2) says is not stored keeps the name .part" {
	local names=() second when
	need_strace
	mkdir in
	mkfifo go
	bytes 100K file
	spawn client sh -c 'read -r line <go; exec vsock-cat unix:s <file'
	for second in {0..120}; do
		printf -v when '%(%s)T'
		TZ=UTC printf -v when '%(%Y%m%dT%H%M%SZ)T' $((when + second))
		names+=(-P "$PWD/in/$when-1-unix-pid-${spawned[client]}-uid-$UID.part")
	done
	traced "${names[@]}" vsock-listen
	spawn_ready server ./traced -v -c 1 --receive-dir in unix:s
	echo >go
	ends_with 1 server
	join client
	[[ $(ls in) == *.part ]]
	grep -q '\.part: incomplete, 102400 bytes: No space left on device$' server.err
	grep -q 'done .* end=io .*why="No space left on device"' server.err
}
