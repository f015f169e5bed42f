#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# scripts/release: the tarball is the same wherever and whenever it is made, and no release is made
# from placeholders.

load ../lib/common

setup() {
	[ -e "$tests_top/.git" ] || skip "needs the git repository"
	need git autoconf automake xz
	cd "$BATS_TEST_TMPDIR" || return
	git clone -q "$tests_top" first
}

@test "the same commit gives the same tarball, byte for byte" {
	mkdir -p out1 out2 elsewhere/deeper
	first/scripts/release --draft out1
	git clone -q "$tests_top" elsewhere/deeper/second
	# another time, umask, time zone and locale; an ignored file, and one that is not committed
	find elsewhere -exec touch -h -d '2001-02-03 04:05' {} +
	echo x >elsewhere/deeper/second/tests/left.o
	echo x >elsewhere/deeper/second/tests/left.txt
	(umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 MAKEFLAGS=-j2 \
		elsewhere/deeper/second/scripts/release --draft out2)
	cmp out1/vsock-tools-*.tar.xz out2/vsock-tools-*.tar.xz
	(cd out1 && sha256sum --check --quiet ./*.sha256)
	run tar -tvf out1/vsock-tools-*.tar.xz
	[[ $output != *left* ]]
	[[ $output == *" 0/0 "*/configure* ]]
}

@test "a release refuses placeholders and files that are not committed" {
	sed -i 's,https://[a-z.]*,https://example.org,' first/m4/vt_project.m4
	git -C first -c user.name=x -c user.email=x@localhost commit --allow-empty -qam placeholders
	run first/scripts/release .
	[ "$status" = 1 ]
	[[ $output == *"m4/vt_project.m4 still names example.org"* ]]
	sed -i 's/example\.org/example.net/' first/m4/vt_project.m4
	run first/scripts/release .
	[ "$status" = 1 ]
	[[ $output == *"not everything is committed"* ]]
}
