/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/rules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/units.h"
#include "net/activation.h"
#include "relay/message.h"
#include "serve/rules-text.h"
#include "serve/spawn.h"

#define FILE_MAX_BYTES (16UL << 20)

const struct opt rule_opts[] = {
	{ .name = "name", .type = OPT_TEXT, .value = "NAME", .flags = OPT_RULE, .offset = offsetof(struct rule_keys, name) },
	{ .name = "connect", .type = OPT_LIST, .value = "ADDRESS", .flags = OPT_RULE,
	  .offset = offsetof(struct rule_keys, connects) },
	{ 0 },
};

/* What is read now. */
struct reader {
	struct rules *rules;
	const struct rules_context *context;
	const struct text *text;
	const struct text_word *words; /* of the rule */
	size_t count;
	struct rule *rule;
	bool bad;
};

static void count_error(struct rules *rules, int status)
{
	if (!rules->errors++)
		rules->status = status;
}

static void complain(struct reader *reader, const struct text_word *word, size_t offset, size_t length, const char *why,
                     const char *hint)
{
	text_complain(reader->text, word, offset, length, why, hint);
	count_error(reader->rules, STATUS_USAGE);
	reader->bad = true;
}

static void __attribute__((format(printf, 4, 5))) complain_word(struct reader *reader, const struct text_word *word, const char *hint,
                                                                const char *format, ...)
{
	char why[300];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	complain(reader, word, 0, strlen(word->text), why, hint);
}

/* Addresses */

static void read_addr(struct reader *reader, const struct text_word *word, size_t offset, enum addr_role role, struct addr *addr)
{
	const struct rules_context *context = reader->context;
	struct addr_context reading = { .role = role, .flags = ADDR_RANGE | ADDR_DATAGRAMS, .program = log_program(), .hosts = context->hosts };
	struct addr_error error;

	if (addr_parse(word->text + offset, &reading, addr, &error) < 0)
		complain(reader, word, offset + error.offset, error.length, error.why, error.hint);
	else if (context->numeric)
		*addr->alias = '\0';
}

static size_t ports_of(const struct addr *addr)
{
	return addr->port_last > addr->port ? (size_t)addr->port_last - addr->port + 1 : 1;
}

/* The address that port number i of a range has. */
static void pick_port(const struct addr *range, size_t i, struct addr *one)
{
	*one = *range;
	if (ports_of(range) > 1)
		one->port = one->port_last = range->port + (uint32_t)i;
}

/* What can be known to be wrong with a target before anybody connects. */
static void check_target(struct reader *reader, const struct text_word *word, size_t offset, const struct addr *target)
{
	const struct rule *rule = reader->rule;
	const struct addr *listen = &rule->listen;
	char why[160];

	if (!target->family || !listen->family || !word->text)
		return;
	if (!rule->flows && target->family != ADDR_UDP && listen->seqpacket != target->seqpacket && !rule->settings.relaying.message_text)
		complain(reader, word, offset, strlen(word->text + offset), "messages and a stream",
		         "say how the stream is to be cut into messages: --message-size SIZE, or --message-size line; "
		         "for one rule message-size=line");
	if (ports_of(listen) != ports_of(target)) {
		snprintf(why, sizeof(why), "%s ports here, but LISTEN has %zu: both ranges must be of one length",
		         ports_of(target) == 1 ? "no range of" : "more or fewer", ports_of(listen));
		complain(reader, word, offset, strlen(word->text + offset), why, "");
	}
	if (addr_is_open_ended(target) && listen->seqpacket)
		complain(reader, word, offset, strlen(word->text + offset), "its clients need a stream to ask on", "listen on vsock: or unix:");
	if (addr_is_open_ended(target) && rule->settings.keys.connects.count)
		complain(reader, word, offset, strlen(word->text + offset), "where to is said by the client: there can't be another target",
		         "write two rules");
	if (target->family == ADDR_EXEC && !reader->context->elsewhere) {
		int error = spawn_check(target->name);
		struct explanation explanation;

		if (!error)
			return;
		explain(target, &(struct failure){ .step = STEP_CONNECT, .error = -error }, &explanation);
		complain(reader, word, offset, strlen(word->text + offset), explanation.what, explanation.hint);
		if (reader->rules->errors == 1)
			reader->rules->status = (int)explanation.status;
	}
}

