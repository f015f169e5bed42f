/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vsock-listen: accepts connections: to standard input and output, to a command, to a built-in service. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/units.h"
#include "serve/service.h"
#include "serve/user.h"
#include "tools/common.h"
#include "tools/listen.h"

#define COMMANDS_AT_ONCE 100          /* --max-conns where there is a COMMAND and nothing was said */
#define DESCRIPTORS_EACH 4            /* what a session may need, for the automatic limit */
#define DESCRIPTORS_OURS 32

struct listen {
	struct server server;
	struct listen_only_options options;
	struct common_options common;
	struct relay_settings relaying;

	struct hosts hosts;
	struct addr addr;
	struct listener listener;
	struct spawn spawn;
	char *shell[2]; /* argv of --shell */
	struct service service;
	struct user user; /* to become */
	int directory;    /* --chdir, or AT_FDCWD */
	bool plain; /* one after another, to standard input and output */
	uint64_t served;
	int status;
	char to[64];
};

static const char *const usage[] = { "[OPTION]... ADDRESS [-- COMMAND [ARG]...]", "[OPTION]... PORT", NULL };
static const char *const examples[] = {
	"vsock-listen 5000 > file", "receive one file on vsock port 5000",
	"vsock-listen 5000 -- cat", "each connection gets a cat of its own",
	"vsock-listen --echo tcp:7", "an echo service on TCP, on localhost",
	NULL,
};
/* Who connects gets one of these, or the COMMAND, or standard input and output. */
static const struct {
	const char *name; /* of the option */
	enum service_kind kind;
} services[] = {
	{ "echo", SERVICE_ECHO },
	{ "discard", SERVICE_DISCARD },
	{ "generate", SERVICE_GENERATE },
	{ "send-file", SERVICE_SEND_FILE },
	{ "receive-dir", SERVICE_RECEIVE },
	{ "hash", SERVICE_HASH },
	{ "hub", SERVICE_HUB },
	{ NULL, SERVICE_NONE },
};

static bool all_served(const struct listen *listen)
{
	return listen->served >= listen->options.count;
}

/* Standard output does not take what --hash prints: without it there is no use in going on. */
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

static void session_ended(struct server *server, const struct session *session)
{
	struct listen *listen = (struct listen *)(void *)server;
	int status = service_finish(&listen->service, session);

	if (status < 0)
		status = cannot_print(listen, -status);
	/* with -c 1 the status is the connection's own */
	if (listen->options.count == 1)
		listen->status = status;
	/* standard output was closed by who read it: that is for us what SIGPIPE is for others */
	if (listen->plain && session->relay.result == END_OUTPUT) {
		server->signal = SIGPIPE;
		loop_stop(server->loop);
	}
}

static void cannot_serve(struct session *session, const char *what, int error)
{
	log_error("%s: %s", what, strerror(error));
	session_deny(session, "can't be served");
}

static void serve_plain(struct listen *listen, struct session *session)
{
	struct endpoint accepted = session_endpoint(session), standard;
	int error = endpoint_stdio(STDIN_FILENO, STDOUT_FILENO, &standard);

	if (error) {
		cannot_serve(session, "standard input and output", -error);
		return;
	}
	if (all_served(listen)) {
		/* the last one: what is behind 0 and 1 must see it when the relay closes its own descriptors of them */
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
	}
	session_relay(session, &accepted, &standard, &listen->relaying);
}

static void serve_service(struct listen *listen, struct session *session)
{
	struct endpoint accepted = session_endpoint(session), here;
	int error = service_end(&listen->service, session, &accepted, &here);

	if (error)
		cannot_serve(session, listen->to, -error);
	else
		session_relay(session, &accepted, &here, &listen->relaying);
}

static void serve(struct server *server, struct listener *listener, struct session *session)
{
	struct listen *listen = (struct listen *)(void *)server;

	(void)listener;
	session->to = listen->to;
	listen->served++;
	if (listen->plain)
		serve_plain(listen, session);
	else if (listen->options.tty)
		session_terminal(session, &listen->spawn, &listen->relaying);
	else if (listen->spawn.argv)
		session_command(session, &listen->spawn, listen->relaying.max_time);
	else
		serve_service(listen, session);
	if (all_served(listen))
		server_stop_accepting(server);
}

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
	else if (listen->addr.family == ADDR_FD)
		log_notice("serving %s", text);
	else
		log_notice("listening on %s; from here: vsock-cat %s", text, text);
}

/* Once it listens, and before anybody is served. */
static int become(const struct listen *listen)
{
	int error = user_become(&listen->user);

	if (error) {
		log_error("--user %s: %s", listen->options.user, strerror(-error));
		return STATUS_DENIED;
	}
	if (listen->options.umask)
		umask((mode_t)strtoul(listen->options.umask, NULL, 8));
	return 0;
}

