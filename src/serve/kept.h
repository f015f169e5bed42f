/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kept: listening sockets that outlive a process: handed over by the one that this one follows, or kept by the service manager
 * (the file descriptor store of systemd). Who listens on the same address takes them, so that nobody who waits in their
 * backlog is lost.
 *
 * Theory of operation: each has a name, made of what a rule listens on (without options, so that those may change) and of
 * the socket file, if there is one: "kept.0.0.tcp%3alocalhost%3a80", "kept.fe01.4d2.unix%3a/run/front". Both sides make it
 * from an address, so that nobody has to tell more. A file that was removed or replaced gives another name: its socket
 * is one that nobody can reach, and is not taken.
 */
#ifndef SERVE_KEPT_H
#define SERVE_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "net/addr.h"
#include "net/socket.h"

#define KEPT_NAME_MAX 256 /* with its NUL: what systemd lets a descriptor be called */

struct kept_socket {
	int fd; /* owned; -1: it was taken */
	bool wanted;
	char name[KEPT_NAME_MAX];
};

struct kept {
	struct kept_socket *sockets; /* owned */
	size_t count;
};

/* The name of an address's sockets, whose file is this one (0, 0: none). Returns buf, of KEPT_NAME_MAX. */
char *kept_name(const struct addr *addr, dev_t device, ino_t inode, char *buf);

/* Those that the service manager has kept. 0 or a negative errno. */
int kept_find(struct kept *kept);
/* Those of a list, "FD NAME" a line, in a file that is read from its beginning. Likewise; -EPROTO: it is no such list. */
int kept_read(struct kept *kept, int fd);
/* One for an address, as it would be bound to that place (a port 0 is any): its descriptor, close-on-exec, the caller's;
 * or -1. kept may be NULL. */
int kept_take(struct kept *kept, const struct addr *addr, const struct place *place);
/* Somebody is going to listen on that address. */
void kept_want(struct kept *kept, const struct addr *addr);
/* Closes those that nobody wants, or all that nobody has taken, and removes their socket files; tell: the service manager
 * is to forget them. How many there were. */
size_t kept_drop(struct kept *kept, bool unwanted_only, bool tell);
void kept_free(struct kept *kept);

#endif
