#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# Every pair of families, as front and as target: bytes there and back with a half-close between, so
# that the answer begins only when the end of the question has arrived; with vsock in the lab. 8 MiB
# each way, and 64 MiB in scripts/check --full (VSOCK_PAIRS_SIZE). VSOCK_PAIRS_ONLY names a family
# that one side has to be.

load lib/common

setup() {
	own_directory
	size=${VSOCK_PAIRS_SIZE:-8M}
	families=(tcp unix mux stdio)
	[ "$(vsock_here)" != loopback ] || families+=(vsock)
	bytes "$size" sent
	# the answer is the question, once that is whole
	cat >answer <<-'SCRIPT'
		#!/bin/sh
		cat >"question.$$" && cat "question.$$" && rm "question.$$"
	SCRIPT
	chmod +x answer
}

# start_target FAMILY: sets $target to what is there to connect to.
start_target() {
	case $1 in
		tcp) spawn_ready target vsock-listen tcp:127.0.0.1:0 -- ./answer; target=$ready ;;
		unix) spawn_ready target vsock-listen unix:./target -- ./answer; target=$ready ;;
		vsock)
			spawn_ready target vsock-listen vsock::0 -- ./answer
			target=vsock:1:$(port_of "$ready")
			;;
		# a VMM that keeps half-closes
		mux)
			spawn target "$tests_top/tests/lib/fake-vmm" vmm late late late \
				late late late
			wait_until grep -q READY target.out
			target=vsock-mux:./vmm:5000,half-close=pass
			;;
		stdio) target=exec:./answer ;;
	esac
}

# front_of FAMILY: what vsock-proxy listens on.
front_of() {
	case $1 in
		tcp) echo tcp:127.0.0.1:0 ;;
		unix) echo unix:./front ;;
		vsock) echo vsock::0 ;;
		mux) echo vsock-mux:./guest:5000 ;;
	esac
}

# client_of FRONT: how a client reaches it.
client_of() {
	case $1 in
		vsock:*) echo "vsock:1:$(port_of "$1")" ;;
		vsock-mux:*) echo unix:./guest_5000 ;;
		*) echo "$1" ;;
	esac
}

exchange() { # ADDRESS
	# shellcheck disable=SC2002 # standard input and output are pipes
	cat sent | vsock-cat "$1" | cat >got
	same sent got
}

wanted() { # FAMILY FAMILY
	[[ -z ${VSOCK_PAIRS_ONLY-} || " $* " == *" $VSOCK_PAIRS_ONLY "* ]]
}

through_all_fronts() { # TARGET-FAMILY
	local family fronts=() pair
	need python3
	start_target "$1"
	if wanted stdio "$1"; then
		exchange "$target"
		echo "stdio -> $1: $size both ways"
	fi
	for family in "${families[@]}"; do
		[ "$family" = stdio ] || ! wanted "$family" "$1" ||
			fronts+=("$(front_of "$family")" "$target")
	done
	spawn_ready proxy vsock-proxy --allow any "${fronts[@]}"
	wait_ready proxy $((${#fronts[@]} / 2))
	for pair in "${readies[@]}"; do
		exchange "$(client_of "$pair")"
		echo "$pair -> $1: $size both ways"
	done
}

@test "every family to TCP, half-close kept" {
	through_all_fronts tcp
}

@test "every family to a UNIX socket, half-close kept" {
	through_all_fronts unix
}

@test "every family to hybrid vsock of a VMM that keeps half-closes" {
	through_all_fronts mux
}

@test "every family to the standard input and output of a command, half-close kept" {
	through_all_fronts stdio
}

@test "every family to vsock, half-close kept" {
	skip_outside_lab
	through_all_fronts vsock
}
