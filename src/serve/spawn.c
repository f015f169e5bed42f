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
#include <sys/un.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"

static int runnable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
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

	if (strchr(name, '/')) {
		int error = runnable(name);

		return error ? (error == -EACCES ? -EACCES : -ENOENT) : keep(name, path);
	}
	for (const char *part = search ? search : "/usr/bin:/bin"; *part;) {
		size_t length = strcspn(part, ":");
		char candidate[4096];

		snprintf(candidate, sizeof(candidate), "%.*s/%s", (int)length, length ? part : ".", name);
		switch (runnable(candidate)) {
		case 0:
			return keep(candidate, path);
		case -EACCES:
			verdict = -EACCES; /* there, but it can't be run; another may */
			break;
		default:
			break;
		}
		part += length + (part[length] == ':');
	}
	return verdict;
}

/* The environment */

static void set_number(const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	setenv(name, text, 1);
}

static void set_tcp(const char *ip_name, const char *port_name, const struct peer *peer)
{
	char ip[INET6_ADDRSTRLEN];

	inet_ntop(peer->u.tcp.v6 ? AF_INET6 : AF_INET, &peer->u.tcp.ip, ip, sizeof(ip));
	setenv(ip_name, ip, 1);
	set_number(port_name, peer->u.tcp.port);
}

static void set_local_path(int fd)
{
	struct sockaddr_un un;
	socklen_t size = sizeof(un);

	memset(&un, 0, sizeof(un));
	if (getsockname(fd, (struct sockaddr *)&un, &size) < 0)
		return;
	if (*un.sun_path)
		setenv("UNIXLOCALPATH", un.sun_path, 1);
}

static void unset_ours(void)
{
	static const char *const unwanted[] = {
		"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "MAINPID", "FDSTORE",
	};

	for (size_t i = 0; i < sizeof(unwanted) / sizeof(*unwanted); i++)
		unsetenv(unwanted[i]);
}

static void set_environment(int fd, const struct peer *peer, uint64_t connections)
{
	struct peer local;

	peer_of_local(fd, &local);
	switch (peer->family) {
	case ADDR_VSOCK:
		setenv("PROTO", "VSOCK", 1);
		set_number("VSOCKREMOTECID", peer->u.vsock.cid);
		set_number("VSOCKREMOTEPORT", peer->u.vsock.port);
		set_number("VSOCKLOCALCID", local.u.vsock.cid);
		set_number("VSOCKLOCALPORT", local.u.vsock.port);
		set_number("VSOCKCONNNUM", connections);
		break;
	case ADDR_TCP:
		setenv("PROTO", peer->u.tcp.v6 ? "TCP6" : "TCP", 1);
		set_tcp("TCPREMOTEIP", "TCPREMOTEPORT", peer);
		set_tcp("TCPLOCALIP", "TCPLOCALPORT", &local);
		set_number("TCPCONNNUM", connections);
		break;
	default:
		setenv("PROTO", "UNIX", 1);
		set_number("UNIXREMOTEPID", (uint64_t)peer->u.local.pid);
		set_number("UNIXREMOTEEUID", peer->u.local.uid);
		set_number("UNIXREMOTEEGID", peer->u.local.gid);
		set_number("UNIXCONNNUM", connections);
		set_local_path(fd);
		break;
	}
}

/* To the operator; what is behind standard output is the peer's. */
static _Noreturn void cannot_run(const char *what, int error)
{
	log_error("%s: %s", what, strerror(error));
	_exit(error == ENOENT ? 127 : 126);
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
	fd_limit_restore();
	signal(SIGCHLD, SIG_DFL);
	loop_child(loop);
	execv(spawn->path, spawn->argv);
	cannot_run(spawn->path, errno);
}

static _Noreturn void become(const struct loop *loop, const struct spawn *spawn, int fd)
{
	/* cat, sh and git fail with EAGAIN otherwise; the socket is the child's alone from now on */
	fd_nonblock(fd, false);
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0)
		_exit(126);
	execute(loop, spawn);
}

pid_t spawn_on_socket(const struct loop *loop, const struct spawn *spawn, int fd, const struct peer *peer, uint64_t connections)
{
	pid_t pid = fork();

	if (pid == 0) {
		set_environment(fd, peer, connections);
		become(loop, spawn, fd);
	}
	return pid < 0 ? -errno : pid;
}

pid_t spawn_on_terminal(const struct loop *loop, const struct spawn *spawn, int fd, const struct peer *peer,
                        uint64_t connections, const struct winsize *size, int *master)
{
	int error;
	pid_t pid = forkpty(master, NULL, NULL, size);

	if (pid == 0) {
		set_environment(fd, peer, connections);
		/* what the far end has is not known; nothing is sure to be understood more widely */
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

int spawn_connected(const struct loop *loop, const char *command)
{
	return spawn_connected_as(loop, command, NULL);
}

int spawn_connected_as(const struct loop *loop, const char *command, const struct user *user)
{
	int pair[2], error;
	char **words, *path;
	pid_t pid;

	error = prepare(command, &words, &path);
	if (error)
		return error;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error = -errno;
	} else {
		pid = fork();
		if (pid == 0)
			become(loop, &(const struct spawn){ .argv = words, .path = path, .user = user }, pair[1]);
		error = pid < 0 ? -errno : fd_nonblock(pair[0], true);
		close(pair[1]);
		if (error)
			close(pair[0]);
	}
	free(path);
	free(words);
	return error ? error : pair[0];
}
