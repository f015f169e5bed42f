/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "net/activation.h"
#include "net/socket-file.h"
#include "cli/tool.h"
#include "proxy/rules/parts.h"

const struct opt rule_opts[] = {
	{ .name = "name",
	  .type = OPT_TEXT,
	  .value = "NAME",
	  .flags = OPT_RULE,
	  .offset = offsetof(struct rule_keys, name) },
	{ .name = "connect",
	  .type = OPT_LIST,
	  .value = "ADDRESS",
	  .flags = OPT_RULE,
	  .offset = offsetof(struct rule_keys, connects) },
	{ 0 },
};

/* Addresses */

static void read_addr(struct rule_reader *reader, const struct text_word *word, size_t offset,
		      enum addr_role role, struct addr *addr)
{
	const struct rules_context *context = reader->context;
	struct addr_context reading = { .role = role,
					.flags = ADDR_RANGE | ADDR_DATAGRAMS,
					.program = log_program(),
					.hosts = context->hosts };
	struct mistake error;

	if (addr_parse(word->text + offset, &reading, addr, &error) < 0)
		rule_mistake(reader, word, offset, &error);
	else if (context->numeric)
		*addr->alias = '\0';
	if (role == ADDR_LISTEN) {
		socket_file_accounts(&addr->options);
		if (*addr->options.netns)
			addr->options.netns_id = netns_id(addr->options.netns);
	}
}

/* Keys */

bool rule_is_key(const struct rules_context *context, const char *word)
{
	size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyz-");
	void *into;

	if (length && word[length] == '=')
		return true;
	return length && !word[length] && opt_find(context->keys, word, length, &into);
}

static void unknown_key(struct rule_reader *reader, const struct text_word *word, size_t length)
{
	const struct rules_context *context = reader->context;
	const char *meant = opt_suggest(context->keys, OPT_RULE, word->text, length);
	char why[160];
	void *into;

	if (opt_find(context->options ? context->options : context->keys, word->text, length,
		     &into))
		snprintf(why, sizeof(why), "--%.*s is an option for all rules, not a key of one",
			 (int)length, word->text);
	else if (meant)
		snprintf(why, sizeof(why), "unknown key '%.*s'; did you mean '%s'?", (int)length,
			 word->text, meant);
	else
		snprintf(why, sizeof(why), "unknown key '%.*s'", (int)length, word->text);
	rule_complain(reader, word, 0, length ? length : 1, why, "");
}

/* Where in this rule's settings a table's struct is, which lies in the defaults. */
static void *own_part(const struct rule_reader *reader, const void *into)
{
	size_t offset = (size_t)((const char *)into - (const char *)reader->context->defaults);

	return (char *)&reader->rule->settings + offset;
}

static void read_key(struct rule_reader *reader, const struct text_word *word)
{
	const char *text = word->text;
	size_t length = strcspn(text, "=");
	const char *value = text[length] ? text + length + 1 : NULL;
	struct mistake error = { .why = "out of memory" };
	const struct opt *row;
	void *into = NULL;

	row = opt_find(reader->context->keys, text, length, &into);
	if (!row || !(row->flags & OPT_RULE)) {
		unknown_key(reader, word, length);
	} else if (row->type == OPT_FLAG && value) {
		rule_complain_word(reader, word, "", "%s takes no value", row->name);
	} else if (row->type != OPT_FLAG && !value) {
		rule_complain_word(reader, word, "", "%s needs a value: %s=%s", row->name,
				   row->name, row->value);
	} else if (opt_set(row, own_part(reader, into), value, &error) < 0) {
		rule_mistake(reader, word, length + 1, &error);
	}
}

static void check_name(struct rule_reader *reader)
{
	static const char *const letters =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const char *name = reader->rule->settings.keys.name;
	const struct text_word *word;
	size_t offset, good;

	if (!name)
		return;
	good = strspn(name, letters);
	word = rule_word_of(reader, name, &offset);
	if (name[good])
		rule_complain(reader, word, offset + good, 1,
			      "bad name: letters, digits, '.', '_' and '-' only", "");
	else if (!good || good > 63)
		rule_complain(reader, word, offset, good, "bad name: 1 to 63 characters", "");
}

