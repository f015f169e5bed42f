/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/units.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MAX_TEXT "9223372036854775807"

struct good {
	const char *text;
	uint64_t value;
};

struct bad {
	const char *text;
	int status;
	size_t offset, length;
	const char *why;
};

typedef int reader(const char *text, uint64_t *value, struct mistake *error);

static void check_good(reader *read, const struct good *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct mistake error = { 0 };
		uint64_t value = 1;
		int status = read(rows[i].text, &value, &error);

		if (status != 0 || value != rows[i].value)
			fail_msg("'%s': status %d, value %ju, expected %ju (%s)", rows[i].text,
				 status, (uintmax_t)value, (uintmax_t)rows[i].value, error.why);
	}
}

static void check_error(const char *text, int status, const struct mistake *error,
			const struct bad *want)
{
	if (status != want->status || error->offset != want->offset ||
	    error->length != want->length || strcmp(error->why, want->why) != 0)
		fail_msg("'%s': status %d at %zu+%zu: %s; expected %d at %zu+%zu: %s", text, status,
			 error->offset, error->length, error->why, want->status, want->offset,
			 want->length, want->why);
}

static void check_bad(reader *read, const struct bad *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct mistake error = { 0 };
		uint64_t value = 77;
		int status = read(rows[i].text, &value, &error);

		check_error(rows[i].text, status, &error, &rows[i]);
		assert_int_equal(value, 77); /* a refused value changes nothing */
	}
}

static void times_are_exact(void **state)
{
	static const struct good rows[] = {
		{ "0", 0 },
		{ "0s", 0 },
		{ "0.0", 0 },
		{ "1", 1000000000 },
		{ "10", 10000000000 },
		{ "1ns", 1 },
		{ "1us", 1000 },
		{ "1ms", 1000000 },
		{ "500ms", 500000000 },
		{ "2s", 2000000000 },
		{ "1m", 60000000000 },
		{ "1min", 60000000000 },
		{ "1h", 3600000000000 },
		{ "1d", 86400000000000 },
		{ "0.2", 200000000 },
		{ ".2", 200000000 },
		{ "0.1", 100000000 },
		{ "1.5s", 1500000000 },
		{ "0.000000001", 1 },
		{ "0.0000000005", 1 }, /* rounded to the nearest */
		{ "1.25ms", 1250000 },
		{ "0.5d", 43200000000000 },
		{ "1m30s", 90000000000 },
		{ "1min30s", 90000000000 },
		{ "1d2h3m4s5ms6us7ns", 93784005006007 },
		{ "1h0.5s", 3600500000000 },
		{ "9007199254.740993", 9007199254740993000 }, /* a double would be 1 us off */
		{ "9223372036.854775807", INT64_MAX },
		{ "9223372036854775807ns", INT64_MAX },
		{ "0.3333333333333333333333333333", 333333333 },
		{ "inf", UNITS_INF },
	};

	(void)state;
	check_good(units_time, rows, COUNT_OF(rows));
}

