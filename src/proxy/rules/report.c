/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "proxy/rules/parts.h"

void rules_count_error(struct rules *rules, int status)
{
	if (!rules->errors++)
		rules->status = status;
}

void rules_tell(struct rules *rules, int status, const char *file, unsigned line, const char *what,
		const char *why, const char *hint)
{
	const struct text_place place = { .file = file, .line = line };
	struct mistake mistake = { 0 };

	rules_count_error(rules, status);
	if (*hint)
		log_hint("%s", hint);
	if (!rules->hearer)
		return;
	snprintf(mistake.why, sizeof(mistake.why), "%s%s", what, why);
	snprintf(mistake.hint, sizeof(mistake.hint), "%s", hint);
	rules->hearer->hear(rules->hearer, &place, &mistake);
}

void rule_complain(struct rule_reader *reader, const struct text_word *word, size_t offset,
		   size_t length, const char *why, const char *hint)
{
	text_complain(reader->text, word, offset, length ? length : strlen(word->text + offset),
		      why, hint);
	rules_count_error(reader->rules, STATUS_USAGE);
	reader->bad = true;
}

void rule_mistake(struct rule_reader *reader, const struct text_word *word, size_t offset,
		  const struct mistake *mistake)
{
	rule_complain(reader, word, offset + mistake->offset, mistake->length, mistake->why,
		      mistake->hint);
}

void rule_complain_word(struct rule_reader *reader, const struct text_word *word, const char *hint,
			const char *format, ...)
{
	char why[300];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	rule_complain(reader, word, 0, 0, why, hint);
}

const struct text_word *rule_word_of(const struct rule_reader *reader, const char *value,
				     size_t *offset)
{
	for (size_t i = 0; i < reader->count; i++) {
		const char *word = reader->rule->words[i];

		if (value >= word && value <= word + strlen(word)) {
			*offset = (size_t)(value - word);
			return &reader->words[i];
		}
	}
	*offset = 0;
	return &reader->words[0];
}

void rule_show_place(const struct rule *rule, char *buf, size_t size)
{
	if (rule->file)
		snprintf(buf, size, "%s:%u", rule->file, rule->line);
	else
		snprintf(buf, size, "the command line");
}

void rule_refuse(struct rules *rules, const struct rule *rule, const char *what, const char *why,
		 const char *hint)
{
	char place[512];

	rule_show_place(rule, place, sizeof(place));
	if (rule->file)
		log_error_at(place, "%s%s", what, why);
	else
		log_error("%s%s", what, why);
	rules_tell(rules, STATUS_USAGE, rule->file, rule->line, what, why, hint);
	rules->bad++;
	rules->count--;
}
