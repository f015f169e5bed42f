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

#define LABEL_WIDTH 30

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

	units_show_duration(stats_bin_edge(bin), low, sizeof(low));
	units_show_duration(stats_bin_edge(bin + 1), high, sizeof(high));
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
	uint64_t most = 1;
	size_t first = stats_bin(stats->min), last = stats_bin(stats->max);
	unsigned columns = log_width(1);
	size_t width = columns > LABEL_WIDTH + 11 ? columns - LABEL_WIDTH - 1 : 10;
	bool utf8 = ping_utf8();

	for (size_t bin = first; bin <= last; bin++)
		most = stats->bins[bin] > most ? stats->bins[bin] : most;
	putchar('\n');
	for (size_t bin = first; bin <= last; bin++)
		print_bin(bin, stats->bins[bin], most, width, utf8);
}