static int run(struct listen *listen)
{
	struct server *server = &listen->server;
	const struct addr *const addrs[] = { &listen->addr };
	int status;

	server->serve = serve;
	server->ended = session_ended;
	status = server_read_access(server, &listen->hosts, addrs, 1);
	if (status || (status = server_start(server)) || (status = server_listen(server, &listen->listener, addrs, 1)))
		return status;
	if (isatty(STDERR_FILENO) || log_verbose(1))
		tell_user(listen);
	status = become(listen);
	if (!status)
		status = server_run(server);
	return status ? status : listen->status;
}

/* Whom to become. */
static int prepare_user(struct listen *listen)
{
	const char *text = listen->options.user;
	struct user_error error;

	if (!text)
		return 0;
	if (user_find(text, &listen->user, &error)) {
		log_error("--user %s: %s", text, error.why);
		log_caret(text, error.offset, error.length);
		return STATUS_USAGE;
	}
	if (user_permitted(&listen->user))
		return 0;
	log_error("--user %s: only root can become another user", text);
	return STATUS_DENIED;
}

static int prepare_umask(const char *text)
{
	if (!text || (*text && strlen(text) <= 4 && strspn(text, "01234567") == strlen(text) && strtoul(text, NULL, 8) <= 0777))
		return 0;
	log_error("--umask %s: not an octal mode from 0 to 777", text);
	return STATUS_USAGE;
}

static int prepare_directory(struct listen *listen)
{
	const char *path = listen->options.chdir;
	int error = 0;

	if (!path)
		return 0;
	listen->directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (listen->directory < 0 || faccessat(listen->directory, ".", X_OK, AT_EACCESS) < 0)
		error = errno;
	if (error)
		log_error("--chdir %s: %s", path, strerror(error));
	return !error ? 0 : error == EACCES ? STATUS_DENIED : STATUS_FAILURE;
}

/* A COMMAND is looked for from where we are, though it may run elsewhere. */
static int make_absolute(char **path)
{
	char here[PATH_MAX], *joined;

	if (**path == '/')
		return 0;
	if (!getcwd(here, sizeof(here)))
		return -errno;
	if (asprintf(&joined, "%s/%s", here, *path) < 0)
		return -ENOMEM;
	free(*path);
	*path = joined;
	return 0;
}

static bool allows_somebody(const struct opt_list *who)
{
	for (size_t i = 0; i < who->count; i++)
		if (strcmp(who->entries[i].opt->name, "allow") == 0)
			return true;
	return false;
}

