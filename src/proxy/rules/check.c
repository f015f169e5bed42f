/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/util.h"
#include "proxy/rules/parts.h"
#include "serve/spawn.h"

/* One rule */

void rule_check_target(struct rule_reader *reader, const struct text_word *word, size_t offset,
		       const struct addr *target)
{
	const struct rule *rule = reader->rule;
	const struct addr *listen = &rule->listen;
	char why[160];

	if (!target->family || !listen->family || !word->text)
		return;
	if (!rule->flows && target->family != ADDR_UDP && listen->seqpacket != target->seqpacket &&
	    !rule->settings.relaying.message_text)
		rule_complain(reader, word, offset, 0, "messages and a stream",
			      "say how the stream is to be cut into messages: --message-size SIZE, "
			      "or --message-size line; "
			      "for one rule message-size=line");
	if (rule_port_count(listen) != rule_port_count(target)) {
		snprintf(why, sizeof(why),
			 "%s ports here, but LISTEN has %zu: both ranges must have the same length",
			 rule_port_count(target) == 1 ? "no range of" : "more or fewer",
			 rule_port_count(listen));
		rule_complain(reader, word, offset, 0, why, "");
	}
	if (addr_is_open_ended(target) && listen->seqpacket)
		rule_complain(reader, word, offset, 0, "its clients need a stream to ask on",
			      "listen on vsock: or unix:");
	if (addr_is_open_ended(target) && rule->settings.keys.connects.count)
		rule_complain(
			reader, word, offset, 0,
			"clients choose the destination here, so there cannot be another target",
			"write two rules");
	if (target->family == ADDR_EXEC) {
		int error = spawn_check(target->name);
		struct explanation explanation;

		if (!error)
			return;
		explain(target, &(struct failure){ .step = STEP_CONNECT, .error = -error },
			&explanation);
		rule_complain(reader, word, offset, 0, explanation.what, explanation.hint);
		if (reader->rules->errors == 1)
			reader->rules->status = (int)explanation.status;
	}
}

/* The proxies that may name another client must be listed. */
static bool names_somebody(const struct rule_reader *reader)
{
	const struct access *own = &reader->rule->admission.access;

	for (size_t i = 0; i < own->count; i++)
		if (own->entries[i].allow)
			return true;
	return !own->count && server_allows_somebody(&reader->context->defaults->serving.who);
}

static void check_headers(struct rule_reader *reader, const struct addr *targets)
{
	const struct passage_settings *passage = &reader->rule->settings.passage;
	bool messages = passage->accept_proxy && reader->rule->listen.seqpacket;

	for (size_t i = 0; i < reader->rule->target_count; i++)
		messages = messages || (passage->send_proxy && targets[i].seqpacket);
	if (messages)
		rule_complain_word(
			reader, &reader->words[1], "",
			"a PROXY header needs a stream, but this address carries messages");
	if (targets[0].family == ADDR_PROXY_DST && !passage->accept_proxy)
		rule_complain_word(reader, &reader->words[1],
				   "write accept-proxy, and allow=WHO for the proxies that may "
				   "send the header",
				   "the destination comes from a PROXY header, but this rule "
				   "accepts none");
	if (passage->accept_proxy && !names_somebody(reader))
		rule_complain_word(
			reader, &reader->words[0],
			"name the proxies that may connect: allow=WHO, or --allow for all rules",
			"accept-proxy: any client could claim to be another");
}

/* netfilter redirects TCP, and only our PROXY header passes on the destination. */
static void check_original(struct rule_reader *reader)
{
	const struct passage_settings *passage = &reader->rule->settings.passage;
	enum addr_family family = reader->rule->listen.family;

	if (!passage->original_dst || !family ||
	    reader->rule->datagrams) /* refuse_stream_keys() has said it */
		return;
	if (family != ADDR_TCP && family != ADDR_FD)
		rule_complain_word(reader, &reader->words[0], "listen on tcp:",
				   "original-dst: only TCP connections are redirected");
	if (passage->accept_proxy)
		rule_complain_word(reader, &reader->words[0], "leave one of them out",
				   "original-dst and accept-proxy cannot be used together: the "
				   "accepted header already has the destination");
	else if (!passage->send_proxy)
		rule_complain_word(reader, &reader->words[1], "write send-proxy=v2",
				   "original-dst has no effect without send-proxy");
}

