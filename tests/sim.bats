#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# The simulation of the relay: doc/simulation.md.

load lib/common

@test "20,000 seeds: every oracle of the simulation holds" {
	run -0 "$VSOCK_TOOLS_BUILD/tests/sim/sim"
	[[ $output == *"ok 1 - 20000 seeds"* ]]
}
