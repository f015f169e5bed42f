#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# netns= over vsock, in the lab only: tests/lab/vm --kernel 7.3 tests/run-bats tests/netns-lab.bats
# Before Linux 7.0 all network namespaces share vsock; since then one may have vsock of its own.

load lib/common

setup() {
	skip_outside_lab
	own_directory
	[ ! -e /proc/sys/net/vsock/ns_mode ] || modes=true
	cat >wait-inside <<-'END'
		ip link set lo up
		cat /proc/sys/net/vsock/ns_mode 2>/dev/null
		echo up
		exec sleep 600
	END
}

# A network namespace with a process in it: its number is $there.
namespace() { # NAME
	spawn "$1" unshare -n sh wait-inside
	wait_until grep -qx up "$1.out"
	there=${spawned[$1]}
}

local_namespaces() {
	[ -n "${modes:-}" ] || skip "Linux before 7.0: all network namespaces share vsock"
	echo local >/proc/sys/net/vsock/child_ns_mode
}

@test "vsock: a namespace that shares vsock reaches the same listeners; its sockets are listed" {
	namespace blue
	spawn_ready echo vsock-listen --echo "vsock:local:6100,netns=$there"
	[ "$ready" = "vsock:1:6100,netns=$there" ]
	[ "$(echo shared | vsock-cat 1:6100)" = shared ]
	[ "$(echo there | vsock-cat "1:6100,netns=$there")" = there ]
	vsock-info --sockets --probe >sockets
	grep -q "^listen .* 1:6100 .* pid ${spawned[echo]}, netns=$there$" sockets
	vsock-info --json --sockets | python3 -c '
import json, sys
[s] = [s for s in json.load(sys.stdin)["sockets"] if s["port"] == 6100 and s["state"] == "listen"]
assert s["netns"] == sys.argv[1], s' "$there"
}

@test "vsock: a local namespace has listeners of its own, and netns= leads into it" {
	local_namespaces
	namespace blue
	grep -qx local blue.out
	blue=$there
	namespace red
	spawn_ready here vsock-listen vsock:local:6101 -- echo here
	spawn_ready blue_server vsock-listen "vsock:local:6101,netns=$blue" -- echo blue
	spawn_ready red_server vsock-listen "vsock:local:6101,netns=$there" -- echo red
	[ "$(vsock-cat 1:6101 </dev/null)" = here ]
	[ "$(vsock-cat "1:6101,netns=$blue" </dev/null)" = blue ]
	[ "$(vsock-cat "vsock:1:6101,netns=$there" </dev/null)" = red ]
	[ "$(nsenter --net="/proc/$blue/ns/net" vsock-cat 1:6101 </dev/null)" = blue ]
	vsock-ping -c 1 "1:6101,netns=$blue"
	vsock-ping --scan "1:6100-6102,netns=$blue" >scan
	grep -q 6101 scan
	finish blue_server
	run -3 --separate-stderr vsock-cat "1:6101,netns=$blue"
	[ "${stderr_lines[0]}" = "vsock-cat: vsock:1:6101,netns=$blue: refused: nothing listens on port 6101 of CID 1, or its backlog is full" ]
	[ "${stderr_lines[1]}" = "hint: vsock-ping --scan 1,netns=$blue shows open ports" ]
	# one proxy serves both
	spawn_ready proxy vsock-proxy "unix:red" "vsock:1:6101,netns=$there" \
		"vsock:local:6102,netns=$blue" vsock:1:6101
	[ "$(vsock-cat unix:red </dev/null)" = red ]
	[ "$(vsock-cat "1:6102,netns=$blue" </dev/null)" = here ]
	# the supervisor opens these sockets, and reports that the target is gone
	finish red_server
	run vsock-cat unix:red </dev/null
	wait_until grep -q 'refused: nothing listens on port 6101 of CID 1' proxy.err
}

@test "vsock: vsock-info tells the modes of this namespace" {
	local_namespaces
	run -0 vsock-info -v
	[[ $output == *"global: shared with all others that are global"* ]]
	[[ $output == *"those made from it are local; net.vsock.child_ns_mode can be set once"* ]]
	namespace blue
	run nsenter --net="/proc/$there/ns/net" vsock-info
	[[ $output == *"local: only sockets of this network namespace are reached"* ]]
}