static void bad_times_are_refused(void **state)
{
	static const struct bad rows[] = {
		{ "", -EINVAL, 0, 1, "it is empty" },
		{ " 1", -EINVAL, 0, 1, "' ' is not a digit" },
		{ "+1", -EINVAL, 0, 1, "'+' is not a digit" },
		{ "-1", -EINVAL, 0, 1, "'-' is not a digit" },
		{ "abc", -EINVAL, 0, 3, "'abc' is not a number" },
		{ "Inf", -EINVAL, 0, 3, "'Inf' is not a number" },
		{ "infinity", -EINVAL, 0, 8, "'infinity' is not a number" },
		{ ".", -EINVAL, 0, 1, "'.' is not a digit" },
		{ "5x", -EINVAL, 1, 1, "'x' is not a unit of time (ns us ms s m min h d)" },
		{ "5S", -EINVAL, 1, 1, "'S' is not a unit of time (ns us ms s m min h d)" },
		{ "5sec", -EINVAL, 1, 3, "'sec' is not a unit of time (ns us ms s m min h d)" },
		{ "5 s", -EINVAL, 1, 1, "' ' is not a unit of time (ns us ms s m min h d)" },
		{ "5\n", -EINVAL, 1, 1, "'\\x0A' is not a unit of time (ns us ms s m min h d)" },
		{ "5\xc2\xb5s", -EINVAL, 1, 2, "'µ' is not a unit of time (ns us ms s m min h d)" },
		{ "5\xff", -EINVAL, 1, 1, "'\\xFF' is not a unit of time (ns us ms s m min h d)" },
		{ "1,5", -EINVAL, 1, 1, "',' is not a unit of time (ns us ms s m min h d)" },
		{ "1e3", -EINVAL, 1, 1, "'e' is not a unit of time (ns us ms s m min h d)" },
		{ "0x10", -EINVAL, 1, 1, "'x' is not a unit of time (ns us ms s m min h d)" },
		{ "1m5x", -EINVAL, 3, 1, "'x' is not a unit of time (ns us ms s m min h d)" },
		{ "1.2.3", -EINVAL, 3, 1, "'.' is not a unit of time (ns us ms s m min h d)" },
		{ "1.", -EINVAL, 1, 1, "a digit must follow the point" },
		{ "1.s", -EINVAL, 1, 1, "a digit must follow the point" },
		{ "05", -EINVAL, 0, 1, "a number must not start with 0" },
		{ "1m05s", -EINVAL, 2, 1, "a number must not start with 0" },
		{ "1m30", -EINVAL, 2, 2, "the last number has no unit" },
		{ "1s ", -EINVAL, 2, 1, "' ' is not a digit" },
		{ "1s-", -EINVAL, 2, 1, "'-' is not a digit" },
		{ "1s30m", -EINVAL, 4, 1, "units go from large to small (1m30s)" },
		{ "1s2s", -EINVAL, 3, 1, "units go from large to small (1m30s)" },
		{ "1m2min", -EINVAL, 3, 3, "units go from large to small (1m30s)" },
		{ "0.1ns", -ERANGE, 0, 5, "it is too small" },
		{ "9223372036854775808ns", -ERANGE, 0, 21,
		  "it is too large; write inf for no limit" },
		{ "9223372037s", -ERANGE, 0, 11, "it is too large; write inf for no limit" },
		{ "106751d23h48m", -ERANGE, 10, 3, "it is too large; write inf for no limit" },
		{ "18446744073709551616", -ERANGE, 0, 20, "it is too large" },
		{ "99999999999999999999999999999d", -ERANGE, 0, 29, "it is too large" },
	};

	(void)state;
	check_bad(units_time, rows, COUNT_OF(rows));
}

static void sizes_are_exact(void **state)
{
	static const struct good rows[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "412B", 412 },
		{ "64K", 65536 },
		{ "64k", 65536 },
		{ "64KiB", 65536 },
		{ "64kB", 64000 },
		{ "64KB", 64000 },
		{ "1M", 1048576 },
		{ "1m", 1048576 },
		{ "1MiB", 1048576 },
		{ "10MB", 10000000 },
		{ "1.5G", 1610612736 },
		{ "1g", 1073741824 },
		{ "2GiB", 2147483648 },
		{ "2GB", 2000000000 },
		{ "1T", 1099511627776 },
		{ "1TiB", 1099511627776 },
		{ "1TB", 1000000000000 },
		{ "0.5K", 512 },
		{ "0.001K", 1 },
		{ MAX_TEXT, INT64_MAX },
		{ "9007199254740993", 9007199254740993 },
		{ "inf", UNITS_INF },
	};

	(void)state;
	check_good(units_size, rows, COUNT_OF(rows));
}

static void bad_sizes_are_refused(void **state)
{
	static const struct bad rows[] = {
		{ "", -EINVAL, 0, 1, "it is empty" },
		{ "K", -EINVAL, 0, 1, "'K' is not a number" },
		{ "5x", -EINVAL, 1, 1,
		  "'x' is not a unit of size (B K M G T = 1024, kB MB GB TB = 1000)" },
		{ "5Kib", -EINVAL, 1, 3,
		  "'Kib' is not a unit of size (B K M G T = 1024, kB MB GB TB = 1000)" },
		{ "5Mbit", -EINVAL, 1, 4,
		  "'Mbit' is not a unit of size (B K M G T = 1024, kB MB GB TB = 1000)" },
		{ "5 K", -EINVAL, 1, 1,
		  "' ' is not a unit of size (B K M G T = 1024, kB MB GB TB = 1000)" },
		{ "5/s", -EINVAL, 1, 1,
		  "'/' is not a unit of size (B K M G T = 1024, kB MB GB TB = 1000)" },
		{ "5K/s", -EINVAL, 2, 2, "nothing may follow the unit" },
		{ "1G500M", -EINVAL, 2, 4, "nothing may follow the unit" },
		{ "0.1", -ERANGE, 0, 3, "it is too small" },
		{ "8388608T", -ERANGE, 0, 8, "it is too large; write inf for no limit" },
		{ "9223372036854775808", -ERANGE, 0, 19,
		  "it is too large; write inf for no limit" },
		{ "18446744073709551615", -ERANGE, 0, 20,
		  "it is too large; write inf for no limit" },
	};

	(void)state;
	check_bad(units_size, rows, COUNT_OF(rows));
}

