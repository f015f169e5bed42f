/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "proxy/router/metrics.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/units.h"

static void family(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP vsock_proxy_%s %s\n# TYPE vsock_proxy_%s %s\n", name, help, name,
		type);
}

/* A label's value: a label of the rules may hold any bytes, of which the format permits only UTF-8.
 * What utf8_escape() leaves is printable, and its backslashes are doubled here. */
static void put_label(FILE *out, const char *text)
{
	char escaped[1024];

	for (text = utf8_escape(text, strlen(text), escaped, sizeof(escaped)); *text; text++) {
		if (*text == '\\' || *text == '"')
			fputc('\\', out);
		fputc(*text, out);
	}
}

/* vsock_proxy_NAME{rule="LABEL",KEY="VALUE"} NUMBER */
static void sample(FILE *out, const char *name, const struct rule *rule, const char *key,
		   const char *value, uint64_t number)
{
	fprintf(out, "vsock_proxy_%s{rule=\"", name);
	put_label(out, rule->label);
	if (key) {
		fprintf(out, "\",%s=\"", key);
		put_label(out, value);
	}
	fprintf(out, "\"} %" PRIu64 "\n", number);
}

static void write_process(const struct router *router, FILE *out)
{
	const struct server *server = router->server;

	/* without our prefix, with its conventional name: it shows when counters were reset */
	fputs("# HELP process_start_time_seconds When the process that counts was started, in "
	      "seconds since 1970.\n"
	      "# TYPE process_start_time_seconds gauge\n",
	      out);
	fprintf(out, "process_start_time_seconds %lld.%03ld\n",
		(long long)router->started_at.tv_sec, router->started_at.tv_nsec / 1000000);
	family(out, "uptime_seconds", "gauge", "Seconds since the start.");
	fprintf(out, "vsock_proxy_uptime_seconds %llu\n",
		(units_now() - router->started) / NSEC_PER_SEC);
	family(out, "connections_limit", "gauge",
	       "Maximum number of open connections of all rules.");
	fprintf(out, "vsock_proxy_connections_limit %" PRIu64 "\n", server->limit);
	family(out, "unsent_bytes", "gauge", "Memory used by pending bytes of all connections.");
	fprintf(out, "vsock_proxy_unsent_bytes %" PRIu64 "\n", loop_budget(server->loop)->used);
	family(out, "unsent_bytes_limit", "gauge", "Limit of the memory for pending bytes.");
	fprintf(out, "vsock_proxy_unsent_bytes_limit %" PRIu64 "\n",
		loop_budget(server->loop)->limit);
	family(out, "reloads_failed_total", "counter",
	       "Reloads that failed, so that the old rules stayed in force.");
	fprintf(out, "vsock_proxy_reloads_failed_total %" PRIu64 "\n", router->failed_replacements);
}

static void write_connections(const struct rule *first, FILE *out)
{
	family(out, "connections_open", "gauge", "Connections that are open.");
	for (const struct rule *rule = first; rule; rule = rule->next)
		sample(out, "connections_open", rule, NULL, NULL, rule->admission.open);
	family(out, "connections_total", "counter", "Connections that were accepted.");
	for (const struct rule *rule = first; rule; rule = rule->next)
		sample(out, "connections_total", rule, NULL, NULL,
		       rule->counts.connections + rule->admission.open);
	family(out, "connections_failed_total", "counter",
	       "Connections that were refused, could not be made, or broke.");
	for (const struct rule *rule = first; rule; rule = rule->next)
		sample(out, "connections_failed_total", rule, NULL, NULL, rule->counts.failed);
	family(out, "connections_ended_total", "counter",
	       "Connections that have ended, by the end= of their record.");
	for (const struct rule *rule = first; rule; rule = rule->next)
		for (size_t i = 0; i < RULE_CAUSES_MAX && *rule->counts.ends[i].cause; i++)
			sample(out, "connections_ended_total", rule, "end",
			       rule->counts.ends[i].cause, rule->counts.ends[i].count);
}

static void write_bytes(const struct rule *first, FILE *out)
{
	family(out, "bytes_total", "counter",
	       "Bytes from the client (up) and to the client (down).");
	for (const struct rule *rule = first; rule; rule = rule->next) {
		sample(out, "bytes_total", rule, "direction", "up",
		       rule->counts.up + rule->live.up);
		sample(out, "bytes_total", rule, "direction", "down",
		       rule->counts.down + rule->live.down);
	}
}

/* Only rules that have any. */
static void write_datagrams(const struct rule *first, FILE *out)
{
	family(out, "datagrams_dropped_total", "counter",
	       "Datagrams dropped because of a limit, a refusal or the access list.");
	for (const struct rule *rule = first; rule; rule = rule->next)
		if (rule->datagrams)
			sample(out, "datagrams_dropped_total", rule, NULL, NULL,
			       rule->counts.dropped + rule->live.dropped);
}

static void write_times(const struct rule *first, FILE *out)
{
	family(out, "connect_seconds", "histogram", "How long it took to connect to the target.");
	for (const struct rule *rule = first; rule; rule = rule->next) {
		char limit[32];

		for (size_t i = 0; i < RULE_BUCKETS; i++) {
			snprintf(limit, sizeof(limit), "%g",
				 (double)rule_bucket_limits[i] / (double)NSEC_PER_SEC);
			sample(out, "connect_seconds_bucket", rule, "le", limit,
			       rule->counts.connect_below[i]);
		}
		sample(out, "connect_seconds_bucket", rule, "le", "+Inf", rule->counts.connected);
		fputs("vsock_proxy_connect_seconds_sum{rule=\"", out);
		put_label(out, rule->label);
		fprintf(out, "\"} %.9f\n", (double)rule->counts.connect_ns / (double)NSEC_PER_SEC);
		sample(out, "connect_seconds_count", rule, NULL, NULL, rule->counts.connected);
	}
}

void metrics_write(struct router *router, FILE *out)
{
	router_sum_live(router);
	write_process(router, out);
	write_connections(router->rules.first, out);
	write_bytes(router->rules.first, out);
	write_datagrams(router->rules.first, out);
	write_times(router->rules.first, out);
}
