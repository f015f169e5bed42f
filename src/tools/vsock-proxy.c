/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-proxy: forwards connections, from any family to any other, many rules in one process. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fdutil.h"
#include "base/units.h"
#include "tools/common.h"

#define DESCRIPTORS_EACH 2 /* of a connection: one accepted, one connected */
#define DESCRIPTORS_OURS 64 /* listeners, epoll, the resolver, pipes of the pool */

struct rule {
	struct addr listen, connect;
	char *to; /* connect as text, for records */
};

struct proxy {
	struct server server;
	struct common_options common;
	struct dial_settings dialling;
	struct relay_settings relaying;

	struct hosts hosts;
	struct dialer *dialer;
	struct rule *rules;
	const struct addr **listens; /* of the rules, in their order */
	struct listener *listeners;  /* likewise */
	size_t rule_count;
};

static const char *const usage[] = { "[OPTION]... LISTEN CONNECT [LISTEN CONNECT]...", NULL };
static const char *const examples[] = {
	"vsock-proxy tcp:8080 vsock:3:80", "reach port 80 of guest 3 as localhost:8080",
	"vsock-proxy vsock::5432 unix:/run/postgresql/.s.PGSQL.5432", "offer a local database to guests",
	"vsock-proxy tcp:2222 vsock:3:22 tcp:2223 vsock:4:22", "two rules in one process",
	NULL,
};
static const struct opt_foreign foreign[] = {
	{ "-e", "write the command as the far side: exec:COMMAND" },
	{ NULL, NULL },
};

static void serve(struct server *server, struct listener *listener, struct session *session)
{
	struct proxy *proxy = (struct proxy *)(void *)server;
	const struct rule *rule = &proxy->rules[listener - proxy->listeners];

	session->to = rule->to;
	session_dial(session, proxy->dialer, &rule->connect, &proxy->dialling, &proxy->relaying);
}

static void announce(const struct proxy *proxy)
{
	char text[256], places[128];

	for (size_t i = 0; i < proxy->rule_count; i++) {
		listener_text(&proxy->listeners[i], text, sizeof(text));
		listener_places(&proxy->listeners[i], places, sizeof(places));
		log_notice("listening on %s%s, to %s", text,
		           proxy->rules[i].listen.wildcard ? " (every interface)" : places, proxy->rules[i].to);
	}
}

static int run(struct proxy *proxy)
{
	struct server *server = &proxy->server;
	int error, status;

	server->serve = serve;
	status = server_read_access(server, &proxy->hosts, proxy->listens, proxy->rule_count);
	if (status || (status = server_start(server)))
		return status;
	error = dialer_start(server->loop, &proxy->dialer);
	if (error) {
		log_error("can't start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	dialer_exec(proxy->dialer, spawn_connected);
	status = server_listen(server, proxy->listeners, proxy->listens, proxy->rule_count);
	if (status)
		return status;
	announce(proxy);
	return server_run(server);
}

/* Rules */

static int read_side(struct proxy *proxy, const char *text, enum addr_role role, struct addr *addr)
{
	struct addr_context context = { .role = role, .program = log_program(), .hosts = &proxy->hosts };
	int status = common_addr(text, &context, addr);

	if (!status && proxy->common.numeric)
		*addr->alias = '\0';
	return status;
}

/* What can be known to be wrong before anybody connects. */
static int check_rule(const struct proxy *proxy, const struct rule *rule, const char *listen, const char *connect)
{
	if (rule->listen.seqpacket != rule->connect.seqpacket && !proxy->relaying.message_text) {
		log_error("%s %s: messages and a stream", listen, connect);
		log_hint("say how the stream is to be cut into messages: --message-size SIZE, or --message-size line");
		return STATUS_USAGE;
	}
	if (rule->connect.family == ADDR_EXEC) {
		int error = spawn_check(rule->connect.name);

		if (error)
			return common_failed(&rule->connect, &(struct failure){ .step = STEP_CONNECT, .error = -error });
	}
	return 0;
}

static int read_rules(struct proxy *proxy, int count, char **words)
{
	char text[ADDR_TEXT_MAX];
	int status;

	if (count < 2 || count % 2) {
		log_error(count % 2 ? "%s: LISTEN without CONNECT: addresses come in pairs" : "no addresses given",
		          count ? words[count - 1] : "");
		return STATUS_USAGE;
	}
	status = common_hosts(&proxy->hosts);
	proxy->rules = calloc((size_t)count / 2, sizeof(*proxy->rules));
	proxy->listens = calloc((size_t)count / 2, sizeof(*proxy->listens));
	proxy->listeners = calloc((size_t)count / 2, sizeof(*proxy->listeners));
	if (!proxy->rules || !proxy->listens || !proxy->listeners) {
		log_error("%s", strerror(ENOMEM));
		return STATUS_FAILURE;
	}
	for (int i = 0; i < count && !status; i += 2) {
		struct rule *rule = &proxy->rules[proxy->rule_count];

		proxy->listens[proxy->rule_count++] = &rule->listen;
		status = read_side(proxy, words[i], ADDR_LISTEN, &rule->listen);
		if (!status)
			status = read_side(proxy, words[i + 1], ADDR_CONNECT, &rule->connect);
		if (!status)
			status = check_rule(proxy, rule, words[i], words[i + 1]);
		if (!status)
			rule->to = strdup(addr_format_short(&rule->connect, text, sizeof(text)));
	}
	return status;
}

static uint64_t automatic_limit(void)
{
	size_t descriptors = fd_limit_raise();

	return descriptors > 2 * DESCRIPTORS_OURS ? (descriptors - DESCRIPTORS_OURS) / DESCRIPTORS_EACH : DESCRIPTORS_EACH;
}

static void clean_up(struct proxy *proxy)
{
	if (proxy->server.loop)
		session_free_all(&proxy->server.sessions); /* dials end before their dialer */
	dialer_stop(proxy->dialer);
	server_free(&proxy->server);
	for (size_t i = 0; i < proxy->rule_count; i++)
		free(proxy->rules[i].to);
	hosts_free(&proxy->hosts);
	free(proxy->rules);
	free(proxy->listens);
	free(proxy->listeners);
}

int main(int argc, char **argv)
{
	static struct proxy proxy = {
		.server.settings = SERVER_DEFAULTS,
		.dialling = DIAL_DEFAULTS,
	};
	const struct opt_table tables[] = {
		{ listen_opts, &proxy.server.settings }, { dial_opts, &proxy.dialling }, { relay_opts, &proxy.relaying },
		{ common_opts, &proxy.common },    { NULL, NULL },
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
	proxy.relaying = relay_defaults;
	if (argc < 2) {
		opt_usage(&program);
		return STATUS_USAGE;
	}
	first = opt_parse(&program, argc, argv, NULL);
	if (first <= 0)
		return opt_status(first);
	log_configure(&proxy.common.log);
	status = common_message_size(&proxy.relaying);
	if (!status)
		status = read_rules(&proxy, argc - first, argv + first);
	if (!status) {
		proxy.server.limit = proxy.server.settings.max_conns ? proxy.server.settings.max_conns : automatic_limit();
		status = run(&proxy);
	}
	clean_up(&proxy);
	if (proxy.server.signal) {
		signal(proxy.server.signal, SIG_DFL);
		raise(proxy.server.signal);
	}
	return status;
}
