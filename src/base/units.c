/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Theory of operation: a reader walks a struct cursor along the text. All arithmetic is on whole
 * numbers of 128 bits, so nothing is rounded but what lies below one nanosecond or one byte. Digits
 * are read here, not by strtoull(3), which also takes blanks, signs and, by base, octal.
 */
#include "config.h"

#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ascii.h"
#include "base/utf8.h"
#include "base/util.h"

__extension__ typedef unsigned __int128 wide;

/* More are below anything that counts: 10^18 times a day in ns fits into 128 bits. */
#define FRACTION_DIGITS 18

struct cursor {
	const char *text;
	size_t at;
	struct mistake *error;
};

struct unit {
	const char *name;
	uint64_t scale; /* how much of the base unit it is */
	uint64_t divisor; /* and by what to divide; 0: nothing (bits are an eighth of a byte) */
};

struct number {
	size_t start;
	uint64_t whole;
	uint64_t fraction; /* of 10 to the power of digits */
	unsigned digits;
	bool zero; /* no digit but 0 was written */
};

/* How long the word at text is that a message quotes: a run of letters, else one character. */
static size_t word_length(const char *text)
{
	size_t length = 0;
	uint32_t point;

	while (is_letter(text[length]))
		length++;
	if (length == 0 && *text != '\0') {
		length = utf8_read(text, strlen(text), &point);
		if (length == 0)
			length = 1;
	}
	return length;
}

__attribute__((format(printf, 5, 6))) static int fail(const struct cursor *cursor, int error,
						      size_t offset, size_t length,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	mistake_vat(cursor->error, offset, length > 0 ? length : 1, NULL, format, arguments);
	va_end(arguments);
	return error;
}

/* "'x' is not WHAT", of the word at the cursor. */
static int fail_word(const struct cursor *cursor, const char *what)
{
	size_t length = word_length(cursor->text + cursor->at);
	char word[24];

	utf8_escape(cursor->text + cursor->at, length, word, sizeof(word));
	return fail(cursor, -EINVAL, cursor->at, length, "'%s' is not %s", word, what);
}

static int fail_number(const struct cursor *cursor)
{
	char c = cursor->text[cursor->at];

	if (c == '\0')
		return fail(cursor, -EINVAL, cursor->at, 1,
			    cursor->at == 0 ? "it is empty" : "a number is missing");
	return fail_word(cursor, is_letter(c) && cursor->at == 0 ? "a number" : "a digit");
}

/* The digits of a whole number. They may be too many for 64 bits: *overflow. */
static int read_digits(struct cursor *cursor, uint64_t *number, bool *overflow)
{
	size_t start = cursor->at;

	*number = 0;
	*overflow = false;
	for (; is_digit(cursor->text[cursor->at]); cursor->at++) {
		unsigned digit = (unsigned)(cursor->text[cursor->at] - '0');

		if (__builtin_mul_overflow(*number, UINT64_C(10), number) ||
		    __builtin_add_overflow(*number, (uint64_t)digit, number))
			*overflow = true;
	}
	if (cursor->at == start)
		return fail_number(cursor);
	if (cursor->text[start] == '0' && cursor->at > start + 1)
		return fail(cursor, -EINVAL, start, 1, "a number must not start with 0");
	return 0;
}

static void read_fraction(struct cursor *cursor, struct number *number)
{
	for (; is_digit(cursor->text[cursor->at]); cursor->at++) {
		unsigned digit = (unsigned)(cursor->text[cursor->at] - '0');

		if (digit != 0)
			number->zero = false;
		if (number->digits < FRACTION_DIGITS) {
			number->fraction = number->fraction * 10 + digit;
			number->digits++;
		}
	}
}

/* NUM: "12", "1.5", ".5" */
static int read_number(struct cursor *cursor, struct number *number)
{
	bool overflow = false;
	int error;

	*number = (struct number){ .start = cursor->at, .zero = true };
	if (cursor->text[cursor->at] != '.' || !is_digit(cursor->text[cursor->at + 1])) {
		error = read_digits(cursor, &number->whole, &overflow);
		if (error < 0)
			return error;
		if (overflow)
			return fail(cursor, -ERANGE, number->start, cursor->at - number->start,
				    "it is too large");
		number->zero = number->whole == 0;
	}
	if (cursor->text[cursor->at] == '.') {
		cursor->at++;
		if (!is_digit(cursor->text[cursor->at]))
			return fail(cursor, -EINVAL, cursor->at - 1, 1,
				    "a digit must follow the point");
		read_fraction(cursor, number);
	}
	return 0;
}

