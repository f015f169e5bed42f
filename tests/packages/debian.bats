#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The Debian packages: built from the release's tarball, checked by lintian, installed and used in
# a VM by the tests that come with them, removed again. Takes minutes.

load ../lib/common

# Built once for the file; a failure to build is the first test's.
setup_file() {
	export packages=$BATS_FILE_TMPDIR/debian-packages
	[ -e "$VSOCK_TOOLS_BUILD/Makefile" ] || return 0
	command -v dh >/dev/null || return 0
	unset MAKEFLAGS MAKELEVEL MFLAGS DESTDIR
	[ ! -d /usr/lib/ccache ] || PATH=/usr/lib/ccache:$PATH
	make -s -C "$VSOCK_TOOLS_BUILD" dist >"$BATS_FILE_TMPDIR/log" 2>&1 || return 0
	DEB_BUILD_OPTIONS="parallel=$(nproc)" "$tests_top/packaging/deb" \
		"$VSOCK_TOOLS_BUILD"/vsock-tools-*.tar.xz \
		"$VSOCK_TOOLS_BUILD/packaging/debian" "$packages" >>"$BATS_FILE_TMPDIR/log" 2>&1 ||
		true
}

setup() {
	[ -e "$VSOCK_TOOLS_BUILD/Makefile" ] || skip "needs a build directory"
	need dh
}

@test "dpkg-buildpackage builds the packages, and their unit tests pass" {
	changes=("$packages"/*.changes)
	[ -e "${changes[0]}" ] || { tail -n 40 "$BATS_FILE_TMPDIR/log"; false; }
	ls "$packages"/vsock-tools_*.deb "$packages"/vsock-proxy_*.deb
	grep -qE '^# PASS: +[1-9][0-9]' "$BATS_FILE_TMPDIR/log"
	grep -qE '^# FAIL: +0' "$BATS_FILE_TMPDIR/log"
}

@test "lintian finds no error and no warning" {
	need lintian
	# it leaves files there
	export TMPDIR=$BATS_TEST_TMPDIR
	run lintian --fail-on error,warning --tag-display-limit 0 "$packages"/*.changes
	echo "$output"
	[ "$status" = 0 ]
	[[ $output != *"unknown-"* && $output != *"mismatched-override"* ]]
}

# What runs in the VM: install both packages, run each of their tests as autopkgtest would, remove.
script() {
	cat <<-'END'
		exec 2>&1
		set -eux
		export DEBIAN_FRONTEND=noninteractive
		getent passwd vsock-proxy && exit 1
		# or man-db's trigger indexes all manuals, for minutes in an emulated machine
		rm -f /var/lib/man-db/auto-update
		# scripts/setup may have left it, and upgrades would restart nothing
		rm -f /usr/sbin/policy-rc.d
		dpkg --force-depends -i $packages/vsock-tools_*.deb $packages/vsock-proxy_*.deb
		dpkg -s vsock-tools vsock-proxy | grep -c '^Status: install ok installed'
		getent passwd vsock-proxy
		for name in $(sed -n 's/^Tests: //p' \
			"$tests_top/packaging/debian/tests/control"); do
			AUTOPKGTEST_TMP=$(mktemp -d)
			export AUTOPKGTEST_TMP
			status=0
			timeout 120 env -u VSOCK_TOOLS_BUILD \
				PATH=/usr/sbin:/usr/bin:/sbin:/bin \
				"$tests_top/packaging/debian/tests/$name" || status=$?
			echo "test $name: $status"
		done
		# an upgrade keeps what the administrator has written, and restarts what runs
		echo 'tcp:127.0.0.1:8104 tcp:127.0.0.1:8105' >/etc/vsock/proxy.rules
		systemctl start vsock-proxy
		before=$(systemctl show -p MainPID --value vsock-proxy)
		dpkg --force-depends -i $packages/vsock-tools_*.deb $packages/vsock-proxy_*.deb
		systemctl is-active vsock-proxy
		[ "$(systemctl show -p MainPID --value vsock-proxy)" != "$before" ]
		grep -c . /etc/vsock/proxy.rules
		dpkg --purge vsock-proxy vsock-tools
		systemctl is-active vsock-proxy || true
		find /usr/bin /usr/lib/systemd /lib/systemd /usr/share/man \
			/usr/share/bash-completion /etc/vsock -name '*vsock*' |
			grep -vE 'systemd/vsock-lab|man7/vsock\.7' | sed 's/^/left: /'
		echo all-done
	END
}

@test "the packages work in a VM: their tests over TCP, over vsock and under systemd; upgrade; purge" {
	need qemu-system-x86_64
	script >"$BATS_TEST_TMPDIR/script"
	run "$tests_top/tests/lab/vm" --systemd --timeout 500 --env "packages=$packages" \
		--env "tests_top=$tests_top" \
		bash "$BATS_TEST_TMPDIR/script"
	echo "$output"
	[ "$status" = 0 ]
	for name in main-job vsock service; do
		[[ $output == *"test $name: 0"* ]]
	done
	[[ $output == *"vsock-proxy:x:"*"vsock-proxy worker"* ]]
	[[ $output == *all-done* ]]
	# the trace of the commands has the word too
	run ! grep '^left: ' <<<"$output"
}
