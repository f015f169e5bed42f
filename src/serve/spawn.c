/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "serve/spawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/util.h"

static int runnable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -EACCES;
	return 0;
}

static int keep(const char *path, char **out)
{
	*out = strdup(path);
	return *out ? 0 : -ENOMEM;
}

int spawn_find(const char *name, char **path)
{
	const char *search = getenv("PATH");
	int verdict = -ENOENT;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/')) {
		int error = runnable(name);

		if (error)
			return error == -EACCES || error == -EISDIR ? error : -ENOENT;
		return keep(name, path);
	}
	for (const char *part = search ? search : "/usr/bin:/bin"; *part;) {
		size_t length = strcspn(part, ":");
		char candidate[4096];

		snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)length, length ? part : ".",
			 name);
		switch (runnable(candidate)) {
		case 0:
			return keep(candidate, path);
		case -EACCES:
			verdict = -EACCES; /* it exists but cannot be run; another one may */
			break;
		default:
			break;
		}
		part += length + (part[length] == ':');
	}
	return verdict;
}

/* A script, and not a binary for another machine: its first line has no NUL, as shells tell it. */
static bool is_script(const char *path)
{
	char start[80];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, start, sizeof(start));
	const char *end = got > 0 ? memchr(start, '\n', (size_t)got) : NULL;

	fd_close(&fd);
	return got >= 0 && !memchr(start, '\0', (size_t)(end ? end - start : got));
}

int spawn_exec(const char *path, char *const *argv)
{
	size_t count = 0;
	char **words, *script;
	int error;

	execv(path, argv);
	error = -errno;
	if (error != -ENOEXEC || !is_script(path))
		return error;
	while (argv[count])
		count++;
	words = calloc(count + 2, sizeof(*words));
	/* what begins with '-' would be an option */
	if (!words || asprintf(&script, "%s%s", *path == '-' ? "./" : "", path) < 0)
		return -ENOMEM;
	words[0] = argv[0];
	words[1] = script;
	for (size_t i = 1; i < count; i++)
		words[i + 1] = argv[i];
	execv("/bin/sh", words);
	return -ENOEXEC;
}

/* The environment */

static void set_text(const char *prefix, const char *name, const char *text)
{
	char whole[40];

	snprintf(whole, sizeof(whole), "%s%s", prefix, name);
	setenv(whole, text, 1);
}

static void set_number(const char *prefix, const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	set_text(prefix, name, text);
}

static void set_vsock(const char *prefix, const char *cid_name, const char *port_name,
		      const struct peer *peer)
{
	set_number(prefix, cid_name, peer->u.vsock.cid);
	set_number(prefix, port_name, peer->u.vsock.port);
}

static void set_tcp(const char *prefix, const char *ip_name, const char *port_name,
		    const struct peer *peer)
{
	char ip[INET6_ADDRSTRLEN];

	inet_ntop(peer->u.tcp.v6 ? AF_INET6 : AF_INET, &peer->u.tcp.ip, ip, sizeof(ip));
	set_text(prefix, ip_name, ip);
	set_number(prefix, port_name, peer->u.tcp.port);
}

/* Not of an abstract socket. */
static void set_path(const char *prefix, const char *name, const char *path)
{
	if (*path && *path != '@')
		set_text(prefix, name, path);
}

/* What concerns only the process that systemd started. Credentials and directories, for instance,
 * are for its commands too. */
static void unset_ours(void)
{
	static const char *const unwanted[] = {
		"LISTEN_PID",	"LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET",
		"WATCHDOG_PID", "WATCHDOG_USEC",  "MAINPID",	"FDSTORE",
	};

	for (size_t i = 0; i < ARRAY_SIZE(unwanted); i++)
		unsetenv(unwanted[i]);
}

static void set_real(const struct ends *header, uint64_t connections)
{
	const struct peer *peer = &header->from.peer;

	switch (peer->family) {
	case ADDR_VSOCK:
		setenv("PROTO", "VSOCK", 1);
		set_vsock("", "VSOCKREMOTECID", "VSOCKREMOTEPORT", peer);
		set_vsock("", "VSOCKLOCALCID", "VSOCKLOCALPORT", &header->to.peer);
		set_number("", "VSOCKCONNNUM", connections);
		break;
	case ADDR_TCP:
		setenv("PROTO", peer->u.tcp.v6 ? "TCP6" : "TCP", 1);
		set_tcp("", "TCPREMOTEIP", "TCPREMOTEPORT", peer);
		set_tcp("", "TCPLOCALIP", "TCPLOCALPORT", &header->to.peer);
		set_number("", "TCPCONNNUM", connections);
		break;
	default:
		setenv("PROTO", "UNIX", 1);
		set_number("", "UNIXREMOTEPID", (uint64_t)peer->u.local.pid);
		set_number("", "UNIXREMOTEEUID", peer->u.local.uid);
		set_number("", "UNIXREMOTEEGID", peer->u.local.gid);
		set_number("", "UNIXCONNNUM", connections);
		set_path("", "UNIXLOCALPATH", header->to.path);
		break;
	}
}

#define TOLD "PROXY_"

