#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The recipes of COOKBOOK.md do what they promise, from their own text (cookbook.sh), in one VM.

load ../lib/common

setup_file() {
	need qemu-system-x86_64
	"$tests_top/tests/lab/vm" --systemd --timeout 850 --modules veth \
		bash "$tests_top/tests/lab/cookbook.sh" \
		>"$BATS_FILE_TMPDIR/output" 2>&1 || true
}

@test "commands, rsync and git in a guest by vsock-run" {
	need rsync git
	works run
}

@test "ssh, scp and sftp into a guest" {
	need ssh scp sftp /usr/sbin/sshd
	works ssh
}

@test "a directory of a guest is mounted with sshfs" {
	need ssh /usr/sbin/sshd sshfs fusermount3
	works sshfs
}

@test "sftp into a guest without sshd" {
	need sftp
	works sftp
}

@test "rsync into a guest, over ssh and without it" {
	need rsync ssh /usr/sbin/sshd
	works rsync-ssh
	works rsync
}

@test "git clones from a guest" {
	need git
	works git
}

@test "a database of a guest on localhost" {
	need psql
	compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || skip "postgres is missing"
	works postgres
}

@test "docker talks to a daemon in a guest" {
	need curl python3
	works docker
}

@test "gdb debugs a program in a guest" {
	need gdb gdbserver gcc
	works gdb
}

@test "a script waits for a guest that boots" {
	need ssh /usr/sbin/sshd
	works ci
}

@test "a guest says that it has booted" {
	works notify
}

@test "a path to a guest is checked" {
	works check
}

@test "an ssh-agent in a guest" {
	need ssh-agent
	works agent
}

@test "logs and metrics leave a guest" {
	works logs
	need curl python3
	works metrics
}

@test "a guest without a network reaches what the list permits, by SOCKS5 and HTTP CONNECT" {
	need curl wget python3 openssl
	works socks
	works http
}

@test "a guest without a network looks names up" {
	need dnsmasq
	works dns
}

@test "services and sockets of systemd" {
	need curl python3
	works systemd
	works activation
}

@test "READY in scripts" {
	works ready
}

@test "a fleet of hosts" {
	need ssh /usr/sbin/sshd
	works fleet
}

@test "hybrid vsock: ssh, a forwarded port, a listener" {
	need ssh /usr/sbin/sshd
	works mux
}

@test "what was not tried is valid all the same" {
	works untried
}
