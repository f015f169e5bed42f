#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# vsock-info: machines that do not exist, as trees under --sysroot, and its command line. Nothing
# here touches vsock.

load lib/common

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	export VSOCK_HOSTS=$BATS_TEST_TMPDIR/hosts
	: >"$VSOCK_HOSTS"
	put /proc/sys/kernel/osrelease 6.99.0-test
	put /proc/modules 'ext4 1 0 - Live 0x0'
	put /proc/misc '232 kvm'
	put /proc/net/protocols 'protocol size'
	put /proc/self/uid_map '0 0 4294967295'
	put /lib/modules/6.99.0-test/modules.builtin ''
	put /lib/modules/6.99.0-test/modules.dep 'kernel/net/vmw_vsock/vsock.ko:
kernel/net/vmw_vsock/vsock_loopback.ko: kernel/net/vmw_vsock/vsock.ko
kernel/drivers/vhost/vhost_vsock.ko: kernel/net/vmw_vsock/vsock.ko'
}

# put PATH TEXT: a file of the tree.
put() {
	mkdir -p "$(dirname "$tree$1")"
	printf '%s\n' "$2" >"$tree$1"
}

# process PID WORD…: a process of the tree.
process() {
	mkdir -p "$tree/proc/$1"
	printf '%s\0' "${@:2}" >"$tree/proc/$1/cmdline"
}

a_host() {
	put /proc/modules 'vhost_vsock 1 0 - Live 0x0
vsock_loopback 1 0 - Live 0x0
vsock 1 2 - Live 0x0'
	put /proc/net/protocols 'AF_VSOCK 1240 0'
	put /dev/vsock 2
	process 2114 /usr/bin/qemu-system-x86_64 -name guest=web -device vhost-vsock-pci,guest-cid=3
}

@test "a laptop with no module loaded: status 4, and which modprobe helps" {
	put /dev/kvm ''
	run -4 vsock-info --sysroot "$tree"
	[ "${lines[0]}" = "vsock cannot be used here yet: no transport is loaded" ]
	[[ $output == *"modules            vsock, vhost_vsock, vsock_loopback: installed, not loaded"* ]]
	[[ $output == *"/dev/kvm           there: this machine can be a host"* ]]
	[[ $output == *"to try it on this machine alone:  sudo modprobe vsock_loopback"* ]]
	[[ $output == *"to reach VMs that run here:       sudo modprobe vhost_vsock"* ]]
}

@test "a host: its guests, its transports and what to try next" {
	a_host
	run -0 vsock-info --sysroot "$tree"
	[ "${lines[0]}" = "vsock works here: this machine is a host, and 1 guest is running" ]
	[[ $output == *"local CID          2"* ]]
	[[ $output == *"transports         vhost_vsock (to guests), vsock_loopback (CID 1)"* ]]
	[[ $output == *"guests             3  web  qemu-system-x86_64, pid 2114"* ]]
	[[ ${lines[-1]} == "try: vsock-ping 3" ]]
}

@test "-v also shows the modules" {
	a_host
	run -0 vsock-info --sysroot "$tree"
	[[ $output != *"modules  "* ]]
	run -0 vsock-info -v --sysroot "$tree"
	[[ $output == *"modules  "*"vhost_vsock"* ]]
}

@test "only a name from the hosts file is suggested for dialling" {
	a_host
	echo '3 www' >"$VSOCK_HOSTS"
	run -0 vsock-info --sysroot "$tree"
	[[ $output == *"guests             3  www  "* ]]
	[[ ${lines[-1]} == "try: vsock-ping www" ]]
	run -0 vsock-info -n --sysroot "$tree"
	[[ $output == *"guests             3  web  "* ]]
}

