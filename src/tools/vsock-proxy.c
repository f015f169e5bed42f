/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-proxy: forwards connections, from any family to any other, many rules in one process. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "tools/proxy-check.h"
#include "tools/proxy-passage.h"
#include "tools/proxy-status.h"
#include "tools/proxy.h"

#define DESCRIPTORS_EACH 2 /* of a connection: one accepted, one connected */
#define DESCRIPTORS_OURS 64 /* listeners, epoll, channels, pipes of the pool */

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

/* What was asked for */

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
	status = server_read_access(&proxy->supervisor.server, &hosts, listens, count);
	hosts_free(&hosts);
	free(listens);
	return status;
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
	int status = common_user(proxy->options.user, &proxy->user);

	if (!status && proxy->options.metrics)
		status = read_page_addr(proxy, "--metrics", proxy->options.metrics, &proxy->metrics.addr);
	if (!status)
		status = read_status_addr(proxy);
	if (!status)
		status = proxy_check_dests(&proxy->settings.passage);
	if (!status)
		status = proxy_load(proxy, &rules, &proxy->supervisor.bundle);
	if (!status)
		status = proxy_check_dests_used(&proxy->settings.passage, &rules);
	if (!status)
		status = read_access(proxy, &rules);
	if (!status && proxy->options.check && proxy->options.json)
		proxy_check_rules(&rules);
	if (!status && proxy->options.check)
		log_notice("%zu rule%s, no error; nothing was started", rules.count, rules.count == 1 ? "" : "s");
	else if (!status)
		status = proxy_run(proxy, &rules);
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
	page_stop(&proxy->metrics);
	page_stop(&proxy->status);
	change_stop(&proxy->change, proxy->supervisor.server.loop);
	proxy->supervisor.server.settings.who = (struct opt_list){ 0 }; /* shared with settings.serving */
	supervisor_free(&proxy->supervisor);
	opt_list_free(&proxy->settings.serving.who);
	opt_list_free(&proxy->settings.passage.dests);
	opt_list_free(&proxy->options.files);
	user_free(&proxy->user);
	program_free(&proxy->program);
}

int main(int argc, char **argv)
{
	static struct proxy proxy = {
		.options.interval = NSEC_PER_SEC,
		.settings = { .serving = SERVER_DEFAULTS, .dialling = DIAL_DEFAULTS, .passage.udp_idle = 60 * NSEC_PER_SEC },
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
	int first, status, error;

	common_start(program.name);
	settings->relaying = relay_defaults;
	proxy.keys = keys;
	if (argc < 2) {
		opt_usage(&program);
		return STATUS_USAGE;
	}
	error = program_remember(&proxy.program, argv);
	if (error) {
		log_error("%s", strerror(-error));
		return STATUS_FAILURE;
	}
	first = opt_parse(&program, argc, argv, NULL);
	if (first <= 0)
		return opt_status(first);
	log_configure(&proxy.common.log);
	proxy.words = argv + first;
	proxy.word_count = (size_t)(argc - first);
	proxy.supervisor.server.settings = settings->serving;
	server_limit(&proxy.supervisor.server, DESCRIPTORS_OURS, DESCRIPTORS_EACH);
	status = common_message_size(&settings->relaying);
	if (!status)
		status = check_words(&proxy);
	if (!status)
		status = proxy.options.status ? print_status(&proxy) : check_or_run(&proxy);
	clean_up(&proxy);
	if (proxy.supervisor.server.signal) {
		signal(proxy.supervisor.server.signal, SIG_DFL);
		raise(proxy.supervisor.server.signal);
	}
	return status;
}
