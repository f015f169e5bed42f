/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/busy.h"

#include <sched.h>

#define SCORE_MOST 16
#define AVERAGE_TURNS 8
#define MISS_COSTS 2 /* hits */
#define INTERVAL_MOST 256

static bool one_processor(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) < 2;
}

void busy_start(struct busy *busy, uint64_t setting)
{
	*busy = (struct busy){ .interval = 1, .adaptive = setting == BUSY_AUTO };
	busy->window = !busy->adaptive ? setting : one_processor() ? 0 : BUSY_WINDOW;
}

void busy_moved(struct busy *busy, uint64_t bytes)
{
	busy->moved += bytes;
}

void busy_expect(struct busy *busy, bool expected)
{
	busy->unexpected = !expected;
}

uint64_t busy_window(struct busy *busy, uint64_t now)
{
	busy->average += busy->moved / AVERAGE_TURNS - busy->average / AVERAGE_TURNS;
	busy->moved = 0;
	if (busy->unexpected)
		return 0;
	if (!busy->adaptive)
		return busy->window;
	if (now < busy->paused_until || busy->average >= BUSY_LARGE)
		return 0;
	if (!busy->score && busy->skip) {
		busy->skip--;
		return 0;
	}
	return busy->window;
}

void busy_ended(struct busy *busy, bool hit)
{
	if (hit) {
		if (busy->score < SCORE_MOST)
			busy->score++;
		/* One hit between misses proves nothing. */
		if (busy->score > 1 && busy->interval > 1)
			busy->interval = (uint16_t)(busy->interval / 2);
		return;
	}
	if (busy->score > MISS_COSTS) {
		busy->score = (uint8_t)(busy->score - MISS_COSTS);
		return;
	}
	busy->score = 0;
	busy->skip = busy->interval;
	if (busy->interval < INTERVAL_MOST)
		busy->interval = (uint16_t)(busy->interval * 2);
}

void busy_lost(struct busy *busy, uint64_t now)
{
	busy->paused_until = now + BUSY_PAUSE;
}
