/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-listen: accepts connections: to standard input and output, to a command, to a built-in
 * service. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/fd.h"
#include "base/units.h"
#include "base/util.h"
#include "net/activation.h"
#include "cli/outcome.h"
#include "listen/listen.h"

/* Bytes of hashes pending for standard output above which no more clients are served. */
#define UNSENT_MAX (64U * 1024)
#define STOP_GRACE (1 * NSEC_PER_SEC) /* how long they may still be written after a signal */
#define COMMANDS_AT_ONCE 100 /* the default of --max-conns with a COMMAND */
#define DESCRIPTORS_OURS 32

static const char *const usage[] = { "[OPTION]... ADDRESS [-- COMMAND [ARG]...]",
				     "[OPTION]... PORT [-- COMMAND [ARG]...]", NULL };
static const char *const examples[] = {
	"vsock-listen 5000 > file",
	"receive a file on vsock port 5000",
	"vsock-listen 5000 -- cat",
	"run cat for each connection",
	"vsock-listen --echo tcp:7",
	"echo service on TCP, on localhost",
	NULL,
};
static bool all_served(const struct listen *listen)
{
	return listen->served >= listen->options.count;
}

/* --hash or --notify cannot write to standard output, so there is no use in continuing. */
static int cannot_print(struct listen *listen, int error)
{
	if (error == EPIPE)
		listen->server.signal = SIGPIPE;
	else
		log_error("standard output: %s", strerror(error));
	listen->status = STATUS_FAILURE;
	loop_stop(listen->server.loop);
	return STATUS_FAILURE;
}

/* What standard output had not taken has gone, or can't. */
static void output_moved(struct output *output, int error)
{
	struct listen *listen = output->context;

	if (error)
		cannot_print(listen, error);
	else if (!output_unsent(output))
		server_pause(&listen->server, false);
	if (listen->served_all && !output_unsent(output))
		loop_stop(listen->server.loop);
}

/* What vsock-cat would say of its connection; the exit status. */
static int tell_outcome(const struct listen *listen, const struct session *session,
			const struct outcome_here *here)
{
	struct addr addr = listen->addr;
	char from[PEER_TEXT_MAX];

	if (session->peer.family == ADDR_VSOCK)
		addr.cid = session->peer.u.vsock.cid;
	return outcome_say(&session->relay, 1, &addr,
			   peer_format(&session->peer, from, sizeof(from)), here);
}

/* The only connection, to a service or a command, ended badly: the status is not all that is said.
 * Files that were received were reported, and a command has a status of its own. */
static void tell_service(const struct listen *listen, const struct session *session)
{
	struct outcome_here here;

	if (session->child) {
		outcome_say_limit(&session->relay, &listen->relaying, listen->to);
		return;
	}
	service_here(&listen->service, &here);
	if (session->relay.settings && listen->service.kind != SERVICE_RECEIVE)
		tell_outcome(listen, session, &here);
}

static void session_ended(struct server *server, const struct session *session)
{
	struct listen *listen = container_of(server, struct listen, server);
	int status = service_finish(&listen->service, session);

	if (session == listen->current) {
		traffic_end(&listen->traffic, &session->relay);
		status = tell_outcome(listen, session, &outcome_standard);
		listen->current = NULL;
	} else if (status > 0 && listen->options.count == 1) {
		tell_service(listen, session);
	}
	if (status < 0)
		status = cannot_print(listen, -status);
	else if (output_unsent(&listen->service.output) > UNSENT_MAX)
		server_pause(server, true);
	/* with -c 1 the status is that of the connection that was served: a client that was denied
	 * does not count, and another one follows */
	if (listen->options.count == 1 && session->served)
		listen->status = status;
	/* the reader of standard output is gone: end like other programs with SIGPIPE */
	if (listen->plain && session->relay.result == END_OUTPUT) {
		server->signal = SIGPIPE;
		loop_stop(server->loop);
	}
}

static int print_message(struct listen *listen, const struct peer *from, const char *message,
			 size_t size)
{
	struct output *output = &listen->service.output;
	int error = output_open(output, listen->server.loop);
	char *text = NULL;
	size_t length = 0;
	FILE *out = error ? NULL : open_memstream(&text, &length);

	if (error || !out)
		return error ? error : -ENOMEM;
	readiness_print(out, listen->options.json, from, message, size);
	error = fclose(out) == 0 ? output_put(output, text, length) : -ENOMEM;
	free(text);
	return error;
}

