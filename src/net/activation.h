/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * activation: sockets that the program was started with, found by number (inetd, a shell) or by
 * name with systemd's socket activation (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES).
 */
#ifndef NET_ACTIVATION_H
#define NET_ACTIVATION_H

#include <stdbool.h>
#include <stddef.h>

#include "net/addr.h"

#define ACTIVATION_FIRST 3 /* the number of the first descriptor that systemd passes */

/*
 * Finds the descriptors of an fd: address: one for a number, or all with a name. Writes at most
 * room duplicates to fds, which are close-on-exec and the caller's to close. Returns their number,
 * or -EBADF (no such descriptor), -ENOTSOCK or -ENOENT (no such name was passed).
 */
int activation_find(const struct addr *addr, int *fds, size_t room);

/* The one socket of an fd: address to connect to: a duplicate as above. Also -ENOTUNIQ (several
 * have this name), -ENOTCONN (it is not connected) or -EPROTOTYPE (it is for datagrams). */
int activation_connected(const struct addr *addr);

/* Are these datagram sockets? The first one of the address decides; false if there is none. */
bool activation_is_datagram(const struct addr *addr);

/* How many descriptors systemd passed, from ACTIVATION_FIRST on; 0 if they are not for this
 * process. */
size_t activation_count(void);

/*
 * Takes the next descriptor whose name begins with prefix, and copies its name; start with *at 0.
 * The caller owns it, and closing it closes the socket, because its old number becomes /dev/null.
 * -ENOENT: there are no more.
 */
int activation_take(const char *prefix, size_t *at, char *name, size_t size);

#endif