/* What it says of one end may be missing. */
static void set_told(const struct ends *header)
{
	const struct one_end *from = &header->from, *to = &header->to;

	switch (header->local ? ADDR_NONE : from->peer.family) {
	case ADDR_VSOCK:
		set_text(TOLD, "PROTO", "VSOCK");
		set_vsock(TOLD, "VSOCKREMOTECID", "VSOCKREMOTEPORT", &from->peer);
		if (to->peer.family == ADDR_VSOCK)
			set_vsock(TOLD, "VSOCKLOCALCID", "VSOCKLOCALPORT", &to->peer);
		break;
	case ADDR_TCP:
		set_text(TOLD, "PROTO", from->peer.u.tcp.v6 ? "TCP6" : "TCP");
		set_tcp(TOLD, "TCPREMOTEIP", "TCPREMOTEPORT", &from->peer);
		if (to->peer.family == ADDR_TCP)
			set_tcp(TOLD, "TCPLOCALIP", "TCPLOCALPORT", &to->peer);
		break;
	case ADDR_UNIX:
		set_text(TOLD, "PROTO", "UNIX");
		set_path(TOLD, "UNIXREMOTEPATH", from->path);
		set_path(TOLD, "UNIXLOCALPATH", to->path);
		break;
	default:
		set_text(TOLD, "PROTO", header->local ? "LOCAL" : "UNKNOWN");
		break;
	}
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* Does a variable describe a client? These are the UCSPI variables of any family (TCPREMOTEHOST,
 * UNIXLOCALPATH, SSLREMOTEIP), with or without "PROXY_", and those of inetd. */
static bool tells_client(const char *variable)
{
	static const char *const families[] = { "VSOCK", "TCP", "UDP", "UNIX", "SSL" };
	static const char *const others[] = { "PROTO=", "REMOTE_ADDR=", "REMOTE_PORT=",
					      "REMOTE_HOST=", "SSL_CLIENT_" };

	if (begins(variable, TOLD))
		variable += strlen(TOLD);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (begins(variable, others[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		const char *rest = variable + strlen(families[i]);

		if (begins(variable, families[i]) &&
		    (begins(rest, "REMOTE") || begins(rest, "LOCAL") || begins(rest, "CONN")))
			return true;
	}
	return false;
}

/* What was inherited is true of another client, or of none. */
static void unset_clients(void)
{
	for (char **at = environ; at && *at;) {
		char *name = tells_client(*at) ? strndup(*at, strcspn(*at, "=")) : NULL;

		at = name && unsetenv(name) == 0 ? environ : at + 1; /* it may have moved */
		free(name);
	}
}

static void set_environment(const struct spawn_client *client)
{
	unset_clients();
	set_real(&client->real, client->connections);
	if (client->told.version)
		set_told(&client->told);
}

void spawn_describe(int fd, const struct peer *peer, uint64_t connections)
{
	struct spawn_client client = { .connections = connections };

	ends_of_socket(fd, peer, &client.real);
	set_environment(&client);
}

/* To the operator, because standard output belongs to the peer. */
static _Noreturn void cannot_run(const char *what, int error)
{
	log_error("%s: %s", what, strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

void spawn_reset(const struct loop *loop)
{
	fd_limit_restore();
	signal(SIGCHLD, SIG_DFL);
	loop_child(loop);
}

static _Noreturn void execute(const struct loop *loop, const struct spawn *spawn)
{
	unset_ours();
	if (spawn->directory && fchdir(spawn->directory) < 0)
		cannot_run("--chdir", errno);
	if (spawn->user) {
		int error = user_become(spawn->user);

		if (error)
			cannot_run("--user", -error);
	}
	spawn_reset(loop);
	cannot_run(spawn->path, -spawn_exec(spawn->path, spawn->argv));
}

static _Noreturn void become(const struct loop *loop, const struct spawn *spawn, int fd)
{
	/* cat, sh and git fail with EAGAIN otherwise; the socket is the child's alone from now on
	 */
	fd_nonblock(fd, false);
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		cannot_run("standard input and output", errno);
	execute(loop, spawn);
}

pid_t spawn_on_socket(const struct loop *loop, const struct spawn *spawn, int fd,
		      const struct peer *peer, uint64_t connections)
{
	pid_t pid = fork();

	if (pid == 0) {
		spawn_describe(fd, peer, connections);
		become(loop, spawn, fd);
	}
	return pid < 0 ? -errno : pid;
}

pid_t spawn_on_terminal(const struct loop *loop, const struct spawn *spawn, int fd,
			const struct peer *peer, uint64_t connections, const struct winsize *size,
			int *master)
{
	int error;
	pid_t pid = forkpty(master, NULL, NULL, size);

	if (pid == 0) {
		spawn_describe(fd, peer, connections);
		/* what the far end has is not known; nothing is sure to be understood more widely
		 */
		setenv("TERM", "xterm", 0);
		execute(loop, spawn);
	}
	if (pid < 0)
		return -errno;
	error = fd_cloexec(*master, true);
	if (!error)
		error = fd_nonblock(*master, true);
	if (error)
		fd_close(master); /* the child gets SIGHUP */
	return error ? error : pid;
}

/* exec: addresses */

static int prepare(const char *command, char ***words, char **path)
{
	int error = addr_exec_words(command, words);

	if (error)
		return error;
	error = **words ? spawn_find(**words, path) : -EINVAL;
	if (error)
		free(*words);
	return error;
}

int spawn_check(const char *command)
{
	char **words, *path;
	int error = prepare(command, &words, &path);

	if (error)
		return error;
	free(path);
	free(words);
	return 0;
}

int spawn_connected(const struct loop *loop, const char *command, const struct spawn_client *client,
		    const struct user *user, pid_t *pid)
{
	int pair[2], error;
	char **words, *path;

	error = prepare(command, &words, &path);
	if (error)
		return error;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error = -errno;
	} else {
		*pid = fork();
		if (*pid == 0 && client)
			set_environment(client);
		if (*pid == 0)
			become(loop,
			       &(const struct spawn){ .argv = words, .path = path, .user = user },
			       pair[1]);
		error = *pid < 0 ? -errno : fd_nonblock(pair[0], true);
		close(pair[1]);
		if (error)
			close(pair[0]);
	}
	free(path);
	free(words);
	return error ? error : pair[0];
}
