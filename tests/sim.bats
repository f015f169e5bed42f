#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The simulation of the relay: doc/simulation.md.

load lib/common

@test "20,000 seeds: every oracle of the simulation holds" {
	local seeds=20000
	# with the sanitizers, which need 5 times as long, the first of them
	! grep -qF __asan_init "$VSOCK_TOOLS_BUILD/vsock-cat" || seeds=4000
	run -0 "$VSOCK_TOOLS_BUILD/tests/sim/sim" --seeds "$seeds"
	[[ $output == *"ok 1 - $seeds seeds"* ]]
}

# What more seeds have found once: doc/simulation.md.
@test "seeds beyond those, which failed once, hold now" {
	cd "$BATS_TEST_TMPDIR"
	for seed in 33613 66274 33111 69762 219513 389887 686801; do
		"$VSOCK_TOOLS_BUILD/tests/sim/sim" --seed "$seed" >out 2>&1 || {
			tail -n 20 out
			return 1
		}
	done
}