/* Looks up the letters at the cursor in units; no letters are the unit "". NULL: unknown unit. */
static const struct unit *read_unit(struct cursor *cursor, const struct unit *units)
{
	const char *word = cursor->text + cursor->at;
	size_t length = 0;

	while (is_letter(word[length]))
		length++;
	for (; units->name != NULL; units++)
		if (strlen(units->name) == length && memcmp(units->name, word, length) == 0) {
			cursor->at += length;
			return units;
		}
	return NULL;
}

void units_no_inf(struct mistake *error)
{
	static const char reason[] = "it is too large";
	char *found = strstr(error->why, reason);

	if (found)
		found[strlen(reason)] = '\0';
}

/* The value of a number in a unit, added to *sum. */
static int add_scaled(const struct cursor *cursor, const struct number *number,
		      const struct unit *unit, uint64_t *sum)
{
	uint64_t divisor = unit->divisor > 0 ? unit->divisor : 1, power = 1;
	size_t length = cursor->at - number->start;
	wide value, part;

	for (unsigned i = 0; i < number->digits; i++)
		power *= 10;
	part = ((wide)number->fraction * unit->scale / divisor + power / 2) / power;
	value = (wide)number->whole * unit->scale / divisor + part;
	if (value == 0 && !number->zero)
		return fail(cursor, -ERANGE, number->start, length, "it is too small");
	value += *sum;
	if (value > INT64_MAX)
		return fail(cursor, -ERANGE, number->start, length,
			    "it is too large; write inf for no limit");
	*sum = (uint64_t)value;
	return 0;
}

int units_time(const char *text, uint64_t *ns, struct mistake *error)
{
	static const struct unit units[] = {
		{ "ns", 1, 0 },
		{ "us", NSEC_PER_USEC, 0 },
		{ "ms", NSEC_PER_MSEC, 0 },
		{ "s", NSEC_PER_SEC, 0 },
		{ "m", 60 * NSEC_PER_SEC, 0 },
		{ "min", 60 * NSEC_PER_SEC, 0 },
		{ "h", 3600 * NSEC_PER_SEC, 0 },
		{ "d", 86400 * NSEC_PER_SEC, 0 },
		{ "", NSEC_PER_SEC, 0 },
		{ NULL, 0, 0 },
	};
	struct cursor cursor = { .text = text, .error = error };
	uint64_t sum = 0, last = UINT64_MAX;

	if (strcmp(text, "inf") == 0) {
		*ns = UNITS_INF;
		return 0;
	}
	do {
		struct number number;
		const struct unit *unit;
		int status = read_number(&cursor, &number);
		size_t after = cursor.at;

		if (status < 0)
			return status;
		unit = read_unit(&cursor, units);
		if (unit == NULL || (*unit->name == '\0' && text[cursor.at] != '\0'))
			return fail_word(&cursor, "a unit of time (ns us ms s m min h d)");
		if (*unit->name == '\0' && number.start > 0)
			return fail(&cursor, -EINVAL, number.start, after - number.start,
				    "the last number has no unit");
		if (unit->scale >= last)
			return fail(&cursor, -EINVAL, after, cursor.at - after,
				    "units go from large to small (1m30s)");
		last = unit->scale;
		status = add_scaled(&cursor, &number, unit, &sum);
		if (status < 0)
			return status;
	} while (text[cursor.at] != '\0');
	*ns = sum;
	return 0;
}

#define KIB UINT64_C(1024)
#define SIZE_UNITS                                                                        \
	{ "", 1, 0 }, { "B", 1, 0 }, { "K", KIB, 0 }, { "k", KIB, 0 }, { "KiB", KIB, 0 }, \
		{ "kB", 1000, 0 }, { "KB", 1000, 0 }, { "M", KIB * KIB, 0 },              \
		{ "m", KIB * KIB, 0 }, { "MiB", KIB * KIB, 0 }, { "MB", 1000000, 0 },     \
		{ "G", KIB * KIB * KIB, 0 }, { "g", KIB * KIB * KIB, 0 },                 \
		{ "GiB", KIB * KIB * KIB, 0 }, { "GB", 1000000000, 0 },                   \
		{ "T", KIB * KIB * KIB * KIB, 0 }, { "TiB", KIB * KIB * KIB * KIB, 0 },   \
	{                                                                                 \
		"TB", UINT64_C(1000000000000), 0                                          \
	}