/* Keys */

static bool is_key(const struct rules_context *context, const char *word)
{
	size_t length = strspn(word, "abcdefghijklmnopqrstuvwxyz-");
	void *into;

	if (length && word[length] == '=')
		return true;
	return length && !word[length] && opt_find(context->keys, word, length, &into);
}

static void unknown_key(struct reader *reader, const struct text_word *word, size_t length)
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
	complain(reader, word, 0, length, why, "");
}

/* Where in this rule's settings a table's struct is, which lies in the defaults. */
static void *own_part(const struct reader *reader, const void *into)
{
	size_t offset = (size_t)((const char *)into - (const char *)reader->context->defaults);

	return (char *)&reader->rule->settings + offset;
}

static void read_key(struct reader *reader, const struct text_word *word)
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
		complain_word(reader, word, "", "%s takes no value", row->name);
	} else if (row->type != OPT_FLAG && !value) {
		complain_word(reader, word, "", "%s needs a value: %s=%s", row->name, row->name, row->value);
	} else if (opt_set(row, own_part(reader, into), value, &error) < 0) {
		complain(reader, word, length + 1 + error.offset, error.length || !value ? error.length : strlen(value), error.why, error.hint);
	}
}

/* The word that gave this value, to show it. */
static const struct text_word *word_of(const struct reader *reader, const char *value, size_t *offset)
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

static void check_name(struct reader *reader)
{
	static const char *const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const char *name = reader->rule->settings.keys.name;
	const struct text_word *word;
	size_t offset, good;

	if (!name)
		return;
	good = strspn(name, letters);
	word = word_of(reader, name, &offset);
	if (name[good])
		complain(reader, word, offset + good, 1, "bad name: letters, digits, '.', '_' and '-' only", "");
	else if (!good || good > 63)
		complain(reader, word, offset, good, "bad name: 1 to 63 characters", "");
}

static void check_message_size(struct reader *reader)
{
	struct relay_settings *settings = &reader->rule->settings.relaying;
	const struct text_word *word;
	struct opt_error error;
	size_t offset;

	if (message_read_size(settings, &error) == 0)
		return;
	word = word_of(reader, settings->message_text, &offset);
	complain(reader, word, offset + error.offset, error.length ? error.length : strlen(settings->message_text), error.why, error.hint);
}

static int read_access(struct reader *reader)
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
	word = word_of(reader, written->text, &offset);
	complain(reader, word, offset + error.offset, error.length, error.why, error.hint);
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
static int read_dests(struct reader *reader, const struct addr *target)
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
			word = word_of(reader, own->entries[0].text, &offset);
			complain(reader, word, 0, strlen(word->text), "this rule's clients can't choose where to go",
			         "allow-dest and deny-dest are for the targets socks5:, http-connect: and proxy-dst:");
		}
		return 0;
	}
	status = rules_read_dests(&rule->dests, own->count ? own : general, &written, &error);
	if (status == -EINVAL) {
		word = word_of(reader, written->text, &offset);
		complain(reader, word, offset + error.offset, error.length, error.why, error.hint);
		return 0;
	}
	for (size_t i = 0; i < rule->dests.count; i++)
		any = any || rule->dests.entries[i].allow;
	if (!status && !any)
		complain_word(reader, &reader->words[1], "say where its clients may go: allow-dest=HOST:PORTS, or --allow-dest for all rules",
		              "nothing is allowed to be reached");
	return status;
}

/* Who may say that somebody else connects must be named. */
static bool names_somebody(const struct reader *reader)
{
	const struct access *own = &reader->rule->gate.access;
	const struct opt_list *general = &reader->context->defaults->serving.who;

	for (size_t i = 0; i < own->count; i++)
		if (own->entries[i].allow)
			return true;
	for (size_t i = 0; i < general->count && !own->count; i++)
		if (strcmp(general->entries[i].opt->name, "allow") == 0)
			return true;
	return false;
}

