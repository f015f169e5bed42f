/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"
#include "net/activation.h"
#include "relay/message.h"
#include "serve/bundle.h"
#include "serve/rules-parts.h"

const struct opt rule_opts[] = {
	{ .name = "name", .type = OPT_TEXT, .value = "NAME", .flags = OPT_RULE, .offset = offsetof(struct rule_keys, name) },
	{ .name = "connect", .type = OPT_LIST, .value = "ADDRESS", .flags = OPT_RULE,
	  .offset = offsetof(struct rule_keys, connects) },
	{ 0 },
};

void rule_complain(struct rule_reader *reader, const struct text_word *word, size_t offset, size_t length, const char *why,
                   const char *hint)
{
	text_complain(reader->text, word, offset, length, why, hint);
	rules_count_error(reader->rules, STATUS_USAGE);
	reader->bad = true;
}

void rule_complain_word(struct rule_reader *reader, const struct text_word *word, const char *hint, const char *format, ...)
{
	char why[300];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	rule_complain(reader, word, 0, strlen(word->text), why, hint);
}

/* Addresses */

static void read_addr(struct rule_reader *reader, const struct text_word *word, size_t offset, enum addr_role role, struct addr *addr)
{
	const struct rules_context *context = reader->context;
	struct addr_context reading = { .role = role, .flags = ADDR_RANGE | ADDR_DATAGRAMS, .program = log_program(), .hosts = context->hosts };
	struct addr_error error;

	if (addr_parse(word->text + offset, &reading, addr, &error) < 0)
		rule_complain(reader, word, offset + error.offset, error.length, error.why, error.hint);
	else if (context->numeric)
		*addr->alias = '\0';
}

size_t rule_port_count(const struct addr *addr)
{
	return addr->port_last > addr->port ? (size_t)addr->port_last - addr->port + 1 : 1;
}

/* The address that port number i of a range has. */
static void pick_port(const struct addr *range, size_t i, struct addr *one)
{
	*one = *range;
	if (rule_port_count(range) > 1)
		one->port = one->port_last = range->port + (uint32_t)i;
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
	const char *meant = opt_suggest(reader->context->keys, OPT_RULE, word->text, length);
	char why[160];
	void *into;

	if (opt_find(reader->context->keys, word->text, length, &into))
		snprintf(why, sizeof(why), "--%.*s is an option for all, no key of a rule", (int)length, word->text);
	else if (meant)
		snprintf(why, sizeof(why), "unknown key '%.*s'; did you mean '%s'?", (int)length, word->text, meant);
	else
		snprintf(why, sizeof(why), "unknown key '%.*s'", (int)length, word->text);
	rule_complain(reader, word, 0, length, why, "");
}

/* Where in this rule's settings a table's struct is, which lies in the defaults. */
static void *own_part(const struct rule_reader *reader, const void *into)
{
	size_t offset = (size_t)((const char *)into - (const char *)reader->context->defaults);

	return (char *)&reader->rule->settings + offset;
}

static void read_key(struct rule_reader *reader, const struct text_word *word)
{
	const char *text = word->text ? word->text : "";
	size_t length = strcspn(text, "=");
	const char *value = text[length] ? text + length + 1 : NULL;
	struct opt_error error;
	const struct opt *row;
	void *into = NULL;

	row = opt_find(reader->context->keys, word->text, length, &into);
	if (!row || !(row->flags & OPT_RULE)) {
		unknown_key(reader, word, length);
	} else if (row->type == OPT_FLAG && value) {
		rule_complain_word(reader, word, "", "%s takes no value", row->name);
	} else if (row->type != OPT_FLAG && !value) {
		rule_complain_word(reader, word, "", "%s needs a value: %s=%s", row->name, row->name, row->value);
	} else if (opt_set(row, own_part(reader, into), value, &error) < 0) {
		rule_complain(reader, word, length + 1 + error.offset, error.length || !value ? error.length : strlen(value), error.why, error.hint);
	}
}

const struct text_word *rule_word_of(const struct rule_reader *reader, const char *value, size_t *offset)
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

static void check_name(struct rule_reader *reader)
{
	static const char *const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const char *name = reader->rule->settings.keys.name;
	const struct text_word *word;
	size_t offset, good;

	if (!name)
		return;
	good = strspn(name, letters);
	word = rule_word_of(reader, name, &offset);
	if (name[good])
		rule_complain(reader, word, offset + good, 1, "bad name: letters, digits, '.', '_' and '-' only", "");
	else if (!good || good > 63)
		rule_complain(reader, word, offset, good, "bad name: 1 to 63 characters", "");
}