/* Datagrams */

/* The word that sets this key in the rule itself, or NULL. */
static const struct text_word *own_key(const struct rule_reader *reader, const char *name)
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
static void refuse_stream_keys(struct rule_reader *reader)
{
	static const struct {
		const char *name, *why, *hint;
	} keys[] = {
		{ "idle-timeout", "a UDP flow has a timeout of its own", "write udp-idle=TIME" },
		{ "half-close-timeout", "a UDP flow has no half-close",
		  "udp-idle=TIME ends a flow" },
		{ "no-shutdown", "a UDP flow has no end of file to pass on", "" },
		{ "message-size", "datagrams keep their size", "" },
		{ "buffer", "datagrams do not use this buffer", "" },
		{ "engine", "datagrams always use the datagram engine", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct text_word *word = own_key(reader, keys[i].name);

		if (word)
			rule_complain_word(reader, word, keys[i].hint, "%s", keys[i].why);
	}
	if (reader->rule->settings.passage.accept_proxy ||
	    reader->rule->settings.passage.send_proxy)
		rule_complain_word(
			reader, &reader->words[1], "",
			"a PROXY header needs a stream, but this address carries datagrams");
	if (reader->rule->settings.passage.original_dst)
		rule_complain_word(
			reader, &reader->words[1], "",
			"original-dst needs a PROXY header, which datagrams do not have");
}

/* Can this carry datagrams in frames? It must be a stream; each flow gets its own. */
static void check_carrier(struct rule_reader *reader, const struct text_word *word,
			  const struct addr *addr)
{
	if (addr->seqpacket)
		rule_complain_word(reader, word, "write vsock: or unix:",
				   "datagrams travel on a stream, and here are messages");
	else if (addr_is_open_ended(addr))
		rule_complain_word(reader, word,
				   "use socks5: and http-connect: with vsock:, tcp: or unix:",
				   "its clients need a stream to ask on");
	else if (addr->family == ADDR_FD && word != &reader->words[0])
		rule_complain_word(reader, word, "write an address that can be connected to",
				   "each flow of datagrams needs a connection of its own");
}

static void check_datagrams(struct rule_reader *reader, const struct addr *targets)
{
	const struct rule *rule = reader->rule;
	const struct text_word *word = own_key(reader, "udp-idle");

	if (!rule->datagrams) {
		/* with --check the socket may not have been passed yet */
		if (word && targets[0].family && rule->listen.family &&
		    rule->listen.family != ADDR_FD)
			rule_complain_word(reader, word, "idle-timeout=TIME is for connections",
					   "udp-idle is for datagrams, and this rule has none");
		return;
	}
	refuse_stream_keys(reader);
	if (!rule->flows)
		check_carrier(reader, &reader->words[0], &rule->listen);
	for (size_t i = 0; i < rule->target_count; i++) {
		size_t offset;

		word = i ? rule_word_of(reader, rule->settings.keys.connects.entries[i - 1].text,
					&offset)
			 : &reader->words[1];
		if (targets[i].family != ADDR_UDP)
			check_carrier(reader, word, &targets[i]);
	}
}

void rule_check(struct rule_reader *reader, const struct addr *targets)
{
	check_datagrams(reader, targets);
	check_headers(reader, targets);
	check_original(reader);
}

/* All together */

/* The name in one spelling: a host without capitals and a final dot, a path without "./" and "//".
 */
static void spell(const struct addr *addr, char name[ADDR_NAME_MAX])
{
	bool path = addr->family == ADDR_MUX || (addr->family == ADDR_UNIX && !addr->abstract);
	size_t used = 0;

	for (const char *at = addr->name; *at; at++) {
		bool first = !used || name[used - 1] == '/';

		if (path && first && at[0] == '.' && at[1] == '/')
			at += strspn(at + 1, "/");
		else if (!path || !used || !first || *at != '/')
			name[used++] = *at;
	}
	name[used] = '\0';
	if (addr_is_ip(addr) && used && name[used - 1] == '.')
		name[used - 1] = '\0';
}

static int by_name(const struct addr *a, const struct addr *b)
{
	char left[ADDR_NAME_MAX], right[ADDR_NAME_MAX];

	spell(a, left);
	spell(b, right);
	return addr_is_ip(a) && addr_is_ip(b) ? strcasecmp(left, right) : strcmp(left, right);
}

bool rules_overlap(const struct addr *a, const struct addr *b)
{
	bool picked = addr_is_ip(a) ? !a->port && !*a->service : a->port == ADDR_PORT_ANY;

	if (a->family != b->family || by_name(a, b) != 0 || a->cid != b->cid || a->ip != b->ip ||
	    a->fd != b->fd || a->abstract != b->abstract || a->wildcard != b->wildcard ||
	    strcmp(a->service, b->service) != 0 || strcmp(a->options.netns, b->options.netns) != 0)
		return false;
	if (a->family == ADDR_UNIX || a->family == ADDR_FD)
		return true;
	return !picked && a->port <= b->port_last && b->port <= a->port_last;
}

static void refuse_second(struct rules *rules, const struct rule *rule, const struct rule *other,
			  const char *what, const char *text)
{
	char twice[512], first[512];

	snprintf(twice, sizeof(twice), "%s: %s, as in ", text, what);
	rule_show_place(other, first, sizeof(first));
	rule_refuse(rules, rule, twice, first, "");
}

static void complain_twice(struct rules *rules)
{
	for (struct rule *rule = rules->first; rule; rule = rule->next) {
		for (const struct rule *other = rules->first; other != rule; other = other->next) {
			if (rules_overlap(&rule->listen, &other->listen)) {
				refuse_second(rules, rule, other, "listened on twice",
					      rule->words[0]);
				break;
			}
			if (strcmp(rule->label, other->label) == 0 && rule->admission.rule) {
				refuse_second(rules, rule, other, "a name that is used twice",
					      rule->label);
				break;
			}
		}
	}
}

static int by_number(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* 0: they are the same but for their ports. */
static int by_place(const struct addr *a, const struct addr *b)
{
	int order = by_number(a->family, b->family);

	order = order ? order : by_number(a->cid, b->cid);
	order = order ? order : by_number(a->ip, b->ip);
	order = order ? order : by_number(a->fd, b->fd);
	order = order ? order : by_number(a->abstract, b->abstract);
	order = order ? order : by_number(a->wildcard, b->wildcard);
	order = order ? order : by_name(a, b);
	order = order ? order : strcmp(a->options.netns, b->options.netns);
	return order ? order : strcmp(a->service, b->service);
}

static int by_listen(const void *a, const void *b)
{
	const struct addr *left = &(*(const struct rule *const *)a)->listen,
			  *right = &(*(const struct rule *const *)b)->listen;
	int order = by_place(left, right);

	return order ? order : by_number(left->port, right->port);
}

static int by_label(const void *a, const void *b)
{
	return strcmp((*(const struct rule *const *)a)->label,
		      (*(const struct rule *const *)b)->label);
}

/* Sorted: what overlaps stands behind the one whose ports go furthest, of the same place. */
static bool any_twice(const struct rule **rules, size_t count)
{
	size_t furthest = 0;

	qsort(rules, count, sizeof(*rules), by_listen);
	for (size_t i = 1; i < count; i++) {
		const struct addr *last = &rules[furthest]->listen, *addr = &rules[i]->listen;

		if (rules_overlap(last, addr))
			return true;
		if (by_place(last, addr) != 0 || addr->port_last >= last->port_last)
			furthest = i;
	}
	qsort(rules, count, sizeof(*rules), by_label);
	for (size_t i = 1; i < count; i++)
		if (by_label(&rules[i - 1], &rules[i]) == 0)
			return true;
	return false;
}

int rules_check(struct rules *rules)
{
	const struct rule **all = calloc(rules->count + 1, sizeof(*all));
	size_t count = 0;

	if (!all)
		return -ENOMEM;
	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		all[count++] = rule;
	/* all are compared with each other only where there is something to be said */
	if (count && any_twice(all, count))
		complain_twice(rules);
	free(all);
	return 0;
}
