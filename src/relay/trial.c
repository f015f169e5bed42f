/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "relay/trial.h"

#include <string.h>
#include <time.h>

#include "base/units.h"

/* Copy, splice, splice, copy, ...: what gets slowly slower or faster meanwhile counts for both. */
static bool turn_splices(unsigned turn)
{
	return turn % 4 == 1 || turn % 4 == 2;
}

bool trial_splice(const struct trial *trial)
{
	return trial_runs(trial) ? turn_splices(trial->turn) : trial->splice_wins;
}

bool trial_runs(const struct trial *trial)
{
	return trial->turn < TRIAL_TURNS;
}

static void end_turn(struct trial *trial)
{
	if (!trial_runs(trial)) {
		bool splice_won = trial->splice_wins;

		memset(trial, 0, sizeof(*trial));
		trial->splice_wins = splice_won;
		return;
	}
	trial->left = TRIAL_TURN;
	if (++trial->turn < TRIAL_TURNS)
		return;
	/* both moved at least their turns' bytes */
	trial->splice_wins = (double)trial->time[1] / (double)trial->bytes[1] <
			     (double)trial->time[0] / (double)trial->bytes[0];
	trial->left = TRIAL_KEEP;
}

void trial_moved(struct trial *trial, bool spliced, uint64_t bytes, uint64_t time)
{
	if (!trial->left)
		trial->left = TRIAL_TURN; /* the very first */
	if (trial_runs(trial)) {
		if (spliced != turn_splices(trial->turn))
			return; /* a flow that has not changed over yet */
		trial->bytes[spliced] += bytes;
		trial->time[spliced] += time;
	}
	trial->left -= bytes < trial->left ? bytes : trial->left;
	if (!trial->left)
		end_turn(trial);
}

uint64_t trial_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* can't fail, as units_now() */
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}