static void check_headers(struct reader *reader, const struct addr *targets)
{
	const struct passage_settings *passage = &reader->rule->settings.passage;
	bool messages = passage->accept_proxy && reader->rule->listen.seqpacket;

	for (size_t i = 0; i < reader->rule->target_count; i++)
		messages = messages || (passage->send_proxy && targets[i].seqpacket);
	if (messages)
		complain_word(reader, &reader->words[1], "", "a PROXY header stands before a stream, and here are messages");
	if (targets[0].family == ADDR_PROXY_DST && !passage->accept_proxy)
		complain_word(reader, &reader->words[1], "write accept-proxy, and allow=WHO for who may say so",
		              "where to is said by a PROXY header, and none is accepted here");
	if (passage->accept_proxy && !names_somebody(reader))
		complain_word(reader, &reader->words[0], "name the proxies that may connect: allow=WHO, or --allow for all rules",
		              "accept-proxy: anybody could say that he is somebody else");
}

/* What netfilter redirects is TCP, and only a header of ours tells it to anybody. */
static void check_original(struct reader *reader)
{
	const struct passage_settings *passage = &reader->rule->settings.passage;
	enum addr_family family = reader->rule->listen.family;

	if (!passage->original_dst || !family || reader->rule->datagrams) /* refuse_stream_keys() has said it */
		return;
	if (family != ADDR_TCP && family != ADDR_FD)
		complain_word(reader, &reader->words[0], "listen on tcp:", "original-dst: only TCP connections are redirected");
	if (passage->accept_proxy)
		complain_word(reader, &reader->words[0], "leave one of them out",
		              "original-dst and accept-proxy: the header that comes tells already where its client went");
	else if (!passage->send_proxy)
		complain_word(reader, &reader->words[1], "write send-proxy=v2", "original-dst: without a PROXY header nobody would be told");
}

/* Datagrams */

/* Do flows come where the rule listens? Of a socket that was passed it must be looked at, where it was passed. 0 or -ENOMEM. */
static int find_flows(struct reader *reader)
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

/* The word that sets this key in the rule itself, or NULL. */
static const struct text_word *own_key(const struct reader *reader, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 2; i < reader->count; i++) {
		const char *text = reader->words[i].text;

		if (strncmp(text, name, length) == 0 && (!text[length] || text[length] == '='))
			return &reader->words[i];
	}
	return NULL;
}

/* Keys that say how streams, or messages of a seqpacket socket, are treated. */
static void refuse_stream_keys(struct reader *reader)
{
	static const struct {
		const char *name, *why, *hint;
	} keys[] = {
		{ "idle-timeout", "datagrams have a time of their own", "write udp-idle=TIME" },
		{ "half-close-timeout", "datagrams have no end, and so no half of one", "udp-idle=TIME ends a flow" },
		{ "no-shutdown", "datagrams have no end that could be passed on", "" },
		{ "message-size", "a datagram is carried as it came, whatever its size", "" },
		{ "buffer", "datagrams are read one by one, whatever their size", "" },
		{ "engine", "datagrams are moved by an engine of their own", "" },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct text_word *word = own_key(reader, keys[i].name);

		if (word)
			complain_word(reader, word, keys[i].hint, "%s", keys[i].why);
	}
	if (reader->rule->settings.passage.accept_proxy || reader->rule->settings.passage.send_proxy)
		complain_word(reader, &reader->words[1], "", "a PROXY header stands before a stream, and here are datagrams");
	if (reader->rule->settings.passage.original_dst)
		complain_word(reader, &reader->words[1], "", "original-dst is told by a PROXY header, which datagrams have not");
}

/* What can carry datagrams in frames: a stream, of which each flow gets one of its own. */
static void check_carrier(struct reader *reader, const struct text_word *word, const struct addr *addr)
{
	if (addr->seqpacket)
		complain_word(reader, word, "write vsock: or unix:", "datagrams travel on a stream, and here are messages");
	else if (addr_is_open_ended(addr))
		complain_word(reader, word, "write socks5: and http-connect: behind vsock:, tcp: or unix:", "its clients need a stream to ask on");
	else if (addr->family == ADDR_FD && word != &reader->words[0])
		complain_word(reader, word, "write an address that can be connected to", "each flow of datagrams needs a connection of its own");
}

/* After a stream's end, for who sends a question, ends its half, and waits for the answer. */
#define ANSWER_TIME (5 * NSEC_PER_SEC)

