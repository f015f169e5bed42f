/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/broker/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/util.h"
#include "base/wire.h"
#include "proxy/rules/parts.h"
#include "relay/choose.h"

#define ADDR_OPT_ALL (2 * ADDR_OPT_NETNS - 1)

/* Addresses */

static void wire_options(struct wire *wire, struct addr_options *options)
{
	wire_u32(wire, &options->given, ADDR_OPT_ALL);
	wire_u64(wire, &options->connect_timeout);
	wire_u64(wire, &options->window);
	wire_u64(wire, &options->half_close);
	wire_u32(wire, &options->backlog, UINT32_MAX);
	wire_u32(wire, &options->mode, 07777);
	wire_bool(wire, &options->nodelay);
	wire_bool(wire, &options->keepalive);
	wire_u16(wire, &options->keepalive_time);
	wire_u32(wire, &options->bind_cid, UINT32_MAX);
	wire_u32(wire, &options->bind_port, UINT32_MAX);
	wire_text(wire, options->bind_host, sizeof(options->bind_host));
	wire_u16(wire, &options->bind_tcp_port);
	wire_text(wire, options->owner, sizeof(options->owner));
	wire_text(wire, options->group, sizeof(options->group));
	wire_bool(wire, &options->accounts_known);
	wire_u32(wire, &options->uid, UINT32_MAX);
	wire_u32(wire, &options->gid, UINT32_MAX);
	wire_text(wire, options->netns, sizeof(options->netns));
	wire_u64(wire, &options->netns_id);
}

static void wire_addr(struct wire *wire, struct addr *addr)
{
	addr->family = wire_choice(wire, addr->family, ADDR_UDP);
	wire_bool(wire, &addr->seqpacket);
	wire_u8(wire, &addr->ip, 6);
	wire_u32(wire, &addr->cid, UINT32_MAX);
	wire_u32(wire, &addr->port, UINT32_MAX);
	wire_u32(wire, &addr->port_last, UINT32_MAX);
	wire_i32(wire, &addr->fd, -1, INT32_MAX);
	wire_bool(wire, &addr->wildcard);
	wire_bool(wire, &addr->has_port);
	wire_bool(wire, &addr->abstract);
	wire_text(wire, addr->service, sizeof(addr->service));
	wire_text(wire, addr->alias, sizeof(addr->alias));
	wire_text(wire, addr->name, sizeof(addr->name));
	wire_options(wire, &addr->options);
	wire->bad = wire->bad || !addr->family || (addr->ip && addr->ip != 4 && addr->ip != 6) ||
		    (addr_is_ip(addr) && (addr->port > UINT16_MAX || addr->port_last > UINT16_MAX));
}

/* The targets as they were written, with their ranges. */
static void write_targets(struct wire *wire, const struct rule *rule)
{
	for (size_t i = 0; i < rule->target_count; i++) {
		struct addr addr = rule->ports[0].targets[i].addr;

		if (rule->port_count > 1)
			addr.port_last = addr.port + (uint32_t)rule->port_count - 1;
		wire_addr(wire, &addr);
	}
}

static void read_targets(struct wire *wire, struct rule *rule)
{
	struct addr *targets = calloc(rule->target_count + 1, sizeof(*targets));

	if (!targets) {
		wire_short_of_memory(wire);
		return;
	}
	wire->bad = wire->bad || rule_port_count(&rule->listen) > RULES_PORTS_MAX;
	for (size_t i = 0; i < rule->target_count && !wire->bad; i++) {
		wire_addr(wire, &targets[i]);
		wire->bad = wire->bad ||
			    rule_port_count(&targets[i]) != rule_port_count(&rule->listen) ||
			    (addr_is_open_ended(&targets[i]) && rule->target_count > 1);
	}
	if (!wire->bad && rule_settle(rule, targets) < 0) /* which has no other reason */
		wire_short_of_memory(wire);
	free(targets);
}

/* Who may connect, and where to */

