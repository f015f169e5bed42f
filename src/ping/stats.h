/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stats: running statistics of times in ns, like those of ping(8): minimum, mean, maximum, mdev
 * (the population's standard deviation), the EWMA with weight 1/8, jitter (the mean absolute
 * difference of successive values), and percentiles from the values themselves.
 */
#ifndef PING_STATS_H
#define PING_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATS_BINS 48 /* 1 ns to 10^16 ns, three to a factor of ten: 1, 2, 5 */

struct stats {
	uint64_t count;
	uint64_t min, max, last; /* ns */
	double mean, m2; /* Welford's running mean and sum of squares, ns and ns^2 */
	double ewma; /* ns */
	double jitter_sum; /* ns */
	uint64_t *values; /* owned; all up to STATS_MAX_VALUES, after that a uniform sample */
	size_t kept, room;
	uint64_t bins[STATS_BINS]; /* how many of all values are in each */
	bool sorted; /* the values are sorted since the last addition */
};
#define STATS_MAX_VALUES (1u << 20)

void stats_add(struct stats *stats, uint64_t ns); /* start from a zeroed struct */
double stats_mdev(const struct stats *stats); /* ns */
double stats_jitter(const struct stats *stats); /* ns; 0 with fewer than two values */
/* The value in ns that percent of all values do not exceed (nearest rank), with percent from 0 to
 * 100; 0 without values. Sorts the values on first use after an addition. */
uint64_t stats_percentile(struct stats *stats, double percent);
/* The bin of a value, and the lower edge of a bin, in ns. */
size_t stats_bin(uint64_t ns);
uint64_t stats_bin_edge(size_t bin);
void stats_free(struct stats *stats);

#endif
