/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trial: which of the two engines costs less for a pair, found out on the flows themselves.
 *
 * Whether to copy or to splice is known for most pairs. From vsock it depends on the machine: in an emulated VM, where
 * copying to and from user memory is dear, splice takes half of copy's time; elsewhere it takes a third more, for it
 * allocates a page for each 4 KiB (HACKING.md, engines). So large flows of such a pair take turns between the engines, the
 * processor time of both is measured, and the better one keeps the pair, until it is asked again.
 */
#ifndef RELAY_TRIAL_H
#define RELAY_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#define TRIAL_TURN (256ULL << 10) /* bytes of a turn */
#define TRIAL_TURNS 8            /* of both engines together */
#define TRIAL_KEEP (4ULL << 30)  /* bytes, after which it is tried anew: of 4,000 bytes one goes with the dearer engine */

/* All zero: nothing was tried yet. */
struct trial {
	uint64_t left;               /* bytes until the turn, or the time of the better one, ends */
	uint64_t bytes[2], time[2];  /* that copy and splice moved in their turns, ns of processor time that they took */
	uint8_t turn;                /* TRIAL_TURNS: it is over */
	bool splice_wins;
};

/* Should a flow be spliced now? */
bool trial_splice(const struct trial *trial);
/* Is the time of a move worth measuring? */
bool trial_runs(const struct trial *trial);
/* So many bytes were moved by splice or by copy in so much processor time (ns; counts only while trial_runs()). */
void trial_moved(struct trial *trial, bool spliced, uint64_t bytes, uint64_t time);
/* Processor time of this thread, ns. */
uint64_t trial_clock(void);

#endif
