/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-listen: accepts connections: to standard input and output, to a command, to a built-in service. */
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
#include "serve/service.h"
#include "serve/session.h"
#include "tools/common.h"

#define STOP_GRACE (1 * NSEC_PER_SEC) /* plain: what was read may still be written for so long after a signal */
#define COMMANDS_AT_ONCE 100          /* --max-conns where there is a COMMAND and nothing was said */
#define DESCRIPTORS_EACH 4            /* what a session may need, for the automatic limit */
#define DESCRIPTORS_OURS 32

struct listen_only_options {
	bool keep_open, echo, discard;
	uint64_t generate; /* 0: no */
	uint64_t count;    /* UNITS_INF: no end */
};

struct listen {
	struct listen_only_options options;
	struct listen_options listening;
	struct common_options common;
	struct relay_settings relaying;

	struct hosts hosts;
	struct addr addr;
	struct loop *loop;
	struct listener listener;
	struct session_group sessions;
	struct spawn spawn;
	enum service service;
	bool plain;       /* one after another, to standard input and output */
	bool draining;
	struct timer drain;
	uint64_t accepted, limit;
	struct pidfh *pid_file;
	int signal, status;
	char to[64];
};

static const struct opt listen_only_opts[] = {
	{ .name = "keep-open", .letter = 'k', .group = "Serving", .type = OPT_FLAG, .flags = OPT_BRIEF,
	  .text = "again and again, one after another", .offset = offsetof(struct listen_only_options, keep_open) },
	{ .name = "count", .letter = 'c', .group = "Serving", .type = OPT_COUNT, .value = "COUNT", .fallback = "inf",
	  .text = "end after so many connections; implies -k", .min = 1, .max = UNITS_INF - 1, .flags = OPT_INF | OPT_BRIEF,
	  .offset = offsetof(struct listen_only_options, count) },
	{ .name = "echo", .group = "Serving", .type = OPT_FLAG, .text = "send back what arrives (RFC 862)", .flags = OPT_BRIEF,
	  .offset = offsetof(struct listen_only_options, echo) },
	{ .name = "discard", .group = "Serving", .type = OPT_FLAG, .text = "throw away what arrives (RFC 863)", .flags = OPT_BRIEF,
	  .offset = offsetof(struct listen_only_options, discard) },
	{ .name = "generate", .group = "Serving", .type = OPT_SIZE, .value = "SIZE", .text = "send so many zeros, or inf",
	  .min = 1, .flags = OPT_INF | OPT_BRIEF, .offset = offsetof(struct listen_only_options, generate) },
	{ 0 },
};

static const char *const usage[] = { "[OPTION]... ADDRESS [-- COMMAND [ARG]...]", "[OPTION]... PORT", NULL };
static const char *const examples[] = {
	"vsock-listen 5000 > file", "receive one file on vsock port 5000",
	"vsock-listen 5000 -- cat", "each connection gets a cat of its own",
	"vsock-listen --echo tcp:7", "an echo service on TCP, on localhost",
	NULL,
};
static const char *const conflicts[] = {
	"echo", "discard", "echo", "generate", "discard", "generate", NULL,
};
static const struct opt_foreign foreign[] = {
	{ "-e", "write: vsock-listen ADDRESS -- COMMAND" },
	{ "--exec", "write: vsock-listen ADDRESS -- COMMAND" },
	{ "--sh-exec", "write: vsock-listen ADDRESS -- sh -c 'COMMAND'" },
	{ "-U", "write the address as unix:PATH" },
	{ "-4", "write the address as tcp4:HOST:PORT" },
	{ "-6", "write the address as tcp6:HOST:PORT" },
	{ "-l", "vsock-listen always listens" },
	{ "--broker", "there is no broker here" },
	{ NULL, NULL },
};

/* Accepting, and its limits */

static void stop_accepting(struct listen *listen)
{
	listener_close(&listen->listener);
}

static bool all_accepted(const struct listen *listen)
{
	return listen->accepted >= listen->options.count;
}

static void rest_or_not(struct listen *listen)
{
	uint64_t limit = listen->plain ? 1 : listen->limit;

	if (!listen->draining && listen->listener.count)
		listener_rest(&listen->listener, listen->sessions.open >= limit);
}