@test "a guest: its CID, its host, and that it cannot reach itself" {
	put /proc/modules 'vmw_vsock_virtio_transport 1 0 - Live 0x0
vsock 1 2 - Live 0x0'
	put /proc/net/protocols 'AF_VSOCK 1240 0'
	put /sys/bus/virtio/devices/virtio1/device 0x0013
	put /dev/vsock 42
	run -0 vsock-info --sysroot "$tree"
	[ "${lines[0]}" = "vsock works here: this machine is guest 42" ]
	[[ $output == *"transports         virtio (to the host, CID 2); no loopback"* ]]
	[[ $output == *"note: CIDs 1 and 42 cannot be reached from inside; to change that: sudo modprobe vsock_loopback"* ]]
	[ "${lines[-1]}" = "try: vsock-ping host" ]
	run -0 vsock-info --cid --sysroot "$tree"
	[ "$output" = 42 ]
}

@test "a guest whose driver is not loaded is recognised" {
	put /sys/bus/virtio/devices/virtio1/device 0x0013
	run -4 vsock-info --sysroot "$tree"
	[ "${lines[0]}" = "vsock cannot be used here yet: this VM has a vsock device, but its driver is not loaded" ]
}

@test "what to try and what helps: for each kind of machine a line that can be pasted" {
	put /dev/kvm ''
	put /sys/bus/virtio/devices/virtio1/device 0x0013
	run -4 vsock-info --sysroot "$tree"
	[[ $output == *$'\nto reach the host:                '*"then run sudo modprobe vmw_vsock_virtio_transport"* ]]
	[[ $output == *$'\n                                  and give qemu -device vhost-vsock-pci,guest-cid=3'* ]]
	[[ $output == *$'\nto see what loads by itself:      vsock-info --probe'* ]]
	rm -r "$tree/sys"
	a_host
	rm -r "$tree/proc/2114"
	run -0 vsock-info --sysroot "$tree"
	[ "${lines[-1]}" = "try: vsock-ping local" ]
	put /proc/modules 'vhost_vsock 1 0 - Live 0x0
vsock 1 2 - Live 0x0'
	run -0 vsock-info --sysroot "$tree"
	[ "${lines[-1]}" = "to start a VM with vsock: give qemu -device vhost-vsock-pci,guest-cid=3" ]
	process 2200 cloud-hypervisor --vsock cid=8,socket=/run/db.vsock
	run -0 vsock-info --sysroot "$tree"
	[ "${lines[-1]}" = "try: vsock-ping vsock-mux:/run/db.vsock:22" ]
	rm "$tree/dev/vsock"
	put /proc/modules 'vmw_vsock_virtio_transport 1 0 - Live 0x0
vsock 1 2 - Live 0x0'
	put /sys/bus/virtio/devices/virtio1/device 0x0013
	run -0 vsock-info --sysroot "$tree"
	[[ $output == *"note: CID 1 cannot be reached from inside; to change that: sudo modprobe vsock_loopback"* ]]
}

@test "--cid without a CID prints nothing, and says why, status 4" {
	run -4 --separate-stderr vsock-info --cid --sysroot "$tree"
	[ "$output" = "" ]
	[ "$stderr" = "vsock-info: this machine has no CID: /dev/vsock: No such file or directory" ]
	mkdir -p "$tree/dev"
	echo 4294967295 >"$tree/dev/vsock"
	run -4 --separate-stderr vsock-info --cid --sysroot "$tree"
	[ "$output" = "" ]
	[ "$stderr" = "vsock-info: this machine has no CID" ]
	run -4 vsock-info -qq --cid --sysroot "$tree"
	[ "$output" = "" ]
}

