/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * units: reads the values that people write (times, sizes, rates, counts and sets) and formats
 * figures for people.
 *
 * Every reader accepts the whole text or refuses it. It returns 0, or on failure a negative errno
 * (-EINVAL malformed, -ERANGE out of range) with *error filled in.
 *
 * Times, sizes and rates go up to INT64_MAX, so that adding one to units_now() or to an offset
 * cannot overflow.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "base/mistake.h"

#define UNITS_INF UINT64_MAX /* the value of "inf": no limit */

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_USEC 1000ULL

/* NUM[UNIT]…, ns us ms s m min h d, fractions, sums from large to small (1m30s); no unit is
 * seconds; inf. In ns. */
int units_time(const char *text, uint64_t *ns, struct mistake *error);
/* Takes back the advice to write inf, which the mistake of a number that is too large has, where
 * inf is not accepted. */
void units_no_inf(struct mistake *error);

/* NUM[UNIT], K M G T = KiB … = 1024, kB MB GB TB = 1000, B; k m g as K M G; fractions; inf. In
 * bytes. */
int units_size(const char *text, uint64_t *bytes, struct mistake *error);

/* A size per second, optionally with "/s"; kbit Mbit Gbit = 1000 bits; inf. In bytes per second. */
int units_rate(const char *text, uint64_t *bytes_per_second, struct mistake *error);

/* A whole decimal number from min to max (both included). */
int units_count(const char *text, uint64_t min, uint64_t max, uint64_t *count,
		struct mistake *error);

/* A set of numbers: "22,80,1024-2000". Ranges stay in the order written. name (may be NULL) reads
 * words, that is, items that begin with a letter or 0x: 0, or a negative errno for an unknown word.
 */
struct units_range {
	uint64_t first, last;
};
struct units_set {
	struct units_range *ranges; /* owned by the set */
	size_t count;
};
typedef int units_name(const char *word, size_t length, uint64_t *number, void *context);
int units_set(const char *text, uint64_t min, uint64_t max, units_name *name, void *context,
	      struct units_set *set, struct mistake *error);
void units_set_free(struct units_set *set);

/* Format a value for people; 32 bytes are always enough. All return buf, with "inf" for UNITS_INF.
 */
/* "1.2 GiB", "412 B" */
char *units_show_size(uint64_t bytes, char *buf, size_t size);
/* The two largest units: "3d 4h", "2h", "12s". */
char *units_show_age(uint64_t ns, char *buf, size_t size);
/* In a sentence: "0.142 ms", "1.5 s", "2 h". */
char *units_show_duration(uint64_t ns, char *buf, size_t size);

/* The time of day, as in RFC 3339: UTC, microseconds, "2026-01-31T23:59:59.123456Z". Returns buf,
 * of at least UNITS_STAMP bytes. */
#define UNITS_STAMP 40
char *units_stamp(char *buf, size_t size);

/* CLOCK_MONOTONIC in ns. */
uint64_t units_now(void);

#endif
