/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading the rules of vsock-proxy: in the supervisor from files, in the worker from what the supervisor has read. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "tools/proxy-check.h"
#include "tools/proxy.h"

static struct rules_context context_of(const struct proxy *proxy, const struct hosts *hosts, struct accounts *accounts)
{
	return (struct rules_context){
		.defaults = &proxy->settings, .keys = proxy->keys, .hosts = hosts, .numeric = proxy->common.numeric, .accounts = accounts,
	};
}

/* From files */

/* Everything that says what is to be forwarded, read anew. 0 or -ENOMEM; errors are in *rules, and said. */
static int read_files(const struct proxy *proxy, const struct hosts *hosts, struct rules *rules, struct bundle *bundle)
{
	struct accounts accounts = { 0 };
	struct rules_context context = context_of(proxy, hosts, &accounts);
	int error;

	context.bundle = bundle;
	for (size_t i = 0; i < hosts->file_count; i++)
		rules_trust(rules, hosts->files[i]);
	error = rules_read_words(rules, &context, proxy->word_count, proxy->words);
	for (size_t i = 0; i < proxy->options.files.count && !error; i++)
		error = rules_read_file(rules, &context, proxy->options.files.entries[i].text);
	if (!error)
		rules_check(rules);
	if (!error)
		error = bundle_add_hosts(bundle, hosts);
	if (!error)
		error = bundle_add_accounts(bundle, &accounts);
	accounts_free(&accounts);
	return error;
}

/* The last line, after all errors. */
static void sum_up(const struct rules *rules)
{
	char errors[32];

	snprintf(errors, sizeof(errors), "%zu error%s", rules->errors, rules->errors == 1 ? "" : "s");
	if (rules->count == 1)
		log_error("%s; the other rule is good", errors);
	else if (rules->count)
		log_error("%s; the other %zu rules are good", errors, rules->count);
	else
		log_error("%s; no rule is good", errors);
}

int proxy_load(const struct proxy *proxy, struct rules *rules, struct bundle *bundle)
{
	struct hosts hosts;
	int status = common_hosts(&hosts), error;

	if (status)
		return status;
	*rules = (struct rules){ .hearer = proxy->options.check && proxy->options.json ? &proxy_check_hearer : NULL };
	error = read_files(proxy, &hosts, rules, bundle);
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

/* From a bundle */

/* Names first: rules are read with them. */
static int read_names(const struct bundle *bundle, struct hosts *hosts, struct accounts *accounts)
{
	struct bundle_part part;
	size_t at = 0;
	int got, error = 0;

	while ((got = bundle_next(bundle, &at, &part)) > 0 && !error) {
		if (part.kind == BUNDLE_HOSTS)
			error = bundle_read_hosts(&part, hosts);
		else if (part.kind == BUNDLE_USER || part.kind == BUNDLE_GROUP)
			error = bundle_read_account(&part, accounts);
	}
	accounts->closed = true;
	return error ? error : got;
}

static int read_parts(const struct proxy *proxy, const struct bundle *bundle, const struct rules_context *context, struct rules *rules)
{
	int error = rules_read_words(rules, context, proxy->word_count, proxy->words), got = 1;
	struct bundle_part part;
	size_t at = 0;

	while (!error && (got = bundle_next(bundle, &at, &part)) > 0)
		if (part.kind == BUNDLE_RULES)
			error = rules_read_data(rules, context, part.name, part.data, part.size);
	if (!error && got == 0)
		rules_check(rules);
	return error ? error : got;
}

int proxy_read_bundle(const struct proxy *proxy, const struct bundle *bundle, struct rules *rules)
{
	struct hosts hosts = { 0 };
	struct accounts accounts = { 0 };
	struct rules_context context = context_of(proxy, &hosts, &accounts);
	int error = read_names(bundle, &hosts, &accounts);

	context.elsewhere = bundle;
	*rules = (struct rules){ 0 };
	if (!error)
		error = read_parts(proxy, bundle, &context, rules);
	hosts_free(&hosts);
	accounts_free(&accounts);
	if (!error && !rules->errors)
		return 0;
	log_error("the worker doesn't understand its rules: %s", error ? strerror(-error) : "the supervisor did");
	rules_free(rules);
	return STATUS_FAILURE;
}
