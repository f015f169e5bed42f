/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * parts: private declarations shared by the files of rules.
 *
 * Theory of operation: each file uses those below it in this list.
 *
 *   loops       rules that would connect to themselves
 *   files       finds rules in files, directories and the words of a command line
 *   read        makes one rule from its words
 *   check       what contradicts itself in one rule, or in all rules together
 *   report      reports a mistake
 *   rules       the rules themselves: what follows from their settings, comparing, freeing
 *
 * A mistake is reported where it is found, and reading continues, so that all are reported: code
 * that finds one calls rule_complain() and returns as usual.
 */
#ifndef PROXY_RULES_PARTS_H
#define PROXY_RULES_PARTS_H

#include "proxy/rules/rules.h"

/* The rule that is being read. */
struct rule_reader {
	struct rules *rules;
	const struct rules_context *context;
	const struct text *text;
	const struct text_word *words; /* of the rule: LISTEN, CONNECT, keys */
	size_t count;
	struct rule *rule;
	bool bad; /* a mistake was reported */
};

/* Rules */

/* How many ports an address has: 1, or those of its range. */
size_t rule_port_count(const struct addr *addr);
/* Does a rule that listens on rule->listen, and has rule->target_count of these targets, carry
 * datagrams? rule->flows is set. */
bool rule_has_datagrams(const struct rule *rule, const struct addr *targets);
/* What follows from the settings, the listening address, the access list and the destinations of a
 * rule, all of which it has, and from its targets: rule->target_count addresses. 0 or -ENOMEM. */
int rule_settle(struct rule *rule, const struct addr *targets);

/* Reporting */

/* Counts an error; status is the program's if this error is the first. */
void rules_count_error(struct rules *rules, int status);
/* Counts an error in a whole file or rule, and reports it to the hearer. The caller has logged
 * it, without the hint ("": none). what and why are joined into one text. file is NULL for the
 * command line, and line is 0 if the error concerns the whole file. */
void rules_tell(struct rules *rules, int status, const char *file, unsigned line, const char *what,
		const char *why, const char *hint);
/* Refuses a rule that was read without an error: reports where it is, and what and why, joined. */
void rule_refuse(struct rules *rules, const struct rule *rule, const char *what, const char *why,
		 const char *hint);
/* Says what is wrong with length bytes at offset of a word, 0: up to its end; hint "": none. */
void rule_complain(struct rule_reader *reader, const struct text_word *word, size_t offset,
		   size_t length, const char *why, const char *hint);
/* The same for a mistake in the part of a word that begins at offset. */
void rule_mistake(struct rule_reader *reader, const struct text_word *word, size_t offset,
		  const struct mistake *mistake);
void rule_complain_word(struct rule_reader *reader, const struct text_word *word, const char *hint,
			const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The word that gave a value, which is part of rule->words, and where in the word the value begins.
 */
const struct text_word *rule_word_of(const struct rule_reader *reader, const char *value,
				     size_t *offset);
/* Where a rule was written: "FILE:LINE". */
void rule_show_place(const struct rule *rule, char *buf, size_t size);

/* Checking */

/* What can be known to be wrong with a target, which stands at offset of a word,
 * before anybody connects. */
void rule_check_target(struct rule_reader *reader, const struct text_word *word, size_t offset,
		       const struct addr *target);
/* Checks a rule that was read, except its ports, for contradictions; it has rule->target_count
 * targets. */
void rule_check(struct rule_reader *reader, const struct addr *targets);

/* Do the addresses that two rules listen on, which may be ranges, overlap as they are written? */
bool rules_overlap(const struct addr *a, const struct addr *b);

/* Reading */

/* Is this word of the command line a key, and so part of the rule before it? */
bool rule_is_key(const struct rules_context *context, const char *word);
/* One rule from its words, which stay the caller's. A rule with a mistake is counted and dropped.
 * 0 or -ENOMEM. */
int rule_read(struct rules *rules, const struct rules_context *context, const struct text *text,
	      const struct text_line *line);

#endif
