#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The check of the layers is itself checked, on made-up sources.

load lib/common

setup() {
	src=$BATS_TEST_TMPDIR/src
	mkdir -p "$src"/{base,net,relay,serve,cli,cat,listen}
	echo '#include "base/units.h"' >"$src/net/addr.c"
	touch "$src/base/units.h" "$src/net/addr.h"
}

layers() {
	run "$tests_top/tests/layers" "$BATS_TEST_TMPDIR"
}

@test "a layer may include itself, config.h, system headers and lower layers" {
	cat >"$src/net/addr.c" <<-'END'
		#include "config.h"
		#include "net/addr.h"
		#include <net/if.h>
		#  include "base/units.h"
	END
	layers
	[ "$status" -eq 0 ]
}

@test "including a higher layer is refused with file and line" {
	printf '\n#include "net/addr.h"\n' >"$src/base/units.c"
	layers
	[ "$status" -eq 1 ]
	[[ $output == *'src/base/units.c:2: "net/addr.h"'* ]]
}

@test "headers are checked like sources" {
	touch "$src/cli/tool.h"
	echo '#include "cli/tool.h"' >"$src/serve/spawn.h"
	layers
	[ "$status" -eq 1 ]
}

@test "a program that includes another is refused" {
	touch "$src/listen/hub.h"
	echo '#include "listen/hub.h"' >"$src/cat/main.c"
	layers
	[ "$status" -eq 1 ]
	[[ $output == *'src/cat/main.c:1: "listen/hub.h"'* ]]
}

@test "the directories of vsock-proxy have an order, and its two processes do not use each other" {
	mkdir -p "$src"/proxy/{rules,router,supervisor,worker}
	touch "$src"/proxy/{rules/rules,router/router,supervisor/supervisor,worker/worker}.h
	echo '#include "proxy/rules/rules.h"' >"$src/proxy/router/router.c"
	echo '#include "proxy/router/router.h"' >"$src/proxy/worker/worker.c"
	echo '#include "proxy/worker/worker.h"' >"$src/proxy/main.c"
	layers
	[ "$status" -eq 0 ]
	echo '#include "proxy/router/router.h"' >"$src/proxy/rules/rules.c"
	echo '#include "proxy/supervisor/supervisor.h"' >"$src/proxy/worker/worker.c"
	echo '#include "proxy/rules/rules.h"' >"$src/cat/main.c"
	layers
	[ "$status" -eq 1 ]
	[[ $output == *'src/proxy/rules/rules.c:1: "proxy/router/router.h"'* ]]
	[[ $output == *'src/proxy/worker/worker.c:1: "proxy/supervisor/supervisor.h"'* ]]
	[[ $output == *'src/cat/main.c:1: "proxy/rules/rules.h"'* ]]
}

@test "a cycle between two files of a directory is refused, and named" {
	local build=$BATS_TEST_TMPDIR/build
	mkdir -p "$build/src/cat"
	echo 'int two(void); int one(void) { return two(); }' >"$src/cat/one.c"
	echo 'int one(void); int two(void) { return one(); }' >"$src/cat/two.c"
	(cd "$build/src/cat" && ${CC:-cc} -c "$src/cat/one.c" "$src/cat/two.c")
	run "$tests_top/tests/layers" "$BATS_TEST_TMPDIR" "$build"
	[ "$status" -eq 1 ]
	[[ $output == *'src/cat has a cycle: '*one*two* ||
		$output == *'src/cat has a cycle: '*two*one* ]]
}

@test "a header without its layer, or by a path, is refused" {
	for name in units.h ../base/units.h net/deep/addr.h Base/units.h; do
		echo "#include \"$name\"" >"$src/net/addr.c"
		layers
		[ "$status" -eq 1 ]
	done
}

@test "a missing header is refused" {
	echo '#include "base/nothing.h"' >"$src/net/addr.c"
	layers
	[ "$status" -eq 1 ]
	[[ $output == *'there is no src/base/nothing.h'* ]]
}

@test "an unknown directory is refused" {
	mkdir -p "$src/misc" "$src/proxy/misc"
	layers
	[ "$status" -eq 1 ]
	[[ $output == *'src/misc is unknown'* ]]
	[[ $output == *'src/proxy/misc is unknown'* ]]
}
