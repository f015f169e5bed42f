#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-info on real kernels, in the lab only: tests/lab/vm [--no-loopback] tests/run-bats
# tests/info-lab.bats The tests are in order: the first find nothing loaded, later ones load.

load lib/common

setup() {
	export VSOCK_HOSTS=$BATS_TEST_TMPDIR/hosts
	: >"$VSOCK_HOSTS"
}

kind() {
	[ "$(vsock_here)" = "$1" ] || skip "needs the lab, kind $1"
}

in_lab() {
	[ -e /run/vsock-lab ] || skip "needs the lab"
}

# Any of the modules of vsock that are loaded.
loaded() {
	grep -E '^(vsock|vhost_vsock|vsock_diag|vsock_loopback)' /proc/modules |
		cut -d' ' -f1 | sort
}

as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

@test "with no module loaded the status is 4, and looking loads none" {
	kind none
	[ "$(loaded)" = "" ] || skip "another test has loaded modules"
	run -4 vsock-info
	[ "${lines[0]}" = "vsock cannot be used here yet: no transport is loaded" ]
	run -4 vsock-info --sockets
	[[ $output == *$'\nhint: add --probe to load it' ]]
	run -4 vsock-info --cid
	run -0 vsock-info --guests
	[ "$(loaded)" = "" ]
}

@test "--probe loads the modules that the kernel loads by itself, and says so" {
	kind none
	[ "$(loaded)" = "" ] || skip "another test has loaded modules"
	run -0 vsock-info --probe
	[[ $output == *"a socket was made; loaded vsock, vsock_loopback"* ]]
}

@test "with vhost_vsock loaded this is a host with CID 2" {
	kind none
	modprobe vhost_vsock
	run -0 vsock-info
	[[ ${lines[0]} == "vsock works here: this machine is a host, and no guest"* ]]
	run -0 vsock-info --cid
	[ "$output" = 2 ]
}

@test "with loopback vsock is usable" {
	kind loopback
	run -0 vsock-info
	[[ ${lines[0]} == "vsock works here"* ]]
	[[ $output == *"vsock_loopback (CID 1)"* ]]
}

@test "--sockets shows a listener and a connection with their process" {
	in_lab
	need python3
	kind loopback
	modprobe vsock_diag
	spawn sockets python3 -u -c '
import socket, time
listener = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
listener.bind((socket.VMADDR_CID_ANY, 5000))
listener.listen()
client = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)
client.connect((1, 5000))
server, peer = listener.accept()
print("ready")
time.sleep(600)'
	wait_until grep -q ready "$BATS_TEST_TMPDIR/sockets.out"
	run -0 vsock-info --sockets
	[[ $output =~ listen\ +stream\ +any:5000\ +-\ +python3,\ pid\  ]]
	[[ $output =~ open\ +stream\ +1:5000\ +1:[0-9]+\ +python3 ]]
	run -0 vsock-info
	[[ $output == *"listening          any:5000   python3, pid "* ]]
	vsock-info --sockets --json | python3 -c '
import json, sys
sockets = json.loads(sys.stdin.read())["sockets"]
states = sorted(s["state"] for s in sockets if s.get("program") == "python3")
assert states == ["listen", "open", "open"], sockets
'
	run -0 as_nobody vsock-info --sockets
	[[ $output == *"any:5000"* && $output != *python3* ]]
}

@test "for an unprivileged user vsock is usable, though the CID cannot be read" {
	kind loopback
	chmod 600 /dev/vsock
	run -0 as_nobody vsock-info
	[[ $output == *"local CID          not known: you may not read /dev/vsock"* ]]
	run -6 as_nobody vsock-info --cid
}

@test "a container's seccomp filter gives status 6" {
	need python3
	kind loopback
	run -6 "$VSOCK_TOOLS_BUILD/tests/lib/without-vsock" EPERM vsock-info
	[[ ${lines[0]} == "vsock cannot be used here: denied: this process may not open a vsock socket" ]]
}

@test "RestrictAddressFamilies= gives status 6 and is named" {
	need python3
	kind loopback
	run -6 "$VSOCK_TOOLS_BUILD/tests/lib/without-vsock" EAFNOSUPPORT vsock-info
	[[ ${lines[0]} == *"RestrictAddressFamilies="* ]]
}

@test "--hosts shows which machines answer, and why the others do not" {
	kind loopback
	printf '%s\n' '1 me' '/nonexistent/vsock db' >"$VSOCK_HOSTS"
	run -0 vsock-info --hosts
	[[ ${lines[0]} =~ ^me\ +1\ +answers\ after\ [0-9.]+\ ms$ ]]
	[[ ${lines[1]} == "db "*"no such socket: /nonexistent/vsock"* ]]
}
