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
