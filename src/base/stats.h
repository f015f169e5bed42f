/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stats: running statistics of times in ns, as ping(8) keeps them: minimum, mean, maximum, mdev (the population's
 * standard deviation), the smoothed EWMA of weight 1/8, jitter (mean of absolute differences of neighbours), and
 * percentiles from the values themselves.
 */
#ifndef BASE_STATS_H
#define BASE_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stats {
	uint64_t count;
	uint64_t min, max, last; /* ns */
	double mean, m2;         /* Welford's running mean and sum of squares, ns and ns^2 */
	double ewma;             /* ns */
	double jitter_sum;       /* ns */
	uint64_t *values;        /* owned; grown by doubling, up to STATS_MAX_VALUES, after that a uniform sample */
	size_t kept, room;
	bool sorted; /* the values, since the last addition */
};
#define STATS_MAX_VALUES (1u << 20)

void stats_add(struct stats *stats, uint64_t ns); /* start from a zeroed struct */
double stats_mdev(const struct stats *stats);     /* ns */
double stats_jitter(const struct stats *stats);   /* ns; 0 below two values */
/* The value that percent of all values do not exceed (nearest rank), percent in 0 to 100; ns; 0 where empty.
 * Sorts the values on first use after an addition. */
uint64_t stats_percentile(struct stats *stats, double percent);
void stats_free(struct stats *stats);

#endif