static void rates_are_read(void **state)
{
	static const struct good good[] = {
		{ "10M", 10485760 },
		{ "10M/s", 10485760 },
		{ "10", 10 },
		{ "10/s", 10 },
		{ "100Mbit", 12500000 },
		{ "1Gbit/s", 125000000 },
		{ "8kbit", 1000 },
		{ "1kbit", 125 },
		{ "1.5Mbit", 187500 },
		{ "inf", UNITS_INF },
		{ "0", 0 },
	};
	static const struct bad bad[] = {
		{ "10Mbps", -EINVAL, 2, 4,
		  "'Mbps' is not a unit of rate (B K M G T kB MB GB TB kbit Mbit Gbit)" },
		{ "10M/m", -EINVAL, 3, 2, "nothing but /s may follow the unit" },
		{ "10M/", -EINVAL, 3, 1, "nothing but /s may follow the unit" },
		{ "10M/sec", -EINVAL, 3, 4, "nothing but /s may follow the unit" },
		{ "10/m", -EINVAL, 2, 1,
		  "'/' is not a unit of rate (B K M G T kB MB GB TB kbit Mbit Gbit)" },
		{ "inf/s", -EINVAL, 0, 3, "'inf' is not a number" },
	};

	(void)state;
	check_good(units_rate, good, COUNT_OF(good));
	check_bad(units_rate, bad, COUNT_OF(bad));
}

static int read_port(const char *text, uint64_t *value, struct mistake *error)
{
	return units_count(text, 1, 65535, value, error);
}

static int read_any(const char *text, uint64_t *value, struct mistake *error)
{
	return units_count(text, 0, UINT64_MAX, value, error);
}

static void counts_are_in_range(void **state)
{
	static const struct good good[] = { { "1", 1 }, { "22", 22 }, { "65535", 65535 } };
	static const struct good any[] = { { "0", 0 }, { "18446744073709551615", UINT64_MAX } };
	static const struct bad bad[] = {
		{ "", -EINVAL, 0, 1, "it is empty" },
		{ "0", -ERANGE, 0, 1, "0 is below 1" },
		{ "70000", -ERANGE, 0, 5, "70000 is above 65535" },
		{ "18446744073709551616", -ERANGE, 0, 20, "18446744073709551616 is above 65535" },
		{ "3abc", -EINVAL, 1, 3, "'abc' is not a digit" },
		{ "70000x", -EINVAL, 5, 1, "'x' is not a digit" },
		{ "x", -EINVAL, 0, 1, "'x' is not a number" },
		{ "010", -EINVAL, 0, 1, "a number must not start with 0" },
		{ "0x10", -EINVAL, 1, 1, "'x' is not a digit" },
		{ "1.5", -EINVAL, 1, 1, "'.' is not a digit" },
		{ "5K", -EINVAL, 1, 1, "'K' is not a digit" },
		{ "+5", -EINVAL, 0, 1, "'+' is not a digit" },
		{ "-1", -EINVAL, 0, 1, "'-' is not a digit" },
		{ " 5", -EINVAL, 0, 1, "' ' is not a digit" },
		{ "5 ", -EINVAL, 1, 1, "' ' is not a digit" },
		{ "1e3", -EINVAL, 1, 1, "'e' is not a digit" },
	};

	(void)state;
	check_good(read_port, good, COUNT_OF(good));
	check_good(read_any, any, COUNT_OF(any));
	check_bad(read_port, bad, COUNT_OF(bad));
}

