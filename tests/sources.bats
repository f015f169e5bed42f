#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# What holds for the files of the project, and is cheap to look at. scripts/lint looks closer.

load lib/common

setup() {
	cd "$tests_top" || return
}

@test "every test file is listed in a local.mk, so that make check runs it" {
	for file in tests/*.bats; do
		[ "$(grep -cxE "(bats|starting|text)_tests \+?= $file" tests/local.mk)" = 1 ] || {
			echo "not once in tests/local.mk: bats_tests += $file"
			return 1
		}
	done
	# a second list, which a merge can bring, would replace the first
	[ "$(grep -c '^bats_tests *=' tests/local.mk)" = 1 ]
	for file in tests/unit/*.c; do
		[ -e "$file" ] || continue
		grep -qF "$file" tests/local.mk || {
			echo "not in tests/local.mk: $file"
			return 1
		}
	done
}

@test "every source file is listed in its layer's local.mk" {
	for file in src/*/*.[ch] src/*/*/*.[ch]; do
		grep -qF "$file" "$(echo "$file" | cut -d/ -f1-2)/local.mk" || {
			echo "in no local.mk: $file"
			return 1
		}
	done
}

@test "every program and script states its licence" {
	for file in src/*/*.[ch] src/*/*/*.[ch] scripts/* m4/*.m4 tests/*.bats; do
		head -n 4 "$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || {
			echo "no licence in $file"
			return 1
		}
	done
}

# Prose, data, pictures and patches are covered by REUSE.toml, as are the formats of Debian that
# have no comments and the examples, which are copied to /etc.
@test "every other file in which there can be a comment states its licence too" {
	[ -e .git ] || skip "needs the git repository"
	grep -q '^SPDX-License-Identifier = "GPL-3.0-or-later"$' REUSE.toml
	grep -q "^SPDX-FileCopyrightText = \"$(sed -n \
		's/^m4_define(\[VT_PROJECT_YEARS\], \[\(.*\)\])$/\1/p' m4/vt_project.m4) " \
		REUSE.toml
	git ls-files | grep -vE '^(AUTHORS|COPYING|LICENSES/.*|NEWS|.*\.(md|svg|png|tsv|patch))$|/corpus-[a-z-]*/' |
		grep -vE '^packaging/(examples/.*|debian/(source/format|(changelog|copyright)\.in|.*\.(dirs|install|lintian-overrides)))$' >"$BATS_TEST_TMPDIR/files"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/files")" -gt 300 ]
	while read -r file; do
		head -n 4 "$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || {
			echo "no licence in $file"
			return 1
		}
	done <"$BATS_TEST_TMPDIR/files"
}