static void guest_told(struct readiness *readiness, const struct peer *from, const char *message,
		       size_t size)
{
	struct listen *listen = container_of(readiness, struct listen, readiness);
	struct server *server = &listen->server;
	const char *until = listen->options.until;
	int error = print_message(listen, from, message, size);

	if (error) {
		cannot_print(listen, -error);
		return;
	}
	if (output_unsent(&listen->service.output) > UNSENT_MAX)
		server_pause(server, true);
	readiness_forward(readiness, message, size);
	if (listen->until_seen || !until || !readiness_has(message, size, until))
		return;
	listen->until_seen = true;
	readiness_finish(readiness);
	server_stop_accepting(server);
	session_stop_all(&server->sessions, 0);
}

static void serve_plain(struct listen *listen, struct session *session)
{
	struct endpoint accepted = session_endpoint(session), standard;
	int error = traffic_standard(&listen->traffic, &standard);

	if (error) {
		session_cannot_serve(session, -error);
		return;
	}
	if (all_served(listen)) {
		/* the last one: readers and writers of 0 and 1 must notice when the relay closes
		 * its copies */
		endpoint_own(&standard);
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
	}
	/* Standard input knows nothing of what the guest still sends; with --send-only no answer
	 * can be lost. */
	accepted.half_close = listen->options.traffic.send_only
				      ? 0
				      : addr_half_close(&listen->addr, ADDR_HALF_CLOSE);
	listen->current = session;
	traffic_begin(&listen->traffic, accepted.in);
	session_relay(session, &accepted, &standard, &listen->relaying);
	if (listen->current)
		traffic_show(&listen->traffic, listen->server.loop, &session->relay, listen->to,
			     &listen->common.log);
}

static void serve_service(struct listen *listen, struct session *session)
{
	struct endpoint accepted = session_endpoint(session), here;
	int error = service_end(&listen->service, session, &accepted, &here);

	if (error)
		session_cannot_serve(session, -error);
	else
		session_relay(session, &accepted, &here, &listen->relaying);
}

static void serve(struct server *server, struct listener *listener, struct session *session)
{
	struct listen *listen = container_of(server, struct listen, server);

	(void)listener;
	session->to = listen->to;
	listen->served++;
	if (listen->plain)
		serve_plain(listen, session);
	else if (listen->options.tty)
		session_terminal(session, &listen->spawn, &listen->relaying);
	else if (listen->spawn.argv)
		session_command(session, &listen->spawn, listen->relaying.max_time);
	else if (listen->service.kind == SERVICE_CHECK)
		check_serve(session, &listen->checked);
	else if (listen->service.kind == SERVICE_NOTIFY)
		readiness_serve(session, &listen->readiness);
	else if (listen->service.kind == SERVICE_RUN)
		run_serve(session, &listen->running);
	else
		serve_service(listen, session);
	if (all_served(listen))
		server_stop_accepting(server);
}

/* All are served: what standard output has not taken is waited for, but not against a signal. */
static int finish_output(struct listen *listen)
{
	struct server *server = &listen->server;
	int error = 0;

	listen->served_all = true;
	while (!error && !server->signalled && output_unsent(&listen->service.output))
		error = loop_run(server->loop);
	if (!error)
		error = output_close(&listen->service.output, STOP_GRACE);
	if (!error)
		return listen->status;
	log_error("standard output: not everything was written: %s", strerror(-error));
	return STATUS_FAILURE;
}

/* On a terminal: that it listens, and how to reach it. */
static void tell_user(const struct listen *listen)
{
	char text[256], places[128];
	const char *port;

	listener_text(&listen->listener, text, sizeof(text));
	port = strrchr(text, ':');
	if (listen->service.kind == SERVICE_RUN)
		log_notice("listening on %s, for vsock-run", text);
	else if (listen->service.kind == SERVICE_NOTIFY &&
		 (listen->addr.family == ADDR_VSOCK || listen->addr.family == ADDR_MUX))
		log_notice("listening on %s; for a guest's systemd: vmm.notify_socket=%s:2%s", text,
			   listen->addr.seqpacket ? "vsock-seqpacket" : "vsock-stream", port);
	else if (listen->service.kind == SERVICE_NOTIFY)
		log_notice("listening on %s, for messages of sd_notify", text);
	else if (listen->addr.family == ADDR_VSOCK && listen->addr.cid == ADDR_CID_ANY)
		log_notice("listening on %s; from a guest: vsock-cat host %s", text, port + 1);
	else if (listen->addr.family == ADDR_TCP)
		log_notice("listening on %s%s; from here: vsock-cat tcp%s", text,
			   listener_places(&listen->listener, places, sizeof(places)), port);
	else if (listen->addr.family == ADDR_FD)
		log_notice("serving %s", text);
	else
		log_notice("listening on %s; from here: vsock-cat %s", text, text);
}

