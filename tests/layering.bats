#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The check of the layers is itself checked, on made-up sources.

load lib/common

setup() {
	src=$BATS_TEST_TMPDIR/src
	mkdir -p "$src"/{base,net,relay,serve,tools}
	echo '#include "base/units.h"' >"$src/net/addr.c"
	touch "$src/base/units.h" "$src/net/addr.h"
}

layers() {
	run "$tests_top/tests/layers" "$BATS_TEST_TMPDIR"
}

@test "a layer may use itself, config.h, system headers and what is below" {
	cat >"$src/net/addr.c" <<-'END'
		#include "config.h"
		#include "net/addr.h"
		#include <net/if.h>
		#  include "base/units.h"
	END
	layers
	[ "$status" -eq 0 ]
}

@test "using what is above is refused, with file and line" {
	printf '\n#include "net/addr.h"\n' >"$src/base/units.c"
	layers
	[ "$status" -eq 1 ]
	[[ $output == *'src/base/units.c:2: "net/addr.h"'* ]]
}

@test "a header counts as a source does" {
	touch "$src/tools/common.h"
	echo '#include "tools/common.h"' >"$src/serve/spawn.h"
	layers
	[ "$status" -eq 1 ]
}

@test "a header without its layer, or by a path, is refused" {
	for name in units.h ../base/units.h net/deep/addr.h Base/units.h; do
		echo "#include \"$name\"" >"$src/net/addr.c"
		layers
		[ "$status" -eq 1 ]
	done
}

@test "a header that isn't there is refused" {
	echo '#include "base/nothing.h"' >"$src/net/addr.c"
	layers
	[ "$status" -eq 1 ]
	[[ $output == *'there is no src/base/nothing.h'* ]]
}

@test "a folder that is no layer is refused" {
	mkdir "$src/misc"
	layers
	[ "$status" -eq 1 ]
	[[ $output == *'src/misc is no layer'* ]]
}