/* A number and one unit; for a rate "/s" may follow. */
static int read_bytes(const char *text, const struct unit *units, const char *what, bool rate,
		      uint64_t *bytes, struct mistake *error)
{
	struct cursor cursor = { .text = text, .error = error };
	struct number number;
	const struct unit *unit;
	uint64_t sum = 0;
	int status;

	if (strcmp(text, "inf") == 0) {
		*bytes = UNITS_INF;
		return 0;
	}
	status = read_number(&cursor, &number);
	if (status < 0)
		return status;
	unit = read_unit(&cursor, units);
	if (unit == NULL)
		return fail_word(&cursor, what);
	status = add_scaled(&cursor, &number, unit, &sum);
	if (status < 0)
		return status;
	if (rate && strcmp(text + cursor.at, "/s") == 0)
		cursor.at += 2;
	if (text[cursor.at] != '\0' && *unit->name == '\0')
		return fail_word(&cursor, what);
	if (text[cursor.at] != '\0')
		return fail(&cursor, -EINVAL, cursor.at, strlen(text + cursor.at),
			    rate ? "nothing but /s may follow the unit"
				 : "nothing may follow the unit");
	*bytes = sum;
	return 0;
}

int units_size(const char *text, uint64_t *bytes, struct mistake *error)
{
	static const struct unit units[] = { SIZE_UNITS, { NULL, 0, 0 } };

	return read_bytes(text, units, "a unit of size (B K M G T = 1024, kB MB GB TB = 1000)",
			  false, bytes, error);
}

int units_rate(const char *text, uint64_t *bytes_per_second, struct mistake *error)
{
	static const struct unit units[] = {
		SIZE_UNITS,
		{ "kbit", 1000, 8 },
		{ "Mbit", 1000000, 8 },
		{ "Gbit", 1000000000, 8 },
		{ NULL, 0, 0 },
	};

	return read_bytes(text, units, "a unit of rate (B K M G T kB MB GB TB kbit Mbit Gbit)",
			  true, bytes_per_second, error);
}

/* A whole number from min to max at the cursor. */
static int read_count(struct cursor *cursor, uint64_t min, uint64_t max, uint64_t *count)
{
	size_t start = cursor->at, length;
	bool overflow;
	char digits[24];
	int error = read_digits(cursor, count, &overflow);

	if (error < 0)
		return error;
	length = cursor->at - start;
	utf8_escape(cursor->text + start, length, digits, sizeof(digits));
	if (overflow || *count > max)
		return fail(cursor, -ERANGE, start, length, "%s is above %" PRIu64, digits, max);
	if (*count < min)
		return fail(cursor, -ERANGE, start, length, "%s is below %" PRIu64, digits, min);
	return 0;
}

int units_count(const char *text, uint64_t min, uint64_t max, uint64_t *count,
		struct mistake *error)
{
	struct cursor cursor = { .text = text, .error = error };
	uint64_t number;
	int status = read_count(&cursor, min, max, &number);

	/* 3abc is wrong at the a, even where 3 is out of range too */
	if (cursor.at > 0 && text[cursor.at] != '\0')
		return fail_word(&cursor, "a digit");
	if (status == 0)
		*count = number;
	return status;
}

struct bounds {
	uint64_t min, max;
	units_name *name;
	void *context;
};

/* A word of a set that the caller knows the number of. */
static int read_name(struct cursor *cursor, const struct bounds *bounds, struct units_range *range)
{
	size_t start = cursor->at, length = strcspn(cursor->text + start, ",");
	uint64_t number;
	char word[40];
	int error = bounds->name(cursor->text + start, length, &number, bounds->context);

	utf8_escape(cursor->text + start, length, word, sizeof(word));
	if (error < 0)
		return fail(cursor, -EINVAL, start, length,
			    "'%s' is neither a number nor a known name", word);
	if (number < bounds->min || number > bounds->max)
		return fail(cursor, -ERANGE, start, length, "'%s' is not allowed here", word);
	cursor->at += length;
	*range = (struct units_range){ number, number };
	return 0;
}

/* "22", "1024-2000" or a name */
static int read_range(struct cursor *cursor, const struct bounds *bounds, struct units_range *range)
{
	const char *text = cursor->text + cursor->at;
	size_t start = cursor->at;
	int error;

	if (bounds->name != NULL &&
	    (is_letter(text[0]) || (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))))
		return read_name(cursor, bounds, range);
	error = read_count(cursor, bounds->min, bounds->max, &range->first);
	if (error < 0)
		return error;
	range->last = range->first;
	if (cursor->text[cursor->at] == '-') {
		cursor->at++;
		error = read_count(cursor, bounds->min, bounds->max, &range->last);
		if (error < 0)
			return error;
	}
	if (range->last < range->first)
		return fail(cursor, -EINVAL, start, cursor->at - start, "the range runs backwards");
	if (cursor->text[cursor->at] != '\0' && cursor->text[cursor->at] != ',')
		return fail_word(cursor, "a digit, '-' or ','");
	return 0;
}

