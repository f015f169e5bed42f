/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ping-histogram: times in logarithmic bins, three to a factor of ten (1, 2, 5), as bars as wide as
 * the terminal allows. */
#include "config.h"

#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ping/ping.h"

#define BINS_MAX 48 /* 1 ns to 10^16 ns */
#define LABEL_WIDTH 30

/* The lower edge of a bin, in ns. */
static uint64_t edge(size_t bin)
{
	static const uint64_t steps[] = { 1, 2, 5 };
	uint64_t value = steps[bin % 3];

	for (size_t i = 0; i < bin / 3; i++)
		value *= 10;
	return value;
}

static size_t bin_of(uint64_t ns)
{
	size_t bin = 0;

	while (bin + 1 < BINS_MAX && ns >= edge(bin + 1))
		bin++;
	return bin;
}

bool ping_utf8(void)
{
	setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* length in eighths of a column. */
static void print_bar(size_t eighths, bool utf8)
{
	static const char *const parts[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };

	if (!utf8) {
		for (size_t i = 0; i < (eighths + 4) / 8; i++)
			putchar('#');
		return;
	}
	for (size_t i = 0; i < eighths / 8; i++)
		fputs("█", stdout);
	fputs(parts[eighths % 8], stdout);
}

static void print_bin(size_t bin, uint64_t count, uint64_t most, size_t width, bool utf8)
{
	char low[32], high[32];
	size_t eighths = (size_t)((double)count / (double)most * (double)width * 8);

	units_show_duration(edge(bin), low, sizeof(low));
	units_show_duration(edge(bin + 1), high, sizeof(high));
	printf("%9s - %-9s %7llu ", low, high, (unsigned long long)count);
	/* what is there is seen */
	print_bar(count && eighths < 8 ? (utf8 && eighths ? eighths
					  : utf8	  ? 1
							  : 8)
				       : eighths,
		  utf8);
	putchar('\n');
}

void ping_histogram(const struct stats *stats)
{
	uint64_t counts[BINS_MAX] = { 0 }, most = 1;
	size_t first = bin_of(stats->min), last = bin_of(stats->max);
	unsigned columns = log_width(1);
	size_t width = columns > LABEL_WIDTH + 11 ? columns - LABEL_WIDTH - 1 : 10;
	bool utf8 = ping_utf8();

	for (size_t i = 0; i < stats->kept; i++)
		counts[bin_of(stats->values[i])]++;
	for (size_t bin = first; bin <= last; bin++)
		most = counts[bin] > most ? counts[bin] : most;
	putchar('\n');
	for (size_t bin = first; bin <= last; bin++)
		print_bin(bin, counts[bin], most, width, utf8);
}
