#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What an attacker who controls the worker can do: tests/owned/owned-proxy makes every attempt from
# inside, and the outcomes are those of the table in doc/processes.md, which has a column for
# each kernel that the lab boots.

load lib/common

setup() {
	own_directory
	owned=$VSOCK_TOOLS_BUILD/tests/owned/owned-proxy
	[ -x "$owned" ] || make -s -C "$VSOCK_TOOLS_BUILD" tests/owned/owned-proxy >&2
	vsock-proxy --version | grep -qF +seccomp || skip "built without libseccomp"
	# the worker is another user
	chmod a+x . .. ../.. ../../..
	mkdir -m 777 directory here elsewhere
	touch directory/victim
	chmod 777 here elsewhere
	export OWNED_DIRECTORY=$PWD/directory
}

# own ARGUMENT…: a vsock-proxy with these rules, whose first worker has made all attempts and has
# been replaced.
own() {
	: >proxy.ready
	OWNED=yes spawn proxy spawn_with_ready_fd proxy.ready "$owned" --status-socket none "$@"
	wait_until grep -q 'another worker (process [0-9]*) is serving' proxy.err
	grep -qx 'owned: all attempts were made' proxy.err
	grep '^owned: ' proxy.err | sed 's/^owned: //' >made
	! grep -q 'killing the worker .*: it sent an invalid message' proxy.err ||
		echo 'send the supervisor a message that is not permitted: write: killed' >>made
	cat proxy.err
}

# The column of the table for this kernel, "ROW<TAB>OUTCOME": columns are told by the ABI of
# Landlock in their heading. Where a column is for another ABI than this kernel has, rows that
# differ between it and the next one are left out.
expected_outcomes() {
	local abi
	abi=$(sed -n 's/^Landlock ABI //p' made)
	awk -v abi="$abi" -F ' *[|] *' '
		BEGIN { abi += 0 }
		/^[|] it tries to / {
			for (i = 3; i < NF; i++) {
				match($i, /ABI [0-9]+/)
				columns[i] = RSTART ? substr($i, RSTART + 4, RLENGTH - 4) + 0 : 0
				if (columns[i] <= abi) mine = i
			}
			inside = 1
			next
		}
		!/^[|]/ { inside = 0 }
		inside && !/^[|]--/ {
			if (columns[mine] == abi || mine == NF - 1 || $mine == $(mine + 1))
				print $2 "\t" $mine
			else
				print $2 "\t?"
		}' "$tests_top/doc/processes.md"
}

# All that was tried has the outcome of the table, and nothing is missing in it.
as_expected() {
	expected_outcomes >expected
	[ "$(wc -l <expected)" -gt 20 ]
	awk -F '\t' '
		NR == FNR { outcome[$1] = $2; next }
		/^Landlock ABI |^all attempts |^this line / { next }
		{
			row = $0
			sub(/: [^:]*$/, "", row)
			got = substr($0, length(row) + 3)
			# the call may have a colon, the row has it only at a known place
			for (name in outcome)
				if (index($0, name ": ") == 1) { row = name; break }
			if (!(row in outcome)) { print "not in the table: " $0; bad = 1; next }
			if (outcome[row] != "?" && outcome[row] != got) {
				print "expected " outcome[row] ": " $0
				bad = 1
			}
		}
		END { exit bad }' expected made
}

@test "an owned worker can do what doc/processes.md says, and nothing else" {
	spawn_ready named vsock-listen tcp:127.0.0.1:0 --echo
	OWNED_PORT=$(port_of "$ready")
	spawn_ready other vsock-listen tcp:127.0.0.1:0 --echo
	OWNED_OTHER_PORT=$(port_of "$ready")
	for name in here/target here/beside elsewhere/socket; do
		spawn_ready "${name//\//-}" vsock-listen "unix:./$name,mode=777" --echo
	done
	spawn_ready abstract vsock-listen "unix:@owned-$$" --echo
	export OWNED_PORT OWNED_OTHER_PORT OWNED_ABSTRACT=owned-$$
	export OWNED_UNIX=$PWD/here/target OWNED_BESIDE=$PWD/here/beside \
		OWNED_ELSEWHERE=$PWD/elsewhere/socket
	own unix:./front "tcp:127.0.0.1:$OWNED_PORT" unix:./back "unix:./here/target"
	as_expected
	# each row of the table was tried, but for those of other rules
	while IFS=$'\t' read -r row _; do
		[[ $row == *', if a rule connects by '* ]] || grep -F "$row: " made
	done <expected
	[ -e directory/victim ]
	[ "$(ls directory)" = victim ]
}

@test "what ends a worker that sends nonsense: it is replaced, and its rules are served" {
	spawn_ready echo vsock-listen unix:./here/target,mode=777 --echo
	export OWNED_UNIX=$PWD/here/target
	own unix:./front unix:./here/target
	[ "$(echo hello | vsock-cat ./front)" = hello ]
	as_expected
}

@test "a worker that connects by UDP alone can send UDP anywhere, and nothing else" {
	spawn echo "$tests_top/tests/lib/datagrams" echo 127.0.0.1:0
	wait_until grep -q '^READY' echo.out
	target=$(sed -n 's/^READY //p' echo.out)
	OWNED_UDP=$(($(port_of "$target") ^ 1))
	export OWNED_UDP
	own udp:127.0.0.1:0 "$target"
	as_expected
	grep -q 'send UDP anywhere, if a rule connects by UDP: sendto: yes' made
}

@test "a worker that connects by vsock alone can reach any CID and port, and nothing else" {
	skip_outside_lab
	spawn_ready named vsock-listen 5000 --echo
	spawn_ready other vsock-listen 5001 --echo
	export OWNED_VSOCK=5001
	own unix:./front vsock:1:5000
	as_expected
	grep -q 'connect by vsock to any CID and port, if a rule connects by vsock: connect: yes' \
		made
}

@test "the same attempts without a sandbox: it is the sandbox that stops them" {
	own --no-sandbox unix:./front unix:./here/target
	for call in openat /proc/self/status O_CREAT unlinkat fstatat clone execve F_SETOWN \
		unshare mmap \
		bind listen SIOCGIFCONF socketpair UDP 'netlink: routes' PR_SET_DUMPABLE \
		setpriority; do
		grep -F ": $call: " made
		run ! grep -F ": $call: EPERM" made
	done
}