@test "--guests --format hosts prints valid hosts lines whatever VMs are called" {
	a_host
	process 2200 cloud-hypervisor --vsock cid=8,socket=/run/db.vsock
	echo '/run/db.vsock db' >"$VSOCK_HOSTS"
	process 2300 qemu-system-x86_64 -name 'guest=my own VM' -device vhost-vsock-pci,guest-cid=7
	# relative to a directory that is not ours, or a number, which would be a CID
	process 2400 cloud-hypervisor --vsock cid=9,socket=4
	vsock-info --guests --format hosts --sysroot "$tree" >"$BATS_TEST_TMPDIR/out"
	diff - "$BATS_TEST_TMPDIR/out" <<-'END'
		3 web
		7 guest7 # my own VM
		/run/db.vsock db
		# the path of guest9 is relative to the directory of its VMM: 4
	END
	# and they can be read back
	VSOCK_HOSTS=$BATS_TEST_TMPDIR/out run -0 --separate-stderr vsock-info \
		--guests --sysroot "$tree"
	[ "$stderr" = "" ]
	[[ $output == *guest7* ]]
}

@test "a guest is not called by a name that means another machine" {
	a_host
	process 2200 qemu-system-x86_64 -name www -device vhost-vsock-pci,guest-cid=7
	process 2300 qemu-system-x86_64 -name dup -device vhost-vsock-pci,guest-cid=8
	process 2400 qemu-system-x86_64 -name DUP -device vhost-vsock-pci,guest-cid=9
	# the second line names nothing, because the first one wins
	printf '%s\n' '5 www' '3 WWW' >"$VSOCK_HOSTS"
	run -0 vsock-info --sysroot "$tree"
	[[ $output == *"guests             3  web  "* ]]
	[ "${lines[-1]}" = "try: vsock-ping 3" ]
	run -0 vsock-info --sysroot "$tree" --guests --format hosts
	[ "$output" = $'3 web\n7 guest7 # www\n8 dup\n9 guest9 # DUP' ]
}

@test "names of VMs and programs, and their paths, are escaped and forge no line" {
	a_host
	nasty=$'x\e[31m\n  guests  9\xc2\x9b\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf\xff'
	process 2300 qemu-system-x86_64 -name "guest=$nasty" -device vhost-vsock-pci,guest-cid=7
	process 2400 "qemu-$nasty" -device vhost-vsock-pci,guest-cid=8
	process 2500 cloud-hypervisor --vsock "cid=9,socket=/run/$nasty"
	for arguments in '' -v --guests '--guests --format hosts' -j; do
		# shellcheck disable=SC2086 # several words
		run -0 vsock-info $arguments --sysroot "$tree"
		[ "$(grep -c '^  guests  9' <<<"$output")" = 0 ]
		LC_ALL=C run ! grep -qP '[\x00-\x08\x0b-\x1f\x7f\xff]|\xc2[\x80-\x9f]|\xe2\x80[\x8b\xae]|\xef\xbb\xbf' <<<"$output"
	done
	run -0 vsock-info --guests --sysroot "$tree"
	[[ $output == *'x\x1B[31m\x0A  guests  9\xC2\x9B'* ]]
}

@test "the address of a guest behind hybrid vsock can be pasted, and a relative path is said to be one" {
	process 20 cloud-hypervisor --vsock 'cid=5,socket=/run/a b:1'
	run -0 --separate-stderr vsock-info --sysroot "$tree" --guests
	[[ ${lines[1]} == *' vsock-mux:/run/a\x20b\x3A1' ]]
	put /proc/20/cmdline ''
	process 21 cloud-hypervisor --vsock cid=6,socket=v.sock
	run -0 --separate-stderr vsock-info --sysroot "$tree" --guests
	[[ ${lines[1]} == *" vsock-mux:v.sock (in the directory of its VMM)" ]]
}

@test "--guests --format hosts: names and paths that are too long for the hosts file become comments" {
	local long; long=$(printf 'x%.0s' {1..300})
	process 30 qemu-system-x86_64 -name "${long:0:64}" -device vhost-vsock-pci,guest-cid=7
	process 31 cloud-hypervisor --vsock "cid=8,socket=/run/$long"
	run -0 vsock-info --sysroot "$tree" --guests --format hosts
	[ "${lines[0]}" = "7 guest7 # ${long:0:64}" ]
	[[ ${lines[1]} == "/run/$long guest8" ]]
}