static void maybe_end(struct listen *listen)
{
	if (!listen->sessions.open && (listen->draining || all_accepted(listen)))
		loop_stop(listen->loop);
}

static void session_ended(struct session_group *group, const struct session *session)
{
	struct listen *listen = group->context;

	/* with -c 1 the status is the connection's own */
	if (listen->options.count == 1)
		listen->status = session->status;
	if (listen->plain && session->relay.result == END_OUTPUT)
		listen->signal = SIGPIPE;
	if (listen->signal == SIGPIPE)
		loop_stop(listen->loop);
	rest_or_not(listen);
	maybe_end(listen);
}

static void cannot_serve(struct session *session, const char *what, int error)
{
	log_error("%s: %s", what, strerror(error));
	session_deny(session, "can't be served");
}

static void serve_plain(struct listen *listen, struct session *session)
{
	struct endpoint accepted = endpoint_socket(session->fd, (uint8_t)listen->addr.family, listen->addr.seqpacket);
	struct endpoint standard;
	int error = endpoint_stdio(STDIN_FILENO, STDOUT_FILENO, &standard);

	if (error) {
		cannot_serve(session, "standard input and output", -error);
		return;
	}
	if (all_accepted(listen)) {
		/* the last one: what is behind 0 and 1 must see it when the relay closes its own descriptors of them */
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
	}
	session_relay(session, &accepted, &standard, &listen->relaying);
}

static void serve_service(struct listen *listen, struct session *session)
{
	struct endpoint accepted, here;
	int error = service_ends(listen->service, session->fd, (uint8_t)listen->addr.family, listen->addr.seqpacket, &accepted,
	                         &here);

	if (error)
		cannot_serve(session, listen->to, -error);
	else
		session_relay(session, &accepted, &here, &listen->relaying);
}

static void accepted(struct listener *listener, int fd, const struct peer *peer)
{
	struct listen *listen = listener->context;
	struct session *session = session_new(&listen->sessions, fd, peer, listen->to);

	if (!session)
		return;
	listen->accepted++;
	rest_or_not(listen);
	if (listen->plain)
		serve_plain(listen, session);
	else if (listen->spawn.argv)
		session_command(session, &listen->spawn);
	else
		serve_service(listen, session);
	if (all_accepted(listen))
		stop_accepting(listen);
	maybe_end(listen);
}

/* Signals */

static void show_totals(const struct listen *listen)
{
	const struct session_totals *totals = &listen->sessions.totals;

	log_error("%llu connections, %zu of them open, %llu failed, %llu bytes up, %llu bytes down",
	          (unsigned long long)totals->accepted, listen->sessions.open, (unsigned long long)totals->failed,
	          (unsigned long long)totals->up, (unsigned long long)totals->down);
}

static void drain_over(struct loop *loop, struct timer *timer)
{
	struct listen *listen = (struct listen *)(void *)((char *)timer - offsetof(struct listen, drain));

	(void)loop;
	log_notice("%zu connections were ended after --drain-timeout", listen->sessions.open);
	session_stop_all(&listen->sessions, STOP_GRACE);
	loop_timer(listen->loop, &listen->drain, units_now() + STOP_GRACE);
	if (!listen->sessions.open)
		loop_stop(listen->loop);
}

static void drain(struct listen *listen)
{
	char limit[32];

	stop_accepting(listen);
	listen->draining = true;
	if (!listen->sessions.open) {
		loop_stop(listen->loop);
		return;
	}
	log_notice("draining: %zu connections are open; %s at most, a second signal ends at once", listen->sessions.open,
	           units_show_duration(listen->listening.drain_timeout, limit, sizeof(limit)));
	if (listen->listening.drain_timeout != UNITS_INF)
		loop_timer(listen->loop, &listen->drain, units_now() + listen->listening.drain_timeout);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct listen *listen = context;

	switch (info->ssi_signo) {
	case SIGUSR1:
		show_totals(listen);
		return;
	case SIGCHLD:
		session_reap(&listen->sessions);
		return;
	default:
		break;
	}
	if (listen->draining || listen->signal) { /* the second one */
		listen->signal = (int)info->ssi_signo;
		loop_stop(loop);
		return;
	}
	if (!listen->plain || listen->options.keep_open) {
		drain(listen);
		return;
	}
	listen->signal = (int)info->ssi_signo;
	stop_accepting(listen);
	if (!listen->sessions.open)
		loop_stop(loop);
	session_stop_all(&listen->sessions, STOP_GRACE);
}

