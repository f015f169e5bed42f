#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What the packages are made from, as configure has filled it in: it parses, it is complete, and
# every file that is installed is in a package.

load ../lib/common

setup() {
	filled=$VSOCK_TOOLS_BUILD/packaging
	[ -e "$filled/rpm/vsock-tools.spec" ] || skip "needs a build directory"
	version=$(sed -n 's/^#define PACKAGE_VERSION "\(.*\)"/\1/p' "$VSOCK_TOOLS_BUILD/config.h")
}

@test "configure has filled in every file" {
	for file in rpm/vsock-tools.spec debian/control debian/changelog debian/copyright; do
		run ! grep -E '@[A-Z_]+@' "$filled/$file"
	done
	# the sums are written by make alpine
	[ "$(grep -cE '@[A-Z0-9_]+@' "$filled/alpine/APKBUILD")" = 1 ]
	grep -q "^vsock-tools ($version-1)" "$filled/debian/changelog"
}

@test "rpm parses the spec, and rpmlint finds nothing in it" {
	need rpmspec rpmlint
	run -0 rpmspec --query --queryformat '%{name} %{version}\n' "$filled/rpm/vsock-tools.spec"
	[[ $output == *"vsock-tools $version"*"vsock-proxy $version"* ]]
	run rpmlint --config "$tests_top/packaging/rpm/rpmlint.toml" "$filled/rpm/vsock-tools.spec"
	echo "$output"
	[[ $output == *" 0 errors, 0 warnings"* ]]
}

@test "the APKBUILD parses and has what abuild requires" {
	sh -n "$filled/alpine/APKBUILD"
	for file in "$tests_top"/packaging/alpine/vsock-proxy.*; do sh -n "$file"; done
	# shellcheck disable=SC2016
	run -0 sh -eu -c '
		. "$1"
		for variable in pkgname pkgver pkgrel pkgdesc url arch license makedepends source \
			sha512sums subpackages install; do
			eval "[ -n \"\$$variable\" ]" || echo "missing: $variable"
		done
		for function in build check package proxy; do
			command -v $function >/dev/null || echo "missing: $function"
		done
		for file in $source $install; do
			case $file in
				*.tar.xz) ;;
				*) [ -e "$2/$file" ] || echo "missing: $file" ;;
			esac
		done
		[ ${#pkgdesc} -lt 128 ] || echo "pkgdesc is too long"
		echo "$pkgname $pkgver"' sh "$filled/alpine/APKBUILD" "$tests_top/packaging/alpine"
	[ "$output" = "vsock-tools $version" ]
}

@test "make alpine writes an APKBUILD whose checksums are right" {
	make -s -C "$VSOCK_TOOLS_BUILD" alpine
	cd "$VSOCK_TOOLS_BUILD/alpine-package"
	# shellcheck disable=SC2016
	sh -c '. ./APKBUILD && echo "$sha512sums"' | grep . | tee sums | sha512sum --check
	[ "$(wc -l <sums)" = 2 ]
}
