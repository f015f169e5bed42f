/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * activation: sockets that we were started with: by number (inetd, a shell), or by name under systemd's socket activation
 * (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES).
 */
#ifndef NET_ACTIVATION_H
#define NET_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "net/addr.h"

#define ACTIVATION_FIRST 3 /* the number of the first that systemd passes */

/*
 * The descriptors that an fd: address means: one for a number, all of that name for a name. At most room of them are
 * written to fds; returns how many, or -EBADF (no such descriptor), -ENOTSOCK, -ENOENT (no such name was passed).
 * Duplicates, close-on-exec, the caller's.
 */
int activation_find(const struct addr *addr, int *fds, size_t room);

/* Are they for datagrams? The first that the address means counts; false where there is none. */
bool activation_is_datagram(const struct addr *addr);

/* How many were passed by systemd, from ACTIVATION_FIRST on; 0 where we are not meant. */
size_t activation_count(void);

/*
 * The next descriptor whose name begins with prefix, and its name; begin with *at 0. It is the caller's: closing it closes the
 * socket, for what had its number is /dev/null from then on. -ENOENT: there are no more.
 */
int activation_take(const char *prefix, size_t *at, char *name, size_t size);

#endif