/* Knows "web" and "far-away"; context counts how often it was asked. */
static int read_web(const char *word, size_t length, uint64_t *number, void *context)
{
	++*(int *)context;
	if (length == 3 && memcmp(word, "web", 3) == 0)
		*number = 3;
	else if (length == 8 && memcmp(word, "far-away", 8) == 0)
		*number = 70000;
	else
		return -ENOENT;
	return 0;
}

static void sets_keep_their_order(void **state)
{
	static const struct units_range want[] = {
		{ 22, 22 }, { 80, 80 }, { 1024, 2000 }, { 3, 3 }, { 5, 5 }
	};
	struct mistake error;
	struct units_set set;
	int asked = 0;

	(void)state;
	assert_int_equal(
		units_set("22,80,1024-2000,web,5-5", 1, 65535, read_web, &asked, &set, &error), 0);
	assert_int_equal(set.count, 5);
	assert_memory_equal(set.ranges, want, sizeof(want));
	assert_int_equal(asked, 1);
	units_set_free(&set);
	assert_null(set.ranges);
	assert_int_equal(set.count, 0);
	assert_int_equal(
		units_set("0-18446744073709551615", 0, UINT64_MAX, NULL, NULL, &set, &error), 0);
	assert_int_equal(set.count, 1);
	assert_int_equal(set.ranges[0].last, UINT64_MAX);
	units_set_free(&set);
}

static void bad_sets_are_refused(void **state)
{
	static const struct bad rows[] = {
		{ "", -EINVAL, 0, 1, "it is empty" },
		{ "22,", -EINVAL, 3, 1, "a number is missing" },
		{ ",22", -EINVAL, 0, 1, "',' is not a digit" },
		{ "22,,80", -EINVAL, 3, 1, "',' is not a digit" },
		{ "22, 80", -EINVAL, 3, 1, "' ' is not a digit" },
		{ "22 80", -EINVAL, 2, 1, "' ' is not a digit, '-' or ','" },
		{ "22-", -EINVAL, 3, 1, "a number is missing" },
		{ "-22", -EINVAL, 0, 1, "'-' is not a digit" },
		{ "22-80-90", -EINVAL, 5, 1, "'-' is not a digit, '-' or ','" },
		{ "1,80-22", -EINVAL, 2, 5, "the range runs backwards" },
		{ "1,70000", -ERANGE, 2, 5, "70000 is above 65535" },
		{ "1-70000", -ERANGE, 2, 5, "70000 is above 65535" },
		{ "0", -ERANGE, 0, 1, "0 is below 1" },
		{ "1,webb,2", -EINVAL, 2, 4, "'webb' is neither a number nor a known name" },
		{ "far-away", -ERANGE, 0, 8, "'far-away' is not allowed here" },
		{ "0x3", -EINVAL, 0, 3, "'0x3' is neither a number nor a known name" },
	};
	struct mistake error;
	struct units_set set;
	int asked = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int status = units_set(rows[i].text, 1, 65535, read_web, &asked, &set, &error);

		check_error(rows[i].text, status, &error, &rows[i]);
		assert_null(set.ranges);
	}
	assert_int_equal(units_set("web", 1, 65535, NULL, NULL, &set, &error), -EINVAL);
	assert_string_equal(error.why, "'web' is not a number");
}

/* Whatever is wrong, the error must fit: offsets within the text, a message. */
static void errors_stay_within_the_text(void **state)
{
	static const char alphabet[] = "019.,-+ smhdKx\xc3/";
	static reader *const readers[] = { units_time, units_size, units_rate, read_port };
	uint32_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 200000; round++) {
		char text[9] = "";
		struct mistake error = { 0 };
		uint64_t value;

		for (size_t i = 0; i < 1 + seed % 8; i++) {
			text[i] = alphabet[(seed >> 8) % (sizeof(alphabet) - 1)];
			seed = seed * 1103515245 + 12345;
		}
		seed = seed * 1103515245 + 12345;
		if (readers[round % 4](text, &value, &error) == 0)
			continue;
		if (error.offset > strlen(text) || error.length < 1 || *error.why == '\0' ||
		    (error.offset < strlen(text) && error.offset + error.length > strlen(text)))
			fail_msg("'%s': at %zu+%zu: %s", text, error.offset, error.length,
				 error.why);
	}
}

