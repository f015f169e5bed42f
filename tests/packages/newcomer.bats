#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# A newcomer's path: clone, build and install as README.md says, a first command, a first tunnel, a
# first service, and away with it. Of README's commands only what changes the machine, or takes
# long, is left out: scripts/setup only says what it would install, `make check` is what surrounds
# this test, and the installation goes to a directory of its own.

load ../lib/common

setup() {
	need git autoreconf systemd-analyze
	git -C "$tests_top" rev-parse -q --verify HEAD >/dev/null 2>&1 || skip "needs a checkout"
	cd "$BATS_TEST_TMPDIR" || return
	unset MAKEFLAGS MAKELEVEL MFLAGS DESTDIR
}

# The commands of a section of README.md, one a line, without remarks.
readme() {
	awk -v heading="## $1" '
		/^## / { here = $0 == heading }
		here && sub(/^    (\$ )?/, "") { sub(/ +# .*/, ""); print }' clone/README.md
}

# does COMMAND: runs it in the clone; its output is shown only if it fails.
does() {
	(cd clone && eval "$1") >output 2>&1 || { echo "$1"; tail -n 20 output; return 1; }
}

@test "from a clone to a first command, tunnel and service with README.md, and uninstall leaves nothing" {
	git clone -q "$tests_top" clone
	root=$BATS_TEST_TMPDIR/root count=0
	mkdir root
	while IFS= read -r command; do
		count=$((count + 1))
		case $command in
			scripts/setup) does 'scripts/setup -n' ;;
			./bootstrap) does ./bootstrap ;;
			'./configure && make && make check')
				does "./configure CC='$(command -v ccache) gcc' CFLAGS=-O0"
				does "make -s -j $(nproc)"
				;;
			'sudo make install') does "make -s install DESTDIR='$root'" ;;
			*) echo "not tried: $command"; return 1 ;;
		esac
	done < <(readme Install)
	[ $count = 4 ]
	# only what README tells the newcomer to make is there
	[ -z "$(git -C clone status --porcelain)" ]
	PATH=$root/usr/local/bin:$PATH
	[ "$(command -v vsock-cat)" = "$root/usr/local/bin/vsock-cat" ]

	# the first command, and what it talks to: a VM's socket for hybrid vsock
	vsock-cat -h | grep -q '^usage: vsock-cat '
	start_vmm "$PWD/vm" ok ok ok
	[ "$(echo hello | vsock-cat vsock-mux:./vm:22)" = hello ]

	# the first tunnel, with other addresses than README has
	command=$(readme Examples | grep '^vsock-proxy -v tcp:8080 vsock:web:80$')
	command=${command/tcp:8080/tcp:127.0.0.1:0}
	# shellcheck disable=SC2086 # words
	spawn_ready tunnel ${command/vsock:web:80/vsock-mux:./vm:80}
	[ "$(echo hello | vsock-cat "$ready")" = hello ]
	finish tunnel

	# the first service: systemd takes the unit, and what it starts serves
	unit=$root/usr/local/lib/systemd/system/vsock-proxy.service
	[ -e "$unit" ] || unit=$(find "$root" -name vsock-proxy.service)
	sed "s,=/usr/local/bin/,=$root/usr/local/bin/," "$unit" >vsock-proxy.service
	run -0 systemd-analyze verify --man=no ./vsock-proxy.service
	[ -z "$output" ]
	echo "unix:$PWD/front vsock-mux:$PWD/vm:80" >proxy.rules
	command=$(sed -n 's/^ExecStart=//p' vsock-proxy.service)
	# shellcheck disable=SC2086 # words
	spawn_ready service ${command/\/etc\/vsock\//$PWD/}
	[ "$(echo hello | vsock-cat ./front)" = hello ]
	kill -TERM "${spawned[service]}"
	ends_with 0 service

	does "make -s uninstall DESTDIR='$root'"
	[ -z "$(find root -not -type d)" ]
}
