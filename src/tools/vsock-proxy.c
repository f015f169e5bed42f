/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-proxy: forwards connections, from any family to any other, many rules in one process. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "serve/change.h"
#include "serve/metrics.h"
#include "serve/page.h"
#include "serve/router.h"
#include "serve/rules.h"
#include "serve/status.h"
#include "tools/common.h"
#include "tools/proxy-check.h"
#include "tools/proxy-passage.h"
#include "tools/proxy-status.h"

#define DESCRIPTORS_EACH 2 /* of a connection: one accepted, one connected */
#define DESCRIPTORS_OURS 64 /* listeners, epoll, the resolver, pipes of the pool */

struct proxy_options {
	struct opt_list files; /* --rules */
	bool check, reload_on_change;
	const char *metrics, *status_socket; /* addresses */
	bool status, watch, json;
	uint64_t interval;
};

struct proxy {
	struct server server;
	struct common_options common;
	struct proxy_options options;
	struct rule_settings settings; /* of the options; what server.settings are too */
	const struct opt_table *keys;

	char **words; /* the rules of the command line */
	size_t word_count;
	struct router router;
	struct change change;
	struct page metrics, status;
	char files[256]; /* of --rules, for the status */
};

static const char *const balances[] = { "first", "round-robin", "least", NULL };
static const struct opt route_opts[] = {
	{ .name = "balance", .group = "Rules", .type = OPT_CHOICE, .value = "WAY", .fallback = "first", .choices = balances,
	  .text = "where a rule has more targets: first, round-robin or least (connections)", .flags = OPT_RULE,
	  .offset = offsetof(struct route_settings, balance) },
	{ 0 },
};
static const struct opt proxy_opts[] = {
	{ .name = "rules", .letter = 'f', .group = "Rules", .type = OPT_LIST, .value = "FILE", .flags = OPT_BRIEF,
	  .text = "read rules from it, one a line, or from all *.rules of a folder",
	  .offset = offsetof(struct proxy_options, files) },
	{ .name = "check", .group = "Rules", .type = OPT_FLAG, .text = "only check the rules, and say all that is wrong",
	  .offset = offsetof(struct proxy_options, check) },
	{ .name = "reload-on-change", .group = "Rules", .type = OPT_FLAG, .text = "read rule files again when they change, as on SIGHUP",
	  .offset = offsetof(struct proxy_options, reload_on_change) },
	{ .name = "metrics", .group = "Seeing", .type = OPT_TEXT, .value = "ADDRESS", .text = "tell Prometheus there what was done, by HTTP",
	  .offset = offsetof(struct proxy_options, metrics) },
	{ .name = "status", .group = "Seeing", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "print what running ones do: their rules; with -v their connections", .offset = offsetof(struct proxy_options, status) },
	{ .name = "watch", .group = "Seeing", .type = OPT_FLAG, .text = "--status again and again",
	  .offset = offsetof(struct proxy_options, watch) },
	{ .name = "interval", .group = "Seeing", .type = OPT_TIME, .value = "TIME", .fallback = "1s", .text = "between two of --watch",
	  .offset = offsetof(struct proxy_options, interval) },
	{ .name = "json", .letter = 'j', .group = "Seeing", .type = OPT_FLAG, .text = "--status and --check as JSON, an object a line",
	  .offset = offsetof(struct proxy_options, json) },
	{ .name = "status-socket", .group = "Seeing", .type = OPT_TEXT, .value = "ADDRESS", .text = "answer --status there, or none",
	  .fallback = "$XDG_RUNTIME_DIR/vsock-proxy/PID.sock", .offset = offsetof(struct proxy_options, status_socket) },
	{ 0 },
};

static const char *const usage[] = { "[OPTION]... LISTEN CONNECT [KEY=VALUE]... [LISTEN CONNECT]...", "[OPTION]... -f FILE", "[OPTION]... --status [ADDRESS]", NULL };
static const char *const examples[] = {
	"vsock-proxy tcp:8080 vsock:3:80", "reach port 80 of guest 3 as localhost:8080",
	"vsock-proxy vsock::5432 unix:/run/postgresql/.s.PGSQL.5432", "offer a local database to guests",
	"vsock-proxy tcp:2222 vsock:3:22 tcp:2223 vsock:4:22", "two rules in one process",
	NULL,
};
static const struct opt_foreign foreign[] = {
	{ "-e", "write the command as the far side: exec:COMMAND" },
	{ "--config", "who may be reached is said by the rules themselves: LISTEN CONNECT" },
	{ "--num_workers", "one process serves all; for a limit: --max-conns" },
	{ NULL, NULL },
};

