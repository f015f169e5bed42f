/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "ping/stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

uint64_t stats_bin_edge(size_t bin)
{
	static const uint64_t steps[] = { 1, 2, 5 };
	uint64_t value = steps[bin % 3];

	for (size_t i = 0; i < bin / 3; i++)
		value *= 10;
	return value;
}

size_t stats_bin(uint64_t ns)
{
	uint64_t decade = 1;
	size_t bin = 0;

	for (; bin + 3 < STATS_BINS && ns >= 10 * decade; bin += 3)
		decade *= 10;
	return bin + (ns >= 2 * decade) + (ns >= 5 * decade);
}

/*
 * A number below bound that depends on count alone (the finalizer of splitmix64): which values a
 * sample keeps needs no secret, and the same run gives the same figures again.
 */
static uint64_t pick(uint64_t count, uint64_t bound)
{
	uint64_t mixed = count * UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return (mixed ^ mixed >> 31) % bound;
}

/* Room for one more value, up to the maximum; without memory the sample stays as large as it is. */
static bool has_room(struct stats *stats)
{
	size_t room = stats->room == 0 ? 64 : stats->room * 2;
	uint64_t *grown;

	if (stats->kept < stats->room)
		return true;
	if (stats->room >= STATS_MAX_VALUES)
		return false;
	grown = reallocarray(stats->values, room, sizeof(*grown));
	if (grown == NULL)
		return false;
	stats->values = grown;
	stats->room = room;
	return true;
}

/* Algorithm R: the n-th value replaces one of the kept with probability kept / n. That the values
 * may have been sorted meanwhile does no harm: which of them goes is random anyway. */
static void keep(struct stats *stats, uint64_t ns)
{
	uint64_t place;

	stats->sorted = false;
	if (has_room(stats)) {
		stats->values[stats->kept++] = ns;
		return;
	}
	place = pick(stats->count, stats->count);
	if (place < stats->kept)
		stats->values[place] = ns;
}

void stats_add(struct stats *stats, uint64_t ns)
{
	double value = (double)ns, delta = value - stats->mean;

	stats->count++;
	stats->mean += delta / (double)stats->count;
	stats->m2 += delta * (value - stats->mean);
	if (stats->count == 1) {
		stats->min = stats->max = ns;
		stats->ewma = value;
	} else {
		stats->ewma += (value - stats->ewma) / 8;
		stats->jitter_sum += fabs(value - (double)stats->last);
	}
	if (ns < stats->min)
		stats->min = ns;
	if (ns > stats->max)
		stats->max = ns;
	stats->last = ns;
	stats->bins[stats_bin(ns)]++;
	keep(stats, ns);
}

double stats_mdev(const struct stats *stats)
{
	return stats->count > 0 ? sqrt(stats->m2 / (double)stats->count) : 0;
}

double stats_jitter(const struct stats *stats)
{
	return stats->count > 1 ? stats->jitter_sum / (double)(stats->count - 1) : 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

	return (first > second) - (first < second);
}

uint64_t stats_percentile(struct stats *stats, double percent)
{
	double rank;
	size_t index;

	if (stats->kept == 0)
		return 0;
	if (!stats->sorted)
		qsort(stats->values, stats->kept, sizeof(*stats->values), compare);
	stats->sorted = true;
	/* 99.9 is a little more than 999/1000 in binary: without the allowance 1000 values give the
	 * last, not the 999th */
	rank = ceil(percent / 100 * (double)stats->kept - 1e-9);
	index = rank < 1 ? 0 : (size_t)rank - 1;
	return stats->values[index < stats->kept ? index : stats->kept - 1];
}

void stats_free(struct stats *stats)
{
	free(stats->values);
	*stats = (struct stats){ 0 };
}
