/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * units: the values that people write: times, sizes, rates, counts and sets; and how figures are shown.
 *
 * Every reader takes the whole text or refuses it, returns 0 or a negative errno (-EINVAL malformed, -ERANGE out of
 * range), and on failure tells where the first bad byte is and what is wrong, so that one caret printer serves
 * options, address keys and rule files alike.
 *
 * Times, sizes and rates go up to INT64_MAX, so that one added to units_now() or to an offset does not overflow.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_INF UINT64_MAX /* what "inf" reads as: no limit */

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_USEC 1000ULL

struct units_error {
	size_t offset; /* of the first bad byte */
	size_t length; /* how many bytes the caret underlines, at least 1 */
	char why[96];  /* "'x' is not a unit of time (ns us ms s m min h d)" */
};

/* NUM[UNIT]…, ns us ms s m min h d, fractions, sums from large to small (1m30s); no unit is seconds; inf. In ns. */
int units_time(const char *text, uint64_t *ns, struct units_error *error);

/* NUM[UNIT], K M G T = KiB … = 1024, kB MB GB TB = 1000, B; k m g as K M G; fractions; inf. In bytes. */
int units_size(const char *text, uint64_t *bytes, struct units_error *error);

/* A size a second, "/s" may follow; kbit Mbit Gbit = 1000 bits; inf. In bytes a second. */
int units_rate(const char *text, uint64_t *bytes_per_second, struct units_error *error);

/* A whole decimal number from min to max (both included). */
int units_count(const char *text, uint64_t min, uint64_t max, uint64_t *count, struct units_error *error);

/* A set of numbers: "22,80,1024-2000". Ranges are kept as written, in order; name (may be NULL) reads words, which is
 * what begins with a letter or 0x, up to the comma: 0, or a negative errno if it doesn't know it. */
struct units_range {
	uint64_t first, last;
};
struct units_set {
	struct units_range *ranges; /* owned by the set */
	size_t count;
};
typedef int units_name(const char *word, size_t length, uint64_t *number, void *context);
int units_set(const char *text, uint64_t min, uint64_t max, units_name *name, void *context, struct units_set *set,
              struct units_error *error);
void units_set_free(struct units_set *set);

/* For people; 32 bytes are enough for any. All return buf, "inf" for UNITS_INF. */
char *units_show_size(uint64_t bytes, char *buf, size_t size);  /* "1.2 GiB", "412 B" */
char *units_show_age(uint64_t ns, char *buf, size_t size);      /* the two largest units: "3d 4h", "2h", "12s" */
char *units_show_duration(uint64_t ns, char *buf, size_t size); /* in a sentence: "0.142 ms", "1.5 s", "2 h" */

/* The time of day, as in RFC 3339: UTC, microseconds, "2026-01-31T23:59:59.123456Z". Returns buf, of at least UNITS_STAMP
 * bytes. */
#define UNITS_STAMP 40
char *units_stamp(char *buf, size_t size);

/* CLOCK_MONOTONIC in ns. */
uint64_t units_now(void);

#endif
