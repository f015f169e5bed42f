# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What every tests/*.bats begins with: `load lib/common`.
#
# The programs under test are first in PATH. What runs in the background is started by spawn or
# spawn_ready, under a name; its output is in $BATS_TEST_TMPDIR/NAME.out and NAME.err, and whatever
# still runs when the test ends is ended by its process id, and by nothing else. Nobody sleeps for a
# time in the hope that something has happened: wait_until and wait_ready look every 0.05 s. In the
# lab everything is ten times slower, so limits are generous and cost nothing; and starting a
# program is what costs most there, so what all tests do is done by the shell itself where it can.

tests_top=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
: "${VSOCK_TOOLS_BUILD:=$tests_top/build}"
export VSOCK_TOOLS_BUILD
case ":$PATH:" in
	*":$VSOCK_TOOLS_BUILD:"*) ;;
	*) PATH=$VSOCK_TOOLS_BUILD:$PATH ;;
esac
bats_require_minimum_version 1.5.0

# How long anything may take that should happen at once, on a machine that is very busy.
patience=120

declare -gA spawned=()

# The lab's kind here: loopback, host, guest, none; empty outside it.
vsock_here() {
	[ ! -e /run/vsock-lab ] || echo "$(</run/vsock-lab)"
}

# Call first in every test (or in setup) that connects to or listens on vsock.
skip_outside_lab() {
	[ "$(vsock_here)" = loopback ] ||
		skip "needs vsock loopback: tests/lab/vm tests/run-bats FILE runs it"
}

# need PROGRAM…: a foreign program that this test talks to.
need() {
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || skip "$program is missing"
	done
}

# wait_until COMMAND…: until it succeeds; fails after $patience seconds.
wait_until() {
	local end=$((SECONDS + patience))
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "waited ${patience} s in vain for: $*" >&2
			return 1
		fi
		nap
	done
}

# nap: sleep for 0.05 s. The shell itself waits for a line from a FIFO that nobody writes to, which
# needs no process.
nap() {
	local fifo=${BATS_FILE_TMPDIR:-$BATS_TEST_TMPDIR}/nap
	[ -p "$fifo" ] || mkfifo "$fifo" 2>/dev/null || true
	{ read -rt 0.05 <>"$fifo" || [ $? -gt 128 ]; } 2>/dev/null || sleep 0.05
}

# spawn NAME COMMAND…: in the background, stdin from NAME.in in the test's directory if there is
# such a
# file.
spawn() {
	local name=$1 base=$BATS_TEST_TMPDIR/$1 input=/dev/null
	shift
	[ ! -e "$base.in" ] || input=$base.in
	# 3 is bats' own: who keeps it open keeps bats from ending.
	# emptied here and not in the background: what another of this name wrote must not be taken
	# for its output
	: >"$base.out"
	: >"$base.err"
	"$@" <"$input" >"$base.out" 2>"$base.err" 3>&- &
	spawned[$name]=$!
}

# spawn_ready NAME PROGRAM ARGUMENT…: one of our programs that listens, until it says READY. Sets
# $ready to the first address that it printed and the array $readies to all: with port 0
# (tcp:127.0.0.1:0) this is how to find a free port.
spawn_ready() {
	local name=$1 program=$2 file=$BATS_TEST_TMPDIR/$1.ready
	shift 2
	: >"$file"
	spawn "$name" spawn_with_ready_fd "$file" "$program" "$@"
	wait_ready "$name" || { cat "$BATS_TEST_TMPDIR/$name.err" >&2; return 1; }
}

spawn_with_ready_fd() {
	local file=$1 program=$2
	shift 2
	exec "$program" --ready-fd 9 "$@" 9>"$file"
}

