#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# ssh, scp, rsync, git and sshfs from a host to a real sshd in its guest, over vsock: through vsock-cat, and with the socket that
# vsock-cat --pass-fd hands over. One pair of VMs for all.

load ../lib/common

setup_file() {
	need ssh scp rsync git /usr/sbin/sshd
	pair_once ssh
}

@test "vsock-cat -F as ssh's ProxyCommand, waiting for a guest that boots" {
	works wait
}

@test "vsock-cat as a relaying ProxyCommand" {
	works relayed
}

@test "the ssh_config of the manual: web.vsock, vsock/42, vsock%42" {
	works slash
	works percent
	works scp
}

@test "scp, rsync and git go through" {
	works scp
	works rsync
	works git
}

@test "sshfs: by vsock-cat, and through vsock-proxy as a TCP port" {
	need sshfs
	works sshfs
	works sshfs-proxy
}

@test "with -F nothing relays while the session runs" {
	works nothing-between
	works between
}