static void wire_access(struct wire *wire, struct access *access)
{
	wire_array(wire, &access->entries, &access->count, sizeof(*access->entries));
	for (size_t i = 0; i < access->count; i++) {
		struct access_entry *entry = &access->entries[i];

		entry->kind = wire_choice(wire, entry->kind, ACCESS_GID);
		wire_bool(wire, &entry->allow);
		wire_u32(wire, &entry->number, UINT32_MAX);
		wire_bytes(wire, &entry->ip, sizeof(entry->ip));
		wire_u32(wire, &entry->prefix, 128);
		wire_text(wire, entry->text, sizeof(entry->text));
	}
}

static void wire_dest(struct wire *wire, struct dest *dest)
{
	dest->kind = wire_choice(wire, dest->kind, DEST_NET);
	wire_bool(wire, &dest->allow);
	wire_string(wire, &dest->text);
	wire_string(wire, &dest->name);
	wire_bytes(wire, &dest->ip, sizeof(dest->ip));
	wire_u32(wire, &dest->prefix, 128);
	wire_array(wire, &dest->ports.ranges, &dest->ports.count, sizeof(*dest->ports.ranges));
	for (size_t i = 0; i < dest->ports.count; i++) {
		wire_u64(wire, &dest->ports.ranges[i].first);
		wire_u64(wire, &dest->ports.ranges[i].last);
	}
	wire->bad = wire->bad || !dest->text ||
		    ((dest->kind == DEST_NAME || dest->kind == DEST_SUFFIX) && !dest->name);
}

static void wire_dests(struct wire *wire, struct dest_list *dests)
{
	wire_array(wire, &dests->entries, &dests->count, sizeof(*dests->entries));
	for (size_t i = 0; i < dests->count; i++)
		wire_dest(wire, &dests->entries[i]);
}

/* Settings */

static void wire_relaying(struct wire *wire, struct relay_settings *settings)
{
	wire_u64(wire, &settings->idle_timeout);
	wire_u64(wire, &settings->half_close_timeout);
	wire_u64(wire, &settings->max_time);
	wire_u64(wire, &settings->max_bytes);
	wire_u64(wire, &settings->rate_limit);
	wire_u64(wire, &settings->buffer);
	wire_u64(wire, &settings->message_size);
	wire_bool(wire, &settings->message_lines);
	settings->engine = wire_choice(wire, settings->engine, ENGINE_SPLICE);
	wire_bool(wire, &settings->no_shutdown);
}

static void wire_settings(struct wire *wire, struct rule_settings *settings)
{
	struct passage_settings *passage = &settings->passage;

	wire_u64(wire, &settings->serving.max_conns);
	wire_u64(wire, &settings->serving.max_conns_per_peer);
	wire_u64(wire, &settings->dialling.connect_timeout);
	wire_u64(wire, &settings->dialling.wait);
	wire_relaying(wire, &settings->relaying);
	settings->routing.balance = wire_choice(wire, settings->routing.balance, BALANCE_LEAST);
	wire_u64(wire, &passage->udp_idle);
	passage->send_proxy = wire_choice(wire, passage->send_proxy, 2);
	wire_bool(wire, &passage->accept_proxy);
	wire_bool(wire, &passage->original_dst);
	wire_u64(wire, &passage->accept_rate);
	wire_u64(wire, &passage->total_rate);
}

/* Rules */

/* All but the targets; name is its own, if it has one. */
static void wire_rule(struct wire *wire, struct rule *rule, char **name)
{
	wire_string(wire, name);
	wire_addr(wire, &rule->listen);
	wire_bool(wire, &rule->flows);
	wire_settings(wire, &rule->settings);
	wire_access(wire, &rule->admission.access);
	wire_dests(wire, &rule->dests);
	rule->target_count = wire_choice(wire, (unsigned)rule->target_count, RULES_TARGETS_MAX);
	wire->bad = wire->bad || !rule->target_count;
}