/* Whose shell: the user that we become, or are. At home, unless --chdir says where. */
static int find_shell(struct listen *listen)
{
	char self[16];
	struct user_error error;
	struct user own, *user = &listen->user;
	int result = 0;

	if (!user->name) {
		snprintf(self, sizeof(self), "%u", (unsigned)getuid());
		result = user_find(self, &own, &error);
		user = &own;
	}
	if (!result && !listen->options.chdir) {
		listen->directory = open(user->home, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (listen->directory < 0)
			listen->directory = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (!result)
		result = spawn_find(user->shell, (char **)&listen->spawn.path);
	/* "-bash": by that a shell knows that it is a login shell */
	if (!result) {
		const char *slash = strrchr(user->shell, '/');

		if (asprintf(&listen->shell[0], "-%s", slash ? slash + 1 : user->shell) < 0)
			result = -ENOMEM;
	}
	if (user == &own)
		user_free(&own);
	return result;
}

static int prepare_shell(struct listen *listen, char **argv)
{
	int error;

	if (argv && argv[0]) {
		log_error("--shell and a COMMAND contradict each other");
		return STATUS_USAGE;
	}
	if (!allows_somebody(&listen->server.settings.who)) {
		log_error("--shell without --allow: everyone who can connect would have a shell");
		log_hint("say who may: --allow host, --allow 3, --allow uid:0; if it is everyone: --allow any");
		return STATUS_USAGE;
	}
	error = find_shell(listen);
	if (error) {
		log_error("--shell: %s", strerror(-error));
		return STATUS_CANNOT_RUN;
	}
	listen->spawn.argv = listen->shell;
	listen->spawn.directory = listen->directory;
	listen->options.tty = true;
	snprintf(listen->to, sizeof(listen->to), "shell");
	return 0;
}

/* A COMMAND that isn't there is found before anybody connects. */
static int prepare_command(struct listen *listen, char **argv)
{
	char *path;
	int error;

	if (listen->options.shell)
		return prepare_shell(listen, argv);
	if (!argv || !argv[0]) {
		if (listen->options.tty)
			log_error("--tty is for a COMMAND, and there is none");
		return listen->options.tty ? STATUS_USAGE : 0;
	}
	error = spawn_find(argv[0], &path);
	if (!error && listen->options.chdir)
		error = make_absolute(&path);
	if (error) {
		log_error("%s: %s", argv[0],
		          error == -ENOENT ? "there is no such command" : "the command can't be run (not an executable file)");
		return error == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
	}
	listen->spawn = (struct spawn){ .argv = argv, .path = path, .directory = listen->options.chdir ? listen->directory : 0 };
	snprintf(listen->to, sizeof(listen->to), "exec:%s", argv[0]);
	return 0;
}

static int prepare_service(struct listen *listen, const struct opt_program *program)
{
	const char *chosen = NULL;
	int error;

	for (size_t i = 0; services[i].name; i++) {
		if (!opt_given(program, services[i].name))
			continue;
		if (chosen) {
			log_error("--%s and --%s contradict each other", chosen, services[i].name);
			return STATUS_USAGE;
		}
		chosen = services[i].name;
		listen->service.kind = services[i].kind;
	}
	if (listen->options.json && listen->service.kind != SERVICE_HASH) {
		log_error("--json is for --hash");
		log_hint("records of connections as objects: -v --log-format json");
		return STATUS_USAGE;
	}
	if (!chosen)
		return 0;
	if (listen->spawn.argv) {
		log_error("a COMMAND and --%s contradict each other", chosen);
		return STATUS_USAGE;
	}
	snprintf(listen->to, sizeof(listen->to), "%s", chosen);
	listen->service.directory = listen->directory;
	listen->service.path = listen->options.send_file ? listen->options.send_file : listen->options.receive_dir;
	listen->service.json = listen->options.json;
	error = service_check(&listen->service);
	if (error)
		log_error("--%s %s: %s", chosen, listen->service.path ? listen->service.path : "", error == -ENOTSUP ? "not a regular file" : strerror(-error));
	return !error ? 0 : error == -EACCES || error == -EPERM ? STATUS_DENIED : STATUS_FAILURE;
}

static uint64_t automatic_limit(const struct listen *listen)
{
	size_t descriptors = fd_limit_raise();

	if (listen->spawn.argv)
		return COMMANDS_AT_ONCE;
	return descriptors > 2 * DESCRIPTORS_OURS ? (descriptors - DESCRIPTORS_OURS) / DESCRIPTORS_EACH : DESCRIPTORS_EACH;
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
	default:
		return LISTEN_SERVICE;
	}
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
	/* one connection to standard input and output: a signal ends it as it ends vsock-cat */
	listen->server.at_once = listen->plain && !listen->options.keep_open;
	listen->server.limit = listen->server.settings.max_conns;
	if (listen->plain)
		listen->server.limit = 1;
	else if (!listen->server.limit)
		listen->server.limit = automatic_limit(listen);
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

	/* nc's "-q 1 5000": to us the number is one operand more */
	if (count > 1 && listen->common.log.quiet && strspn(words[0], "0123456789") == strlen(words[0])) {
		log_error("-q takes no number; nc's -q SECONDS is --half-close-timeout TIME"); /* -q has no hints */
		return STATUS_USAGE;
	}
	if (count != 1) {
		log_error(count ? "too many words: one ADDRESS" : "no address given");
		if (count)
			log_hint("a command stands behind --: vsock-listen %s -- %s ...", words[0], words[1]);
		return STATUS_USAGE;
	}
	status = common_hosts(&listen->hosts);
	if (!status)
		status = common_addr(words[0], &context, &listen->addr);
	return status;
}

/* All that may be found wrong before it listens, with the eyes of who will serve. */
static int prepare(struct listen *listen, const struct opt_program *program, char **command)
{
	int error, status = prepare_umask(listen->options.umask);

	if (!status)
		status = prepare_user(listen);
	if (status)
		return status;
	error = user_borrow(&listen->user);
	if (!error)
		status = prepare_directory(listen);
	if (!error && !status)
		status = prepare_command(listen, command);
	if (!error && !status)
		status = prepare_service(listen, program);
	if (!error)
		error = user_return();
	if (!error)
		return status;
	log_error("--user %s: %s", listen->options.user, strerror(-error));
	return STATUS_DENIED;
}

static void clean_up(struct listen *listen)
{
	server_free(&listen->server);
	service_free(&listen->service);
	user_free(&listen->user);
	free(listen->shell[0]);
	fd_close(&listen->directory);
	hosts_free(&listen->hosts);
	free((char *)listen->spawn.path);
}

int main(int argc, char **argv)
{
	static struct listen listen = {
		.options = LISTEN_ONLY_DEFAULTS,
		.service = SERVICE_DEFAULTS,
		.directory = AT_FDCWD,
		.server.settings = SERVER_DEFAULTS,
	};
	const struct opt_table tables[] = {
		{ listen_only_opts, &listen.options },
		{ listen_opts, &listen.server.settings },
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
		.foreign = listen_foreign,
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
	status = common_message_size(&listen.relaying);
	if (!status)
		status = read_words(&listen, (dashdash ? dashdash : argc) - first, argv + first);
	if (!status)
		status = prepare(&listen, &program, dashdash && dashdash < argc ? argv + dashdash : NULL);
	if (!status)
		status = listen_check(&program, mode_of(&listen));
	if (!status) {
		choose(&listen);
		status = run(&listen);
	}
	clean_up(&listen);
	if (listen.server.signal) {
		signal(listen.server.signal, SIG_DFL);
		raise(listen.server.signal);
	}
	return status;
}
