/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/check-json.h"

#include <stdio.h>

#include "base/json.h"

static void print_mistake(struct text_hearer *hearer, const struct text_place *place,
			  const struct mistake *mistake)
{
	struct json json;

	(void)hearer;
	json_line(&json, stdout);
	json_text(&json, "event", "error");
	json_text(&json, "file", place->file);
	if (place->line)
		json_number(&json, "line", place->line);
	if (mistake->length) {
		json_number(&json, "column", mistake->offset + 1);
		json_number(&json, "length", mistake->length);
	}
	if (place->word)
		json_text(&json, "text", place->word);
	json_text(&json, "why", mistake->why);
	if (*mistake->hint)
		json_text(&json, "hint", mistake->hint);
	json_line_end(&json);
}

struct text_hearer proxy_check_hearer = { .hear = print_mistake };

static void print_rule(const struct rule *rule)
{
	char text[ADDR_TEXT_MAX];
	struct json json;

	json_line(&json, stdout);
	json_text(&json, "event", "rule");
	json_text(&json, "file", rule->file);
	if (rule->line)
		json_number(&json, "line", rule->line);
	json_text(&json, "rule", rule->admission.rule);
	json_text(&json, "listen", addr_format(&rule->listen, text, sizeof(text)));
	json_array(&json, "connect");
	json_text(&json, NULL, rule->words[1]);
	for (size_t i = 0; i < rule->settings.keys.connects.count; i++)
		json_text(&json, NULL, rule->settings.keys.connects.entries[i].text);
	json_end_array(&json);
	json_array(&json, "keys");
	for (size_t i = 2; i < rule->word_count; i++)
		json_text(&json, NULL, rule->words[i]);
	json_end_array(&json);
	json_line_end(&json);
}

void proxy_check_rules(const struct rules *rules)
{
	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		print_rule(rule);
}
