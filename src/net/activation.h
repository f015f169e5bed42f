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
 * To be called once, before the program opens anything: notes which descriptors it was started
 * with, of which no other is ever found here, and makes those that systemd passed close-on-exec. 0;
 * -E2BIG: $LISTEN_FDS says more than a process may have; or another negative errno.
 */
int activation_start(void);
/* Was the program started with this descriptor? Always true of 0, 1 and 2. */
bool activation_inherited(int fd);
/* It is not one of them: the program that was here before has left it for purposes of its own. */
void activation_forget(int fd);
/* Leaves it to the next program (execve(2)), if this one was started with it. */
void activation_leave(int fd);
/* An address that the program uses: if it is fd:, its descriptors are used. */
void activation_use(const struct addr *addr);
/* Writes the next descriptor that systemd passed and nothing uses, "fd:4 (admin)", to text; start
 * with *at 0. False: there are no more. */
bool activation_unused(size_t *at, char *text, size_t size);

/*
 * Finds the descriptors of an fd: address: one for a number, or all with a name. Writes at most
 * room duplicates to fds, which are close-on-exec and the caller's to close. Returns their number,
 * or -EBADF (no such descriptor was passed), -ENOTSOCK, -ENOENT (no such name was passed) or -E2BIG
 * (too many with this name).
 */
int activation_find(const struct addr *addr, int *fds, size_t room);

#define ACTIVATION_MAX 64 /* the most sockets of one name that a listener takes */

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
