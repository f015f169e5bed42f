/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which of two engines costs less: turns, the verdict, and that it is asked again. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay/trial.h"

#define STEP 65536U

/* Moves bytes as the trial wants them moved, at these costs (ns a step); returns how many of them
 * were spliced. */
static uint64_t run(struct trial *trial, uint64_t bytes, uint64_t copy_cost, uint64_t splice_cost)
{
	uint64_t spliced = 0;

	for (uint64_t done = 0; done < bytes; done += STEP) {
		bool splice = trial_splice(trial);

		spliced += splice ? STEP : 0;
		trial_moved(trial, splice, STEP, splice ? splice_cost : copy_cost);
	}
	return spliced;
}

static void both_have_the_same_turns_and_the_cheaper_one_keeps_the_pair(void **state)
{
	(void)state;
	for (int splice_is_cheap = 0; splice_is_cheap < 2; splice_is_cheap++) {
		struct trial trial = { 0 };
		uint64_t copy = splice_is_cheap ? 1010 : 1000,
			 splice = splice_is_cheap ? 1000 : 1010;

		assert_true(trial_runs(&trial));
		assert_int_equal(run(&trial, TRIAL_TURNS * TRIAL_TURN, copy, splice),
				 TRIAL_TURNS * TRIAL_TURN / 2);
		assert_false(trial_runs(&trial));
		assert_int_equal(run(&trial, TRIAL_KEEP / 2, copy, splice),
				 splice_is_cheap ? TRIAL_KEEP / 2 : 0);
	}
}

static void what_gets_slower_meanwhile_counts_for_both(void **state)
{
	struct trial trial = { 0 };
	uint64_t cost = 10000;

	(void)state;
	/* splice is a thousandth cheaper, and each turn dearer than the one before */
	while (trial_runs(&trial)) {
		bool splice = trial_splice(&trial);

		trial_moved(&trial, splice, TRIAL_TURN, splice ? cost - 10 : cost);
		cost += 100;
	}
	assert_true(trial_splice(&trial));
}

static void it_is_tried_again_and_may_end_otherwise(void **state)
{
	struct trial trial = { 0 };

	(void)state;
	run(&trial, TRIAL_TURNS * TRIAL_TURN, 1000, 500);
	assert_true(trial_splice(&trial));
	run(&trial, TRIAL_KEEP, 1000, 500);
	assert_true(trial_runs(&trial));
	run(&trial, TRIAL_TURNS * TRIAL_TURN, 1000, 1500);
	assert_false(trial_runs(&trial));
	assert_false(trial_splice(&trial));
}

static void flows_that_have_not_changed_over_do_not_count(void **state)
{
	struct trial trial = { 0 };

	(void)state;
	assert_false(trial_splice(&trial));
	for (int i = 0; i < 1000; i++)
		trial_moved(&trial, true, TRIAL_TURN, 1);
	assert_true(trial_runs(&trial));
	assert_false(trial_splice(&trial));
	run(&trial, TRIAL_TURNS * TRIAL_TURN, 1000, 1001);
	assert_false(trial_splice(&trial));
	assert_false(trial_runs(&trial));
}

static void the_clock_counts_the_time_of_this_thread(void **state)
{
	uint64_t begun = trial_clock();

	(void)state;
	while (trial_clock() == begun)
		;
	assert_true(trial_clock() > begun);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_have_the_same_turns_and_the_cheaper_one_keeps_the_pair),
		cmocka_unit_test(what_gets_slower_meanwhile_counts_for_both),
		cmocka_unit_test(it_is_tried_again_and_may_end_otherwise),
		cmocka_unit_test(flows_that_have_not_changed_over_do_not_count),
		cmocka_unit_test(the_clock_counts_the_time_of_this_thread),
	};

	return cmocka_run_group_tests_name("trial", tests, NULL, NULL);
}
