/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * share: one rate limit for many channels, divided into turns of equal size.
 *
 * Theory of operation: a channel that wants to read asks for a turn and gets the time at which it
 * starts: after all turns given out earlier, each of which takes as long as its bytes take at the
 * rate. So every waiting channel gets one turn before any gets a second. The unused part of a turn
 * is given back.
 */
#ifndef RELAY_SHARE_H
#define RELAY_SHARE_H

#include <stdint.h>

struct share {
	uint64_t rate; /* bytes a second, each direction; UNITS_INF or 0: no limit */
	uint64_t next[2]; /* ns, by the side that is read: when the next turn starts */
};

/* Bytes of a turn. */
uint64_t share_turn(const struct share *share);
/* Gives out a turn and returns when it starts; a time up to now means at once. */
uint64_t share_ask(struct share *share, int side, uint64_t now);
/* The turn is over; bytes is how many were read, which may exceed the turn by a message. */
void share_used(struct share *share, int side, uint64_t bytes);

#endif
