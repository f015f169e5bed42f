#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The RPMs: built from the release's tarball, and checked by rpmlint. Takes minutes.

load ../lib/common

@test "rpmbuild builds the packages, rpmlint finds no error and no warning" {
	[ -e "$VSOCK_TOOLS_BUILD/packaging/rpm/vsock-tools.spec" ] || skip "needs a build directory"
	need rpmbuild rpmlint
	unset MAKEFLAGS MAKELEVEL MFLAGS DESTDIR
	cd "$BATS_TEST_TMPDIR"
	export TMPDIR=$BATS_TEST_TMPDIR HOME=$BATS_TEST_TMPDIR
	[ ! -d /usr/lib/ccache ] ||
		export PATH=/usr/lib/ccache:$PATH CCACHE_DIR=${CCACHE_DIR:-/root/.cache/ccache}
	make -s -C "$VSOCK_TOOLS_BUILD" dist
	# Debian's packages have other names, and none for systemd's macros.
	export RPMBUILD_OPTIONS=--nodeps
	"$tests_top/packaging/rpm/build" "$VSOCK_TOOLS_BUILD"/vsock-tools-*.tar.xz \
		"$VSOCK_TOOLS_BUILD/packaging/rpm/vsock-tools.spec" packages >log 2>&1 || {
			tail -n 40 log; false; }
	rpm -qlp packages/*/vsock-proxy-[0-9]*.rpm | grep -qx /etc/vsock/proxy.rules
	rpm -qlp packages/*/vsock-tools-[0-9]*.rpm | grep -qx /usr/bin/vsock-cat
	run rpmlint --config "$tests_top/packaging/rpm/rpmlint.toml" packages/*.rpm packages/*/*.rpm
	echo "$output"
	[[ $output == *" 0 errors, 0 warnings"* ]]
}