@test "no file named on another process's command line is opened" {
	a_host
	put /etc/db.json '{"vsock": {"guest_cid": 5, "uds_path": "/run/db.vsock"}}'
	process 2200 firecracker --id db --config-file /etc/db.json
	run -0 vsock-info --guests --sysroot "$tree"
	[[ $output == *"?           db  "*"firecracker"* ]]
	[[ $output != *db.vsock* ]]
}

@test "a Hyper-V guest without module lists is recognised by its driver on the bus" {
	rm -r "${tree:?}/lib" "$tree/proc/modules"
	put /proc/net/protocols 'AF_VSOCK 1240 0'
	put /sys/bus/vmbus/drivers/hv_sock/uevent ''
	put /sys/bus/vmbus/devices/0000-1/uevent ''
	run -0 vsock-info --sysroot "$tree"
	[ "${lines[0]}" = "vsock works here: this machine is a guest" ]
	[[ $output == *"hyperv (to the host, CID 2)"* ]]
}

@test "--json is valid JSON and says the same as the text" {
	need python3
	a_host
	vsock-info --json --sysroot "$tree" | python3 -c '
import json, sys
info = json.loads(sys.stdin.read())
assert info["usable"] and info["status"] == 0 and info["host"] and not info["guest"] \
    and info["cid"] == 2
assert info["guests"] == [{"cid": 3, "name": "web", "program": "qemu-system-x86_64", "pid": 2114,
    "path": None, "netns": None}]
assert info["modules"]["vhost_vsock"] == "loaded"
'
}

@test "a bad hosts file causes a warning and spoils only --hosts" {
	a_host
	echo '3abc web' >"$VSOCK_HOSTS"
	run -0 --separate-stderr vsock-info --sysroot "$tree"
	[[ $stderr == *"$VSOCK_HOSTS:1: "* ]]
	run -2 vsock-info --hosts
}

@test "a lack of descriptors does not pass for a machine without guests" {
	a_host
	run -0 vsock-info --guests --sysroot "$tree"
	[[ $output == *" web "* ]]
	# room for /proc, and for no file in it
	run -1 bash -c 'for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			[ "$fd" -lt 3 ] || eval "exec $fd>&-"
		done
		ulimit -n 4
		exec vsock-info --guests --sysroot "$1"' bash "$tree"
	[[ $output == *"not everything could be read: Too many open files" ]]
}

@test "--sockets has the same status with --json" {
	local status_text=0 status_json=0
	vsock-info --sockets || status_text=$?
	vsock-info --sockets --json || status_json=$?
	[ "$status_text" = "$status_json" ]
}

# Its options and its thread come from /proc, which some tests do not have.
without_sanitizer() {
	! grep -qF __asan_init "$VSOCK_TOOLS_BUILD/vsock-info" ||
		skip "built with a sanitizer, which needs /proc itself"
}

@test "--hosts makes no vsock socket where that would load a module" {
	unshare -rm true 2>/dev/null || skip "no mount of our own here"
	without_sanitizer
	echo 3 web >"$VSOCK_HOSTS"
	cat >"$BATS_TEST_TMPDIR/within" <<-END
		mount -t tmpfs none /proc || exit 77
		mkdir /proc/net
		echo protocol size >/proc/net/protocols
		# a socket that is made nevertheless fails with another error
		exec "$VSOCK_TOOLS_BUILD/tests/lib/without-vsock" EPERM vsock-info --hosts
	END
	run -0 --separate-stderr unshare -rm sh "$BATS_TEST_TMPDIR/within"
	[[ $output == "web "*"no vsock: this kernel does not have it" ]]
}

# with_proc OPTIONS COMMAND…: runs it in a mount namespace with the /sys of a host, and a /proc that
# is mounted with these options.
with_proc() {
	unshare -m sh -ec '
		mount -t tmpfs tmpfs /sys
		mkdir -p /sys/module/vsock /sys/module/vhost_vsock
		mount -t $1
		shift
		exec "$@"' sh "$@"
}