/* Rules */

/* --metrics and the like: read at the start, and listened on beside the rules. */
static int read_page_addr(const struct proxy *proxy, const char *option, const char *text, struct addr *addr)
{
	struct addr_context context = { .role = ADDR_LISTEN, .program = log_program() };
	int status = common_addr(text, &context, addr);

	if (status || proxy->settings.serving.who.count || (!addr->wildcard && addr->family != ADDR_VSOCK))
		return status;
	log_error("%s %s: anybody could read it there", option, text);
	log_hint("say who may by --allow, or use tcp:PORT or unix:PATH, which are of this machine");
	return STATUS_USAGE;
}

/* Everything that says what is to be forwarded, read anew. 0 or -ENOMEM; errors are in *rules, and said. */
static int read_rules(const struct proxy *proxy, const struct hosts *hosts, struct rules *rules)
{
	const struct rules_context context = {
		.defaults = &proxy->settings, .keys = proxy->keys, .hosts = hosts, .numeric = proxy->common.numeric,
	};
	int error = 0;

	for (size_t i = 0; i < hosts->file_count; i++)
		rules_trust(rules, hosts->files[i]);
	error = rules_read_words(rules, &context, proxy->word_count, proxy->words);
	for (size_t i = 0; i < proxy->options.files.count && !error; i++)
		error = rules_read_file(rules, &context, proxy->options.files.entries[i].text);
	if (!error)
		rules_check(rules);
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

/* Reads the hosts files and all rules. 0 or the exit status, said. */
static int load(const struct proxy *proxy, struct rules *rules)
{
	struct hosts hosts;
	int status = common_hosts(&hosts), error;

	if (status)
		return status;
	*rules = (struct rules){ .hearer = proxy->options.check && proxy->options.json ? &proxy_check_hearer : NULL };
	error = read_rules(proxy, &hosts, rules);
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

/* --allow and --deny of the command line: each entry must fit a rule that has none of its own. */
static int read_access(struct proxy *proxy, const struct rules *rules)
{
	const struct addr **listens = calloc(rules->count + 1, sizeof(const struct addr *));
	struct hosts hosts;
	size_t count = 0;
	int status = common_hosts(&hosts);

	if (status || !listens) {
		if (!status)
			log_error("%s", strerror(ENOMEM));
		hosts_free(&hosts);
		free(listens);
		return status ? status : STATUS_FAILURE;
	}
	for (const struct rule *rule = rules->first; rule; rule = rule->next)
		listens[count++] = &rule->listen;
	if (proxy->options.metrics)
		listens[count++] = &proxy->metrics.addr;
	status = server_read_access(&proxy->server, &hosts, listens, count);
	hosts_free(&hosts);
	free(listens);
	return status;
}

/* SIGHUP: what is wrong changes nothing. */
static void reload(struct server *server)
{
	struct proxy *proxy = (struct proxy *)(void *)server;
	struct router_change change;
	struct rules rules;

	if (server->draining)
		return;
	if (load(proxy, &rules) || router_replace(&proxy->router, &rules, &change)) {
		proxy->router.failed_replacements++;
		log_error("nothing was reloaded: the rules from before stay in force");
		return;
	}
	log_notice("reloaded; rules that stay: %zu, new: %zu, gone: %zu", change.stay, change.come, change.go);
}

static void files_changed(void *context)
{
	server_reload(context);
}

/* --reload-on-change */
static int watch_files(struct proxy *proxy)
{
	const struct opt_list *files = &proxy->options.files;
	int error = change_start(&proxy->change, proxy->server.loop, files_changed, &proxy->server);

	for (size_t i = 0; i < files->count && !error; i++) {
		error = change_add(&proxy->change, files->entries[i].text);
		if (error)
			log_error("%s: can't be watched for changes: %s", files->entries[i].text, strerror(-error));
	}
	return error ? STATUS_FAILURE : 0;
}

/* Serving */

static void write_metrics(void *context, const char *request, FILE *out)
{
	(void)request;
	metrics_write(context, out);
}

static int start_metrics(struct proxy *proxy)
{
	struct page *page = &proxy->metrics;
	struct failure failure;

	if (!proxy->options.metrics)
		return 0;
	page->access = &proxy->server.access;
	page->http_path = "/metrics";
	page->write = write_metrics;
	page->context = &proxy->router;
	return page_start(page, proxy->server.loop, &failure) ? explain_say(&page->addr, &failure) : 0;
}

static void write_status(void *context, const char *request, FILE *out)
{
	struct proxy *proxy = context;

	status_write(&proxy->router, proxy->files, request, out);
}

static void name_files(struct proxy *proxy)
{
	const struct opt_list *files = &proxy->options.files;
	size_t length = 0;

	for (size_t i = 0; i < files->count && length < sizeof(proxy->files); i++)
		length += (size_t)snprintf(proxy->files + length, sizeof(proxy->files) - length, "%s%s", i ? " " : "", files->entries[i].text);
}

/* The socket that nobody asked for may fail: the next one who wants to know is told by --status. */
static int start_status(struct proxy *proxy)
{
	struct page *page = &proxy->status;
	struct failure failure;

	if (!page->addr.family)
		return 0;
	name_files(proxy);
	page->access = page->addr.family == ADDR_UNIX ? NULL : &proxy->server.access; /* a file has its mode */
	page->write = write_status;
	page->context = proxy;
	if (page_start(page, proxy->server.loop, &failure) == 0 || !proxy->options.status_socket)
		return 0;
	return explain_say(&page->addr, &failure);
}

/* --status-socket, or the usual place if there is one. */
static int read_status_addr(struct proxy *proxy)
{
	struct addr *addr = &proxy->status.addr;

	if (proxy->options.status_socket && strcmp(proxy->options.status_socket, "none") == 0)
		return 0;
	if (proxy->options.status_socket)
		return read_page_addr(proxy, "--status-socket", proxy->options.status_socket, addr);
	if (proxy->options.check || !proxy_status_path(addr->name, sizeof(addr->name)))
		return 0;
	addr->family = ADDR_UNIX;
	addr->name_length = strlen(addr->name);
	return 0;
}

static int run(struct proxy *proxy, struct rules *rules)
{
	struct server *server = &proxy->server;
	int error, status;

	status = server_start(server);
	if (status)
		return status;
	error = dialer_start(server->loop, &proxy->router.dialer);
	if (error) {
		log_error("can't start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	loop_budget(server->loop)->limit = proxy_max_memory(proxy->settings.passage.max_memory);
	dialer_exec(proxy->router.dialer, spawn_connected);
	if (proxy->options.files.count)
		server->hangup = reload;
	status = proxy->options.reload_on_change ? watch_files(proxy) : 0;
	if (!status)
		status = router_start(&proxy->router, server, rules);
	if (!status)
		status = start_metrics(proxy);
	if (!status)
		status = start_status(proxy);
	if (!status)
		status = server_listen(server, NULL, NULL, 0);
	return status ? status : server_run(server);
}

static int print_status(const struct proxy *proxy)
{
	return proxy_status(&(struct proxy_status){
		.address = proxy->word_count ? proxy->words[0] : NULL,
		.json = proxy->options.json,
		.conns = proxy->common.log.verbose > 0,
		.watch = proxy->options.watch,
		.interval = proxy->options.interval,
	});
}

static int check_or_run(struct proxy *proxy)
{
	struct rules rules = { 0 };
	int status = 0;

	if (proxy->options.metrics)
		status = read_page_addr(proxy, "--metrics", proxy->options.metrics, &proxy->metrics.addr);
	if (!status)
		status = read_status_addr(proxy);
	if (!status)
		status = proxy_check_dests(&proxy->settings.passage);
	if (!status)
		status = load(proxy, &rules);
	if (!status)
		status = proxy_check_dests_used(&proxy->settings.passage, &rules);
	if (!status)
		status = read_access(proxy, &rules);
	if (!status && proxy->options.check && proxy->options.json)
		proxy_check_rules(&rules);
	if (!status && proxy->options.check)
		log_notice("%zu rule%s, no error; nothing was started", rules.count, rules.count == 1 ? "" : "s");
	else if (!status)
		status = run(proxy, &rules);
	rules_free(&rules);
	return status;
}

static bool is_number(const char *word)
{
	return *word && !word[strspn(word, "0123456789")];
}

/* AWS has a program of this name, for Nitro Enclaves: vsock-proxy LOCAL_PORT HOST REMOTE_PORT. */
static bool is_other_program(size_t count, char *const *words)
{
	if (count != 3 || !is_number(words[0]) || !is_number(words[2]))
		return false;
	log_error("%s %s %s: that is how AWS's program of this name is called; here a rule is LISTEN CONNECT", words[0], words[1], words[2]);
	log_hint(strchr(words[1], ':') ? "write: vsock-proxy vsock::%s tcp:[%s]:%s" : "write: vsock-proxy vsock::%s tcp:%s:%s", words[0],
	         words[1], words[2]);
	return true;
}

static int check_words(const struct proxy *proxy)
{
	if (proxy->options.status && proxy->word_count > 1) {
		log_error("%s: too many words: --status takes one ADDRESS", proxy->words[1]);
		return STATUS_USAGE;
	}
	if (proxy->options.status)
		return 0;
	if (proxy->options.watch || (proxy->options.json && !proxy->options.check)) {
		log_error(proxy->options.watch ? "--watch is for --status" : "--json is for --status and --check");
		return STATUS_USAGE;
	}
	if (is_other_program(proxy->word_count, proxy->words))
		return STATUS_USAGE;
	if (proxy->word_count || proxy->options.files.count)
		return 0;
	log_error("no addresses given");
	return STATUS_USAGE;
}

static void clean_up(struct proxy *proxy)
{
	if (proxy->server.loop)
		session_free_all(&proxy->server.sessions); /* dials end before their dialer */
	dialer_stop(proxy->router.dialer);
	page_stop(&proxy->metrics);
	page_stop(&proxy->status);
	change_stop(&proxy->change, proxy->server.loop);
	if (proxy->server.loop)
		server_close_all(&proxy->server); /* listeners before the rules that hold them */
	router_free(&proxy->router);
	proxy->server.settings.who = (struct opt_list){ 0 }; /* shared with settings.serving */
	server_free(&proxy->server);
	opt_list_free(&proxy->settings.serving.who);
	opt_list_free(&proxy->settings.passage.dests);
	opt_list_free(&proxy->options.files);
}

int main(int argc, char **argv)
{
	static struct proxy proxy = {
		.options.interval = NSEC_PER_SEC,
		.settings = { .serving = SERVER_DEFAULTS, .dialling = DIAL_DEFAULTS },
	};
	struct rule_settings *settings = &proxy.settings;
	const struct opt_table tables[] = {
		{ proxy_opts, &proxy.options }, { route_opts, &settings->routing }, { passage_opts, &settings->passage }, { listen_opts, &settings->serving },
		{ dial_opts, &settings->dialling }, { relay_opts, &settings->relaying }, { limit_opts, &settings->passage }, { common_opts, &proxy.common }, { NULL, NULL },
	};
	const struct opt_table keys[] = {
		{ rule_opts, &settings->keys }, { route_opts, &settings->routing }, { passage_opts, &settings->passage }, { listen_opts, &settings->serving },
		{ dial_opts, &settings->dialling }, { relay_opts, &settings->relaying }, { limit_opts, &settings->passage }, { NULL, NULL },
	};
	const struct opt_program program = {
		.name = "vsock-proxy",
		.summary = "forward connections between vsock, TCP, UNIX sockets and commands",
		.usage = usage,
		.examples = examples,
		.tables = tables,
		.foreign = foreign,
	};
	int first, status;

	common_start(program.name);
	settings->relaying = relay_defaults;
	proxy.keys = keys;
	if (argc < 2) {
		opt_usage(&program);
		return STATUS_USAGE;
	}
	first = opt_parse(&program, argc, argv, NULL);
	if (first <= 0)
		return opt_status(first);
	log_configure(&proxy.common.log);
	proxy.words = argv + first;
	proxy.word_count = (size_t)(argc - first);
	proxy.server.settings = settings->serving;
	proxy.server.limit = server_limit(settings->serving.max_conns, DESCRIPTORS_OURS, DESCRIPTORS_EACH);
	status = common_message_size(&settings->relaying);
	if (!status)
		status = check_words(&proxy);
	if (!status)
		status = proxy.options.status ? print_status(&proxy) : check_or_run(&proxy);
	clean_up(&proxy);
	if (proxy.server.signal) {
		signal(proxy.server.signal, SIG_DFL);
		raise(proxy.server.signal);
	}
	return status;
}
