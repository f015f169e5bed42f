/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ping/stats.h"

static void assert_near(double got, double want)
{
	if (fabs(got - want) > 1e-9 * fmax(1, fabs(want)))
		fail_msg("%.12g is not %.12g", got, want);
}

static void nothing_is_zero(void **state)
{
	struct stats stats = { 0 };

	(void)state;
	assert_near(stats_mdev(&stats), 0);
	assert_near(stats_jitter(&stats), 0);
	assert_int_equal(stats_percentile(&stats, 50), 0);
	stats_free(&stats);
}

static void one_value_is_everything(void **state)
{
	struct stats stats = { 0 };

	(void)state;
	stats_add(&stats, 142000);
	assert_int_equal(stats.count, 1);
	assert_int_equal(stats.min, 142000);
	assert_int_equal(stats.max, 142000);
	assert_int_equal(stats.last, 142000);
	assert_near(stats.mean, 142000);
	assert_near(stats.ewma, 142000);
	assert_near(stats_mdev(&stats), 0);
	assert_near(stats_jitter(&stats), 0);
	assert_int_equal(stats_percentile(&stats, 0), 142000);
	assert_int_equal(stats_percentile(&stats, 100), 142000);
	stats_free(&stats);
}

/* The running figures against what their definitions give. */
static void figures_are_as_defined(void **state)
{
	static const uint64_t values[] = { 142000, 118000,     131000, 133000,
					   90000,  5000000000, 7,      131000 };
	const size_t count = sizeof(values) / sizeof(values[0]);
	double sum = 0, squares = 0, jitter = 0, ewma = (double)values[0];
	struct stats stats = { 0 };

	(void)state;
	for (size_t i = 0; i < count; i++) {
		stats_add(&stats, values[i]);
		sum += (double)values[i];
		if (i > 0) {
			jitter += fabs((double)values[i] - (double)values[i - 1]);
			ewma = ewma * 7 / 8 + (double)values[i] / 8;
		}
	}
	for (size_t i = 0; i < count; i++)
		squares += pow((double)values[i] - sum / (double)count, 2);
	assert_int_equal(stats.min, 7);
	assert_int_equal(stats.max, 5000000000);
	assert_int_equal(stats.last, 131000);
	assert_near(stats.mean, sum / (double)count);
	assert_near(stats_mdev(&stats), sqrt(squares / (double)count));
	assert_near(stats_jitter(&stats), jitter / (double)(count - 1));
	assert_near(stats.ewma, ewma);
	stats_free(&stats);
}

/* The textbook's formula, mean of squares less square of mean, loses all digits here. */
static void mdev_is_stable_far_from_zero(void **state)
{
	struct stats stats = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		stats_add(&stats, UINT64_C(1000000000000) + (i % 2 == 0 ? 0 : 2));
	if (fabs(stats_mdev(&stats) - 1) > 1e-3)
		fail_msg("mdev is %.9g", stats_mdev(&stats));
	stats_free(&stats);
}

static void percentiles_are_nearest_rank(void **state)
{
	static const struct {
		double percent;
		uint64_t want;
	} rows[] = { { 0, 1 },	      { 0.1, 1 },    { 0.2, 2 },   { 1, 10 },
		     { 50, 500 },     { 90, 900 },   { 99, 990 },  { 99.9, 999 },
		     { 99.91, 1000 }, { 100, 1000 }, { 33.3, 333 } };
	struct stats stats = { 0 };

	(void)state;
	for (uint64_t i = 1000; i >= 1; i--)
		stats_add(&stats, i);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(stats_percentile(&stats, rows[i].percent), rows[i].want);
	stats_free(&stats);
}

static void percentiles_follow_additions(void **state)
{
	struct stats stats = { 0 };

	(void)state;
	stats_add(&stats, 30);
	stats_add(&stats, 10);
	assert_int_equal(stats_percentile(&stats, 50), 10);
	assert_int_equal(stats_percentile(&stats, 51), 30);
	stats_add(&stats, 5);
	assert_int_equal(stats_percentile(&stats, 1), 5);
	assert_int_equal(stats_percentile(&stats, 50), 10);
	assert_int_equal(stats.last, 5);
	stats_free(&stats);
	assert_null(stats.values);
	assert_int_equal(stats.count, 0);
}

/* Far more values than are kept: the sample must not lean to the first or the last. */
static void large_runs_are_sampled_evenly(void **state)
{
	const uint64_t total = 4 * (uint64_t)STATS_MAX_VALUES;
	struct stats stats = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= total; i++)
		stats_add(&stats, i);
	assert_int_equal(stats.count, total);
	assert_int_equal(stats.kept, STATS_MAX_VALUES);
	assert_int_equal(stats.max, total);
	/* bins count all of them */
	assert_int_equal(stats.bins[stats_bin(1)], 1);
	for (uint64_t low = 1; low < total / 10; low *= 10)
		assert_int_equal(stats.bins[stats_bin(2 * low)], 3 * low);
	for (unsigned percent = 10; percent < 100; percent += 10) {
		double got = (double)stats_percentile(&stats, percent),
		       want = (double)total * percent / 100;

		if (fabs(got - want) > (double)total / 200)
			fail_msg("p%u is %.0f of %.0f", percent, got, want);
	}
	stats_free(&stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_zero),
		cmocka_unit_test(one_value_is_everything),
		cmocka_unit_test(figures_are_as_defined),
		cmocka_unit_test(mdev_is_stable_far_from_zero),
		cmocka_unit_test(percentiles_are_nearest_rank),
		cmocka_unit_test(percentiles_follow_additions),
		cmocka_unit_test(large_runs_are_sampled_evenly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
