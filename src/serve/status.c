/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/status.h"

#include <string.h>

#include "base/json.h"
#include "base/units.h"

static void say_targets(const struct rule *rule, FILE *out)
{
	for (size_t i = 0; i < rule->target_count; i++)
		fprintf(out, "%s%s", i ? "," : "", rule->port_count > 1 ? rule->words[1] : rule->ports[0].targets[i].text);
}

static char *say_listen(const struct rule *rule, char *buf, size_t size)
{
	return rule->port_count > 1 ? addr_format_short(&rule->listen, buf, size) : listener_text(&rule->ports[0].listener, buf, size);
}

static unsigned long long ago(uint64_t then)
{
	return units_now() - then;
}

/* Lines */

static void table_process(const struct router *router, const char *files, FILE *out)
{
	const struct server *server = router->server;

	fprintf(out, "process\t%s\t%ld\t%llu\t", PACKAGE_VERSION, (long)router->pid, ago(router->started));
	if (router->replaced)
		fprintf(out, "%llu", ago(router->replaced));
	fprintf(out, "\t%llu\t%zu\t%s\n", (unsigned long long)server->limit, server->sessions.open, files);
}

static void table_rule(const struct rule *rule, FILE *out)
{
	const struct rule_counts *counts = &rule->counts;
	uint64_t connections = counts->connections + rule->gate.open;
	uint64_t up = counts->up + rule->live.up, down = counts->down + rule->live.down;
	char text[ADDR_TEXT_MAX];

	fprintf(out, "rule\t%s\t%s\t", rule->gate.rule ? rule->gate.rule : "-", say_listen(rule, text, sizeof(text)));
	say_targets(rule, out);
	fprintf(out, "\t%zu\t%llu\t%llu\t%llu\t%llu\n", rule->gate.open, (unsigned long long)connections,
	        (unsigned long long)counts->failed, (unsigned long long)up,
	        (unsigned long long)down);
}

static void table_conn(const struct session *session, FILE *out)
{
	char from[PEER_TEXT_MAX];

	fprintf(out, "conn\t%llu\t%s\t%s\t%s\t%llu\t%llu\t%llu\n", (unsigned long long)session->number,
	        peer_format(&session->peer, from, sizeof(from)), session->to, session->rule ? session->rule : "-",
	        ago(session->started), (unsigned long long)session->relay.chan[0].bytes,
	        (unsigned long long)session->relay.chan[1].bytes);
}

static const struct router_trouble *trouble_at(const struct router *router, size_t i)
{
	const struct router_trouble *trouble = &router->troubles[(router->next_trouble + i) % ROUTER_TROUBLES];

	return trouble->at ? trouble : NULL;
}

static void write_table(struct router *router, const char *files, bool conns, FILE *out)
{
	table_process(router, files, out);
	for (const struct rule *rule = router->rules.first; rule; rule = rule->next)
		table_rule(rule, out);
	for (size_t i = 0; i < ROUTER_TROUBLES; i++) {
		const struct router_trouble *trouble = trouble_at(router, i);

		if (trouble)
			fprintf(out, "trouble\t%llu\t%s\t%llu\t%s\n", ago(trouble->at), trouble->label, (unsigned long long)trouble->conn,
			        trouble->what);
	}
	for (const struct session *session = router->server->sessions.first; session && conns; session = session->next)
		table_conn(session, out);
}

/* JSON */

static double seconds(uint64_t ns)
{
	return (double)ns / (double)NSEC_PER_SEC;
}

static void json_rule(struct json *json, const struct rule *rule)
{
	const struct rule_counts *counts = &rule->counts;
	char text[ADDR_TEXT_MAX];

	json_object(json, NULL);
	json_text(json, "rule", rule->gate.rule);
	json_text(json, "listen", say_listen(rule, text, sizeof(text)));
	json_array(json, "connect");
	for (size_t i = 0; i < rule->target_count; i++)
		json_text(json, NULL, rule->port_count > 1 ? rule->words[1] : rule->ports[0].targets[i].text);
	json_end_array(json);
	json_number(json, "open", rule->gate.open);
	json_number(json, "total", counts->connections + rule->gate.open);
	json_number(json, "failed", counts->failed);
	json_number(json, "up", counts->up + rule->live.up);
	json_number(json, "down", counts->down + rule->live.down);
	if (rule->datagrams)
		json_number(json, "dropped", counts->dropped + rule->live.dropped);
	json_end_object(json);
}

static void json_trouble(struct json *json, const struct router_trouble *trouble)
{
	json_object(json, NULL);
	json_real(json, "ago", seconds(ago(trouble->at)), 3);
	json_text(json, "rule", trouble->label);
	json_number(json, "conn", trouble->conn);
	json_text(json, "what", trouble->what);
	json_end_object(json);
}

static void json_conn(struct json *json, const struct session *session)
{
	char from[PEER_TEXT_MAX];

	json_object(json, NULL);
	json_number(json, "conn", session->number);
	json_text(json, "from", peer_format(&session->peer, from, sizeof(from)));
	json_text(json, "to", session->to);
	json_text(json, "rule", session->rule);
	json_real(json, "seconds", seconds(ago(session->started)), 3);
	json_number(json, "up", session->relay.chan[0].bytes);
	json_number(json, "down", session->relay.chan[1].bytes);
	json_end_object(json);
}

static void json_lists(struct json *json, const struct router *router, bool conns)
{
	json_array(json, "rules");
	for (const struct rule *rule = router->rules.first; rule; rule = rule->next)
		json_rule(json, rule);
	json_end_array(json);
	json_array(json, "troubles");
	for (size_t i = 0; i < ROUTER_TROUBLES; i++)
		if (trouble_at(router, i))
			json_trouble(json, trouble_at(router, i));
	json_end_array(json);
	if (!conns)
		return;
	json_array(json, "connections");
	for (const struct session *session = router->server->sessions.first; session; session = session->next)
		json_conn(json, session);
	json_end_array(json);
}

static void write_json(struct router *router, const char *files, bool conns, FILE *out)
{
	struct json json;

	json_start(&json, out);
	json_object(&json, NULL);
	json_text(&json, "version", PACKAGE_VERSION);
	json_number(&json, "pid", (uint64_t)router->pid);
	json_real(&json, "uptime", seconds(ago(router->started)), 3);
	if (router->replaced)
		json_real(&json, "reloaded", seconds(ago(router->replaced)), 3);
	json_text(&json, "files", files);
	json_number(&json, "limit", router->server->limit);
	json_number(&json, "open", router->server->sessions.open);
	json_lists(&json, router, conns);
	json_end_object(&json);
	json_finish(&json);
}

void status_write(struct router *router, const char *files, const char *request, FILE *out)
{
	bool conns = strcmp(request, STATUS_ASK_TABLE_CONNS) == 0 || strcmp(request, STATUS_ASK_JSON_CONNS) == 0;

	router_sum_live(router);
	if (strncmp(request, "table", 5) == 0)
		write_table(router, files, conns, out);
	else
		write_json(router, files, conns, out);
}