static int watch_signals(struct listen *listen)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD };
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		struct sigaction now;

		if (wanted[i] == SIGCHLD || (sigaction(wanted[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN))
			sigaddset(&signals, wanted[i]);
	}
	/* a parent that ignores SIGCHLD would make our children reap themselves, and their status be lost */
	signal(SIGCHLD, SIG_DFL);
	return loop_signals(listen->loop, &signals, on_signal, listen);
}

/* Start */

/* On a terminal: that it listens, and how to reach it. */
static void tell_user(const struct listen *listen)
{
	char text[256], places[128];
	const char *port;

	listener_text(&listen->listener, text, sizeof(text));
	port = strrchr(text, ':');
	if (listen->addr.family == ADDR_VSOCK && listen->addr.cid == ADDR_CID_ANY)
		log_notice("listening on %s; from a guest: vsock-cat host %s", text, port + 1);
	else if (listen->addr.family == ADDR_TCP)
		log_notice("listening on %s%s; from here: vsock-cat tcp%s", text, listener_places(&listen->listener, places, sizeof(places)),
		           port);
	else
		log_notice("listening on %s; from here: vsock-cat %s", text, text);
}

static void announce(struct listen *listen)
{
	struct explanation deaf;
	char text[256];

	if (explain_deaf_listener(&listen->addr, &deaf)) {
		log_warning("%s: %s", addr_format_short(&listen->addr, text, sizeof(text)), deaf.what);
		if (*deaf.hint)
			log_hint("%s", deaf.hint);
	}
	if (isatty(STDERR_FILENO) || log_verbose(1))
		tell_user(listen);
}

static int write_pid_file(struct listen *listen)
{
	pid_t other = 0;

	if (!listen->listening.pid_file)
		return 0;
	listen->pid_file = pidfile_open(listen->listening.pid_file, 0644, &other);
	if (listen->pid_file && pidfile_write(listen->pid_file) == 0)
		return 0;
	if (errno == EEXIST)
		log_error("%s: process %ld has it, and runs", listen->listening.pid_file, (long)other);
	else
		log_error("%s: %s", listen->listening.pid_file, strerror(errno));
	return STATUS_FAILURE;
}

static int tell_ready(struct listen *listen)
{
	int error;

	if (listen->listening.ready_fd == UNITS_INF)
		return 0;
	error = listener_ready(&listen->listener, (int)listen->listening.ready_fd);
	if (error)
		log_error("--ready-fd %llu: %s", (unsigned long long)listen->listening.ready_fd, strerror(-error));
	return error ? STATUS_FAILURE : 0;
}

