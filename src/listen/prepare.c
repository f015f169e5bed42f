/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What may be found wrong before vsock-listen listens: user, directory, command, service. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/util.h"
#include "net/explain.h"
#include "net/socket.h"
#include "listen/listen.h"

/* Who connects gets one of these, or the COMMAND, or standard input and output. */
static const struct {
	const char *name; /* of the option */
	enum service_kind kind;
} services[] = {
	{ "echo", SERVICE_ECHO },	    { "discard", SERVICE_DISCARD },
	{ "generate", SERVICE_GENERATE },   { "send-file", SERVICE_SEND_FILE },
	{ "receive-dir", SERVICE_RECEIVE }, { "hash", SERVICE_HASH },
	{ "check", SERVICE_CHECK },	    { "run", SERVICE_RUN },
	{ "notify", SERVICE_NOTIFY },	    { NULL, SERVICE_NONE },
};

static int prepare_umask(const char *text)
{
	if (!text || (*text && strlen(text) <= 4 && strspn(text, "01234567") == strlen(text) &&
		      strtoul(text, NULL, 8) <= 0777))
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

/* Whose home and shell clients get: the user that we become, or are. */
static int find_owner(struct listen *listen, const struct user **owner)
{
	*owner = &listen->user;
	if (listen->user.name)
		return 0;
	*owner = &listen->own;
	return user_find_own(&listen->own);
}

/* At home, unless --chdir says where. */
static int find_shell(struct listen *listen)
{
	const struct user *owner;
	int result = find_owner(listen, &owner);

	if (!result && !listen->options.chdir) {
		listen->directory = open(owner->home, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (listen->directory < 0)
			listen->directory = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (!result)
		result = spawn_find(owner->shell, (char **)&listen->spawn.path);
	if (!result && !(listen->shell[0] = user_login_shell(owner)))
		result = -ENOMEM;
	/* a service of systemd without User= has none of these variables */
	return result ? result : user_describe(owner);
}

static int prepare_shell(struct listen *listen, char **argv)
{
	int error;

	if (argv && argv[0])
		return log_failure(STATUS_USAGE, "--shell and COMMAND cannot be used together");
	if (!server_allows_somebody(&listen->server.settings.who)) {
		log_error("--shell needs --allow: without it, anyone who can connect would get a "
			  "shell");
		log_hint("add --allow host, --allow 3 or --allow uid:0, or --allow any to admit "
			 "everyone");
		return STATUS_USAGE;
	}
	error = find_shell(listen);
	if (error)
		return log_failure(STATUS_CANNOT_RUN, "--shell: %s", strerror(-error));
	listen->spawn.argv = listen->shell;
	listen->spawn.directory = listen->directory;
	listen->options.tty = true;
	snprintf(listen->to, sizeof(listen->to), "shell");
	return 0;
}

/* A missing COMMAND is reported before anybody connects. */
static int prepare_command(struct listen *listen, char **argv)
{
	char *path;
	int error;

	if (listen->options.shell)
		return prepare_shell(listen, argv);
	if (!argv || !argv[0]) {
		if (listen->options.tty)
			log_error("--tty needs a COMMAND");
		return listen->options.tty ? STATUS_USAGE : 0;
	}
	error = spawn_find(argv[0], &path);
	if (!error && listen->options.chdir)
		error = make_absolute(&path);
	if (error) {
		log_error("%s: %s", argv[0],
			  error == -ENOENT   ? "no such command"
			  : error == -EISDIR ? "it is a directory"
					     : "the command is not executable");
		return error == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT_RUN;
	}
	listen->spawn = (struct spawn){ .argv = argv,
					.path = path,
					.directory = listen->options.chdir ? listen->directory
									   : 0 };
	snprintf(listen->to, sizeof(listen->to), "exec:%s", argv[0]);
	return 0;
}

/* Do the permissions of a socket file decide who can connect? */
static bool has_file(const struct addr *addr)
{
	return addr->family == ADDR_UNIX && !addr->abstract;
}

/* Each command takes several connections: a limit below that would refuse every one of them. */
static int check_run_limit(const char *option, uint64_t limit)
{
	if (!limit || limit >= RUN_CONNECTIONS)
		return 0;
	log_error("--%s %llu: a command of --run needs %d connections", option,
		  (unsigned long long)limit, RUN_CONNECTIONS);
	return STATUS_USAGE;
}

/* Who commands may run as: a name that is mistyped is found now. */
static int check_run_users(const struct listen *listen)
{
	const struct opt_list *users = &listen->options.run_users;

	for (size_t i = 0; i < users->count; i++) {
		const char *name = users->entries[i].text;
		struct mistake mistake = { 0 };
		struct user user;
		int error = strchr(name, ':') ? -EINVAL : user_find(name, &user, &mistake);

		if (!error)
			user_free(&user);
		if (error == -EINVAL)
			log_error("--run-user %s: %s", name,
				  *mistake.why ? mistake.why : "give a user, without a group");
		else if (error)
			log_error("--run-user %s: %s", name, strerror(-error));
		if (error)
			return STATUS_USAGE;
	}
	if (!users->count || (geteuid() == 0 && getuid() == 0 && !listen->user.name))
		return 0;
	log_error("--run-user needs root, and no --user");
	return STATUS_DENIED;
}

static int prepare_run(struct listen *listen)
{
	const struct server_settings *settings = &listen->server.settings;
	struct run_server *running = &listen->running;
	int error, status = check_run_limit("max-conns", settings->max_conns);

	if (!status)
		status = check_run_limit("max-conns-per-peer", settings->max_conns_per_peer);
	if (!status)
		status = check_run_users(listen);
	if (status)
		return status;

	if (listen->addr.seqpacket)
		return log_failure(STATUS_USAGE,
				   "--run is for streams, but this address carries messages");
	if (listen->addr.family != ADDR_VSOCK && !has_file(&listen->addr) &&
	    !server_allows_somebody(&listen->server.settings.who)) {
		log_error("--run needs --allow here: without it, anyone who can connect could run "
			  "commands");
		log_hint("add --allow 127.0.0.1 for TCP or --allow uid:0 for UNIX sockets, or "
			 "--allow any to admit everyone");
		return STATUS_USAGE;
	}
	error = find_owner(listen, &running->owner);
	if (error)
		return log_failure(STATUS_FAILURE, "--run: %s", strerror(-error));
	running->users = &listen->options.run_users;
	running->directory = listen->directory;
	running->server = &listen->server;
	return 0;
}

int listen_admit_host(struct listen *listen)
{
	struct mistake mistake;

	if (listen->addr.family != ADDR_VSOCK ||
	    server_allows_somebody(&listen->server.settings.who) ||
	    access_add(&listen->server.access, "host", true, &listen->hosts, &mistake) == 0)
		return 0;
	log_error("--run: %s", strerror(ENOMEM));
	return STATUS_FAILURE;
}

int listen_check_passed(const struct listen *listen)
{
	const struct listener *listener = &listen->listener;
	bool packets = false;

	if (listen->service.kind != SERVICE_RUN || listen->addr.family != ADDR_FD)
		return 0;
	for (size_t i = 0; i < listener->count; i++)
		packets |= socket_option(listener->sockets[i].fd, SO_TYPE) != SOCK_STREAM;
	if (packets)
		log_error("--run is for streams; what was passed carries messages");
	else if (listener->connected >= 0)
		log_error("--run needs Accept=no: a command takes several connections");
	return packets || listener->connected >= 0 ? STATUS_USAGE : 0;
}

static int prepare_service(struct listen *listen, const struct opt_program *program)
{
	const char *chosen = NULL;
	int error;

	for (size_t i = 0; services[i].name; i++) {
		if (!opt_given(program, services[i].name))
			continue;
		if (chosen)
			return log_failure(STATUS_USAGE, "--%s and --%s cannot be used together",
					   chosen, services[i].name);
		chosen = services[i].name;
		listen->service.kind = services[i].kind;
	}
	if (listen->options.run_users.count && listen->service.kind != SERVICE_RUN)
		return log_failure(STATUS_USAGE, "--run-user needs --run");
	if (listen->options.until && listen->service.kind != SERVICE_NOTIFY)
		return log_failure(STATUS_USAGE, "--until needs --notify");
	if (listen->options.until &&
	    (!*listen->options.until || strchr(listen->options.until, '\n')))
		return log_failure(STATUS_USAGE, "--until '%s': give one line, such as READY=1",
				   listen->options.until);
	if (listen->options.json && listen->service.kind != SERVICE_HASH &&
	    listen->service.kind != SERVICE_NOTIFY) {
		log_error("--json needs --hash or --notify");
		log_hint("for records of connections as JSON, use -v --log-format json");
		return STATUS_USAGE;
	}
	if (!chosen)
		return 0;
	if (listen->spawn.argv)
		return log_failure(STATUS_USAGE, "COMMAND and --%s cannot be used together",
				   chosen);
	snprintf(listen->to, sizeof(listen->to), "%s", chosen);
	listen->service.directory = listen->directory;
	listen->service.path = listen->options.send_file ? listen->options.send_file
							 : listen->options.receive_dir;
	listen->service.json = listen->options.json;
	if (listen->service.kind == SERVICE_RUN)
		return prepare_run(listen);
	error = service_check(&listen->service);
	if (error)
		log_error("--%s %s: %s", chosen, listen->service.path ? listen->service.path : "",
			  error == -ENOTSUP ? "not a regular file" : strerror(-error));
	return !error ? 0 : error == -EACCES || error == -EPERM ? STATUS_DENIED : STATUS_FAILURE;
}

int listen_prepare(struct listen *listen, const struct opt_program *program, char **command)
{
	int error, status = prepare_umask(listen->options.umask);

	if (!status)
		status = common_user(listen->options.user, &listen->user);
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

/*
 * Options that have no effect with what is served: they are refused with the reason
 */

#define NOT_RELAYED "COMMAND uses the socket itself, so nothing is relayed"
#define CHECKED "--check relays nothing, and has time limits of its own"
#define NOT_STDIO "it applies only to standard input and output"
#define TOLD "--notify relays nothing, and has limits of its own"
#define RUNS "--run relays what the command reads and writes, without limits"
#define SERVES                                                                                 \
	(LISTEN_SERVICE | LISTEN_SEND_FILE | LISTEN_RECEIVE | LISTEN_TERMINAL | LISTEN_CHECK | \
	 LISTEN_RUN | LISTEN_NOTIFY)
#define NO_FILES "it applies only to COMMAND and to files"

static const struct {
	const char *option;
	unsigned unfit; /* enum listen_mode */
	const char *why;
} unfits[] = {
	{ "idle-timeout", LISTEN_COMMAND, NOT_RELAYED },
	{ "idle-timeout", LISTEN_CHECK, CHECKED },
	{ "idle-timeout", LISTEN_NOTIFY, TOLD },
	{ "idle-timeout", LISTEN_RUN, RUNS },
	{ "half-close-timeout", LISTEN_COMMAND, NOT_RELAYED },
	{ "half-close-timeout", LISTEN_CHECK, CHECKED },
	{ "half-close-timeout", LISTEN_NOTIFY, TOLD },
	{ "half-close-timeout", LISTEN_RUN, RUNS },
	{ "no-shutdown", LISTEN_COMMAND, NOT_RELAYED },
	{ "no-shutdown", LISTEN_CHECK, CHECKED },
	{ "no-shutdown", LISTEN_NOTIFY, TOLD },
	{ "no-shutdown", LISTEN_RUN, RUNS },
	{ "max-bytes", LISTEN_COMMAND, NOT_RELAYED },
	{ "max-bytes", LISTEN_CHECK, CHECKED },
	{ "max-bytes", LISTEN_NOTIFY, TOLD },
	{ "max-bytes", LISTEN_RUN, RUNS },
	{ "rate-limit", LISTEN_COMMAND, NOT_RELAYED },
	{ "rate-limit", LISTEN_CHECK, CHECKED },
	{ "rate-limit", LISTEN_NOTIFY, TOLD },
	{ "rate-limit", LISTEN_RUN, RUNS },
	{ "buffer", LISTEN_COMMAND, NOT_RELAYED },
	{ "buffer", LISTEN_CHECK, CHECKED },
	{ "buffer", LISTEN_NOTIFY, TOLD },
	{ "buffer", LISTEN_RUN, RUNS },
	{ "message-size", LISTEN_COMMAND, NOT_RELAYED },
	{ "message-size", LISTEN_CHECK, CHECKED },
	{ "message-size", LISTEN_NOTIFY, TOLD },
	{ "message-size", LISTEN_RUN, RUNS },
	{ "engine", LISTEN_COMMAND, NOT_RELAYED },
	{ "engine", LISTEN_CHECK, CHECKED },
	{ "engine", LISTEN_NOTIFY, TOLD },
	{ "engine", LISTEN_RUN, RUNS },
	{ "busy-poll", LISTEN_COMMAND, NOT_RELAYED },
	{ "max-time", LISTEN_CHECK, CHECKED },
	{ "max-time", LISTEN_NOTIFY, TOLD },
	{ "max-time", LISTEN_RUN, RUNS },
	{ "progress", LISTEN_COMMAND, NOT_RELAYED },
	{ "progress", SERVES, NOT_STDIO },
	{ "size", LISTEN_COMMAND, NOT_RELAYED },
	{ "size", SERVES, NOT_STDIO },
	{ "dump", LISTEN_COMMAND, NOT_RELAYED },
	{ "dump", SERVES, NOT_STDIO },
	{ "record", LISTEN_COMMAND, NOT_RELAYED },
	{ "record", SERVES, NOT_STDIO },
	{ "crlf", LISTEN_COMMAND, NOT_RELAYED },
	{ "crlf", SERVES, NOT_STDIO },
	{ "send-only", LISTEN_COMMAND, NOT_RELAYED },
	{ "send-only", SERVES, NOT_STDIO },
	{ "receive-only", LISTEN_COMMAND, NOT_RELAYED },
	{ "receive-only", SERVES, NOT_STDIO },
	{ "count", LISTEN_RUN, "a command takes several connections" },
	{ "max-conns", LISTEN_PLAIN, "standard input and output serve one connection at a time" },
	{ "chdir", LISTEN_PLAIN | LISTEN_SERVICE | LISTEN_CHECK | LISTEN_NOTIFY, NO_FILES },
	{ "umask", LISTEN_PLAIN | LISTEN_SERVICE | LISTEN_SEND_FILE | LISTEN_CHECK | LISTEN_NOTIFY,
	  NO_FILES },
};

int listen_check(const struct opt_program *program, enum listen_mode mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(unfits); i++) {
		if (!(unfits[i].unfit & mode) || !opt_given(program, unfits[i].option))
			continue;
		log_error("--%s has no effect here: %s", unfits[i].option, unfits[i].why);
		return STATUS_USAGE;
	}
	return 0;
}
