/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * inherited: listening sockets that outlive a process. They come from the previous process during a
 * restart, or from the service manager (systemd's file descriptor store). A listener for the same
 * address takes them over, so that no client waiting in a backlog is lost.
 *
 * Theory of operation: each socket has a name, which is made from the address that a rule listens
 * on (without options, because those may change) and from the device and inode of the socket file,
 * if any: "inherited.0.0.tcp%3alocalhost%3a80", "inherited.fe01.4d2.unix%3a/run/front". Both
 * processes derive the name from an address, so the name is all they exchange. If the socket file
 * was removed or replaced, the name differs: nobody can reach that socket any more, so it is not
 * taken.
 */
#ifndef SERVE_INHERITED_H
#define SERVE_INHERITED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "net/addr.h"
#include "net/socket.h"

#define INHERITED_NAME_MAX 256 /* with the NUL; systemd's limit for the name of a descriptor */

struct inherited_socket {
	int fd; /* owned; -1: taken */
	bool wanted;
	char name[INHERITED_NAME_MAX];
};

struct manager;

struct inherited {
	struct inherited_socket *sockets; /* owned */
	size_t count;
};

/* Writes the name for the sockets of an address and their socket file (0, 0: none) to buf, which
 * has INHERITED_NAME_MAX bytes, and returns buf. */
char *inherited_name(const struct addr *addr, dev_t device, ino_t inode, char *buf);

/* Finds the sockets that the service manager has stored. 0 or a negative errno. */
int inherited_find(struct inherited *inherited);
/* Reads a list of sockets, one "FD NAME" per line, from the start of a file. 0 or a negative errno;
 * -EPROTO: the file is not such a list. */
int inherited_read(struct inherited *inherited, int fd);
/* One for an address, as it would be bound to that place (a port 0 is any): its descriptor,
 * close-on-exec, the caller's; or -1. kept may be NULL. */
int inherited_take(struct inherited *inherited, const struct addr *addr, const struct place *place);
/* Is this socket bound to that place? Port 0 matches any port; UNIX and vsock sockets always match.
 */
bool inherited_is_bound_to(int fd, const struct place *place);
/* Marks the sockets of that address as wanted: a listener for it will be opened. */
void inherited_want(struct inherited *inherited, const struct addr *addr);
/* Closes those that nobody wants, or all that nobody has taken, and removes their socket files. The
 * manager, if not NULL, is to drop its copies. How many there were. */
size_t inherited_drop(struct inherited *inherited, bool unwanted_only, struct manager *manager);
void inherited_free(struct inherited *inherited);

#endif
