/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/share.h"

#include "base/units.h"

#define TURNS_A_SECOND 50
#define TURN_MOST (64ULL * 1024)
#define BURST (50 * NSEC_PER_MSEC) /* what a pause left unused is saved up to here */

uint64_t share_turn(const struct share *share)
{
	uint64_t bytes = share->rate / TURNS_A_SECOND;

	return bytes > TURN_MOST ? TURN_MOST : bytes ? bytes : 1;
}

static uint64_t time_of(const struct share *share, uint64_t bytes)
{
	return (uint64_t)((double)bytes * (double)NSEC_PER_SEC / (double)share->rate);
}

uint64_t share_ask(struct share *share, int side, uint64_t now)
{
	uint64_t *next = &share->next[side], begins;

	if (*next + BURST < now)
		*next = now - BURST;
	begins = *next;
	*next += time_of(share, share_turn(share));
	return begins;
}

void share_used(struct share *share, int side, uint64_t bytes)
{
	share->next[side] -= time_of(share, share_turn(share));
	share->next[side] += time_of(share, bytes);
}