static void check_datagrams(struct reader *reader, const struct addr *targets)
{
	struct rule *rule = reader->rule;
	struct relay_settings *relaying = &rule->settings.relaying;
	uint64_t idle = rule->settings.passage.udp_idle;
	const struct text_word *word = own_key(reader, "udp-idle");

	rule->datagrams = rule->flows;
	for (size_t i = 0; i < rule->target_count; i++)
		rule->datagrams = rule->datagrams || targets[i].family == ADDR_UDP;
	if (!rule->datagrams) {
		/* with --check nobody may have been passed yet */
		if (word && targets[0].family && rule->listen.family && rule->listen.family != ADDR_FD)
			complain_word(reader, word, "idle-timeout=TIME is for connections", "udp-idle is for datagrams, and this rule has none");
		return;
	}
	refuse_stream_keys(reader);
	if (!rule->flows)
		check_carrier(reader, &reader->words[0], &rule->listen);
	for (size_t i = 0; i < rule->target_count; i++) {
		size_t offset;

		word = i ? word_of(reader, rule->settings.keys.connects.entries[i - 1].text, &offset) : &reader->words[1];
		if (targets[i].family != ADDR_UDP)
			check_carrier(reader, word, &targets[i]);
	}
	relaying->datagrams = true;
	relaying->idle_timeout = idle;
	relaying->half_close_timeout = idle < ANSWER_TIME ? idle : ANSWER_TIME;
	relaying->no_shutdown = false;
	relaying->message_text = NULL;
}

/* What its clients are asked and told before anything is relayed. */
static int make_plan(struct reader *reader, const struct addr *targets)
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
	check_headers(reader, targets);
	check_original(reader);
	return read_dests(reader, &targets[0]);
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
	size_t count = ports_of(&rule->listen);
	int status = 0;

	rule->ports = calloc(count, sizeof(*rule->ports));
	if (!rule->ports)
		return -ENOMEM;
	rule->port_count = count;
	for (size_t i = 0; i < count && !status; i++)
		status = make_port(rule, i, targets);
	return status;
}

static int read_targets(struct reader *reader)
{
	struct rule *rule = reader->rule;
	const struct opt_list *more = &rule->settings.keys.connects;
	size_t count = 1 + more->count;
	struct addr *targets = calloc(count, sizeof(*targets));
	int status = 0;

	if (!targets)
		return -ENOMEM;
	if (count > RULES_TARGETS_MAX)
		complain_word(reader, &reader->words[0], "", "more than %d targets", RULES_TARGETS_MAX);
	read_addr(reader, &reader->words[1], 0, ADDR_CONNECT, &targets[0]);
	check_target(reader, &reader->words[1], 0, &targets[0]);
	for (size_t i = 1; i < count; i++) {
		size_t offset;
		const struct text_word *word = word_of(reader, more->entries[i - 1].text, &offset);

		read_addr(reader, word, offset, ADDR_CONNECT, &targets[i]);
		check_target(reader, word, offset, &targets[i]);
	}
	rule->target_count = count;
	check_datagrams(reader, targets);
	status = make_plan(reader, targets);
	if (!status && !reader->bad)
		status = make_ports(rule, targets);
	free(targets);
	return status;
}

/* Rules */

static int keep_words(struct reader *reader)
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

/* What the rule's words mean, all but the keys' values being read from the rule's own copy of them. */
static int understand(struct reader *reader)
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
	if (ports_of(&rule->listen) > RULES_PORTS_MAX)
		complain_word(reader, &words[0], "", "a range has at most %d ports: each is a listening socket", RULES_PORTS_MAX);
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