static void check_message_size(struct rule_reader *reader)
{
	struct relay_settings *settings = &reader->rule->settings.relaying;
	const struct text_word *word;
	struct mistake error;
	size_t offset;

	if (common_read_message_size(settings, &error) == 0)
		return;
	word = rule_word_of(reader, settings->message_text, &offset);
	rule_mistake(reader, word, offset, &error);
}

static int read_access(struct rule_reader *reader)
{
	struct rule *rule = reader->rule;
	const struct addr *const listens[] = { &rule->listen };
	const struct opt_entry *written;
	struct mistake error;
	const struct text_word *word;
	size_t offset;
	int status;

	if (!rule->listen.family)
		return 0;
	status = server_read_who(&rule->admission.access, &rule->settings.serving.who,
				 reader->context->hosts, listens, 1, &written, &error);
	if (status != -EINVAL)
		return status;
	word = rule_word_of(reader, written->text, &offset);
	rule_mistake(reader, word, offset, &error);
	return 0;
}

/* Where clients may go */

int rules_read_dests(struct dest_list *dests, const struct opt_list *written,
		     const struct opt_entry **bad, struct mistake *error)
{
	for (size_t i = 0; i < written->count; i++) {
		const struct opt_entry *entry = &written->entries[i];
		int status = dest_add(dests, entry->text,
				      strcmp(entry->opt->name, "allow-dest") == 0, error);

		*bad = entry;
		if (status)
			return status;
	}
	return 0;
}

/* The rule's own entries, or else those of the command line, which were read earlier.
 */
static int read_dests(struct rule_reader *reader, const struct addr *target)
{
	struct rule *rule = reader->rule;
	const struct opt_list *own = &rule->settings.passage.dests,
			      *general = &reader->context->defaults->passage.dests;
	const struct opt_entry *written;
	const struct text_word *word;
	struct mistake error;
	bool any = false;
	size_t offset;
	int status;

	if (!addr_is_open_ended(target)) {
		if (own->count && target->family) {
			word = rule_word_of(reader, own->entries[0].text, &offset);
			rule_complain(reader, word, 0, 0,
				      "clients of this rule cannot choose their destination",
				      "allow-dest and deny-dest are for the targets socks5:, "
				      "http-connect: and proxy-dst:");
		}
		return 0;
	}
	status = rules_read_dests(&rule->dests, own->count ? own : general, &written, &error);
	if (status == -EINVAL) {
		word = rule_word_of(reader, written->text, &offset);
		rule_mistake(reader, word, offset, &error);
		return 0;
	}
	for (size_t i = 0; i < rule->dests.count; i++)
		any = any || rule->dests.entries[i].allow;
	if (!status && !any)
		rule_complain_word(reader, &reader->words[1],
				   "say where its clients may go: allow-dest=HOST:PORTS, or "
				   "--allow-dest for all rules",
				   "no destination is allowed");
	return status;
}

static int read_targets(struct rule_reader *reader)
{
	struct rule *rule = reader->rule;
	const struct opt_list *more = &rule->settings.keys.connects;
	size_t count = 1 + more->count;
	struct addr *targets = calloc(count, sizeof(*targets));
	int status = 0;

	if (!targets)
		return -ENOMEM;
	if (count > RULES_TARGETS_MAX)
		rule_complain_word(reader, &reader->words[0], "", "more than %d targets",
				   RULES_TARGETS_MAX);
	read_addr(reader, &reader->words[1], 0, ADDR_CONNECT, &targets[0]);
	rule_check_target(reader, &reader->words[1], 0, &targets[0]);
	for (size_t i = 1; i < count; i++) {
		size_t offset;
		const struct text_word *word = rule_word_of(reader, more->entries[i - 1].text,
							    &offset);

		read_addr(reader, word, offset, ADDR_CONNECT, &targets[i]);
		rule_check_target(reader, word, offset, &targets[i]);
	}
	rule->target_count = count;
	rule->datagrams = rule_has_datagrams(rule, targets);
	rule_check(reader, targets);
	status = read_dests(reader, &targets[0]);
	if (!status && !reader->bad)
		status = rule_settle(rule, targets);
	free(targets);
	return status;
}

