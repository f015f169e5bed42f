/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * text: reads the lines and words of a rules file, and reports mistakes with their position.
 *
 * Words are separated as in sh: quotes, backslash, comments with #, and a backslash at the end of a
 * line continues it; there are no expansions. For every byte of a word its position in the file is
 * known, so a mistake is shown where it is, however the word was quoted.
 */
#ifndef PROXY_RULES_TEXT_H
#define PROXY_RULES_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/mistake.h"

struct text_word {
	char *text; /* unquoted; owned */
	uint32_t *at; /* the offset of each byte in the file, and of the word's end; owned; NULL:
			 not from a file */
};

struct text_line {
	struct text_word *words; /* owned */
	size_t count;
	unsigned number; /* from 1: of the line in the file that the first word is on */
};

/* The position of a mistake. */
struct text_place {
	const char *file; /* NULL: the command line */
	unsigned line; /* from 1; 0: not a line of a file */
	const char *word; /* unquoted; or NULL */
};

/* Is called for each mistake, in addition to the message. The mistake's offset is in the line, or
 * in the word if there is no line; its length is 0 if it concerns the whole file or rule. */
struct text_hearer {
	void (*hear)(struct text_hearer *hearer, const struct text_place *place,
		     const struct mistake *mistake);
};

struct text {
	struct text_hearer *hearer; /* or NULL */
	const char *file; /* NULL: words of the command line */
	const char *data;
	size_t size, next; /* the start of the next line */
	unsigned lines; /* the number of line ends before it */
};

/* Reads the words of the next line that has any. Returns 1, 0 at the end, -EINVAL after reporting
 * and skipping a malformed line, or -ENOMEM. */
int text_next(struct text *text, struct text_line *line);
void text_line_free(struct text_line *line);

/* Reports a mistake in length bytes at offset of a word, with place, line, caret and hint ("":
 * none). */
void text_complain(const struct text *text, const struct text_word *word, size_t offset,
		   size_t length, const char *why, const char *hint);

#endif
