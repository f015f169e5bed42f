#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# ssh, scp, rsync, git and sshfs from a host to a real sshd in its guest, over vsock: through
# vsock-cat, and with the socket that vsock-cat --pass-fd hands over. One pair of VMs for all.

load ../lib/common

setup_file() {
	need ssh scp rsync git /usr/sbin/sshd
	pair_once ssh
}

@test "vsock-cat -F works as ssh's ProxyCommand, waiting for a guest that boots" {
	works wait
}

@test "vsock-cat works as a relaying ProxyCommand" {
	works relayed
}

@test "the ssh_config of the manual works: web.vsock, vsock/42, vsock%42" {
	works slash
	works percent
	works scp
}

@test "scp, rsync and git go through" {
	works scp
	works rsync
	works git
}

@test "sshfs works through vsock-cat, and through vsock-proxy as a TCP port" {
	need sshfs
	works sshfs
	works sshfs-proxy
}

@test "with -F no process relays during the session" {
	works nothing-between
	works between
}