/* One rule from its words. A rule with an error is counted and dropped. */
static int read_rule(struct rules *rules, const struct rules_context *context, const struct text *text,
                     const struct text_word *words, size_t count)
{
	struct rule *rule = calloc(1, sizeof(*rule));
	struct reader reader = { .rules = rules, .context = context, .text = text, .words = words, .count = count, .rule = rule };
	int status;

	if (!rule)
		return -ENOMEM;
	inherit(rule, context->defaults);
	rule->line = text_line_number(text, &words[0]);
	if (text->file)
		rule->file = strdup(text->file);
	status = keep_words(&reader);
	if (!status && count < 2)
		complain_word(&reader, &words[0], "a rule is LISTEN CONNECT [KEY=VALUE]...", "LISTEN without CONNECT: addresses come in pairs");
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

int rules_read_words(struct rules *rules, const struct rules_context *context, size_t count, char *const *words)
{
	struct text text = { .hearer = rules->hearer };
	struct text_word *own = calloc(count + 1, sizeof(*own));
	int status = own ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && own; i++)
		own[i].text = words[i];
	for (size_t first = 0, last; first < count && !status; first = last) {
		last = first + 2 < count ? first + 2 : count;
		while (last < count && is_key(context, words[last]))
			last++;
		status = read_rule(rules, context, &text, &own[first], last - first);
	}
	free(own);
	return status;
}

/* Files */

int rules_read_data(struct rules *rules, const struct rules_context *context, const char *file, const char *data, size_t size)
{
	struct text text = { .hearer = rules->hearer, .file = file, .data = data, .size = size };
	struct text_line line;
	int status;

	while ((status = text_next(&text, &line)) != 0) {
		if (status == -EINVAL) {
			count_error(rules, STATUS_USAGE);
			rules->bad++;
			continue;
		}
		if (status < 0)
			return status;
		status = read_rule(rules, context, &text, line.words, line.count);
		text_line_free(&line);
		if (status < 0)
			return status;
	}
	return 0;
}

/* A mistake of a whole file or rule, for who hears. */
static void tell(const struct rules *rules, const char *file, unsigned line, const char *what, const char *why)
{
	char text[1100];

	if (!rules->hearer)
		return;
	snprintf(text, sizeof(text), "%s%s", what, why);
	rules->hearer->hear(rules->hearer, &(const struct text_mistake){ .file = file, .line = line, .why = text, .hint = "" });
}

static void cannot_read(struct rules *rules, const char *path, int error)
{
	log_error_at(path, "can't be read: %s", strerror(error));
	tell(rules, path, 0, "can't be read: ", strerror(error));
	count_error(rules, error == ENOENT ? STATUS_ABSENT : error == EACCES ? STATUS_DENIED : STATUS_FAILURE);
}

static bool trusted(struct rules *rules, const char *path, const struct stat *st)
{
	if (geteuid() != 0)
		return true;
	if (st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH)))
		return true;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)) /* a pipe: who started us made it */
		return true;
	log_error_at(path, st->st_uid ? "refused: it belongs to another user, and root would obey it"
	                              : "refused: others than root may write it");
	log_hint("chown root and chmod go-w");
	tell(rules, path, 0, "", "refused: others than root may change it");
	count_error(rules, STATUS_DENIED);
	return false;
}

bool rules_trust(struct rules *rules, const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || trusted(rules, path, &st);
}

static int read_all(int fd, char **data, size_t *size)
{
	size_t room = 0;

	for (;;) {
		char *more;
		ssize_t n;

		if (*size == room) {
			room = room ? room * 2 : 16384;
			if (room > FILE_MAX_BYTES)
				return -EFBIG;
			more = realloc(*data, room);
			if (!more)
				return -ENOMEM;
			*data = more;
		}
		n = read(fd, *data + *size, room - *size);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			*size += (size_t)n;
	}
}

static int read_one(struct rules *rules, const struct rules_context *context, const char *path, int fd, const struct stat *st)
{
	char *data = NULL;
	size_t size = 0;
	int status;

	if (!trusted(rules, path, st))
		return 0;
	status = read_all(fd, &data, &size);
	if (!status) {
		status = context->bundle ? bundle_add(context->bundle, BUNDLE_RULES, path, data, size) : 0;
		if (!status)
			status = rules_read_data(rules, context, path, data, size);
	} else if (status != -ENOMEM) {
		cannot_read(rules, path, -status);
		status = 0;
	}
	free(data);
	return status;
}

static int is_rules_file(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 6 && strcmp(entry->d_name + length - 6, ".rules") == 0;
}

static int read_folder(struct rules *rules, const struct rules_context *context, const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_rules_file, alphasort), status = 0;

	if (count < 0) {
		cannot_read(rules, path, errno);
		return 0;
	}
	for (int i = 0; i < count; i++) {
		char *file;

		if (!status && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			status = -ENOMEM;
		if (!status) {
			status = rules_read_file(rules, context, file);
			free(file);
		}
		free(entries[i]);
	}
	free(entries);
	return status;
}

