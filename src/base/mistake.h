/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mistake: what is wrong in a text that a user wrote, where, and what to write instead. */
#ifndef BASE_MISTAKE_H
#define BASE_MISTAKE_H

#include <stddef.h>

struct mistake {
	size_t offset, length; /* of the bad spot in the text; length is at least 1 */
	char why[160];
	char hint[160]; /* or "" */
};

/* Fills it in; hint may be NULL. -EINVAL, for the caller to return. */
int mistake_at(struct mistake *mistake, size_t offset, size_t length, const char *hint, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* Says it, with its caret, of an option's value. */
void mistake_say(const struct mistake *mistake, const char *option, const char *text);

#endif
