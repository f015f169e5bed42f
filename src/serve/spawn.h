/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spawn: runs a COMMAND on a socket, as ucspi does: the socket itself is its standard input and output, and the
 * environment says who is at the other end. Nothing is relayed. Or runs that of an exec: address on a socket of its own.
 *
 * What the child gets back as it was before us: signal mask and dispositions, SIGPIPE's default, the soft limit of
 * descriptors; the socket blocking; no other descriptor of ours (all are close-on-exec); LISTEN_*, NOTIFY_SOCKET
 * and WATCHDOG_* unset.
 */
#ifndef SERVE_SPAWN_H
#define SERVE_SPAWN_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/ioctl.h>

#include "net/addr.h"
#include "net/peer.h"
#include "net/proxy-header.h"
#include "relay/loop.h"
#include "serve/user.h"

struct spawn {
	char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const char *path;  /* what spawn_find() found */
	int directory;     /* a descriptor of where it runs; 0: where we are */
	const struct user *user; /* whom it runs as; NULL, or one without a name: who we are */
};

/* Who is at the other end of a connection, for the environment. */
struct spawn_client {
	struct proxy_header real; /* the ends of the socket that was accepted */
	struct proxy_header told; /* what its PROXY header said; version 0: there was none */
	uint64_t connections;     /* open ones, this included */
};

/* Finds the program: 0 with *path (malloc'ed), -ENOENT or -EACCES (exit status 127 and 126). */
int spawn_find(const char *name, char **path);

/* The environment of ucspi (PROTO, VSOCKREMOTECID, …, VSOCKCONNNUM, and TCP or UNIX equivalents) is set for the child.
 * connections: open ones, this included. The child's pid or a negative errno; fd stays the caller's. */
pid_t spawn_on_socket(const struct loop *loop, const struct spawn *spawn, int fd, const struct peer *peer, uint64_t connections);

/* The same on a new terminal, of that size, which becomes its standard input, output and error: *master is the other side,
 * non-blocking. fd is looked at for the environment. */
pid_t spawn_on_terminal(const struct loop *loop, const struct spawn *spawn, int fd, const struct peer *peer,
                        uint64_t connections, const struct winsize *size, int *master);

/* For dialer_exec(): runs the words of an exec: address on one end of a socket pair, and returns the other, non-blocking. A
 * negative errno: -ENOENT and -EACCES from spawn_find(). */
int spawn_connected(const struct loop *loop, const char *command);
/* The same for a client, whom the environment names (PROTO, …, and PROXY_PROTO, … of what its PROXY header said), as another
 * user, or NULL. */
int spawn_connected_for(const struct loop *loop, const char *command, const struct spawn_client *client, const struct user *user);
/* Can the command of an exec: address be run? 0, -ENOENT, -EACCES, -EINVAL. */
int spawn_check(const char *command);

#endif
