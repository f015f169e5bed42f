#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# `make install` under other names (configure --program-prefix): programs, manuals, completions,
# units and hints follow. `make uninstall` takes everything away again.

load ../lib/common

setup() {
	[ -e "$VSOCK_TOOLS_BUILD/Makefile" ] || skip "needs a build directory"
	cd "$BATS_TEST_TMPDIR" || return
	unset MAKEFLAGS MAKELEVEL MFLAGS DESTDIR
}

# configured OPTION…: a small build in the directory build. With ccache where it is.
configured() {
	mkdir build
	(cd build && "$tests_top/configure" --quiet --prefix=/usr \
		--disable-hardening --without-readline \
		CC="$(command -v ccache) gcc" CFLAGS=-O0 "$@" >configure.log 2>&1) || {
			cat build/configure.log; return 1; }
}

in_build() {
	make -s -C build -j "$(nproc)" DESTDIR="$BATS_TEST_TMPDIR/root" "$@" >make.out 2>&1 || {
		cat make.out
		return 1
	}
}

# Names of files and texts below $1 in which a program of ours has its original name.
unchanged_names() {
	(cd root && find . -not -type d \( -name 'vsock-*' -o -name '_vsock-*' \) -not \
		-path './usr/share/doc/*')
	# not users, paths and kinds of addresses
	grep -rnE '(^|[^A-Za-z0-9_./-])vsock-(cat|listen|proxy|ping|info)($|[^A-Za-z0-9_/.-])' \
		root/usr/share/man \
		root/usr/share/bash-completion root/usr/share/fish root/usr/share/zsh root/usr/lib |
		grep -vE 'Ql vsock-proxy$|skuid|sysusers.d|^[^:]*:[0-9]*:\.Bl '
}

@test "--program-prefix renames programs, manuals and their references, completions, units and hints" {
	configured --program-prefix=vt-
	in_build all
	in_build install
	in_build installcheck
	[ "$(grep -c '^ok' make.out)" = 24 ]
	run ! unchanged_names
	[ -z "$output" ]
	[ -L root/usr/share/bash-completion/completions/vt-vsock-cat ]
	bash --norc -c '. "$1"; complete -p vt-vsock-cat' bash \
		root/usr/share/bash-completion/completions/vt-vsock-cat
	grep -q '^#compdef vt-vsock-cat' root/usr/share/zsh/site-functions/_vt-vsock-tools
	grep -q '^ExecStart=/usr/bin/vt-vsock-proxy ' \
		root/usr/lib/systemd/system/vt-vsock-proxy@.service
	grep -q '^Documentation=man:vt-vsock-proxy(1) man:vt-vsock-proxy.rules(5)$' \
		root/usr/lib/systemd/system/vt-vsock-proxy.service
	[ -e root/usr/lib/sysusers.d/vt-vsock-proxy.conf ]
	# what the program says: its own name, and commands that exist
	run root/usr/bin/vt-vsock-cat -l 5000
	[[ ${lines[0]} == vt-vsock-cat:* ]]
	[[ $output == *"hint: "*"vt-vsock-listen PORT"* ]]
	run root/usr/bin/vt-vsock-cat udp:localhost:53
	[[ $output == *"udp: is an address of vt-vsock-proxy's rules"* ]]
	root/usr/bin/vt-vsock-proxy --help >help
	grep -q '^  vt-vsock-proxy tcp:8080 vsock:3:80' help
	run ! grep -E '(^|[^A-Za-z0-9_./-])vsock-(cat|listen|proxy|ping|info)($|[^A-Za-z0-9_/.-])' \
		help
	in_build uninstall
	[ -z "$(find root -not -type d)" ]
}

@test "--program-transform-name can rename vsock-proxy alone" {
	configured --program-transform-name='s/^vsock-proxy$/vsock-forward/'
	in_build install-data
	[ -e root/usr/share/man/man1/vsock-forward.1 ]
	[ -e root/usr/share/man/man1/vsock-cat.1 ]
	grep -q '^\.Xr vsock-forward 1' root/usr/share/man/man1/vsock-cat.1
	grep -q '^ExecStart=/usr/bin/vsock-forward ' \
		root/usr/lib/systemd/system/vsock-forward.service
	grep -q '"vsock-forward"' build/config.h
}