int rules_read_file(struct rules *rules, const struct rules_context *context, const char *path)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), status = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		cannot_read(rules, path, errno);
	else if (!S_ISDIR(st.st_mode))
		status = read_one(rules, context, path, fd, &st);
	else if (trusted(rules, path, &st))
		status = read_folder(rules, context, path);
	if (fd >= 0)
		close(fd);
	return status;
}

/* All together */

static bool overlap(const struct addr *a, const struct addr *b)
{
	bool picked = addr_is_ip(a) ? !a->port && !*a->service : a->port == ADDR_PORT_ANY;

	if (a->family != b->family || strcmp(a->name, b->name) != 0 || a->cid != b->cid || a->ip != b->ip || a->fd != b->fd ||
	    a->abstract != b->abstract || a->wildcard != b->wildcard || strcmp(a->service, b->service) != 0)
		return false;
	if (a->family == ADDR_UNIX || a->family == ADDR_FD)
		return true;
	return !picked && a->port <= b->port_last && b->port <= a->port_last;
}

static void show_place(const struct rule *rule, char *buf, size_t size)
{
	if (rule->file)
		snprintf(buf, size, "%s:%u", rule->file, rule->line);
	else
		snprintf(buf, size, "the command line");
}

static void twice(struct rules *rules, struct rule *rule, const struct rule *other, const char *what, const char *text)
{
	char place[512], first[512];

	show_place(rule, place, sizeof(place));
	show_place(other, first, sizeof(first));
	if (rule->file)
		log_error_at(place, "%s: %s, as in %s", text, what, first);
	else
		log_error("%s: %s, as in %s", text, what, first);
	snprintf(place, sizeof(place), "%s: %s, as in ", text, what);
	tell(rules, rule->file, rule->line, place, first);
	count_error(rules, STATUS_USAGE);
	rules->bad++;
	rules->count--;
}

void rules_check(struct rules *rules)
{
	for (struct rule *rule = rules->first; rule; rule = rule->next) {
		for (const struct rule *other = rules->first; other != rule; other = other->next) {
			if (overlap(&rule->listen, &other->listen)) {
				twice(rules, rule, other, "listened on twice", rule->words[0]);
				break;
			}
			if (strcmp(rule->label, other->label) == 0 && rule->gate.rule) {
				twice(rules, rule, other, "a name that is there twice", rule->label);
				break;
			}
		}
	}
}

static bool same_targets(const struct rule *a, const struct rule *b)
{
	for (size_t i = 0; i < a->target_count; i++)
		if (!addr_equal(&a->ports[0].targets[i].addr, &b->ports[0].targets[i].addr))
			return false;
	return true;
}

bool rule_same(const struct rule *a, const struct rule *b)
{
	if (a->word_count != b->word_count || a->port_count != b->port_count || a->target_count != b->target_count)
		return false;
	for (size_t i = 0; i < a->word_count; i++)
		if (strcmp(a->words[i], b->words[i]) != 0)
			return false;
	/* a name in the hosts file may mean something else by now */
	return addr_equal(&a->listen, &b->listen) && same_targets(a, b);
}

void rule_free(struct rule *rule)
{
	for (size_t i = 0; i < rule->port_count; i++) {
		for (size_t j = 0; j < rule->target_count && rule->ports[i].targets; j++)
			free(rule->ports[i].targets[j].text);
		free(rule->ports[i].targets);
	}
	for (size_t i = 0; i < rule->word_count; i++)
		free(rule->words[i]);
	opt_list_free(&rule->settings.serving.who);
	opt_list_free(&rule->settings.keys.connects);
	opt_list_free(&rule->settings.passage.dests);
	dest_free(&rule->dests);
	access_free(&rule->gate.access);
	free(rule->ports);
	free(rule->words);
	free(rule->label);
	free(rule->file);
	free(rule);
}

void rules_free(struct rules *rules)
{
	while (rules->first) {
		struct rule *rule = rules->first;

		rules->first = rule->next;
		rule_free(rule);
	}
	*rules = (struct rules){ 0 };
}
