/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/router/status.h"

#include <string.h>

#include "base/json.h"
#include "base/units.h"

static char *say_listen(const struct rule *rule, char *buf, size_t size)
{
	return rule->port_count > 1 ? addr_format_short(&rule->listen, buf, size)
				    : listener_text(&rule->ports[0].listener, buf, size);
}

static unsigned long long ago(uint64_t then)
{
	return units_now() - then;
}

static const struct router_error *recent_error_at(const struct router *router, size_t i)
{
	const struct router_error *error =
		&router->recent_errors[(router->next_error + i) % ROUTER_RECENT_ERRORS];

	return error->at ? error : NULL;
}

static double seconds(uint64_t ns)
{
	return (double)ns / (double)NSEC_PER_SEC;
}

static void json_rule(struct json *json, const struct rule *rule)
{
	const struct rule_counts *counts = &rule->counts;
	char text[ADDR_TEXT_MAX];

	json_object(json, NULL);
	json_text(json, "rule", rule->admission.rule);
	json_text(json, "listen", say_listen(rule, text, sizeof(text)));
	json_array(json, "connect");
	for (size_t i = 0; i < rule->target_count; i++)
		json_text(json, NULL,
			  rule->port_count > 1 ? rule->words[1] : rule->ports[0].targets[i].text);
	json_end_array(json);
	json_number(json, "open", rule->admission.open);
	json_number(json, "total", counts->connections + rule->admission.open);
	json_number(json, "failed", counts->failed);
	json_number(json, "up", counts->up + rule->live.up);
	json_number(json, "down", counts->down + rule->live.down);
	if (rule->datagrams)
		json_number(json, "dropped", counts->dropped + rule->live.dropped);
	json_end_object(json);
}

static void json_recent_error(struct json *json, const struct router_error *error)
{
	json_object(json, NULL);
	json_real(json, "ago", seconds(ago(error->at)), 3);
	json_text(json, "rule", error->label);
	json_number(json, "conn", error->conn);
	json_text(json, "what", error->what);
	json_end_object(json);
}

/* A direction: what its source has sent, what we have read, and what its destination has not taken.
 * Is anything behind us? */
static bool json_direction(struct json *json, const char *key, const struct relay *relay, int side)
{
	const struct chan *chan = &relay->chan[side];
	int received = relay->settings ? endpoint_received(&relay->end[side]) : -1,
	    sent = relay->settings ? endpoint_sent(&relay->end[!side]) : -1;
	uint64_t pending = chan_unsent(chan);

	json_object(json, key);
	if (received >= 0)
		json_number(json, "unread", (uint64_t)received);
	else
		json_text(json, "unread", NULL);
	json_number(json, "pending", pending);
	if (sent >= 0)
		json_number(json, "untaken", (uint64_t)sent);
	else
		json_text(json, "untaken", NULL);
	json_end_object(json);
	return pending || sent > 0;
}

static void json_conn(struct json *json, const struct session *session)
{
	static const char *const waits[] = { NULL, "target", "client", "both" };
	char from[PEER_TEXT_MAX];
	unsigned waits_for;

	json_object(json, NULL);
	json_number(json, "conn", session->number);
	json_text(json, "from", peer_format(&session->peer, from, sizeof(from)));
	json_text(json, "to", session->to);
	json_text(json, "rule", session->rule);
	json_real(json, "seconds", seconds(ago(session->started)), 3);
	json_number(json, "up", session->relay.chan[0].bytes);
	json_number(json, "down", session->relay.chan[1].bytes);
	waits_for = json_direction(json, "queued_up", &session->relay, 0);
	waits_for |= (unsigned)json_direction(json, "queued_down", &session->relay, 1) << 1;
	json_text(json, "waits_for", waits[waits_for]);
	json_end_object(json);
}

static void json_lists(struct json *json, const struct router *router, bool conns)
{
	json_array(json, "rules");
	for (const struct rule *rule = router->rules.first; rule; rule = rule->next)
		json_rule(json, rule);
	json_end_array(json);
	json_array(json, "errors");
	for (size_t i = 0; i < ROUTER_RECENT_ERRORS; i++)
		if (recent_error_at(router, i))
			json_recent_error(json, recent_error_at(router, i));
	json_end_array(json);
	if (!conns)
		return;
	json_array(json, "connections");
	for (const struct session *session = router->server->sessions.first; session;
	     session = session->next)
		json_conn(json, session);
	json_end_array(json);
}

static void write_json(struct router *router, const char *files, bool conns, FILE *out)
{
	struct json json;

	json_line(&json, out);
	json_text(&json, STATUS_MAGIC, PACKAGE_VERSION);
	json_number(&json, "pid", (uint64_t)router->pid);
	json_real(&json, "uptime", seconds(ago(router->started)), 3);
	if (router->replaced)
		json_real(&json, "reloaded", seconds(ago(router->replaced)), 3);
	json_text(&json, "files", files);
	json_number(&json, "limit", router->server->limit);
	json_number(&json, "open", router->server->sessions.open);
	json_lists(&json, router, conns);
	json_line_end(&json);
}

void status_write(struct router *router, const char *files, const char *request, FILE *out)
{
	router_sum_live(router);
	write_json(router, files, strcmp(request, STATUS_ASK_CONNS) == 0, out);
}
