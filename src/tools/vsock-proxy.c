/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-proxy: forwards connections, from any family to any other, many rules in one process. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libutil.h>

#include "base/fdutil.h"
#include "base/units.h"
#include "serve/listener.h"
#include "serve/session.h"
#include "tools/common.h"

#define STOP_GRACE (1 * NSEC_PER_SEC)
#define DESCRIPTORS_EACH 2 /* of a connection: one accepted, one connected */
#define DESCRIPTORS_OURS 64 /* listeners, epoll, the resolver, pipes of the pool */

struct rule {
	struct proxy *proxy;
	struct addr listen, connect;
	struct listener listener;
	char *to; /* connect as text, for records */
};

struct proxy {
	struct listen_options listening;
	struct common_options common;
	struct dial_settings dialling;
	struct relay_settings relaying;

	struct hosts hosts;
	struct loop *loop;
	struct dialer *dialer;
	struct session_group sessions;
	struct rule *rules;
	size_t rule_count;
	uint64_t limit;
	bool resting, draining;
	struct timer drain;
	struct pidfh *pid_file;
	int signal;
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

/* Limits */

static void rest_or_not(struct proxy *proxy)
{
	bool rest = proxy->sessions.open >= proxy->limit;

	if (rest == proxy->resting || proxy->draining)
		return;
	proxy->resting = rest;
	for (size_t i = 0; i < proxy->rule_count; i++)
		listener_rest(&proxy->rules[i].listener, rest);
}

static void session_ended(struct session_group *group, const struct session *session)
{
	struct proxy *proxy = group->context;

	(void)session;
	rest_or_not(proxy);
	if (proxy->draining && !group->open)
		loop_stop(proxy->loop);
}

static void accepted(struct listener *listener, int fd, const struct peer *peer)
{
	struct rule *rule = listener->context;
	struct proxy *proxy = rule->proxy;
	struct session *session = session_new(&proxy->sessions, fd, peer, rule->to);

	if (!session)
		return;
	session->owner = rule;
	rest_or_not(proxy);
	session_dial(session, proxy->dialer, &rule->connect, &proxy->dialling, &proxy->relaying);
}

/* Signals */

static void show_totals(const struct proxy *proxy)
{
	const struct session_totals *totals = &proxy->sessions.totals;

	log_error("%llu connections, %zu of them open, %llu failed, %llu bytes up, %llu bytes down",
	          (unsigned long long)totals->accepted, proxy->sessions.open, (unsigned long long)totals->failed,
	          (unsigned long long)totals->up, (unsigned long long)totals->down);
}

static void drain_over(struct loop *loop, struct timer *timer)
{
	struct proxy *proxy = (struct proxy *)(void *)((char *)timer - offsetof(struct proxy, drain));

	log_notice("%zu connections were ended after --drain-timeout", proxy->sessions.open);
	session_stop_all(&proxy->sessions, STOP_GRACE);
	if (!proxy->sessions.open)
		loop_stop(loop);
}

static void drain(struct proxy *proxy)
{
	char limit[32];

	proxy->draining = true;
	for (size_t i = 0; i < proxy->rule_count; i++)
		listener_close(&proxy->rules[i].listener);
	if (!proxy->sessions.open) {
		loop_stop(proxy->loop);
		return;
	}
	log_notice("draining: %zu connections are open; %s at most, a second signal ends at once", proxy->sessions.open,
	           units_show_duration(proxy->listening.drain_timeout, limit, sizeof(limit)));
	if (proxy->listening.drain_timeout != UNITS_INF)
		loop_timer(proxy->loop, &proxy->drain, units_now() + proxy->listening.drain_timeout);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct proxy *proxy = context;

	if (info->ssi_signo == SIGUSR1) {
		show_totals(proxy);
	} else if (proxy->draining) {
		proxy->signal = (int)info->ssi_signo;
		loop_stop(loop);
	} else {
		drain(proxy);
	}
}

static int watch_signals(struct proxy *proxy)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1 };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		struct sigaction now;

		if (sigaction(wanted[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&signals, wanted[i]);
	}
	return loop_signals(proxy->loop, &signals, on_signal, proxy);
}

/* Start */

static void announce(const struct rule *rule)
{
	struct explanation deaf;
	char text[256], places[128];

	if (explain_deaf_listener(&rule->listen, &deaf)) {
		log_warning("%s: %s", addr_format_short(&rule->listen, text, sizeof(text)), deaf.what);
		if (*deaf.hint)
			log_hint("%s", deaf.hint);
	}
	listener_text(&rule->listener, text, sizeof(text));
	listener_places(&rule->listener, places, sizeof(places));
	log_notice("listening on %s%s, to %s", text, rule->listen.wildcard ? " (every interface)" : places, rule->to);
}

