/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "base/util.h"
#include "proxy/rules/parts.h"

/* Datagrams */

bool rule_has_datagrams(const struct rule *rule, const struct addr *targets)
{
	for (size_t i = 0; i < rule->target_count; i++)
		if (targets[i].family == ADDR_UDP)
			return true;
	return rule->flows;
}

/* How long a stream stays open for the answer once its client has sent a request and half-closed.
 */
#define ANSWER_TIME (5 * NSEC_PER_SEC)

/* Of the settings for streams, a flow of datagrams takes only time limits, with values of its own.
 */
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

/* The exchange with its clients before anything is relayed. */
static void make_plan(struct rule *rule, const struct addr *targets)
{
	const struct passage_settings *passage = &rule->settings.passage;

	rule->plan = (struct greeting_plan){
		.timeout = rule->settings.dialling.connect_timeout,
		.asks = addr_is_open_ended(&targets[0]) ? targets[0].family : ADDR_NONE,
		.accept_proxy = passage->accept_proxy,
		.send_proxy = (uint8_t)passage->send_proxy,
		.original_dst = passage->original_dst,
		.dests = &rule->dests,
	};
	if (rule->plan.asks) {
		rule->settings.dialling.permits = dest_permits;
		rule->settings.dialling.dests = &rule->dests;
	}
}

int rule_settle(struct rule *rule, const struct addr *targets)
{
	struct rule_settings *settings = &rule->settings;
	char text[ADDR_TEXT_MAX];

	rule->datagrams = rule_has_datagrams(rule, targets);
	if (rule->datagrams)
		carry_datagrams(rule);
	make_plan(rule, targets);
	rule->once = settings->dialling;
	rule->once.brief = true;
	rule->once.wait = 0;
	rule->share.rate = settings->passage.total_rate;
	settings->relaying.share = &rule->share;
	rule->admission.accept_rate = settings->passage.accept_rate;
	rule->admission.limit = settings->serving.max_conns;
	rule->admission.per_peer = settings->serving.max_conns_per_peer;
	rule->label = strdup(settings->keys.name
				     ? settings->keys.name
				     : addr_format_short(&rule->listen, text, sizeof(text)));
	if (settings->keys.name)
		rule->admission.rule = rule->label;
	return rule->label ? make_ports(rule, targets) : -ENOMEM;
}

/* Comparing rules */

/* Keys for access, destinations and limits: they may change while connections are open. */
static bool is_adjustable(const char *word)
{
	static const char *const keys[] = { "allow",	   "deny",	"allow-dest",
					    "deny-dest",   "max-conns", "max-conns-per-peer",
					    "accept-rate", "total-rate" };
	size_t length = strcspn(word, "=");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strlen(keys[i]) == length && strncmp(word, keys[i], length) == 0)
			return true;
	return false;
}

/* The next word from number *i on that is not such a key, or NULL. The first is what it listens on,
 * which is compared by its meaning. */
static const char *next_fixed(const struct rule *rule, size_t *i)
{
	while (*i >= 2 && *i < rule->word_count && is_adjustable(rule->words[*i]))
		++*i;
	return *i < rule->word_count ? rule->words[(*i)++] : NULL;
}

static bool same_fixed_words(const struct rule *a, const struct rule *b)
{
	size_t at_a = 1, at_b = 1;
	const char *left, *right;

	do {
		left = next_fixed(a, &at_a);
		right = next_fixed(b, &at_b);
	} while (left && right && strcmp(left, right) == 0);
	return !left && !right;
}

static bool same_words(const struct rule *a, const struct rule *b)
{
	if (a->word_count != b->word_count)
		return false;
	for (size_t i = 0; i < a->word_count; i++)
		if (strcmp(a->words[i], b->words[i]) != 0)
			return false;
	return true;
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
	if (a->port_count != b->port_count || a->target_count != b->target_count ||
	    !same_fixed_words(a, b))
		return false;
	/* A name in the hosts file may mean something else by now. */
	return addr_same_place(&a->listen, &b->listen) && same_targets(a, b);
}

uint64_t rule_hash(const struct rule *rule)
{
	return hash_bytes(rule->label, strlen(rule->label));
}

#define SWAP(a, b)                        \
	do {                              \
		__typeof__(a) swap = (a); \
		(a) = (b);                \
		(b) = swap;               \
	} while (0)

/* What sessions point to stays: the rule, its label and its targets. The twin is freed with the old
 * words and everything that points into them. */
bool rule_adjust(struct rule *rule, struct rule *twin)
{
	bool adjusted = !rule->words || !same_words(rule, twin) ||
			!access_same(&rule->admission.access, &twin->admission.access) ||
			!addr_equal(&rule->listen, &twin->listen);

	SWAP(rule->words, twin->words);
	SWAP(rule->word_count, twin->word_count);
	SWAP(rule->settings, twin->settings);
	SWAP(rule->file, twin->file);
	SWAP(rule->dests, twin->dests);
	SWAP(rule->admission.access, twin->admission.access);
	rule->line = twin->line;
	rule->settings.relaying.share = &rule->share;
	if (rule->settings.dialling.dests)
		rule->settings.dialling.dests = &rule->dests;
	rule->share.rate = twin->share.rate;
	rule->admission.limit = twin->admission.limit;
	rule->admission.per_peer = twin->admission.per_peer;
	rule->admission.accept_rate = twin->admission.accept_rate;
	rule->listen.options = twin->listen.options;
	for (size_t i = 0; i < rule->port_count; i++) {
		rule->ports[i].listen.options = twin->listen.options;
		rule->ports[i].listener.accept_rate = rule->admission.accept_rate;
	}
	return adjusted;
}

void rule_free(struct rule *rule)
{
	for (size_t i = 0; i < rule->port_count; i++) {
		for (size_t j = 0; j < rule->target_count && rule->ports[i].targets; j++) {
			free(rule->ports[i].targets[j].text);
			free(rule->ports[i].targets[j].found);
		}
		free(rule->ports[i].targets);
		free(rule->ports[i].places);
	}
	for (size_t i = 0; i < rule->word_count; i++)
		free(rule->words[i]);
	opt_list_free(&rule->settings.serving.who);
	opt_list_free(&rule->settings.keys.connects);
	opt_list_free(&rule->settings.passage.dests);
	dest_free(&rule->dests);
	access_free(&rule->admission.access);
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
	access_free(&rules->access);
	*rules = (struct rules){ 0 };
}