/* What only the supervisor wants to know. */
static void wire_words(struct wire *wire, struct rule *rule)
{
	wire_array(wire, &rule->words, &rule->word_count, sizeof(*rule->words));
	for (size_t i = 0; i < rule->word_count; i++) {
		wire_string(wire, &rule->words[i]);
		wire->bad = wire->bad || !rule->words[i];
	}
	wire_string(wire, &rule->file);
	wire_u32(wire, &rule->line, UINT32_MAX);
	wire->bad = wire->bad || rule->word_count == 1;
}

static void write_rule(struct wire *wire, const struct rule *rule, enum plan_reader reader)
{
	bool named = reader == PLAN_FOR_WORKER && rule->passed;
	uint64_t id = rule->id;
	struct rule copy;
	char *name;

	wire_u64(wire, &id);
	wire_bool(wire, &named);
	if (named)
		return;
	copy = *rule; /* the fields are described for both directions */
	name = rule->admission.rule ? rule->label : NULL;
	if (reader == PLAN_FOR_WORKER) {
		copy.word_count = copy.line = 0;
		copy.file = NULL;
	}
	wire_rule(wire, &copy, &name);
	wire_words(wire, &copy);
	write_targets(wire, rule);
}

/* A rule, which is the caller's also when the wire is bad; NULL: out of memory. */
static struct rule *read_rule(struct wire *wire)
{
	struct rule *rule = calloc(1, sizeof(*rule));
	char *name = NULL;

	if (!rule) {
		wire_short_of_memory(wire);
		return NULL;
	}
	wire_u64(wire, &rule->id);
	wire_bool(wire, &rule->passed);
	if (rule->passed || wire->bad)
		return rule;
	rule->settings.relaying = relay_defaults;
	wire_rule(wire, rule, &name);
	wire_words(wire, rule);
	rule->settings.keys.name = name;
	if (!wire->bad)
		read_targets(wire, rule);
	rule->settings.keys.name = NULL;
	free(name);
	return rule;
}

/* The whole */

int plan_encode(const struct rules *rules, const struct access *access, enum plan_reader reader,
		uint8_t **data)
{
	struct wire wire = wire_grower();
	uint32_t count = (uint32_t)rules->count;
	struct access copy = *access;

	wire_access(&wire, &copy);
	wire_u32(&wire, &count, UINT32_MAX);
	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		write_rule(&wire, rule, reader);
	*data = wire.out;
	return wire_end(&wire);
}

int plan_decode(struct rules *rules, const uint8_t *data, size_t size)
{
	struct wire wire = wire_reader(data, size);
	struct rule **link = &rules->first;
	uint32_t count = 0;
	int end;

	wire_access(&wire, &rules->access);
	wire_u32(&wire, &count, UINT32_MAX);
	for (; rules->count < count && !wire.bad; rules->count++) {
		*link = read_rule(&wire);
		if (*link)
			link = &(*link)->next;
	}
	end = wire_end(&wire);
	if (end >= 0)
		return 0;
	rules_free(rules);
	return end;
}

int plan_write(const struct rules *rules, const struct access *access, enum plan_reader reader,
	       int fd)
{
	uint8_t *data;
	int size = plan_encode(rules, access, reader, &data);
	int error = size < 0 ? size : fd_write_all(fd, data, (size_t)size);

	free(data);
	return error;
}

/* pread: the descriptor may have been read before, in another process. */
int plan_read(struct rules *rules, int fd)
{
	off_t end = lseek(fd, 0, SEEK_END); /* fstat(2) is no call that a worker may make */
	uint8_t *data = end < 0 ? NULL : malloc((size_t)end + 1);
	off_t got = 0;
	ssize_t n = 1;
	int error;

	if (!data)
		return end < 0 ? -errno : -ENOMEM;
	while (got < end && n > 0) {
		n = pread(fd, data + got, (size_t)(end - got), got);
		got += n > 0 ? n : 0;
	}
	error = n < 0 ? -errno : got < end ? -EPROTO : plan_decode(rules, data, (size_t)end);
	free(data);
	return error;
}
