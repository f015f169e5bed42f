/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rules-parts: what the files of rules share with each other, and with nobody else.
 *
 * Theory of operation: rules.c knows where rules stand and cuts them into words, rules-read.c makes one rule of its words, and
 * rules-check.c says what can't be, in one rule and in all together. A mistake is said where it is found, and reading goes on,
 * so that all are said: who finds one calls rule_complain() and returns as if nothing were.
 */
#ifndef SERVE_RULES_PARTS_H
#define SERVE_RULES_PARTS_H

#include "serve/rules.h"

/* The rule that is read now. */
struct rule_reader {
	struct rules *rules;
	const struct rules_context *context;
	const struct text *text;
	const struct text_word *words; /* of the rule: LISTEN, CONNECT, keys */
	size_t count;
	struct rule *rule;
	bool bad; /* a mistake was said */
};

/* rules.c: status is the program's if this error is the first. */
void rules_count_error(struct rules *rules, int status);
/* The same for a mistake of a whole file or rule, which the caller has logged: the hearer is told, too. What and why are
 * one text; file NULL: the command line; line 0: all of the file. */
void rules_tell(struct rules *rules, int status, const char *file, unsigned line, const char *what, const char *why);

/* rules-read.c: one rule from its words, which stay the caller's. A rule with a mistake is counted and dropped. 0 or -ENOMEM. */
int rule_read(struct rules *rules, const struct rules_context *context, const struct text *text, const struct text_word *words,
              size_t count);
/* Is this word of the command line a key, and so part of the rule before it? */
bool rule_is_key(const struct rules_context *context, const char *word);
/* Says what is wrong with length bytes at offset of a word, or with all of it; hint "": none. */
void rule_complain(struct rule_reader *reader, const struct text_word *word, size_t offset, size_t length, const char *why,
                   const char *hint);
void rule_complain_word(struct rule_reader *reader, const struct text_word *word, const char *hint, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The word that gave a value, which is part of rule->words, and where in the word the value begins. */
const struct text_word *rule_word_of(const struct rule_reader *reader, const char *value, size_t *offset);
/* How many ports an address has: 1, or those of its range. */
size_t rule_port_count(const struct addr *addr);

/* rules-check.c: what can be known to be wrong with a target, which stands at offset of a word, before anybody connects. */
void rule_check_target(struct rule_reader *reader, const struct text_word *word, size_t offset, const struct addr *target);
/* What can't be together in a rule that was read, all but its ports; it has rule->target_count targets. */
void rule_check(struct rule_reader *reader, const struct addr *targets);

#endif