static int start(struct listen *listen)
{
	struct failure failure;
	int error = loop_start(&listen->loop);

	if (!error)
		error = watch_signals(listen);
	if (error) {
		log_error("can't start: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	listen->sessions.loop = listen->loop;
	listen->sessions.ended = session_ended;
	listen->sessions.context = listen;
	listen->drain.expired = drain_over;
	listen->listener.accepted = accepted;
	listen->listener.context = listen;
	if (listener_open(listen->loop, &listen->listener, &listen->addr, &(struct socket_defaults){ 0 }, &failure) < 0)
		return common_failed(&listen->addr, &failure);
	return 0;
}

static int run(struct listen *listen)
{
	int error, status = start(listen);

	if (status)
		return status;
	if ((status = write_pid_file(listen)) || (status = tell_ready(listen)))
		return status;
	announce(listen);
	listener_rest(&listen->listener, false);
	error = loop_run(listen->loop);
	if (error) {
		log_error("epoll: %s", strerror(-error));
		return STATUS_FAILURE;
	}
	return listen->status;
}

/* A COMMAND that isn't there is found before anybody connects. */
static int prepare_command(struct listen *listen, char **argv)
{
	char *path;
	int error;

	if (!argv || !argv[0])
		return 0;
	error = spawn_find(argv[0], &path);
	if (error) {
		log_error("%s: %s", argv[0],
		          error == -ENOENT ? "there is no such command" : "the command can't be run (not an executable file)");
		return error == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
	}
	listen->spawn = (struct spawn){ .argv = argv, .path = path };
	snprintf(listen->to, sizeof(listen->to), "exec:%s", argv[0]);
	return 0;
}

static uint64_t automatic_limit(const struct listen *listen)
{
	size_t descriptors = fd_limit_raise();

	if (listen->spawn.argv)
		return COMMANDS_AT_ONCE;
	return descriptors > 2 * DESCRIPTORS_OURS ? (descriptors - DESCRIPTORS_OURS) / DESCRIPTORS_EACH : DESCRIPTORS_EACH;
}

/* What is done with a connection, and what follows from it. */
static void choose(struct listen *listen)
{
	const struct listen_only_options *options = &listen->options;
	bool counted = options->count != UNITS_INF;

	if (options->echo)
		listen->service = SERVICE_ECHO;
	else if (options->discard)
		listen->service = SERVICE_DISCARD;
	else if (options->generate)
		listen->service = SERVICE_GENERATE;
	if (options->generate)
		listen->relaying.source_bytes = options->generate;
	listen->plain = !listen->service && !listen->spawn.argv;
	if (listen->service)
		snprintf(listen->to, sizeof(listen->to), "%s", options->echo ? "echo" : options->discard ? "discard" : "generate");
	else if (listen->plain)
		snprintf(listen->to, sizeof(listen->to), "-");
	/* COMMAND and services imply -k, so that a ping or a scan does not end a listener */
	listen->options.keep_open = options->keep_open || !listen->plain || counted;
	if (!listen->options.keep_open)
		listen->options.count = 1;
	listen->limit = listen->listening.max_conns ? listen->listening.max_conns : automatic_limit(listen);
}

static int read_words(struct listen *listen, int count, char **words, char **command)
{
	struct addr_context context = {
		.role = ADDR_LISTEN,
		.flags = ADDR_SHORT,
		.program = log_program(),
		.hosts = &listen->hosts,
	};
	int status;

	if (count != 1) {
		log_error(count ? "too many words: one ADDRESS" : "no address given");
		if (count)
			log_hint("a command stands behind --: vsock-listen %s -- %s ...", words[0], words[1]);
		return STATUS_USAGE;
	}
	status = common_hosts(&listen->hosts);
	if (!status)
		status = common_addr(words[0], &context, &listen->addr);
	if (!status)
		status = prepare_command(listen, command);
	if (!status && command && (listen->options.echo || listen->options.discard || listen->options.generate)) {
		log_error("a COMMAND and a built-in service contradict each other");
		status = STATUS_USAGE;
	}
	return status;
}

static void clean_up(struct listen *listen)
{
	if (listen->loop) {
		session_free_all(&listen->sessions);
		listener_close(&listen->listener);
	}
	if (listen->pid_file)
		pidfile_remove(listen->pid_file);
	loop_free(listen->loop);
	hosts_free(&listen->hosts);
	free((char *)listen->spawn.path);
}

int main(int argc, char **argv)
{
	static struct listen listen = {
		.options.count = UNITS_INF,
		.listening = LISTEN_DEFAULTS,
	};
	const struct opt_table tables[] = {
		{ listen_only_opts, &listen.options },
		{ listen_opts, &listen.listening },
		{ relay_opts, &listen.relaying },
		{ common_opts, &listen.common },
		{ NULL, NULL },
	};
	const struct opt_program program = {
		.name = "vsock-listen",
		.summary = "accept connections: to standard input and output, to a command, to a service",
		.usage = usage,
		.examples = examples,
		.tables = tables,
		.foreign = foreign,
		.conflicts = conflicts,
	};
	int first, dashdash = 0, status;

	common_start(program.name);
	listen.relaying = relay_defaults;
	if (argc < 2) {
		opt_usage(&program);
		return STATUS_USAGE;
	}
	first = opt_parse(&program, argc, argv, &dashdash);
	if (first <= 0)
		return opt_status(first);
	log_configure(&listen.common.log);
	status = read_words(&listen, (dashdash ? dashdash : argc) - first, argv + first,
	                    dashdash && dashdash < argc ? argv + dashdash : NULL);
	if (!status) {
		choose(&listen);
		status = run(&listen);
	}
	clean_up(&listen);
	if (listen.signal) {
		signal(listen.signal, SIG_DFL);
		raise(listen.signal);
	}
	return status;
}