/* The rule */

static int keep_words(struct rule_reader *reader)
{
	struct rule *rule = reader->rule;

	rule->words = calloc(reader->count, sizeof(*rule->words));
	if (!rule->words)
		return -ENOMEM;
	rule->word_count = reader->count;
	for (size_t i = 0; i < reader->count; i++) {
		rule->words[i] = strdup(reader->words[i].text);
		if (!rule->words[i])
			return -ENOMEM;
	}
	return 0;
}

/* The settings of the command line, but what counts for all rules together. */
static void inherit(struct rule *rule, const struct rule_settings *defaults)
{
	rule->settings = *defaults;
	rule->settings.serving.max_conns = UNITS_INF;
	rule->settings.serving.max_conns_per_peer = UNITS_INF;
	rule->settings.serving.who = (struct opt_list){ 0 };
	rule->settings.passage.dests = (struct opt_list){ 0 };
	rule->settings.keys = (struct rule_keys){ 0 };
}

/* What the rule's words mean, all but the keys' values being read from the rule's own copy of them.
 */
static int understand(struct rule_reader *reader)
{
	struct rule *rule = reader->rule;
	const size_t count = reader->count;
	struct text_word *words = calloc(count, sizeof(*words));
	struct mistake mistake;
	int status;

	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		words[i] = (struct text_word){ rule->words[i], reader->words[i].at };
	reader->words = words;
	read_addr(reader, &words[0], 0, ADDR_LISTEN, &rule->listen);
	if (rule_port_count(&rule->listen) > RULES_PORTS_MAX)
		rule_complain_word(reader, &words[0], "",
				   "a range has at most %d ports: each is a listening socket",
				   RULES_PORTS_MAX);
	if (rule->listen.family &&
	    server_check_idle(&rule->settings.serving, &rule->listen, &mistake) < 0)
		rule_mistake(reader, &words[0], 0, &mistake);
	for (size_t i = 2; i < count; i++)
		read_key(reader, &words[i]);
	check_name(reader);
	check_message_size(reader);
	rule->flows = rule->listen.family == ADDR_UDP ||
		      (rule->listen.family == ADDR_FD && activation_is_datagram(&rule->listen));
	status = read_access(reader);
	if (!status)
		status = read_targets(reader);
	free(words);
	return status;
}

static void append(struct rules *rules, struct rule *rule)
{
	if (rules->last)
		rules->last->next = rule;
	else
		rules->first = rule;
	rules->last = rule;
	rules->count++;
}

int rule_read(struct rules *rules, const struct rules_context *context, const struct text *text,
	      const struct text_line *line)
{
	struct rule *rule = calloc(1, sizeof(*rule));
	struct rule_reader reader = { .rules = rules,
				      .context = context,
				      .text = text,
				      .words = line->words,
				      .count = line->count,
				      .rule = rule };
	int status;

	if (!rule)
		return -ENOMEM;
	inherit(rule, context->defaults);
	rule->line = line->number;
	if (text->file)
		rule->file = strdup(text->file);
	status = text->file && !rule->file ? -ENOMEM : keep_words(&reader);
	if (!status && line->count < 2)
		rule_complain_word(&reader, &line->words[0],
				   "a rule is LISTEN CONNECT [KEY=VALUE]...",
				   "LISTEN without CONNECT: addresses come in pairs");
	else if (!status)
		status = understand(&reader);
	if (status || reader.bad) {
		rules->bad += reader.bad;
		rule_free(rule);
		return status;
	}
	append(rules, rule);
	return 0;
}
