/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spawn: runs a COMMAND on a socket as UCSPI servers do: the socket itself is its standard input
 * and output, and the environment describes the peer. Nothing is relayed. It also runs the command
 * of an exec: address on a socket pair.
 *
 * The child starts in a clean state: signal mask, dispositions and the soft limit of descriptors as
 * we inherited them, SIGPIPE at its default, a blocking socket, none of our other descriptors (all
 * are close-on-exec), and LISTEN_*, NOTIFY_SOCKET and WATCHDOG_* unset.
 */
#ifndef SERVE_SPAWN_H
#define SERVE_SPAWN_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/ioctl.h>

#include "net/addr.h"
#include "net/ends.h"
#include "net/peer.h"
#include "relay/loop.h"
#include "serve/user.h"

struct spawn {
	char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const char *path; /* from spawn_find() */
	int directory; /* a descriptor of its working directory; 0: ours */
	const struct user *user; /* the user it runs as; NULL, or one without a name: ours */
};

/* The peer of a connection, for the environment. */
struct spawn_client {
	struct ends real; /* the ends of the socket that was accepted */
	struct ends told; /* the ends from its PROXY header; version 0: there was none */
	uint64_t connections; /* open connections, including this one */
};

/* Finds the program in PATH. 0 with *path, which the caller frees, or -ENOENT (exit status
 * 127), -EACCES or -EISDIR (126). */
int spawn_find(const char *name, char **path);

/* Runs the command with the UCSPI environment (PROTO, VSOCKREMOTECID, …, VSOCKCONNNUM, and their
 * TCP or UNIX equivalents). connections is the number of open ones, including this one. Returns the
 * child's pid or a negative errno; fd stays the caller's. */
pid_t spawn_on_socket(const struct loop *loop, const struct spawn *spawn, int fd,
		      const struct peer *peer, uint64_t connections);

/* The same on a new terminal of that size, which becomes standard input, output and error; *master
 * is its other side, non-blocking. fd is only used for the environment. */
pid_t spawn_on_terminal(const struct loop *loop, const struct spawn *spawn, int fd,
			const struct peer *peer, uint64_t connections, const struct winsize *size,
			int *master);

/* Parts of these, for a child that a program forks itself. The UCSPI environment. */
void spawn_describe(int fd, const struct peer *peer, uint64_t connections);
/* The clean state, except the environment and descriptors 0 to 2. */
void spawn_reset(const struct loop *loop);
/* As execv(3), but a text in no format that the kernel knows is a script for sh. execvp(3) does the
 * same, and with binaries too. Returns a negative errno. */
int spawn_exec(const char *path, char *const *argv);

/* Runs the command of an exec: address on one end of a socket pair, and returns the other end,
 * non-blocking, or a negative errno (those of spawn_find() too). The environment
 * describes the client (PROTO, …, and PROXY_PROTO, … from its PROXY header), unless it is NULL;
 * user NULL is ours. *pid is the process. */
int spawn_connected(const struct loop *loop, const char *command, const struct spawn_client *client,
		    const struct user *user, pid_t *pid);
/* Can the command of an exec: address be run? 0, an error of spawn_find(), or -EINVAL. */
int spawn_check(const char *command);

#endif