static void figures_are_shown(void **state)
{
	static const struct good sizes[] = {
		{ "0 B", 0 },
		{ "412 B", 412 },
		{ "1023 B", 1023 },
		{ "1.0 KiB", 1024 },
		{ "1.5 KiB", 1536 },
		{ "1023.9 KiB", 1048474 },
		{ "1.0 MiB", 1048575 },
		{ "1.0 MiB", 1048576 },
		{ "1.2 MiB", 1258291 },
		{ "1.2 GiB", 1288490189 },
		{ "48.1 GiB", 51646981734 },
		{ "1.0 TiB", 1099511627776 },
		{ "8.0 EiB", INT64_MAX },
		{ "16.0 EiB", UINT64_MAX - 1 },
		{ "inf", UNITS_INF },
	};
	static const struct good ages[] = {
		{ "0s", 0 },
		{ "0s", 999999999 },
		{ "12s", 12000000000 },
		{ "1m", 60000000000 },
		{ "1m 30s", 90000000000 },
		{ "5m", 300000000000 },
		{ "2h", 7200000000000 },
		{ "2h", 7210000000000 },
		{ "2h 3m", 7380000000000 },
		{ "3d 4h", 273600000000000 },
		{ "3d", 259260000000000 },
		{ "inf", UNITS_INF },
	};
	static const struct good durations[] = {
		{ "0 s", 0 },
		{ "250 ns", 250 },
		{ "0.142 ms", 142000 },
		{ "0.142 ms", 142999 },
		{ "1 ms", 1000000 },
		{ "1.5 ms", 1500000 },
		{ "500 ms", 500000000 },
		{ "999.999 ms", 999999999 },
		{ "1 s", 1000000000 },
		{ "1.5 s", 1500000000 },
		{ "1.25 s", 1250000000 },
		{ "1.005 s", 1005000000 },
		{ "10 s", 10000000000 },
		{ "60 s", 60000000000 },
		{ "90 s", 90000000000 },
		{ "2 min", 120000000000 },
		{ "121 s", 121000000000 },
		{ "60 min", 3600000000000 },
		{ "2 h", 7200000000000 },
		{ "2 d", 172800000000000 },
		{ "inf", UNITS_INF },
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		assert_string_equal(units_show_size(sizes[i].value, buf, sizeof(buf)),
				    sizes[i].text);
	for (size_t i = 0; i < COUNT_OF(ages); i++)
		assert_string_equal(units_show_age(ages[i].value, buf, sizeof(buf)), ages[i].text);
	for (size_t i = 0; i < COUNT_OF(durations); i++)
		assert_string_equal(units_show_duration(durations[i].value, buf, sizeof(buf)),
				    durations[i].text);
}

static void the_time_of_day_is_a_stamp(void **state)
{
	char buf[UNITS_STAMP];
	struct tm parts = { 0 };
	const char *rest;
	time_t before = time(NULL), told;

	(void)state;
	rest = strptime(units_stamp(buf, sizeof(buf)), "%Y-%m-%dT%H:%M:%S", &parts);
	assert_non_null(rest);
	assert_int_equal(strlen(rest), strlen(".123456Z"));
	assert_int_equal(strspn(rest, ".0123456789"), strlen(".123456"));
	assert_int_equal(rest[strlen(".123456")], 'Z');
	told = timegm(&parts);
	assert_in_range(told, before, time(NULL) + 1); /* time() may lag behind by a tick */
}

static void the_clock_goes_forward(void **state)
{
	uint64_t before = units_now();

	(void)state;
	assert_true(before > 0);
	assert_true(units_now() >= before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_exact),
		cmocka_unit_test(bad_times_are_refused),
		cmocka_unit_test(sizes_are_exact),
		cmocka_unit_test(bad_sizes_are_refused),
		cmocka_unit_test(rates_are_read),
		cmocka_unit_test(counts_are_in_range),
		cmocka_unit_test(sets_keep_their_order),
		cmocka_unit_test(bad_sets_are_refused),
		cmocka_unit_test(errors_stay_within_the_text),
		cmocka_unit_test(figures_are_shown),
		cmocka_unit_test(the_time_of_day_is_a_stamp),
		cmocka_unit_test(the_clock_goes_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
