/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trial: measures on live transfers whether copy or splice costs less for a pair.
 *
 * For most pairs the better engine is known. From vsock it depends on the machine: in an emulated
 * VM, where copying to and from user memory is expensive, splice takes half the time of copy;
 * elsewhere it takes a third more, because it allocates a page for each 4 KiB
 * (doc/measurements.md). So large transfers of such a pair alternate between the engines while
 * their processor time is measured, and then use the better one until the next trial.
 */
#ifndef RELAY_TRIAL_H
#define RELAY_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#define TRIAL_TURN (256ULL << 10) /* bytes of a turn */
#define TRIAL_TURNS 8 /* of both engines together */
/* Bytes until the next trial: one byte in 4,000 uses the more expensive engine. */
#define TRIAL_KEEP (4ULL << 30)

/* All zero: no trial yet. */
struct trial {
	uint64_t left; /* bytes left of this turn, or until the next trial */
	uint64_t bytes[2], time[2]; /* bytes moved by copy and splice in their turns, and the
				       processor time in ns */
	uint8_t turn; /* TRIAL_TURNS: the trial is over */
	bool splice_wins;
};

/* Should splice be used now? */
bool trial_splice(const struct trial *trial);
/* Is a trial running, so that moves are to be measured? */
bool trial_runs(const struct trial *trial);
/* Counts bytes that splice or copy has moved, and their processor time in ns, which is used only
 * while trial_runs(). */
void trial_moved(struct trial *trial, bool spliced, uint64_t bytes, uint64_t time);
/* The processor time of this thread in ns. */
uint64_t trial_clock(void);

#endif
