/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * manager: what a server tells its service manager, in order, without making the event loop wait.
 *
 * Theory of operation: the queue of the manager's socket is short (net.unix.max_dgram_qlen, 10 by
 * default), and a manager that is busy or stopped takes nothing. A message that it does not take at
 * once, or that memory or descriptors are too short for, waits here, all later ones behind it, and
 * a timer tries again. When the program ends, what still waits is sent for 5 s at most.
 */
#ifndef SERVE_MANAGER_H
#define SERVE_MANAGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay/loop.h"

#define MANAGER_WAITING_MAX 1024 /* messages; then the oldest is given up */

struct manager_message;

struct manager {
	struct loop *loop; /* the caller's */
	struct manager_message *first, *last; /* waiting for room, oldest first */
	size_t waiting;
	struct timer again;
	uint64_t since; /* ns: when the first of them came */
	bool left, complained;
	/* There may be room for descriptors that manager_keep() refused; may be NULL. */
	void (*roomy)(struct manager *manager);
	bool refused;
};

/* Sends lines ("READY=1\nSTATUS=listening"), now or when the manager has room for them; without
 * $NOTIFY_SOCKET it does nothing. A failure is reported, and is no reason to end. */
void manager_tell(struct manager *manager, const char *lines);
/* Sends "WATCHDOG=1" if there is room: the next one follows in time. */
void manager_alive(struct manager *manager);
/* Has the manager keep copies of these descriptors under a name (notify_keep()). -EAGAIN: it has no
 * room, and roomy() is called later. */
int manager_keep(struct manager *manager, const char *name, const int *fds, size_t count);
/* Has the manager close the descriptors that it keeps under that name. */
void manager_drop(struct manager *manager, const char *name);
/* Another process speaks from now on: only what waits already is sent. */
void manager_leave(struct manager *manager);
/* Sends what waits, for 5 s at most, and forgets the rest with a warning. It keeps the loop
 * waiting: at the end, and where the order of two processes' messages matters. */
void manager_finish(struct manager *manager);

#endif
