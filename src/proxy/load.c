/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the rules of vsock-proxy, from its command line and from files. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/check-json.h"
#include "proxy/proxy.h"

/* Checks --allow and --deny of the command line: each entry must fit a rule without entries of its
 * own. 0 or -ENOMEM; errors are reported and counted in *rules. */
static int read_access(const struct proxy *proxy, const struct rules_context *context,
		       struct rules *rules)
{
	const struct addr **listens = calloc(rules->count + 2, sizeof(const struct addr *));
	const struct opt_entry *written;
	struct mistake error;
	size_t count = 0;
	int status;

	if (!listens)
		return -ENOMEM;
	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		listens[count++] = &rule->listen;
	if (proxy->options.metrics)
		listens[count++] = &proxy->metrics.addr;
	if (proxy->status.addr.family && proxy->status.addr.family != ADDR_UNIX)
		listens[count++] = &proxy->status.addr;
	status = server_read_who(&rules->access, &proxy->settings.serving.who, context->hosts,
				 listens, count, &written, &error);
	free(listens);
	if (status != -EINVAL)
		return status;
	opt_mistake(written, &error);
	rules->status = STATUS_USAGE;
	rules->errors++;
	return 0;
}

static void check_options(const struct proxy *proxy, struct rules *rules)
{
	if (proxy->options.metrics)
		rules_check_option(rules, "--metrics", proxy->options.metrics,
				   &proxy->metrics.addr);
	if (proxy->options.status_socket && proxy->status.addr.family)
		rules_check_option(rules, "--status-socket", proxy->options.status_socket,
				   &proxy->status.addr);
}

/* Reads everything again that decides what is forwarded. 0 or -ENOMEM; errors are reported and
 * counted in *rules. */
static int read_files(const struct proxy *proxy, const struct hosts *hosts, bool again,
		      struct rules *rules)
{
	const struct rules_context context = {
		.defaults = &proxy->settings,
		.keys = proxy->keys,
		.options = proxy->tables,
		.hosts = hosts,
		.numeric = proxy->common.numeric,
		.again = again,
	};
	int error;

	for (size_t i = 0; i < hosts->file_count; i++)
		rules_trust(rules, hosts->files[i].name, &hosts->files[i].st);
	error = rules_read_words(rules, &context, proxy->word_count, proxy->words);
	for (size_t i = 0; i < proxy->options.files.count && !error; i++)
		error = rules_read_file(rules, &context, proxy->options.files.entries[i].text);
	if (!error)
		error = rules_check(rules);
	if (!error && !rules->errors)
		error = rules_check_loops(rules);
	if (!error && !rules->errors)
		check_options(proxy, rules);
	if (!error && !rules->errors && rules->count)
		error = read_access(proxy, &context, rules);
	return error;
}

/* The last line, after all errors. */
static void sum_up(const struct rules *rules)
{
	char errors[32];

	snprintf(errors, sizeof(errors), "%zu error%s", rules->errors,
		 rules->errors == 1 ? "" : "s");
	if (rules->count == 1)
		log_error("%s; the other rule is valid", errors);
	else if (rules->count)
		log_error("%s; the other %zu rules are valid", errors, rules->count);
	else
		log_error("%s; no rule is valid", errors);
}

int proxy_load(const struct proxy *proxy, bool again, struct rules *rules)
{
	struct hosts hosts;
	int status = common_hosts(&hosts), error;

	if (status)
		return status;
	*rules = (struct rules){ .hearer = proxy->options.check && proxy->options.json
						   ? &proxy_check_hearer
						   : NULL };
	error = read_files(proxy, &hosts, again, rules);
	hosts_free(&hosts);
	if (error) {
		log_error("%s", strerror(-error));
		status = STATUS_FAILURE;
	} else if (rules->errors) {
		if (proxy->options.files.count || rules->errors > 1)
			sum_up(rules);
		status = rules->status;
	} else if (!rules->count) {
		log_error("no rules: nothing would be forwarded");
		status = STATUS_USAGE;
	}
	if (status)
		rules_free(rules);
	return status;
}