int units_set(const char *text, uint64_t min, uint64_t max, units_name *name, void *context,
	      struct units_set *set, struct mistake *error)
{
	struct cursor cursor = { .text = text, .error = error };
	struct bounds bounds = { min, max, name, context };
	int status;

	*set = (struct units_set){ 0 };
	for (;;) {
		struct units_range range, *grown;

		status = read_range(&cursor, &bounds, &range);
		if (status < 0)
			break;
		grown = reallocarray(set->ranges, set->count + 1, sizeof(range));
		if (grown == NULL) {
			status = fail(&cursor, -ENOMEM, 0, 1, "out of memory");
			break;
		}
		set->ranges = grown;
		set->ranges[set->count++] = range;
		if (text[cursor.at] == '\0')
			return 0;
		cursor.at++; /* the comma */
	}
	units_set_free(set);
	return status;
}

void units_set_free(struct units_set *set)
{
	free(set->ranges);
	*set = (struct units_set){ 0 };
}

char *units_show_size(uint64_t bytes, char *buf, size_t size)
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	uint64_t tenths = 0;
	unsigned i = 0;

	if (bytes == UNITS_INF) {
		snprintf(buf, size, "inf");
		return buf;
	}
	if (bytes < 1024) {
		snprintf(buf, size, "%" PRIu64 " B", bytes);
		return buf;
	}
	for (;; i++) {
		wide scale = (wide)1 << (10 * (i + 1));

		tenths = (uint64_t)(((wide)bytes * 10 + scale / 2) / scale);
		if (tenths < 10240 || i + 1 == ARRAY_SIZE(names)) /* 1024.0 is 1.0 of the next */
			break;
	}
	snprintf(buf, size, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, names[i]);
	return buf;
}

char *units_show_age(uint64_t ns, char *buf, size_t size)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	uint64_t seconds = ns / NSEC_PER_SEC, second;
	size_t i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	second = i < 3 ? seconds % units[i].seconds / units[i + 1].seconds : 0;
	if (ns == UNITS_INF)
		snprintf(buf, size, "inf");
	else if (second == 0)
		snprintf(buf, size, "%" PRIu64 "%c", seconds / units[i].seconds, units[i].letter);
	else
		snprintf(buf, size, "%" PRIu64 "%c %" PRIu64 "%c", seconds / units[i].seconds,
			 units[i].letter, second, units[i + 1].letter);
	return buf;
}

/* value thousandths of a unit, without the zeros that say nothing: 1500 is "1.5 s" */
static char *show_thousandths(uint64_t value, const char *unit, char *buf, size_t size)
{
	unsigned rest = (unsigned)(value % 1000);
	int digits = 3;

	if (rest == 0) {
		snprintf(buf, size, "%" PRIu64 " %s", value / 1000, unit);
		return buf;
	}
	for (; rest % 10 == 0; rest /= 10)
		digits--;
	snprintf(buf, size, "%" PRIu64 ".%0*u %s", value / 1000, digits, rest, unit);
	return buf;
}

char *units_show_duration(uint64_t ns, char *buf, size_t size)
{
	static const struct {
		const char *name;
		uint64_t scale;
	} large[] = { { "d", 86400 * NSEC_PER_SEC },
		      { "h", 3600 * NSEC_PER_SEC },
		      { "min", 60 * NSEC_PER_SEC } };

	if (ns == UNITS_INF) {
		snprintf(buf, size, "inf");
		return buf;
	}
	/* Whole minutes, hours and days, but 60 s and 90 s as people say them */
	for (size_t i = 0; i < 3; i++)
		if (ns >= 2 * large[i].scale && ns % large[i].scale == 0) {
			snprintf(buf, size, "%" PRIu64 " %s", ns / large[i].scale, large[i].name);
			return buf;
		}
	if (ns == 0 || ns >= NSEC_PER_SEC)
		return show_thousandths(ns / NSEC_PER_MSEC, "s", buf, size);
	if (ns >= NSEC_PER_USEC)
		return show_thousandths(ns / NSEC_PER_USEC, "ms", buf, size);
	snprintf(buf, size, "%" PRIu64 " ns", ns);
	return buf;
}

char *units_stamp(char *buf, size_t size)
{
	struct timespec now;
	struct tm parts;
	size_t length;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	length = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(buf + length, size - length, ".%06ldZ", now.tv_nsec / 1000);
	return buf;
}

uint64_t units_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* can't fail: the clock and the pointer are valid */
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}