# may_mount: skips where that is not possible.
may_mount() {
	[ ! "$(vsock_here)" ] || skip "a socket of vsock can be opened here"
	need unshare
	with_proc "proc -o subset=pid proc /proc" true 2>/dev/null ||
		skip "may not mount /proc: run as root"
}

@test "a /proc without /proc/net: a driver is there, and the socket is tried" {
	may_mount
	run -6 --separate-stderr with_proc "proc -o subset=pid proc /proc" vsock-info
	[[ ${lines[0]} == "vsock cannot be used here: denied: "* ]]
}

@test "without /proc the guests are not known, which is not none" {
	may_mount
	without_sanitizer
	run -1 --separate-stderr with_proc "tmpfs tmpfs /proc" vsock-info --guests
	[ "$output" = "" ]
	[ "$stderr" = "vsock-info: guests: not known: /proc is not mounted" ]
	run -1 --separate-stderr with_proc "tmpfs tmpfs /proc" vsock-info --guests --json
	[ "$output" = '{"guests":null,"guests_why":"not known: /proc is not mounted"}' ]
	run --separate-stderr with_proc "tmpfs tmpfs /proc" vsock-info
	[[ $output == *$'\n  guests             not known: /proc is not mounted\n'* ]]
}

@test "contradicting options are refused" {
	run -2 vsock-info --cid --json
	run -2 vsock-info --format hosts
	[[ $output == *"--format hosts can only be used with --guests" ]]
	run -2 vsock-info --guests --format hosts --json
	[[ $output == *"--format hosts and --json cannot be used together" ]]
	run -2 vsock-info --watch --interval inf
	run -2 vsock-info --interval 2s
	[[ $output == *"--interval needs --watch"* ]]
	run -2 vsock-info 3
	[[ $output == *"unexpected argument: 3"* ]]
}

@test "--hosts asks more machines than there are descriptors, all of them" {
	need python3
	spawn vmm python3 -u -c '
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(100)
print("READY")
while True:
    peer = listener.accept()[0]
    peer.recv(64)
    peer.sendall(b"OK 1024\n")
    peer.close()' "$BATS_TEST_TMPDIR/v.sock"
	wait_until grep -q READY "$BATS_TEST_TMPDIR/vmm.out"
	printf "$BATS_TEST_TMPDIR/v.sock name%d\n" {1..60} >"$VSOCK_HOSTS"
	run -0 --separate-stderr bash -c 'ulimit -n 40; time -p vsock-info --hosts'
	[ "$(grep -c 'answers after' <<<"$output")" = 60 ]
	# one that waits for its answers takes no time of the processor
	awk '/^user|^sys/ { used += $2 } END { exit !(used < 1) }' <<<"$stderr"
	run -0 --separate-stderr bash -c 'ulimit -n 40; vsock-info --hosts --json'
	[ "$(grep -o '"answers":true' <<<"$output" | wc -l)" = 60 ]
}

@test "--hosts: a lack of memory for sockets is status 1, and says nothing of the machine" {
	need strace
	# LeakSanitizer does not work under ptrace
	export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
	cd "$BATS_TEST_TMPDIR" || return
	start_vmm "$BATS_TEST_TMPDIR/v.sock" ok
	printf '%s\n' "$BATS_TEST_TMPDIR/v.sock web" >"$VSOCK_HOSTS"
	run -1 --separate-stderr strace -o trace -e inject=socket:error=ENOBUFS \
		vsock-info --hosts
	[[ $output == "web "*"out of memory for sockets" ]]
	[[ $stderr == *"vsock-info: 1 of 1 hosts could not be asked: out of memory for sockets"* ]]
	run -1 --separate-stderr strace -o trace -e inject=socket:error=ENOBUFS \
		vsock-info --hosts --json
	[[ $output == *'"answers":null,"why":"out of memory for sockets"'* ]]
}
