/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What --check makes of the results of both ends. The museum of check.bats has whole paths. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ping/check.h"

static void steps(struct checked *checked, const char *here, const char *there)
{
	*checked = (struct checked){ .here.outcome = CHECK_DONE, .there.outcome = CHECK_DONE };
	assert_true(check_read_steps(here, &checked->here_steps));
	assert_true(check_read_steps(there, &checked->there_steps));
	checked->here.received = check_awaited(&checked->here_steps);
	checked->there.received = check_awaited(&checked->there_steps);
}

static void judged(enum check_id id, const struct checked *checked, enum symptom symptom,
		   const char *says)
{
	struct verdict verdict;

	check_judge(id, checked, 0, &verdict);
	assert_int_equal(verdict.symptom, symptom);
	if (!strstr(verdict.what, says))
		fail_msg("'%s' is not in '%s'", says, verdict.what);
}

static void a_reset_is_judged_by_what_is_known_of_both(void **state)
{
	static const char *const resets = "receive=1000 reset", *const writes = "send=8388608";
	struct checked checked;

	(void)state;
	steps(&checked, resets, writes);
	checked.there.outcome = CHECK_BROKE;
	judged(CHECKED_ABORT, &checked, SYMPTOM_NONE, "");
	checked.there.outcome = CHECK_STALLED;
	judged(CHECKED_ABORT, &checked, SYMPTOM_NO_END, "after the reset here");
	checked.there.outcome = CHECK_DONE;
	judged(CHECKED_ABORT, &checked, SYMPTOM_NO_END, "could write");
	checked.there.outcome = CHECK_UNKNOWN;
	judged(CHECKED_ABORT, &checked, SYMPTOM_OTHER, "did not tell");
	/* it came to no reset */
	checked.there.outcome = CHECK_BROKE;
	checked.here = (struct check_result){ .outcome = CHECK_ENDED, .received = 5 };
	judged(CHECKED_ABORT, &checked, SYMPTOM_ENDED, "5 of 1000 bytes arrived here");

	steps(&checked, writes, resets);
	checked.here.outcome = CHECK_CLOSED;
	judged(CHECKED_ABORT, &checked, SYMPTOM_NONE, "");
	checked.there.outcome = CHECK_UNKNOWN;
	judged(CHECKED_ABORT, &checked, SYMPTOM_OTHER, "did not tell");
}

static void a_half_close_is_to_blame_if_nothing_of_the_answer_arrives(void **state)
{
	struct checked checked;

	(void)state;
	steps(&checked, "send=1000 shut receive=100000", "receive=1000 end send=100000");
	judged(CHECKED_HALF_CLOSE, &checked, SYMPTOM_NONE, "");
	checked.here.outcome = CHECK_ENDED;
	checked.here.received = 0;
	judged(CHECKED_HALF_CLOSE, &checked, SYMPTOM_ECHOED, "0 of 100000 bytes of the answer");
	checked.there.outcome = CHECK_CLOSED;
	judged(CHECKED_HALF_CLOSE, &checked, SYMPTOM_ANSWER_LOST, "after the half-close");
	/* a loss that may happen without a half-close too */
	checked.there.outcome = CHECK_DONE;
	checked.here.received = 90000;
	judged(CHECKED_HALF_CLOSE, &checked, SYMPTOM_ENDED, "90000 of 100000 bytes arrived here");
}

static void an_end_that_is_gone_is_no_known_defect(void **state)
{
	struct checked checked;

	(void)state;
	steps(&checked, "send=240000/200 end", "receive=240000/200");
	checked.here = (struct check_result){ .outcome = CHECK_BROKE, .sent = 1000 };
	judged(CHECKED_PIECES, &checked, SYMPTOM_ENDED, "1000 bytes were sent here, then a reset");
	checked.there = (struct check_result){ .outcome = CHECK_UNKNOWN };
	judged(CHECKED_PIECES, &checked, SYMPTOM_OTHER, "1000 bytes were sent here, then a reset");
}

static void a_shortage_of_this_machine_is_no_refusal(void **state)
{
	static const int shortages[] = { EMFILE, ENFILE, ENOMEM };
	struct checked checked;

	(void)state;
	steps(&checked, "end", "wait=0");
	strcpy(checked.why, "because");
	checked.failure.error = ECONNREFUSED;
	judged(CHECKED_CONNECTIONS, &checked, SYMPTOM_REFUSED, "not connected: because");
	for (size_t i = 0; i < sizeof(shortages) / sizeof(*shortages); i++) {
		checked.failure.error = shortages[i];
		judged(CHECKED_CONNECTIONS, &checked, SYMPTOM_OTHER, "not connected: because");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reset_is_judged_by_what_is_known_of_both),
		cmocka_unit_test(a_half_close_is_to_blame_if_nothing_of_the_answer_arrives),
		cmocka_unit_test(an_end_that_is_gone_is_no_known_defect),
		cmocka_unit_test(a_shortage_of_this_machine_is_no_refusal),
	};

	return cmocka_run_group_tests_name("check-judge", tests, NULL, NULL);
}