static void check_message_size(struct rule_reader *reader)
{
	struct relay_settings *settings = &reader->rule->settings.relaying;
	const struct text_word *word;
	struct opt_error error;
	size_t offset;

	if (message_read_size(settings, &error) == 0)
		return;
	word = rule_word_of(reader, settings->message_text, &offset);
	rule_complain(reader, word, offset + error.offset, error.length ? error.length : strlen(settings->message_text), error.why, error.hint);
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
	rule->gate.access.accounts = reader->context->accounts;
	status = server_read_who(&rule->gate.access, &rule->settings.serving.who, reader->context->hosts, listens, 1, &written, &error);
	rule->gate.access.accounts = NULL; /* it need not live as long as the rule */
	if (status != -EINVAL)
		return status;
	word = rule_word_of(reader, written->text, &offset);
	rule_complain(reader, word, offset + error.offset, error.length, error.why, error.hint);
	return 0;
}

/* Where clients may go */

int rules_read_dests(struct dest_list *dests, const struct opt_list *written, const struct opt_entry **bad, struct mistake *error)
{
	for (size_t i = 0; i < written->count; i++) {
		const struct opt_entry *entry = &written->entries[i];
		int status = dest_add(dests, entry->text, strcmp(entry->opt->name, "allow-dest") == 0, error);

		*bad = entry;
		if (status)
			return status;
	}
	return 0;
}

/* The rule's own entries, or where it has none those of the command line, which were read before. */
static int read_dests(struct rule_reader *reader, const struct addr *target)
{
	struct rule *rule = reader->rule;
	const struct opt_list *own = &rule->settings.passage.dests, *general = &reader->context->defaults->passage.dests;
	const struct opt_entry *written;
	const struct text_word *word;
	struct mistake error;
	bool any = false;
	size_t offset;
	int status;

	if (!addr_is_open_ended(target)) {
		if (own->count && target->family) {
			word = rule_word_of(reader, own->entries[0].text, &offset);
			rule_complain(reader, word, 0, strlen(word->text), "this rule's clients can't choose where to go",
			              "allow-dest and deny-dest are for the targets socks5:, http-connect: and proxy-dst:");
		}
		return 0;
	}
	status = rules_read_dests(&rule->dests, own->count ? own : general, &written, &error);
	if (status == -EINVAL) {
		word = rule_word_of(reader, written->text, &offset);
		rule_complain(reader, word, offset + error.offset, error.length, error.why, error.hint);
		return 0;
	}
	for (size_t i = 0; i < rule->dests.count; i++)
		any = any || rule->dests.entries[i].allow;
	if (!status && !any)
		rule_complain_word(reader, &reader->words[1], "say where its clients may go: allow-dest=HOST:PORTS, or --allow-dest for all rules",
		                   "nothing is allowed to be reached");
	return status;
}

/* What its clients are asked and told before anything is relayed. */
static int make_plan(struct rule_reader *reader, const struct addr *targets)
{
	struct rule *rule = reader->rule;
	const struct passage_settings *passage = &rule->settings.passage;

	rule->plan = (struct greeting_plan){
		.timeout = rule->settings.dialling.connect_timeout,
		.asks = addr_is_open_ended(&targets[0]) ? targets[0].family : ADDR_NONE,
		.accept_proxy = passage->accept_proxy,
		.send_proxy = (uint8_t)passage->send_proxy,
		.original_dst = passage->original_dst,
		.dests = &rule->dests,
	};
	if (rule->plan.asks)
		rule->settings.dialling.dests = &rule->dests;
	return read_dests(reader, &targets[0]);
}

/* Datagrams */

static bool has_datagrams(const struct rule *rule, const struct addr *targets)
{
	for (size_t i = 0; i < rule->target_count; i++)
		if (targets[i].family == ADDR_UDP)
			return true;
	return rule->flows;
}

/* After a stream's end, for who sends a question, ends its half, and waits for the answer. */
#define ANSWER_TIME (5 * NSEC_PER_SEC)

/* Of what says how streams are treated, a flow of datagrams has only times: its own. */
static void carry_datagrams(struct rule *rule)
{
	struct relay_settings *relaying = &rule->settings.relaying;
	uint64_t idle = rule->settings.passage.udp_idle;

	relaying->datagrams = true;
	relaying->idle_timeout = idle;
	relaying->half_close_timeout = idle < ANSWER_TIME ? idle : ANSWER_TIME;
	relaying->no_shutdown = false;
	relaying->message_text = NULL;
}

/* Ports and targets */

static int make_port(struct rule *rule, size_t i, const struct addr *targets)
{
	struct rule_port *port = &rule->ports[i];
	char text[ADDR_TEXT_MAX];

	port->rule = rule;
	port->listener.connected = -1;
	port->listener.datagrams = rule->flows;
	pick_port(&rule->listen, i, &port->listen);
	port->targets = calloc(rule->target_count, sizeof(*port->targets));
	if (!port->targets)
		return -ENOMEM;
	for (size_t j = 0; j < rule->target_count; j++) {
		struct rule_target *target = &port->targets[j];

		target->port = port;
		pick_port(&targets[j], i, &target->addr);
		target->text = strdup(addr_format_short(&target->addr, text, sizeof(text)));
		if (!target->text)
			return -ENOMEM;
	}
	return 0;
}

