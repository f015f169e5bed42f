/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mistake: an error in a text that a user wrote: where it is, what is wrong, and what to write
 * instead.
 *
 * Whatever reads a text (a time, an option, an address, a line of a file) fills one in and returns
 * a negative errno. A reader that has called another for a part of its text passes the part's
 * mistake on with mistake_in(). The program prints it once, with log_mistake().
 */
#ifndef BASE_MISTAKE_H
#define BASE_MISTAKE_H

#include <stdarg.h>
#include <stddef.h>

struct mistake {
	size_t offset, length; /* of the bad spot in the text, in bytes; length 0: all of it */
	char why[512]; /* "bad time: 'x' is not a unit of time", without a full stop */
	char hint[256]; /* what to write instead, without "hint: "; or "" */
};

/* Records a mistake: where it is, why, and what to write instead (hint NULL: nothing is suggested).
 * Always returns -EINVAL, so that a reader can end with `return mistake_at(...)`. */
int mistake_at(struct mistake *mistake, size_t offset, size_t length, const char *hint,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));
int mistake_vat(struct mistake *mistake, size_t offset, size_t length, const char *hint,
		const char *format, va_list args) __attribute__((format(printf, 5, 0)));
/* Turns a mistake in a part of a text into one of the whole text: the part begins at offset, and
 * the reason begins "bad WHAT: " from now on. A hint that is not NULL replaces the old one. Returns
 * -EINVAL. */
int mistake_in(struct mistake *mistake, size_t offset, const char *what, const char *hint);

/* How many letters must be added, removed, changed or swapped with their neighbour to turn the word
 * into known (Damerau-Levenshtein), ignoring case; SIZE_MAX if one has more than 40 letters. */
size_t mistake_distance(const char *word, size_t length, const char *known);

#endif
