/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * share: one rate for many channels, dealt out in turns of equal size.
 *
 * Theory of operation: who wants to read asks for a turn, and gets the time at which it begins: behind all turns that were
 * given out before, each of which takes as long as its bytes do at the rate. So all that want to read get one turn each before
 * anyone gets a second. What is left of a turn when it is over is given back.
 */
#ifndef RELAY_SHARE_H
#define RELAY_SHARE_H

#include <stdint.h>

struct share {
	uint64_t rate;    /* bytes a second, each direction; UNITS_INF or 0: no limit */
	uint64_t next[2]; /* ns, by the side that is read from: when the next turn begins */
};

/* Bytes of a turn. */
uint64_t share_turn(const struct share *share);
/* When the turn begins that is given out now; not later than now: at once. */
uint64_t share_ask(struct share *share, int side, uint64_t now);
/* The turn is over, in which so many bytes were read (a message may be more than the turn). */
void share_used(struct share *share, int side, uint64_t bytes);

#endif