/* Once it listens, and before anybody is served. */
static int become(const struct listen *listen)
{
	int error = user_become(&listen->user);

	if (error)
		return log_failure(STATUS_DENIED, "--user %s: %s", listen->options.user,
				   strerror(-error));
	if (listen->options.umask)
		umask((mode_t)strtoul(listen->options.umask, NULL, 8));
	return 0;
}

static int listen_and_serve(struct listen *listen)
{
	struct server *server = &listen->server;
	int status;

	activation_use(&listen->addr);
	common_warn_unused();
	server->serve = serve;
	/* whether it is ready is for guests to say */
	server->others_ready = listen->service.kind == SERVICE_NOTIFY;
	listen->readiness.told = guest_told;
	server->ended = session_ended;
	listen->service.output.moved = output_moved;
	listen->service.output.context = listen;
	status = server_read_access(server, &listen->hosts, &listen->addr);
	if (!status && listen->service.kind == SERVICE_RUN)
		status = listen_admit_host(listen);
	if (status || (status = server_start(server)) ||
	    (status = server_listen(server, &listen->listener, &listen->addr)) ||
	    (status = listen_check_passed(listen)))
		return status;
	loop_busy_poll(server->loop, &listen->looping);
	if (isatty(STDERR_FILENO) || log_verbose(1))
		tell_user(listen);
	status = become(listen);
	listen->readiness.loop = server->loop;
	if (!status)
		status = server_run(server);
	readiness_finish(&listen->readiness);
	if (!status)
		status = finish_output(listen);
	if (!status && listen->options.until && !listen->until_seen) {
		log_error("ended before %s arrived", listen->options.until);
		status = STATUS_FAILURE;
	}
	output_close(&listen->service.output, 0);
	if (traffic_close(&listen->traffic) && !status)
		status = STATUS_FAILURE;
	return status;
}

static enum listen_mode mode_of(const struct listen *listen)
{
	if (listen->spawn.argv)
		return listen->options.tty ? LISTEN_TERMINAL : LISTEN_COMMAND;
	switch (listen->service.kind) {
	case SERVICE_NONE:
		return LISTEN_PLAIN;
	case SERVICE_SEND_FILE:
		return LISTEN_SEND_FILE;
	case SERVICE_RECEIVE:
		return LISTEN_RECEIVE;
	case SERVICE_CHECK:
		return LISTEN_CHECK;
	case SERVICE_RUN:
		return LISTEN_RUN;
	case SERVICE_NOTIFY:
		return LISTEN_NOTIFY;
	default:
		return LISTEN_SERVICE;
	}
}

/* What a session has open beside what is shared: its socket, and a second of it, a file, or the far
 * end of what it talks to. */
static size_t descriptors_each(enum service_kind service)
{
	return service == SERVICE_SEND_FILE || service == SERVICE_RUN ? 4 : 2;
}

/* What is done with a connection, and what follows from it. */
static void choose(struct listen *listen)
{
	const struct listen_only_options *options = &listen->options;
	bool counted = options->count != UNITS_INF;

	if (options->generate)
		listen->relaying.source_bytes = options->generate;
	listen->plain = !listen->service.kind && !listen->spawn.argv;
	if (listen->plain)
		snprintf(listen->to, sizeof(listen->to), "-");
	/* COMMAND and services imply -k, so that a ping or a scan does not end a listener */
	listen->options.keep_open = options->keep_open || !listen->plain || counted;
	if (!listen->options.keep_open)
		listen->options.count = 1;
	/* by tell_outcome(), tell_service(), or the name of a file that was received */
	listen->server.sessions.reported = listen->plain || listen->options.count == 1 ||
					   listen->service.kind == SERVICE_RECEIVE ||
					   listen->service.kind == SERVICE_RUN;
	/* one connection to standard input and output: a signal ends it as it ends vsock-cat */
	listen->server.at_once = listen->plain && !listen->options.keep_open;
	if (listen->service.kind == SERVICE_RUN)
		listen->server.end_grace = RUN_KILL_GRACE + STOP_GRACE;
	if (listen->spawn.argv && !listen->server.settings.max_conns) {
		listen->server.settings.max_conns = COMMANDS_AT_ONCE;
		listen->server.by_default = true;
	}
	if (listen->plain)
		listen->server.limit = 1;
	else if (listen->spawn.argv && !options->tty) /* these have their own descriptors */
		listen->server.limit = listen->server.settings.max_conns;
	else
		server_limit(&listen->server, DESCRIPTORS_OURS,
			     descriptors_each(listen->service.kind));
}

