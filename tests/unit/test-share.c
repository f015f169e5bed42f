/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A rate that many share, in a time of the test's own: what is let through, and that nobody gets
 * more than others. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/units.h"
#include "relay/share.h"

#define MOST 10
#define STEP (NSEC_PER_MSEC / 4)

struct reader {
	uint64_t at, got;
	bool has_turn;
};

/* For a second, readers that want at most so many bytes in each turn; 0: as many as they may. */
static uint64_t run(uint64_t rate, struct reader *readers, size_t count, const uint64_t *wants)
{
	struct share share = { .rate = rate };
	uint64_t start = 100 * NSEC_PER_SEC, total = 0;

	for (uint64_t now = start; now < start + NSEC_PER_SEC; now += STEP) {
		/* each in turn may be the first to be called: the order in which they are must not
		 * matter */
		for (size_t i = 0; i < count; i++) {
			struct reader *reader = &readers[(i + now / STEP) % count];
			uint64_t bytes = share_turn(&share),
				 want = wants ? wants[reader - readers] : 0;

			if (!reader->has_turn)
				reader->at = share_ask(&share, 0, now);
			reader->has_turn = reader->at > now;
			if (reader->has_turn)
				continue;
			bytes = want && want < bytes ? want : bytes;
			share_used(&share, 0, bytes);
			reader->got += bytes;
			total += bytes;
		}
	}
	assert_int_equal(share.next[1], 0); /* the other direction has a rate of its own */
	return total;
}

static void all_together_get_the_rate(void **state)
{
	static const uint64_t rates[] = { 1, 100, 10000, 1000000, 100000000, 10000000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++)
		for (size_t count = 1; count <= MOST; count += 3) {
			struct reader readers[MOST] = { 0 };
			uint64_t rate = rates[i], total = run(rate, readers, count, NULL);

			/* what may burst through at the begin, and a turn for each */
			assert_true(total <= rate + rate / 20 + 1 + count * (rate / 50 + 1));
			/* the test's clock has 4,000 steps, and turns have 64 KiB at most */
			assert_true(total >= rate * 9 / 10 || total >= 3000 * 65536ULL);
		}
}

static void nobody_gets_more_than_others(void **state)
{
	struct reader readers[MOST] = { 0 };

	(void)state;
	run(10000000, readers, MOST, NULL);
	for (size_t i = 1; i < MOST; i++) {
		assert_true(readers[i].got + 65536 >= readers[0].got);
		assert_true(readers[0].got + 65536 >= readers[i].got);
	}
}

/* Who wants little leaves the rest of its turns to the others. */
static void what_is_not_used_is_given_back(void **state)
{
	static const uint64_t wants[3] = { 100, 100, 0 };
	struct reader readers[3] = { 0 };
	uint64_t total = run(10000000, readers, 3, wants);

	(void)state;
	assert_true(total >= 9000000);
	assert_true(total <= 11000000);
	assert_true(readers[0].got > 1000 && readers[1].got > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_together_get_the_rate),
		cmocka_unit_test(nobody_gets_more_than_others),
		cmocka_unit_test(what_is_not_used_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
