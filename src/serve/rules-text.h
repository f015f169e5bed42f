/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rules-text: lines and words of a rule file, and showing where in it something is wrong. */
#ifndef SERVE_RULES_TEXT_H
#define SERVE_RULES_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text_word {
	char *text;   /* unquoted; owned */
	uint32_t *at; /* where each byte of it stands in the file, and at last its end; owned; NULL: not from a file */
};

struct text_line {
	struct text_word *words; /* owned */
	size_t count;
};

/* What is wrong, for who wants it in other words than a message. */
struct text_mistake {
	const char *file; /* NULL: the command line */
	unsigned line, column; /* from 1, the column in bytes of the line or of the word; 0: all of it */
	size_t length;         /* bytes that are meant */
	const char *text;      /* the word, unquoted; or NULL */
	const char *why, *hint; /* hint "": none */
};

/* Is told of each mistake, beside the message. */
struct text_hearer {
	void (*hear)(struct text_hearer *hearer, const struct text_mistake *mistake);
};

struct text {
	struct text_hearer *hearer; /* or NULL */
	const char *file; /* NULL: words of the command line */
	const char *data;
	size_t size, next; /* where the next line begins */
};

/* Reads the words of the next line that has any: 1; 0 at the end; -EINVAL for a line that can't be read, which is said and
 * skipped; -ENOMEM. */
int text_next(struct text *text, struct text_line *line);
void text_line_free(struct text_line *line);

/* The number of the line that this word begins on; 0: not from a file. */
unsigned text_line_number(const struct text *text, const struct text_word *word);
/* Says what is wrong with length bytes at offset of a word: place, line, caret, hint ("": none). */
void text_complain(const struct text *text, const struct text_word *word, size_t offset, size_t length, const char *why,
                   const char *hint);

#endif