static int read_words(struct listen *listen, int count, char **words)
{
	struct addr_context context = {
		.role = ADDR_LISTEN,
		.flags = ADDR_SHORT,
		.program = log_program(),
		.hosts = &listen->hosts,
	};
	int status;

	/* an address follows the number, not a command whose -- was forgotten */
	if (count == 2 && is_number(words[0]) && (is_number(words[1]) || strchr(words[1], ':'))) {
		/* nc's "-q 1 5000": to us the number is one operand more. -q has no hints. */
		if (listen->common.log.quiet)
			log_error("-q takes no number; for nc -q SECONDS, write "
				  "--half-close-timeout TIME");
		else if (listen->options.tty)
			log_error("-t takes no number; for socat -t SECONDS, write "
				  "--half-close-timeout TIME");
		if (listen->common.log.quiet || listen->options.tty)
			return STATUS_USAGE;
	}
	if (count == 2 && strncasecmp(words[1], "EXEC:", 5) == 0) {
		status = common_hosts(&listen->hosts);
		if (!status)
			status = common_addr(words[0], &context, &listen->addr);
		if (status)
			return status;
		log_error("'EXEC' is a socat keyword: %s", words[1]);
		log_hint("write vsock-listen %s -- %s", words[0], words[1] + 5);
		return STATUS_USAGE;
	}
	if (count != 1) {
		log_error(count ? "too many arguments: give one ADDRESS" : "no address given");
		if (count)
			log_hint("write the command after --: vsock-listen %s -- %s ...", words[0],
				 words[1]);
		return STATUS_USAGE;
	}
	status = common_hosts(&listen->hosts);
	if (!status)
		status = common_addr(words[0], &context, &listen->addr);
	return status;
}

static void clean_up(void *context)
{
	struct listen *listen = context;

	listen->running.ending = true;
	server_free(&listen->server);
	service_free(&listen->service);
	user_free(&listen->user);
	user_free(&listen->own);
	opt_list_free(&listen->options.run_users);
	free(listen->shell[0]);
	fd_close(&listen->directory);
	hosts_free(&listen->hosts);
	free((char *)listen->spawn.path);
}

static int run(void *context, const struct opt_program *program, int count, char **words,
	       char **command)
{
	struct listen *listen = context;
	int status = common_message_size(&listen->relaying);

	if (!status)
		status = server_check_ready(&listen->server.settings);
	if (!status)
		status = read_words(listen, count, words);
	if (!status)
		status = listen_prepare(listen, program, command && *command ? command : NULL);
	if (!status)
		status = listen_check(program, mode_of(listen));
	if (!status)
		status = traffic_open(&listen->traffic, &listen->options.traffic, &listen->addr, 1,
				      &listen->relaying);
	if (status)
		return status;
	choose(listen);
	return listen_and_serve(listen);
}

int main(int argc, char **argv)
{
	static struct listen listen = {
		.options = LISTEN_ONLY_DEFAULTS,
		.service = SERVICE_DEFAULTS,
		.directory = AT_FDCWD,
		.server.settings = SERVER_DEFAULTS,
		.looping = LOOP_DEFAULTS,
	};
	const struct opt_table tables[] = {
		{ listen_only_opts, &listen.options },
		{ traffic_opts, &listen.options.traffic },
		{ listen_opts, &listen.server.settings },
		{ relay_opts, &listen.relaying },
		{ loop_opts, &listen.looping },
		{ common_opts, &listen.common },
		{ NULL, NULL },
	};
	const struct tool tool = {
		.program = {
			.name = "vsock-listen",
			.summary = "accept connections for standard I/O, a command or a service",
			.usage = usage,
			.examples = examples,
			.tables = tables,
			.foreign = listen_foreign,
			.conflicts = listen_conflicts,
		},
		.common = &listen.common,
		.operands = true,
		.command = true,
		.run = run,
		.clean_up = clean_up,
		.context = &listen,
		.signal = &listen.server.signal,
	};

	listen.relaying = relay_defaults;
	return tool_main(&tool, argc, argv);
}