# wait_ready NAME [COUNT]: until NAME has printed COUNT (1) READY lines, or has ended.
wait_ready() {
	local name=$1 count=${2:-1}
	wait_until ready_or_ended "$name" "$count" || return 1
	read_readies "$name"
	[ ${#readies[@]} -ge "$count" ]
}

ready_or_ended() {
	read_readies "$1"
	[ ${#readies[@]} -ge "$2" ] || ! kill -0 "${spawned[$1]}" 2>/dev/null
}

read_readies() {
	local line lines=()
	readies=()
	mapfile -t lines <"$BATS_TEST_TMPDIR/$1.ready"
	for line in "${lines[@]}"; do
		[[ $line != "READY "* ]] || readies+=("${line#READY }")
	done
	ready=${readies[0]:-}
}

# worker_of NAME: the process id of a vsock-proxy's worker; who looks names up is a child of the
# supervisor too.
worker_of() {
	local child
	for child in $(cat "/proc/${spawned[$1]}/task/${spawned[$1]}/children"); do
		[ "$(cat "/proc/$child/comm" 2>/dev/null)" != vsock-worker ] || {
			echo "$child"
			return
		}
	done
	return 1
}

# What a test that counts descriptors gives a vsock-proxy: a confined worker shows them to root
# only.
inspectable=()
# shellcheck disable=SC2034 # for the files that load this
[ "$EUID" = 0 ] || inspectable=(--no-sandbox)

# descriptors_of NAME [TEST…]: how many descriptors a vsock-proxy has open, both its processes
# together; TEST as find takes it.
descriptors_of() {
	find "/proc/${spawned[$1]}/fd" "/proc/$(worker_of "$1")/fd" -mindepth 1 "${@:2}" | wc -l
}

# start_vmm PATH BEHAVIOUR…: a VMM, named vmm, that serves a connection in each of these ways
# (tests/lib/fake-vmm).
start_vmm() {
	spawn vmm "$tests_top/tests/lib/fake-vmm" "$@"
	wait_until grep -q READY "$BATS_TEST_TMPDIR/vmm.out"
}

# port_of ADDRESS: its port: the number behind the last colon, without options.
port_of() {
	local address=${1%%,*}
	echo "${address##*:}"
}

# free_port: a TCP port of 127.0.0.1 on which nobody listens, for programs that can't be asked to
# pick one, and for connects that must be refused. It is below those that the kernel gives for port
# 0, so that no program that asks for one gets it meanwhile.
free_port() {
	local port
	for _ in {1..20}; do
		port=$((10000 + SRANDOM % 20000))
		spawn_ready free-port vsock-listen "tcp:127.0.0.1:$port" --discard 2>/dev/null ||
			continue
		finish free-port
		echo "$port"
		return
	done
	return 1
}

# join NAME: wait until it ends by itself, and return its status.
join() {
	local name=$1 pid=${spawned[$1]}
	wait_until ended "$pid" || { echo "$name does not end" >&2; return 124; }
	unset "spawned[$name]"
	wait "$pid"
}

# ends_with STATUS NAME: it ends by itself, with this status. Not under run: a subshell can't wait
# for our children.
ends_with() {
	local status=0
	join "$2" || status=$?
	[ "$status" = "$1" ] || { echo "$2 ended with status $status, not $1" >&2; return 1; }
}

# True if the process is gone or a zombie, which is what a child of ours is until it is waited for.
ended() {
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	stat=${stat##*) }
	[ "${stat:0:1}" = Z ]
}

# finish NAME [SIGNAL]: send it SIGNAL (TERM), then KILL if it is still there after $patience
# seconds.
finish() {
	local name=$1 signal=${2:-TERM} pid=${spawned[$1]}
	kill -"$signal" "$pid" 2>/dev/null || true
	wait_until ended "$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
	unset "spawned[$name]"
	wait "$pid" 2>/dev/null || true
}

finish_all() {
	local name
	[ -n "${BATS_TEST_COMPLETED:-}${BATS_TEST_SKIPPED:-}" ] || show_errors
	for name in "${!spawned[@]}"; do
		kill -TERM "${spawned[$name]}" 2>/dev/null || true
	done
	patience=2
	for name in "${!spawned[@]}"; do
		finish "$name"
	done
}

# Of a test that failed: how the programs in the background ended, and what they said.
show_errors() {
	local name file
	for name in "${!spawned[@]}"; do
		! ended "${spawned[$name]}" || echo "$name has ended" >&2
	done
	for file in "$BATS_TEST_TMPDIR"/*.err; do
		[ ! -s "$file" ] || { echo "${file##*/}:"; tail -n 20 "$file"; } >&2
	done
}

# A file with a teardown of its own calls finish_all in it.
teardown() {
	finish_all
}

# run_timeout SECONDS COMMAND…: bats' run, but the command is killed after that time (status 124 or
# 137).
run_timeout() {
	local limit=$1
	shift
	run timeout -k 2 "$limit" "$@"
}

# bytes SIZE FILE: make FILE of SIZE bytes that no compressor and no hole can shorten; SIZE as head
# -c takes it.
bytes() {
	head -c "$1" /dev/urandom >"$2"
}

sum() {
	sha256sum <"$1"
}

# same FILE FILE: that they hold the same, by hash and size; says how they differ.
same() {
	[ "$(sum "$1")" = "$(sum "$2")" ] && return 0
	echo "differ: $1 ($(stat -c %s "$1") bytes) and $2 ($(stat -c %s "$2") bytes)" >&2
	cmp "$1" "$2" >&2 || true
	return 1
}

# mistake PROGRAM, failure PROGRAM: its exit status for wrong usage, and for any other failure.
# Those of vsock-run must not be taken for the command's.
mistake() {
	[ "$1" = vsock-run ] && echo 125 || echo 2
}

failure() {
	[ "$1" = vsock-run ] && echo 125 || echo 1
}

# proxy_says STATUS TEXT ARGUMENT…: vsock-proxy ends at once with that status, and says so.
proxy_says() {
	local status=$1 text=$2
	shift 2
	run -"$status" vsock-proxy "$@"
	[[ $output == *"$text"* ]] || { echo "$output"; return 1; }
}

# open_terminal COLUMNS ROWS: a shell in a tmux of our own, with the prompt "shell>"; the file's
# teardown calls close_terminal.
open_terminal() {
	tmux() {
		env -u TMUX "TMUX_TMPDIR=$BATS_TEST_TMPDIR" TERM=xterm LC_ALL=C.UTF-8 tmux \
			-L "vsock-$$" -f /dev/null "$@"
	}
	tmux new-session -d -x "$1" -y "$2" "env PS1='shell> ' bash --norc"
	wait_until shows 'shell>'
}

close_terminal() {
	tmux kill-server
}

screen() {
	tmux capture-pane -p
}

types() {
	tmux send-keys "$@"
}

# pair_once NAME: for setup_file of tests/lab/NAME.bats: boots a host and its guest once, and runs
# NAME-host.sh and NAME-guest.sh in them. The host's script prints "ok THING" for each thing that
# works.
pair_once() {
	"$tests_top/tests/lab/pair" --timeout 800 --no-autostart "$tests_top/tests/lab/$1-host.sh" \
		"$tests_top/tests/lab/$1-guest.sh" \
		>"$BATS_FILE_TMPDIR/output" 2>&1 || true
}

# works THING: that it said so.
works() {
	grep -qx "ok $1" "$BATS_FILE_TMPDIR/output" || { cat "$BATS_FILE_TMPDIR/output"; return 1; }
}

# own_directory: for setup: the test's directory, with a hosts file of its own, which is empty.
own_directory() {
	cd "$BATS_TEST_TMPDIR" || return
	export VSOCK_HOSTS=$BATS_TEST_TMPDIR/hosts
	: >"$VSOCK_HOSTS"
}

# since VERSION: this kernel is as new as that.
since() {
	[ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]
}

# loopback: $ready, which names any CID, as a client dials it.
loopback() {
	# shellcheck disable=SC2034 # for the caller
	target=vsock:1:$(port_of "$ready")
}
