/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times, sizes, rates, counts and sets. What is read is what was written: a value that is printed
 * exactly is read as the same, and one that is printed for people as nearly the same. */
#include "config.h"

#include "driver.h"

#include <errno.h>
#include <inttypes.h>

#include "base/units.h"

#define INPUT_MAX 200

static char printed[64];

/* What was printed for people, without its blanks. */
static const char *without_blanks(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (*from != ' ')
			*to++ = *from;
	*to = '\0';
	return text;
}

static void mistake(const char *text, int status, const struct mistake *error)
{
	fuzz_check(status == -EINVAL || status == -ERANGE, "a refusal has one of two reasons");
	fuzz_check(*error->why, "what is refused has a reason");
	fuzz_check(error->offset <= strlen(text) && error->length >= 1, "the caret is in the text");
}

/* precision: in ns, by which the printed value may be smaller. */
static void nearly(const char *text, uint64_t ns, uint64_t precision)
{
	struct mistake error;
	uint64_t again;

	fuzz_check(units_time(text, &again, &error) == 0, "a printed time is read");
	fuzz_check(again <= ns && ns - again < precision, "a printed time is nearly the same");
}

static void times(const char *text)
{
	struct mistake error;
	uint64_t ns = 0, again;
	int status = units_time(text, &ns, &error);

	if (status < 0) {
		mistake(text, status, &error);
		return;
	}
	if (ns == UNITS_INF) {
		fuzz_check(strcmp(text, "inf") == 0, "only inf is without end");
		return;
	}
	fuzz_check(ns <= INT64_MAX, "a time can be added to another");
	snprintf(printed, sizeof(printed), "%" PRIu64 "ns", ns);
	fuzz_check(units_time(printed, &again, &error) == 0 && again == ns,
		   "a time in ns is read as the same");
	nearly(without_blanks(units_show_duration(ns, printed, 32)), ns,
	       ns >= NSEC_PER_SEC    ? NSEC_PER_MSEC
	       : ns >= NSEC_PER_USEC ? NSEC_PER_USEC
				     : 1);
	nearly(without_blanks(units_show_age(ns, printed, 32)), ns,
	       ns >= 86400 * NSEC_PER_SEC  ? 3600 * NSEC_PER_SEC
	       : ns >= 3600 * NSEC_PER_SEC ? 60 * NSEC_PER_SEC
					   : NSEC_PER_SEC);
}

/* The size as a rate, and with /s, if a unit is written. */
static void as_rate(const char *text, uint64_t bytes)
{
	char *longer = NULL;
	struct mistake error;
	uint64_t rate;

	fuzz_check(units_rate(text, &rate, &error) == 0 && rate == bytes,
		   "a size is a rate of the same value");
	if (bytes == UNITS_INF || asprintf(&longer, "%s/s", text) < 0)
		return;
	fuzz_check(units_rate(longer, &rate, &error) == 0 && rate == bytes,
		   "/s after a rate changes nothing");
	free(longer);
}

static void sizes(const char *text)
{
	struct mistake error;
	uint64_t bytes = 0, again;
	int status = units_size(text, &bytes, &error);

	if (status < 0) {
		mistake(text, status, &error);
		status = units_rate(text, &bytes, &error);
		if (status < 0)
			mistake(text, status, &error);
		else
			fuzz_check(bytes <= INT64_MAX, "a rate can be added to another");
		return;
	}
	as_rate(text, bytes);
	if (bytes == UNITS_INF) {
		fuzz_check(strcmp(text, "inf") == 0, "only inf is without end");
		return;
	}
	fuzz_check(bytes <= INT64_MAX, "a size can be added to another");
	snprintf(printed, sizeof(printed), "%" PRIu64, bytes);
	fuzz_check(units_size(printed, &again, &error) == 0 && again == bytes,
		   "a size in bytes is read as the same");
	units_show_size(bytes, printed, 32);
	if (bytes >= (uint64_t)1 << 50)
		return; /* it is shown in a unit that is not read */
	fuzz_check(units_size(without_blanks(printed), &again, &error) == 0,
		   "a printed size is read");
	fuzz_check((again > bytes ? again - bytes : bytes - again) <= bytes / 20,
		   "a printed size is nearly the same");
}

static void counts(const char *text)
{
	struct mistake error;
	uint64_t count = 0;
	int status = units_count(text, 2, 1 << 20, &count, &error);

	if (status < 0) {
		mistake(text, status, &error);
		fuzz_check(count == 0, "what is refused changes nothing");
		return;
	}
	snprintf(printed, sizeof(printed), "%" PRIu64, count);
	fuzz_check(strcmp(printed, text) == 0, "a number is written in one way only");
	fuzz_check(count >= 2 && count <= 1 << 20, "a number is within its range");
}

/* Names of one letter: a is 10, b is 11... */
static int letter(const char *word, size_t length, uint64_t *number, void *context)
{
	(void)context;
	if (length != 1 || *word < 'a' || *word > 'z')
		return -ENOENT;
	*number = (uint64_t)(*word - 'a') + 10;
	return 0;
}

static void sets(const char *text)
{
	struct units_set set, again;
	struct mistake error;
	char *all = NULL;
	size_t size;
	FILE *out;
	int status = units_set(text, 1, 65535, letter, NULL, &set, &error);

	if (status < 0) {
		mistake(text, status, &error);
		fuzz_check(!set.ranges && !set.count, "what is refused leaves nothing");
		return;
	}
	out = open_memstream(&all, &size);
	if (!out)
		exit(1);
	for (size_t i = 0; i < set.count; i++) {
		const struct units_range *range = &set.ranges[i];

		fuzz_check(range->first >= 1 && range->first <= range->last && range->last <= 65535,
			   "a range is within its limits");
		fprintf(out, "%s%" PRIu64 "-%" PRIu64, i ? "," : "", range->first, range->last);
	}
	fclose(out);
	fuzz_check(units_set(all, 1, 65535, letter, NULL, &again, &error) == 0 &&
			   again.count == set.count &&
			   memcmp(again.ranges, set.ranges, set.count * sizeof(*set.ranges)) == 0,
		   "a set that is printed is read as the same");
	units_set_free(&again);
	units_set_free(&set);
	free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size > INPUT_MAX)
		return 0;
	text = fuzz_text(data, size);
	times(text);
	sizes(text);
	counts(text);
	sets(text);
	free(text);
	return 0;
}

#ifndef FUZZER
static const struct fuzz_piece pieces[] = {
	PIECE("ns"),  PIECE("us"),  PIECE("ms"), PIECE("s"),   PIECE("m"),
	PIECE("min"), PIECE("h"),   PIECE("d"),	 PIECE("inf"), PIECE("K"),
	PIECE("KiB"), PIECE("kB"),  PIECE("GB"), PIECE("TiB"), PIECE("Gbit"),
	PIECE("/s"),  PIECE("1.5"), PIECE(".5"), PIECE("0"),   PIECE("9223372036854775807"),
	PIECE("1-2"), PIECE(","),   PIECE("-"),	 PIECE("0x1"), PIECE("\xff"),
	PIECE(" "),   PIECE("+"),   { NULL, 0 },
};

int main(int argc, char **argv)
{
	static const struct fuzz fuzz = {
		.what = "times, sizes, rates, counts and sets mean what they say",
		.corpus = "corpus-units",
		.input_max = INPUT_MAX,
		.runs = 50000,
		.pieces = pieces,
	};

	return fuzz_main(&fuzz, argc, argv);
}
#endif