static int open_listeners(struct proxy *proxy)
{
	for (size_t i = 0; i < proxy->rule_count; i++) {
		struct rule *rule = &proxy->rules[i];
		struct failure failure;

		rule->listener.accepted = accepted;
		rule->listener.context = rule;
		if (listener_open(proxy->loop, &rule->listener, &rule->listen, &(struct socket_defaults){ 0 }, &failure) < 0)
			return common_failed(&rule->listen, &failure);
	}
	return 0;
}

static int write_pid_file(struct proxy *proxy)
{
	pid_t other = 0;

	if (!proxy->listening.pid_file)
		return 0;
	proxy->pid_file = pidfile_open(proxy->listening.pid_file, 0644, &other);
	if (proxy->pid_file && pidfile_write(proxy->pid_file) == 0)
		return 0;
	if (errno == EEXIST)
		log_error("%s: process %ld has it, and runs", proxy->listening.pid_file, (long)other);
	else
		log_error("%s: %s", proxy->listening.pid_file, strerror(errno));
	return STATUS_FAILURE;
}

static int tell_ready(const struct proxy *proxy)
{
	if (proxy->listening.ready_fd == UNITS_INF)
		return 0;
	for (size_t i = 0; i < proxy->rule_count; i++) {
		int error = listener_ready(&proxy->rules[i].listener, (int)proxy->listening.ready_fd);

		if (error) {
			log_error("--ready-fd %llu: %s", (unsigned long long)proxy->listening.ready_fd, strerror(-error));
			return STATUS_FAILURE;
		}
	}
	return 0;
}

static int start(struct proxy *proxy)
{
	int error = loop_start(&proxy->loop), status;

	if (!error)
		error = dialer_start(proxy->loop, &proxy->dialer);
	if (!error)
		error = watch_signals(proxy);
	if (error) {
		log_error("can't start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	proxy->sessions.loop = proxy->loop;
	proxy->sessions.ended = session_ended;
	proxy->sessions.context = proxy;
	proxy->drain.expired = drain_over;
	if ((status = open_listeners(proxy)) || (status = write_pid_file(proxy)))
		return status;
	for (size_t i = 0; i < proxy->rule_count; i++)
		announce(&proxy->rules[i]);
	return tell_ready(proxy);
}

static int run(struct proxy *proxy)
{
	int error, status = start(proxy);

	if (status)
		return status;
	for (size_t i = 0; i < proxy->rule_count; i++)
		listener_rest(&proxy->rules[i].listener, false);
	error = loop_run(proxy->loop);
	if (error) {
		log_error("epoll: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	return STATUS_DONE;
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
	if (!proxy->rules) {
		log_error("%s", strerror(ENOMEM));
		return STATUS_FAILURE;
	}
	for (int i = 0; i < count && !status; i += 2) {
		struct rule *rule = &proxy->rules[proxy->rule_count++];

		rule->proxy = proxy;
		status = read_side(proxy, words[i], ADDR_LISTEN, &rule->listen);
		if (!status)
			status = read_side(proxy, words[i + 1], ADDR_CONNECT, &rule->connect);
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
	if (proxy->loop)
		session_free_all(&proxy->sessions);
	for (size_t i = 0; i < proxy->rule_count; i++) {
		if (proxy->loop)
			listener_close(&proxy->rules[i].listener);
		free(proxy->rules[i].to);
	}
	if (proxy->pid_file)
		pidfile_remove(proxy->pid_file);
	dialer_stop(proxy->dialer);
	loop_free(proxy->loop);
	hosts_free(&proxy->hosts);
	free(proxy->rules);
}

int main(int argc, char **argv)
{
	static struct proxy proxy = {
		.listening = LISTEN_DEFAULTS,
		.dialling = DIAL_DEFAULTS,
	};
	const struct opt_table tables[] = {
		{ listen_opts, &proxy.listening }, { dial_opts, &proxy.dialling }, { relay_opts, &proxy.relaying },
		{ common_opts, &proxy.common },    { NULL, NULL },
	};
	const struct opt_program program = {
		.name = "vsock-proxy",
		.summary = "forward connections",
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
	status = read_rules(&proxy, argc - first, argv + first);
	if (!status) {
		proxy.limit = proxy.listening.max_conns ? proxy.listening.max_conns : automatic_limit();
		status = run(&proxy);
	}
	clean_up(&proxy);
	if (proxy.signal) {
		signal(proxy.signal, SIG_DFL);
		raise(proxy.signal);
	}
	return status;
}