static int make_ports(struct rule *rule, const struct addr *targets)
{
	size_t count = rule_port_count(&rule->listen);
	int status = 0;

	rule->ports = calloc(count, sizeof(*rule->ports));
	if (!rule->ports)
		return -ENOMEM;
	rule->port_count = count;
	for (size_t i = 0; i < count && !status; i++)
		status = make_port(rule, i, targets);
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
		rule_complain_word(reader, &reader->words[0], "", "more than %d targets", RULES_TARGETS_MAX);
	read_addr(reader, &reader->words[1], 0, ADDR_CONNECT, &targets[0]);
	rule_check_target(reader, &reader->words[1], 0, &targets[0]);
	for (size_t i = 1; i < count; i++) {
		size_t offset;
		const struct text_word *word = rule_word_of(reader, more->entries[i - 1].text, &offset);

		read_addr(reader, word, offset, ADDR_CONNECT, &targets[i]);
		rule_check_target(reader, word, offset, &targets[i]);
	}
	rule->target_count = count;
	rule->datagrams = has_datagrams(rule, targets);
	rule_check(reader, targets);
	if (rule->datagrams)
		carry_datagrams(rule);
	status = make_plan(reader, targets);
	if (!status && !reader->bad)
		status = make_ports(rule, targets);
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

/* Do flows come where the rule listens? Of a socket that was passed it must be looked at, where it was passed. 0 or -ENOMEM. */
static int find_flows(struct rule_reader *reader)
{
	const struct rules_context *context = reader->context;
	struct rule *rule = reader->rule;
	char text[ADDR_TEXT_MAX];

	rule->flows = rule->listen.family == ADDR_UDP;
	if (rule->listen.family != ADDR_FD)
		return 0;
	addr_format_short(&rule->listen, text, sizeof(text));
	rule->flows = context->elsewhere ? bundle_has(context->elsewhere, BUNDLE_DATAGRAMS, text) : activation_is_datagram(&rule->listen);
	return rule->flows && context->bundle ? bundle_add(context->bundle, BUNDLE_DATAGRAMS, text, NULL, 0) : 0;
}

/* What the rule's words mean, all but the keys' values being read from the rule's own copy of them. */
static int understand(struct rule_reader *reader)
{
	struct rule *rule = reader->rule;
	struct text_word *words = calloc(reader->count, sizeof(*words));
	char text[ADDR_TEXT_MAX];
	int status;

	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < reader->count; i++)
		words[i] = (struct text_word){ rule->words[i], reader->words[i].at };
	reader->words = words;
	read_addr(reader, &words[0], 0, ADDR_LISTEN, &rule->listen);
	if (rule_port_count(&rule->listen) > RULES_PORTS_MAX)
		rule_complain_word(reader, &words[0], "", "a range has at most %d ports: each is a listening socket", RULES_PORTS_MAX);
	for (size_t i = 2; i < reader->count; i++)
		read_key(reader, &words[i]);
	check_name(reader);
	check_message_size(reader);
	status = find_flows(reader);
	if (!status)
		status = read_access(reader);
	if (!status)
		status = read_targets(reader);
	rule->once = rule->settings.dialling;
	rule->once.wait = 0;
	rule->gate.rule = rule->settings.keys.name;
	rule->gate.accept_rate = rule->settings.passage.accept_rate;
	rule->share.rate = rule->settings.passage.total_rate;
	rule->settings.relaying.share = &rule->share;
	rule->gate.limit = rule->settings.serving.max_conns;
	rule->gate.per_peer = rule->settings.serving.max_conns_per_peer;
	rule->label = strdup(rule->gate.rule ? rule->gate.rule : addr_format_short(&rule->listen, text, sizeof(text)));
	free(words);
	return status || rule->label ? status : -ENOMEM;
}

static void append(struct rules *rules, struct rule *rule)
{
	struct rule **link = &rules->first;

	while (*link)
		link = &(*link)->next;
	*link = rule;
	rules->count++;
}

int rule_read(struct rules *rules, const struct rules_context *context, const struct text *text, const struct text_word *words,
              size_t count)
{
	struct rule *rule = calloc(1, sizeof(*rule));
	struct rule_reader reader = { .rules = rules, .context = context, .text = text, .words = words, .count = count, .rule = rule };
	int status;

	if (!rule)
		return -ENOMEM;
	inherit(rule, context->defaults);
	rule->line = text_line_number(text, &words[0]);
	if (text->file)
		rule->file = strdup(text->file);
	status = keep_words(&reader);
	if (!status && count < 2)
		rule_complain_word(&reader, &words[0], "a rule is LISTEN CONNECT [KEY=VALUE]...", "LISTEN without CONNECT: addresses come in pairs");
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
