/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/mistake.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COMPARED_MAX 40

int mistake_vat(struct mistake *mistake, size_t offset, size_t length, const char *hint,
		const char *format, va_list args)
{
	*mistake = (struct mistake){ .offset = offset, .length = length };
	vsnprintf(mistake->why, sizeof(mistake->why), format, args);
	if (hint)
		snprintf(mistake->hint, sizeof(mistake->hint), "%s", hint);
	return -EINVAL;
}

int mistake_at(struct mistake *mistake, size_t offset, size_t length, const char *hint,
	       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	mistake_vat(mistake, offset, length ? length : 1, hint, format, args);
	va_end(args);
	return -EINVAL;
}

int mistake_in(struct mistake *mistake, size_t offset, const char *what, const char *hint)
{
	struct mistake part = *mistake;

	return mistake_at(mistake, offset + part.offset, part.length, hint ? hint : part.hint,
			  "bad %s: %s", what, part.why);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t mistake_distance(const char *word, size_t length, const char *known)
{
	size_t cost[COMPARED_MAX + 1][COMPARED_MAX + 1], width = strlen(known);

	if (length > COMPARED_MAX || width > COMPARED_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= width; j++)
		cost[0][j] = j;
	for (size_t i = 1; i <= length; i++) {
		cost[i][0] = i;
		for (size_t j = 1; j <= width; j++) {
			bool same = strncasecmp(&word[i - 1], &known[j - 1], 1) == 0;
			size_t best = cost[i - 1][j - 1] + !same;

			best = smaller(best, smaller(cost[i - 1][j], cost[i][j - 1]) + 1);
			if (i > 1 && j > 1 && word[i - 1] == known[j - 2] &&
			    word[i - 2] == known[j - 1])
				best = smaller(best, cost[i - 2][j - 2] + 1);
			cost[i][j] = best;
		}
	}
	return cost[length][width];
}
